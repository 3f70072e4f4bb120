//! A remote document that is read, edited in what we own and written back, everything else byte for byte as it came.

use std::fmt;

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, value::MapDeserializer},
};
use serde_json::value::{RawValue, to_raw_value};

/// A JSON object whose members keep their text and their order. Neither Debug nor Display: it may hold secrets.
#[derive(Clone, Default)]
pub struct Document(IndexMap<String, Box<RawValue>>);

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
    /// It is there and is not a `T`.
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

    /// Sets the member; one that exists keeps its place.
    ///
    /// # Panics
    /// `value` has no JSON form, such as a map whose keys are no strings.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        let raw = to_raw_value(value).expect("what is set in a document has a JSON form");
        self.0.insert(key.to_owned(), raw);
    }

    /// Removes the member; false when it was not there.
    pub fn remove(&mut self, key: &str) -> bool {
        self.0.shift_remove(key).is_some()
    }

    /// Whether the member is there, be it null.
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
    /// It is there and is no object.
    pub fn nested(&self, key: &str) -> Result<Option<Self>, DocumentError> {
        self.get(key)
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

    /// The JSON text of the member.
    pub(super) fn raw(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|raw| raw.get())
    }
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

/// What was expected, without what was found: serde quotes the value, and that may be a secret.
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
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::Document;

    fn parse(text: &str) -> Document {
        serde_json::from_str(text).unwrap()
    }

    fn print(document: &Document) -> String {
        serde_json::to_string(document).unwrap()
    }

    #[test]
    fn numbers_escapes_and_inner_spaces_survive_an_edit_of_another_member() {
        let mut document =
            parse(r#"{"a": 1.50e0, "b":"\u00e9\/", "c": {"z" :1,"a": [1 ,2]}, "d":12345678901234567890123}"#);
        document.set("b", "new");
        assert_eq!(
            print(&document),
            r#"{"a":1.50e0,"b":"new","c":{"z" :1,"a": [1 ,2]},"d":12345678901234567890123}"#
        );
    }

    #[test]
    fn a_nested_edit_leaves_its_neighbours_byte_for_byte() {
        let mut document = parse(r#"{"userProperties":{"cost" : 1.0,"team":"x"},"login":"a"}"#);
        let mut nested = document.nested("userProperties").unwrap().unwrap();
        nested.set("team", "y");
        document.set("userProperties", &nested);
        assert_eq!(
            print(&document),
            r#"{"userProperties":{"cost":1.0,"team":"y"},"login":"a"}"#
        );
    }

    #[test]
    fn null_and_absent_read_as_none_and_remove_tells_whether_it_was_there() {
        let mut document = parse(r#"{"email":null,"n":1}"#);
        assert_eq!(document.get::<String>("email").unwrap(), None);
        assert_eq!(document.get::<String>("none").unwrap(), None);
        assert!(document.nested("email").unwrap().is_none());
        assert_eq!(document.str("n"), None);
        assert!(document.contains("email"));
        assert!(document.remove("email") && !document.remove("email"));
        assert_eq!(document.keys().collect::<Vec<_>>(), ["n"]);
    }

    #[test]
    fn an_error_names_the_member_and_never_its_value() {
        let document = parse(r#"{"groups":"hunter2, expected \"hunter2\"","list":["hunter2"]}"#);
        let error = document.get::<Vec<String>>("groups").unwrap_err();
        assert_eq!(error.to_string(), "groups: expected a sequence");
        let error = document.get::<BTreeMap<String, String>>("list").unwrap_err();
        assert_eq!(error.to_string(), "list: expected a map");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn a_whole_document_is_read_with_the_path_of_what_is_wrong() {
        #[derive(Debug, Deserialize)]
        struct Wanted {
            #[allow(dead_code, reason = "read only through Debug")]
            login: String,
            #[allow(dead_code, reason = "read only through Debug")]
            groups: Option<Vec<String>>,
        }
        assert_eq!(parse(r#"{"login":"a","more":{}}"#).read::<Wanted>().unwrap().login, "a");
        let error = parse(r#"{"login":"a","groups":["x",{"secret":"hunter2"}]}"#)
            .read::<Wanted>()
            .unwrap_err();
        assert_eq!(error.to_string(), "groups[1]: expected a string");
        let error = parse("{}").read::<Wanted>().unwrap_err();
        assert_eq!(error.to_string(), "missing field `login`");
    }

    /// Any JSON text, with the freedoms a server has: spaces, exponents, escapes.
    fn json_text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
            "[ -!#-\\[\\]-~\u{e0}-\u{ff}]{0,12}".prop_map(|text| format!("\"{text}\"")),
            Just(r#""\u0041\/\n\ud83d\ude00""#.to_owned()),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[ {}]", items.join(" ,"))),
                prop::collection::vec(("[a-z]{1,3}", inner), 0..4).prop_map(|members| {
                    let members: Vec<_> = members
                        .iter()
                        .map(|(key, value)| format!("\"{key}\" : {value}"))
                        .collect();
                    format!("{{ {} }}", members.join(",\n"))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_not_edited_is_echoed_byte_for_byte(
            members in prop::collection::btree_map("[a-zA-Z]{1,8}", json_text(), 0..8),
            edited in "[a-zA-Z]{1,8}",
        ) {
            let text: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            let mut document = parse(&format!("{{{}}}", text.join(",")));
            document.set(&edited, &true);
            let mut expected: Vec<_> = members.iter().map(|(key, value)| {
                if *key == edited { format!("\"{key}\":true") } else { format!("\"{key}\":{value}") }
            }).collect();
            if !members.contains_key(&edited) {
                expected.push(format!("\"{edited}\":true"));
            }
            prop_assert_eq!(print(&document), format!("{{{}}}", expected.join(",")));
        }
    }
}
