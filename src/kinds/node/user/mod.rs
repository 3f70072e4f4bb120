//! Users of a node: the strategy of `DssUser` and `GovernUser`.

mod access;
mod create;
mod personal;
mod plan;
mod show;
#[cfg(test)]
mod tests;
mod together;

use std::{marker::PhantomData, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use self::{
    create::create,
    plan::{PASSWORD, disable, edit, group_names, is_shown},
};
pub use self::{
    plan::{NewAccount, marked as owner},
    together::Element,
};
use super::{
    Known, NodeKind, NodeLists,
    change::{DocumentChange, Seen, edited},
    own, spelling,
};
use crate::{
    crd::{
        applied::Applied,
        common::{DeletionPolicy, InstanceRef},
        node_user::{SourceType, UserSeen, UserSpec},
        personal::PersonalSpec,
        status::{Nothing, Origin},
    },
    dataiku::{
        dip::{DipProduct, Node, users::UserRecord},
        permit::WritePermit,
    },
    engine::{
        Common, Error, Generation, Given, Managed, Object, Observed, Plan, Read, Receipt, SecretUse,
        connect::{ConnectionKey, ConnectionKind, Declared, Delegable, Remote},
        index::key_hash,
        mark::Marked,
        object,
    },
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
    /// Preferences, secrets and credentials, where the product has them.
    fn personal(&self) -> Option<&PersonalSpec> {
        None
    }
    /// Login of the remote user.
    fn login(&self) -> String {
        self.user().login.clone().unwrap_or_else(|| self.name_any())
    }
}

/// How users of a node are kept in line with their objects.
pub struct User<K>(PhantomData<K>);

type SeenUser = Seen<UserRecord>;
type Change = DocumentChange<NewAccount>;

impl<K: NodeUser> Managed for User<K> {
    type Object = K;
    type Connection = K::Instance;
    type Seen = SeenUser;
    type Change = Change;

    const REMOTE: &'static str = "user";
    const CREATION_IS_EXCLUSIVE: bool = true;

    fn common(object: &K) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(object.instance_ref(), object.namespace().as_deref()),
            key: object.login(),
            policies: &object.user().policies,
        }
    }

    fn secrets(object: &K) -> Vec<SecretUse> {
        let user = object.user();
        let declared = user.password_secret_ref.as_ref().map(|secret| {
            let key = secret.key.as_deref().unwrap_or(PASSWORD);
            SecretUse::new(PASSWORD, &secret.name, key)
        });
        let generated = user.generate_password.as_ref();
        let generated = generated.map(|generated| SecretUse::new(PASSWORD, &generated.secret_name, PASSWORD));
        let password = declared.or(generated);
        let personal = object.personal().map(personal::uses);
        password.into_iter().chain(personal.into_iter().flatten()).collect()
    }

    fn declares(object: &K) -> Declared {
        let user = object.user();
        Declared {
            delegable: Delegable::Freely,
            user: Some(object.login()),
            joins: group_names(user).map(str::to_owned).collect(),
            profile: user.user_profile.clone(),
            source_type: Some(user.source_type.unwrap_or_default().as_str().to_owned()),
            ..Declared::default()
        }
    }

    /// A node may compare logins without case.
    fn claim_key(object: &K) -> String {
        object.login().to_ascii_lowercase()
    }

    fn exists(lists: &<K::Instance as ConnectionKind>::Lists, login: &str, id: Option<&str>) -> Option<bool> {
        lists.as_ref().users.get(id.unwrap_or(login)).exists()
    }

    fn needs_details(object: &K) -> bool {
        let user = object.user();
        let maps = [&user.user_properties, &user.admin_properties];
        let recorded = object.status().and_then(|status| status.applied.as_ref());
        maps.into_iter().flatten().any(|map| !map.is_empty())
            || object.personal().is_some_and(|personal| !personal.is_empty())
            || recorded.is_some_and(|record| personal::LISTS.iter().any(|list| !record.grants.list(list).is_empty()))
    }

    fn default_deletion(origin: Origin) -> DeletionPolicy {
        match origin {
            Origin::Created => DeletionPolicy::Disable,
            Origin::Adopted => DeletionPolicy::Retain,
        }
    }

    fn marked(seen: &SeenUser) -> Marked {
        if seen.document.is_some() && seen.object.admin_properties.is_none() {
            return Marked::No;
        }
        plan::marked(&seen.object)
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
            Read::Fresh if remote.together.is_some() => together::look_up(object, remote, record).await,
            Read::Fresh => look_up(object, &remote.api, lists, record).await.map(Observed::new),
        }
    }

    fn plan(object: &K, given: &Given<'_, K::Instance>, seen: Option<&SeenUser>) -> Result<Plan<Change>, Error> {
        check_own(object, given)?;
        let Some(Seen { object: user, .. }) = seen else {
            return plan::create(object, given);
        };
        spelling::check("login", &object.login(), &user.login)?;
        edit(object, given, user)
    }

    fn removal(_: &K, policy: DeletionPolicy, given: &Given<'_, K::Instance>, seen: &SeenUser) -> Plan<Change> {
        // What a user manages of itself stays when the object goes.
        if own::is_own(given.connection.node()) {
            return Plan::default();
        }
        let user = &*seen.object;
        match policy {
            DeletionPolicy::Delete => Plan::new(Some(Change::Delete {
                key: user.login.clone(),
            })),
            DeletionPolicy::Disable | DeletionPolicy::Retain => disable(given.record, user),
        }
    }

    fn generation(object: &K, given: &Given<'_, K::Instance>) -> Option<Generation> {
        let user = object.user();
        let generated = user.generate_password.as_ref()?;
        let data = [("login", object.login()), ("url", given.connection.node().url.clone())];
        (user.source_type.unwrap_or_default() == SourceType::Local).then(|| Generation {
            name: generated.secret_name.clone(),
            slot: PASSWORD,
            key: PASSWORD,
            length: generated.length(),
            data: data.into_iter().collect(),
        })
    }

    async fn apply(
        remote: &Remote<K::Instance>,
        permit: WritePermit,
        seen: Option<&SeenUser>,
        change: &Change,
    ) -> Result<Receipt, Error> {
        let lists: &NodeLists = remote.lists().as_ref();
        match change {
            Change::Create(user) => return Box::pin(create::<K::Instance>(remote, permit, user)).await,
            Change::Edit { key, edit } => {
                let own = *lists.own.get();
                let permit = match seen {
                    Some(seen)
                        if remote.together.is_some()
                            && Self::edits_together(remote.lists())
                            && seen.element.is_some() =>
                    {
                        match together::edit::<K::Instance>(remote, permit, seen, edit).await? {
                            together::Outcome::Edited => return Ok(Receipt::default()),
                            together::Outcome::Whole(permit) => permit,
                        }
                    }
                    _ => permit,
                };
                let read = match seen {
                    // A list showed the user, and lists hold no documents.
                    Some(seen) if seen.document.is_none() => fresh(&remote.api, lists, &seen.object.login).await?,
                    _ => None,
                };
                let document = edited("the user document", read.as_ref().or(seen), edit)?;
                if own {
                    remote.api.put_own_user(permit, &document).await?;
                } else {
                    remote.api.put_user(permit, key, &document).await?;
                }
            }
            Change::Delete { key } => together::delete::<K::Instance>(remote, permit, key).await?,
        }
        Ok(Receipt::default())
    }

    fn creates_together(lists: &<K::Instance as ConnectionKind>::Lists) -> bool {
        lists.as_ref().bulk.create()
    }

    fn edits_together(lists: &<K::Instance as ConnectionKind>::Lists) -> bool {
        let lists = lists.as_ref();
        lists.bulk.edit() && !*lists.own.get()
    }

    fn removes_together(lists: &<K::Instance as ConnectionKind>::Lists) -> bool {
        let lists = lists.as_ref();
        (lists.bulk.edit() || lists.bulk.delete()) && !*lists.own.get()
    }

    fn evidence(seen: &SeenUser) -> u64 {
        key_hash(&format!("{:?}", seen.object))
    }

    fn show(
        object: &K,
        seen: Option<&SeenUser>,
        _: &Applied,
        lists: &<K::Instance as ConnectionKind>::Lists,
    ) -> UserSeen {
        show::show(object, seen, lists.as_ref())
    }
}

/// Fails if the connection uses a user's own key and the object asks for more than that.
fn check_own<K: NodeUser>(object: &K, given: &Given<'_, K::Instance>) -> Result<(), Error> {
    if !own::is_own(given.connection.node()) {
        return Ok(());
    }
    let lists: &NodeLists = given.lists.as_ref();
    own::check(object, lists.identity().as_deref())
}

/// Reads the user.
async fn look_up<K: NodeUser, P: DipProduct>(
    object: &K,
    api: &Node<P>,
    lists: &NodeLists,
    record: &Applied,
) -> Result<Option<SeenUser>, Error> {
    let login = object.login();
    if *lists.own.get() {
        return own::fresh(api, lists, &login).await;
    }
    if let Some(user) = lists.created.take(&login)
        && is_shown(object, record, lists, &user)
    {
        return Ok(Some(Seen::listed(user)));
    }
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
    Ok(user.map(|object| Seen::read(object, document)))
}

fn listed<K: NodeUser>(object: &K, lists: &NodeLists, record: &Applied) -> Observed<SeenUser> {
    match lists.users.get_stored(&object.login(), record) {
        Known::Found(user) if is_shown(object, record, lists, &user) => Observed::Found(Seen::listed(user)),
        Known::Found(_) | Known::Unknown => Observed::Unknown,
        Known::Absent => Observed::Absent,
    }
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
