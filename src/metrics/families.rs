//! The metrics: names, labels and what they mean. The names are API; alerts and dashboards rely on them.

/// How a metric is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A number that only grows.
    Counter,
    /// A number.
    Gauge,
    /// Durations by size.
    Histogram,
    /// Always 1; the labels hold the information.
    Info,
}

/// Numbers with the same name and the same labels.
#[derive(Debug)]
pub struct Family {
    /// Name without the prefix `dataiku_operator_`, as queries name it. Those of a histogram have `_bucket`, `_sum` and
    /// `_count` after it.
    pub name: &'static str,
    /// How it is to be read.
    pub form: Form,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// For people.
    pub help: &'static str,
}

const fn family(name: &'static str, form: Form, labels: &'static [&'static str], help: &'static str) -> Family {
    Family {
        name,
        form,
        labels,
        help,
    }
}

/// Families of the process.
pub static BUILD_INFO: Family = family("build_info", Form::Info, &["version"], "Version of the operator");
/// See its help.
pub static LEADER: Family = family("leader", Form::Gauge, &[], "Whether this replica is the leader");
/// See its help.
pub static CRD_MISSING: Family = family(
    "crd_missing",
    Form::Gauge,
    &["kind"],
    "Whether the CRD of a kind is missing",
);
/// See its help.
pub static NAMESPACE_REFUSED: Family = family(
    "namespace_refused",
    Form::Gauge,
    &["namespace", "kind"],
    "Namespaces in which the operator may not list or watch a kind",
);
/// See its help.
pub static RECONCILES: Family = family(
    "reconcile_total",
    Form::Counter,
    &["kind", "reason"],
    "Reconciles, by kind and reason",
);
/// See its help.
pub static RECONCILE_SECONDS: Family = family(
    "reconcile_duration_seconds",
    Form::Histogram,
    &["kind"],
    "Duration of reconciles, by kind",
);
/// See its help.
pub static STATUS_WRITE_FAILURES: Family = family(
    "status_write_failures_total",
    Form::Counter,
    &["kind"],
    "Status writes that the apiserver refused or lost, by kind",
);
/// See its help.
pub static OBJECTS: Family = family(
    "objects",
    Form::Gauge,
    &["kind", "connection", "reason"],
    "Objects, by the reason of their Ready condition; an empty connection stands for those that do not exist",
);
/// See its help.
pub static QUEUE_DEPTH: Family = family(
    "queue_depth",
    Form::Gauge,
    &["kind", "class"],
    "Objects that wait for a place among the calls of their connection",
);
/// See its help.
pub static QUEUE_AGE: Family = family(
    "queue_age_seconds",
    Form::Gauge,
    &["kind", "class"],
    "How long the first of the objects that wait for a place has waited",
);
/// See its help.
pub static REQUESTS: Family = family(
    "remote_requests_total",
    Form::Counter,
    &["connection", "operation", "code"],
    "Calls to Dataiku, by path template and by status or failure",
);
/// See its help.
pub static WRITES: Family = family(
    "remote_writes_total",
    Form::Counter,
    &["connection", "operation", "code"],
    "Calls to Dataiku that change something; remote_requests_total has them too",
);
/// See its help.
pub static REQUEST_SECONDS: Family = family(
    "remote_request_duration_seconds",
    Form::Histogram,
    &["connection"],
    "Duration of calls to Dataiku that were sent",
);
/// See its help.
pub static SWEEP_SECONDS: Family = family(
    "sweep_duration_seconds",
    Form::Gauge,
    &["connection"],
    "Duration of the last sweep that succeeded",
);
/// See its help.
pub static LAST_SWEEP: Family = family(
    "last_sweep_timestamp_seconds",
    Form::Gauge,
    &["connection"],
    "When the last sweep that succeeded ended, in seconds since 1970",
);
/// See its help.
pub static DRIFT_REPAIRED: Family = family(
    "drift_repaired_total",
    Form::Counter,
    &["kind", "connection"],
    "Objects whose remote side was changed by somebody else and is as declared again",
);
/// See its help.
pub static BREAKER_OPEN: Family = family(
    "breaker_open",
    Form::Gauge,
    &["connection"],
    "Whether five calls in a row failed, so that only sweeps call",
);
/// See its help.
pub static BRAKE_PENDING: Family = family(
    "brake_pending",
    Form::Gauge,
    &["connection"],
    "Users whose removal the mass-change brake holds",
);
/// See its help.
pub static ORPHANS: Family = family(
    "orphans",
    Form::Gauge,
    &["connection"],
    "What the operator set in Dataiku and no object manages any more",
);
/// See its help.
pub static USERS: Family = family("users", Form::Gauge, &["connection", "state"], "Users, by state");
/// See its help.
pub static SEATS: Family = family(
    "seats",
    Form::Gauge,
    &["connection", "profile", "state"],
    "Seats of a space, by profile",
);
/// See its help.
pub static API_KEYS: Family = family("api_keys", Form::Gauge, &["connection", "state"], "API keys, by state");
/// See its help.
pub static TASKS: Family = family("tasks", Form::Gauge, &["connection", "phase"], "Tasks, by phase");
/// See its help.
pub static USAGE: Family = family(
    "usage",
    Form::Gauge,
    &["connection", "object"],
    "What a node holds, by type of object",
);

/// All of them.
pub static ALL: [&Family; 24] = [
    &API_KEYS,
    &BRAKE_PENDING,
    &BREAKER_OPEN,
    &BUILD_INFO,
    &CRD_MISSING,
    &DRIFT_REPAIRED,
    &LAST_SWEEP,
    &LEADER,
    &NAMESPACE_REFUSED,
    &OBJECTS,
    &ORPHANS,
    &QUEUE_AGE,
    &QUEUE_DEPTH,
    &RECONCILES,
    &RECONCILE_SECONDS,
    &REQUESTS,
    &REQUEST_SECONDS,
    &SEATS,
    &STATUS_WRITE_FAILURES,
    &SWEEP_SECONDS,
    &TASKS,
    &USAGE,
    &USERS,
    &WRITES,
];
