//! What `/metrics` shows.

use std::collections::{BTreeMap, BTreeSet};

use dataiku_operator::metrics::families::{ALL, Form};
use serde_json::json;

use crate::bed::{Bed, group, object, user};
use crate::ground::Ground;

/// Names and labels that alerts and dashboards rely on (`api.md` section 11), and what is beside them.
const FROZEN: [(&str, &[&str]); 24] = [
    ("api_keys", &["connection", "state"]),
    ("brake_pending", &["connection"]),
    ("breaker_open", &["connection"]),
    ("build_info", &["version"]),
    ("crd_missing", &["kind"]),
    ("drift_repaired_total", &["kind", "connection"]),
    ("last_sweep_timestamp_seconds", &["connection"]),
    ("leader", &[]),
    ("namespace_refused", &["namespace", "kind"]),
    ("objects", &["kind", "connection", "reason"]),
    ("orphans", &["connection"]),
    ("queue_age_seconds", &["kind", "class"]),
    ("queue_depth", &["kind", "class"]),
    ("reconcile_duration_seconds", &["kind"]),
    ("reconcile_total", &["kind", "reason"]),
    ("remote_request_duration_seconds", &["connection"]),
    ("remote_requests_total", &["connection", "operation", "code"]),
    ("remote_writes_total", &["connection", "operation", "code"]),
    ("seats", &["connection", "profile", "state"]),
    ("status_write_failures_total", &["kind"]),
    ("sweep_duration_seconds", &["connection"]),
    ("tasks", &["connection", "phase"]),
    ("usage", &["connection", "object"]),
    ("users", &["connection", "state"]),
];

/// One line: a name, labels, a value.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Sample {
    fn is(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.name == name && labels.iter().all(|(label, value)| self.label(label) == Some(value))
    }

    fn label(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(String::as_str)
    }
}

fn samples(text: &str) -> Vec<Sample> {
    assert!(text.ends_with("# EOF\n"), "the exposition is cut off");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}').unwrap();
        let labels = labels.strip_suffix('"').unwrap_or(labels).split("\",");
        let pairs = labels.filter_map(|pair| pair.split_once("=\""));
        Sample {
            name: name.strip_prefix("dataiku_operator_").unwrap().to_owned(),
            labels: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            value: value.parse().unwrap(),
        }
    });
    parsed.collect()
}

async fn scrape(bed: &Bed) -> Vec<Sample> {
    samples(&bed.operator.metrics().await.unwrap())
}

/// Sum of the values of the series with these labels; `None`: there is none.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let mut found = samples.iter().filter(|sample| sample.is(name, labels)).peekable();
    found.peek()?;
    Some(found.map(|sample| sample.value).sum())
}

/// Labels by name, those of a histogram by its own name.
fn families(samples: &[Sample]) -> BTreeMap<String, BTreeSet<String>> {
    let mut families: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in samples {
        let histogram = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| {
            let name = sample.name.strip_suffix(suffix)?;
            name.ends_with("_seconds").then_some(name)
        });
        let labels = sample.labels.keys().filter(|label| *label != "le").cloned().collect();
        let known = families
            .entry(histogram.unwrap_or(&sample.name).to_owned())
            .or_insert_with(|| labels);
        let labels: BTreeSet<String> = sample.labels.keys().filter(|label| *label != "le").cloned().collect();
        assert_eq!(*known, labels, "{} has several sets of labels", sample.name);
    }
    families
}

in_memory!(every_frozen_name_is_exposed_with_its_labels_after_a_while);
async fn every_frozen_name_is_exposed_with_its_labels_after_a_while(ground: &Ground) {
    let bed = ground.ready("metrics").await;
    bed.apply(&group("analysts", json!({}))).await;
    bed.apply(&user("jane", json!({ "displayName": "Jane" }))).await;
    bed.wait("DssGroup", "analysts", "Ready=True/InSync").await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    bed.remote
        .patch_state(json!({ "users": { "jane": { "displayName": "Somebody else" } } }))
        .unwrap();
    bed.until("the repair", || bed.user("jane").unwrap()["displayName"] == "Jane")
        .await;
    bed.sweeps(2).await;
    // The slower lists are read beside the sweeps.
    let mut samples = scrape(&bed).await;
    while ["api_keys", "tasks", "usage"]
        .iter()
        .any(|name| value(&samples, name, &[]).is_none())
    {
        bed.sweeps(1).await;
        samples = scrape(&bed).await;
    }
    let connection = format!("{}/design", bed.namespace.name());
    let at = |name: &str, labels: &[(&str, &str)]| value(&samples, name, labels);
    let of = ("connection", &*connection);

    let found = families(&samples);
    for (name, labels) in FROZEN {
        let labels: BTreeSet<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        match found.get(name) {
            Some(found) => assert_eq!(*found, labels, "labels of {name}"),
            // Of a space, and of a namespace without rights.
            None => assert!(
                ["seats", "namespace_refused"].contains(&name),
                "{name} is missing: {:#?}",
                found.keys()
            ),
        }
    }
    for name in found.keys() {
        assert!(FROZEN.iter().any(|(frozen, _)| frozen == name), "{name} is new");
    }

    assert_eq!(at("leader", &[]), Some(1.0));
    assert_eq!(
        at("objects", &[("kind", "DssUser"), of, ("reason", "InSync")]),
        Some(1.0)
    );
    assert_eq!(
        at("objects", &[("kind", "DssInstance"), of, ("reason", "InSync")]),
        Some(1.0)
    );
    assert_eq!(at("drift_repaired_total", &[("kind", "DssUser"), of]), Some(1.0));
    assert_eq!(at("drift_repaired_total", &[("kind", "DssGroup"), of]), Some(0.0));
    assert!(at("remote_requests_total", &[of, ("code", "200")]).unwrap() > 5.0);
    let write = ("operation", "PUT /admin/users/{login}");
    assert!(at("remote_writes_total", &[of, write]).unwrap() >= 1.0);
    assert!(at("users", &[of, ("state", "enabled")]).unwrap() >= 2.0);
    // The operator's own key, and one that may do nothing.
    assert_eq!(at("api_keys", &[of, ("state", "global")]), Some(2.0));
    assert_eq!(at("api_keys", &[of, ("state", "admin")]), Some(1.0));
    assert_eq!(at("tasks", &[of, ("phase", "running")]), Some(0.0));
    assert_eq!(at("usage", &[of, ("object", "projects")]), Some(0.0));
    assert_eq!(at("breaker_open", &[of]), Some(0.0));
    assert_eq!(at("orphans", &[of]), Some(0.0));
    assert_eq!(
        at("queue_depth", &[("kind", "DssUser"), ("class", "repair")]),
        Some(0.0)
    );
    assert!(at("last_sweep_timestamp_seconds", &[of]).unwrap() > 1e9);
    assert!(at("reconcile_duration_seconds_count", &[("kind", "DssUser")]).unwrap() >= 2.0);
}

in_memory!(a_space_shows_its_seats);
async fn a_space_shows_its_seats(ground: &Ground) {
    let bed = ground.launchpad("seats", &[]).await;
    let samples = scrape(&bed).await;
    let connection = format!("{}/space", bed.namespace.name());
    let of = ("connection", &*connection);
    for state in ["total", "used", "reserved"] {
        assert!(value(&samples, "seats", &[of, ("state", state)]).is_some(), "{state}");
    }
    assert!(value(&samples, "users", &[of, ("state", "enabled")]).is_some());
    assert_eq!(families(&samples)["seats"].len(), 3);
}

#[test]
fn the_declared_families_are_the_frozen_ones() {
    let mut declared: Vec<(&str, &[&str])> = ALL.iter().map(|family| (family.name, family.labels)).collect();
    declared.sort_unstable();
    assert_eq!(declared, FROZEN);
    for family in ALL {
        assert_eq!(
            family.name.ends_with("_total"),
            family.form == Form::Counter,
            "{}",
            family.name
        );
    }
}

in_memory!(series_end_with_their_connection_and_with_their_kind);
async fn series_end_with_their_connection_and_with_their_kind(ground: &Ground) {
    let Ground::Memory(world) = ground else { return };
    let bed = ground.ready("vanish").await;
    bed.apply(&user("jane", json!({}))).await;
    bed.wait("DssUser", "jane", "Ready=True/InSync").await;
    // Objects name any connection; that makes no label.
    let stranger = json!({ "instanceRef": { "name": "nowhere-at-all" }, "sourceType": "LOCAL_NO_AUTH" });
    bed.apply(&object("DssUser", "stranger", stranger)).await;
    bed.wait("DssUser", "stranger", "Ready=False/DependencyNotReady").await;
    let before = scrape(&bed).await;
    let connection = format!("{}/design", bed.namespace.name());
    let of = ("connection", &*connection);
    let named = |samples: &[Sample], label: &str, value: &str| {
        let found = samples.iter().filter(|sample| sample.label(label) == Some(value));
        found.map(|sample| sample.name.clone()).collect::<BTreeSet<_>>()
    };
    assert!(named(&before, "connection", &connection).len() >= 12);
    let nowhere = [("kind", "DssUser"), ("connection", "")];
    assert_eq!(value(&before, "objects", &nowhere), Some(1.0));
    assert!(!format!("{before:?}").contains("nowhere-at-all"));

    bed.namespace.delete("DssUser", "jane").await.unwrap();
    bed.namespace.delete("DssInstance", "design").await.unwrap();
    let gone = crate::bed::PATIENCE;
    bed.namespace.wait_gone("DssInstance", "design", gone).await.unwrap();
    let after = scrape(&bed).await;
    assert_eq!(named(&after, "connection", &connection), BTreeSet::new());
    assert_eq!(value(&after, "objects", &[of]), None);

    bed.connect().await;
    assert!(value(&scrape(&bed).await, "remote_requests_total", &[of]).is_some());
    world.server.unregister("dssusers");
    let mut left = BTreeSet::new();
    for _ in 0..200 {
        let samples = scrape(&bed).await;
        left = named(&samples, "kind", "DssUser");
        if value(&samples, "crd_missing", &[("kind", "DssUser")]) == Some(1.0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(left, BTreeSet::from(["crd_missing".to_owned()]));
}

in_memory!(no_series_names_a_login_an_email_or_an_object);
async fn no_series_names_a_login_an_email_or_an_object(ground: &Ground) {
    let bed = ground.ready("nologin").await;
    let canaries = [
        "canary.login",
        "canary-object",
        "canary@example.com",
        "canary-group",
        "Canary Name",
    ];
    let spec = json!({ "login": canaries[0], "email": canaries[2], "displayName": canaries[4] });
    bed.apply(&user(canaries[1], spec)).await;
    bed.apply(&group("object-of-group", json!({ "name": canaries[3] })))
        .await;
    bed.wait("DssUser", canaries[1], "Ready=True/InSync").await;
    bed.wait("DssGroup", "object-of-group", "Ready=True/InSync").await;
    bed.remote
        .fault(json!({ "match": { "operation": "D4" }, "times": 3, "fault": { "kind": "status", "status": 500 } }));
    bed.namespace
        .patch(
            "DssUser",
            canaries[1],
            json!({ "spec": { "displayName": "Canary Name II" } }),
        )
        .await
        .unwrap();
    bed.wait("DssUser", canaries[1], "Ready=True/InSync").await;
    bed.namespace
        .patch(
            "DssUser",
            canaries[1],
            json!({ "spec": { "deletionPolicy": "Retain" } }),
        )
        .await
        .unwrap();
    bed.namespace.delete("DssUser", canaries[1]).await.unwrap();
    let gone = crate::bed::PATIENCE;
    bed.namespace.wait_gone("DssUser", canaries[1], gone).await.unwrap();
    bed.sweeps(1).await;
    let text = bed.operator.metrics().await.unwrap();
    let connection = format!("{}/design", bed.namespace.name());
    let orphans = value(&samples(&text), "orphans", &[("connection", &*connection)]);
    assert_eq!(orphans, Some(1.0));
    for canary in canaries.iter().chain(&["admin", "@"]) {
        // The templates of paths have that word, and keys with the admin right are counted.
        let text = text.replace("/admin/", "/").replace("state=\"admin\"", "");
        assert!(!text.contains(canary), "{canary} is in the metrics");
    }
}
