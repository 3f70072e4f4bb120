//! A live connection to a Govern node, with what its last look at the node showed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    dataiku::{
        gate::Lane,
        govern::{Govern, assignments::AssignmentsRecord},
        listed::Listed,
    },
    engine::error::Error,
};

use super::{
    lists::Shared,
    live::Live,
    node::{self, NodeSweep},
    remote_error::{optional, permitted},
};

/// Assignments by the id of their blueprint.
type ByBlueprint = BTreeMap<String, Arc<AssignmentsRecord>>;

/// What the objects of a Govern node share.
#[derive(Default)]
pub struct GovernLists {
    roles: Shared<BTreeSet<String>>,
    blueprints: Shared<Option<BTreeSet<String>>>,
    assignments: Shared<ByBlueprint>,
    all_assignments: Shared<bool>,
}

/// A live connection to a Govern node.
pub type GovernConnection = Live<Govern, GovernLists>;

impl GovernConnection {
    /// Looks at the whole node: a constant number of calls, whatever the number of objects.
    ///
    /// # Errors
    /// The node cannot be read. A key that lacks a right is no error here: it is told in the result.
    pub async fn sweep(&self) -> Result<NodeSweep, Error> {
        // A dead node costs little here, and is not kept from being tried by the calls of its objects.
        let api = self.api.with_lane(Lane::Sweep);
        let mut sweep = node::look(&api, false, Arc::new).await?;
        let roles = permitted(api.roles().await)?;
        sweep.architect = Some(roles.is_some());
        let Some(roles) = roles else { return Ok(sweep) };
        let assignments = api.assignments().await?;
        let blueprints = optional(api.blueprints().await)?;
        let lists = &self.lists;
        lists
            .roles
            .set(roles.items.into_iter().map(|role| role.id).collect::<BTreeSet<_>>());
        // A list with unreadable elements does not tell which blueprints there are.
        let blueprints = blueprints.filter(Listed::is_complete);
        lists
            .blueprints
            .set(blueprints.map(|ids| ids.items.into_iter().collect()));
        lists.all_assignments.set(assignments.is_complete());
        lists.assignments.set(
            assignments
                .items
                .into_iter()
                .map(|record| (record.blueprint_id.clone(), Arc::new(record)))
                .collect::<ByBlueprint>(),
        );
        Ok(sweep)
    }
}

impl GovernLists {
    /// Whether the role was there at the last look.
    pub fn has_role(&self, id: &str) -> bool {
        self.roles.get().contains(id)
    }

    /// Whether the blueprint was there at the last look; a node that does not tell is believed to have it.
    pub fn has_blueprint(&self, id: &str) -> bool {
        self.blueprints
            .get()
            .as_ref()
            .as_ref()
            .is_none_or(|ids| ids.contains(id))
    }

    /// The assignments of the blueprint, as last seen; `None` where it has no document.
    pub fn assignments(&self, blueprint_id: &str) -> Option<Arc<AssignmentsRecord>> {
        self.assignments.get().get(blueprint_id).cloned()
    }

    /// Whether a blueprint without assignments has no document, as far as the last list shows.
    pub fn has_all_assignments(&self) -> bool {
        *self.all_assignments.get()
    }

    /// Keeps what a read of one document showed.
    pub fn saw_assignments(&self, blueprint_id: &str, record: Option<Arc<AssignmentsRecord>>) {
        self.assignments.edit(|known| match record {
            Some(record) => known.insert(blueprint_id.to_owned(), record),
            None => known.remove(blueprint_id),
        });
    }
}
