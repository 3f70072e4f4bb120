//! Users of a node (contract sheet 2.1 and 2.2).

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{DipProduct, Node, secrets::secret_values};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    outcome::{confirmed, present},
    permit::WritePermit,
};

/// What is kept of a user between looks at the node: no secret, no preference, nothing unknown.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Wire")]
pub struct UserRecord {
    /// Login.
    pub login: String,
    /// `LOCAL`, `LDAP`, `LOCAL_NO_AUTH` and others; an open set.
    pub source_type: Option<String>,
    /// Name to show.
    pub display_name: Option<String>,
    /// Email address; an empty one is none.
    pub email: Option<String>,
    /// Groups, in the node's order.
    pub groups: Vec<String>,
    /// User profile that was set.
    pub user_profile: Option<String>,
    /// User profile in force, computed by the node.
    pub resulting_user_profile: Option<String>,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Open sessions.
    pub active_sessions: i64,
    /// Properties that the user sees; `None` when the answer does not hold them.
    pub user_properties: Option<BTreeMap<String, Value>>,
    /// Properties that only administrators see; `None` when the answer does not hold them.
    pub admin_properties: Option<BTreeMap<String, Value>>,
}

/// The record as the node sends it. Unknown fields are passed over, missing and null ones have their meaning below.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    login: String,
    source_type: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
    groups: Option<Vec<String>>,
    user_profile: Option<String>,
    resulting_user_profile: Option<String>,
    enabled: Option<bool>,
    /// The node's spelling, with three s.
    #[serde(rename = "activeWebSocketSesssions")]
    sessions: Option<i64>,
    /// The manual's.
    #[serde(rename = "activeWebSocketSessions")]
    sessions_as_documented: Option<i64>,
    #[serde(default, deserialize_with = "properties")]
    user_properties: Option<BTreeMap<String, Value>>,
    #[serde(default, deserialize_with = "properties")]
    admin_properties: Option<BTreeMap<String, Value>>,
}

/// Null is an empty map: only a field that is not there says nothing.
fn properties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, Value>>, D::Error> {
    Option::deserialize(deserializer).map(|properties| Some(properties.unwrap_or_default()))
}

impl From<Wire> for UserRecord {
    fn from(wire: Wire) -> Self {
        Self {
            login: wire.login,
            source_type: wire.source_type,
            display_name: wire.display_name,
            email: wire.email.filter(|email| !email.is_empty()),
            groups: wire.groups.unwrap_or_default(),
            user_profile: wire.user_profile,
            resulting_user_profile: wire.resulting_user_profile,
            enabled: wire.enabled.unwrap_or(true),
            active_sessions: wire.sessions.or(wire.sessions_as_documented).unwrap_or_default(),
            user_properties: wire.user_properties,
            admin_properties: wire.admin_properties,
        }
    }
}

impl UserRecord {
    /// The record of a user document.
    ///
    /// # Errors
    /// A field has an unexpected shape.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        document.read()
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
struct CreateBody<'a> {
    login: &'a str,
    password: Option<&'a str>,
    display_name: &'a str,
    source_type: &'a str,
    groups: &'a [String],
    user_profile: &'a str,
    email: Option<&'a str>,
}

impl<P: DipProduct> Node<P> {
    const LIST_USERS: Operation = Operation::list(P::PRODUCT, "GET /admin/users/");
    const CREATE_USER: Operation<Write> = Operation::write(P::PRODUCT, "POST /admin/users/");
    const GET_USER: Operation = Operation::read(P::PRODUCT, "GET /admin/users/{login}");
    const PUT_USER: Operation<Write> = Operation::write(P::PRODUCT, "PUT /admin/users/{login}");
    const DELETE_USER: Operation<Write> = Operation::write(P::PRODUCT, "DELETE /admin/users/{login}");

    /// All users; with settings, their properties too. Each is what `keep` makes of it as soon as it is read.
    ///
    /// # Errors
    /// The call fails, or one of the users cannot be read.
    pub async fn users<T: Send>(
        &self,
        include_settings: bool,
        mut keep: impl FnMut(UserRecord) -> T + Send,
    ) -> Result<Vec<T>, ApiError> {
        let mut users = Vec::new();
        let call = Call::new(Self::LIST_USERS).query("includeSettings", &include_settings);
        self.transport.each(call, |user| users.push(keep(user))).await?;
        Ok(users)
    }

    /// The whole document of a user; `None` when there is no such user. A 404 that the node did not put in its own words
    /// is believed only if the list of users bears it out.
    ///
    /// # Errors
    /// The call fails.
    pub async fn user(&self, login: &str) -> Result<Option<Document>, ApiError> {
        let answer = self
            .transport
            .json(Call::new(Self::GET_USER).segment("login", login))
            .await;
        let listed = async { Ok(self.users(false, |user| user.login == login).await?.contains(&true)) };
        confirmed(answer, listed).await
    }

    /// Creates a user.
    ///
    /// # Errors
    /// The call fails. `AlreadyExists`: the login is taken.
    pub async fn create_user(&self, permit: WritePermit, user: &NewUser<'_>) -> Result<(), ApiError> {
        let body = CreateBody {
            login: user.login,
            password: user.password.map(ExposeSecret::expose_secret),
            display_name: user.display_name,
            source_type: user.source_type,
            groups: user.groups,
            user_profile: user.user_profile,
            email: user.email,
        };
        let call = Call::new(Self::CREATE_USER).json(&body).secrets(user.password.cloned());
        self.transport.write_done(call, permit).await
    }

    /// Replaces the document of a user, which has to be the one just read, edited. A member `password` sets the password.
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
