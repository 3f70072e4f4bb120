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
    /// The value; `None`: nothing may be there.
    pub value: Option<Value>,
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

    /// Identifies place and value.
    pub(super) fn mark(&self) -> String {
        mark(&self.pointer, self.value.as_ref())
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
            }),
        }
    }
}

/// A place and a short hash of its value, of the same text for values that mean the same.
pub(super) fn mark(pointer: &str, value: Option<&Value>) -> String {
    format!("{pointer} {}", print(value))
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
