//! Entries at places of a shared document: the strategy of every kind whose objects own some values of a document, and leave
//! the rest to other objects, people and tools.
//!
//! What an entry replaces is recorded before it is written and comes back when the entry leaves the spec or the object is
//! deleted, unless somebody else changed the value meanwhile.

mod edit;
mod place;
mod plan;
#[cfg(test)]
mod tests;

use std::{
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use kube::{Resource, core::object::HasStatus};

pub use self::{
    edit::{EntriesChange, Replacing},
    place::{Entry, holds_secret, member},
};
use self::{
    place::{mark, print, value},
    plan::{Owner, claim},
};
use super::source::{self, Source};
use crate::{
    crd::{applied::Applied, common::DeletionPolicy, status::Origin},
    dataiku::{document::Document, json_value::resembles, permit::WritePermit},
    engine::{
        connect::{ConnectionKind, Declared, Effect, Remote},
        error::Error,
        index::Claim,
        keep::{Common, Given, Managed, Observed, Plan, Read, Receipt},
        object::{self, Object},
        secrets::SecretUse,
    },
};

/// Time that a deletion waits for an object that takes an entry over. An object is compared with each sweep; one that does
/// not take it over by then is paused or invalid.
const HAND_OVER: jiff::SignedDuration = jiff::SignedDuration::from_mins(3);

/// A kind whose objects own entries of a document.
pub trait Entries: Send + Sync + 'static {
    /// The kind of object.
    type Object: Object;
    /// The document.
    type Source: Source;

    /// What people call the document, in messages.
    const REMOTE: &'static str;
    /// What people call an entry, in messages.
    const ENTRY: &'static str;
    /// Whether the remote side writes `null` where nothing is. A place that holds `null` counts as empty then.
    const NULL_IS_ABSENT: bool = false;
    /// Whether values in the document may hold secrets. The record does not hold such a value, so it cannot be restored.
    const HOLDS_SECRETS: bool = false;

    /// What every object declares. The key names the document within its connection.
    fn common(object: &Self::Object) -> Common<'_>;
    /// The entries that an object declares, at most one for each place.
    fn entries(object: &Self::Object) -> Vec<Entry>;
    /// What the object declares, as far as a delegation says something about it; see [`Managed::declares`].
    fn declares(_object: &Self::Object) -> Declared {
        Declared::default()
    }
    /// Where the values of its entries with slots are.
    fn secrets(_object: &Self::Object) -> Vec<SecretUse> {
        Vec::new()
    }
    /// Fails if the entries are invalid in a way that no schema rule can reject.
    ///
    /// # Errors
    /// They are invalid.
    fn check(_object: &Self::Object) -> Result<(), Error> {
        Ok(())
    }
    /// What has to exist before anything is written, and does not exist yet.
    fn missing(_object: &Self::Object, _lists: &<Connection<Self> as ConnectionKind>::Lists) -> Vec<String> {
        Vec::new()
    }
    /// What a change of the document does to people, for the guards.
    fn effects(_before: &Document, _after: &Document) -> Vec<Effect> {
        Vec::new()
    }
}

/// The kind of connection of a kind with entries.
type Connection<E> = <<E as Entries>::Source as Source>::Connection;

/// The strategy for a kind with entries.
pub struct Keep<E>(PhantomData<E>);

/// What an observation shows: the document, and its key.
pub struct Seen {
    key: String,
    document: Arc<Document>,
}

impl<E: Entries> Managed for Keep<E> {
    type Object = E::Object;
    type Connection = Connection<E>;
    type Seen = Seen;
    type Change = EntriesChange;

    const REMOTE: &'static str = E::REMOTE;
    const ENTRIES: bool = true;

    fn common(object: &E::Object) -> Common<'_> {
        E::common(object)
    }

    fn declares(object: &E::Object) -> Declared {
        E::declares(object)
    }

    fn secrets(object: &E::Object) -> Vec<SecretUse> {
        E::secrets(object)
    }

    fn claims(object: &E::Object) -> Vec<Claim> {
        let common = E::common(object);
        let idle = object::is_deleting(object) || common.policies.observes();
        let entries = if idle { Vec::new() } else { E::entries(object) };
        let record = object.status().and_then(|status| status.applied.as_ref());
        vec![claim(&common.key, &entries, record)]
    }

    /// The removal touches nothing but entries that this object set, whatever the origin of the others.
    fn default_deletion(_: Origin) -> DeletionPolicy {
        DeletionPolicy::Delete
    }

    async fn observe(
        object: &E::Object,
        remote: &Remote<Connection<E>>,
        _: &Applied,
        read: Read,
    ) -> Result<Observed<Seen>, Error> {
        let key = E::common(object).key;
        let document = source::observe::<E::Source>(remote, &key, read).await?;
        Ok(document.map_or(Observed::Unknown, |document| Observed::Found(Seen { key, document })))
    }

    fn plan(
        object: &E::Object,
        given: &Given<'_, Connection<E>>,
        seen: Option<&Seen>,
    ) -> Result<Plan<EntriesChange>, Error> {
        let seen = seen.ok_or_else(|| Error::Internal(format!("the {} were not read", E::REMOTE)))?;
        E::check(object)?;
        let waiting = E::missing(object, given.lists);
        if !waiting.is_empty() {
            return Ok(Plan {
                waiting,
                deferred: true,
                ..Plan::default()
            });
        }
        owner::<E>(object, given, seen).plan(&E::entries(object), &seen.document)
    }

    fn removal(
        object: &E::Object,
        _: DeletionPolicy,
        given: &Given<'_, Connection<E>>,
        seen: &Seen,
    ) -> Plan<EntriesChange> {
        owner::<E>(object, given, seen).removal(&seen.document)
    }

    async fn apply(
        remote: &Remote<Connection<E>>,
        permit: WritePermit,
        seen: Option<&Seen>,
        change: &EntriesChange,
    ) -> Result<Receipt, Error> {
        let seen = seen.ok_or_else(|| Error::Internal(format!("the {} were not read", E::REMOTE)))?;
        let replaced = Arc::new(Mutex::default());
        let edit = Replacing {
            change: change.clone(),
            replaced: replaced.clone(),
        };
        source::edit::<E::Source>(remote, &seen.key, permit, edit).await?;
        let replaced = std::mem::take(&mut *replaced.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Receipt {
            replaced,
            ..Receipt::default()
        })
    }

    fn is_same(before: &Seen, after: &Seen) -> bool {
        let text = |seen: &Seen| serde_json::to_string(&*seen.document).ok();
        text(before) == text(after)
    }

    fn show(
        _: &E::Object,
        _: Option<&Seen>,
        _: &Applied,
        _: &<Connection<E> as ConnectionKind>::Lists,
    ) -> <E::Object as Object>::Seen {
        Default::default()
    }

    fn stored(object: &E::Object, _: &Applied, before: &Seen, after: &Seen) -> Vec<(String, String)> {
        let entries = E::entries(object).into_iter();
        let stored = entries.filter_map(|entry| {
            let declared = entry.value.as_ref()?;
            let (was, is) = (
                value(&before.document, &entry.pointer),
                value(&after.document, &entry.pointer)?,
            );
            let is_print = print(Some(&is));
            let changed = is_print != print(was.as_ref()) && is_print != print(Some(declared));
            (changed && resembles(declared, &is)).then(|| (mark(&entry.pointer, Some(declared)), is_print))
        });
        stored.collect()
    }
}

fn owner<'a, E: Entries>(object: &E::Object, given: &'a Given<'a, Connection<E>>, seen: &'a Seen) -> Owner<'a> {
    Owner {
        kind: object::kind::<E::Object>(),
        name: &given.name,
        created: object::created(object),
        record: given.record,
        others: &given.others,
        document: &seen.key,
        noun: E::ENTRY,
        secrets: given.secrets,
        nulls: E::NULL_IS_ABSENT,
        private: E::HOLDS_SECRETS,
        effects: E::effects,
        patient: object
            .meta()
            .deletion_timestamp
            .as_ref()
            .is_none_or(|since| given.now.duration_since(since.0) < HAND_OVER),
    }
}
