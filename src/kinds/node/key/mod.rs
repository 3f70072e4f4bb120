//! API keys of a node: the strategy of `DssGlobalApiKey`, `DssPersonalApiKey` and `GovernGlobalApiKey`.
//!
//! The node shows the value of a key once, in the answer to its creation. So a key whose value did not reach its Secret is
//! of no use: it is found by the mark in its description, and deleted.

mod change;
mod class;
mod family;
mod fields;
mod mark;
mod plan;
mod scoped;

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc, time::Instant};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde_json::Value;

pub use self::mark::{Owner, owner};
use self::{
    change::{ID, URL, VALUE, published},
    mark::{Kin, kin},
};
pub use self::{
    change::{KeyChange, Why},
    class::{Global, KeyClass, Personal},
};
use super::{Known, NodeLists};
use crate::{
    crd::{
        applied::Applied,
        common::{DeletionPolicy, InstanceRef},
        node_key::{KeyRights, KeySeen, KeySpec, Rotation},
        status::Nothing,
    },
    dataiku::{dip::keys::KeyRecord, document::Document, permit::WritePermit},
    engine::{
        Common, Error, Given, Managed, Object, Observed, Plan, Publication, Read, Receipt, Refused, SecretUse,
        connect::{ConnectionKey, ConnectionKind, Declared, Delegable, Remote},
    },
};

/// Slots of the Secret that the object publishes.
const PUBLISHED: &str = "published";
const PUBLISHED_ID: &str = "publishedId";
const PUBLISHED_URL: &str = "publishedUrl";

/// A kind of API keys of a node.
pub trait NodeKey: Object<Seen = KeySeen, Shown = Nothing> {
    /// The kind of connection to its nodes.
    type Instance: ConnectionKind<Api = <Self::Class as KeyClass>::Api, Lists: AsRef<NodeLists>>;
    /// The calls.
    type Class: KeyClass;

    /// The connection.
    fn instance_ref(&self) -> &InstanceRef;
    /// The fields that every key has.
    fn key(&self) -> &KeySpec;
    /// What the key may do; `None` for keys that act as their user.
    fn rights(&self) -> Option<&KeyRights> {
        None
    }
    /// Rights on single objects, where the node has them.
    fn scoped_permissions(&self) -> Option<&BTreeMap<String, Value>> {
        None
    }
    /// Login of the user as whom a personal key acts.
    fn user(&self) -> Option<&str> {
        None
    }
}

/// Most ids of keys of earlier objects that a status shows.
const MOST_FORMER: usize = 20;

/// How keys of a node are kept in line with their objects.
pub struct Key<K>(PhantomData<K>);

/// The keys of one object.
pub struct SeenKeys {
    /// The key on record, or the one that the object names.
    named: Option<Arc<KeyRecord>>,
    /// Its definition; only from a read of this key.
    document: Option<Document>,
    /// Keys with the mark of the object.
    marked: Vec<Arc<KeyRecord>>,
    /// Keys with the mark that the object of this name had before it was created anew.
    former: Vec<Arc<KeyRecord>>,
    /// Whether the object names an existing key.
    adopts: bool,
}

impl<K: NodeKey> Managed for Key<K> {
    type Object = K;
    type Connection = K::Instance;
    type Seen = SeenKeys;
    type Change = KeyChange;

    const REMOTE: &'static str = "API key";

    /// Unless the object names a key, the remote id is not known before the key exists, and a label is not unique.
    fn common(object: &K) -> Common<'_> {
        let spec = object.key();
        let own = || format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
        Common {
            connection: ConnectionKey::referred(object.instance_ref(), object.namespace().as_deref()),
            key: spec.id.clone().unwrap_or_else(own),
            policies: &spec.policies,
        }
    }

    fn exists(lists: &<K::Instance as ConnectionKind>::Lists, _: &str, id: Option<&str>) -> Option<bool> {
        K::Class::keys(lists.as_ref()).get(id?).exists()
    }

    /// A personal key has the rights of its user; any other key has rights of its own, and is privileged as a whole.
    fn declares(object: &K) -> Declared {
        if let Some(user) = object.user() {
            return Declared {
                delegable: Delegable::ByDefault,
                acts_as: vec![user.to_owned()],
                ..Declared::default()
            };
        }
        let rights = object.rights();
        let declared = rights
            .and_then(|rights| rights.permissions.as_ref())
            .into_iter()
            .flatten();
        let runs_as = rights.and_then(|rights| rights.dss_user_for_impersonation.clone());
        let scoped = object.scoped_permissions().is_some_and(|scoped| !scoped.is_empty());
        Declared {
            delegable: Delegable::ByName,
            joins: rights.and_then(|rights| rights.groups.clone()).unwrap_or_default(),
            flags: declared
                .filter(|(_, given)| **given)
                .map(|(flag, _)| flag.clone())
                .collect(),
            acts_as: runs_as.into_iter().filter(|user| !user.is_empty()).collect(),
            // Nobody lists what a right on a single object amounts to.
            privileges: scoped.then(|| "scopedPermissions".to_owned()).into_iter().collect(),
            ..Declared::default()
        }
    }

    fn secrets(object: &K) -> Vec<SecretUse> {
        let name = object
            .key()
            .secret_name
            .as_deref()
            .filter(|_| object.key().id.is_none());
        let slots = [(PUBLISHED, VALUE), (PUBLISHED_ID, ID), (PUBLISHED_URL, URL)];
        let uses = slots.into_iter();
        name.map(|name| uses.map(|(slot, key)| SecretUse::published(slot, name, key)).collect())
            .unwrap_or_default()
    }

    fn publication(object: &K) -> Option<Publication> {
        let spec = object.key();
        let template = spec.secret_template.clone().unwrap_or_default();
        Some(Publication {
            name: spec.secret_name.clone().filter(|_| spec.id.is_none())?,
            labels: template.labels,
            annotations: template.annotations,
        })
    }

    async fn observe(
        object: &K,
        remote: &Remote<K::Instance>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<SeenKeys>, Error> {
        let lists = remote.lists().as_ref();
        let keys = K::Class::keys(lists);
        let adopts = object.key().id.is_some();
        let id = object.key().id.as_ref().or(record.id.as_ref());
        let mut document = None;
        if read == Read::Fresh {
            list::<K::Class>(&remote.api, lists).await?;
            if let Some(id) = id {
                document = K::Class::get(&remote.api, id).await?;
                let key = document.as_ref().map(KeyRecord::from_document).transpose();
                let key = key.map_err(|error| Error::unreadable("the definition of the API key", &error))?;
                keys.saw(id, key.map(Arc::new));
            }
        }
        // Without a complete list, nothing proves that a key does not exist.
        let named = match keys.get(id.map(String::as_str).unwrap_or_default()) {
            Known::Unknown if read == Read::Listed => return Ok(Observed::Unknown),
            known => known.found(),
        };
        if read == Read::Listed
            && let Some(key) = &named
            && fields::all(object, remote.live.place.cluster.as_deref(), lists, record, key, true).is_unknown()
        {
            return Ok(Observed::Unknown);
        }
        let cluster = remote.live.place.cluster.as_deref();
        let of = |kind: Kin| {
            let is = |key: &KeyRecord| kin(key.description.as_deref().unwrap_or_default(), object, cluster) == kind;
            if adopts { Vec::new() } else { keys.filter(is) }
        };
        let seen = SeenKeys {
            marked: of(Kin::Own),
            former: of(Kin::Former),
            named,
            document,
            adopts,
        };
        let exists = seen.named.is_some() || !seen.marked.is_empty() || !seen.former.is_empty();
        Ok(Observed::new(exists.then_some(seen)))
    }

    fn id(seen: &SeenKeys) -> Option<String> {
        let named = seen.named.as_ref().filter(|_| seen.adopts);
        named.map(|key| key.id.clone())
    }

    fn is_proven(_: &K, seen: &SeenKeys) -> bool {
        !seen.marked.is_empty() || !seen.former.is_empty()
    }

    fn plan(object: &K, given: &Given<'_, K::Instance>, seen: Option<&SeenKeys>) -> Result<Plan<KeyChange>, Error> {
        plan::check(object)?;
        match &object.key().id {
            Some(id) => plan::adopted(object, given, id, seen),
            None => plan::issued(object, given, seen),
        }
    }

    fn removal(object: &K, _: DeletionPolicy, given: &Given<'_, K::Instance>, seen: &SeenKeys) -> Plan<KeyChange> {
        let all = if seen.adopts {
            seen.named.iter().map(|key| (key.id.clone(), key.clone())).collect()
        } else {
            family::own::<K>(given.lists.as_ref(), given.record, Some(seen))
        };
        let changes = all.into_values().map(|key| KeyChange::Delete {
            id: key.id.clone(),
            user: object.user().map(str::to_owned),
            why: Why::Removed,
        });
        Plan {
            changes: changes.collect(),
            ..Plan::default()
        }
    }

    async fn apply(
        remote: &Remote<K::Instance>,
        permit: WritePermit,
        seen: Option<&SeenKeys>,
        change: &KeyChange,
    ) -> Result<Receipt, Error> {
        let api = &remote.api;
        match change {
            KeyChange::Create(new) => return new.post::<K::Class>(api, permit).await,
            KeyChange::Edit { id, edit, .. } => {
                let read = seen.and_then(|seen| seen.document_of(id));
                let document = match read {
                    Some(document) => Some(document.clone()),
                    None => K::Class::get(api, id).await?,
                };
                let mut document = document.ok_or(Error::Refused(Refused::Superseded))?;
                edit.write(&mut document)
                    .map_err(|error| Error::unreadable("the definition of the API key", &error))?;
                K::Class::put(api, permit, id, &document).await?;
            }
            KeyChange::Publish { id, value, url } => {
                return Ok(Receipt {
                    secret: Some(published(id, value.clone(), url)),
                    ..Receipt::default()
                });
            }
            KeyChange::Delete { id, .. } => _ = K::Class::delete(api, permit, id).await?,
        }
        Ok(Receipt::default())
    }

    fn show(
        object: &K,
        seen: Option<&SeenKeys>,
        record: &Applied,
        lists: &<K::Instance as ConnectionKind>::Lists,
    ) -> KeySeen {
        let keys = K::Class::keys(lists.as_ref());
        let retiring = record.retiring.keys().filter(|id| keys.get(id) != Known::Absent);
        let key = seen.and_then(|seen| seen.named.as_deref());
        let published_at = record.published_at.clone().filter(|_| key.is_some());
        let rotation = object.key().rotation.as_ref();
        let next = published_at.as_ref().zip(rotation);
        KeySeen {
            id: key.map(|key| key.id.clone()),
            created_on: key.and_then(|key| time(key.created_on)),
            created_by: key.and_then(|key| key.created_by.clone()),
            expires_on: key.and_then(|key| time(key.expires_on)),
            next_rotation_at: next.map(|(at, rotation)| Time(family::after(at.0, rotation.interval()))),
            published_at,
            retiring: retiring.cloned().collect(),
            former: seen.map(|seen| seen.left(record)).unwrap_or_default(),
        }
    }
}

impl SeenKeys {
    /// Ids of the keys of an earlier object of this name that this one did not take over.
    fn left(&self, record: &Applied) -> Vec<String> {
        let ids = self.former.iter().map(|key| key.id.clone());
        let mut left: Vec<_> = ids
            .filter(|id| record.id.as_ref() != Some(id) && !record.retiring.contains_key(id))
            .collect();
        left.sort();
        left.truncate(MOST_FORMER);
        left
    }

    fn document_of(&self, id: &str) -> Option<&Document> {
        let named = self.named.as_ref().filter(|key| key.id == id);
        named.and(self.document.as_ref())
    }
}

/// Lists the keys of the node if an object declares one (`wanted`). A list that cannot be read is no failure of the
/// connection: the objects read it themselves, and say why they cannot.
pub async fn sweep<C: KeyClass>(api: &C::Api, lists: &NodeLists, wanted: bool) {
    if !wanted || list::<C>(api, lists).await.is_err() {
        C::keys(lists).forget();
    }
}

/// Lists all keys of the node. One call.
async fn list<C: KeyClass>(api: &C::Api, lists: &NodeLists) -> Result<(), Error> {
    let began = Instant::now();
    let keys = C::list(api).await?;
    let held = C::keys(lists);
    held.replace(began, &keys.map(|key| held.held(key)));
    Ok(())
}

/// A time in milliseconds since the epoch; 0 is never.
fn time(milliseconds: Option<i64>) -> Option<Time> {
    let milliseconds = milliseconds.filter(|time| *time > 0)?;
    Timestamp::from_millisecond(milliseconds).ok().map(Time)
}

#[cfg(test)]
mod tests;
