//! Values inside a document, by JSON pointer (RFC 6901). Only objects are entered: a list is one value.

use jsonptr::Pointer;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::document::{Document, DocumentError, expectation};

/// Deepest level that a pointer may lead to. Documents of the products end long before.
const DEPTH: usize = 64;

/// Where a value is: the members to descend through, and the member itself.
struct Place {
    ancestors: Vec<String>,
    member: String,
}

impl Place {
    /// `None` for the pointer to the whole document.
    fn parse(pointer: &str) -> Result<Option<Self>, DocumentError> {
        let parsed = Pointer::parse(pointer).map_err(|_| refused(pointer, "not a JSON pointer (RFC 6901)"))?;
        if parsed.count() > DEPTH {
            return Err(refused(pointer, &format!("more than {DEPTH} levels deep")));
        }
        let mut tokens: Vec<String> = parsed.tokens().map(|token| token.decoded().into_owned()).collect();
        Ok(tokens.pop().map(|member| Self {
            ancestors: tokens,
            member,
        }))
    }

    /// The same for edits, which leave the document as a whole in place.
    fn of_member(pointer: &str) -> Result<Self, DocumentError> {
        Self::parse(pointer)?.ok_or_else(|| refused(pointer, "names the whole document and not a member"))
    }

    /// The pointer to an ancestor.
    fn ancestor(&self, index: usize) -> String {
        jsonptr::PointerBuf::from_tokens(&self.ancestors[..=index]).to_string()
    }
}

fn refused(pointer: &str, message: &str) -> DocumentError {
    DocumentError {
        key: pointer.to_owned(),
        message: message.to_owned(),
    }
}

impl Document {
    /// The value at the pointer, which may be null; `None` when it or one of its ancestors is absent. A null ancestor
    /// counts as absent.
    ///
    /// # Errors
    /// The pointer is not valid, or an ancestor is not an object.
    pub fn value_at(&self, pointer: &str) -> Result<Option<Value>, DocumentError> {
        if Place::parse(pointer)?.is_none() {
            return self.read().map(Some);
        }
        self.member_at(pointer)
    }

    /// The JSON text of the value at the pointer, as it came; otherwise as [`Self::value_at`].
    ///
    /// # Errors
    /// The pointer is not valid or names the whole document, or an ancestor is not an object.
    pub fn text_at(&self, pointer: &str) -> Result<Option<Box<RawValue>>, DocumentError> {
        self.member_at(pointer)
    }

    fn member_at<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>, DocumentError> {
        let place = Place::of_member(pointer)?;
        let Some(chain) = self.descend(&place)? else {
            return Ok(None);
        };
        let Some(text) = chain.last().unwrap_or(self).raw(&place.member) else {
            return Ok(None);
        };
        let value = serde_json::from_str(text).map_err(|error| refused(pointer, &expectation(&error)))?;
        Ok(Some(value))
    }

    /// Sets the value at the pointer. Ancestors that are absent or null are created as objects; every other member of an
    /// ancestor stays byte for byte, and in its place.
    ///
    /// # Errors
    /// The pointer is not valid or names the whole document, or an ancestor is not an object. Nothing is changed then.
    ///
    /// # Panics
    /// `value` has no JSON form, such as a map whose keys are no strings.
    pub fn set_at<T: Serialize + ?Sized>(&mut self, pointer: &str, value: &T) -> Result<(), DocumentError> {
        let place = Place::of_member(pointer)?;
        let mut chain = Vec::with_capacity(place.ancestors.len());
        for index in 0..place.ancestors.len() {
            let next = self.enter(&chain, &place, index)?;
            chain.push(next.unwrap_or_default());
        }
        chain.last_mut().unwrap_or(self).set(&place.member, value);
        self.rebuild(&place, chain);
        Ok(())
    }

    /// Removes the value at the pointer; false when it was absent. Everything else stays as with [`Self::set_at`]; an
    /// object that becomes empty stays, too.
    ///
    /// # Errors
    /// The pointer is not valid or names the whole document, or an ancestor is not an object. Nothing is changed then.
    pub fn remove_at(&mut self, pointer: &str) -> Result<bool, DocumentError> {
        let place = Place::of_member(pointer)?;
        let Some(mut chain) = self.descend(&place)? else {
            return Ok(false);
        };
        if !chain.last_mut().unwrap_or(self).remove(&place.member) {
            return Ok(false);
        }
        self.rebuild(&place, chain);
        Ok(true)
    }

    /// The ancestors below this document, the outermost first; `None` when one of them is absent.
    fn descend(&self, place: &Place) -> Result<Option<Vec<Self>>, DocumentError> {
        let mut chain = Vec::with_capacity(place.ancestors.len());
        for index in 0..place.ancestors.len() {
            let Some(next) = self.enter(&chain, place, index)? else {
                return Ok(None);
            };
            chain.push(next);
        }
        Ok(Some(chain))
    }

    fn enter(&self, chain: &[Self], place: &Place, index: usize) -> Result<Option<Self>, DocumentError> {
        let nested = chain.last().unwrap_or(self).nested(&place.ancestors[index]);
        nested.map_err(|_| refused(&place.ancestor(index), "not an object"))
    }

    /// Writes each ancestor into the one before it, the innermost first.
    fn rebuild(&mut self, place: &Place, mut chain: Vec<Self>) {
        for key in place.ancestors.iter().rev() {
            let Some(child) = chain.pop() else { return };
            chain.last_mut().unwrap_or(self).set(key, &child);
        }
    }
}
