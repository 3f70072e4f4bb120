//! Watches Secrets and `ConfigMap`s by metadata alone, and tells when one that was seen before changes or comes or goes.

use std::{collections::HashMap, fmt::Debug, pin::pin};

use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
};

use super::secrets::SourceKind;

/// Touched sources that may wait for a kind that is busy. Beyond that the kind looks at all its objects.
const QUEUE: usize = 1024;

/// A Secret or `ConfigMap` that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its kind.
    pub kind: SourceKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The watch on everything that objects read.
pub struct SourceWatch {
    /// Where the kinds hear of changes.
    pub touched: broadcast::Sender<Touched>,
    /// Ends only with the process.
    pub task: JoinHandle<()>,
    listed: watch::Receiver<usize>,
}

/// Starts the watch. It reads metadata only: no value of a Secret is ever held for its own sake.
pub fn start(client: Client, namespace: Option<String>) -> SourceWatch {
    let touched = broadcast::channel(QUEUE).0;
    let (list, listed) = watch::channel(0);
    let tell = touched.clone();
    let task = tokio::spawn(async move {
        let namespace = namespace.as_deref();
        let secrets = follow::<Secret>(&client, namespace, SourceKind::Secret, &tell, &list);
        let config_maps = follow::<ConfigMap>(&client, namespace, SourceKind::ConfigMap, &tell, &list);
        tokio::join!(secrets, config_maps);
    });
    SourceWatch { touched, task, listed }
}

impl SourceWatch {
    /// Waits until both lists are known: a source that is read before could change without anybody being told.
    pub async fn listed(&self) {
        // An error means that the task is gone, which its handle tells.
        let _ = self.listed.clone().wait_for(|listed| *listed >= KINDS).await;
    }
}

/// Kinds that are watched.
const KINDS: usize = 2;

async fn follow<S>(
    client: &Client,
    namespace: Option<&str>,
    kind: SourceKind,
    touched: &broadcast::Sender<Touched>,
    list: &watch::Sender<usize>,
) where
    S: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + 'static,
{
    let api: Api<PartialObjectMeta<S>> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let events =
        events.inspect_err(|error| tracing::warn!(?kind, %error, "the watch on sources failed and is resumed"));
    let mut told = false;
    let events = events
        .filter_map(|event| std::future::ready(event.ok()))
        .inspect(move |event| {
            if matches!(event, Event::InitDone) && !told {
                told = true;
                list.send_modify(|listed| *listed += 1);
            }
        });
    let mut changes = pin!(changes(events, kind));
    while let Some(change) = changes.next().await {
        // Nobody listens only while the operator stops.
        let _ = touched.send(change);
    }
}

type Versions = HashMap<(String, String), String>;

/// What changed, from the events of a watch. The first list is what the kinds read anyway; a later list tells only the
/// differences.
fn changes<S>(events: impl Stream<Item = Event<PartialObjectMeta<S>>>, kind: SourceKind) -> impl Stream<Item = Touched>
where
    S: Resource<DynamicType = ()> + 'static,
{
    let mut known: Option<Versions> = None;
    let mut listed = Versions::new();
    events.flat_map(move |event| {
        let differing = match event {
            Event::Init => {
                listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                listed.insert(place(&object), object.resource_version().unwrap_or_default());
                Vec::new()
            }
            Event::InitDone => {
                let list = std::mem::take(&mut listed);
                let before = known.replace(list);
                before
                    .map(|before| differences(&before, known.as_ref()))
                    .unwrap_or_default()
            }
            Event::Apply(object) => {
                let version = object.resource_version().unwrap_or_default();
                let before = known.get_or_insert_default().insert(place(&object), version.clone());
                if before.as_ref() == Some(&version) {
                    Vec::new()
                } else {
                    vec![place(&object)]
                }
            }
            Event::Delete(object) => {
                known.get_or_insert_default().remove(&place(&object));
                vec![place(&object)]
            }
        };
        futures::stream::iter(
            differing
                .into_iter()
                .map(move |(namespace, name)| Touched { kind, namespace, name }),
        )
    })
}

fn place(object: &impl ResourceExt) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn differences(before: &Versions, now: Option<&Versions>) -> Vec<(String, String)> {
    let empty = Versions::new();
    let now = now.unwrap_or(&empty);
    let gone = before.keys().filter(|place| !now.contains_key(*place));
    let other = now
        .iter()
        .filter(|(place, version)| before.get(*place) != Some(*version))
        .map(|(place, _)| place);
    gone.chain(other).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, version: &str) -> PartialObjectMeta<Secret> {
        serde_json::from_value(serde_json::json!({
            "metadata": { "name": name, "namespace": "team", "resourceVersion": version }
        }))
        .unwrap()
    }

    async fn told(events: Vec<Event<PartialObjectMeta<Secret>>>) -> Vec<String> {
        let changes = changes(futures::stream::iter(events), SourceKind::Secret);
        let mut names: Vec<_> = changes.map(|touched| touched.name).collect().await;
        names.sort();
        names
    }

    #[tokio::test]
    async fn the_first_list_is_no_change_and_what_follows_is() {
        let events = vec![
            Event::Init,
            Event::InitApply(secret("a", "1")),
            Event::InitDone,
            Event::Apply(secret("a", "1")),
            Event::Apply(secret("a", "2")),
            Event::Apply(secret("b", "3")),
            Event::Delete(secret("b", "4")),
        ];
        assert_eq!(told(events).await, ["a", "b", "b"]);
    }

    #[tokio::test]
    async fn a_later_list_tells_only_what_differs() {
        let events = vec![
            Event::Init,
            Event::InitApply(secret("same", "1")),
            Event::InitApply(secret("edited", "1")),
            Event::InitApply(secret("gone", "1")),
            Event::InitDone,
            Event::Init,
            Event::InitApply(secret("same", "1")),
            Event::InitApply(secret("edited", "5")),
            Event::InitApply(secret("new", "6")),
            Event::InitDone,
        ];
        assert_eq!(told(events).await, ["edited", "gone", "new"]);
    }
}
