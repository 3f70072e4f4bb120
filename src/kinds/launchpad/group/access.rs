//! Nodes that a group can access, and its rights there.

use std::collections::BTreeMap;

use super::{
    NODES, RIGHTS, is_exact,
    rights::{self, Flags, Granted, applied, granted, granting, is_related},
};
use crate::{
    crd::{
        applied::Applied,
        launchpad_group::{LaunchpadGroupSpec, NodeAccess, NodeTypeAccess},
    },
    dataiku::{
        launchpad::{
            groups::{DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, GroupRecord},
            space::NodeRecord,
        },
        listed::Listed,
    },
    engine::{
        Error,
        keep::fields::{FieldEdit, Fields},
    },
};

/// Every node that is not a Govern node, as a type.
const DATAIKU: &str = "dataiku";
const GOVERN: &str = "govern";

/// What the spec declares for one node.
#[derive(Default)]
struct Declared<'a> {
    /// Rights, each with the entry that declares it.
    flags: BTreeMap<String, (bool, &'a str)>,
    /// A node whose present rights are copied.
    copies: Option<&'a str>,
    /// Whether the group gets access; otherwise the rights apply only if it has access.
    access: bool,
}

impl<'a> Declared<'a> {
    /// Adds what an entry declares; an error where it contradicts another one.
    fn add(&mut self, node: &str, flags: Flags, entry: &'a str) -> Result<(), Error> {
        for (path, flag) in flags {
            let contradicts =
                |known: &str, value| is_related(known, &path) && (value != flag || (known != path && flag));
            let mut known = self.flags.iter();
            if let Some((known, (value, by))) = known.find(|(known, (value, _))| contradicts(known, *value)) {
                let other = if *known == path {
                    String::new()
                } else {
                    format!("{path} ")
                };
                return Err(Error::invalid(format!(
                    "{known} on node {node} is {value} by {by} and {other}{flag} by {entry}"
                )));
            }
            self.flags.insert(path, (flag, entry));
        }
        Ok(())
    }
}

/// Sentences about declared nodes and types that the list lacks.
pub(super) fn missing(spec: &LaunchpadGroupSpec, nodes: &Listed<NodeRecord>) -> Vec<String> {
    let hidden = match nodes.unreadable {
        0 => String::new(),
        number => format!(" ({number} nodes cannot be read)"),
    };
    let names = spec.nodes.iter().flatten().filter(|entry| !entry.is_absent());
    let names = names.map(|entry| &entry.name);
    let names = names.filter(|name| type_of(name, nodes).is_none());
    let types = spec.node_types.iter().flatten().filter(|entry| !entry.is_absent());
    let types = types.map(|entry| &entry.type_);
    let types = types.filter(|type_| !nodes.items.iter().any(|node| is_of_type(node, type_)));
    names
        .map(|name| format!("node {name} does not exist yet{hidden}"))
        .chain(types.map(|type_| format!("no node of type {type_} exists yet{hidden}")))
        .collect()
}

/// Gives the group the declared access.
pub(super) fn plan(
    spec: &LaunchpadGroupSpec,
    record: &Applied,
    nodes: &Listed<NodeRecord>,
    group: &GroupRecord,
    fields: &mut Fields<'_>,
) -> Result<(), Error> {
    let managed = spec.nodes.is_some() || spec.node_types.is_some();
    if !managed && record.grants.list(RIGHTS).is_empty() && record.grants.list(NODES).is_empty() {
        return Ok(());
    }
    let declared = declared(spec, nodes)?;
    let mut maps = [DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS].into_iter();
    if let Some(unreadable) = maps.find(|map| group.unreadable.contains(map)) {
        fields.cannot_merge(unreadable);
        return Ok(());
    }
    let found = found(group);
    let mut after = left(spec, record, nodes, &declared, &found, fields);
    // Copies come last: they follow what the others are about to become.
    let mut entries: Vec<_> = declared.iter().collect();
    entries.sort_by_key(|(_, entry)| entry.copies.is_some());
    for (name, entry) in entries {
        give(name, entry, record, nodes, &mut after, fields);
    }
    for missing in missing(spec, nodes) {
        fields.waits(missing, false);
    }
    if write(&found, &after, nodes, fields) {
        consistent(&declared, &after, nodes)?;
    }
    Ok(())
}

/// Access that stays, without rights that are not declared any more.
fn left<'a>(
    spec: &LaunchpadGroupSpec,
    record: &Applied,
    nodes: &Listed<NodeRecord>,
    declared: &BTreeMap<&str, Declared<'_>>,
    found: &BTreeMap<&'a str, (&str, Granted)>,
    fields: &mut Fields<'_>,
) -> BTreeMap<&'a str, Granted> {
    let types = spec.node_types.as_deref().unwrap_or_default();
    let exact = is_exact(spec.nodes_policy) && (spec.nodes.is_some() || !types.is_empty());
    let bars_types = types.iter().any(NodeTypeAccess::is_absent);
    let mut left = BTreeMap::new();
    for (name, (_, rights)) in found {
        let ours = record.grants.contains(NODES, name);
        let rest = applied(rights, &Flags::new(), recorded(record, name));
        let (unwanted, rest) = match declared.get(name) {
            Some(entry) => (ours && !entry.access, rights),
            None => (ours || exact, &rest),
        };
        if is_barred(spec, name, nodes) {
            continue;
        }
        if bars_types && type_of(name, nodes).is_none() && nodes.unreadable > 0 {
            // It may be one of the nodes that cannot be read, and of a type that must not be accessed.
            fields.waits(
                format!("node {name} cannot be read; access to it stays until its type is known"),
                true,
            );
            left.insert(*name, rights.clone());
        } else if !declared.contains_key(name) && !types.is_empty() && type_of(name, nodes).is_none() {
            // It may be of a type that nodeTypes names.
            if unwanted || rest != rights {
                fields.waits(
                    format!("node {name} is not listed; access to it stays until it is"),
                    true,
                );
            }
            left.insert(*name, rights.clone());
        } else if !unwanted {
            left.insert(*name, rest.clone());
        }
    }
    left
}

/// Adds the declared access to one node.
fn give<'a>(
    name: &'a str,
    entry: &Declared<'_>,
    record: &Applied,
    nodes: &Listed<NodeRecord>,
    after: &mut BTreeMap<&'a str, Granted>,
    fields: &mut Fields<'_>,
) {
    let mut flags: Flags = entry
        .flags
        .iter()
        .map(|(path, (flag, _))| (path.clone(), *flag))
        .collect();
    fields.grants(NODES, entry.access.then(|| name.to_owned()));
    let listed = type_of(name, nodes).is_some();
    if listed && (entry.access || after.contains_key(name)) {
        let now = after.entry(name).or_default().clone();
        if let Some(source) = entry.copies {
            let Some(rights) = after.get(source) else {
                let what =
                    format!("the rights on {name} wait: the group has no access to {source}, whose rights they copy");
                return fields.waits(what, true);
            };
            let all = rights
                .union(&now)
                .filter(|path| !flags.keys().any(|declared| is_related(declared, path)));
            let copied: Flags = all.map(|path| (path.clone(), rights.contains(path))).collect();
            flags.extend(copied);
        }
        after.insert(name, applied(&now, &flags, recorded(record, name)));
    } else if listed {
        return;
    }
    fields.grants(RIGHTS, granting(&flags).map(|path| format!("{name}/{path}")));
}

/// Writes `after` in place of what was found; whether that gives anything to anybody.
fn write(
    found: &BTreeMap<&str, (&str, Granted)>,
    after: &BTreeMap<&str, Granted>,
    nodes: &Listed<NodeRecord>,
    fields: &mut Fields<'_>,
) -> bool {
    let path = |map: &str, name: &str| vec![map.to_owned(), name.to_owned()];
    for (name, (map, _)) in found.iter().filter(|(name, _)| !after.contains_key(*name)) {
        let edit = FieldEdit::at(format!("withdraw access to {name}"), path(map, name), None);
        fields.differs((map, name), edit.withdrawing(true));
    }
    let none = Granted::new();
    let mut changed = false;
    for (name, rights) in after {
        let govern = type_of(name, nodes) == Some(GOVERN);
        let map = if govern {
            GOVERN_PERMISSIONS
        } else {
            DATAIKU_PERMISSIONS
        };
        let (map, before) = found.get(name).map_or((map, &none), |(map, rights)| (*map, rights));
        if !found.contains_key(name) {
            let nothing = serde_json::json!({});
            let edit = FieldEdit::at(format!("give access to {name}"), path(map, name), Some(nothing));
            fields.differs((), edit);
        }
        rights::write(fields, &[map, name], &format!("on {name} "), before, rights);
        changed |= before != rights || !found.contains_key(name);
    }
    changed
}

/// What the spec declares, by node. Nodes of `nodeTypes` are those that exist; nodes of `nodes` may be missing.
fn declared<'a>(
    spec: &'a LaunchpadGroupSpec,
    nodes: &'a Listed<NodeRecord>,
) -> Result<BTreeMap<&'a str, Declared<'a>>, Error> {
    let entries = spec.nodes.as_deref().unwrap_or_default();
    let mut all: BTreeMap<&str, Declared<'_>> = BTreeMap::new();
    let barred = |name: &str| is_barred(spec, name, nodes);
    for entry in entries.iter().filter(|entry| !barred(&entry.name)) {
        let (flags, copies) = rights_of(entry, entries)?;
        same_product(entry, nodes)?;
        let declared = all.entry(&entry.name).or_default();
        declared.add(&entry.name, flags, "nodes")?;
        (declared.copies, declared.access) = (copies, true);
    }
    for entry in spec.node_types.iter().flatten() {
        let of_type = nodes.items.iter().filter(|node| is_of_type(node, &entry.type_));
        for node in of_type.filter(|node| !barred(&node.name)) {
            let declared = all.entry(&node.name).or_default();
            declared.add(&node.name, rights::declared(entry.permissions.as_ref()), &entry.type_)?;
            declared.access |= entry.grant_access != Some(false);
        }
    }
    Ok(all)
}

/// The rights that an entry declares, or the node whose present rights it copies.
fn rights_of<'a>(entry: &'a NodeAccess, entries: &'a [NodeAccess]) -> Result<(Flags, Option<&'a str>), Error> {
    let invalid = |why: String| Err(Error::invalid(format!("nodes entry {}: {why}", entry.name)));
    let Some(source) = entry.permissions_from.as_deref() else {
        return Ok((rights::declared(entry.permissions.as_ref()), None));
    };
    match entries.iter().find(|one| one.name == source) {
        _ if entry.permissions.is_some() => invalid("set either permissions or permissionsFrom".into()),
        None => Ok((Flags::new(), Some(source))),
        Some(declaring) if declaring.is_absent() => invalid(format!(
            "permissionsFrom {source} has ensure: Absent; name a node that the group can access"
        )),
        Some(declaring) if declaring.permissions_from.is_none() => {
            Ok((rights::declared(declaring.permissions.as_ref()), None))
        }
        Some(_) => invalid(format!(
            "permissionsFrom {source} has permissionsFrom itself; name a node that has permissions, or one that nodes does \
             not name"
        )),
    }
}

/// Fails if rights would be copied between a Govern node and one of another type: they are other rights.
fn same_product(entry: &NodeAccess, nodes: &Listed<NodeRecord>) -> Result<(), Error> {
    let Some(source) = entry.permissions_from.as_deref() else {
        return Ok(());
    };
    let (Some(own), Some(other)) = (type_of(&entry.name, nodes), type_of(source, nodes)) else {
        return Ok(());
    };
    if (own == GOVERN) == (other == GOVERN) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "nodes entry {}: permissionsFrom {source} copies the rights of a node of type {other} to one of type {own}, which has \
         other rights",
        entry.name
    )))
}

/// The Launchpad wants the same rights on all nodes of one type that a group can access (contract sheet 4.2). Where the
/// space reports only generic types, the server decides.
fn consistent(
    declared: &BTreeMap<&str, Declared<'_>>,
    after: &BTreeMap<&str, Granted>,
    nodes: &Listed<NodeRecord>,
) -> Result<(), Error> {
    let generic = nodes.items.iter().all(|node| [DATAIKU, GOVERN].contains(&&*node.type_));
    let specific = |name: &str| type_of(name, nodes).filter(|type_| !generic && *type_ != DATAIKU);
    for (name, rights) in after.iter().filter(|(name, _)| declared.contains_key(*name)) {
        let Some(type_) = specific(name) else { continue };
        for (other, others) in after.iter().filter(|(other, _)| specific(other) == Some(type_)) {
            if let Some(path) = rights.symmetric_difference(others).next() {
                let (one, two) = (name.min(other), name.max(other));
                return Err(Error::invalid(format!(
                    "{path} would differ between the {type_} nodes {one} and {two}: a group needs the same rights on all \
                     nodes of one type that it can access; declare it for both, or in nodeTypes"
                )));
            }
        }
    }
    Ok(())
}

/// Each node that the group can access: the map of the document that has it, and the rights there.
fn found(group: &GroupRecord) -> BTreeMap<&str, (&'static str, Granted)> {
    let maps = [
        (DATAIKU_PERMISSIONS, &group.dataiku_permissions),
        (GOVERN_PERMISSIONS, &group.govern_permissions),
    ];
    let nodes = maps
        .into_iter()
        .flat_map(|(map, nodes)| nodes.iter().flatten().map(move |node| (map, node)));
    nodes
        .map(|(map, (name, rights))| (name.as_str(), (map, granted(rights))))
        .collect()
}

/// Rights on a node that are on record.
fn recorded<'a>(record: &'a Applied, node: &str) -> impl Iterator<Item = &'a str> {
    let rights = record.grants.list(RIGHTS).iter();
    rights.filter_map(move |right| right.strip_prefix(node)?.strip_prefix('/'))
}

/// Whether the spec wants no access to this node, by its name or by its type. That counts more than any other entry.
fn is_barred(spec: &LaunchpadGroupSpec, name: &str, nodes: &Listed<NodeRecord>) -> bool {
    let mut named = spec.nodes.iter().flatten().filter(|entry| entry.is_absent());
    let types = spec.node_types.iter().flatten().filter(|entry| entry.is_absent());
    let types: Vec<_> = types.map(|entry| &entry.type_).collect();
    let mut listed = nodes.items.iter().filter(|node| node.name == name);
    named.any(|entry| entry.name == name) || listed.any(|node| types.iter().any(|type_| is_of_type(node, type_)))
}

fn type_of<'a>(name: &str, nodes: &'a Listed<NodeRecord>) -> Option<&'a str> {
    let node = nodes.items.iter().find(|node| node.name == name);
    node.map(|node| node.type_.as_str())
}

fn is_of_type(node: &NodeRecord, type_: &str) -> bool {
    node.type_ == type_ || (type_ == DATAIKU && !node.is_govern())
}
