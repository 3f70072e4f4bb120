//! Reads and edits users: many in one call, where many reconciles do so at the same time.

use std::{
    collections::{HashMap, HashSet},
    marker::PhantomData,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    NodeUser, Seen, SeenUser,
    create::{LISTED_FROM, LISTED_SHARE, Side, is_refusal, is_untold, lacks_call},
    plan::is_shown,
};
use crate::{
    crd::applied::Applied,
    dataiku::{
        dip::{DipProduct, Node, bulk::UserEdit, users::UserRecord},
        document::Document,
        error::ApiError,
        permit::WritePermit,
        transport::Loan,
    },
    engine::{
        Error, Observed,
        connect::Remote,
        keep::fields::Edit,
        shared::bulk::{BulkWrite, Sent},
    },
    kinds::node::{NodeKind, NodeLists},
};

/// How old a list may be from which edits are made. They carry whole members, such as the groups: what somebody takes out of one
/// meanwhile, they would put back.
const OLDEST: Duration = Duration::from_secs(5);

/// A user as one list showed it to many reconciles.
pub struct Element {
    user: Arc<UserRecord>,
    document: Document,
    /// When the list was asked for.
    read: Instant,
    /// What the elements of that list take.
    loan: Arc<Loan>,
}

/// Reads the user, by one list with all others that are asked for at the same time if they are many.
pub(super) async fn look_up<K: NodeUser>(
    object: &K,
    remote: &Remote<K::Instance>,
    record: &Applied,
) -> Result<Observed<SeenUser>, Error> {
    let lists: &NodeLists = remote.lists().as_ref();
    let login = object.login();
    if let Some(user) = lists.created.take(&login)
        && is_shown(object, record, lists, &user)
    {
        return Ok(Observed::Found(Seen::listed(user)));
    }
    let gather = remote.together.clone().unwrap_or_default();
    let (api, shared) = (remote.api.clone(), remote.live.lists.clone());
    let read = move |logins| async move { read_many(&api, (*shared).as_ref(), logins).await };
    let listed = lists.reading.ask_after(gather, login, read).await.flatten();
    // Without the properties that hold its mark, an element does not show whose the user is.
    let shown = |one: &Element| one.user.admin_properties.is_some() && is_shown(object, record, lists, &one.user);
    if let Some(one) = listed.filter(shown) {
        let Element {
            user,
            document,
            read,
            loan,
        } = one;
        return Ok(Observed::Found(Seen {
            element: Some((document, read, loan)),
            ..Seen::listed(user)
        }));
    }
    super::look_up(object, &remote.api, lists, record)
        .await
        .map(Observed::new)
}

/// Users by one list; nothing of a user that it does not show, nor where the list costs more than a read for each, or fails.
async fn read_many<P: DipProduct>(api: &Node<P>, lists: &NodeLists, logins: Vec<String>) -> Vec<Option<Element>> {
    let nothing = |logins: Vec<String>| logins.into_iter().map(|_| None).collect();
    if logins.len() < LISTED_FROM + lists.users.len() / LISTED_SHARE {
        return nothing(logins);
    }
    let read = Instant::now();
    let wanted: HashSet<&str> = logins.iter().map(String::as_str).collect();
    let (listed, loan) = match api.users_to_edit(|login| wanted.contains(login)).await {
        Ok((listed, loan)) => (listed, Arc::new(loan)),
        Err(error) => {
            tracing::debug!(%error, "users that are read together could not be listed");
            return nothing(logins);
        }
    };
    let mut found = HashMap::new();
    for one in listed {
        let user = lists.users.held(one.record);
        let document = one.element;
        let element = Element {
            user: user.clone(),
            document,
            read,
            loan: loan.clone(),
        };
        found.insert(user.login.clone(), element);
    }
    let each = logins.iter().map(|login| {
        let one = found.remove(login)?;
        lists.users.saw(login, Some(one.user.clone()));
        Some(one)
    });
    each.collect()
}

/// Edits a user that a list showed, together with all others that are edited at the same time.
pub(super) async fn edit<C: NodeKind>(
    remote: &Remote<C>,
    permit: WritePermit,
    seen: &SeenUser,
    edit: &Edit,
) -> Result<Outcome, Error> {
    let login = &seen.object.login;
    let Some((before, read, loan)) = &seen.element else {
        return Ok(Outcome::Whole(permit));
    };
    let Some(partial) = partial(login, before, edit) else {
        return Ok(Outcome::Whole(permit));
    };
    if partial.is_empty() {
        return Ok(Outcome::Edited);
    }
    let side = Side::<C> {
        api: remote.api.clone(),
        lists: remote.live.lists.clone(),
    };
    let one = OneEdit {
        login: login.clone(),
        partial,
        read: *read,
        edit: edit.clone(),
        _loan: loan.clone(),
    };
    let together = remote.live.writers.bulk::<UserEdits<C>>("user edits");
    together.write(&side, permit, one, remote.expected()).await?;
    Ok(Outcome::Edited)
}

/// What became of an edit that may go together with others.
pub(super) enum Outcome {
    /// It was made.
    Edited,
    /// Nothing was sent: only a write of the whole document carries it.
    Whole(WritePermit),
}

fn partial(login: &str, before: &Document, edit: &Edit) -> Option<UserEdit> {
    let mut after = before.clone();
    edit.write(&mut after).ok()?;
    UserEdit::between(login, before, &after)
}

/// An edit of one user.
struct OneEdit {
    login: String,
    partial: UserEdit,
    /// When what the edit changes was read.
    read: Instant,
    /// The same, for the whole document.
    edit: Edit,
    /// The write may wait longer than the reconcile that asked for it.
    _loan: Arc<Loan>,
}

/// Edits of users of one node.
struct UserEdits<C>(PhantomData<fn() -> C>);

impl<C: NodeKind> BulkWrite for UserEdits<C> {
    type Api = Side<C>;
    type Item = OneEdit;

    // One list showed these users to many reconciles, so the others are about to come.
    const GATHER: Duration = Duration::from_millis(100);

    fn bytes(one: &OneEdit) -> usize {
        one.partial.bytes()
    }

    async fn send(side: &Side<C>, permit: WritePermit, edits: &[&OneEdit]) -> Result<Vec<Sent>, ApiError> {
        // Each is read before it is edited by itself: the node may have made some of the edits.
        let each_alone = || edits.iter().map(|_| Sent::Alone).collect();
        let recent: Vec<bool> = edits.iter().map(|one| one.read.elapsed() <= OLDEST).collect();
        let partials: Vec<&UserEdit> = edits
            .iter()
            .zip(&recent)
            .filter_map(|(one, recent)| recent.then_some(&one.partial))
            .collect();
        if partials.is_empty() || !side.lists().bulk.edit() {
            return Ok(each_alone());
        }
        match side.api.edit_users(permit, &partials).await {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                // Where the answer does not tell, a read does: the user is edited by itself if that is still to be done.
                let each = recent
                    .iter()
                    .map(|recent| match recent.then(|| outcomes.next()).flatten() {
                        Some(outcome) if !is_untold(&outcome) => Sent::Done(outcome),
                        Some(_) | None => Sent::Alone,
                    });
                Ok(each.collect())
            }
            Err(error) if lacks_call(&error) => {
                tracing::info!(%error, "the node has no call that edits many users: they are edited one by one");
                side.lists().bulk.edits_are_lacking();
                Ok(each_alone())
            }
            Err(error) if is_refusal(&error) => Ok(each_alone()),
            Err(error) => Err(error),
        }
    }

    /// Reads the user and edits the whole document; no write where it is so already.
    async fn send_alone(side: &Side<C>, permit: WritePermit, one: &OneEdit) -> Result<(), ApiError> {
        let edit = |document: &mut Document| one.edit.write(document);
        side.api.edit_user(permit, &one.login, edit).await
    }
}

/// Deletes a user, together with all others that are deleted at the same time.
pub(super) async fn delete<C: NodeKind>(remote: &Remote<C>, permit: WritePermit, login: &str) -> Result<(), Error> {
    let lists: &NodeLists = remote.lists().as_ref();
    if remote.together.is_none() || !lists.bulk.delete() {
        remote.api.delete_user(permit, login).await?;
        return Ok(());
    }
    let side = Side::<C> {
        api: remote.api.clone(),
        lists: remote.live.lists.clone(),
    };
    let together = remote.live.writers.bulk::<UserDeletions<C>>("user deletions");
    together.write(&side, permit, login.to_owned(), remote.expected()).await
}

/// Deletions of users of one node.
struct UserDeletions<C>(PhantomData<fn() -> C>);

impl<C: NodeKind> BulkWrite for UserDeletions<C> {
    type Api = Side<C>;
    type Item = String;

    // These users got their permits together, so the others are about to come.
    const GATHER: Duration = Duration::from_millis(50);

    fn bytes(login: &String) -> usize {
        login.len() + 4
    }

    /// Where the answer does not tell that a user was deleted, a call for this user alone does.
    async fn send(side: &Side<C>, permit: WritePermit, logins: &[&String]) -> Result<Vec<Sent>, ApiError> {
        let each_alone = || logins.iter().map(|_| Sent::Alone).collect();
        if !side.lists().bulk.delete() {
            return Ok(each_alone());
        }
        let names: Vec<&str> = logins.iter().map(|login| login.as_str()).collect();
        match side.api.delete_users(permit, &names).await {
            Ok(outcomes) => {
                let each = outcomes.into_iter().map(|outcome| match outcome {
                    Ok(()) => Sent::Done(Ok(())),
                    Err(_) => Sent::Alone,
                });
                Ok(each.collect())
            }
            Err(error) if lacks_call(&error) => {
                tracing::info!(%error, "the node has no call that deletes many users: they are deleted one by one");
                side.lists().bulk.deletions_are_lacking();
                Ok(each_alone())
            }
            Err(error) if is_refusal(&error) => Ok(each_alone()),
            Err(error) => Err(error),
        }
    }

    async fn send_alone(side: &Side<C>, permit: WritePermit, login: &String) -> Result<(), ApiError> {
        side.api.delete_user(permit, login).await.map(drop)
    }
}
