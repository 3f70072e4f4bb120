//! The operator and the definitions of different versions: a cluster has them in the middle of an upgrade or of a rollback.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{
    ControlPlane, Installation, Namespace, Operator, repository,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::bed::{INTERVAL, PATIENCE, group, object, user};

/// The commit whose definitions count as the previous ones, until there is a release. Older ones have no `status.remote.origin`: the apiserver
/// drops it there, and this operator then takes a user that it created for another's (`AlreadyExists`) and writes nothing.
const PREVIOUS: &str = "9153a83";

/// `crds/` of the previous version, or why there is none.
fn previous_definitions() -> Result<TempDir, String> {
    let git = |words: &[&str]| {
        let done = Command::new("git").arg("-C").arg(repository()).args(words).output();
        let done = done.map_err(|error| format!("git does not run: {error}"))?;
        let text = || String::from_utf8(done.stdout).map_err(|error| error.to_string());
        if done.status.success() {
            text()
        } else {
            Err(format!("the history has no {PREVIOUS}"))
        }
    };
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for path in git(&["ls-tree", "--name-only", PREVIOUS, "crds/"])?.lines() {
        let text = git(&["show", &format!("{PREVIOUS}:{path}")])?;
        let name = Path::new(path).file_name().unwrap_or_default();
        std::fs::write(folder.path().join(name), text).map_err(|error| error.to_string())?;
    }
    Ok(folder)
}

/// A control plane with some definitions, and a node.
struct Cluster {
    control_plane: Arc<ControlPlane>,
    installation: Installation,
    dss: Instance,
    home: Namespace,
    _simulator: Simulator,
}

impl Cluster {
    async fn with(definitions: PathBuf) -> Self {
        let control_plane = ControlPlane::start().await.unwrap();
        let folders = [definitions, repository().join("deploy/kustomize/base")];
        let installation = Installation::apply(&control_plane, &folders).await.unwrap();
        let simulator = Simulator::start().await.unwrap();
        let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
        let home = control_plane.namespace("home").await.unwrap();
        Self {
            control_plane,
            installation,
            dss,
            home,
            _simulator: simulator,
        }
    }

    async fn operator(&self, binary: impl Into<PathBuf>) -> Operator {
        Operator::builder(binary.into())
            .control_plane(&self.control_plane)
            .installation(&self.installation)
            .log(crate::bed::LOG)
            .start()
            .await
            .unwrap()
    }

    async fn declare(&self) {
        self.home
            .secret("design-admin", &[("apiKey", self.dss.api_key())])
            .await
            .unwrap();
        let spec = json!({
            "url": self.dss.url(), "tls": { "allowInsecureHttp": true },
            "credentials": { "apiKeySecretRef": { "name": "design-admin" } },
            "driftInterval": format!("{}s", INTERVAL.as_secs()), "defaultUserProfile": "READER",
        });
        self.home
            .apply_object(&object("DssInstance", "design", spec))
            .await
            .unwrap();
        self.home.apply_object(&group("analysts", json!({}))).await.unwrap();
        let jane = user(
            "jane",
            json!({ "groups": [{ "name": "analysts" }], "deletionPolicy": "Delete" }),
        );
        self.home.apply_object(&jane).await.unwrap();
        self.in_sync().await;
    }

    async fn in_sync(&self) {
        for (kind, name) in [("DssGroup", "analysts"), ("DssUser", "jane")] {
            self.home
                .wait_for_condition(kind, name, "Ready=True/InSync", PATIENCE)
                .await
                .unwrap();
        }
    }

    /// What an operator that only thinks that something differs would change.
    async fn versions(&self) -> (u64, Vec<Value>) {
        let mut versions = Vec::new();
        for (kind, name) in [("DssGroup", "analysts"), ("DssUser", "jane")] {
            versions.push(self.home.get(kind, name).await.unwrap()["metadata"]["resourceVersion"].clone());
        }
        (self.dss.writes(), versions)
    }

    async fn is_quiet(&self) {
        // What the first sweep after a change shows of a user belongs to its status.
        tokio::time::sleep(INTERVAL * 2).await;
        let before = self.versions().await;
        tokio::time::sleep(INTERVAL * 3).await;
        assert_eq!(self.versions().await, before, "writes although nothing changed");
    }

    async fn still_works(&self, name: &str) {
        let patch = json!({ "spec": { "displayName": name } });
        self.home.patch("DssUser", "jane", patch).await.unwrap();
        let arrived = async {
            while self.dss.state_at("/users/jane/displayName") != Some(json!(name)) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived)
            .await
            .expect("the edit does not arrive");
        self.in_sync().await;
    }
}

fn current() -> PathBuf {
    repository().join("crds")
}

#[tokio::test(flavor = "multi_thread")]
async fn this_operator_works_with_the_previous_definitions_and_their_upgrade_writes_nothing() {
    let previous = match previous_definitions() {
        Ok(previous) => previous,
        Err(why) => return testbed::skipped(&why),
    };
    let cluster = Cluster::with(previous.path().to_owned()).await;
    let _operator = cluster.operator(env!("CARGO_BIN_EXE_dataiku-operator")).await;
    cluster.declare().await;
    cluster.is_quiet().await;
    cluster.still_works("With previous definitions").await;

    let before = cluster.dss.writes();
    let folders = [current(), repository().join("deploy/kustomize/base")];
    Installation::apply(&cluster.control_plane, &folders).await.unwrap();
    cluster.in_sync().await;
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(cluster.dss.writes(), before);
    cluster.is_quiet().await;
    cluster.still_works("With current definitions").await;

    // And back, as after a rollback of the chart.
    let folders = [previous.path().to_owned(), repository().join("deploy/kustomize/base")];
    Installation::apply(&cluster.control_plane, &folders).await.unwrap();
    cluster.still_works("With previous definitions again").await;
    cluster.home.delete("DssUser", "jane").await.unwrap();
    cluster.home.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    assert_eq!(cluster.dss.state_at("/users/jane"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previous_operator_works_with_these_definitions_and_hands_over() {
    let Ok(previous) = std::env::var("PREVIOUS_OPERATOR") else {
        return testbed::skipped(
            "PREVIOUS_OPERATOR names no binary of the previous version; `make upgrade-test` builds one",
        );
    };
    let cluster = Cluster::with(current()).await;
    let mut operator = cluster.operator(&previous).await;
    cluster.declare().await;
    cluster.is_quiet().await;
    cluster.still_works("By the previous operator").await;
    operator.terminate().await.unwrap();
    drop(operator);

    // Whatever the previous operator recorded, this one takes over without a write, and the other way round.
    let writes = cluster.dss.writes();
    let mut operator = cluster.operator(env!("CARGO_BIN_EXE_dataiku-operator")).await;
    cluster.in_sync().await;
    cluster.is_quiet().await;
    assert_eq!(cluster.dss.writes(), writes);
    cluster.still_works("By this operator").await;
    operator.terminate().await.unwrap();
    drop(operator);

    let writes = cluster.dss.writes();
    let _operator = cluster.operator(&previous).await;
    cluster.in_sync().await;
    cluster.is_quiet().await;
    assert_eq!(cluster.dss.writes(), writes);
    cluster.still_works("By the previous operator again").await;
}
