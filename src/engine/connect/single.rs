//! A connection for one command, outside of the operator: the same rules for addresses, TLS and credentials, and no apiserver.

use std::sync::Arc;

use secrecy::SecretString;

use super::{ConnectionKind, kind};
use crate::{
    dataiku::{address::AddressPolicy, transport::Transport},
    engine::{
        error::Error,
        meters::Meters,
        secrets::{Secret, SecretUse, Secrets},
    },
};

/// The API at the other end of a connection object that exists in no cluster. `read` supplies what the object would read from
/// Secrets and `ConfigMap`s. Nothing is sent.
///
/// # Errors
/// `read` fails, or the address or the TLS settings are refused.
pub fn reach<C: ConnectionKind>(
    object: &C,
    addresses: AddressPolicy,
    allow_insecure_tls: bool,
    mut read: impl FnMut(&SecretUse) -> Result<SecretString, Error>,
) -> Result<C::Api, Error> {
    kind::insecurity(object, allow_insecure_tls)?;
    let mut secrets = Vec::new();
    for one in kind::uses(object) {
        let value = read(&one)?;
        secrets.push((one.slot, Secret::Unchanged(value, String::new())));
    }
    let endpoint = kind::endpoint(object, &secrets.into_iter().collect::<Secrets>())?;
    let transport = Transport::new(endpoint, Arc::new(addresses), Arc::<Meters>::default())?;
    Ok(object.api(transport))
}
