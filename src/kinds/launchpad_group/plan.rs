//! What is to be written to a group of a space, as pure functions.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    access::{self, AccessEdit, DesiredAccess},
    change::{Field, GroupChange, InviteEdit},
    people::{self, PeopleEdit},
    propagation::Following,
    rights::{self, Flags, differing, given},
};
use crate::{
    dataiku::{
        document::Document,
        launchpad::{
            groups::GroupRecord,
            people::{GroupReference, InviteRecord, UserRecord},
            space::NodeRecord,
        },
    },
    engine::{Change, Error, Plan, Reason},
};

/// What the spec of a group sets, and what was given for it earlier.
#[derive(Clone, Default)]
pub struct DesiredGroup {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) launchpad: Flags,
    pub(super) access: DesiredAccess,
    pub(super) exact_nodes: bool,
    pub(super) members: Option<BTreeSet<String>>,
    pub(super) exact_members: bool,
    pub(super) granted_launchpad: BTreeSet<String>,
    pub(super) granted_nodes: BTreeSet<String>,
    pub(super) granted_rights: BTreeSet<String>,
    pub(super) granted_members: BTreeSet<String>,
}

/// A group as the space has it, and what is around it.
#[derive(Default)]
pub struct ObservedGroup {
    /// Id of the group that is ours, by the record.
    pub(super) id: Option<String>,
    pub(super) group: Option<Arc<GroupRecord>>,
    /// Whether it was read now, and not taken from a list of earlier.
    pub(super) fresh: bool,
    /// The document, where the group was read by itself.
    pub(super) document: Option<Document>,
    pub(super) nodes: Arc<Vec<NodeRecord>>,
    pub(super) users: Arc<Vec<UserRecord>>,
    pub(super) invites: Arc<Vec<InviteRecord>>,
    pub(super) following: Following,
    /// Whether a group that is not observed does not exist, as far as what was read shows.
    pub(super) complete: bool,
}

impl ObservedGroup {
    /// Whether the group is another one than the one in the record, which is gone.
    pub(super) fn is_another(&self) -> bool {
        let id = self.group.as_ref().map(|group| &group.id);
        self.id.is_some() && id.is_some() && self.id.as_ref() != id
    }

    fn another(&self) -> Option<Error> {
        self.is_another().then(|| {
            let message = "the group of this object is gone, and somebody has made another one of its name: rename or \
                           delete that one, or make this object anew with adoptionPolicy: Adopt";
            Error::Blocked(Reason::AlreadyExists, message.into())
        })
    }
}

/// What has to be written so that the group is as declared.
pub(super) fn edit(desired: &DesiredGroup, observed: &ObservedGroup) -> Result<Plan<GroupChange>, Error> {
    let mut plan = differences(desired, observed)?;
    if let Some(other) = observed.another() {
        return Err(other);
    }
    let following = &observed.following;
    let steps = steps(&plan);
    if steps.is_empty() {
        return Ok(plan);
    }
    if let Some(reason) = following.pending(observed.group.is_none()) {
        // Reads of some releases show a write only once the nodes have it (A46).
        plan.changes.retain(|change| matches!(change, GroupChange::Invites(..)));
        plan.deferred = true;
        plan.under_way.push(format!("{reason}; not shown yet: {steps}"));
    } else if let Some(task) = following.unstored().filter(|_| observed.fresh) {
        let message = format!("task {task} is over, but the group does not show what was written: {steps}");
        return Err(Error::Blocked(Reason::AcceptedButNotStored, message));
    }
    Ok(plan)
}

/// Whether the group shows everything that is written to it.
pub(super) fn is_shown(desired: &DesiredGroup, observed: &ObservedGroup) -> bool {
    differences(desired, observed).is_ok_and(|plan| steps(&plan).is_empty())
}

/// What is written to the group itself, in words.
fn steps(plan: &Plan<GroupChange>) -> String {
    let writes = plan
        .changes
        .iter()
        .filter(|change| matches!(change, GroupChange::Create { .. } | GroupChange::Edit(..)));
    writes.flat_map(Change::steps).collect::<Vec<_>>().join("; ")
}

fn differences(desired: &DesiredGroup, observed: &ObservedGroup) -> Result<Plan<GroupChange>, Error> {
    let AccessEdit {
        fields: access,
        mut waiting,
        deferred,
    } = access::edit(desired, observed)?;
    let PeopleEdit {
        fields: members,
        invites,
        waiting: absent,
    } = people::edit(desired, observed);
    waiting.extend(absent);
    let mut fields = own(desired, observed.group.as_deref());
    fields.extend(access);
    fields.extend(members);
    let changes = match &observed.group {
        None => vec![creation(desired, fields, &invites)],
        Some(group) => changes(group, fields, invites, observed),
    };
    Ok(Plan {
        changes,
        waiting,
        under_way: Vec::new(),
        deferred,
    })
}

/// Everything but access and people.
fn own(desired: &DesiredGroup, group: Option<&GroupRecord>) -> Vec<Field> {
    let mut fields = Vec::new();
    if group.is_some_and(|group| group.name != desired.name) {
        fields.push(Field::Name(desired.name.clone()));
    }
    let found = group.and_then(|group| group.description.as_deref()).unwrap_or_default();
    let unknown = group.is_some_and(|group| group.unreadable.contains("description"));
    fields.extend(
        desired
            .description
            .iter()
            .filter(|declared| declared.as_str() != found || unknown)
            .map(|declared| Field::Description(declared.clone())),
    );
    let mut declared = desired.launchpad.clone();
    for path in &desired.granted_launchpad {
        if !rights::speaks_of(&desired.launchpad, path) {
            declared.insert(path.clone(), false);
        }
    }
    let found = group
        .and_then(|group| group.launchpad_permissions.as_ref())
        .map(given)
        .unwrap_or_default();
    let differing = differing(&declared, &found);
    fields.extend(
        differing
            .into_iter()
            .map(|(path, flag)| Field::LaunchpadRight(path, flag)),
    );
    fields
}

fn creation(desired: &DesiredGroup, fields: Vec<Field>, invites: &[InviteEdit]) -> GroupChange {
    GroupChange::Create {
        name: desired.name.clone(),
        fields,
        follows: invites.iter().map(InviteEdit::step).collect(),
    }
}

fn changes(
    group: &GroupRecord,
    fields: Vec<Field>,
    invites: Vec<InviteEdit>,
    observed: &ObservedGroup,
) -> Vec<GroupChange> {
    let mut changes = Vec::new();
    if !fields.is_empty() {
        changes.push(GroupChange::Edit(group.id.clone(), fields));
    } else if let Some((task, attempt)) = observed.following.resubmission() {
        changes.push(GroupChange::Resubmit(group.id.clone(), task, attempt));
    }
    if !invites.is_empty() {
        let reference = GroupReference {
            id: group.id.clone(),
            name: group.name.clone(),
        };
        changes.push(GroupChange::Invites(reference, invites));
    }
    changes
}
