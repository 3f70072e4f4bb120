//! Every kind, every way to gain a privilege, with and without a delegation: the remote sides are never written.

use serde_json::{Value, json};

use super::rig::{Rig, ready};

/// An object, and its plural.
type Attempt = (&'static str, &'static str, Value);

fn user(spec: Value) -> Value {
    let mut user = json!({ "passwordSecretRef": { "name": "password" } });
    json_patch::merge(&mut user, &spec);
    user
}

fn users(kind: &'static str, plural: &'static str) -> Vec<Attempt> {
    let groups = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Value>();
    let specs = [
        // Join.
        user(json!({ "login": "t-join", "groups": groups(&["administrators"]) })),
        user(json!({ "login": "t-spelt", "groups": groups(&["Administrators"]) })),
        user(json!({ "login": "t-code", "groups": groups(&["readers", "coders"]) })),
        // Adopt, with a password, to delete, to disable, to take something away.
        user(json!({ "login": "ceo", "adoptionPolicy": "Adopt" })),
        json!({ "login": "ceo", "adoptionPolicy": "Adopt", "deletionPolicy": "Delete" }),
        json!({ "login": "admin", "adoptionPolicy": "Adopt", "enabled": false }),
        json!({ "login": "ceo", "adoptionPolicy": "Adopt", "groups": [], "groupsPolicy": "Exact" }),
        json!({ "login": "CEO", "adoptionPolicy": "Adopt", "email": "tenant@example.com" }),
    ];
    specs.into_iter().map(|spec| (kind, plural, spec)).collect()
}

fn groups(kind: &'static str, plural: &'static str) -> Vec<Attempt> {
    let specs = [
        // Declare.
        json!({ "name": "team-t-1", "admin": true }),
        json!({ "name": "team-t-2", "permissions": { "mayWriteUnsafeCode": true } }),
        json!({ "name": "team-t-3", "permissions": { "isGovernArchitect": true, "mayManageGovern": true } }),
        json!({ "name": "team-t-4", "permissions": { "mayManageCodeEnvs": true, "mayCreateProjects": true } }),
        json!({ "name": "team-t-5", "impersonatableGroupsRegex": ".*" }),
        // Adopt and fill.
        json!({ "name": "administrators", "adoptionPolicy": "Adopt", "ldapGroupNames": ["cn=everyone"] }),
        json!({ "name": "administrators", "adoptionPolicy": "Adopt", "description": "mine" }),
        json!({ "name": "coders", "adoptionPolicy": "Adopt", "ssoGroupNames": ["everyone"] }),
        json!({ "name": "coders", "adoptionPolicy": "Adopt", "sourceType": "LDAP" }),
        json!({ "name": "readers", "adoptionPolicy": "Adopt", "admin": true }),
        json!({ "name": "administrators", "adoptionPolicy": "Adopt", "deletionPolicy": "Delete", "admin": false }),
    ];
    specs.into_iter().map(|spec| (kind, plural, spec)).collect()
}

fn keys() -> Vec<Attempt> {
    let specs = [
        json!({ "secretName": "k1", "permissions": { "admin": true } }),
        json!({ "secretName": "k2", "groups": ["administrators"] }),
        json!({ "secretName": "k3", "groups": ["readers", "coders"] }),
        json!({ "secretName": "k4", "permissions": { "mayDevelopPlugins": true } }),
        json!({ "secretName": "k5", "permissions": { "mayCreateProjects": true }, "dssUserForImpersonation": "ceo" }),
    ];
    let keys = specs.into_iter();
    keys.map(|spec| ("DssGlobalApiKey", "dssglobalapikeys", spec)).collect()
}

fn space() -> Vec<Attempt> {
    let member = json!([{ "email": "t-1@tenant.example.com" }]);
    let specs = [
        json!({ "name": "space_administrators", "adoptionPolicy": "Adopt", "members": member }),
        json!({ "name": "Space_Administrators", "adoptionPolicy": "Adopt", "members": member }),
        json!({ "name": "team-t-1", "launchpadPermissions": { "mayManageUsers": true } }),
        json!({ "name": "team-t-2", "launchpadPermissions": { "billing": { "edit": true } } }),
        json!({ "name": "team-t-3", "nodes": [{ "name": "design-0", "permissions": { "admin": true } }] }),
        json!({ "name": "team-t-4", "nodes": [{ "name": "design-0", "permissions": { "below": { "admin": true } } }] }),
        json!({ "name": "team-t-5", "nodeTypes": [{ "type": "govern", "permissions": { "isGovernArchitect": true } }] }),
    ];
    let people = [
        json!({ "email": "t-2@tenant.example.com", "groups": [{ "name": "space_administrators" }] }),
        json!({ "email": "t-3@tenant.example.com", "groups": [{ "name": "Space_Administrators" }] }),
        json!({ "email": "owner@example.com", "adoptionPolicy": "Adopt", "adminProperties": { "ours": 1 } }),
    ];
    let groups = specs.into_iter();
    let groups = groups.map(|spec| ("LaunchpadGroup", "launchpadgroups", spec));
    let people = people.into_iter();
    groups
        .chain(people.map(|spec| ("LaunchpadUser", "launchpadusers", spec)))
        .collect()
}

/// What gives a privilege by itself, so that no delegation without `privileges` allows it.
fn privileged() -> Vec<Attempt> {
    let mut all = users("DssUser", "dssusers");
    all.extend(users("GovernUser", "governusers"));
    all.extend(groups("DssGroup", "dssgroups"));
    all.extend(groups("GovernGroup", "governgroups"));
    all.extend(keys());
    all.extend(space());
    all
}

/// What needs a delegation, although it gives no privilege by itself.
fn undelegated() -> Vec<Attempt> {
    let rules = json!([{ "users": ["t-1"] }]);
    let role = |role: &str| json!({ "blueprintId": "bp.system.govern_project", "roleId": role, "rules": rules });
    let mut exact = role("ro.reader");
    exact["rulesPolicy"] = json!("Exact");
    vec![
        // Observe.
        (
            "DssUser",
            "dssusers",
            json!({ "login": "ceo", "managementPolicy": "Observe" }),
        ),
        (
            "DssGroup",
            "dssgroups",
            json!({ "name": "readers", "managementPolicy": "Observe" }),
        ),
        (
            "GovernUser",
            "governusers",
            json!({ "login": "ceo", "managementPolicy": "Observe" }),
        ),
        (
            "GovernGroup",
            "governgroups",
            json!({ "name": "coders", "managementPolicy": "Observe" }),
        ),
        (
            "LaunchpadGroup",
            "launchpadgroups",
            json!({ "name": "designers", "managementPolicy": "Observe" }),
        ),
        // Adopt somebody without privileges.
        (
            "DssUser",
            "dssusers",
            user(json!({ "login": "joe", "adoptionPolicy": "Adopt" })),
        ),
        (
            "GovernUser",
            "governusers",
            user(json!({ "login": "joe", "adoptionPolicy": "Adopt" })),
        ),
        (
            "LaunchpadGroup",
            "launchpadgroups",
            json!({ "name": "designers", "adoptionPolicy": "Adopt" }),
        ),
        // Rules, keys and documents of all.
        ("GovernRoleAssignment", "governroleassignments", role("ro.contributor")),
        ("GovernRoleAssignment", "governroleassignments", exact),
        (
            "DssGlobalApiKey",
            "dssglobalapikeys",
            json!({ "secretName": "k9", "permissions": {} }),
        ),
        (
            "DssInstanceVariables",
            "dssinstancevariables",
            json!({ "variables": { "region": "x" } }),
        ),
    ]
}

/// One after the other, so that no attempt hides behind the claim of another one.
async fn nothing_is_given_one_by_one(rig: &Rig, attempts: Vec<Attempt>) {
    for (number, (kind, plural, spec)) in attempts.iter().enumerate() {
        let name = format!("a{number:03}");
        rig.tenant(kind, &name, spec.clone());
        // On a node that tells cases apart, another spelling is another user, who lacks a password.
        let object = rig.tenant_is(plural, &name, &["NotAllowed", "Invalid"]).await;
        let hidden = object["status"]["plan"].is_null() && object["status"]["remote"].is_null();
        assert!(hidden, "{object:#}");
        rig.server.delete(plural, super::rig::TENANT, &name);
        rig.gone(plural, &name).await;
        assert_eq!(rig.written(), 0, "{kind} {spec}: {:?}", rig.writes());
    }
}

async fn nothing_is_given(rig: &Rig, attempts: Vec<Attempt>) {
    for (number, (kind, _, spec)) in attempts.iter().enumerate() {
        rig.tenant(kind, &format!("a{number:03}"), spec.clone());
    }
    for (number, (kind, plural, spec)) in attempts.iter().enumerate() {
        let object = rig.tenant_is(plural, &format!("a{number:03}"), &["NotAllowed"]).await;
        let message = ready(&object)["message"].as_str().unwrap().to_owned();
        assert!(message.contains("delegations"), "{kind} {spec}: {message}");
        assert!(object["status"]["plan"].is_null(), "{object:#}");
        assert!(object["status"]["remote"].is_null(), "{object:#}");
    }
    rig.swept().await;
    assert_eq!(rig.written(), 0, "{:?}", rig.writes());
    assert_eq!(rig.secrets_read(), 0, "a Secret was read before the object was judged");
    // Their deletion touches nothing either.
    for (number, (_, plural, _)) in attempts.iter().enumerate() {
        rig.server.delete(plural, super::rig::TENANT, &format!("a{number:03}"));
    }
    for (number, (_, plural, _)) in attempts.iter().enumerate() {
        rig.gone(plural, &format!("a{number:03}")).await;
    }
    assert_eq!(rig.written(), 0, "{:?}", rig.writes());
}

#[tokio::test]
async fn no_kind_gives_a_privilege_without_a_delegation() {
    let rig = Rig::with(json!({})).await;
    let mut all = privileged();
    all.extend(undelegated());
    nothing_is_given(&rig, all).await;
    let before = rig.written();
    rig.tenant("DssUser", "t-new", user(json!({ "groups": [{ "name": "readers" }] })));
    rig.tenant(
        "DssGroup",
        "team-t",
        json!({ "permissions": { "mayCreateProjects": true } }),
    );
    rig.tenant_is("dssusers", "t-new", &["InSync"]).await;
    rig.tenant_is("dssgroups", "team-t", &["InSync"]).await;
    assert!(rig.written() > before, "what gives no privilege is allowed");
}

#[tokio::test]
async fn no_kind_gives_a_privilege_with_a_narrow_delegation() {
    let rig = Rig::with(json!({ "delegations": [{
        "namespaces": { "from": "Names", "names": ["tenant"] },
        "kinds": ["DssUser", "DssGroup", "GovernUser", "GovernGroup", "GovernRoleAssignment", "LaunchpadGroup", "LaunchpadUser"],
        "users": ["*@tenant.example.com", "t-*"],
        "groups": ["team-t-*", "readers"],
        "roles": ["ro.reader"],
        "blueprints": ["bp.t.*"],
        "nodes": ["design-*"],
        "permissions": ["mayCreateProjects"],
    }] }))
    .await;
    let mut all = privileged();
    all.extend(undelegated());
    nothing_is_given(&rig, all).await;
    rig.tenant("DssUser", "t-new", user(json!({ "groups": [{ "name": "readers" }] })));
    rig.tenant_is("dssusers", "t-new", &["InSync"]).await;
}

#[tokio::test]
async fn no_kind_gives_a_privilege_with_a_delegation_of_everything_else() {
    let rig = Rig::with(json!({ "delegations": [{
        "namespaces": { "from": "All" },
        "kinds": [
            "DssUser", "DssGroup", "DssGlobalApiKey", "DssInstanceVariables", "GovernUser", "GovernGroup",
            "GovernRoleAssignment", "LaunchpadGroup", "LaunchpadUser",
        ],
        "adopt": true, "delete": true, "observe": "All",
    }] }))
    .await;
    nothing_is_given_one_by_one(&rig, privileged()).await;
    rig.tenant("DssUser", "joe", user(json!({ "adoptionPolicy": "Adopt" })));
    rig.tenant_is("dssusers", "joe", &["InSync"]).await;
}

#[tokio::test]
async fn a_delegation_gives_the_privileges_that_it_names() {
    let rig = Rig::with(json!({ "delegations": [{
        "namespaces": { "from": "All" }, "adopt": true, "privileges": ["administrators", "mayWriteUnsafeCode"],
    }] }))
    .await;
    rig.tenant(
        "DssUser",
        "t-join",
        user(json!({ "groups": [{ "name": "administrators" }, { "name": "coders" }] })),
    );
    rig.tenant(
        "DssUser",
        "ceo",
        json!({ "adoptionPolicy": "Adopt", "displayName": "Chief" }),
    );
    rig.tenant_is("dssusers", "t-join", &["InSync"]).await;
    rig.tenant_is("dssusers", "ceo", &["InSync"]).await;
    assert_eq!(
        rig.dss_user("t-join").unwrap()["groups"],
        json!(["administrators", "coders"])
    );
    assert_eq!(rig.dss_user("ceo").unwrap()["displayName"], "Chief");
}

#[tokio::test]
async fn what_is_protected_is_changed_from_no_namespace() {
    let rig = Rig::with(json!({
        "protected": { "users": ["CEO"], "groups": ["administrators"] },
        "delegations": [{ "namespaces": { "from": "All" }, "adopt": true, "privileges": ["administrators", "admin"] }],
    }))
    .await;
    rig.tenant(
        "DssUser",
        "ceo",
        json!({ "adoptionPolicy": "Adopt", "displayName": "Chief" }),
    );
    rig.tenant(
        "DssUser",
        "t-join",
        user(json!({ "groups": [{ "name": "administrators" }] })),
    );
    rig.tenant(
        "DssGroup",
        "administrators",
        json!({ "adoptionPolicy": "Adopt", "description": "mine" }),
    );
    for (plural, name) in [
        ("dssusers", "ceo"),
        ("dssusers", "t-join"),
        ("dssgroups", "administrators"),
    ] {
        let object = rig.tenant_is(plural, name, &["NotAllowed"]).await;
        assert!(
            ready(&object)["message"].to_string().contains("protected."),
            "{object:#}"
        );
    }
    rig.swept().await;
    assert_eq!(rig.written(), 0, "{:?}", rig.writes());
}

/// What reaches users or groups that it does not name.
fn unnamed() -> Vec<Attempt> {
    let rules = json!([{ "users": ["t-1"], "fieldIds": ["owner"] }]);
    let on = json!({ "blueprintId": "bp.system.govern_project", "roleId": "ro.contributor" });
    let assignment = |more: Value| {
        let mut spec = on.clone();
        json_patch::merge(&mut spec, &more);
        ("GovernRoleAssignment", "governroleassignments", spec)
    };
    let tasks = [
        json!({ "resyncUsers": { "all": true } }),
        json!({ "resyncUsers": { "logins": ["t-1", "ceo"] } }),
        json!({ "provisionUsers": { "sourceType": "LDAP", "group": "everybody" } }),
        json!({ "provisionUsers": { "sourceType": "LDAP", "login": "ceo" } }),
        json!({ "provisionUsers": { "sourceType": "CUSTOM", "login": "t-1" } }),
        json!({ "unloadNotebooks": {} }),
        json!({ "unloadNotebooks": { "sessionIds": ["s1"] } }),
        json!({ "unloadNotebooks": { "owners": ["t-1", "ceo"] } }),
        json!({ "abortFutures": { "ids": ["f1"] } }),
        json!({ "abortFutures": { "olderThan": "1h" } }),
        json!({ "abortFutures": { "owner": "ceo" } }),
        json!({ "accessReport": { "format": "json", "configMapName": "access" } }),
    ];
    let impersonation = [
        json!({ "user": { "type": "IDENTITY" } }),
        json!({ "user": { "type": "REGEXP_RULE", "ruleFrom": "(.*)", "targetUnix": "root" } }),
        json!({ "user": { "type": "SINGLE_MAPPING", "dssUser": "ceo", "targetUnix": "root" } }),
        json!({ "group": { "type": "IDENTITY" } }),
        json!({ "group": { "type": "SINGLE_MAPPING", "dssGroup": "coders", "targetUnix": "root" } }),
    ];
    let tasks = tasks.into_iter().map(|spec| ("DssTask", "dsstasks", spec));
    let rules_of_code = impersonation.into_iter();
    let rules_of_code = rules_of_code.map(|spec| ("DssImpersonationRule", "dssimpersonationrules", spec));
    let assignments = [
        assignment(json!({ "rules": rules })),
        assignment(json!({ "inherit": { "blueprintId": "bp.x", "artifactFieldId": "parent" } })),
    ];
    tasks.chain(rules_of_code).chain(assignments).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_limited_to_some_users_and_groups_reaches_no_other_one_by_naming_none() {
    let kinds = ["DssTask", "DssImpersonationRule", "GovernRoleAssignment"];
    let rig = Rig::with(json!({ "delegations": [{
        "namespaces": { "from": "All" }, "kinds": kinds, "users": ["t-*"], "groups": ["team-t-*"], "sourceTypes": ["LDAP"],
    }] }))
    .await;
    nothing_is_given(&rig, unnamed()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegation_of_every_user_lets_a_task_reach_all_of_them() {
    let rig = Rig::with(json!({ "delegations": [{
        "namespaces": { "from": "All" }, "kinds": ["DssTask"], "users": ["t-*", "*"],
    }] }))
    .await;
    rig.tenant("DssTask", "all", json!({ "resyncUsers": { "all": true } }));
    rig.tenant_is("dsstasks", "all", &["InSync"]).await;
    assert_eq!(rig.dss.count("D18"), 1);
}

/// A delegation that names some users and groups, and objects with `Exact` lists that others have entries in.
#[tokio::test(flavor = "multi_thread")]
async fn an_exact_list_removes_nobody_whom_the_delegation_does_not_name() {
    let rig = Rig::with(json!({ "delegations": [{
        "namespaces": { "from": "All" }, "users": ["*@tenant.example.com", "t-*"], "groups": ["team-t-*"], "adopt": true,
    }] }))
    .await;
    rig.space
        .patch_state(json!({ "invites": {
            "i1": { "id": "i1", "email": "in@tenant.example.com", "groups": [] },
            "i2": { "id": "i2", "email": "out@example.com", "groups": [] },
        } }))
        .unwrap();
    rig.dss
        .patch_state(json!({
            "groups": { "theirs": { "name": "theirs", "sourceType": "LOCAL" }, "team-t-1": { "name": "team-t-1", "sourceType": "LOCAL" } },
            "users": { "t-1": { "login": "t-1", "sourceType": "LOCAL_NO_AUTH", "groups": ["theirs", "team-t-1"] } },
        }))
        .unwrap();
    rig.swept().await;
    rig.tenant(
        "LaunchpadGroup",
        "team-t-1",
        json!({ "members": [{ "email": "in@tenant.example.com" }], "membersPolicy": "Exact" }),
    );
    let object = rig.tenant_is("launchpadgroups", "team-t-1", &["InSync"]).await;
    let id = object["status"]["remote"]["id"].as_str().unwrap().to_owned();
    let group = json!({ "id": id, "name": "team-t-1" });
    rig.space
        .patch_state(json!({ "invites": { "i2": { "groups": [group] } } }))
        .unwrap();
    rig.tenant(
        "DssUser",
        "t-1",
        json!({ "adoptionPolicy": "Adopt", "groups": [], "groupsPolicy": "Exact", "sourceType": "LOCAL_NO_AUTH" }),
    );
    for (plural, name) in [("launchpadgroups", "team-t-1"), ("dssusers", "t-1")] {
        let object = rig.tenant_is(plural, name, &["NotAllowed"]).await;
        let message = ready(&object)["message"].to_string();
        assert!(message.contains("memberships that others gave"), "{message}");
        assert!(
            !message.contains("out@example.com") && !message.contains("theirs"),
            "{message}"
        );
    }
    assert_eq!(rig.space.state_at("/invites/i2/groups/0/id").unwrap(), json!(id));
    assert_eq!(rig.dss_user("t-1").unwrap()["groups"], json!(["theirs", "team-t-1"]));
    // What the object gave, it takes back.
    rig.space
        .patch_state(json!({ "invites": { "i2": { "groups": [] } } }))
        .unwrap();
    rig.server.patch(
        "launchpadgroups",
        "tenant",
        "team-t-1",
        json!({ "spec": { "members": [] } }),
    );
    rig.tenant_is("launchpadgroups", "team-t-1", &["InSync"]).await;
    assert_eq!(rig.space.state_at("/invites/i1/groups").unwrap(), json!([]));
}
