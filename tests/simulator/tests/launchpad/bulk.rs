//! Bulk answers.

use serde_json::{Value, json};

use crate::client::{delete, found, invite, joined, post, put, space};

fn batch() -> Value {
    json!([
        invite("new@example.com", "reader"),
        invite("owner@example.com", "reader"),
        invite("new@example.com", "reader")
    ])
}

#[tokio::test]
async fn every_item_has_its_own_fate() {
    let space = space().await;
    let (status, answer) = post(&space, "/invites?failAllOnError=False", batch()).await;
    assert_eq!((status, answer["successes"].as_array().unwrap().len()), (200, 1));
    let errors = answer["errors"].as_array().unwrap();
    assert_eq!(
        (&errors[0]["email"], &errors[1]["email"]),
        (&json!("owner@example.com"), &json!("new@example.com"))
    );
    assert!(errors.iter().all(|error| error["message"].is_string()));
    let (_, answer) = delete(
        &space,
        "/invites",
        json!({"emails": ["new@example.com", "nobody@example.com"]}),
    )
    .await;
    assert_eq!(answer["successes"][0]["email"], "new@example.com");
    assert_eq!(answer["errors"][0]["email"], "nobody@example.com");
    let unknown = json!([{"id": "no-such-id", "profile": {"name": "reader"}}]);
    for path in ["/invites", "/users"] {
        assert_eq!(
            put(&space, path, unknown.clone()).await.1["errors"][0]["id"],
            "no-such-id"
        );
    }
}

#[tokio::test]
async fn an_atomic_batch_that_fails_leaves_nothing_and_has_the_status_of_the_switch() {
    let space = space().await;
    let user = joined(&space, "jane@example.com").await;
    let (status, answer) = post(&space, "/invites?failAllOnError=True", batch()).await;
    assert_eq!((status, &answer["successes"]), (200, &json!([])));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 2);
    space.switch("A45", json!(422)).unwrap();
    let (status, answer) = post(&space, "/invites?failAllOnError=true", batch()).await;
    assert_eq!(status, 422);
    assert!(answer["errors"]["json"]["1"]["email"].is_array());
    assert_eq!(space.state_at("/invites").unwrap(), json!({}));

    let emails = json!({"emails": ["jane@example.com", "nobody@example.com"]});
    assert_eq!(delete(&space, "/users?failAllOnError=True", emails).await.0, 422);
    assert_eq!(
        found(&space, "/users/search", json!({"emails": ["jane@example.com"]})).await,
        [user]
    );
    let good = json!([invite("a@example.com", "reader"), invite("b@example.com", "reader")]);
    let (status, answer) = post(&space, "/invites?failAllOnError=True", good).await;
    assert_eq!((status, answer["successes"].as_array().unwrap().len()), (200, 2));
}

#[tokio::test]
async fn a_half_failed_batch_keeps_the_other_half() {
    let space = space().await;
    space.fault(json!({"match": {"operation": "L3"}, "fault": {"kind": "halfFailedBulk"}}));
    let four: Vec<Value> = (0..4)
        .map(|number| invite(&format!("u{number}@example.com"), "reader"))
        .collect();
    let (_, answer) = post(&space, "/invites", json!(four)).await;
    assert_eq!(answer["successes"].as_array().unwrap().len(), 2);
    assert_eq!(answer["errors"][0]["email"], "u1@example.com");
    assert_eq!(space.state_at("/invites").unwrap().as_object().unwrap().len(), 2);
}
