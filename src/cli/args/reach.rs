//! How a command reaches a remote side: what is there, by which connection object or address, and where the key is.

use std::{convert::Infallible, fmt, path::PathBuf};

use clap::{Args, ValueEnum};

use crate::args::AddressArgs;

/// What is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Product {
    /// A DSS node.
    Dss,
    /// A Govern node.
    Govern,
    /// A space of the Launchpad.
    Launchpad,
}

impl Product {
    const ALL: [Self; 3] = [Self::Dss, Self::Govern, Self::Launchpad];

    /// Kind of the connection.
    pub fn connection(self) -> &'static str {
        match self {
            Self::Dss => "DssInstance",
            Self::Govern => "GovernInstance",
            Self::Launchpad => "LaunchpadSpace",
        }
    }

    /// Its kind as `kubectl` takes it.
    pub(super) fn resource(self) -> String {
        self.connection().to_lowercase()
    }
}

/// How a command reaches a remote side: by a connection object of a cluster, or by an address and a key.
#[derive(Clone, Debug, Args)]
pub struct ReachArgs {
    /// Connection object in the cluster of your kubeconfig, for example `dssinstance/dataiku/design`. The command reads it and
    /// the Secrets that it names with your own rights.
    #[arg(
        long,
        value_name = "KIND/NAMESPACE/NAME",
        value_parser = origin,
        conflicts_with_all = ["url", "product", "api_key_file", "api_key_from", "api_key_id", "space_id", "ca_file", "insecure_skip_verify"]
    )]
    pub from: Option<Origin>,
    /// Address of the remote side, for example `https://dss.example.com`.
    #[arg(long, required_unless_present = "from")]
    pub url: Option<String>,
    /// What is at the other end of `--url`.
    #[arg(long, value_enum, default_value = "dss")]
    pub product: Product,
    /// File with the API key of an administrator; `-`: standard input. There is no option for the key itself, since other users
    /// of a machine can read the arguments of a program.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["from", "api_key_from"])]
    pub api_key_file: Option<PathBuf>,
    /// The API key in another place: `secret/NAMESPACE/NAME[/KEY]` in the cluster of your kubeconfig (default key: `apiKey`, and
    /// `apiKeySecret` for the Launchpad), `file/PATH`, or `stdin`. A Secret has to name the host of `--url` in its annotation
    /// `dataiku-operator.io/allowed-hosts`.
    #[arg(long, value_name = "PLACE", value_parser = key_place, conflicts_with = "api_key_file")]
    pub api_key_from: Option<KeyPlace>,
    /// Id of the API key of a Launchpad; the file or Secret has the secret part of the key. Default with a Secret: its key
    /// `apiKeyId`.
    #[arg(long, value_name = "ID")]
    pub api_key_id: Option<String>,
    /// Id of the space, for the Launchpad.
    #[arg(long, value_name = "ID")]
    pub space_id: Option<String>,
    /// File with CA certificates (PEM) to trust beside those of the system.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Which addresses may be called.
    #[command(flatten)]
    pub addresses: AddressArgs,
    /// Allow `http://` and connections that do not verify certificates. The key can then be read on its way.
    #[arg(long)]
    pub allow_insecure_tls: bool,
    /// Do not verify the certificate of the remote side. Needs `--allow-insecure-tls`.
    #[arg(long)]
    pub insecure_skip_verify: bool,
}

impl ReachArgs {
    /// What is at the other end.
    pub fn product(&self) -> Product {
        self.from.as_ref().map_or(self.product, |from| from.product)
    }

    /// Where the API key is, for `--url`.
    pub fn key(&self) -> KeyPlace {
        match (&self.api_key_from, &self.api_key_file) {
            (Some(place), _) => place.clone(),
            (None, Some(file)) if file.as_os_str() != "-" => KeyPlace::File(file.clone()),
            (None, _) => KeyPlace::Input,
        }
    }

    /// Whether the command reads the API key from standard input.
    pub fn reads_input(&self) -> bool {
        self.from.is_none() && self.key() == KeyPlace::Input
    }

    /// Name of the remote side for people: its address, or that of its object.
    pub fn place(&self) -> String {
        match (&self.url, &self.from) {
            (Some(url), _) => url.clone(),
            (None, Some(from)) => from.to_string(),
            (None, None) => String::new(),
        }
    }
}

/// A connection object in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What is at its other end.
    pub product: Product,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.product.resource(), self.namespace, self.name)
    }
}

/// Where an API key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a Secret: its namespace, its name, and the key in its data.
    Secret(String, String, Option<String>),
    /// In a file.
    File(PathBuf),
    /// On standard input.
    Input,
    /// None of these. The text may be the key itself, by mistake: it is not held, and no error repeats it.
    Unknown,
}

pub(super) fn origin(text: &str) -> Result<Origin, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [kind, namespace, name] = parts[..] else {
        return Err("must be kind/namespace/name, for example dssinstance/dataiku/design".to_owned());
    };
    if namespace.is_empty() || name.is_empty() {
        return Err("names neither namespace nor name: write kind/namespace/name".to_owned());
    }
    let kind = kind.to_lowercase();
    let kind = kind.strip_suffix('s').unwrap_or(&kind);
    let product = Product::ALL.into_iter().find(|product| product.resource() == kind);
    let kinds = "the kind must be dssinstance, governinstance or launchpadspace";
    Ok(Origin {
        product: product.ok_or(kinds)?,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// Never an error: that of the parser would repeat the text.
#[expect(clippy::unnecessary_wraps, reason = "clap takes parsers that may fail")]
fn key_place(text: &str) -> Result<KeyPlace, Infallible> {
    let (place, rest) = text.split_once('/').unwrap_or((text, ""));
    let parts: Vec<&str> = rest.split('/').collect();
    Ok(match (place, &parts[..]) {
        ("stdin", [""]) => KeyPlace::Input,
        ("file", _) if !rest.is_empty() => KeyPlace::File(rest.into()),
        ("secret", [namespace, name, key @ ..]) if key.len() < 2 && !parts.contains(&"") => KeyPlace::Secret(
            (*namespace).to_owned(),
            (*name).to_owned(),
            key.first().map(|key| (*key).to_owned()),
        ),
        _ => KeyPlace::Unknown,
    })
}
