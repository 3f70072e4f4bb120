//! Many users in one call, each with an outcome of its own (contract sheet, D6 and D7). Releases before 14.2 have no such calls.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    DipProduct, Node,
    refusal::says_exists,
    users::{CreateBody, NewUser, UserRecord},
};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::{ApiError, ErrorKind},
    fields::{Fields, Record},
    listed::{Element, Kept},
    null,
    permit::WritePermit,
    transport::Loan,
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

const LOGIN: &str = "login";
/// Quotes, colon and comma of a member, in bytes.
const PUNCTUATION: usize = 4;
/// Longest text that the elements of one list may take up while they wait for their edits, in bytes. Users beyond it are read
/// by themselves.
const MOST_ELEMENTS: usize = 4 << 20;

/// The members of one user document that an edit changes, each of them whole.
pub struct UserEdit {
    login: String,
    body: Document,
    bytes: usize,
}

impl UserEdit {
    /// What differs between an element of a list and the same after an edit. `None`: only a write of the whole document carries
    /// it without the risk that it loses something of somebody else's, or does nothing:
    /// - the member is none of those that a bulk edit carries;
    /// - it is a map or a list that the element leaves out, so that nobody knows what it would replace;
    /// - a name leaves a map, which a node that merges maps would not notice (contract sheet, A7).
    #[must_use]
    pub fn between(login: &str, before: &Document, after: &Document) -> Option<Self> {
        if before.keys().any(|key| !after.contains(key)) {
            return None;
        }
        let mut body = Document::new();
        body.set(LOGIN, login);
        let mut bytes = 2 * LOGIN.len() + login.len();
        for (key, value) in after.members() {
            let value_before = before.raw(key);
            if value_before == Some(value.get()) {
                continue;
            }
            let nested = value.get().starts_with(['{', '[']);
            let replaces_unseen = nested && value_before.is_none();
            if !CARRIED.contains(&key) || replaces_unseen || loses_names(key, before, after) {
                return None;
            }
            bytes += key.len() + value.get().len() + PUNCTUATION;
            body.set(key, value);
        }
        Some(Self {
            login: login.to_owned(),
            body,
            bytes,
        })
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.keys().all(|key| key == LOGIN)
    }

    /// Size of its JSON, in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Whether a name of the map in this member is gone. A value that is no map has no names.
fn loses_names(key: &str, before: &Document, after: &Document) -> bool {
    let map = |document: &Document| document.nested(key).ok().flatten();
    match (map(before), map(after)) {
        (Some(before), Some(after)) => before.keys().any(|name| !after.contains(name)),
        (Some(before), None) => before.keys().next().is_some(),
        (None, _) => false,
    }
}

/// A user as a list with settings shows it.
pub struct ListedUser {
    /// What is compared.
    pub record: UserRecord,
    /// The members that a bulk edit carries, as they are in the list.
    pub element: Document,
}

impl Record for ListedUser {
    const KEY: &'static str = UserRecord::KEY;

    fn read(fields: Fields<'_>) -> Option<Self> {
        let mut element = Document::new();
        for (key, raw) in fields.iter().filter(|(key, _)| CARRIED.contains(key)) {
            element.set(key, raw);
        }
        let record = UserRecord::read(fields)?;
        Some(Self { record, element })
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
    const DELETE_USERS: Operation<Write> = Operation::write_many(P::PRODUCT, "DELETE /admin/users/actions/bulk");
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

    /// The users that `wanted` accepts, by one list with settings: as many of them as [`MOST_ELEMENTS`] and the memory budget allow.
    /// The loan is to be dropped after them.
    ///
    /// # Errors
    /// The call fails.
    pub async fn users_to_edit(
        &self,
        wanted: impl Fn(&str) -> bool + Send + Sync,
    ) -> Result<(Vec<ListedUser>, Loan), ApiError> {
        let call = Call::new(Self::LIST_USERS).query("includeSettings", &true);
        let take = |(found, bytes): &mut (Vec<ListedUser>, usize), Element(user): Element<ListedUser>| {
            let Some(user) = user.filter(|user| wanted(&user.record.login)) else {
                return Kept::Bytes(0);
            };
            let size = |(key, value): (&str, &RawValue)| key.len() + value.get().len() + PUNCTUATION;
            *bytes += user.element.members().map(size).sum::<usize>();
            if *bytes > MOST_ELEMENTS {
                return Kept::Bytes(0);
            }
            found.push(user);
            Kept::Whole
        };
        let ((found, _), loan) = self.transport.lent(call, take).await?;
        Ok((found, loan))
    }

    /// Edits users; the outcome for each, in their order. Members that an edit does not name stay as they are. A row that the
    /// answer lacks is `Malformed`: the user may be changed.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn edit_users(
        &self,
        permit: WritePermit,
        edits: &[&UserEdit],
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

    /// Deletes users; the outcome for each, in their order. A row that the answer lacks is `Malformed`: the user may be gone. The
    /// node refuses to delete the user that the key belongs to.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn delete_users(
        &self,
        permit: WritePermit,
        logins: &[&str],
    ) -> Result<Vec<Result<(), ApiError>>, ApiError> {
        let call = Call::new(Self::DELETE_USERS)
            .query("allowSelfDeletion", &false)
            .json(logins);
        let rows: Vec<Row> = self.transport.write(call, permit).await?;
        Ok(self.outcomes(Self::DELETE_USERS.name(), &rows, logins.iter().copied(), &[]))
    }

    /// Reads a user, edits the whole document, and writes it; no write where the edit changes nothing.
    ///
    /// # Errors
    /// A call fails, there is no such user, or the document is not of the shape that the edit needs.
    pub async fn edit_user(
        &self,
        permit: WritePermit,
        login: &str,
        edit: impl Fn(&mut Document) -> Result<(), DocumentError> + Send + Sync,
    ) -> Result<(), ApiError> {
        let operation = Self::PUT_USER.name();
        let Some(before) = self.user(login).await? else {
            return Err(ApiError::new(operation, ErrorKind::NotFound, "there is no such user"));
        };
        let mut after = before.clone();
        edit(&mut after).map_err(|error| ApiError::new(operation, ErrorKind::Rejected, error.to_string()))?;
        if UserEdit::between(login, &before, &after).is_some_and(|edit| edit.is_empty()) {
            return Ok(());
        }
        self.put_user(permit, login, &after).await
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document(value: &Value) -> Document {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn body(before: &Value, after: &Value) -> Option<Value> {
        let edit = UserEdit::between("jane", &document(before), &document(after))?;
        let text = serde_json::to_string(&edit.body).unwrap();
        assert!(edit.bytes() >= text.len() - 2, "{} bytes of {text}", edit.bytes());
        Some(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn an_edit_carries_what_differs_and_nothing_else() {
        let before =
            json!({ "displayName": "J", "email": null, "groups": ["a"], "adminProperties": { "theirs": { "n": 1 } } });
        assert_eq!(body(&before, &before), Some(json!({ "login": "jane" })));
        let mut after = before.clone();
        after["email"] = json!("j@x");
        assert_eq!(body(&before, &after), Some(json!({ "login": "jane", "email": "j@x" })));
        after["groups"] = json!(["a", "b"]);
        after["adminProperties"]["ours"] = json!("1");
        let whole = json!({
            "login": "jane", "email": "j@x", "groups": ["a", "b"],
            "adminProperties": { "theirs": { "n": 1 }, "ours": "1" },
        });
        assert_eq!(body(&before, &after), Some(whole));
    }

    #[test]
    fn numbers_of_others_keep_their_text() {
        let before: Document = serde_json::from_str(r#"{"userProperties":{"n":1.500e3,"ours":"0"}}"#).unwrap();
        let after: Document = serde_json::from_str(r#"{"userProperties":{"n":1.500e3,"ours":"1"}}"#).unwrap();
        let edit = UserEdit::between("jane", &before, &after).unwrap();
        let text = serde_json::to_string(&edit.body).unwrap();
        assert_eq!(text, r#"{"login":"jane","userProperties":{"n":1.500e3,"ours":"1"}}"#);
    }

    #[test]
    fn what_a_bulk_edit_does_not_carry_or_could_lose_needs_the_whole_document() {
        let before = json!({ "displayName": "J", "adminProperties": { "a": "1", "b": "2" } });
        let with = |key: &str, value: Value| {
            let mut after = before.clone();
            after[key] = value;
            after
        };
        for after in [
            with("password", json!("secret")),
            with("secrets", json!([])),
            with("credentials", json!({})),
            // The list left the member out: nobody knows what a replacement would lose.
            with("userProperties", json!({ "ours": "1" })),
            with("groups", json!(["a"])),
            // A node that merges maps would not notice.
            with("adminProperties", json!({ "a": "1" })),
            with("adminProperties", Value::Null),
            json!({ "adminProperties": { "a": "1", "b": "2" } }),
        ] {
            assert_eq!(body(&before, &after), None, "{after}");
        }
        assert!(body(&before, &with("email", json!("j@x"))).is_some());
    }
}
