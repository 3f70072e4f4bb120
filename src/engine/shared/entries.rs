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
    future::Future,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use kube::core::object::HasStatus;

pub use self::{
    edit::{Edit, EntriesChange},
    place::Entry,
};
use self::{
    place::{mark, print, value},
    plan::{Owner, claim},
};
use super::writer::{SharedDocument, Writer};
use crate::{
    crd::{applied::Applied, common::DeletionPolicy, status::Origin},
    dataiku::{document::Document, error::ApiError, json_value::resembles, permit::WritePermit},
    engine::{
        connect::{ConnectionKind, Declared, Remote},
        error::Error,
        index::Claim,
        keep::{Common, Given, Managed, Observed, Plan, Read, Receipt},
        object::{self, Object},
    },
};

/// A kind whose objects own entries of a document.
pub trait Entries: Send + Sync + 'static {
    /// The kind of object.
    type Object: Object;
    /// The kind of connection that its objects use.
    type Connection: ConnectionKind;

    /// What people call the document, in messages.
    const REMOTE: &'static str;
    /// What people call an entry, in messages.
    const ENTRY: &'static str;

    /// What every object declares. The key names the document within its connection.
    fn common(object: &Self::Object) -> Common<'_>;
    /// The entries that an object declares.
    fn entries(object: &Self::Object) -> Vec<Entry>;
    /// What the object declares, as far as a delegation says something about it; see [`Managed::declares`].
    fn declares(_object: &Self::Object) -> Declared {
        Declared::default()
    }
    /// The document of this key, as the last sweep or a read after it showed it.
    fn listed(lists: &<Self::Connection as ConnectionKind>::Lists, key: &str) -> Option<Arc<Document>>;
    /// Takes in a read that began then.
    fn saw(lists: &<Self::Connection as ConnectionKind>::Lists, key: &str, began: Instant, document: Arc<Document>);
    /// Reads the document.
    fn read(
        api: &<Self::Connection as ConnectionKind>::Api,
        key: &str,
    ) -> impl Future<Output = Result<Document, ApiError>> + Send;
    /// Replaces the document.
    fn write(
        api: &<Self::Connection as ConnectionKind>::Api,
        permit: WritePermit,
        key: &str,
        document: &Document,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
}

/// The strategy for a kind with entries.
pub struct Keep<E>(PhantomData<E>);

/// The document of such a kind, for its writer.
pub struct Whole<E> {
    key: String,
    entries: PhantomData<E>,
}

impl<E: Entries> SharedDocument for Whole<E> {
    type Api = <E::Connection as ConnectionKind>::Api;
    type Edit = Edit;
    type Content = Document;
    type Written = ();

    async fn read(&self, api: &Self::Api, _: &[&Edit]) -> Result<Document, ApiError> {
        E::read(api, &self.key).await
    }

    fn edit(&self, content: &mut Document, edit: &Edit) -> Result<bool, Error> {
        edit.make(content)
    }

    async fn write(&self, api: &Self::Api, permit: WritePermit, content: &Document) -> Result<(), ApiError> {
        E::write(api, permit, &self.key, content).await
    }
}

/// What an observation shows: the document, and its key.
pub struct Seen {
    key: String,
    document: Arc<Document>,
}

impl<E: Entries> Keep<E> {
    fn writer(remote: &Remote<E::Connection>, key: &str) -> Arc<Writer<Whole<E>>> {
        let id = format!("{}/{key}", E::REMOTE);
        remote.live.writers.of(&id, || Whole {
            key: key.to_owned(),
            entries: PhantomData,
        })
    }
}

impl<E: Entries> Managed for Keep<E> {
    type Object = E::Object;
    type Connection = E::Connection;
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
        remote: &Remote<E::Connection>,
        _: &Applied,
        read: Read,
    ) -> Result<Observed<Seen>, Error> {
        let key = E::common(object).key;
        let document = match read {
            Read::Listed => E::listed(remote.lists(), &key),
            Read::Fresh => {
                let began = Instant::now();
                let document = Self::writer(remote, &key).read(&remote.api).await?;
                E::saw(remote.lists(), &key, began, document.clone());
                Some(document)
            }
        };
        Ok(document.map_or(Observed::Unknown, |document| Observed::Found(Seen { key, document })))
    }

    fn plan(
        object: &E::Object,
        given: &Given<'_, E::Connection>,
        seen: Option<&Seen>,
    ) -> Result<Plan<EntriesChange>, Error> {
        let seen = seen.ok_or_else(|| Error::Internal(format!("the {} were not read", E::REMOTE)))?;
        owner::<E>(object, given, seen).plan(&E::entries(object), &seen.document)
    }

    fn removal(
        object: &E::Object,
        _: DeletionPolicy,
        given: &Given<'_, E::Connection>,
        seen: &Seen,
    ) -> Plan<EntriesChange> {
        owner::<E>(object, given, seen).removal(&seen.document)
    }

    async fn apply(
        remote: &Remote<E::Connection>,
        permit: WritePermit,
        seen: Option<&Seen>,
        change: &EntriesChange,
    ) -> Result<Receipt, Error> {
        let seen = seen.ok_or_else(|| Error::Internal(format!("the {} were not read", E::REMOTE)))?;
        let replaced = Arc::new(Mutex::default());
        let edit = Edit {
            change: change.clone(),
            replaced: replaced.clone(),
        };
        Self::writer(remote, &seen.key).edit(&remote.api, permit, edit).await?;
        let replaced = std::mem::take(&mut *replaced.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Receipt {
            replaced,
            ..Receipt::default()
        })
    }

    fn show(
        _: &E::Object,
        _: Option<&Seen>,
        _: &Applied,
        _: &<E::Connection as ConnectionKind>::Lists,
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

fn owner<'a, E: Entries>(object: &E::Object, given: &'a Given<'a, E::Connection>, seen: &'a Seen) -> Owner<'a> {
    Owner {
        kind: object::kind::<E::Object>(),
        name: &given.name,
        created: object::created(object),
        record: given.record,
        others: &given.others,
        document: &seen.key,
        noun: E::ENTRY,
    }
}
