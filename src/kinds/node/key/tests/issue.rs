use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, body_partial_json, method, path},
};

use super::*;
use crate::{
    dataiku::dss::DssNode,
    engine::connect::Effect,
    kinds::node::tests::{API, dss, permit},
};

#[test]
fn a_key_is_created_with_its_mark_and_its_rights() {
    let mut bed = bed(None, &[]);
    bed.secrets = missing();
    let object = ci(json!({ "description": "pipeline", "permissions": { "mayCreateProjects": true, "admin": false } }));
    let plan = plan(&object, &bed, 0);
    let new = new_key(&plan);
    assert_eq!((new.label.as_str(), &new.spare_label), ("ci", &None));
    assert_eq!(new.description, format!("pipeline {OURS}"));
    assert_eq!(new.groups, None);
    assert_eq!(new.permissions.len(), 2);
    assert_eq!(new.url, NODE);
    assert_eq!(plan.outstanding(), ["create API key"]);
    assert!(plan.creates() && plan.changes[0].slots().is_empty());
    assert_eq!(plan.grants.list("permissions"), ["mayCreateProjects"]);
    assert_eq!(plan.grants.list("marks"), [OURS]);
}

#[test]
fn groups_that_do_not_exist_wait_and_the_impersonated_user_follows() {
    let mut bed = bed(None, &[]);
    bed.secrets = missing();
    let object = ci(json!({ "label": "other", "groups": ["a", "later"], "dssUserForImpersonation": "svc" }));
    let plan = plan(&object, &bed, 0);
    let new = new_key(&plan);
    assert_eq!(
        (new.label.as_str(), &new.groups),
        ("other", &Some(vec!["a".to_owned()]))
    );
    assert_eq!(plan.waiting, ["group later does not exist yet"]);
    assert_eq!(new.follows, ["set dssUserForImpersonation to svc"]);
}

#[test]
fn a_secret_that_is_missing_or_edited_means_a_new_key_and_one_that_nobody_read_does_not() {
    let mut bed = bed(Some("k1"), &[definition("k1", json!({}))]);
    let object = ci(json!({}));
    let changed = || Secret::Changed("other".to_owned().into(), "k:1".into());
    for (slot, secret) in [
        (PUBLISHED, Secret::Missing("gone".into())),
        (PUBLISHED, Secret::Unusable("odd".into())),
        (PUBLISHED, changed()),
        (PUBLISHED_ID, changed()),
        (PUBLISHED_ID, Secret::Missing("gone".into())),
    ] {
        let mut slots = BTreeMap::from([
            (PUBLISHED, Secret::Unchanged("value".to_owned().into(), "p".into())),
            (PUBLISHED_ID, Secret::Unchanged("k1".to_owned().into(), "p".into())),
            (PUBLISHED_URL, Secret::Unchanged(NODE.to_owned().into(), "p".into())),
        ]);
        slots.insert(slot, secret);
        bed.secrets = slots
            .into_iter()
            .map(|(slot, secret)| (slot.to_owned(), secret))
            .collect();
        assert_eq!(steps(&object, &bed), ["replace API key k1"], "{slot}");
    }
    bed.secrets = holding("k1");
    assert_eq!(steps(&object, &bed), Vec::<String>::new());
    bed.secrets = Secrets::unread(&Key::secrets(&object));
    assert_eq!(steps(&object, &bed), Vec::<String>::new());
}

#[test]
fn keys_of_others_are_never_deleted_whatever_the_secret_says() {
    let other = "[dataiku-operator.io/owner: team/ci ffffff]";
    let mut bed = bed(
        Some("k2"),
        &[
            definition("k1", json!({})),
            definition("k2", json!({})),
            definition("k3", json!({ "description": other })),
            definition("k4", json!({ "description": format!("{OURS} {other}") })),
        ],
    );
    bed.secrets = holding("k2");
    assert_eq!(steps(&ci(json!({})), &bed), ["delete unused API key k1"]);
    // Somebody who may write to the Secret names a key of somebody else.
    bed.secrets = holding("k3");
    let plan = plan(&ci(json!({})), &bed, 0);
    assert_eq!(plan.steps(), ["delete unused API key k1", "replace API key k2"]);
}

#[test]
fn the_mark_of_somebody_else_cannot_be_declared() {
    let theirs = format!("{OURS} [dataiku-operator.io/owner: team/theirs ffffff]");
    for (description, ours) in [
        (OURS.to_owned(), true),
        (format!("before {OURS} after"), true),
        (theirs, false),
        ("[dataiku-operator.io/owner: team/ci 0a1b2c3d]".to_owned(), false),
        ("[dataiku-operator.io/owner: team/ci 0a1b2c".to_owned(), false),
        ("no mark".to_owned(), false),
    ] {
        let is_ours = kin(&description, &ci(json!({})), None) == Kin::Own;
        assert_eq!(is_ours, ours, "{description}");
    }
}

const HERE: &str = "[dataiku-operator.io/owner: c0ffee/team/ci 0a1b2c]";
/// The object of the same name, before it was created anew.
const BEFORE: &str = "[dataiku-operator.io/owner: c0ffee/team/ci ffffff]";
const ELSEWHERE: &str = "[dataiku-operator.io/owner: beef/team/ci ffffff]";

/// A bed in a cluster that is known.
fn located(id: Option<&str>, keys: &[(&str, &str)]) -> Bed {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(id, mark)| definition(id, json!({ "description": mark })))
        .collect();
    Bed {
        cluster: Some("c0ffee"),
        ..bed(id, &keys)
    }
}

#[test]
fn a_mark_names_the_cluster_and_one_of_another_cluster_is_somebody_elses() {
    let of = |description: &str, cluster| kin(description, &ci(json!({})), cluster);
    for (description, cluster, expected) in [
        (HERE, Some("c0ffee"), Kin::Own),
        (HERE, None, Kin::Own),
        (OURS, Some("c0ffee"), Kin::Own),
        (BEFORE, Some("c0ffee"), Kin::Former),
        // Nothing proves whose it is.
        (BEFORE, None, Kin::Other),
        (
            "[dataiku-operator.io/owner: team/ci ffffff]",
            Some("c0ffee"),
            Kin::Other,
        ),
        (ELSEWHERE, Some("c0ffee"), Kin::Other),
        (
            "[dataiku-operator.io/owner: beef/team/ci 0a1b2c]",
            Some("c0ffee"),
            Kin::Other,
        ),
        (
            "[dataiku-operator.io/owner: c0ffee/team/other ffffff]",
            Some("c0ffee"),
            Kin::Other,
        ),
        (
            "[dataiku-operator.io/owner: c0ffee/prod/team/ci 0a1b2c]",
            Some("c0ffee"),
            Kin::Other,
        ),
        (
            "[dataiku-operator.io/owner: c0ffee/team/ci 0a1b2c more]",
            Some("c0ffee"),
            Kin::Other,
        ),
    ] {
        assert_eq!(of(description, cluster), expected, "{description} in {cluster:?}");
    }
    let mut bed = located(None, &[]);
    bed.secrets = missing();
    assert_eq!(new_key(&plan(&ci(json!({})), &bed, 0)).description, HERE);
}

#[test]
fn keys_that_an_earlier_object_of_the_name_left_are_named_and_never_deleted() {
    let rotating = ci(json!({ "rotation": { "interval": "1h", "overlap": "10m" } }));
    let mut bed = located(None, &[("old", BEFORE), ("theirs", ELSEWHERE)]);
    bed.secrets = missing();
    let first = plan(&rotating, &bed, 0);
    assert_eq!(first.steps(), ["create API key"], "nothing is replaced");
    assert_eq!(new_key(&first).spare_label.as_deref(), Some("ci (after old)"));
    assert!(Key::is_proven(&rotating, &observed(&rotating, &bed).unwrap()));
    let mut bed = located(Some("new"), &[("old", BEFORE), ("theirs", ELSEWHERE), ("new", HERE)]);
    bed.secrets = holding("new");
    for now in [100, 3599] {
        let during = plan(&rotating, &bed, now);
        assert_eq!(during.steps(), Vec::<String>::new());
        assert!(during.succession.unwrap().retiring.is_empty());
    }
    assert_eq!(plan(&ci(json!({})), &bed, 9000).steps(), Vec::<String>::new());
    let seen = observed(&rotating, &bed).unwrap();
    assert_eq!(
        Key::show(&rotating, Some(&seen), &bed.record, &bed.lists).former,
        ["old"]
    );
    let removal = Key::removal(&rotating, DeletionPolicy::Delete, &bed.given(), &seen);
    assert_eq!(removal.steps(), ["delete API key new"]);
}

#[test]
fn each_further_object_of_the_name_has_a_label_that_no_key_has() {
    let labelled = |id: &str, label: &str| definition(id, json!({ "description": BEFORE, "label": label }));
    let keys = [labelled("a", "ci"), labelled("b", "ci (after a)")];
    let mut bed = Bed {
        cluster: Some("c0ffee"),
        ..bed(None, &keys)
    };
    bed.secrets = missing();
    let third = plan(&ci(json!({})), &bed, 0);
    assert_eq!(new_key(&third).spare_label.as_deref(), Some("ci (after b)"));
}

#[test]
fn a_key_of_an_earlier_object_that_this_one_took_over_is_its_own() {
    let mut bed = located(Some("old"), &[("old", BEFORE)]);
    bed.secrets = holding("old");
    let object = ci(json!({}));
    let seen = observed(&object, &bed).unwrap();
    assert!(
        Key::show(&object, Some(&seen), &bed.record, &bed.lists)
            .former
            .is_empty()
    );
    let removal = Key::removal(&object, DeletionPolicy::Delete, &bed.given(), &seen);
    assert_eq!(removal.steps(), ["delete API key old"]);
}

#[test]
fn a_restored_secret_holds_the_key_in_force() {
    let mut bed = located(None, &[("old", BEFORE)]);
    bed.secrets = holding("old");
    let object = ci(json!({ "description": "pipeline" }));
    let (steps, after) = edited(&object, &bed, &definition("old", json!({ "description": BEFORE })));
    assert_eq!(steps, ["set description to pipeline"]);
    assert_eq!(after["description"], format!("pipeline {HERE}"));
}

#[test]
fn a_mark_without_a_cluster_is_no_difference() {
    for declared in [json!({}), json!({ "description": "pipeline" })] {
        let found = if declared.get("description").is_some() {
            format!("pipeline {OURS}")
        } else {
            OURS.to_owned()
        };
        let mut bed = located(Some("k1"), &[("k1", &found)]);
        bed.secrets = holding("k1");
        assert_eq!(steps(&ci(declared), &bed), Vec::<String>::new());
    }
}

#[test]
fn a_key_whose_value_was_lost_is_deleted_and_another_one_created() {
    let mut bed = bed(None, &[definition("k1", json!({}))]);
    bed.secrets = missing();
    assert_eq!(
        steps(&ci(json!({})), &bed),
        ["delete unused API key k1", "create API key"]
    );
    let seen = observed(&ci(json!({})), &bed).unwrap();
    assert!(Key::is_proven(&ci(json!({})), &seen), "the mark outlives the status");
}

#[test]
fn a_lost_status_takes_nothing_from_the_key_that_the_secret_holds() {
    let mut bed = bed(None, &[definition("k1", json!({})), definition("k2", json!({}))]);
    bed.secrets = holding("k2");
    let plan = plan(&ci(json!({})), &bed, 50);
    assert_eq!(plan.steps(), ["delete unused API key k1"]);
    let succession = plan.succession.unwrap();
    assert_eq!((succession.id.as_str(), succession.since), ("k2", at(50)));
}

#[test]
fn a_removal_deletes_every_key_of_the_object_and_nobody_elses() {
    let mut bed = bed(
        Some("k1"),
        &[
            definition("k1", json!({})),
            definition("k2", json!({})),
            definition("k3", json!({ "description": "the mark was removed" })),
            definition("k4", json!({ "description": null })),
        ],
    );
    bed.record.retiring.insert("k3".into(), "1970-01-01T00:00:00Z".into());
    let object = ci(json!({}));
    let seen = observed(&object, &bed).unwrap();
    let plan = Key::removal(&object, DeletionPolicy::Delete, &bed.given(), &seen);
    assert_eq!(
        plan.steps(),
        ["delete API key k1", "delete API key k2", "delete API key k3"]
    );
    assert!(plan.changes.iter().all(Change::withdraws));
    let effect = |id: &str| Effect::DeletesKey {
        id: id.to_owned(),
        user: None,
    };
    assert_eq!(plan.changes[0].effects(), [effect("k1")]);
}

#[test]
fn another_address_of_the_node_is_published_beside_the_same_value() {
    let mut bed = bed(Some("k1"), &[definition("k1", json!({}))]);
    bed.secrets = holding("k1");
    bed.connection.spec.node.url = "https://new.example.com".into();
    let plan = plan(&ci(json!({})), &bed, 0);
    assert_eq!(plan.steps(), ["publish the address https://new.example.com"]);
    assert_eq!(plan.grants.list("url"), ["https://new.example.com"]);
    assert!(!plan.creates());
}

#[test]
fn a_key_that_the_connection_itself_uses_is_not_deleted_before_it_uses_the_next_one() {
    let mut bed = bed(
        Some("k2"),
        &[definition("operator", json!({})), definition("k2", json!({}))],
    );
    bed.secrets = holding("k2");
    bed.record
        .retiring
        .insert("operator".into(), "1970-01-01T00:00:00Z".into());
    let plan = plan(&ci(json!({})), &bed, 100);
    assert_eq!(plan.steps(), Vec::<String>::new());
    assert!(plan.due.is_some());
}

#[tokio::test]
async fn the_value_goes_from_the_answer_into_the_receipt() {
    let server = MockServer::start().await;
    let body = json!({ "label": "ci", "description": OURS, "globalPermissions": { "admin": false } });
    Mock::given(method("POST"))
        .and(path(format!("{API}/admin/global-api-keys/")))
        .and(body_json(&body))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "id": "k1", "key": "canary-value" })))
        .mount(&server)
        .await;
    let mut bed = bed(None, &[]);
    bed.secrets = missing();
    let plan = plan(&ci(json!({ "permissions": { "admin": false } })), &bed, 0);
    let receipt = new_key(&plan)
        .post::<Global<DssNode>>(&dss(&server.uri()), permit())
        .await
        .unwrap();
    assert_eq!(receipt.id.as_deref(), Some("k1"));
    let secret: BTreeMap<_, _> = receipt
        .secret
        .iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value.expose_secret().to_owned()))
        .collect();
    let expected = [("apiKey", "canary-value"), ("apiKeyId", "k1"), ("url", NODE)];
    assert_eq!(secret, expected.map(|(key, value)| (key, value.to_owned())).into());
}

#[tokio::test]
async fn a_node_that_refuses_a_second_key_with_a_label_gets_another_label() {
    let server = MockServer::start().await;
    let answer = |label: &str, answer: ResponseTemplate| {
        let label = json!({ "label": label });
        let mock = Mock::given(method("POST"))
            .and(body_partial_json(label))
            .respond_with(answer);
        mock.expect(1).mount(&server)
    };
    let refusal = json!({ "errorType": "com.dataiku.X", "message": "The label must be unique", "detailedMessage": "" });
    answer("ci", ResponseTemplate::new(400).set_body_json(refusal)).await;
    let created = json!({ "id": "k2", "key": "v" });
    answer("ci (after k1)", ResponseTemplate::new(200).set_body_json(created)).await;
    let mut bed = bed(Some("k1"), &[definition("k1", json!({}))]);
    bed.secrets = missing();
    let plan = plan(&ci(json!({})), &bed, 0);
    let receipt = new_key(&plan)
        .post::<Global<DssNode>>(&dss(&server.uri()), permit())
        .await
        .unwrap();
    assert_eq!(receipt.also, ["label it ci (after k1) while ci is in use"]);
}

#[test]
fn the_status_shows_the_key_and_no_value() {
    let found =
        json!({ "createdOn": 1_700_000_000_000_i64, "createdBy": "operator", "expiresOn": 0, "key": "canary-value" });
    let bed = bed(Some("k1"), &[definition("k1", found)]);
    let object = ci(json!({}));
    let seen = observed(&object, &bed);
    let shown = Key::show(&object, seen.as_ref(), &Applied::default(), &NodeLists::default());
    let expected = json!({ "id": "k1", "createdOn": "2023-11-14T22:13:20Z", "createdBy": "operator" });
    assert_eq!(serde_json::to_value(shown).unwrap(), expected);
}
