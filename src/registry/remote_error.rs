//! What a failed remote call means for an object: the one place that knows both sides.

use crate::{
    dataiku::error::{ApiError, ErrorKind},
    engine::error::{Error, Reason},
};

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let (reason, certain) = meaning(error.kind);
        Self::Remote {
            reason,
            message: message(&error),
            retry_after: error.retry_after,
            certain,
            exists: error.kind == ErrorKind::AlreadyExists,
        }
    }
}

/// The reason, and whether it is certain that nothing was written.
fn meaning(kind: ErrorKind) -> (Reason, bool) {
    match kind {
        ErrorKind::BadAddress => (Reason::Invalid, true),
        ErrorKind::Unauthorized | ErrorKind::Forbidden => (Reason::Forbidden, true),
        ErrorKind::RateLimited => (Reason::RateLimited, true),
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::Rejected => (Reason::Rejected, true),
        ErrorKind::Unreachable | ErrorKind::CircuitOpen => (Reason::Unavailable, true),
        // A gateway that answers for the node may do so after the node has done its work.
        ErrorKind::Timeout
        | ErrorKind::Lost
        | ErrorKind::Unavailable
        | ErrorKind::NotJson
        | ErrorKind::Malformed
        | ErrorKind::TooLarge => (Reason::Unavailable, false),
    }
}

fn message(error: &ApiError) -> String {
    let advice = match error.kind {
        ErrorKind::Unauthorized => ": the API key is not accepted; check the Secret that the connection names",
        ErrorKind::Forbidden => ": the API key lacks the right; it has to be an admin key",
        ErrorKind::NotJson => {
            ": the answer is not JSON; check that url is the base address of the node and not of a login page"
        }
        ErrorKind::Unreachable => ": check url, DNS, network policy and certificates",
        ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::CircuitOpen => {
            "; tried again by itself"
        }
        _ => "",
    };
    format!("{error}{advice}")
}
