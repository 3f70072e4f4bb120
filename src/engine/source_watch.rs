//! Watches Secrets and `ConfigMap`s by their metadata, and wakes the objects that read one which changed, appeared or
//! disappeared. Their versions are in [`Sources`].

use std::{collections::BTreeMap, fmt::Debug, pin::pin, sync::Arc};

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
    refusals::is_forbidden,
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
    first: watch::Receiver<Firsts>,
}

/// How far the first list of a watch is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Pending,
    Listed,
    /// For want of rights, in a namespace beside others.
    Refused,
}

/// The first list of each watch, by kind and number.
type Firsts = BTreeMap<(&'static str, usize), First>;

/// Whether every list is known or refused, and one of each kind is known.
fn is_decided(first: &Firsts) -> bool {
    let listed = |kind: &str| {
        first
            .iter()
            .any(|((of, _), first)| *of == kind && *first == First::Listed)
    };
    first
        .iter()
        .all(|((kind, _), first)| *first != First::Pending && listed(kind))
}

/// Starts the watch. It reads metadata only: no value of a Secret is ever held for its own sake.
pub fn start(client: &Client, scope: &Scope, kinds: Arc<[Arc<dyn Watched>]>) -> SourceWatch {
    let (secrets, config_maps) = (scope.apis(client), scope.apis(client));
    let parts = |kind: SourceKind, count: usize| (0..count).map(move |watch| Part { kind, watch });
    let secret_parts = parts(SourceKind::Secret, secrets.len());
    let map_parts = parts(SourceKind::ConfigMap, config_maps.len());
    let all = secret_parts.clone().chain(map_parts.clone());
    let pending = all.map(|part| ((part.kind.as_str(), part.watch), First::Pending));
    let (list, first) = watch::channel(pending.collect::<Firsts>());
    let scope = scope.clone();
    let task = tokio::spawn(async move {
        let follow_secret = |(part, api)| follow::<Secret>(api, part, &scope, &kinds, &list);
        let follow_map = |(part, api)| follow::<ConfigMap>(api, part, &scope, &kinds, &list);
        let secrets = secret_parts.zip(secrets).map(follow_secret);
        let config_maps = map_parts.zip(config_maps).map(follow_map);
        tokio::join!(join_all(secrets), join_all(config_maps));
    });
    SourceWatch { task, first }
}

impl SourceWatch {
    /// Waits until all lists are known: a source that is read before could change without anybody being woken. A namespace
    /// beside others whose list is refused for want of rights is not waited for.
    pub async fn listed(&self) {
        // An error means that the task is gone, which its handle tells.
        let _ = self.first.clone().wait_for(is_decided).await;
    }
}

async fn follow<S>(
    api: Api<PartialObjectMeta<S>>,
    part: Part,
    scope: &Scope,
    kinds: &[Arc<dyn Watched>],
    list: &watch::Sender<Firsts>,
) where
    S: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Send + 'static,
{
    let kind = part.kind.as_str();
    let sources = kinds.iter().find_map(|kind| kind.sources()).unwrap_or_default();
    let place = (kind, part.watch);
    let first = move || list.borrow().get(&place).copied();
    let namespace = scope.names().get(part.watch).map(String::as_str);
    let alone = scope.names().len() < 2;
    let absent = sources.clone();
    let events = watcher(api, watch_config(PAGE))
        .inspect(move |event| match (event, namespace) {
            (Err(error), Some(namespace)) if is_forbidden(error) => {
                scope
                    .refusals()
                    .refused(namespace, kind, first() == Some(First::Listed));
                if first() == Some(First::Pending) && !alone {
                    // Objects may read a source before it is listed: its first list is news then.
                    absent.listed(part, Versions::new());
                    list.send_modify(|list| _ = list.insert(place, First::Refused));
                }
            }
            (Err(error), _) => tracing::warn!(?part, %error, "the watch on sources failed and is resumed"),
            (Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)), Some(namespace)) => {
                scope.refusals().accepted(namespace, kind);
            }
            (Ok(_), _) => {}
        })
        .backoff(WatchBackoff::default())
        .filter_map(|event| std::future::ready(event.ok()))
        .inspect(move |event| {
            if matches!(event, Event::InitDone) && first() != Some(First::Listed) {
                list.send_modify(|list| _ = list.insert(place, First::Listed));
            }
        });
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
