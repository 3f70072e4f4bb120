//! Time limits, and groups that a user must not be in.

use super::{super::plan, *};

const NOON: &str = "2026-11-28T12:00:00Z";

/// A plan at a time of the day on which everything ends at noon.
fn plan_at(time: &str, bed: &Bed, object: &DssUser, found: Option<&SeenUser>) -> Plan<Change> {
    let given = Given {
        now: format!("2026-11-28T{time}Z").parse().unwrap(),
        ..bed.given()
    };
    Users::plan(object, &given, found).unwrap()
}

#[allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]
fn limited(extra: Value) -> DssUser {
    let mut spec = json!({ "sourceType": "LOCAL_NO_AUTH", "validUntil": NOON });
    json_patch::merge(&mut spec, &extra);
    jane(&spec)
}

fn found(enabled: bool, groups: &[&str]) -> SeenUser {
    seen(&json!({ "login": "jane", "sourceType": "LOCAL_NO_AUTH", "enabled": enabled, "groups": groups }))
}

#[test]
fn an_expired_user_is_not_created_even_from_an_invalid_spec() {
    let bed = Bed::default();
    for spec in [json!({}), json!({ "sourceType": "LOCAL", "userProfile": "WIZARD" })] {
        let plan = plan_at("12:00:00", &bed, &limited(spec), None);
        assert!(plan.is_empty() && plan.outstanding().is_empty() && plan.grants.is_empty());
        assert_eq!(
            plan.expired,
            ["validUntil 2026-11-28T12:00:00Z has passed: the user is not created"]
        );
        assert_eq!(plan.due, None);
    }
    let plan = plan_at("11:59:00", &bed, &limited(json!({})), None);
    assert!(plan.creates() && plan.expired.is_empty());
    assert_eq!(plan.due, Some(std::time::Duration::from_mins(1)));
}

#[test]
fn the_operator_enables_again_whom_it_disabled_for_this_reason_and_nobody_else() {
    let object = limited(json!({}));
    let mut bed = Bed::default();
    let before = found(true, &[]);
    let ends = plan_at("12:00:01", &bed, &object, Some(&before));
    assert_eq!(ends.steps(), ["disable"]);
    assert_eq!(ends.changes[0].event(), "Disabled");
    assert_eq!(
        ends.changes[0].effects(),
        [Effect::Edits("jane".into()), Effect::Disables("jane".into())]
    );
    let after = written(&ends, &before);
    bed.record.grants = ends.grants.clone();
    let rest = plan_at("12:00:02", &bed, &object, Some(&after));
    assert!(rest.is_empty() && !rest.expired.is_empty());
    assert_eq!(rest.grants, ends.grants, "the record stands as long as the limit");
    assert_eq!(plan_at("12:00:03", &bed, &object, Some(&before)).steps(), ["disable"]);
    for later in [
        json!({ "validUntil": "2027-01-01T00:00:00Z" }),
        json!({ "validUntil": null }),
    ] {
        let plan = plan_at("13:00:00", &bed, &limited(later), Some(&after));
        assert_eq!(plan.steps(), ["enable"]);
        assert!(plan.grants.is_empty());
    }
    let declared = limited(json!({ "validUntil": null, "enabled": false }));
    assert!(plan_at("13:00:00", &bed, &declared, Some(&after)).is_empty());
    // Somebody else had disabled this one before.
    let bed = Bed::default();
    let plan = plan_at("12:00:01", &bed, &object, Some(&after));
    assert!(plan.is_empty() && plan.grants.is_empty());
    assert!(plan_at("13:00:00", &bed, &limited(json!({ "validUntil": null })), Some(&after)).is_empty());
}

#[test]
fn an_expired_membership_is_withdrawn_whoever_gave_it_and_the_rest_of_the_user_stays() {
    let groups = json!([{ "name": "a", "validUntil": NOON }, { "name": "b" }]);
    let object = limited(json!({ "validUntil": null, "groups": groups }));
    let bed = Bed::default();
    let before = plan_at("11:59:00", &bed, &object, Some(&found(true, &["c"])));
    assert_eq!(before.steps(), ["add to group a", "add to group b"]);
    assert_eq!(before.due, Some(std::time::Duration::from_mins(1)));
    let after = plan_at("12:00:00", &bed, &object, Some(&found(true, &["a", "b", "c"])));
    assert_eq!(after.steps(), ["remove from group a"]);
    assert!(after.changes[0].withdraws());
    assert_eq!(after.grants.list(GROUPS), ["b"]);
    assert_eq!(
        after.expired,
        ["the membership in group a ended at 2026-11-28T12:00:00Z"]
    );
    let created = plan_at("12:00:00", &bed, &object, None);
    assert_eq!(
        created.steps(),
        ["create LOCAL_NO_AUTH user with profile READER", "add to group b"]
    );
}

#[test]
fn an_absent_group_is_removed_whoever_gave_it_and_never_waits() {
    let groups = json!([{ "name": "a", "ensure": "Absent" }, { "name": "gone", "ensure": "Absent" }]);
    let object = limited(json!({ "validUntil": null, "groups": groups }));
    let bed = Bed::default();
    let before = found(true, &["a", "c"]);
    let plan = plan_at("00:00:00", &bed, &object, Some(&before));
    assert_eq!(plan.steps(), ["remove from group a"]);
    assert!(plan.waiting.is_empty() && plan.grants.is_empty());
    let left = Effect::Leaves {
        user: "jane".into(),
        group: "a".into(),
    };
    assert_eq!(plan.changes[0].effects(), [Effect::Edits("jane".into()), left]);
    let after = written(&plan, &before);
    assert!(plan_at("00:00:00", &bed, &object, Some(&after)).is_empty());
    let removal = Users::removal(&object, DeletionPolicy::Disable, &bed.given(), &after);
    assert_eq!(removal.steps(), ["disable"]);
}

#[test]
fn a_list_that_does_not_show_whether_a_limited_user_is_enabled_tells_nothing() {
    let bed = Bed::default();
    let short = UserRecord {
        enabled: None,
        ..(*found(true, &[]).object).clone()
    };
    let tells = |spec: Value| plan::is_shown(&limited(spec), &bed.record, &bed.lists, &short);
    assert!(!tells(json!({})));
    assert!(tells(json!({ "validUntil": null })));
}

#[test]
fn limits_far_in_the_future_and_in_the_past_do_not_overflow() {
    let bed = Bed::default();
    for limit in ["9999-12-30T00:00:00Z", "0001-01-01T00:00:00Z"] {
        let object = limited(json!({ "validUntil": limit }));
        let plan = plan_at("00:00:00", &bed, &object, Some(&found(false, &[])));
        assert!(plan.is_empty());
        let day = std::time::Duration::from_hours(24);
        assert!(plan.due.is_none_or(|due| due <= day));
    }
}
