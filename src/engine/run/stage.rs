//! What the calls of one reconcile of a task are made with: the connection, by whose terms the object may use it.

use std::sync::Arc;

use kube::{Resource, ResourceExt};

use super::{Given, Running, Task, work::followed};
use crate::engine::{
    connect::{ConnectionKind, Lookup, Remote, connections::Admitted, delegation::Statement},
    error::{Error, Reason, Refused},
    keep::delegated::ByLists,
    object::{ObjectName, kind},
    permit::{Permits, Terms},
    secrets::{self, Secrets},
    shell::Shell,
    work::Reconcile,
};

type ApiOf<T> = <<T as Task>::Connection as ConnectionKind>::Api;

/// The connection of one object, and the object as it was when the reconcile began.
pub(super) struct Stage<'a, T: Task> {
    pub(super) running: &'a Running<T>,
    pub(super) shell: Arc<Shell<Running<T>>>,
    pub(super) object: Arc<T::Object>,
    admitted: Admitted<T::Connection>,
    own: ApiOf<T>,
    api: ApiOf<T>,
    secrets: Secrets,
    others: Vec<String>,
}

impl<'a, T: Task> Stage<'a, T> {
    /// Checks that the object may use its connection. No call.
    pub(super) fn new(running: &'a Running<T>, cx: &Reconcile<Running<T>>) -> Result<Self, Error> {
        let object = cx.object.clone();
        let terms = T::terms(&object);
        let deleting = object.meta().deletion_timestamp.is_some();
        let connections = &running.connections;
        let admitted = connections.admit_object(&terms.connection, &cx.namespace(), deleting)?;
        let own = Remote::new(admitted.live.clone(), false).api;
        let api = match terms.as_user {
            Some(login) => T::acting_as(&own, login),
            None => own.clone(),
        };
        Ok(Self {
            running,
            shell: cx.shell.clone(),
            others: followed(cx),
            object,
            admitted,
            own,
            api,
            secrets: Secrets::default(),
        })
    }

    /// Fails if the connection does not allow what the object declares. No call.
    pub(super) fn check_terms(&self) -> Result<(), Error> {
        let namespace = self.object.namespace().unwrap_or_default();
        let connections = &self.running.connections;
        let judge = connections.judge(&self.admitted.object, &self.admitted.live.key, &namespace);
        let statement = self.statement();
        let refused = |message| Error::Blocked(Reason::NotAllowed, message);
        judge.declared(&statement).map_err(refused)?;
        let lists = ByLists::<T::Connection>(&self.admitted.live.lists);
        judge.standing(&statement, &lists).map_err(|refused| match refused {
            Refused::NotAllowed(message) => Error::Blocked(Reason::NotAllowed, message),
            other => Error::Refused(other),
        })?;
        self.check_identity().map_err(|error| match error {
            Error::Refused(Refused::NotAllowed(message)) => Error::Blocked(Reason::NotAllowed, message),
            other => other,
        })
    }

    /// Whether the connection protects this user; `None`: any user.
    pub(super) fn is_protected(&self, login: Option<&str>) -> bool {
        let namespace = self.object.namespace().unwrap_or_default();
        let connections = &self.running.connections;
        let judge = connections.judge(&self.admitted.object, &self.admitted.live.key, &namespace);
        judge.protects_user(login)
    }

    /// Fails if the connection, as it is now, does not let tasks act as the user whom the object names.
    pub(super) fn check_identity(&self) -> Result<(), Error> {
        let terms = T::terms(&self.object);
        let Some(login) = terms.as_user else { return Ok(()) };
        let key = &self.admitted.live.key;
        let Lookup::Present(connection) = self.running.connections.lookup(key) else {
            return Err(Error::Refused(Refused::ConnectionChanged));
        };
        let name = kind::<T::Connection>();
        match T::may_act_as(&connection, &self.admitted.live.lists, login) {
            Some(true) => Ok(()),
            Some(false) => Err(Error::Refused(Refused::NotAllowed(format!(
                "{name} {key} lets no task act as {login}: its `actAs` would need `logins: [{login}]`, or one of the user's groups"
            )))),
            None => Err(Error::Refused(Refused::Undecided(format!(
                "the groups of {login} are not known, so that nobody can tell whether a task may act as this user"
            )))),
        }
    }

    /// Reads what the object names in its namespace.
    pub(super) async fn resolve(&mut self, cx: &Reconcile<Running<T>>) -> Result<(), Error> {
        let env = &self.shell.env;
        let uses = T::sources(&self.object);
        if uses.is_empty() {
            return Ok(());
        }
        self.secrets = secrets::resolve(
            &env.client,
            &env.fingerprints,
            &env.sources,
            &cx.namespace(),
            &cx.uid(),
            &uses,
            &cx.report.record,
        )
        .await?;
        if let Some(missing) = self.secrets.all_missing().first() {
            return Err(Error::dependency(missing.clone()));
        }
        match self.secrets.unusable() {
            Some(unusable) => Err(Error::invalid(unusable)),
            None => Ok(()),
        }
    }

    pub(super) fn given<'s>(&'s self, run: &'s str) -> Given<'s, T> {
        Given {
            object: &self.object,
            api: &self.api,
            own: &self.own,
            lists: &self.admitted.live.lists,
            secrets: &self.secrets,
            now: self.shell.env.clock.now(),
            run,
            others: &self.others,
        }
    }

    fn statement(&self) -> Statement {
        Statement {
            kind: kind::<T::Object>(),
            declared: T::declares(&self.object),
            observes: T::terms(&self.object).observes,
            ..Statement::default()
        }
    }

    pub(super) fn permits(&self) -> Permits<T::Object, T::Connection> {
        let deleting = self.object.meta().deletion_timestamp.is_some();
        let terms = Terms {
            statement: (!deleting).then(|| self.statement()),
            ..Terms::default()
        };
        Permits::new(
            &self.shell.env,
            self.running.connections.clone(),
            self.admitted.live.clone(),
            self.shell.objects.clone(),
            &*self.object,
            terms,
        )
    }

    /// Aborts a run; false where the remote side does not know it.
    pub(super) async fn abort(&self, run: &str, id: &str) -> Result<bool, Error> {
        let (permit, _hold) = self.permits().issue(&[], true, None).await.map_err(Error::Refused)?;
        let aborted = T::abort(&self.given(run), permit, id).await?;
        self.log_write(&format!("abort future {id}"));
        Ok(aborted)
    }

    pub(super) fn log_write(&self, what: &str) {
        let name = ObjectName::of(&*self.object);
        tracing::info!(
            kind = self.shell.kind(),
            namespace = &*name.namespace,
            name = &*name.name,
            steps = ?[what],
            "remote write"
        );
    }
}
