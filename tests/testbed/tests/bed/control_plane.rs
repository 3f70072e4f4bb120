//! The control plane is a real one.

use std::process::Command;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use testbed::{ControlPlane, Namespace, Options, repository};

use crate::{SOON, example, installation};

#[tokio::test]
async fn server_and_kubectl_are_of_the_pinned_version() {
    let version = ControlPlane::shared()
        .await
        .unwrap()
        .kubectl(&["version"])
        .await
        .unwrap();
    assert!(version.contains("Client Version: v1.37.2"), "{version}");
    assert!(version.contains("Server Version: v1.37.2"), "{version}");
}

#[test]
fn a_set_of_programs_that_lacks_some_is_refused_by_name() {
    let fixture = repository().join("tests/testbed/tests/bed/fixture");
    let mut user = Command::new(example("until_killed"));
    let ended = user.arg("unused").env("KUBEBUILDER_ASSETS", &fixture).output().unwrap();
    let error = String::from_utf8(ended.stderr).unwrap();
    assert!(
        error.contains("fixture holds no etcd, no kube-apiserver, no kube-controller-manager"),
        "{error}"
    );
}

#[tokio::test]
async fn helm_reaches_the_apiserver() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let releases = control_plane
        .helm(&["list", "--all-namespaces", "--output", "json"])
        .await
        .unwrap();
    assert_eq!(releases.trim(), "[]");
}

#[tokio::test]
async fn a_deleted_namespace_goes_with_everything_in_it() {
    let namespace = Namespace::create("deleted").await.unwrap();
    namespace.secret("held", &[("key", "value")]).await.unwrap();
    namespace.remove(SOON).await.unwrap();
    assert!(namespace.find("secret", "held").await.unwrap().is_none());
}

#[tokio::test]
async fn an_owned_object_is_collected_after_its_owner() {
    let namespace = Namespace::create("owned").await.unwrap();
    let owner = &namespace
        .apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: owner}}")
        .await
        .unwrap()[0];
    let uid = owner["metadata"]["uid"].as_str().unwrap();
    let dependent = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: owned, ownerReferences: \
         [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}}}]}}}}"
    );
    namespace.apply(&dependent).await.unwrap();
    namespace.delete("configmap", "owner").await.unwrap();
    namespace.wait_gone("configmap", "owned", SOON).await.unwrap();
}

#[tokio::test]
async fn a_namespace_gets_its_default_service_account() {
    let namespace = Namespace::create("accounts").await.unwrap();
    namespace
        .wait_for("serviceaccount", "default", |_| true, SOON)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_service_account_has_the_rights_of_its_role_and_no_other() {
    let installation = installation().await;
    let client = installation.client().await.unwrap();
    let namespace = Namespace::create("rights").await.unwrap();
    let kubeconfig = installation.kubeconfig().to_str().unwrap();
    let who = namespace
        .kubectl(&["--kubeconfig", kubeconfig, "auth", "whoami"])
        .await
        .unwrap();
    assert!(who.contains("system:serviceaccount:stand-in-system:stand-in"), "{who}");

    let pods: Api<Pod> = Api::namespaced(client, namespace.name());
    let refused = pods.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
}

#[tokio::test]
async fn what_the_repository_ships_is_installed_and_its_account_may_read_its_kinds() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let shipped = control_plane.installation().await.unwrap();
    assert_eq!(
        (shipped.namespace(), shipped.service_account()),
        ("dataiku-operator", "dataiku-operator")
    );
    let crds = control_plane.kubectl(&["get", "crds", "-o", "name"]).await.unwrap();
    let kubeconfig = shipped.kubeconfig().to_str().unwrap();
    let kinds: Vec<_> = crds
        .lines()
        .filter_map(|line| line.split_once('/'))
        .map(|(_, kind)| kind)
        .filter(|kind| kind.contains("dataiku"))
        .collect();
    assert!(kinds.contains(&"dssusers.dataiku-operator.io"), "{crds}");
    for kind in kinds {
        let words = [
            "--kubeconfig",
            kubeconfig,
            "get",
            kind,
            "--all-namespaces",
            "-o",
            "name",
        ];
        assert_eq!(control_plane.kubectl(&words).await.unwrap(), "", "{kind}");
    }
    let deployments = control_plane
        .kubectl(&["get", "deployments", "--all-namespaces", "-o", "name"])
        .await
        .unwrap();
    assert_eq!(deployments, "");
}

#[tokio::test]
async fn a_second_control_plane_with_a_synced_etcd_is_apart_and_goes_when_dropped() {
    let one = ControlPlane::shared().await.unwrap();
    let other = ControlPlane::start_with(Options { fsync: true }).await.unwrap();
    assert_ne!(one.url(), other.url());
    let folder = other.folder().to_owned();
    let processes = other.processes();
    assert_eq!(processes.len(), 3);
    assert!(folder.exists() && other.log("etcd").is_some());
    drop(other);
    assert!(!folder.exists());
    for (name, pid) in processes {
        assert!(!std::fs::exists(format!("/proc/{pid}")).unwrap(), "{name} still runs");
    }
}
