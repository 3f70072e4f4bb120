//! YAML files with several documents, as kubectl takes them.

use anyhow::{Context, Result};
use serde_json::Value;

/// The objects of a text with any number of documents, with the items of a `List` in its place.
pub(crate) fn parse(yaml: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).context("not YAML")?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .flat_map(flatten)
        .collect())
}

fn flatten(document: Value) -> Vec<Value> {
    match (kind(&document), document.get("items")) {
        (kind, Some(Value::Array(items))) if kind.ends_with("List") => items.clone(),
        _ => vec![document],
    }
}

/// The kind of an object, empty when it names none.
pub(crate) fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

/// The `apiVersion` of an object, empty when it names none.
pub(crate) fn api_version(object: &Value) -> &str {
    object["apiVersion"].as_str().unwrap_or_default()
}

/// The name of an object, empty when it has none.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_become_one_row_of_objects() {
        let yaml =
            "---\n# only a comment\n---\nkind: A\nmetadata: {name: a}\n---\nkind: List\nitems:\n- kind: B\n- kind: C\n";
        let kinds: Vec<_> = parse(yaml)
            .unwrap()
            .iter()
            .map(|object| kind(object).to_owned())
            .collect();
        assert_eq!(kinds, ["A", "B", "C"]);
    }
}
