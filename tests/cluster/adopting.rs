//! The walk-through of `docs/adopting.md`, with its own commands and manifests: a node with 500 users comes under management without a
//! write that nobody saw before.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{
    Condition, repository,
    simulator::{InstanceConfig, Product, Seed},
};

use crate::{
    bed::{Bed, INTERVAL, LOG},
    ground::Ground,
};

const USERS: usize = 500;
const GROUPS: usize = 20;
/// Those whose manifest differs from the node.
const DIFFERENT: [&str; 2] = ["user00007", "user00123"];
/// Hundreds of objects one after the other through kubectl, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// The blocks of one language under a heading that starts with these words.
fn blocks(page: &str, heading: &str, language: &str) -> Vec<String> {
    let start = page.find(&format!("\n## {heading}")).expect("the heading") + 1;
    let section = &page[start..];
    let section = &section[..section[3..].find("\n## ").map_or(section.len(), |end| end + 3)];
    let fence = format!("```{language}\n");
    let after = section.split(&fence).skip(1);
    after.map(|text| text.split("```").next().unwrap().to_owned()).collect()
}

/// Somebody who follows the page at a terminal.
struct Reader {
    page: String,
    folder: TempDir,
    bed: Bed,
}

impl Reader {
    async fn start() -> Self {
        let seed = Seed {
            users: USERS,
            groups: GROUPS,
        };
        let config = InstanceConfig::new(Product::Dss).seed(seed);
        let bed = Bed::start_with(&Ground::Cluster, config, "adopting", &[], LOG).await;
        bed.give_credentials().await;
        let page = std::fs::read_to_string(repository().join("docs/adopting.md")).unwrap();
        let here = bed.namespace.name();
        // The page is about a namespace and a node of its own.
        let page = page
            .replace("namespace: dataiku", &format!("namespace: {here}"))
            .replace("--namespace dataiku", &format!("--namespace {here}"))
            .replace("namespace: \"dataiku\"", &format!("namespace: \"{here}\""))
            .replace("https://dss.example.com", bed.remote.url());
        let page = page.replace("dssinstance/dataiku/", &format!("dssinstance/{here}/"));
        let folder = tempfile::tempdir().unwrap();
        install(folder.path());
        Self { page, folder, bed }
    }

    /// Runs a block of the page.
    async fn run(&self, commands: &str) -> String {
        let control_plane = self.bed.namespace.control_plane();
        let path = std::env::var("PATH").unwrap_or_default();
        let output = tokio::process::Command::new("bash")
            .args(["-euo", "pipefail", "-c", commands])
            .current_dir(self.folder.path())
            .env(
                "PATH",
                format!(
                    "{}:{}:{path}",
                    self.folder.path().join("bin").display(),
                    control_plane.programs().display()
                ),
            )
            .env("KUBECONFIG", control_plane.kubeconfig())
            .env("KUBECACHEDIR", self.folder.path().join("cache"))
            .env("no_proxy", "127.0.0.1")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commands}: {complaint}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    async fn step(&self, heading: &str) -> String {
        self.run(&blocks(&self.page, heading, "sh").join("\n")).await
    }

    /// Changes the manifests of some users, as an editor would, and applies them.
    async fn edit(&self, users: &[&str], change: impl Fn(&str) -> String) {
        for user in users {
            let path = self.folder.path().join(format!("manifests/dssusers/{user}.yaml"));
            let text = std::fs::read_to_string(&path).unwrap();
            let changed = change(&text);
            assert_ne!(changed, text, "nothing to change in {user}");
            std::fs::write(&path, changed).unwrap();
        }
        self.run("kubectl apply -k manifests >applied").await;
    }

    /// Waits until every object is in the state that it should be in, by its name.
    async fn until(&self, kind: &str, wanted: impl Fn(&str) -> &'static str) {
        let began = Instant::now();
        loop {
            let objects = self.bed.namespace.list(kind).await.unwrap();
            let wrong = objects.iter().find_map(|object| {
                let name = object["metadata"]["name"].as_str().unwrap();
                let ready = Condition::of(object, "Ready");
                let state = wanted(name);
                let holds = ready.as_ref().is_some_and(|ready| ready.is(state, object));
                (!holds).then(|| format!("{kind} {name} is not {state}: {ready:?}"))
            });
            let Some(wrong) = wrong else { return };
            assert!(began.elapsed() < PATIENCE, "{wrong}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn freeze(&self, freeze: bool) {
        let patch = json!({ "spec": { "freeze": freeze } });
        self.bed.namespace.patch("DssInstance", "design", patch).await.unwrap();
    }
}

/// The command line, with what a node on this machine needs beside what the page says.
fn install(folder: &Path) {
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let program = bin.join("dataiku-operator");
    let own = env!("CARGO_BIN_EXE_dataiku-operator");
    let text = format!("#!/bin/sh\nexec {own} \"$@\" --allow-address 127.0.0.0/8 --allow-insecure-tls\n");
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The same manifest with another display name.
fn renamed(manifest: &str) -> String {
    let line = manifest
        .lines()
        .find(|line| line.trim_start().starts_with("displayName:"));
    manifest.replace(
        line.expect("a display name"),
        "    displayName: \"As the register has it\",",
    )
}

fn differs(name: &str) -> bool {
    DIFFERENT.contains(&name)
}

fn available(program: &str) -> bool {
    let found = std::process::Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_five_hundred_users_is_adopted_as_the_page_says() {
    if !available("bash") {
        return testbed::skipped("the commands of docs/adopting.md need bash");
    }
    let reader = Reader::start().await;
    let bed = &reader.bed;

    // 1. Connect, frozen.
    let connection = blocks(&reader.page, "1.", "yaml").remove(0);
    bed.namespace.apply(&connection).await.unwrap();
    let quick = json!({ "spec": {
        "tls": { "allowInsecureHttp": true }, "driftInterval": format!("{}s", INTERVAL.as_secs()),
    } });
    bed.namespace.patch("DssInstance", "design", quick).await.unwrap();
    bed.wait("DssInstance", "design", "Ready=True/InSync").await;
    let users: Value = serde_json::from_str(&reader.step("1.").await).unwrap();
    let (total, undeclared) = (users["total"].as_u64(), users["undeclared"].as_u64());
    assert!(total >= Some(USERS as u64), "{users}");
    assert!(undeclared >= Some(USERS as u64), "{users}");

    // 2. Write the manifests, as observers.
    let summary = reader.step("2.").await;
    assert!(summary.contains("protected"), "{summary}");
    reader.edit(&DIFFERENT, renamed).await;

    // 3. Look.
    let observed = |name: &str| if differs(name) { "True/Observed" } else { "True/InSync" };
    reader.until("DssGroup", |_| "True/InSync").await;
    reader.until("DssUser", observed).await;
    let listing = reader.step("3.").await;
    assert_eq!(listing.matches("Observed").count(), DIFFERENT.len(), "{listing}");
    assert_eq!(bed.remote.writes(), 0, "an observer writes");

    // 4. Manage what matches, still frozen; then the others.
    let commands = blocks(&reader.page, "4.", "sh");
    let managed = reader.run(&commands[0]).await;
    assert!(managed.contains("still observes"), "{managed}");
    reader
        .edit(&DIFFERENT, |manifest| manifest.replace("\"Observe\"", "\"Manage\""))
        .await;
    let frozen = |name: &str| if differs(name) { "False/Frozen" } else { "True/InSync" };
    reader.until("DssGroup", |_| "True/InSync").await;
    reader.until("DssUser", frozen).await;
    let plans = reader.run(&commands[1]).await;
    for name in DIFFERENT {
        let line = plans.lines().find(|line| line.starts_with(&format!("{name}: ")));
        let line = line.unwrap_or_else(|| panic!("no plan of {name}: {plans}"));
        assert!(line.contains("As the register has it"), "{line}");
    }
    assert_eq!(plans.lines().count(), DIFFERENT.len(), "{plans}");
    assert_eq!(
        bed.remote.writes(),
        0,
        "something is written although the connection is frozen"
    );

    // 5. Unfreeze: what the plans said, and nothing else.
    reader.freeze(false).await;
    reader.until("DssUser", |_| "True/InSync").await;
    for name in DIFFERENT {
        assert_eq!(bed.user(name).unwrap()["displayName"], "As the register has it");
    }
    bed.sweeps(2).await;
    assert!(
        (1..=DIFFERENT.len() as u64).contains(&bed.remote.writes()),
        "{:?}",
        bed.remote.requests().counts
    );
    let by_hand = json!({ "users": { "user00042": { "email": "by-hand@example.com" } } });
    let email = bed.user("user00042").unwrap()["email"].clone();
    bed.remote.patch_state(by_hand).unwrap();
    bed.until("the repair of the email", || {
        bed.user("user00042").unwrap()["email"] == email
    })
    .await;

    // The way back: what was adopted stays as it is.
    let before = bed.remote.state_at("/users/user00001");
    bed.sweeps(1).await;
    let writes = bed.remote.writes();
    bed.namespace.delete("DssUser", "user00001").await.unwrap();
    let gone = bed.namespace.wait_gone("DssUser", "user00001", PATIENCE).await;
    gone.unwrap();
    assert_eq!(bed.remote.state_at("/users/user00001"), before);
    assert_eq!(bed.remote.writes(), writes);
}
