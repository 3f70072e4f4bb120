//! Reads of Secrets and `ConfigMap`s. A value is in memory as long as a reconcile holds it, and no longer; reconciles that
//! overlap share one read.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use k8s_openapi::{
    api::core::v1::{ConfigMap, Secret as KubeSecret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{Api, Client};
use secrecy::zeroize::Zeroize;

use super::{
    Error,
    secrets::{SecretUse, SourceKind},
    sources::version,
};
use crate::crd::common::annotation;

/// Shared reads that are remembered before those that nobody holds are dropped.
const PRUNE_FROM: usize = 256;

/// The keys of one source that are used, zeroized after use.
pub(super) struct Contents {
    /// Values by key.
    pub(super) data: BTreeMap<String, Vec<u8>>,
    /// The resource version that they were read at.
    pub(super) resource_version: Option<String>,
    /// The same with the uid, as [`version`] says it.
    pub(super) version: u64,
    /// Fingerprints by key, as the operator wrote them beside the values.
    prints: BTreeMap<String, String>,
    /// Hosts that the values may be sent to.
    pub(super) allowed_hosts: Option<String>,
}

impl Contents {
    pub(super) fn new(data: BTreeMap<String, Vec<u8>>, metadata: ObjectMeta) -> Self {
        let version = version(&metadata);
        let mut annotations = metadata.annotations.unwrap_or_default();
        let prints = annotations.remove(annotation::PUBLISHED);
        Self {
            data,
            resource_version: metadata.resource_version,
            version,
            prints: prints
                .and_then(|prints| serde_json::from_str(&prints).ok())
                .unwrap_or_default(),
            allowed_hosts: annotations.remove(annotation::ALLOWED_HOSTS),
        }
    }

    /// Whether the Secret itself says that the operator wrote this value. A fingerprint of another key says nothing here:
    /// anybody can write one.
    pub(super) fn shows(&self, key: &str, print: &str) -> bool {
        self.prints.get(key).is_some_and(|shown| shown == print)
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.data.values_mut().for_each(Zeroize::zeroize);
    }
}

/// One read, shared by all who hold this. What it read is zeroized once the last of them is gone.
#[derive(Default)]
pub(super) struct SharedRead(tokio::sync::Mutex<Option<Arc<Contents>>>);

/// What was read: two uses of other keys share nothing, so that no value is held for an object that does not use it.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    kind: SourceKind,
    namespace: String,
    name: String,
    keys: Vec<String>,
}

/// Reads that reconciles hold at the moment.
#[derive(Default)]
pub(super) struct Reads(Mutex<HashMap<Place, Weak<SharedRead>>>);

impl Reads {
    /// These keys of one source, from a read that another reconcile holds if its version is still `current`. To be shared,
    /// the first value returned is to be held as long as the second is of use.
    pub(super) async fn contents(
        &self,
        client: &Client,
        namespace: &str,
        source: &SecretUse,
        keys: Vec<String>,
        current: impl Fn() -> Option<u64>,
    ) -> Result<(Arc<SharedRead>, Option<Arc<Contents>>), Error> {
        let shared = self.shared(Place {
            kind: source.kind,
            namespace: namespace.to_owned(),
            name: source.name.clone(),
            keys: keys.clone(),
        });
        let mut held = shared.0.lock().await;
        let valid = held.as_ref().filter(|held| current() == Some(held.version)).cloned();
        let found = match valid {
            Some(valid) => Some(valid),
            None => fetch(client, namespace, source, &keys).await?.map(Arc::new),
        };
        held.clone_from(&found);
        drop(held);
        Ok((shared, found))
    }

    fn shared(&self, place: Place) -> Arc<SharedRead> {
        let mut reads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = reads.get(&place).and_then(Weak::upgrade) {
            return shared;
        }
        if reads.len() >= PRUNE_FROM {
            reads.retain(|_, read| read.strong_count() > 0);
        }
        let shared = Arc::new(SharedRead::default());
        reads.insert(place, Arc::downgrade(&shared));
        shared
    }
}

async fn fetch(
    client: &Client,
    namespace: &str,
    source: &SecretUse,
    keys: &[String],
) -> Result<Option<Contents>, Error> {
    Ok(match source.kind {
        SourceKind::Secret => {
            let api = Api::<KubeSecret>::namespaced(client.clone(), namespace);
            let found = api.get_opt(&source.name).await;
            let found = found.map_err(Error::kubernetes("read a Secret"))?;
            found.map(|found| {
                let mut data = BTreeMap::new();
                for (key, mut value) in found.data.unwrap_or_default() {
                    if keys.contains(&key) {
                        data.insert(key, value.0);
                    } else {
                        value.0.zeroize();
                    }
                }
                Contents::new(data, found.metadata)
            })
        }
        SourceKind::ConfigMap => {
            let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
            let found = api.get_opt(&source.name).await;
            let found = found.map_err(Error::kubernetes("read a ConfigMap"))?;
            found.map(|found| {
                let data = found.data.unwrap_or_default().into_iter();
                let data = data
                    .filter(|(key, _)| keys.contains(key))
                    .map(|(key, value)| (key, value.into_bytes()))
                    .collect();
                Contents::new(data, found.metadata)
            })
        }
    })
}
