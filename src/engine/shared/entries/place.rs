//! Places of a document, named by JSON pointers (RFC 6901), and what objects declare there.

use serde_json::{Map, Value, value::RawValue};
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
    /// there. An empty map declares nothing.
    pub fn leaves(declared: &Map<String, Value>) -> Vec<Self> {
        let mut leaves = Vec::new();
        collect("", declared, &mut leaves);
        leaves
    }

    /// Identifies place and value.
    pub(super) fn mark(&self) -> String {
        mark(&self.pointer, self.value.as_ref())
    }
}

fn collect(parent: &str, declared: &Map<String, Value>, leaves: &mut Vec<Entry>) {
    for (key, value) in declared {
        let pointer = format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::Object(members) => collect(&pointer, members, leaves),
            Value::Null => leaves.push(Entry { pointer, value: None }),
            value => leaves.push(Entry {
                pointer,
                value: Some(value.clone()),
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
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The places of the maps that this place is in, the outermost first.
pub(super) fn ancestors(pointer: &str) -> impl Iterator<Item = &str> {
    pointer.match_indices('/').skip(1).map(|(at, _)| &pointer[..at])
}

/// Whether this place is in the map at `ancestor`.
pub(super) fn is_below(pointer: &str, ancestor: &str) -> bool {
    pointer
        .strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// How people read the place.
pub(super) fn words(pointer: &str) -> &str {
    pointer.strip_prefix('/').unwrap_or(pointer)
}

/// The JSON text at a place, as it came; `null` is a value.
pub(super) fn read(document: &Document, pointer: &str) -> Option<Box<RawValue>> {
    let (key, rest) = first(pointer);
    if !rest.is_empty() {
        return read(&document.nested(&key).ok()??, rest);
    }
    let null = || RawValue::NULL.to_owned();
    let value = || document.get(&key).ok().flatten();
    document.contains(&key).then(|| value().unwrap_or_else(null))
}

/// The value at a place.
pub(super) fn value(document: &Document, pointer: &str) -> Option<Value> {
    serde_json::from_str(read(document, pointer)?.get()).ok()
}

/// The outermost place above `pointer` that holds something else than a map: nothing can be set below it. `null` gives way to
/// a map.
pub(super) fn obstacle<'a>(document: &Document, pointer: &'a str) -> Option<&'a str> {
    ancestors(pointer).find(|ancestor| {
        let found = read(document, ancestor);
        found.is_some_and(|found| !found.get().starts_with('{') && found.get() != "null")
    })
}

/// Whether there is a map at a place.
pub(super) fn is_map(document: &Document, pointer: &str) -> bool {
    read(document, pointer).is_some_and(|found| found.get().starts_with('{'))
}

/// Whether there is an empty map at a place.
pub(super) fn is_empty_map(document: &Document, pointer: &str) -> bool {
    matches!(value(document, pointer), Some(Value::Object(members)) if members.is_empty())
}

/// Sets the value at a place, in maps that are made where they do not exist. Must have no [`obstacle`]: the map would be
/// replaced.
pub(super) fn write(document: &mut Document, pointer: &str, value: &RawValue) {
    let (key, rest) = first(pointer);
    if rest.is_empty() {
        document.set(&key, value);
        return;
    }
    let mut nested = document.nested(&key).ok().flatten().unwrap_or_default();
    write(&mut nested, rest, value);
    document.set(&key, &nested);
}

/// Removes the value at a place.
pub(super) fn remove(document: &mut Document, pointer: &str) {
    let (key, rest) = first(pointer);
    if rest.is_empty() {
        document.remove(&key);
    } else if let Ok(Some(mut nested)) = document.nested(&key) {
        remove(&mut nested, rest);
        document.set(&key, &nested);
    }
}

/// The first key of a pointer, and the pointer that is left.
fn first(pointer: &str) -> (String, &str) {
    let path = pointer.strip_prefix('/').unwrap_or(pointer);
    let (key, rest) = path.find('/').map_or((path, ""), |at| path.split_at(at));
    (key.replace("~1", "/").replace("~0", "~"), rest)
}
