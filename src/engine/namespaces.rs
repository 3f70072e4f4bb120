//! Namespaces, watched by their metadata: labels, which may decide who uses a connection, and the default deletion policy.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use futures::{StreamExt, future::join_all};
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::LabelSelector};
use kube::{
    Api, Client, ResourceExt,
    core::{PartialObjectMeta, Selector, SelectorExt},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tokio::{sync::watch, task::JoinHandle};

use super::{controller::WatchBackoff, refusals::is_forbidden, scope::Scope, watched::Watched};
use crate::crd::common::{DeletionPolicy, annotation};

/// Objects in one page of a list.
const PAGE: u32 = 50;
/// Most bytes of the labels of one namespace. A namespace with more matches no selector.
const MOST_BYTES: usize = 16 << 10;

/// What is known of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    /// `None`: too large.
    labels: Option<BTreeMap<String, String>>,
    default_deletion: Option<String>,
}

impl Known {
    fn new(namespace: &PartialObjectMeta<Namespace>) -> Self {
        let labels = namespace.labels();
        let bytes: usize = labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        let policy = namespace.annotations().get(annotation::DEFAULT_DELETION_POLICY);
        Self {
            labels: (bytes <= MOST_BYTES).then(|| labels.clone()),
            default_deletion: policy.map(|policy| super::status::cut(policy.clone(), 64)),
        }
    }
}

/// Whether a selector matches a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The watch has not brought the namespace yet.
    Unknown,
    /// The operator may not read the namespace.
    Forbidden,
}

#[derive(Default)]
struct State {
    known: RwLock<HashMap<String, Known>>,
    /// The watches that are refused: each by the namespace that it is about, `None` for all.
    forbidden: Mutex<HashSet<Option<String>>>,
}

/// The watched namespaces. Clones share them.
#[derive(Clone, Default)]
pub struct Namespaces(Arc<State>);

impl Namespaces {
    /// Whether the labels of the namespace match. A selector that cannot be read matches nothing.
    pub fn matches(&self, selector: &LabelSelector, namespace: &str) -> Match {
        let Ok(selector) = selector_of(selector) else {
            return Match::No;
        };
        match self.read().get(namespace) {
            Some(known) => match &known.labels {
                Some(labels) if selector.matches(labels) => Match::Yes,
                _ => Match::No,
            },
            None if self.is_forbidden(namespace) => Match::Forbidden,
            None => Match::Unknown,
        }
    }

    /// What the annotation of the namespace says about deletions.
    ///
    /// # Errors
    /// It names no policy.
    pub fn default_deletion(&self, namespace: &str) -> Result<Option<DeletionPolicy>, String> {
        let known = self.read();
        let Some(named) = known.get(namespace).and_then(|known| known.default_deletion.as_ref()) else {
            return Ok(None);
        };
        DeletionPolicy::named(named).map(Some).ok_or_else(|| {
            format!(
                "the annotation {} of namespace {namespace} is none of Delete, Disable and Retain",
                annotation::DEFAULT_DELETION_POLICY
            )
        })
    }

    /// Takes in a namespace; whether anything that matters changed.
    fn apply(&self, namespace: &PartialObjectMeta<Namespace>) -> bool {
        let now = Known::new(namespace);
        let before = self.write().insert(namespace.name_any(), now.clone());
        before.as_ref() != Some(&now)
    }

    fn is_forbidden(&self, namespace: &str) -> bool {
        let forbidden = self.forbidden();
        forbidden.contains(&None) || forbidden.contains(&Some(namespace.to_owned()))
    }

    /// Notes whether the apiserver refuses the watch on this namespace, or on all; whether that is news.
    fn forbid(&self, only: Option<&str>, refused: bool) -> bool {
        let only = only.map(str::to_owned);
        if refused {
            self.forbidden().insert(only)
        } else {
            self.forbidden().remove(&only)
        }
    }

    fn forbidden(&self) -> MutexGuard<'_, HashSet<Option<String>>> {
        self.0.forbidden.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Known>> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Known>> {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The selector, if it can be read.
///
/// # Errors
/// An expression has an operator that does not exist, or lacks values.
pub fn selector_of(selector: &LabelSelector) -> Result<Selector, String> {
    for one in selector.match_expressions.iter().flatten() {
        let empty = one.values.as_ref().is_none_or(Vec::is_empty);
        if matches!(one.operator.as_str(), "In" | "NotIn") && empty {
            return Err(format!("{} {} has no values", one.key, one.operator));
        }
    }
    Selector::try_from(selector.clone()).map_err(|error| error.to_string())
}

/// The watch on namespaces.
pub struct NamespaceWatch {
    /// Ends only with the process.
    pub task: JoinHandle<()>,
    listed: Vec<watch::Receiver<bool>>,
}

impl NamespaceWatch {
    /// Waits until each first list is complete, or refused.
    pub async fn listed(&self) {
        for listed in &self.listed {
            // An error means that the task is gone, which its handle tells.
            let _ = listed.clone().wait_for(|listed| *listed).await;
        }
    }
}

/// Starts the watch: one for all namespaces, or one for each of those that the operator watches, since a selector of fields
/// names one.
pub fn start(
    client: &Client,
    scope: &Scope,
    namespaces: &Namespaces,
    kinds: &Arc<[Arc<dyn Watched>]>,
) -> NamespaceWatch {
    let names = scope.names().iter().map(|name| Some(name.clone()));
    let names: Vec<_> = if scope.names().is_empty() {
        vec![None]
    } else {
        names.collect()
    };
    let (mut watches, mut listed) = (Vec::new(), Vec::new());
    for only in names {
        let (list, first) = watch::channel(false);
        listed.push(first);
        let (client, namespaces, kinds) = (client.clone(), namespaces.clone(), kinds.clone());
        watches.push(async move { follow(client, only.as_deref(), &namespaces, &kinds, &list).await });
    }
    let task = tokio::spawn(async move {
        join_all(watches).await;
    });
    NamespaceWatch { task, listed }
}

/// `only`: the namespace that this watch is about.
async fn follow(
    client: Client,
    only: Option<&str>,
    namespaces: &Namespaces,
    kinds: &[Arc<dyn Watched>],
    list: &watch::Sender<bool>,
) {
    let mut config = watcher::Config::default().page_size(PAGE);
    if let Some(only) = only {
        config = config.fields(&format!("metadata.name={only}"));
    }
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
    let events = watcher(api, config)
        .inspect(|event| match event {
            Err(error) if is_forbidden(error) => {
                if namespaces.forbid(only, true) {
                    tracing::warn!(
                        namespace = only.unwrap_or("all"),
                        "the operator may not read the namespace: no selector matches it, and its default deletion policy \
                         does not apply"
                    );
                }
                list.send_replace(true);
            }
            Err(error) => tracing::warn!(%error, "the watch on namespaces failed and is resumed"),
            Ok(_) => {}
        })
        .backoff(WatchBackoff::default());
    let mut events = pin!(events);
    let mut listing: HashSet<String> = HashSet::new();
    while let Some(event) = events.next().await {
        let woken: Vec<String> = match event {
            Ok(Event::Init) => {
                listing.clear();
                Vec::new()
            }
            Ok(Event::InitApply(namespace)) => {
                listing.insert(namespace.name_any());
                changed(namespaces, &namespace)
            }
            Ok(Event::InitDone) => {
                namespaces.forbid(only, false);
                let gone = forget_others(namespaces, only, &listing);
                list.send_replace(true);
                gone
            }
            Ok(Event::Apply(namespace)) => changed(namespaces, &namespace),
            Ok(Event::Delete(namespace)) => {
                namespaces.write().remove(&namespace.name_any());
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        for name in &woken {
            for kind in kinds {
                kind.namespace_changed(name);
            }
        }
    }
}

fn changed(namespaces: &Namespaces, namespace: &PartialObjectMeta<Namespace>) -> Vec<String> {
    let changed = namespaces.apply(namespace);
    changed.then(|| namespace.name_any()).into_iter().collect()
}

/// Forgets the namespaces that a list does not have any more: a list of all of them, or of one.
fn forget_others(namespaces: &Namespaces, only: Option<&str>, listed: &HashSet<String>) -> Vec<String> {
    let mut gone = Vec::new();
    namespaces.write().retain(|name, _| {
        let stays = listed.contains(name) || only.is_some_and(|only| only != name);
        if !stays {
            gone.push(name.clone());
        }
        stays
    });
    gone
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn namespace(name: &str, metadata: &Value) -> PartialObjectMeta<Namespace> {
        let mut object = json!({ "metadata": metadata });
        object["metadata"]["name"] = json!(name);
        serde_json::from_value(object).unwrap()
    }

    fn selector(selector: Value) -> LabelSelector {
        serde_json::from_value(selector).unwrap()
    }

    #[test]
    fn a_selector_matches_the_labels_that_the_watch_brought_last() {
        let namespaces = Namespaces::default();
        let team = selector(json!({ "matchLabels": { "team": "risk" } }));
        assert_eq!(namespaces.matches(&team, "a"), Match::Unknown);
        assert!(namespaces.apply(&namespace("a", &json!({ "labels": { "team": "risk" } }))));
        assert!(!namespaces.apply(&namespace(
            "a",
            &json!({ "labels": { "team": "risk" }, "annotations": { "x": "y" } })
        )));
        assert_eq!(namespaces.matches(&team, "a"), Match::Yes);
        let not = selector(json!({ "matchExpressions": [{ "key": "team", "operator": "NotIn", "values": ["risk"] }] }));
        assert_eq!(namespaces.matches(&not, "a"), Match::No);
        assert!(namespaces.apply(&namespace("a", &json!({}))));
        assert_eq!(namespaces.matches(&team, "a"), Match::No);
        assert_eq!(namespaces.matches(&selector(json!({})), "a"), Match::Yes);
    }

    #[test]
    fn a_selector_that_cannot_be_read_and_labels_that_are_too_large_match_nothing() {
        let namespaces = Namespaces::default();
        namespaces.apply(&namespace("a", &json!({})));
        for expression in [
            json!({ "key": "team", "operator": "Resembles", "values": ["x"] }),
            json!({ "key": "team", "operator": "NotIn" }),
            json!({ "key": "team", "operator": "NotIn", "values": [] }),
        ] {
            let unreadable = selector(json!({ "matchExpressions": [expression] }));
            assert!(selector_of(&unreadable).is_err());
            assert_eq!(namespaces.matches(&unreadable, "a"), Match::No);
        }
        let labels: BTreeMap<String, String> = (0..400).map(|n| (format!("l{n}"), "x".repeat(63))).collect();
        namespaces.apply(&namespace("a", &json!({ "labels": labels })));
        assert_eq!(namespaces.matches(&selector(json!({})), "a"), Match::No);
    }

    #[test]
    fn a_namespace_that_may_not_be_read_says_nothing_of_another() {
        let namespaces = Namespaces::default();
        let any = selector(json!({}));
        assert!(namespaces.forbid(Some("a"), true) && !namespaces.forbid(Some("a"), true));
        assert_eq!(namespaces.matches(&any, "a"), Match::Forbidden);
        assert_eq!(namespaces.matches(&any, "b"), Match::Unknown);
        // The list of another namespace does not lift it.
        namespaces.forbid(Some("b"), false);
        assert_eq!(namespaces.matches(&any, "a"), Match::Forbidden);
        namespaces.forbid(Some("a"), false);
        assert_eq!(namespaces.matches(&any, "a"), Match::Unknown);
        namespaces.forbid(None, true);
        assert_eq!(namespaces.matches(&any, "c"), Match::Forbidden);
    }

    #[test]
    fn the_default_deletion_policy_of_a_namespace_is_one_of_three() {
        let namespaces = Namespaces::default();
        let annotated = |value: &str| {
            let annotations = json!({ "dataiku-operator.io/default-deletion-policy": value });
            namespaces.apply(&namespace("a", &json!({ "annotations": annotations })));
            namespaces.default_deletion("a")
        };
        assert_eq!(annotated("Retain"), Ok(Some(DeletionPolicy::Retain)));
        assert_eq!(annotated("delete "), Ok(Some(DeletionPolicy::Delete)));
        assert!(annotated("Retian").unwrap_err().contains("namespace a"));
        assert_eq!(namespaces.default_deletion("b"), Ok(None));
    }
}
