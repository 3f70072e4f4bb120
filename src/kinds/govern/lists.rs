//! What the last sweep of a Govern node and later reads of single documents showed.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use super::{role_assignment::entry_of, rules::BlueprintRules};
use crate::{
    crd::{GovernRoleAssignment, inventory::DeclaredCounts},
    dataiku::govern::{Govern, roles::RoleRecord},
    engine::{
        Error, ObjectName,
        connect::{Dependent, lists::Shared},
        object,
        remote_error::{optional, permitted},
    },
    kinds::node::{DeclaredParts, Known, NodeLists, Own, Snapshot, entries, length},
};

/// What the objects of a Govern node share.
pub struct GovernLists {
    node: NodeLists,
    /// Roles by id.
    pub roles: Snapshot<RoleRecord>,
    /// Assignments by the id of their blueprint.
    pub assignments: Snapshot<BlueprintRules>,
    /// Ids of the roles that `GovernRole` objects stand for.
    declared_roles: Shared<HashMap<ObjectName, String>>,
    /// `None` where the node does not show all blueprints.
    blueprints: Shared<Option<HashSet<String>>>,
    /// Whether roles and assignments were listed.
    listed: Shared<bool>,
}

impl Default for GovernLists {
    fn default() -> Self {
        Self {
            node: NodeLists::default(),
            roles: Snapshot::new(|role| &role.id),
            assignments: Snapshot::new(|rules| &rules.blueprint_id),
            declared_roles: Shared::default(),
            blueprints: Shared::default(),
            listed: Shared::default(),
        }
    }
}

impl AsRef<NodeLists> for GovernLists {
    fn as_ref(&self) -> &NodeLists {
        &self.node
    }
}

impl GovernLists {
    /// Reads roles, assignments and blueprints: three calls, whatever the number of objects. `known`: the node's type
    /// showed that it is a Govern node. A key without the architect right is no error; see [`Own::architect`].
    pub(super) async fn sweep(&self, api: &Govern, known: bool) -> Result<Own, Error> {
        let began = Instant::now();
        let roles = match api.roles().await {
            // Only Govern has roles.
            Err(error) if !known && error.status == Some(404) => {
                return Ok(Own {
                    architect: None,
                    fits: Some(false),
                });
            }
            roles => permitted(roles)?,
        };
        let own = Own {
            architect: Some(roles.is_some()),
            fits: (known || roles.is_some()).then_some(true),
        };
        let Some(roles) = roles else { return Ok(own) };
        self.roles.replace(began, &roles.map(|role| self.roles.held(role)));
        self.read_assignments(api).await?;
        let blueprints = optional(api.blueprints().await)?.filter(crate::dataiku::listed::Listed::is_complete);
        self.blueprints
            .set(blueprints.map(|list| list.items.into_iter().collect()));
        self.listed.set(true);
        Ok(own)
    }

    /// Reads all assignments: one call.
    pub(super) async fn read_assignments(&self, api: &Govern) -> Result<(), Error> {
        let began = Instant::now();
        let assignments = api.assignments().await?;
        let assignments = assignments.map(|record| self.assignments.held(BlueprintRules::new(&record)));
        self.assignments.replace(began, &assignments);
        Ok(())
    }

    /// What the lists of every node hold.
    pub(super) fn node(&self) -> &NodeLists {
        &self.node
    }

    /// Takes in which role a `GovernRole` object stands for; `None`: none at the moment.
    pub(super) fn declare_role(&self, name: &ObjectName, id: Option<String>) {
        self.declared_roles.edit(|roles| match id {
            Some(id) => _ = roles.insert(name.clone(), id),
            None => _ = roles.remove(name),
        });
    }

    /// Takes in the ids on record. The watch may be behind: an object that is there keeps what is known of it.
    pub(super) fn declare_roles(&self, objects: &[Dependent]) {
        let name = |one: &Dependent| ObjectName {
            namespace: one.namespace.as_str().into(),
            name: one.name.as_str().into(),
        };
        let names: HashSet<ObjectName> = objects.iter().map(name).collect();
        let ids: Vec<_> = objects
            .iter()
            .filter_map(|one| Some((name(one), one.id.clone()?)))
            .collect();
        self.declared_roles.edit(|roles| {
            roles.retain(|name, _| names.contains(name));
            for (name, id) in ids {
                roles.entry(name).or_insert(id);
            }
        });
    }

    /// The id of the role that a `GovernRole` object stands for.
    pub fn declared_role(&self, name: &ObjectName) -> Option<String> {
        self.declared_roles.get().get(name).cloned()
    }

    /// Counts of roles and of the rules that assign them, once they were listed.
    pub(super) fn declared(&self, dependents: &[Dependent]) -> DeclaredParts {
        if !*self.listed.get() {
            return DeclaredParts::default();
        }
        let ids = self.declared_roles.get();
        let ids: HashSet<&str> = ids.values().map(String::as_str).collect();
        let roles = self.roles.filter(|_| true);
        let undeclared = roles.iter().filter(|role| !ids.contains(role.id.as_str()));
        let entries = entries(dependents, object::kind::<GovernRoleAssignment>());
        let mut assignments = DeclaredCounts::default();
        for blueprint in self.assignments.filter(|_| true) {
            for (role, set) in blueprint.each() {
                for (hash, _, copies) in set.iter() {
                    let count = length(copies);
                    assignments.total += count;
                    if !entries.contains(entry_of(&blueprint.blueprint_id, role, hash).as_str()) {
                        assignments.undeclared += count;
                    }
                }
            }
        }
        DeclaredParts {
            roles: Some(DeclaredCounts {
                total: length(roles.len()),
                undeclared: length(undeclared.count()),
            }),
            assignments: Some(assignments),
        }
    }

    /// As after a sweep that showed these ids.
    #[cfg(test)]
    pub(super) fn showing(roles: &[&str], blueprints: &[&str]) -> Self {
        let lists = Self::default();
        let role = |id: &&str| {
            Arc::new(RoleRecord {
                id: (*id).to_owned(),
                label: None,
                description: None,
                others: serde_json::Map::new(),
                unreadable: crate::dataiku::fields::Unreadable::default(),
            })
        };
        let roles = crate::dataiku::listed::Listed {
            items: roles.iter().map(role).collect(),
            unreadable: 0,
        };
        lists.roles.replace(Instant::now(), &roles);
        let blueprints = blueprints.iter().map(|id| (*id).to_owned());
        lists.blueprints.set(Some(blueprints.collect()));
        lists
    }

    /// Whether the role exists, as far as the node shows.
    pub fn has_role(&self, id: &str) -> bool {
        !matches!(self.roles.get(id), Known::Absent)
    }

    /// Whether the blueprint exists, as far as the node shows.
    pub fn has_blueprint(&self, id: &str) -> bool {
        let blueprints = self.blueprints.get();
        (*blueprints).as_ref().is_none_or(|ids| ids.contains(id))
    }

    /// Takes in a read of one document; `None`: the blueprint has none.
    pub fn saw_assignments(&self, blueprint_id: &str, rules: Option<Arc<BlueprintRules>>) {
        self.assignments.saw(blueprint_id, rules);
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
