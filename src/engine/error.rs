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
    /// The connection does not allow this.
    NotAllowed,
    /// A bug of the operator.
    InternalError,
}

impl Reason {
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
        matches!(
            self,
            Self::Invalid
                | Self::Rejected
                | Self::AcceptedButNotStored
                | Self::AlreadyExists
                | Self::NotAllowed
                | Self::InternalError
        )
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
    #[error("{0}")]
    CredentialsMissing(String),
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
        /// Whether it is certain that nothing was written.
        certain: bool,
        /// Whether the remote side said that the object to be created exists.
        exists: bool,
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
            Self::NotYet(_) | Self::Kubernetes { .. } => None,
            Self::ConnectionNotReady(_) | Self::ConnectionGone(_) | Self::CredentialsMissing(_) => {
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
            _ => Retry::OnChange,
        }
    }

    /// Whether a write that failed with this may have happened all the same.
    pub fn is_ambiguous(&self) -> bool {
        !matches!(self, Self::Remote { certain: true, .. })
    }
}
