//! The plan of a user, on documents as a node has them: what is written and read back leaves nothing to do.

mod limits;
mod spelling;
mod status;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use proptest::{collection, option, prelude::*};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{plan::GROUPS, *};
use crate::{
    crd::{DssUser, applied::Applied},
    engine::{Change as _, Reason, Secret, Secrets, connect::Effect},
    kinds::node::change::Creation as _,
    kinds::node::tests::{Bed, document, object, sweep},
};

type Users = User<DssUser>;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn jane(spec: &Value) -> DssUser {
    object("DssUser", "jane", spec)
}

fn seen(found: &Value) -> SeenUser {
    let document = document(found);
    let user = Arc::new(UserRecord::from_document(&document).unwrap());
    Seen::read(user, Some(document))
}

fn plan(bed: &Bed, object: &DssUser, found: Option<&SeenUser>) -> Plan<Change> {
    Users::plan(object, &bed.given(), found).unwrap()
}

fn blocked(bed: &Bed, object: &DssUser, found: Option<&SeenUser>) -> (Reason, String) {
    match Users::plan(object, &bed.given(), found) {
        Err(Error::Blocked(reason, message)) => (reason, message),
        Err(other) => panic!("{other}"),
        Ok(plan) => panic!("{:?}", plan.steps()),
    }
}

/// The document after the plan, read back.
fn written(plan: &Plan<Change>, before: &SeenUser) -> SeenUser {
    let mut document = before.document.clone().unwrap();
    for change in &plan.changes {
        let Change::Edit { edit, .. } = change else {
            panic!("{:?}", change.steps())
        };
        edit.write(&mut document).unwrap();
    }
    let user = Arc::new(UserRecord::from_document(&document).unwrap());
    Seen::read(user, Some(document))
}

fn value(seen: &SeenUser) -> Value {
    serde_json::to_value(seen.document.as_ref().unwrap()).unwrap()
}

fn recorded(groups: &BTreeSet<String>) -> Applied {
    Applied {
        grants: [(GROUPS, groups.clone())].into_iter().collect(),
        ..Applied::default()
    }
}

fn secret(state: Secret) -> Secrets {
    [(PASSWORD.to_owned(), state)].into_iter().collect()
}

fn password() -> SecretString {
    "hunter22".to_owned().into()
}

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    collection::btree_set(prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 0..4)
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "x", "y"][..]).prop_map(str::to_owned)
}

fn properties() -> impl Strategy<Value = BTreeMap<String, String>> {
    collection::btree_map(prop::sample::select(&NAMES[..]).prop_map(str::to_owned), text(), 0..3)
}

/// Without the fields that are `None`.
fn given_fields(fields: Value) -> Value {
    let Value::Object(mut fields) = fields else {
        unreachable!()
    };
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields)
}

prop_compose! {
    fn specs()(
        source_type in option::of(prop::sample::select(&["LOCAL_NO_AUTH", "LDAP"][..])),
        display_name in option::of("[xy]"),
        email in option::of(text()),
        profile in option::of(prop::sample::select(&["READER", "DESIGNER"][..])),
        enabled in option::of(any::<bool>()),
        groups in option::of(names()),
        exact in any::<bool>(),
        user_properties in option::of(properties()),
        admin_properties in option::of(properties()),
    ) -> Value {
        let groups = groups.map(|groups| groups.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>());
        given_fields(json!({
            "sourceType": source_type, "displayName": display_name, "email": email, "userProfile": profile,
            "enabled": enabled, "groups": groups, "groupsPolicy": exact.then_some("Exact"),
            "userProperties": user_properties, "adminProperties": admin_properties,
        }))
    }
}

prop_compose! {
    fn found_users()(
        source_type in prop::sample::select(&["LOCAL", "LDAP", "SAAS"][..]),
        display_name in option::of("[xyz]"),
        email in option::of("[xyz]"),
        profile in prop::sample::select(&["READER", "DESIGNER", "GONE"][..]),
        enabled in option::of(any::<bool>()),
        groups in option::of(names()),
        user_properties in option::of(properties()),
        admin_properties in option::of(properties()),
        odd in any::<bool>(),
    ) -> Value {
        let mut found = given_fields(json!({
            "login": "jane", "sourceType": source_type, "displayName": display_name, "email": email,
            "userProfile": profile, "enabled": enabled, "groups": groups,
            "userProperties": user_properties, "adminProperties": admin_properties,
        }));
        found["secrets"] = json!([{ "name": "s", "value": "e:opaque" }]);
        if odd {
            // Shapes that no member is documented to have.
            found["email"] = json!(7);
            found["trialStatus"] = json!("none");
        }
        found
    }
}

proptest! {
    #[test]
    fn a_plan_that_was_written_leaves_nothing_to_do(spec in specs(), found in found_users(), granted in names()) {
        let (object, before) = (jane(&spec), seen(&found));
        let mut bed = Bed { record: recorded(&granted), ..Bed::default() };
        let plan = plan(&bed, &object, Some(&before));
        let after = written(&plan, &before);
        bed.record.grants = plan.grants.clone();
        let rest = super::tests::plan(&bed, &object, Some(&after));
        prop_assert!(rest.is_empty() && rest.waiting.is_empty(), "left: {:?}", rest.outstanding());
        prop_assert_eq!(rest.grants, plan.grants);
    }

    #[test]
    fn a_plan_writes_only_declared_fields_and_recorded_groups(spec in specs(), found in found_users(), granted in names()) {
        let (object, before) = (jane(&spec), seen(&found));
        let bed = Bed { record: recorded(&granted), ..Bed::default() };
        let after = value(&written(&plan(&bed, &object, Some(&before)), &before));
        for (member, before) in found.as_object().unwrap() {
            match member.as_str() {
                "groups" if spec["groupsPolicy"] == "Exact" && spec.get("groups").is_some() => {}
                "groups" => {
                    let after = after["groups"].as_array().unwrap();
                    let mut gone = before.as_array().unwrap().iter().filter(|name| !after.contains(name));
                    prop_assert!(gone.all(|name| granted.contains(name.as_str().unwrap())), "{after:?}");
                }
                "userProperties" | "adminProperties" => {
                    let declared = spec.get(member).and_then(Value::as_object);
                    for (key, value) in before.as_object().unwrap() {
                        let owned = declared.is_some_and(|declared| declared.contains_key(key));
                        prop_assert!(owned || after[member][key] == *value);
                    }
                }
                member if spec.get(member).is_none() => prop_assert_eq!(&after[member], before),
                _ => {}
            }
        }
    }

    #[test]
    fn what_follows_a_creation_is_what_the_next_write_does(spec in specs()) {
        let mut spec = spec;
        let source = spec["sourceType"].as_str().unwrap_or("LOCAL_NO_AUTH").to_owned();
        spec["sourceType"] = json!(source);
        let (object, bed) = (jane(&spec), Bed::default());
        let plan = plan(&bed, &object, None);
        let [Change::Create(new)] = plan.changes.as_slice() else { panic!("{:?}", plan.steps()) };
        let after = seen(&json!({
            "login": new.login, "sourceType": new.source_type.as_str(), "displayName": new.display_name,
            "email": new.email, "userProfile": new.profile, "groups": new.groups, "enabled": true,
            "userProperties": {}, "adminProperties": {},
        }));
        let next = super::tests::plan(&bed, &object, Some(&after));
        prop_assert_eq!(next.steps(), new.follows());
        prop_assert_eq!(&next.grants, &plan.grants);
        let rest = super::tests::plan(&bed, &object, Some(&written(&next, &after)));
        prop_assert!(rest.is_empty(), "left: {:?}", rest.steps());
    }

    #[test]
    fn disabling_ends_disabled_and_out_of_every_granted_group(found in found_users(), granted in names()) {
        let (object, before) = (jane(&json!({})), seen(&found));
        let bed = Bed { record: recorded(&granted), ..Bed::default() };
        let removal = |seen: &SeenUser| Users::removal(&object, DeletionPolicy::Disable, &bed.given(), seen);
        let after = written(&removal(&before), &before);
        prop_assert_eq!(after.object.enabled, Some(false));
        let kept = |user: &UserRecord| -> BTreeSet<String> { user.groups.iter().flatten().cloned().collect() };
        prop_assert_eq!(kept(&after.object), &kept(&before.object) - &granted);
        prop_assert!(removal(&after).is_empty());
    }
}

#[test]
fn a_user_is_not_created_without_what_it_needs() {
    let bed = Bed::default();
    let (reason, message) = blocked(&bed, &jane(&json!({})), None);
    assert_eq!(reason, Reason::Invalid);
    assert!(message.contains("passwordSecretRef"), "{message}");
    let mut no_default = Bed::default();
    no_default.connection.spec.node.default_user_profile = None;
    let sso = |profile: Value| {
        jane(&given_fields(
            json!({ "sourceType": "LOCAL_NO_AUTH", "userProfile": profile }),
        ))
    };
    let (_, message) = blocked(&no_default, &sso(Value::Null), None);
    assert_eq!(
        message,
        "no userProfile: set it here, or set defaultUserProfile on the DssInstance"
    );
    let (reason, message) = blocked(&bed, &sso(json!("WIZARD")), None);
    assert_eq!(reason, Reason::Invalid);
    assert_eq!(
        message,
        "userProfile WIZARD is not licensed; the licence holds READER, DESIGNER"
    );
}

#[test]
fn an_observer_of_a_local_user_needs_no_password() {
    let object = jane(&json!({ "managementPolicy": "Observe" }));
    assert_eq!(
        plan(&Bed::default(), &object, None).steps(),
        ["create LOCAL user with profile READER"]
    );
}

#[test]
fn an_edit_names_what_it_takes_from_the_user() {
    let object = jane(&json!({ "enabled": false, "groups": [{ "name": "a" }], "groupsPolicy": "Exact" }));
    let found = seen(&json!({ "login": "jane", "groups": ["a", "b"] }));
    let effects = [
        Effect::Edits("jane".into()),
        Effect::Disables("jane".into()),
        Effect::Leaves {
            user: "jane".into(),
            group: "b".into(),
        },
    ];
    assert_eq!(
        plan(&Bed::default(), &object, Some(&found)).changes[0].effects(),
        effects
    );
    let removal = Users::removal(&object, DeletionPolicy::Delete, &Bed::default().given(), &found);
    assert_eq!(removal.changes[0].effects(), [Effect::Deletes("jane".into())]);
}

#[test]
fn a_group_that_does_not_exist_waits_and_the_others_are_granted() {
    let groups = json!([{ "name": "a" }, { "name": "missing" }]);
    let object = jane(&json!({ "sourceType": "LOCAL_NO_AUTH", "groups": groups }));
    let plan = plan(&Bed::default(), &object, None);
    assert_eq!(
        plan.steps(),
        ["create LOCAL_NO_AUTH user with profile READER", "add to group a"]
    );
    assert_eq!(plan.waiting, ["group missing does not exist yet"]);
    assert_eq!(
        plan.grants.list(GROUPS),
        ["a"],
        "nobody withdraws a membership that somebody else may give"
    );
}

#[test]
fn a_group_is_granted_where_the_list_of_groups_does_not_tell() {
    let bed = Bed::default();
    let mut odd = sweep(Instant::now(), &[], &["a"]);
    odd.groups.unreadable = 1;
    bed.lists.replace(&odd);
    let object = jane(&json!({ "groups": [{ "name": "later" }] }));
    let plan = plan(&bed, &object, Some(&seen(&json!({ "login": "jane" }))));
    assert_eq!(plan.steps(), ["add to group later"]);
    assert!(plan.waiting.is_empty());
}

#[test]
fn a_leaver_is_disabled_although_the_secret_of_the_password_is_gone() {
    let object = jane(&json!({ "enabled": false, "email": "jane@x", "passwordSecretRef": { "name": "pw" } }));
    let found = seen(&json!({ "login": "jane", "sourceType": "LOCAL", "enabled": true }));
    for state in [
        Secret::Missing("Secret team/pw not found".into()),
        Secret::Unusable("key password of Secret team/pw is not UTF-8 text".into()),
        Secret::Unread,
        Secret::Unchanged(password(), "k:1".into()),
    ] {
        let bed = Bed {
            secrets: secret(state),
            ..Bed::default()
        };
        let plan = plan(&bed, &object, Some(&found));
        assert_eq!(plan.steps(), ["set email to jane@x", "disable"]);
        assert!(plan.waiting.is_empty() && plan.changes[0].withdraws());
        assert_eq!(plan.changes[0].event(), "Disabled");
    }
}

#[test]
fn a_local_user_waits_for_its_password_and_only_its_creation_does() {
    let object = jane(&json!({ "passwordSecretRef": { "name": "pw" } }));
    let missing = || secret(Secret::Missing("Secret team/pw not found".into()));
    let bed = Bed {
        secrets: missing(),
        ..Bed::default()
    };
    let creation = plan(&bed, &object, None);
    assert!(creation.is_empty() && creation.grants.is_empty());
    assert_eq!(
        creation.waiting,
        ["create LOCAL user with profile READER: waits for the password"]
    );
    let becomes_local =
        jane(&json!({ "sourceType": "LOCAL", "enabled": false, "passwordSecretRef": { "name": "pw" } }));
    let plan = plan(
        &bed,
        &becomes_local,
        Some(&seen(&json!({ "login": "jane", "sourceType": "LDAP" }))),
    );
    assert_eq!(plan.steps(), ["disable"]);
    assert_eq!(plan.waiting, ["set sourceType to LOCAL: waits for the password"]);
}

#[test]
fn a_password_is_sent_where_it_changed_and_where_a_user_becomes_local() {
    let object = jane(&json!({ "sourceType": "LOCAL", "passwordSecretRef": { "name": "pw" } }));
    let local = seen(&json!({ "login": "jane", "sourceType": "LOCAL" }));
    let ldap = seen(&json!({ "login": "jane", "sourceType": "LDAP" }));
    let steps = |state: Secret, found: Option<&SeenUser>| {
        let bed = Bed {
            secrets: secret(state),
            ..Bed::default()
        };
        let plan = plan(&bed, &object, found);
        (
            plan.steps(),
            plan.changes.iter().flat_map(Change::slots).collect::<Vec<_>>(),
        )
    };
    let unchanged = || Secret::Unchanged(password(), "k:1".into());
    let changed = || Secret::Changed(password(), "k:2".into());
    assert_eq!(steps(unchanged(), Some(&local)), (vec![], vec![]));
    let set = vec!["set password".to_owned()];
    assert_eq!(steps(changed(), Some(&local)), (set, vec![PASSWORD.to_owned()]));
    let both = ["set sourceType to LOCAL", "set password"].map(str::to_owned).to_vec();
    assert_eq!(steps(unchanged(), Some(&ldap)), (both, vec![PASSWORD.to_owned()]));
    let (created, slots) = steps(changed(), None);
    assert_eq!(created, ["create LOCAL user with profile READER"]);
    assert_eq!(slots, [PASSWORD]);
}

#[test]
fn an_unset_password_of_an_adopted_user_is_left_alone() {
    let object = jane(&json!({ "adoptionPolicy": "Adopt", "email": "x" }));
    let found = seen(&json!({ "login": "jane", "sourceType": "LOCAL" }));
    assert_eq!(plan(&Bed::default(), &object, Some(&found)).steps(), ["set email to x"]);
}

#[test]
fn an_email_in_another_case_is_the_same_one() {
    let object = jane(&json!({ "email": "Jane@Example.com" }));
    let found = |email: &str| seen(&json!({ "login": "jane", "email": email }));
    assert!(plan(&Bed::default(), &object, Some(&found("jane@example.com"))).is_empty());
    assert_eq!(
        plan(&Bed::default(), &object, Some(&found("jane.doe@example.com"))).steps(),
        ["set email to Jane@Example.com"]
    );
}

#[test]
fn logins_that_differ_in_case_claim_the_same_user() {
    let claim = |login: &str| Users::claim_key(&jane(&json!({ "login": login })));
    assert_eq!(claim("Jane.Doe"), claim("jane.doe"));
    assert_ne!(claim("jane.doe"), claim("jane_doe"));
}

#[test]
fn an_unlicensed_profile_counts_only_where_it_would_be_written() {
    let object = jane(&json!({ "userProfile": "WIZARD" }));
    let bed = Bed::default();
    let found = seen(&json!({ "login": "jane", "userProfile": "WIZARD" }));
    assert!(plan(&bed, &object, Some(&found)).is_empty());
    let other = seen(&json!({ "login": "jane", "userProfile": "READER" }));
    assert_eq!(blocked(&bed, &object, Some(&other)).0, Reason::Invalid);
}

#[test]
fn a_removal_disables_first_and_then_waits_where_groups_are_unreadable() {
    let object = jane(&json!({}));
    let bed = Bed {
        record: recorded(&BTreeSet::from(["a".to_owned()])),
        ..Bed::default()
    };
    let removal = |seen: &SeenUser| Users::removal(&object, DeletionPolicy::Disable, &bed.given(), seen);
    let before = seen(&json!({ "login": "jane", "groups": [7] }));
    let plan = removal(&before);
    assert_eq!(plan.steps(), ["disable"]);
    let plan = removal(&written(&plan, &before));
    assert!(plan.is_empty() && !plan.in_progress.is_empty(), "the finalizer stays");
    let plan = Users::removal(&object, DeletionPolicy::Delete, &bed.given(), &before);
    assert_eq!(plan.steps(), ["delete"]);
    assert!(plan.changes[0].withdraws());
}

#[test]
fn a_list_that_lacks_a_declared_field_tells_nothing_of_the_user() {
    let bed = Bed::default();
    let listed = |spec: Value, found: Value, record: &Applied| {
        bed.lists.replace(&sweep(Instant::now(), &[found], &["a"]));
        match super::listed(&jane(&spec), &bed.lists, record) {
            Observed::Unknown => "unknown",
            Observed::Absent => "absent",
            Observed::Found(_) => "found",
        }
    };
    let none = Applied::default();
    let short = json!({ "login": "jane" });
    assert_eq!(listed(json!({ "email": "x" }), short.clone(), &none), "found");
    assert_eq!(
        listed(json!({ "userProperties": { "k": "v" } }), short.clone(), &none),
        "unknown"
    );
    assert_eq!(listed(json!({ "userProperties": {} }), short, &none), "found");
    let odd = json!({ "login": "jane", "email": 7, "enabled": "yes", "groups": [7] });
    assert_eq!(listed(json!({ "displayName": "J" }), odd.clone(), &none), "found");
    assert_eq!(listed(json!({ "email": "x" }), odd.clone(), &none), "unknown");
    assert_eq!(listed(json!({ "enabled": true }), odd.clone(), &none), "unknown");
    let granted = recorded(&BTreeSet::from(["a".to_owned()]));
    assert_eq!(listed(json!({}), odd, &granted), "unknown");
    assert_eq!(listed(json!({}), json!({ "login": "joe" }), &none), "absent");
}
