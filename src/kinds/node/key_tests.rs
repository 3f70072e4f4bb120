#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

use std::{collections::BTreeMap, time::Instant};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, method, path},
};

use super::*;
use crate::{
    crd::DssGlobalApiKey,
    dataiku::listed::Listed,
    engine::{Change, Secrets},
    kinds::node::tests::{API, Bed, document, dss, object, permit},
};

const UID: &str = "0a1b2c";
const OURS: &str = "[dataiku-operator.io/owner: team/ci 0a1b2c]";

fn ci(spec: Value) -> DssGlobalApiKey {
    let mut all = json!({ "secretName": "ci-key" });
    if spec.get("groups").is_none() {
        all["permissions"] = json!({});
    }
    for (key, value) in spec.as_object().unwrap() {
        all[key] = value.clone();
    }
    let mut object: DssGlobalApiKey = object("DssGlobalApiKey", "ci", &all);
    object.metadata.uid = Some(UID.into());
    object
}

fn record(value: &Value) -> Arc<GlobalKeyRecord> {
    Arc::new(GlobalKeyRecord::from_document(&document(value)).unwrap())
}

/// A key of `ci` with `extra` merged into its definition.
fn definition(id: &str, extra: Value) -> Value {
    let mut all = json!({
        "id": id, "label": "ci", "description": OURS, "groups": null,
        "globalPermissions": { "admin": false, "mayCreateProjects": false }, "unknown": { "x": 1.50 },
    });
    for (key, value) in extra.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// A bed whose node has these keys; `id`: the one on record.
fn bed(id: Option<&str>, keys: &[Value]) -> Bed {
    let mut bed = Bed::default();
    let items = keys.iter().map(record).collect();
    bed.lists.keys.replace(Instant::now(), &Listed { items, unreadable: 0 });
    bed.record.id = id.map(str::to_owned);
    bed.record.grants = grants(&ci(json!({})));
    bed
}

fn published(secret: Secret) -> Secrets {
    [(PUBLISHED.to_owned(), secret)].into_iter().collect()
}

fn missing() -> Secrets {
    published(Secret::Missing("Secret team/ci-key not found".into()))
}

fn seen(definition: &Value) -> SeenKey {
    SeenKey {
        key: Some(record(definition)),
        document: Some(document(definition)),
    }
}

fn steps(object: &DssGlobalApiKey, bed: &Bed, seen: Option<&SeenKey>) -> Vec<String> {
    Key::plan(object, &bed.given(), seen).unwrap().steps()
}

/// The definition after the only edit of the plan.
fn edited(object: &DssGlobalApiKey, bed: &Bed, found: &Value) -> (Vec<String>, Value) {
    let plan = Key::plan(object, &bed.given(), Some(&seen(found))).unwrap();
    let [KeyChange::Edit { edit, .. }] = &plan.changes[..] else {
        panic!("{:?}", plan.steps());
    };
    let mut document = document(found);
    edit.write(&mut document).unwrap();
    (plan.steps(), serde_json::to_value(&document).unwrap())
}

#[test]
fn a_key_is_created_with_its_mark_and_its_rights() {
    let mut bed = bed(None, &[]);
    bed.secrets = missing();
    let object = ci(json!({ "description": "pipeline", "permissions": { "mayCreateProjects": true, "admin": false } }));
    let plan = Key::plan(&object, &bed.given(), None).unwrap();
    let [KeyChange::Create(new)] = &plan.changes[..] else {
        panic!()
    };
    assert_eq!(new.label, "ci");
    assert_eq!(new.description, format!("pipeline {OURS}"));
    assert_eq!(new.groups, None);
    assert_eq!(new.permissions.len(), 2);
    assert_eq!(new.url, "https://dss.example.com");
    assert_eq!(plan.outstanding(), ["create API key"]);
    assert!(plan.creates() && plan.changes[0].slots().is_empty());
    assert_eq!(plan.grants.list(PERMISSIONS), ["mayCreateProjects"]);
    assert_eq!(plan.grants.list(MARKS), [OURS]);
}

#[test]
fn groups_that_do_not_exist_wait_and_the_impersonated_user_follows() {
    let mut bed = bed(None, &[]);
    bed.secrets = missing();
    let object = ci(json!({ "label": "other", "groups": ["a", "later"], "dssUserForImpersonation": "svc" }));
    let plan = Key::plan(&object, &bed.given(), None).unwrap();
    let [KeyChange::Create(new)] = &plan.changes[..] else {
        panic!()
    };
    assert_eq!(
        (new.label.as_str(), &new.groups),
        ("other", &Some(vec!["a".to_owned()]))
    );
    assert_eq!(plan.waiting, ["group later does not exist yet"]);
    assert_eq!(new.follows, ["set dssUserForImpersonation to svc"]);
}

#[test]
fn a_key_as_declared_is_left_alone() {
    let found = definition(
        "k1",
        json!({ "description": format!("by hand {OURS}"), "label": "renamed" }),
    );
    let bed = bed(
        Some("k1"),
        &[
            found.clone(),
            definition("other", json!({ "description": "of somebody else" })),
        ],
    );
    for spec in [
        json!({}),
        json!({ "label": "renamed", "description": "by hand", "permissions": { "mayFly": false } }),
    ] {
        assert_eq!(steps(&ci(spec), &bed, Some(&seen(&found))), Vec::<String>::new());
    }
}

#[test]
fn an_edit_writes_what_is_declared_and_nothing_else() {
    let found = definition(
        "k1",
        json!({ "dssUserForImpersonation": "old", "description": "no mark" }),
    );
    let mut bed = bed(Some("k1"), std::slice::from_ref(&found));
    bed.record.grants.add(
        [(PERMISSIONS, BTreeSet::from(["mayDrop".to_owned()]))]
            .into_iter()
            .collect(),
    );
    let object = ci(json!({
        "label": "new", "description": "why", "dssUserForImpersonation": "", "permissions": { "mayCreateProjects": true }
    }));
    let mut before = found.clone();
    before["globalPermissions"]["mayDrop"] = json!(true);
    let (steps, after) = edited(&object, &bed, &before);
    assert_eq!(
        steps,
        [
            "set label to new",
            "clear dssUserForImpersonation",
            "set description to why",
            "set mayCreateProjects to true",
            "set mayDrop to false"
        ]
    );
    let mut expected = before;
    expected["label"] = json!("new");
    expected["description"] = json!(format!("why {OURS}"));
    expected["dssUserForImpersonation"] = json!("");
    expected["globalPermissions"] = json!({ "admin": false, "mayCreateProjects": true, "mayDrop": false });
    assert_eq!(after, expected);
}

#[test]
fn a_mark_that_somebody_removed_comes_back_beside_their_words() {
    let found = definition("k1", json!({ "description": "theirs" }));
    let bed = bed(Some("k1"), std::slice::from_ref(&found));
    let (steps, after) = edited(&ci(json!({})), &bed, &found);
    assert_eq!(steps, ["add the mark to the description"]);
    assert_eq!(after["description"], format!("theirs {OURS}"));
}

#[test]
fn a_key_changes_from_rights_of_its_own_to_those_of_groups_and_back() {
    let mut flags = definition("k1", json!({}));
    flags["globalPermissions"]["mayCreateProjects"] = json!(true);
    let mut bed = bed(Some("k1"), &[]);
    bed.record.grants.add(
        [(PERMISSIONS, BTreeSet::from(["mayCreateProjects".to_owned()]))]
            .into_iter()
            .collect(),
    );
    let (steps, by_groups) = edited(&ci(json!({ "groups": ["a"] })), &bed, &flags);
    assert_eq!(steps, ["add to group a", "set mayCreateProjects to false"]);
    assert_eq!(by_groups["groups"], json!(["a"]));
    let plan = Key::plan(
        &ci(json!({ "permissions": { "admin": false } })),
        &bed.given(),
        Some(&seen(&by_groups)),
    )
    .unwrap();
    assert_eq!(plan.steps(), ["take the rights of groups away"]);
    assert!(plan.changes[0].withdraws());
    let (_, by_flags) = edited(&ci(json!({})), &bed, &by_groups);
    assert_eq!(by_flags["groups"], Value::Null);
}

#[test]
fn groups_of_a_key_are_exact() {
    let found = definition("k1", json!({ "groups": ["a", "b"] }));
    let bed = bed(Some("k1"), std::slice::from_ref(&found));
    let (steps, after) = edited(&ci(json!({ "groups": ["b", "c"] })), &bed, &found);
    assert_eq!(steps, ["add to group c", "remove from group a"]);
    assert_eq!(after["groups"], json!(["b", "c"]));
}

#[test]
fn rights_that_cannot_be_read_wait_and_the_rest_is_written() {
    let found = definition("k1", json!({ "globalPermissions": "odd", "label": "old" }));
    let bed = bed(Some("k1"), std::slice::from_ref(&found));
    let object = ci(json!({ "label": "new", "permissions": { "admin": false } }));
    let plan = Key::plan(&object, &bed.given(), Some(&seen(&found))).unwrap();
    assert_eq!(plan.steps(), ["set label to new"]);
    assert!(plan.deferred && plan.waiting[0].starts_with("globalPermissions"));
}

#[test]
fn a_secret_that_is_missing_or_edited_means_a_new_key_and_one_that_nobody_read_does_not() {
    let found = definition("k1", json!({}));
    let mut bed = bed(Some("k1"), std::slice::from_ref(&found));
    let object = ci(json!({}));
    for (secret, expected) in [
        (Secret::Missing("gone".into()), vec!["create API key"]),
        (Secret::Unusable("odd".into()), vec!["create API key"]),
        (
            Secret::Changed("other".to_owned().into(), "k:1".into()),
            vec!["create API key"],
        ),
        (Secret::Unchanged("value".to_owned().into(), "k:2".into()), vec![]),
        (Secret::Unread, vec![]),
    ] {
        bed.secrets = published(secret);
        assert_eq!(steps(&object, &bed, Some(&seen(&found))), expected);
    }
}

#[test]
fn the_key_that_was_replaced_is_deleted_and_nobody_elses() {
    let (old, new) = (definition("k1", json!({})), definition("k2", json!({})));
    let other = "[dataiku-operator.io/owner: team/ci ffffff]";
    let bed = bed(
        Some("k2"),
        &[old, new.clone(), definition("k3", json!({ "description": other }))],
    );
    assert_eq!(
        steps(&ci(json!({})), &bed, Some(&seen(&new))),
        ["delete unused API key k1"]
    );
}

#[test]
fn the_mark_of_somebody_else_cannot_be_declared() {
    let theirs = format!("{OURS} [dataiku-operator.io/owner: team/theirs ffffff]");
    for (description, ours) in [
        (OURS.to_owned(), true),
        (format!("before {OURS} after"), true),
        (theirs, false),
        ("[dataiku-operator.io/owner: team/ci 0a1b2c3d]".to_owned(), false),
        ("no mark".to_owned(), false),
    ] {
        assert_eq!(has_mark(&description, OURS), ours, "{description}");
    }
}

#[test]
fn a_key_whose_value_was_lost_is_deleted_and_another_one_created() {
    let mut bed = bed(None, &[definition("k1", json!({}))]);
    bed.secrets = missing();
    let lost = SeenKey {
        key: None,
        document: None,
    };
    let expected = ["delete unused API key k1", "create API key"];
    assert_eq!(steps(&ci(json!({})), &bed, Some(&lost)), expected);
    assert_eq!(
        steps(&ci(json!({})), &bed, None),
        expected,
        "nor after the status was lost"
    );
}

#[test]
fn a_removal_deletes_the_key_and_those_whose_value_was_lost() {
    let (own, lost) = (definition("k1", json!({})), definition("k2", json!({})));
    let bed = bed(
        Some("k1"),
        &[own.clone(), lost, definition("k3", json!({ "description": null }))],
    );
    let plan = Key::removal(&ci(json!({})), DeletionPolicy::Delete, &bed.given(), &seen(&own));
    assert_eq!(plan.steps(), ["delete API key k1", "delete API key k2"]);
    assert!(plan.changes.iter().all(Change::withdraws));
}

#[test]
fn the_status_shows_the_key_and_no_value() {
    let found = definition(
        "k1",
        json!({ "createdOn": 1_700_000_000_000_i64, "createdBy": "operator", "expiresOn": 0, "key": "canary-value" }),
    );
    let shown = Key::show(
        &ci(json!({})),
        Some(&seen(&found)),
        &Applied::default(),
        &NodeLists::default(),
    );
    let shown = serde_json::to_value(shown).unwrap();
    assert_eq!(
        shown,
        json!({ "id": "k1", "createdOn": "2023-11-14T22:13:20Z", "createdBy": "operator" })
    );
}

#[tokio::test]
async fn the_value_goes_from_the_answer_into_the_receipt() {
    let server = MockServer::start().await;
    let body = json!({ "label": "ci", "description": OURS, "globalPermissions": { "admin": false } });
    Mock::given(method("POST"))
        .and(path(format!("{API}/admin/global-api-keys/")))
        .and(body_json(&body))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "id": "k1", "key": "canary-value" })))
        .mount(&server)
        .await;
    let mut bed = bed(None, &[]);
    bed.secrets = missing();
    let plan = Key::plan(&ci(json!({ "permissions": { "admin": false } })), &bed.given(), None).unwrap();
    let [KeyChange::Create(new)] = &plan.changes[..] else {
        panic!()
    };
    let receipt = new.post(&dss(&server.uri()), permit()).await.unwrap();
    assert_eq!(receipt.id.as_deref(), Some("k1"));
    let secret: BTreeMap<_, _> = receipt
        .secret
        .iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value.expose_secret().to_owned()))
        .collect();
    let expected = [
        ("apiKey", "canary-value"),
        ("apiKeyId", "k1"),
        ("url", "https://dss.example.com"),
    ];
    assert_eq!(secret, expected.map(|(key, value)| (key, value.to_owned())).into());
}
