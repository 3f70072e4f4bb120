//! `GovernRoleAssignment`: rules that grant a role on a blueprint of a Govern node.

mod document;
mod forms;
mod inheritance;
mod plan;
#[cfg(test)]
mod tests;
mod words;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use kube::ResourceExt;

use self::forms::Declared;
pub use self::{document::BlueprintAssignments, plan::RulesChange};
use super::rules::RuleSet;
use crate::{
    crd::{
        GovernInstance, GovernRoleAssignment,
        applied::Applied,
        common::{DeletionPolicy, ListPolicy},
        govern_role_assignment::{AssignmentRule, GovernRoleAssignmentSpec},
        status::Nothing,
    },
    dataiku::govern::rule::Rule,
    engine::{
        Common, Error, Given, Managed, ObjectName, Observed, Plan, Read, Receipt,
        connect::{
            ConnectionKey, Delegable, Remote,
            delegation::{self, Named, Unnamed},
        },
        index::Claim,
        object::is_deleting,
        permit::WritePermit,
        shared::writer::Writer,
        work::subject,
    },
    kinds::{govern::lists::GovernLists, node::Known},
};

/// List of the record: blueprints whose document this object created.
const DOCUMENTS: &str = "documents";
/// Most bytes of declared rules, as JSON (`api.md` 8.30).
const LONGEST_RULES: usize = 64 << 10;

/// The strategy for `GovernRoleAssignment`.
pub struct RoleAssignment;

/// The rules of one role on one blueprint.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The rules.
    rules: Arc<RuleSet>,
    /// Whether the blueprint has a document.
    exists: bool,
    /// Whether nothing at all is left in the document. False where only the lists were read.
    vacant: bool,
    /// Id of the role that `roleRef` leads to. Recorded, since the object may have to withdraw its rules when there is no
    /// `GovernRole` any more.
    referred: Option<String>,
    /// From where roles are inherited: JSON texts by member.
    inheritance: Arc<BTreeMap<&'static str, String>>,
}

impl Managed for RoleAssignment {
    type Object = GovernRoleAssignment;
    type Connection = GovernInstance;
    type Seen = Seen;
    type Change = RulesChange;

    const REMOTE: &'static str = "assignment";
    const ENTRIES: bool = true;

    fn common(object: &GovernRoleAssignment) -> Common<'_> {
        let spec = &object.spec;
        Common {
            connection: ConnectionKey::referred(&spec.instance_ref, object.namespace().as_deref()),
            key: format!("{}/{}", spec.blueprint_id, role_words(spec)),
            policies: &spec.policies,
        }
    }

    fn declares(object: &GovernRoleAssignment) -> delegation::Declared {
        let spec = &object.spec;
        delegation::Declared {
            delegable: Delegable::ByDefault,
            named: Named {
                users: spec.rules.iter().flat_map(|rule| rule.users.clone()).collect(),
                groups: spec.rules.iter().flat_map(|rule| rule.groups.clone()).collect(),
            },
            roles: vec![spec.role_id.clone().unwrap_or_else(by_reference)],
            blueprints: vec![spec.blueprint_id.clone()],
            unnamed: unnamed(spec),
            overrides: is_exact(spec),
            ..delegation::Declared::default()
        }
    }

    fn claims(object: &GovernRoleAssignment) -> Vec<Claim> {
        claims(object)
    }

    fn entries(object: &GovernRoleAssignment) -> Vec<String> {
        let claims = claims(object).into_iter();
        let entries = claims.flat_map(|claim| {
            let place = claim.place;
            claim.declared.into_iter().map(move |hash| entry(&place, &hash))
        });
        entries.collect()
    }

    fn id(seen: &Seen) -> Option<String> {
        seen.referred.clone()
    }

    fn evidence(seen: &Seen) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (hash, _, copies) in seen.rules.iter() {
            (hash, copies).hash(&mut hasher);
        }
        hasher.finish()
    }

    async fn observe(
        object: &GovernRoleAssignment,
        remote: &Remote<GovernInstance>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<Seen>, Error> {
        let spec = &object.spec;
        let lists: &GovernLists = remote.lists();
        let Some(role) = role(object, record, lists) else {
            return Ok(Observed::Found(Seen::default()));
        };
        let referred = spec.role_ref.is_some().then(|| role.clone());
        if read == Read::Listed {
            return Ok(match lists.assignments.get(&spec.blueprint_id) {
                Known::Found(all) => all.of_role(&role).map_or(Observed::Unknown, |rules| {
                    Observed::Found(Seen {
                        inheritance: all.inheritance.clone(),
                        rules,
                        exists: true,
                        vacant: false,
                        referred,
                    })
                }),
                Known::Absent => Observed::Found(Seen {
                    referred,
                    ..Seen::default()
                }),
                Known::Unknown => Observed::Unknown,
            });
        }
        let document = writer(remote, &spec.blueprint_id).read(&remote.api).await?;
        let rules = document.exists().then(|| document.rules.clone());
        lists.saw_assignments(&spec.blueprint_id, rules);
        Ok(Observed::Found(Seen {
            referred,
            inheritance: document.rules.inheritance.clone(),
            rules: document.of_role(&role)?,
            exists: document.exists(),
            vacant: document.vacant,
        }))
    }

    fn plan(
        object: &GovernRoleAssignment,
        given: &Given<'_, GovernInstance>,
        seen: Option<&Seen>,
    ) -> Result<Plan<RulesChange>, Error> {
        plan::plan(object, given, seen.unwrap_or(&Seen::default()))
    }

    fn removal(
        object: &GovernRoleAssignment,
        _: DeletionPolicy,
        given: &Given<'_, GovernInstance>,
        seen: &Seen,
    ) -> Plan<RulesChange> {
        plan::removal(object, given, seen)
    }

    async fn apply(
        remote: &Remote<GovernInstance>,
        permit: WritePermit,
        _: Option<&Seen>,
        change: &RulesChange,
    ) -> Result<Receipt, Error> {
        let writer = writer(remote, &change.blueprint_id);
        writer.edit(&remote.api, permit, change.edit.clone()).await?;
        Ok(Receipt::default())
    }

    fn show(_: &GovernRoleAssignment, _: Option<&Seen>, _: &Applied, _: &GovernLists) -> Nothing {
        Nothing {}
    }

    fn stored(object: &GovernRoleAssignment, record: &Applied, before: &Seen, after: &Seen) -> Vec<(String, String)> {
        let declared = declared(&object.spec).unwrap_or_default();
        written::stored(&declared, is_exact(&object.spec), record, &before.rules, &after.rules)
    }
}

fn writer(remote: &Remote<GovernInstance>, blueprint_id: &str) -> Arc<Writer<BlueprintAssignments>> {
    let writers = &remote.live.writers;
    writers.of(&format!("assignments/{blueprint_id}"), || BlueprintAssignments {
        blueprint_id: blueprint_id.to_owned(),
    })
}

/// The rules of this role, and the document that they are in.
fn claims(object: &GovernRoleAssignment) -> Vec<Claim> {
    let spec = &object.spec;
    let common = RoleAssignment::common(object);
    let about = subject(object.uid(), &common.connection, &common.key);
    let record = object.status.as_ref().and_then(|status| status.applied.as_ref());
    let record = record.filter(|record| record.subject == Some(about));
    let idle = is_deleting(object) || spec.policies.observes();
    let inherits = spec.inherit.as_ref().filter(|_| !idle);
    let document = Claim {
        place: document_place(spec),
        declared: inherits.map(|_| inheritance::CLAIM.to_owned()).into_iter().collect(),
        owned: record.map(|record| record.grants.get(DOCUMENTS)).unwrap_or_default(),
        ..Claim::default()
    };
    // Without an id nothing was written.
    let id = spec.role_id.as_ref().or_else(|| record?.id.as_ref());
    let Some(id) = id else { return vec![document] };
    let mut declared = BTreeSet::new();
    if !idle {
        declared.extend(spec.rules.iter().map(|declared| rule(declared).hash()));
    }
    if let Some(record) = record {
        forms::add_forms(record, &mut declared);
    }
    let rules = Claim {
        place: role_place(spec, id),
        exclusive: !idle && is_exact(spec),
        declared,
        owned: record.map(forms::owned).unwrap_or_default(),
    };
    vec![rules, document]
}

fn document_place(spec: &GovernRoleAssignmentSpec) -> String {
    // Quoted, so that no id looks like two.
    format!("{:?}", spec.blueprint_id)
}

/// The id of a role that is only referred to is not known before every read: a delegation has to allow all roles for it.
fn by_reference() -> String {
    "roleRef".to_owned()
}

fn role_place(spec: &GovernRoleAssignmentSpec, role_id: &str) -> String {
    place_of(&spec.blueprint_id, role_id)
}

fn place_of(blueprint_id: &str, role_id: &str) -> String {
    format!("{blueprint_id:?}/{role_id:?}")
}

fn entry(place: &str, hash: &str) -> String {
    format!("{place} {hash}")
}

/// A rule that grants a role on a blueprint, as objects declare it.
pub(super) fn entry_of(blueprint_id: &str, role_id: &str, hash: &str) -> String {
    entry(&place_of(blueprint_id, role_id), hash)
}

/// A `GovernRole` object of this name, in words.
pub(super) fn referred(name: &str) -> String {
    format!("GovernRole {name}")
}

/// The declared role in words.
fn role_words(spec: &GovernRoleAssignmentSpec) -> String {
    let by_name = spec.role_ref.as_ref().map(|role| referred(&role.name));
    spec.role_id.clone().or(by_name).unwrap_or_default()
}

/// Id of the declared role; `None`: the `GovernRole` that `roleRef` names does not exist or has no id yet. An object that
/// recorded an id stays with it.
fn role(object: &GovernRoleAssignment, record: &Applied, lists: &GovernLists) -> Option<String> {
    let spec = &object.spec;
    spec.role_id
        .clone()
        .or_else(|| record.id.clone())
        .or_else(|| referred_role(object, lists))
}

fn referred_role(object: &GovernRoleAssignment, lists: &GovernLists) -> Option<String> {
    let name = &object.spec.role_ref.as_ref()?.name;
    lists.declared_role(&ObjectName {
        name: name.as_str().into(),
        ..ObjectName::of(object)
    })
}

fn is_exact(spec: &GovernRoleAssignmentSpec) -> bool {
    spec.rules_policy == Some(ListPolicy::Exact)
}

/// The declared rules as the node has them, each once.
fn declared(spec: &GovernRoleAssignmentSpec) -> Result<Declared, Error> {
    let bytes = serde_json::to_vec(&spec.rules).map_or(0, |text| text.len());
    if bytes > LONGEST_RULES {
        let message = format!("rules have {bytes} bytes as JSON, and may have {LONGEST_RULES}: use several objects");
        return Err(Error::invalid(message));
    }
    let rules = spec.rules.iter().map(rule);
    Ok(rules.map(|rule| (rule.hash(), rule)).collect())
}

fn rule(declared: &AssignmentRule) -> Rule {
    Rule {
        field_ids: declared.field_ids.clone(),
        criteria: declared.criteria.iter().cloned().map(Into::into).collect(),
        ..Rule::granting(&declared.users, &declared.groups)
    }
}

/// People whom a field of an artifact lists, or who have the role elsewhere, get it without being named here.
fn unnamed(spec: &GovernRoleAssignmentSpec) -> Unnamed {
    let by_field = spec.rules.iter().any(|rule| !rule.field_ids.is_empty());
    let users = match (by_field, &spec.inherit) {
        (true, _) => Some("give a role to the people that `fieldIds` list"),
        (false, Some(_)) => Some("let a blueprint inherit who has a role"),
        (false, None) => None,
    };
    Unnamed { users, groups: users }
}
