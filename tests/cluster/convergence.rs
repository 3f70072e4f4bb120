//! From nothing to what is declared, and then nothing more.

use serde_json::{Value, json};
use testbed::repository;

use crate::bed::{Bed, group, user};
use crate::ground::Ground;

in_memory!(the_examples_converge_and_a_second_pass_writes_nothing);
async fn the_examples_converge_and_a_second_pass_writes_nothing(ground: &Ground) {
    let bed = ground.start("examples", &[]).await;
    bed.give_credentials().await;
    bed.namespace
        .secret(
            "jane",
            &[
                ("password", "correct horse"),
                ("openai", "key-1"),
                ("snowflake", "battery"),
            ],
        )
        .await
        .unwrap();
    let examples = std::fs::read_to_string(repository().join("examples/dss.yaml")).unwrap();
    let here = examples
        .replace("namespace: dataiku", &format!("namespace: {}", bed.namespace.name()))
        .replace("namespace: team-a", &format!("namespace: {}", bed.namespace.name()))
        .replace(
            "url: https://dss.example.com",
            &format!(
                "url: {}\n  driftInterval: 5s\n  tls: {{allowInsecureHttp: true}}",
                bed.remote.url()
            ),
        );
    bed.namespace.apply(&here).await.unwrap();
    let objects = [
        ("DssInstance", "design"),
        ("DssGroup", "analysts"),
        ("DssUser", "jane.doe"),
        ("DssUser", "joe"),
        ("DssUser", "max"),
    ];
    for (kind, name) in objects {
        bed.wait(kind, name, "Ready=True/InSync").await;
    }

    let jane = bed.user("jane.doe").unwrap();
    assert_eq!(jane["displayName"], "Jane Doe");
    assert_eq!(jane["email"], "jane@example.com");
    assert_eq!(jane["userProfile"], "FULL_DESIGNER");
    assert_eq!(jane["groups"], json!(["analysts"]));
    assert_eq!(jane["password"], "correct horse");
    assert_eq!(jane["userProperties"]["team"], "risk");
    assert_eq!(jane["adminProperties"]["costCenter"], "4711");
    let max = bed.user("max@example.com").unwrap();
    assert_eq!(max["sourceType"], "LOCAL_NO_AUTH");
    assert_eq!(max["userProfile"], "READER", "the connection's default");
    let analysts = bed.group("analysts").unwrap();
    assert_eq!(analysts["description"], "Risk analysts");
    assert_eq!(analysts["mayCreateProjects"], true);

    // The member count of the group follows with the next look.
    bed.sweeps(1).await;
    bed.remote.reset_requests();
    let before = versions(&bed, &objects).await;
    bed.sweeps(2).await;
    assert_eq!(bed.remote.writes(), 0, "{:?}", bed.remote.requests().counts);
    assert_eq!(versions(&bed, &objects).await, before, "no status was written");
}

in_memory!(status_tells_what_was_seen);
async fn status_tells_what_was_seen(ground: &Ground) {
    let bed = ground.ready("status").await;
    bed.apply(&group(
        "analysts",
        json!({ "permissions": { "mayCreateProjects": true } }),
    ))
    .await;
    bed.apply(&user("jane", json!({ "groups": [{ "name": "analysts" }] })))
        .await;
    let jane = bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    let status = &jane["status"];
    assert_eq!(status["remote"]["key"], "jane");
    assert_eq!(status["remote"]["enabled"], true);
    assert_eq!(status["remote"]["groups"], json!(["analysts"]));

    bed.sweeps(2).await;
    let instance = bed.namespace.get("DssInstance", "design").await.unwrap();
    let status = &instance["status"];
    assert_eq!(status["identity"]["admin"], true);
    assert_eq!(status["claims"], 2);
    assert!(status["node"]["version"].is_string(), "{status}");
    assert!(
        status["license"]["userProfiles"]
            .as_array()
            .unwrap()
            .contains(&json!("READER"))
    );
    let state = bed.remote.state();
    let total = state["users"].as_object().unwrap().len();
    assert_eq!(status["users"]["total"], total);
    assert_eq!(status["users"]["undeclared"], total - 1);
    assert_eq!(
        status["groups"]["undeclared"],
        state["groups"].as_object().unwrap().len() - 1
    );
    let analysts = bed.namespace.get("DssGroup", "analysts").await.unwrap();
    assert_eq!(analysts["status"]["remote"]["members"], 1);

    let created = bed
        .namespace
        .wait_for_event("jane", "Created", crate::bed::PATIENCE)
        .await
        .unwrap();
    assert_eq!(created.kind, "Normal");
}

in_memory!(what_cannot_be_said_at_creation_is_written_right_after);
async fn what_cannot_be_said_at_creation_is_written_right_after(ground: &Ground) {
    let bed = ground.ready("afterwards").await;
    bed.apply(&user(
        "off",
        json!({ "enabled": false, "adminProperties": { "k": "v" } }),
    ))
    .await;
    bed.wait("DssUser", "off", "Ready=True/InSync").await;
    let off = bed.user("off").unwrap();
    assert_eq!(off["enabled"], false);
    assert_eq!(off["adminProperties"]["k"], "v");
    assert_eq!((bed.remote.count("D2"), bed.remote.count("D4")), (1, 1));
}

in_memory!(a_group_that_the_server_adds_by_itself_is_taken_away_again_only_by_exact);
async fn a_group_that_the_server_adds_by_itself_is_taken_away_again_only_by_exact(ground: &Ground) {
    let bed = ground.ready("defaultgroup").await;
    bed.remote.switch("defaultGroup", json!("readers")).unwrap();
    bed.apply(&user("loose", json!({ "groups": [{ "name": "data_team" }] })))
        .await;
    bed.apply(&user(
        "exact",
        json!({ "groups": [{ "name": "data_team" }], "groupsPolicy": "Exact" }),
    ))
    .await;
    bed.wait("DssUser", "loose", "Ready=True/InSync").await;
    bed.wait("DssUser", "exact", "Ready=True/InSync").await;
    let groups = |login: &str| -> Vec<String> {
        let mut groups: Vec<String> = serde_json::from_value(bed.user(login).unwrap()["groups"].clone()).unwrap();
        groups.sort();
        groups
    };
    assert_eq!(groups("loose"), ["data_team", "readers"]);
    assert_eq!(groups("exact"), ["data_team"]);
}

in_memory!(a_user_waits_for_its_group_and_goes_on_when_it_comes);
async fn a_user_waits_for_its_group_and_goes_on_when_it_comes(ground: &Ground) {
    let bed = ground.ready("waits").await;
    bed.apply(&user(
        "jane",
        json!({ "groups": [{ "name": "data_team" }, { "name": "later" }] }),
    ))
    .await;
    let jane = bed.wait("DssUser", "jane", "Ready=False/DependencyNotReady").await;
    assert_eq!(jane["status"]["plan"], json!(["group later does not exist yet"]));
    assert_eq!(
        bed.user("jane").unwrap()["groups"],
        json!(["data_team"]),
        "the others are written"
    );
    bed.apply(&group("later", json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    assert_eq!(bed.user("jane").unwrap()["groups"], json!(["data_team", "later"]));
}

in_memory!(annotations_pause_an_object_and_ask_for_a_pass);
async fn annotations_pause_an_object_and_ask_for_a_pass(ground: &Ground) {
    let bed = ground.ready("annotations").await;
    let mut jane = user("jane", json!({ "displayName": "Jane" }));
    jane["metadata"]["annotations"] = json!({ "dataiku-operator.io/paused": "true" });
    bed.apply(&jane).await;
    bed.wait("DssUser", "jane", "Ready=False/Paused").await;
    assert!(bed.user("jane").is_none());
    jane["metadata"]["annotations"] = json!({ "dataiku-operator.io/reconcile-at": "now" });
    bed.apply(&jane).await;
    let jane = bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    assert_eq!(jane["status"]["lastHandledReconcileAt"], "now");
}

async fn versions(bed: &Bed, objects: &[(&str, &str)]) -> Vec<Value> {
    let mut versions = Vec::new();
    for (kind, name) in objects {
        let object = bed.namespace.get(kind, name).await.unwrap();
        versions.push(object["metadata"]["resourceVersion"].clone());
    }
    versions
}

in_memory!(every_value_but_false_and_none_pauses);
async fn every_value_but_false_and_none_pauses(ground: &Ground) {
    let bed = ground.ready("paused").await;
    let paused = |name: &str, value: &str| {
        let mut object = user(name, json!({ "displayName": "Jane" }));
        object["metadata"]["annotations"] = json!({ "dataiku-operator.io/paused": value });
        object
    };
    let pausing = ["true", "True", "TRUE", "yes", "1", "0", "no", "until monday"];
    for (number, value) in pausing.into_iter().enumerate() {
        bed.apply(&paused(&format!("paused-{number}"), value)).await;
    }
    for (number, value) in ["false", ""].into_iter().enumerate() {
        let name = format!("active-{number}");
        bed.apply(&paused(&name, value)).await;
        bed.wait("DssUser", &name, "Ready=True/InSync").await;
    }
    let mut findings = crate::bed::Findings::default();
    for (number, value) in pausing.into_iter().enumerate() {
        let name = format!("paused-{number}");
        let conditions = bed.namespace.get("DssUser", &name).await.unwrap()["status"]["conditions"].to_string();
        let rests = bed.user(&name).is_none() && conditions.contains("\"Paused\"");
        findings.check(rests, &format!("{value:?} does not pause: {conditions}"));
    }
    findings.none();
}
