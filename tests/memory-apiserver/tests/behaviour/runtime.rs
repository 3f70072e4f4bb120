//! Controllers, finalizers, Events and speed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use k8s_openapi::api::{core::v1::Secret, events::v1::Event as EventObject};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    runtime::{
        Controller,
        controller::Action as Next,
        events::{Event, EventType, Recorder},
        finalizer::{Error as FinalizerError, Event as Step, finalizer},
        watcher,
    },
};
use memory_apiserver::{Action, MemoryApiserver, Rule};
use serde_json::{Value, json};

use crate::widget::{NAMESPACE, Widget, create, manifest, served};

const FINALIZER: &str = "example.com/cleanup";
/// Wait after a pass that failed.
const BACKOFF: Duration = Duration::from_secs(5);

struct Context {
    client: Client,
    cleanups: AtomicUsize,
}

/// Shows the size in the status, and owns a Secret.
async fn reconcile(widget: Arc<Widget>, context: Arc<Context>) -> Result<Next, FinalizerError<kube::Error>> {
    let widgets: Api<Widget> = Api::namespaced(context.client.clone(), NAMESPACE);
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), NAMESPACE);
    finalizer(&widgets, FINALIZER, widget, |step| async {
        match step {
            Step::Apply(widget) => {
                let params = PatchParams::apply("controller").force();
                let name = widget.name_any();
                let secret = json!({
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": { "name": name, "ownerReferences": [widget.controller_owner_ref(&()).unwrap()] },
                });
                secrets.patch(&name, &params, &Patch::Apply(secret)).await?;
                let status = json!({
                    "apiVersion": "example.com/v1",
                    "kind": "Widget",
                    "metadata": { "name": name },
                    "status": { "phase": format!("Size{}", widget.spec.size) },
                });
                widgets.patch_status(&name, &params, &Patch::Apply(status)).await?;
                Ok(Next::await_change())
            }
            Step::Cleanup(_) => {
                context.cleanups.fetch_add(1, Ordering::Relaxed);
                Ok(Next::await_change())
            }
        }
    })
    .await
}

/// A server on which the controller runs.
fn controlled() -> (MemoryApiserver, Api<Widget>, Arc<Context>) {
    let (server, widgets) = served();
    let client = server.client();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let context = Arc::new(Context {
        client,
        cleanups: AtomicUsize::new(0),
    });
    let controller = Controller::new(widgets.clone(), watcher::Config::default())
        .owns(secrets, watcher::Config::default())
        .run(reconcile, |_, _, _| Next::requeue(BACKOFF), context.clone());
    tokio::spawn(controller.for_each(|_| async {}));
    (server, widgets, context)
}

fn phase(server: &MemoryApiserver) -> Value {
    let widget = server.find("widgets", NAMESPACE, "one").unwrap_or_default();
    widget["status"]["phase"].clone()
}

async fn pause() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_controller_follows_its_objects_from_their_creation_to_their_end() {
    let (server, widgets, context) = controlled();
    create(&widgets, "one").await;
    pause().await;
    assert_eq!(phase(&server), "Size1");
    assert_eq!(widgets.get("one").await.unwrap().finalizers(), [FINALIZER]);
    server.patch("widgets", NAMESPACE, "one", json!({ "spec": { "size": 2 } }));
    pause().await;
    assert_eq!(phase(&server), "Size2");
    server.delete("widgets", NAMESPACE, "one");
    pause().await;
    assert_eq!(server.find("widgets", NAMESPACE, "one"), None);
    assert_eq!(context.cleanups.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_controller_owns_comes_back() {
    let (server, widgets, _) = controlled();
    create(&widgets, "one").await;
    pause().await;
    server.delete("secrets", NAMESPACE, "one");
    pause().await;
    assert!(server.find("secrets", NAMESPACE, "one").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_controller_at_rest_asks_for_nothing() {
    let (server, widgets, _) = controlled();
    create(&widgets, "one").await;
    pause().await;
    server.clear_log();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(server.log().iter().all(memory_apiserver::Request::is_watch));
}

#[tokio::test(start_paused = true)]
async fn a_refused_status_is_written_after_the_back_off() {
    let (server, widgets, _) = controlled();
    let rule = Rule::new(Action::Status(500, "InternalError".into())).subresource("status");
    let fault = server.fault(rule.times(3));
    create(&widgets, "one").await;
    fault.reached(3).await;
    assert_eq!(phase(&server), Value::Null);
    tokio::time::sleep(BACKOFF + Duration::from_secs(1)).await;
    assert_eq!(phase(&server), "Size1");
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_whose_answer_is_lost_is_added_once() {
    let (server, widgets, _) = controlled();
    server.fault(
        Rule::new(Action::DropAfterCommit)
            .method("PATCH")
            .no_subresource()
            .times(1),
    );
    create(&widgets, "one").await;
    tokio::time::sleep(BACKOFF * 2).await;
    assert_eq!(widgets.get("one").await.unwrap().finalizers(), [FINALIZER]);
    assert_eq!(phase(&server), "Size1");
}

#[tokio::test(start_paused = true)]
async fn a_controller_outlives_a_definition_that_goes_and_comes() {
    let (server, widgets, _) = controlled();
    create(&widgets, "one").await;
    pause().await;
    server.unregister("widgets");
    tokio::time::sleep(Duration::from_mins(5)).await;
    server.register(memory_apiserver::Registered::from_crd(
        &<Widget as kube::CustomResourceExt>::crd(),
    ));
    server.create(manifest("one"));
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(phase(&server), "Size1");
}

#[tokio::test(start_paused = true)]
async fn events_are_published_and_counted() {
    let (server, widgets) = served();
    let one = create(&widgets, "one").await;
    let recorder = Recorder::new(server.client(), "controller".into());
    let event = Event {
        type_: EventType::Normal,
        reason: "Tested".into(),
        note: Some("it works".into()),
        action: "Test".into(),
        secondary: None,
    };
    for _ in 0..3 {
        recorder.publish(&event, &one.object_ref(&())).await.unwrap();
    }
    let events: Api<EventObject> = Api::namespaced(server.client(), NAMESPACE);
    let events = events.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].series.as_ref().unwrap().count, 3);
}

#[tokio::test(start_paused = true)]
async fn the_same_course_gives_the_same_requests() {
    async fn course() -> Vec<(String, String, Option<Value>)> {
        let (server, widgets, _) = controlled();
        server.fault(Rule::new(Action::DropAfterCommit).writes().skip(2).times(2));
        create(&widgets, "one").await;
        create(&widgets, "two").await;
        tokio::time::sleep(BACKOFF * 4).await;
        server.delete("widgets", NAMESPACE, "one");
        pause().await;
        let log = server.log().into_iter();
        log.map(|request| (request.method.to_string(), request.path, request.body))
            .collect()
    }
    let first = course().await;
    for _ in 0..5 {
        assert_eq!(course().await, first);
    }
}

#[tokio::test]
async fn a_thousand_servers_are_made_in_no_time() {
    let began = std::time::Instant::now();
    for _ in 0..1000 {
        let server = MemoryApiserver::new();
        let secrets: Api<Secret> = Api::namespaced(server.client(), NAMESPACE);
        server.create(
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "one", "namespace": NAMESPACE } }),
        );
        secrets.get("one").await.unwrap();
    }
    println!("{:?} each", began.elapsed() / 1000);
    // Far below a millisecond each; the limit is for a busy machine.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
