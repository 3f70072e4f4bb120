//! What the cluster knows of the objects that are planned.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::{
    cli::{
        args::Origin,
        cluster,
        console::Console,
        manifest::{Manifest, Manifests},
    },
    crd,
};

/// Members of the metadata that only the apiserver sets.
const OWN: [&str; 4] = ["uid", "creationTimestamp", "deletionTimestamp", "generation"];

/// Takes the status of each manifest from its object in the cluster, if there is one: what the operator created and granted.
/// The planner treats objects that the caller may not read as new, and prints a warning that names the missing right.
pub(super) async fn complete(manifests: &mut [Manifest], console: &mut Console<'_>) -> anyhow::Result<()> {
    let client = console.client().await?;
    let mut known: BTreeMap<(String, String), HashMap<String, Value>> = BTreeMap::new();
    for manifest in manifests {
        let place = (manifest.kind.clone(), manifest.namespace.clone());
        if !known.contains_key(&place) {
            let found = cluster::list(&client, &place.0, Some(&place.1)).await;
            let found = found.unwrap_or_else(|error| {
                console.warn(&format!(
                    "{error}; objects of kind {} there are planned as new",
                    place.0
                ));
                Vec::new()
            });
            let by_name = found.into_iter().filter_map(|object| {
                let name = object["metadata"]["name"].as_str()?.to_owned();
                Some((name, object))
            });
            known.insert(place.clone(), by_name.collect());
        }
        let Some(object) = known.get_mut(&place).and_then(|known| known.get_mut(&manifest.name)) else {
            continue;
        };
        for member in OWN {
            let own = object["metadata"][member].take();
            if !own.is_null() {
                manifest.object["metadata"][member] = own;
            }
        }
        let status = object["status"].take();
        if !status.is_null() {
            manifest.object["status"] = status;
        }
    }
    Ok(())
}

/// All objects of the cluster that use this connection.
///
/// # Errors
/// The caller may not list a kind, or the apiserver cannot be reached.
pub(super) async fn all(from: &Origin, console: &mut Console<'_>) -> anyhow::Result<Manifests> {
    let client = console.client().await?;
    let connection = from.product.connection();
    let prefix = connection.strip_suffix("Instance").or(connection.strip_suffix("Space"));
    let mut found = Manifests::default();
    for definition in crd::all() {
        let kind = definition.spec.names.kind;
        let is_ours = prefix.is_some_and(|prefix| kind.starts_with(prefix)) && kind != connection;
        if !is_ours {
            continue;
        }
        for object in cluster::list(&client, &kind, None).await? {
            if uses(&object, from) {
                found.take(&format!("cluster: {kind}"), object)?;
            }
        }
    }
    Ok(found)
}

fn uses(object: &Value, from: &Origin) -> bool {
    let spec = &object["spec"];
    let reference = [&spec["instanceRef"], &spec["spaceRef"]];
    let Some(reference) = reference.into_iter().find(|one| one.is_object()) else {
        return false;
    };
    let namespace = reference["namespace"]
        .as_str()
        .or(object["metadata"]["namespace"].as_str());
    namespace == Some(from.namespace.as_str()) && reference["name"] == from.name
}
