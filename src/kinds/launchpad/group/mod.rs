//! `LaunchpadGroup`: a group of a space of Dataiku Cloud.

mod access;
mod edit;
mod people;
mod rights;
#[cfg(test)]
mod tests;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use kube::ResourceExt;

pub use self::edit::{Edit, GroupChange};
use self::{
    edit::Draft,
    rights::{Flags, declared, differing, granted, granting, withdrawn},
};
use super::{
    invites::{InviteEdit, Invites, InvitesApi, InvitesEdit},
    lists::{Need, SpaceLists},
};
use crate::{
    crd::{
        LaunchpadGroup, LaunchpadSpace,
        applied::Applied,
        common::{DeletionPolicy, ListPolicy},
        launchpad_group::{LaunchpadGroupSeen, NodeRights},
    },
    dataiku::{
        document::{Document, DocumentError},
        error::ErrorKind,
        launchpad::{
            groups::{
                DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, GroupRecord, LAUNCHPAD_PERMISSIONS, Member, USERS, new_group,
            },
            people::GroupReference,
        },
    },
    engine::{
        Common, Error, Given, Managed, Observed, Plan, Read, Reason, Receipt, TaskState,
        connect::{ConnectionKey, Remote},
        object::is_deleting,
        permit::WritePermit,
    },
};

/// Lists of the record.
const LAUNCHPAD_RIGHTS: &str = "launchpadPermissions";
const NODES: &str = "nodes";
const RIGHTS: &str = "permissions";
const MEMBERS: &str = "members";

/// Most nodes in the status, and most bytes of rights on them.
const SHOWN_NODES: usize = 200;
const SHOWN_BYTES: usize = 16 << 10;

/// The strategy of groups of a space.
pub struct Group;

/// A group as the space has it.
pub struct Seen {
    group: Arc<GroupRecord>,
    /// The document, where the group was read by itself.
    document: Option<Document>,
    /// Whether it only has the name of the recorded group, which is gone.
    another: bool,
}

impl Managed for Group {
    type Object = LaunchpadGroup;
    type Connection = LaunchpadSpace;
    type Seen = Seen;
    type Change = GroupChange;

    const REMOTE: &'static str = "group";
    const TASKS: bool = true;

    fn common(object: &LaunchpadGroup) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.space_ref, object.namespace().as_deref()),
            key: name(object),
            policies: &object.spec.policies,
        }
    }

    async fn observe(
        object: &LaunchpadGroup,
        remote: &Remote<LaunchpadSpace>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<Seen>, Error> {
        if read == Read::Listed {
            return Ok(listed(object, remote.lists(), record));
        }
        let found = current(object, remote, record).await?;
        let need = Need {
            people: people::lacks(&object.spec, remote.lists()),
            nodes: access::lacks(&object.spec, &remote.lists().nodes()),
        };
        if need.any() && !is_deleting(object) {
            remote.lists().refresh(&remote.api, need).await?;
        }
        Ok(Observed::new(found))
    }

    fn id(seen: &Seen) -> Option<String> {
        (!seen.another).then(|| seen.group.id.clone())
    }

    fn plan(
        object: &LaunchpadGroup,
        given: &Given<'_, LaunchpadSpace>,
        seen: Option<&Seen>,
    ) -> Result<Plan<GroupChange>, Error> {
        plan(object, given.record, given.lists, seen)
    }

    fn removal(
        _: &LaunchpadGroup,
        _: DeletionPolicy,
        _: &Given<'_, LaunchpadSpace>,
        seen: &Seen,
    ) -> Plan<GroupChange> {
        Plan::new((!seen.another).then_some(GroupChange::Delete))
    }

    async fn apply(
        remote: &Remote<LaunchpadSpace>,
        permit: WritePermit,
        seen: Option<&Seen>,
        change: &GroupChange,
    ) -> Result<Receipt, Error> {
        let found = || seen.ok_or_else(|| Error::Internal("a group is edited that was not found".into()));
        match change {
            GroupChange::Create(name, edits, _) => {
                let document = edited(new_group(name, None), edits)?;
                let saved = remote.api.create_group(permit, &document).await?;
                let group = GroupRecord::from_document(&saved.document).map_err(unreadable)?;
                let id = group.id.clone();
                remote.lists().groups.saw(&id, Some(Arc::new(group)));
                Ok(Receipt {
                    id: Some(id),
                    task: saved.task_id,
                    ..Receipt::default()
                })
            }
            GroupChange::Edit(edits) => put(remote, permit, found()?, edits).await,
            GroupChange::Resubmit(_) => put(remote, permit, found()?, &[]).await,
            GroupChange::Invites(invites) => {
                let group = &found()?.group;
                let edit = InvitesEdit {
                    group: GroupReference {
                        id: group.id.clone(),
                        name: group.name.clone(),
                    },
                    invites: invites.clone(),
                };
                let api = InvitesApi {
                    api: remote.api.clone(),
                    lists: remote.live.lists.clone(),
                };
                let writer = remote.live.writers.of("invites", || Invites);
                writer.edit(&api, permit, edit).await?;
                Ok(Receipt::default())
            }
            GroupChange::Delete => {
                remote.api.delete_group(permit, &found()?.group.id).await?;
                Ok(Receipt::default())
            }
        }
    }

    fn show(_: &LaunchpadGroup, seen: Option<&Seen>, record: &Applied, _: &SpaceLists) -> LaunchpadGroupSeen {
        let group = seen.filter(|seen| !seen.another).map(|seen| &*seen.group);
        LaunchpadGroupSeen {
            id: group.map(|group| group.id.clone()).or_else(|| record.id.clone()),
            members: group
                .and_then(|group| group.users.as_ref())
                .map(|users| i64::try_from(users.len()).unwrap_or(i64::MAX)),
            nodes: group.map(shown_nodes).unwrap_or_default(),
            propagation: record.task.as_deref().cloned(),
        }
    }

    async fn task(remote: &Remote<LaunchpadSpace>, id: &str) -> Result<Option<TaskState>, Error> {
        let state = remote.api.task(id).await?;
        Ok(state.map(|state| TaskState {
            ready: state.ready,
            successful: state.successful,
        }))
    }

    fn resubmit(seen: &Seen, task: &str) -> Option<GroupChange> {
        (!seen.another).then(|| GroupChange::Resubmit(task.to_owned()))
    }
}

fn name(object: &LaunchpadGroup) -> String {
    object.spec.name.clone().unwrap_or_else(|| object.name_any())
}

/// Whether a list is managed to be just what is declared.
fn is_exact(policy: Option<ListPolicy>) -> bool {
    policy == Some(ListPolicy::Exact)
}

/// The group by the lists. They never show that a group whose id is on record does not exist.
fn listed(object: &LaunchpadGroup, lists: &SpaceLists, record: &Applied) -> Observed<Seen> {
    let found = match &record.id {
        Some(id) => lists.groups.get(id).found(),
        None => lists.groups.filter(|group| group.name == name(object)).pop(),
    };
    match found {
        Some(group) if group.unreadable.check(&managed(object, record)).is_ok() => Observed::Found(Seen {
            group,
            document: None,
            another: false,
        }),
        None if record.id.is_none() && lists.groups.is_complete() => Observed::Absent,
        _ => Observed::Unknown,
    }
}

/// The group as it is now: by its recorded id or, where there is none, by its name.
async fn current(
    object: &LaunchpadGroup,
    remote: &Remote<LaunchpadSpace>,
    record: &Applied,
) -> Result<Option<Seen>, Error> {
    if let Some(id) = &record.id {
        let seen = read(remote, id).await?;
        if seen.is_some() || is_deleting(object) {
            return Ok(seen);
        }
    }
    let named = remote.api.groups_named(&name(object)).await?;
    match named.items.first() {
        Some(named) => {
            let seen = read(remote, &named.id).await?;
            let another = record.id.as_ref().is_some_and(|id| *id != named.id);
            Ok(seen.map(|seen| Seen { another, ..seen }))
        }
        None if named.is_complete() => Ok(None),
        None => Err(Error::unreadable(
            "the list of groups of this name",
            &format!("{} of its elements have no readable id and name", named.unreadable),
        )),
    }
}

async fn read(remote: &Remote<LaunchpadSpace>, id: &str) -> Result<Option<Seen>, Error> {
    let document = remote.api.group(id).await?;
    let record = document.as_ref().map(GroupRecord::from_document);
    let record = record.transpose().map_err(unreadable)?.map(Arc::new);
    remote.lists().groups.saw(id, record.clone());
    Ok(record.map(|group| Seen {
        group,
        document,
        another: false,
    }))
}

/// Members of the document whose value a plan needs.
fn managed(object: &LaunchpadGroup, record: &Applied) -> Vec<&'static str> {
    let spec = &object.spec;
    let granted = |list: &str| !record.grants.list(list).is_empty();
    let mut managed = Vec::new();
    if spec.description.is_some() {
        managed.push("description");
    }
    if spec.launchpad_permissions.is_some() || granted(LAUNCHPAD_RIGHTS) {
        managed.push(LAUNCHPAD_PERMISSIONS);
    }
    if spec.nodes.is_some() || spec.node_types.is_some() || granted(NODES) || granted(RIGHTS) {
        managed.extend([DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS]);
    }
    if spec.members.is_some() || granted(MEMBERS) {
        managed.push(USERS);
    }
    managed
}

fn plan(
    object: &LaunchpadGroup,
    record: &Applied,
    lists: &SpaceLists,
    seen: Option<&Seen>,
) -> Result<Plan<GroupChange>, Error> {
    if seen.is_some_and(|seen| seen.another) {
        let message = "the group of this object is gone, and somebody else created another one of its name: rename or \
                       delete that one, or recreate this object with adoptionPolicy: Adopt";
        return Err(Error::Blocked(Reason::AlreadyExists, message.into()));
    }
    let spec = &object.spec;
    let nothing = GroupRecord::default();
    let group = seen.map_or(&nothing, |seen| &*seen.group);
    group.unreadable.check(&managed(object, record)).map_err(unreadable)?;
    let mut draft = Draft::default();
    if seen.is_some() && group.name != name(object) {
        draft.text("name", &name(object));
    }
    if let Some(description) = &spec.description
        && *description != group.description.as_deref().unwrap_or_default()
    {
        draft.text("description", description);
    }
    let mut flags = declared(spec.launchpad_permissions.as_ref());
    draft.grant(LAUNCHPAD_RIGHTS, granting(&flags).cloned());
    let given = record.grants.list(LAUNCHPAD_RIGHTS).iter().map(String::as_str);
    flags.extend(withdrawn(given, &flags));
    let found = group.launchpad_permissions.as_ref().map(granted).unwrap_or_default();
    draft.rights(&[LAUNCHPAD_PERMISSIONS], None, &differing(&flags, &found));
    access::plan(spec, record, &lists.nodes(), group, &mut draft)?;
    people::plan(spec, record, lists, group, &mut draft);
    let basis = basis(group, &draft, lists);
    let mut changes = Vec::new();
    if seen.is_none() {
        let follows = draft.invites.iter().map(InviteEdit::step).collect();
        changes.push(GroupChange::Create(name(object), draft.edits, follows));
    } else {
        changes.extend((!draft.edits.is_empty()).then_some(GroupChange::Edit(draft.edits)));
        changes.extend((!draft.invites.is_empty()).then_some(GroupChange::Invites(draft.invites)));
    }
    Ok(Plan {
        changes,
        waiting: draft.waiting,
        deferred: draft.deferred,
        grants: draft.grants.into_iter().collect(),
        basis,
        ..Plan::default()
    })
}

/// Hash of the group and the invites that a plan edits.
fn basis(group: &GroupRecord, draft: &Draft, lists: &SpaceLists) -> u64 {
    let mut hasher = DefaultHasher::new();
    if !draft.edits.is_empty() || !draft.invites.is_empty() {
        format!("{group:?}").hash(&mut hasher);
    }
    for invite in &draft.invites {
        let invite = lists.invite(&invite.email);
        format!("{:?}", invite.as_ref().map(|invite| &invite.record.groups)).hash(&mut hasher);
    }
    hasher.finish()
}

/// Writes the document with these edits. A Launchpad may refuse a document that names a node or a user that does not exist
/// any more: then it gets the document without them.
async fn put(
    remote: &Remote<LaunchpadSpace>,
    permit: WritePermit,
    seen: &Seen,
    edits: &[Edit],
) -> Result<Receipt, Error> {
    let read = seen.document.clone();
    let read = read.ok_or_else(|| Error::Internal("a group is edited without its document".into()))?;
    let mut document = edited(read, edits)?;
    let id = &seen.group.id;
    let again = WritePermit::joint([&permit]);
    let mut also = Vec::new();
    let saved = match remote.api.put_group(permit, id, &document).await {
        Err(error) if matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound) => {
            let need = Need {
                people: true,
                nodes: true,
            };
            remote.lists().refresh(&remote.api, need).await?;
            also = without_unknown(&mut document, remote.lists()).map_err(unreadable)?;
            if also.is_empty() {
                return Err(error.into());
            }
            remote.api.put_group(again, id, &document).await?
        }
        answer => answer?,
    };
    Ok(Receipt {
        task: saved.task_id,
        also,
        ..Receipt::default()
    })
}

/// Takes nodes and users that do not exist any more out of the document; what was taken out, in sentences for people.
fn without_unknown(document: &mut Document, lists: &SpaceLists) -> Result<Vec<String>, DocumentError> {
    let mut left_out = Vec::new();
    let nodes = lists.nodes();
    for member in [DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS] {
        let mut access = document.nested(member)?.unwrap_or_default();
        let names: Vec<String> = access.keys().map(str::to_owned).collect();
        let is_unknown = |name: &String| nodes.is_complete() && !nodes.items.iter().any(|node| node.name == *name);
        for name in names.into_iter().filter(is_unknown) {
            access.remove(&name);
            document.set(member, &access);
            left_out.push(format!("left out access to node {name}, which does not exist any more"));
        }
    }
    let complete = lists.unreadable_people() == 0;
    let mut unknown = |user: &Member| {
        let exists = !complete || lists.user(&user.email).is_some();
        if !exists {
            left_out.push(format!("left out member {}, who is not a user any more", user.email));
        }
        exists
    };
    document.edit_list(USERS, &mut unknown, &[] as &[Member])?;
    Ok(left_out)
}

fn edited(mut document: Document, edits: &[Edit]) -> Result<Document, Error> {
    let written: Result<(), DocumentError> = edits.iter().try_for_each(|edit| edit.write(&mut document));
    written.map_err(unreadable)?;
    Ok(document)
}

fn unreadable(error: DocumentError) -> Error {
    Error::unreadable("the group document", &error)
}

fn shown_nodes(group: &GroupRecord) -> Vec<NodeRights> {
    let access = [&group.dataiku_permissions, &group.govern_permissions];
    let mut nodes: Vec<_> = access.into_iter().flatten().flatten().collect();
    nodes.sort_by_key(|(name, _)| *name);
    let mut bytes = 0;
    let shown = nodes.into_iter().take(SHOWN_NODES).map(|(name, rights)| {
        let rights = granted(rights).into_iter().take_while(|right| {
            bytes += right.len();
            bytes <= SHOWN_BYTES
        });
        NodeRights {
            name: name.clone(),
            rights: rights.collect(),
        }
    });
    shown.collect()
}
