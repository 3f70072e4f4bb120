//! Several watched namespaces, and rights in only some of them.

use memory_apiserver::{Action, Fault, Rule};
use serde_json::{Value, json};

use super::rig::{Rig, ready};
use crate::engine::scope::Scope;

/// The apiserver refuses everything in the namespace `vault`.
fn refuse(rig: &Rig) -> Fault {
    let refusal = Rule::new(Action::Status(403, "Forbidden".into()));
    rig.server
        .fault(refusal.when(|request| request.path.contains("/namespaces/vault/")))
}

/// An engine that watches two namespaces and has rights in one.
async fn partial() -> (Rig, Fault) {
    let mut rig = Rig::stopped();
    rig.scope = Scope::of(["team".to_owned(), "vault".to_owned()]);
    let refusal = refuse(&rig);
    rig.hub(json!({ "allowedNamespaces": { "from": "All" } }));
    rig.start().await;
    rig.wait("hubs", "hub", "InSync").await;
    (rig, refusal)
}

fn in_vault(rig: &Rig, kind: &str, name: &str, spec: &Value) {
    rig.server.create(json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": "vault" }, "spec": spec,
    }));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_without_rights_holds_up_no_other_one_and_is_served_once_the_rights_are_there() {
    let (rig, refusal) = partial().await;
    let spec = json!({ "hubRef": { "name": "hub", "namespace": "team" }, "passwordRef": { "name": "pw" } });
    in_vault(&rig, "Widget", "hidden", &spec);
    rig.secret_in("vault", "pw", "one");
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    assert_eq!(rig.world.get("hidden"), None);
    let refused = rig.scope.refusals().current();
    for kind in ["ConfigMap", "Hub", "Secret", "Widget"] {
        assert!(refused.contains(&("vault".to_owned(), kind)), "{refused:?}");
    }
    refusal.remove();
    rig.until("the hidden object is served", || rig.world.get("hidden").is_some())
        .await;
    rig.until("nothing is refused", || rig.scope.refusals().current().is_empty())
        .await;
    assert_eq!(rig.reason("jane"), "InSync");
    // A Secret there wakes its readers.
    let writes = rig.world.count("edit");
    let changed = json!({ "data": null, "stringData": { "password": "two" } });
    rig.server.patch("secrets", "vault", "pw", changed);
    rig.until("the new password is set", || rig.world.count("edit") > writes)
        .await;
}

#[tokio::test(start_paused = true)]
async fn rights_that_are_withdrawn_leave_what_is_known() {
    let (rig, refusal) = partial().await;
    refusal.remove();
    let spec = json!({ "hubRef": { "name": "hub", "namespace": "team" } });
    in_vault(&rig, "Widget", "hidden", &spec);
    rig.until("it is served", || rig.world.get("hidden").is_some()).await;
    let refusal = refuse(&rig);
    rig.server.cut_watches("widgets");
    rig.until("the refusal shows", || !rig.scope.refusals().current().is_empty())
        .await;
    rig.widget("jane", json!({}));
    rig.widget_is("jane", "InSync").await;
    rig.pass(120).await;
    assert!(rig.world.get("hidden").is_some());
    refusal.remove();
    rig.until("nothing is refused", || rig.scope.refusals().current().is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_a_namespace_without_rights_is_unknown_rather_than_gone() {
    let mut rig = Rig::ready().await;
    let hub = rig.server.get("hubs", "team", "hub")["spec"].clone();
    rig.server.create(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "hub-key", "namespace": "vault", "annotations": { "dataiku-operator.io/allowed-hosts": "127.0.0.1" } },
        "stringData": { "apiKey": "admin-key-one" },
    }));
    in_vault(&rig, "Hub", "shared", &hub);
    rig.server.patch(
        "hubs",
        "vault",
        "shared",
        json!({ "spec": { "allowedNamespaces": { "from": "All" } } }),
    );
    rig.widget("jane", json!({ "hubRef": { "name": "shared", "namespace": "vault" } }));
    rig.widget_is("jane", "InSync").await;
    rig.kill().await;
    let refusal = refuse(&rig);
    rig.scope = Scope::of(["team".to_owned(), "vault".to_owned()]);
    rig.start().await;
    rig.widget("joe", json!({ "hubRef": { "name": "shared", "namespace": "vault" } }));
    let joe = rig.widget_is("joe", "DependencyNotReady").await;
    let message = ready(&joe)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("may not list Hub in namespace vault"), "{message}");
    // A deletion waits: its withdrawals need the connection.
    rig.server.delete("widgets", "team", "jane");
    rig.pass(1800).await;
    assert!(rig.server.find("widgets", "team", "jane").is_some(), "it was released");
    refusal.remove();
    rig.until("it is deleted", || rig.server.find("widgets", "team", "jane").is_none())
        .await;
    assert_eq!(rig.world.get("jane"), None);
    rig.widget_is("joe", "InSync").await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_deleted_while_objects_that_nobody_may_list_may_use_it() {
    let (rig, refusal) = partial().await;
    rig.server.delete("hubs", "team", "hub");
    rig.pass(300).await;
    assert!(rig.server.find("hubs", "team", "hub").is_some());
    refusal.remove();
    rig.until("it is deleted", || rig.server.find("hubs", "team", "hub").is_none())
        .await;
}
