//! The writes of one run: each takes a permit, and each leaves a record in the log.

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{Task, stage::Stage};
use crate::{
    dataiku::{error::ApiError, permit::WritePermit},
    engine::{
        connect::Effect,
        error::{Error, Fate},
        permit::Permits,
    },
};

/// Issues the permits of one run.
pub struct Writes<'a, T: Task> {
    stage: &'a Stage<'a, T>,
    permits: Permits<T::Object, T::Connection>,
    begun: AtomicUsize,
    done: AtomicUsize,
}

impl<'a, T: Task> Writes<'a, T> {
    pub(super) fn new(stage: &'a Stage<'a, T>) -> Self {
        Self {
            permits: stage.permits(),
            stage,
            begun: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        }
    }

    /// Sends one write that changes no account. `what` says for people what it does, such as `unload session s1 of notebook
    /// RISK/explore`.
    ///
    /// # Errors
    /// There is no permit, or the call fails.
    pub async fn send<R, F>(&self, what: &str, call: impl FnOnce(WritePermit) -> F + Send) -> Result<R, Error>
    where
        F: Future<Output = Result<R, ApiError>> + Send,
    {
        self.send_affecting(what, &[], call).await
    }

    /// The same for a write with these effects on users, by which guards, protected lists and delegations judge it.
    ///
    /// # Errors
    /// There is no permit, or the call fails.
    pub async fn send_affecting<R, F>(
        &self,
        what: &str,
        effects: &[Effect],
        call: impl FnOnce(WritePermit) -> F + Send,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<R, ApiError>> + Send,
    {
        self.stage.check_identity()?;
        let (permit, _hold) = self.permits.issue(effects, false, None).await.map_err(Error::Refused)?;
        self.begun.fetch_add(1, Ordering::Relaxed);
        let answer = call(permit).await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        self.stage.log_write(what);
        Ok(answer)
    }

    /// Whether nobody may change this user through the operator.
    pub fn is_protected(&self, login: &str) -> bool {
        self.stage.is_protected(Some(login))
    }

    /// Whether there is any such user.
    pub fn protects_somebody(&self) -> bool {
        self.stage.is_protected(None)
    }

    /// Whether nothing was done on the remote side when a run ended with this error.
    pub(super) fn did_nothing(&self, error: &Error) -> bool {
        let (begun, done) = (self.begun.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        done == 0 && (begun == 0 || error.fate() == Fate::NotDone)
    }

    /// Whether a write was answered with success.
    pub(super) fn wrote(&self) -> bool {
        self.done.load(Ordering::Relaxed) > 0
    }
}
