//! Long tasks: requests sent, answers decoded, and in whose name.

use serde_json::json;
use wiremock::ResponseTemplate;

use super::{always, dss, permit};
use crate::dataiku::{dss::tasks::Answered, error::ErrorKind};

#[tokio::test]
async fn a_look_leaves_the_result_and_a_fetch_takes_it() {
    let server =
        always(ResponseTemplate::new(200).set_body_json(json!({ "jobId": "f1", "hasResult": true, "result": 7 })))
            .await;
    let client = dss(&server.uri());
    assert!(client.long_task("f1").await.unwrap().unwrap().has_result);
    assert_eq!(client.take_result("f1").await.unwrap(), Some(Answered::Done(json!(7))));
    let received = server.received_requests().await.unwrap();
    let queries: Vec<_> = received
        .iter()
        .map(|request| request.url.query().unwrap_or_default())
        .collect();
    assert_eq!(queries, ["peek=true", "peek=false"]);
    assert!(
        received
            .iter()
            .all(|request| request.url.path() == "/dip/publicapi/futures/f1")
    );
}

#[tokio::test]
async fn calls_are_made_in_the_name_of_a_user_where_one_is_named() {
    let server = always(ResponseTemplate::new(200).set_body_json(json!({ "jobId": "f1" }))).await;
    let client = dss(&server.uri());
    client.resync_users(permit(), None).await.unwrap();
    client
        .acting_as("svc")
        .resync_users(permit(), Some(&["ana".to_owned()]))
        .await
        .unwrap();
    let received = server.received_requests().await.unwrap();
    let proxied = |n: usize| {
        received[n]
            .headers
            .get("x-dku-proxyuser")
            .map(|value| value.to_str().unwrap())
    };
    assert_eq!((proxied(0), proxied(1)), (None, Some("svc")));
    assert_eq!((&*received[0].body, &*received[1].body), (&b""[..], &br#"["ana"]"#[..]));
    let error = client.resync_users(permit(), Some(&[])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected, "nobody is not everybody");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn only_the_node_itself_says_that_it_does_not_know_a_task() {
    let own = json!({ "errorType": "com.dataiku.dip.server.controllers.NotFoundException", "message": "no" });
    for status in [404, 500] {
        let server = always(ResponseTemplate::new(status).set_body_json(&own)).await;
        assert_eq!(dss(&server.uri()).long_task("f1").await, Ok(None));
    }
    let server = always(ResponseTemplate::new(404).set_body_json(json!({ "message": "no route" }))).await;
    assert!(dss(&server.uri()).long_task("f1").await.is_err());
    let server = always(ResponseTemplate::new(404)).await;
    assert!(dss(&server.uri()).take_result("f1").await.is_err());
}

#[tokio::test]
async fn base_images_are_pushed_by_a_task_or_at_once() {
    let direct = json!({ "messages": { "error": true, "messages": [{ "message": "no registry" }] } });
    let server = always(ResponseTemplate::new(200).set_body_json(&direct)).await;
    let pushed = dss(&server.uri()).push_base_images(permit()).await.unwrap();
    assert_eq!(pushed, Answered::Done(direct));
}
