//! Many users in one call, each with an outcome of its own (contract sheet, D6). Releases before 14.2 have no such call.

use serde::Deserialize;

use super::{
    DipProduct, Node,
    refusal::says_exists,
    users::{CreateBody, NewUser},
};
use crate::dataiku::{
    call::{Call, Operation, Write},
    error::{ApiError, ErrorKind},
    null,
    permit::WritePermit,
};

/// The outcome for one user.
#[derive(Deserialize)]
struct Row {
    #[serde(default, deserialize_with = "null::as_default")]
    login: String,
    #[serde(default, deserialize_with = "null::as_default")]
    status: String,
    #[serde(default, deserialize_with = "null::as_default")]
    error: String,
}

impl<P: DipProduct> Node<P> {
    const CREATE_USERS: Operation<Write> = Operation::write_many(P::PRODUCT, "POST /admin/users/actions/bulk");

    /// Creates users; the outcome for each, in their order. A row that the answer lacks is `Malformed`: the user may exist.
    ///
    /// # Errors
    /// The call fails as a whole. `AlreadyExists` of a single user: the login is taken.
    pub async fn create_users(
        &self,
        permit: WritePermit,
        users: &[NewUser<'_>],
    ) -> Result<Vec<Result<(), ApiError>>, ApiError> {
        let bodies: Vec<CreateBody<'_>> = users.iter().map(NewUser::body).collect();
        let passwords: Vec<_> = users.iter().filter_map(|user| user.password.cloned()).collect();
        let call = Call::new(Self::CREATE_USERS).json(&bodies).secrets(passwords.clone());
        drop(bodies);
        let rows: Vec<Row> = self.transport.write(call, permit).await?;
        let in_order = rows.len() == users.len();
        let outcome = |(place, user): (usize, &NewUser<'_>)| {
            let own = rows.iter().find(|row| row.login == user.login);
            // Some rows may name nobody.
            let at_place = || rows.get(place).filter(|row| in_order && row.login.is_empty());
            let Some(row) = own.or_else(at_place) else {
                return Err(self.failed(ErrorKind::Malformed, "the answer has no outcome for this user"));
            };
            if row.status.eq_ignore_ascii_case("SUCCESS") {
                return Ok(());
            }
            let taken = says_exists(&row.error) || row.error.to_ascii_lowercase().contains("already exist");
            let kind = match &*row.status {
                _ if taken => ErrorKind::AlreadyExists,
                failure if failure.eq_ignore_ascii_case("FAILURE") => ErrorKind::Rejected,
                _ => ErrorKind::Malformed,
            };
            Err(self.failed(kind, &self.transport.quote(&row.error, &passwords)))
        };
        Ok(users.iter().enumerate().map(outcome).collect())
    }

    #[allow(clippy::unused_self, reason = "the operation depends on the product")]
    fn failed(&self, kind: ErrorKind, message: &str) -> ApiError {
        ApiError {
            own_words: true,
            ..ApiError::new(Self::CREATE_USERS.name(), kind, message)
        }
    }
}
