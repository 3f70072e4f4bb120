//! What goes wrong with one object or one connection is nobody else's trouble.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use memory_apiserver::{Action, Rule};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::{
    rig::{Rig, ready},
    toy::{Fault, World},
};

const CANARY: &str = "Kn4llerbse-77";

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_the_error_of_one_object_and_nobody_repeats_what_it_says() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let rig = Rig::ready().await;
    rig.world.next_faults(&[Fault::Panics; 50]);
    rig.secret("pw", "password", CANARY);
    rig.widget("jane", json!({ "passwordRef": { "name": "pw" } }));
    let jane = rig.widget_is("jane", "InternalError").await;
    rig.world.faults.lock().unwrap().clear();
    rig.widget("joe", json!({}));
    rig.widget_is("joe", "InSync").await;
    rig.widget_is("jane", "InSync").await;
    let events = serde_json::to_string(&rig.server.list("events")).unwrap();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (place, text) in [("status", jane.to_string()), ("Events", events), ("log", log)] {
        assert!(!text.contains(CANARY), "the {place} quotes the panic");
    }
}

#[tokio::test(start_paused = true)]
async fn any_number_of_slow_connections_holds_up_no_other_one() {
    let rig = Rig::ready().await;
    for hub in 0..6 {
        let url = format!("https://127.0.0.1:9/slow-{hub}/{:p}", &raw const rig);
        *World::at(&url).latency.lock().unwrap() = Duration::from_secs(8);
        rig.server.create(json!({
            "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "Hub",
            "metadata": { "name": format!("slow-{hub}"), "namespace": "team" },
            "spec": { "url": url, "keyRef": { "name": "hub-key" } },
        }));
        rig.wait("hubs", &format!("slow-{hub}"), "InSync").await;
        for widget in 0..150 {
            rig.widget(
                &format!("slow-{hub}-{widget}"),
                json!({ "hubRef": { "name": format!("slow-{hub}") } }),
            );
        }
    }
    rig.pass(30).await;
    let began = tokio::time::Instant::now();
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let waiting = rig.server.list("widgets").into_iter();
    let waiting = waiting.filter(|object| ready(object)["reason"] != "InSync").count();
    assert!(waiting > 600, "the connections were not slow: {waiting} wait");
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_apiserver_do_not_count_as_an_outage_of_the_remote_side() {
    let rig = Rig::ready().await;
    rig.widget("jane", json!({ "enabled": true }));
    rig.widget_is("jane", "InSync").await;
    let denied = Action::Status(500, "InternalError".into());
    let denied = rig
        .server
        .fault(Rule::new(denied).path("/widgets/jane/status").writes());
    rig.edit("jane", json!({ "enabled": false }));
    rig.until("two refused writes of the status", || {
        rig.counts.status_failures.load(std::sync::atomic::Ordering::Relaxed) >= 2
    })
    .await;
    rig.world.next_faults(&[Fault::OwnError]);
    denied.remove();
    rig.edit("jane", json!({ "enabled": true }));
    for _ in 0..200 {
        assert_ne!(rig.reason("jane"), "Unavailable");
        rig.server.get("widgets", "team", "jane");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    rig.widget_is("jane", "InSync").await;
    assert!(rig.world.get("jane").unwrap().enabled);
}
