//! A remote document that is read, edited and written back; whatever is not edited stays byte for byte.

use std::fmt;

use indexmap::IndexMap;
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, value::MapDeserializer},
};
use serde_json::value::{RawValue, to_raw_value};
use zeroize::Zeroize;

use super::fields::{Fields, Record};

/// A JSON object whose members keep their text and their order. It may hold secrets: neither Debug nor Display, and
/// overwritten when it is dropped.
#[derive(Clone, Default)]
pub struct Document(IndexMap<String, Box<RawValue>>);

impl Drop for Document {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|(_, raw)| wipe(raw));
    }
}

fn wipe(raw: Box<RawValue>) {
    Box::<str>::from(raw).zeroize();
}

/// A member of a document has an unexpected shape. Names the member, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// The member.
    pub key: String,
    /// What was expected there.
    pub message: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.key, self.message)
        }
    }
}

impl std::error::Error for DocumentError {}

impl Document {
    /// An empty object.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The member as a value; `None` when it is absent or null.
    ///
    /// # Errors
    /// The member is present and not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, DocumentError> {
        let Some(raw) = self.0.get(key) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map_err(|error| DocumentError {
            key: key.to_owned(),
            message: expectation(&error),
        })
    }

    /// The member, if it is a string.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<String> {
        self.get(key).ok().flatten()
    }

    /// Sets the member; an existing one keeps its place.
    ///
    /// # Panics
    /// `value` has no JSON form, such as a map whose keys are no strings.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        if let Some(replaced) = self.0.insert(key.to_owned(), text(value)) {
            wipe(replaced);
        }
    }

    /// Removes the member; false when it was absent.
    pub fn remove(&mut self, key: &str) -> bool {
        self.0.shift_remove(key).map(wipe).is_some()
    }

    /// Removes a text and returns it as a secret; `None` when the member is absent, empty or not a text. Its JSON text is
    /// zeroized, so that only the secret remains.
    pub(super) fn take_secret(&mut self, key: &str) -> Option<SecretString> {
        let mut raw: Box<str> = self.0.shift_remove(key)?.into();
        let value = serde_json::from_str::<String>(&raw)
            .ok()
            .filter(|text| !text.is_empty());
        raw.zeroize();
        value.map(SecretString::from)
    }

    /// Whether the member is present; a null one is.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Names of the members, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The member as a document of its own, `None` when it is absent or null. `set` writes it back.
    ///
    /// # Errors
    /// The member is present and not an object.
    pub fn nested(&self, key: &str) -> Result<Option<Self>, DocumentError> {
        self.get(key)
    }

    /// Edits a list with elements of several owners: those that `keep` accepts stay byte for byte, `added` go to its end.
    /// False when that changes nothing.
    ///
    /// # Errors
    /// The member is present and not a list of `T`. Nothing is changed then.
    pub fn edit_list<T: DeserializeOwned, A: Serialize>(
        &mut self,
        key: &str,
        mut keep: impl FnMut(&T) -> bool,
        added: &[A],
    ) -> Result<bool, DocumentError> {
        let found: Vec<Box<RawValue>> = self.get(key)?.unwrap_or_default();
        let length = found.len();
        let mut kept = Vec::with_capacity(length + added.len());
        for (index, raw) in found.into_iter().enumerate() {
            let element = serde_json::from_str(raw.get()).map_err(|error| DocumentError {
                key: format!("{key}[{index}]"),
                message: expectation(&error),
            })?;
            if keep(&element) {
                kept.push(raw);
            }
        }
        if kept.len() == length && added.is_empty() {
            return Ok(false);
        }
        kept.extend(added.iter().map(text));
        self.set(key, &kept);
        Ok(true)
    }

    /// Edits the first object of a list that `is_it` accepts, or a new one at its end. All others stay byte for byte.
    ///
    /// # Errors
    /// The member is present and not a list of objects. Nothing is changed then.
    pub fn edit_element(
        &mut self,
        key: &str,
        is_it: impl Fn(&Self) -> bool,
        edit: impl FnOnce(&mut Self),
    ) -> Result<(), DocumentError> {
        let mut all: Vec<Box<RawValue>> = self.get(key)?.unwrap_or_default();
        let mut found = None;
        for (index, raw) in all.iter().enumerate() {
            let element: Self = serde_json::from_str(raw.get()).map_err(|error| DocumentError {
                key: format!("{key}[{index}]"),
                message: expectation(&error),
            })?;
            if found.is_none() && is_it(&element) {
                found = Some((index, element));
            }
        }
        let (index, mut element) = found.unwrap_or_else(|| (all.len(), Self::new()));
        edit(&mut element);
        if index == all.len() {
            all.push(text(&element));
        } else {
            wipe(std::mem::replace(&mut all[index], text(&element)));
        }
        self.set(key, &all);
        all.into_iter().for_each(wipe);
        Ok(())
    }

    /// The whole document as a value.
    ///
    /// # Errors
    /// It is not a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DocumentError> {
        let members = self.0.iter().map(|(key, raw)| (key.as_str(), raw.as_ref()));
        serde_path_to_error::deserialize(MapDeserializer::new(members)).map_err(|error| {
            let path = error.path().to_string();
            DocumentError {
                key: if path == "." { String::new() } else { path },
                message: expectation(error.inner()),
            }
        })
    }

    /// Names and JSON texts of the members, in their order.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, raw)| (key.as_str(), raw.as_ref()))
    }

    /// The JSON text of the member.
    pub(super) fn raw(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|raw| raw.get())
    }
}

/// A document in a list. One without an id cannot be identified.
impl Record for Document {
    const KEY: &'static str = "id";

    fn read(fields: Fields<'_>) -> Option<Self> {
        fields.key(Self::KEY)?;
        Some(Self(
            fields
                .iter()
                .map(|(key, raw)| (key.to_owned(), raw.to_owned()))
                .collect(),
        ))
    }
}

fn text<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("what is set in a document has a JSON form")
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IndexMap::deserialize(deserializer).map(Self)
    }
}

/// The expected shape, without the value found, which serde quotes and which may be a secret.
pub(super) fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if error.is_syntax() || error.is_eof() {
        return "not valid JSON, or cut short".to_owned();
    }
    // What follows the last "expected" is serde's own, whatever the value holds.
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if text.starts_with("missing field `") => text.to_owned(),
        None => "not of the expected shape".to_owned(),
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
