//! What a failed call says about its object: that it is absent, that it exists already, or nothing.

use super::{
    document::DocumentError,
    error::{ApiError, ErrorKind},
};

/// Absence is an answer, not an error.
pub(super) fn present<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Absence as an answer where no list could confirm it: a 404 that is not in the product's own error format is a failure,
/// since gateways have 404s of their own.
pub(super) fn certain<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Err(error) if error.is_doubtful_absence() => Err(error.contradicted()),
        answer => present(answer),
    }
}

/// Absence as an answer to a read. A 404 that is not in the product's own error format counts only if the list of such
/// objects, which `listed` searches, confirms it. A list with unreadable elements (`None`) confirms nothing.
pub(super) async fn confirmed<T>(
    result: Result<T, ApiError>,
    listed: impl Future<Output = Result<Option<bool>, ApiError>>,
) -> Result<Option<T>, ApiError> {
    match result {
        Err(error) if error.is_doubtful_absence() => match listed.await? {
            Some(true) => Err(error.contradicted()),
            Some(false) => Ok(None),
            None => Err(ApiError {
                kind: ErrorKind::Malformed,
                message: "the object was not found, but the list that would confirm it has unreadable elements".into(),
                ..error
            }),
        },
        answer => present(answer),
    }
}

/// For creations whose refusal has no code of its own: status 409 or the wording shows that the name is taken. Any other
/// error stays as it is.
pub(super) fn taken<T>(result: Result<T, ApiError>) -> Result<T, ApiError> {
    result.map_err(|mut error| {
        let refused = matches!(error.kind, ErrorKind::Rejected | ErrorKind::Unavailable);
        let told = error.status == Some(409) || error.says_exists;
        if refused && told {
            error.kind = ErrorKind::AlreadyExists;
        }
        error
    })
}

/// The error for an answer with an unexpected member.
pub(super) fn malformed(operation: &'static str, error: &DocumentError) -> ApiError {
    ApiError::new(operation, ErrorKind::Malformed, format!("at {error}"))
}

#[cfg(test)]
mod tests {
    use super::{present, taken};
    use crate::dataiku::error::{ApiError, ErrorKind};

    fn refused(kind: ErrorKind, status: u16, message: &str) -> Result<(), ApiError> {
        let mut error = ApiError::new("POST /x", kind, message);
        error.says_exists = message.contains("exist");
        error.status = Some(status);
        Err(error)
    }

    #[test]
    fn only_a_refusal_that_says_so_is_a_taken_place() {
        let kind = |kind, status, message| taken(refused(kind, status, message)).unwrap_err().kind;
        for told in [
            kind(ErrorKind::Rejected, 409, ""),
            kind(ErrorKind::Rejected, 400, "role assignments already exist for bp.x"),
            kind(ErrorKind::Unavailable, 500, "ro.pm already exists"),
        ] {
            assert_eq!(told, ErrorKind::AlreadyExists);
        }
        assert_eq!(kind(ErrorKind::Rejected, 400, "bad identifier"), ErrorKind::Rejected);
        assert_eq!(
            kind(ErrorKind::Forbidden, 403, "the key already exists"),
            ErrorKind::Forbidden
        );
    }

    #[test]
    fn absence_is_an_answer_and_other_failures_are_not() {
        assert_eq!(present(refused(ErrorKind::NotFound, 404, "")), Ok(None));
        assert!(present(refused(ErrorKind::NotJson, 404, "")).is_err());
    }
}
