//! What surrounds every reconcile: our finalizer, annotations, the deadline, panics, the status, Events, and when to come
//! back.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use kube::{
    Resource, ResourceExt,
    api::{Patch, PatchParams},
    runtime::controller::Action,
};
use serde_json::json;

use super::{
    backoff,
    census::Census,
    connect::Left,
    environment::Environment,
    error::{Error, Fate, Reason},
    index::Index,
    memory::Memory,
    object::{HasStatus, Object, ObjectName, Objects, compact, has_finalizer, is_deleting, is_paused, kind, version},
    report::ReconcileRecord,
    status::to_second,
    wake::Wake,
    watched::Watched,
    work::{Outcome, Reconcile, Removed, Work},
};
use crate::crd::common::{FIELD_MANAGER, FINALIZER, annotation};

/// After this long a write whose answer was lost has either taken effect or never will: a call takes at most 10 s.
pub(super) const LOST_WRITE: Duration = Duration::from_secs(15);

/// What every reconcile of one kind shares.
pub struct Shell<W: Work> {
    /// What all kinds share.
    pub env: Environment,
    /// The work.
    pub work: W,
    /// The watched objects.
    pub objects: Objects<W::Object>,
    /// What they refer to.
    pub index: Arc<Index>,
    /// How many there are.
    pub census: Census,
    /// Objects to reconcile.
    pub wake: Wake,
    /// What the process remembers of single objects.
    pub memory: Memory<W::Object>,
    /// The kind as the rest of the engine sees it.
    pub watched: std::sync::OnceLock<Arc<dyn Watched>>,
}

impl<W: Work> Shell<W> {
    /// Name of the kind.
    pub fn kind(&self) -> &'static str {
        kind::<W::Object>()
    }

    /// One reconcile, in a task of its own: objects of one kind are reconciled in parallel.
    pub async fn reconcile(self: Arc<Self>, object: Arc<W::Object>) -> Action {
        let mut task = tokio::task::JoinSet::new();
        task.spawn(self.run(object));
        match task.join_next().await {
            Some(Ok(action)) => action,
            // A panic outside of the work itself; the hook has logged where.
            _ => Action::requeue(backoff::REFUSED),
        }
    }

    async fn run(self: Arc<Self>, object: Arc<W::Object>) -> Action {
        let object = self.current(object);
        let object = match self.with_finalizer(object.clone()).await {
            Ok(Some(object)) => object,
            Ok(None) => return Action::await_change(),
            Err(error) => return self.retry(&object, &error),
        };
        let cx = Reconcile::new(self, object);
        if cx.is_deleting() {
            Box::pin(remove(cx)).await
        } else {
            Box::pin(apply(cx)).await
        }
    }

    /// The object as it is after our own last write. The watch lags behind it, and a reconcile of the older state would not
    /// know what was applied: it would send a password twice.
    fn current(&self, object: Arc<W::Object>) -> Arc<W::Object> {
        let uid = object.uid().unwrap_or_default();
        self.memory.with(&uid, |entry| match &entry.written {
            Some(ours) if version(&*object) < version(&**ours) => ours.clone(),
            _ => {
                entry.written = None;
                object
            }
        })
    }

    /// Drops our own last write once the watch has brought it.
    pub fn brought(&self, object: &W::Object) {
        let uid = object.uid().unwrap_or_default();
        self.memory.with(&uid, |entry| {
            entry.written.take_if(|ours| version(object) >= version(&**ours));
        });
    }

    /// Remembers what a write returned until the watch brings it.
    pub(super) fn note_written(&self, mut written: W::Object) -> Arc<W::Object> {
        compact(&mut written);
        let written = Arc::new(written);
        let (namespace, name) = (written.namespace().unwrap_or_default(), written.name_any());
        // The watch may have been quicker than the answer.
        let known = self.objects.get(&namespace, &name);
        let known = known.as_ref().and_then(|guard| guard.0.as_ref().ok());
        if known.is_none_or(|known| known.uid() != written.uid() || version(known) < version(&*written)) {
            let uid = written.uid().unwrap_or_default();
            self.memory.with(&uid, |entry| entry.written = Some(written.clone()));
        }
        written
    }

    /// The object with our finalizer, added where it is missing; `None` where the object is gone.
    ///
    /// The reconcile goes on with what the apiserver returned. Waiting for the watch to bring it instead would let an event
    /// in between add the finalizer a second time.
    async fn with_finalizer(&self, object: Arc<W::Object>) -> Result<Option<Arc<W::Object>>, Error> {
        if is_deleting(&*object) || has_finalizer(&*object) {
            return Ok(Some(object));
        }
        let finalizers: Vec<_> = object
            .finalizers()
            .iter()
            .map(String::as_str)
            .chain([FINALIZER])
            .collect();
        match self.patch_finalizers(&object, &finalizers).await {
            Ok(patched) => Ok(Some(self.note_written(patched))),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
            Err(error) => Err(Error::kubernetes("add the finalizer")(error)),
        }
    }

    async fn patch_finalizers(&self, object: &W::Object, finalizers: &[&str]) -> Result<W::Object, kube::Error> {
        let patch = json!({
            "metadata": { "finalizers": finalizers, "resourceVersion": object.resource_version(), "uid": object.uid() },
        });
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let api = self.api(object);
        api.patch(&object.name_any(), &params, &Patch::Merge(&patch)).await
    }

    /// Removes our finalizer.
    async fn release(&self, object: &Arc<W::Object>, note: Option<String>) -> Result<(), Error> {
        let mut object = object.clone();
        for attempt in 1.. {
            let finalizers = object.finalizers().to_vec();
            let kept: Vec<_> = finalizers
                .iter()
                .map(String::as_str)
                .filter(|one| *one != FINALIZER)
                .collect();
            if kept.len() == finalizers.len() {
                break;
            }
            match self.patch_finalizers(&object, &kept).await {
                Ok(_) => break,
                Err(kube::Error::Api(status)) if status.is_not_found() => break,
                Err(kube::Error::Api(status)) if status.is_conflict() && attempt < 4 => {
                    let found = self.api(&object).get_opt(&object.name_any()).await;
                    let Some(found) = found.map_err(Error::kubernetes("read the object again"))? else {
                        break;
                    };
                    if found.uid() != object.uid() {
                        break;
                    }
                    object = Arc::new(found);
                }
                Err(error) => return Err(Error::kubernetes("remove the finalizer")(error)),
            }
        }
        if let Some(note) = note {
            let (namespace, name) = (object.namespace(), object.name_any());
            tracing::warn!(kind = self.kind(), namespace, name, note, "released");
            let regarding = object.object_ref(&());
            self.env.reports.warning(regarding, "Released", "Delete", &note);
        }
        self.work.gone(&object);
        self.memory.forget(&object.uid().unwrap_or_default());
        Ok(())
    }

    /// Whether an object needs a reconcile after a sweep. No remote call.
    pub async fn needs_reconcile(&self, object: &W::Object) -> bool {
        // The watch may lag behind our own last write.
        let ours = self
            .memory
            .with(&object.uid().unwrap_or_default(), |entry| entry.written.clone());
        let ours = ours.filter(|ours| version(object) < version(&**ours));
        let object = ours.as_deref().unwrap_or(object);
        if is_paused(object) && !is_deleting(object) {
            return false;
        }
        let uid = object.uid().unwrap_or_default();
        let waits = self.memory.with(&uid, |entry| {
            let not_before = entry.not_before;
            not_before.is_some_and(|time| time > tokio::time::Instant::now())
        });
        if waits {
            return false;
        }
        is_deleting(object)
            || object.status().is_none()
            || !super::integrity::is_coherent(object)
            || self.work.differs(self, object).await
    }

    /// The kind as the rest of the engine sees it.
    pub fn as_watched(&self) -> Option<&Arc<dyn Watched>> {
        self.watched.get()
    }
}

async fn apply<W: Work>(mut cx: Reconcile<W>) -> Action {
    let began = Instant::now();
    let judged_by = cx.shell.work.judged_by(&cx.object);
    let outcome = if is_paused(&*cx.object) {
        Ok(Outcome::new(Reason::Paused, "paused by annotation"))
    } else {
        guarded(&mut cx).await
    };
    let reason = match &outcome {
        Ok(outcome) => Some(outcome.reason),
        Err(error) => error.reason(),
    };
    let (shell, object) = (cx.shell.clone(), cx.object.clone());
    let action = cx.settle(outcome).await;
    shell.env.observer.reconciled(ReconcileRecord {
        kind: shell.kind(),
        reason: reason.map_or("Error", Reason::as_str),
        duration: began.elapsed(),
    });
    tracing::debug!(
        kind = shell.kind(),
        name = %ObjectName::of(&*object),
        reason = reason.map(Reason::as_str),
        elapsed = ?began.elapsed(),
        "reconciled"
    );
    // The connection woke those whom it had refused by then.
    if reason == Some(Reason::NotAllowed) && shell.work.judged_by(&object) != judged_by {
        return Action::requeue(AGAIN);
    }
    action
}

/// Runs the work under its deadline. A panic is this object's error and nobody else's.
async fn guarded<W: Work>(cx: &mut Reconcile<W>) -> Result<Outcome, Error> {
    let (shell, deadline) = (cx.shell.clone(), cx.shell.work.deadline());
    let work = AssertUnwindSafe(shell.work.reconcile(cx)).catch_unwind();
    let result = tokio::time::timeout(deadline, Box::pin(work)).await;
    settled(cx, result, deadline)
}

async fn guarded_removal<W: Work>(cx: &mut Reconcile<W>) -> Result<Removed, Error> {
    let (shell, deadline) = (cx.shell.clone(), cx.shell.work.deadline());
    let work = AssertUnwindSafe(shell.work.remove(cx)).catch_unwind();
    let result = tokio::time::timeout(deadline, Box::pin(work)).await;
    settled(cx, result, deadline)
}

type Guarded<T> = Result<Result<Result<T, Error>, Box<dyn std::any::Any + Send>>, tokio::time::error::Elapsed>;

fn settled<W: Work, T>(cx: &mut Reconcile<W>, result: Guarded<T>, deadline: Duration) -> Result<T, Error> {
    let result = match result {
        Ok(Ok(result)) => result,
        // What the panic says may quote a value, so nobody repeats it; the panic hook has logged the place.
        Ok(Err(_)) => Err(Error::Internal(
            "the operator failed on this object: its log names the place".into(),
        )),
        Err(_) => Err(Error::Remote {
            reason: Reason::Unavailable,
            message: format!("not done within {} s", deadline.as_secs()),
            retry_after: None,
            fate: Fate::Unknown,
        }),
    };
    if std::mem::take(&mut cx.report.in_flight) {
        cx.note_lost_write();
    }
    result
}

impl<W: Work> Reconcile<W> {
    /// Records that a write may still take effect although nobody waits for its answer.
    pub fn note_lost_write(&mut self) {
        let until = self.shell.env.clock.now() + jiff::SignedDuration::try_from(LOST_WRITE).unwrap_or_default();
        self.report.record.unsettled_until = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(to_second(
            until + jiff::SignedDuration::from_secs(1),
        )));
        self.report.intent = true;
    }

    /// How long a write whose answer was lost may still take effect.
    pub fn unsettled_for(&self) -> Option<Duration> {
        let until = self.report.record.unsettled_until.as_ref()?.0;
        let left = until.duration_since(self.shell.env.clock.now());
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }
}

async fn remove<W: Work>(mut cx: Reconcile<W>) -> Action {
    let shell = cx.shell.clone();
    let uid = cx.uid();
    if !has_finalizer(&*cx.object) {
        shell.work.gone(&cx.object);
        shell.memory.forget(&uid);
        return Action::await_change();
    }
    cx.report.plan.clear();
    let removed = if is_forced(&*cx.object) {
        cx.report.left = Some(Left::ForceReleased);
        let note = format!(
            "released by annotation; {} stays as it is",
            shell.work.remote_name(&cx.object)
        );
        Ok(Removed::Released(Some(note)))
    } else {
        guarded_removal(&mut cx).await
    };
    let (message, action) = match removed {
        Ok(Removed::Released(note)) => {
            cx.list_what_is_left();
            return match shell.release(&cx.object, note).await {
                Ok(()) => Action::await_change(),
                Err(error) => shell.retry(&cx.object, &error),
            };
        }
        Ok(Removed::Queued) => (
            hint("queued behind other objects of the connection"),
            Action::requeue(NET),
        ),
        Ok(Removed::InUse(message)) => {
            cx.keep_alive().await;
            (message, Action::requeue(IN_USE))
        }
        Ok(Removed::Waiting(message, due)) => (hint(&message), Action::requeue(due.unwrap_or(NET))),
        Err(error) => {
            let message = hint(&error.to_string());
            (message, shell.retry(&cx.object, &error))
        }
    };
    let outstanding = cx.report.plan.join("; ");
    let message = if outstanding.is_empty() {
        message
    } else {
        format!("{message} ({outstanding})")
    };
    cx.show(Reason::Deleting, message, action).await
}

impl<W: Work> Reconcile<W> {
    /// Has the connection list what a release leaves on the remote side. The list is in the connection's status about a second
    /// later, many releases in one write: a crash in between loses what was released in that second.
    fn list_what_is_left(&self) {
        let work = &self.shell.work;
        let now = self.shell.env.clock.now();
        let left = self.report.left;
        if let (Some(left), Some(connection)) = (left, work.connection(&self.object))
            && let Some(orphan) = work.orphan(&self.object, left, Some(now))
        {
            work.left_behind(&connection, orphan);
        }
    }

    /// An object that others still need keeps working while it waits for them to go.
    async fn keep_alive(&mut self) {
        let shell = self.shell.clone();
        let Some(interval) = shell.work.interval(&self.object) else {
            return;
        };
        let unread = shell.work.is_unread(&self.object);
        let due = shell.memory.with(&self.uid(), |entry| {
            let due = unread || entry.swept.is_none_or(|swept| swept.elapsed() >= interval);
            if due {
                entry.swept = Some(tokio::time::Instant::now());
            }
            due
        });
        if !due {
            return;
        }
        let outcome = guarded(self).await;
        let (reason, message) = match outcome {
            Ok(outcome) => (outcome.reason, outcome.message),
            Err(error) => match error.reason() {
                Some(reason) => (reason, error.to_string()),
                None => return,
            },
        };
        shell.work.settled(&self.object, reason, &message);
    }
}

/// Wait of an object that was refused by terms that changed while it was judged.
const AGAIN: Duration = Duration::from_millis(500);
/// A net under events that got lost.
pub(super) const NET: Duration = Duration::from_mins(5);
/// How often a connection that is being deleted checks whether objects still use it.
const IN_USE: Duration = Duration::from_secs(2);

/// Whether an annotation releases the object whatever happens.
fn is_forced<K: Object>(object: &K) -> bool {
    let annotations = object.annotations();
    annotations
        .get(annotation::FORCE_RELEASE)
        .is_some_and(|value| value == "true")
}

fn hint(message: &str) -> String {
    format!(
        "{message}. To release the object without touching the remote side, set the annotation {}: \"true\"",
        annotation::FORCE_RELEASE
    )
}
