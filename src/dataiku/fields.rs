//! Reads a remote object member by member. The contract leaves the shape of many members open (contract sheet, section
//! 8), so a member of an unexpected shape is unknown and costs neither the object nor the list that it is in.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::document::{Document, DocumentError};

/// A record of a remote object.
pub(super) trait Record: Sized {
    /// The member that identifies the object.
    const KEY: &'static str;

    /// Reads the record; `None` where the key is absent or unreadable, so that the object cannot be identified.
    fn read(fields: Fields<'_>) -> Option<Self>;
}

/// The record of a document.
pub(super) fn record<R: Record>(document: &Document) -> Result<R, DocumentError> {
    R::read(Fields::of(document)).ok_or_else(|| DocumentError {
        key: R::KEY.to_owned(),
        message: "missing, or not of the expected shape".to_owned(),
    })
}

/// Members that are present and unreadable: their values are unknown. A member that is absent or null is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreadable(Vec<&'static str>);

impl Unreadable {
    /// Whether every member was readable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the member is present and unreadable.
    #[must_use]
    pub fn contains(&self, member: &str) -> bool {
        self.0.contains(&member)
    }

    /// The members, in the order of the record's fields.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    /// For members whose value is needed, such as a list to merge into.
    ///
    /// # Errors
    /// One of `members` is unreadable.
    pub fn check(&self, members: &[&str]) -> Result<(), DocumentError> {
        match self.iter().find(|member| members.contains(member)) {
            Some(member) => Err(DocumentError {
                key: member.to_owned(),
                message: "not of the expected shape".to_owned(),
            }),
            None => Ok(()),
        }
    }
}

/// The members of one object. Absent and null are the same, except where a method says otherwise.
pub(super) struct Fields<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    unreadable: Unreadable,
}

impl<'a> Fields<'a> {
    /// The members of a document.
    pub(super) fn of(document: &'a Document) -> Self {
        Self::new(document.members().map(|(key, raw)| (Cow::from(key), raw)).collect())
    }

    /// The members of the object in `raw`; `None` where it is not an object.
    pub(super) fn parse(raw: &'a RawValue) -> Option<Self> {
        let Members(members) = serde_json::from_str(raw.get()).ok()?;
        Some(Self::new(members))
    }

    fn new(members: Vec<(Cow<'a, str>, &'a RawValue)>) -> Self {
        Self {
            members,
            unreadable: Unreadable::default(),
        }
    }

    /// Members read so far that are unreadable.
    pub(super) fn unreadable(self) -> Unreadable {
        self.unreadable
    }

    /// Names and JSON texts of all members, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(key, raw)| (key.as_ref(), *raw))
    }

    /// A text that identifies an object: neither absent nor empty.
    pub(super) fn key(&self, member: &str) -> Option<String> {
        let text: String = serde_json::from_str(self.raw(member)?.get()).ok()?;
        Some(text).filter(|text| !text.is_empty())
    }

    /// A text; an empty one is none.
    pub(super) fn text(&mut self, member: &'static str) -> Option<String> {
        self.value(member).filter(|text: &String| !text.is_empty())
    }

    /// A boolean.
    pub(super) fn flag(&mut self, member: &'static str) -> Option<bool> {
        self.value(member)
    }

    /// A boolean; an absent one is false. `None`: unreadable.
    pub(super) fn flag_or_false(&mut self, member: &'static str) -> Option<bool> {
        self.flag(member).or_else(|| self.absent(member))
    }

    /// A whole number, also in the form `1.0` or `1e3`.
    pub(super) fn number(&mut self, member: &'static str) -> Option<i64> {
        self.value(member).map(|Whole(number)| number)
    }

    /// A list; an absent one is empty. `None`: one of its elements, or the whole, is unreadable.
    pub(super) fn list<T: DeserializeOwned>(&mut self, member: &'static str) -> Option<Vec<T>> {
        self.value(member).or_else(|| self.absent(member))
    }

    /// A map; an absent one is empty. `None`: one of its values, or the whole, is unreadable.
    pub(super) fn map<T: DeserializeOwned>(&mut self, member: &'static str) -> Option<BTreeMap<String, T>> {
        self.value(member).or_else(|| self.absent(member))
    }

    /// A map that some answers leave out. `None`: it is absent or unreadable; null is an empty map.
    pub(super) fn optional_map(&mut self, member: &'static str) -> Option<BTreeMap<String, Value>> {
        self.raw(member)?;
        self.map(member)
    }

    /// Whether the object has the member; a null one counts.
    pub(super) fn has(&self, member: &str) -> bool {
        self.raw(member).is_some()
    }

    /// The members of a nested object.
    pub(super) fn nested(&mut self, member: &'static str) -> Option<Fields<'a>> {
        let raw = self.raw(member).filter(|raw| !is_null(raw))?;
        let fields = Fields::parse(raw);
        if fields.is_none() {
            self.unreadable.0.push(member);
        }
        fields
    }

    /// A value of any type.
    pub(super) fn value<T: DeserializeOwned>(&mut self, member: &'static str) -> Option<T> {
        let raw = self.raw(member).filter(|raw| !is_null(raw))?;
        let value = serde_json::from_str(raw.get()).ok();
        if value.is_none() {
            self.unreadable.0.push(member);
        }
        value
    }

    /// The default of a member that was read and is absent; `None` where it is unreadable.
    pub(super) fn absent<T: Default>(&self, member: &str) -> Option<T> {
        (!self.unreadable.contains(member)).then(T::default)
    }

    /// Of several members of one name, the last one counts, as in every JSON library.
    fn raw(&self, member: &str) -> Option<&'a RawValue> {
        let found = self.members.iter().rev().find(|(key, _)| key == member);
        found.map(|(_, raw)| *raw)
    }
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// The members of an object, borrowed from its text.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// More members than any object of a product has. One with more is unreadable, since each of them costs memory.
const MEMBERS: usize = 10_000;

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // As many as a user has.
        let mut members = Vec::with_capacity(20);
        while let Some((Name(name), raw)) = map.next_entry()? {
            if members.len() == MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            members.push((name, raw));
        }
        Ok(Members(members))
    }
}

/// A name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// A whole number, whatever its notation.
struct Whole(i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = number.as_i64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
            // Fails beyond the range of the type.
            format!("{float:.0}").parse().ok()
        });
        whole.map(Self).ok_or_else(|| D::Error::custom("not a whole number"))
    }
}
