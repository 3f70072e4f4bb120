//! What a failed call says about the object it was for: that it is not there, that it is there already, or nothing.

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

/// Absence as an answer to a read. Where it is not told in the product's own words it is believed only if the list of
/// such objects, which `listed` looks at, bears it out.
pub(super) async fn confirmed<T>(
    result: Result<T, ApiError>,
    listed: impl Future<Output = Result<bool, ApiError>>,
) -> Result<Option<T>, ApiError> {
    match result {
        Err(error) if error.is_doubtful_absence() => {
            if listed.await? {
                Err(error.contradicted())
            } else {
                Ok(None)
            }
        }
        answer => present(answer),
    }
}

/// For creations whose refusal has no code of its own: a taken place is told by the status 409 or in words. Where it is
/// told in neither way, the error stays what it is.
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

/// A member of an answer that is not as expected.
pub(super) fn malformed(operation: &'static str, error: &DocumentError) -> ApiError {
    ApiError::new(operation, ErrorKind::Malformed, format!("at {error}"))
}

/// The error of the element at `index` of a list.
pub(super) fn element(index: usize, error: DocumentError) -> DocumentError {
    DocumentError {
        key: format!("[{index}].{}", error.key),
        ..error
    }
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
