//! Objects that a connection refuses go on as soon as it allows them. The interval of the sweeps is an hour here: it is the edit
//! of the connection that wakes them.

use std::time::Duration;

use memory_apiserver::{Action, Rule};
use serde_json::{Value, json};

use super::rig::{Rig, TENANT};
use crate::engine::Reason;

const CONNECTIONS: [&str; 3] = ["dssinstances", "governinstances", "launchpadspaces"];

/// An object of each kind, and of each action of a task, that needs a delegation: kind, plural, name and spec.
fn objects(round: usize) -> Vec<(&'static str, &'static str, String, Value)> {
    let groups = json!([{ "name": "administrators" }]);
    let local = |login: &str| json!({ "login": login, "sourceType": "LOCAL_NO_AUTH", "groups": groups });
    let role = format!("ro.t-{round}");
    let key = |name: &str| json!({ "secretName": format!("{name}-{round}"), "permissions": { "admin": true } });
    let all = [
        ("DssUser", "dssusers", local(&format!("t-{round}"))),
        (
            "DssGroup",
            "dssgroups",
            json!({ "name": format!("team-{round}"), "admin": true }),
        ),
        ("DssGlobalApiKey", "dssglobalapikeys", key("dss")),
        (
            "DssPersonalApiKey",
            "dsspersonalapikeys",
            json!({ "user": "ceo", "secretName": format!("personal-{round}") }),
        ),
        (
            "DssInstanceVariables",
            "dssinstancevariables",
            json!({ "variables": { format!("v{round}"): "x" } }),
        ),
        (
            "DssGeneralSettings",
            "dssgeneralsettings",
            json!({ "settings": { "limits": { format!("s{round}"): 1 } } }),
        ),
        (
            "DssImpersonationRule",
            "dssimpersonationrules",
            json!({ "user": { "type": "SINGLE_MAPPING", "dssUser": format!("t-{round}"), "targetUnix": "t" } }),
        ),
        ("DssTask", "dsstasks", json!({ "resyncUsers": { "all": true } })),
        ("DssTask", "dsstasks", json!({ "abortFutures": { "olderThan": "1h" } })),
        (
            "DssTask",
            "dsstasks",
            json!({ "accessReport": { "format": "json", "configMapName": format!("access-{round}") } }),
        ),
        ("GovernUser", "governusers", local(&format!("t-{round}"))),
        (
            "GovernGroup",
            "governgroups",
            json!({ "name": format!("team-{round}"), "admin": true }),
        ),
        ("GovernGlobalApiKey", "governglobalapikeys", key("govern")),
        (
            "GovernRole",
            "governroles",
            json!({ "roleId": role, "label": "T", "definition": {} }),
        ),
        (
            "GovernRoleAssignment",
            "governroleassignments",
            json!({
                "blueprintId": "bp.system.govern_project", "roleId": "ro.contributor", "rules": [{ "users": ["ceo"] }],
            }),
        ),
        (
            "GovernBlueprintPermissions",
            "governblueprintpermissions",
            json!({ "blueprintId": "bp.system.govern_project", "permissions": { format!("p{round}"): true } }),
        ),
        (
            "GovernDefaultPermissions",
            "governdefaultpermissions",
            json!({ "permissions": { format!("p{round}"): true } }),
        ),
        (
            "LaunchpadGroup",
            "launchpadgroups",
            json!({ "name": format!("team-{round}"), "launchpadPermissions": { "mayManageUsers": true } }),
        ),
        (
            "LaunchpadUser",
            "launchpadusers",
            json!({ "email": format!("t-{round}@example.com"), "groups": [{ "name": "space_administrators" }] }),
        ),
    ];
    let named = all.into_iter().enumerate();
    named
        .map(|(number, (kind, plural, spec))| (kind, plural, format!("o{round}-{number}"), spec))
        .collect()
}

/// Every reason but one.
fn allowed() -> Vec<&'static str> {
    let all = Reason::ALL.map(Reason::as_str).into_iter();
    // What is on its way shows where it arrives.
    all.filter(|reason| !["NotAllowed", "Progressing"].contains(reason))
        .collect()
}

impl Rig {
    fn all_terms(&self, terms: &Value) {
        for (plural, name) in CONNECTIONS.into_iter().zip(["design", "govern", "prod"]) {
            self.server
                .patch(plural, super::rig::HOME, name, json!({ "spec": terms }));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_every_kind_that_a_connection_refused_goes_on_once_the_connection_allows_it() {
    let rig = Rig::with(json!({ "driftInterval": "1h" })).await;
    let kinds: Vec<String> = objects(0).iter().map(|(kind, ..)| (*kind).to_owned()).collect();
    for definition in crate::crd::all() {
        let kind = definition.spec.names.kind;
        let is_connection = ["DssInstance", "GovernInstance", "LaunchpadSpace"].contains(&&*kind);
        assert!(is_connection || kinds.contains(&kind), "{kind} is not here");
    }
    let everything = json!([{
        "namespaces": { "from": "Names", "names": [TENANT] }, "kinds": kinds, "adopt": true, "delete": true, "observe": "All",
        "privileges": ["administrators", "admin", "space_administrators", "mayManageUsers", "definition"],
    }]);
    for round in 0..3 {
        rig.all_terms(&json!({ "delegations": null }));
        for (kind, _, name, spec) in objects(round) {
            rig.tenant(kind, &name, spec);
        }
        for (_, plural, name, _) in objects(round) {
            rig.tenant_is(plural, &name, &["NotAllowed"]).await;
        }
        rig.all_terms(&json!({ "delegations": everything }));
        for (_, plural, name, _) in objects(round) {
            rig.tenant_is(plural, &name, &allowed()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_refused_by_terms_that_changed_meanwhile_is_judged_again() {
    let every = json!({ "delegations": [{ "namespaces": { "from": "All" }, "kinds": ["DssTask"], "users": ["*"] }] });
    let rig = Rig::with(json!({ "driftInterval": "1h" })).await;
    rig.terms(every.clone());
    rig.tenant("DssTask", "t", json!({ "resyncUsers": { "all": true } }));
    rig.tenant_is("dsstasks", "t", &["InSync"]).await;
    rig.terms(json!({ "delegations": null }));
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The refusal reaches the status after the connection allows it again, and has told everybody.
    let slow = Rule::new(Action::Delay(Duration::from_secs(4)));
    rig.server.fault(slow.path("dsstasks").subresource("status").times(1));
    let edit = json!({ "spec": { "resyncUsers": { "all": null, "logins": ["joe"] } } });
    rig.server.patch("dsstasks", TENANT, "t", edit);
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.terms(every);
    rig.tenant_is("dsstasks", "t", &["InSync"]).await;
    assert_eq!((rig.dss.count("D17"), rig.dss.count("D18")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_would_have_changed_a_protected_user_runs_once_the_user_is_not_protected_any_more() {
    let rig = Rig::with(json!({ "driftInterval": "1h" })).await;
    let users = json!({ "ana": { "email": "ana@example.com", "groups": ["g"] } });
    rig.dss
        .patch_state(json!({ "directory": { "LDAP": { "users": users, "groups": ["g"] } } }))
        .unwrap();
    rig.terms(json!({ "delegations": [{ "namespaces": { "from": "All" }, "kinds": ["DssTask"], "users": ["*"] }] }));
    let tasks = [
        ("named", json!({ "resyncUsers": { "logins": ["joe"] } })),
        (
            "group",
            json!({ "provisionUsers": { "sourceType": "LDAP", "group": "g" } }),
        ),
        (
            "login",
            json!({ "provisionUsers": { "sourceType": "LDAP", "login": "ana" } }),
        ),
    ];
    for round in 0..3 {
        rig.terms(json!({ "protected": { "users": ["joe", "ana"] } }));
        for (name, action) in &tasks {
            rig.tenant("DssTask", &format!("{name}-{round}"), action.clone());
        }
        for (name, _) in &tasks {
            let object = rig
                .tenant_is("dsstasks", &format!("{name}-{round}"), &["NotAllowed", "InSync"])
                .await;
            let message = super::rig::ready(&object)["message"].to_string();
            assert!(message.contains("protected.users") || round > 0, "{message}");
        }
        rig.terms(json!({ "protected": null }));
        for (name, _) in &tasks {
            rig.tenant_is("dsstasks", &format!("{name}-{round}"), &["InSync", "RunFailed"])
                .await;
        }
    }
}
