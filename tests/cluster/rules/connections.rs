//! How the rules of connections and tasks are broken.

use serde_json::{Value, json};

use super::{CONNECTIONS, Case, NODES, ON_A_NODE, THERE};

pub(super) fn connections() -> Vec<Case> {
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

pub(super) fn tasks() -> Vec<Case> {
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
