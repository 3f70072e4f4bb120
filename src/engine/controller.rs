//! Watches one kind and runs its passes. The only user of kube's unstable features.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
    core::DeserializeGuard,
    runtime::{
        Controller, Predicate, PredicateConfig, WatchStreamExt,
        controller::{Action, Config, Error as ControllerError},
        predicates,
        reflector::{self, ObjectRef},
        utils::Backoff,
        watcher::{self, watcher},
    },
};
use serde_json::json;
use tokio::sync::{broadcast, watch};

use super::{
    Error, Freshness, Inputs, Lane, Managed, Presence,
    context::{Context, Surroundings},
    managed::Trigger,
    objects::{Objects, reference},
    progress::is_settled,
    reconcile::{self, ReconcileError},
    source_watch::Touched,
};
use crate::crd::common::{FIELD_MANAGER, annotation};

/// Passes of one kind at once. Most of them wait for the remote side, whose own limits are on the connection.
const CONCURRENCY: u16 = 256;
/// Wait of the controller's triggers after one of their watches failed. Short, since the watches have a back-off of their
/// own and this one would hold up all of them.
const TRIGGER_BACKOFF: Duration = Duration::from_millis(500);
/// Annotation that `kubectl apply` keeps a whole copy of the object in.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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
    let predicate = predicates::generation
        .combine(predicates::finalizers)
        .combine(predicates::annotations);
    let stream = watcher(api, watcher::Config::default())
        .default_backoff()
        .modify(strip)
        .reflect(writer)
        .inspect_ok(move |event| {
            if matches!(event, watcher::Event::InitDone) {
                list.send_replace(true);
            }
        })
        .touched_objects()
        .predicate_filter(predicate, PredicateConfig::default());
    let objects = Objects::new(store.clone(), listed);
    let context = Arc::new(Context::<K>::new(around, world));
    let controller = Controller::for_stream(stream, store)
        .with_config(Config::default().concurrency(CONCURRENCY))
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

/// Drops what is large and never looked at, before it is kept.
fn strip<K: Managed>(guard: &mut DeserializeGuard<K>) {
    let meta = guard.meta_mut();
    meta.managed_fields = None;
    if let Some(annotations) = meta.annotations.as_mut() {
        annotations.remove(LAST_APPLIED);
    }
}

async fn one<K: Managed>(guard: Arc<DeserializeGuard<K>>, context: Arc<Context<K>>) -> Result<Action, ReconcileError> {
    match &guard.0 {
        Ok(object) => reconcile::reconcile(Arc::new(object.clone()), context).await,
        Err(invalid) => {
            undecodable(&context, &guard, &invalid.error).await;
            Ok(Action::await_change())
        }
    }
}

/// An object that this release cannot read: say so on it, and go on with the others.
async fn undecodable<K: Managed>(context: &Context<K>, guard: &DeserializeGuard<K>, error: &str) {
    let (name, namespace) = (guard.name_any(), guard.namespace().unwrap_or_default());
    tracing::warn!(kind = K::KIND, namespace, name, error, "an object cannot be decoded");
    let message = format!("this release of the operator cannot read the object: {error}");
    let condition = |type_: &str, status: &str| {
        json!({
            "type": type_, "status": status, "reason": "Invalid", "message": message,
            "observedGeneration": guard.meta().generation, "lastTransitionTime": jiff::Timestamp::now(),
        })
    };
    let patch = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": { "name": name },
        "status": {
            "observedGeneration": guard.meta().generation,
            "conditions": [condition("Ready", "False"), condition("Stalled", "True")],
        },
    });
    let api = Api::<kube::core::PartialObjectMeta<K>>::namespaced(context.around.client.clone(), &namespace);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    if let Err(error) = api.patch_status(&name, &params, &Patch::Apply(&patch)).await {
        tracing::warn!(kind = K::KIND, namespace, name, %error, "its status could not be written");
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
                    Trigger::Swept(connection) => unsettled(&context, &objects, &connection).await,
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
        return true;
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
    Ok(!plan.is_empty() || !shown)
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
