//! The access report.

use serde_json::{Value, json};

use super::{PLURAL, Rig};

fn report(rig: &Rig, name: &str, format: &str) {
    let report = json!({ "format": format, "configMapName": format!("{name}-map") });
    rig.task(name, json!({ "accessReport": report }));
}

fn people(rig: &Rig) {
    rig.node
        .patch_state(json!({
            "groups": {
                "coders": { "name": "coders", "sourceType": "LOCAL", "mayWriteUnsafeCode": true },
                "makers": { "name": "makers", "sourceType": "LDAP", "mayCreateProjects": true },
            },
            "users": {
                "ana": {
                    "login": "ana", "sourceType": "LDAP", "displayName": "=cmd", "email": "ana@example.com",
                    "groups": ["coders", "makers"], "password": "hunter22", "enabled": true,
                },
                "old": { "login": "old", "sourceType": "LOCAL", "groups": ["coders"], "enabled": false },
            },
            "projects": { "RISK": { "name": "Risk", "grants": { "makers": { "readProjectContent": true } } } },
        }))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_what_and_by_which_group_is_in_a_config_map_that_the_task_owns() {
    let rig = Rig::dss().await;
    people(&rig);
    report(&rig, "access", "json");
    let run = rig.phase("access", "Succeeded").await;
    let map = rig.server.get("configmaps", "team", "access-map");
    assert_eq!(map["metadata"]["ownerReferences"][0]["name"], "access");
    let text = map["data"]["access.json"].as_str().unwrap();
    let found: Value = serde_json::from_str(text).unwrap();
    let of = |list: &str, key: &str, name: &str| {
        let rows = found[list].as_array().unwrap();
        rows.iter().find(|row| row[key] == name).cloned().unwrap()
    };
    let ana = of("users", "login", "ana");
    assert_eq!(ana["permissions"]["mayWriteUnsafeCode"], json!(["coders"]));
    assert_eq!(ana["permissions"]["mayCreateProjects"], json!(["makers"]));
    assert_eq!(ana["projects"], json!({ "RISK": ["readProjectContent"] }));
    let old = of("users", "login", "old");
    assert_eq!((&old["enabled"], &old["permissions"]), (&json!(false), &json!({})));
    assert_eq!(of("groups", "name", "coders")["members"], 2);
    assert_eq!(run["counts"]["bytes"], text.len() + "access.json".len());
    assert!(!text.contains("hunter22") && !text.contains("assword"));
    assert_eq!(rig.node.writes(), 0);
    report(&rig, "table", "csv");
    rig.phase("table", "Succeeded").await;
    let data = rig.server.get("configmaps", "team", "table-map")["data"].clone();
    let users = data["users.csv"].as_str().unwrap();
    let ana = users.lines().find(|line| line.starts_with("ana,")).unwrap();
    assert!(
        ana.contains("'=cmd") && ana.contains("mayWriteUnsafeCode (coders)"),
        "{ana}"
    );
    assert!(data["groups.csv"].as_str().unwrap().contains("makers,LDAP,1,"));
    let told = rig.server.get(PLURAL, "team", "table")["status"].to_string();
    assert!(!told.contains("ana@example.com"), "the status names nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_does_not_fit_or_is_incomplete_fails_by_name_and_is_not_written() {
    let rig = Rig::dss().await;
    let wide: serde_json::Map<String, Value> = (0..1100)
        .map(|n| {
            let user = json!({ "login": format!("u{n}"), "sourceType": "LOCAL", "displayName": "x".repeat(1000) });
            (format!("u{n}"), user)
        })
        .collect();
    rig.node.patch_state(json!({ "users": wide })).unwrap();
    report(&rig, "large", "csv");
    let run = rig.phase("large", "Failed").await;
    assert!(run["message"].as_str().unwrap().contains("at most 1024 KiB"), "{run}");
    assert!(rig.server.find("configmaps", "team", "large-map").is_none());
    let odd = json!({ "kind": "elements", "append": [{ "name": 7 }] });
    rig.node
        .fault(json!({ "match": { "operation": "D23" }, "times": 0, "fault": odd }));
    report(&rig, "odd", "json");
    let run = rig.phase("odd", "Failed").await;
    assert!(run["message"].as_str().unwrap().contains("cannot be read"), "{run}");
    assert!(rig.server.find("configmaps", "team", "odd-map").is_none());
}
