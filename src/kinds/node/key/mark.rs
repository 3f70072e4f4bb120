//! The mark in the description of a key, by which the object that created it is recognized (`api.md` 9).

use kube::ResourceExt;

use super::NodeKey;

const MARK: &str = "[dataiku-operator.io/owner:";

/// Identifies the keys of this object; part of their descriptions.
pub(super) fn mark<K: NodeKey>(object: &K) -> String {
    let (namespace, uid) = (object.namespace().unwrap_or_default(), object.uid().unwrap_or_default());
    format!("{MARK} {namespace}/{} {uid}]", object.name_any())
}

/// The last mark of a description. People may write before and after it; of several marks the last one counts, so that
/// nobody can declare the mark of somebody else.
fn last(description: &str) -> Option<&str> {
    let found = &description[description.rfind(MARK)?..];
    Some(&found[..=found.find(']')?])
}

/// The object that a description names, as namespace and name; `None`: it has no mark.
pub fn owner(description: &str) -> Option<&str> {
    last(description)?[MARK.len()..].split_whitespace().next()
}

/// Whether a description has this mark.
pub(super) fn has_mark(description: &str, mark: &str) -> bool {
    last(description) == Some(mark)
}

/// The object that another mark names; `None`: the description has none, or this one.
pub(super) fn other_owner<'a>(description: &'a str, mark: &str) -> Option<&'a str> {
    let found = last(description).filter(|found| *found != mark)?;
    found[MARK.len()..].split_whitespace().next()
}

/// A description with this mark.
pub(super) fn marked(text: &str, mark: &str) -> String {
    if text.is_empty() {
        mark.to_owned()
    } else {
        format!("{text} {mark}")
    }
}
