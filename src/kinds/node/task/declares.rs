//! What a task declares, to be judged by the terms of the connection.

use super::{Doing, doing};
use crate::{
    crd::{DssTask, dss_task::ResyncUsers},
    engine::connect::{Declared, delegation::Unnamed},
};

/// What the terms of a connection may say something about.
pub fn declares(object: &DssTask) -> Declared {
    let doing = doing(object);
    let users = match &doing {
        Doing::Resync(resync) => resync.logins.clone().unwrap_or_default(),
        Doing::Provision(provision) => provision.login.iter().chain(&provision.email).cloned().collect(),
        Doing::Unload(unload) => unload.owners.clone().unwrap_or_default(),
        Doing::AbortFutures(abort) => abort.owner.iter().cloned().collect(),
        _ => Vec::new(),
    };
    let source_type = match &doing {
        Doing::Provision(provision) => Some(provision.source_type.as_str().to_owned()),
        _ => None,
    };
    Declared {
        users,
        source_type,
        acts_as: object.spec.as_user.iter().cloned().collect(),
        unnamed: Unnamed {
            users: unnamed(&doing),
            groups: None,
        },
        views: matches!(doing, Doing::Report(_)),
        ..Declared::default()
    }
}

/// What the action does to users whom it does not name: a selector that is absent selects all of them.
fn unnamed(doing: &Doing<'_>) -> Option<&'static str> {
    match doing {
        Doing::Resync(ResyncUsers { logins: None, .. }) => Some("resync all users"),
        Doing::Provision(provision) if provision.login.is_none() && provision.email.is_none() => {
            Some("provision users by group")
        }
        Doing::Unload(unload) if unload.owners.as_ref().is_none_or(Vec::is_empty) => {
            Some("unload notebook sessions without `owners`")
        }
        Doing::AbortFutures(abort) if abort.owner.is_none() => Some("abort futures without `owner`"),
        _ => None,
    }
}
