//! `LaunchpadGroup`: a group of a space of Dataiku Cloud.

mod access;
mod change;
pub(in crate::kinds::launchpad) mod delegated;
mod people;
mod rights;
#[cfg(test)]
mod tests;
mod write;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use jiff::Timestamp;
use kube::ResourceExt;

pub use self::change::GroupChange;
use self::{
    people::{Elsewhere, People},
    rights::{applied, granted, granting},
};
use super::{
    counts,
    lists::{Need, SpaceLists},
};
use crate::{
    crd::{
        LaunchpadGroup, LaunchpadSpace,
        applied::Applied,
        common::{DeletionPolicy, Ensure, ListPolicy},
        launchpad_group::{LaunchpadGroupSeen, NodeRights},
    },
    dataiku::{
        document::{Document, DocumentError},
        launchpad::groups::{GroupRecord, LAUNCHPAD_PERMISSIONS},
    },
    engine::{
        Common, Error, Given, Managed, Observed, Plan, Read, Reason, Receipt, TaskState,
        connect::{ConnectionKey, Declared, Remote, Shares},
        keep::fields::Fields,
        object::is_deleting,
        permit::WritePermit,
    },
    kinds::node::Known,
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
    /// How many writes of users there were before it was read.
    writes: u64,
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

    fn exists(lists: &SpaceLists, name: &str, id: Option<&str>) -> Option<bool> {
        id.map_or_else(|| lists.group_named(name), |id| lists.groups.get(id))
            .exists()
    }

    fn shares(object: &LaunchpadGroup) -> Shares {
        if !counts(object) || object.spec.policies.observes() {
            return Shares::default();
        }
        let members = object.spec.members.iter().flatten();
        let members = members.filter(|member| member.ensure.unwrap_or_default() == Ensure::Present);
        Shares {
            memberships: members.map(|member| (member.email.clone(), name(object))).collect(),
            seat: None,
        }
    }

    fn declares(object: &LaunchpadGroup) -> Declared {
        delegated::declares(object)
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
        // Somebody whose membership has ended is looked for too; that costs no more.
        let everybody = People::at(&object.spec, Timestamp::UNIX_EPOCH);
        let need = Need {
            people: !people::missing(&everybody, remote.lists()).is_empty(),
            nodes: !access::missing(&object.spec, &remote.lists().nodes()).is_empty(),
        };
        if need.any() && !is_deleting(object) {
            remote.live.lists.refresh(&remote.api, need).await?;
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
        plan(object, given, seen)
    }

    fn removal(_: &LaunchpadGroup, _: DeletionPolicy, _: &Given<'_, LaunchpadSpace>, seen: &Seen) -> Plan<GroupChange> {
        let name = seen.group.name.clone();
        Plan::new((!seen.another).then_some(GroupChange::Delete(name)))
    }

    async fn apply(
        remote: &Remote<LaunchpadSpace>,
        permit: WritePermit,
        seen: Option<&Seen>,
        change: &GroupChange,
    ) -> Result<Receipt, Error> {
        write::apply(remote, permit, seen, change).await
    }

    fn evidence(seen: &Seen) -> u64 {
        let mut hasher = DefaultHasher::new();
        format!("{:?}", seen.group).hash(&mut hasher);
        hasher.finish()
    }

    fn show(_: &LaunchpadGroup, seen: Option<&Seen>, record: &Applied, _: &SpaceLists) -> LaunchpadGroupSeen {
        let group = seen.filter(|seen| !seen.another).map(|seen| &*seen.group);
        LaunchpadGroupSeen {
            id: group.map(|group| group.id.clone()).or_else(|| record.id.clone()),
            members: group
                .and_then(|group| group.users.as_ref())
                .map(|users| i64::try_from(users.len()).unwrap_or(i64::MAX)),
            nodes: group.map(shown_nodes).unwrap_or_default(),
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
        Some(id) => lists.groups.get(id),
        None => lists.group_named(&name(object)),
    };
    match found {
        Known::Found(group) if group.unreadable.is_empty() => Observed::Found(Seen {
            group,
            document: None,
            another: false,
            writes: 0,
        }),
        Known::Absent if record.id.is_none() => Observed::Absent,
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
        // Elements that cannot be read hold nobody up: where one of them is a group of this name, the Launchpad refuses
        // the creation.
        None => Ok(None),
    }
}

async fn read(remote: &Remote<LaunchpadSpace>, id: &str) -> Result<Option<Seen>, Error> {
    let writes = *remote.lists().memberships.read().await;
    let document = remote.api.group(id).await?;
    let record = document.as_ref().map(GroupRecord::from_document);
    let record = record.transpose().map_err(|error| unreadable(&error))?.map(Arc::new);
    remote.lists().groups.saw(id, record.clone());
    Ok(record.map(|group| Seen {
        group,
        document,
        another: false,
        writes,
    }))
}

fn plan(
    object: &LaunchpadGroup,
    given: &Given<'_, LaunchpadSpace>,
    seen: Option<&Seen>,
) -> Result<Plan<GroupChange>, Error> {
    let (record, lists) = (given.record, given.lists);
    if seen.is_some_and(|seen| seen.another) {
        let message = "the group of this object is gone, and somebody else created another one of its name: rename or \
                       delete that one, or recreate this object with adoptionPolicy: Adopt";
        return Err(Error::Blocked(Reason::AlreadyExists, message.into()));
    }
    let (spec, name) = (&object.spec, name(object));
    let nothing = GroupRecord::default();
    let group = seen.map_or(&nothing, |seen| &*seen.group);
    let found_name = seen.map_or(&name, |seen| &seen.group.name);
    let mut fields = Fields::new(record, &group.unreadable)
        .text("name", Some(&name), Some(found_name))
        .text("description", spec.description.as_deref(), group.description.as_deref());
    launchpad_rights(object, record, group, &mut fields);
    access::plan(spec, record, &lists.nodes(), group, &mut fields)?;
    let people = People::at(spec, given.now);
    let elsewhere = Elsewhere::new(&name, &given.others);
    let invites = people::plan(spec, &people, record, lists, group, &elsewhere, &mut fields)?;
    let group = found_name.clone();
    let mut plan = fields.into_plan(|edit| GroupChange::Edit { group, edit });
    if seen.is_none() {
        let edit = plan.changes.pop();
        plan.changes.push(GroupChange::create(name, edit, &invites));
    } else if !invites.is_empty() {
        let group = found_name.clone();
        plan.changes.push(GroupChange::Invites { group, invites });
    }
    people.expiry.limit(&mut plan);
    Ok(plan)
}

fn launchpad_rights(object: &LaunchpadGroup, record: &Applied, group: &GroupRecord, fields: &mut Fields<'_>) {
    let flags = rights::declared(object.spec.launchpad_permissions.as_ref());
    let recorded = record.grants.list(LAUNCHPAD_RIGHTS).iter().map(String::as_str);
    if flags.is_empty() && recorded.len() == 0 {
        return;
    }
    if group.unreadable.contains(LAUNCHPAD_PERMISSIONS) {
        return fields.cannot_merge(LAUNCHPAD_PERMISSIONS);
    }
    fields.grants(LAUNCHPAD_RIGHTS, granting(&flags).cloned());
    let found = group.launchpad_permissions.as_ref().map(granted).unwrap_or_default();
    let after = applied(&found, &flags, recorded);
    rights::write(fields, &[LAUNCHPAD_PERMISSIONS], "", &found, &after);
}

fn unreadable(error: &DocumentError) -> Error {
    Error::unreadable("the group document", error)
}

/// Access as the status shows it, bounded.
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
