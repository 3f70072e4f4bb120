//! Watches Secrets and `ConfigMap`s by their metadata, and wakes the objects that read one which changed, appeared or
//! disappeared. Their versions are in [`Sources`].

use std::{fmt::Debug, pin::pin, sync::Arc};

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
    scope::Scope,
    secrets::SourceKind,
    sources::{Part, Sources, Versions, version},
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
            .enumerate()
            .map(|(watch, api)| {
                (
                    Part {
                        kind: SourceKind::Secret,
                        watch,
                    },
                    api,
                )
            })
            .map(|(part, api)| follow::<Secret>(api, part, &kinds, &list));
        let config_maps = config_maps
            .into_iter()
            .enumerate()
            .map(|(watch, api)| {
                (
                    Part {
                        kind: SourceKind::ConfigMap,
                        watch,
                    },
                    api,
                )
            })
            .map(|(part, api)| follow::<ConfigMap>(api, part, &kinds, &list));
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

async fn follow<S>(api: Api<PartialObjectMeta<S>>, part: Part, kinds: &[Arc<dyn Watched>], list: &watch::Sender<usize>)
where
    S: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + 'static,
{
    let mut known = false;
    let events = watcher(api, watch_config(PAGE))
        .inspect(move |event| {
            if let Err(error) = event {
                tracing::warn!(?part, %error, "the watch on sources failed and is resumed");
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
    let sources = kinds.iter().find_map(|kind| kind.sources()).unwrap_or_default();
    let mut changes = pin!(changes(events, part, sources));
    while let Some(source) = changes.next().await {
        for kind in kinds {
            kind.source_changed(source);
        }
    }
}

/// What changed, from the events of a watch, each noted before it is yielded. The first list is what objects read anyway; a
/// later list yields only the differences.
fn changes<S>(
    events: impl Stream<Item = Event<PartialObjectMeta<S>>>,
    part: Part,
    sources: Sources,
) -> impl Stream<Item = SourceId>
where
    S: Resource<DynamicType = ()> + 'static,
{
    let mut listed = Versions::new();
    let id = move |object: &PartialObjectMeta<S>| {
        SourceId::new(part.kind, &object.namespace().unwrap_or_default(), &object.name_any())
    };
    events.flat_map(move |event| {
        let differing = match event {
            Event::Init => {
                listed.clear();
                Vec::new()
            }
            Event::InitApply(object) => {
                listed.insert(id(&object), version(&object.metadata));
                Vec::new()
            }
            Event::InitDone => {
                let mut list = std::mem::take(&mut listed);
                list.shrink_to_fit();
                sources.listed(part, list)
            }
            Event::Apply(object) => {
                let id = id(&object);
                let news = sources.applied(part, id, version(&object.metadata));
                news.then_some(id).into_iter().collect()
            }
            Event::Delete(object) => {
                let id = id(&object);
                sources.deleted(part, id);
                vec![id]
            }
        };
        futures::stream::iter(differing)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: Part = Part {
        kind: SourceKind::Secret,
        watch: 0,
    };

    fn secret(name: &str, version: &str) -> PartialObjectMeta<Secret> {
        serde_json::from_value(serde_json::json!({
            "metadata": { "name": name, "namespace": "team", "resourceVersion": version }
        }))
        .unwrap()
    }

    async fn changed(events: Vec<Event<PartialObjectMeta<Secret>>>) -> Vec<SourceId> {
        let changes = changes(futures::stream::iter(events), PART, Sources::default());
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
