//! Arguments of the commands for people.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use ipnet::IpNet;
use wildmatch::WildMatch;

/// Form of what a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// The form of YAML that Kubernetes prints: every text in quotes.
    Kyaml,
    /// Tables in Markdown.
    Md,
}

/// How a command reaches a node.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// Address of the node, for example `https://dss.example.com`.
    #[arg(long)]
    pub url: String,
    /// File with the API key of an administrator; `-`: standard input. There is no option for the key itself, since other users
    /// of a machine can read the arguments of a program.
    #[arg(long, value_name = "FILE")]
    pub api_key_file: PathBuf,
    /// File with CA certificates (PEM) to trust beside those of the system.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Networks of loopback and private addresses that may be called, in CIDR notation, as with `run`. Repeatable. Default:
    /// none.
    #[arg(
        long = "allow-address",
        env = "DATAIKU_OPERATOR_ALLOW_ADDRESS",
        value_delimiter = ','
    )]
    pub allow_addresses: Vec<IpNet>,
    /// Allow `http://` and `--insecure-skip-verify`. The key can then be read on its way.
    #[arg(long)]
    pub allow_insecure_tls: bool,
    /// Do not verify the certificate of the node. Needs `--allow-insecure-tls`.
    #[arg(long)]
    pub insecure_skip_verify: bool,
}

/// Kinds that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportKind {
    /// `DssUser`.
    Users,
    /// `DssGroup`.
    Groups,
}

/// Options of `export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator export --url https://dss.example.com --api-key-file key.txt --instance dataiku/design \\
    -n team-a --kinds users,groups --select 'group=analysts' -d out/

Exit codes: 0 written, 1 error (nothing is written).")]
pub struct ExportArgs {
    /// How the node is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The `DssInstance` that the manifests refer to: `name`, or `namespace/name`.
    #[arg(long, value_name = "[NAMESPACE/]NAME", value_parser = instance)]
    pub instance: Instance,
    /// Namespace of the manifests.
    #[arg(short, long)]
    pub namespace: String,
    /// What to export.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "users,groups")]
    pub kinds: Vec<ExportKind>,
    /// Only these groups and their members: `group=<name>`, with `*` for any text. Repeatable. Default: everything.
    #[arg(long, value_name = "group=NAME", value_parser = selected)]
    pub select: Vec<WildMatch>,
    /// Directory to write; it must not exist yet, or be empty.
    #[arg(short, long)]
    pub directory: PathBuf,
    /// Form of the summary on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `completion`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  source <(dataiku-operator completion bash)")]
pub struct CompletionArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
    /// For the program under the name `kubectl-dataiku`.
    #[arg(long)]
    pub plugin: bool,
}

/// A connection object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its namespace; `None`: that of the manifests.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

fn instance(text: &str) -> Result<Instance, String> {
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    };
    let parts = namespace.into_iter().chain([name]);
    if parts.into_iter().any(|part| part.is_empty() || part.contains('/')) {
        return Err("must be the name of a DssInstance, or namespace/name".to_owned());
    }
    Ok(Instance {
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
    })
}

fn selected(text: &str) -> Result<WildMatch, String> {
    match text.split_once('=') {
        Some(("group", name)) if !name.is_empty() => Ok(WildMatch::new(name)),
        _ => Err("must be group=<name>".to_owned()),
    }
}
