//! When users were last seen (contract sheet 2.3).

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation},
    error::ApiError,
    fields::{Fields, Record},
    listed::Listed,
};

/// When a user was last seen, in milliseconds since the epoch. `None`: never, or unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityRecord {
    /// Login.
    pub login: String,
    /// Last login.
    pub last_login: Option<i64>,
    /// Last login that failed.
    pub last_failed_login: Option<i64>,
    /// Last action in a session.
    pub last_activity: Option<i64>,
}

impl Record for ActivityRecord {
    const KEY: &'static str = "login";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let login = fields.key(Self::KEY)?;
        // The node says 0, or less, for never.
        let mut time = |member| fields.number(member).filter(|time| *time > 0);
        Some(Self {
            login,
            last_login: time("lastSuccessfulLogin"),
            last_failed_login: time("lastFailedLogin"),
            last_activity: time("lastSessionActivity"),
        })
    }
}

impl<P: DipProduct> Node<P> {
    const LIST_ACTIVITY: Operation = Operation::list(P::PRODUCT, "GET /admin/users-activity");

    /// When all users were last seen.
    ///
    /// # Errors
    /// The call fails.
    pub async fn users_activity(&self) -> Result<Listed<ActivityRecord>, ApiError> {
        let call = Call::new(Self::LIST_ACTIVITY).query("enabledUsersOnly", &false);
        self.transport.list(call).await
    }
}
