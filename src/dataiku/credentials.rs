//! Who we are to the other side.

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

/// Credentials, sent with every call.
pub enum Credentials {
    /// API key of a node: user name, with an empty password.
    ApiKey(SecretString),
    /// A token, sent as `Authorization: Bearer`.
    Bearer(SecretString),
    /// Key of a space.
    KeyPair {
        /// Id of the key.
        id: SecretString,
        /// Its secret.
        secret: SecretString,
    },
}

impl Credentials {
    pub(super) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::ApiKey(key) => request.basic_auth(key.expose_secret(), Some("")),
            Self::Bearer(token) => request.bearer_auth(token.expose_secret()),
            Self::KeyPair { id, secret } => request.basic_auth(id.expose_secret(), Some(secret.expose_secret())),
        }
    }

    /// What no message may contain.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        match self {
            Self::ApiKey(secret) | Self::Bearer(secret) => vec![secret.clone()],
            Self::KeyPair { id, secret } => vec![id.clone(), secret.clone()],
        }
    }
}
