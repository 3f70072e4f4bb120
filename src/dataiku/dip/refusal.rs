//! How a node words an error (contract sheet 1.4).

use serde_json::Value;

use crate::dataiku::product::{Author, RemoteError};

const EXISTS_CODES: [&str; 2] = ["ERR_SECURITY_USER_EXISTS", "ERR_SECURITY_GROUP_EXISTS"];

/// Reads `{"errorType", "message", "detailedMessage"}`. `None` when the body is no JSON object.
pub(in crate::dataiku) fn read_error(body: &[u8]) -> Option<RemoteError> {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
        return None;
    };
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let texts = ["detailedMessage", "message", "errorType", "code"].map(text);
    Some(RemoteError {
        message: texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned(),
        not_found: text("errorType").ends_with("NotFoundException"),
        already_exists: texts.into_iter().any(says_exists),
        author: if !text("errorType").is_empty() {
            Author::Product
        } else if !text("detailedMessage").is_empty() || text("code").starts_with("ERR_") {
            Author::ProductOrGateway
        } else {
            Author::Anybody
        },
    })
}

/// Whether a text has the code of a name that is taken.
pub(super) fn says_exists(text: &str) -> bool {
    EXISTS_CODES.iter().any(|code| text.contains(code))
}

#[cfg(test)]
mod tests {
    use super::{Author, read_error};

    #[test]
    fn the_detailed_message_is_preferred_and_the_type_is_the_last_resort() {
        let message = |body: &str| read_error(body.as_bytes()).unwrap().message;
        assert_eq!(
            message(r#"{"errorType":"T","message":"short","detailedMessage":"long"}"#),
            "long"
        );
        assert_eq!(
            message(r#"{"errorType":"T","message":"short","detailedMessage":null}"#),
            "short"
        );
        assert_eq!(message(r#"{"errorType":"T"}"#), "T");
        assert_eq!(message("{}"), "");
    }

    #[test]
    fn a_body_that_is_no_object_is_not_the_node_speaking() {
        for body in ["", "null", "[]", "\"text\"", "<html></html>", "{\"errorType\":"] {
            assert!(read_error(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn json_of_other_services_does_not_have_the_format() {
        let author = |body: &str| read_error(body.as_bytes()).unwrap().author;
        assert_eq!(author(r#"{"errorType":"X"}"#), Author::Product);
        for body in [
            r#"{"detailedMessage":"long"}"#,
            r#"{"code":"ERR_SECURITY_GROUP_EXISTS"}"#,
        ] {
            assert_eq!(author(body), Author::ProductOrGateway, "{body}");
        }
        for body in [
            "{}",
            r#"{"message":"no Route matched"}"#,
            r#"{"kind":"Status","code":403,"message":"secrets is forbidden"}"#,
            r#"{"errorType":"","code":"NotFound"}"#,
        ] {
            assert_eq!(author(body), Author::Anybody, "{body}");
        }
    }

    #[test]
    fn existence_is_read_from_any_text_and_absence_from_the_type() {
        let read = |body: &str| read_error(body.as_bytes()).unwrap();
        assert!(read(r#"{"errorType":"X","message":"ERR_SECURITY_USER_EXISTS: taken"}"#).already_exists);
        assert!(read(r#"{"code":"ERR_SECURITY_GROUP_EXISTS"}"#).already_exists);
        assert!(read(r#"{"errorType":"com.dataiku.dip.server.controllers.NotFoundException"}"#).not_found);
        assert!(!read(r#"{"errorType":"X","message":"NotFoundException"}"#).not_found);
    }
}
