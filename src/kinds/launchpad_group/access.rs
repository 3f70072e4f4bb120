//! Which nodes a group is to reach, and with which rights.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    change::{Field, NodePlace},
    plan::{DesiredGroup, ObservedGroup},
    rights::{Flags, after, declared, differing, given, speaks_of},
};
use crate::{
    crd::launchpad_group::{LaunchpadGroupSpec, NodeAccess},
    dataiku::launchpad::{
        groups::{GroupRecord, Rights},
        space::NodeRecord,
    },
    engine::Error,
};

/// Every node that is no Govern node, as a type.
const DATAIKU: &str = "dataiku";

/// Declared access: rights by node, and by type of node.
#[derive(Clone, Debug, Default)]
pub(super) struct DesiredAccess {
    nodes: BTreeMap<String, Flags>,
    types: Vec<(String, Flags)>,
}

impl DesiredAccess {
    /// What the spec declares.
    pub fn of(spec: &LaunchpadGroupSpec) -> Result<Self, Error> {
        let entries = spec.nodes.as_deref().unwrap_or_default();
        let nodes = entries
            .iter()
            .map(|entry| Ok((entry.name.clone(), rights_of(entry, entries)?)));
        let types = spec.node_types.iter().flatten();
        Ok(Self {
            nodes: nodes.collect::<Result<_, Error>>()?,
            types: types
                .map(|entry| (entry.type_.clone(), declared(entry.permissions.as_ref())))
                .collect(),
        })
    }

    /// Rights on each node that there is; an error where two entries say different things of one node.
    pub fn on(&self, nodes: &[NodeRecord]) -> Result<BTreeMap<String, Flags>, Error> {
        let mut on = BTreeMap::new();
        for node in nodes {
            let own = self.nodes.get(&node.name).map(|flags| ("nodes", flags));
            let by_type = self.types.iter().filter(|(type_, _)| is_of_type(node, type_));
            let all: Vec<_> = own
                .into_iter()
                .chain(by_type.map(|(type_, flags)| (type_.as_str(), flags)))
                .collect();
            if all.is_empty() {
                continue;
            }
            on.insert(node.name.clone(), merged(&node.name, &all)?);
        }
        Ok(on)
    }

    fn names(&self, node: &str) -> bool {
        self.nodes.contains_key(node)
    }

    fn unknown<'a>(&'a self, nodes: &'a [NodeRecord]) -> impl Iterator<Item = &'a String> {
        self.nodes
            .keys()
            .filter(|name| !nodes.iter().any(|node| node.name == **name))
    }
}

fn rights_of(entry: &NodeAccess, entries: &[NodeAccess]) -> Result<Flags, Error> {
    let Some(source) = &entry.permissions_from else {
        return Ok(declared(entry.permissions.as_ref()));
    };
    if entry.permissions.is_some() {
        let message = format!("nodes entry {}: give either permissions or permissionsFrom", entry.name);
        return Err(Error::invalid(message));
    }
    match entries.iter().find(|one| one.name == *source) {
        Some(source) if source.permissions_from.is_none() => Ok(declared(source.permissions.as_ref())),
        Some(_) => Err(Error::invalid(format!(
            "nodes entry {}: permissionsFrom {source} has permissionsFrom itself; name the entry that has permissions",
            entry.name
        ))),
        None => Err(Error::invalid(format!(
            "nodes entry {}: permissionsFrom {source} is no entry of nodes",
            entry.name
        ))),
    }
}

fn merged(node: &str, all: &[(&str, &Flags)]) -> Result<Flags, Error> {
    let mut merged: BTreeMap<&String, (bool, &str)> = BTreeMap::new();
    for (source, flags) in all {
        for (path, flag) in *flags {
            let (known, by) = *merged.entry(path).or_insert((*flag, source));
            if known != *flag {
                return Err(Error::invalid(format!(
                    "{path} on node {node} is {known} by {by} and {flag} by {source}"
                )));
            }
        }
    }
    Ok(merged
        .into_iter()
        .map(|(path, (flag, _))| (path.clone(), flag))
        .collect())
}

fn is_of_type(node: &NodeRecord, type_: &str) -> bool {
    node.type_ == type_ || (type_ == DATAIKU && !node.is_govern())
}

/// What is to be written so that the group reaches what is declared.
pub(super) struct AccessEdit {
    /// Fields of the group.
    pub fields: Vec<Field>,
    /// What has to wait.
    pub waiting: Vec<String>,
    /// Whether a withdrawal is among that.
    pub deferred: bool,
}

pub(super) fn edit(desired: &DesiredGroup, observed: &ObservedGroup) -> Result<AccessEdit, Error> {
    let nothing = GroupRecord::default();
    let group = observed.group.as_deref().unwrap_or(&nothing);
    let wanted = desired.access.on(&observed.nodes)?;
    let found: BTreeMap<&String, &Rights> = group
        .dataiku_permissions
        .iter()
        .chain(&group.govern_permissions)
        .flatten()
        .collect();
    let (mut fields, mut waiting) = (Vec::new(), Vec::new());
    let mut afterwards: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
    for (name, rights) in &found {
        let unwanted = desired.exact_nodes || desired.granted_nodes.contains(*name);
        // A node that is not listed may come back, and with it whatever says that it is to be reached.
        let listed = observed.nodes.iter().any(|node| node.name == **name);
        if unwanted && !listed && !desired.access.names(name) {
            waiting.push(format!("node {name} is not listed; access to it stays until it is"));
        }
        if unwanted && listed && !wanted.contains_key(*name) {
            fields.push(Field::NoAccess(place(name, group, &observed.nodes)));
        } else {
            afterwards.insert(name, given(rights));
        }
    }
    for (name, flags) in &wanted {
        let place = place(name, group, &observed.nodes);
        let now = afterwards.entry(name).or_insert_with(|| {
            fields.push(Field::Access(place.clone()));
            BTreeSet::new()
        });
        let mut flags = flags.clone();
        flags.extend(withdrawn(desired, name, &flags));
        let edits = differing(&flags, now);
        *now = after(now, &edits);
        fields.extend(
            edits
                .into_iter()
                .map(|(path, flag)| Field::NodeRight(place.clone(), path, flag)),
        );
    }
    if !fields.is_empty() {
        consistent(&wanted, &afterwards, &observed.nodes)?;
    }
    let deferred = !waiting.is_empty();
    let unknown = desired.access.unknown(&observed.nodes);
    waiting.extend(unknown.map(|name| format!("node {name} does not exist yet")));
    Ok(AccessEdit {
        fields,
        waiting,
        deferred,
    })
}

/// Rights on a node that were given for this object and are declared no more.
fn withdrawn(desired: &DesiredGroup, node: &str, declared: &Flags) -> Flags {
    let prefix = format!("{node}/");
    let granted = desired.granted_rights.iter();
    let here = granted.filter_map(|right| right.strip_prefix(&prefix));
    here.filter(|path| !speaks_of(declared, path))
        .map(|path| (path.to_owned(), false))
        .collect()
}

/// The Launchpad wants the same rights on all nodes of one type that a group reaches (contract sheet 4.2).
fn consistent(
    wanted: &BTreeMap<String, Flags>,
    afterwards: &BTreeMap<&String, BTreeSet<String>>,
    nodes: &[NodeRecord],
) -> Result<(), Error> {
    let type_of = |name: &str| {
        nodes
            .iter()
            .find(|node| node.name == name)
            .map(|node| node.type_.as_str())
    };
    for (name, rights) in afterwards.iter().filter(|(name, _)| wanted.contains_key(**name)) {
        let Some(type_) = type_of(name) else { continue };
        for (other, others) in afterwards.iter().filter(|(other, _)| type_of(other) == Some(type_)) {
            if let Some(path) = rights.symmetric_difference(others).next() {
                let (one, two) = if name < other { (name, other) } else { (other, name) };
                return Err(Error::invalid(format!(
                    "{path} would differ between the {type_} nodes {one} and {two}: a group has the same rights on all \
                     nodes of one type that it can access; declare it for both, or in nodeTypes"
                )));
            }
        }
    }
    Ok(())
}

/// Where access to the node stands in the document: where it is, or where its type belongs.
fn place(name: &str, group: &GroupRecord, nodes: &[NodeRecord]) -> NodePlace {
    let named = |nodes: &Option<BTreeMap<String, Rights>>| nodes.as_ref().is_some_and(|nodes| nodes.contains_key(name));
    let govern = named(&group.govern_permissions)
        || (!named(&group.dataiku_permissions) && nodes.iter().any(|node| node.name == name && node.is_govern()));
    NodePlace {
        name: name.to_owned(),
        govern,
    }
}
