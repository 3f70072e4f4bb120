//! No command writes without saying so, and everything that writes can be asked what it would write.

use std::{collections::BTreeMap, path::Path};

use serde_json::json;
use tempfile::TempDir;

use super::{command, with_cluster};
use crate::kinds::tests::node::Rig;

/// Every file below a directory, with its text.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.insert(path.display().to_string(), String::new());
            found.extend(tree(&path));
        } else {
            found.insert(path.display().to_string(), std::fs::read_to_string(&path).unwrap());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_writes_says_what_it_wrote_and_where_and_a_dry_run_writes_nothing() {
    let rig = Rig::dss().await;
    super::export::populated(&rig);
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (exported, adopted, report) = (path("exported"), path("adopted"), path("report.html"));
    let of = ["--instance", "design", "-n", "team", "-d"];
    let rows: [(Vec<&str>, &str, &str); 4] = [
        (
            [&["export"], &of[..], &[exported.as_str()]].concat(),
            &exported,
            "wrote ",
        ),
        ([&["adopt"], &of[..], &[adopted.as_str()]].concat(), &adopted, "wrote "),
        (
            [&["adopt", "--manage"], &of[..], &[adopted.as_str()]].concat(),
            &adopted,
            "changed managementPolicy to Manage in ",
        ),
        (vec!["access", "report", "--file", &report], &report, "wrote "),
    ];
    let writes = rig.node.writes();
    for (words, place, says) in rows {
        let before = tree(folder.path());
        let dry = [&words[..], &["--dry-run"]].concat();
        let (_, printed) = command(&rig, &dry)
            .await
            .unwrap_or_else(|error| panic!("{dry:?}: {error}"));
        assert_eq!(tree(folder.path()), before, "{dry:?}");
        let first = printed.lines().next().unwrap_or_default();
        assert!(
            first.contains("nothing is written") && first.contains(place),
            "{dry:?}: {printed}"
        );
        let (_, printed) = command(&rig, &words).await.unwrap();
        assert_ne!(tree(folder.path()), before, "{words:?}");
        let first = printed.lines().next().unwrap_or_default();
        assert!(first.starts_with(says) && first.contains(place), "{words:?}: {printed}");
    }
    assert_eq!(rig.node.writes(), writes, "a command writes to the node");
    let freeze = || rig.server.get("dssinstances", "team", "design")["spec"]["freeze"].clone();
    let drain = ["drain", "dssinstance/team/design", "--freeze"];
    let dry = [&drain[..], &["--dry-run"]].concat();
    let said = with_cluster(&rig, &dry).await.unwrap();
    assert!(
        said.out
            .starts_with("would set spec.freeze: true of dssinstance/team/design; nothing is written"),
        "{}",
        said.out
    );
    assert!(freeze().is_null());
    let said = with_cluster(&rig, &drain).await.unwrap();
    assert!(
        said.out.starts_with("set spec.freeze: true of dssinstance/team/design"),
        "{}",
        said.out
    );
    assert_eq!(freeze(), json!(true));
    // With a wait, it is said before the wait begins.
    let said = with_cluster(&rig, &[&drain[..], &["--wait", "1s"]].concat())
        .await
        .unwrap();
    assert!(said.err.contains("set spec.freeze: true"), "{}", said.err);
    let error = with_cluster(&rig, &["drain", "dssinstance/team/nowhere", "--freeze", "--dry-run"]).await;
    assert!(error.err().unwrap().contains("there is no DssInstance nowhere"));
}
