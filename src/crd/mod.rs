//! The API group `dataiku-operator.io/v1alpha1`: types only, no I/O and no client.
//!
//! Doc comments in here are the reference manual that people read in `kubectl explain`.

pub mod applied;
pub mod common;
pub mod connection;
pub mod dss_global_api_key;
pub mod dss_group;
pub mod dss_instance;
pub mod dss_instance_variables;
pub mod dss_user;
pub mod govern_instance;
pub mod govern_role_assignment;
pub mod launchpad_group;
pub mod launchpad_space;
pub mod propagation;
pub mod status;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use dss_global_api_key::DssGlobalApiKey;
pub use dss_group::DssGroup;
pub use dss_instance::DssInstance;
pub use dss_instance_variables::DssInstanceVariables;
pub use dss_user::DssUser;
pub use govern_instance::GovernInstance;
pub use govern_role_assignment::GovernRoleAssignment;
pub use launchpad_group::LaunchpadGroup;
pub use launchpad_space::LaunchpadSpace;

/// Every custom resource definition of this release, in the order in which they are documented.
pub fn all() -> Vec<CustomResourceDefinition> {
    vec![
        DssInstance::crd(),
        DssGroup::crd(),
        DssUser::crd(),
        DssGlobalApiKey::crd(),
        DssInstanceVariables::crd(),
        GovernInstance::crd(),
        GovernRoleAssignment::crd(),
        LaunchpadSpace::crd(),
        LaunchpadGroup::crd(),
    ]
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, JSONSchemaPropsOrArray};

    use super::all;

    fn undescribed(path: &str, schema: &JSONSchemaProps, found: &mut Vec<String>) {
        for (name, field) in schema.properties.iter().flatten() {
            let path = format!("{path}.{name}");
            if field.description.as_deref().unwrap_or_default().is_empty() {
                found.push(path.clone());
            }
            undescribed(&path, field, found);
            if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
                undescribed(&format!("{path}[]"), items, found);
            }
        }
    }

    #[test]
    fn every_field_of_every_kind_is_described() {
        let mut found = Vec::new();
        for definition in all() {
            for version in definition.spec.versions {
                let schema = version.schema.and_then(|schema| schema.open_api_v3_schema).unwrap();
                for part in ["spec", "status"] {
                    let name = format!("{}.{part}", definition.spec.names.kind);
                    undescribed(&name, &schema.properties.as_ref().unwrap()[part], &mut found);
                }
            }
        }
        assert_eq!(found, Vec::<String>::new());
    }
}
