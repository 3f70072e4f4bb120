//! Objects, lists and events as an answer shows them.

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

const META: &str = "meta.k8s.io/v1";

/// How much of an object an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Full,
    /// Without its type, as items in a list of a built-in kind are.
    Untyped,
    /// The metadata alone, as a `PartialObjectMetadata`.
    Metadata,
}

/// An object in this form.
pub(crate) struct View<'a>(pub(crate) &'a Value, pub(crate) Form);

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(object, form) = self;
        match form {
            Form::Full => object.serialize(serializer),
            Form::Untyped => {
                let members = object.as_object().into_iter().flatten();
                serializer.collect_map(members.filter(|(name, _)| *name != "apiVersion" && *name != "kind"))
            }
            Form::Metadata => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("kind", "PartialObjectMetadata")?;
                map.serialize_entry("apiVersion", META)?;
                map.serialize_entry("metadata", &object["metadata"])?;
                map.end()
            }
        }
    }
}

/// A list of objects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: Vec<View<'a>>,
}

impl<'a> List<'a> {
    /// Of these objects, whose kind and version are given, as of a revision.
    pub(crate) fn new(
        kind: &str,
        api_version: String,
        revision: u64,
        items: impl Iterator<Item = &'a Value>,
        form: Form,
    ) -> Self {
        let (kind, api_version) = match form {
            Form::Metadata => ("PartialObjectMetadataList".to_owned(), META.to_owned()),
            _ => (format!("{kind}List"), api_version),
        };
        Self {
            kind,
            api_version,
            metadata: json!({ "resourceVersion": revision.to_string() }),
            items: items.map(|object| View(object, form)).collect(),
        }
    }

    /// With the token of the next page and the number of items on it and after it.
    pub(crate) fn continued(mut self, token: &str, remaining: usize) -> Self {
        self.metadata["continue"] = json!(token);
        self.metadata["remainingItemCount"] = json!(remaining);
        self
    }
}

/// One line of a watch.
pub(crate) fn event(what: &str, object: &impl Serialize) -> Bytes {
    #[derive(Serialize)]
    struct Event<'a, T> {
        r#type: &'a str,
        object: &'a T,
    }
    let mut line = bytes(&Event { r#type: what, object });
    line.push(b'\n');
    line.into()
}

/// As JSON.
pub(crate) fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| unreachable!("JSON values have text keys: {error}"))
}
