//! An entry whose content comes from a Secret and cannot be read back, such as a credential.

use std::sync::Arc;

use secrecy::SecretString;

use super::{FieldEdit, Fields};
use crate::{
    dataiku::document::{Document, DocumentError},
    engine::secrets::{Secret, Secrets},
};

/// Writes a value into a document.
pub type Put = Arc<dyn Fn(&mut Document, &SecretString) -> Result<(), DocumentError> + Send + Sync>;

/// One declared entry. Each has a slot of its own, so that a missing Secret blocks this entry alone.
pub struct Sealed {
    /// Its list in the record.
    pub list: &'static str,
    /// Its name in the record.
    pub name: String,
    /// The sentence that people read where it is written.
    pub step: String,
    /// Slot of its value.
    pub slot: String,
    /// Whether the remote side holds it as it is declared, apart from the value; `None`: the answer does not tell.
    pub there: Option<bool>,
    /// Writes it.
    pub put: Put,
}

impl Fields<'_> {
    /// An entry that is written where its value changed, or where the remote side lacks it. While the value is missing, the
    /// entry stays as it is.
    #[must_use]
    pub fn sealed(mut self, entry: Sealed, secrets: &Secrets) -> Self {
        self.unknown |= entry.there.is_none();
        let lost = entry.there == Some(false);
        let applied = self.record.secrets.contains_key(&entry.slot);
        let recorded = self.record.grants.contains(entry.list, &entry.name);
        let value = match secrets.get(&entry.slot) {
            Some(Secret::Changed(value, _)) => Some(Some(value.clone())),
            Some(Secret::Unchanged(value, _)) if lost => Some(Some(value.clone())),
            // Enough to know that something is to be written: the value is read before that.
            Some(Secret::Unread) if lost && applied => Some(None),
            _ => None,
        };
        if recorded || value.is_some() {
            self.grants(entry.list, [entry.name]);
        }
        if let Some(value) = value {
            let (put, step) = (entry.put, entry.step);
            let mut edit = FieldEdit::new(step, move |document| {
                value.as_ref().map_or(Ok(()), |value| put(document, value))
            });
            edit.slot = Some(entry.slot);
            self.differs((entry.list, entry.there), edit);
        }
        self
    }

    /// Entries on record that are not declared any more are removed. `there` tells whether the remote side holds one;
    /// `None`: the answer does not tell.
    #[must_use]
    pub fn unsealed(
        mut self,
        list: &'static str,
        noun: &str,
        declared: impl Fn(&str) -> bool,
        there: impl Fn(&str) -> Option<bool>,
        remove: fn(&mut Document, &str) -> Result<(), DocumentError>,
    ) -> Self {
        let record = self.record;
        for name in record.grants.list(list).iter().filter(|name| !declared(name)) {
            let found = there(name);
            self.unknown |= found.is_none();
            if found == Some(true) {
                let gone = name.clone();
                let edit = FieldEdit::new(format!("remove {noun} {name}"), move |document| remove(document, &gone));
                self.differs((list, name), edit.withdrawing(true));
            }
        }
        self
    }
}
