//! What the operator knows of Secrets and `ConfigMap`s beside their values: the version of each, by the metadata watch.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;

use super::{
    Error,
    index::SourceId,
    secrets::{SecretUse, SourceKind},
    source_read::{Contents, Reads, SharedRead},
    stable_hash::stable_hash,
};

/// One watch on sources: their kind, and its number among those of the kind, one for each watched namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Kind of the sources.
    pub kind: SourceKind,
    /// Number of the watch.
    pub watch: usize,
}

/// Versions by source. Sixteen bytes for each, whatever it contains.
pub type Versions = HashMap<SourceId, u64>;

/// Stands for one state of one Secret or `ConfigMap`: its uid and resource version.
pub fn version(metadata: &ObjectMeta) -> u64 {
    let parts = [&metadata.uid, &metadata.resource_version];
    stable_hash(parts.map(|part| part.as_deref().unwrap_or_default()))
}

/// Versions of all Secrets and `ConfigMap`s, and reads of their values that several reconciles share. Clones are the same.
#[derive(Clone, Default)]
pub struct Sources(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// By watch; none before its first list.
    secrets: RwLock<HashMap<usize, Versions>>,
    /// By watch; none before its first list.
    config_maps: RwLock<HashMap<usize, Versions>>,
    reads: Reads,
}

impl Sources {
    /// The version of this source; `None` where it does not exist or the watch has not listed it yet.
    pub fn version(&self, kind: SourceKind, namespace: &str, name: &str) -> Option<u64> {
        let id = SourceId::new(kind, namespace, name);
        self.read(kind).values().find_map(|versions| versions.get(&id).copied())
    }

    /// Stands for the present versions of everything that these uses read; `None` where one of them is not known.
    pub fn state(&self, namespace: &str, uses: &[SecretUse]) -> Option<u64> {
        state_of(uses, |kind, name| self.version(kind, namespace, name))
    }

    /// Takes in a whole list of one watch; what differs from the one before. The first list is what objects read anyway.
    pub(super) fn listed(&self, part: Part, list: Versions) -> Vec<SourceId> {
        let before = self.write(part.kind).insert(part.watch, list);
        let Some(before) = before else { return Vec::new() };
        let now = self.read(part.kind);
        let now = now.get(&part.watch);
        let present = |id: &SourceId| now.and_then(|now| now.get(id));
        let gone = before.keys().filter(|id| present(id).is_none());
        let changed = now.into_iter().flatten();
        let changed = changed.filter(|(id, version)| before.get(*id) != Some(*version));
        gone.chain(changed.map(|(id, _)| id)).copied().collect()
    }

    /// Takes in one source; whether that is news.
    pub(super) fn applied(&self, part: Part, id: SourceId, version: u64) -> bool {
        let before = self.write(part.kind).entry(part.watch).or_default().insert(id, version);
        before != Some(version)
    }

    /// Takes in that a source is gone.
    pub(super) fn deleted(&self, part: Part, id: SourceId) {
        self.write(part.kind).entry(part.watch).or_default().remove(&id);
    }

    /// The keys that are used of one source; `None` where it does not exist. Reconciles that hold the read at the same time
    /// share it, unless the watch knows another version by now.
    pub(super) async fn contents(
        &self,
        client: &Client,
        namespace: &str,
        source: &SecretUse,
        keys: Vec<String>,
    ) -> Result<(Arc<SharedRead>, Option<Arc<Contents>>), Error> {
        let current = || self.version(source.kind, namespace, &source.name);
        self.0.reads.contents(client, namespace, source, keys, current).await
    }

    fn of(&self, kind: SourceKind) -> &RwLock<HashMap<usize, Versions>> {
        match kind {
            SourceKind::Secret => &self.0.secrets,
            SourceKind::ConfigMap => &self.0.config_maps,
        }
    }

    fn read(&self, kind: SourceKind) -> RwLockReadGuard<'_, HashMap<usize, Versions>> {
        self.of(kind).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, kind: SourceKind) -> RwLockWriteGuard<'_, HashMap<usize, Versions>> {
        self.of(kind).write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for what these uses read at these versions; `None` where one of them has no version, or nothing is read.
pub(super) fn state_of(uses: &[SecretUse], version: impl Fn(SourceKind, &str) -> Option<u64>) -> Option<u64> {
    if uses.is_empty() {
        return None;
    }
    let mut parts = Vec::with_capacity(uses.len() * 4);
    for one in uses {
        let version = version(one.kind, &one.name)?;
        parts.extend([one.slot.clone(), one.name.clone(), one.key.clone()]);
        parts.push(format!("{}/{version:x}", one.kind.as_str()));
    }
    Some(stable_hash(parts.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: SourceKind = SourceKind::Secret;
    const PART: Part = Part { kind: KIND, watch: 0 };

    fn id(name: &str) -> SourceId {
        SourceId::new(KIND, "team", name)
    }

    fn list(versions: &[(&str, u64)]) -> Versions {
        versions.iter().map(|(name, version)| (id(name), *version)).collect()
    }

    #[test]
    fn a_later_list_yields_what_is_new_changed_or_gone() {
        let sources = Sources::default();
        assert!(
            sources
                .listed(PART, list(&[("same", 1), ("edited", 1), ("gone", 1)]))
                .is_empty()
        );
        let mut differing = sources.listed(PART, list(&[("same", 1), ("edited", 2), ("new", 3)]));
        differing.sort();
        let mut expected = vec![id("edited"), id("gone"), id("new")];
        expected.sort();
        assert_eq!(differing, expected);
    }

    #[test]
    fn a_state_is_known_only_once_every_source_is_and_changes_with_each() {
        let sources = Sources::default();
        let uses = [SecretUse::new("one", "a", "key"), SecretUse::new("two", "b", "key")];
        assert_eq!(sources.state("team", &uses), None, "nothing is listed");
        sources.listed(PART, list(&[("a", 1)]));
        assert_eq!(sources.state("team", &uses), None, "one does not exist");
        assert!(sources.applied(PART, id("b"), 1));
        let before = sources.state("team", &uses).unwrap();
        assert!(!sources.applied(PART, id("b"), 1));
        assert_eq!(sources.state("team", &uses), Some(before));
        assert!(sources.applied(PART, id("b"), 2));
        assert_ne!(sources.state("team", &uses), Some(before));
        assert_ne!(sources.state("team", &uses[..1]), sources.state("team", &uses));
        assert_eq!(
            sources.state("team", &[]),
            None,
            "an object that reads nothing records nothing"
        );
        sources.deleted(PART, id("b"));
        assert_eq!(sources.state("team", &uses), None);
    }

    #[test]
    fn a_list_of_one_namespace_says_nothing_of_another() {
        let sources = Sources::default();
        let other = Part { watch: 1, ..PART };
        sources.listed(PART, list(&[("a", 1)]));
        assert!(sources.listed(other, list(&[("b", 1)])).is_empty());
        assert_eq!(sources.version(KIND, "team", "a"), Some(1));
        assert_eq!(sources.listed(other, list(&[])), [id("b")]);
        assert_eq!(sources.version(KIND, "team", "a"), Some(1));
    }
}
