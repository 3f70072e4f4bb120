//! Performs the writes for a group.

use std::sync::Arc;

use super::{GroupChange, Seen, unreadable};
use crate::{
    crd::LaunchpadSpace,
    dataiku::{
        document::{Document, DocumentError},
        error::ErrorKind,
        launchpad::{
            groups::{DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, GroupRecord, Member, USERS, new_group},
            people::GroupReference,
        },
        permit::WritePermit,
    },
    engine::{Error, Receipt, connect::Remote, keep::fields::Edit},
    kinds::launchpad::{
        invites::{Invites, InvitesApi, InvitesEdit},
        lists::{Need, SpaceLists},
    },
};

pub(super) async fn apply(
    remote: &Remote<LaunchpadSpace>,
    permit: WritePermit,
    seen: Option<&Seen>,
    change: &GroupChange,
) -> Result<Receipt, Error> {
    let found = || seen.ok_or_else(|| Error::Internal("a group would be written that was not found".into()));
    match change {
        GroupChange::Create { name, edit, .. } => {
            let document = edited(new_group(name, None), edit.as_ref())?;
            let saved = remote.api.create_group(permit, &document).await?;
            let group = GroupRecord::from_document(&saved.document).map_err(|error| unreadable(&error))?;
            let id = group.id.clone();
            remote.lists().groups.saw(&id, Some(Arc::new(group)));
            Ok(Receipt {
                id: Some(id),
                task: saved.task_id,
                ..Receipt::default()
            })
        }
        GroupChange::Edit { edit, .. } => put(remote, permit, found()?, Some(edit)).await,
        GroupChange::Resubmit(_) => put(remote, permit, found()?, None).await,
        GroupChange::Invites { invites, .. } => {
            let group = &found()?.group;
            let edit = InvitesEdit::Group {
                group: GroupReference {
                    id: group.id.clone(),
                    name: group.name.clone(),
                },
                invites: invites.clone(),
            };
            let api = InvitesApi {
                api: remote.api.clone(),
                lists: remote.live.lists.clone(),
            };
            let writer = remote.live.writers.of("invites", || Invites);
            writer.edit(&api, permit, edit).await?;
            Ok(Receipt::default())
        }
        GroupChange::Delete(_) => {
            remote.api.delete_group(permit, &found()?.group.id).await?;
            Ok(Receipt::default())
        }
    }
}

/// Writes the document. A Launchpad may refuse one that names a node or a user that does not exist any more: then it gets
/// the document without them.
async fn put(
    remote: &Remote<LaunchpadSpace>,
    permit: WritePermit,
    seen: &Seen,
    edit: Option<&Edit>,
) -> Result<Receipt, Error> {
    let id = &seen.group.id;
    // No user is written between the read of the group and its write.
    let writes = remote.lists().memberships.read().await;
    let read = if *writes == seen.writes {
        seen.document.clone()
    } else {
        remote.api.group(id).await?
    };
    let read = read.ok_or_else(|| Error::Internal("a group would be edited without its document".into()))?;
    let mut document = edited(read, edit)?;
    let again = WritePermit::joint([&permit]);
    let mut also = Vec::new();
    let saved = match remote.api.put_group(permit, id, &document).await {
        Err(error) if matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound) => {
            let need = Need {
                people: true,
                nodes: true,
            };
            if remote.live.lists.refresh(&remote.api, need).await.is_ok() {
                also = without_unknown(&mut document, remote.lists()).map_err(|error| unreadable(&error))?;
            }
            if also.is_empty() {
                return Err(error.into());
            }
            remote.api.put_group(again, id, &document).await?
        }
        answer => answer?,
    };
    Ok(Receipt {
        task: saved.task_id,
        also,
        ..Receipt::default()
    })
}

/// Takes nodes and users that do not exist any more out of the document; what was taken out, in sentences for people.
fn without_unknown(document: &mut Document, lists: &SpaceLists) -> Result<Vec<String>, DocumentError> {
    let mut left_out = Vec::new();
    let nodes = lists.nodes();
    for map in [DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS] {
        let mut access = document.nested(map)?.unwrap_or_default();
        let names: Vec<String> = access.keys().map(str::to_owned).collect();
        let unknown = |name: &String| nodes.is_complete() && !nodes.items.iter().any(|node| node.name == *name);
        for name in names.into_iter().filter(unknown) {
            access.remove(&name);
            document.set(map, &access);
            left_out.push(format!(
                "leave out access to node {name}, which does not exist any more"
            ));
        }
    }
    let complete = lists.unreadable_people() == 0;
    let exists = |user: &Member| !complete || lists.user(&user.email).is_some();
    let mut known = |user: &Member| {
        if !exists(user) {
            left_out.push(format!("leave out member {}, who is not a user any more", user.email));
        }
        exists(user)
    };
    document.edit_list(USERS, &mut known, &[] as &[Member])?;
    Ok(left_out)
}

fn edited(mut document: Document, edit: Option<&Edit>) -> Result<Document, Error> {
    edit.map_or(Ok(()), |edit| edit.write(&mut document))
        .map_err(|error| unreadable(&error))?;
    Ok(document)
}
