//! What to write to a user. Pure.

use jiff::Timestamp;
use secrecy::SecretString;

use super::{Change, NodeUser, access::Access, personal};
use crate::{
    crd::{
        applied::Applied,
        common::ListPolicy,
        node_user::{SourceType, UserSpec},
    },
    dataiku::{
        dip::users::UserRecord,
        document::{Document, DocumentError},
        email::same_email,
    },
    engine::{
        Error, Given, Plan, Secret, Secrets,
        connect::Effect,
        keep::fields::{Edit, Fields, Names, Switch},
        mark::{Mark, Marked},
        object,
    },
    kinds::node::{Known, NodeKind, NodeLists, change::Creation},
};

pub(super) const PASSWORD: &str = "password";
pub(super) const GROUPS: &str = "groups";
const USER_PROPERTIES: &str = "userProperties";
const ADMIN_PROPERTIES: &str = "adminProperties";
/// The admin property with the mark of the object that created the user.
pub(super) const OWNER: &str = "dataiku-operator.io/owner";
const ENABLED: Switch = Switch {
    at: "enabled",
    on: "enable",
    off: "disable",
    off_event: "Disabled",
};

/// Largest spec in bytes.
const LARGEST: usize = 64 << 10;
/// Bytes of a membership beside the name of its group, at most.
const GROUP_BYTES: usize = 80;

/// A user to be created.
#[derive(Clone)]
pub struct NewAccount {
    pub(super) login: String,
    pub(super) password: Option<SecretString>,
    pub(super) display_name: String,
    pub(super) source_type: SourceType,
    pub(super) groups: Vec<String>,
    pub(super) profile: String,
    pub(super) email: Option<String>,
    pub(super) follows: Vec<String>,
}

impl Creation for NewAccount {
    fn steps(&self) -> Vec<String> {
        let source_type = self.source_type.as_str();
        let created = format!("create {source_type} user with profile {}", self.profile);
        let groups = self.groups.iter().map(|group| format!("add to group {group}"));
        std::iter::once(created).chain(groups).collect()
    }

    fn follows(&self) -> Vec<String> {
        self.follows.clone()
    }

    fn slots(&self) -> Vec<String> {
        self.password.iter().map(|_| PASSWORD.to_owned()).collect()
    }

    fn edited(login: &str, edit: &Edit) -> Vec<Effect> {
        let password = edit.slots().contains(&PASSWORD.to_owned());
        let password = password.then(|| Effect::SetsPassword(login.to_owned()));
        let edits = std::iter::once(Effect::Edits(login.to_owned())).chain(password);
        let disables = edit.turns_off(ENABLED.at).then(|| Effect::Disables(login.to_owned()));
        let leaves = edit.removed(GROUPS).map(|group| Effect::Leaves {
            user: login.to_owned(),
            group: group.clone(),
        });
        edits.chain(disables).chain(leaves).collect()
    }

    fn deleted(login: &str) -> Effect {
        Effect::Deletes(login.to_owned())
    }
}

impl NewAccount {
    /// The user right after its creation (contract sheet 2.2).
    fn as_created(&self) -> Result<UserRecord, Error> {
        let mut document = Document::new();
        document.set("login", &self.login);
        document.set("sourceType", self.source_type.as_str());
        document.set("displayName", &self.display_name);
        document.set("email", &self.email);
        document.set("userProfile", &self.profile);
        document.set(GROUPS, &self.groups);
        document.set(ENABLED.at, &true);
        document.set(USER_PROPERTIES, &serde_json::json!({}));
        document.set(ADMIN_PROPERTIES, &serde_json::json!({}));
        document.set("secrets", &serde_json::json!([]));
        document.set("credentials", &serde_json::json!({}));
        UserRecord::from_document(&document).map_err(|error| Error::Internal(format!("a new user: {error}")))
    }
}

/// For a user that does not exist.
pub(super) fn create<K: NodeUser>(object: &K, given: &Given<'_, K::Instance>) -> Result<Plan<Change>, Error> {
    let (spec, lists): (_, &NodeLists) = (object.user(), given.lists.as_ref());
    bounded(object)?;
    let access = Access::at(spec, given.now, false);
    if access.has_ended() {
        let mut plan = Plan::default();
        access.expiry.limit(&mut plan);
        return Ok(plan);
    }
    let source_type = spec.source_type.unwrap_or_default();
    let local = source_type == SourceType::Local;
    let has_password = spec.password_secret_ref.is_some() || spec.generate_password.is_some();
    if local && !has_password && !spec.policies.observes() {
        return Err(Error::invalid(
            "a LOCAL user needs passwordSecretRef or generatePassword to be created: set one, or another sourceType",
        ));
    }
    let default_profile = || given.connection.node().default_user_profile.clone();
    let profile = spec.user_profile.clone().or_else(default_profile).ok_or_else(|| {
        let kind = object::kind::<K::Instance>();
        Error::invalid(format!(
            "no userProfile: set it here, or set defaultUserProfile on the {kind}"
        ))
    })?;
    licensed(&profile, lists)?;
    if local && is_unavailable(given.secrets) {
        let waits = format!("create LOCAL user with profile {profile}: waits for the password");
        return Ok(Plan {
            waiting: vec![waits],
            ..Plan::default()
        });
    }
    let login = object.login();
    let declared = access.groups.iter().flatten();
    let groups: Vec<&str> = declared.copied().filter(|name| may_exist(lists, name)).collect();
    let new = NewAccount {
        password: given.secrets.value(PASSWORD).cloned(),
        display_name: spec.display_name.clone().unwrap_or_else(|| login.clone()),
        login,
        source_type,
        groups: groups.into_iter().map(str::to_owned).collect(),
        profile,
        email: spec.email.clone().filter(|email| !email.is_empty()),
        follows: Vec::new(),
    };
    let created = new.as_created()?;
    let fields = fields(spec, &access, given.record, lists, &created, Some(source_type), None);
    let fields = with_personal(fields, object, given.secrets, &created)?;
    let mut plan = fields.into_creation(|follows| Change::Create(Box::new(NewAccount { follows, ..new })));
    access.expiry.limit(&mut plan);
    Ok(plan)
}

/// For a user that exists.
pub(super) fn edit<K: NodeUser>(
    object: &K,
    given: &Given<'_, K::Instance>,
    user: &UserRecord,
) -> Result<Plan<Change>, Error> {
    let (spec, lists): (_, &NodeLists) = (object.user(), given.lists.as_ref());
    bounded(object)?;
    let (record, secrets) = (given.record, given.secrets);
    if let Some(profile) = &spec.user_profile
        && user.user_profile.as_ref() != Some(profile)
    {
        licensed(profile, lists)?;
    }
    let local = SourceType::Local;
    let becomes_local = spec.source_type == Some(local) && user.source_type.as_deref() != Some(local.as_str());
    // A user that becomes LOCAL needs a password in the same write (contract sheet 2.2).
    let waits = becomes_local && is_unavailable(secrets);
    let (source_type, password) = match (waits, becomes_local) {
        (true, _) => (None, None),
        (false, true) => (spec.source_type, secrets.value(PASSWORD)),
        (false, false) => (spec.source_type, secrets.changed(PASSWORD)),
    };
    let waits = waits.then(|| "set sourceType to LOCAL: waits for the password".to_owned());
    let access = Access::at(spec, given.now, true);
    let fields = fields(spec, &access, record, lists, user, source_type, password).waiting(waits);
    let fields = with_personal(fields, object, secrets, user)?.along(marking(given, user));
    let key = user.login.clone();
    let mut plan = fields.into_plan(|edit| Change::Edit { key, edit });
    access.expiry.limit(&mut plan);
    Ok(plan)
}

/// For a user whose object is being deleted with the policy `Disable`.
pub(super) fn disable(record: &Applied, user: &UserRecord) -> Plan<Change> {
    let fields = Fields::new(record, &user.unreadable)
        .switch(&ENABLED, Some(false), user.enabled)
        .names(&Names {
            at: GROUPS,
            noun: "group",
            declared: None,
            exact: false,
            found: user.groups.as_deref(),
            known: &|_| true,
        });
    let key = user.login.clone();
    let mut plan = fields.into_plan(|edit| Change::Edit { key, edit });
    // The object must not go while a membership on record is left.
    plan.in_progress = std::mem::take(&mut plan.waiting);
    plan
}

/// Whether a list shows every declared field of this user.
pub(super) fn is_shown<K: NodeUser>(object: &K, record: &Applied, lists: &NodeLists, user: &UserRecord) -> bool {
    let spec = object.user();
    // What is compared depends on no time limit.
    let access = Access::at(spec, Timestamp::UNIX_EPOCH, true);
    let fields = fields(spec, &access, record, lists, user, spec.source_type, None);
    // An invalid spec shows in the plan.
    with_personal(fields, object, &Secrets::default(), user).map_or(true, |fields| !fields.is_unknown())
}

/// The mark, where the user lacks it and carries nobody else's.
fn marking<C: NodeKind>(
    given: &Given<'_, C>,
    user: &UserRecord,
) -> Option<impl Fn(&mut Document) -> Result<(), DocumentError> + Send + Sync + 'static> {
    let wanted = given.connection.node().ownership_mark.unwrap_or(true);
    let mark = given.mark.clone().filter(|_| wanted)?;
    let found = user.admin_properties.as_ref()?.get(OWNER);
    let found = found.and_then(serde_json::Value::as_str);
    let free = found.and_then(Mark::read).is_none_or(|found| found.names_same(&mark));
    let mark = mark.to_string();
    (free && found != Some(&*mark)).then_some(move |document: &mut Document| {
        let mut properties = document.nested(ADMIN_PROPERTIES)?.unwrap_or_default();
        properties.set(OWNER, &mark);
        document.set(ADMIN_PROPERTIES, &properties);
        Ok(())
    })
}

/// Whose the user is, by its mark.
pub fn marked(user: &UserRecord) -> Marked {
    let Some(properties) = &user.admin_properties else {
        return Marked::Unread;
    };
    let mark = properties.get(OWNER).and_then(serde_json::Value::as_str);
    mark.and_then(Mark::read).map_or(Marked::No, Marked::By)
}

fn with_personal<'a, K: NodeUser>(
    fields: Fields<'a>,
    object: &K,
    secrets: &Secrets,
    user: &'a UserRecord,
) -> Result<Fields<'a>, Error> {
    match object.personal() {
        Some(spec) => personal::fields(fields, spec, secrets, user),
        None => Ok(fields),
    }
}

/// The fields of a user (contract sheet 2.1). `source_type` and `password` are what is due of them.
fn fields<'a>(
    spec: &'a UserSpec,
    access: &Access<'_>,
    record: &'a Applied,
    lists: &NodeLists,
    user: &'a UserRecord,
    source_type: Option<SourceType>,
    password: Option<&SecretString>,
) -> Fields<'a> {
    let source_type = source_type.map(SourceType::as_str);
    let (display_name, email) = (spec.display_name.as_deref(), spec.email.as_deref());
    let (user_properties, admin_properties) = (spec.user_properties.as_ref(), spec.admin_properties.as_ref());
    let groups = Names {
        at: GROUPS,
        noun: "group",
        declared: access.groups.clone(),
        exact: spec.groups_policy == Some(ListPolicy::Exact),
        found: user.groups.as_deref(),
        known: &|name| may_exist(lists, name),
    };
    Fields::new(record, &user.unreadable)
        .text("sourceType", source_type, user.source_type.as_deref())
        .text("displayName", display_name, user.display_name.as_deref())
        .text_like("email", email, user.email.as_deref(), same_email)
        .text(
            "userProfile",
            spec.user_profile.as_deref(),
            user.user_profile.as_deref(),
        )
        .limited_switch(&ENABLED, spec.enabled, user.enabled, access.expired)
        .names_without(&groups, &access.absent)
        .map(
            USER_PROPERTIES,
            "user property",
            user_properties,
            user.user_properties.as_ref(),
        )
        .map(
            ADMIN_PROPERTIES,
            "admin property",
            admin_properties,
            user.admin_properties.as_ref(),
        )
        .secret(PASSWORD, PASSWORD, password)
}

/// A spec whose lists and maps are each within their bounds may still be too large in all.
fn bounded<K: NodeUser>(object: &K) -> Result<(), Error> {
    let spec = object.user();
    let personal = object.personal().map(personal::size).unwrap_or_default();
    let maps = [&spec.user_properties, &spec.admin_properties].into_iter().flatten();
    let properties = maps.flatten().map(|(name, value)| name.len() + value.len());
    let groups = spec.groups.iter().flatten().map(|group| GROUP_BYTES + group.name.len());
    let bytes: usize = properties.chain(groups).chain([personal]).sum();
    if bytes > LARGEST {
        return Err(Error::invalid(format!(
            "the spec is larger than {} KiB: shorten its groups, properties, secrets or credentials",
            LARGEST >> 10
        )));
    }
    Ok(())
}

/// Groups that the user joins.
pub(super) fn group_names(spec: &UserSpec) -> impl Iterator<Item = &str> {
    let groups = spec.groups.iter().flatten();
    groups
        .filter(|group| group.is_present())
        .map(|group| group.name.as_str())
}

fn is_unavailable(secrets: &Secrets) -> bool {
    matches!(secrets.get(PASSWORD), Some(Secret::Missing(_) | Secret::Unusable(_)))
}

/// A node stores the name of a group that does not exist without an error (contract sheet, A9).
fn may_exist(lists: &NodeLists, group: &str) -> bool {
    lists.groups.get(group) != Known::Absent
}

/// A profile that the licence does not hold is refused before anything is written.
fn licensed(profile: &str, lists: &NodeLists) -> Result<(), Error> {
    match lists.profiles() {
        Some(profiles) if !profiles.iter().any(|licensed| licensed == profile) => Err(Error::invalid(format!(
            "userProfile {profile} is not licensed; the licence holds {}",
            profiles.join(", ")
        ))),
        _ => Ok(()),
    }
}
