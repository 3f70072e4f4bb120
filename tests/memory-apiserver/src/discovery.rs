//! Which kinds are served.

use serde_json::{Value, json};

use crate::{kind::Registered, store::Store};

const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// The discovery document at a path.
pub(crate) fn document(store: &Store, path: &str) -> Option<Value> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["version"] => Some(json!({
            "major": "1",
            "minor": "33",
            "gitVersion": "v1.33.0",
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "",
            "platform": "",
        })),
        ["api"] => Some(json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })),
        ["apis"] => Some(groups(store)),
        ["api", version] => resources(store, "", version),
        ["apis", group, version] => resources(store, group, version),
        _ => None,
    }
}

fn groups(store: &Store) -> Value {
    let mut groups: Vec<Value> = Vec::new();
    for kind in store.kinds().filter(|kind| !kind.group.is_empty()) {
        let version = json!({ "groupVersion": kind.api_version(), "version": kind.version });
        let known = groups.iter_mut().find(|group| group["name"] == kind.group.as_str());
        if let Some(versions) = known.and_then(|group| group["versions"].as_array_mut()) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        } else {
            let group = json!({ "name": kind.group, "versions": [version.clone()], "preferredVersion": version });
            groups.push(group);
        }
    }
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

fn resources(store: &Store, group: &str, version: &str) -> Option<Value> {
    let kinds = store
        .kinds()
        .filter(|kind| kind.group == group && kind.version == version);
    let resources: Vec<Value> = kinds.flat_map(entries).collect();
    let group_version = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    (!resources.is_empty()).then(|| {
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources })
    })
}

fn entries(kind: &Registered) -> impl Iterator<Item = Value> {
    let entry = |name: String, verbs: &[&str]| {
        json!({
            "name": name,
            "singularName": kind.kind.to_lowercase(),
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": verbs,
        })
    };
    let status = kind
        .status
        .then(|| entry(format!("{}/status", kind.plural), &["get", "patch", "update"]));
    [entry(kind.plural.clone(), &VERBS)].into_iter().chain(status)
}
