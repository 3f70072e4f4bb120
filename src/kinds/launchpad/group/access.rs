//! Nodes that a group can access, and its rights there.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    NODES, RIGHTS,
    edit::Draft,
    is_exact,
    rights::{Flags, concerns, declared, differing, granted, granting, withdrawn, write},
};
use crate::{
    crd::{
        applied::Applied,
        launchpad_group::{LaunchpadGroupSpec, NodeAccess},
    },
    dataiku::{
        launchpad::{
            groups::{DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, GroupRecord},
            space::NodeRecord,
        },
        listed::Listed,
    },
    engine::Error,
};

/// Every node that is not a Govern node, as a type.
const DATAIKU: &str = "dataiku";
const GOVERN: &str = "govern";

/// Declared rights on one node.
#[derive(Default)]
struct Wanted<'a> {
    flags: Flags,
    /// A node whose present rights are copied.
    copies: Option<&'a str>,
    /// Whether the group gets access; else the rights apply only where it has access.
    access: bool,
}

/// Whether the list lacks a declared node or type.
pub(super) fn lacks(spec: &LaunchpadGroupSpec, nodes: &Listed<NodeRecord>) -> bool {
    let by_name = spec.nodes.iter().flatten();
    let by_type = spec.node_types.iter().flatten();
    by_name.into_iter().any(|entry| !is_listed(nodes, &entry.name))
        || by_type.into_iter().any(|entry| !has_type(nodes, &entry.type_))
}

/// Adds what gives the group the declared access.
pub(super) fn plan(
    spec: &LaunchpadGroupSpec,
    record: &Applied,
    nodes: &Listed<NodeRecord>,
    group: &GroupRecord,
    draft: &mut Draft,
) -> Result<(), Error> {
    let by_name = by_name(spec)?;
    let wanted = wanted(spec, &by_name, nodes)?;
    report_missing(spec, nodes, draft);
    let edits_before = draft.edits.len();
    let found = found(group);
    let exact = is_exact(spec.nodes_policy) && (spec.nodes.is_some() || spec.node_types.is_some());
    let types = spec.node_types.iter().flatten().next().is_some();
    let granted_rights = record.grants.list(RIGHTS);
    let granted_on = |node: &str| {
        let prefix = format!("{node}/");
        let here = granted_rights.iter().filter_map(move |right| right.strip_prefix(&prefix));
        here.collect::<Vec<_>>()
    };
    // Rights on each node that the group can access once the plan is written.
    let mut after: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, (member, rights)) in &found {
        let granted = record.grants.contains(NODES, name);
        let unwanted = match wanted.get(name) {
            Some(entry) => granted && !entry.access,
            None => (granted || exact) && !by_name.contains_key(name),
        };
        let ours = unwanted || !granted_on(name).is_empty();
        if ours && types && !is_listed(nodes, name) && !by_name.contains_key(name) {
            // It may be of a type that nodeTypes names.
            draft.waiting.push(format!("node {name} is not listed; access to it stays until it is"));
            draft.deferred = true;
        } else if unwanted {
            draft.access(member, name, false);
            continue;
        } else if !wanted.contains_key(name) && !by_name.contains_key(name) {
            let edits = differing(&withdrawn(granted_on(name).into_iter(), &Flags::new()), rights);
            draft.rights(&[member, name], Some(name), &edits);
        }
        after.insert(name, rights.clone());
    }
    let copies = |(_, entry): &(&&str, &Wanted<'_>)| entry.copies.is_some();
    let (copying, declaring): (Vec<_>, Vec<_>) = wanted.iter().partition(copies);
    for (name, entry) in declaring.into_iter().chain(copying) {
        let member = found.get(name).map_or_else(|| member_for(name, nodes), |(member, _)| *member);
        if !after.contains_key(name) {
            if !entry.access {
                continue;
            }
            draft.access(member, name, true);
            after.insert(name, BTreeSet::new());
        }
        let mut flags = entry.flags.clone();
        if let Some(source) = entry.copies {
            let Some(rights) = after.get(source) else {
                let message = format!("rights on {name} wait: the group has no access to {source}, whose rights they copy");
                draft.waiting.push(message);
                draft.deferred = true;
                continue;
            };
            let all = rights.union(&after[name]).filter(|path| !concerns(&entry.flags, path));
            flags.extend(all.map(|path| (path.clone(), rights.contains(path))));
        }
        draft.grant(RIGHTS, granting(&flags).map(|path| format!("{name}/{path}")));
        flags.extend(withdrawn(granted_on(name).into_iter(), &flags));
        let rights = after.entry(name).or_default();
        let edits = differing(&flags, rights);
        write(rights, &edits);
        draft.rights(&[member, name], Some(name), &edits);
    }
    if draft.edits.len() > edits_before {
        consistent(&wanted, &after, nodes)?;
    }
    draft.grant(NODES, by_name.keys().map(|name| (*name).to_owned()));
    let access = wanted.iter().filter(|(_, entry)| entry.access);
    draft.grant(NODES, access.map(|(name, _)| (*name).to_owned()));
    for (name, (flags, _)) in by_name.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
        draft.grant(RIGHTS, granting(flags).map(|path| format!("{name}/{path}")));
    }
    Ok(())
}

/// What `nodes` declares for each node: rights, and the node whose present rights are copied.
fn by_name(spec: &LaunchpadGroupSpec) -> Result<BTreeMap<&str, (Flags, Option<&str>)>, Error> {
    let entries = spec.nodes.as_deref().unwrap_or_default();
    entries
        .iter()
        .map(|entry| Ok((entry.name.as_str(), rights_of(entry, entries)?)))
        .collect()
}

fn rights_of<'a>(entry: &'a NodeAccess, entries: &'a [NodeAccess]) -> Result<(Flags, Option<&'a str>), Error> {
    let invalid = |why: &str| Err(Error::invalid(format!("nodes entry {}: {why}", entry.name)));
    let Some(source) = entry.permissions_from.as_deref() else {
        return Ok((declared(entry.permissions.as_ref()), None));
    };
    if entry.permissions.is_some() {
        return invalid("set either permissions or permissionsFrom");
    }
    match entries.iter().find(|one| one.name == source) {
        _ if source == entry.name => invalid("permissionsFrom names the entry itself"),
        Some(source) if source.permissions_from.is_none() => Ok((declared(source.permissions.as_ref()), None)),
        Some(_) => invalid(&format!(
            "permissionsFrom {source} has permissionsFrom itself; name the entry that has permissions"
        )),
        None => Ok((Flags::new(), Some(source))),
    }
}

/// Declared rights on each node that exists; an error where two entries contradict each other.
fn wanted<'a>(
    spec: &'a LaunchpadGroupSpec,
    by_name: &BTreeMap<&'a str, (Flags, Option<&'a str>)>,
    nodes: &'a Listed<NodeRecord>,
) -> Result<BTreeMap<&'a str, Wanted<'a>>, Error> {
    let mut all = BTreeMap::new();
    for node in &nodes.items {
        let mut wanted = Wanted::default();
        let mut sources: BTreeMap<String, &str> = BTreeMap::new();
        let mut add = |wanted: &mut Wanted<'_>, flags: &Flags, source: &'a str| {
            for (path, flag) in flags {
                let by = sources.entry(path.clone()).or_insert(source);
                let known = *wanted.flags.entry(path.clone()).or_insert(*flag);
                if known != *flag {
                    let name = &node.name;
                    return Err(Error::invalid(format!(
                        "{path} on node {name} is {known} by {by} and {flag} by {source}"
                    )));
                }
            }
            Ok(())
        };
        let own = by_name.get(node.name.as_str());
        if let Some((flags, copies)) = own {
            add(&mut wanted, flags, "nodes")?;
            wanted.copies = *copies;
            wanted.access = true;
        }
        let types = spec.node_types.iter().flatten();
        let types: Vec<_> = types.filter(|entry| is_of_type(node, &entry.type_)).collect();
        for entry in &types {
            add(&mut wanted, &declared(entry.permissions.as_ref()), &entry.type_)?;
            wanted.access |= entry.grant_access != Some(false);
        }
        if own.is_some() || !types.is_empty() {
            all.insert(node.name.as_str(), wanted);
        }
    }
    Ok(all)
}

fn report_missing(spec: &LaunchpadGroupSpec, nodes: &Listed<NodeRecord>, draft: &mut Draft) {
    let hidden = match nodes.unreadable {
        0 => String::new(),
        number => format!(", as far as the nodes can be read; {number} cannot"),
    };
    let names = spec.nodes.iter().flatten().map(|entry| &entry.name);
    let missing = names.filter(|name| !is_listed(nodes, name));
    draft.waiting.extend(missing.map(|name| format!("node {name} does not exist yet{hidden}")));
    let types = spec.node_types.iter().flatten().map(|entry| &entry.type_);
    let missing = types.filter(|type_| !has_type(nodes, type_));
    draft.waiting.extend(missing.map(|type_| format!("no node of type {type_} exists yet{hidden}")));
}

/// Each node that the group can access: the member of the document that has it, and the rights that are true.
fn found(group: &GroupRecord) -> BTreeMap<&str, (&'static str, BTreeSet<String>)> {
    let dataiku = group.dataiku_permissions.iter().flatten();
    let govern = group.govern_permissions.iter().flatten();
    let dataiku = dataiku.map(|(name, rights)| (name.as_str(), (DATAIKU_PERMISSIONS, granted(rights))));
    let govern = govern.map(|(name, rights)| (name.as_str(), (GOVERN_PERMISSIONS, granted(rights))));
    dataiku.chain(govern).collect()
}

/// The Launchpad wants the same rights on all nodes of one type that a group can access (contract sheet 4.2). Where the
/// space reports only generic types, the server decides.
fn consistent(
    wanted: &BTreeMap<&str, Wanted<'_>>,
    after: &BTreeMap<&str, BTreeSet<String>>,
    nodes: &Listed<NodeRecord>,
) -> Result<(), Error> {
    let generic = nodes.items.iter().all(|node| [DATAIKU, GOVERN].contains(&node.type_.as_str()));
    let of_type = |name: &str| {
        let node = nodes.items.iter().find(|node| node.name == name)?;
        (!generic && node.type_ != DATAIKU).then_some(node.type_.as_str())
    };
    for (name, rights) in after.iter().filter(|(name, _)| wanted.contains_key(*name)) {
        let Some(type_) = of_type(name) else { continue };
        for (other, others) in after.iter().filter(|(other, _)| of_type(other) == Some(type_)) {
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

/// The member of the document where access to a listed node belongs.
fn member_for(name: &str, nodes: &Listed<NodeRecord>) -> &'static str {
    let govern = nodes.items.iter().any(|node| node.name == name && node.is_govern());
    if govern { GOVERN_PERMISSIONS } else { DATAIKU_PERMISSIONS }
}

fn is_listed(nodes: &Listed<NodeRecord>, name: &str) -> bool {
    nodes.items.iter().any(|node| node.name == name)
}

fn has_type(nodes: &Listed<NodeRecord>, type_: &str) -> bool {
    nodes.items.iter().any(|node| is_of_type(node, type_))
}

fn is_of_type(node: &NodeRecord, type_: &str) -> bool {
    node.type_ == type_ || (type_ == DATAIKU && !node.is_govern())
}
