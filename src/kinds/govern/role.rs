//! `GovernRole`: a role of a Govern node.

mod definition;

use std::sync::Arc;

use kube::ResourceExt;

use self::definition::Definition;
use super::lists::GovernLists;
use crate::{
    crd::{
        GovernInstance, GovernRole, GovernRoleAssignment,
        applied::Applied,
        common::DeletionPolicy,
        govern_role::{GovernRoleSpec, RoleSeen},
    },
    dataiku::{
        fields::Unreadable,
        govern::{Govern, roles::RoleRecord},
        permit::WritePermit,
    },
    engine::{
        Change, Common, Error, Given, Managed, ObjectName, Observed, Plan, Read, Receipt,
        connect::{ConnectionKey, Dependent, Remote},
        index::key_hash,
        keep::fields::{Edit, Fields},
        object::{self, is_deleting},
    },
    kinds::node::{Known, Seen, edited},
};

/// Most bytes of a declared definition, as JSON (`api.md` 8.30).
const LONGEST_DEFINITION: usize = 64 << 10;
/// Members that have fields of their own.
const OWN: [&str; 3] = ["id", "label", "description"];

/// The strategy for `GovernRole`.
pub struct Role;

type SeenRole = Seen<RoleRecord>;

/// One write.
pub enum RoleChange {
    /// Create the role.
    Create {
        /// The object.
        name: ObjectName,
        /// Identifier.
        identifier: String,
        /// Label.
        label: String,
        /// Description; `None`: none.
        description: Option<String>,
        /// What only an edit can carry.
        follows: Vec<String>,
    },
    /// Edit its document.
    Edit {
        /// Id.
        id: String,
        /// What to write.
        edit: Edit,
    },
    /// Delete the role.
    Delete {
        /// Id.
        id: String,
    },
}

impl Change for RoleChange {
    fn steps(&self) -> Vec<String> {
        match self {
            Self::Create { .. } => vec!["create role".to_owned()],
            Self::Edit { edit, .. } => edit.steps(),
            Self::Delete { .. } => vec!["delete".to_owned()],
        }
    }

    fn follows(&self) -> Vec<String> {
        match self {
            Self::Create { follows, .. } => follows.clone(),
            Self::Edit { .. } | Self::Delete { .. } => Vec::new(),
        }
    }

    fn event(&self) -> &'static str {
        match self {
            Self::Create { .. } => "Created",
            Self::Edit { .. } => "Updated",
            Self::Delete { .. } => "Deleted",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::Create { .. })
    }

    fn withdraws(&self) -> bool {
        match self {
            Self::Create { .. } => false,
            Self::Edit { edit, .. } => edit.withdraws(),
            Self::Delete { .. } => true,
        }
    }

    fn only_withdraws(&self) -> bool {
        match self {
            Self::Create { .. } => false,
            Self::Edit { edit, .. } => edit.only_withdraws(),
            Self::Delete { .. } => true,
        }
    }

    fn withdrawals(self) -> Option<Self> {
        match self {
            Self::Create { .. } => None,
            Self::Edit { id, edit } => edit.withdrawals().map(|edit| Self::Edit { id, edit }),
            Self::Delete { .. } => Some(self),
        }
    }
}

impl Managed for Role {
    type Object = GovernRole;
    type Connection = GovernInstance;
    type Seen = SeenRole;
    type Change = RoleChange;

    const REMOTE: &'static str = "role";
    /// Assignments may wait for it.
    const UNBLOCKS: bool = true;
    const NEEDED: bool = true;

    fn common(object: &GovernRole) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.instance_ref, object.namespace().as_deref()),
            key: identifier(object),
            policies: &object.spec.policies,
        }
    }

    fn exists(lists: &GovernLists, key: &str, id: Option<&str>) -> Option<bool> {
        lists.roles.get(id.unwrap_or(key)).exists()
    }

    async fn observe(
        object: &GovernRole,
        remote: &Remote<GovernInstance>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<SeenRole>, Error> {
        let lists = remote.lists();
        if read == Read::Listed {
            return Ok(listed(&identifier(object), lists, record));
        }
        if is_deleting(object) {
            // Whoever has the role must not lose it because the last sweep was too early.
            lists.read_assignments(&remote.api).await?;
        }
        let seen = fresh(&identifier(object), &remote.api, lists, record).await?;
        let ours = record.id.is_some() || object.spec.policies.adopts();
        let id = seen.as_ref().filter(|_| ours && !is_deleting(object));
        lists.declare_role(&ObjectName::of(object), id.map(|seen| seen.object.id.clone()));
        Ok(Observed::new(seen))
    }

    fn id(seen: &SeenRole) -> Option<String> {
        Some(seen.object.id.clone())
    }

    fn plan(
        object: &GovernRole,
        given: &Given<'_, GovernInstance>,
        seen: Option<&SeenRole>,
    ) -> Result<Plan<RoleChange>, Error> {
        let spec = &object.spec;
        check(spec)?;
        if let Some(seen) = seen {
            let id = seen.object.id.clone();
            let plan = fields(spec, given.record, &seen.object).into_plan(|edit| RoleChange::Edit { id, edit });
            let definition = Definition::new(spec.definition.as_ref(), given.record, &seen.object.others);
            return Ok(Plan {
                replaced: definition.replaced(),
                ..plan
            });
        }
        let identifier = identifier(object);
        let label = spec.label.clone().unwrap_or_else(|| identifier.clone());
        let description = spec.description.clone().filter(|text| !text.is_empty());
        let created = RoleRecord {
            id: String::new(),
            label: Some(label.clone()),
            description: description.clone(),
            others: serde_json::Map::new(),
            unreadable: Unreadable::default(),
        };
        let replaced = Definition::new(spec.definition.as_ref(), given.record, &created.others).replaced();
        let plan = fields(spec, given.record, &created).into_creation(|follows| RoleChange::Create {
            name: given.name.clone(),
            identifier,
            label,
            description,
            follows,
        });
        Ok(Plan { replaced, ..plan })
    }

    fn removal(_: &GovernRole, _: DeletionPolicy, _: &Given<'_, GovernInstance>, seen: &SeenRole) -> Plan<RoleChange> {
        let id = seen.object.id.clone();
        Plan::new(Some(RoleChange::Delete { id }))
    }

    fn needed_by(object: &GovernRole, seen: &SeenRole, dependents: &[Dependent], lists: &GovernLists) -> Vec<String> {
        let id = &seen.object.id;
        let namespace = object.namespace().unwrap_or_default();
        let kind = object::kind::<GovernRoleAssignment>();
        let by_id = format!("/{id}");
        let by_name = format!("/{}", super::role_assignment::referred(&object.name_any()));
        let names = |one: &&Dependent| {
            let referring = one.namespace == namespace && one.key.ends_with(&by_name);
            one.kind == kind && (one.key.ends_with(&by_id) || referring)
        };
        let objects = dependents.iter().filter(names);
        let objects = objects.map(|one| format!("{kind} {}/{}", one.namespace, one.name));
        let remote = lists.assignments.filter(|rules| rules.names(id));
        let mut remote: Vec<_> = remote
            .iter()
            .map(|rules| format!("rules on blueprint {}", rules.blueprint_id))
            .collect();
        remote.sort_unstable();
        objects.chain(remote).collect()
    }

    async fn apply(
        remote: &Remote<GovernInstance>,
        permit: WritePermit,
        seen: Option<&SeenRole>,
        change: &RoleChange,
    ) -> Result<Receipt, Error> {
        let api = &remote.api;
        match change {
            RoleChange::Create {
                name,
                identifier,
                label,
                description,
                ..
            } => {
                let description = description.as_deref();
                let id = api.create_role(permit, identifier, label, description).await?.id;
                remote.lists().declare_role(name, Some(id.clone()));
                return Ok(Receipt {
                    id: Some(id),
                    ..Receipt::default()
                });
            }
            RoleChange::Edit { id, edit } => {
                let document = edited("the role document", seen, edit)?;
                api.put_role(permit, id, &document).await?;
            }
            RoleChange::Delete { id } => _ = api.delete_role(permit, id).await?,
        }
        Ok(Receipt::default())
    }

    fn evidence(seen: &SeenRole) -> u64 {
        key_hash(&format!("{:?}", seen.object))
    }

    fn show(_: &GovernRole, seen: Option<&SeenRole>, _: &Applied, _: &GovernLists) -> RoleSeen {
        RoleSeen {
            id: seen.map(|seen| seen.object.id.clone()),
        }
    }
}

fn identifier(object: &GovernRole) -> String {
    object.spec.identifier.clone().unwrap_or_else(|| object.name_any())
}

/// How well an id fits an identifier; `None`: the node did not make it of this one (contract sheet, A33).
fn fit(id: &str, identifier: &str) -> Option<u8> {
    match id.rsplit_once('.') {
        Some(("ro", rest)) if rest == identifier => Some(0),
        None if id == identifier => Some(1),
        Some((_, rest)) if rest == identifier => Some(2),
        _ => None,
    }
}

fn listed(identifier: &str, lists: &GovernLists, record: &Applied) -> Observed<SeenRole> {
    let known = if let Some(id) = &record.id {
        lists.roles.get(id)
    } else {
        let mut found = lists.roles.filter(|role| fit(&role.id, identifier).is_some());
        found.sort_by_key(|role| fit(&role.id, identifier));
        let found = found.into_iter().next();
        found.map_or_else(|| lists.roles.get(identifier), Known::Found)
    };
    match known {
        Known::Found(role) => Observed::Found(Seen::listed(role)),
        Known::Absent => Observed::Absent,
        Known::Unknown => Observed::Unknown,
    }
}

async fn fresh(
    identifier: &str,
    api: &Govern,
    lists: &GovernLists,
    record: &Applied,
) -> Result<Option<SeenRole>, Error> {
    let id = if let Some(id) = &record.id {
        Some(id.clone())
    } else {
        let roles = api.roles().await?;
        let fitting = roles.items.iter().filter(|role| fit(&role.id, identifier).is_some());
        let found = fitting.min_by_key(|role| fit(&role.id, identifier));
        match found {
            Some(role) => Some(role.id.clone()),
            None if roles.is_complete() => None,
            None => unlisted(identifier, api).await?,
        }
    };
    let Some(id) = id else { return Ok(None) };
    let document = api.role(&id).await?;
    let role = document.as_ref().map(RoleRecord::from_document).transpose();
    let role = role
        .map_err(|error| Error::unreadable("the role document", &error))?
        .map(Arc::new);
    lists.roles.saw(&id, role.clone());
    Ok(role.map(|object| Seen::read(object, document)))
}

/// Id of the role where the list has elements without one, which hold up no other role: the ids that the node makes of an
/// identifier can be read.
async fn unlisted(identifier: &str, api: &Govern) -> Result<Option<String>, Error> {
    for id in [format!("ro.{identifier}"), identifier.to_owned()] {
        if api.role(&id).await?.is_some() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn check(spec: &GovernRoleSpec) -> Result<(), Error> {
    let Some(definition) = &spec.definition else {
        return Ok(());
    };
    if let Some(key) = definition.keys().find(|key| OWN.contains(&key.as_str())) {
        return Err(Error::invalid(format!(
            "definition: {key} does not belong there, use the field of spec for it"
        )));
    }
    let bytes = serde_json::to_vec(definition).map_or(0, |text| text.len());
    if bytes > LONGEST_DEFINITION {
        let message = format!("definition has {bytes} bytes as JSON, and may have {LONGEST_DEFINITION}");
        return Err(Error::invalid(message));
    }
    Ok(())
}

fn fields<'a>(spec: &'a GovernRoleSpec, record: &'a Applied, role: &'a RoleRecord) -> Fields<'a> {
    let mut fields = Fields::new(record, &role.unreadable)
        .text("label", spec.label.as_deref(), role.label.as_deref())
        .text("description", spec.description.as_deref(), role.description.as_deref());
    Definition::new(spec.definition.as_ref(), record, &role.others).add_to(&mut fields);
    fields
}
