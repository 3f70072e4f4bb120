//! What a group of a space declares and gives, for the judgement of delegations.

use std::collections::BTreeSet;

use super::{name, rights};
use crate::{
    crd::LaunchpadGroup,
    dataiku::launchpad::groups::{DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, GroupRecord, LAUNCHPAD_PERMISSIONS},
    engine::connect::{Declared, Delegable, delegation::Held},
};

/// Launchpad permissions that give no privilege. The vendor does not publish the others: each counts as one to manage users,
/// groups or billing.
const HARMLESS: [&str; 1] = ["mayTurnOnSpace"];
/// The group whose members administer the space, whatever its permissions say.
pub(in crate::kinds) const ADMINISTRATORS: &str = "space_administrators";
/// Stands for nodes that are not named.
const ANY_NODE: &str = "*";

pub(super) fn declares(object: &LaunchpadGroup) -> Declared {
    let spec = &object.spec;
    let types = spec.node_types.iter().flatten();
    let nodes = spec.nodes.iter().flatten();
    let rights_of = |rights: Option<&_>| {
        let flags = rights::declared(rights);
        rights::granting(&flags).cloned().collect::<Vec<_>>()
    };
    let on_nodes = nodes.clone().filter(|node| !node.is_absent());
    let on_nodes = on_nodes.flat_map(|node| rights_of(node.permissions.as_ref()));
    let on_types = types.clone().filter(|type_| !type_.is_absent());
    let on_types = on_types.flat_map(|type_| rights_of(type_.permissions.as_ref()));
    let named = nodes.flat_map(|node| std::iter::once(&node.name).chain(&node.permissions_from));
    let members = spec.members.iter().flatten();
    let (harmless, privileges): (Vec<_>, Vec<_>) = rights_of(spec.launchpad_permissions.as_ref())
        .into_iter()
        .partition(|right| is_harmless(right));
    Declared {
        delegable: Delegable::Freely,
        group: Some(name(object)),
        users: members.map(|member| member.email.clone()).collect(),
        fills_group: spec.members.as_ref().is_some_and(|members| !members.is_empty()),
        nodes: named.cloned().chain(types.map(|_| ANY_NODE.to_owned())).collect(),
        flags: on_nodes.chain(on_types).chain(harmless).collect(),
        privileges: privileges.into_iter().collect(),
        ..Declared::default()
    }
}

/// What a group gives to its members; `None` where a part of it cannot be read.
pub(in crate::kinds::launchpad) fn held(group: &GroupRecord) -> Option<Held> {
    let parts = [LAUNCHPAD_PERMISSIONS, DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS];
    if parts.into_iter().any(|part| group.unreadable.contains(part)) {
        return None;
    }
    let launchpad = group.launchpad_permissions.iter().flat_map(rights::granted);
    let on_nodes = [&group.dataiku_permissions, &group.govern_permissions];
    let on_nodes = on_nodes.into_iter().flatten().flat_map(|nodes| nodes.values());
    let administers = group.name.eq_ignore_ascii_case(ADMINISTRATORS);
    let administers = administers.then(|| ADMINISTRATORS.to_owned());
    Some(Held {
        flags: on_nodes.flat_map(rights::granted).collect(),
        privileges: launchpad
            .filter(|right| !is_harmless(right))
            .chain(administers)
            .collect::<BTreeSet<_>>(),
    })
}

fn is_harmless(right: &str) -> bool {
    HARMLESS.contains(&right)
}
