//! `DssTask`: something that is done on a DSS or Govern node, once or by a schedule.

use kube::{CustomResource, KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    common::{InstanceRef, ManagementPolicy, undescribed},
    run::RunStatus,
    status::{Nothing, Status},
};

/// Status of a [`DssTask`].
pub type DssTaskStatus = Status<Nothing, RunStatus>;

/// What happens when a run is due while another one has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum ConcurrencyPolicy {
    /// It starts once the other one has ended.
    #[default]
    Forbid,
    /// The other one is aborted.
    Replace,
}

/// What happens to a run that has not ended when the task is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum TaskDeletionPolicy {
    /// It is aborted.
    #[default]
    Delete,
    /// It goes on.
    Retain,
}

/// A directory that users come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum Directory {
    /// LDAP.
    #[serde(rename = "LDAP")]
    Ldap,
    /// Azure AD.
    #[serde(rename = "AZURE_AD")]
    AzureAd,
    /// A custom one.
    #[serde(rename = "CUSTOM")]
    Custom,
}

impl Directory {
    /// Dataiku's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ldap => "LDAP",
            Self::AzureAd => "AZURE_AD",
            Self::Custom => "CUSTOM",
        }
    }
}

/// The kind of a connection to a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = undescribed)]
pub enum NodeKindName {
    /// A DSS node.
    #[default]
    DssInstance,
    /// A Govern node.
    GovernInstance,
}

/// A connection to a node of either product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeRef {
    /// Kind of the connection object: `DssInstance` (default), or `GovernInstance` for `resyncUsers`, `provisionUsers`,
    /// `abortFutures` and `awaitFuture` on a Govern node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<NodeKindName>,
    /// The connection object.
    #[serde(flatten)]
    pub instance: InstanceRef,
}

impl NodeRef {
    /// Whether it leads to a Govern node.
    pub fn is_govern(&self) -> bool {
        self.kind == Some(NodeKindName::GovernInstance)
    }
}

/// Brings users in line with their directories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.logins) != (has(self.all) && self.all)").message("set either logins or all: true")
)]
#[serde(rename_all = "camelCase")]
pub struct ResyncUsers {
    /// Logins of the users. The run waits (`DependencyNotReady`) until all of them exist. Exactly one of `logins` and
    /// `all: true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), inner(length(min = 1, max = 80)))]
    pub logins: Option<Vec<String>>,
    /// `true`: every user who comes from a directory. Exactly one of `logins` and `all: true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
}

/// Creates users of a directory on the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("(has(self.login) ? 1 : 0) + (has(self.email) ? 1 : 0) + (has(self.group) ? 1 : 0) == 1")
        .message("set exactly one of login, email and group")
)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionUsers {
    /// The directory: `LDAP`, `AZURE_AD` or `CUSTOM`.
    pub source_type: Directory,
    /// The user with this login in the directory. Exactly one of `login`, `email` and `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub login: Option<String>,
    /// The user with this email address in the directory. Releases before 14.1 do not know this filter: the operator then
    /// searches the directory for the address itself. Exactly one of `login`, `email` and `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 320))]
    pub email: Option<String>,
    /// The users of this group of the directory. Those who exist on the node already are left out. Exactly one of
    /// `login`, `email` and `group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub group: Option<String>,
}

/// An action without settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoSettings {}

/// Ends sessions of Jupyter notebooks. A session is ended if it matches everything that is set here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnloadNotebooks {
    /// Only sessions whose kernel was not active for this long, for example `12h`. A session of which the node does not
    /// report that time stays. Unset: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('0s')").message("idleFor must not be negative")
    )]
    #[schemars(length(max = 32))]
    pub idle_for: Option<Duration>,
    /// Whether to leave busy kernels alone. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_idle: Option<bool>,
    /// Only notebooks of these projects. Unset: of all projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 200)))]
    pub project_keys: Option<Vec<String>>,
    /// Only notebooks of these names. Unset: of any name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 255)))]
    pub notebooks: Option<Vec<String>>,
    /// Only notebooks in these languages: `python`, `R`, `toree` (Scala). Unset: in any language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 80)))]
    pub languages: Option<Vec<String>>,
    /// Only notebooks with these kernels, by name. Unset: with any kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 200)))]
    pub kernels: Option<Vec<String>>,
    /// Only sessions that these users opened, by login. Unset: of any user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 80)))]
    pub owners: Option<Vec<String>>,
    /// Only the sessions with these ids. Unset: any session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 200)))]
    pub session_ids: Option<Vec<String>>,
    /// A message that is posted as a discussion of each notebook before its sessions end, once in a run. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub notify: Option<String>,
}

/// Notebooks of one project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notebooks {
    /// Key of the project.
    #[schemars(length(min = 1, max = 200))]
    pub project_key: String,
    /// Names of the notebooks. The run waits (`DependencyNotReady`) until all of them exist.
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 255)))]
    pub notebooks: Vec<String>,
}

/// Aborts long tasks of the node. A task is aborted if it matches everything that is set here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.ids) || has(self.olderThan) || has(self.owner)")
        .message("set at least one of ids, olderThan and owner")
)]
#[serde(rename_all = "camelCase")]
pub struct AbortFutures {
    /// Only the futures with these ids. Unset: any future. At least one of `ids`, `olderThan` and `owner` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 200)))]
    pub ids: Option<Vec<String>>,
    /// Only futures that were started longer ago than this, for example `24h`. A future of which the node does not report
    /// the start stays. Unset: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('0s')").message("olderThan must not be negative")
    )]
    #[schemars(length(max = 32))]
    pub older_than: Option<Duration>,
    /// Only futures of this user, or of the API key with this id. Unset: any owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub owner: Option<String>,
}

/// Waits for a future that somebody else started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AwaitFuture {
    /// The id of the future. The task polls the state of the future. It never reads the result and never aborts the future: both
    /// belong to the user who started it.
    #[schemars(length(min = 1, max = 200))]
    pub id: String,
}

/// Writes the content of notebooks into a `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportNotebooks {
    /// The notebooks.
    #[serde(flatten)]
    pub selected: Notebooks,
    /// `ConfigMap` in this namespace that the operator writes and this object owns. Each notebook has the key `<name>.ipynb`, in
    /// which characters that no key may have are `_`, followed by a hash of the name. All notebooks together are at most
    /// 1 MiB, else the run is `Failed` and writes nothing. A `ConfigMap` of this name that belongs to somebody else stays as it
    /// is (reason `AlreadyExists`). Whoever reads `ConfigMap`s in this namespace reads the notebooks.
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: String,
    /// Whether to export the outputs of cells, which may hold data. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<bool>,
}

/// A key of a `ConfigMap` in the namespace of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContentRef {
    /// Name of the `ConfigMap`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in its data. Default: `notebook.ipynb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key: Option<String>,
}

/// Creates a notebook, or replaces its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteNotebook {
    /// Key of the project.
    #[schemars(length(min = 1, max = 200))]
    pub project_key: String,
    /// Name of the notebook.
    #[schemars(length(min = 1, max = 255))]
    pub notebook: String,
    /// The content in the format of Jupyter (nbformat), in a `ConfigMap` in the namespace of this object. A browser tab that
    /// shows the notebook may overwrite it later.
    pub content_ref: ContentRef,
}

/// Opens a discussion of a notebook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostDiscussion {
    /// Key of the project.
    #[schemars(length(min = 1, max = 200))]
    pub project_key: String,
    /// Name of the notebook.
    #[schemars(length(min = 1, max = 255))]
    pub notebook: String,
    /// What the discussion is about.
    #[schemars(length(min = 1, max = 200))]
    pub topic: String,
    /// Its first message.
    #[schemars(length(min = 1, max = 4000))]
    pub message: String,
}

/// Form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = undescribed)]
pub enum ReportFormat {
    /// Tables.
    Csv,
    /// One document.
    Json,
}

/// Reports who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessReport {
    /// `csv`: the key `access.csv`, a row for each user, group and API key. `json`: the key `access.json`.
    pub format: ReportFormat,
    /// `ConfigMap` in this namespace that the operator writes and this object owns. It holds what `access report` of the command
    /// line shows: users, groups and API keys with their rights, the source of each right, rights on projects, the times of the
    /// last login and action, and marks such as `administrator`, `disabled` or `dormant` (not seen for 90 days). The rights of a
    /// disabled user are those of its groups. A report of more than 1 MiB is compressed with gzip, under a key that ends with
    /// `.gz`; one that does not fit even so, or of a list that cannot be read completely, is `Failed` and writes nothing. A
    /// `ConfigMap` of this name that belongs to somebody else stays as it is (reason `AlreadyExists`). Whoever reads `ConfigMap`s
    /// in this namespace reads the report. From another namespace than the connection's, a delegation must set `observe: All`.
    #[schemars(length(min = 1, max = 253))]
    pub config_map_name: String,
}

/// What a task does: exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Action (exactly one of them is declared): bring users in line with their directories (LDAP, Azure AD, custom). The
    /// node may be configured to disable users who left their directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_users: Option<ResyncUsers>,
    /// Action (exactly one of them is declared): create users of a directory on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provision_users: Option<ProvisionUsers>,
    /// Action (exactly one of them is declared): push the base images of containerized execution: `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_base_images: Option<NoSettings>,
    /// Action (exactly one of them is declared): end sessions of Jupyter notebooks, whose variables are lost. A session
    /// ends if it matches every field that is set; `{}` ends every idle one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unload_notebooks: Option<UnloadNotebooks>,
    /// Action (exactly one of them is declared): clear the outputs of notebooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_notebook_outputs: Option<Notebooks>,
    /// Action (exactly one of them is declared): abort long tasks (futures) of the node. A future is aborted if it
    /// matches every field that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort_futures: Option<AbortFutures>,
    /// Action (exactly one of them is declared): wait for a future that somebody else started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub await_future: Option<AwaitFuture>,
    /// Action (exactly one of them is declared): write the content of notebooks into a `ConfigMap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_notebooks: Option<ExportNotebooks>,
    /// Action (exactly one of them is declared): create a notebook, or replace its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_notebook: Option<WriteNotebook>,
    /// Action (exactly one of them is declared): delete notebooks and end their sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_notebooks: Option<Notebooks>,
    /// Action (exactly one of them is declared): open a discussion of a notebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_discussion: Option<PostDiscussion>,
    /// Action (exactly one of them is declared): write into a `ConfigMap` who may do what on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_report: Option<AccessReport>,
}

/// Something that the operator does on a node, once or by a schedule, like a Job or a `CronJob`. Without a schedule it runs
/// once; it runs again when you change what it does.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dataiku-operator.io",
    version = "v1alpha1",
    kind = "DssTask",
    namespaced,
    category = "dataiku",
    shortname = "dsst",
    status = "DssTaskStatus",
    derive = "PartialEq",
    doc = "Something that is done on a DSS or Govern node, once or by a schedule.",
    printcolumn(name = "Instance", type_ = "string", json_path = ".spec.instanceRef.name"),
    printcolumn(name = "Schedule", type_ = "string", json_path = ".spec.schedule"),
    printcolumn(name = "Last", type_ = "string", json_path = ".status.runs[0].phase"),
    printcolumn(name = "Started", type_ = "date", json_path = ".status.runs[0].startedAt"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("[has(self.resyncUsers), has(self.provisionUsers), has(self.pushBaseImages), has(self.unloadNotebooks), \
        has(self.clearNotebookOutputs), has(self.abortFutures), has(self.awaitFuture), has(self.exportNotebooks), \
        has(self.writeNotebook), has(self.deleteNotebooks), has(self.postDiscussion), has(self.accessReport)].exists_one(one, one)")
        .message("declare exactly one action"),
    validation = Rule::new("has(self.schedule) || !has(self.timeZone)").message("timeZone is for a schedule"),
    validation = Rule::new("!has(self.schedule) || !has(self.ttlSecondsAfterFinished)")
        .message("ttlSecondsAfterFinished is for a task without a schedule"),
    validation = Rule::new("!has(self.schedule) || !has(self.awaitFuture)").message("awaitFuture takes no schedule"),
    validation = Rule::new("!has(self.instanceRef.kind) || self.instanceRef.kind != 'GovernInstance' || has(self.resyncUsers) || \
        has(self.provisionUsers) || has(self.abortFutures) || has(self.awaitFuture)")
        .message("a Govern node takes resyncUsers, provisionUsers, abortFutures and awaitFuture"),
    validation = Rule::new("!has(self.instanceRef.kind) || self.instanceRef.kind != 'GovernInstance' || !has(self.asUser)")
        .message("asUser is for a DSS node")
)]
#[serde(rename_all = "camelCase")]
pub struct DssTaskSpec {
    /// The connection: a `DssInstance`, or a `GovernInstance`. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("instanceRef is immutable"))]
    pub instance_ref: NodeRef,
    /// When it runs, as a cron schedule: minute, hour, day of month, month, day of week (0 or 7 is Sunday). Of the runs that were
    /// missed while the operator did not run, the connection was frozen or `suspend` was true, only the last one is made up
    /// for. Unset: it runs once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub schedule: Option<String>,
    /// Time zone of `schedule`, by its name in the IANA database, such as `Europe/Paris`. Default: `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// `true`: no new run starts; one that has begun goes on. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// What happens when a run is due while another one has not ended. `Forbid` (default): it starts once the other one has
    /// ended. `Replace`: the operator aborts the other one and starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_policy: Option<ConcurrencyPolicy>,
    /// Longest time for one run, after which the operator aborts it (phase `TimedOut`). Default: 1h; from 1s to 168h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('168h')")
            .message("timeout must be from 1s to 168h")
    )]
    #[schemars(length(max = 32))]
    pub timeout: Option<Duration>,
    /// How many finished runs the status shows. Default: 5; from 1 to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub history_limit: Option<i32>,
    /// For a task without a schedule: the operator deletes this object this many seconds after its run has finished,
    /// however it ended. From 0 to 31536000 (a year). Unset: the object stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<i64>,
    /// Login of a user in whose name the calls are made; the node checks the rights of that user. The connection's `actAs` must
    /// list the login or one of the user's groups (else reason `NotAllowed`). Unset: the identity of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), regex(pattern = r"^[A-Za-z0-9@.+_-]{1,80}$"))]
    pub as_user: Option<String>,
    /// `Manage` (default) runs the task; `Observe` starts no run and shows in `status.plan` what is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// What happens to a run that has not ended when this object is deleted. `Delete` (default): the operator aborts it.
    /// `Retain`: it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<TaskDeletionPolicy>,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
}

/// Longest time for one run where none is given.
pub const DEFAULT_TIMEOUT: std::time::Duration = std::time::Duration::from_hours(1);
/// Finished runs in the status where no number is given.
pub const DEFAULT_HISTORY: usize = 5;
/// Key of the content of a notebook where none is given.
pub const DEFAULT_CONTENT_KEY: &str = "notebook.ipynb";
