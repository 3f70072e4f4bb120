//! Who we are to the other side.

use reqwest::{Client, RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Credentials, sent as HTTP Basic.
pub enum Credentials {
    /// API key of a node: user name, with an empty password.
    ApiKey(SecretString),
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
            Self::KeyPair { id, secret } => request.basic_auth(id.expose_secret(), Some(secret.expose_secret())),
        }
    }

    /// The credentials, and the form in which a gateway that echoes headers would show them.
    pub(super) fn secrets(&self, client: &Client, base: &Url) -> Vec<SecretString> {
        let mut secrets = match self {
            Self::ApiKey(key) => vec![key.clone()],
            Self::KeyPair { id, secret } => vec![id.clone(), secret.clone()],
        };
        let request = self.authorize(client.get(base.clone())).build();
        let header = request
            .as_ref()
            .ok()
            .and_then(|request| request.headers().get(header::AUTHORIZATION)?.to_str().ok());
        secrets.extend(
            header
                .and_then(|value| value.strip_prefix("Basic "))
                .map(SecretString::from),
        );
        secrets
    }
}
