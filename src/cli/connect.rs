//! Reaches a remote side for one command.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, anyhow};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::{Map, Value, json};

use super::args::{Instance, NodeArgs};
use crate::{
    crd::{
        DssInstance,
        common::{GROUP, VERSION},
    },
    dataiku::dss::Dss,
    engine::{
        Error, Secret, SourceKind,
        connect::{ConnectionKind, single},
        object,
        secrets::value_of,
    },
};

/// Longest file with a key or with certificates.
const LARGEST: u64 = 1 << 20;
/// Slot of the part of a key that is no secret, for connections whose key has two parts.
const KEY_ID: &str = "apiKeyId";

/// What a remote side accepts as credentials, and the certificates to trust.
pub(super) struct Means {
    key: SecretString,
    key_id: Option<SecretString>,
    bundle: Option<SecretString>,
}

impl Means {
    /// Reads the key and the certificates. `key_id`: the part of the key that is no secret, if it has one.
    pub(super) fn read(args: &NodeArgs, key_id: Option<&str>, input: &mut dyn Read) -> anyhow::Result<Self> {
        Ok(Self {
            key: key(&args.api_key_file, input)?,
            key_id: key_id.map(|id| id.to_owned().into()),
            bundle: args.ca_file.as_deref().map(certificates).transpose()?,
        })
    }
}

/// The connection object that these arguments describe. It exists in no cluster. `declared`: the spec of a manifest, whose terms
/// count and whose address and credentials do not.
pub(super) fn connection<C: ConnectionKind>(
    args: &NodeArgs,
    instance: &Instance,
    namespace: &str,
    declared: Map<String, Value>,
) -> anyhow::Result<C> {
    let kind = object::kind::<C>();
    let bundle = args
        .ca_file
        .as_ref()
        .map(|_| json!({ "kind": "ConfigMap", "name": "ca" }));
    let plain = args.url.trim_start().to_ascii_lowercase().starts_with("http://");
    // A Launchpad has one Secret for both parts of its key.
    let reference = if kind.ends_with("Space") {
        "secretRef"
    } else {
        "apiKeySecretRef"
    };
    let mut spec = declared;
    for proxy in ["proxyUrl", "proxySecretRef"] {
        spec.remove(proxy);
    }
    spec.insert("url".to_owned(), json!(args.url));
    spec.insert("credentials".to_owned(), json!({ reference: { "name": "key" } }));
    let tls = json!({
        "caBundleRef": bundle,
        "allowInsecureHttp": plain,
        "insecureSkipVerify": args.insecure_skip_verify,
    });
    spec.insert("tls".to_owned(), tls);
    let object = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind,
        "metadata": { "name": instance.name, "namespace": instance.namespace.as_deref().unwrap_or(namespace) },
        "spec": spec,
    });
    serde_json::from_value(object).context("the connection that the arguments describe")
}

/// The API at the other end. Sends nothing.
pub(super) fn reach<C: ConnectionKind>(args: &NodeArgs, connection: &C, means: &Means) -> anyhow::Result<C::Api> {
    let api = single::reach(connection, args.addresses.policy(), args.allow_insecure_tls, |one| {
        let value = match (one.kind, one.slot.as_str()) {
            (SourceKind::ConfigMap, _) => &means.bundle,
            (SourceKind::Secret, KEY_ID) => &means.key_id,
            (SourceKind::Secret, _) => return Ok(means.key.clone()),
        };
        value
            .clone()
            .ok_or_else(|| Error::Internal(format!("{} was not read", one.slot)))
    })?;
    Ok(api)
}

/// The DSS node of these arguments, with the connection object that stands for it.
pub(super) fn node(
    args: &NodeArgs,
    instance: &Instance,
    namespace: &str,
    input: &mut dyn Read,
) -> anyhow::Result<(DssInstance, Dss)> {
    let connection = connection::<DssInstance>(args, instance, namespace, Map::new())?;
    let api = reach(args, &connection, &Means::read(args, None, input)?)?;
    Ok((connection, api))
}

/// The same for a command that makes no manifest, so that the name of the connection does not matter.
pub(super) fn any_node(args: &NodeArgs, input: &mut dyn Read) -> anyhow::Result<(DssInstance, Dss)> {
    let instance = Instance {
        namespace: None,
        name: "node".to_owned(),
    };
    node(args, &instance, "default", input)
}

fn key(path: &Path, input: &mut dyn Read) -> anyhow::Result<SecretString> {
    if path == Path::new("-") {
        let bytes = bytes(input).context("read the API key from standard input")?;
        return value(&bytes, false, "the API key on standard input");
    }
    let place = format!("the API key in {}", path.display());
    let mut file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let bytes = bytes(&mut file).with_context(|| format!("read {}", path.display()))?;
    value(&bytes, false, &place)
}

fn certificates(path: &Path) -> anyhow::Result<SecretString> {
    let mut file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let bytes = bytes(&mut file).with_context(|| format!("read {}", path.display()))?;
    value(&bytes, true, &format!("the file {}", path.display()))
}

fn bytes(source: &mut dyn Read) -> anyhow::Result<SecretSlice<u8>> {
    let mut bytes = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut bytes)?;
    let bytes = SecretSlice::from(bytes);
    if bytes.expose_secret().len() as u64 > LARGEST {
        return Err(anyhow!("it is longer than 1 MiB"));
    }
    Ok(bytes)
}

fn value(bytes: &SecretSlice<u8>, multiline: bool, place: &str) -> anyhow::Result<SecretString> {
    value_of(bytes.expose_secret(), multiline, &|| place.to_owned()).map_err(|why| match why {
        Secret::Missing(why) | Secret::Unusable(why) => anyhow!(why),
        _ => anyhow!("{place} cannot be used"),
    })
}
