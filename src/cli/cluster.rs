//! What a command reads from the cluster of the caller, with the caller's own rights.

use std::collections::BTreeMap;

use anyhow::anyhow;
use k8s_openapi::api::core::v1::{ConfigMap, Secret as KubeSecret};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams},
    core::GroupVersionKind,
};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::Value;

use super::{
    args::{Origin, Product},
    connect::value,
};
use crate::{
    crd::common::{GROUP, VERSION, annotation},
    dataiku::address::AddressPolicy,
    engine::{
        SourceKind,
        connect::{ConnectionKind, single},
        object,
    },
};

/// Objects that one page of a list has at most.
const PAGE: u32 = 500;

/// A call that failed, in a sentence. `what`: the resource, such as `secrets`; `place`: the object.
pub(super) fn failed(
    verb: &str,
    what: &str,
    namespace: Option<&str>,
    place: &str,
    error: &kube::Error,
) -> anyhow::Error {
    let within = namespace.map_or_else(|| "in all namespaces".to_owned(), |name| format!("in namespace {name}"));
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => anyhow!(
            "your kubeconfig lacks the right to {verb} {what} {within}: ask for a Role with the verb {verb} on {what} there, or use --url"
        ),
        kube::Error::Api(status) if status.code == 404 => anyhow!("there is no {place} {within}"),
        kube::Error::Api(status) => anyhow!("the apiserver refused to {verb} {place}: HTTP {}", status.code),
        // What else a client says may quote what it sent.
        _ => anyhow!("the apiserver could not be reached to {verb} {place}: see whether kubectl works"),
    }
}

/// The API of one of our kinds.
pub(super) fn api(client: Client, kind: &str, plural: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind), plural);
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}

/// Plural of one of our kinds.
pub(super) fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.as_str() {
        plural if plural.ends_with('s') => plural.to_owned(),
        other => format!("{other}s"),
    }
}

/// All objects of a kind in a namespace, or in all.
///
/// # Errors
/// The caller lacks the right, which the sentence names.
pub(super) async fn list(client: &Client, kind: &str, namespace: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let plural = plural(kind);
    let api = api(client.clone(), kind, &plural, namespace);
    let mut parameters = ListParams::default().limit(PAGE);
    let mut found = Vec::new();
    loop {
        let page = api.list(&parameters).await;
        let page = page.map_err(|error| failed("list", &plural, namespace, &plural, &error))?;
        for object in page.items {
            let mut object = serde_json::to_value(object)?;
            // A list leaves them out.
            object["apiVersion"] = format!("{GROUP}/{VERSION}").into();
            object["kind"] = kind.into();
            found.push(object);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters.continue_token = Some(token),
            None => return Ok(found),
        }
    }
}

/// One object.
///
/// # Errors
/// There is none, or the caller lacks the right.
pub(super) async fn get(client: &Client, kind: &str, namespace: &str, name: &str) -> anyhow::Result<Value> {
    let plural = plural(kind);
    let found = api(client.clone(), kind, &plural, Some(namespace)).get(name).await;
    let place = format!("{kind} {name}");
    let found = found.map_err(|error| failed("get", &plural, Some(namespace), &place, &error))?;
    let mut object = serde_json::to_value(found)?;
    object["apiVersion"] = format!("{GROUP}/{VERSION}").into();
    object["kind"] = kind.into();
    Ok(object)
}

/// A connection object, and the values that it reads, by slot.
pub(super) struct Found {
    /// The object.
    pub object: Value,
    /// The values.
    pub values: BTreeMap<String, SecretString>,
}

/// Reads a connection object and everything that it reads.
///
/// # Errors
/// Something does not exist, the caller lacks a right, or a Secret does not let its values be sent to the host of the
/// connection.
pub(super) async fn connection(client: &Client, from: &Origin, addresses: &AddressPolicy) -> anyhow::Result<Found> {
    match from.product {
        Product::Dss => read::<crate::crd::DssInstance>(client, from, addresses).await,
        Product::Govern => read::<crate::crd::GovernInstance>(client, from, addresses).await,
        Product::Launchpad => read::<crate::crd::LaunchpadSpace>(client, from, addresses).await,
    }
}

async fn read<C: ConnectionKind>(client: &Client, from: &Origin, addresses: &AddressPolicy) -> anyhow::Result<Found> {
    let object = get(client, object::kind::<C>(), &from.namespace, &from.name).await?;
    let connection: C = serde_path_to_error::deserialize(&object)
        .map_err(|error| anyhow!("{from}: {} is not of the right type", error.path()))?;
    let mut values = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    let mut sources: BTreeMap<(SourceKind, String), Source> = BTreeMap::new();
    for one in single::uses(&connection) {
        let key = (one.kind, one.name.clone());
        if !sources.contains_key(&key) {
            let source = Source::read(client, one.kind, &from.namespace, &one.name).await?;
            if one.kind == SourceKind::Secret {
                hosts.insert(one.name.clone(), source.allowed_hosts.clone());
            }
            sources.insert(key.clone(), source);
        }
        let place = format!(
            "key {} of {} {}/{}",
            one.key,
            one.kind.as_str(),
            from.namespace,
            one.name
        );
        let found = sources[&key].data.get(&one.key);
        let found = found.ok_or_else(|| anyhow!("there is no {place}"))?;
        values.insert(one.slot, value(found, one.multiline, &place)?);
    }
    single::consented(&connection, addresses, hosts)?;
    Ok(Found { object, values })
}

/// A Secret or `ConfigMap`.
pub(super) struct Source {
    /// Its values.
    pub data: BTreeMap<String, SecretSlice<u8>>,
    /// The hosts that it lets its values be sent to.
    pub allowed_hosts: Option<String>,
}

impl Source {
    /// Reads one.
    ///
    /// # Errors
    /// There is none, or the caller lacks the right.
    pub(super) async fn read(client: &Client, kind: SourceKind, namespace: &str, name: &str) -> anyhow::Result<Self> {
        let place = format!("{} {name}", kind.as_str());
        let plural = format!("{}s", kind.as_str().to_lowercase());
        let wrong = |error: kube::Error| failed("get", &plural, Some(namespace), &place, &error);
        let client = client.clone();
        let (data, metadata) = match kind {
            SourceKind::Secret => {
                let found = Api::<KubeSecret>::namespaced(client, namespace).get(name).await;
                let found = found.map_err(wrong)?;
                let data = found.data.unwrap_or_default().into_iter();
                let data: BTreeMap<_, _> = data.map(|(key, value)| (key, SecretSlice::from(value.0))).collect();
                (data, found.metadata)
            }
            SourceKind::ConfigMap => {
                let found = Api::<ConfigMap>::namespaced(client, namespace).get(name).await;
                let found = found.map_err(wrong)?;
                let data = found.data.unwrap_or_default().into_iter();
                let data = data.map(|(key, value)| (key, SecretSlice::from(value.into_bytes())));
                (data.collect(), found.metadata)
            }
        };
        let mut annotations = metadata.annotations.unwrap_or_default();
        Ok(Self {
            data,
            allowed_hosts: annotations.remove(annotation::ALLOWED_HOSTS),
        })
    }

    /// One value of one line.
    pub(super) fn value(&self, key: &str, place: &str) -> anyhow::Result<SecretString> {
        let found = self.data.get(key).filter(|value| !value.expose_secret().is_empty());
        value(found.ok_or_else(|| anyhow!("{place} has no key {key}"))?, false, place)
    }
}
