//! Rules that disturb requests.

use std::time::Duration;

use kube::{
    Api,
    api::{Patch, PatchParams},
};
use memory_apiserver::{Action, Rule};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::widget::{NAMESPACE, Widget, create, is_broken, refusal, with_one};

async fn resize(widgets: &Api<Widget>, size: i64) -> Result<Widget, kube::Error> {
    let patch = Patch::Merge(json!({ "spec": { "size": size } }));
    widgets.patch("one", &PatchParams::default(), &patch).await
}

async fn report(widgets: &Api<Widget>) -> Result<Widget, kube::Error> {
    let patch = Patch::Merge(json!({ "status": { "phase": "On" } }));
    widgets.patch_status("one", &PatchParams::default(), &patch).await
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_changes_nothing() {
    let (server, widgets, _) = with_one().await;
    let fault = server.fault(Rule::new(Action::Status(429, "TooManyRequests".into())).method("PATCH"));
    let refused = refusal(resize(&widgets, 2).await);
    assert_eq!((refused.code, refused.reason.as_str()), (429, "TooManyRequests"));
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 1);
    assert_eq!(fault.hits(), 1);
    fault.remove();
    resize(&widgets, 2).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rule_lasts_for_as_many_requests_as_it_says_after_as_many_as_it_skips() {
    let (server, widgets, _) = with_one().await;
    let rule = Rule::new(Action::Status(500, "InternalError".into())).writes();
    let fault = server.fault(rule.skip(1).times(2));
    let mut refused = Vec::new();
    for size in 2..7 {
        refused.push(resize(&widgets, size).await.is_err());
    }
    assert_eq!(refused, [false, true, true, false, false]);
    assert_eq!(fault.hits(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rule_picks_by_path_subresource_and_body() {
    let (server, widgets, _) = with_one().await;
    create(&widgets, "two").await;
    let refuse = || Rule::new(Action::Status(403, "Forbidden".into()));
    let status = server.fault(refuse().subresource("status").path("/widgets/one"));
    assert!(refusal(report(&widgets).await).is_forbidden());
    resize(&widgets, 2).await.unwrap();
    status.remove();
    let main = server.fault(refuse().no_subresource().method("PATCH"));
    report(&widgets).await.unwrap();
    assert!(resize(&widgets, 3).await.is_err());
    main.remove();
    let body = refuse().when(|request| request.body.as_ref().is_some_and(|body| body["spec"]["size"] == 5));
    server.fault(body);
    resize(&widgets, 4).await.unwrap();
    assert!(resize(&widgets, 5).await.is_err());
    server.fault(refuse().watches());
    assert!(widgets.watch(&kube::api::WatchParams::default(), "0").await.is_err());
    widgets.list(&kube::api::ListParams::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn of_two_rules_the_older_applies() {
    let (server, widgets, _) = with_one().await;
    server.fault(Rule::new(Action::Status(500, "InternalError".into())).times(1));
    server.fault(Rule::new(Action::Status(503, "ServiceUnavailable".into())));
    assert_eq!(refusal(resize(&widgets, 2).await).code, 500);
    assert_eq!(refusal(resize(&widgets, 2).await).code, 503);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_is_never_answered() {
    let (server, widgets, _) = with_one().await;
    let fault = server.fault(Rule::new(Action::Hang).method("PATCH").times(1));
    assert!(timeout(Duration::from_hours(1), resize(&widgets, 2)).await.is_err());
    assert_eq!((fault.hits(), server.log()[1].status), (1, None));
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 1);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_request_is_carried_out_even_though_nobody_waits_any_more() {
    let (server, widgets, _) = with_one().await;
    server.fault(
        Rule::new(Action::Delay(Duration::from_secs(10)))
            .method("PATCH")
            .times(2),
    );
    let began = Instant::now();
    resize(&widgets, 2).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 10);
    assert!(timeout(Duration::from_secs(3), resize(&widgets, 3)).await.is_err());
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 2);
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 3);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_answer_comes_after_others_have_seen_the_write() {
    let (server, widgets, _) = with_one().await;
    server.fault(
        Rule::new(Action::DelayAnswer(Duration::from_secs(10)))
            .method("PATCH")
            .times(1),
    );
    let (other, began) = (widgets.clone(), Instant::now());
    let writing = tokio::spawn(async move { resize(&other, 2).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 2);
    assert_eq!(writing.await.unwrap().unwrap().spec.size, 2);
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_held_meets_what_happened_in_the_meantime() {
    let (server, widgets, _) = with_one().await;
    let fault = server.fault(Rule::new(Action::Hold).method("PATCH"));
    let other = widgets.clone();
    let writing = tokio::spawn(async move { resize(&other, 2).await });
    fault.reached(1).await;
    server.delete("widgets", NAMESPACE, "one");
    fault.remove();
    assert!(refusal(writing.await.unwrap()).is_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_says_nothing_about_the_write() {
    let (server, widgets, _) = with_one().await;
    server.fault(Rule::new(Action::DropBefore).method("PATCH").times(1));
    assert!(is_broken(&resize(&widgets, 2).await));
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 1);
    server.fault(Rule::new(Action::DropAfterCommit).method("PATCH").times(1));
    assert!(is_broken(&resize(&widgets, 3).await));
    assert_eq!(widgets.get("one").await.unwrap().spec.size, 3);
}

#[tokio::test(start_paused = true)]
async fn the_log_has_each_request_with_its_answer_and_time() {
    let (server, widgets, _) = with_one().await;
    server.clear_log();
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    report(&widgets).await.unwrap();
    server.fault(Rule::new(Action::Status(503, "ServiceUnavailable".into())).times(1));
    resize(&widgets, 2).await.unwrap_err();
    widgets.get("one").await.unwrap();
    let log = server.log();
    assert_eq!(log[0].method, "PATCH");
    assert_eq!(log[0].path, "/apis/example.com/v1/namespaces/team/widgets/one/status");
    assert_eq!(
        (log[0].subresource.as_deref(), log[0].status),
        (Some("status"), Some(200))
    );
    assert_eq!(log[0].body, Some(json!({ "status": { "phase": "On" } })));
    assert_eq!((log[0].at - began).as_secs(), 5);
    assert_eq!((log[1].subresource.clone(), log[1].status), (None, Some(503)));
    assert_eq!((log[2].is_write(), log[2].body.clone(), log.len()), (false, None, 3));
}
