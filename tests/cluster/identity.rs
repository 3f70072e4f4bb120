//! Another node behind the URL than the one that is meant.

use serde_json::json;
use testbed::simulator::{InstanceConfig, Product, Simulator};

use crate::ground::Ground;
use crate::{
    bed::{LOG, PATIENCE, group, message, object, user},
    connection::{Connection, credentials},
};

in_memory!(a_node_of_another_product_is_invalid_and_nothing_is_written);
async fn a_node_of_another_product_is_invalid_and_nothing_is_written(ground: &Ground) {
    for (meant, found, words) in [
        (Product::Dss, Product::Govern, ["Govern", "DSS"]),
        (Product::Govern, Product::Dss, ["DSS", "Govern"]),
    ] {
        let bed = ground.start_for(meant, "product", &[], LOG).await;
        let simulator = Simulator::start().await.unwrap();
        let other = simulator.instance(InstanceConfig::new(found)).await.unwrap();
        let connection = Connection::to(meant);
        bed.namespace
            .secret(&connection.secret(), &credentials(&other))
            .await
            .unwrap();
        bed.apply(&bed.connection_with(json!({ "url": other.url() }))).await;
        let dependent = match meant {
            Product::Dss => user("jane", json!({})),
            _ => object(
                "GovernRoleAssignment",
                "jane",
                json!({
                    "instanceRef": { "name": "govern" }, "blueprintId": "bp.any", "roleId": "ro.any",
                    "rules": [{ "users": ["jane"] }],
                }),
            ),
        };
        bed.apply(&dependent).await;
        let refused = bed.wait(connection.kind, connection.name, "Ready=False/Invalid").await;
        let message = message(&refused);
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
        let kind = dependent["kind"].as_str().unwrap();
        bed.wait(kind, "jane", "Ready=False/DependencyNotReady").await;
        assert_eq!(other.writes(), 0, "{:?}", other.requests().counts);
    }
}

in_memory!(another_node_behind_the_same_url_gets_nothing_until_somebody_says_so);
async fn another_node_behind_the_same_url_gets_nothing_until_somebody_says_so(ground: &Ground) {
    let bed = ground.ready("swapped").await;
    bed.namespace
        .secret("login", &[("password", "pass-phrase")])
        .await
        .unwrap();
    let jane =
        json!({ "sourceType": "LOCAL", "passwordSecretRef": { "name": "login" }, "groups": [{ "name": "analysts" }] });
    bed.apply(&group("analysts", json!({}))).await;
    bed.apply(&user("jane", jane.clone())).await;
    bed.apply(&user("leaver", json!({ "deletionPolicy": "Delete" }))).await;
    let theirs = json!({ "login": "adopted", "sourceType": "LOCAL_NO_AUTH", "displayName": "Theirs" });
    bed.remote
        .patch_state(json!({ "users": { "adopted": theirs } }))
        .unwrap();
    bed.sweeps(1).await;
    bed.apply(&user("adopted", json!({ "adoptionPolicy": "Adopt" }))).await;
    for name in ["jane", "leaver", "adopted"] {
        bed.wait("DssUser", name, "Ready=True/InSync").await;
    }
    let first = bed.namespace.get("DssInstance", "design").await.unwrap()["status"]["node"]["id"].clone();
    assert!(first.is_string());

    bed.remote.reset_requests();
    bed.remote.act("swapNode", &json!({})).unwrap();
    bed.wait("DssInstance", "design", "Ready=False/AwaitingAcknowledgement")
        .await;
    bed.namespace.delete("DssUser", "leaver").await.unwrap();
    bed.sweeps(2).await;
    assert_eq!(bed.remote.writes(), 0, "{:?}", bed.remote.requests().counts);
    assert!(bed.user("jane").is_none());
    let leaver = bed.namespace.find("DssUser", "leaver").await.unwrap();
    assert!(leaver.is_some(), "a deletion waits for the node that has the user");

    // The node comes back, and everything goes on with it.
    bed.remote.act("swapNode", &json!({})).unwrap();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    bed.namespace.wait_gone("DssUser", "leaver", PATIENCE).await.unwrap();
    assert!(bed.user("leaver").is_none());
    let instance = bed.namespace.get("DssInstance", "design").await.unwrap();
    assert_eq!(instance["status"]["node"]["id"], first);
    for (name, origin) in [("jane", "Created"), ("adopted", "Adopted")] {
        let user = bed.wait("DssUser", name, "Ready=True/InSync").await;
        assert_eq!(user["status"]["remote"]["origin"], origin, "{name}");
    }
}

in_memory!(what_was_adopted_stays_adopted_when_it_is_made_again);

/// Somebody else's user, which they delete by hand: what we make in its place is still not ours to delete.
async fn what_was_adopted_stays_adopted_when_it_is_made_again(ground: &Ground) {
    let bed = ground.ready("outlives").await;
    let theirs = json!({ "login": "jane", "sourceType": "LOCAL_NO_AUTH", "displayName": "Theirs" });
    bed.remote.patch_state(json!({ "users": { "jane": theirs } })).unwrap();
    bed.sweeps(1).await;
    bed.apply(&user(
        "jane",
        json!({ "adoptionPolicy": "Adopt", "email": "jane@example.com" }),
    ))
    .await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.remote.patch_state(json!({ "users": { "jane": null } })).unwrap();
    bed.until("the user made again", || bed.user("jane").is_some()).await;
    bed.sweeps(1).await;
    let jane = bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    assert_eq!(jane["status"]["remote"]["origin"], "Adopted");
    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.namespace.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    assert_eq!(bed.user("jane").unwrap()["enabled"], true);
}
