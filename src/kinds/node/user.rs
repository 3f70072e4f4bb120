//! Users of a node: the strategy of `DssUser` and `GovernUser`.

use std::{collections::BTreeSet, marker::PhantomData, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use secrecy::SecretString;

use super::{
    Known, NodeKind, NodeLists,
    change::{Creation, DocumentChange},
    spelling,
};
use crate::{
    crd::{
        applied::Applied,
        common::{DeletionPolicy, InstanceRef, ListPolicy},
        node_user::{SourceType, UserSeen, UserSpec},
        status::{Nothing, Origin},
    },
    dataiku::{
        dip::{
            DipProduct, Node,
            users::{NewUser, UserRecord},
        },
        document::Document,
        email::same_email,
        permit::WritePermit,
    },
    engine::{
        Common, Error, Given, Managed, Object, Observed, Plan, Read, Receipt, Secret, SecretUse, Secrets,
        connect::{ConnectionKey, ConnectionKind, Effect, Remote},
        index::key_hash,
        keep::fields::{Edit, Fields, Names, Switch},
        object,
    },
};

const PASSWORD: &str = "password";
const GROUPS: &str = "groups";
const USER_PROPERTIES: &str = "userProperties";
const ADMIN_PROPERTIES: &str = "adminProperties";
const ENABLED: Switch = Switch {
    at: "enabled",
    on: "enable",
    off: "disable",
    off_event: "Disabled",
};
/// How much the clock of a node may be behind that of the apiserver.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// A kind of users of a node.
pub trait NodeUser: Object<Seen = UserSeen, Shown = Nothing> {
    /// The kind of connection to its nodes.
    type Instance: NodeKind;

    /// The connection.
    fn instance_ref(&self) -> &InstanceRef;
    /// The fields of the user.
    fn user(&self) -> &UserSpec;
    /// Login of the remote user.
    fn login(&self) -> String {
        self.user().login.clone().unwrap_or_else(|| self.name_any())
    }
}

/// How users of a node are kept in line with their objects.
pub struct User<K>(PhantomData<K>);

/// A user as the node has it.
pub struct SeenUser {
    user: Arc<UserRecord>,
    /// The whole document; only from a read of this user.
    document: Option<Document>,
}

/// A user to be created.
pub struct NewAccount {
    login: String,
    password: Option<SecretString>,
    display_name: String,
    source_type: SourceType,
    groups: Vec<String>,
    profile: String,
    email: Option<String>,
    follows: Vec<String>,
}

impl Creation for NewAccount {
    fn steps(&self) -> Vec<String> {
        let created = format!(
            "create {} user with profile {}",
            self.source_type.as_str(),
            self.profile
        );
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
        let disables = edit.turns_off(ENABLED.at).then(|| Effect::Disables(login.to_owned()));
        let leaves = edit.removed(GROUPS).map(|group| Effect::Leaves {
            user: login.to_owned(),
            group: group.clone(),
        });
        disables.into_iter().chain(leaves).collect()
    }

    fn deleted(login: &str) -> Effect {
        Effect::Deletes(login.to_owned())
    }
}

type Change = DocumentChange<NewAccount>;

impl<K: NodeUser> Managed for User<K> {
    type Object = K;
    type Connection = K::Instance;
    type Seen = SeenUser;
    type Change = Change;

    const REMOTE: &'static str = "user";

    fn common(object: &K) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(object.instance_ref(), object.namespace().as_deref()),
            key: object.login(),
            policies: &object.user().policies,
        }
    }

    fn secrets(object: &K) -> Vec<SecretUse> {
        let password = object.user().password_secret_ref.as_ref();
        let password = password.map(|secret| {
            let key = secret.key.as_deref().unwrap_or(PASSWORD);
            SecretUse::new(PASSWORD, &secret.name, key)
        });
        password.into_iter().collect()
    }

    /// A node may compare logins without case.
    fn claim_key(object: &K) -> String {
        object.login().to_ascii_lowercase()
    }

    fn needs_details(object: &K) -> bool {
        let user = object.user();
        let maps = [&user.user_properties, &user.admin_properties];
        maps.into_iter().flatten().any(|map| !map.is_empty())
    }

    fn default_deletion(origin: Origin) -> DeletionPolicy {
        match origin {
            Origin::Created => DeletionPolicy::Disable,
            Origin::Adopted => DeletionPolicy::Retain,
        }
    }

    async fn observe(
        object: &K,
        remote: &Remote<K::Instance>,
        record: &Applied,
        read: Read,
    ) -> Result<Observed<SeenUser>, Error> {
        let lists = remote.lists().as_ref();
        match read {
            Read::Listed => Ok(listed(object, lists, record)),
            Read::Fresh => look_up(object, &remote.api, lists, record).await.map(Observed::new),
        }
    }

    fn plan(object: &K, given: &Given<'_, K::Instance>, seen: Option<&SeenUser>) -> Result<Plan<Change>, Error> {
        match seen {
            None => create(object, given),
            Some(seen) => {
                spelling::check("login", &object.login(), &seen.user.login)?;
                edit(
                    object.user(),
                    given.record,
                    given.secrets,
                    given.lists.as_ref(),
                    &seen.user,
                )
            }
        }
    }

    fn removal(_: &K, policy: DeletionPolicy, given: &Given<'_, K::Instance>, seen: &SeenUser) -> Plan<Change> {
        let user = &*seen.user;
        let key = user.login.clone();
        if policy == DeletionPolicy::Delete {
            return Plan::new(Some(Change::Delete { key }));
        }
        let fields = Fields::new(given.record, &user.unreadable)
            .switch(&ENABLED, Some(false), user.enabled)
            .names(&Names {
                at: GROUPS,
                noun: "group",
                declared: None,
                exact: false,
                found: user.groups.as_deref(),
                known: &|_| true,
            });
        let mut plan = fields.into_plan(|edit| Change::Edit { key, edit });
        // The object must not go while a membership on record is left.
        plan.in_progress = std::mem::take(&mut plan.waiting);
        plan
    }

    async fn apply(
        remote: &Remote<K::Instance>,
        permit: WritePermit,
        seen: Option<&SeenUser>,
        change: &Change,
    ) -> Result<Receipt, Error> {
        match change {
            Change::Create(user) => return post(&remote.api, remote.lists().as_ref(), permit, user).await,
            Change::Edit { key, edit } => {
                let document = seen.and_then(|seen| seen.document.clone());
                let mut document = document
                    .ok_or_else(|| Error::Internal(format!("user {key} would be edited without its document")))?;
                edit.write(&mut document)
                    .map_err(|error| Error::unreadable("the user document", &error))?;
                remote.api.put_user(permit, key, &document).await?;
            }
            Change::Delete { key } => _ = remote.api.delete_user(permit, key).await?,
        }
        Ok(Receipt::default())
    }

    fn evidence(seen: &SeenUser) -> u64 {
        key_hash(&format!("{:?}", seen.user))
    }

    fn show(object: &K, seen: Option<&SeenUser>, _: &Applied, _: &<K::Instance as ConnectionKind>::Lists) -> UserSeen {
        // A user in another spelling shows in the message alone.
        let Some(seen) = seen.filter(|seen| seen.user.login == object.login()) else {
            return UserSeen::default();
        };
        let mut groups = seen.user.groups.clone().unwrap_or_default();
        groups.sort();
        UserSeen {
            resulting_user_profile: seen.user.resulting_user_profile.clone(),
            enabled: seen.user.enabled,
            groups,
        }
    }
}

/// Reads the user.
async fn look_up<K: NodeUser, P: DipProduct>(
    object: &K,
    api: &Node<P>,
    lists: &NodeLists,
    record: &Applied,
) -> Result<Option<SeenUser>, Error> {
    let login = object.login();
    let declared = fresh(api, lists, &login).await?;
    if declared.is_some() {
        return Ok(declared);
    }
    match variant(object, &login, api, record).await? {
        Some(stored) => fresh(api, lists, &stored).await,
        None => Ok(None),
    }
}

async fn fresh<P: DipProduct>(api: &Node<P>, lists: &NodeLists, login: &str) -> Result<Option<SeenUser>, Error> {
    let document = api.user(login).await?;
    let user = document.as_ref().map(UserRecord::from_document).transpose();
    let user = user
        .map_err(|error| Error::unreadable("the user document", &error))?
        .map(Arc::new);
    lists.users.saw(login, user.clone());
    Ok(user.map(|user| SeenUser { user, document }))
}

fn listed<K: NodeUser>(object: &K, lists: &NodeLists, record: &Applied) -> Observed<SeenUser> {
    let login = object.login();
    let user = match lists.users.get(&login) {
        Known::Found(user) => user,
        Known::Unknown => return Observed::Unknown,
        Known::Absent => {
            let stored = record.id.as_deref().filter(|id| *id != login);
            match stored.and_then(|stored| lists.users.get(stored).found()) {
                Some(user) => user,
                None => return Observed::Absent,
            }
        }
    };
    let spec = object.user();
    if fields(spec, record, lists, &user, spec.source_type, None).is_unknown() {
        return Observed::Unknown;
    }
    Observed::Found(SeenUser { user, document: None })
}

/// The login under which the node stored the user that this object created, where it is not the declared one.
async fn variant<K: NodeUser, P: DipProduct>(
    object: &K,
    login: &str,
    api: &Node<P>,
    record: &Applied,
) -> Result<Option<String>, Error> {
    if let Some(id) = &record.id {
        return Ok(Some(id.clone()).filter(|id| id != login));
    }
    // The answer to the create may have been lost. Then a variant is ours only if it is younger than the object, and only if
    // the declared login never showed: a node that tells the two apart may have both.
    let never_seen = object
        .status()
        .and_then(|status| status.remote.as_ref())
        .is_some_and(|remote| remote.origin == Some(Origin::Created) && remote.seen == UserSeen::default());
    if !never_seen || !spelling::may_change(login) {
        return Ok(None);
    }
    let since = object::created(object)
        .checked_sub(CLOCK_SKEW)
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let users = api.users(false, |user| (user.login, user.creation_date)).await?;
    let younger = users.items.into_iter().filter(|(found, created)| {
        spelling::is_variant(found, login) && created.is_some_and(|created| created >= since.as_millisecond())
    });
    Ok(spelling::sole(younger.map(|(found, _)| found)))
}

async fn post<P: DipProduct>(
    api: &Node<P>,
    lists: &NodeLists,
    permit: WritePermit,
    user: &NewAccount,
) -> Result<Receipt, Error> {
    let login = &user.login;
    if user.source_type == SourceType::Local && user.password.is_none() {
        return Err(Error::Internal(format!(
            "user {login} would be created without its password"
        )));
    }
    let may_change = spelling::may_change(login);
    let before = if may_change {
        lists.users.filter(|found| spelling::is_variant(&found.login, login))
    } else {
        Vec::new()
    };
    let new = NewUser {
        login,
        password: user.password.as_ref(),
        display_name: &user.display_name,
        source_type: user.source_type.as_str(),
        groups: &user.groups,
        user_profile: &user.profile,
        email: user.email.as_deref(),
    };
    api.create_user(permit, &new).await?;
    let mut receipt = Receipt::default();
    // A failure of these reads is no failure of the write: the next observation answers the same question.
    if may_change
        && let Ok(None) = api.user(login).await
        && let Ok(users) = api.users(false, |found| found.login).await
    {
        let appeared = users.items.into_iter().filter(|found| {
            spelling::is_variant(found, login) && !before.iter().any(|earlier| earlier.login == *found)
        });
        receipt.id = spelling::sole(appeared);
    }
    Ok(receipt)
}

fn create<K: NodeUser>(object: &K, given: &Given<'_, K::Instance>) -> Result<Plan<Change>, Error> {
    let (spec, lists): (_, &NodeLists) = (object.user(), given.lists.as_ref());
    let login = object.login();
    let source_type = spec.source_type.unwrap_or_default();
    let local = source_type == SourceType::Local;
    if local && spec.password_secret_ref.is_none() && !spec.policies.observes() {
        return Err(Error::invalid(
            "a LOCAL user needs passwordSecretRef to be created: set it, or another sourceType",
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
    let display_name = spec.display_name.clone().unwrap_or_else(|| login.clone());
    let email = spec.email.clone().filter(|email| !email.is_empty());
    let groups: BTreeSet<&str> = group_names(spec).filter(|name| may_exist(lists, name)).collect();
    let created = as_created(&login, source_type, &display_name, email.as_deref(), &profile, &groups)?;
    let fields = fields(spec, given.record, lists, &created, Some(source_type), None);
    if local
        && matches!(
            given.secrets.get(PASSWORD),
            Some(Secret::Missing(_) | Secret::Unusable(_))
        )
    {
        let waits = format!("create LOCAL user with profile {profile}: waits for the password");
        return Ok(Plan {
            waiting: vec![waits],
            ..Plan::default()
        });
    }
    Ok(fields.into_creation(|follows| {
        Change::Create(Box::new(NewAccount {
            login,
            password: given.secrets.value(PASSWORD).cloned(),
            display_name,
            source_type,
            groups: groups.into_iter().map(str::to_owned).collect(),
            profile,
            email,
            follows,
        }))
    }))
}

/// The user right after its creation (contract sheet 2.2).
fn as_created(
    login: &str,
    source_type: SourceType,
    display_name: &str,
    email: Option<&str>,
    profile: &str,
    groups: &BTreeSet<&str>,
) -> Result<UserRecord, Error> {
    let mut document = Document::new();
    document.set("login", login);
    document.set("sourceType", source_type.as_str());
    document.set("displayName", display_name);
    document.set("email", &email);
    document.set("userProfile", profile);
    document.set(GROUPS, groups);
    document.set(ENABLED.at, &true);
    document.set(USER_PROPERTIES, &serde_json::json!({}));
    document.set(ADMIN_PROPERTIES, &serde_json::json!({}));
    UserRecord::from_document(&document).map_err(|error| Error::Internal(format!("a new user: {error}")))
}

fn edit(
    spec: &UserSpec,
    record: &Applied,
    secrets: &Secrets,
    lists: &NodeLists,
    user: &UserRecord,
) -> Result<Plan<Change>, Error> {
    if let Some(profile) = &spec.user_profile
        && user.user_profile.as_ref() != Some(profile)
    {
        licensed(profile, lists)?;
    }
    let local = SourceType::Local;
    let becomes_local = spec.source_type == Some(local) && user.source_type.as_deref() != Some(local.as_str());
    // A user that becomes LOCAL needs a password in the same write (contract sheet 2.2).
    let (source_type, password, waits) = match secrets.get(PASSWORD) {
        Some(Secret::Missing(_) | Secret::Unusable(_)) if becomes_local => (
            None,
            None,
            Some("set sourceType to LOCAL: waits for the password".to_owned()),
        ),
        _ if becomes_local => (spec.source_type, secrets.value(PASSWORD), None),
        _ => (spec.source_type, secrets.changed(PASSWORD), None),
    };
    let fields = fields(spec, record, lists, user, source_type, password).waiting(waits);
    let key = user.login.clone();
    Ok(fields.into_plan(|edit| Change::Edit { key, edit }))
}

/// The fields of a user (contract sheet 2.1). `source_type` and `password` are what is due of them.
fn fields<'a>(
    spec: &'a UserSpec,
    record: &'a Applied,
    lists: &NodeLists,
    user: &'a UserRecord,
    source_type: Option<SourceType>,
    password: Option<&SecretString>,
) -> Fields<'a> {
    let source_type = source_type.map(SourceType::as_str);
    Fields::new(record, &user.unreadable)
        .text("sourceType", source_type, user.source_type.as_deref())
        .text(
            "displayName",
            spec.display_name.as_deref(),
            user.display_name.as_deref(),
        )
        .text_like("email", spec.email.as_deref(), user.email.as_deref(), same_email)
        .text(
            "userProfile",
            spec.user_profile.as_deref(),
            user.user_profile.as_deref(),
        )
        .switch(&ENABLED, spec.enabled, user.enabled)
        .names(&Names {
            at: GROUPS,
            noun: "group",
            declared: spec.groups.as_ref().map(|_| group_names(spec).collect()),
            exact: spec.groups_policy == Some(ListPolicy::Exact),
            found: user.groups.as_deref(),
            known: &|name| may_exist(lists, name),
        })
        .map(
            USER_PROPERTIES,
            "user property",
            spec.user_properties.as_ref(),
            user.user_properties.as_ref(),
        )
        .map(
            ADMIN_PROPERTIES,
            "admin property",
            spec.admin_properties.as_ref(),
            user.admin_properties.as_ref(),
        )
        .secret(PASSWORD, PASSWORD, password)
}

fn group_names(spec: &UserSpec) -> impl Iterator<Item = &str> {
    spec.groups.iter().flatten().map(|group| group.name.as_str())
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

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
