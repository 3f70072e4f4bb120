//! Watches one kind and runs its reconciles. The only user of kube's unstable features.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use kube::{
    Resource,
    core::DeserializeGuard,
    runtime::{
        Controller, WatchStreamExt,
        controller::{Action, Config, Error as ControllerError},
        reflector::{self, Store},
        utils::Backoff,
        watcher,
    },
};
use tokio::sync::watch;

use super::{
    census::{Census, Group},
    connect::{ConnectionKey, Dependent, Left, Remains},
    environment::Environment,
    error::Reason,
    index::{Facts, Index, SourceId},
    memory::Memory,
    object::{ObjectName, Objects, WatchState, compact, is_deleting, is_ready, kind, slim},
    scope::Scope,
    shell::Shell,
    sources::Sources,
    trigger::Trigger,
    undecodable,
    wake::Wake,
    watched::Watched,
    work::Work,
};
use crate::crd::connection::Orphan;

/// Reconciles of one kind at once. None of them waits for a connection: those that have no place leave.
pub const RECONCILES: u16 = 512;
/// Objects in one page of a list. A page is held several times over while it is decoded, and what that takes stays with the
/// process.
const PAGE: u32 = 100;
/// Wait of the controller's triggers after one of their watches failed. Short, since the watches have a back-off of their
/// own and this one would hold up all of them.
const TRIGGER_BACKOFF: Duration = Duration::from_millis(500);
/// Objects that are compared with the lists of a sweep before other tasks get the thread.
const BATCH: usize = 64;

/// Waits between two attempts of a watch: short enough that the operator serves again within seconds of the apiserver's
/// return, whatever the length of its outage.
#[derive(Default)]
pub(super) struct WatchBackoff(u32);

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0 = self.0.saturating_add(1);
        let full = Duration::from_millis(250)
            .saturating_mul(1 << self.0.min(6))
            .min(LONGEST_WATCH_WAIT);
        Some(full.div_f64(2.0) + full.div_f64(2.0).mul_f64(rand::random()))
    }
}

const LONGEST_WATCH_WAIT: Duration = Duration::from_secs(5);

impl Backoff for WatchBackoff {
    fn reset(&mut self) {
        self.0 = 0;
    }
}

/// How a watch lists and how long it lasts. A connection that hangs is noticed once the apiserver would have ended the
/// watch; an end in time costs one request.
pub(super) fn watch_config(page: u32) -> watcher::Config {
    watcher::Config::default().page_size(page).timeout(WATCH_SECONDS)
}

const WATCH_SECONDS: u32 = 60;

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

/// A kind that is watched and whose reconciles do not run yet.
pub struct Kind<W: Work> {
    shell: Arc<Shell<W>>,
    controller: Controller<DeserializeGuard<W::Object>>,
}

/// Starts to watch a kind. Its objects are known once the returned value runs.
pub fn watch_kind<W: Work>(env: &Environment, work: W, scope: &Scope) -> Kind<W> {
    let (store, writer) = reflector::store();
    let (state, watching) = watch::channel(WatchState::Listing);
    let shell = Arc::new(Shell {
        env: env.clone(),
        work,
        objects: Objects::new(store.clone(), watching),
        index: Arc::new(Index::default()),
        census: Census::default(),
        wake: Wake::default(),
        memory: Memory::default(),
        watched: OnceLock::new(),
    });
    let watched: Arc<dyn Watched> = Arc::new(Handle(Arc::downgrade(&shell)));
    let _ = shell.watched.set(watched);
    let (before, after) = (shell.clone(), shell.clone());
    let (known, served) = (store.clone(), shell.clone());
    let stream = scope
        .watch(&env.client, &watch_config(PAGE), store.clone())
        .filter(move |event| std::future::ready(serves(&served, event)))
        .inspect(move |event| note_state(event, &state, &after))
        .modify(|guard| match &mut guard.0 {
            Ok(object) => compact(object),
            Err(undecodable) => slim(&mut undecodable.metadata),
        })
        .inspect_ok(move |event| update_index(event, &before, &known))
        .reflect(writer);
    let (indexed, listed) = (shell.clone(), store.clone());
    let trigger = Trigger::default();
    let stream = stream
        .inspect_ok(move |event| {
            if matches!(event, watcher::Event::InitDone) {
                rebuild_index(&indexed, &listed);
            }
        })
        .try_filter_map(move |event| std::future::ready(Ok(trigger.reconciles(event))));
    let wake = shell.wake.stream().map(|name| name.reference());
    let controller = Controller::for_stream(stream, store)
        .with_config(Config::default().concurrency(RECONCILES))
        .trigger_backoff(Constant(TRIGGER_BACKOFF))
        .reconcile_on(wake);
    Kind { shell, controller }
}

impl<W: Work> Kind<W> {
    /// The watched objects.
    pub fn objects(&self) -> Objects<W::Object> {
        self.shell.objects.clone()
    }

    /// The kind as other parts of the engine see it.
    pub fn watched(&self) -> Arc<dyn Watched> {
        Arc::new(Handle(Arc::downgrade(&self.shell)))
    }

    /// Runs the reconciles until `stop`, then lets those in progress finish.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let Self { shell, controller } = self;
        let objects = shell.objects.clone();
        let reconciles = shell.clone();
        let running = controller
            .graceful_shutdown_on(stopped(stop.clone()))
            .run(
                move |guard, _| reconcile(guard, reconciles.clone()),
                |_, _: &Never, _| Action::await_change(),
                Arc::new(()),
            )
            .for_each(|result| async {
                match result {
                    // An object may be deleted between its event and its reconcile.
                    Ok(_) | Err(ControllerError::ReconcilerFailed(..) | ControllerError::ObjectNotFound(_)) => {}
                    Err(error) => tracing::debug!(kind = kind::<W::Object>(), %error, "a watch failed and is resumed"),
                }
            });
        // A controller whose first list never arrives does not end by itself.
        let never_listed = async {
            stopped(stop).await;
            if objects.state() == WatchState::Listed {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = running => {}
            () = never_listed => {}
        }
    }
}

/// Resolves once the operator is told to stop.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, and it goes only after it told.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A reconcile that cannot fail: every failure becomes a status and a time to come back.
#[derive(Debug, thiserror::Error)]
enum Never {}

async fn reconcile<W: Work>(guard: Arc<DeserializeGuard<W::Object>>, shell: Arc<Shell<W>>) -> Result<Action, Never> {
    Ok(match &guard.0 {
        Ok(object) => shell.reconcile(Arc::new(object.clone())).await,
        Err(invalid) => Box::pin(undecodable::reconcile(&shell, &invalid.metadata, &invalid.error)).await,
    })
}

type WatchEvent<K> = Result<watcher::Event<DeserializeGuard<K>>, watcher::Error>;

/// Whether an event concerns this work.
fn serves<W: Work>(shell: &Shell<W>, event: &WatchEvent<W::Object>) -> bool {
    let Ok(watcher::Event::Apply(guard) | watcher::Event::InitApply(guard) | watcher::Event::Delete(guard)) = event
    else {
        return true;
    };
    shell.work.serves(guard.0.as_ref().ok())
}

/// Notes how far the watch is; a kind without a CRD is a state and no failure.
fn note_state<W: Work>(event: &WatchEvent<W::Object>, state: &watch::Sender<WatchState>, shell: &Shell<W>) {
    let next = match event {
        Ok(watcher::Event::InitDone) => WatchState::Listed,
        Ok(_) => return,
        Err(error) if is_missing(error) => WatchState::Missing,
        Err(error) => {
            tracing::warn!(kind = kind::<W::Object>(), %error, "a watch failed and is resumed");
            return;
        }
    };
    let before = state.send_replace(next);
    if before == next {
        return;
    }
    shell
        .env
        .observer
        .watching(kind::<W::Object>(), next == WatchState::Missing);
    if next == WatchState::Missing {
        tracing::warn!(
            kind = kind::<W::Object>(),
            "the CRD is not installed: this kind alone waits for it"
        );
    } else {
        tracing::info!(kind = kind::<W::Object>(), "listed");
    }
}

fn is_missing(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(source)
    | watcher::Error::WatchStartFailed(source)
    | watcher::Error::WatchFailed(source)) = error
    else {
        return false;
    };
    matches!(source, kube::Error::Api(status) if status.code == 404)
}

/// Called before the store has the object, so that the store still has what it replaces.
fn update_index<W: Work>(
    event: &watcher::Event<DeserializeGuard<W::Object>>,
    shell: &Shell<W>,
    store: &Store<DeserializeGuard<W::Object>>,
) {
    let (guard, gone) = match event {
        watcher::Event::Apply(guard) => (guard, false),
        watcher::Event::Delete(guard) => (guard, true),
        watcher::Event::InitApply(guard) => {
            if let Ok(object) = &guard.0 {
                shell.brought(object);
            }
            return;
        }
        watcher::Event::Init | watcher::Event::InitDone => return,
    };
    let name = ObjectName::of(guard);
    let old = store.get(&name.reference());
    shell.census.update(
        old.as_deref().map(|guard| group(&shell.work, guard)),
        (!gone).then(|| group(&shell.work, guard)),
    );
    shell.index.note_undecodable(&name, !gone && guard.0.is_err());
    let old = old.as_ref().and_then(|guard| guard.0.as_ref().ok());
    let new = guard.0.as_ref().ok();
    if let Some(object) = new {
        shell.brought(object);
    }
    let before = old.map(|object| shell.work.facts(object));
    let now = new.filter(|_| !gone).map(|object| shell.work.facts(object));
    shell.index.update(&name, before.as_ref(), now.as_ref());
    if gone && let Some(key) = before.as_ref().and_then(|facts| facts.key) {
        // Whoever declares the same remote object may take over.
        shell.wake.add(shell.index.with_key(key));
    }
    if gone && let Some(object) = new {
        shell.work.gone(object);
        shell.memory.forget(object.meta().uid.as_deref().unwrap_or_default());
    }
}

fn rebuild_index<W: Work>(shell: &Shell<W>, store: &Store<DeserializeGuard<W::Object>>) {
    let state = store.state();
    shell
        .census
        .rebuild(state.iter().map(|guard| group(&shell.work, guard)));
    let undecodable = state.iter().filter(|guard| guard.0.is_err());
    let undecodable = undecodable.map(|guard| ObjectName::of(&**guard));
    let all: Vec<(ObjectName, Facts)> = state
        .iter()
        .filter_map(|guard| guard.0.as_ref().ok())
        .map(|object| (ObjectName::of(object), shell.work.facts(object)))
        .collect();
    let facts = all.iter().map(|(name, facts)| (name, facts));
    shell.index.rebuild(facts, undecodable);
}

fn group<W: Work>(work: &W, guard: &DeserializeGuard<W::Object>) -> Group {
    match &guard.0 {
        Ok(object) => Group::of(object, work.counted_under(object)),
        Err(_) => Group::undecodable(),
    }
}

/// A kind as other parts of the engine hold it. They must not keep it alive: it holds them.
struct Handle<W: Work>(std::sync::Weak<Shell<W>>);

impl<W: Work> Handle<W> {
    fn wake_where(&self, wanted: impl Fn(&W, &W::Object) -> bool) {
        let Some(shell) = self.0.upgrade() else { return };
        let mut names = Vec::new();
        shell.objects.each(|object| {
            if wanted(&shell.work, object) {
                names.push(ObjectName::of(object));
            }
        });
        shell.wake.add(names);
    }
}

impl<W: Work> Watched for Handle<W> {
    fn kind(&self) -> &'static str {
        kind::<W::Object>()
    }

    fn state(&self) -> WatchState {
        self.0
            .upgrade()
            .map_or(WatchState::Missing, |shell| shell.objects.state())
    }

    fn dependents(&self, connection: &ConnectionKey) -> Vec<Dependent> {
        let mut found = Vec::new();
        if let Some(shell) = self.0.upgrade().filter(|_| self.state() == WatchState::Listed) {
            shell.objects.each(|object| {
                if let Some((_, dependent)) = shell.work.dependent(object).filter(|(key, _)| key == connection) {
                    found.push(dependent);
                }
            });
        }
        found
    }

    fn census(&self) -> Vec<(Group, usize)> {
        let listed = self.0.upgrade().filter(|_| self.state() == WatchState::Listed);
        listed.map(|shell| shell.census.counts()).unwrap_or_default()
    }

    fn remains(&self, connection: &ConnectionKey, orphans: &[Orphan]) -> Vec<Remains> {
        let Some(shell) = self.0.upgrade() else {
            return vec![Remains::Left; orphans.len()];
        };
        // Servers differ in whether they tell cases apart; an object that differs in case alone is close enough.
        let mut declared = HashSet::new();
        shell.objects.each(|object| {
            let dependent = shell.work.dependent(object).filter(|(key, _)| key == connection);
            if let Some((_, dependent)) = dependent.filter(|_| !is_deleting(object)) {
                declared.insert(dependent.key.to_lowercase());
            }
        });
        let remains = orphans.iter().map(|orphan| {
            if declared.contains(&orphan.key.to_lowercase()) {
                return Remains::Declared;
            }
            match shell.work.exists(connection, &orphan.key, orphan.id.as_deref()) {
                Some(false) => Remains::Gone,
                Some(true) | None => Remains::Left,
            }
        });
        remains.collect()
    }

    fn undelegated(&self, connection: &ConnectionKey) -> Vec<Orphan> {
        let group = Group {
            connection: Some(connection.clone()),
            reason: Reason::NotAllowed.as_str(),
        };
        let Some(shell) = self.0.upgrade().filter(|shell| shell.census.count(&group) > 0) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        shell.objects.each(|object| {
            if !is_deleting(object) && Group::of(object, shell.work.counted_under(object)) == group {
                found.extend(shell.work.orphan(object, Left::Undelegated, None));
            }
        });
        found
    }

    fn wake(&self, name: &ObjectName) {
        if let Some(shell) = self.0.upgrade() {
            shell.wake.add([name.clone()]);
        }
    }

    fn connection_changed(&self, connection: &ConnectionKey) {
        self.wake_where(|work, object| uses(work, object, connection));
    }

    fn connection_swept(&self, connection: &ConnectionKey) {
        let Some(shell) = self.0.upgrade() else { return };
        let connection = connection.clone();
        tokio::spawn(async move {
            let mut names = Vec::new();
            for (n, guard) in shell.objects.all().iter().enumerate() {
                if n % BATCH == BATCH - 1 {
                    tokio::task::yield_now().await;
                }
                let Ok(object) = &guard.0 else { continue };
                if uses(&shell.work, object, &connection) && shell.needs_reconcile(object).await {
                    names.push(ObjectName::of(object));
                }
            }
            shell.wake.add(names);
        });
    }

    fn unblocked(&self, connection: &ConnectionKey) {
        self.wake_where(|work, object| !is_ready(object) && uses(work, object, connection));
    }

    fn namespace_changed(&self, namespace: &str) {
        self.wake_where(|_, object| object.meta().namespace.as_deref() == Some(namespace));
    }

    fn sources(&self) -> Option<Sources> {
        self.0.upgrade().map(|shell| shell.env.sources.clone())
    }

    fn source_changed(&self, source: SourceId) {
        if let Some(shell) = self.0.upgrade() {
            let readers = shell.index.readers(source);
            for reader in &readers {
                shell.work.source_changed(reader);
            }
            shell.wake.add(readers);
        }
    }
}

fn uses<W: Work>(work: &W, object: &W::Object, connection: &ConnectionKey) -> bool {
    work.connection(object).as_ref() == Some(connection)
}
