use super::*;
use crate::engine::Reason;

const HOURLY: &str = r#"{ "interval": "1h", "overlap": "10m" }"#;
const HOUR: i64 = 3600;

fn rotating(extra: Value) -> DssGlobalApiKey {
    let mut spec = json!({ "rotation": serde_json::from_str::<Value>(HOURLY).unwrap() });
    json_patch::merge(&mut spec, &extra);
    ci(spec)
}

/// `current` is published since the epoch; `retiring` are replaced since then.
fn published(current: &str, retiring: &[&str]) -> Bed {
    let all = retiring.iter().chain([&current]);
    let keys: Vec<Value> = all.map(|id| definition(id, json!({}))).collect();
    let mut bed = bed(Some(current), &keys);
    bed.record.published_at = Some(Time(at(0)));
    for id in retiring {
        bed.record.retiring.insert((*id).to_owned(), at(0).to_string());
    }
    bed.secrets = holding(current);
    bed
}

#[test]
fn a_key_is_replaced_when_it_is_due_and_not_a_second_earlier() {
    let (object, bed) = (rotating(json!({})), published("k1", &[]));
    let before = plan(&object, &bed, HOUR - 1);
    assert_eq!(before.steps(), Vec::<String>::new());
    assert_eq!(before.due, Some(std::time::Duration::from_secs(1)));
    let due = plan(&object, &bed, HOUR);
    assert_eq!(due.steps(), ["replace API key k1"]);
    assert_eq!(due.changes[0].event(), "Rotated");
    assert_eq!(
        plan(&object, &bed, 500 * HOUR).steps(),
        ["replace API key k1"],
        "once, however late"
    );
}

#[test]
fn a_replaced_key_works_for_the_overlap_and_is_then_deleted() {
    let (object, bed) = (rotating(json!({})), published("k2", &["k1"]));
    let during = plan(&object, &bed, 599);
    assert_eq!(during.steps(), Vec::<String>::new());
    assert_eq!(during.due, Some(std::time::Duration::from_secs(1)));
    assert_eq!(plan(&object, &bed, 600).steps(), ["delete replaced API key k1"]);
    let succession = during.succession.unwrap();
    assert_eq!(succession.retiring.keys().collect::<Vec<_>>(), ["k1"]);
}

#[test]
fn without_rotation_a_replaced_key_goes_at_once_and_never_before_the_next_one_is_published() {
    let mut bed = published("k2", &["k1"]);
    assert_eq!(steps(&ci(json!({})), &bed), ["delete replaced API key k1"]);
    bed.secrets = missing();
    assert_eq!(plan(&ci(json!({})), &bed, 5 * HOUR).steps(), ["replace API key k1"]);
}

#[test]
fn a_crash_after_publishing_leaves_the_old_key_its_overlap() {
    let mut bed = published("k1", &[]);
    let keys = ["k1", "k2"].map(|id| record(&definition(id, json!({}))));
    let listed = Listed {
        items: keys.to_vec(),
        unreadable: 0,
    };
    bed.lists.keys.replace(Instant::now(), &listed);
    bed.secrets = holding("k2");
    let plan = plan(&rotating(json!({})), &bed, 2 * HOUR);
    assert_eq!(plan.steps(), Vec::<String>::new());
    let succession = plan.succession.unwrap();
    assert_eq!((succession.id.as_str(), succession.since), ("k2", at(2 * HOUR)));
    assert_eq!(succession.retiring, [("k1".to_owned(), at(2 * HOUR))].into());
}

#[test]
fn a_secret_put_back_to_a_key_that_still_works_makes_that_one_the_key() {
    let mut bed = published("k2", &["k1"]);
    bed.secrets = holding("k1");
    let plan = plan(&rotating(json!({})), &bed, 60);
    assert_eq!(plan.steps(), Vec::<String>::new());
    let succession = plan.succession.unwrap();
    assert_eq!(succession.id, "k1");
    assert_eq!(succession.retiring.keys().collect::<Vec<_>>(), ["k2"]);
}

#[test]
fn a_replaced_key_loses_rights_as_long_as_it_works() {
    let (bed, mut old) = (published("k2", &["k1"]), definition("k1", json!({})));
    old["globalPermissions"]["mayCreateProjects"] = json!(true);
    bed.lists.keys.saw("k1", Some(record(&old)));
    let object = rotating(json!({ "permissions": { "mayCreateProjects": false }, "label": "ci" }));
    let plan = plan(&object, &bed, 0);
    assert_eq!(plan.steps(), ["set mayCreateProjects to false"]);
    assert!(matches!(&plan.changes[0], KeyChange::Edit { id, .. } if id == "k1"));
}

#[test]
fn the_label_follows_once_the_replaced_key_is_gone() {
    let bed = published("k2", &["k1"]);
    let spare = definition("k2", json!({ "label": "ci (after k1)" }));
    bed.lists.keys.saw("k2", Some(record(&spare)));
    let object = rotating(json!({ "label": "ci" }));
    assert_eq!(steps(&object, &bed), Vec::<String>::new());
    bed.lists.keys.saw("k1", None);
    assert_eq!(steps(&object, &bed), ["set label to ci"]);
}

#[test]
fn times_that_leave_clients_without_a_key_are_invalid() {
    let bed = bed(None, &[]);
    for spec in [
        json!({ "rotation": { "interval": "1h", "overlap": "61m" } }),
        json!({ "rotation": { "interval": "5s" } }),
        json!({ "rotation": { "interval": "-1h" } }),
        json!({ "rotation": { "interval": "24h", "overlap": "1h" }, "lifetime": "24h" }),
        json!({ "lifetime": "0s" }),
    ] {
        let error = refused(&ci(spec.clone()), &bed);
        assert_eq!(error.reason(), Some(Reason::Invalid), "{spec}: {error}");
    }
    for spec in [
        json!({ "rotation": { "interval": "1h", "overlap": "1h" } }),
        json!({ "rotation": { "interval": "10s", "overlap": "0s" } }),
        json!({ "rotation": { "interval": "23h", "overlap": "1h" }, "lifetime": "24h" }),
    ] {
        assert!(try_plan(&ci(spec.clone()), &bed, 0).is_ok(), "{spec}");
    }
}

#[test]
fn the_default_overlap_is_a_tenth_and_at_most_an_hour() {
    let overlap = |interval: &str| {
        let object = ci(json!({ "rotation": { "interval": interval } }));
        object.key().rotation.as_ref().unwrap().overlap().as_secs()
    };
    assert_eq!((overlap("10s"), overlap("5h"), overlap("720h")), (1, 1800, 3600));
}

#[test]
fn the_status_shows_when_the_next_key_comes_and_which_ones_still_work() {
    let (object, bed) = (rotating(json!({})), published("k2", &["k1"]));
    let shown = Key::show(&object, observed(&object, &bed).as_ref(), &bed.record, &bed.lists);
    let shown = serde_json::to_value(shown).unwrap();
    assert_eq!(shown["publishedAt"], "1970-01-01T00:00:00Z");
    assert_eq!(shown["nextRotationAt"], "1970-01-01T01:00:00Z");
    assert_eq!(shown["retiring"], json!(["k1"]));
}
