use serde_json::{Value, json};

use super::{Rig, ready};

const PLURAL: &str = "dssinstancevariables";

impl Rig {
    fn variables(&self, name: &str, variables: Value) {
        let spec = json!({ "instanceRef": { "name": "design" }, "variables": variables });
        self.create("DssInstanceVariables", name, spec);
    }

    fn declare(&self, name: &str, variables: Value) {
        self.server
            .patch(PLURAL, "team", name, json!({ "spec": { "variables": variables } }));
    }

    fn found(&self) -> Value {
        self.node.state_at("/variables").unwrap()
    }

    /// Somebody else edits the variables.
    fn by_hand(&self, patch: Value) {
        self.node.patch_state(json!({ "variables": patch })).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_set_repaired_and_restored_and_in_sync_writes_nothing() {
    let rig = Rig::dss().await;
    rig.by_hand(json!({ "region": "us", "limits": { "cols": 7 }, "theirs": [1, { "b": 1, "a": 2 }] }));
    let before = rig.found();
    rig.variables(
        "base",
        json!({ "region": "eu", "limits": { "rows": 5.0 }, "flags": { "x": { "y": true } } }),
    );
    rig.wait(PLURAL, "base", "InSync").await;
    let mut expected = before.clone();
    expected["region"] = json!("eu");
    expected["limits"]["rows"] = json!(5.0);
    expected["flags"] = json!({ "x": { "y": true } });
    assert_eq!(rig.found(), expected);
    rig.by_hand(json!({ "limits": { "rows": 5 } }));
    let (writes, reads) = (rig.node.writes(), rig.node.count("D31"));
    rig.swept().await;
    assert_eq!(rig.node.writes(), writes, "5 is 5.0");
    assert!(rig.node.count("D31") <= reads + 4, "one read in a sweep");
    rig.by_hand(json!({ "region": "hand", "theirs": "new" }));
    rig.until("the repair", || rig.found()["region"] == "eu").await;
    assert_eq!(rig.found()["theirs"], "new");
    assert_eq!(rig.node.writes(), writes + 1);
    rig.by_hand(json!({ "theirs": before["theirs"] }));
    rig.server.delete(PLURAL, "team", "base");
    rig.gone(PLURAL, "base").await;
    assert_eq!(rig.found(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_such_objects_is_not_asked_for_variables_or_keys() {
    let rig = Rig::dss().await;
    rig.swept().await;
    let keys = rig.node.count("D35");
    assert!(keys <= 1, "the inventory counts the keys once in ten minutes");
    rig.swept().await;
    assert_eq!((rig.node.count("D31"), rig.node.count("D35")), (0, keys));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_the_spec_comes_back_and_null_means_absent() {
    let rig = Rig::dss().await;
    rig.by_hand(json!({ "a": 1, "b": { "c": 2 } }));
    rig.variables("base", json!({ "a": null, "b": { "c": 20 } }));
    let object = rig.wait(PLURAL, "base", "InSync").await;
    assert_eq!(rig.found(), json!({ "b": { "c": 20 } }));
    assert_eq!(
        object["status"]["applied"]["replaced"],
        json!({ "/a": "1", "/b/c": "2" })
    );
    rig.declare("base", json!({ "a": null, "b": null }));
    rig.server
        .patch(PLURAL, "team", "base", json!({ "spec": { "variables": { "a": 5 } } }));
    rig.until("the new spec", || rig.found() == json!({ "a": 5, "b": { "c": 2 } }))
        .await;
    let object = rig.wait(PLURAL, "base", "InSync").await;
    assert_eq!(object["status"]["applied"]["replaced"], json!({ "/a": "1" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_of_two_objects_with_one_variable_is_a_conflict_until_the_older_one_is_gone() {
    let rig = Rig::dss().await;
    rig.variables("older", json!({ "a": 1 }));
    rig.wait(PLURAL, "older", "InSync").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    rig.variables("newer", json!({ "a": 2 }));
    let object = rig.wait(PLURAL, "newer", "Conflict").await;
    let message = ready(&object)["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("DssInstanceVariables team/older declares variable a too"),
        "{message}"
    );
    rig.server.delete(PLURAL, "team", "older");
    rig.gone(PLURAL, "older").await;
    rig.wait(PLURAL, "newer", "InSync").await;
    assert_eq!(rig.found(), json!({ "a": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_the_node_drops_is_written_once() {
    let rig = Rig::dss().await;
    let edit = json!({ "kind": "edit", "when": "after", "patch": { "variables": { "a": null } } });
    rig.node
        .fault(json!({ "match": { "operation": "D32" }, "times": 0, "fault": edit }));
    rig.variables("base", json!({ "a": 1, "b": 2 }));
    let object = rig.wait(PLURAL, "base", "AcceptedButNotStored").await;
    assert!(ready(&object)["message"].as_str().unwrap().contains("set variable a"));
    let writes = rig.node.count("D32");
    rig.swept().await;
    assert_eq!(rig.node.count("D32"), writes);
    rig.node.clear_faults();
    rig.declare("base", json!({ "a": 3 }));
    rig.wait(PLURAL, "base", "InSync").await;
    assert_eq!(rig.found(), json!({ "a": 3, "b": 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_objects_lose_nothing_of_each_other_and_take_few_writes() {
    let rig = Rig::dss().await;
    rig.by_hand(json!({ "theirs": 1 }));
    for number in 0..30 {
        rig.variables(
            &format!("v{number}"),
            json!({ "shared": { format!("k{number}"): number } }),
        );
    }
    for number in 0..30 {
        rig.wait(PLURAL, &format!("v{number}"), "InSync").await;
    }
    let found = rig.found();
    assert_eq!(found["shared"].as_object().unwrap().len(), 30);
    assert!(rig.node.count("D32") < 20, "{} writes", rig.node.count("D32"));
    for number in 0..30 {
        rig.server.delete(PLURAL, "team", &format!("v{number}"));
    }
    for number in 0..30 {
        rig.gone(PLURAL, &format!("v{number}")).await;
    }
    assert_eq!(rig.found(), json!({ "theirs": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_a_crash_lose_no_first_value() {
    let mut rig = Rig::dss().await;
    rig.by_hand(json!({ "a": "first", "b": "first" }));
    rig.node
        .fault(json!({ "match": { "operation": "D32" }, "fault": { "kind": "dropAfter" } }));
    rig.variables("base", json!({ "a": "ours" }));
    rig.wait(PLURAL, "base", "InSync").await;
    rig.node
        .fault(json!({ "match": { "operation": "D31" }, "times": 0, "fault": { "kind": "latency", "millis": 3000 } }));
    rig.variables("other", json!({ "b": "ours" }));
    rig.until("the write", || rig.found()["b"] == "ours").await;
    rig.kill().await;
    rig.node.clear_faults();
    rig.start().await;
    rig.wait(PLURAL, "other", "InSync").await;
    for name in ["base", "other"] {
        rig.server.delete(PLURAL, "team", name);
        rig.gone(PLURAL, name).await;
    }
    assert_eq!(rig.found(), json!({ "a": "first", "b": "first" }));
}
