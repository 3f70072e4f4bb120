//! Global API keys of a node: the strategy of `DssGlobalApiKey` and `GovernGlobalApiKey`.
//!
//! The node shows the value of a key once, in the answer to its creation. So a key whose value did not reach its Secret is
//! of no use: it is found by the mark in its description, and deleted once there is another one.

mod change;

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
    time::Instant,
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

pub use self::change::KeyChange;
use self::change::{NewKey, VALUE};
use super::{Known, NodeKind, NodeLists};
use crate::{
    crd::{
        applied::{Applied, Grants},
        common::{DeletionPolicy, InstanceRef},
        node_key::{KeySeen, KeySpec},
        status::Nothing,
    },
    dataiku::{
        dip::{DipProduct, Node, global_keys::GlobalKeyRecord},
        document::Document,
        permit::WritePermit,
    },
    engine::{
        Common, Error, Given, Managed, Object, Observed, Plan, Publication, Read, Receipt, Secret, SecretUse,
        connect::{ConnectionKey, ConnectionKind, Declared, Delegable, Remote},
        keep::fields::{FieldEdit, Fields, Names},
    },
};

/// Slot of the value in the Secret that the object publishes.
const PUBLISHED: &str = "published";
/// The mark, in the record once a key was created or is about to be.
const MARKS: &str = "marks";
const MARK: &str = "dataiku-operator.io/owner:";
const PERMISSIONS: &str = "permissions";
const GLOBAL_PERMISSIONS: &str = "globalPermissions";
const GROUPS: &str = "groups";
const DESCRIPTION: &str = "description";

/// A kind of global keys of a node.
pub trait NodeKey: Object<Seen = KeySeen, Shown = Nothing> {
    /// The kind of connection to its nodes.
    type Instance: NodeKind;

    /// The connection.
    fn instance_ref(&self) -> &InstanceRef;
    /// The fields of the key.
    fn key(&self) -> &KeySpec;
}

/// How global keys of a node are kept in line with their objects.
pub struct Key<K>(PhantomData<K>);

/// The keys of one object.
pub struct SeenKey {
    /// The key whose value is published; `None`: only keys exist whose value was lost.
    key: Option<Arc<GlobalKeyRecord>>,
    /// Its definition; only from a read of this key.
    document: Option<Document>,
}

impl<K: NodeKey> Managed for Key<K> {
    type Object = K;
    type Connection = K::Instance;
    type Seen = SeenKey;
    type Change = KeyChange;

    const REMOTE: &'static str = "API key";

    /// The remote id is not known before the key exists, and a label is not unique.
    fn common(object: &K) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(object.instance_ref(), object.namespace().as_deref()),
            key: format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()),
            policies: &object.key().policies,
        }
    }

    fn declares(object: &K) -> Declared {
        let spec = object.key();
        let declared = spec.permissions.iter().flatten();
        let runs_as = spec.dss_user_for_impersonation.iter().filter(|user| !user.is_empty());
        Declared {
            delegable: Delegable::ByName,
            joins: spec.groups.clone().unwrap_or_default(),
            flags: declared
                .filter(|(_, given)| **given)
                .map(|(flag, _)| flag.clone())
                .collect(),
            acts_as: runs_as.cloned().collect(),
            ..Declared::default()
        }
    }

    fn secrets(object: &K) -> Vec<SecretUse> {
        vec![SecretUse::new(PUBLISHED, &object.key().secret_name, VALUE)]
    }

    fn publication(object: &K) -> Option<Publication> {
        let spec = object.key();
        let template = spec.secret_template.clone().unwrap_or_default();
        Some(Publication {
            name: spec.secret_name.clone(),
            labels: template.labels,
            annotations: template.annotations,
        })
    }

    async fn observe(
        object: &K,
        remote: &Remote<K::Instance>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<SeenKey>, Error> {
        let lists = remote.lists().as_ref();
        let mut document = None;
        if read == Read::Fresh {
            list(&remote.api, lists).await?;
            if let Some(id) = &record.id {
                document = remote.api.global_key(id).await?;
                let key = document.as_ref().map(GlobalKeyRecord::from_document).transpose();
                let key = key.map_err(|error| Error::unreadable("the definition of the API key", &error))?;
                lists.keys.saw(id, key.map(Arc::new));
            }
        }
        // Without a complete list, nothing proves that a key does not exist.
        let id = record.id.as_deref().unwrap_or_default();
        let key = match lists.keys.get(id) {
            Known::Unknown if read == Read::Listed => return Ok(Observed::Unknown),
            known => known.found(),
        };
        if read == Read::Listed
            && let Some(key) = &key
            && fields(object, lists, record, key).is_unknown()
        {
            return Ok(Observed::Unknown);
        }
        // Without a record they may be the keys of an object that was restored: they are no reason to refuse this one.
        let recorded = !record.grants.list(MARKS).is_empty();
        let exists = key.is_some() || (recorded && !orphans(object, lists, record).is_empty());
        Ok(Observed::new(exists.then_some(SeenKey { key, document })))
    }

    fn plan(object: &K, given: &Given<'_, K::Instance>, seen: Option<&SeenKey>) -> Result<Plan<KeyChange>, Error> {
        let lists: &NodeLists = given.lists.as_ref();
        let key = seen.and_then(|seen| seen.key.as_deref());
        let mut plan = match key {
            Some(key) if is_published(given) => {
                let id = key.id.clone();
                let mut plan = fields(object, lists, given.record, key).into_plan(|edit| KeyChange::Edit { id, edit });
                plan.deferred |= key.unreadable.contains(GLOBAL_PERMISSIONS);
                plan.changes
                    .extend(deletions(orphans(object, lists, given.record), true));
                plan
            }
            // The old key is deleted once the new one is published.
            Some(_) => create(object, given)?,
            None => {
                let mut plan = create(object, given)?;
                // First, since a node may refuse a second key with the same label.
                plan.changes
                    .splice(..0, deletions(orphans(object, lists, given.record), true));
                plan
            }
        };
        plan.grants.add(grants(object));
        Ok(plan)
    }

    fn removal(object: &K, _: DeletionPolicy, given: &Given<'_, K::Instance>, seen: &SeenKey) -> Plan<KeyChange> {
        let own = seen.key.iter().map(|key| key.id.clone());
        let all = own.chain(orphans(object, given.lists.as_ref(), given.record)).collect();
        Plan {
            changes: deletions(all, false).collect(),
            ..Plan::default()
        }
    }

    async fn apply(
        remote: &Remote<K::Instance>,
        permit: WritePermit,
        seen: Option<&SeenKey>,
        change: &KeyChange,
    ) -> Result<Receipt, Error> {
        match change {
            KeyChange::Create(new) => return new.post(&remote.api, permit).await,
            KeyChange::Edit { id, edit } => {
                let document = seen.and_then(|seen| seen.document.clone());
                let mut document = document
                    .ok_or_else(|| Error::Internal(format!("API key {id} would be edited without its definition")))?;
                edit.write(&mut document)
                    .map_err(|error| Error::unreadable("the definition of the API key", &error))?;
                remote.api.put_global_key(permit, id, &document).await?;
            }
            KeyChange::Delete { id, .. } => _ = remote.api.delete_global_key(permit, id).await?,
        }
        Ok(Receipt::default())
    }

    fn show(_: &K, seen: Option<&SeenKey>, _: &Applied, _: &<K::Instance as ConnectionKind>::Lists) -> KeySeen {
        let key = seen.and_then(|seen| seen.key.as_deref());
        KeySeen {
            id: key.map(|key| key.id.clone()),
            created_on: key.and_then(|key| time(key.created_on)),
            created_by: key.and_then(|key| key.created_by.clone()),
            expires_on: key.and_then(|key| time(key.expires_on)),
        }
    }
}

/// Lists the keys of the node if an object declares one (`wanted`). A list that cannot be read is no failure of the
/// connection: the objects read it themselves, and say why they cannot.
pub(super) async fn sweep<P: DipProduct>(api: &Node<P>, lists: &NodeLists, wanted: bool) {
    if !wanted || list(api, lists).await.is_err() {
        lists.keys.forget();
    }
}

/// Lists all keys of the node. One call.
async fn list<P: DipProduct>(api: &Node<P>, lists: &NodeLists) -> Result<(), Error> {
    let began = Instant::now();
    let keys = api.global_keys().await?;
    lists.keys.replace(began, &keys.map(|key| lists.keys.held(key)));
    Ok(())
}

/// Whether the Secret of the object holds the value, as far as anybody looked.
fn is_published<C: ConnectionKind>(given: &Given<'_, C>) -> bool {
    let secret = given.secrets.get(PUBLISHED);
    !matches!(
        secret,
        Some(Secret::Missing(_) | Secret::Unusable(_) | Secret::Changed(..))
    )
}

/// Identifies the keys of this object; part of their descriptions.
fn mark<K: NodeKey>(object: &K) -> String {
    let (namespace, uid) = (object.namespace().unwrap_or_default(), object.uid().unwrap_or_default());
    format!("[{MARK} {namespace}/{} {uid}]", object.name_any())
}

/// Whether a description has this mark. People may write before and after it; of several marks the last one counts, so that
/// nobody can declare the mark of somebody else.
fn has_mark(description: &str, mark: &str) -> bool {
    let last = description.rfind(&format!("[{MARK}")).map(|at| &description[at..]);
    last.is_some_and(|last| last.starts_with(mark))
}

/// A description with the mark of this object.
fn marked<K: NodeKey>(object: &K, text: &str) -> String {
    let mark = mark(object);
    if text.is_empty() {
        mark
    } else {
        format!("{text} {mark}")
    }
}

/// The mark, and the flags that the object grants.
fn grants<K: NodeKey>(object: &K) -> Grants {
    let declared = object.key().permissions.iter().flatten();
    let granted = declared.filter(|(_, granted)| **granted).map(|(flag, _)| flag.clone());
    let lists = [
        (MARKS, BTreeSet::from([mark(object)])),
        (PERMISSIONS, granted.collect()),
    ];
    lists.into_iter().collect()
}

/// Keys with the mark of this object, other than the one whose value is published: a value that was lost on its way, and
/// one that was replaced.
fn orphans<K: NodeKey>(object: &K, lists: &NodeLists, record: &Applied) -> Vec<String> {
    let mark = mark(object);
    let is_orphan = |key: &GlobalKeyRecord| {
        let marked = key.description.as_deref().is_some_and(|text| has_mark(text, &mark));
        marked && record.id.as_ref() != Some(&key.id)
    };
    let mut ids: Vec<String> = lists.keys.filter(is_orphan).iter().map(|key| key.id.clone()).collect();
    ids.sort();
    ids
}

fn deletions(ids: Vec<String>, unused: bool) -> impl Iterator<Item = KeyChange> {
    ids.into_iter().map(move |id| KeyChange::Delete { id, unused })
}

fn create<K: NodeKey>(object: &K, given: &Given<'_, K::Instance>) -> Result<Plan<KeyChange>, Error> {
    let (spec, lists): (&KeySpec, &NodeLists) = (object.key(), given.lists.as_ref());
    let label = spec.label.clone().unwrap_or_else(|| object.name_any());
    let description = marked(object, spec.description.as_deref().unwrap_or_default());
    let existing = |groups: &Vec<String>| groups.iter().filter(|name| may_exist(lists, name)).cloned().collect();
    let groups: Option<Vec<String>> = spec.groups.as_ref().map(existing);
    let permissions = spec.permissions.clone().unwrap_or_default();
    let mut document = Document::new();
    document.set("id", "new");
    document.set("label", &label);
    document.set(DESCRIPTION, &description);
    document.set(GROUPS, &groups);
    document.set(GLOBAL_PERMISSIONS, &permissions);
    let created = GlobalKeyRecord::from_document(&document)
        .map_err(|error| Error::Internal(format!("a new API key: {error}")))?;
    // A new key has nothing that was granted to the one before it.
    let nothing = Applied::default();
    let url = given.connection.terms().url.to_owned();
    let fields = fields(object, lists, &nothing, &created);
    let mut plan = fields.into_creation(|follows| {
        KeyChange::Create(Box::new(NewKey {
            label,
            description,
            groups,
            permissions,
            url,
            follows,
        }))
    });
    let mut hasher = DefaultHasher::new();
    given.record.id.hash(&mut hasher);
    plan.basis = hasher.finish();
    Ok(plan)
}

fn may_exist(lists: &NodeLists, group: &str) -> bool {
    !matches!(lists.groups.get(group), Known::Absent)
}

/// The fields of a key (contract sheet 2.10).
fn fields<'a, K: NodeKey>(
    object: &'a K,
    lists: &'a NodeLists,
    record: &'a Applied,
    key: &'a GlobalKeyRecord,
) -> Fields<'a> {
    let spec = object.key();
    let mut fields = Fields::new(record, &key.unreadable)
        .text("label", spec.label.as_deref(), key.label.as_deref())
        .text(
            "dssUserForImpersonation",
            spec.dss_user_for_impersonation.as_deref(),
            key.dss_user_for_impersonation.as_deref(),
        );
    fields = description(fields, object, key);
    fields = groups(fields, spec, lists, key);
    permissions(fields, spec, record, key)
}

fn description<'a, K: NodeKey>(fields: Fields<'a>, object: &K, key: &GlobalKeyRecord) -> Fields<'a> {
    if key.unreadable.contains(DESCRIPTION) {
        return fields.custom(None::<&str>, None);
    }
    let found = key.description.as_deref().unwrap_or_default();
    let (step, text) = match object.key().description.as_deref() {
        Some("") => ("clear description".to_owned(), marked(object, "")),
        Some(text) => (format!("set description to {text}"), marked(object, text)),
        None if has_mark(found, &mark(object)) => return fields,
        None => ("add the mark to the description".to_owned(), marked(object, found)),
    };
    let edit = (found != text).then(|| {
        FieldEdit::new(step, move |document| {
            document.set(DESCRIPTION, &text);
            Ok(())
        })
    });
    fields.custom(Some(found), edit)
}

/// A key has either the rights of groups or rights of its own: the list of its groups is null then.
fn groups<'a>(fields: Fields<'a>, spec: &'a KeySpec, lists: &NodeLists, key: &'a GlobalKeyRecord) -> Fields<'a> {
    let readable = !key.unreadable.contains(GROUPS);
    if spec.groups.is_some() {
        let found = key.groups.as_deref().unwrap_or_default();
        return fields.names(&Names {
            at: GROUPS,
            noun: "group",
            declared: spec
                .groups
                .as_ref()
                .map(|groups| groups.iter().map(String::as_str).collect()),
            exact: true,
            found: readable.then_some(found),
            known: &|name| may_exist(lists, name),
        });
    }
    let edit = (!readable || key.groups.is_some()).then(|| {
        let edit = FieldEdit::new("take the rights of groups away", |document: &mut Document| {
            document.set(GROUPS, &None::<Vec<String>>);
            Ok(())
        });
        edit.withdrawing(true)
    });
    fields.custom(readable.then_some(&key.groups), edit)
}

fn permissions<'a>(mut fields: Fields<'a>, spec: &KeySpec, record: &Applied, key: &'a GlobalKeyRecord) -> Fields<'a> {
    let declared = spec.permissions.clone().unwrap_or_default();
    let names = declared.keys().cloned().collect();
    let mut wanted = declared;
    wanted.extend(
        record
            .withdrawn(PERMISSIONS, &names)
            .into_iter()
            .map(|flag| (flag, false)),
    );
    if wanted.is_empty() {
        return fields;
    }
    let Some(found) = &key.global_permissions else {
        let message = format!("{GLOBAL_PERMISSIONS} cannot be changed: what the node has there is unreadable");
        return fields.waiting(Some(message)).custom(None::<bool>, None);
    };
    for (flag, granted) in wanted {
        // A flag that the node does not show is not granted.
        let current = found.get(&flag).copied().unwrap_or_default();
        let edit = (current != granted).then(|| {
            let step = format!("set {flag} to {granted}");
            let edit = FieldEdit::new(step, move |document: &mut Document| {
                let mut permissions = document.nested(GLOBAL_PERMISSIONS)?.unwrap_or_default();
                permissions.set(&flag, &granted);
                document.set(GLOBAL_PERMISSIONS, &permissions);
                Ok(())
            });
            edit.withdrawing(!granted)
        });
        // The map is replaced as a whole.
        fields = fields.custom(Some(found), edit);
    }
    fields
}

/// A time in milliseconds since the epoch; 0 is never.
fn time(milliseconds: Option<i64>) -> Option<Time> {
    let milliseconds = milliseconds.filter(|time| *time > 0)?;
    Timestamp::from_millisecond(milliseconds).ok().map(Time)
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
