//! The API group `dataiku-operator.io/v1alpha1`: types only, no I/O and no client.
//!
//! Doc comments in here are the reference manual that people read in `kubectl explain`.

pub mod applied;
pub mod common;
pub mod connection;
pub mod delegation;
pub mod dss_general_settings;
pub mod dss_global_api_key;
pub mod dss_group;
pub mod dss_impersonation_rule;
pub mod dss_instance;
pub mod dss_instance_variables;
pub mod dss_personal_api_key;
pub mod dss_task;
pub mod dss_user;
pub mod examples;
pub mod govern_global_api_key;
pub mod govern_group;
pub mod govern_instance;
pub mod govern_permissions;
pub mod govern_role;
pub mod govern_role_assignment;
pub mod govern_user;
pub mod inventory;
pub mod launchpad_group;
pub mod launchpad_space;
pub mod launchpad_user;
pub mod node_group;
pub mod node_key;
pub mod node_user;
pub mod orphans;
pub mod personal;
pub mod propagation;
pub mod run;
pub mod status;

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool, SelectableField,
};
use kube::CustomResourceExt;

pub use dss_general_settings::DssGeneralSettings;
pub use dss_global_api_key::DssGlobalApiKey;
pub use dss_group::DssGroup;
pub use dss_impersonation_rule::DssImpersonationRule;
pub use dss_instance::DssInstance;
pub use dss_instance_variables::DssInstanceVariables;
pub use dss_personal_api_key::DssPersonalApiKey;
pub use dss_task::DssTask;
pub use dss_user::DssUser;
pub use govern_global_api_key::GovernGlobalApiKey;
pub use govern_group::GovernGroup;
pub use govern_instance::GovernInstance;
pub use govern_permissions::{GovernBlueprintPermissions, GovernDefaultPermissions};
pub use govern_role::GovernRole;
pub use govern_role_assignment::GovernRoleAssignment;
pub use govern_user::GovernUser;
pub use launchpad_group::LaunchpadGroup;
pub use launchpad_space::LaunchpadSpace;
pub use launchpad_user::LaunchpadUser;

/// Every custom resource definition of this release, in the order in which they are documented.
pub fn all() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![
        DssInstance::crd(),
        DssGroup::crd(),
        DssUser::crd(),
        DssGlobalApiKey::crd(),
        DssPersonalApiKey::crd(),
        DssInstanceVariables::crd(),
        DssGeneralSettings::crd(),
        DssImpersonationRule::crd(),
        DssTask::crd(),
        GovernInstance::crd(),
        GovernGroup::crd(),
        GovernUser::crd(),
        GovernGlobalApiKey::crd(),
        GovernRole::crd(),
        GovernRoleAssignment::crd(),
        GovernBlueprintPermissions::crd(),
        GovernDefaultPermissions::crd(),
        LaunchpadSpace::crd(),
        LaunchpadGroup::crd(),
        LaunchpadUser::crd(),
    ];
    for definition in &mut definitions {
        let kind = &definition.spec.names.kind;
        for version in &mut definition.spec.versions {
            complete(kind, version);
        }
    }
    definitions
}

/// Adds to a version what its types do not say: the example in its description, and the fields that select.
fn complete(kind: &str, version: &mut CustomResourceDefinitionVersion) {
    let schema = version.schema.as_mut();
    let Some(schema) = schema.and_then(|schema| schema.open_api_v3_schema.as_mut()) else {
        return;
    };
    clean(schema);
    if let Some(description) = &mut schema.description {
        *description = examples::with_example(kind, description);
    }
    let selectable = SELECTABLE.iter().filter(|path| has_field(schema, path));
    let selectable: Vec<_> = selectable
        .map(|path| SelectableField {
            json_path: (*path).to_owned(),
        })
        .collect();
    version.selectable_fields = Some(selectable);
}

/// Fields that `kubectl get --field-selector` and watches may select by, in the kinds that have them: the connection, and the
/// name of the remote object.
const SELECTABLE: [&str; 3] = [".spec.instanceRef.name", ".spec.spaceRef.name", ".status.remote.key"];

/// Whether the schema has a field at this path.
fn has_field(schema: &JSONSchemaProps, path: &str) -> bool {
    let mut names = path.split('.').skip(1);
    let field = names.try_fold(schema, |schema, name| schema.properties.as_ref()?.get(name));
    field.is_some()
}

/// Takes out of a schema and of every schema in it what does not belong to the API: the defaults that `#[serde(default)]`
/// leaves, since what the apiserver fills in is a difference for everything that compares an object with its source; and the
/// line breaks of our source text, since `kubectl explain` wraps a description by itself.
fn clean(schema: &mut JSONSchemaProps) {
    schema.default = None;
    if let Some(description) = &mut schema.description {
        *description = unwrapped(description);
    }
    let fields = schema.properties.iter_mut().flat_map(BTreeMap::values_mut);
    fields.for_each(clean);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        clean(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        clean(values);
    }
}

/// The same text with one line for each paragraph.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n");
    let paragraphs = paragraphs.map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::{JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, all};

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

    /// Schema of a part of every kind, such as `spec`.
    fn parts(part: &str) -> Vec<(String, JSONSchemaProps)> {
        let versions = all().into_iter().flat_map(|definition| {
            let kind = definition.spec.names.kind;
            definition
                .spec
                .versions
                .into_iter()
                .map(move |version| (kind.clone(), version))
        });
        versions
            .map(|(kind, version)| {
                let schema = version.schema.and_then(|schema| schema.open_api_v3_schema).unwrap();
                (kind, schema.properties.unwrap().remove(part).unwrap())
            })
            .collect()
    }

    /// Calls `each` for the schema and every schema in it, with its path.
    fn walk(path: &str, schema: &JSONSchemaProps, each: &mut impl FnMut(&str, &JSONSchemaProps)) {
        each(path, schema);
        for (name, field) in schema.properties.iter().flatten() {
            walk(&format!("{path}.{name}"), field, each);
        }
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            walk(&format!("{path}[]"), items, each);
        }
        if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
            walk(&format!("{path}.*"), values, each);
        }
    }

    #[test]
    fn no_spec_has_a_default_in_its_schema() {
        let mut found = Vec::new();
        for (kind, spec) in parts("spec") {
            walk(&kind, &spec, &mut |path, schema| {
                if schema.default.is_some() {
                    found.push(path.to_owned());
                }
            });
        }
        assert_eq!(found, Vec::<String>::new(), "Argo CD would see a difference");
    }

    /// Longest name of a key of a map; a rule of the map bounds it.
    const KEY: i64 = 100;

    /// Longest value of any type, which the operator bounds.
    const ANY: i64 = 258;

    /// Most characters of a value of this schema as compact JSON; `None`: unbounded.
    fn bound(schema: &JSONSchemaProps) -> Option<i64> {
        if schema.x_kubernetes_preserve_unknown_fields == Some(true) && schema.type_.is_none() {
            return Some(ANY);
        }
        match schema.type_.as_deref()? {
            "object" => match &schema.additional_properties {
                Some(JSONSchemaPropsOrBool::Schema(values)) => {
                    Some(2 + schema.max_properties? * (bound(values)? + KEY + 4))
                }
                _ => schema.properties.iter().flatten().try_fold(2, |sum, (name, field)| {
                    Some(sum + bound(field)? + i64::try_from(name.len()).ok()? + 4)
                }),
            },
            "array" => match &schema.items {
                Some(JSONSchemaPropsOrArray::Schema(items)) => Some(2 + schema.max_items? * (bound(items)? + 1)),
                _ => None,
            },
            "string" if schema.format.as_deref() == Some("date-time") => Some(42),
            "string" => {
                let values = schema.enum_.iter().flatten().filter_map(|value| value.0.as_str());
                let longest = values.map(str::len).max().and_then(|length| i64::try_from(length).ok());
                // A pattern of ours ends in its greatest length.
                let pattern = schema.pattern.as_deref().and_then(|pattern| {
                    let (_, length) = pattern.strip_suffix("}$")?.rsplit_once(',')?;
                    length.parse().ok()
                });
                Some(2 + schema.max_length.or(longest).or(pattern)?)
            }
            "boolean" => Some(5),
            "integer" => Some(20),
            _ => None,
        }
    }

    #[test]
    fn users_and_groups_are_bounded() {
        let bound = |wanted: &str| {
            let specs = parts("spec");
            let (_, spec) = specs.iter().find(|(kind, _)| kind == wanted).unwrap();
            bound(spec)
        };
        for (kind, limit) in [
            // Each list and map is bounded; the operator refuses a user of more than 64 KiB in all.
            ("DssUser", 224 << 10),
            ("GovernUser", 96 << 10),
            ("DssGroup", 512 << 10),
            ("GovernGroup", 512 << 10),
        ] {
            let bound = bound(kind).unwrap_or_else(|| panic!("{kind} is unbounded"));
            assert!(bound <= limit, "{kind}: {bound}");
        }
    }

    #[test]
    fn the_kinds_of_one_product_name_their_own_connection() {
        for (kind, spec) in parts("spec") {
            let reference = spec.properties.as_ref().and_then(|fields| fields.get("instanceRef"));
            let Some(description) = reference.and_then(|field| field.description.as_deref()) else {
                continue;
            };
            let expected = if kind.starts_with("Govern") {
                "GovernInstance"
            } else {
                "DssInstance"
            };
            assert!(description.contains(expected), "{kind}: {description}");
        }
    }

    /// Above 256 KiB `kubectl apply` cannot store the annotation with the whole object.
    const MOST: usize = 100 << 10;

    #[test]
    fn every_definition_is_small_enough_for_every_way_to_apply_it() {
        for definition in all() {
            let bytes = serde_json::to_string(&definition).unwrap().len();
            assert!(bytes < MOST, "{}: {bytes} bytes", definition.spec.names.kind);
        }
    }

    #[test]
    fn objects_can_be_selected_by_their_connection_and_their_remote_key() {
        for definition in all() {
            let kind = definition.spec.names.kind;
            for version in definition.spec.versions {
                let fields = version.selectable_fields.unwrap_or_default();
                let paths: Vec<_> = fields.iter().map(|field| field.json_path.as_str()).collect();
                assert!(paths.contains(&".status.remote.key"), "{kind}: {paths:?}");
                let is_connection = ["DssInstance", "GovernInstance", "LaunchpadSpace"].contains(&&*kind);
                assert_eq!(paths.len(), if is_connection { 1 } else { 2 }, "{kind}: {paths:?}");
            }
        }
    }

    #[test]
    fn a_description_has_no_line_break_but_between_paragraphs_and_in_its_example() {
        assert_eq!(
            super::unwrapped("One\n two.\n\nThree\nfour."),
            "One two.\n\nThree four."
        );
        for part in ["spec", "status"] {
            for (kind, schema) in parts(part) {
                walk(&kind, &schema, &mut |path, schema| {
                    let text = schema.description.as_deref().unwrap_or_default();
                    assert!(!text.replace("\n\n", " ").contains('\n'), "{path}: {text}");
                });
            }
        }
    }

    /// A word that says what it means to leave a field out.
    const UNSET: [&str; 4] = ["default", "unset", "exactly one of", "absent"];

    /// Fields of a spec that may be left out and do not say what that means. What Kubernetes itself describes is not ours.
    fn silent_on_unset(path: &str, schema: &JSONSchemaProps, found: &mut Vec<String>) {
        if path.contains(".selector") {
            return;
        }
        let required = schema.required.as_deref().unwrap_or_default();
        for (name, field) in schema.properties.iter().flatten() {
            let text = field.description.as_deref().unwrap_or_default().to_lowercase();
            if !required.contains(name) && !UNSET.iter().any(|word| text.contains(word)) {
                found.push(format!("{path}.{name}"));
            }
        }
    }

    #[test]
    fn every_field_that_may_be_left_out_says_what_that_means() {
        let mut found = Vec::new();
        for (kind, spec) in parts("spec") {
            walk(&kind, &spec, &mut |path, schema| {
                silent_on_unset(path, schema, &mut found);
            });
        }
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn every_kind_has_an_example_below_its_description() {
        for definition in all() {
            for version in definition.spec.versions {
                let schema = version.schema.and_then(|schema| schema.open_api_v3_schema).unwrap();
                let description = schema.description.unwrap();
                assert!(super::examples::in_description(&description).is_some(), "{description}");
                let above = super::examples::without_example(&description);
                assert!(!above.is_empty() && !above.contains('\n'), "{above}");
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
