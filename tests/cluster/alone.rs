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
        home.secret("design-admin", &[("apiKey", self.dss.api_key())])
            .await
            .unwrap();
        let spec = json!({
            "url": self.dss.url(), "tls": { "allowInsecureHttp": true }, "allowedNamespaces": allowed,
            "credentials": { "apiKeySecretRef": { "name": "design-admin" } },
            "driftInterval": format!("{}s", INTERVAL.as_secs()), "defaultUserProfile": "READER",
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
async fn a_connection_serves_only_the_namespaces_that_it_allows_and_revoking_works() {
    let bed = alone(&[repository().join("crds"), repository().join("deploy")]).await;
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
    let bed = alone(&[folder.path().to_owned(), repository().join("deploy")]).await;
    let home = bed.control_plane.namespace("home").await.unwrap();
    home.apply_object(&user("newer", json!({ "sourceType": "MOON" })))
        .await
        .unwrap();
    bed.connection(&home, json!({ "from": "Same" })).await;
    home.apply_object(&user("jane", json!({}))).await.unwrap();
    home.wait_for_condition("DssUser", "jane", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
    let newer = home
        .wait_for_condition("DssUser", "newer", "Ready=False/Invalid", PATIENCE)
        .await
        .unwrap();
    assert!(newer.to_string().contains("cannot read the object"), "{newer}");
    home.apply_object(&user("newer", json!({}))).await.unwrap();
    home.wait_for_condition("DssUser", "newer", "Ready=True/InSync", PATIENCE)
        .await
        .unwrap();
}
