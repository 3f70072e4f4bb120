//! What a handler hands back: an answer or a failure that the product turns into its own error body.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

/// A whole answer, before a fault may spoil it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The media type, absent when there is no body.
    pub content_type: Option<&'static str>,
    /// The bytes of the body.
    pub body: Bytes,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// 200 with a JSON body.
    pub fn json(value: &impl Serialize) -> Self {
        Self::status(200, value)
    }

    /// A JSON body with any status.
    pub fn status(status: u16, value: &impl Serialize) -> Self {
        Self::text_of(status, serde_json::to_vec(value).unwrap_or_default())
    }

    /// 200 with a JSON array written element by element, so that a long list never exists twice as a tree.
    pub fn list(elements: impl Iterator<Item = impl Serialize>) -> Self {
        let mut text = vec![b'['];
        for element in elements {
            if text.len() > 1 {
                text.push(b',');
            }
            // Writing a tree into memory cannot fail.
            let _ = serde_json::to_writer(&mut text, &element);
        }
        text.push(b']');
        Self::text_of(200, text)
    }

    /// What the products answer where the client ignores the text: an empty object, which is also valid JSON.
    pub fn done() -> Self {
        Self::json(&json!({}))
    }

    /// 204 without a body.
    pub fn no_content() -> Self {
        Self {
            status: 204,
            content_type: None,
            body: Bytes::new(),
            headers: Vec::new(),
        }
    }

    fn text_of(status: u16, text: Vec<u8>) -> Self {
        Self {
            status,
            content_type: Some("application/json;charset=utf-8"),
            body: text.into(),
            headers: Vec::new(),
        }
    }
}

/// A refusal, in terms that every product can express.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// HTTP status.
    pub status: u16,
    /// The Java class that DSS and Govern name.
    pub class: &'static str,
    /// The stable code of the manual, when the case has one.
    pub code: Option<&'static str>,
    /// What went wrong.
    pub message: String,
    /// A structured part, such as the Launchpad's `errors.json`.
    pub detail: Option<Box<Value>>,
}

impl Failure {
    /// A refusal with a class and a text.
    pub fn new(status: u16, class: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            class,
            code: None,
            message: message.into(),
            detail: None,
        }
    }

    /// The named object does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "com.dataiku.dip.server.controllers.NotFoundException", message)
    }

    /// The body is no JSON, or JSON of another shape.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "com.google.gson.JsonSyntaxException", message)
    }

    /// The same refusal with a code of the manual.
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The longer text: the code, when there is one, and the message.
    pub fn text(&self) -> String {
        let code = self.code.map(|code| format!("{code}: ")).unwrap_or_default();
        format!("{code}{}", self.message)
    }

    /// The same refusal with a structured part.
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }
}
