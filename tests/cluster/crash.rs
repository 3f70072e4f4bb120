//! The operator killed with several objects in flight. One object at each of its writes: see the scenarios.

use serde_json::{Value, json};

use crate::bed::{Bed, group, object, user};
use crate::ground::Ground;

/// What is declared: a group and two users that take two writes each.
fn declared() -> Vec<Value> {
    vec![
        group("analysts", json!({ "permissions": { "mayCreateProjects": true } })),
        user("max", json!({ "groups": [{ "name": "readers" }], "enabled": false })),
        object(
            "DssUser",
            "jane",
            json!({
                "instanceRef": { "name": "design" },
                "sourceType": "LOCAL",
                "passwordSecretRef": { "name": "login" },
                "adminProperties": { "costCenter": "4711" },
            }),
        ),
    ]
}

async fn converged(bed: &Bed) {
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
    for name in ["max", "jane"] {
        let user = bed.wait("DssUser", name, "Ready=True/InSync").await;
        assert_eq!(user["status"]["remote"]["origin"], "Created", "{name} is ours");
    }
    let (jane, max, analysts) = (
        bed.user("jane").unwrap(),
        bed.user("max").unwrap(),
        bed.group("analysts").unwrap(),
    );
    assert_eq!(
        json!([
            jane["password"],
            jane["adminProperties"]["costCenter"],
            jane["groups"],
            jane["enabled"]
        ]),
        json!(["pass-phrase", "4711", [], true])
    );
    assert_eq!(json!([max["groups"], max["enabled"]]), json!([["readers"], false]));
    assert_eq!(
        json!([analysts["mayCreateProjects"], analysts["mayWriteSafeCode"]]),
        json!([true, true])
    );
}

in_memory!(killed_amid_the_writes_of_several_objects_it_ends_in_the_same_state);
async fn killed_amid_the_writes_of_several_objects_it_ends_in_the_same_state(ground: &Ground) {
    let mut bed = ground.ready("amid").await;
    bed.namespace
        .secret("login", &[("password", "pass-phrase")])
        .await
        .unwrap();
    bed.remote.reset_requests();
    // From the third write on, all are done and none is answered.
    bed.remote.fault(json!({
        "match": { "writes": true }, "nth": 3, "times": 0, "fault": { "kind": "slowDrip", "bytesPerSecond": 1 },
    }));
    for object in declared() {
        bed.apply(&object).await;
    }
    bed.until("the writes", || bed.remote.writes() >= 4).await;
    bed.operator.kill().await.unwrap();
    bed.remote.clear_faults();
    bed.operator.restart().await.unwrap();
    converged(&bed).await;
    let requests = bed.remote.requests();
    let creates = requests
        .log
        .iter()
        .filter(|one| ["D2", "D24"].contains(&one.operation.as_str()) && one.status == 200);
    assert_eq!(creates.count(), 3, "{:?}", requests.counts);
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0, "it stays in sync");
}
