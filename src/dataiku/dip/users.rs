//! Users of a node (contract sheet 2.1 and 2.2).

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{
    DipProduct, Node,
    credentials::{CREDENTIALS, CredentialRecord, SECRETS, SecretName},
    secrets::secret_values,
};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    fields::{Fields, Record, Unreadable, record},
    listed::{Element, Keep, Kept, Listed},
    outcome::{confirmed, present, taken},
    permit::WritePermit,
};

/// A user as the lists hold it: no secret value, nothing unknown (contract sheet 2.1). `None` is absent, or, where
/// the member is in `unreadable`, unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRecord {
    /// Login.
    pub login: String,
    /// `LOCAL`, `LDAP`, `LOCAL_NO_AUTH` and others; an open set.
    pub source_type: Option<String>,
    /// Display name.
    pub display_name: Option<String>,
    /// Email address, in the node's spelling; an empty one is none.
    pub email: Option<String>,
    /// Groups, in the node's order; an absent list is empty. `None`: unreadable.
    pub groups: Option<Vec<String>>,
    /// User profile that was set.
    pub user_profile: Option<String>,
    /// User profile in force, computed by the node.
    pub resulting_user_profile: Option<String>,
    /// Whether the user may log in. `None`: unreadable, or left out, as by the short list of a Govern node.
    pub enabled: Option<bool>,
    /// Open sessions.
    pub active_sessions: Option<i64>,
    /// Time of creation, in milliseconds since the epoch.
    pub creation_date: Option<i64>,
    /// Whether the profile in force allows code.
    pub code_allowed: Option<bool>,
    /// The trial, where the answer includes it.
    pub trial: Option<Trial>,
    /// Properties that the user sees. `None`: unreadable, or left out, as by a list without settings.
    pub user_properties: Option<BTreeMap<String, Value>>,
    /// Properties that only administrators see. `None` as above.
    pub admin_properties: Option<BTreeMap<String, Value>>,
    /// Names of the user's secrets. `None` as above.
    pub secrets: Option<Vec<String>>,
    /// Credentials by connection or preset, without their values. `None` as above.
    pub credentials: Option<BTreeMap<String, CredentialRecord>>,
    /// Preferences. `None` as above.
    pub preferences: Option<Preferences>,
    /// Members that could not be read, by their names in the node's document.
    pub unreadable: Unreadable,
}

/// The preferences of a user, as JSON text: few objects declare any, and a list holds those of every user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences(Box<str>);

impl Preferences {
    /// The preferences by name.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// The trial of a user profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Whether there is or was one.
    pub exists: Option<bool>,
    /// Whether it is over.
    pub expired: Option<bool>,
    /// Whether it is in force.
    pub valid: Option<bool>,
    /// Its end, in milliseconds since the epoch; 0 is never.
    pub expires_on: Option<i64>,
    /// Its beginning, in milliseconds since the epoch.
    pub granted_on: Option<i64>,
}

/// The node's spelling, with three s.
const SESSIONS: &str = "activeWebSocketSesssions";
const SESSIONS_AS_DOCUMENTED: &str = "activeWebSocketSessions";

impl Record for UserRecord {
    const KEY: &'static str = "login";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            login: fields.key(Self::KEY)?,
            source_type: fields.text("sourceType"),
            display_name: fields.text("displayName"),
            email: fields.text("email"),
            groups: fields.list("groups"),
            user_profile: fields.text("userProfile"),
            resulting_user_profile: fields.text("resultingUserProfile"),
            enabled: fields.flag("enabled"),
            active_sessions: fields
                .number(SESSIONS)
                .or_else(|| fields.number(SESSIONS_AS_DOCUMENTED)),
            creation_date: fields.number("creationDate"),
            code_allowed: fields.flag("codeAllowed"),
            trial: fields.nested("trialStatus").map(|mut trial| Trial {
                exists: trial.flag("exists"),
                expired: trial.flag("expired"),
                valid: trial.flag("valid"),
                expires_on: trial.number("expiresOn"),
                granted_on: trial.number("grantedOn"),
            }),
            user_properties: fields.optional_map("userProperties"),
            admin_properties: fields.optional_map("adminProperties"),
            secrets: if fields.has(SECRETS) {
                let secrets = fields.list::<SecretName>(SECRETS);
                secrets.map(|secrets| secrets.into_iter().map(|secret| secret.name).collect())
            } else {
                None
            },
            credentials: if fields.has(CREDENTIALS) {
                fields.map(CREDENTIALS)
            } else {
                None
            },
            preferences: preferences(&mut fields),
            unreadable: fields.unreadable(),
        })
    }
}

fn preferences(fields: &mut Fields<'_>) -> Option<Preferences> {
    const PREFERENCES: &str = "preferences";
    if !fields.has(PREFERENCES) {
        return None;
    }
    // Only an object is readable.
    fields.map::<serde::de::IgnoredAny>(PREFERENCES)?;
    let raw = fields.value::<Box<RawValue>>(PREFERENCES);
    Some(Preferences(raw.map_or_else(|| "{}".into(), Box::from)))
}

impl UserRecord {
    /// The record of a user document. New users are enabled, and so is one whose document does not say.
    ///
    /// # Errors
    /// The login is missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        let mut user: Self = record(document)?;
        if !user.unreadable.contains("enabled") {
            user.enabled.get_or_insert(true);
        }
        Ok(user)
    }
}

/// A user to be created; new users are enabled. Neither Debug nor Serialize: it may hold a password.
pub struct NewUser<'a> {
    /// Login.
    pub login: &'a str,
    /// Password, for `LOCAL` users.
    pub password: Option<&'a SecretString>,
    /// Name to show.
    pub display_name: &'a str,
    /// Where the user comes from.
    pub source_type: &'a str,
    /// Groups.
    pub groups: &'a [String],
    /// User profile. The node's own default may not be licensed, so there is none here.
    pub user_profile: &'a str,
    /// Email address.
    pub email: Option<&'a str>,
}

/// Every key is sent, absent values as null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateBody<'a> {
    login: &'a str,
    password: Option<&'a str>,
    display_name: &'a str,
    source_type: &'a str,
    groups: &'a [String],
    user_profile: &'a str,
    email: Option<&'a str>,
}

impl<'a> NewUser<'a> {
    pub(super) fn body(&self) -> CreateBody<'a> {
        CreateBody {
            login: self.login,
            password: self.password.map(ExposeSecret::expose_secret),
            display_name: self.display_name,
            source_type: self.source_type,
            groups: self.groups,
            user_profile: self.user_profile,
            email: self.email,
        }
    }
}

impl Keep for UserRecord {
    fn kept(&self) -> Kept {
        Kept::Whole
    }
}

impl<P: DipProduct> Node<P> {
    pub(super) const LIST_USERS: Operation = Operation::list(P::PRODUCT, "GET /admin/users/");
    const CREATE_USER: Operation<Write> = Operation::write(P::PRODUCT, "POST /admin/users/");
    const GET_USER: Operation = Operation::read(P::PRODUCT, "GET /admin/users/{login}");
    pub(super) const PUT_USER: Operation<Write> = Operation::write(P::PRODUCT, "PUT /admin/users/{login}");
    const DELETE_USER: Operation<Write> = Operation::write(P::PRODUCT, "DELETE /admin/users/{login}");

    /// All users; with settings, their properties too. Each is handed to `keep` as soon as it is read.
    ///
    /// # Errors
    /// The call fails.
    pub async fn users<T: Keep + Send>(
        &self,
        include_settings: bool,
        mut keep: impl FnMut(UserRecord) -> T + Send,
    ) -> Result<Listed<T>, ApiError> {
        let call = Call::new(Self::LIST_USERS).query("includeSettings", &include_settings);
        let take = |users: &mut Listed<T>, Element(user): Element<UserRecord>| {
            let user = user.map(&mut keep);
            let kept = user.as_ref().map_or(Kept::Bytes(0), Keep::kept);
            users.push(user);
            kept
        };
        self.transport.each(call, T::HELD, take).await
    }

    /// The whole document of a user; `None` when it does not exist. A 404 that is not in the node's own error format
    /// counts only if the list of users confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn user(&self, login: &str) -> Result<Option<Document>, ApiError> {
        let answer = self
            .transport
            .json(Call::new(Self::GET_USER).segment("login", login))
            .await;
        let listed = async {
            Ok(self
                .users(false, |user| user.login == login)
                .await?
                .shows(|is_it| *is_it))
        };
        confirmed(answer, listed).await
    }

    /// Creates a user.
    ///
    /// # Errors
    /// The call fails. `AlreadyExists`: the login is taken.
    pub async fn create_user(&self, permit: WritePermit, user: &NewUser<'_>) -> Result<(), ApiError> {
        let call = Call::new(Self::CREATE_USER)
            .json(&user.body())
            .secrets(user.password.cloned());
        taken(self.transport.write_done(call, permit).await)
    }

    /// Replaces the document of a user. Pass the one just read, edited. A member `password` sets the password.
    ///
    /// # Errors
    /// The call fails. `NotFound`: there is no such user.
    pub async fn put_user(&self, permit: WritePermit, login: &str, document: &Document) -> Result<(), ApiError> {
        let call = Call::new(Self::PUT_USER)
            .segment("login", login)
            .json(document)
            .secrets(secret_values(document));
        self.transport.write_done(call, permit).await
    }

    /// Deletes a user; false when there was none. The node refuses to delete the user that the key belongs to.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_user(&self, permit: WritePermit, login: &str) -> Result<bool, ApiError> {
        let call = Call::new(Self::DELETE_USER)
            .segment("login", login)
            .query("allowSelfDeletion", &false);
        present(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }
}
