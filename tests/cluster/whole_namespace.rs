//! A namespace goes with everything in it: the connection, its Secrets and the users.

use std::time::Duration;

use serde_json::json;
use testbed::Condition;

use crate::bed::{Bed, PATIENCE, user};
use crate::ground::Ground;

const USERS: usize = 200;

fn enabled(bed: &Bed, names: &[String]) -> usize {
    let is_enabled = |name: &&String| bed.user(name).is_some_and(|user| user["enabled"] != false);
    names.iter().filter(is_enabled).count()
}

/// The token of the mass-change brake, once it holds this many.
async fn token(bed: &Bed, held: usize) -> String {
    for _ in 0..600 {
        let left = bed.namespace.list("DssUser").await.unwrap();
        let tokens = left.iter().filter_map(|user| {
            let message = Condition::of(user, "Ready")?.message;
            let (_, token) = message.split_once("acknowledge=")?;
            Some(token.split(' ').next()?.to_owned())
        });
        let tokens: Vec<String> = tokens.collect();
        if tokens.len() == held {
            return tokens[0].clone();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("the brake does not hold {held}");
}

in_memory!(nobody_keeps_access_when_a_namespace_goes_with_its_connection_and_its_secrets);
async fn nobody_keeps_access_when_a_namespace_goes_with_its_connection_and_its_secrets(ground: &Ground) {
    let bed = ground.start("wholens", &["--release-after", "30s"]).await;
    bed.connect().await;
    let names: Vec<String> = (0..USERS).map(|n| format!("user-{n:03}")).collect();
    for name in &names {
        bed.apply(&user(name, json!({ "groups": [{ "name": "readers" }] })))
            .await;
    }
    for name in &names {
        bed.wait("DssUser", name, "Ready=True/InSync").await;
    }
    assert_eq!(enabled(&bed, &names), USERS);
    // As the namespace controller does it: what has no finalizer is gone at once, the Secret above all.
    bed.namespace.delete("Secret", "design-admin").await.unwrap();
    bed.namespace.delete("DssInstance", "design").await.unwrap();
    for name in &names {
        bed.namespace.delete("DssUser", name).await.unwrap();
    }
    let token = token(&bed, USERS - 10).await;
    // Far longer than a deletion waits for credentials: nobody is released while the brake holds.
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(
        bed.namespace.list("DssUser").await.unwrap().len(),
        enabled(&bed, &names),
        "only those who were disabled may go"
    );
    let acknowledge = json!({ "metadata": { "annotations": { "dataiku-operator.io/acknowledge": token } } });
    bed.namespace.patch("DssInstance", "design", acknowledge).await.unwrap();
    for name in &names {
        bed.namespace.wait_gone("DssUser", name, PATIENCE * 10).await.unwrap();
    }
    assert_eq!(enabled(&bed, &names), 0, "nobody keeps access");
    let members = names.iter().filter(|name| {
        let user = bed.user(name).unwrap_or_default();
        user["groups"].as_array().is_some_and(|groups| !groups.is_empty())
    });
    assert_eq!(members.count(), 0, "nobody keeps a group");
    bed.namespace
        .wait_gone("DssInstance", "design", PATIENCE)
        .await
        .unwrap();
}
