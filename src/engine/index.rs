//! What the objects of one kind declare, by what they refer to. The watch maintains it, so that an event costs as much as
//! the objects it concerns, and not as much as there are objects.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use jiff::Timestamp;

use super::{
    connect::{ConnectionKey, Dependent},
    object::ObjectName,
    secrets::{SecretUse, SourceKind},
};

/// Stands for one Secret or `ConfigMap`: a hash, since the operator sees all of the cluster and cares for few. A collision
/// costs a reconcile without work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u64);

impl SourceId {
    /// The source of this kind, namespace and name.
    pub fn new(kind: SourceKind, namespace: &str, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (kind, namespace, name).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Entries of one part of a shared document that an object declares and owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The part of the document, such as a blueprint and a role.
    pub place: String,
    /// Whether the object wants no other entries there.
    pub exclusive: bool,
    /// Entries that it declares; none while it is being deleted or only observes.
    pub declared: BTreeSet<String>,
    /// Entries that it put there, by its record.
    pub owned: BTreeSet<String>,
}

/// An object with a claim.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// The object.
    pub name: ObjectName,
    /// When it was created: of two claims that exclude each other, the older one counts.
    pub created: Timestamp,
    /// Its claim.
    pub claim: Arc<Claim>,
}

impl Claimant {
    /// Whether this claim counts where the two exclude each other (`api.md` 8.14).
    pub fn precedes(&self, created: Timestamp, name: &ObjectName) -> bool {
        (self.created, &self.name) < (created, name)
    }
}

/// What one object refers to.
pub struct Facts {
    /// The connection that it uses.
    pub connection: Option<ConnectionKey>,
    /// Secrets and `ConfigMap`s that it reads.
    pub sources: Vec<SecretUse>,
    /// Its claims.
    pub claims: Vec<Claim>,
    /// Hash of the key of its remote object, as the remote side compares it; `None` for an object without one.
    pub key: Option<u64>,
    /// When it was created.
    pub created: Timestamp,
}

/// Hash of a key for [`Facts::key`].
pub fn key_hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

type Place = (ConnectionKey, String);

#[derive(Default)]
struct State {
    sources: HashMap<SourceId, Vec<ObjectName>>,
    /// Objects by the hash of their remote key.
    keys: HashMap<u64, Vec<ObjectName>>,
    places: HashMap<Place, BTreeMap<ObjectName, Claimant>>,
    /// Objects by a declared or owned entry of a place.
    entries: HashMap<Place, HashMap<String, HashSet<ObjectName>>>,
    /// Names of the objects that cannot be decoded, by namespace.
    undecodable: HashMap<Arc<str>, HashSet<Arc<str>>>,
}

/// The index of one kind.
#[derive(Default)]
pub struct Index(RwLock<State>);

impl Index {
    /// Replaces what is known of an object.
    pub fn update(&self, name: &ObjectName, before: Option<&Facts>, now: Option<&Facts>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = before {
            remove(&mut state, name, before);
        }
        if let Some(now) = now {
            insert(&mut state, name, now);
        }
    }

    /// Notes whether an object cannot be decoded, so that nobody knows what it refers to.
    pub fn note_undecodable(&self, name: &ObjectName, undecodable: bool) {
        let known = |state: &State| {
            let names = state.undecodable.get(&name.namespace);
            names.is_some_and(|names| names.contains(&name.name))
        };
        if known(&self.read()) == undecodable {
            return;
        }
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let names = state.undecodable.entry(name.namespace.clone()).or_default();
        if undecodable {
            names.insert(name.name.clone());
        } else {
            names.remove(&name.name);
        }
        if names.is_empty() {
            state.undecodable.remove(&name.namespace);
        }
    }

    /// Replaces everything by these objects and those that cannot be decoded.
    pub fn rebuild<'a>(
        &self,
        objects: impl Iterator<Item = (&'a ObjectName, &'a Facts)>,
        undecodable: impl Iterator<Item = ObjectName>,
    ) {
        let mut state = State::default();
        for (name, facts) in objects {
            insert(&mut state, name, facts);
        }
        for name in undecodable {
            state.undecodable.entry(name.namespace).or_default().insert(name.name);
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Objects that read this source.
    pub fn readers(&self, source: SourceId) -> Vec<ObjectName> {
        self.read().sources.get(&source).cloned().unwrap_or_default()
    }

    /// Objects whose remote key has this hash.
    pub fn with_key(&self, key: u64) -> Vec<ObjectName> {
        self.read().keys.get(&key).cloned().unwrap_or_default()
    }

    /// The claims of other objects than `own` on the places of one connection. `admits` tells from which namespaces
    /// claims count; objects that cannot be decoded may claim anything. Costs one question for each namespace with such
    /// an object, whatever the number of objects.
    pub fn claims<'a>(
        &'a self,
        connection: ConnectionKey,
        own: ObjectName,
        admits: Box<dyn Fn(&str) -> bool + Send + Sync + 'a>,
    ) -> Claims<'a> {
        let incomplete = self.read().undecodable.keys().any(|namespace| admits(namespace));
        Claims {
            index: Some(self),
            connection,
            own,
            admits,
            allowed: None,
            among: None,
            incomplete,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn insert(state: &mut State, name: &ObjectName, facts: &Facts) {
    for source in &facts.sources {
        let id = SourceId::new(source.kind, &name.namespace, &source.name);
        let readers = state.sources.entry(id).or_default();
        if !readers.contains(name) {
            readers.push(name.clone());
        }
    }
    if let Some(key) = facts.key {
        let objects = state.keys.entry(key).or_default();
        if !objects.contains(name) {
            objects.push(name.clone());
        }
    }
    let Some(connection) = &facts.connection else { return };
    for claim in &facts.claims {
        let place = (connection.clone(), claim.place.clone());
        let entries = state.entries.entry(place.clone()).or_default();
        for entry in claim.declared.union(&claim.owned) {
            entries.entry(entry.clone()).or_default().insert(name.clone());
        }
        let claimant = Claimant {
            name: name.clone(),
            created: facts.created,
            claim: Arc::new(claim.clone()),
        };
        state.places.entry(place).or_default().insert(name.clone(), claimant);
    }
}

fn remove(state: &mut State, name: &ObjectName, facts: &Facts) {
    for source in &facts.sources {
        let id = SourceId::new(source.kind, &name.namespace, &source.name);
        if let Some(readers) = state.sources.get_mut(&id) {
            readers.retain(|reader| reader != name);
            if readers.is_empty() {
                state.sources.remove(&id);
            }
        }
    }
    if let Some(key) = facts.key
        && let Some(objects) = state.keys.get_mut(&key)
    {
        objects.retain(|object| object != name);
        if objects.is_empty() {
            state.keys.remove(&key);
        }
    }
    let Some(connection) = &facts.connection else { return };
    for claim in &facts.claims {
        let place = (connection.clone(), claim.place.clone());
        if let Some(entries) = state.entries.get_mut(&place) {
            for entry in claim.declared.union(&claim.owned) {
                if let Some(objects) = entries.get_mut(entry) {
                    objects.remove(name);
                    if objects.is_empty() {
                        entries.remove(entry);
                    }
                }
            }
            if entries.is_empty() {
                state.entries.remove(&place);
            }
        }
        if let Some(claimants) = state.places.get_mut(&place) {
            claimants.remove(name);
            if claimants.is_empty() {
                state.places.remove(&place);
            }
        }
    }
}

/// Whether an object of this name may declare what it declares.
pub type Allows<'a> = Box<dyn Fn(&ObjectName) -> bool + Send + Sync + 'a>;

/// The claims of all other objects on one connection, as one object asks for them.
pub struct Claims<'a> {
    index: Option<&'a Index>,
    connection: ConnectionKey,
    own: ObjectName,
    admits: Box<dyn Fn(&str) -> bool + Send + Sync + 'a>,
    allowed: Option<Allows<'a>>,
    among: Option<Among<'a>>,
    incomplete: bool,
}

/// All objects of one connection; `None`: not all are known yet.
pub type Among<'a> = Box<dyn Fn() -> Option<Vec<Dependent>> + Send + Sync + 'a>;

impl<'a> Claims<'a> {
    /// The same claims, among these objects of the connection.
    #[must_use]
    pub fn among(self, among: Among<'a>) -> Self {
        Self {
            among: Some(among),
            ..self
        }
    }

    /// The same claims, incomplete in any case where `hidden` is true: there may be objects that nobody may list.
    #[must_use]
    pub(super) fn incomplete_where(self, hidden: bool) -> Self {
        Self {
            incomplete: self.incomplete || hidden,
            ..self
        }
    }

    /// The same claims without those of objects that may not declare what they declare.
    #[must_use]
    pub fn only(self, allowed: Allows<'a>) -> Self {
        Self {
            allowed: Some(allowed),
            ..self
        }
    }
}

impl Claims<'_> {
    /// No other object claims anything.
    pub fn none(own: ObjectName) -> Claims<'static> {
        Claims {
            index: None,
            connection: ConnectionKey::default(),
            own,
            admits: Box::new(|_| true),
            allowed: None,
            among: None,
            incomplete: false,
        }
    }

    /// All objects of the connection, of every kind; `None`: not all are known yet. Each call walks through all of them.
    pub fn dependents(&self) -> Option<Vec<Dependent>> {
        self.among.as_ref().map_or_else(|| Some(Vec::new()), |among| among())
    }

    /// Whether objects that cannot be read or listed may claim more.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Other objects that declare or own this entry.
    pub fn of_entry(&self, place: &str, entry: &str) -> Vec<Claimant> {
        let Some(index) = self.index else { return Vec::new() };
        let state = index.read();
        let place = (self.connection.clone(), place.to_owned());
        let Some(objects) = state.entries.get(&place).and_then(|entries| entries.get(entry)) else {
            return Vec::new();
        };
        let claimants = state.places.get(&place);
        let found = objects.iter().filter(|name| self.counts(name));
        found.filter_map(|name| claimants?.get(name).cloned()).collect()
    }

    /// Whether another object declares this entry.
    pub fn declares(&self, place: &str, entry: &str) -> bool {
        let mut claimants = self.of_entry(place, entry).into_iter();
        claimants.any(|one| one.claim.declared.contains(entry))
    }

    /// Whether another object put this entry there.
    pub fn owns(&self, place: &str, entry: &str) -> bool {
        let mut claimants = self.of_entry(place, entry).into_iter();
        claimants.any(|one| one.claim.owned.contains(entry))
    }

    /// Whether another object declares this entry and put it there: it withdraws the entry when it goes.
    pub fn takes_over(&self, place: &str, entry: &str) -> bool {
        let mut claimants = self.of_entry(place, entry).into_iter();
        claimants.any(|one| one.claim.declared.contains(entry) && one.claim.owned.contains(entry))
    }

    /// The oldest other object that wants no other entries in this place.
    pub fn exclusive(&self, place: &str) -> Option<Claimant> {
        let state = self.index?.read();
        let claimants = state.places.get(&(self.connection.clone(), place.to_owned()))?;
        let exclusive = claimants
            .values()
            .filter(|one| one.claim.exclusive && self.counts(&one.name));
        exclusive.min_by_key(|one| (one.created, one.name.clone())).cloned()
    }

    fn counts(&self, name: &ObjectName) -> bool {
        *name != self.own && (self.admits)(&name.namespace) && self.allowed.as_ref().is_none_or(|allowed| allowed(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> ObjectName {
        ObjectName {
            namespace: "team".into(),
            name: name.into(),
        }
    }

    fn facts(secret: &str, declared: &[&str], owned: &[&str]) -> Facts {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Facts {
            connection: Some(ConnectionKey::new("team", "govern")),
            sources: vec![SecretUse::new("password", secret, "password")],
            claims: vec![Claim {
                place: "bp/role".into(),
                exclusive: false,
                declared: set(declared),
                owned: set(owned),
            }],
            key: Some(key_hash(secret)),
            created: Timestamp::UNIX_EPOCH,
        }
    }

    fn readers(index: &Index, secret: &str) -> Vec<String> {
        let source = SourceId::new(SourceKind::Secret, "team", secret);
        index.readers(source).iter().map(|one| one.name.to_string()).collect()
    }

    #[test]
    fn an_update_moves_an_object_from_its_old_sources_and_entries_to_its_new_ones() {
        let index = Index::default();
        let (old, new) = (facts("one", &["a"], &[]), facts("two", &["b"], &["a"]));
        index.update(&name("x"), None, Some(&old));
        assert_eq!(readers(&index, "one"), ["x"]);
        index.update(&name("x"), Some(&old), Some(&new));
        assert!(readers(&index, "one").is_empty());
        assert_eq!(readers(&index, "two"), ["x"]);
        let seen = |own: &str| {
            let connection = ConnectionKey::new("team", "govern");
            let claims = index.claims(connection, name(own), Box::new(|_| true));
            (
                claims.declares("bp/role", "a"),
                claims.owns("bp/role", "a"),
                claims.declares("bp/role", "b"),
            )
        };
        assert_eq!(seen("y"), (false, true, true));
        assert_eq!(seen("x"), (false, false, false), "its own claims are no other's");
        index.update(&name("x"), Some(&new), None);
        assert_eq!(seen("y"), (false, false, false));
        let state = index.read();
        assert!(
            state.keys.is_empty() && state.sources.is_empty() && state.places.is_empty() && state.entries.is_empty()
        );
    }

    #[test]
    fn claims_count_only_from_namespaces_that_the_connection_allows() {
        let index = Index::default();
        index.update(&name("x"), None, Some(&facts("one", &["a"], &[])));
        let connection = ConnectionKey::new("team", "govern");
        index.note_undecodable(&name("z"), true);
        let claims = index.claims(connection, name("y"), Box::new(|_| false));
        assert!(!claims.declares("bp/role", "a") && !claims.is_incomplete());
    }

    #[test]
    fn what_an_object_asks_of_the_index_does_not_grow_with_the_number_of_objects() {
        let questions = |objects: usize, undecodable: usize| {
            let index = Index::default();
            for n in 0..objects {
                index.update(&name(&format!("x{n}")), None, Some(&facts("one", &["a"], &[])));
            }
            for n in 0..undecodable {
                index.note_undecodable(&name(&format!("z{n}")), true);
            }
            let asked = std::sync::atomic::AtomicUsize::new(0);
            let connection = ConnectionKey::new("team", "govern");
            let admits = |_: &str| {
                asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                true
            };
            let incomplete = index.claims(connection, name("y"), Box::new(admits)).is_incomplete();
            assert_eq!(incomplete, undecodable > 0);
            asked.into_inner()
        };
        assert_eq!(questions(10_000, 0), 0, "nothing is undecodable");
        assert_eq!(questions(10_000, 1_000), 1, "one namespace has what cannot be decoded");
        assert_eq!(questions(10, 1), questions(1_000, 100));
    }

    #[test]
    fn an_object_is_undecodable_until_it_can_be_decoded_or_is_gone() {
        let index = Index::default();
        let incomplete = || {
            let connection = ConnectionKey::new("team", "govern");
            index.claims(connection, name("y"), Box::new(|_| true)).is_incomplete()
        };
        for undecodable in [true, true, false, false, true] {
            index.note_undecodable(&name("z"), undecodable);
            assert_eq!(incomplete(), undecodable);
        }
        index.rebuild(std::iter::empty(), std::iter::empty());
        assert!(!incomplete());
        index.rebuild(std::iter::empty(), std::iter::once(name("z")));
        assert!(incomplete());
        index.note_undecodable(&name("z"), false);
        assert!(index.read().undecodable.is_empty());
    }
}
