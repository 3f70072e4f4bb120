//! What needs a control plane of its own: an operator that watches every namespace, and definitions that are not ours.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use testbed::{
    ControlPlane, Installation, Namespace, Operator, repository,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::bed::{INTERVAL, PATIENCE, object, user};

/// An operator for a whole control plane, and a node.
struct Alone {
    control_plane: Arc<ControlPlane>,
    dss: Instance,
    _operator: Operator,
    _simulator: Simulator,
}

async fn alone(folders: &[std::path::PathBuf]) -> Alone {
    let control_plane = ControlPlane::start().await.unwrap();
    let installation = Installation::apply(&control_plane, folders).await.unwrap();
    let simulator = Simulator::start().await.unwrap();
    let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
    let operator = Operator::builder(env!("CARGO_BIN_EXE_dataiku-operator"))
        .control_plane(&control_plane)
        .installation(&installation)
        .start()
        .await
        .unwrap();
    Alone {
        control_plane,
        dss,
        _operator: operator,
        _simulator: simulator,
    }
}

impl Alone {
    /// The connection `design` with these terms in a namespace of its own.
    async fn connection(&self, home: &Namespace, allowed: Value) {
        self.connection_with(home, allowed, &json!({})).await;
    }

    /// The same with limits.
    async fn connection_with(&self, home: &Namespace, allowed: Value, limits: &Value) {
        home.secret("design-admin", &[("apiKey", self.dss.api_key())])
            .await
            .unwrap();
        let spec = json!({
            "url": self.dss.url(), "tls": { "allowInsecureHttp": true }, "allowedNamespaces": allowed,
            "credentials": { "apiKeySecretRef": { "name": "design-admin" } },
            "driftInterval": format!("{}s", INTERVAL.as_secs()), "defaultUserProfile": "READER",
            "limits": limits,
        });
        home.apply_object(&object("DssInstance", "design", spec)).await.unwrap();
        home.wait_for_condition("DssInstance", "design", "Ready=True/InSync", PATIENCE)
            .await
            .unwrap();
    }
}

fn tenant(name: &str, home: &Namespace) -> Value {
    user(
        name,
        json!({ "instanceRef": { "name": "design", "namespace": home.name() }, "deletionPolicy": "Delete" }),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_a_namespace_let_it_in_and_its_annotation_says_what_a_deletion_does() {
    let bed = alone(&[repository().join("crds"), repository().join("deploy/kustomize/base")]).await;
    let home = bed.control_plane.namespace("home").await.unwrap();
    let guest = bed.control_plane.namespace("guest").await.unwrap();
    let selector = json!({ "matchLabels": { "team": "risk" } });
    bed.connection(&home, json!({ "from": "Selector", "selector": selector }))
        .await;
    let kept = json!({ "instanceRef": { "name": "design", "namespace": home.name() } });
    guest.apply_object(&user("jane", kept)).await.unwrap();
    let wait = |state: &'static str| guest.wait_for_condition("DssUser", "jane", state, PATIENCE);
    wait("Ready=False/NotAllowed").await.unwrap();
    let namespace = ["namespace", guest.name()];
    let kubectl = |verb: &'static str, what: &'static str| {
        let arguments = [&[verb], &namespace[..], &[what]].concat();
        let control_plane = bed.control_plane.clone();
        async move { control_plane.kubectl(&arguments).await.unwrap() }
    };
    kubectl("label", "team=risk").await;
    wait("Ready=True/InSync").await.unwrap();
    kubectl("label", "team-").await;
    wait("Ready=False/NotAllowed").await.unwrap();
    kubectl("label", "team=risk").await;
    wait("Ready=True/InSync").await.unwrap();
    kubectl("annotate", "dataiku-operator.io/default-deletion-policy=Delete").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    guest.delete("DssUser", "jane").await.unwrap();
    guest.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    assert_eq!(bed.dss.state_at("/users/jane"), None, "unset, a user would be disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_only_the_namespaces_that_it_allows_and_revoking_works() {
    let bed = alone(&[repository().join("crds"), repository().join("deploy/kustomize/base")]).await;
    let home = bed.control_plane.namespace("home").await.unwrap();
    let (guest, stranger) = (
        bed.control_plane.namespace("guest").await.unwrap(),
        bed.control_plane.namespace("stranger").await.unwrap(),
    );
    bed.connection(&home, json!({ "from": "Names", "names": [guest.name()] }))
        .await;
    guest.apply_object(&tenant("jane", &home)).await.unwrap();
    stranger.apply_object(&tenant("mallory", &home)).await.unwrap();
    guest
        .wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    let refused = stranger
        .wait_for_condition("DssUser", "mallory", "Ready=False/NotAllowed", PATIENCE)
        .await
        .unwrap();
    assert!(refused.to_string().contains("allowedNamespaces"), "{refused}");
    assert_eq!(bed.dss.state_at("/users/mallory"), None);

    bed.connection(&home, json!({ "from": "Same" })).await;
    guest
        .wait_for_condition("DssUser", "jane", "Ready=False/NotAllowed", PATIENCE)
        .await
        .unwrap();
    bed.dss
        .patch_state(json!({ "users": { "jane": { "sourceType": "LDAP" } } }))
        .unwrap();
    tokio::time::sleep(INTERVAL + Duration::from_secs(2)).await;
    assert_eq!(
        bed.dss.state_at("/users/jane/sourceType"),
        Some(json!("LDAP")),
        "nothing is repaired for it any more"
    );
    guest.delete("DssUser", "jane").await.unwrap();
    guest.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    assert!(bed.dss.state_at("/users/jane").is_some(), "nor deleted");
    let released = guest.wait_for_event("jane", "Released", PATIENCE).await.unwrap();
    assert!(released.note.contains("does not allow namespace"), "{}", released.note);

    bed.connection(&home, json!({ "from": "All" })).await;
    stranger
        .wait_for_condition("DssUser", "mallory", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_revoked_gets_no_write_that_still_waits() {
    let bed = alone(&[repository().join("crds"), repository().join("deploy/kustomize/base")]).await;
    let home = bed.control_plane.namespace("home").await.unwrap();
    let guest = bed.control_plane.namespace("guest").await.unwrap();
    let limits = json!({ "concurrency": 2 });
    bed.connection_with(&home, json!({ "from": "All" }), &limits).await;
    bed.dss
        .fault(json!({ "match": { "writes": true }, "times": 0, "fault": { "kind": "latency", "millis": 1_500 } }));
    let names: Vec<_> = (0..12).map(|n| format!("guest-{n:02}")).collect();
    for name in &names {
        guest.apply_object(&tenant(name, &home)).await.unwrap();
    }
    while bed.dss.writes() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bed.connection_with(&home, json!({ "from": "Same" }), &limits).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let sent = bed.dss.writes();
    assert!(sent < 12, "all {sent} writes were sent before");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        bed.dss.writes(),
        sent,
        "writes for a namespace that is not allowed any more"
    );
    for name in &names {
        guest
            .wait_for_condition("DssUser", name, "Ready=False/NotAllowed", PATIENCE)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_that_cannot_be_decoded_says_so_and_does_not_stop_the_others() {
    // Another release's definition, with a source type that this one does not know.
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(repository().join("crds")).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path())
            .unwrap()
            .replace("- LOCAL_NO_AUTH", "- LOCAL_NO_AUTH\n                - MOON");
        std::fs::write(folder.path().join(file.file_name()), text).unwrap();
    }
    let bed = alone(&[folder.path().to_owned(), repository().join("deploy/kustomize/base")]).await;
    let home = bed.control_plane.namespace("home").await.unwrap();
    home.apply_object(&user("newer", json!({ "sourceType": "MOON" })))
        .await
        .unwrap();
    bed.connection(&home, json!({ "from": "Same" })).await;
    let known = user("jane", json!({ "groups": [{ "name": "readers" }] }));
    home.apply_object(&known).await.unwrap();
    let before = home
        .wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    let newer = home
        .wait_for_condition("DssUser", "newer", "Ready=False/Invalid", PATIENCE)
        .await
        .unwrap();
    assert!(newer.to_string().contains("cannot read the object"), "{newer}");

    // What is on record outlives the time in which it could not be read.
    home.apply_object(&user(
        "jane",
        json!({ "sourceType": "MOON", "groups": [{ "name": "readers" }] }),
    ))
    .await
    .unwrap();
    let unread = home
        .wait_for_condition("DssUser", "jane", "Ready=False/Invalid", PATIENCE)
        .await
        .unwrap();
    for part in ["remote", "applied"] {
        assert_eq!(unread["status"][part], before["status"][part], "{part}");
    }
    home.apply_object(&known).await.unwrap();
    let again = home
        .wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    assert_eq!(again["status"]["remote"]["origin"], "Created");
    let kinds: Vec<_> = again["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| condition["type"].clone())
        .collect();
    assert_eq!(
        kinds,
        ["Ready"],
        "nothing is left of the time in which it could not be read: {again}"
    );
    // And it is written no more than any other object in sync.
    tokio::time::sleep(INTERVAL + Duration::from_secs(1)).await;
    let settled = home.get("DssUser", "jane").await.unwrap();
    let asked = json!({ "metadata": { "annotations": { "dataiku-operator.io/reconcile-at": "1" } } });
    home.patch("DssUser", "jane", asked).await.unwrap();
    let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == "1";
    let once = home.wait_for("DssUser", "jane", handled, PATIENCE).await.unwrap();
    assert_eq!(once["status"]["conditions"], settled["status"]["conditions"]);
    tokio::time::sleep(INTERVAL + Duration::from_secs(1)).await;
    let later = home.get("DssUser", "jane").await.unwrap();
    assert_eq!(
        later["metadata"]["resourceVersion"],
        once["metadata"]["resourceVersion"]
    );

    // And it can be deleted while it cannot be read.
    let unreadable = user(
        "jane",
        json!({ "sourceType": "MOON", "groups": [{ "name": "readers" }] }),
    );
    home.apply_object(&unreadable).await.unwrap();
    home.wait_for_condition("DssUser", "jane", "Ready=False/Invalid", PATIENCE)
        .await
        .unwrap();
    home.delete("DssUser", "jane").await.unwrap();
    let forced = json!({ "metadata": { "annotations": { "dataiku-operator.io/force-release": "true" } } });
    home.patch("DssUser", "jane", forced).await.unwrap();
    home.wait_gone("DssUser", "jane", PATIENCE).await.unwrap();
    home.wait_for_event("jane", "Released", PATIENCE).await.unwrap();
}
