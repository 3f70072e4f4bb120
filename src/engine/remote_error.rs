//! What a failed remote call means for an object.

use crate::{
    dataiku::error::{ApiError, ErrorKind},
    engine::error::{Error, Fate, Reason, Refused},
};

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        if error.kind == ErrorKind::Withdrawn {
            return Self::Refused(Refused::Superseded);
        }
        Self::Remote {
            reason: reason(error.kind),
            message: message(&error),
            retry_after: error.retry_after,
            fate: fate(&error),
        }
    }
}

/// `None` where the credentials do not suffice to read this.
pub fn permitted<T>(answer: Result<T, ApiError>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::Forbidden => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `None` where the remote side does not offer this, to these credentials or at all.
pub fn optional<T>(answer: Result<T, ApiError>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        answer => permitted(answer),
    }
}

fn reason(kind: ErrorKind) -> Reason {
    match kind {
        ErrorKind::BadAddress => Reason::Invalid,
        ErrorKind::Unauthorized | ErrorKind::Forbidden => Reason::Forbidden,
        ErrorKind::RateLimited => Reason::RateLimited,
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::Rejected => Reason::Rejected,
        ErrorKind::Unreachable
        | ErrorKind::CircuitOpen
        | ErrorKind::Withdrawn
        | ErrorKind::Timeout
        | ErrorKind::Lost
        | ErrorKind::Unavailable
        | ErrorKind::NotJson
        | ErrorKind::Malformed
        | ErrorKind::TooLarge
        | ErrorKind::NoMemory => Reason::Unavailable,
    }
}

fn fate(error: &ApiError) -> Fate {
    match error.kind {
        ErrorKind::AlreadyExists => Fate::Exists,
        ErrorKind::BadAddress
        | ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::RateLimited
        | ErrorKind::NotFound
        | ErrorKind::Rejected
        | ErrorKind::Unreachable
        | ErrorKind::Withdrawn
        | ErrorKind::CircuitOpen => Fate::NotDone,
        // A gateway may answer for the node while the node is still executing the call.
        ErrorKind::Unavailable if matches!(error.status, Some(502..=504)) => Fate::Unknown,
        ErrorKind::Unavailable if error.own_words => Fate::Answered,
        ErrorKind::Unavailable
        | ErrorKind::NotJson
        | ErrorKind::Malformed
        | ErrorKind::TooLarge
        | ErrorKind::NoMemory => Fate::Unreadable,
        ErrorKind::Timeout | ErrorKind::Lost => Fate::Unknown,
    }
}

fn message(error: &ApiError) -> String {
    let advice = match error.kind {
        ErrorKind::Unauthorized => ": the API key is not accepted; check the Secret that the connection names",
        ErrorKind::Forbidden => ": the API key lacks the right",
        ErrorKind::BadAddress => {
            "; the url of a connection is https (or http with tls.allowInsecureHttp: true) and names no \
             link-local or metadata address, and a private or loopback address only with run --allow-address"
        }
        ErrorKind::NotJson => {
            ": the answer is not JSON; check that url is the base address of the node and not of a login page"
        }
        ErrorKind::NoMemory => {
            "; the operator retries, and needs a higher memory limit if it manages more or larger connections than it has memory for"
        }
        ErrorKind::Unreachable => ": check url, DNS, network policy and certificates",
        ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::CircuitOpen => {
            "; the operator retries"
        }
        _ => "",
    };
    format!("{error}{advice}")
}
