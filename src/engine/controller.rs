//! Watches one kind and runs its passes. The only user of kube's unstable features.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use kube::{
    Api, Resource, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        Controller, PredicateConfig, WatchStreamExt,
        controller::{Action, Config, Error as ControllerError},
        reflector::{self, ObjectRef},
        utils::Backoff,
        watcher::{self, watcher},
    },
};
use tokio::sync::{broadcast, watch};

use super::{
    Error, Freshness, Inputs, Lane, Managed, Presence,
    changes::worth_a_pass,
    context::{Context, Surroundings},
    isolated::isolated,
    managed::Trigger,
    objects::{Objects, reference, slim},
    progress::{is_recorded, is_settled},
    reconcile::{self, ReconcileError},
    source_watch::Touched,
    undecodable,
};
use crate::crd::common::annotation;

/// Passes of one kind at once. Most of them wait for the remote side, and a connection lets only a part of them wait for
/// it, so that one that is slow leaves room for the others.
pub const PASSES: u16 = 512;
/// Wait of the controller's triggers after one of their watches failed. Short, since the watches have a back-off of their
/// own and this one would hold up all of them.
const TRIGGER_BACKOFF: Duration = Duration::from_millis(500);
/// Objects in one page of a list. A page is held several times over while it is decoded, and what that takes stays with
/// the process.
const PAGE: u32 = 100;

struct Constant(Duration);

impl Iterator for Constant {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.0)
    }
}

impl Backoff for Constant {
    fn reset(&mut self) {}
}

/// A kind that is watched but whose passes do not run yet.
pub struct Controlled<K: Managed> {
    context: Arc<Context<K>>,
    objects: Objects<K>,
    controller: Controller<DeserializeGuard<K>>,
}

/// Starts to watch a kind. Its objects can be looked up once the returned value runs.
pub fn watch_kind<K: Managed>(
    around: Surroundings,
    world: Arc<K::World>,
    namespace: Option<&str>,
    touched: broadcast::Receiver<Touched>,
) -> Controlled<K> {
    let api: Api<DeserializeGuard<K>> = match namespace {
        Some(namespace) => Api::namespaced(around.client.clone(), namespace),
        None => Api::all(around.client.clone()),
    };
    let (store, writer) = reflector::store();
    let (list, listed) = watch::channel(false);
    let objects = Objects::new(store.clone(), listed);
    let context = Arc::new(Context::<K>::new(around, world, objects.clone()));
    let watched = context.clone();
    let stream = watcher(api, watcher::Config::default().page_size(PAGE))
        .default_backoff()
        .modify(|guard| slim(guard.meta_mut()))
        .reflect(writer)
        .inspect_ok(move |event| match event {
            watcher::Event::InitDone => {
                list.send_replace(true);
            }
            watcher::Event::Apply(DeserializeGuard(Ok(object)))
            | watcher::Event::InitApply(DeserializeGuard(Ok(object))) => watched.brought(object),
            _ => {}
        })
        .touched_objects()
        .predicate_filter(worth_a_pass(), PredicateConfig::default());
    let controller = Controller::for_stream(stream, store)
        .with_config(Config::default().concurrency(PASSES))
        .trigger_backoff(Constant(TRIGGER_BACKOFF))
        .reconcile_on(connection_triggers(context.clone(), objects.clone()))
        .reconcile_on(source_triggers(objects.clone(), touched));
    Controlled {
        context,
        objects,
        controller,
    }
}

impl<K: Managed> Controlled<K> {
    /// The watched objects.
    pub fn objects(&self) -> Objects<K> {
        self.objects.clone()
    }

    /// Runs the passes until `stop`, then lets those under way finish.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let Self {
            context, controller, ..
        } = self;
        let (passes, policy) = (context.clone(), context.clone());
        controller
            .graceful_shutdown_on(stopped(stop))
            .run(
                move |guard, _| one(guard, passes.clone()),
                move |guard, error, _| match &guard.0 {
                    Ok(object) => reconcile::error_policy(object, error, &policy),
                    Err(_) => Action::await_change(),
                },
                Arc::new(()),
            )
            .for_each(|result| async {
                match result {
                    // The error policy has dealt with it, or the object was deleted between its event and its pass.
                    Ok(_) | Err(ControllerError::ReconcilerFailed(..) | ControllerError::ObjectNotFound(_)) => {}
                    Err(error) => tracing::warn!(kind = K::KIND, %error, "a watch failed and is resumed"),
                }
            })
            .await;
    }
}

/// Resolves once the operator is told to stop.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, and it goes only after it told.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn one<K: Managed>(guard: Arc<DeserializeGuard<K>>, context: Arc<Context<K>>) -> Result<Action, ReconcileError> {
    match &guard.0 {
        Ok(object) => reconcile::reconcile(Arc::new(object.clone()), context).await,
        Err(invalid) => Ok(Box::pin(undecodable::settle(&context, &invalid.metadata, &invalid.error)).await),
    }
}

type References<K> = BoxStream<'static, ObjectRef<DeserializeGuard<K>>>;

fn connection_triggers<K: Managed>(context: Arc<Context<K>>, objects: Objects<K>) -> References<K> {
    K::triggers(&context.world)
        .then(move |trigger| {
            let (context, objects) = (context.clone(), objects.clone());
            async move {
                match trigger {
                    Trigger::Changed(connection) => {
                        objects.picked(|object| object.connection().as_ref() == Some(&connection))
                    }
                    Trigger::Unblocked(connection) => objects
                        .picked(|object| !is_settled(object) && object.connection().as_ref() == Some(&connection)),
                    Trigger::Missed => objects.picked(|_| true),
                    Trigger::Swept(connection) => {
                        let found = isolated(
                            K::KIND,
                            async move { Ok(unsettled(&context, &objects, &connection).await) },
                        );
                        // A panic is logged where it happened; the next look at the remote side tries again.
                        found.await.unwrap_or_default()
                    }
                }
            }
        })
        .flat_map(futures::stream::iter)
        .boxed()
}

/// Objects of this connection that need a pass after a look at the remote side. No remote call.
async fn unsettled<K: Managed>(
    context: &Context<K>,
    objects: &Objects<K>,
    connection: &K::ConnectionKey,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    let mut wanted = Vec::new();
    for guard in objects.all() {
        let Ok(object) = &guard.0 else { continue };
        if object.connection().as_ref() == Some(connection) && needs_pass(context, object).await {
            wanted.push(reference(&guard));
        }
    }
    wanted
}

async fn needs_pass<K: Managed>(context: &Context<K>, object: &K) -> bool {
    if object.meta().deletion_timestamp.is_some() {
        return false;
    }
    if object
        .annotations()
        .get(annotation::PAUSED)
        .is_some_and(|value| value == "true")
    {
        return false;
    }
    if !is_settled(object) {
        return !context.is_booked(&object.uid().unwrap_or_default());
    }
    differs(context, object)
        .await
        .unwrap_or_else(|error| !matches!(error, Error::NotYet(_) | Error::ConnectionNotReady(_)))
}

/// Whether the shared list shows something else than the object says.
async fn differs<K: Managed>(context: &Context<K>, object: &K) -> Result<bool, Error> {
    object.admission(&context.world)?;
    let status = object.status();
    let inputs = Inputs::recorded(status.and_then(|status| status.applied.clone()).unwrap_or_default());
    let client = object.connect(&context.world, &inputs, Lane::Repair).await?;
    let observed = K::observe(&client, &object.key(), Freshness::Shared).await?;
    let plan = K::diff(&object.desired(&inputs)?, &observed)?;
    let remote = status.and_then(|status| status.remote.as_ref());
    let shown = match K::presence(&observed) {
        Presence::Present | Presence::Shared { .. } => remote.is_some_and(|remote| remote.seen == K::show(&observed).0),
        Presence::Absent | Presence::None => true,
    };
    // What has become ours meanwhile has to go into the record.
    let recorded = object.policies().observes() || is_recorded(object, &observed, &inputs.applied);
    // What has to wait again, since something that was there is gone, is no longer in sync.
    Ok(!plan.outstanding().is_empty() || !shown || !recorded)
}

fn source_triggers<K: Managed>(objects: Objects<K>, touched: broadcast::Receiver<Touched>) -> References<K> {
    futures::stream::unfold(touched, |mut touched| async {
        match touched.recv().await {
            Ok(one) => Some((Some(one), touched)),
            // Too many at once to name: look at every object that reads anything.
            Err(broadcast::error::RecvError::Lagged(_)) => Some((None, touched)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    })
    .flat_map(move |touched| {
        futures::stream::iter(objects.picked(|object| match &touched {
            Some(touched) => reads(object, touched),
            None => !object.sources().is_empty(),
        }))
    })
    .boxed()
}

fn reads<K: Managed>(object: &K, touched: &Touched) -> bool {
    object.namespace().as_deref() == Some(&touched.namespace)
        && object
            .sources()
            .iter()
            .any(|source| source.kind == touched.kind && source.name == touched.name)
}
