//! Properties of a group's plan, on records alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{collection, option, prelude::*};
use serde_json::json;

use super::{DesiredGroup, Field, GroupChange, ObservedGroup};
use crate::{
    crd::DssGroup,
    dataiku::dss::groups::{GroupRecord, Mapping},
    engine::{Inputs, Managed},
};

fn flags() -> impl Strategy<Value = BTreeMap<String, bool>> {
    let flag = prop::sample::select(&["admin", "mayWrite", "mayFly"][..]).prop_map(str::to_owned);
    collection::btree_map(flag, any::<bool>(), 0..3)
}

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    collection::btree_set("[ab]", 0..2)
}

prop_compose! {
    fn desired()(
        description in option::of("[xy]?"),
        source_type in option::of(prop::sample::select(&["LOCAL", "LDAP"][..]).prop_map(str::to_owned)),
        flags in flags(),
        ldap in option::of(names()),
        regex in option::of("[xy]?"),
    ) -> DesiredGroup {
        let mappings = ldap.into_iter().map(|names| (super::LDAP, names)).collect();
        DesiredGroup { name: "g".into(), description, source_type, flags, mappings, regex }
    }
}

prop_compose! {
    fn record()(
        description in option::of("[xyz]"),
        flags in flags(),
        ldap in names(),
    ) -> GroupRecord {
        let mut group = json!({ "name": "g", "sourceType": "LOCAL", "description": description, "ldapGroupNames": ldap });
        for (flag, value) in flags {
            group[flag] = json!(value);
        }
        parsed(&group)
    }
}

fn parsed(group: &serde_json::Value) -> GroupRecord {
    let document = serde_json::from_str(&group.to_string()).unwrap();
    GroupRecord::from_document(&document).unwrap()
}

fn observed(group: &GroupRecord) -> ObservedGroup {
    ObservedGroup {
        group: Some(Arc::new(group.clone())),
        document: None,
        members: 0,
        complete: true,
    }
}

fn carried_out(changes: &[GroupChange], mut group: GroupRecord) -> GroupRecord {
    let fields = changes.iter().flat_map(|change| match change {
        GroupChange::Edit(_, fields) => fields.as_slice(),
        GroupChange::Create { .. } | GroupChange::Delete(_) => &[],
    });
    for field in fields {
        match field {
            Field::Description(text) => group.description = Some(text.clone()),
            Field::SourceType(source) => group.source_type = Some(source.clone()),
            Field::Flag(flag, value) if flag == "admin" => group.admin = Some(*value),
            Field::Flag(flag, value) => {
                group.permissions.insert(flag.clone(), *value);
            }
            Field::Mapping(_, names) => {
                group.ldap_group_names = Some(Mapping::List(names.iter().cloned().collect()));
            }
            Field::Regex(text) => group.impersonatable_groups_regex = Some(text.clone()),
        }
    }
    group
}

proptest! {
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(desired in desired(), group in record()) {
        let plan = DssGroup::diff(&desired, &observed(&group)).unwrap();
        let after = carried_out(&plan.changes, group);
        let rest = DssGroup::diff(&desired, &observed(&after)).unwrap();
        prop_assert!(rest.is_empty(), "left: {:?}", rest.steps());
    }

    #[test]
    fn flags_that_are_not_declared_are_not_touched(desired in desired(), group in record()) {
        let plan = DssGroup::diff(&desired, &observed(&group)).unwrap();
        let after = carried_out(&plan.changes, group.clone());
        for (flag, value) in &group.permissions {
            if !desired.flags.contains_key(flag) {
                prop_assert_eq!(after.permissions.get(flag), Some(value));
            }
        }
    }
}

#[test]
fn a_flag_declared_no_more_is_withdrawn_from_the_record() {
    let spec = json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "DssGroup", "metadata": { "name": "g" },
        "spec": { "instanceRef": { "name": "i" }, "permissions": { "mayWrite": true } },
    });
    let object: DssGroup = serde_json::from_value(spec).unwrap();
    let mut inputs = Inputs::default();
    let granted = ["admin", "mayWrite", "mayFly"].map(str::to_owned);
    inputs.applied.grants = [("permissions", granted.into())].into_iter().collect();
    let group = parsed(&json!({ "name": "g", "admin": true, "mayWrite": true, "mayFly": true }));
    let plan = DssGroup::diff(&object.desired(&inputs).unwrap(), &observed(&group)).unwrap();
    assert_eq!(plan.steps(), ["set admin to false", "set mayFly to false"]);
}

#[test]
fn names_with_commas_are_in_sync_on_a_node_that_stores_one_text() {
    let desired = DesiredGroup {
        name: "g".into(),
        description: None,
        source_type: None,
        flags: BTreeMap::new(),
        mappings: vec![(super::LDAP, ["cn=analysts,ou=groups".to_owned()].into())],
        regex: None,
    };
    for (found, steps) in [
        (json!("cn=analysts,ou=groups"), 0),
        (json!(["cn=analysts,ou=groups"]), 0),
        (json!(["cn=analysts", "ou=groups"]), 1),
        (json!({"cn": "analysts"}), 1),
    ] {
        let group = parsed(&json!({ "name": "g", "ldapGroupNames": found }));
        let plan = DssGroup::diff(&desired, &observed(&group)).unwrap();
        assert_eq!(plan.steps().len(), steps, "{found}");
    }
}
