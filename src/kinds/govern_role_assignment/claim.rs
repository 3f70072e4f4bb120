//! What objects that share the rules of one role have to do with each other.

use std::collections::BTreeSet;

use kube::{Resource, ResourceExt};

use super::Rule;
use crate::{
    crd::{GovernRoleAssignment, common::ListPolicy},
    engine::{Managed, objects::Objects},
    registry::{Claim, Claimed, ConnectionKey, claims::Place},
};

/// Rules that an object put there, in the record.
pub(super) const RULES: &str = "rules";
/// The blueprint whose document an object made, in the record.
pub(super) const DOCUMENT: &str = "documents";

/// One text for all rules that grant the same.
pub(super) fn fingerprint(rule: &Rule) -> String {
    rule.hash()
}

/// What this object has to do with the rules of its role on its blueprint.
pub fn claim(object: &GovernRoleAssignment) -> Claim {
    let namespace = object.namespace().unwrap_or_default();
    let idle = object.meta().deletion_timestamp.is_some() || object.policies().observes();
    let grants = object.status().and_then(|status| status.applied.as_ref());
    let owned = grants.into_iter().flat_map(|applied| applied.grants.names());
    Claim {
        object: format!("{namespace}/{}", object.name_any()),
        namespace,
        uid: object.uid().unwrap_or_default(),
        created: object
            .meta()
            .creation_timestamp
            .as_ref()
            .map_or(0, |created| created.0.as_second()),
        exclusive: !idle && object.spec.rules_policy == Some(ListPolicy::Exact),
        declared: if idle {
            BTreeSet::new()
        } else {
            object.rules().iter().map(fingerprint).collect()
        },
        owned: owned.cloned().collect(),
    }
}

/// The claims of all objects of this connection; `None` while they are not all known.
pub fn claims(
    objects: &Objects<GovernRoleAssignment>,
    connection: &ConnectionKey,
    place: &Place<'_>,
) -> Option<Claimed> {
    let all = objects.is_ready().then(|| objects.all())?;
    let readable = all.iter().filter_map(|guard| guard.0.as_ref().ok());
    let claims = readable
        .filter(|object| object.spec.blueprint_id == place.document && object.connection().as_ref() == Some(connection))
        .map(|object| {
            if object.spec.role_id == place.part {
                claim(object)
            } else {
                maker(object)
            }
        });
    Some(Claimed {
        claims: claims.collect(),
        unreadable: objects.any_undecodable(),
    })
}

/// What an object of another role has to do with the document.
fn maker(object: &GovernRoleAssignment) -> Claim {
    let grants = object.status().and_then(|status| status.applied.as_ref());
    let made = grants.map(|applied| applied.grants.get(DOCUMENT));
    Claim {
        namespace: object.namespace().unwrap_or_default(),
        uid: object.uid().unwrap_or_default(),
        owned: made.unwrap_or_default(),
        ..Claim::default()
    }
}

/// What all other objects of ours have to do with the rules of one role.
#[derive(Clone, Debug, Default)]
pub(super) struct Others {
    /// Rules that they declare.
    pub declared: BTreeSet<String>,
    /// Rules that one of them declares and has in its record: it takes them out when it goes.
    pub taken_over: BTreeSet<String>,
    /// Rules and documents that they put there.
    pub owned: BTreeSet<String>,
    /// Whether there may be more.
    pub unreadable: bool,
    /// An older object that wants no other rules, where this one wants that too.
    pub rival: Option<String>,
}

impl Others {
    /// The others among `claims`, as they look from `own`.
    pub fn of(own: &Claim, claimed: &Claimed) -> Self {
        let mut others = Self {
            unreadable: claimed.unreadable,
            ..Self::default()
        };
        for claim in claimed.claims.iter().filter(|claim| claim.uid != own.uid) {
            others.declared.extend(claim.declared.iter().cloned());
            others
                .taken_over
                .extend(claim.declared.intersection(&claim.owned).cloned());
            others.owned.extend(claim.owned.iter().cloned());
            if own.exclusive && claim.exclusive && claim.precedes(own) {
                others.rival.get_or_insert_with(|| claim.object.clone());
            }
        }
        others
    }
}
