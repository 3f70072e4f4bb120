//! What a remote call can fail with. An error carries no URL, no header and no body: any of them may hold a secret.

use std::{fmt, time::Duration};

/// A remote call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Method and path template, such as `PUT /admin/users/{login}`.
    pub operation: &'static str,
    /// What went wrong.
    pub kind: ErrorKind,
    /// Status of the answer, if there was one.
    pub status: Option<u16>,
    /// The product's own words (at most 1 KiB, withheld as a whole if they contain part of a secret value of the call, see
    /// [`super::redact::quotable`]) or the cause, on one line. Empty if there is nothing to say.
    pub message: String,
    /// Whether the remote side's words, withheld or not, say that the object exists.
    pub(super) says_exists: bool,
    /// Whether the product itself answered, in its own form, and not something before it.
    pub own_words: bool,
    /// How long the remote side, or the connection's own gate, asks to wait: 1 to 300 s.
    pub retry_after: Option<Duration>,
}

/// What went wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The address or a path segment is refused here: policy, http without permission, not a URL. Nothing was sent.
    BadAddress,
    /// Name resolution, connection or TLS handshake failed. Nothing was sent.
    Unreachable,
    /// No complete answer in time. The request may have been handled.
    Timeout,
    /// The connection failed once the request was under way. The request may have been handled.
    Lost,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// The remote object does not exist.
    NotFound,
    /// The remote object exists already.
    AlreadyExists,
    /// 429, or the connection is held since an earlier answer asked for patience.
    RateLimited,
    /// 5xx.
    Unavailable,
    /// Any other 4xx.
    Rejected,
    /// HTML, a redirect or anything else where JSON is due: something other than the product answered.
    NotJson,
    /// JSON of an unexpected shape.
    Malformed,
    /// The answer is longer than any true answer would be.
    TooLarge,
    /// The answers of all connections together take all the memory that there is for them. The request was handled.
    NoMemory,
    /// Too many calls in a row failed; nothing is sent before the next probe.
    CircuitOpen,
    /// The permit of a write became invalid while the call waited. Nothing was sent.
    Withdrawn,
}

impl ErrorKind {
    /// Name in metrics and logs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::BadAddress => "bad_address",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
            Self::NotJson => "not_json",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::NoMemory => "no_memory",
            Self::CircuitOpen => "circuit_open",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What it means where no status says so.
    fn phrase(self) -> &'static str {
        match self {
            Self::BadAddress => "address refused",
            Self::Unreachable => "cannot connect",
            Self::Timeout => "no answer in time",
            Self::Lost => "connection lost",
            Self::RateLimited => "held back, since the remote side asked for patience",
            Self::CircuitOpen => "not tried, since too many calls in a row failed",
            Self::Withdrawn => "not sent, since the permit for this write was withdrawn while it waited",
            Self::Malformed => "unexpected answer",
            Self::TooLarge => "answer too long",
            Self::NoMemory => "no memory for the answer",
            Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::AlreadyExists
            | Self::Unavailable
            | Self::Rejected
            | Self::NotJson => "failed",
        }
    }
}

impl ApiError {
    /// An error without status and without a time to wait.
    pub fn new(operation: &'static str, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            operation,
            kind,
            status: None,
            message: message.into(),
            says_exists: false,
            own_words: false,
            retry_after: None,
        }
    }

    /// Whether the remote side says that the object does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }

    /// Whether this says that the object does not exist, but not in the product's own words. Gateways have 404s of their
    /// own; taken for absence they would let go of an object that is still there.
    pub(super) fn is_doubtful_absence(&self) -> bool {
        self.is_not_found() && !self.own_words
    }

    /// The same where a list shows the object: whatever answered was not the product.
    pub(super) fn contradicted(self) -> Self {
        Self {
            kind: ErrorKind::NotJson,
            ..self
        }
    }

    /// Whether the request may have been handled although no answer came.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.kind, ErrorKind::Timeout | ErrorKind::Lost | ErrorKind::NoMemory)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        match self.status {
            Some(status) if self.kind != ErrorKind::NoMemory => write!(f, "HTTP {status}")?,
            _ => f.write_str(self.kind.phrase())?,
        }
        if self.message.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.message)
        }
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use super::{ApiError, ErrorKind};

    #[test]
    fn an_error_reads_as_operation_status_and_the_remote_words() {
        let mut error = ApiError::new("PUT /admin/users/{login}", ErrorKind::Forbidden, "admins only");
        error.status = Some(403);
        assert_eq!(error.to_string(), "PUT /admin/users/{login}: HTTP 403: admins only");
    }

    #[test]
    fn an_error_without_status_or_words_still_says_what_happened() {
        let error = ApiError::new("GET /auth/info", ErrorKind::Timeout, "");
        assert_eq!(error.to_string(), "GET /auth/info: no answer in time");
    }

    #[test]
    fn only_what_may_have_been_handled_is_ambiguous() {
        let ambiguous = |kind| ApiError::new("GET /x", kind, "").is_ambiguous();
        assert!(ambiguous(ErrorKind::Timeout) && ambiguous(ErrorKind::Lost));
        assert!(!ambiguous(ErrorKind::Unreachable) && !ambiguous(ErrorKind::CircuitOpen));
    }
}
