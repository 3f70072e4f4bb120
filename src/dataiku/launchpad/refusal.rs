//! How the Launchpad words an error (contract sheet 1.4).

use serde_json::Value;

use crate::dataiku::product::{Author, RemoteError};

/// Reads `{"message"}`, or `{"errors": {"json": …}}` of a body that is found invalid. `None` when it is no JSON object.
pub(super) fn read_error(body: &[u8]) -> Option<RemoteError> {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
        return None;
    };
    let errors = body.get("errors").filter(|errors| !errors.is_null());
    let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let message = match errors {
        Some(errors) => match errors.get("json") {
            Some(places) => places.to_string(),
            None => Value::Object(body.clone()).to_string(),
        },
        None => text("message")
            .or_else(|| text("status"))
            .unwrap_or_default()
            .to_owned(),
    };
    Some(RemoteError {
        // Gateways give a `message` too, so that alone is no proof of who speaks.
        author: if errors.is_some() {
            Author::Product
        } else if message.is_empty() {
            Author::Anybody
        } else {
            Author::ProductOrGateway
        },
        message,
        ..RemoteError::default()
    })
}

#[cfg(test)]
mod tests {
    use super::read_error;

    #[test]
    fn the_places_of_an_invalid_body_are_told_before_any_message() {
        let message = |body: &str| read_error(body.as_bytes()).unwrap().message;
        assert_eq!(
            message(
                r#"{"code":422,"status":"Unprocessable Entity","message":"x","errors":{"json":{"0":{"email":["bad"]}}}}"#
            ),
            r#"{"0":{"email":["bad"]}}"#
        );
        assert_eq!(
            message(r#"{"errors":{"query":["bad"]}}"#),
            r#"{"errors":{"query":["bad"]}}"#
        );
        assert_eq!(message(r#"{"message":"no such group","errors":null}"#), "no such group");
        assert_eq!(message(r#"{"code":409,"status":"Conflict"}"#), "Conflict");
        assert_eq!(message("{}"), "");
    }

    #[test]
    fn a_body_that_is_no_object_is_not_the_launchpad_speaking() {
        for body in ["", "null", "[]", "\"text\"", "<html></html>", "{\"message\":"] {
            assert!(read_error(body.as_bytes()).is_none(), "{body}");
        }
    }
}
