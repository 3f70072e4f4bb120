//! Nodes that a group can access, and its rights there.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    NODES, RIGHTS, is_exact,
    rights::{self, Flags, concerns, declared, granted, granting, is_related},
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
    /// Rights, each with the entry that declares it first.
    flags: BTreeMap<String, (bool, &'a str)>,
    /// A node whose present rights are copied.
    copies: Option<&'a str>,
    /// Whether the group gets access; otherwise the rights apply only if it has access.
    access: bool,
}

impl<'a> Declared<'a> {
    /// Adds what another entry declares; an error where two entries contradict each other.
    fn add(&mut self, node: &str, flags: Flags, source: &'a str) -> Result<(), Error> {
        for (path, flag) in &flags {
            let contradicts = |(known, (value, _)): &(&String, &(bool, &str))| {
                (*known == path && value != flag) || (is_related(known, path) && (*value || *flag))
            };
            if let Some((known, (value, by))) = self.flags.iter().find(contradicts) {
                return Err(Error::invalid(if known == path {
                    format!("{path} on node {node} is {value} by {by} and {flag} by {source}")
                } else {
                    format!("{known} on node {node} is {value} by {by}, and {path} is {flag} by {source}")
                }));
            }
        }
        self.flags
            .extend(flags.into_iter().map(|(path, flag)| (path, (flag, source))));
        Ok(())
    }

    fn flags(&self) -> Flags {
        self.flags
            .iter()
            .map(|(path, (flag, _))| (path.clone(), *flag))
            .collect()
    }
}

/// Sentences about declared nodes and types that the list lacks.
pub(super) fn missing(spec: &LaunchpadGroupSpec, nodes: &Listed<NodeRecord>) -> Vec<String> {
    let hidden = match nodes.unreadable {
        0 => String::new(),
        number => format!(" ({number} nodes cannot be read)"),
    };
    let names = spec.nodes.iter().flatten().map(|entry| &entry.name);
    let names = names.filter(|name| type_of(name, nodes).is_none());
    let types = spec.node_types.iter().flatten().map(|entry| &entry.type_);
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
    let declared = all_declared(spec, nodes)?;
    let mut maps = [DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS].into_iter();
    if let Some(unreadable) = maps.find(|map| group.unreadable.contains(map)) {
        fields.cannot_merge(unreadable);
        return Ok(());
    }
    let mut access = Access {
        record,
        nodes,
        declared,
        found: found(group),
        after: BTreeMap::new(),
        changed: false,
    };
    access.withdraw(
        managed && is_exact(spec.nodes_policy),
        spec.node_types.as_ref().is_some_and(|types| !types.is_empty()),
        fields,
    );
    access.grant(fields);
    for missing in missing(spec, nodes) {
        fields.waits(missing, false);
    }
    if access.changed { access.consistent() } else { Ok(()) }
}

struct Access<'a> {
    record: &'a Applied,
    nodes: &'a Listed<NodeRecord>,
    declared: BTreeMap<&'a str, Declared<'a>>,
    /// Each node that the group can access: the map of the document that has it, and the rights that are true.
    found: BTreeMap<&'a str, (&'static str, BTreeSet<String>)>,
    /// Rights on each node that the group can access once the plan is written.
    after: BTreeMap<&'a str, BTreeSet<String>>,
    /// Whether an edit was planned for a declared node.
    changed: bool,
}

impl Access<'_> {
    /// Withdraws access and rights that are not declared (any more).
    fn withdraw(&mut self, exact: bool, by_type: bool, fields: &mut Fields<'_>) {
        let record = self.record;
        for (name, (map, rights)) in self.found.clone() {
            let ours = record.grants.contains(NODES, name);
            let entry = self.declared.get(name);
            let unwanted = entry.map_or(ours || exact, |entry| ours && !entry.access);
            let mut rights = rights;
            if entry.is_none() && by_type && type_of(name, self.nodes).is_none() {
                // It may be of a type that nodeTypes names.
                if unwanted || recorded(record, name).next().is_some() {
                    fields.waits(
                        format!("node {name} is not listed; access to it stays until it is"),
                        true,
                    );
                }
            } else if unwanted {
                fields.differs((map, name), access(map, name, false));
                continue;
            } else if entry.is_none() {
                self.rights(name, map, Flags::new(), &mut rights, fields);
            }
            self.after.insert(name, rights);
        }
    }

    /// Gives declared access and rights. Copies come last: they follow what the others are about to become.
    fn grant(&mut self, fields: &mut Fields<'_>) {
        let mut entries: Vec<_> = self
            .declared
            .iter()
            .map(|(name, entry)| (*name, entry.copies))
            .collect();
        entries.sort_by_key(|(_, copies)| copies.is_some());
        for (name, copies) in entries {
            let entry = &self.declared[name];
            let (mut flags, access_declared) = (entry.flags(), entry.access);
            fields.grants(NODES, access_declared.then(|| name.to_owned()));
            let Some(type_) = type_of(name, self.nodes) else {
                fields.grants(RIGHTS, granting(&flags).map(|path| format!("{name}/{path}")));
                continue;
            };
            let map = self.found.get(name).map_or(map_of(type_), |(map, _)| map);
            let mut now = match self.after.get(name) {
                Some(rights) => rights.clone(),
                None if !access_declared => continue,
                None => {
                    fields.differs((), access(map, name, true));
                    self.changed = true;
                    self.after.insert(name, BTreeSet::new());
                    BTreeSet::new()
                }
            };
            if let Some(source) = copies {
                let Some(rights) = self.after.get(source) else {
                    let what = format!(
                        "the rights on {name} wait: the group has no access to {source}, whose rights they copy"
                    );
                    fields.waits(what, true);
                    continue;
                };
                let all = rights.union(&now).filter(|path| !concerns(&flags, path));
                let copied: Flags = all.map(|path| (path.clone(), rights.contains(path))).collect();
                flags.extend(copied);
            }
            fields.grants(RIGHTS, granting(&flags).map(|path| format!("{name}/{path}")));
            self.changed |= self.rights(name, map, flags, &mut now, fields);
            self.after.insert(name, now);
        }
    }

    /// Makes the rights on a node as declared; whether that changes any.
    fn rights(&self, name: &str, map: &str, flags: Flags, now: &mut BTreeSet<String>, fields: &mut Fields<'_>) -> bool {
        let on = format!("on {name} ");
        rights::plan(fields, (&[map, name], &on), flags, recorded(self.record, name), now)
    }

    /// The Launchpad wants the same rights on all nodes of one type that a group can access (contract sheet 4.2). Where the
    /// space reports only generic types, the server decides.
    fn consistent(&self) -> Result<(), Error> {
        let is_generic = |type_: &str| [DATAIKU, GOVERN].contains(&type_);
        if self.nodes.items.iter().all(|node| is_generic(&node.type_)) {
            return Ok(());
        }
        let specific = |name: &str| type_of(name, self.nodes).filter(|type_| *type_ != DATAIKU);
        for (name, rights) in self.after.iter().filter(|(name, _)| self.declared.contains_key(*name)) {
            let Some(type_) = specific(name) else { continue };
            for (other, others) in self.after.iter().filter(|(other, _)| specific(other) == Some(type_)) {
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
}

/// Rights on a node that are on record.
fn recorded<'a>(record: &'a Applied, node: &str) -> impl Iterator<Item = &'a str> {
    let rights = record.grants.list(RIGHTS).iter();
    rights.filter_map(move |right| right.strip_prefix(node)?.strip_prefix('/'))
}

/// What the spec declares, by node. Nodes of `nodeTypes` are those that exist; nodes of `nodes` may be missing.
fn all_declared<'a>(
    spec: &'a LaunchpadGroupSpec,
    nodes: &'a Listed<NodeRecord>,
) -> Result<BTreeMap<&'a str, Declared<'a>>, Error> {
    let entries = spec.nodes.as_deref().unwrap_or_default();
    let mut all: BTreeMap<&str, Declared<'_>> = BTreeMap::new();
    for entry in entries {
        let (flags, copies) = rights_of(entry, entries)?;
        let declared = all.entry(&entry.name).or_default();
        declared.add(&entry.name, flags, "nodes")?;
        declared.copies = copies;
        declared.access = true;
    }
    for entry in spec.node_types.iter().flatten() {
        for node in nodes.items.iter().filter(|node| is_of_type(node, &entry.type_)) {
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
        return Ok((declared(entry.permissions.as_ref()), None));
    };
    if entry.permissions.is_some() {
        return invalid("set either permissions or permissionsFrom".into());
    }
    match entries.iter().find(|one| one.name == source) {
        None => Ok((Flags::new(), Some(source))),
        Some(declaring) if declaring.permissions_from.is_none() => Ok((declared(declaring.permissions.as_ref()), None)),
        Some(_) => invalid(format!(
            "permissionsFrom {source} has permissionsFrom itself; name a node that has permissions, or one that nodes does \
             not name"
        )),
    }
}

/// Each node that the group can access: the map of the document that has it, and the rights that are true.
fn found(group: &GroupRecord) -> BTreeMap<&str, (&'static str, BTreeSet<String>)> {
    let dataiku = group.dataiku_permissions.iter().flatten();
    let govern = group.govern_permissions.iter().flatten();
    let dataiku = dataiku.map(|(name, rights)| (name.as_str(), (DATAIKU_PERMISSIONS, granted(rights))));
    let govern = govern.map(|(name, rights)| (name.as_str(), (GOVERN_PERMISSIONS, granted(rights))));
    dataiku.chain(govern).collect()
}

/// Gives access to a node without any right yet, or withdraws it.
fn access(map: &str, name: &str, given: bool) -> FieldEdit {
    let path = vec![map.to_owned(), name.to_owned()];
    if given {
        FieldEdit::at(format!("give access to {name}"), path, Some(serde_json::json!({})))
    } else {
        FieldEdit::at(format!("withdraw access to {name}"), path, None).withdrawing(true)
    }
}

/// The map of the document where access to a node of this type belongs.
fn map_of(type_: &str) -> &'static str {
    if type_ == GOVERN {
        GOVERN_PERMISSIONS
    } else {
        DATAIKU_PERMISSIONS
    }
}

fn type_of<'a>(name: &str, nodes: &'a Listed<NodeRecord>) -> Option<&'a str> {
    let node = nodes.items.iter().find(|node| node.name == name);
    node.map(|node| node.type_.as_str())
}

fn is_of_type(node: &NodeRecord, type_: &str) -> bool {
    node.type_ == type_ || (type_ == DATAIKU && !node.is_govern())
}
