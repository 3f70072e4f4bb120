//! Nodes and their types.

use serde_json::json;

use crate::client::{found, post, space};

#[tokio::test]
async fn nodes_are_found_by_type() {
    let space = space().await;
    let all = found(&space, "/nodes/search", json!({"type": null})).await;
    assert!(all.contains(&json!({"name": "design-0", "type": "design"})), "{all:?}");
    let govern = found(&space, "/nodes/search", json!({"type": "govern"})).await;
    assert_eq!(govern, [json!({"name": "govern-0", "type": "govern"})]);
    let dataiku = found(&space, "/nodes/search", json!({"type": "dataiku"})).await;
    assert_eq!(dataiku.len() + 1, all.len());
    let automation = found(&space, "/nodes/search", json!({"type": "automation"})).await;
    assert_eq!(automation, [json!({"name": "automation-0", "type": "automation"})]);
    let (status, answer) = post(&space, "/nodes/search", json!({"type": "no-such-type"})).await;
    assert_eq!(status, 422);
    assert!(answer["errors"]["json"]["type"].is_array());
}
