//! Creates users: many in one call where the node has one, else one after the other.

use std::{collections::HashMap, marker::PhantomData, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::plan::NewAccount;
use crate::{
    crd::node_user::SourceType,
    dataiku::{
        dip::{
            DipProduct, Node,
            users::{NewUser, UserRecord},
        },
        error::{ApiError, ErrorKind},
        listed::Listed,
        permit::WritePermit,
    },
    engine::{
        Error, Receipt,
        connect::{ConnectionKind, Remote},
        shared::bulk::{BulkWrite, Sent},
    },
    kinds::node::{NodeKind, NodeLists, spelling},
};

/// Users that were created together are read back by one list instead of a call for each, if there are this many of them and
/// one in [`LISTED_SHARE`] of all users.
pub(super) const LISTED_FROM: usize = 4;
pub(super) const LISTED_SHARE: usize = 200;
/// How far the clock of a node may be behind.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(60);
/// Bytes of a user in a call beside its texts, at most.
const PUNCTUATION: usize = 200;

/// Creates a user.
pub(super) async fn create<C: NodeKind>(
    remote: &Remote<C>,
    permit: WritePermit,
    user: &NewAccount,
) -> Result<Receipt, Error> {
    let login = &user.login;
    let lists: &NodeLists = remote.lists().as_ref();
    // Where the node stores a login in another spelling, only a search after the creation of one user tells which.
    if remote.together.is_some() && lists.bulk.create() && !spelling::may_change(login) {
        complete(user)?;
        let side = Side::<C> {
            api: remote.api.clone(),
            lists: remote.live.lists.clone(),
        };
        let together = remote.live.writers.bulk::<NewUsers<C>>("new users");
        together.write(&side, permit, user.clone(), remote.expected()).await?;
        return Ok(Receipt::default());
    }
    post(&remote.api, lists, permit, user).await
}

/// Creates one user.
pub(super) async fn post<P: DipProduct>(
    api: &Node<P>,
    lists: &NodeLists,
    permit: WritePermit,
    user: &NewAccount,
) -> Result<Receipt, Error> {
    complete(user)?;
    let login = &user.login;
    let before = lists.users.variants(login);
    api.create_user(permit, &wire(user)).await?;
    let id = Box::pin(spelling::stored_as(
        login,
        &before,
        api.user(login),
        api.users(false, |found| found.login),
    ))
    .await;
    Ok(Receipt {
        id,
        ..Receipt::default()
    })
}

fn complete(user: &NewAccount) -> Result<(), Error> {
    if user.source_type == SourceType::Local && user.password.is_none() {
        let login = &user.login;
        return Err(Error::Internal(format!(
            "user {login} would be created without its password"
        )));
    }
    Ok(())
}

fn wire(user: &NewAccount) -> NewUser<'_> {
    NewUser {
        login: &user.login,
        password: user.password.as_ref(),
        display_name: &user.display_name,
        source_type: user.source_type.as_str(),
        groups: &user.groups,
        user_profile: &user.profile,
        email: user.email.as_deref(),
    }
}

/// The node, and what is known of it.
pub(super) struct Side<C: NodeKind> {
    pub(super) api: Node<C::Product>,
    pub(super) lists: Arc<<C as ConnectionKind>::Lists>,
}

impl<C: NodeKind> Clone for Side<C> {
    fn clone(&self) -> Self {
        Self {
            api: self.api.clone(),
            lists: self.lists.clone(),
        }
    }
}

impl<C: NodeKind> Side<C> {
    pub(super) fn lists(&self) -> &NodeLists {
        (*self.lists).as_ref()
    }

    async fn list(&self) -> Result<Listed<Arc<UserRecord>>, ApiError> {
        self.api.users(C::DETAILS, |user| self.lists().users.held(user)).await
    }

    /// Shows the reconciles of these users what the node stored, where one list costs less than a read for each. A failure is
    /// no failure of the creation: then each reads its own user.
    async fn read_back(&self, users: &[&NewAccount]) {
        // Whoever has more to write needs the whole document.
        let done = users.iter().filter(|user| user.follows.is_empty()).count();
        if done < LISTED_FROM + self.lists().users.len() / LISTED_SHARE {
            return;
        }
        let listed = match self.list().await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::debug!(%error, "users that were created together could not be listed");
                return;
            }
        };
        let mut found: HashMap<&str, &Arc<UserRecord>> =
            listed.items.iter().map(|user| (user.login.as_str(), user)).collect();
        for user in users {
            if let Some(found) = found.remove(user.login.as_str()) {
                self.lists().users.saw(&user.login, Some(found.clone()));
                if user.follows.is_empty() {
                    self.lists().created.put(found.clone());
                }
            }
        }
    }

    /// After an answer without an outcome for some users: an account of one of them that exists is believed to be what the call
    /// created only where it proves so. Else it is somebody else's: perhaps that is why the node did not create it.
    async fn after_silence(
        &self,
        users: &[&NewAccount],
        outcomes: Vec<Result<(), ApiError>>,
        began: Timestamp,
    ) -> Vec<Sent> {
        let listed = self.list().await.ok();
        let find = |user: &NewAccount| {
            let listed = listed.as_ref()?;
            listed.items.iter().find(|found| found.login == user.login)
        };
        let each = users.iter().zip(outcomes).map(|(user, outcome)| {
            let Err(mut error) = outcome else {
                return Sent::Done(Ok(()));
            };
            if error.kind == ErrorKind::Malformed && find(user).is_some_and(|found| !is_new(found, user, began)) {
                error.kind = ErrorKind::AlreadyExists;
            }
            Sent::Done(Err(error))
        });
        each.collect()
    }

    /// After a refusal of the call as a whole: users that do not exist are to be created one by one, so that the one at fault
    /// fails alone. The node may have created the others before it failed.
    async fn after_refusal(&self, users: &[&NewAccount], refused: &ApiError, began: Timestamp) -> Vec<Sent> {
        let failed = refused.status.is_some_and(|status| status >= 500);
        let listed = self.list().await.ok().filter(Listed::is_complete);
        let listed: Option<HashMap<&str, &Arc<UserRecord>>> = listed
            .as_ref()
            .map(|listed| listed.items.iter().map(|user| (user.login.as_str(), user)).collect());
        let (mut unclear, mut taken) = (refused.clone(), refused.clone());
        unclear.kind = ErrorKind::Malformed;
        taken.kind = ErrorKind::AlreadyExists;
        let each = users.iter().map(|user| {
            let Some(listed) = &listed else {
                return Sent::Done(Err(unclear.clone()));
            };
            match listed.get(user.login.as_str()) {
                None => Sent::Alone,
                // A call that the node did not accept created nobody. Without proof, an account is somebody else's.
                Some(found) if failed && is_new(found, user, began) => Sent::Done(Err(unclear.clone())),
                Some(_) => Sent::Done(Err(taken.clone())),
            }
        });
        each.collect()
    }
}

/// Whether an answer about many users does not tell what became of this one.
pub(super) fn is_untold(outcome: &Result<(), ApiError>) -> bool {
    matches!(outcome, Err(error) if error.kind == ErrorKind::Malformed)
}

/// Whether a node answers that it has no such call.
pub(super) fn lacks_call(error: &ApiError) -> bool {
    matches!(error.status, Some(404 | 405 | 501))
}

/// Whether an account that exists after a call that failed is what the call created: it has what was sent, and is not older.
fn is_new(found: &UserRecord, sent: &NewAccount, began: Timestamp) -> bool {
    let created = found.creation_date.and_then(|at| Timestamp::from_millisecond(at).ok());
    let is_young = created.is_some_and(|created| created >= began - CLOCKS_APART);
    is_young && found.display_name.as_deref() == Some(sent.display_name.as_str())
}

/// Creations of users of one node.
struct NewUsers<C>(PhantomData<fn() -> C>);

impl<C: NodeKind> BulkWrite for NewUsers<C> {
    type Api = Side<C>;
    type Item = NewAccount;

    // Others are about to be created as well, or this one would be created by itself.
    const GATHER: Duration = Duration::from_millis(100);

    fn bytes(user: &NewAccount) -> usize {
        let texts = [&user.login, &user.display_name, &user.profile].into_iter();
        let texts = texts.chain(&user.email).chain(&user.groups);
        PUNCTUATION + texts.map(|text| text.len() + 4).sum::<usize>()
    }

    async fn send(side: &Side<C>, permit: WritePermit, users: &[&NewAccount]) -> Result<Vec<Sent>, ApiError> {
        if !side.lists().bulk.create() {
            return Ok(users.iter().map(|_| Sent::Alone).collect());
        }
        let bodies: Vec<NewUser<'_>> = users.iter().map(|user| wire(user)).collect();
        let began = Timestamp::now();
        match side.api.create_users(permit, &bodies).await {
            Ok(outcomes) if outcomes.iter().any(is_untold) => Ok(side.after_silence(users, outcomes, began).await),
            Ok(outcomes) => {
                side.read_back(users).await;
                Ok(outcomes.into_iter().map(Sent::Done).collect())
            }
            Err(error) if lacks_call(&error) => {
                tracing::info!(%error, "the node has no call that creates many users: they are created one by one");
                side.lists().bulk.creations_are_lacking();
                Ok(users.iter().map(|_| Sent::Alone).collect())
            }
            Err(error) if is_refusal(&error) => Ok(side.after_refusal(users, &error, began).await),
            Err(error) => Err(error),
        }
    }

    async fn send_alone(side: &Side<C>, permit: WritePermit, user: &NewAccount) -> Result<(), ApiError> {
        side.api.create_user(permit, &wire(user)).await
    }
}

/// Whether the node does not accept what is in the call. Some releases report that as an error of their own (contract sheet
/// 1.4).
pub(super) fn is_refusal(error: &ApiError) -> bool {
    error.kind == ErrorKind::Rejected
        || error.kind == ErrorKind::AlreadyExists
        || (error.status == Some(500) && error.own_words)
}
