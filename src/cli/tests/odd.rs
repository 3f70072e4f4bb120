//! Odd instances: all kinds of names, nulls, unknown fields, older releases. Whatever a node has, an export is made, every
//! object of it has an empty plan, and what has no object is named.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testbed::simulator::{InstanceConfig, Product, Simulator};

use super::at;
use crate::cli::Ending;

/// A value where a text or a flag was expected.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(7)),
        Just(json!([])),
        Just(json!({ "a": [1, null] })),
        Just(json!("")),
        Just(json!(true)),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._@-]{1,20}",
        "\\PC{1,30}",
        Just("Jane".to_owned()),
        Just("jane".to_owned()),
        Just("no".to_owned()),
        Just("1e3".to_owned()),
        Just("../../etc/passwd".to_owned()),
        Just("a b/c?d#e%".to_owned()),
        "[a-z]{90,120}",
    ]
}

/// A record with some members, some of them odd, and one that no release of ours knows.
fn record(key: &'static str, usual: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = (String, Value)> {
    let members = proptest::collection::vec((0..usual.len(), proptest::option::of(odd())), 0..5);
    (name(), members, proptest::option::of(odd())).prop_map(move |(name, members, extra)| {
        let mut record = Map::from_iter([(key.to_owned(), json!(name))]);
        for (at, odd) in members {
            let (member, text) = usual[at];
            let value = serde_json::from_str(text).unwrap();
            record.insert(member.to_owned(), odd.unwrap_or(value));
        }
        record.extend(extra.map(|value| ("memberOfTomorrow".to_owned(), value)));
        (name, Value::Object(record))
    })
}

const USER: &[(&str, &str)] = &[
    ("sourceType", r#""LOCAL""#),
    ("displayName", r#""Jane  Doe""#),
    ("email", r#""jane@example.com""#),
    ("groups", r#"["readers", "gone"]"#),
    ("userProfile", r#""READER""#),
    ("enabled", "false"),
    ("adminProperties", r#"{"a": "b", "n": 1}"#),
    ("userProperties", r#"{"": "x"}"#),
    ("secrets", r#"[{"name": "s", "value": "canary", "secret": true}]"#),
];

const GROUP: &[(&str, &str)] = &[
    ("sourceType", r#""LDAP""#),
    ("description", r#""~""#),
    ("mayCreateProjects", "true"),
    ("mayDoOfTomorrow", "true"),
    ("ldapGroupNames", r#"["cn=a,ou=b"]"#),
    ("admin", "false"),
];

fn instance() -> impl Strategy<Value = Value> {
    let users = proptest::collection::vec(record("login", USER), 0..8);
    let groups = proptest::collection::vec(record("name", GROUP), 0..8);
    (users, groups)
        .prop_map(|(users, groups)| json!({ "users": Map::from_iter(users), "groups": Map::from_iter(groups) }))
}

async fn exported(product: Product, release: &str, state: Value) {
    let simulator = Simulator::start().await.unwrap();
    let config = InstanceConfig::new(product).switch("release", json!(release));
    let node = simulator.instance(config).await.unwrap();
    // What the simulator itself refuses, no node has.
    if node.patch_state(state.clone()).is_err() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let name = match product {
        Product::Govern => "govern",
        _ => "dss",
    };
    let options = ["--product", name, "--instance", "node", "-n", "team", "-o", "json"];
    let key = ["--api-key-file", "-"];
    let export = [&["export", "--kinds", "all", "-d", out][..], &options].concat();
    let (_, printed) = at(node.url(), &export, &key, node.api_key())
        .await
        .unwrap_or_else(|error| panic!("{error}: {state:#}"));
    assert!(!printed.contains("canary"), "{printed}");
    let summary: Value = serde_json::from_str(&printed).unwrap();
    let count = |list: &str, kind: &str| {
        let list = summary[list].as_array().unwrap().iter();
        list.filter(|one| one["kind"].as_str().unwrap().ends_with(kind)).count()
    };
    for (part, kind) in [("users", "User"), ("groups", "Group")] {
        let there = node.state_at(&format!("/{part}")).unwrap().as_object().unwrap().len();
        let told = count("written", kind) + count("leftOut", kind);
        // One line stands for all elements of a list that have no readable key.
        assert!(
            told >= there || summary["leftOut"].to_string().contains("entries of the list"),
            "{summary:#}"
        );
    }
    if summary["written"].as_array().unwrap().is_empty() {
        return;
    }
    let plan = [&["plan", "-f", out][..], &options].concat();
    let (ending, planned) = at(node.url(), &plan, &key, node.api_key())
        .await
        .unwrap_or_else(|error| panic!("{error}: {state:#}"));
    assert_eq!(ending, Ending::Done, "{planned} of {state:#}");
    assert_eq!(node.writes(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_node_has_its_export_has_an_empty_plan(
        state in instance(),
        release in prop_oneof![Just("15.2.0"), Just("12.5.0"), Just("14.1.0")],
        product in prop_oneof![Just(Product::Dss), Just(Product::Govern)],
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(exported(product, release, state));
    }
}
