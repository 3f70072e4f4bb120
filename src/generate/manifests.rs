//! The plain manifests of `deploy/`.

use serde_json::{Value, json};

use crate::crd;

const NAME: &str = "dataiku-operator";
const PORT: u16 = 8080;

/// Every manifest by its file name.
pub(super) fn all() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("namespace.yaml", vec![namespace()]),
        ("rbac.yaml", rbac()),
        ("deployment.yaml", vec![deployment()]),
        (
            "kustomization.yaml",
            vec![kustomization(
                &["../crds", "namespace.yaml", "rbac.yaml", "deployment.yaml"].map(str::to_owned),
            )],
        ),
    ]
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": NAME })
}

fn metadata() -> Value {
    json!({ "name": NAME, "namespace": NAME, "labels": labels() })
}

fn cluster_metadata() -> Value {
    json!({ "name": NAME, "labels": labels() })
}

fn namespace() -> Value {
    let mut labels = labels();
    labels["pod-security.kubernetes.io/enforce"] = json!("restricted");
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAME, "labels": labels } })
}

/// Rights of the operator: each is used, and a test run under them shows that none is missing.
fn rbac() -> Vec<Value> {
    let plurals: Vec<String> = crd::all()
        .into_iter()
        .map(|definition| definition.spec.names.plural)
        .collect();
    let statuses: Vec<String> = plurals.iter().map(|plural| format!("{plural}/status")).collect();
    let group = "rbac.authorization.k8s.io";
    let subjects = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": NAME }]);
    vec![
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata() }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": cluster_metadata(),
            "rules": [
                { "apiGroups": [crd::common::GROUP], "resources": plurals, "verbs": ["get", "list", "watch", "patch"] },
                { "apiGroups": [crd::common::GROUP], "resources": statuses, "verbs": ["patch"] },
                { "apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"] },
                { "apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "list", "watch"] },
                // Secrets in which API keys are published; the operator writes to those that it owns.
                { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "update"] },
                { "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"] },
            ],
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": cluster_metadata(),
            "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": NAME },
            "subjects": subjects,
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": metadata(),
            "rules": [
                // The key of the fingerprints is generated on first use.
                { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create"] },
                { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"] },
            ],
        }),
        json!({
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": metadata(),
            "roleRef": { "apiGroup": group, "kind": "Role", "name": NAME },
            "subjects": subjects,
        }),
    ]
}

fn deployment() -> Value {
    let selector = json!({ "app.kubernetes.io/name": NAME });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(),
        "spec": {
            // One leads, the other takes over within seconds.
            "replicas": 2,
            "selector": { "matchLabels": selector },
            "template": {
                "metadata": { "labels": labels() },
                "spec": {
                    "serviceAccountName": NAME,
                    "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
                    "containers": [container()],
                },
            },
        },
    })
}

fn container() -> Value {
    let probe = |path: &str| json!({ "httpGet": { "path": path, "port": "metrics" } });
    json!({
        "name": NAME,
        "image": format!("{NAME}:{}", env!("CARGO_PKG_VERSION")),
        "args": ["run", "--log-format", "json"],
        "env": [
            { "name": "POD_NAMESPACE", "valueFrom": { "fieldRef": { "fieldPath": "metadata.namespace" } } },
            { "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
        ],
        "ports": [{ "name": "metrics", "containerPort": PORT }],
        "livenessProbe": probe("/livez"),
        "readinessProbe": probe("/readyz"),
        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "256Mi" } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
    })
}

/// A base of its own, since Kustomize takes folders from elsewhere but no files.
pub(super) fn definitions() -> Value {
    let files = crd::all().into_iter().map(|definition| {
        let names = &definition.spec.names;
        format!("{}.{}.yaml", names.plural, definition.spec.group)
    });
    kustomization(&files.collect::<Vec<_>>())
}

fn kustomization(resources: &[String]) -> Value {
    json!({ "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources })
}
