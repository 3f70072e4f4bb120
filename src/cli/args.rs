//! Arguments of the commands for people.

use std::{fmt, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::SignedDuration;
use wildmatch::WildMatch;

mod reach;

use self::reach::origin;
pub use self::reach::{KeyPlace, Origin, Product, ReachArgs};
use crate::{
    args::{AddressArgs, duration},
    crd::inventory::LongDuration,
};

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

/// What every command takes that shows something of a remote side.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// How the remote side is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Form on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// What every command takes that deals with manifests of one connection.
#[derive(Clone, Debug, Args)]
pub struct ManifestArgs {
    /// How the remote side is reached, and what is printed.
    #[command(flatten)]
    pub show: ShowArgs,
    /// The connection that the manifests refer to: `name`, or `namespace/name`. Default: that of `--from`.
    #[arg(long, value_name = "[NAMESPACE/]NAME", value_parser = instance, required_unless_present = "from")]
    pub instance: Option<Instance>,
}

impl ManifestArgs {
    /// The connection that the manifests refer to.
    pub fn instance(&self) -> Instance {
        let from = self.show.reach.from.as_ref().map(|from| Instance {
            namespace: Some(from.namespace.clone()),
            name: from.name.clone(),
        });
        self.instance.clone().or(from).unwrap_or_default()
    }
}

/// Options of `plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  dataiku-operator plan -f overlays/prod/ --from dssinstance/dataiku/design
  dataiku-operator plan -f - --url https://dss.example.com --api-key-file key.txt --instance dataiku/design -o md
  dataiku-operator plan --cluster --from dssinstance/dataiku/design

Exit codes: 0 nothing to do, 2 differences, 1 error.")]
pub struct PlanArgs {
    /// The connection. Where its own manifest is among those that are planned, its terms count, but for address, credentials,
    /// TLS and proxy.
    #[command(flatten)]
    pub manifests: ManifestArgs,
    /// Namespace of manifests that name none.
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// File with manifests, directory with such files, or `-`: standard input. Repeatable.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE",
        required_unless_present = "cluster"
    )]
    pub files: Vec<PathBuf>,
    /// Plan the objects of the cluster that use the connection, by the rules of this release: a preview of its upgrade.
    #[arg(long, requires = "from", conflicts_with = "files")]
    pub cluster: bool,
    /// Take remote objects that exist for the objects' own, as in a cluster that manages them already. Default: only where the
    /// status in a manifest or in the cluster, or an ownership marker in the remote object, proves it.
    #[arg(long)]
    pub assume_owned: bool,
}

/// Kinds that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportKind {
    /// `DssUser`, `GovernUser`, `LaunchpadUser`.
    Users,
    /// `DssGroup`, `GovernGroup`, `LaunchpadGroup`.
    Groups,
    /// `DssGlobalApiKey`, `GovernGlobalApiKey`.
    GlobalKeys,
    /// `DssPersonalApiKey`.
    PersonalKeys,
    /// `DssInstanceVariables`.
    Variables,
    /// `DssGeneralSettings`, one for each section.
    Settings,
    /// `DssImpersonationRule`.
    Rules,
    /// `GovernRole`.
    Roles,
    /// `GovernRoleAssignment`.
    Assignments,
    /// `GovernBlueprintPermissions`, and `GovernDefaultPermissions`.
    Permissions,
    /// Every kind of the product.
    All,
}

impl ExportKind {
    /// Its name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Options of `export`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  dataiku-operator export --from dssinstance/dataiku/design -n team-a -d out/
  dataiku-operator export --url https://dss.example.com --api-key-file key.txt --instance dataiku/design \\
    -n team-a --kinds users,groups --select 'group=analysts' -d out/

Exit codes: 0 written, 1 error (nothing is written).")]
pub struct ExportArgs {
    /// The connection that the manifests refer to.
    #[command(flatten)]
    pub manifests: ManifestArgs,
    /// What is written, and where.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to export.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "users,groups")]
    pub kinds: Vec<ExportKind>,
    /// Refer to Secrets for secrets and credentials of users and for secret settings, by the names in
    /// `secrets-to-create.yaml`: an object waits for its Secret. Default: the manifests leave them alone.
    #[arg(long)]
    pub secret_references: bool,
    /// Declare the preferences of users too, such as their language. An object that manages them undoes what its user changes.
    /// Default: the manifests leave them alone.
    #[arg(long)]
    pub preferences: bool,
}

/// Where manifests are written, and which.
#[derive(Clone, Debug, Args)]
pub struct TargetArgs {
    /// Namespace of the manifests.
    #[arg(short, long)]
    pub namespace: String,
    /// Only these groups and their members: `group=<name>`, with `*` for any text. Repeatable. Default: everything.
    #[arg(long, value_name = "group=NAME", value_parser = selected)]
    pub select: Vec<WildMatch>,
    /// Directory to write; it must not exist yet, or be empty.
    #[arg(short, long)]
    pub directory: PathBuf,
    /// Read the remote side and write nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `adopt`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  dataiku-operator adopt --from dssinstance/dataiku/design -n team-a -d out/
  dataiku-operator adopt --manage --from dssinstance/dataiku/design -n team-a -d out/

Exit codes: 0 done, 1 error.")]
pub struct AdoptArgs {
    /// The connection that the manifests refer to.
    #[command(flatten)]
    pub manifests: ManifestArgs,
    /// What is written, and where; with `--manage`, the directory that was written before.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to adopt.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "users,groups")]
    pub kinds: Vec<ExportKind>,
    /// The second step: change `managementPolicy` from `Observe` to `Manage` in every manifest of the directory whose plan is
    /// empty.
    #[arg(long, conflicts_with = "select")]
    pub manage: bool,
}

/// Form of a report on access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessFormat {
    /// One page that needs no network.
    Html,
    /// One row for each user, group and key.
    Csv,
    /// One document.
    Json,
}

/// Options of `access`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator access who-can admin --from dssinstance/dataiku/design")]
pub struct AccessArgs {
    /// What to show.
    #[command(subcommand)]
    pub what: AccessCommand,
}

/// What to show of access.
#[derive(Clone, Debug, Subcommand)]
pub enum AccessCommand {
    /// Who may do what, and why.
    Report(Box<AccessReportArgs>),
    /// Who has a permission, and why.
    WhoCan(Box<WhoCanArgs>),
    /// What one user may do, and why.
    Explain(Box<ExplainArgs>),
}

/// Options of `access report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator access report --from dssinstance/dataiku/design --format html --file access.html

Exit codes: 0 written, 1 error (nothing is written).")]
pub struct AccessReportArgs {
    /// How the remote side is reached.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Form of the report.
    #[arg(long, value_enum, default_value = "html")]
    pub format: AccessFormat,
    /// File to write, or to replace as a whole. Default: standard output.
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// Time without a login or an action after which a user counts as dormant, such as `90d`. Default: 90d.
    #[arg(long, value_parser = long_duration)]
    pub dormant_after: Option<SignedDuration>,
    /// Read the remote side, and write no file.
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
    /// How the remote side is reached, and what is printed.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `access explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator access explain jane.doe --url https://dss.example.com --api-key-file key.txt

Exit codes: 0 done, 1 error.")]
pub struct ExplainArgs {
    /// Login of the user; in a space of Dataiku Cloud the email address.
    pub login: String,
    /// How the remote side is reached, and what is printed.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `sessions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  dataiku-operator sessions --from dssinstance/dataiku/design
  dataiku-operator sessions --from governinstance/dataiku/govern

Exit codes: 0 done, 1 error.")]
pub struct SessionsArgs {
    /// How the node is reached, and what is printed.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `tasks`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator tasks --url https://dss.example.com --api-key-file key.txt -o json

Exit codes: 0 done, 1 error.")]
pub struct TasksArgs {
    /// How the node is reached, and what is printed.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `usage`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator usage --from dssinstance/dataiku/design -o kyaml

Exit codes: 0 done, 1 error.")]
pub struct UsageArgs {
    /// How the node is reached, and what is printed.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `rules`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator rules resolve jane.doe --from dssinstance/dataiku/design")]
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
    /// How the node is reached, and what is printed.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Options of `status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  dataiku-operator status dssuser/jane.doe -n team-a
  dataiku-operator status -A

Exit codes: 0 everything is ready, 2 something is not, 1 error.")]
pub struct StatusArgs {
    /// The object, for example `dssuser/jane.doe`. Default: one line for each connection.
    #[arg(value_name = "KIND/NAME", value_parser = named)]
    pub object: Option<Named>,
    /// Namespace. Default: that of your kubeconfig.
    #[arg(short, long, conflicts_with = "all_namespaces")]
    pub namespace: Option<String>,
    /// Connections of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "object")]
    pub all_namespaces: bool,
    /// Form on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `drain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  dataiku-operator drain dssinstance/dataiku/design --freeze --wait 30m
  dataiku-operator drain dssinstance/dataiku/design --unfreeze
  dataiku-operator drain governinstance/dataiku/govern --wait 10m

With --freeze and --unfreeze, the command writes `spec.freeze` of the connection object, and nothing else.

Exit codes: 0 nobody is left, 2 somebody is, 1 error.")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct DrainArgs {
    /// The connection object in the cluster of your kubeconfig, a `DssInstance` or `GovernInstance`.
    #[arg(value_name = "KIND/NAMESPACE/NAME", value_parser = origin)]
    pub connection: Origin,
    /// Freeze the writes of the operator through this connection first.
    #[arg(long, conflicts_with = "unfreeze")]
    pub freeze: bool,
    /// Let the operator write again, and wait for nobody.
    #[arg(long, conflicts_with = "wait")]
    pub unfreeze: bool,
    /// How long to wait until nobody is left. Default: look once.
    #[arg(long, value_parser = duration)]
    pub wait: Option<Duration>,
    /// Say what would be frozen, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Which addresses may be called.
    #[command(flatten)]
    pub addresses: AddressArgs,
    /// Allow `http://` and connections that do not verify certificates.
    #[arg(long)]
    pub allow_insecure_tls: bool,
    /// Form on standard output.
    #[arg(short, long, value_enum, default_value = "table")]
    pub output: Format,
}

/// Options of `completion`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:
  dataiku-operator completion bash > ~/.local/share/bash-completion/completions/dataiku-operator")]
pub struct CompletionArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
    /// For the program under the name `kubectl-dataiku`.
    #[arg(long)]
    pub plugin: bool,
}

/// A connection object by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Its namespace; `None`: that of the manifests.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// An object by its kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Kind, as `kubectl` takes it.
    pub kind: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

fn instance(text: &str) -> Result<Instance, String> {
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, text),
    };
    let parts = namespace.into_iter().chain([name]);
    if parts.into_iter().any(|part| part.is_empty() || part.contains('/')) {
        return Err("must be the name of a connection, or namespace/name".to_owned());
    }
    Ok(Instance {
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
    })
}

fn named(text: &str) -> Result<Named, String> {
    match text.split_once('/') {
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => Ok(Named {
            kind: kind.to_lowercase(),
            name: name.to_owned(),
        }),
        _ => Err("must be kind/name, for example dssuser/jane.doe".to_owned()),
    }
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
