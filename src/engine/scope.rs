//! Which namespaces the operator watches, and one stream of events for a kind in all of them.

use std::{collections::BTreeMap, fmt::Debug, pin::Pin, sync::Arc};

use futures::{Stream, StreamExt, stream::select_all};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::NamespaceResourceScope,
    runtime::{
        WatchStreamExt,
        reflector::Store,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use super::{
    controller::WatchBackoff,
    object::kind,
    refusals::{Refusals, is_forbidden},
};

/// The namespaces that the operator watches: all, or those that are named. Clones share the names, and what is refused there.
#[derive(Clone, Default)]
pub struct Scope {
    names: Arc<[String]>,
    refusals: Refusals,
}

impl Scope {
    /// These namespaces, in any order; none means all.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Self {
            names: names.into(),
            refusals: Refusals::default(),
        }
    }

    /// The names, sorted; empty: all namespaces.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the apiserver refuses to list or watch in these namespaces.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Whether objects in this namespace are watched.
    pub fn contains(&self, namespace: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == namespace)
    }

    /// The API of a kind: one for all namespaces, or one for each.
    pub(super) fn apis<K>(&self, client: &Client) -> Vec<Api<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        if self.names.is_empty() {
            return vec![Api::all(client.clone())];
        }
        let names = self.names.iter();
        names.map(|name| Api::namespaced(client.clone(), name)).collect()
    }

    /// Watches a kind. Several namespaces look like one watch: a complete list begins once each namespace is listed, and again
    /// whenever one of them is listed anew, with what `known` has of the others. A namespace whose list is refused for want of
    /// rights holds up no other one; it comes with a list of its own once the rights are there. Where no namespace can be
    /// listed, there is no list.
    pub(super) fn watch<K>(
        &self,
        client: &Client,
        config: &watcher::Config,
        known: Store<K>,
    ) -> Pin<Box<dyn Stream<Item = watcher::Result<Event<K>>> + Send>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let mut watches: Vec<_> = self
            .apis(client)
            .into_iter()
            .map(|api| watcher(api, config.clone()).backoff(WatchBackoff::default()).boxed())
            .collect();
        if watches.len() == 1 {
            let (name, refusals) = (self.names.first().cloned(), self.refusals.clone());
            let mut listed = false;
            let noted = watches.remove(0).inspect(move |event| {
                let Some(name) = &name else { return };
                match event {
                    Err(error) if is_forbidden(error) => refusals.refused(name, kind::<K>(), listed),
                    // A watch that was refused goes on without another list.
                    Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => {
                        listed = true;
                        refusals.accepted(name, kind::<K>());
                    }
                    Ok(Event::Init | Event::InitApply(_)) | Err(_) => {}
                }
            });
            return Box::pin(noted);
        }
        let mut joined = Joined::new(self.clone(), known);
        let watches = watches
            .into_iter()
            .enumerate()
            .map(|(place, watch)| watch.map(move |event| (place, event)));
        let events = select_all(watches).flat_map(move |(place, event)| {
            futures::stream::iter(match event {
                Ok(event) => joined.take(place, event).into_iter().map(Ok).collect(),
                Err(error) if is_forbidden(&error) => joined.refused(place).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        });
        Box::pin(events)
    }
}

/// Watches on several namespaces as one.
struct Joined<K: Resource<DynamicType = ()> + 'static> {
    scope: Scope,
    known: Store<K>,
    /// The list of each namespace that is in progress.
    listing: Vec<Vec<K>>,
    /// Before every namespace is listed: what each has, by name.
    first: Option<Vec<Option<BTreeMap<String, K>>>>,
    /// Which namespaces were listed at least once.
    listed: Vec<bool>,
    /// Which namespaces were refused and not listed since.
    refused: Vec<bool>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Joined<K> {
    fn new(scope: Scope, known: Store<K>) -> Self {
        let count = scope.names().len();
        Self {
            scope,
            known,
            listing: (0..count).map(|_| Vec::new()).collect(),
            first: Some((0..count).map(|_| None).collect()),
            listed: vec![false; count],
            refused: vec![false; count],
        }
    }

    /// The apiserver refuses the namespace at this place. The others go on without it.
    fn refused(&mut self, place: usize) -> Vec<Event<K>> {
        self.refused[place] = true;
        let name = &self.scope.names[place];
        self.scope.refusals.refused(name, kind::<K>(), self.listed[place]);
        self.first_list()
    }

    fn accepted(&mut self, place: usize) {
        self.refused[place] = false;
        self.scope.refusals.accepted(&self.scope.names[place], kind::<K>());
    }

    /// The events that one event of the namespace at this place amounts to. Those of a list come at once, so that none of
    /// another namespace gets between them.
    fn take(&mut self, place: usize, event: Event<K>) -> Vec<Event<K>> {
        match event {
            Event::Init => self.listing[place].clear(),
            Event::InitApply(object) => self.listing[place].push(object),
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listing[place]);
                self.listed[place] = true;
                self.accepted(place);
                return self.listed(place, listed);
            }
            Event::Apply(object) => match self.before(place) {
                Some(held) => drop(held.insert(object.name_any(), object)),
                None => return vec![Event::Apply(object)],
            },
            Event::Delete(object) => match self.before(place) {
                Some(held) => drop(held.remove(&object.name_any())),
                None => return vec![Event::Delete(object)],
            },
        }
        Vec::new()
    }

    /// What the namespace has, before every namespace is listed.
    fn before(&mut self, place: usize) -> Option<&mut BTreeMap<String, K>> {
        let first = self.first.as_mut()?;
        Some(first[place].get_or_insert_default())
    }

    fn listed(&mut self, place: usize, listed: Vec<K>) -> Vec<Event<K>> {
        let Some(first) = &mut self.first else {
            let namespace = self.scope.names()[place].as_str();
            let others = self
                .known
                .state_filter(|object| object.namespace().as_deref() != Some(namespace));
            let others = others.iter().map(|object| (**object).clone());
            return complete(others.chain(listed));
        };
        first[place] = Some(listed.into_iter().map(|object| (object.name_any(), object)).collect());
        self.first_list()
    }

    /// The first complete list, once every namespace is listed or refused, and one of them listed.
    fn first_list(&mut self) -> Vec<Event<K>> {
        let decided = |listed: &Vec<Option<_>>| {
            let mut places = listed.iter().zip(&self.refused);
            listed.iter().any(Option::is_some) && places.all(|(listed, refused)| listed.is_some() || *refused)
        };
        if !self.first.as_ref().is_some_and(decided) {
            return Vec::new();
        }
        let all = self.first.take().unwrap_or_default();
        complete(all.into_iter().flatten().flat_map(BTreeMap::into_values))
    }
}

/// A complete list.
fn complete<K>(objects: impl Iterator<Item = K>) -> Vec<Event<K>> {
    let mut events = vec![Event::Init];
    events.extend(objects.map(Event::InitApply));
    events.push(Event::InitDone);
    events
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::runtime::reflector;

    use super::*;

    fn object(namespace: &str, name: &str) -> ConfigMap {
        serde_json::from_value(serde_json::json!({ "metadata": { "namespace": namespace, "name": name } })).unwrap()
    }

    fn shown(events: &[Event<ConfigMap>]) -> Vec<String> {
        let id = |object: &ConfigMap| format!("{}/{}", object.namespace().unwrap(), object.name_any());
        let event = |event: &Event<ConfigMap>| match event {
            Event::Init => "[".to_owned(),
            Event::InitApply(object) => id(object),
            Event::InitDone => "]".to_owned(),
            Event::Apply(object) => format!("+{}", id(object)),
            Event::Delete(object) => format!("-{}", id(object)),
        };
        events.iter().map(event).collect()
    }

    /// Two namespaces, and what the engine knows after each event.
    struct Two {
        joined: Joined<ConfigMap>,
        writer: reflector::store::Writer<ConfigMap>,
    }

    impl Two {
        fn new() -> Self {
            let (known, writer) = reflector::store();
            let scope = Scope::of(["red".to_owned(), "blue".to_owned()]);
            Self {
                joined: Joined::new(scope, known),
                writer,
            }
        }

        fn take(&mut self, namespace: &str, event: Event<ConfigMap>) -> Vec<String> {
            let names = self.joined.scope.names();
            let place = names.iter().position(|name| name == namespace).unwrap();
            let events = self.joined.take(place, event);
            for event in &events {
                self.writer.apply_watcher_event(event);
            }
            shown(&events)
        }

        fn list(&mut self, namespace: &str, names: &[&str]) -> Vec<String> {
            let mut all = self.take(namespace, Event::Init);
            for name in names {
                all.extend(self.take(namespace, Event::InitApply(object(namespace, name))));
            }
            all.extend(self.take(namespace, Event::InitDone));
            all
        }

        fn known(&self) -> Vec<String> {
            let mut known: Vec<_> = self
                .joined
                .known
                .state()
                .iter()
                .map(|object| format!("{}/{}", object.namespace().unwrap(), object.name_any()))
                .collect();
            known.sort();
            known
        }
    }

    #[test]
    fn nothing_shows_until_every_namespace_is_listed() {
        let mut two = Two::new();
        assert_eq!(two.list("red", &["a", "b"]), Vec::<String>::new());
        assert_eq!(two.take("red", Event::Apply(object("red", "c"))), Vec::<String>::new());
        assert_eq!(two.take("red", Event::Delete(object("red", "a"))), Vec::<String>::new());
        assert_eq!(two.list("blue", &["x"]), ["[", "blue/x", "red/b", "red/c", "]"]);
        assert_eq!(two.take("red", Event::Apply(object("red", "d"))), ["+red/d"]);
        assert_eq!(two.take("blue", Event::Delete(object("blue", "x"))), ["-blue/x"]);
        assert_eq!(two.known(), ["red/b", "red/c", "red/d"]);
    }

    #[test]
    fn a_namespace_that_is_listed_anew_forgets_its_own_and_leaves_the_others() {
        let mut two = Two::new();
        two.list("red", &["a", "b"]);
        two.list("blue", &["x"]);
        two.take("red", Event::Init);
        two.take("red", Event::InitApply(object("red", "b")));
        // In the middle of the list, the other namespace goes on.
        assert_eq!(two.take("blue", Event::Apply(object("blue", "y"))), ["+blue/y"]);
        let events = two.take("red", Event::InitDone);
        assert_eq!(events.first().map(String::as_str), Some("["));
        assert_eq!(events.last().map(String::as_str), Some("]"));
        assert_eq!(two.known(), ["blue/x", "blue/y", "red/b"]);
    }

    #[test]
    fn a_namespace_that_is_refused_holds_up_no_other_one_and_comes_with_a_list_of_its_own() {
        let mut two = Two::new();
        let refusals = two.joined.scope.refusals().clone();
        assert_eq!(
            shown(&two.joined.refused(0)),
            Vec::<String>::new(),
            "the other is not listed"
        );
        assert_eq!(two.list("red", &["a"]), ["[", "red/a", "]"]);
        assert_eq!(refusals.current(), [("blue".to_owned(), "ConfigMap")]);
        assert!(refusals.hides("blue", "ConfigMap") && !refusals.hides("red", "ConfigMap"));
        assert_eq!(shown(&two.joined.refused(0)), Vec::<String>::new(), "nothing new");
        two.list("blue", &["x"]);
        assert_eq!(two.known(), ["blue/x", "red/a"]);
        assert_eq!(refusals.current(), []);
        // Rights that are withdrawn later leave what is known.
        two.joined.refused(1);
        assert!(!refusals.hides("red", "ConfigMap"));
        assert_eq!(two.known(), ["blue/x", "red/a"]);
    }

    #[test]
    fn nothing_is_listed_where_every_namespace_is_refused() {
        let mut two = Two::new();
        assert_eq!(shown(&two.joined.refused(0)), Vec::<String>::new());
        assert_eq!(shown(&two.joined.refused(1)), Vec::<String>::new());
        assert_eq!(two.list("blue", &["x"]), ["[", "blue/x", "]"]);
    }

    #[test]
    fn a_list_that_begins_again_before_it_ends_counts_once() {
        let mut two = Two::new();
        two.take("red", Event::Init);
        two.take("red", Event::InitApply(object("red", "stale")));
        two.list("red", &["a"]);
        assert_eq!(two.list("blue", &[]), ["[", "red/a", "]"]);
    }

    #[test]
    fn a_scope_without_names_is_every_namespace() {
        assert!(Scope::default().contains("any"));
        let named = Scope::of(["b".to_owned(), "a".to_owned(), "b".to_owned()]);
        assert_eq!(named.names(), ["a", "b"]);
        assert!(named.contains("a") && !named.contains("c"));
    }
}
