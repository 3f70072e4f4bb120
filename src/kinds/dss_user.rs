//! `DssUser`: a user of a DSS node.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::stream::BoxStream;
use kube::ResourceExt;
use secrecy::SecretString;

use crate::{
    crd::{
        DssUser,
        common::{DeletionPolicy, ListPolicy, Policies},
        dss_user::{DssUserSeen, SourceType},
        status::{Nothing, Origin},
    },
    dataiku::{
        document::Document,
        dss::users::{NewUser, UserRecord},
    },
    engine::{
        Error, Freshness, Inputs, Lane, Managed, Plan, Presence, Removal, SourceKind, SourceRef, managed::StatusOf,
        managed::Trigger,
    },
    kinds::{
        dss::{self, DssClient, unreadable},
        dss_user_change::{Field, UserChange},
    },
    registry::{ConnectionKey, Registry, dss::Groups},
};

const PASSWORD: &str = "password";
const GROUPS: &str = "groups";

/// What the spec of a user sets.
pub struct DesiredUser {
    login: String,
    source_type: Option<SourceType>,
    display_name: Option<String>,
    email: Option<String>,
    profile: Option<String>,
    enabled: Option<bool>,
    groups: Option<BTreeSet<String>>,
    exact: bool,
    withdrawn: BTreeSet<String>,
    password: Password,
    user_properties: BTreeMap<String, String>,
    admin_properties: BTreeMap<String, String>,
}

enum Password {
    Undeclared,
    /// Declared; nothing to do about it as far as is known.
    Unchanged(Option<SecretString>),
    Changed(SecretString),
}

/// A user as the node has it, and what the node has around it.
pub struct ObservedUser {
    user: Option<Arc<UserRecord>>,
    document: Option<Document>,
    groups: Arc<Groups>,
    profiles: Option<Arc<Vec<String>>>,
    default_profile: Option<String>,
}

impl Managed for DssUser {
    type World = Registry;
    type ConnectionKey = ConnectionKey;
    type Client = DssClient;
    type Desired = DesiredUser;
    type Observed = ObservedUser;
    type Change = UserChange;
    type Seen = DssUserSeen;
    type Shown = Nothing;

    const KIND: &'static str = "DssUser";
    const REMOTE: &'static str = "user";

    fn key(&self) -> String {
        self.spec.login.clone().unwrap_or_else(|| self.name_any())
    }

    fn policies(&self) -> Policies {
        self.spec.policies.clone()
    }

    fn status(&self) -> Option<&StatusOf<Self>> {
        self.status.as_ref()
    }

    fn sources(&self) -> Vec<SourceRef> {
        let password = self.spec.password_secret_ref.as_ref().map(|reference| SourceRef {
            slot: PASSWORD,
            kind: SourceKind::Secret,
            name: reference.name.clone(),
            key: reference.key.clone().unwrap_or_else(|| PASSWORD.to_owned()),
        });
        password.into_iter().collect()
    }

    fn connection(&self) -> Option<ConnectionKey> {
        Some(ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref()))
    }

    fn grants(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        BTreeMap::from([(GROUPS, self.declared_groups())])
    }

    fn default_deletion(origin: Origin) -> DeletionPolicy {
        match origin {
            Origin::Created => DeletionPolicy::Disable,
            Origin::Adopted => DeletionPolicy::Retain,
        }
    }

    fn admission(&self, world: &Registry) -> Result<(), Error> {
        let key = ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref());
        world.dss.admit(&key, self.namespace().as_deref()).map(|_| ())
    }

    async fn connect(&self, world: &Registry, _: &Inputs, lane: Lane) -> Result<DssClient, Error> {
        let key = ConnectionKey::of(&self.spec.instance_ref, self.namespace().as_deref());
        dss::connect(world, &key, self.namespace().as_deref(), lane)
    }

    fn frozen(client: &DssClient) -> bool {
        client.connection.frozen
    }

    fn desired(&self, inputs: &Inputs) -> Result<DesiredUser, Error> {
        let spec = &self.spec;
        let declared = self.declared_groups();
        let password = match (inputs.get(PASSWORD), &spec.password_secret_ref) {
            (Some(input), _) if input.changed => Password::Changed(input.value.clone()),
            (Some(input), _) => Password::Unchanged(Some(input.value.clone())),
            (None, Some(_)) => Password::Unchanged(None),
            (None, None) => Password::Undeclared,
        };
        Ok(DesiredUser {
            login: self.key(),
            source_type: spec.source_type,
            display_name: spec.display_name.clone(),
            email: spec.email.clone(),
            profile: spec.user_profile.clone(),
            enabled: spec.enabled,
            withdrawn: inputs.applied.withdrawn(GROUPS, &declared),
            groups: spec.groups.as_ref().map(|_| declared),
            exact: spec.groups_policy == Some(ListPolicy::Exact),
            password,
            user_properties: spec.user_properties.clone().unwrap_or_default(),
            admin_properties: spec.admin_properties.clone().unwrap_or_default(),
        })
    }

    async fn observe(client: &DssClient, login: &str, freshness: Freshness) -> Result<ObservedUser, Error> {
        let (user, document) = match freshness {
            Freshness::Shared => (client.connection.user(login), None),
            Freshness::Fresh => {
                let document = client.dss.user(login).await?;
                let record = document.as_ref().map(UserRecord::from_document).transpose();
                let record = record
                    .map_err(|error| unreadable("the user document", &error))?
                    .map(Arc::new);
                client.connection.saw_user(login, record.clone());
                (record, document)
            }
        };
        Ok(ObservedUser {
            user,
            document,
            groups: client.connection.groups(),
            profiles: client.connection.profiles(),
            default_profile: client.connection.default_user_profile.clone(),
        })
    }

    fn diff(desired: &DesiredUser, observed: &ObservedUser) -> Result<Plan<UserChange>, Error> {
        match &observed.user {
            None => creation(desired, observed),
            Some(user) => edit(desired, user, observed),
        }
    }

    fn removal(removal: &Removal, observed: &ObservedUser) -> Plan<UserChange> {
        let Some(user) = &observed.user else {
            return Plan::default();
        };
        if removal.policy == DeletionPolicy::Delete {
            return Plan::of(Some(UserChange::Delete(user.login.clone())));
        }
        let mut fields = Vec::new();
        if user.enabled {
            fields.push(Field::Enabled(false));
        }
        let granted = removal.applied.grants.get(GROUPS).cloned().unwrap_or_default();
        let current: BTreeSet<String> = user.groups.iter().cloned().collect();
        fields.extend(membership(&current, &current.difference(&granted).cloned().collect()));
        Plan::of(UserChange::edit(&user.login, fields))
    }

    async fn apply(client: &DssClient, observed: &ObservedUser, change: &UserChange) -> Result<(), Error> {
        match change {
            UserChange::Create(user) => {
                let new = NewUser {
                    login: &user.login,
                    password: user.password.as_ref(),
                    display_name: &user.display_name,
                    source_type: user.source_type,
                    groups: &user.groups,
                    user_profile: &user.profile,
                    email: user.email.as_deref(),
                };
                Ok(client.dss.create_user(&new).await?)
            }
            UserChange::Edit(login, fields) => {
                let mut document = observed
                    .document
                    .clone()
                    .ok_or_else(|| Error::Internal(format!("user {login} is edited without its document")))?;
                for field in fields {
                    field
                        .write(&mut document)
                        .map_err(|error| unreadable("the user document", &error))?;
                }
                Ok(client.dss.put_user(login, &document).await?)
            }
            UserChange::Delete(login) => {
                client.dss.delete_user(login).await?;
                Ok(())
            }
        }
    }

    fn presence(observed: &ObservedUser) -> Presence {
        if observed.user.is_some() {
            Presence::Present
        } else {
            Presence::Absent
        }
    }

    fn show(observed: &ObservedUser) -> (DssUserSeen, Nothing) {
        let seen = observed.user.as_ref().map_or_else(DssUserSeen::default, |user| {
            let mut groups = user.groups.clone();
            groups.sort();
            DssUserSeen {
                resulting_user_profile: user.resulting_user_profile.clone(),
                enabled: Some(user.enabled),
                groups,
            }
        });
        (seen, Nothing {})
    }

    fn triggers(world: &Registry) -> BoxStream<'static, Trigger<ConnectionKey>> {
        dss::triggers(world)
    }
}

impl DssUser {
    fn declared_groups(&self) -> BTreeSet<String> {
        self.spec
            .groups
            .iter()
            .flatten()
            .map(|group| group.name.clone())
            .collect()
    }

    /// Whether drift of this object shows only in lists with settings.
    #[must_use]
    pub fn needs_settings(&self) -> bool {
        self.spec.user_properties.is_some() || self.spec.admin_properties.is_some()
    }
}

fn creation(desired: &DesiredUser, observed: &ObservedUser) -> Result<Plan<UserChange>, Error> {
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
    let mut plan = Plan::of(Some(UserChange::create(crate::kinds::dss_user_change::Creation {
        login: desired.login.clone(),
        password,
        display_name: desired.display_name.clone().unwrap_or_else(|| desired.login.clone()),
        source_type: source_type.as_str(),
        groups: groups.into_iter().collect(),
        profile,
        email: desired.email.clone().filter(|email| !email.is_empty()),
    })));
    plan.waiting = waiting;
    Ok(plan)
}

fn edit(desired: &DesiredUser, user: &UserRecord, observed: &ObservedUser) -> Result<Plan<UserChange>, Error> {
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
    if let Some(email) = desired
        .email
        .as_ref()
        .filter(|email| user.email.as_deref().unwrap_or_default() != **email)
    {
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
    if let Some(enabled) = desired.enabled.filter(|enabled| user.enabled != *enabled) {
        fields.push(Field::Enabled(enabled));
    }
    let current: BTreeSet<String> = user.groups.iter().cloned().collect();
    let (target, waiting) = target_groups(desired, &current, observed);
    fields.extend(membership(&current, &target));
    fields.extend(properties(
        &desired.user_properties,
        user.user_properties.as_ref(),
        Field::UserProperty,
    ));
    fields.extend(properties(
        &desired.admin_properties,
        user.admin_properties.as_ref(),
        Field::AdminProperty,
    ));
    if let Password::Changed(password) = &desired.password {
        fields.push(Field::Password(password.clone()));
    } else if let Password::Unchanged(Some(password)) = &desired.password
        && fields.iter().any(|field| matches!(field, Field::SourceType("LOCAL")))
    {
        // A user that becomes LOCAL needs a password in the same write.
        fields.push(Field::Password(password.clone()));
    }
    let mut plan = Plan::of(UserChange::edit(&user.login, fields));
    plan.waiting = waiting;
    Ok(plan)
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

fn membership(current: &BTreeSet<String>, target: &BTreeSet<String>) -> Option<Field> {
    (current != target).then(|| Field::Groups {
        added: target.difference(current).cloned().collect(),
        removed: current.difference(target).cloned().collect(),
    })
}

/// Declared properties that differ. Lists without settings show none, and then nothing can be said.
fn properties(
    declared: &BTreeMap<String, String>,
    found: Option<&BTreeMap<String, serde_json::Value>>,
    field: fn(String, String) -> Field,
) -> Vec<Field> {
    let Some(found) = found else { return Vec::new() };
    let differing = declared
        .iter()
        .filter(|(name, value)| found.get(*name).and_then(|found| found.as_str()) != Some(value));
    differing
        .map(|(name, value)| field(name.clone(), value.clone()))
        .collect()
}
