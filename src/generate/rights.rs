//! Rights in the cluster: one source for `deploy/` and the chart.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::{crd, engine::fingerprint::KEY_SECRET};

/// Endings of the kinds that a tenant may be given by the aggregated roles: people, groups and what these may do. A list of
/// what is allowed, so that a new kind is out until somebody decides otherwise. Left out are connections, global keys, tasks,
/// settings and everything else that acts on a node as a whole.
const TENANT_KINDS: [&str; 4] = ["User", "Group", "RoleAssignment", "PersonalApiKey"];

/// Rules of the operator where it watches: in every namespace, or in one. Each is used, and a test run under them shows that
/// none is missing.
pub(super) fn watched() -> Value {
    let plurals = plurals(|_| true);
    let statuses: Vec<String> = plurals.iter().map(|plural| format!("{plural}/status")).collect();
    json!([
        { "apiGroups": [crd::common::GROUP], "resources": plurals, "verbs": ["get", "list", "watch", "patch"] },
        { "apiGroups": [crd::common::GROUP], "resources": statuses, "verbs": ["patch"] },
        { "apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "list", "watch"] },
        // Labels and default deletion policies. In one namespace alone, the operator does without.
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"] },
        // Secrets in which API keys are published; the operator writes to those that it owns.
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "update"] },
        // ConfigMaps in which tasks write their results; the operator writes to those that it owns.
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update"] },
        // A finished task with ttlSecondsAfterFinished.
        { "apiGroups": [crd::common::GROUP], "resources": ["dsstasks"], "verbs": ["delete"] },
        { "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"] },
    ])
}

/// Rules of the operator in its own namespace.
pub(super) fn own() -> Value {
    json!([
        // The key of the fingerprints is generated on first use, and replaced where somebody damaged it.
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create"] },
        { "apiGroups": [""], "resources": ["secrets"], "resourceNames": [KEY_SECRET], "verbs": ["get", "update"] },
        { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"] },
    ])
}

/// Resources that the view and edit roles of tenants name. Never a `/status`: what the operator believes of its own work
/// stands there.
pub(super) fn tenants() -> Vec<String> {
    plurals(|definition| {
        let kind = &definition.spec.names.kind;
        names_connection(definition) && TENANT_KINDS.iter().any(|ending| kind.ends_with(ending))
    })
}

fn plurals(wanted: impl Fn(&CustomResourceDefinition) -> bool) -> Vec<String> {
    let definitions = crd::all().into_iter().filter(|definition| wanted(definition));
    definitions.map(|definition| definition.spec.names.plural).collect()
}

/// Whether objects of the kind name a connection, so are none themselves.
fn names_connection(definition: &CustomResourceDefinition) -> bool {
    let schemas = definition.spec.versions.iter().filter_map(|version| {
        let schema = version.schema.as_ref()?.open_api_v3_schema.as_ref()?;
        schema.properties.as_ref()?.get("spec")?.properties.as_ref()
    });
    let mut schemas = schemas.peekable();
    let named = |name: &&str, spec: &std::collections::BTreeMap<String, _>| spec.contains_key(*name);
    schemas.peek().is_some() && schemas.all(|spec| ["instanceRef", "spaceRef"].iter().any(|name| named(name, spec)))
}

#[cfg(test)]
mod tests {
    use super::{crd, names_connection, tenants};

    #[test]
    fn no_tenant_role_names_a_connection_or_what_acts_on_a_node_as_a_whole() {
        for plural in tenants() {
            for part in [
                "instance",
                "space",
                "task",
                "setting",
                "default",
                "global",
                "status",
                "variables",
            ] {
                assert!(!plural.contains(part), "{plural}");
            }
        }
    }

    #[test]
    fn tenants_may_declare_people_and_groups() {
        for plural in ["dssusers", "dssgroups", "governroleassignments", "launchpadgroups"] {
            assert!(tenants().iter().any(|one| one == plural), "{plural}");
        }
    }

    #[test]
    fn a_connection_names_no_connection() {
        let connections = crd::all()
            .into_iter()
            .filter(|definition| !names_connection(definition));
        let kinds: Vec<_> = connections.map(|definition| definition.spec.names.kind).collect();
        assert_eq!(kinds, ["DssInstance", "GovernInstance", "LaunchpadSpace"]);
    }

    #[test]
    fn no_kind_is_in_the_category_all() {
        for definition in crd::all() {
            let categories = definition.spec.names.categories.unwrap_or_default();
            assert!(
                !categories.iter().any(|one| one == "all"),
                "{}",
                definition.spec.names.kind
            );
        }
    }
}
