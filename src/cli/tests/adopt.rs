//! `adopt` against the simulator.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{command, export::populated};
use crate::kinds::tests::node::Rig;

async fn adopt(rig: &Rig, out: &str, extra: &[&str]) -> Value {
    adopt_from(rig, "design", out, extra).await
}

async fn adopt_from(rig: &Rig, instance: &str, out: &str, extra: &[&str]) -> Value {
    let fixed = ["adopt", "--instance", instance, "-n", "team", "-d", out, "-o", "json"];
    let words: Vec<&str> = fixed.iter().chain(extra).copied().collect();
    let (_, printed) = command(rig, &words).await.unwrap();
    serde_json::from_str(&printed).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_step_manages_what_nobody_changed_since_and_applying_it_writes_nothing() {
    let rig = Rig::dss().await;
    populated(&rig);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let found = adopt(&rig, out, &[]).await;
    let class = |remote: &str| {
        let objects = found["objects"].as_array().unwrap();
        objects.iter().find(|one| one["remote"] == remote).unwrap()["class"].clone()
    };
    assert_eq!(class("jane.doe"), "identical");
    assert_eq!(class("Joe@Example.com"), "directory");
    assert_eq!(class("Mapped"), "directory");
    assert_eq!(class("administrators"), "protected");
    // Somebody changes a group between the two steps.
    rig.node
        .patch_state(json!({ "groups": { "analysts": { "description": "changed since" } } }))
        .unwrap();
    let dry = adopt(&rig, out, &["--manage", "--dry-run"]).await;
    let manifest = |name: &str| std::fs::read_to_string(format!("{out}/{name}.yaml")).unwrap();
    assert!(manifest("dssusers/jane.doe").contains("Observe"), "{dry:#}");
    let managed = adopt(&rig, out, &["--manage"]).await;
    assert!(
        manifest("dssusers/jane.doe").contains("managementPolicy: \"Manage\""),
        "{managed:#}"
    );
    assert!(manifest("dssgroups/analysts").contains("Observe"), "{managed:#}");
    rig.swept().await;
    let writes = rig.node.writes();
    for one in managed["managed"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["managed"] == true)
    {
        let text = std::fs::read_to_string(one["file"].as_str().unwrap()).unwrap();
        let object: Value = serde_saphyr::from_str(&text).unwrap();
        let plural = format!("{}s", object["kind"].as_str().unwrap().to_lowercase());
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        rig.server.create(object);
        rig.wait(&plural, &name, "InSync").await;
    }
    assert_eq!(rig.node.writes(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_another_namespace_manage_although_the_terms_of_the_connection_are_not_known() {
    let rig = Rig::dss().await;
    populated(&rig);
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    adopt_from(&rig, "dataiku/design", out, &[]).await;
    let managed = adopt_from(&rig, "dataiku/design", out, &["--manage"]).await;
    let manifest = std::fs::read_to_string(format!("{out}/dssusers/jane.doe.yaml")).unwrap();
    assert!(manifest.contains("managementPolicy: \"Manage\""), "{managed:#}");
}
