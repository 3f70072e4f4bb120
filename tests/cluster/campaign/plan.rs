//! What can go wrong, and where.

use std::{collections::HashMap, fmt, time::Duration};

use memory_apiserver::{Action, Request};
use serde_json::{Value, json};

use crate::scenarios::Scenario;

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// It is made from nothing.
    Create,
    /// It is in sync with another spec, and gets this one.
    Update,
    /// Somebody breaks it on the remote side.
    Repair,
    /// It is deleted with everything that it made.
    Delete,
    /// The operator restarts while somebody has broken it; a task gets another spec meanwhile.
    Restart,
    /// What it is for is replaced, since that is due.
    Rotate,
    /// It is deleted, and what it had replaced is put back.
    Restore,
}

impl Operation {
    /// Whether the object is gone afterwards.
    pub fn deletes(self) -> bool {
        matches!(self, Self::Delete | Self::Restore)
    }
}

/// What is done with objects of a kind: nobody breaks what a task has done, and only keys rotate.
pub fn operations<S: Scenario>() -> Vec<Operation> {
    let mut operations = vec![
        Operation::Create,
        Operation::Update,
        Operation::Delete,
        Operation::Restart,
    ];
    if S::KEEPS {
        operations.push(Operation::Repair);
    }
    if S::ROTATES {
        operations.push(Operation::Rotate);
    }
    if S::RESTORES {
        operations.push(Operation::Restore);
    }
    operations
}

/// An operation without a fault.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    pub operation: Operation,
    /// Calls to the remote side.
    pub remote: u64,
    /// Requests of the operator to the apiserver that can be disturbed.
    pub apiserver: usize,
    /// Writes that the remote side carried out.
    pub committed: usize,
    /// Writes of the status of the object.
    pub status: usize,
    /// Until it was done.
    pub time: Duration,
}

/// What goes wrong with a call to the remote side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    LostBefore,
    LostAfter,
    Status(u16),
    Html,
    Truncated,
    Reset,
    Late,
}

const REMOTE: [Remote; 10] = [
    Remote::LostBefore,
    Remote::LostAfter,
    Remote::Status(429),
    Remote::Status(500),
    Remote::Status(503),
    Remote::Status(409),
    Remote::Html,
    Remote::Truncated,
    Remote::Reset,
    Remote::Late,
];

impl Remote {
    /// The fault of the simulator.
    pub fn fault(self) -> Value {
        match self {
            Self::LostBefore => json!({ "kind": "dropBefore" }),
            Self::LostAfter => json!({ "kind": "dropAfter" }),
            Self::Status(429) => json!({ "kind": "status", "status": 429, "retryAfter": "2" }),
            Self::Status(status) => json!({ "kind": "status", "status": status }),
            Self::Html => json!({ "kind": "html", "page": "login", "status": 200 }),
            Self::Truncated => json!({ "kind": "truncate" }),
            // The answer trickles until the caller gives up.
            Self::Reset => json!({ "kind": "slowDrip", "bytesPerSecond": 1 }),
            Self::Late => json!({ "kind": "late", "millis": 14_000 }),
        }
    }
}

/// What the apiserver does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kubernetes {
    Status(u16),
    LostBefore,
    LostAfter,
}

const KUBERNETES: [Kubernetes; 7] = [
    Kubernetes::Status(409),
    Kubernetes::Status(410),
    Kubernetes::Status(422),
    Kubernetes::Status(429),
    Kubernetes::Status(500),
    Kubernetes::LostBefore,
    Kubernetes::LostAfter,
];

impl Kubernetes {
    /// The fault of the apiserver.
    pub fn action(self) -> Action {
        let reason = |code: u16| match code {
            409 => "Conflict",
            410 => "Expired",
            422 => "Invalid",
            429 => "TooManyRequests",
            _ => "InternalError",
        };
        match self {
            Self::Status(code) => Action::Status(code, reason(code).to_owned()),
            Self::LostBefore => Action::DropBefore,
            Self::LostAfter => Action::DropAfterCommit,
        }
    }
}

/// Whether this is a request of the operator that a plan may disturb: a write, or a read of a Secret or a `ConfigMap`.
pub fn can_be_disturbed(request: &Request) -> bool {
    let writes = request.is_write() && request.query.contains("fieldManager=dataiku-operator");
    let is_source = ["/secrets/", "/configmaps/"]
        .iter()
        .any(|part| request.path.contains(part));
    let reads = !request.is_write() && !request.is_watch() && is_source;
    (writes || reads) && !request.path.contains("/leases") && !request.path.contains("/events")
}

/// What happens around a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// The operator is killed.
    Kill,
    /// Another replica takes the lease.
    LostLeadership,
    /// The lease cannot be renewed any more, and somebody breaks the object meanwhile.
    NoLease,
    /// The connection is frozen for a while, and somebody breaks the object meanwhile.
    Freeze,
    /// The spec is another one for a while.
    Edit,
    /// Watches show nothing new for a while.
    StaleCache,
    /// Watches have to begin anew.
    Expired,
    /// The apiserver is down for a while.
    Outage,
    /// Another object declares something else of the same remote object for a while.
    Rival,
}

const AROUND: [Around; 9] = [
    Around::Kill,
    Around::LostLeadership,
    Around::NoLease,
    Around::Freeze,
    Around::Edit,
    Around::StaleCache,
    Around::Expired,
    Around::Outage,
    Around::Rival,
];

/// What goes wrong, and at which call, counted from 1.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Remote(u64, Remote),
    Kubernetes(usize, Kubernetes),
    Around(u64, Around),
}

/// One fault at one call of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub kind: &'static str,
    pub operation: Operation,
    pub fault: Fault,
}

impl Plan {
    /// The plan without the call at which its fault strikes.
    fn group(&self) -> (&'static str, Operation, String) {
        let fault = match self.fault {
            Fault::Remote(_, fault) => format!("remote {fault:?}"),
            Fault::Kubernetes(_, fault) => format!("apiserver {fault:?}"),
            Fault::Around(_, fault) => format!("around {fault:?}"),
        };
        (self.kind, self.operation, fault)
    }
}

/// Orders plans so that however few are run, they differ as much as possible: one call of each kind, operation and fault
/// comes before the second one of any.
pub fn spread(plans: &mut [Plan]) {
    let mut ranks: HashMap<_, usize> = HashMap::new();
    plans.sort_by_cached_key(|plan| {
        let rank = ranks.entry(plan.group()).or_default();
        *rank += 1;
        *rank
    });
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = format!("{:?}", self.operation).to_lowercase();
        write!(formatter, "{} {operation} ", self.kind)?;
        match self.fault {
            Fault::Remote(call, fault) => write!(formatter, "remote {call} {fault:?}"),
            Fault::Kubernetes(request, fault) => write!(formatter, "apiserver {request} {fault:?}"),
            Fault::Around(call, fault) => write!(formatter, "around {call} {fault:?}"),
        }
    }
}

/// Every plan of a kind, of whose remote objects several objects may declare one or not.
pub fn all(kind: &'static str, rivals: bool, measures: &[Measure]) -> Vec<Plan> {
    let mut plans = Vec::new();
    for measure in measures {
        let operation = measure.operation;
        let mut add = |fault| {
            plans.push(Plan { kind, operation, fault });
        };
        for call in 1..=measure.remote {
            for fault in REMOTE {
                add(Fault::Remote(call, fault));
            }
            for fault in AROUND {
                let possible = match fault {
                    // What is being deleted has no other spec.
                    Around::Edit => !operation.deletes(),
                    // It would be handed over.
                    Around::Rival => rivals && !operation.deletes(),
                    _ => true,
                };
                if possible {
                    add(Fault::Around(call, fault));
                }
            }
        }
        for request in 1..=measure.apiserver {
            for fault in KUBERNETES {
                add(Fault::Kubernetes(request, fault));
            }
        }
    }
    plans
}
