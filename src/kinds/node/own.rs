//! Connections that use a user's own key (`credentials.scope: Own`): they manage that user, and of the user only what users may
//! manage of themselves.

use std::{sync::Arc, time::Instant};

use super::{NodeLists, NodeUser, Sweep};
use crate::{
    crd::{
        common::DeletionPolicy,
        connection::{CredentialsScope, NodeSpec},
    },
    dataiku::{
        dip::{DipProduct, Node, users::UserRecord},
        error::ErrorKind,
        listed::Listed,
    },
    engine::{Error, Reason, connect::Effect},
};

/// What such a key manages, in words.
const MANAGED: &str = "userProperties, preferences, secrets, connectionCredentials and pluginCredentials";

/// Whether the connection uses a user's own key.
pub(super) fn is_own(node: &NodeSpec) -> bool {
    node.credentials.scope == Some(CredentialsScope::Own)
}

/// Reads the user. One call.
pub(super) async fn read<P: DipProduct>(api: &Node<P>, lists: &NodeLists, sweep: &mut Sweep) -> Result<(), Error> {
    let login = sweep.identity.auth_identifier.clone();
    sweep.began = Instant::now();
    let document = match api.own_user().await {
        Ok(document) => document,
        // A key that belongs to nobody is refused in some way (contract sheet, A11).
        Err(error) if sweep.identity.groups.is_none() && is_refusal(error.kind) => {
            lists.own.set(false);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let user = UserRecord::from_own_document(&document, &login)
        .map_err(|error| Error::unreadable("the document of the own user", &error))?;
    let user = lists.users.held(user);
    // Nobody else shows.
    let listed = Listed {
        items: vec![user],
        unreadable: 0,
    };
    lists.users.replace(sweep.began, &listed);
    lists.groups.forget();
    lists.identify(&login);
    lists.own.set(true);
    sweep.own_user = Some(login);
    Ok(())
}

fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Rejected | ErrorKind::Unavailable
    )
}

/// Fails if the key belongs to no user.
pub(super) fn judge(sweep: &Sweep) -> Result<(), Error> {
    if sweep.own_user.is_some() {
        return Ok(());
    }
    let message = format!(
        "credentials.scope: Own needs the personal key of a user, and {} is no user: use a personal key, or remove scope",
        sweep.identity.auth_identifier
    );
    Err(Error::invalid(message))
}

/// Fails for every kind but users.
pub(super) fn accepts(kind: &str, user_kind: &str) -> Result<(), Error> {
    if kind == user_kind {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the connection uses a user's own key (credentials.scope: Own), which manages no {kind}: use a connection with the key \
         of an administrator"
    )))
}

/// Why a write with these effects must not be made: it does something else than edit the user.
pub(super) fn guard(own: Option<&str>, effects: &[Effect]) -> Option<String> {
    let edits = |effect: &Effect| matches!(effect, Effect::Edits(user) if own.is_some_and(|own| own == user));
    let other = effects.iter().find(|effect| !edits(effect));
    other.map(|_| format!("a user's own key manages {MANAGED} of that user alone"))
}

/// Fails if the object is about somebody else or declares what users cannot manage of themselves.
pub(super) fn check<K: NodeUser>(object: &K, own: Option<&str>) -> Result<(), Error> {
    if own != Some(object.login().as_str()) {
        return Err(Error::invalid(
            "the connection uses a user's own key (credentials.scope: Own), which manages the object of that user alone",
        ));
    }
    let spec = object.user();
    let deletion = spec.policies.deletion_policy;
    let declared = [
        ("sourceType", spec.source_type.is_some()),
        ("displayName", spec.display_name.is_some()),
        ("email", spec.email.is_some()),
        ("userProfile", spec.user_profile.is_some()),
        ("enabled", spec.enabled.is_some()),
        ("groups", spec.groups.is_some()),
        ("groupsPolicy", spec.groups_policy.is_some()),
        ("passwordSecretRef", spec.password_secret_ref.is_some()),
        ("generatePassword", spec.generate_password.is_some()),
        ("adminProperties", spec.admin_properties.is_some()),
        ("validUntil", spec.valid_until.is_some()),
        (
            "deletionPolicy",
            deletion.is_some_and(|policy| policy != DeletionPolicy::Retain),
        ),
    ];
    let beyond: Vec<_> = declared
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| name)
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::Blocked(
        Reason::Invalid,
        format!(
            "the connection uses a user's own key (credentials.scope: Own), which manages {MANAGED}: remove {}",
            beyond.join(", ")
        ),
    ))
}

/// The user, as a read of this user alone shows it; `None`: it is somebody else.
pub(super) async fn fresh<P: DipProduct>(
    api: &Node<P>,
    lists: &NodeLists,
    login: &str,
) -> Result<Option<super::change::Seen<UserRecord>>, Error> {
    if lists.identity().as_deref() != Some(login) {
        return Ok(None);
    }
    let document = api.own_user().await?;
    let user = UserRecord::from_own_document(&document, login)
        .map_err(|error| Error::unreadable("the document of the own user", &error))?;
    let user = Arc::new(user);
    lists.users.saw(login, Some(user.clone()));
    Ok(Some(super::change::Seen::read(user, Some(document))))
}
