//! One request after routing and authentication, as a handler sees it.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answer::Failure;

/// Who calls, after impersonation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// The login of a user, or the id of a key that is no user.
    pub identifier: String,
    /// The login when the caller is a user.
    pub login: Option<String>,
    /// Rights by name: `admin`, global permissions, scopes.
    pub rights: Vec<String>,
}

impl Caller {
    /// Whether the caller has a right.
    pub fn has(&self, right: &str) -> bool {
        self.rights.iter().any(|held| held == right)
    }
}

/// One request.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// Variable segments of the path, decoded.
    pub params: Vec<(&'static str, String)>,
    /// Query parameters, decoded.
    pub query: Vec<(String, String)>,
    /// The body as it came.
    pub body: Bytes,
    /// Who calls.
    pub caller: Caller,
    /// A fault asks that every second item of a bulk fails.
    pub half_failed: bool,
}

impl Call {
    /// A variable segment; the table and the handler agree on the name, so a miss is an empty text.
    pub fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    /// A query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A boolean of the query in any case: the vendor's client sends `True`.
    pub fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.query(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(Failure::new(
                400,
                "java.lang.IllegalArgumentException",
                format!("Invalid boolean value [{text}] for parameter {name}"),
            )),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| Failure::malformed(format!("invalid JSON: {error}")))
    }

    /// The body as a value of a type.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(self.json()?).map_err(|error| Failure::malformed(error.to_string()))
    }

    /// The body as a JSON object.
    pub fn object(&self) -> Result<Map<String, Value>, Failure> {
        match self.json()? {
            Value::Object(map) => Ok(map),
            _ => Err(Failure::malformed("Expected BEGIN_OBJECT")),
        }
    }

    /// The body as a JSON array.
    pub fn array(&self) -> Result<Vec<Value>, Failure> {
        match self.json()? {
            Value::Array(items) => Ok(items),
            _ => Err(Failure::malformed("Expected BEGIN_ARRAY")),
        }
    }
}
