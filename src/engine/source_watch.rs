//! Watches Secrets and `ConfigMap`s by their metadata, and wakes the objects that read one which changed, appeared or
//! disappeared. It holds sixteen bytes for each of them, whatever they contain.

use std::{collections::HashMap, fmt::Debug, pin::pin, sync::Arc};

use futures::{Stream, StreamExt, future::join_all};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{ConfigMap, Secret},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt,
        watcher::{Event, watcher},
    },
};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    controller::{WatchBackoff, watch_config},
    index::SourceId,
    object::version,
    scope::Scope,
    secrets::SourceKind,
    watched::Watched,
};

/// Objects in one page of a list. Others decide how large their annotations are, and a page is held while it is decoded.
const PAGE: u32 = 50;

/// The watch on everything that objects read.
pub struct SourceWatch {
    /// Ends only with the process.
    pub task: JoinHandle<()>,
    listed: watch::Receiver<usize>,
    /// How many lists there are.
    lists: usize,
}

/// Starts the watch. It reads metadata only: no value of a Secret is ever held for its own sake.
pub fn start(client: &Client, scope: &Scope, kinds: Arc<[Arc<dyn Watched>]>) -> SourceWatch {
    let (list, listed) = watch::channel(0);
    let (secrets, config_maps) = (scope.apis(client), scope.apis(client));
    let lists = secrets.len() + config_maps.len();
    let task = tokio::spawn(async move {
        let secrets = secrets
            .into_iter()
            .map(|api| follow::<Secret>(api, SourceKind::Secret, &kinds, &list));
        let config_maps = config_maps
            .into_iter()
            .map(|api| follow::<ConfigMap>(api, SourceKind::ConfigMap, &kinds, &list));
        tokio::join!(join_all(secrets), join_all(config_maps));
    });
    SourceWatch { task, listed, lists }
}

impl SourceWatch {
    /// Waits until all lists are known: a source that is read before could change without anybody being woken.
    pub async fn listed(&self) {
        // An error means that the task is gone, which its handle tells.
        let _ = self.listed.clone().wait_for(|listed| *listed >= self.lists).await;
    }
}

async fn follow<S>(
    api: Api<PartialObjectMeta<S>>,
    kind: SourceKind,
    kinds: &[Arc<dyn Watched>],
    list: &watch::Sender<usize>,
) where
    S: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + 'static,
{
    let mut known = false;
    let events = watcher(api, watch_config(PAGE))
        .inspect(move |event| {
            if let Err(error) = event {
                tracing::warn!(?kind, %error, "the watch on sources failed and is resumed");
            }
        })
        .backoff(WatchBackoff::default())
        .filter_map(|event| std::future::ready(event.ok()))
        .inspect(move |event| {
            if matches!(event, Event::InitDone) && !known {
                known = true;
                list.send_modify(|listed| *listed += 1);
            }
        });
    let mut changes = pin!(changes(events, kind));
    while let Some(source) = changes.next().await {
        for kind in kinds {
            kind.source_changed(source);
        }
    }
}

type Versions = HashMap<SourceId, u64>;

/// What changed, from the events of a watch. The first list is what objects read anyway; a later list yields only the
/// differences.
fn changes<S>(events: impl Stream<Item = Event<PartialObjectMeta<S>>>, kind: SourceKind) -> impl Stream<Item = SourceId>
where
    S: Resource<DynamicType = ()> + 'static,
{
    let mut known: Option<Versions> = None;
    let mut listed = Versions::new();
    let id = move |object: &PartialObjectMeta<S>| {
        SourceId::new(kind, &object.namespace().unwrap_or_default(), &object.name_any())
    };
    events.flat_map(move |event| {
        let differing = match event {
            Event::Init => {
                listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                listed.insert(id(&object), version(&object).unwrap_or_default());
                Vec::new()
            }
            Event::InitDone => {
                let mut list = std::mem::take(&mut listed);
                list.shrink_to_fit();
                let before = known.replace(list);
                before
                    .map(|before| differences(&before, known.as_ref()))
                    .unwrap_or_default()
            }
            Event::Apply(object) => {
                let (id, version) = (id(&object), version(&object).unwrap_or_default());
                let before = known.get_or_insert_default().insert(id, version);
                if before == Some(version) { Vec::new() } else { vec![id] }
            }
            Event::Delete(object) => {
                let id = id(&object);
                known.get_or_insert_default().remove(&id);
                vec![id]
            }
        };
        futures::stream::iter(differing)
    })
}

fn differences(before: &Versions, now: Option<&Versions>) -> Vec<SourceId> {
    let empty = Versions::new();
    let now = now.unwrap_or(&empty);
    let gone = before.keys().filter(|id| !now.contains_key(*id));
    let other = now
        .iter()
        .filter(|(id, version)| before.get(*id) != Some(*version))
        .map(|(id, _)| id);
    gone.chain(other).copied().collect()
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

    async fn changed(events: Vec<Event<PartialObjectMeta<Secret>>>) -> Vec<SourceId> {
        let changes = changes(futures::stream::iter(events), SourceKind::Secret);
        let mut ids: Vec<_> = changes.collect().await;
        ids.sort();
        ids
    }

    fn ids(names: &[&str]) -> Vec<SourceId> {
        let ids = names.iter().map(|name| SourceId::new(SourceKind::Secret, "team", name));
        let mut ids: Vec<_> = ids.collect();
        ids.sort();
        ids
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
        assert_eq!(changed(events).await, ids(&["a", "b", "b"]));
    }

    #[tokio::test]
    async fn a_later_list_yields_only_what_differs() {
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
        assert_eq!(changed(events).await, ids(&["edited", "gone", "new"]));
    }
}
