//! What is to be done about a DSS user. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use secrecy::SecretString;

use super::change::{Creation, Field, UserChange};
use crate::{
    crd::dss_user::SourceType,
    dataiku::{document::Document, dss::users::UserRecord, email::same_email},
    engine::{Error, Plan},
    kinds::remote::unreadable,
    registry::node::Groups,
};

/// What the spec of a user sets.
#[cfg_attr(test, derive(Debug))]
pub struct DesiredUser {
    pub(super) login: String,
    pub(super) source_type: Option<SourceType>,
    pub(super) display_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) groups: Option<BTreeSet<String>>,
    pub(super) exact: bool,
    pub(super) withdrawn: BTreeSet<String>,
    pub(super) password: Password,
    pub(super) user_properties: BTreeMap<String, String>,
    pub(super) admin_properties: BTreeMap<String, String>,
}

/// What is to be done about the password.
#[cfg_attr(test, derive(Debug))]
pub(super) enum Password {
    /// The spec names none.
    Undeclared,
    /// Declared; nothing to do about it as far as is known.
    Unchanged(Option<SecretString>),
    /// To be set.
    Changed(SecretString),
}

/// A user as the node has it, and what the node has around it.
pub struct ObservedUser {
    pub(super) user: Option<Arc<UserRecord>>,
    pub(super) document: Option<Document>,
    pub(super) groups: Arc<Groups>,
    pub(super) profiles: Option<Arc<Vec<String>>>,
    pub(super) default_profile: Option<String>,
    /// Whether a user that is not observed does not exist, as far as what was read shows.
    pub(super) complete: bool,
}

pub(super) fn creation(desired: &DesiredUser, observed: &ObservedUser) -> Result<Plan<UserChange>, Error> {
    let source_type = desired.source_type.unwrap_or_default();
    let password = match (&desired.password, source_type) {
        (Password::Undeclared, SourceType::Local) => {
            return Err(Error::invalid(
                "a LOCAL user needs passwordSecretRef to be created; or name another sourceType",
            ));
        }
        (Password::Undeclared, _) => None,
        (Password::Changed(value), _) => Some(value.clone()),
        (Password::Unchanged(value), _) => value.clone(),
    };
    let profile = desired
        .profile
        .clone()
        .or_else(|| observed.default_profile.clone())
        .ok_or_else(|| Error::invalid("no userProfile: name one here, or set defaultUserProfile on the DssInstance"))?;
    licensed(&profile, observed)?;
    let (groups, waiting) = known_groups(desired.groups.iter().flatten(), &BTreeSet::new(), observed);
    let mut plan = Plan::of(Some(UserChange::create(Creation {
        login: desired.login.clone(),
        password,
        display_name: desired.display_name.clone().unwrap_or_else(|| desired.login.clone()),
        source_type: source_type.as_str(),
        groups: groups.into_iter().collect(),
        profile,
        email: desired.email.clone().filter(|email| !email.is_empty()),
        follows: afterwards(desired),
    })));
    plan.waiting = waiting;
    Ok(plan)
}

/// What a create cannot carry (contract sheet 2.2): the next round writes it.
fn afterwards(desired: &DesiredUser) -> Vec<String> {
    let disabled = (desired.enabled == Some(false)).then_some(Field::Enabled(false));
    let nothing = BTreeMap::new();
    let properties = differing(&desired.user_properties, Some(&nothing), Field::UserProperty)
        .into_iter()
        .chain(differing(
            &desired.admin_properties,
            Some(&nothing),
            Field::AdminProperty,
        ));
    disabled
        .into_iter()
        .chain(properties)
        .flat_map(|field| field.steps())
        .collect()
}

pub(super) fn edit(
    desired: &DesiredUser,
    user: &UserRecord,
    observed: &ObservedUser,
) -> Result<Plan<UserChange>, Error> {
    for (declared, member) in [
        (&desired.user_properties, "userProperties"),
        (&desired.admin_properties, "adminProperties"),
    ] {
        if !declared.is_empty() {
            let checked = user.unreadable.check(&[member]);
            checked.map_err(|error| unreadable("the user document", &error))?;
        }
    }
    let current: BTreeSet<String> = user.groups.iter().flatten().cloned().collect();
    let (target, waiting) = target_groups(desired, &current, observed);
    let mut fields = attributes(desired, user, observed)?;
    fields.extend(membership(&current, &target));
    fields.extend(differing(
        &desired.user_properties,
        user.user_properties.as_ref(),
        Field::UserProperty,
    ));
    fields.extend(differing(
        &desired.admin_properties,
        user.admin_properties.as_ref(),
        Field::AdminProperty,
    ));
    fields.extend(password(desired, &fields));
    let mut plan = Plan::of(UserChange::edit(&user.login, fields));
    plan.waiting = waiting;
    Ok(plan)
}

fn attributes(desired: &DesiredUser, user: &UserRecord, observed: &ObservedUser) -> Result<Vec<Field>, Error> {
    let mut fields = Vec::new();
    if let Some(source_type) = desired.source_type.map(SourceType::as_str)
        && user.source_type.as_deref() != Some(source_type)
    {
        fields.push(Field::SourceType(source_type));
    }
    if let Some(name) = desired
        .display_name
        .as_ref()
        .filter(|name| user.display_name.as_ref() != Some(*name))
    {
        fields.push(Field::DisplayName(name.clone()));
    }
    if let Some(email) = desired.email.as_ref().filter(|email| {
        !same_email(user.email.as_deref().unwrap_or_default(), email) || user.unreadable.contains("email")
    }) {
        fields.push(Field::Email(email.clone()));
    }
    if let Some(profile) = desired
        .profile
        .as_ref()
        .filter(|profile| user.user_profile.as_ref() != Some(*profile))
    {
        licensed(profile, observed)?;
        fields.push(Field::Profile(profile.clone()));
    }
    if let Some(enabled) = desired.enabled.filter(|enabled| user.enabled != Some(*enabled)) {
        fields.push(Field::Enabled(enabled));
    }
    Ok(fields)
}

/// A changed password; or any, for a user that becomes LOCAL: it needs one in the same write.
fn password(desired: &DesiredUser, fields: &[Field]) -> Option<Field> {
    let becomes_local = fields.iter().any(|field| matches!(field, Field::SourceType("LOCAL")));
    match &desired.password {
        Password::Changed(password) => Some(Field::Password(password.clone())),
        Password::Unchanged(Some(password)) if becomes_local => Some(Field::Password(password.clone())),
        Password::Unchanged(_) | Password::Undeclared => None,
    }
}

/// A profile that the licence does not hold is refused before anything is written.
fn licensed(profile: &str, observed: &ObservedUser) -> Result<(), Error> {
    match &observed.profiles {
        Some(profiles) if !profiles.iter().any(|licensed| licensed == profile) => Err(Error::invalid(format!(
            "userProfile {profile} is not in the licence, which has {}",
            profiles.join(", ")
        ))),
        _ => Ok(()),
    }
}

/// Those of `names` that can be granted: DSS would store a name that does not exist without a word.
fn known_groups<'a>(
    names: impl Iterator<Item = &'a String>,
    current: &BTreeSet<String>,
    observed: &ObservedUser,
) -> (BTreeSet<String>, Vec<String>) {
    let (known, unknown): (Vec<_>, Vec<_>) =
        names.partition(|name| current.contains(*name) || observed.groups.contains_key(*name));
    let waiting = unknown
        .into_iter()
        .map(|name| format!("group {name} does not exist yet"))
        .collect();
    (known.into_iter().cloned().collect(), waiting)
}

fn target_groups(
    desired: &DesiredUser,
    current: &BTreeSet<String>,
    observed: &ObservedUser,
) -> (BTreeSet<String>, Vec<String>) {
    let mut target: BTreeSet<String> = current.difference(&desired.withdrawn).cloned().collect();
    let Some(declared) = &desired.groups else {
        return (target, Vec::new());
    };
    let (known, waiting) = known_groups(declared.iter(), current, observed);
    if desired.exact {
        target = known;
    } else {
        target.extend(known);
    }
    (target, waiting)
}

pub(super) fn membership(current: &BTreeSet<String>, target: &BTreeSet<String>) -> Option<Field> {
    (current != target).then(|| Field::Groups {
        added: target.difference(current).cloned().collect(),
        removed: current.difference(target).cloned().collect(),
    })
}

/// Declared properties that differ. Lists without settings show none, and then nothing can be said.
fn differing(
    declared: &BTreeMap<String, String>,
    found: Option<&BTreeMap<String, serde_json::Value>>,
    field: fn(String, String) -> Field,
) -> Vec<Field> {
    let Some(found) = found else { return Vec::new() };
    let found_otherwise = declared
        .iter()
        .filter(|(name, value)| found.get(*name).and_then(|found| found.as_str()) != Some(value));
    found_otherwise
        .map(|(name, value)| field(name.clone(), value.clone()))
        .collect()
}
