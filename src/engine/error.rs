//! Reasons that people see, and errors that decide when to try again.

use std::time::Duration;

/// Reason of the `Ready` condition. These are API: alerts and Argo CD health scripts match on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// An observation showed no difference.
    InSync,
    /// `managementPolicy: Observe`, and there are differences.
    Observed,
    /// Work is under way.
    Progressing,
    /// Something that this object names is not there or not ready yet. Heals by itself.
    DependencyNotReady,
    /// The finalizer is at work.
    Deleting,
    /// Paused by annotation.
    Paused,
    /// The connection is frozen and there is something to do.
    Frozen,
    /// The remote side asks for patience.
    RateLimited,
    /// The remote side failed three times in a row.
    Unavailable,
    /// The remote side does not accept the credentials, or they lack the right.
    Forbidden,
    /// A spec that no schema rule can refuse.
    Invalid,
    /// The remote side refused.
    Rejected,
    /// The remote side said yes, and read-back shows otherwise.
    AcceptedButNotStored,
    /// The remote object exists and `adoptionPolicy` is `Refuse`.
    AlreadyExists,
    /// Another object has this remote object or entry.
    Conflict,
    /// The connection does not allow this.
    NotAllowed,
    /// A bug of the operator.
    InternalError,
}

impl Reason {
    /// Reasons that stay until somebody acts: an object that is tried again all the same keeps its own meanwhile.
    const STANDING: [Self; 8] = [
        Self::Forbidden,
        Self::Invalid,
        Self::Rejected,
        Self::AcceptedButNotStored,
        Self::AlreadyExists,
        Self::Conflict,
        Self::NotAllowed,
        Self::InternalError,
    ];

    /// The reason of this name, if it stays until somebody acts.
    pub fn standing(name: &str) -> Option<Self> {
        Self::STANDING.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The name in the condition, in Events and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::Observed => "Observed",
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
            Self::AcceptedButNotStored => "AcceptedButNotStored",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::NotAllowed => "NotAllowed",
            Self::InternalError => "InternalError",
        }
    }

    /// Whether `Ready` is true.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::InSync | Self::Observed)
    }

    /// Whether somebody has to act before it can go on.
    pub fn is_stalled(self) -> bool {
        self != Self::Forbidden && Self::STANDING.contains(&self)
    }

    /// Whether the operator goes on by itself.
    pub fn is_reconciling(self) -> bool {
        matches!(
            self,
            Self::Progressing | Self::DependencyNotReady | Self::Deleting | Self::RateLimited | Self::Unavailable
        )
    }
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// When something that matters changes, or at the next look at the remote side.
    OnChange,
    /// Soon, then ever later.
    Backoff,
    /// After this time.
    After(Duration),
    /// At this time, which is this object's and nobody else's.
    Turn(Duration),
}

/// What became of a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was not done, for certain.
    NotDone,
    /// It was not done, since the object to be created exists.
    Exists,
    /// The other side answered, and the answer does not tell. A look tells.
    Answered,
    /// No answer came: it may have been done, or be done yet.
    Unknown,
}

/// Why a pass did not get through.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is known yet since the operator started; what the object says stands.
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
    /// Enough passes wait for this connection already.
    #[error("{message}")]
    Busy {
        /// What is busy.
        message: String,
        /// When it is this pass's turn, at the pace of now.
        turn: Duration,
    },
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
        /// When the remote side wants to be asked again.
        retry_after: Option<Duration>,
        /// What became of the write, if it was one.
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

impl Error {
    /// For `map_err` on a call to the apiserver.
    pub fn kubernetes(act: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Kubernetes {
            act,
            source: Box::new(source),
        }
    }

    /// What a spec gets that no schema rule can refuse.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Blocked(Reason::Invalid, message.into())
    }

    /// What an object gets that names something which is not there yet.
    pub fn dependency(message: impl Into<String>) -> Self {
        Self::Blocked(Reason::DependencyNotReady, message.into())
    }

    /// The reason to show; `None` where nothing is to be shown.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::NotYet(_) | Self::Busy { .. } | Self::Kubernetes { .. } => None,
            Self::ConnectionNotReady(_) | Self::ConnectionGone(_) | Self::CredentialsMissing { .. } => {
                Some(Reason::DependencyNotReady)
            }
            Self::Blocked(reason, _) | Self::Remote { reason, .. } => Some(*reason),
            Self::Internal(_) => Some(Reason::InternalError),
        }
    }

    /// When to try again.
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
            Self::Busy { turn, .. } => Retry::Turn(*turn),
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

    /// The same with another text.
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
