//! Reaches a node for one command.

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, anyhow};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde_json::json;

use super::args::{Instance, NodeArgs};
use crate::{
    crd::DssInstance,
    dataiku::{address::AddressPolicy, dss::Dss},
    engine::{Error, Secret, SourceKind, connect::single, secrets::value_of},
};

/// Longest file with a key or with certificates.
const LARGEST: u64 = 1 << 20;

/// The connection object that these arguments describe. It exists in no cluster.
pub(super) fn connection(args: &NodeArgs, instance: &Instance, namespace: &str) -> anyhow::Result<DssInstance> {
    let bundle = args
        .ca_file
        .as_ref()
        .map(|_| json!({ "kind": "ConfigMap", "name": "ca" }));
    let plain = args.url.trim_start().to_ascii_lowercase().starts_with("http://");
    let object = json!({
        "apiVersion": "dataiku-operator.io/v1alpha1", "kind": "DssInstance",
        "metadata": { "name": instance.name, "namespace": instance.namespace.as_deref().unwrap_or(namespace) },
        "spec": {
            "url": args.url,
            "credentials": { "apiKeySecretRef": { "name": "key" } },
            "tls": {
                "caBundleRef": bundle,
                "allowInsecureHttp": plain,
                "insecureSkipVerify": args.insecure_skip_verify,
            },
        },
    });
    serde_json::from_value(object).context("the connection that the arguments describe")
}

/// The API of the node. Reads the key; sends nothing.
pub(super) fn reach(args: &NodeArgs, connection: &DssInstance, input: &mut dyn Read) -> anyhow::Result<Dss> {
    let key = key(&args.api_key_file, input)?;
    let bundle = args.ca_file.as_deref().map(certificates).transpose()?;
    let addresses = AddressPolicy {
        allowed: args.allow_addresses.clone(),
    };
    let api = single::reach(connection, addresses, args.allow_insecure_tls, |one| {
        let bundle = bundle.as_ref().filter(|_| one.kind == SourceKind::ConfigMap);
        match (one.kind, bundle) {
            (SourceKind::ConfigMap, None) => Err(Error::Internal("no certificates were read".to_owned())),
            (_, Some(bundle)) => Ok(bundle.clone()),
            _ => Ok(key.clone()),
        }
    })?;
    Ok(api)
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
