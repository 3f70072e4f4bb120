//! Many users in one call, each with an outcome of its own (contract sheet, D6 and D7). Releases before 14.2 have no such calls.

use secrecy::SecretString;
use serde::Deserialize;

use super::{
    DipProduct, Node,
    refusal::says_exists,
    users::{CreateBody, NewUser},
};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::Document,
    error::{ApiError, ErrorKind},
    fields::{Fields, Record},
    listed::{Element, Listed},
    null,
    permit::WritePermit,
};

/// Members that a bulk edit carries. It carries `secrets` too, but replaces all of them, and no contract says that a list shows
/// their values in a form that may be sent back.
const CARRIED: [&str; 9] = [
    "displayName",
    "email",
    "groups",
    "userProfile",
    "enabled",
    "sourceType",
    "adminProperties",
    "userProperties",
    "preferences",
];

/// The members of one user document that an edit changes, whole: the node may replace a map or merge it (contract sheet, A7).
pub struct UserEdit {
    login: String,
    body: Document,
}

impl UserEdit {
    /// What differs between two versions of a user document. `None`: a bulk edit does not carry it.
    #[must_use]
    pub fn between(login: &str, before: &Document, after: &Document) -> Option<Self> {
        if before.keys().any(|key| !after.contains(key)) {
            return None;
        }
        let mut body = Document::new();
        body.set("login", login);
        for (key, value) in after.members() {
            if before.raw(key) != Some(value.get()) {
                CARRIED.contains(&key).then(|| body.set(key, value))?;
            }
        }
        Some(Self {
            login: login.to_owned(),
            body,
        })
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.keys().all(|key| key == "login")
    }
}

/// A user in a list, as the whole document.
struct Whole(String, Document);

impl Record for Whole {
    const KEY: &'static str = "login";

    fn read(fields: Fields<'_>) -> Option<Self> {
        let login = fields.key(Self::KEY)?;
        let mut document = Document::new();
        fields.iter().for_each(|(key, raw)| document.set(key, raw));
        Some(Self(login, document))
    }
}

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
    const EDIT_USERS: Operation<Write> = Operation::write_many(P::PRODUCT, "PUT /admin/users/actions/bulk");

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
        let logins = users.iter().map(|user| user.login);
        Ok(self.outcomes(Self::CREATE_USERS.name(), &rows, logins, &passwords))
    }

    /// The documents of the users that `wanted` accepts, with their settings.
    ///
    /// # Errors
    /// The call fails.
    pub async fn user_documents(
        &self,
        wanted: impl Fn(&str) -> bool + Send + Sync,
    ) -> Result<Listed<(String, Document)>, ApiError> {
        let mut found = Listed::default();
        let call = Call::new(Self::LIST_USERS).query("includeSettings", &true);
        let take = |Element(user): Element<Whole>| match user {
            Some(Whole(login, document)) if wanted(&login) => found.push(Some((login, document))),
            Some(_) => {}
            None => found.push(None),
        };
        self.transport.each(call, take).await?;
        Ok(found)
    }

    /// Edits users; the outcome for each, in their order. Members that an edit does not name stay as they are. A row that the
    /// answer lacks is `Malformed`: the user may be changed.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn edit_users(
        &self,
        permit: WritePermit,
        edits: &[UserEdit],
    ) -> Result<Vec<Result<(), ApiError>>, ApiError> {
        let bodies: Vec<&Document> = edits.iter().map(|edit| &edit.body).collect();
        let rows: Vec<Row> = self
            .transport
            .write(Call::new(Self::EDIT_USERS).json(&bodies), permit)
            .await?;
        let logins = edits.iter().map(|edit| &*edit.login);
        let mut outcomes = self.outcomes(Self::EDIT_USERS.name(), &rows, logins, &[]);
        // What exists is no obstacle to an edit: it refuses something else.
        for error in outcomes.iter_mut().filter_map(|outcome| outcome.as_mut().err()) {
            if error.kind == ErrorKind::AlreadyExists {
                error.kind = ErrorKind::Rejected;
            }
        }
        Ok(outcomes)
    }

    fn outcomes<'a>(
        &self,
        operation: &'static str,
        rows: &[Row],
        logins: impl ExactSizeIterator<Item = &'a str>,
        secrets: &[SecretString],
    ) -> Vec<Result<(), ApiError>> {
        let in_order = rows.len() == logins.len();
        let failed = |kind, message: &str| ApiError {
            own_words: true,
            ..ApiError::new(operation, kind, message)
        };
        let outcome = |(place, login): (usize, &str)| {
            let own = rows.iter().find(|row| row.login == login);
            // Some rows may name nobody.
            let at_place = || rows.get(place).filter(|row| in_order && row.login.is_empty());
            let Some(row) = own.or_else(at_place) else {
                return Err(failed(ErrorKind::Malformed, "the answer has no outcome for this user"));
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
            Err(failed(kind, &self.transport.quote(&row.error, secrets)))
        };
        logins.enumerate().map(outcome).collect()
    }
}
