//! Reads the values that an object refers to, from its own namespace.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use secrecy::SecretString;

use super::{
    Error, Inputs,
    fingerprint::Fingerprints,
    managed::{SourceKind, SourceRef},
};
use crate::crd::applied::Applied;

/// Resolves every source of an object. A missing or empty value is an error, never "clear".
pub async fn resolve(
    client: &Client,
    fingerprints: &Fingerprints,
    namespace: &str,
    uid: &str,
    sources: &[SourceRef],
    applied: Applied,
) -> Result<Inputs, Error> {
    let mut inputs = Inputs::recorded(applied);
    let mut read: BTreeMap<(SourceKind, &str), BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    for source in sources {
        let place = (source.kind, source.name.as_str());
        if let std::collections::btree_map::Entry::Vacant(e) = read.entry(place) {
            e.insert(contents(client, namespace, source).await?);
        }
        let value = read[&place]
            .get(&source.key)
            .ok_or_else(|| missing(format!("{} has no key {}", describe(namespace, source), source.key)))?;
        let value = std::str::from_utf8(value).map_err(|_| {
            missing(format!(
                "key {} of {} is not text",
                source.key,
                describe(namespace, source)
            ))
        })?;
        // A trailing line break is what `kubectl create secret --from-file` and editors leave behind, never part of a value.
        let value = value.strip_suffix('\n').unwrap_or(value);
        if value.is_empty() {
            return Err(missing(format!(
                "key {} of {} is empty",
                source.key,
                describe(namespace, source)
            )));
        }
        let fingerprint = fingerprints.of(uid, source.slot, value);
        inputs.insert(source.slot, SecretString::from(value.to_owned()), fingerprint);
    }
    Ok(inputs)
}

async fn contents(client: &Client, namespace: &str, source: &SourceRef) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let absent = || missing(format!("{} not found", describe(namespace, source)));
    match source.kind {
        SourceKind::Secret => {
            let found = Api::<Secret>::namespaced(client.clone(), namespace)
                .get_opt(&source.name)
                .await
                .map_err(Error::kubernetes("read a Secret"))?
                .ok_or_else(absent)?;
            Ok(found
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect())
        }
        SourceKind::ConfigMap => {
            let found = Api::<ConfigMap>::namespaced(client.clone(), namespace)
                .get_opt(&source.name)
                .await
                .map_err(Error::kubernetes("read a ConfigMap"))?
                .ok_or_else(absent)?;
            Ok(found
                .data
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, value.into_bytes()))
                .collect())
        }
    }
}

fn missing(message: String) -> Error {
    Error::dependency(message)
}

fn describe(namespace: &str, source: &SourceRef) -> String {
    let kind = match source.kind {
        SourceKind::Secret => "Secret",
        SourceKind::ConfigMap => "ConfigMap",
    };
    format!("{kind} {namespace}/{}", source.name)
}
