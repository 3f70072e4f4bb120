//! `GovernRoleAssignment`: rules that give a role on a blueprint of a Govern node.

mod claim;
mod plan;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::stream::BoxStream;
use kube::ResourceExt;

pub use self::{
    claim::claims,
    plan::{DesiredRules, ObservedRules, RulesChange},
};
use self::{
    claim::{DOCUMENT, Others, RULES, claim, fingerprint},
    plan::{edit, withdrawal},
};
use crate::{
    crd::{
        GovernRoleAssignment,
        applied::Applied,
        common::{ListPolicy, Policies},
        govern_role_assignment::AssignmentRule,
        status::Nothing,
    },
    dataiku::govern::{
        assignments::{AssignmentsRecord, is_vacant, rules_of},
        rule::Rule,
    },
    engine::{
        Error, Freshness, Inputs, Lane, Managed, Plan, Presence, Removal, Slot, SourceRef,
        managed::{StatusOf, Trigger},
    },
    kinds::remote::{GovernRemote, Remote, triggers, unreadable},
    registry::{ConnectionKey, Registry, assignments::Assignments, claims::Place},
};

/// A Govern node, for one assignment.
pub struct AssignmentClient {
    remote: GovernRemote,
    blueprint_id: String,
    role_id: String,
    declared: Vec<Rule>,
    recorded: BTreeSet<String>,
    others: Others,
    document: Arc<Assignments>,
}

impl Managed for GovernRoleAssignment {
    type World = Registry;
    type ConnectionKey = ConnectionKey;
    type Client = AssignmentClient;
    type Desired = DesiredRules;
    type Observed = ObservedRules;
    type Change = RulesChange;
    type Seen = Nothing;
    type Shown = Nothing;

    const KIND: &'static str = "GovernRoleAssignment";
    const REMOTE: &'static str = "assignment";

    fn key(&self) -> String {
        format!("{}/{}", self.spec.blueprint_id, self.spec.role_id)
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
        Some(ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref()))
    }

    /// What this object added, what it is about to add, and what other objects of ours added that it declares too: whoever
    /// goes last takes it out.
    fn grants(&self, observed: &ObservedRules, applied: &Applied) -> BTreeMap<&'static str, BTreeSet<String>> {
        let declared: BTreeSet<_> = self.rules().iter().map(fingerprint).collect();
        let found = observed.fingerprints();
        let ours = |rule: &String| applied.grants.contains(RULES, rule) || observed.others.owned.contains(rule);
        let next = |rule: &String| observed.is_writable() && !found.contains(rule);
        let rules = declared.into_iter().filter(|rule| ours(rule) || next(rule));
        let made = applied.grants.contains(DOCUMENT, &self.spec.blueprint_id)
            || observed.others.owned.contains(&self.spec.blueprint_id)
            || (observed.is_writable() && !observed.has_document());
        let document = made.then(|| self.spec.blueprint_id.clone());
        BTreeMap::from([(RULES, rules.collect()), (DOCUMENT, document.into_iter().collect())])
    }

    fn admission(&self, world: &Registry) -> Result<(), Error> {
        let key = ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref());
        world.govern.admit(&key, self.namespace().as_deref()).map(|_| ())
    }

    async fn connect(&self, world: &Registry, inputs: &Inputs, lane: Lane) -> Result<AssignmentClient, Error> {
        let key = ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref());
        let remote = Remote::of(&world.govern, &key, self.namespace().as_deref(), lane)?;
        let place = Place {
            document: &self.spec.blueprint_id,
            part: &self.spec.role_id,
        };
        let claims = world.role_assignments.of(&key, &place);
        let mut claimed = claims.ok_or_else(|| Error::NotYet("waiting to learn who else declares rules".into()))?;
        claimed
            .claims
            .retain(|claim| world.govern.admits(&key, &claim.namespace));
        Ok(AssignmentClient {
            document: world.assignments.of(&key, &self.spec.blueprint_id),
            recorded: inputs.applied.grants.get(RULES),
            remote,
            blueprint_id: self.spec.blueprint_id.clone(),
            role_id: self.spec.role_id.clone(),
            declared: self.rules(),
            others: Others::of(&claim(self), &claimed),
        })
    }

    /// Calls for one blueprint are made once for all who wait, so these passes do not take the slots of those that call.
    async fn slot(client: &AssignmentClient) -> Result<Slot, Error> {
        let permits = vec![client.remote.connection.slots.queue()?];
        Ok(Slot { permits })
    }

    fn frozen(client: &AssignmentClient) -> bool {
        client.remote.connection.frozen
    }

    fn desired(&self, inputs: &Inputs) -> Result<DesiredRules, Error> {
        let rules = self.rules();
        let declared = rules.iter().map(fingerprint).collect();
        Ok(DesiredRules {
            role_id: self.spec.role_id.clone(),
            blueprint_id: self.spec.blueprint_id.clone(),
            withdrawn: inputs.applied.withdrawn(RULES, &declared),
            exact: self.spec.rules_policy == Some(ListPolicy::Exact),
            rules,
        })
    }

    async fn observe(client: &AssignmentClient, _: &str, freshness: Freshness) -> Result<ObservedRules, Error> {
        let lists = &client.remote.connection.lists;
        let mut vacant = false;
        let record = match freshness {
            Freshness::Shared => lists.assignments(&client.blueprint_id),
            Freshness::Fresh => {
                let document = client.document.read(&client.remote.api).await?;
                vacant = document
                    .as_deref()
                    .is_some_and(|document| is_vacant(document).unwrap_or(false));
                let record = document
                    .as_deref()
                    .map(AssignmentsRecord::from_document)
                    .transpose()
                    .map_err(|error| unreadable("the assignments of the blueprint", &error))?
                    .map(Arc::new);
                lists.saw_assignments(&client.blueprint_id, record.clone());
                if let (Some(record), Some(document)) = (&record, &document)
                    && record.rules_of(&client.role_id).is_none()
                {
                    let error = rules_of(document, &client.role_id).err();
                    let error = error.map_or_else(|| "unexpected shape".to_owned(), |error| error.to_string());
                    return Err(unreadable("the assignments of the blueprint", &error));
                }
                record
            }
        };
        let rules = record.as_ref().map(|record| record.rules_of(&client.role_id));
        Ok(ObservedRules {
            readable: match rules {
                Some(rules) => rules.is_some(),
                None => freshness == Freshness::Fresh || lists.has_all_assignments(),
            },
            found: rules.map(|rules| rules.unwrap_or_default().to_vec()),
            vacant,
            declared: client.declared.clone(),
            recorded: client.recorded.clone(),
            others: client.others.clone(),
            has_role: lists.has_role(&client.role_id),
            has_blueprint: lists.has_blueprint(&client.blueprint_id),
            role_id: client.role_id.clone(),
            blueprint_id: client.blueprint_id.clone(),
        })
    }

    fn suffices(_: &DesiredRules, observed: &ObservedRules) -> bool {
        observed.readable
    }

    fn diff(desired: &DesiredRules, observed: &ObservedRules) -> Result<Plan<RulesChange>, Error> {
        edit(desired, observed)
    }

    fn removal(removal: &Removal, observed: &ObservedRules) -> Plan<RulesChange> {
        withdrawal(&removal.applied, observed)
    }

    async fn apply(client: &AssignmentClient, _: &ObservedRules, change: &RulesChange) -> Result<(), Error> {
        client.document.write(&client.remote.api, change.edit()).await
    }

    fn presence(observed: &ObservedRules) -> Presence {
        Presence::Shared {
            complete: observed.is_complete(),
        }
    }

    fn show(_: &ObservedRules) -> (Nothing, Nothing) {
        (Nothing {}, Nothing {})
    }

    fn triggers(world: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
        triggers(&world.govern)
    }
}

impl GovernRoleAssignment {
    /// The rules as the node has them, each once.
    fn rules(&self) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for declared in &self.spec.rules {
            let rule = rule(declared);
            if !rules.iter().any(|known| known.same_as(&rule)) {
                rules.push(rule);
            }
        }
        rules
    }
}

fn rule(declared: &AssignmentRule) -> Rule {
    Rule {
        field_ids: declared.field_ids.clone(),
        criteria: declared.criteria.iter().cloned().map(Into::into).collect(),
        ..Rule::granting(&declared.users, &declared.groups)
    }
}
