//! The objects of a life: all kinds of a node.

use serde_json::{Value, json};
use testbed::simulator::Product;

use super::Setting;

/// The connection whose credential is a password.
pub(super) const BASIC: &str = "warehouse";
/// The connection whose credential is a refresh token.
pub(super) const OAUTH2: &str = "lake";
/// The key of the credential of a plugin.
pub(super) const PRESET: &str = r#""PLUGIN", "sharepoint", "login", "main", "account""#;

/// What an object is not in sync with at this setting, and why: the reason.
pub(super) fn expected(kind: &str, name: &str, (switch, value): &Setting) -> &'static [&'static str] {
    let text = value.as_str().unwrap_or_default();
    match (kind, switch.as_str(), text) {
        // The Launchpad owns the users of such a node.
        ("DssUser" | "GovernUser", "cloud", _) if *value == true => &["Forbidden", "Rejected"],
        // A personal key waits for its user.
        ("DssPersonalApiKey", "cloud", _) if *value == true => &["DependencyNotReady"],
        ("DssUser", "A12", "refused") if name == "mary" => &["Rejected"],
        ("DssTask", "futures", "failing" | "aborted") => &["RunFailed"],
        _ => &["InSync"],
    }
}

/// Kind, plural, name and spec.
pub(super) type Declared = (&'static str, &'static str, &'static str, Value);

/// Every object.
pub(super) fn objects(product: Product) -> Vec<Declared> {
    let user = json!({
        "sourceType": "LOCAL", "passwordSecretRef": { "name": "values" }, "displayName": "Jane", "userProfile": "READER",
        "email": "jane@example.com", "groups": [{ "name": "team" }], "adminProperties": { "costCenter": "4711" },
        "userProperties": { "team": "risk" }, "deletionPolicy": "Delete",
    });
    let group = json!({ "description": "Team", "ldapGroupNames": ["cn=team", "cn=other"], "admin": false });
    let key = json!({ "secretName": "ci-key", "permissions": { "admin": false } });
    let resync = json!({ "resyncUsers": { "all": true } });
    match product {
        Product::Govern => of_govern(user, group, key, resync),
        _ => of_dss(user, group, key, resync),
    }
}

fn of_govern(user: Value, group: Value, key: Value, resync: Value) -> Vec<Declared> {
    let rule = json!([{ "users": ["jane"], "groups": ["team"], "criteria": [{ "type": "always" }] }]);
    let mut task = resync;
    task["instanceRef"] = json!({ "kind": "GovernInstance" });
    vec![
        ("GovernGroup", "governgroups", "team", group),
        ("GovernUser", "governusers", "jane", user),
        ("GovernGlobalApiKey", "governglobalapikeys", "ci", key),
        ("GovernRole", "governroles", "auditor", json!({ "label": "Auditor" })),
        (
            "GovernRoleAssignment",
            "governroleassignments",
            "auditors",
            json!({ "blueprintId": "bp.system.business_initiative", "roleRef": { "name": "auditor" }, "rules": rule }),
        ),
        (
            "GovernBlueprintPermissions",
            "governblueprintpermissions",
            "own",
            json!({ "blueprintId": "bp.system.dataiku_project", "permissions": { "ours": { "read": true } } }),
        ),
        (
            "GovernDefaultPermissions",
            "governdefaultpermissions",
            "default",
            json!({ "permissions": { "ours": { "read": true } } }),
        ),
        ("DssTask", "dsstasks", "resync", task),
    ]
}

fn of_dss(user: Value, group: Value, key: Value, resync: Value) -> Vec<Declared> {
    let token = json!({ "name": "values", "key": "token" });
    let mut jane = user;
    jane["preferences"] = json!({ "mentionEmails": false });
    jane["secrets"] = json!([{ "name": "token", "valueSecretRef": token }]);
    jane["connectionCredentials"] =
        json!([{ "connection": BASIC, "basic": { "username": "JANE", "passwordSecretRef": token } }]);
    jane["pluginCredentials"] = json!([{
        "plugin": "sharepoint", "parameterSet": "login", "preset": "main", "parameter": "account",
        "basic": { "username": "jane", "passwordSecretRef": token },
    }]);
    let mary = json!({
        "sourceType": "LOCAL_NO_AUTH", "displayName": "Mary", "userProfile": "READER", "deletionPolicy": "Delete",
        "connectionCredentials": [{ "connection": OAUTH2, "oauth2": { "refreshTokenSecretRef": token } }],
    });
    vec![
        ("DssGroup", "dssgroups", "team", group),
        ("DssUser", "dssusers", "jane", jane),
        ("DssUser", "dssusers", "mary", mary),
        ("DssGlobalApiKey", "dssglobalapikeys", "ci", key),
        (
            "DssPersonalApiKey",
            "dsspersonalapikeys",
            "jane-key",
            json!({ "user": "jane", "secretName": "jane-key" }),
        ),
        (
            "DssInstanceVariables",
            "dssinstancevariables",
            "variables",
            json!({ "variables": { "region": "eu", "limits": { "rows": 10 } } }),
        ),
        (
            "DssGeneralSettings",
            "dssgeneralsettings",
            "settings",
            json!({ "settings": { "security": { "restrictUsersAndGroupsVisibility": true } } }),
        ),
        (
            "DssImpersonationRule",
            "dssimpersonationrules",
            "rule",
            json!({ "user": { "type": "SINGLE_MAPPING", "dssUser": "jane", "targetUnix": "ujane" } }),
        ),
        ("DssTask", "dsstasks", "resync", resync),
    ]
}
