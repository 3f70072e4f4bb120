//! Asks the operator's own planner whether an object would change anything.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;

use crate::{
    crd::{DssInstance, applied::Applied},
    engine::{Change, Given, Managed, ObjectName, Secrets, index::Claims, mark::Marked},
    kinds::node::{NodeLists, Seen},
};

/// Whether the object can be exported.
pub(super) enum Verdict {
    /// The operator would leave everything as it is.
    InSync,
    /// It would not; why, for people.
    Refused(String),
}

/// Judges the objects of one kind, one after the other.
pub(super) struct Check<'a, M> {
    connection: &'a DssInstance,
    lists: &'a NodeLists,
    claimed: HashSet<String>,
    kind: std::marker::PhantomData<fn() -> M>,
}

impl<'a, T, M> Check<'a, M>
where
    M: Managed<Connection = DssInstance, Seen = Seen<T>>,
{
    /// With what is known of the node.
    pub(super) fn new(connection: &'a DssInstance, lists: &'a NodeLists) -> Self {
        Self {
            connection,
            lists,
            claimed: HashSet::new(),
            kind: std::marker::PhantomData,
        }
    }

    /// Judges the object that was drawn from this record.
    pub(super) fn judge(&mut self, object: &M::Object, record: &Arc<T>) -> Verdict {
        let seen = Seen::listed(record.clone());
        if let Marked::By(mark) = M::marked(&seen) {
            let ObjectName { namespace, name } = &mark.object;
            return Verdict::Refused(format!("declared by the object {namespace}/{name} of a cluster"));
        }
        let name = ObjectName::of(object);
        let given = Given {
            name: name.clone(),
            now: Timestamp::now(),
            record: &Applied::default(),
            secrets: &Secrets::default(),
            connection: self.connection,
            lists: self.lists,
            mark: None,
            cluster: None,
            others: Claims::none(name),
        };
        let plan = match M::plan(object, &given, Some(&seen)) {
            Ok(plan) => plan,
            Err(error) => return Verdict::Refused(error.to_string()),
        };
        let steps: Vec<String> = plan
            .changes
            .iter()
            .flat_map(Change::steps)
            .chain(plan.waiting)
            .collect();
        if !steps.is_empty() {
            return Verdict::Refused(format!("cannot be declared as it is: {}", steps.join(", ")));
        }
        if !self.claimed.insert(M::claim_key(object)) {
            return Verdict::Refused("differs from another one by the case of its letters alone".to_owned());
        }
        Verdict::InSync
    }
}
