//! Reads and edits users: many in one call, where many reconciles do so at the same time.

use std::{
    collections::{HashMap, HashSet},
    marker::PhantomData,
    sync::Arc,
    time::Duration,
};

use super::{
    NodeUser, Seen, SeenUser,
    create::{LISTED_FROM, LISTED_SHARE, Side, is_refusal},
    plan::is_shown,
};
use crate::{
    crd::applied::Applied,
    dataiku::{
        dip::{DipProduct, Node, bulk::UserEdit, users::UserRecord},
        document::Document,
        error::{ApiError, ErrorKind},
        permit::WritePermit,
    },
    engine::{
        Error, Observed,
        connect::Remote,
        keep::fields::Edit,
        shared::bulk::{BulkWrite, Sent},
    },
    kinds::node::{NodeKind, NodeLists},
};

/// Bytes of an edit in a call, at most: no spec is larger.
const MOST_EDITED: usize = 64 << 10;
/// Bytes of an edit in a call, about.
const EDITED: usize = 2 << 10;

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
    let gather = remote.together.unwrap_or_default();
    let listed = lists.reading.ask_after(gather, login, async |logins| {
        read_many(&remote.api, lists, logins).await
    });
    if let Some(user) = listed.await.flatten()
        // Without its mark, it does not show whose the user is.
        && user.admin_properties.is_some()
        && is_shown(object, record, lists, &user)
    {
        return Ok(Observed::Found(Seen::listed(user)));
    }
    super::look_up(object, &remote.api, lists, record)
        .await
        .map(Observed::new)
}

/// Users by one list; nothing where it costs more than a read for each, or fails.
async fn read_many<P: DipProduct>(
    api: &Node<P>,
    lists: &NodeLists,
    logins: Vec<String>,
) -> Vec<Option<Arc<UserRecord>>> {
    if logins.len() < LISTED_FROM + lists.users.len() / LISTED_SHARE {
        return vec![None; logins.len()];
    }
    let wanted: HashSet<&str> = logins.iter().map(String::as_str).collect();
    let listed = api.users(true, |user| {
        wanted.contains(&*user.login).then(|| lists.users.held(user))
    });
    let listed = match listed.await {
        Ok(listed) => listed,
        Err(error) => {
            tracing::debug!(%error, "users that are read together could not be listed");
            return vec![None; logins.len()];
        }
    };
    let found: HashMap<String, Arc<UserRecord>> = listed
        .items
        .into_iter()
        .flatten()
        .map(|user| (user.login.clone(), user))
        .collect();
    let each = logins.iter().map(|login| {
        let user = found.get(login).cloned();
        if user.is_some() {
            lists.users.saw(login, user.clone());
        }
        user
    });
    each.collect()
}

/// Edits a user that a list showed, together with all others that are edited at the same time.
pub(super) async fn edit<C: NodeKind>(
    remote: &Remote<C>,
    permit: WritePermit,
    login: String,
    edit: &Edit,
) -> Result<(), Error> {
    let side = Side::<C> {
        api: remote.api.clone(),
        lists: remote.live.lists.clone(),
    };
    let together = remote.live.writers.bulk::<UserEdits<C>>("user edits");
    let edit = edit.clone();
    together.write(&side, permit, OneEdit { login, edit }).await
}

/// An edit of one user.
struct OneEdit {
    login: String,
    edit: Edit,
}

/// Edits of users of one node.
struct UserEdits<C>(PhantomData<fn() -> C>);

/// What becomes of an edit once the document of its user is read.
enum Prepared {
    Goes(UserEdit),
    Done,
    Alone,
}

impl OneEdit {
    fn prepare(&self, before: Option<&Document>) -> Prepared {
        let Some(before) = before else { return Prepared::Alone };
        let mut after = before.clone();
        if self.edit.write(&mut after).is_err() {
            return Prepared::Alone;
        }
        match UserEdit::between(&self.login, before, &after) {
            Some(edit) if edit.is_empty() => Prepared::Done,
            Some(edit) => Prepared::Goes(edit),
            None => Prepared::Alone,
        }
    }
}

impl<C: NodeKind> BulkWrite for UserEdits<C> {
    type Api = Side<C>;
    type Item = OneEdit;

    // The list that showed these users answered many at once.
    const GATHER: Duration = Duration::from_millis(50);

    fn bytes(one: &OneEdit) -> usize {
        (EDITED * one.edit.steps().len()).min(MOST_EDITED)
    }

    /// Reads all users by one list right before the edit: what an edit does not own in a map or a list is sent back as it was.
    async fn send(side: &Side<C>, permit: WritePermit, edits: &[&OneEdit]) -> Result<Vec<Sent>, ApiError> {
        let wanted: HashSet<&str> = edits.iter().map(|one| &*one.login).collect();
        let listed = side.api.user_documents(|login| wanted.contains(login)).await?;
        let documents: HashMap<String, Document> = listed.items.into_iter().collect();
        let mut going = Vec::new();
        let mut sent: Vec<Option<Sent>> = Vec::with_capacity(edits.len());
        for one in edits {
            sent.push(match one.prepare(documents.get(&one.login)) {
                Prepared::Goes(edit) => {
                    going.push(edit);
                    None
                }
                Prepared::Done => Some(Sent::Done(Ok(()))),
                Prepared::Alone => Some(Sent::Alone),
            });
        }
        drop(documents);
        let outcomes: Vec<Sent> = if going.len() < 2 {
            going.iter().map(|_| Sent::Alone).collect()
        } else {
            match side.api.edit_users(permit, &going).await {
                Ok(outcomes) => outcomes.into_iter().map(Sent::Done).collect(),
                Err(error) if matches!(error.status, Some(404 | 405 | 501)) => {
                    tracing::info!(%error, "the node has no bulk calls: users are edited one by one");
                    side.lists().bulk.are_lacking();
                    going.iter().map(|_| Sent::Alone).collect()
                }
                // Each is read before it is edited by itself: the node may have made some of the edits.
                Err(error) if is_refusal(&error) => going.iter().map(|_| Sent::Alone).collect(),
                Err(error) => return Err(error),
            }
        };
        let mut outcomes = outcomes.into_iter();
        let each = sent.into_iter().map(|known| known.or_else(|| outcomes.next()));
        Ok(each.map(|sent| sent.unwrap_or(Sent::Alone)).collect())
    }

    /// Reads the user and edits the whole document; no write where it is so already.
    async fn send_alone(side: &Side<C>, permit: WritePermit, one: &OneEdit) -> Result<(), ApiError> {
        const OPERATION: &str = "PUT /admin/users/{login}";
        let Some(before) = side.api.user(&one.login).await? else {
            return Err(ApiError::new(OPERATION, ErrorKind::NotFound, "there is no such user"));
        };
        let mut after = before.clone();
        let written = one.edit.write(&mut after);
        written.map_err(|error| ApiError::new(OPERATION, ErrorKind::Malformed, &error.to_string()))?;
        if UserEdit::between(&one.login, &before, &after).is_some_and(|edit| edit.is_empty()) {
            return Ok(());
        }
        side.api.put_user(permit, &one.login, &after).await
    }
}
