//! The fields of a remote document that a kind declares, one line for each. From the one list follow the sentences of the
//! plan, the grants, the withdrawals and the edit of the document.

mod membership;
mod names;
mod sealed;
mod switch;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};

pub use self::{
    names::Names,
    sealed::{Put, Sealed},
    switch::Switch,
};
use super::plan::Plan;
use crate::{
    crd::applied::{Applied, Grants},
    dataiku::{
        document::{Document, DocumentError},
        fields::Unreadable,
    },
};

/// Writes one field into a document.
type Set = Arc<dyn Fn(&mut Document) -> Result<(), DocumentError> + Send + Sync>;

/// One difference, and how it is written.
#[derive(Clone)]
pub struct FieldEdit {
    steps: Vec<String>,
    /// What stands there now, for people; `None`: unknown, or not to be shown.
    found: Option<String>,
    set: Set,
    slot: Option<String>,
    withdraws: bool,
    grants: bool,
    event: Option<&'static str>,
    /// The flag that is set to false.
    off: Option<String>,
    /// The flag that is set to true.
    on: Option<String>,
    /// Names that leave a list, and the list.
    removed: Option<(&'static str, Vec<String>)>,
}

impl FieldEdit {
    /// A difference in the words of `step`, which `set` writes into the document.
    pub fn new(
        step: impl Into<String>,
        set: impl Fn(&mut Document) -> Result<(), DocumentError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            steps: vec![step.into()],
            found: None,
            set: Arc::new(set),
            slot: None,
            withdraws: false,
            grants: false,
            event: None,
            off: None,
            on: None,
            removed: None,
        }
    }

    /// The same difference, which shows what it replaces.
    #[must_use]
    fn replaces(mut self, found: Option<String>) -> Self {
        self.found = found;
        self
    }

    /// The same difference, which takes access away from somebody if `withdraws` is true.
    #[must_use]
    pub fn withdrawing(mut self, withdraws: bool) -> Self {
        self.withdraws = withdraws;
        self
    }

    /// The same difference, which takes these names out of a list.
    #[must_use]
    pub fn removing(mut self, list: &'static str, names: Vec<String>) -> Self {
        self.withdraws = true;
        self.removed = Some((list, names));
        self
    }

    /// The same difference, which sets a permission flag to true.
    #[must_use]
    pub fn granting(mut self, flag: impl Into<String>) -> Self {
        self.on = Some(flag.into());
        self
    }

    /// The same difference, which gives access to somebody as well if `grants` is true: then it is no mere withdrawal.
    #[must_use]
    pub fn also_granting(mut self, grants: bool) -> Self {
        self.grants = grants;
        self
    }

    fn only_withdraws(&self) -> bool {
        self.withdraws && !self.grants
    }

    /// Sets what is at `path` in nested documents; `None` removes it. Anything on the way that is not a document is replaced
    /// by one.
    pub fn at(step: impl Into<String>, path: Vec<String>, value: Option<serde_json::Value>) -> Self {
        Self::new(step, move |document| {
            set_at(document, &path, value.as_ref());
            Ok(())
        })
    }

    fn flag(step: impl Into<String>, at: &str, value: bool) -> Self {
        Self {
            withdraws: !value,
            off: (!value).then(|| at.to_owned()),
            on: value.then(|| at.to_owned()),
            ..Self::replacing(step, at, value)
        }
    }

    /// Replaces a member by a value.
    fn replacing<T: serde::Serialize + Send + Sync + 'static>(
        step: impl Into<String>,
        at: impl Into<String>,
        value: T,
    ) -> Self {
        let at = at.into();
        Self::new(step, move |document| {
            document.set(&at, &value);
            Ok(())
        })
    }
}

/// All differences of one document. Never empty.
#[derive(Clone)]
pub struct Edit(Vec<FieldEdit>);

impl Edit {
    /// The sentences that people read.
    pub fn steps(&self) -> Vec<String> {
        self.0.iter().flat_map(|field| field.steps.iter().cloned()).collect()
    }

    /// What each of the sentences replaces, in their order.
    pub fn replaces(&self) -> Vec<Option<String>> {
        let one = |field: &FieldEdit| vec![field.found.clone(); field.steps.len()];
        self.0.iter().flat_map(one).collect()
    }

    /// Writes every difference into a document and leaves everything else in it byte for byte.
    ///
    /// # Errors
    /// A member that is merged into has an unexpected shape. The document may hold a part of the edit then.
    pub fn write(&self, document: &mut Document) -> Result<(), DocumentError> {
        self.0.iter().try_for_each(|field| (field.set)(document))
    }

    /// Slots of the secrets whose values this edit carries.
    pub fn slots(&self) -> Vec<String> {
        self.0.iter().filter_map(|field| field.slot.clone()).collect()
    }

    /// Whether this edit takes access away from somebody.
    pub fn withdraws(&self) -> bool {
        self.0.iter().any(|field| field.withdraws)
    }

    /// Whether this edit does nothing else.
    pub fn only_withdraws(&self) -> bool {
        self.0.iter().all(FieldEdit::only_withdraws)
    }

    /// The differences that take access away.
    pub fn withdrawals(self) -> Option<Self> {
        let withdrawals: Vec<FieldEdit> = self.0.into_iter().filter(FieldEdit::only_withdraws).collect();
        (!withdrawals.is_empty()).then_some(Self(withdrawals))
    }

    /// Whether this edit sets the flag to false.
    pub fn turns_off(&self, flag: &str) -> bool {
        self.0.iter().any(|field| field.off.as_deref() == Some(flag))
    }

    /// Permission flags that this edit sets to true.
    pub fn granted(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter_map(|field| field.on.as_ref())
    }

    /// Names that this edit removes from the list.
    pub fn removed<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a String> {
        let removed = self.0.iter().filter_map(|field| field.removed.as_ref());
        removed.filter(move |(at, _)| *at == list).flat_map(|(_, names)| names)
    }

    /// Reason of the Event, where a field has one of its own.
    pub fn event(&self) -> Option<&'static str> {
        self.0.iter().find_map(|field| field.event)
    }
}

/// Flags by name, an open map. A flag that is true grants something.
pub struct Flags<'a> {
    /// Name of the list in the record.
    pub list: &'static str,
    /// Declared flags.
    pub declared: BTreeMap<&'a str, bool>,
    /// The value found; `None`: unreadable, or not known yet.
    pub found: &'a dyn Fn(&str) -> Option<bool>,
}

/// The fields of one document, compared with what was found.
///
/// A field that is unreadable counts as different where it can be replaced. Where it would have to be merged into (a list,
/// a map), it waits, and the other fields are written all the same.
pub struct Fields<'a> {
    record: &'a Applied,
    unreadable: &'a Unreadable,
    edits: Vec<FieldEdit>,
    waiting: Vec<String>,
    deferred: bool,
    unknown: bool,
    grants: BTreeMap<&'static str, BTreeSet<String>>,
    basis: DefaultHasher,
}

impl<'a> Fields<'a> {
    /// No field yet. `unreadable`: members of the document whose values are unknown.
    pub fn new(record: &'a Applied, unreadable: &'a Unreadable) -> Self {
        Self {
            record,
            unreadable,
            edits: Vec::new(),
            waiting: Vec::new(),
            deferred: false,
            unknown: false,
            grants: BTreeMap::new(),
            basis: DefaultHasher::new(),
        }
    }

    /// A text. Absent and empty are the same.
    #[must_use]
    pub fn text(self, at: &'static str, declared: Option<&str>, found: Option<&str>) -> Self {
        self.text_with(at, at, declared, found, |one, other| one == other)
    }

    /// A text whose name in the spec is not that of the member.
    #[must_use]
    pub fn text_as(self, at: &'static str, name: &str, declared: Option<&str>, found: Option<&str>) -> Self {
        self.text_with(at, name, declared, found, |one, other| one == other)
    }

    /// A text that the remote side may compare, and store, in a form of its own.
    #[must_use]
    pub fn text_like(
        self,
        at: &'static str,
        declared: Option<&str>,
        found: Option<&str>,
        same: fn(&str, &str) -> bool,
    ) -> Self {
        self.text_with(at, at, declared, found, same)
    }

    fn text_with(
        mut self,
        at: &'static str,
        name: &str,
        declared: Option<&str>,
        found: Option<&str>,
        same: fn(&str, &str) -> bool,
    ) -> Self {
        let Some(declared) = declared else { return self };
        let unreadable = self.unreadable.contains(at);
        self.unknown |= unreadable;
        if unreadable || !same(found.unwrap_or_default(), declared) {
            let step = if declared.is_empty() {
                format!("clear {name}")
            } else {
                format!("set {name} to {declared}")
            };
            let edit = FieldEdit::replacing(step, at, declared.to_owned());
            let shown = (!unreadable).then(|| found.unwrap_or_default().to_owned());
            self.differs((at, found), edit.replaces(shown));
        }
        self
    }

    /// A map of texts that owns only the declared keys. `found`: `None` is unknown, and as good as empty for a write.
    #[must_use]
    pub fn map(
        mut self,
        at: &'static str,
        noun: &str,
        declared: Option<&BTreeMap<String, String>>,
        found: Option<&BTreeMap<String, serde_json::Value>>,
    ) -> Self {
        let Some(declared) = declared.filter(|declared| !declared.is_empty()) else {
            return self;
        };
        if self.unreadable.contains(at) {
            return self.unmergeable(at);
        }
        self.unknown |= found.is_none();
        for (key, value) in declared {
            let current = found.and_then(|found| found.get(key));
            if current.and_then(serde_json::Value::as_str) != Some(value) {
                let (name, text) = (key.clone(), value.clone());
                let edit = FieldEdit::new(format!("set {noun} {key}"), move |document| {
                    let mut map = document.nested(at)?.unwrap_or_default();
                    map.set(&name, &text);
                    document.set(at, &map);
                    Ok(())
                });
                self.differs((at, key, current.map(serde_json::Value::to_string)), edit);
            }
        }
        self
    }

    /// An open map of flags, each a member of the document itself. A flag on record that is not declared any more is set
    /// to false.
    #[must_use]
    pub fn flags(mut self, flags: &Flags<'_>) -> Self {
        let recorded = self.record.grants.list(flags.list).iter();
        let withdrawn = recorded.filter(|flag| !flags.declared.contains_key(flag.as_str()));
        let mut wanted: BTreeMap<&str, bool> = withdrawn.map(|flag| (flag.as_str(), false)).collect();
        wanted.extend(&flags.declared);
        for (flag, value) in wanted {
            let found = (flags.found)(flag);
            self.unknown |= found.is_none();
            if found != Some(value) {
                let step = format!("set {flag} to {value}");
                let edit = FieldEdit::flag(step, flag, value).replaces(found.map(|found| found.to_string()));
                self.differs((flag, found), edit);
            }
        }
        let granted = flags.declared.iter().filter(|(_, granted)| **granted);
        let granted = granted.map(|(flag, _)| (*flag).to_owned()).collect();
        self.grants.insert(flags.list, granted);
        self
    }

    /// A secret text, where `value` is due. It cannot be read back.
    #[must_use]
    pub fn secret(mut self, at: &'static str, slot: &str, value: Option<&SecretString>) -> Self {
        if let Some(value) = value.cloned() {
            let mut edit = FieldEdit::new(format!("set {at}"), move |document| {
                document.set(at, value.expose_secret());
                Ok(())
            });
            edit.slot = Some(slot.to_owned());
            self.differs(at, edit);
        }
        self
    }

    /// A field of any form. `found` is what the edit replaces; `None`: unreadable.
    #[must_use]
    pub fn custom<T: Hash>(mut self, found: Option<T>, edit: Option<FieldEdit>) -> Self {
        self.unknown |= found.is_none();
        if let Some(edit) = edit {
            self.differs(found, edit);
        }
        self
    }

    /// Something that is written together with a difference, and is none itself: no sentence names it.
    #[must_use]
    pub fn along(
        mut self,
        set: Option<impl Fn(&mut Document) -> Result<(), DocumentError> + Send + Sync + 'static>,
    ) -> Self {
        if let Some(set) = set.filter(|_| !self.edits.is_empty()) {
            self.edits.push(FieldEdit {
                steps: Vec::new(),
                ..FieldEdit::new("", set)
            });
        }
        self
    }

    /// Something that has to wait.
    #[must_use]
    pub fn waiting(mut self, what: Option<String>) -> Self {
        self.waiting.extend(what);
        self
    }

    /// Whether the record has names in this list.
    pub fn records(&self, list: &str) -> bool {
        !self.record.grants.list(list).is_empty()
    }

    /// Whether a declared field was compared with a value that is unknown: a list does not tell enough then.
    pub fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// The plan whose change writes all differences, or that has no change if there is none.
    pub fn into_plan<C>(self, change: impl FnOnce(Edit) -> C) -> Plan<C> {
        let basis = self.basis.finish();
        let edit = (!self.edits.is_empty()).then_some(Edit(self.edits));
        Plan {
            changes: edit.map(change).into_iter().collect(),
            waiting: self.waiting,
            held: Vec::new(),
            deferred: self.deferred,
            grants: self.grants.into_iter().collect::<Grants>(),
            expired: Vec::new(),
            basis,
            ..Plan::default()
        }
    }

    /// The plan whose change creates the object that these fields were compared with. `change` gets the sentences of what
    /// only a later write can carry.
    pub fn into_creation<C>(self, change: impl FnOnce(Vec<String>) -> C) -> Plan<C> {
        let follows = self
            .edits
            .iter()
            .flat_map(|field| field.steps.iter().cloned())
            .collect();
        Plan {
            changes: vec![change(follows)],
            basis: 0,
            ..Self {
                edits: Vec::new(),
                ..self
            }
            .into_plan(|_| unreachable!("without a difference there is no edit"))
        }
    }

    /// Adds a difference. `found` is what the edit replaces.
    pub fn differs(&mut self, found: impl Hash, edit: FieldEdit) {
        found.hash(&mut self.basis);
        self.edits.push(edit);
    }

    /// Something that has to wait; `withdrawal`: so does a withdrawal, whose grant stays on record.
    pub fn waits(&mut self, what: String, withdrawal: bool) {
        self.waiting.push(what);
        self.deferred |= withdrawal;
    }

    /// Names that the object owns once the plan is written.
    pub fn grants(&mut self, list: &'static str, names: impl IntoIterator<Item = String>) {
        self.grants.entry(list).or_default().extend(names);
    }

    /// A member that would have to be merged into and is unreadable.
    pub fn cannot_merge(&mut self, at: &str) {
        self.unknown = true;
        self.waits(
            format!("{at} cannot be changed: what the remote side holds there is unreadable"),
            true,
        );
    }

    fn unmergeable(mut self, at: &str) -> Self {
        self.cannot_merge(at);
        self
    }
}

fn set_at(document: &mut Document, path: &[String], value: Option<&serde_json::Value>) {
    match (path, value) {
        ([key], Some(value)) => document.set(key, value),
        ([key], None) => _ = document.remove(key),
        ([key, rest @ ..], _) => {
            let mut nested = document.nested(key).unwrap_or_default().unwrap_or_default();
            set_at(&mut nested, rest, value);
            document.set(key, &nested);
        }
        ([], _) => {}
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
