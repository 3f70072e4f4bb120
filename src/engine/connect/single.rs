//! A connection for one command, outside of the operator: the same rules for addresses, TLS and credentials, and no apiserver.

use std::sync::Arc;

use secrecy::SecretString;

use super::{
    ConnectionKey, ConnectionKind, Connections, Dependent, Live, Place, consent, delegation::Privileges, kind,
};
use crate::{
    dataiku::{address::AddressPolicy, transport::Transport},
    engine::{
        error::Error,
        meters::Meters,
        namespaces::Namespaces,
        scope::Scope,
        secrets::{Secret, SecretUse, Secrets},
    },
};

/// One connection without a cluster, by which objects are judged as the operator judges them.
pub struct Bench<C: ConnectionKind> {
    /// The object that defines it.
    pub object: C,
    /// The connection.
    pub live: Arc<Live<C>>,
    /// Its terms. They know no namespace but by name.
    pub(in crate::engine) connections: Arc<Connections<C>>,
    /// Whether `object` has the terms of the connection; otherwise only its address is known.
    pub(in crate::engine) knows_terms: bool,
}

impl<C: ConnectionKind> Bench<C> {
    /// Of this object, through this API. Nothing is sent.
    pub fn new(object: C, api: C::Api, privileges: Arc<Privileges>) -> Self {
        let meta = object.meta();
        let key = ConnectionKey::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
        Self {
            live: Arc::new(Live::alone(key, api)),
            connections: Arc::new(Connections::new(
                Scope::default(),
                privileges,
                Namespaces::default(),
                Place::default(),
            )),
            object,
            knows_terms: true,
        }
    }

    /// The same, where only the address of the connection is known: its terms are not judged.
    #[must_use]
    pub fn without_terms(mut self) -> Self {
        self.knows_terms = false;
        self
    }

    /// Reads the remote side once.
    ///
    /// # Errors
    /// A call fails, the remote side is of another product, or the credentials do not suffice.
    pub async fn survey(&self, dependents: &[Dependent]) -> Result<(), Error> {
        self.object.survey(&self.live, dependents).await
    }
}

/// Everything that the connection object reads from Secrets and `ConfigMap`s.
pub fn uses<C: ConnectionKind>(object: &C) -> Vec<SecretUse> {
    kind::uses(object)
}

/// Fails if a Secret does not let its values be sent where the connection sends them. `hosts`: the annotation of each Secret,
/// by its name.
///
/// # Errors
/// `NotAllowed`, with the command that would allow it; or the address is refused.
pub fn consented<C: ConnectionKind>(
    object: &C,
    addresses: &AddressPolicy,
    hosts: impl IntoIterator<Item = (String, Option<String>)>,
) -> Result<(), Error> {
    let destinations = kind::destinations(object, addresses)?;
    let namespace = object.meta().namespace.as_deref().unwrap_or_default();
    consent::check(namespace, &destinations, &hosts.into_iter().collect())
}

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
