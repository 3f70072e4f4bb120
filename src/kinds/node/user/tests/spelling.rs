//! A node that stores another spelling of the login.

use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use super::{super::create::post, *};
use crate::kinds::node::tests::{API, dss, permit};

/// A node that stores every login in lower case, as it answers after `Mixed.Case` was created.
async fn lower_casing(created: i64) -> MockServer {
    let server = MockServer::start().await;
    let at = |verb: &str, place: &str| Mock::given(method(verb)).and(path(format!("{API}/admin/users/{place}")));
    let missing = json!({ "errorType": "com.dataiku.dip.server.controllers.NotFoundException", "message": "no" });
    at("POST", "")
        .respond_with(ResponseTemplate::new(200))
        .expect(0..=1)
        .mount(&server)
        .await;
    at("GET", "Mixed.Case")
        .respond_with(ResponseTemplate::new(404).set_body_json(missing))
        .mount(&server)
        .await;
    let user = json!({ "login": "mixed.case", "creationDate": created });
    at("GET", "mixed.case")
        .respond_with(ResponseTemplate::new(200).set_body_json(&user))
        .mount(&server)
        .await;
    let other = json!({ "login": "jane" });
    at("GET", "")
        .respond_with(ResponseTemplate::new(200).set_body_json([user, other]))
        .mount(&server)
        .await;
    server
}

fn mixed() -> DssUser {
    object(
        "DssUser",
        "mixed",
        &json!({ "login": "Mixed.Case", "sourceType": "LOCAL_NO_AUTH" }),
    )
}

#[tokio::test]
async fn a_user_that_the_node_stored_in_lower_case_is_ours_and_not_created_again() {
    let server = lower_casing(0).await;
    let (api, object, mut bed) = (dss(&server.uri()), mixed(), Bed::default());
    let creation = plan(&bed, &object, None);
    let [Change::Create(new)] = creation.changes.as_slice() else {
        panic!("{:?}", creation.steps())
    };
    let receipt = post(&api, &bed.lists, permit(), new).await.unwrap();
    assert_eq!(receipt.id.as_deref(), Some("mixed.case"));
    bed.record.id = receipt.id;
    let seen = look_up(&object, &api, &bed.lists, &bed.record).await.unwrap().unwrap();
    let (reason, message) = blocked(&bed, &object, Some(&seen));
    assert_eq!(reason, Reason::AcceptedButNotStored);
    assert!(
        message.contains("Mixed.Case") && message.contains("mixed.case"),
        "{message}"
    );
    let plan = Users::removal(&object, DeletionPolicy::Delete, &bed.given(), &seen);
    let [Change::Delete { key }] = plan.changes.as_slice() else {
        panic!("{:?}", plan.steps())
    };
    assert_eq!(key, "mixed.case");
    assert!(
        matches!(listed(&object, &bed.lists, &bed.record), Observed::Found(_)),
        "no call between sweeps"
    );
}

#[tokio::test]
async fn a_variant_that_existed_before_is_somebody_elses() {
    let server = lower_casing(0).await;
    let (api, object, bed) = (dss(&server.uri()), mixed(), Bed::default());
    bed.lists
        .replace(&sweep(Instant::now(), &[json!({ "login": "mixed.case" })], &[]));
    let creation = plan(&bed, &object, None);
    let [Change::Create(new)] = creation.changes.as_slice() else {
        panic!("{:?}", creation.steps())
    };
    let receipt = post(&api, &bed.lists, permit(), new).await.unwrap();
    assert_eq!(receipt.id, None);
    assert!(look_up(&object, &api, &bed.lists, &bed.record).await.unwrap().is_none());
}

#[tokio::test]
async fn after_a_lost_answer_a_variant_is_ours_only_if_it_is_younger_than_the_object() {
    let made = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    for (created, origin, ours) in [
        (made + 5_000, Some("Created"), true),
        (made - 3_600_000, Some("Created"), false),
        (made + 5_000, Some("Adopted"), false),
        (made + 5_000, None, false),
    ] {
        let server = lower_casing(created).await;
        let mut object = serde_json::to_value(mixed()).unwrap();
        object["status"] = json!({ "remote": given_fields(json!({ "key": "Mixed.Case", "origin": origin })) });
        let object: DssUser = serde_json::from_value(object).unwrap();
        let bed = Bed::default();
        let seen = look_up(&object, &dss(&server.uri()), &bed.lists, &bed.record)
            .await
            .unwrap();
        assert_eq!(seen.is_some(), ours, "{created} {origin:?}");
    }
}

#[tokio::test]
async fn a_lower_case_login_costs_no_further_call() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let object = jane(&json!({ "sourceType": "LDAP" }));
    let bed = Bed::default();
    let creation = plan(&bed, &object, None);
    let [Change::Create(new)] = creation.changes.as_slice() else {
        panic!("{:?}", creation.steps())
    };
    post(&dss(&server.uri()), &bed.lists, permit(), new).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}
