//! Reasons that people see, and errors that decide when to try again.

use std::time::Duration;

/// Reason of the `Ready` condition. These are API: alerts and Argo CD health scripts match on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// An observation showed no difference.
    InSync,
    /// `managementPolicy: Observe`, and there are differences.
    Observed,
    /// A time limit of the spec has passed, and the access that it limits is withdrawn.
    Expired,
    /// A change or a remote task is in progress.
    Progressing,
    /// Something that this object names does not exist or is not ready yet. Recovers automatically.
    DependencyNotReady,
    /// The finalizer is running.
    Deleting,
    /// Paused by annotation.
    Paused,
    /// The connection is frozen and changes are pending.
    Frozen,
    /// The remote side limits the rate of calls.
    RateLimited,
    /// The remote side failed three times in a row.
    Unavailable,
    /// The remote side does not accept the credentials, or they lack the right.
    Forbidden,
    /// The spec is invalid in a way that no schema rule can reject.
    Invalid,
    /// The remote side rejected the request.
    Rejected,
    /// The last run of a task did not succeed; the message says how it ended.
    RunFailed,
    /// The remote side accepted the write, but read-back shows a different value.
    AcceptedButNotStored,
    /// The remote object exists and `adoptionPolicy` is `Refuse`.
    AlreadyExists,
    /// Another object owns this remote object or entry.
    Conflict,
    /// The connection does not allow this.
    NotAllowed,
    /// The change would remove the last administrator, the operator's own identity or the space owner.
    Guarded,
    /// The mass-change brake or a changed node identity holds the change until somebody acknowledges it.
    AwaitingAcknowledgement,
    /// A bug of the operator.
    InternalError,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 21] = [
        Self::InSync,
        Self::Observed,
        Self::Expired,
        Self::Progressing,
        Self::DependencyNotReady,
        Self::Deleting,
        Self::Paused,
        Self::Frozen,
        Self::RateLimited,
        Self::Unavailable,
        Self::Forbidden,
        Self::Invalid,
        Self::Rejected,
        Self::RunFailed,
        Self::AcceptedButNotStored,
        Self::AlreadyExists,
        Self::Conflict,
        Self::NotAllowed,
        Self::Guarded,
        Self::AwaitingAcknowledgement,
        Self::InternalError,
    ];
    /// Reasons that need user action; an object keeps its own during automatic retries.
    const STANDING: [Self; 11] = [
        Self::Forbidden,
        Self::Invalid,
        Self::Rejected,
        Self::RunFailed,
        Self::AcceptedButNotStored,
        Self::AlreadyExists,
        Self::Conflict,
        Self::NotAllowed,
        Self::Guarded,
        Self::AwaitingAcknowledgement,
        Self::InternalError,
    ];

    /// The reason of this name, if it needs user action.
    pub fn standing(name: &str) -> Option<Self> {
        Self::STANDING.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The name in the condition, in Events and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::Observed => "Observed",
            Self::Expired => "Expired",
            Self::Progressing => "Progressing",
            Self::DependencyNotReady => "DependencyNotReady",
            Self::Deleting => "Deleting",
            Self::Paused => "Paused",
            Self::Frozen => "Frozen",
            Self::RateLimited => "RateLimited",
            Self::Unavailable => "Unavailable",
            Self::Forbidden => "Forbidden",
            Self::Invalid => "Invalid",
            Self::Rejected => "Rejected",
            Self::RunFailed => "RunFailed",
            Self::AcceptedButNotStored => "AcceptedButNotStored",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::NotAllowed => "NotAllowed",
            Self::Guarded => "Guarded",
            Self::AwaitingAcknowledgement => "AwaitingAcknowledgement",
            Self::InternalError => "InternalError",
        }
    }

    /// The reason of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// Whether `Ready` is true.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::InSync | Self::Observed | Self::Expired)
    }

    /// Whether the operator needs user action before it can continue.
    pub fn is_stalled(self) -> bool {
        self != Self::Forbidden && Self::STANDING.contains(&self)
    }

    /// Whether the operator continues without user action.
    pub fn is_reconciling(self) -> bool {
        matches!(
            self,
            Self::Progressing | Self::DependencyNotReady | Self::Deleting | Self::RateLimited | Self::Unavailable
        )
    }
}

/// When to reconcile an object again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// When something that matters changes, or after the next sweep.
    OnChange,
    /// Soon, then less and less often.
    Backoff,
    /// After this time.
    After(Duration),
}

/// What happened to a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The remote side did not execute it.
    NotDone,
    /// The remote side did not execute it, since the object to be created exists.
    Exists,
    /// The remote side answered, and the answer does not tell. A read tells.
    Answered,
    /// Something answered that is not the product's own error, such as a login page in front of it or a result that cannot be
    /// read. A read tells.
    Unreadable,
    /// No answer arrived: the write may have been executed, or may still be.
    Unknown,
}

/// Why a write got no permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The object changed after the reconcile read it.
    Superseded,
    /// The connection changed after the reconcile read it: its address, its credentials or the namespaces it allows.
    ConnectionChanged,
    /// The connection is frozen.
    Frozen,
    /// No change window is open; when the next one opens, for people.
    OutsideWindow(String),
    /// This process may not be the leader any more.
    NotLeading,
    /// The write would take something that must not be taken; what, for people.
    Guarded(String),
    /// The connection does not allow it; why, and what would, for people.
    NotAllowed(String),
    /// Too little is known of the remote side to tell whether the connection allows it.
    Undecided(String),
    /// Too many users would lose their accounts at once.
    AwaitingAcknowledgement {
        /// Acknowledging it releases the change.
        token: String,
        /// How many pass within ten minutes.
        limit: usize,
    },
}

/// Why a reconcile did not finish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator does not know enough yet, shortly after its start; the present status stays.
    #[error("{0}")]
    NotYet(String),
    /// The connection is not ready. Objects that were ready stay so: the outage shows on the connection.
    #[error("{0}")]
    ConnectionNotReady(String),
    /// The connection object does not exist.
    #[error("{0}")]
    ConnectionGone(String),
    /// The connection's credentials are missing.
    #[error("{message}")]
    CredentialsMissing {
        /// What is missing.
        message: String,
        /// For how long, as far as this process knows.
        since: Duration,
    },
    /// The object waits in the queue of its connection, which wakes it.
    #[error("queued behind other objects of the connection")]
    Queued,
    /// A write got no permit.
    #[error("{0}")]
    Refused(Refused),
    /// A state that people have to know about.
    #[error("{1}")]
    Blocked(Reason, String),
    /// The remote side failed.
    #[error("{message}")]
    Remote {
        /// What it means for the object.
        reason: Reason,
        /// What happened, to what, and the remote side's own words.
        message: String,
        /// When the remote side wants the next call.
        retry_after: Option<Duration>,
        /// What happened to the write, if it was one.
        fate: Fate,
    },
    /// The apiserver failed.
    #[error("{act}: {source}")]
    Kubernetes {
        /// What was tried.
        act: &'static str,
        /// How it failed.
        source: Box<kube::Error>,
    },
    /// A bug of the operator.
    #[error("{0}")]
    Internal(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Guarded(what) | Self::NotAllowed(what) | Self::Undecided(what) | Self::OutsideWindow(what) => {
                return write!(f, "{what}");
            }
            Self::AwaitingAcknowledgement { token, limit } => {
                return write!(
                    f,
                    "more than {limit} users would be disabled or deleted within ten minutes: to release what waits, set \
                     the annotation dataiku-operator.io/acknowledge={token} on the connection"
                );
            }
            Self::Superseded => "the object changed before the write was sent",
            Self::ConnectionChanged => "the connection changed before the write was sent",
            Self::Frozen => "the connection is frozen",
            Self::NotLeading => "this replica is not the leader",
        })
    }
}

impl Error {
    /// For `map_err` on a call to the apiserver.
    pub fn kubernetes(act: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Kubernetes {
            act,
            source: Box::new(source),
        }
    }

    /// For a spec that is invalid in a way that no schema rule can reject.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Blocked(Reason::Invalid, message.into())
    }

    /// For an object that names something which does not exist yet.
    pub fn dependency(message: impl Into<String>) -> Self {
        Self::Blocked(Reason::DependencyNotReady, message.into())
    }

    /// For an answer of the remote side that cannot be read.
    pub fn unreadable(what: &str, error: &impl std::fmt::Display) -> Self {
        Self::Remote {
            reason: Reason::Unavailable,
            message: format!("{what} could not be read: {error}"),
            retry_after: None,
            fate: Fate::NotDone,
        }
    }

    /// The reason to show; `None` where the present status stays.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(Refused::Guarded(_)) => Some(Reason::Guarded),
            Self::Refused(Refused::NotAllowed(_)) => Some(Reason::NotAllowed),
            Self::Refused(Refused::Undecided(_)) => Some(Reason::DependencyNotReady),
            Self::Refused(Refused::AwaitingAcknowledgement { .. }) => Some(Reason::AwaitingAcknowledgement),
            Self::NotYet(_) | Self::Queued | Self::Refused(_) | Self::Kubernetes { .. } => None,
            Self::ConnectionNotReady(_) | Self::ConnectionGone(_) | Self::CredentialsMissing { .. } => {
                Some(Reason::DependencyNotReady)
            }
            Self::Blocked(reason, _) | Self::Remote { reason, .. } => Some(*reason),
            Self::Internal(_) => Some(Reason::InternalError),
        }
    }

    /// When to reconcile again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Remote {
                retry_after: Some(after),
                ..
            } => Retry::After(*after),
            Self::Remote {
                reason: Reason::Unavailable | Reason::RateLimited,
                ..
            }
            | Self::Kubernetes { .. } => Retry::Backoff,
            Self::Refused(
                Refused::Guarded(_)
                | Refused::NotAllowed(_)
                | Refused::Undecided(_)
                | Refused::AwaitingAcknowledgement { .. },
            ) => Retry::OnChange,
            // The watch brings the change, but a watch that is behind must not stop the object for good.
            Self::Refused(_) => Retry::After(Duration::from_secs(1)),
            _ => Retry::OnChange,
        }
    }

    /// Whether this is a failure of the remote side that, repeated, is an outage.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Remote {
                reason: Reason::Unavailable,
                ..
            }
        )
    }

    /// What happened to the write that failed.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Remote { fate, .. } => *fate,
            Self::Refused(_) => Fate::NotDone,
            _ => Fate::Unknown,
        }
    }

    /// The same error with another text.
    #[must_use]
    pub fn reworded(self, reword: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Blocked(reason, message) => Self::Blocked(reason, reword(&message)),
            Self::Remote {
                reason,
                message,
                retry_after,
                fate,
            } => Self::Remote {
                reason,
                message: reword(&message),
                retry_after,
                fate,
            },
            other => other,
        }
    }
}
