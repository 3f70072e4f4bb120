use std::time::Instant;

use serde_json::json;

use super::{absent, found, grants, listed, written};

#[test]
fn exact_takes_access_and_members_away() {
    let case = found(json!({
        "dataikuPermissions": {"design-0": {}, "automation-0": {}}, "governPermissions": {"govern-0": {}},
        "users": [{"id": "u1", "email": "Jane@example.com"}, {"id": "u2", "email": "max@example.com"}],
    }));
    let spec = json!({
        "nodes": [{"name": "design-0"}], "nodesPolicy": "Exact",
        "members": [{"email": "JANE@example.com"}], "membersPolicy": "Exact",
    });
    assert_eq!(
        case.plan(spec).steps(),
        [
            "withdraw access to automation-0",
            "withdraw access to govern-0",
            "remove member max@example.com",
            "remove member old@example.com (invited)",
        ]
    );
    let unset = json!({"nodesPolicy": "Exact", "membersPolicy": "Exact"});
    assert!(case.plan(unset).is_empty(), "unset is unmanaged");
}

#[test]
fn one_person_in_several_spellings_is_one_member() {
    let spec = json!({"members": [
        {"email": "Jane@Example.com"}, {"email": "jane@example.com"}, {"email": "NEW@example.com"}, {"email": "new@EXAMPLE.com"},
    ]});
    let plan = absent().plan(spec.clone());
    assert_eq!(
        plan.outstanding(),
        [
            "create group",
            "add member Jane@example.com",
            "add member new@example.com (invited)"
        ]
    );
    assert_eq!(grants(&plan, "members"), ["jane@example.com", "new@example.com"]);
    let after = written(&plan, &json!({"id": "g1", "name": "team"}));
    assert_eq!(after["users"], json!([{"id": "u1", "email": "Jane@example.com"}]));
    assert_eq!(
        found(after).plan(spec).steps(),
        ["add member new@example.com (invited)"]
    );
    let dropped = found(json!({"users": [{"id": "u1", "email": "JANE@example.com"}]}))
        .recorded(&[("members", &["jane@example.com"])]);
    assert_eq!(
        dropped.plan(json!({"members": []})).steps(),
        ["remove member JANE@example.com"]
    );
}

#[test]
fn somebody_who_is_a_user_and_still_listed_as_invited_is_a_user() {
    let case = found(json!({"users": [{"id": "u1", "email": "Jane@example.com"}]}));
    let invited = json!([{"id": "i3", "email": "jane@example.com", "groups": []}]);
    case.lists.replace_people(
        Instant::now(),
        listed(&json!([{"id": "u1", "email": "Jane@example.com"}])),
        listed(&invited),
    );
    assert!(
        case.plan(json!({"members": [{"email": "jane@example.com"}]}))
            .is_empty()
    );
}

#[test]
fn an_invite_with_unreadable_groups_is_neither_written_nor_forgotten() {
    let case = found(json!({})).recorded(&[("members", &["old@example.com"])]);
    let odd = json!([{"id": "i1", "email": "new@example.com", "groups": 7}, {"id": "i2", "email": "old@example.com", "groups": [1]}]);
    case.lists
        .replace_people(Instant::now(), listed(&json!([])), listed(&odd));
    let plan = case.plan(json!({"members": [{"email": "new@example.com"}]}));
    assert!(plan.is_empty() && plan.deferred);
    assert_eq!(
        plan.waiting,
        [
            "the groups of the invite of new@example.com cannot be read",
            "the groups of the invite of old@example.com cannot be read",
        ]
    );
}

#[test]
fn somebody_who_cannot_be_identified_may_be_the_one_that_is_looked_for() {
    let case = found(json!({})).recorded(&[("members", &["max@example.com"])]);
    case.lists
        .replace_people(Instant::now(), listed(&json!([{"id": 7}])), listed(&json!([])));
    let plan = case.plan(json!({"members": [{"email": "jane@example.com"}]}));
    assert_eq!(
        plan.waiting,
        ["jane@example.com is neither a user nor invited yet (1 users and invites cannot be read)"]
    );
    assert_eq!(grants(&plan, "members"), ["jane@example.com", "max@example.com"]);
}

#[test]
fn a_member_whose_time_is_over_leaves_whoever_added_it_and_so_does_an_absent_one() {
    let group = json!({"users": [{"id": "u1", "email": "Jane@example.com"}, {"id": "u9", "email": "joe@example.com"}]});
    let case = found(group);
    let plan = case.plan(json!({"members": [
        {"email": "jane@example.com", "validUntil": "1970-01-01T00:00:00Z"},
        {"email": "old@example.com", "ensure": "Absent"},
        {"email": "new@example.com", "validUntil": "1970-01-01T00:01:00Z"},
    ]}));
    let steps = plan.steps().join("; ");
    assert!(steps.contains("remove member Jane@example.com"), "{steps}");
    assert!(
        steps.contains("old@example.com") && steps.contains("new@example.com"),
        "{steps}"
    );
    assert!(!steps.contains("joe@example.com"), "{steps}");
    assert_eq!(grants(&plan, "members"), ["new@example.com"]);
    assert_eq!(
        plan.expired,
        ["the membership of jane@example.com ended at 1970-01-01T00:00:00Z"]
    );
    assert_eq!(plan.due, Some(std::time::Duration::from_mins(1)));
}

#[test]
fn nobody_waits_for_a_member_who_is_not_to_be_one() {
    let plan = found(json!({"users": []})).plan(json!({"members": [
        {"email": "nobody@example.com", "ensure": "Absent"},
        {"email": "gone@example.com", "validUntil": "1970-01-01T00:00:00Z"},
    ]}));
    assert!(plan.is_empty() && plan.waiting.is_empty(), "{:?}", plan.outstanding());
}

#[test]
fn of_two_spellings_of_one_address_the_one_that_takes_access_away_counts() {
    let group = json!({"users": [{"id": "u1", "email": "jane@example.com"}]});
    let plan = found(group).plan(json!({"members": [
        {"email": "JANE@example.com", "ensure": "Absent"}, {"email": "jane@example.com"},
    ]}));
    assert_eq!(plan.steps(), ["remove member jane@example.com"]);
}
