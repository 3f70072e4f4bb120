//! Every CEL rule of every kind, broken once on a real apiserver: it refuses, names the place and says the message.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Value, json};
use testbed::Namespace;

use crate::bed::{merged, object};

mod connections;
mod documents;
mod people;

const CONNECTIONS: &[&str] = &["DssInstance", "GovernInstance", "LaunchpadSpace"];
const NODES: &[&str] = &["DssInstance", "GovernInstance"];
const KEYS: &[&str] = &["DssGlobalApiKey", "GovernGlobalApiKey", "DssPersonalApiKey"];
const GLOBAL_KEYS: &[&str] = &["DssGlobalApiKey", "GovernGlobalApiKey"];
const GROUPS: &[&str] = &["DssGroup", "GovernGroup"];
const NAMED_GROUPS: &[&str] = &["DssGroup", "GovernGroup", "LaunchpadGroup"];
const USERS: &[&str] = &["DssUser", "GovernUser"];
const PERMISSIONS: &[&str] = &["GovernBlueprintPermissions", "GovernDefaultPermissions"];
const ASSIGNMENT: &[&str] = &["GovernRoleAssignment"];
const IMPERSONATION: &[&str] = &["DssImpersonationRule"];
const SETTINGS: &[&str] = &["DssGeneralSettings"];
const ON_A_NODE: &[&str] = &[
    "DssGeneralSettings",
    "DssGlobalApiKey",
    "DssGroup",
    "DssImpersonationRule",
    "DssInstanceVariables",
    "DssPersonalApiKey",
    "DssTask",
    "DssUser",
    "GovernBlueprintPermissions",
    "GovernDefaultPermissions",
    "GovernGlobalApiKey",
    "GovernGroup",
    "GovernRoleAssignment",
    "GovernRole",
    "GovernUser",
];

/// A spec that the apiserver takes.
fn good(kind: &str) -> Value {
    let own = match kind {
        "DssInstance" | "GovernInstance" => {
            return json!({ "url": "https://node.example.com", "credentials": { "apiKeySecretRef": { "name": "k" } } });
        }
        "LaunchpadSpace" => return json!({ "spaceId": "space-1", "credentials": { "secretRef": { "name": "k" } } }),
        "LaunchpadGroup" => return json!({ "spaceRef": { "name": "prod" } }),
        "LaunchpadUser" => return json!({ "spaceRef": { "name": "prod" }, "email": "jane@example.com" }),
        "DssTask" => json!({ "resyncUsers": { "all": true } }),
        "DssGeneralSettings" => json!({ "settings": { "security": { "a": true } } }),
        "DssGlobalApiKey" | "GovernGlobalApiKey" => json!({ "groups": ["g"], "secretName": "s" }),
        "DssPersonalApiKey" => json!({ "user": "jane", "secretName": "s" }),
        "DssImpersonationRule" => json!({ "user": { "type": "SINGLE_MAPPING", "dssUser": "j", "targetUnix": "u" } }),
        "DssInstanceVariables" => json!({ "variables": { "a": 1 } }),
        "DssUser" | "GovernUser" => json!({ "sourceType": "LOCAL_NO_AUTH" }),
        "GovernBlueprintPermissions" => json!({ "blueprintId": "bp.a", "permissions": { "ro.a": { "read": true } } }),
        "GovernDefaultPermissions" => json!({ "permissions": { "ro.a": { "read": true } } }),
        "GovernRoleAssignment" => {
            json!({ "blueprintId": "bp.a", "roleId": "ro.a", "rules": [{ "users": ["jane"] }] })
        }
        "GovernRole" => json!({ "label": "A" }),
        "DssGroup" | "GovernGroup" => json!({}),
        other => panic!("{other} has no example here: add one, and a case for each of its rules"),
    };
    merged(json!({ "instanceRef": { "name": "node" } }), own)
}

/// One way to break a rule: kinds, the name of the object, what differs from [`good`], the message.
type Case = (&'static [&'static str], &'static str, Value, &'static str);

/// The object that exists with a good spec.
const THERE: &str = "there";

fn cases() -> Vec<Case> {
    [
        connections::connections(),
        people::people(),
        people::keys(),
        documents::documents(),
        documents::assignments(),
        documents::impersonation(),
        connections::tasks(),
    ]
    .concat()
}

/// A name that Kubernetes takes and Dataiku does not.
const LONG: &str = "a-name-of-more-than-eighty-characters-which-kubernetes-takes-and-which-is-no-name-there";
/// The same for an identifier of at most a hundred characters.
const DOTTED: &str = "with.dots";

/// An assignment that names its role by reference.
const THERE_BY_NAME: &str = "there-by-name";

/// Places and messages of the rules in a schema.
fn rules(path: &str, schema: &JSONSchemaProps, found: &mut Vec<(String, String)>) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        found.push((path.to_owned(), rule.message.clone().unwrap_or_default()));
    }
    for (name, field) in schema.properties.iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        rules(&path, field, found);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        rules(&format!("{path}[0]"), items, found);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        rules(&format!("{path}.*"), values, found);
    }
}

/// Rules of every kind.
fn all_rules() -> BTreeMap<String, Vec<(String, String)>> {
    let mut all = BTreeMap::new();
    for definition in dataiku_operator::crd::all() {
        let mut found = Vec::new();
        for version in &definition.spec.versions {
            let schema = version
                .schema
                .as_ref()
                .and_then(|schema| schema.open_api_v3_schema.as_ref());
            rules("", schema.unwrap(), &mut found);
        }
        all.insert(definition.spec.names.kind, found);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apiserver_refuses_what_breaks_any_rule_and_names_place_and_message() {
    let namespace = Namespace::create("rules").await.unwrap();
    namespace.control_plane().installation().await.unwrap();
    let all = all_rules();
    for kind in all.keys() {
        namespace.apply_object(&object(kind, THERE, good(kind))).await.unwrap();
    }
    let by_name = merged(
        good("GovernRoleAssignment"),
        json!({ "roleId": null, "roleRef": { "name": "a" } }),
    );
    let by_name = object("GovernRoleAssignment", THERE_BY_NAME, by_name);
    namespace.apply_object(&by_name).await.unwrap();
    let mut untested = all.clone();
    for (kinds, name, extra, words) in cases() {
        for kind in kinds {
            let broken = object(kind, name, merged(good(kind), extra.clone()));
            let refusal = namespace
                .apply_object(&broken)
                .await
                .expect_err(&format!("{broken} was accepted"));
            let refusal = format!("{refusal:#}");
            assert!(refusal.contains(words), "{words} is not in {refusal}");
            let rules = untested.get_mut(*kind).unwrap();
            rules.retain(|(path, message)| {
                let place = if path.is_empty() {
                    message.clone()
                } else {
                    format!("{path}: Invalid value")
                };
                !(refusal.contains(&place) && refusal.contains(message.as_str()))
            });
        }
    }
    untested.retain(|_, rules| !rules.is_empty());
    assert!(untested.is_empty(), "no case breaks {untested:#?}");
}

#[test]
fn every_rule_has_a_message() {
    for (kind, rules) in all_rules() {
        for (path, message) in rules {
            assert!(!message.is_empty(), "{kind} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_selected_by_their_connection_and_their_remote_key() {
    let namespace = Namespace::create("selected").await.unwrap();
    namespace.control_plane().installation().await.unwrap();
    for (name, node) in [("jane", "design"), ("joan", "automation")] {
        let spec = merged(good("DssUser"), json!({ "instanceRef": { "name": node } }));
        namespace.apply_object(&object("DssUser", name, spec)).await.unwrap();
    }
    let status = json!({ "status": { "remote": { "key": "JANE" } } });
    namespace
        .patch_status("DssUser", "jane", "test", &status["status"])
        .await
        .unwrap();
    for (selector, found) in [
        ("spec.instanceRef.name=automation", "joan"),
        ("spec.instanceRef.name!=automation", "jane"),
        ("status.remote.key=JANE", "jane"),
    ] {
        let words = ["get", "dssusers", "-n", namespace.name(), "--field-selector", selector];
        let shown = namespace
            .control_plane()
            .kubectl(&[&words[..], &["-o", "name"]].concat())
            .await
            .unwrap();
        assert_eq!(
            shown.trim(),
            format!("dssuser.dataiku-operator.io/{found}"),
            "{selector}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_managers_of_one_object_each_keep_their_own_entries() {
    let namespace = Namespace::create("managers").await.unwrap();
    namespace.control_plane().installation().await.unwrap();
    let file = namespace.control_plane().folder().join("managers.json");
    for (manager, extra) in [
        (
            "git",
            json!({ "groups": [{ "name": "analysts" }], "adminProperties": { "a": "1" } }),
        ),
        (
            "portal",
            json!({ "groups": [{ "name": "readers" }], "adminProperties": { "b": "2" } }),
        ),
    ] {
        let spec = merged(json!({ "instanceRef": { "name": "design" } }), extra);
        std::fs::write(&file, object("DssUser", "jane", spec).to_string()).unwrap();
        let manager = format!("--field-manager={manager}");
        let file = file.display().to_string();
        let words = ["apply", "--server-side", &manager, "-n", namespace.name(), "-f", &file];
        namespace.control_plane().kubectl(&words).await.unwrap();
    }
    let jane = namespace.get("DssUser", "jane").await.unwrap();
    assert_eq!(
        jane["spec"]["groups"],
        json!([{ "name": "analysts" }, { "name": "readers" }])
    );
    assert_eq!(jane["spec"]["adminProperties"], json!({ "a": "1", "b": "2" }));
}
