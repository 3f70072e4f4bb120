//! What to write so that the keys of an object match. Pure.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use kube::ResourceExt;

use super::{
    NodeKey, PUBLISHED, PUBLISHED_URL, SeenKeys,
    change::{KeyChange, NewKey, Why},
    family::{Family, Held, after, until},
    fields::{self, DESCRIPTION, GLOBAL_PERMISSIONS, GROUPS, PERMISSIONS},
    mark::{mark, marked, other_owner},
    scoped::{self, SCOPED},
};
use crate::{
    crd::{
        applied::{Applied, Grants},
        node_key::MIN_ROTATION,
    },
    dataiku::{dip::keys::KeyRecord, document::Document},
    engine::{
        Error, Given, Plan, Reason,
        connect::ConnectionKind,
        keep::fields::{Edit, Fields},
    },
    kinds::node::{Known, NodeLists},
};

/// The mark, in the record once a key was created or is about to be.
const MARKS: &str = "marks";
/// The address that is published, so that a change of the connection's is noticed.
const URLS: &str = "url";
/// Wait for the connection to use another key than the one that is to be deleted.
const IN_USE: Duration = Duration::from_secs(10);

type KeyPlan = Plan<KeyChange>;

/// What no schema rule can reject.
pub(super) fn check<K: NodeKey>(object: &K) -> Result<(), Error> {
    let rotation = object.key().rotation.as_ref();
    if let Some(rotation) = rotation {
        let (interval, overlap) = (rotation.interval, rotation.overlap);
        if interval.is_negative() || Duration::from(interval) < MIN_ROTATION {
            return Err(Error::invalid("rotation.interval must be at least 10s"));
        }
        if overlap.is_some_and(|overlap| overlap.is_negative()) || rotation.overlap() > rotation.interval() {
            return Err(Error::invalid(
                "rotation.overlap is longer than rotation.interval: more and more keys would work at once",
            ));
        }
    }
    if let Some(lifetime) = object.rights().and_then(|rights| rights.lifetime) {
        let needed = rotation.map(|rotation| rotation.interval() + rotation.overlap());
        if lifetime.is_negative() || Duration::from(lifetime).is_zero() {
            return Err(Error::invalid("lifetime must be longer than nothing"));
        }
        if needed.is_some_and(|needed| Duration::from(lifetime) < needed) {
            return Err(Error::invalid(
                "lifetime is shorter than rotation.interval plus rotation.overlap: keys would expire while they are in use",
            ));
        }
    }
    scoped::check(object.scoped_permissions())
}

/// For a key that exists and that the object names by its id.
pub(super) fn adopted<K: NodeKey>(
    object: &K,
    given: &Given<'_, K::Instance>,
    id: &str,
    seen: Option<&SeenKeys>,
) -> Result<KeyPlan, Error> {
    let Some(key) = seen.and_then(|seen| seen.named.as_deref()) else {
        return Err(Error::dependency(format!("API key {id} does not exist")));
    };
    let description = key.description.as_deref().unwrap_or_default();
    if let Some(owner) = other_owner(description, object, given.cluster) {
        return Err(Error::Blocked(
            Reason::Conflict,
            format!(
                "API key {id} has the mark of {owner}, which created it: remove the mark from its description if that object is gone"
            ),
        ));
    }
    if let (Some(declared), Some(found)) = (object.user(), key.user.as_deref())
        && !declared.eq_ignore_ascii_case(found)
    {
        return Err(Error::invalid(format!(
            "API key {id} belongs to another user than {declared}"
        )));
    }
    let lists = given.lists.as_ref();
    let fields = fields::all(object, given.cluster, lists, given.record, key, true);
    let mut plan = into_plan(object, key, fields);
    plan.grants.add(grants(object, None));
    Ok(plan)
}

/// For keys that the operator issues.
pub(super) fn issued<K: NodeKey>(
    object: &K,
    given: &Given<'_, K::Instance>,
    seen: Option<&SeenKeys>,
) -> Result<KeyPlan, Error> {
    let mut family = Family::of(object, given, seen);
    let rotation = object.key().rotation.as_ref();
    let overlap = rotation.map(super::Rotation::overlap).unwrap_or_default();
    let next = rotation.map(|rotation| after(family.since, rotation.interval()));
    let is_due = next.is_some_and(|next| until(next, given.now).is_none());
    let mut plan = Plan::default();
    withdraw(&mut plan, given, &mut family, overlap);
    if let Some(current) = family.current.clone() {
        edit(&mut plan, object, given, &family, &current);
        plan.due = plan
            .due
            .into_iter()
            .chain(next.and_then(|next| until(next, given.now)))
            .min();
        plan.succession = family.succession();
        republish(&mut plan, given, &current);
    }
    if family.current.is_none() || is_due {
        create(&mut plan, object, given, &family)?;
    }
    plan.grants.add(grants(object, Some(given.connection.terms().url)));
    Ok(plan)
}

/// Deletes keys that nobody can use, and replaced ones after the overlap. First, since a node may refuse a second key with
/// the same label. As long as no key is published, clients have nothing but the replaced one.
fn withdraw<C: ConnectionKind<Lists: AsRef<NodeLists>>>(
    plan: &mut KeyPlan,
    given: &Given<'_, C>,
    family: &mut Family,
    overlap: Duration,
) {
    let identity = given.lists.as_ref().identity();
    let mut waits = Vec::new();
    let mut delete = |id: &str, why: Why| {
        if identity.as_deref() == Some(id) {
            // The connection is about to use the new key.
            waits.push(IN_USE);
            return false;
        }
        plan.changes.push(KeyChange::Delete {
            id: id.to_owned(),
            user: None,
            why,
        });
        true
    };
    for key in &family.orphans {
        delete(&key.id, Why::Unused);
    }
    if family.current.is_some() {
        let mut later = Vec::new();
        family
            .retiring
            .retain(|(key, since)| match until(after(*since, overlap), given.now) {
                Some(left) => {
                    later.push(left);
                    true
                }
                None => !delete(&key.id, Why::Replaced),
            });
        waits.extend(later);
    }
    plan.due = waits.into_iter().min();
}

fn edit<K: NodeKey>(
    plan: &mut KeyPlan,
    object: &K,
    given: &Given<'_, K::Instance>,
    family: &Family,
    current: &KeyRecord,
) {
    let lists = given.lists.as_ref();
    let label = object.key().label.as_deref();
    let is_free = label.is_none_or(|label| !family.is_taken(label, &current.id));
    let fields = fields::all(object, given.cluster, lists, given.record, current, is_free);
    take(plan, into_plan(object, current, fields));
    for (key, _) in &family.retiring {
        let fields = Fields::new(given.record, &key.unreadable);
        let fields = fields::rights(fields, object, lists, given.record, key);
        take(plan, into_plan(object, key, fields));
    }
}

/// Adds the plan for another key.
fn take(plan: &mut KeyPlan, other: KeyPlan) {
    plan.changes.extend(other.changes);
    for waiting in other.waiting {
        if !plan.waiting.contains(&waiting) {
            plan.waiting.push(waiting);
        }
    }
    plan.deferred |= other.deferred;
    plan.grants.add(other.grants);
    plan.basis ^= other.basis;
}

fn into_plan<K: NodeKey>(object: &K, key: &KeyRecord, fields: Fields<'_>) -> KeyPlan {
    let by_groups = object.rights().is_some_and(|rights| rights.groups.is_some());
    let turns = by_groups && key.groups.is_none();
    let id = key.id.clone();
    fields.into_plan(|edit: Edit| KeyChange::Edit {
        id,
        narrows: turns || edit.withdraws(),
        edit,
    })
}

/// The address beside the value follows the connection.
fn republish<C: ConnectionKind>(plan: &mut KeyPlan, given: &Given<'_, C>, current: &Arc<KeyRecord>) {
    let url = given.connection.terms().url;
    let Held::Key(_) = Held::of(given.secrets) else { return };
    let found = given.secrets.value(PUBLISHED_URL);
    let is_same = found.is_some_and(|found| secrecy::ExposeSecret::expose_secret(found) == url);
    if let Some(value) = given.secrets.value(PUBLISHED).filter(|_| !is_same) {
        plan.changes.push(KeyChange::Publish {
            id: current.id.clone(),
            value: value.clone(),
            url: url.to_owned(),
        });
    }
}

fn create<K: NodeKey>(
    plan: &mut KeyPlan,
    object: &K,
    given: &Given<'_, K::Instance>,
    family: &Family,
) -> Result<(), Error> {
    let (spec, lists): (_, &NodeLists) = (object.key(), given.lists.as_ref());
    if let Some(user) = object.user()
        && !user_may_exist(lists, user)
    {
        plan.waiting.push(format!("user {user} does not exist yet"));
        return Ok(());
    }
    let label = spec.label.clone().unwrap_or_else(|| object.name_any());
    let description = marked(
        spec.description.as_deref().unwrap_or_default(),
        &mark(object, given.cluster),
    );
    let rights = object.rights();
    let existing = |groups: &Vec<String>| {
        let existing = groups.iter().filter(|name| fields::may_exist(lists, name));
        existing.cloned().collect::<Vec<_>>()
    };
    let groups = rights.and_then(|rights| rights.groups.as_ref()).map(existing);
    let permissions = rights.and_then(|rights| rights.permissions.clone()).unwrap_or_default();
    let before = family
        .current
        .iter()
        .chain(family.retiring.iter().map(|(key, _)| key))
        .next();
    let replaces = before.map(|key| key.id.clone());
    let former = family.former.iter().map(|key| &key.id);
    let spares: Vec<String> = replaces
        .iter()
        .chain(former)
        .map(|id| format!("{label} (after {id})"))
        .collect();
    let spare_label = if family.is_taken(&label, "") {
        // An orphan that has the first one is deleted before the creation.
        let free = spares.iter().find(|spare| !family.is_taken(spare, ""));
        free.or(spares.first()).cloned()
    } else {
        None
    };
    let mut document = Document::new();
    document.set("id", "new");
    document.set("label", &label);
    document.set(DESCRIPTION, &description);
    document.set(GROUPS, &groups);
    document.set(GLOBAL_PERMISSIONS, &permissions);
    let created =
        KeyRecord::from_document(&document).map_err(|error| Error::Internal(format!("a new API key: {error}")))?;
    // A new key has nothing that was granted to the one before it.
    let nothing = Applied::default();
    let fields = fields::all(object, given.cluster, lists, &nothing, &created, true);
    let creation = fields.into_creation(|follows| {
        KeyChange::Create(Box::new(NewKey {
            user: object.user().map(str::to_owned),
            label,
            spare_label,
            description,
            groups,
            permissions,
            url: given.connection.terms().url.to_owned(),
            replaces,
            follows,
        }))
    });
    take(plan, creation);
    let mut hasher = DefaultHasher::new();
    given.record.id.hash(&mut hasher);
    plan.basis ^= hasher.finish();
    Ok(())
}

/// Whether the user exists, as far as the list tells. Logins are compared without case.
fn user_may_exist(lists: &NodeLists, login: &str) -> bool {
    match lists.users.get(login) {
        Known::Found(_) | Known::Unknown => true,
        Known::Absent => !lists
            .users
            .filter(|user| user.login.eq_ignore_ascii_case(login))
            .is_empty(),
    }
}

/// What the object grants, and what tells its keys.
fn grants<K: NodeKey>(object: &K, url: Option<&str>) -> Grants {
    let declared = object.rights().and_then(|rights| rights.permissions.as_ref());
    let granted = declared.into_iter().flatten().filter(|(_, granted)| **granted);
    let lists = [
        // Without the cluster: what is on record is about this very object.
        (MARKS, url.map(|_| mark(object, None)).into_iter().collect()),
        (URLS, url.map(str::to_owned).into_iter().collect()),
        (PERMISSIONS, granted.map(|(flag, _)| flag.clone()).collect()),
        (SCOPED, scoped::granted(object.scoped_permissions())),
    ];
    let lists: [(&str, BTreeSet<String>); 4] = lists;
    lists.into_iter().collect()
}
