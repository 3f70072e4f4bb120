//! The access report.

use serde_json::{Value, json};

use super::{PLURAL, Rig};
use crate::kinds::access::COLUMNS;

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
    let right = |name: &str, group: &str| json!({ "right": name, "from": [format!("group {group}")] });
    let rights = ana["rights"].as_array().unwrap();
    assert!(rights.contains(&right("mayWriteUnsafeCode", "coders")), "{ana:#}");
    assert!(rights.contains(&right("mayCreateProjects", "makers")), "{ana:#}");
    assert_eq!(ana["projects"], json!({ "RISK": ["readProjectContent"] }));
    let old = of("users", "login", "old");
    assert_eq!(old["enabled"], false);
    assert!(old["marks"].as_array().unwrap().contains(&json!("disabled")), "{old:#}");
    assert_eq!(of("groups", "name", "coders")["members"], 2);
    assert!(run["counts"]["keys"].as_i64().unwrap() >= 1, "{run}");
    assert_eq!(run["counts"]["bytes"], text.len());
    assert!(!text.contains("hunter22") && !text.contains("assword"));
    assert_eq!(rig.node.writes(), 0);
    report(&rig, "table", "csv");
    rig.phase("table", "Succeeded").await;
    let data = rig.server.get("configmaps", "team", "table-map")["data"].clone();
    let sheet = data["access.csv"].as_str().unwrap();
    assert!(sheet.starts_with(&format!("{}\n", COLUMNS.join(","))), "{sheet}");
    let ana = sheet.lines().find(|line| line.starts_with("user,ana,")).unwrap();
    assert!(
        ana.contains("'=cmd") && ana.contains("mayWriteUnsafeCode (group coders)"),
        "{ana}"
    );
    assert!(sheet.contains("group,makers,,,LDAP,"), "{sheet}");
    let told = rig.server.get(PLURAL, "team", "table")["status"].to_string();
    assert!(!told.contains("ana@example.com"), "the status names nobody");
}

fn named(name: impl Fn(usize) -> String, count: usize) -> Value {
    let users: serde_json::Map<String, Value> = (0..count)
        .map(|n| {
            let user = json!({ "login": format!("u{n}"), "sourceType": "LOCAL", "displayName": name(n) });
            (format!("u{n}"), user)
        })
        .collect();
    json!({ "users": users })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_larger_than_a_config_map_is_compressed() {
    let rig = Rig::dss().await;
    rig.node.patch_state(named(|_| "x".repeat(1000), 1100)).unwrap();
    report(&rig, "large", "csv");
    let run = rig.phase("large", "Succeeded").await;
    assert!(run["message"].as_str().unwrap().contains("gzip"), "{run}");
    let map = rig.server.get("configmaps", "team", "large-map");
    let packed = map["binaryData"]["access.csv.gz"].as_str().unwrap();
    assert!(packed.len() < 100_000 && map["data"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_does_not_fit_even_compressed_or_is_incomplete_is_not_written() {
    let rig = Rig::dss().await;
    let noise = |_| (0..1000).map(|_| char::from(rand::random_range(b'0'..=b'z'))).collect();
    rig.node.patch_state(named(noise, 1700)).unwrap();
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
