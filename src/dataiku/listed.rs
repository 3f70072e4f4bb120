//! Lists of remote objects. One that cannot be identified is counted and skipped: it must not cost the others, and no
//! object may be taken for absent because of it.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::fields::{Fields, Record};
pub use super::list_memory::Kept;

/// What a list is made of, for the memory budget.
pub trait Keep {
    /// Whether a connection holds such lists until the next one.
    const HELD: bool = false;

    /// What stays in memory of the element that it was made from.
    fn kept(&self) -> Kept;
}

impl<T> Keep for Arc<T> {
    const HELD: bool = true;

    /// What an older list has as well is in memory once.
    fn kept(&self) -> Kept {
        match Self::strong_count(self) {
            1 => Kept::Whole,
            _ => Kept::Shared,
        }
    }
}

impl Keep for bool {
    fn kept(&self) -> Kept {
        Kept::Bytes(size_of::<Self>())
    }
}

impl Keep for i64 {
    fn kept(&self) -> Kept {
        Kept::Bytes(size_of::<Self>())
    }
}

impl Keep for String {
    fn kept(&self) -> Kept {
        Kept::Bytes(2 * size_of::<Self>() + self.len())
    }
}

impl<T> Keep for (String, Option<T>) {
    fn kept(&self) -> Kept {
        Kept::Bytes(2 * size_of::<Self>() + self.0.len())
    }
}

/// A list as the remote side sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The objects, in the remote side's order.
    pub items: Vec<T>,
    /// Number of elements whose key is absent or unreadable. Unless it is 0, an object that is not in `items` may still
    /// exist.
    pub unreadable: usize,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            unreadable: 0,
        }
    }
}

impl<T> Listed<T> {
    /// Whether an object that is not in `items` does not exist, as far as this list shows.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unreadable == 0
    }

    /// Whether the list has an object that `is_wanted` accepts; `None` where one of the unreadable elements may be it.
    pub fn shows(&self, is_wanted: impl FnMut(&T) -> bool) -> Option<bool> {
        match self.items.iter().any(is_wanted) {
            false if !self.is_complete() => None,
            shown => Some(shown),
        }
    }

    /// The same list of other values.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed {
            items: self.items.into_iter().map(change).collect(),
            unreadable: self.unreadable,
        }
    }

    /// Adds an element as it was read.
    pub(super) fn take(&mut self, Element(element): Element<T>) -> Kept {
        let kept = if element.is_some() { Kept::Whole } else { Kept::Bytes(0) };
        self.push(element);
        kept
    }

    /// Adds an element.
    pub(super) fn push(&mut self, element: Option<T>) {
        match element {
            Some(item) => self.items.push(item),
            None => self.unreadable += 1,
        }
    }
}

/// An element of a list; `None` where it cannot be identified.
pub(super) struct Element<T>(pub(super) Option<T>);

impl<'de, T: Record> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(Fields::parse(raw).and_then(T::read)))
    }
}

impl<'de, T: Record> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut listed = Self::default();
        for element in Vec::<Element<T>>::deserialize(deserializer)? {
            listed.push(element.0);
        }
        Ok(listed)
    }
}
