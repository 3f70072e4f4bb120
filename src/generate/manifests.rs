//! The plain manifests of `deploy/`.

use serde_json::{Value, json};

use super::rights;
use crate::crd;

const NAME: &str = "dataiku-operator";
const PORT: u16 = 8080;
const RBAC: &str = "rbac.authorization.k8s.io";

/// Folder of the manifests that every overlay starts from.
pub(super) const BASE: &str = "deploy/kustomize/base";
/// Overlay without cluster-wide rights.
const NAMESPACED: &str = "deploy/kustomize/overlays/namespaced";

/// Every manifest by its path from the root of the repository.
pub(super) fn all() -> Vec<(String, Vec<Value>)> {
    let base = ["../../../crds", "namespace.yaml", "rbac.yaml", "deployment.yaml"];
    let in_base = |name: &str| format!("{BASE}/{name}");
    vec![
        (
            "deploy/kustomization.yaml".to_owned(),
            vec![kustomization(&["kustomize/base".to_owned()])],
        ),
        (in_base("namespace.yaml"), vec![namespace()]),
        (in_base("rbac.yaml"), rbac()),
        (in_base("deployment.yaml"), vec![deployment()]),
        (
            in_base("kustomization.yaml"),
            vec![kustomization(&base.map(str::to_owned))],
        ),
        (
            format!("{NAMESPACED}/role.yaml"),
            role(&format!("{NAME}-watched"), &rights::watched()),
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

fn rbac() -> Vec<Value> {
    let mut objects = vec![
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata() }),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": cluster_metadata(),
            "rules": rights::watched(),
        }),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding", "metadata": cluster_metadata(),
            "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": NAME },
            "subjects": subjects(),
        }),
    ];
    objects.extend(role(NAME, &rights::own()));
    objects
}

/// A Role of this name with these rules, in the operator's own namespace, and the binding of the operator to it.
fn role(name: &str, rules: &Value) -> Vec<Value> {
    let metadata = json!({ "name": name, "namespace": NAME, "labels": labels() });
    vec![
        json!({ "apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": metadata, "rules": rules }),
        json!({
            "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": name },
            "subjects": subjects(),
        }),
    ]
}

fn subjects() -> Value {
    json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": NAME }])
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
