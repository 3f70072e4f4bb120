//! Running tasks: [`Task`] strategies as [`Work`].

use std::{sync::Arc, time::Duration};

use kube::{Resource, ResourceExt};

use super::{Task, cycle::Cycle, history::Remembered, removal};
use crate::{
    crd::applied::Subject,
    engine::{
        connect::{ConnectionKey, Connections, Dependent, Shares},
        error::{Error, Reason},
        index::Facts,
        object::{HasStatus, ObjectName, created, kind},
        shell::Shell,
        work::{Outcome, Reconcile, Removed, Work, subject},
    },
};

/// Longest time for one reconcile: a run may consist of hundreds of calls.
const DEADLINE: Duration = Duration::from_mins(10);

/// The work of one kind of task.
pub struct Running<T: Task> {
    /// The connections that its objects use.
    pub connections: Arc<Connections<T::Connection>>,
    pub(super) remembered: Remembered,
}

impl<T: Task> Running<T> {
    /// For objects that use these connections.
    pub fn new(connections: Arc<Connections<T::Connection>>) -> Self {
        Self {
            connections,
            remembered: Remembered::default(),
        }
    }
}

impl<T: Task> Work for Running<T> {
    type Object = T::Object;

    fn serves(&self, object: Option<&T::Object>) -> bool {
        T::serves(object)
    }

    fn facts(&self, object: &T::Object) -> Facts {
        Facts {
            connection: Some(T::terms(object).connection),
            sources: T::sources(object),
            claims: Vec::new(),
            key: None,
            created: created(object),
        }
    }

    fn connection(&self, object: &T::Object) -> Option<ConnectionKey> {
        Some(T::terms(object).connection)
    }

    fn dependent(&self, object: &T::Object) -> Option<(ConnectionKey, Dependent)> {
        let dependent = Dependent {
            kind: kind::<T::Object>(),
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            key: object.name_any(),
            id: None,
            needs_details: false,
            created: created(object),
            shares: Shares::default(),
            entries: Vec::new(),
        };
        Some((T::terms(object).connection, dependent))
    }

    fn judged_by(&self, object: &T::Object) -> Option<i64> {
        self.connections.generation(&T::terms(object).connection)
    }

    fn remote_name(&self, object: &T::Object) -> String {
        let runs = object.status().map(|status| &status.shown.runs);
        let active = runs.and_then(|runs| runs.first()).filter(|run| run.is_active());
        match active.and_then(|run| run.future_id.as_ref()) {
            Some(future) => format!("future {future}"),
            None => format!("what {} did", object.name_any()),
        }
    }

    fn subject(&self, object: &T::Object) -> Option<Subject> {
        Some(subject(object.uid(), &T::terms(object).connection, "runs"))
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }

    async fn reconcile(&self, cx: &mut Reconcile<Self>) -> Result<Outcome, Error> {
        Box::pin(Cycle::run(self, cx)).await
    }

    async fn remove(&self, cx: &mut Reconcile<Self>) -> Result<Removed, Error> {
        removal::remove(self, cx).await
    }

    /// Whatever kept a run from starting may be over.
    async fn differs(&self, _: &Shell<Self>, object: &T::Object) -> bool {
        let ready = object.status().and_then(|status| status.condition("Ready"));
        let reason = ready.and_then(|ready| Reason::named(&ready.reason));
        matches!(
            reason,
            Some(
                Reason::NotAllowed
                    | Reason::DependencyNotReady
                    | Reason::Frozen
                    | Reason::Forbidden
                    // Of a read: a run that was refused has ended.
                    | Reason::Rejected
                    | Reason::AlreadyExists
                    | Reason::Unavailable
            )
        )
    }

    fn gone(&self, object: &T::Object) {
        self.remembered.forget(object.meta().uid.as_deref().unwrap_or_default());
    }

    /// Another process started or ended a run meanwhile.
    fn outdated(&self, read: &T::Object, found: &T::Object) -> bool {
        let runs = |object: &T::Object| object.status().map(|status| status.shown.runs.clone());
        runs(read).unwrap_or_default() != runs(found).unwrap_or_default()
    }
}

/// Futures that other objects of the kind follow.
pub(super) fn followed<T: Task>(cx: &Reconcile<Running<T>>) -> Vec<String> {
    let own = ObjectName::of(&*cx.object);
    let mut followed = Vec::new();
    cx.shell.objects.each(|object| {
        if ObjectName::of(object) != own {
            let runs = object.status().map(|status| status.shown.runs.iter());
            followed.extend(runs.into_iter().flatten().filter_map(|run| run.future_id.clone()));
        }
    });
    followed
}
