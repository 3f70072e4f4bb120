//! `LaunchpadGroup`: a group of a space of Dataiku Cloud.

mod access;
mod change;
mod client;
mod people;
mod plan;
mod propagation;
mod rights;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::BoxStream;
use kube::ResourceExt;

use self::{access::DesiredAccess, plan::edit, rights::declared};
pub use self::{
    change::{Field, GroupChange},
    client::GroupClient,
    plan::{DesiredGroup, ObservedGroup},
};
use crate::{
    crd::{
        LaunchpadGroup,
        applied::Applied,
        common::{ListPolicy, Policies},
        launchpad_group::LaunchpadGroupSeen,
        status::Nothing,
    },
    dataiku::email::folded,
    engine::{
        Aspect, Error, Freshness, Inputs, Lane, Managed, Plan, Presence, Removal, Slot, SourceRef,
        managed::{StatusOf, Trigger},
    },
    kinds::remote::{Remote, triggers},
    registry::{ConnectionKey, Registry},
};

/// Lists of the record.
const LAUNCHPAD_RIGHTS: &str = "launchpadPermissions";
const NODES: &str = "nodes";
const RIGHTS: &str = "permissions";
const MEMBERS: &str = "members";

impl Managed for LaunchpadGroup {
    type World = Registry;
    type ConnectionKey = ConnectionKey;
    type Client = GroupClient;
    type Desired = DesiredGroup;
    type Observed = ObservedGroup;
    type Change = GroupChange;
    type Seen = LaunchpadGroupSeen;
    type Shown = Nothing;

    const KIND: &'static str = "LaunchpadGroup";
    const REMOTE: &'static str = "group";

    fn key(&self) -> String {
        self.spec.name.clone().unwrap_or_else(|| self.name_any())
    }

    fn policies(&self) -> Policies {
        self.spec.policies.clone()
    }

    fn status(&self) -> Option<&StatusOf<Self>> {
        self.status.as_ref()
    }

    fn sources(&self) -> Vec<SourceRef> {
        Vec::new()
    }

    fn connection(&self) -> Option<ConnectionKey> {
        Some(ConnectionKey::of(&self.spec.space_ref, self.namespace().as_deref()))
    }

    fn grants(&self, observed: &ObservedGroup, _: &Applied) -> BTreeMap<&'static str, BTreeSet<String>> {
        let given = |rights: BTreeMap<String, bool>| {
            let given = rights.into_iter().filter(|(_, given)| *given);
            given.map(|(path, _)| path).collect::<BTreeSet<_>>()
        };
        // A spec that contradicts itself gives nothing to anybody.
        let access = DesiredAccess::of(&self.spec).and_then(|access| access.on(&observed.nodes));
        let access = access.unwrap_or_default();
        let nodes = access.keys().cloned().collect();
        let on_nodes = access.into_iter().flat_map(|(node, rights)| {
            given(rights)
                .into_iter()
                .map(move |path| format!("{node}/{path}"))
                .collect::<Vec<_>>()
        });
        let members = self.declared_members().into_iter().flatten();
        BTreeMap::from([
            (
                LAUNCHPAD_RIGHTS,
                given(declared(self.spec.launchpad_permissions.as_ref())),
            ),
            (NODES, nodes),
            (RIGHTS, on_nodes.collect()),
            (MEMBERS, members.map(|email| folded(&email)).collect()),
        ])
    }

    fn admission(&self, world: &Registry) -> Result<(), Error> {
        let key = ConnectionKey::of(&self.spec.space_ref, self.namespace().as_deref());
        world.launchpad.admit(&key, self.namespace().as_deref()).map(|_| ())
    }

    async fn connect(&self, world: &Registry, inputs: &Inputs, lane: Lane) -> Result<GroupClient, Error> {
        let key = ConnectionKey::of(&self.spec.space_ref, self.namespace().as_deref());
        let remote = Remote::of(&world.launchpad, &key, self.namespace().as_deref(), lane)?;
        let desired = self.desired(inputs).ok();
        Ok(GroupClient::new(remote, self, desired, world.propagation_deadline))
    }

    async fn slot(client: &GroupClient) -> Result<Slot, Error> {
        client.remote.slot().await
    }

    fn frozen(client: &GroupClient) -> bool {
        client.remote.connection.frozen
    }

    fn desired(&self, inputs: &Inputs) -> Result<DesiredGroup, Error> {
        let spec = &self.spec;
        let granted = |list: &str| inputs.applied.grants.get(list);
        let exact = |policy: Option<ListPolicy>| policy == Some(ListPolicy::Exact);
        Ok(DesiredGroup {
            name: self.key(),
            description: spec.description.clone(),
            launchpad: declared(spec.launchpad_permissions.as_ref()),
            access: DesiredAccess::of(spec)?,
            exact_nodes: exact(spec.nodes_policy) && (spec.nodes.is_some() || spec.node_types.is_some()),
            members: self.declared_members(),
            exact_members: exact(spec.members_policy),
            granted_launchpad: granted(LAUNCHPAD_RIGHTS),
            granted_nodes: granted(NODES),
            granted_rights: granted(RIGHTS),
            granted_members: granted(MEMBERS),
        })
    }

    async fn observe(client: &GroupClient, name: &str, freshness: Freshness) -> Result<ObservedGroup, Error> {
        match freshness {
            Freshness::Shared => Ok(client.listed(name)),
            Freshness::Fresh => client.read(name).await,
        }
    }

    fn suffices(_: &DesiredGroup, observed: &ObservedGroup) -> bool {
        match &observed.group {
            Some(group) => group.unreadable.is_empty(),
            None => observed.complete,
        }
    }

    async fn follow(client: &GroupClient, observed: &mut ObservedGroup) -> Result<(), Error> {
        client.follow(observed).await;
        Ok(())
    }

    fn diff(desired: &DesiredGroup, observed: &ObservedGroup) -> Result<Plan<GroupChange>, Error> {
        edit(desired, observed)
    }

    fn removal(_: &Removal, observed: &ObservedGroup) -> Plan<GroupChange> {
        match (&observed.group, observed.following.unfinished()) {
            (Some(group), _) if !observed.is_another() => Plan::of(Some(GroupChange::Delete(group.id.clone()))),
            (None, Some(task)) => Plan {
                under_way: vec![format!("task {task} is under way; the group is not shown yet")],
                ..Plan::default()
            },
            _ => Plan::default(),
        }
    }

    async fn apply(client: &GroupClient, observed: &ObservedGroup, change: &GroupChange) -> Result<(), Error> {
        client.apply(observed, change).await
    }

    fn presence(observed: &ObservedGroup) -> Presence {
        if observed.group.is_some() {
            Presence::Present
        } else {
            Presence::Absent
        }
    }

    fn show(observed: &ObservedGroup) -> (LaunchpadGroupSeen, Nothing) {
        let propagation = observed.following.task.clone();
        let Some(group) = &observed.group else {
            let seen = LaunchpadGroupSeen {
                propagation,
                ..LaunchpadGroupSeen::default()
            };
            return (seen, Nothing {});
        };
        let nodes = group.dataiku_permissions.iter().chain(&group.govern_permissions);
        let nodes = nodes.flat_map(BTreeMap::keys);
        let seen = LaunchpadGroupSeen {
            // Another one of the same name is not ours, now and at the next pass.
            id: observed.id.clone().or_else(|| Some(group.id.clone())),
            members: group
                .users
                .as_ref()
                .map(|users| i64::try_from(users.len()).unwrap_or(i64::MAX)),
            nodes: nodes.cloned().collect(),
            propagation,
        };
        (seen, Nothing {})
    }

    fn aspects(observed: &ObservedGroup) -> Vec<Aspect> {
        vec![observed.following.aspect()]
    }

    fn triggers(world: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
        triggers(&world.launchpad)
    }
}

impl LaunchpadGroup {
    fn declared_members(&self) -> Option<BTreeSet<String>> {
        let members = self.spec.members.as_ref()?;
        Some(members.iter().map(|member| member.email.clone()).collect())
    }
}
