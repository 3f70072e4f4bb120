//! The kinds: one file each. [`start`] is the table of those that run.

pub mod connection;
pub mod dss;
pub mod dss_group;
pub mod dss_instance;
pub mod dss_user;

use std::{future::Future, pin::Pin, sync::Arc};

use futures::future::join_all;
use kube::ResourceExt;
use tokio::sync::{broadcast, watch};

use crate::{
    crd::{DssGroup, DssInstance, DssUser},
    engine::{
        Managed,
        context::Surroundings,
        controller::{self, Controlled},
        objects::Objects,
        source_watch::Touched,
    },
    registry::{ConnectionKey, Dependent, Registry, connections::Lookup, connections::Terms},
};

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// All kinds, running.
pub struct Running {
    /// Ends when every kind has stopped.
    pub passes: Task<()>,
    /// Resolves with true when every kind has its first complete list.
    pub ready: Task<bool>,
}

/// Starts every kind.
pub fn start(
    around: &Surroundings,
    registry: &Arc<Registry>,
    namespace: Option<&str>,
    touched: &broadcast::Sender<Touched>,
    stop: &watch::Receiver<bool>,
) -> Running {
    let mut starting = Starting {
        around,
        registry,
        namespace,
        touched,
        stop,
        passes: Vec::new(),
        ready: Vec::new(),
    };
    let instances = starting.watch::<DssInstance>();
    let groups = starting.watch::<DssGroup>();
    let users = starting.watch::<DssUser>();
    look_up_instances(registry, instances.objects());
    add_dependents(registry, groups.objects(), |_| false);
    add_dependents(registry, users.objects(), DssUser::needs_settings);
    starting.run(instances);
    starting.run(groups);
    starting.run(users);
    starting.running()
}

struct Starting<'a> {
    around: &'a Surroundings,
    registry: &'a Arc<Registry>,
    namespace: Option<&'a str>,
    touched: &'a broadcast::Sender<Touched>,
    stop: &'a watch::Receiver<bool>,
    passes: Vec<Task<()>>,
    ready: Vec<Task<bool>>,
}

impl Starting<'_> {
    fn watch<K: Managed<World = Registry>>(&self) -> Controlled<K> {
        controller::watch_kind(
            self.around.clone(),
            self.registry.clone(),
            self.namespace,
            self.touched.subscribe(),
        )
    }

    fn run<K: Managed<World = Registry>>(&mut self, kind: Controlled<K>) {
        let objects = kind.objects();
        self.ready.push(Box::pin(async move { objects.ready().await }));
        self.passes.push(Box::pin(kind.run(self.stop.clone())));
    }

    fn running(self) -> Running {
        let (passes, ready) = (self.passes, self.ready);
        Running {
            passes: Box::pin(async move {
                // Each in a task of its own, so that a kind that is busy holds up no other.
                let tasks: Vec<_> = passes.into_iter().map(tokio::spawn).collect();
                join_all(tasks).await;
            }),
            ready: Box::pin(async move { join_all(ready).await.into_iter().all(|ready| ready) }),
        }
    }
}

fn look_up_instances(registry: &Registry, instances: Objects<DssInstance>) {
    registry
        .dss
        .look_up_in(move |key| match instances.get(&key.namespace, &key.name) {
            Some(guard) => match &guard.0 {
                Ok(instance) => Lookup::Present(Terms {
                    allowed: instance.spec.node.allowed_namespaces.clone().unwrap_or_default(),
                }),
                // There, but unreadable: its own status says so.
                Err(_) => Lookup::Unknown,
            },
            None if instances.is_ready() => Lookup::Absent,
            None => Lookup::Unknown,
        });
}

fn add_dependents<K>(registry: &Registry, objects: Objects<K>, needs_settings: fn(&K) -> bool)
where
    K: Managed<World = Registry, ConnectionKey = ConnectionKey>,
{
    registry.dss.add_dependents(move |key| {
        objects.is_ready().then(|| {
            let guards = objects.all();
            let decoded = guards.iter().filter_map(|guard| guard.0.as_ref().ok());
            let using = decoded.filter(|object| object.connection().as_ref() == Some(key));
            using
                .map(|object| Dependent {
                    kind: K::KIND,
                    object: format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()),
                    key: object.key(),
                    needs_settings: needs_settings(object),
                })
                .collect()
        })
    });
}
