//! [`Work`]: one of the kinds of work that the shell runs for an object, and what one reconcile is given and reports.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::ResourceExt;

use super::{
    connect::{ConnectionKey, Dependent, Left},
    error::{Error, Reason},
    index::Facts,
    object::{Object, is_deleting},
    shell::Shell,
    stable_hash::stable_hash,
    status::{ExtraCondition, StatusUpdate},
};
use crate::crd::{
    applied::{Applied, Subject},
    common::annotation,
    connection::Orphan,
    status::{Origin, Remote, Status},
};

/// How a reconcile ended that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Reason of `Ready`.
    pub reason: Reason,
    /// For people.
    pub message: String,
    /// When something is due by the passage of time alone.
    pub due: Option<Duration>,
}

impl Outcome {
    /// An outcome that stays until something changes.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            due: None,
        }
    }
}

/// How a removal ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub enum Removed {
    /// The finalizer may go; with a note for people where something was left on the remote side.
    Released(Option<String>),
    /// Other objects need this one.
    InUse(String),
    /// It waits for something that wakes the object, or for this time to pass.
    Waiting(String, Option<Duration>),
    /// It waits in the queue of its connection, which wakes it.
    Queued,
}

/// A kind of work: maintaining a remote object, maintaining a connection, running a task.
pub trait Work: Send + Sync + Sized + 'static {
    /// The kind of object.
    type Object: Object;

    /// Whether this work is for the object; `None`: an object that cannot be decoded. Where two kinds of work share a kind of
    /// object, each object belongs to one of them for its lifetime.
    fn serves(&self, _object: Option<&Self::Object>) -> bool {
        true
    }
    /// What the object refers to.
    fn facts(&self, object: &Self::Object) -> Facts;
    /// The connection that the object uses.
    fn connection(&self, _object: &Self::Object) -> Option<ConnectionKey> {
        None
    }
    /// The connection that the object counts under: the one that it uses, or is.
    fn counted_under(&self, object: &Self::Object) -> Option<ConnectionKey> {
        self.connection(object)
    }

    /// The object as a user of its connection.
    fn dependent(&self, _object: &Self::Object) -> Option<(ConnectionKey, Dependent)> {
        None
    }
    /// What people call the remote object, with its key.
    fn remote_name(&self, object: &Self::Object) -> String;
    /// Hash of what the record in the status is about: an object with another subject does not trust it.
    fn subject(&self, object: &Self::Object) -> Option<Subject>;

    /// Longest time for one reconcile.
    fn deadline(&self) -> Duration;
    /// Reconciles an object that is not being deleted.
    fn reconcile(&self, cx: &mut Reconcile<Self>) -> impl Future<Output = Result<Outcome, Error>> + Send;
    /// Removes what the object stands for, and tells whether its finalizer may go.
    fn remove(&self, cx: &mut Reconcile<Self>) -> impl Future<Output = Result<Removed, Error>> + Send;
    /// Whether the lists of the last sweep show something else than the object says. No remote call.
    fn differs(&self, _shell: &Shell<Self>, _object: &Self::Object) -> impl Future<Output = bool> + Send {
        async { false }
    }

    /// What the object leaves on the remote side if it goes now; `None`: nothing.
    fn orphan(&self, _object: &Self::Object, _left: Left, _now: Option<Timestamp>) -> Option<Orphan> {
        None
    }

    /// Called before the finalizer of an object goes that leaves this on the remote side.
    fn left_behind(&self, _connection: &ConnectionKey, _orphan: Orphan) {}

    /// Whether the remote side has this, by the lists of the last sweep; `None`: they do not tell. No call.
    fn exists(&self, _connection: &ConnectionKey, _key: &str, _id: Option<&str>) -> Option<bool> {
        None
    }

    /// Generation of the connection object whose terms the object is judged by; `None`: nothing judges it.
    fn judged_by(&self, _object: &Self::Object) -> Option<i64> {
        None
    }

    /// Whether what a reconcile read is outdated by what is found now, so that its status write must not happen.
    fn outdated(&self, _read: &Self::Object, _found: &Self::Object) -> bool {
        false
    }

    /// Called with the outcome of every reconcile that has one.
    fn settled(&self, _object: &Self::Object, _reason: Reason, _message: &str) {}
    /// Called when the finalizer is gone.
    fn gone(&self, _object: &Self::Object) {}
    /// Called when a Secret or `ConfigMap` that the object reads changed, before the object is reconciled.
    fn source_changed(&self, _object: &super::ObjectName) {}

    /// Whether something that the object reads changed, and nobody has read it since.
    fn is_unread(&self, _object: &Self::Object) -> bool {
        false
    }
    /// Time between two reconciles of an object that nothing wakes.
    fn interval(&self, _object: &Self::Object) -> Option<Duration> {
        None
    }
}

/// The hash of an object's uid, its connection and its remote key. It outlives the process and the release that made it.
pub fn subject(uid: Option<String>, connection: &ConnectionKey, key: &str) -> Subject {
    let uid = uid.unwrap_or_default();
    Subject::new(stable_hash([&*uid, &*connection.namespace, &*connection.name, key]))
}

/// What a reconcile found and did so far. The shell holds it outside of the reconcile, so that a panic or a deadline loses
/// none of it.
pub struct Report<K: Object> {
    /// The record of what the operator set.
    pub record: Applied,
    /// How the remote object came to be managed by this object.
    pub origin: Option<Origin>,
    /// Whether the remote side was written.
    pub changed: bool,
    /// Whether the status holds an intent that the outcome has to replace.
    pub intent: bool,
    /// Whether a write was sent whose outcome is not known yet.
    pub in_flight: bool,
    /// Why a removal leaves something on the remote side.
    pub left: Option<Left>,
    /// What is still to be written.
    pub plan: Vec<String>,
    /// What was observed last; `None`: nothing.
    pub seen: Option<Sighting<K>>,
    /// What the kind shows beside its remote object; `None`: as before.
    pub shown: Option<K::Shown>,
    /// Conditions beside those that follow from the reason; `None`: as before.
    pub extra: Option<Vec<ExtraCondition>>,
}

/// What an observation showed of the remote object.
pub struct Sighting<K: Object> {
    /// What the status shows of it.
    pub seen: K::Seen,
    /// Whether there is a remote object.
    pub exists: bool,
    /// Whether the status shows it although it is not ours: people who may create an object must not learn from it what
    /// they could not read.
    pub visible: bool,
    /// Its key.
    pub key: String,
}

impl<K: Object> Report<K> {
    /// What the status of the object says, as far as it is about this very object.
    pub fn new(object: &K, subject: Option<Subject>) -> Self {
        let status = object.status();
        let recorded = status.and_then(|status| status.applied.clone());
        let trusted = recorded.filter(|record| subject.is_some() && record.subject == subject);
        let origin = trusted.as_ref().and(status.and_then(Status::origin));
        let mut record = trusted.unwrap_or_default();
        record.subject = None;
        Self {
            record,
            origin,
            changed: false,
            intent: false,
            in_flight: false,
            left: None,
            plan: Vec::new(),
            seen: None,
            shown: None,
            extra: None,
        }
    }

    /// Shows a condition of this type, or none.
    pub fn show(&mut self, condition: Option<ExtraCondition>, type_: &str) {
        let extra = self.extra.get_or_insert_default();
        extra.retain(|present| present.type_ != type_);
        extra.extend(condition);
    }

    /// What to write into the status.
    pub fn update(
        &self,
        object: &K,
        subject: Option<Subject>,
        reason: Reason,
        message: String,
    ) -> StatusUpdate<K::Seen, K::Shown> {
        let remote = self.seen.as_ref().map(|sighting| {
            let shown = (sighting.exists && sighting.visible) || self.origin.is_some();
            shown.then(|| Remote {
                key: sighting.key.clone(),
                origin: self.origin,
                seen: sighting.seen.clone(),
            })
        });
        let mut applied = self.record.clone();
        let recorded = self.origin.is_some() || applied != Applied::default();
        applied.subject = subject.filter(|_| recorded);
        // A status that is about another object shows nothing of it any more.
        let remote = match remote {
            None if foreign(object, subject) => Some(None),
            remote => remote,
        };
        StatusUpdate {
            reason,
            message,
            extra: self.extra.clone(),
            plan: self.plan.clone(),
            remote,
            shown: self.shown.clone(),
            applied,
            changed: self.changed,
            handled: object.annotations().get(annotation::RECONCILE_AT).cloned(),
        }
    }
}

/// Whether the record in the status is about another object.
pub fn foreign<K: Object>(object: &K, subject: Option<Subject>) -> bool {
    let recorded = object.status().and_then(|status| status.applied.as_ref());
    recorded.is_some_and(|record| record.subject != subject)
}

/// One reconcile of one object.
pub struct Reconcile<W: Work> {
    /// The shell that runs it.
    pub shell: Arc<Shell<W>>,
    /// The object, as read at the start or as this reconcile wrote it last.
    pub object: Arc<W::Object>,
    /// What it found and did so far.
    pub report: Report<W::Object>,
}

impl<W: Work> Reconcile<W> {
    /// For this object.
    pub fn new(shell: Arc<Shell<W>>, object: Arc<W::Object>) -> Self {
        let subject = shell.work.subject(&object);
        Self {
            report: Report::new(&*object, subject),
            shell,
            object,
        }
    }

    /// Uid of the object.
    pub fn uid(&self) -> String {
        self.object.uid().unwrap_or_default()
    }

    /// Namespace of the object.
    pub fn namespace(&self) -> String {
        self.object.namespace().unwrap_or_default()
    }

    /// Whether the object is being deleted.
    pub fn is_deleting(&self) -> bool {
        is_deleting(&*self.object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_tells_objects_connections_and_keys_apart() {
        let design = ConnectionKey::new("dataiku", "design");
        let subject = |uid: &str, connection: &ConnectionKey, key: &str| subject(Some(uid.into()), connection, key);
        let one = subject("uid", &design, "jane");
        assert_eq!(one, subject("uid", &design, "jane"));
        assert_ne!(one, subject("uid2", &design, "jane"));
        assert_ne!(one, subject("uid", &ConnectionKey::new("dataiku", "desig"), "njane"));
        assert_ne!(one, subject("uid", &design, "joe"));
    }
}
