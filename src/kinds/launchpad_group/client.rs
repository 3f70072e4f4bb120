//! A group's side of its space: reads and writes of its document, of invites, and of the task that follows.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kube::Resource;

use super::{
    change::{Field, GroupChange, InviteEdit},
    plan::{DesiredGroup, ObservedGroup, is_shown},
    propagation::Following,
};
use crate::{
    crd::{LaunchpadGroup, launchpad_group::Propagation},
    dataiku::{
        document::{Document, DocumentError},
        launchpad::{
            groups::{DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, GroupRecord, LAUNCHPAD_PERMISSIONS, USERS, new_group},
            people::GroupReference,
        },
        permit::WritePermit,
    },
    engine::{Error, Fate, Managed, Reason},
    kinds::remote::{LaunchpadRemote, unreadable},
};

const GROUPS: &str = "groups";

/// A space, for one group.
pub struct GroupClient {
    pub(super) remote: LaunchpadRemote,
    /// Id of the group, once it is ours. A rename does not hide it.
    id: Mutex<Option<String>>,
    /// Whether the group has members to look for.
    has_members: bool,
    /// What is to be shown; `None` where the spec contradicts itself.
    desired: Option<DesiredGroup>,
    generation: i64,
    deadline: Duration,
    /// The last task. Kept in the status, so that a restart goes on with it.
    task: Mutex<Option<Propagation>>,
}

impl GroupClient {
    pub(super) fn new(
        remote: LaunchpadRemote,
        object: &LaunchpadGroup,
        desired: Option<DesiredGroup>,
        deadline: Duration,
    ) -> Self {
        let status = Managed::status(object).filter(|status| status.origin().is_some());
        let seen = status
            .and_then(|status| status.remote.as_ref())
            .map(|remote| &remote.seen);
        Self {
            remote,
            id: Mutex::new(seen.and_then(|seen| seen.id.clone())),
            has_members: object.spec.members.is_some()
                || desired
                    .as_ref()
                    .is_some_and(|desired| !desired.granted_members.is_empty()),
            desired,
            generation: object.meta().generation.unwrap_or_default(),
            deadline,
            task: Mutex::new(seen.and_then(|seen| seen.propagation.clone())),
        }
    }

    /// The group by the shared lists.
    pub(super) fn listed(&self, name: &str) -> ObservedGroup {
        let groups = self.remote.connection.lists.groups();
        let id = self.id();
        let by_id = id.as_ref().and_then(|id| groups.get(id));
        let group = by_id.or_else(|| groups.values().find(|group| group.name == name));
        self.observed(group.cloned(), None, false)
    }

    /// The group as it is now.
    pub(super) async fn read(&self, name: &str) -> Result<ObservedGroup, Error> {
        let (api, lists) = (&self.remote.api, &self.remote.connection.lists);
        lists.saw_nodes(api.nodes().await?.items);
        if self.has_members {
            lists.saw_people(api.users().await?.items, api.invites().await?.items);
        }
        if let Some(group) = self.listed(name).group {
            let document = api.group(&group.id).await?;
            let record = document.as_ref().map(record).transpose()?.map(Arc::new);
            lists.saw_group(&group.id, record.clone());
            if record.is_some() {
                return Ok(self.observed(record, document, true));
            }
        }
        lists.saw_groups(api.groups().await?);
        let Some(group) = self.listed(name).group else {
            if !lists.has_all_groups() {
                let error = "a group whose id or name is unreadable may be this one";
                return Err(unreadable("the list of groups", &error));
            }
            // What was ours is gone: the next one of this name, if we make it, has another id.
            *self.id.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Ok(self.observed(None, None, true));
        };
        let document = api.group(&group.id).await?;
        let record = document.as_ref().map(record).transpose()?.map(Arc::new);
        lists.saw_group(&group.id, record.clone());
        Ok(self.observed(record, document, true))
    }

    fn observed(&self, group: Option<Arc<GroupRecord>>, document: Option<Document>, fresh: bool) -> ObservedGroup {
        let lists = &self.remote.connection.lists;
        ObservedGroup {
            id: self.id(),
            group,
            fresh,
            document,
            nodes: lists.nodes(),
            users: lists.users(),
            invites: lists.invites(),
            following: self.following(),
            complete: fresh || lists.has_all_groups(),
        }
    }

    fn following(&self) -> Following {
        Following {
            task: self.task().clone(),
            generation: self.generation,
            now: Timestamp::now(),
            deadline: self.deadline,
        }
    }

    /// Asks how far the task is, if it is time. A failure of that says nothing of the group: it is asked again later.
    pub(super) async fn follow(&self, observed: &mut ObservedGroup) {
        if let Some(task) = observed.following.due() {
            match self.remote.api.task(task).await {
                Ok(state) => observed.following.found(state),
                Err(error) => tracing::debug!(task, %error, "the task could not be asked for"),
            }
        }
        if self.desired.as_ref().is_some_and(|desired| is_shown(desired, observed)) {
            observed.following.showed();
        }
        self.task().clone_from(&observed.following.task);
    }

    pub(super) async fn apply(&self, observed: &ObservedGroup, change: &GroupChange) -> Result<(), Error> {
        match change {
            GroupChange::Create { name, fields, .. } => {
                let document = edited(new_group(name, None), fields)?;
                let saved = self
                    .remote
                    .api
                    .create_group(WritePermit::unchecked(), &document)
                    .await?;
                let record = record(&saved.document)?;
                let id = record.id.clone();
                *self.id.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.clone());
                self.remote.connection.lists.saw_group(&id, Some(Arc::new(record)));
                self.submitted(saved.task_id, observed.following.next_attempt());
            }
            GroupChange::Edit(id, fields) => {
                let document = edited(read_document(observed)?, fields)?;
                self.put(id, document, observed.following.next_attempt()).await?;
            }
            GroupChange::Resubmit(id, _, attempt) => self.put(id, read_document(observed)?, *attempt).await?,
            GroupChange::Invites(group, invites) => self.edit_invites(group, invites).await?,
            GroupChange::Delete(id) => {
                self.remote.api.delete_group(WritePermit::unchecked(), id).await?;
            }
        }
        Ok(())
    }

    async fn put(&self, id: &str, document: Document, attempt: i32) -> Result<(), Error> {
        let saved = self
            .remote
            .api
            .put_group(WritePermit::unchecked(), id, &document)
            .await?;
        self.submitted(saved.task_id, attempt);
        Ok(())
    }

    fn submitted(&self, task_id: Option<String>, attempt: i32) {
        let task = self.following().submitted(task_id, attempt);
        *self.task() = task;
    }

    /// Writes invites as a whole, each as it is now. One that was accepted meanwhile is a user by the next look.
    async fn edit_invites(&self, group: &GroupReference, edits: &[InviteEdit]) -> Result<(), Error> {
        let mut documents = Vec::with_capacity(edits.len());
        for edit in edits {
            let Some(mut document) = self.remote.api.invite(&edit.id).await? else {
                continue;
            };
            let added: &[GroupReference] = if edit.joins { std::slice::from_ref(group) } else { &[] };
            document
                .edit_list(GROUPS, |found: &GroupReference| found.id != group.id, added)
                .map_err(|error| unreadable("the invite", &error))?;
            documents.push(document);
        }
        if documents.is_empty() {
            return Ok(());
        }
        let answer = self
            .remote
            .api
            .put_invites(WritePermit::unchecked(), &documents)
            .await?;
        if answer.errors.is_empty() {
            return Ok(());
        }
        let refused = answer.errors.iter().map(|error| {
            let about = edits
                .iter()
                .find(|edit| error.item.is_about(&edit.id, &edit.email))
                .map(|edit| format!("{}: ", edit.email));
            format!("{}{}", about.unwrap_or_default(), error.message)
        });
        Err(Error::Remote {
            reason: Reason::Rejected,
            message: format!("invites were refused: {}", refused.collect::<Vec<_>>().join("; ")),
            retry_after: None,
            fate: Fate::Answered,
        })
    }

    fn id(&self) -> Option<String> {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn task(&self) -> std::sync::MutexGuard<'_, Option<Propagation>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(document: &Document) -> Result<GroupRecord, Error> {
    let record = GroupRecord::from_document(document).and_then(|record| {
        // Everything that is merged into.
        let members = [LAUNCHPAD_PERMISSIONS, DATAIKU_PERMISSIONS, GOVERN_PERMISSIONS, USERS];
        record.unreadable.check(&members).map(|()| record)
    });
    record.map_err(|error| unreadable("the group document", &error))
}

fn read_document(observed: &ObservedGroup) -> Result<Document, Error> {
    let document = observed.document.clone();
    document.ok_or_else(|| Error::Internal("a group is edited without its document".into()))
}

fn edited(mut document: Document, fields: &[Field]) -> Result<Document, Error> {
    let written: Result<(), DocumentError> = fields.iter().try_for_each(|field| field.write(&mut document));
    written.map_err(|error| unreadable("the group document", &error))?;
    Ok(document)
}
