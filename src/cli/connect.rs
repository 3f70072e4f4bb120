//! Reaches a remote side for one command.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use anyhow::{Context, anyhow, bail};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::{Map, Value, json};

use super::{
    args::{Instance, KeyPlace, Product, ReachArgs},
    cluster::{self, Source},
    console::Console,
};
use crate::{
    crd::common::{GROUP, VERSION},
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
/// Members of a connection that say how the remote side is reached.
const REACH: [&str; 6] = ["url", "credentials", "tls", "proxyUrl", "proxySecretRef", "spaceId"];

/// What a remote side accepts as credentials, and how it is reached.
pub(super) enum Means {
    /// By the arguments.
    Given {
        /// The secret part of the key.
        key: SecretString,
        /// The other part, if there is one.
        key_id: Option<SecretString>,
        /// Certificates to trust.
        bundle: Option<SecretString>,
    },
    /// By a connection object of a cluster.
    Object {
        /// The object.
        object: Box<Value>,
        /// What it reads, by slot.
        values: BTreeMap<String, SecretString>,
    },
}

impl Means {
    /// Reads what the arguments name. Sends nothing to the remote side.
    ///
    /// # Errors
    /// Something cannot be read; the sentence says what, and which right is missing.
    pub(super) async fn read(args: &ReachArgs, console: &mut Console<'_>) -> anyhow::Result<Self> {
        if let Some(from) = &args.from {
            let client = console.client().await?;
            let found = cluster::connection(&client, from, &args.addresses.policy()).await?;
            return Ok(Self::Object {
                object: Box::new(found.object),
                values: found.values,
            });
        }
        let mut key_id = args.api_key_id.clone().map(SecretString::from);
        let key = match args.key() {
            KeyPlace::Input => key_in(console.input, "the API key on standard input")?,
            KeyPlace::File(path) => {
                let mut file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
                key_in(&mut file, &format!("the API key in {}", path.display()))?
            }
            KeyPlace::Secret(namespace, name, key) => {
                let client = console.client().await?;
                let source = Source::read(&client, SourceKind::Secret, &namespace, &name).await?;
                allowed(args, &namespace, &name, &source)?;
                let place = format!("Secret {namespace}/{name}");
                let is_pair = args.product == Product::Launchpad;
                if is_pair && key_id.is_none() {
                    key_id = Some(source.value(KEY_ID, &place)?);
                }
                let default = if is_pair { "apiKeySecret" } else { "apiKey" };
                source.value(key.as_deref().unwrap_or(default), &place)?
            }
            KeyPlace::Unknown => {
                bail!(
                    "--api-key-from must be secret/NAMESPACE/NAME[/KEY], file/PATH or stdin, and never the key itself"
                )
            }
        };
        Ok(Self::Given {
            key,
            key_id,
            bundle: args.ca_file.as_deref().map(certificates).transpose()?,
        })
    }

    /// Whether the connection object is known with all of its terms.
    pub(super) fn knows_terms(&self) -> bool {
        matches!(self, Self::Object { .. })
    }

    /// The value of a slot.
    fn value(&self, kind: SourceKind, slot: &str) -> Result<SecretString, Error> {
        let found = match self {
            Self::Object { values, .. } => values.get(slot).cloned(),
            Self::Given { key, key_id, bundle } => match (kind, slot) {
                (SourceKind::ConfigMap, _) => bundle.clone(),
                (SourceKind::Secret, KEY_ID) => key_id.clone(),
                (SourceKind::Secret, _) => Some(key.clone()),
            },
        };
        found.ok_or_else(|| Error::Internal(format!("{slot} was not read")))
    }
}

/// Fails if the Secret does not let its key be sent to the host of the address.
fn allowed(args: &ReachArgs, namespace: &str, name: &str, source: &Source) -> anyhow::Result<()> {
    let instance = Instance {
        namespace: Some(namespace.to_owned()),
        name: "connection".to_owned(),
    };
    let hosts = [(name.to_owned(), source.allowed_hosts.clone())];
    let policy = args.addresses.policy();
    let judged = match args.product {
        Product::Dss => single::consented(
            &declared::<crate::crd::DssInstance>(args, &instance, name)?,
            &policy,
            hosts,
        ),
        Product::Govern => single::consented(
            &declared::<crate::crd::GovernInstance>(args, &instance, name)?,
            &policy,
            hosts,
        ),
        Product::Launchpad => single::consented(
            &declared::<crate::crd::LaunchpadSpace>(args, &instance, name)?,
            &policy,
            hosts,
        ),
    };
    Ok(judged?)
}

/// The connection object that the arguments describe, with its key in this Secret.
fn declared<C: ConnectionKind>(args: &ReachArgs, instance: &Instance, secret: &str) -> anyhow::Result<C> {
    described(args, instance, "default", Map::new(), secret)
}

/// The connection object of a command. `spec`: that of a manifest, whose terms count and whose address and credentials do not.
pub(super) fn connection<C: ConnectionKind>(
    args: &ReachArgs,
    instance: &Instance,
    namespace: &str,
    spec: Option<Map<String, Value>>,
    means: &Means,
) -> anyhow::Result<C> {
    let Means::Object { object, .. } = means else {
        return described(args, instance, namespace, spec.unwrap_or_default(), "key");
    };
    let mut object = (**object).clone();
    if let Some(mut spec) = spec {
        for member in REACH {
            match object["spec"].get(member) {
                Some(own) => _ = spec.insert(member.to_owned(), own.clone()),
                None => _ = spec.remove(member),
            }
        }
        object["spec"] = Value::Object(spec);
    }
    // What a decoder says may quote a value.
    serde_path_to_error::deserialize(&object)
        .map_err(|error| anyhow!("the connection {instance}: {} is not of the right type", error.path()))
}

/// The connection object that these arguments describe. It exists in no cluster.
fn described<C: ConnectionKind>(
    args: &ReachArgs,
    instance: &Instance,
    namespace: &str,
    mut spec: Map<String, Value>,
    secret: &str,
) -> anyhow::Result<C> {
    let kind = object::kind::<C>();
    let url = args.url.as_deref().unwrap_or_default();
    let bundle = args
        .ca_file
        .as_ref()
        .map(|_| json!({ "kind": "ConfigMap", "name": "ca" }));
    let plain = url.trim_start().to_ascii_lowercase().starts_with("http://");
    // A Launchpad has one Secret for both parts of its key.
    let reference = if kind.ends_with("Space") {
        "secretRef"
    } else {
        "apiKeySecretRef"
    };
    for proxy in ["proxyUrl", "proxySecretRef"] {
        spec.remove(proxy);
    }
    spec.insert("url".to_owned(), json!(url));
    spec.insert("credentials".to_owned(), json!({ reference: { "name": secret } }));
    if let Some(id) = &args.space_id {
        spec.insert("spaceId".to_owned(), json!(id));
    }
    if kind.ends_with("Space") && !spec.contains_key("spaceId") {
        bail!("name the space with --space-id");
    }
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
    serde_path_to_error::deserialize(&object)
        .map_err(|error| anyhow!("the connection {instance}: {} is not of the right type", error.path()))
}

/// The API at the other end. Sends nothing.
pub(super) fn reach<C: ConnectionKind>(args: &ReachArgs, connection: &C, means: &Means) -> anyhow::Result<C::Api> {
    if let (Means::Given { key_id: None, .. }, "LaunchpadSpace") = (means, object::kind::<C>()) {
        bail!("name the id of the API key with --api-key-id");
    }
    let is_plain = |url: &String| url.trim_start().to_ascii_lowercase().starts_with("http://");
    if args.url.as_ref().is_some_and(is_plain) && !args.allow_insecure_tls {
        bail!("--url uses http, which exposes the API key on the network; pass --allow-insecure-tls to accept that");
    }
    if args.insecure_skip_verify && !args.allow_insecure_tls {
        bail!(
            "--insecure-skip-verify lets anybody on the way read the API key: --allow-insecure-tls allows that; better name \
             the CA with --ca-file"
        );
    }
    let api = single::reach(connection, args.addresses.policy(), args.allow_insecure_tls, |one| {
        means.value(one.kind, &one.slot)
    })?;
    Ok(api)
}

/// A remote side that is reached, and the connection object that stands for it.
pub(super) struct Reached<C: ConnectionKind> {
    /// The object.
    pub connection: C,
    /// The API.
    pub api: C::Api,
}

/// Reaches the remote side of a command that makes no manifest, so that the name of the connection does not matter. The caller
/// knows that the product is that of `C`. Sends nothing.
///
/// # Errors
/// Something that it takes cannot be read.
pub(super) async fn any<C: ConnectionKind>(args: &ReachArgs, console: &mut Console<'_>) -> anyhow::Result<Reached<C>> {
    let means = Means::read(args, console).await?;
    by::<C>(args, &means)
}

/// The same by means that were read before.
pub(super) fn by<C: ConnectionKind>(args: &ReachArgs, means: &Means) -> anyhow::Result<Reached<C>> {
    let instance = Instance {
        namespace: None,
        name: "node".to_owned(),
    };
    let connection = connection::<C>(args, &instance, "default", None, means)?;
    let api = reach(args, &connection, means)?;
    Ok(Reached { connection, api })
}

fn key_in(source: &mut dyn Read, place: &str) -> anyhow::Result<SecretString> {
    let bytes = bytes(source).with_context(|| format!("read {place}"))?;
    value(&bytes, false, place)
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

/// A value as an operator would use it.
pub(super) fn value(bytes: &SecretSlice<u8>, multiline: bool, place: &str) -> anyhow::Result<SecretString> {
    value_of(bytes.expose_secret(), multiline, &|| place.to_owned()).map_err(|why| match why {
        Secret::Missing(why) | Secret::Unusable(why) => anyhow!(why),
        _ => anyhow!("{place} cannot be used"),
    })
}
