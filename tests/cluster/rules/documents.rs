//! How the rules of shared documents and assignments are broken.

use serde_json::{Value, json};

use super::{ASSIGNMENT, Case, DOTTED, IMPERSONATION, PERMISSIONS, SETTINGS, THERE, THERE_BY_NAME};

pub(super) fn documents() -> Vec<Case> {
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

pub(super) fn assignments() -> Vec<Case> {
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

pub(super) fn impersonation() -> Vec<Case> {
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
