//! Places of a document, named by JSON pointers (RFC 6901), and what objects declare there.

use jsonptr::{PointerBuf, Token};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::dataiku::{document::Document, json_value::canonical};

/// What an object declares at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The place, as a JSON pointer.
    pub pointer: String,
    /// The value; `None`: nothing may be there, unless there is a slot.
    pub value: Option<Value>,
    /// The slot of the secret whose value belongs there.
    pub slot: Option<String>,
}

/// Stands for the hash of a secret value, of which no record holds a hash without a key.
pub(super) const SECRET: &str = "secret";
/// In a record: what was replaced may be a secret and is not recorded. No JSON text, so nothing restores it.
pub(super) const WITHHELD: &str = "withheld";

/// Ends of names of members that hold secrets.
const SECRET_NAMES: [&str; 8] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "secretkey",
    "credential",
];

/// Whether a member of this name may hold a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|end| name.ends_with(end))
}

/// Whether a value of this name is, or has in it, a text that may be a secret.
pub fn holds_secret(name: &str, value: &Value) -> bool {
    match value {
        // The products show secrets in this form (contract sheet, A14).
        Value::String(text) => !text.is_empty() && (is_secret_name(name) || text.starts_with("e:")),
        Value::Array(items) => items.iter().any(|item| holds_secret(name, item)),
        Value::Object(members) => members.iter().any(|(name, value)| holds_secret(name, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Name of the member at a place.
pub fn member(pointer: &str) -> String {
    let token = pointer.rsplit('/').next().unwrap_or_default();
    token.replace("~1", "/").replace("~0", "~")
}

/// What the record holds of a replaced text, so that it can be restored.
pub(super) fn restorable(pointer: &str, text: String, private: bool) -> String {
    let holds = |value: &Value| holds_secret(&member(pointer), value);
    if private && serde_json::from_str(&text).is_ok_and(|value| holds(&value)) {
        return WITHHELD.to_owned();
    }
    text
}

/// Whether this is a text that is not empty.
pub(super) fn is_text(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

impl Entry {
    /// The leaves of a declared map: every value that is not a map is one, a list too, and `null` declares that nothing is
    /// there. An empty map declares nothing. In the order of their places.
    pub fn leaves(declared: &Map<String, Value>) -> Vec<Self> {
        let mut leaves = Vec::new();
        collect(&PointerBuf::default(), declared, &mut leaves);
        leaves.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        leaves
    }

    /// The value of a secret at this place.
    pub fn secret(pointer: &str, slot: String) -> Self {
        Self {
            pointer: pointer.to_owned(),
            value: None,
            slot: Some(slot),
        }
    }

    /// Nothing at this place.
    pub fn nothing(pointer: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            value: None,
            slot: None,
        }
    }

    /// Identifies place and value.
    pub(super) fn mark(&self) -> String {
        match self.slot {
            Some(_) => secret_mark(&self.pointer),
            None => mark(&self.pointer, self.value.as_ref()),
        }
    }
}

fn collect(parent: &PointerBuf, declared: &Map<String, Value>, leaves: &mut Vec<Entry>) {
    for (key, value) in declared {
        let mut pointer = parent.clone();
        pointer.push_back(Token::new(key));
        match value {
            Value::Object(members) => collect(&pointer, members, leaves),
            value => leaves.push(Entry {
                pointer: pointer.to_string(),
                value: (!value.is_null()).then(|| value.clone()),
                slot: None,
            }),
        }
    }
}

/// A place and a short hash of its value, of the same text for values that mean the same.
pub(super) fn mark(pointer: &str, value: Option<&Value>) -> String {
    format!("{pointer} {}", print(value))
}

/// The mark of a secret value, whatever it is.
pub(super) fn secret_mark(pointer: &str) -> String {
    format!("{pointer} {SECRET}")
}

/// The place of a mark, and the hash.
pub(super) fn split(mark: &str) -> (&str, &str) {
    mark.rsplit_once(' ').unwrap_or((mark, ""))
}

/// Short hash of a value. Nothing has one, too.
pub(super) fn print(value: Option<&Value>) -> String {
    let text = value.map(|value| canonical(value).to_string()).unwrap_or_default();
    let hash = Sha256::digest(text.as_bytes());
    let start = hash
        .iter()
        .take(8)
        .fold(0, |start: u64, byte| start << 8 | u64::from(*byte));
    format!("{start:016x}")
}

/// The places of the maps that this place is in, the outermost first.
pub(super) fn ancestors(pointer: &str) -> impl Iterator<Item = &str> {
    pointer.match_indices('/').skip(1).map(|(at, _)| &pointer[..at])
}

/// Whether this place is in the map at `ancestor`.
pub(super) fn is_below(pointer: &str, ancestor: &str) -> bool {
    let rest = pointer.strip_prefix(ancestor);
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// How people read the place.
pub(super) fn words(pointer: &str) -> &str {
    pointer.strip_prefix('/').unwrap_or(pointer)
}

/// The JSON text at a place, as it came. Below something that is no map is nothing.
pub(super) fn text(document: &Document, pointer: &str) -> Option<String> {
    let text = document.text_at(pointer).ok().flatten();
    text.map(|text| text.get().to_owned())
}

/// The value at a place.
pub(super) fn value(document: &Document, pointer: &str) -> Option<Value> {
    document.value_at(pointer).ok().flatten()
}

/// Whether there is a map at a place.
pub(super) fn is_map(document: &Document, pointer: &str) -> bool {
    text(document, pointer).is_some_and(|text| text.starts_with('{'))
}

/// Whether there is an empty map at a place.
pub(super) fn is_empty_map(document: &Document, pointer: &str) -> bool {
    matches!(value(document, pointer), Some(Value::Object(members)) if members.is_empty())
}
