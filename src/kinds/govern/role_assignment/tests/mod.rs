#![allow(clippy::needless_pass_by_value, reason = "values are written in place")]

mod cycles;
mod document;
mod forms;
mod world;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{DOCUMENTS, RoleAssignment, Seen, claims, document_place, forms::RULES, plan, role_place, words::words};
use crate::{
    crd::{GovernInstance, GovernRoleAssignment, applied::Applied, govern_role_assignment::GovernRoleAssignmentStatus},
    dataiku::govern::rule::Rule,
    engine::{
        Error, Given, Managed, Plan, Reason, Secrets,
        connect::ConnectionKey,
        index::{Claims, Facts, Index},
        object::{ObjectName, created},
        work::subject,
    },
    kinds::govern::lists::GovernLists,
};

const ROLE: &str = "ro.pm";
const BLUEPRINT: &str = "bp.b";

/// An object of this name and spec, with a record.
fn object(name: &str, spec: Value, applied: Applied) -> GovernRoleAssignment {
    let mut all = json!({
        "instanceRef": {"name": "govern"}, "blueprintId": BLUEPRINT, "roleId": ROLE, "rules": [],
    });
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let mut object: GovernRoleAssignment = serde_json::from_value(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1",
        "kind": "GovernRoleAssignment",
        "metadata": {"name": name, "namespace": "team", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": all,
    }))
    .unwrap();
    record(&mut object, applied);
    object
}

/// Sets the record as the engine does.
fn record(object: &mut GovernRoleAssignment, mut applied: Applied) {
    let common = RoleAssignment::common(object);
    applied.subject = Some(subject(object.metadata.uid.clone(), &common.connection, &common.key));
    object.status = Some(GovernRoleAssignmentStatus {
        applied: Some(applied),
        ..GovernRoleAssignmentStatus::default()
    });
}

fn declaring(name: &str, rules: Value) -> GovernRoleAssignment {
    object(name, json!({"rules": rules}), Applied::default())
}

fn granted(rules: &[&Rule]) -> Applied {
    let rules: BTreeSet<_> = rules.iter().map(|rule| rule.hash()).collect();
    Applied {
        grants: [(RULES, rules)].into_iter().collect(),
        ..Applied::default()
    }
}

fn granting(users: &[&str]) -> Rule {
    Rule::granting(users, &[] as &[&str])
}

fn seen(rules: Vec<Rule>) -> Seen {
    Seen {
        rules: std::sync::Arc::new(rules.into_iter().collect()),
        exists: true,
        vacant: false,
        ..Seen::default()
    }
}

/// What an object is planned with: other objects, and lists.
struct Around {
    index: Index,
    lists: GovernLists,
    connection: GovernInstance,
}

impl Around {
    fn new(others: &[&GovernRoleAssignment]) -> Self {
        let index = Index::default();
        for other in others {
            index.update(&ObjectName::of(*other), None, Some(&facts(other)));
        }
        let connection = json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "GovernInstance",
            "metadata": {"name": "govern", "namespace": "team"},
            "spec": {"url": "https://govern", "credentials": {"apiKeySecretRef": {"name": "key"}}},
        });
        Self {
            index,
            lists: GovernLists::showing(&[ROLE], &[BLUEPRINT]),
            connection: serde_json::from_value(connection).unwrap(),
        }
    }

    /// An object of this namespace cannot be decoded.
    fn undecodable(&self, namespace: &str) {
        let name = ObjectName {
            namespace: namespace.into(),
            name: "broken".into(),
        };
        self.index.note_undecodable(&name, true);
    }

    fn claims(&self, own: &GovernRoleAssignment) -> Claims<'_> {
        let connection = ConnectionKey::new("team", "govern");
        let admits = Box::new(|namespace: &str| namespace == "team");
        self.index.claims(connection, ObjectName::of(own), admits)
    }

    fn with<T>(&self, object: &GovernRoleAssignment, with: impl FnOnce(&Given<'_, GovernInstance>) -> T) -> T {
        let applied = object
            .status
            .as_ref()
            .and_then(|status| status.applied.clone())
            .unwrap_or_default();
        with(&Given {
            name: ObjectName::of(object),
            mark: None,
            cluster: None,
            now: jiff::Timestamp::UNIX_EPOCH,
            record: &applied,
            secrets: &Secrets::default(),
            connection: &self.connection,
            lists: &self.lists,
            others: self.claims(object),
        })
    }

    fn plan(&self, object: &GovernRoleAssignment, seen: &Seen) -> Result<Plan<super::RulesChange>, Error> {
        self.with(object, |given| RoleAssignment::plan(object, given, Some(seen)))
    }

    fn removal(&self, object: &GovernRoleAssignment, seen: &Seen) -> Plan<super::RulesChange> {
        self.with(object, |given| plan::removal(object, given, seen))
    }
}

fn facts(object: &GovernRoleAssignment) -> Facts {
    Facts {
        connection: Some(RoleAssignment::common(object).connection),
        sources: Vec::new(),
        claims: claims(object),
        key: None,
        created: created(object),
    }
}

fn steps(object: &GovernRoleAssignment, seen: &Seen, others: &[&GovernRoleAssignment]) -> Vec<String> {
    Around::new(others).plan(object, seen).unwrap().outstanding()
}

#[test]
fn missing_rules_are_granted_and_others_left_alone() {
    let found = seen(vec![granting(&["jane"]), granting(&["theirs"])]);
    let both = declaring("a", json!([{"users": ["jane"]}, {"users": ["max"]}]));
    assert_eq!(steps(&both, &found, &[]), ["grant ro.pm to users [max]"]);
    let one = declaring("a", json!([{"users": ["jane"]}]));
    assert_eq!(steps(&one, &found, &[]), Vec::<String>::new());
    assert_eq!(steps(&one, &Seen::default(), &[]), ["grant ro.pm to users [jane]"]);
}

#[test]
fn rules_found_in_place_are_no_grants_and_the_document_of_others_is_not_ours() {
    let one = declaring("a", json!([{"users": ["jane"]}]));
    let plan = Around::new(&[]).plan(&one, &seen(vec![granting(&["jane"])])).unwrap();
    assert!(plan.is_empty() && plan.grants.is_empty());
    let created = Around::new(&[]).plan(&one, &Seen::default()).unwrap();
    assert!(created.grants.contains(RULES, &granting(&["jane"]).hash()));
    assert!(created.grants.contains(DOCUMENTS, BLUEPRINT));
}

#[test]
fn an_added_rule_that_is_dropped_is_withdrawn_unless_another_object_takes_it_over() {
    let (jane, max) = (granting(&["jane"]), granting(&["max"]));
    let found = seen(vec![jane.clone(), max.clone()]);
    let mine = object("a", json!({"rules": [{"users": ["jane"]}]}), granted(&[&max]));
    let withdraw = ["withdraw ro.pm from users [max]"];
    assert_eq!(steps(&mine, &found, &[]), withdraw);
    let declares = declaring("b", json!([{"users": ["max"]}]));
    assert_eq!(
        steps(&mine, &found, &[&declares]),
        withdraw,
        "an object that does not have it in its record adds it again"
    );
    let takes_over = object("b", json!({"rules": [{"users": ["max"]}]}), granted(&[&max]));
    assert_eq!(steps(&mine, &found, &[&takes_over]), Vec::<String>::new());
    let observes = object(
        "b",
        json!({"rules": [{"users": ["max"]}], "managementPolicy": "Observe"}),
        granted(&[&max]),
    );
    assert_eq!(
        steps(&mine, &found, &[&observes]),
        withdraw,
        "an observer declares nothing"
    );
}

#[test]
fn whoever_declares_a_rule_that_another_object_added_shares_its_ownership() {
    let jane = granting(&["jane"]);
    let found = seen(vec![jane.clone()]);
    let adder = object("b", json!({"rules": [{"users": ["jane"]}]}), granted(&[&jane]));
    let second = declaring("a", json!([{"users": ["jane"]}]));
    let plan = Around::new(&[&adder]).plan(&second, &found).unwrap();
    assert!(plan.is_empty() && plan.grants.contains(RULES, &jane.hash()));
}

#[test]
fn exact_removes_what_no_object_declares() {
    let found = seen(vec![granting(&["jane"]), granting(&["max"]), granting(&["by-hand"])]);
    let exact = object(
        "a",
        json!({"rules": [{"users": ["jane"]}], "rulesPolicy": "Exact"}),
        Applied::default(),
    );
    let other = declaring("b", json!([{"users": ["max"]}]));
    assert_eq!(
        steps(&exact, &found, &[&other]),
        ["withdraw ro.pm from users [by-hand]"]
    );
    let nobody = object("a", json!({"rulesPolicy": "Exact"}), Applied::default());
    let mut all = steps(&nobody, &found, &[&other]);
    all.sort();
    let expected = [
        "withdraw ro.pm from users [by-hand]",
        "withdraw ro.pm from users [jane]",
    ];
    assert_eq!(all, expected, "an empty list leaves nobody");
}

#[test]
fn exact_removes_nothing_while_an_object_of_an_allowed_namespace_cannot_be_read() {
    let found = seen(vec![granting(&["by-hand"])]);
    let exact = object("a", json!({"rulesPolicy": "Exact"}), Applied::default());
    let around = Around::new(&[]);
    around.undecodable("elsewhere");
    assert!(!around.plan(&exact, &found).unwrap().is_empty());
    around.undecodable("team");
    assert!(around.plan(&exact, &found).unwrap().is_empty());
}

#[test]
fn nothing_is_written_before_role_and_blueprint_exist_and_withdrawals_stay_on_record() {
    let mut around = Around::new(&[]);
    around.lists = GovernLists::showing(&[], &[]);
    let one = declaring("a", json!([{"users": ["jane"]}]));
    let plan = around.plan(&one, &Seen::default()).unwrap();
    assert!(plan.is_empty() && plan.deferred && plan.grants.is_empty());
    assert_eq!(
        plan.waiting,
        ["blueprint bp.b does not exist yet", "role ro.pm does not exist yet"]
    );
}

#[test]
fn of_two_objects_with_exact_the_younger_is_refused() {
    let exact = |name: &str, created: &str| {
        let mut exact = object(name, json!({"rulesPolicy": "Exact"}), Applied::default());
        exact.metadata.creation_timestamp = Some(serde_json::from_value(json!(created)).unwrap());
        exact
    };
    let (old, young) = (
        exact("old", "2026-01-01T00:00:00Z"),
        exact("young", "2026-01-02T00:00:00Z"),
    );
    let elder = exact("elder", "2026-01-02T00:00:00Z");
    assert!(Around::new(&[&young]).plan(&old, &seen(Vec::new())).is_ok());
    for (other, name) in [(&old, "team/old"), (&elder, "team/elder")] {
        let refused = Around::new(&[other]).plan(&young, &seen(Vec::new())).unwrap_err();
        assert_eq!(refused.reason(), Some(Reason::Conflict));
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn a_deletion_removes_only_what_the_record_has() {
    let (ours, theirs) = (granting(&["jane"]), granting(&["theirs"]));
    let found = seen(vec![ours.clone(), theirs]);
    let spec = json!({"rules": [{"users": ["jane"]}]});
    let mine = object("a", spec.clone(), granted(&[&ours]));
    let plan = Around::new(&[]).removal(&mine, &found);
    assert_eq!(plan.steps(), ["withdraw ro.pm from users [jane]"]);
    assert!(!plan.changes[0].edit.delete_vacant);
    let adopted = object("a", spec.clone(), Applied::default());
    assert!(Around::new(&[]).removal(&adopted, &found).is_empty(), "found in place");
    let declares = object("b", spec.clone(), Applied::default());
    assert!(
        !Around::new(&[&declares]).removal(&mine, &found).is_empty(),
        "nobody else would ever remove it"
    );
    let takes_over = object("b", spec, granted(&[&ours]));
    assert!(Around::new(&[&takes_over]).removal(&mine, &found).is_empty());
}

#[test]
fn the_document_goes_with_its_last_rule_if_we_created_it() {
    let ours = granting(&["jane"]);
    let with = |document: bool| {
        let documents: BTreeSet<_> = document.then(|| BLUEPRINT.to_owned()).into_iter().collect();
        let grants = [(RULES, BTreeSet::from([ours.hash()])), (DOCUMENTS, documents)];
        let applied = Applied {
            grants: grants.into_iter().collect(),
            ..Applied::default()
        };
        object("a", json!({"rules": [{"users": ["jane"]}]}), applied)
    };
    let around = Around::new(&[]);
    let plan = around.removal(&with(true), &seen(vec![ours.clone()]));
    assert!(plan.changes[0].edit.delete_vacant);
    let emptied = Seen {
        vacant: true,
        ..seen(Vec::new())
    };
    assert_eq!(
        around.removal(&with(true), &emptied).steps(),
        ["delete the empty document"]
    );
    assert!(around.removal(&with(false), &emptied).is_empty());
    assert!(around.removal(&with(true), &Seen::default()).is_empty());
}

#[test]
fn a_claim_holds_short_hashes_and_ignores_the_record_of_another_object() {
    let jane = granting(&["jane"]);
    let mut mine = object("a", json!({"rules": [{"users": ["jane"]}]}), granted(&[&jane]));
    let claim = |object: &GovernRoleAssignment| claims(object).remove(0);
    assert_eq!(claim(&mine).place, role_place(&mine.spec, ROLE));
    assert_ne!(role_place(&mine.spec, ROLE), document_place(&mine.spec));
    assert_eq!(claim(&mine).declared, BTreeSet::from([jane.hash()]));
    assert_eq!(claim(&mine).owned, BTreeSet::from([jane.hash()]));
    mine.metadata.uid = Some("copied".to_owned());
    assert!(claim(&mine).owned.is_empty());
}

#[test]
fn too_many_bytes_are_invalid() {
    let long = |n: usize| json!({"users": ["x"], "criteria": [{"value": "y".repeat(n)}]});
    let around = Around::new(&[]);
    assert!(
        around
            .plan(&declaring("a", json!([long(60_000)])), &Seen::default())
            .is_ok()
    );
    let error = around
        .plan(&declaring("a", json!([long(70_000)])), &Seen::default())
        .unwrap_err();
    assert_eq!(error.reason(), Some(Reason::Invalid));
}

#[test]
fn sentences_are_bounded_however_long_a_rule_is() {
    let users: Vec<String> = (0..1000).map(|n| format!("user{n}-{}", "x".repeat(100))).collect();
    let mut rule = Rule::granting(&users, &["pms".to_owned(), "devs".to_owned()]);
    rule.criteria = vec![json!({"value": "y".repeat(5000)})];
    let text = words(&rule);
    assert!(text.len() < 1200, "{}", text.len());
    assert!(
        text.contains("and 990 more], groups [2 more], under the criteria"),
        "{text}"
    );
    let short = words(&Rule::granting(&["jane"], &["pms"]));
    assert_eq!(short, "users [jane], groups [pms]");
}

#[test]
fn plans_of_different_long_rules_are_different_attempts() {
    let users = |last: &str| {
        let mut users: Vec<String> = (0..20).map(|n| format!("user{n}")).collect();
        users.push(last.to_owned());
        declaring("a", json!([{"users": users}]))
    };
    let around = Around::new(&[]);
    let plan = |object| around.plan(&object, &Seen::default()).unwrap();
    let (one, other) = (plan(users("a")), plan(users("b")));
    assert_eq!(one.steps(), other.steps());
    assert_ne!(one.attempt(), other.attempt());
}
