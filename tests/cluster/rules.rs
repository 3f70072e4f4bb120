//! Every CEL rule of every kind, broken once on a real apiserver: it refuses, names the place and says the message.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Value, json};
use testbed::Namespace;

use crate::bed::{merged, object};

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
        connections(),
        people(),
        keys(),
        documents(),
        assignments(),
        impersonation(),
        tasks(),
    ]
    .concat()
}

fn connections() -> Vec<Case> {
    let selected = json!({ "from": "All", "selector": { "matchLabels": { "a": "b" } } });
    let window = json!([{ "schedule": "0 20 * * 1-5", "duration": "10s" }]);
    let both = json!({ "apiKeySecretRef": { "name": "k" }, "bearerTokenSecretRef": { "name": "t" } });
    vec![
        (
            CONNECTIONS,
            THERE,
            json!({ "url": "ftp://node" }),
            "url must be an http or https URL",
        ),
        (
            CONNECTIONS,
            THERE,
            json!({ "proxyUrl": "socks5://proxy" }),
            "proxyUrl must be an http or https URL",
        ),
        (
            CONNECTIONS,
            THERE,
            json!({ "driftInterval": "1s" }),
            "driftInterval must be at least 5s",
        ),
        (
            CONNECTIONS,
            THERE,
            json!({ "limits": { "listTimeout": "11m" } }),
            "listTimeout must be from 1s to 10m",
        ),
        (
            CONNECTIONS,
            THERE,
            json!({ "changeWindows": window }),
            "duration must be from 1m to 168h",
        ),
        (
            CONNECTIONS,
            THERE,
            json!({ "allowedNamespaces": selected }),
            "selector is for from: Selector",
        ),
        (
            CONNECTIONS,
            THERE,
            json!({ "delegations": [{ "namespaces": selected }] }),
            "selector is for from: Selector",
        ),
        (
            NODES,
            THERE,
            json!({ "inventory": { "interval": "1s" } }),
            "interval must be at least 5s",
        ),
        (
            &["GovernInstance"],
            THERE,
            json!({ "credentials": { "scope": "Own" } }),
            "credentials.scope: Own is for DSS",
        ),
        (
            NODES,
            THERE,
            json!({ "credentials": both }),
            "set exactly one of apiKeySecretRef and bearerTokenSecretRef",
        ),
        (
            ON_A_NODE,
            THERE,
            json!({ "instanceRef": { "name": "other" } }),
            "instanceRef is immutable",
        ),
        (
            &["LaunchpadGroup"],
            THERE,
            json!({ "spaceRef": { "name": "other" } }),
            "spaceRef is immutable",
        ),
    ]
}

fn tasks() -> Vec<Case> {
    const TASK: &[&str] = &["DssTask"];
    let instead = |action: &str, spec: Value| json!({ "resyncUsers": null, action: spec });
    vec![
        (
            TASK,
            THERE,
            json!({ "resyncUsers": { "all": true, "logins": ["a"] } }),
            "set either logins or all: true",
        ),
        (
            TASK,
            THERE,
            instead("provisionUsers", json!({ "sourceType": "LDAP" })),
            "set exactly one of login, email and group",
        ),
        (
            TASK,
            THERE,
            instead("unloadNotebooks", json!({ "idleFor": "-1s" })),
            "idleFor must not be negative",
        ),
        (
            TASK,
            THERE,
            instead("abortFutures", json!({})),
            "set at least one of ids, olderThan and owner",
        ),
        (
            TASK,
            THERE,
            instead("abortFutures", json!({ "olderThan": "-1s" })),
            "olderThan must not be negative",
        ),
        (
            TASK,
            THERE,
            json!({ "resyncUsers": null }),
            "declare exactly one action",
        ),
        (
            TASK,
            THERE,
            json!({ "timeZone": "Europe/Paris" }),
            "timeZone is for a schedule",
        ),
        (
            TASK,
            THERE,
            json!({ "schedule": "0 2 * * *", "ttlSecondsAfterFinished": 60 }),
            "ttlSecondsAfterFinished is for a task without a schedule",
        ),
        (
            TASK,
            THERE,
            json!({ "resyncUsers": null, "schedule": "0 2 * * *", "awaitFuture": { "id": "f" } }),
            "awaitFuture takes no schedule",
        ),
        (
            TASK,
            "other",
            json!({ "instanceRef": { "kind": "GovernInstance", "name": "prod" }, "resyncUsers": null, "pushBaseImages": {} }),
            "a Govern node takes resyncUsers, provisionUsers, abortFutures and awaitFuture",
        ),
        (
            TASK,
            "other",
            json!({ "instanceRef": { "kind": "GovernInstance", "name": "prod" }, "asUser": "jane" }),
            "asUser is for a DSS node",
        ),
        (
            TASK,
            THERE,
            json!({ "timeout": "200h" }),
            "timeout must be from 1s to 168h",
        ),
        (
            &["LaunchpadUser"],
            THERE,
            json!({ "email": "joan@example.com" }),
            "email is immutable",
        ),
        (
            &["LaunchpadUser"],
            THERE,
            json!({ "deletionPolicy": "Disable" }),
            "a user of a space cannot be disabled",
        ),
        (
            &["LaunchpadUser"],
            THERE,
            json!({ "spaceRef": { "name": "other" } }),
            "spaceRef is immutable",
        ),
    ]
}

fn people() -> Vec<Case> {
    let secret = json!({ "name": "s" });
    let long = "x".repeat(101);
    let local =
        json!({ "sourceType": "LOCAL", "passwordSecretRef": secret, "generatePassword": { "secretName": "s" } });
    let neither = json!([{ "connection": "c" }]);
    let plugin = json!([{ "plugin": "p", "parameterSet": "s", "preset": "r", "parameter": "q" }]);
    let owner = json!({ "adminProperties": { "dataiku-operator.io/owner": "me" } });
    vec![
        (USERS, THERE, json!({ "login": "joan" }), "login is immutable"),
        (USERS, "a", json!({}), "metadata.name is not a valid login"),
        (
            USERS,
            THERE,
            json!({ "passwordSecretRef": secret }),
            "passwordSecretRef is for sourceType LOCAL only",
        ),
        (
            USERS,
            THERE,
            json!({ "generatePassword": { "secretName": "s" } }),
            "generatePassword is for sourceType LOCAL only",
        ),
        (
            USERS,
            THERE,
            local,
            "set passwordSecretRef or generatePassword, not both",
        ),
        (
            USERS,
            THERE,
            json!({ "userProperties": { &long: "x" } }),
            "the name of a property has 1 to 100 characters",
        ),
        (
            USERS,
            THERE,
            json!({ "adminProperties": { &long: "x" } }),
            "the name of a property has 1 to 100 characters",
        ),
        (USERS, THERE, owner, "belongs to the operator"),
        (
            &["DssUser"],
            THERE,
            json!({ "connectionCredentials": neither }),
            "set exactly one of basic and oauth2",
        ),
        (
            &["DssUser"],
            THERE,
            json!({ "pluginCredentials": plugin }),
            "set exactly one of basic and oauth2",
        ),
        (NAMED_GROUPS, THERE, json!({ "name": "others" }), "name is immutable"),
        (GROUPS, LONG, json!({}), "metadata.name is not a valid group name"),
        (
            NAMED_GROUPS,
            THERE,
            json!({ "deletionPolicy": "Disable" }),
            "a group cannot be disabled",
        ),
        (
            GROUPS,
            THERE,
            json!({ "permissions": { "admin": true } }),
            "is not a permission flag",
        ),
        (
            GROUPS,
            THERE,
            json!({ "permissions": { long: true } }),
            "the name of a permission flag has 1 to 100 characters",
        ),
    ]
}

/// A name that Kubernetes takes and Dataiku does not.
const LONG: &str = "a-name-of-more-than-eighty-characters-which-kubernetes-takes-and-which-is-no-name-there";
/// The same for an identifier of at most a hundred characters.
const DOTTED: &str = "with.dots";

fn keys() -> Vec<Case> {
    let adopted = json!({ "id": "k1", "adoptionPolicy": "Adopt", "secretName": null });
    let with = |extra: Value| merged(adopted.clone(), extra);
    let rotation = |interval: &str, overlap: &str| json!({ "rotation": { "interval": interval, "overlap": overlap } });
    vec![
        (
            GLOBAL_KEYS,
            THERE,
            json!({ "permissions": { "mayX": true } }),
            "set exactly one of groups and permissions",
        ),
        (
            KEYS,
            "other",
            json!({ "secretName": null }),
            "set exactly one of secretName",
        ),
        (KEYS, THERE, adopted.clone(), "id is immutable"),
        (
            KEYS,
            "other",
            with(json!({ "adoptionPolicy": null })),
            "id needs adoptionPolicy: Adopt",
        ),
        (
            KEYS,
            THERE,
            json!({ "adoptionPolicy": "Adopt" }),
            "to adopt an API key, set id",
        ),
        (
            KEYS,
            "other",
            with(rotation("24h", "1h")),
            "rotation and secretTemplate need secretName",
        ),
        (
            KEYS,
            THERE,
            json!({ "deletionPolicy": "Disable" }),
            "an API key cannot be disabled",
        ),
        (
            KEYS,
            THERE,
            rotation("1s", "0s"),
            "rotation.interval must be at least 10s",
        ),
        (
            KEYS,
            THERE,
            rotation("1h", "-1s"),
            "rotation.overlap must not be negative",
        ),
        (
            &["DssPersonalApiKey"],
            THERE,
            json!({ "user": "joan" }),
            "user is immutable",
        ),
    ]
}

fn documents() -> Vec<Case> {
    let disable = json!({ "deletionPolicy": "Disable" });
    let without_key = json!([{ "path": "/a/b", "valueSecretRef": { "name": "s" } }]);
    vec![
        (
            SETTINGS,
            THERE,
            json!({ "settings": null }),
            "declare settings or secretSettings",
        ),
        (SETTINGS, THERE, disable.clone(), "settings cannot be disabled"),
        (
            SETTINGS,
            THERE,
            json!({ "secretSettings": without_key }),
            "valueSecretRef needs a key",
        ),
        (
            &["DssInstanceVariables"],
            THERE,
            disable.clone(),
            "variables cannot be disabled",
        ),
        (PERMISSIONS, THERE, disable.clone(), "permissions cannot be disabled"),
        (
            &["GovernBlueprintPermissions"],
            THERE,
            json!({ "useDefaults": true }),
            "declare either permissions or useDefaults: true",
        ),
        (
            &["GovernBlueprintPermissions"],
            THERE,
            json!({ "blueprintId": "bp.b" }),
            "blueprintId is immutable",
        ),
        (
            &["GovernBlueprintPermissions"],
            "other",
            json!({ "blueprintId": "default" }),
            "use GovernDefaultPermissions",
        ),
        (
            &["GovernRole"],
            THERE,
            json!({ "identifier": "other" }),
            "identifier is immutable",
        ),
        (
            &["GovernRole"],
            DOTTED,
            json!({}),
            "metadata.name is not a valid identifier",
        ),
        (&["GovernRole"], THERE, disable, "a role cannot be disabled"),
    ]
}

fn assignments() -> Vec<Case> {
    let role = json!({ "roleId": null, "roleRef": { "name": "r" } });
    vec![
        (
            ASSIGNMENT,
            THERE,
            json!({ "rules": null }),
            "an empty list of rules needs rulesPolicy",
        ),
        (
            ASSIGNMENT,
            THERE,
            json!({ "roleRef": { "name": "r" } }),
            "declare either roleId or roleRef",
        ),
        (ASSIGNMENT, THERE, role, "roleId and roleRef are immutable"),
        (ASSIGNMENT, THERE, json!({ "roleId": "ro.b" }), "roleId is immutable"),
        (
            ASSIGNMENT,
            THERE_BY_NAME,
            json!({ "roleId": null, "roleRef": { "name": "b" } }),
            "roleRef is immutable",
        ),
        (
            ASSIGNMENT,
            THERE,
            json!({ "deletionPolicy": "Disable" }),
            "a role assignment cannot be disabled",
        ),
        (
            ASSIGNMENT,
            THERE,
            json!({ "blueprintId": "bp.b" }),
            "blueprintId is immutable",
        ),
        (
            ASSIGNMENT,
            "other",
            json!({ "blueprintId": "default" }),
            "default is reserved",
        ),
        (
            ASSIGNMENT,
            THERE,
            json!({ "inherit": {} }),
            "inherit needs blueprintId or artifactFieldId",
        ),
        (
            ASSIGNMENT,
            THERE,
            json!({ "rules": [{ "users": [] }] }),
            "a rule needs at least one of users",
        ),
    ]
}

/// An assignment that names its role by reference.
const THERE_BY_NAME: &str = "there-by-name";

fn impersonation() -> Vec<Case> {
    let for_users = |rule: Value| json!({ "user": rule });
    let for_groups = |rule: Value| json!({ "user": null, "group": rule });
    let identity = "an IDENTITY rule has neither a subject nor a target";
    let project = json!({ "type": "SINGLE_MAPPING", "dssUser": "j", "targetUnix": "u", "projectKey": "P" });
    vec![
        (
            IMPERSONATION,
            "other",
            json!({ "user": null }),
            "declare either user or group",
        ),
        (
            IMPERSONATION,
            THERE,
            for_groups(json!({ "type": "IDENTITY" })),
            "a rule stays one for users or for groups",
        ),
        (
            IMPERSONATION,
            THERE,
            json!({ "deletionPolicy": "Disable" }),
            "a rule cannot be disabled",
        ),
        (
            IMPERSONATION,
            THERE,
            for_users(json!({ "type": "IDENTITY", "dssUser": "j" })),
            identity,
        ),
        (
            IMPERSONATION,
            THERE,
            for_users(json!({ "type": "SINGLE_MAPPING", "dssUser": "j" })),
            "a SINGLE_MAPPING rule needs dssUser and targetUnix",
        ),
        (
            IMPERSONATION,
            THERE,
            for_users(json!({ "type": "REGEXP_RULE", "ruleFrom": "(.*)" })),
            "a REGEXP_RULE needs ruleFrom and targetUnix, and takes no dssUser",
        ),
        (
            IMPERSONATION,
            THERE,
            for_users(project),
            "projectKey belongs to scope: PROJECT",
        ),
        (
            IMPERSONATION,
            "other",
            for_groups(json!({ "type": "IDENTITY", "dssGroup": "g" })),
            identity,
        ),
        (
            IMPERSONATION,
            "other",
            for_groups(json!({ "type": "SINGLE_MAPPING", "dssGroup": "g" })),
            "a SINGLE_MAPPING rule needs dssGroup and targetUnix",
        ),
        (
            IMPERSONATION,
            "other",
            for_groups(json!({ "type": "REGEXP_RULE", "ruleFrom": "(.*)" })),
            "a REGEXP_RULE needs ruleFrom and targetUnix, and takes no dssGroup",
        ),
    ]
}

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
