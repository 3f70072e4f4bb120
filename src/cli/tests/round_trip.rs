//! Export, manage, apply: no write. Then three edits: the plan names exactly these, and exactly these are written.
//!
//! `CLI_ROUND_TRIP_USERS=10000` makes it 10,000 users, 300 groups, 50 keys and 200 assignments, and prints times and memory.

use std::{collections::BTreeSet, fs, path::Path, time::Instant};

use memory_apiserver::MemoryApiserver;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testbed::simulator::Instance;

use super::{Said, run};
use crate::kinds::{launchpad::tests::rig::Rig as Space, tests::node::Rig};

/// Options of every export here.
const EXPORT: [&str; 7] = ["export", "--kinds", "all", "--preferences", "-n", "team", "-d"];

fn users() -> usize {
    let wanted = std::env::var("CLI_ROUND_TRIP_USERS").ok();
    wanted.and_then(|number| number.parse().ok()).unwrap_or(100)
}

/// Highest memory of this process so far.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or_default().to_owned()
}

/// A remote side with an operator that manages it.
struct Trip<'a> {
    server: &'a MemoryApiserver,
    node: &'a Instance,
    /// The options that reach it.
    options: Vec<String>,
    key: String,
}

/// An edit: the file, what is replaced in it, and by what.
type Edit = (&'static str, &'static str, &'static str);

impl Trip<'_> {
    async fn command(&self, words: &[&str]) -> Said {
        let options = self.options.iter().map(String::as_str);
        let words: Vec<&str> = words.iter().copied().chain(options).collect();
        run(&words, &self.key, None).await.unwrap()
    }

    async fn ready(&self, plural: &str, name: &str) {
        for _ in 0..12_000 {
            let object = self.server.get(plural, "team", name);
            let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
            let mut ready = conditions.filter(|one| one["type"] == "Ready" && one["reason"] == "InSync");
            if current && ready.next().is_some() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let status = &self.server.get(plural, "team", name)["status"];
        panic!("{plural} {name} is not in sync: {status:#}");
    }

    /// `least`: how many objects there are at least.
    async fn round_trip(&self, least: usize, edits: &[Edit]) {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out");
        let out = out.to_str().unwrap();
        let began = Instant::now();
        let said = self.command(&[&EXPORT[..], &[out, "-o", "json"]].concat()).await;
        println!("export: {:?}, {}", began.elapsed(), peak());
        let summary: Value = serde_json::from_str(&said.out).unwrap();
        let written = summary["written"].as_array().unwrap();
        assert!(
            written.len() >= least,
            "{} of {least}: {:#}",
            written.len(),
            summary["leftOut"]
        );
        assert_eq!(said.err, "");
        let began = Instant::now();
        let said = self
            .command(&["adopt", "--manage", "-n", "team", "-d", out, "-o", "json"])
            .await;
        println!("adopt: {:?}, {}", began.elapsed(), peak());
        let adopted: Value = serde_json::from_str(&said.out).unwrap();
        let managed = adopted["managed"].as_array().unwrap();
        let observing: Vec<&Value> = managed.iter().filter(|one| one["managed"] != true).collect();
        assert!(observing.is_empty(), "{observing:#?}");
        let before = self.node.writes();
        let objects: Vec<Value> = written
            .iter()
            .map(|one| object(&format!("{out}/{}", one["file"].as_str().unwrap())))
            .collect();
        for one in &objects {
            self.server.create(one.clone());
        }
        for one in &objects {
            let (plural, name) = place(one);
            self.ready(&plural, &name).await;
        }
        assert_eq!(self.node.writes(), before, "applying an export writes");
        let mut edited = BTreeSet::new();
        for (file, old, new) in edits {
            let path = Path::new(out).join(file);
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(old), "{file} has no {old}: {text}");
            fs::write(&path, text.replacen(old, new, 1)).unwrap();
            edited.insert(place(&object(path.to_str().unwrap())));
        }
        let began = Instant::now();
        let said = self.command(&["plan", "-f", out, "-n", "team", "-o", "json"]).await;
        println!("plan: {:?}, {}", began.elapsed(), peak());
        let planned: Value = serde_json::from_str(&said.out).unwrap();
        let differing = planned["objects"].as_array().unwrap().iter();
        let differing: BTreeSet<_> = differing
            .filter(|one| one["action"] != "none")
            .map(|one| {
                (
                    super::super::cluster::plural(one["kind"].as_str().unwrap()),
                    one["name"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(differing, edited);
        let before = self.node.writes();
        for (file, ..) in edits {
            let edit = object(&format!("{out}/{file}"));
            let (plural, name) = place(&edit);
            self.server
                .patch(&plural, "team", &name, json!({ "spec": edit["spec"] }));
        }
        for (plural, name) in &edited {
            self.ready(plural, name).await;
        }
        let written = usize::try_from(self.node.writes() - before).unwrap();
        assert_eq!(written, edits.len(), "{:?}", self.node.requests().counts);
    }
}

fn object(file: &str) -> Value {
    let text = fs::read_to_string(file).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Plural and name.
fn place(object: &Value) -> (String, String) {
    let kind = object["kind"].as_str().unwrap();
    let name = object["metadata"]["name"].as_str().unwrap();
    (super::super::cluster::plural(kind), name.to_owned())
}

fn numbered(count: usize, one: impl Fn(usize) -> (String, Value)) -> Value {
    Value::Object((0..count).map(one).collect::<Map<_, _>>())
}

/// Users, groups and keys of a node.
fn people(users: usize) -> Value {
    let groups = users * 3 / 100;
    json!({
        "groups": numbered(groups, |n| {
            let name = format!("g{n:03}");
            (name.clone(), json!({ "name": name, "sourceType": "LOCAL", "description": format!("Group {n}"), "mayWriteSafeCode": true }))
        }),
        "users": numbered(users, |n| {
            let login = format!("u{n:05}");
            (login.clone(), json!({ "login": login, "sourceType": "LOCAL", "displayName": format!("User {n}"),
                "email": format!("u{n}@example.com"), "groups": [format!("g{:03}", n % groups)], "userProfile": "READER",
                "enabled": n % 7 != 0, "password": "theirs" }))
        }),
        "globalApiKeys": numbered(users.div_ceil(200), |n| {
            (format!("key{n:03}"), json!({ "label": format!("Key {n}"), "description": "by hand",
                "globalPermissions": { "mayCreateProjects": true } }))
        }),
    })
}

fn of_node<'a>(rig: &'a Rig, product: &str, name: &str) -> Trip<'a> {
    let options = [
        "--url",
        rig.node.url(),
        "--product",
        product,
        "--instance",
        name,
        "--api-key-file",
        "-",
        "--allow-address",
        "127.0.0.0/8",
        "--allow-insecure-tls",
    ];
    Trip {
        server: &rig.server,
        node: &rig.node,
        options: options.map(str::to_owned).to_vec(),
        key: rig.node.api_key().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dss_node_makes_the_round_trip() {
    let rig = Rig::dss().await;
    let count = users();
    rig.node.patch_state(people(count)).unwrap();
    rig.node
        .patch_state(json!({ "variables": { "region": "eu", "nested": { "size": 3 } },
            "generalSettings": { "notifications": { "sender": "dss@example.com" }, "impersonation": { "userRules": [
                { "scope": "GLOBAL", "type": "SINGLE_MAPPING", "dssUser": "jane", "targetUnix": "ujane" },
                { "scope": "GLOBAL", "type": "IDENTITY" },
            ] } } }))
        .unwrap();
    rig.swept().await;
    of_node(&rig, "dss", "design")
        .round_trip(
            count + count * 3 / 100 + count.div_ceil(200),
            &[
                ("dssusers/u00001.yaml", "u1@example.com", "new@example.com"),
                ("dssgroups/g001.yaml", "Group 1", "Another"),
                ("dssglobalapikeys/key000.yaml", "Key 0", "Another"),
                ("dssinstancevariables/variables.yaml", "\"eu\"", "\"us\""),
            ],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_govern_node_makes_the_round_trip() {
    let rig = Rig::govern().await;
    let count = users();
    rig.node.patch_state(people(count)).unwrap();
    let assignments = count.div_ceil(50);
    let permissions = |n: usize| json!({ "everyone": { "read": true, "note": format!("Note {n}") }, "roles": {} });
    let rules = |n: usize| json!([{ "criteria": [], "fieldIds": [], "userContainers": [{ "type": "user", "login": format!("u{n:05}") }] }]);
    rig.node
        .patch_state(json!({
            "blueprints": numbered(assignments, |n| {
                (format!("bp.b{n:03}"), json!({ "blueprint": { "name": format!("B {n}") } }))
            }),
            "roleAssignments": numbered(assignments, |n| {
                let id = format!("bp.b{n:03}");
                (id.clone(), json!({ "blueprintId": id, "inheritBlueprintId": format!("bp.b{:03}", (n + 1) % assignments),
                    "roleAssignmentsRules": { "ro.reader": rules(n) } }))
            }),
            "blueprintPermissions": numbered(assignments, |n| {
                let id = format!("bp.b{n:03}");
                (id.clone(), json!({ "blueprintId": id, "permissions": permissions(n) }))
            }),
            "defaultPermissions": { "everyone": { "read": false, "note": "Default note" } },
        }))
        .unwrap();
    rig.swept().await;
    of_node(&rig, "govern", "govern")
        .round_trip(
            count + count * 3 / 100 + 2 * assignments + 1,
            &[
                ("governusers/u00001.yaml", "u1@example.com", "new@example.com"),
                ("governgroups/g001.yaml", "Group 1", "Another"),
                ("governglobalapikeys/key000.yaml", "Key 0", "Another"),
                ("governblueprintpermissions/bp.b000.yaml", "Note 0", "Another"),
                (
                    "governdefaultpermissions/default-permissions.yaml",
                    "Default note",
                    "Another",
                ),
            ],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_makes_the_round_trip() {
    let rig = Space::ready(&[]).await;
    let count = users();
    let groups = rig.space.state_at("/groups").unwrap();
    let id = groups
        .as_object()
        .unwrap()
        .iter()
        .find(|(_, group)| group["name"] == "designers")
        .unwrap()
        .0
        .clone();
    rig.space
        .patch_state(json!({
            "users": numbered(count, |n| {
                (format!("id{n:05}"), json!({ "id": format!("id{n:05}"), "email": format!("u{n:05}@example.com"),
                    "profile": { "name": "reader", "isTrial": false }, "isOwner": false, "groups": [{ "id": id, "name": "designers" }],
                    "adminProperties": { "team": format!("Team {n}") }, "createdOn": "2026-03-01T10:20:30.123456+00:00" }))
            }),
            "invites": numbered(3, |n| {
                (format!("i{n}"), json!({ "id": format!("i{n}"), "email": format!("invited{n}@example.com"),
                    "profile": { "name": "reader" }, "groups": [], "createdOn": "2026-03-01T10:20:30.123456+00:00" }))
            }),
        }))
        .unwrap();
    rig.swept().await;
    let options = [
        "--url",
        rig.space.url(),
        "--product",
        "launchpad",
        "--space-id",
        rig.space.space_id(),
        "--api-key-id",
        rig.space.api_key_id(),
        "--instance",
        "prod",
        "--api-key-file",
        "-",
        "--allow-address",
        "127.0.0.0/8",
        "--allow-insecure-tls",
    ];
    let trip = Trip {
        server: &rig.server,
        node: &rig.space,
        options: options.map(str::to_owned).to_vec(),
        key: rig.space.api_key_secret().to_owned(),
    };
    let file = |email: &str| format!("launchpadusers/{}.yaml", super::super::names::object_name(email));
    let (one, two) = (file("u00001@example.com"), file("u00002@example.com"));
    let (one, two): (&'static str, &'static str) = (one.leak(), two.leak());
    trip.round_trip(
        count + 3,
        &[
            (one, "Team 1", "Another"),
            (two, "Team 2", "Another"),
            ("launchpadgroups/designers.yaml", "They design", "Another"),
        ],
    )
    .await;
}
