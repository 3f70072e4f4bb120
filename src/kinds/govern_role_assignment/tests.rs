use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    DesiredRules, ObservedRules, Rule,
    claim::{DOCUMENT, Others, RULES, fingerprint},
    plan::{edit, withdrawal},
};
use crate::{
    crd::applied::Applied,
    engine::{Plan, Reason},
    registry::{Claim, Claimed},
};

const ROLE: &str = "ro.pm";
const BLUEPRINT: &str = "bp.b";

fn granting(users: &[&str]) -> Rule {
    Rule::granting(users, &[] as &[&str])
}

fn desired(rules: Vec<Rule>) -> DesiredRules {
    DesiredRules {
        blueprint_id: BLUEPRINT.into(),
        role_id: ROLE.into(),
        rules,
        withdrawn: BTreeSet::new(),
        exact: false,
    }
}

fn observed(found: Option<Vec<Rule>>) -> ObservedRules {
    ObservedRules {
        blueprint_id: BLUEPRINT.into(),
        role_id: ROLE.into(),
        found,
        vacant: false,
        declared: Vec::new(),
        recorded: BTreeSet::new(),
        others: Others::default(),
        has_role: true,
        readable: true,
        has_blueprint: true,
    }
}

fn outstanding(desired: &DesiredRules, observed: &ObservedRules) -> Vec<String> {
    edit(desired, observed).unwrap().outstanding()
}

fn record(rules: &[&Rule], document: bool) -> Applied {
    let rules = rules.iter().map(|rule| fingerprint(rule)).collect();
    let document = document.then(|| BLUEPRINT.to_owned());
    Applied {
        grants: BTreeMap::from([
            (RULES.to_owned(), rules),
            (DOCUMENT.to_owned(), document.into_iter().collect()),
        ])
        .into(),
        ..Applied::default()
    }
}

#[test]
fn rules_that_are_missing_are_granted_and_others_left_alone() {
    let found = observed(Some(vec![granting(&["jane"]), granting(&["theirs"])]));
    let declared = desired(vec![granting(&["jane"]), granting(&["max"])]);
    assert_eq!(outstanding(&declared, &found), ["grant ro.pm to users [max]"]);
    assert_eq!(
        outstanding(&desired(vec![granting(&["jane"])]), &found),
        Vec::<String>::new()
    );
    assert_eq!(
        outstanding(&desired(vec![granting(&["jane"])]), &observed(None)),
        ["grant ro.pm to users [jane]"]
    );
}

#[test]
fn what_was_added_and_is_declared_no_more_is_withdrawn_unless_others_declare_it() {
    let mut found = observed(Some(vec![granting(&["jane"]), granting(&["max"])]));
    let mut declared = desired(vec![granting(&["jane"])]);
    declared.withdrawn = BTreeSet::from([fingerprint(&granting(&["max"]))]);
    assert_eq!(outstanding(&declared, &found), ["withdraw ro.pm from users [max]"]);
    found.others.declared = declared.withdrawn.clone();
    assert_eq!(
        outstanding(&declared, &found),
        ["withdraw ro.pm from users [max]"],
        "who declares it and has it not in its record makes it anew"
    );
    found.others.taken_over = declared.withdrawn.clone();
    assert_eq!(outstanding(&declared, &found), Vec::<String>::new());
}

#[test]
fn exact_takes_out_what_nobody_declares() {
    let mut found = observed(Some(vec![
        granting(&["jane"]),
        granting(&["max"]),
        granting(&["by-hand"]),
    ]));
    found.others.declared = BTreeSet::from([fingerprint(&granting(&["max"]))]);
    let mut declared = desired(vec![granting(&["jane"])]);
    declared.exact = true;
    assert_eq!(outstanding(&declared, &found), ["withdraw ro.pm from users [by-hand]"]);
    found.others.unreadable = true;
    assert_eq!(
        outstanding(&declared, &found),
        Vec::<String>::new(),
        "an object that cannot be read may declare it"
    );
}

#[test]
fn nothing_is_written_before_role_and_blueprint_are_there() {
    let mut found = observed(None);
    (found.has_role, found.has_blueprint) = (false, false);
    let plan: Plan<_> = edit(&desired(vec![granting(&["jane"])]), &found).unwrap();
    assert!(plan.is_empty());
    assert_eq!(
        plan.waiting,
        ["blueprint bp.b does not exist yet", "role ro.pm does not exist yet"]
    );
}

#[test]
fn of_two_that_want_no_other_rules_the_younger_is_refused() {
    let claim = |uid: &str, created: i64| Claim {
        object: format!("ns/{uid}"),
        uid: uid.into(),
        created,
        exclusive: true,
        ..Claim::default()
    };
    let (old, young) = (claim("old", 1), claim("young", 2));
    let claimed = |claims: &[Claim]| Claimed {
        claims: claims.to_vec(),
        unreadable: false,
    };
    let both = claimed(&[old.clone(), young.clone()]);
    assert_eq!(Others::of(&old, &both).rival, None);
    assert_eq!(Others::of(&young, &both).rival.as_deref(), Some("ns/old"));
    let same_age = claim("elder", 2);
    assert_eq!(
        Others::of(&young, &claimed(&[same_age])).rival.as_deref(),
        Some("ns/elder"),
        "by name then"
    );
    let mut found = observed(Some(Vec::new()));
    found.others = Others::of(&young, &both);
    let refused = edit(&desired(vec![granting(&["jane"])]), &found).err().unwrap();
    assert_eq!(refused.reason(), Some(Reason::Conflict));
    assert!(refused.to_string().contains("ns/old"));
}

#[test]
fn at_deletion_only_what_the_record_has_goes() {
    let (ours, theirs) = (granting(&["jane"]), granting(&["theirs"]));
    let found = observed(Some(vec![ours.clone(), theirs.clone()]));
    let plan = withdrawal(&record(&[&ours], false), &found);
    assert_eq!(plan.steps(), ["withdraw ro.pm from users [jane]"]);
    assert!(!plan.changes[0].edit().delete_vacant);
    assert!(
        withdrawal(&record(&[], false), &found).is_empty(),
        "found in place, so left"
    );
    let mut shared = observed(Some(vec![ours.clone()]));
    shared.others.declared = BTreeSet::from([fingerprint(&ours)]);
    assert!(
        !withdrawal(&record(&[&ours], true), &shared).is_empty(),
        "nobody else would ever take it out"
    );
    shared.others.taken_over = shared.others.declared.clone();
    assert!(withdrawal(&record(&[&ours], true), &shared).is_empty());
}

#[test]
fn the_document_goes_with_its_last_rule_if_we_made_it() {
    let ours = granting(&["jane"]);
    let plan = withdrawal(&record(&[&ours], true), &observed(Some(vec![ours.clone()])));
    assert!(plan.changes[0].edit().delete_vacant);
    let mut emptied = observed(Some(Vec::new()));
    emptied.vacant = true;
    assert_eq!(
        withdrawal(&record(&[&ours], true), &emptied).steps(),
        ["delete the empty document"]
    );
    assert!(withdrawal(&record(&[&ours], false), &emptied).is_empty());
    assert!(withdrawal(&record(&[&ours], true), &observed(None)).is_empty());
}

#[test]
fn a_fingerprint_is_the_same_for_rules_that_grant_the_same() {
    let rule = |value: Value| -> Rule { serde_json::from_value(value).unwrap() };
    let one = rule(json!({"fieldIds": ["b", "a"], "criteria": [{"x": 1, "y": 2}],
        "userContainers": [{"type": "user", "login": "u"}, {"type": "group", "groupName": "g"}]}));
    let other = rule(json!({"criteria": [{"y": 2, "x": 1}], "fieldIds": ["a", "b", "a"],
        "userContainers": [{"groupName": "g", "type": "group", "label": "G"}, {"type": "user", "login": "u"}]}));
    assert!(one.same_as(&other));
    assert_eq!(fingerprint(&one), fingerprint(&other));
    for different in [
        json!({"userContainers": [{"type": "user", "login": "u"}]}),
        json!({"userContainers": [{"type": "group", "groupName": "u"}]}),
        json!({"userContainers": [{"type": "globalApiKey", "id": "u"}]}),
        json!({"fieldIds": ["u"]}),
    ] {
        assert_ne!(fingerprint(&one), fingerprint(&rule(different)));
    }
}

#[test]
fn a_rule_that_the_node_words_otherwise_is_not_added_again_and_again() {
    let with = |criteria: Value| Rule {
        criteria: vec![criteria],
        ..granting(&["jane"])
    };
    let (declared, stored) = (with(json!({"a": 1})), with(json!({"a": 1, "added": true})));
    let mut found = observed(Some(vec![stored]));
    assert!(
        !edit(&desired(vec![declared.clone()]), &found).unwrap().is_empty(),
        "not ours"
    );
    found.recorded = BTreeSet::from([fingerprint(&declared)]);
    let error = edit(&desired(vec![declared.clone()]), &found).err().unwrap();
    assert_eq!(error.reason(), Some(Reason::AcceptedButNotStored));
    found.declared = vec![declared.clone()];
    assert!(
        !withdrawal(&record(&[&declared], false), &found).is_empty(),
        "and goes with its object"
    );
    found.found = Some(vec![with(json!({"b": 2})), granting(&["jane"])]);
    let plan = edit(&desired(vec![declared]), &found).unwrap();
    assert!(!plan.is_empty(), "rules of others for the same people are no rewording");
}
