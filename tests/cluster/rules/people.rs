//! How the rules of users, groups and keys are broken.

use serde_json::{Value, json};

use super::{Case, GLOBAL_KEYS, GROUPS, KEYS, LONG, NAMED_GROUPS, THERE, USERS};
use crate::bed::merged;

pub(super) fn people() -> Vec<Case> {
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

pub(super) fn keys() -> Vec<Case> {
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
