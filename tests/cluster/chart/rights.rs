//! What the chart lets the operator and tenants do, asked of the apiserver.

use std::time::Duration;

use super::Cluster;
use crate::bed::PATIENCE;

/// The operator has the rights that it uses and none that would let it do more.
pub async fn the_operator_may_do_no_more_than_it_has_to(cluster: &Cluster, team: &str) {
    let operator = "system:serviceaccount:ops:dataiku-operator";
    for what in [
        "list dssusers",
        "patch dssusers --subresource=status",
        "get secrets",
        "create events.events.k8s.io",
        "update configmaps",
        "delete dsstasks",
    ] {
        assert!(cluster.may(operator, what, team).await, "{what}");
    }
    for what in [
        "create dssusers",
        "delete dssusers",
        "delete secrets",
        "delete configmaps",
        "get pods",
        "create leases.coordination.k8s.io",
        "create rolebindings",
        "escalate clusterroles",
        "impersonate users",
        "patch customresourcedefinitions",
    ] {
        assert!(!cluster.may(operator, what, team).await, "{what}");
    }
    assert!(cluster.may(operator, "update leases.coordination.k8s.io", "ops").await);
}

/// Whoever has the cluster's roles in a namespace manages people and groups there, and nothing that acts on a node.
pub async fn tenants_cannot_escalate(cluster: &Cluster, team: &str) {
    for (who, role) in [("jane", "edit"), ("max", "view")] {
        let binding = ["create", "rolebinding", who, "--clusterrole", role, "--user", who];
        cluster.kubectl(&[&binding[..], &["--namespace", team]].concat()).await;
    }
    // The controller manager adds the chart's rules to the cluster's roles.
    let began = tokio::time::Instant::now();
    while !cluster.may("jane", "create dssusers", team).await || !cluster.may("max", "list dssusers", team).await {
        assert!(began.elapsed() < PATIENCE, "the roles are not aggregated");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!cluster.may("max", "create dssusers", team).await);
    assert!(!cluster.may("jane", "create dssusers", "default").await);
    let definitions = cluster.json(&["get", "customresourcedefinitions"]).await;
    let allowed = ["User", "Group", "RoleAssignment", "PersonalApiKey"];
    for definition in definitions["items"].as_array().unwrap() {
        let (kind, plural) = (
            definition["spec"]["names"]["kind"].as_str().unwrap(),
            definition["spec"]["names"]["plural"].as_str().unwrap(),
        );
        let expected = allowed.iter().any(|ending| kind.ends_with(ending));
        let status = format!("patch {plural} --subresource=status");
        assert!(!cluster.may("jane", &status, team).await, "{status}");
        let create = format!("create {plural}");
        assert_eq!(cluster.may("jane", &create, team).await, expected, "{create}");
        let get = format!("get {plural}");
        assert_eq!(cluster.may("max", &get, team).await, expected, "{get}");
    }
}
