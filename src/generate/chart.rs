//! The parts of the Helm chart that follow from the kinds and the version.

use std::fmt::Write;

use serde_json::{Value, json};

use super::rights;
use crate::crd;

const CHART: &str = "charts/dataiku-operator";
/// Folder of the definitions in the chart.
pub(super) const DEFINITIONS: &str = "charts/dataiku-operator/files/crds";

/// Every file by its path from the root of the repository.
pub(super) fn all() -> Vec<(String, Vec<Value>)> {
    vec![
        (format!("{CHART}/Chart.yaml"), vec![chart()]),
        (format!("{CHART}/files/rights.yaml"), vec![rights()]),
    ]
}

fn chart() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "apiVersion": "v2",
        "name": env!("CARGO_PKG_NAME"),
        "description": env!("CARGO_PKG_DESCRIPTION"),
        "type": "application",
        "version": version,
        "appVersion": version,
        // The rules of the CRDs are CEL, stable since 1.30. Tested is 1.33 and later: docs/compatibility.md.
        "kubeVersion": ">=1.30.0-0",
        "keywords": ["dataiku", "dss", "govern", "operator", "access-management", "gitops"],
        "annotations": {
            "artifacthub.io/category": "security",
            "artifacthub.io/license": env!("CARGO_PKG_LICENSE"),
            "artifacthub.io/operator": "true",
            "artifacthub.io/operatorCapabilities": "Seamless Upgrades",
            "artifacthub.io/prerelease": "true",
            "artifacthub.io/crds": kinds(),
        },
    })
}

/// The kinds, as Artifact Hub lists them: a text that is YAML itself.
fn kinds() -> String {
    let mut text = String::new();
    for definition in crd::all() {
        let names = &definition.spec.names;
        for version in &definition.spec.versions {
            let schema = version
                .schema
                .as_ref()
                .and_then(|schema| schema.open_api_v3_schema.as_ref());
            let description = schema
                .and_then(|schema| schema.description.as_deref())
                .unwrap_or_default();
            let description = json!(description.lines().next().unwrap_or_default());
            let _ = writeln!(
                text,
                "- kind: {kind}\n  version: {version}\n  name: {plural}.{group}\n  displayName: {kind}\n  description: {description}",
                kind = names.kind,
                version = version.name,
                plural = names.plural,
                group = definition.spec.group,
            );
        }
    }
    text
}

/// Read by the templates of the roles.
fn rights() -> Value {
    json!({
        "group": crd::common::GROUP,
        "watched": rights::watched(),
        "own": rights::own(),
        "tenants": rights::tenants(),
    })
}
