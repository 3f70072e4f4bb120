//! Arguments of the commands for people.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::SignedDuration;
use wildmatch::WildMatch;

use crate::{args::AddressArgs, crd::inventory::LongDuration};

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
    /// Which addresses may be called.
    #[command(flatten)]
    pub addresses: AddressArgs,
    /// Allow `http://` and `--insecure-skip-verify`. The key can then be read on its way.
    #[arg(long)]
    pub allow_insecure_tls: bool,
    /// Do not verify the certificate of the node. Needs `--allow-insecure-tls`.
    #[arg(long)]
    pub insecure_skip_verify: bool,
}

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

/// Options of `plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  kustomize build overlays/prod | dataiku-operator plan -f - --url https://dss.example.com \\
    --api-key-file key.txt --instance dataiku/design -o md

Exit codes: 0 nothing to do, 2 differences, 1 error.")]
pub struct PlanArgs {
    /// How the remote side is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The connection that the manifests refer to: `name`, or `namespace/name`. Where its own manifest is among them, its terms
    /// count, but for address, credentials, TLS and proxy.
    #[arg(long, value_name = "[NAMESPACE/]NAME", value_parser = instance)]
    pub instance: Instance,
    /// Namespace of manifests that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// File with manifests, directory with such files, or `-`: standard input. Repeatable.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What is at the other end.
    #[arg(long, value_enum, default_value = "dss")]
    pub product: Product,
    /// Id of the API key of a Launchpad; the file has its secret.
    #[arg(long, value_name = "ID")]
    pub api_key_id: Option<String>,
    /// Id of the space, for the Launchpad. Default: that of the manifest of the connection.
    #[arg(long, value_name = "ID")]
    pub space_id: Option<String>,
    /// Take remote objects that exist for the objects' own, as in a cluster that manages them already. Default: only where the
    /// status in a manifest or an ownership mark in the remote object proves it.
    #[arg(long)]
    pub assume_owned: bool,
    /// Form of the plan on standard output; `md` is a comment for a pull request.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
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
    /// Read the node and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Form of the summary on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `adopt`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator adopt --url https://dss.example.com --api-key-file key.txt --instance dataiku/design \\
    -n team-a -d out/
  dataiku-operator adopt --manage --url https://dss.example.com --api-key-file key.txt \\
    --instance dataiku/design -n team-a -d out/

Exit codes: 0 done, 1 error.")]
pub struct AdoptArgs {
    /// How the node is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// The `DssInstance` that the manifests refer to: `name`, or `namespace/name`.
    #[arg(long, value_name = "[NAMESPACE/]NAME", value_parser = instance)]
    pub instance: Instance,
    /// Namespace of the manifests.
    #[arg(short, long)]
    pub namespace: String,
    /// Only these groups and their members: `group=<name>`, with `*` for any text. Repeatable. Default: everything.
    #[arg(long, value_name = "group=NAME", value_parser = selected, conflicts_with = "manage")]
    pub select: Vec<WildMatch>,
    /// Directory to write, which must not exist yet or be empty; with `--manage`, the one that was written before.
    #[arg(short, long)]
    pub directory: PathBuf,
    /// The second step: change `managementPolicy` from `Observe` to `Manage` in every manifest of the directory whose plan is
    /// empty.
    #[arg(long)]
    pub manage: bool,
    /// Write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Form of the summary on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Form of a report on access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessFormat {
    /// One page that needs no network.
    Html,
    /// One row for each right of each user, group and key.
    Csv,
    /// One document.
    Json,
}

/// Options of `access`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator access who-can admin --url https://dss.example.com --api-key-file key.txt")]
pub struct AccessArgs {
    /// What to show.
    #[command(subcommand)]
    pub what: AccessCommand,
}

/// What to show of access.
#[derive(Clone, Debug, Subcommand)]
pub enum AccessCommand {
    /// Who may do what on a node, and why.
    Report(Box<AccessReportArgs>),
    /// Who has a permission, and why.
    WhoCan(Box<WhoCanArgs>),
    /// What one user may do, and why.
    Explain(Box<ExplainArgs>),
}

/// Options of `access report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator access report --url https://dss.example.com --api-key-file key.txt --format html --file access.html

Exit codes: 0 written, 1 error (nothing is written).")]
pub struct AccessReportArgs {
    /// How the node is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Form of the report.
    #[arg(long, value_enum, default_value = "html")]
    pub format: AccessFormat,
    /// File to write, or to replace as a whole. Default: standard output.
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// Time without a login or an action after which a user counts as dormant, such as `90d`. Default: 90d.
    #[arg(long, value_parser = long_duration)]
    pub dormant_after: Option<SignedDuration>,
    /// Read the node, and write no file.
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `access who-can`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator access who-can mayWriteUnsafeCode --url https://dss.example.com --api-key-file key.txt

Exit codes: 0 done, 1 error.")]
pub struct WhoCanArgs {
    /// The permission flag, such as `mayCreateProjects`, or `admin`.
    pub permission: String,
    /// How the node is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Form on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `access explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator access explain jane.doe --url https://dss.example.com --api-key-file key.txt

Exit codes: 0 done, 1 error.")]
pub struct ExplainArgs {
    /// Login of the user.
    pub login: String,
    /// How the node is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Form on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `sessions`, `tasks` and `usage`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  dataiku-operator sessions --url https://dss.example.com --api-key-file key.txt
  dataiku-operator tasks --url https://dss.example.com --api-key-file key.txt -o json
  dataiku-operator usage --url https://dss.example.com --api-key-file key.txt

Exit codes: 0 done, 1 error.")]
pub struct ListArgs {
    /// How the node is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Form on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `rules`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator rules resolve jane.doe --url https://dss.example.com --api-key-file key.txt")]
pub struct RulesArgs {
    /// What to show.
    #[command(subcommand)]
    pub what: RulesCommand,
}

/// What to show of impersonation rules.
#[derive(Clone, Debug, Subcommand)]
pub enum RulesCommand {
    /// Which impersonation rule applies to a user.
    Resolve(Box<ResolveArgs>),
}

/// Options of `rules resolve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator rules resolve jane.doe --project SALES --url https://dss.example.com --api-key-file key.txt

Exit codes: 0 done, 1 error.")]
pub struct ResolveArgs {
    /// Login of the user.
    pub login: String,
    /// Key of the project in which the user works. Default: rules of projects do not apply.
    #[arg(long, value_name = "KEY")]
    pub project: Option<String>,
    /// How the node is reached.
    #[command(flatten)]
    pub node: NodeArgs,
    /// Form on standard output.
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

fn long_duration(text: &str) -> Result<SignedDuration, String> {
    let read = LongDuration(text.to_owned()).read();
    read.ok_or_else(|| "must be a number of days, hours or minutes, such as 90d".to_owned())
}
