//! What Argo CD has to be configured with: a health check and an action for each kind.

use serde_json::{Map, Value, json};

use crate::crd;

const HEALTH: &str = include_str!("../../deploy/argocd/resource_customizations/dataiku-operator.io/_/health.lua");
const DISCOVERY: &str =
    include_str!("../../deploy/argocd/resource_customizations/dataiku-operator.io/_/actions/discovery.lua");
const RECONCILE: &str =
    include_str!("../../deploy/argocd/resource_customizations/dataiku-operator.io/_/actions/reconcile/action.lua");

/// Every file by its path from the root of the repository.
pub(super) fn all() -> Vec<(String, Vec<Value>)> {
    let mut data = Map::new();
    for definition in crd::all() {
        // Argo CD finds an action by the exact kind only, and a key of a ConfigMap takes no wildcard.
        let kind = format!("{}_{}", definition.spec.group, definition.spec.names.kind);
        data.insert(format!("resource.customizations.health.{kind}"), json!(HEALTH));
        data.insert(format!("resource.customizations.actions.{kind}"), json!(actions()));
    }
    let patch = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "argocd-cm",
            "namespace": "argocd",
            "labels": { "app.kubernetes.io/name": "argocd-cm", "app.kubernetes.io/part-of": "argocd" },
        },
        "data": data,
    });
    vec![("deploy/argocd/argocd-cm.yaml".to_owned(), vec![patch])]
}

/// The actions, in the form that the `ConfigMap` takes: a text that is YAML itself.
fn actions() -> String {
    let indented = |text: &str, by: &str| -> String {
        let lines = text.lines().map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("{by}{line}")
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    format!(
        "discovery.lua: |\n{}\ndefinitions:\n- name: reconcile\n  action.lua: |\n{}\n",
        indented(DISCOVERY, "  "),
        indented(RECONCILE, "    "),
    )
}
