//! Properties of a user's plan, on records alone: carried out it leaves nothing, and it touches only what is declared.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{collection, option, prelude::*};
use serde_json::{Value, json};

use super::{
    Field, UserChange,
    plan::{DesiredUser, ObservedUser, Password},
};
use crate::{
    crd::{DssUser, applied::Applied, common::DeletionPolicy, dss_user::SourceType},
    dataiku::dss::{groups::GroupRecord, users::UserRecord},
    engine::{Change, Error, Managed, Plan, Reason, Removal},
};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    collection::btree_set(prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 0..4)
}

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(&["", "x", "y"][..]).prop_map(str::to_owned)
}

fn properties() -> impl Strategy<Value = BTreeMap<String, String>> {
    collection::btree_map(prop::sample::select(&NAMES[..]).prop_map(str::to_owned), text(), 0..3)
}

prop_compose! {
    fn desired()(
        source_type in option::of(prop::sample::select(&[SourceType::Local, SourceType::Ldap][..])),
        display_name in option::of("[xy]"),
        email in option::of(text()),
        profile in option::of(prop::sample::select(&["READER", "DESIGNER"][..]).prop_map(str::to_owned)),
        enabled in option::of(any::<bool>()),
        groups in option::of(names()),
        exact in any::<bool>(),
        recorded in names(),
        user_properties in properties(),
        admin_properties in properties(),
    ) -> DesiredUser {
        let declared = groups.clone().unwrap_or_default();
        DesiredUser {
            login: "jane".into(), source_type, display_name, email, profile, enabled, exact,
            withdrawn: recorded.difference(&declared).cloned().collect(),
            groups, password: Password::Unchanged(None), user_properties, admin_properties,
        }
    }
}

prop_compose! {
    fn record()(
        source_type in prop::sample::select(&["LOCAL", "LDAP", "SAAS"][..]),
        display_name in option::of("[xyz]"),
        email in option::of("[xyz]"),
        profile in prop::sample::select(&["READER", "DESIGNER", "GONE"][..]),
        enabled in any::<bool>(),
        groups in names(),
        user_properties in properties(),
        admin_properties in properties(),
    ) -> UserRecord {
        parsed(json!({
            "login": "jane", "sourceType": source_type, "displayName": display_name, "email": email,
            "userProfile": profile, "enabled": enabled, "groups": groups,
            "userProperties": user_properties, "adminProperties": admin_properties,
        }))
    }
}

fn parsed(user: Value) -> UserRecord {
    UserRecord::from_document(&serde_json::from_value(user).unwrap()).unwrap()
}

fn group(name: &str) -> (String, Arc<GroupRecord>) {
    let document = serde_json::from_str(&json!({ "name": name }).to_string()).unwrap();
    (
        name.to_owned(),
        Arc::new(GroupRecord::from_document(&document).unwrap()),
    )
}

fn observed(user: Option<UserRecord>) -> ObservedUser {
    ObservedUser {
        user: user.map(Arc::new),
        document: None,
        groups: Arc::new(NAMES.iter().map(|name| group(name)).collect()),
        profiles: Some(Arc::new(vec!["READER".into(), "DESIGNER".into()])),
        default_profile: Some("READER".into()),
        complete: true,
    }
}

/// What the node would hold after the plan.
fn carried_out(plan: &Plan<UserChange>, mut user: UserRecord) -> UserRecord {
    for change in &plan.changes {
        let UserChange::Edit(_, fields) = change else { continue };
        for field in fields {
            write(field, &mut user);
        }
    }
    user
}

fn write(field: &Field, user: &mut UserRecord) {
    match field {
        Field::SourceType(source) => user.source_type = Some((*source).to_owned()),
        Field::DisplayName(name) => user.display_name = Some(name.clone()),
        Field::Email(email) => user.email = Some(email.clone()).filter(|email| !email.is_empty()),
        Field::Profile(profile) => user.user_profile = Some(profile.clone()),
        Field::Enabled(enabled) => user.enabled = Some(*enabled),
        Field::Groups { added, removed } => {
            let groups = user.groups.get_or_insert_default();
            groups.retain(|group| !removed.contains(group));
            groups.extend(added.iter().cloned());
        }
        Field::UserProperty(name, value) => insert(&mut user.user_properties, name, value),
        Field::AdminProperty(name, value) => insert(&mut user.admin_properties, name, value),
        Field::Password(_) => {}
    }
}

fn insert(properties: &mut Option<BTreeMap<String, Value>>, name: &str, value: &str) {
    properties.get_or_insert_default().insert(name.to_owned(), json!(value));
}

proptest! {
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(desired in desired(), user in record()) {
        let plan = DssUser::diff(&desired, &observed(Some(user.clone()))).unwrap();
        let after = carried_out(&plan, user);
        let rest = DssUser::diff(&desired, &observed(Some(after))).unwrap();
        prop_assert!(rest.is_empty() && rest.waiting.is_empty(), "left: {:?}", rest.steps());
    }

    #[test]
    fn what_is_not_declared_is_not_touched(user in record()) {
        let mut nothing = undeclared();
        nothing.exact = true;
        let plan = DssUser::diff(&nothing, &observed(Some(user))).unwrap();
        prop_assert!(plan.is_empty(), "{:?}", plan.steps());
    }

    #[test]
    fn at_least_takes_away_only_what_was_granted_before(desired in desired(), user in record()) {
        prop_assume!(!desired.exact);
        let plan = DssUser::diff(&desired, &observed(Some(user.clone()))).unwrap();
        let after: BTreeSet<_> = carried_out(&plan, user.clone()).groups.into_iter().flatten().collect();
        for gone in user.groups.iter().flatten().filter(|group| !after.contains(*group)) {
            prop_assert!(desired.withdrawn.contains(gone));
        }
    }

    #[test]
    fn disabling_ends_disabled_and_out_of_every_granted_group(user in record(), granted in names()) {
        let applied = Applied { grants: [("groups", granted.clone())].into_iter().collect(), ..Applied::default() };
        let removal = Removal { policy: DeletionPolicy::Disable, applied };
        let plan = DssUser::removal(&removal, &observed(Some(user.clone())));
        let after = carried_out(&plan, user.clone());
        prop_assert_eq!(after.enabled, Some(false));
        let kept: BTreeSet<_> = user.groups.into_iter().flatten().filter(|group| !granted.contains(group)).collect();
        prop_assert_eq!(after.groups.iter().flatten().cloned().collect::<BTreeSet<_>>(), kept);
        prop_assert!(DssUser::removal(&removal, &observed(Some(after))).is_empty());
    }
}

fn undeclared() -> DesiredUser {
    DesiredUser {
        login: "jane".into(),
        source_type: None,
        display_name: None,
        email: None,
        profile: None,
        enabled: None,
        groups: None,
        exact: false,
        withdrawn: BTreeSet::new(),
        password: Password::Undeclared,
        user_properties: BTreeMap::new(),
        admin_properties: BTreeMap::new(),
    }
}

fn refusal(desired: &DesiredUser, observed: &ObservedUser) -> String {
    match DssUser::diff(desired, observed) {
        Err(Error::Blocked(Reason::Invalid, message)) => message,
        Err(other) => panic!("{other}"),
        Ok(plan) => panic!("{:?}", plan.steps()),
    }
}

#[test]
fn a_user_is_not_created_without_what_it_needs() {
    assert!(refusal(&undeclared(), &observed(None)).contains("passwordSecretRef"));
    let mut desired = undeclared();
    desired.source_type = Some(SourceType::LocalNoAuth);
    let mut no_default = observed(None);
    no_default.default_profile = None;
    assert!(refusal(&desired, &no_default).contains("defaultUserProfile"));
    desired.profile = Some("WIZARD".into());
    assert_eq!(
        refusal(&desired, &observed(None)),
        "userProfile WIZARD is not in the licence, which has READER, DESIGNER"
    );
}

#[test]
fn a_group_that_does_not_exist_is_waited_for_and_the_others_are_granted() {
    let mut desired = undeclared();
    desired.source_type = Some(SourceType::LocalNoAuth);
    desired.groups = Some(["a", "missing"].map(str::to_owned).into());
    let plan = DssUser::diff(&desired, &observed(None)).unwrap();
    let [UserChange::Create(user)] = plan.changes.as_slice() else {
        panic!("{:?}", plan.steps())
    };
    assert_eq!(user.groups, ["a"]);
    assert_eq!(plan.waiting, ["group missing does not exist yet"]);
}

#[test]
fn a_user_that_becomes_local_gets_its_password_in_the_same_write() {
    let mut desired = undeclared();
    desired.source_type = Some(SourceType::Local);
    desired.password = Password::Unchanged(Some("hunter22".to_owned().into()));
    let user = parsed(json!({ "login": "jane", "sourceType": "LDAP" }));
    let plan = DssUser::diff(&desired, &observed(Some(user))).unwrap();
    assert_eq!(plan.changes[0].secrets(), ["password"]);
    assert_eq!(plan.steps(), ["set sourceType to LOCAL", "set password"]);
}
