//! The invites of a space as a document that many groups share: one writer for all of them.
//!
//! An invite is written as a whole. Two groups that write the same one from copies of their own undo each other's edit, so
//! all edits that wait go into one bulk write, right after a read of exactly the invites that they are about.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::lists::SpaceLists;
use crate::{
    dataiku::{
        document::{Document, DocumentError},
        error::{ApiError, ErrorKind},
        launchpad::{
            Launchpad,
            bulk::{BulkError, BulkItem},
            people::{GROUPS, GroupReference, PROFILE, Profile},
        },
        permit::WritePermit,
    },
    engine::{Error, Fate, Reason, keep::fields::Edit, shared::writer::SharedDocument},
};

const NONE: &[GroupReference] = &[];

/// Invites by address.
type Documents = BTreeMap<String, Document>;
/// What the Launchpad says against invites, by address.
type Refusals = BTreeMap<String, String>;

/// The invites of a space.
pub struct Invites;

/// How invites are read and written.
#[derive(Clone)]
pub struct InvitesApi {
    /// The API.
    pub api: Launchpad,
    /// Where each read is noted.
    pub lists: Arc<SpaceLists>,
}

/// What an object changes in invites.
pub enum InvitesEdit {
    /// Invites that get or lose one group.
    Group {
        /// The group.
        group: GroupReference,
        /// The invites.
        invites: Vec<InviteEdit>,
    },
    /// Fields of one invite.
    Fields {
        /// The invited address, in the Launchpad's spelling.
        email: String,
        /// What changes.
        edit: Arc<Edit>,
    },
}

impl InvitesEdit {
    /// The invited addresses.
    fn emails(&self) -> Vec<&str> {
        match self {
            Self::Group { invites, .. } => invites.iter().map(|invite| invite.email.as_str()).collect(),
            Self::Fields { email, .. } => vec![email],
        }
    }
}

/// An invite that gets or loses a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteEdit {
    /// The invited address, in the Launchpad's spelling.
    pub email: String,
    /// Whether the invite gets the group.
    pub joins: bool,
}

impl InviteEdit {
    /// The sentence for people.
    pub fn step(&self) -> String {
        if self.joins {
            format!("add member {} (invited)", self.email)
        } else {
            format!("remove member {} (invited)", self.email)
        }
    }
}

/// An invite as it was read and edited.
pub struct Invite {
    document: Document,
    edited: bool,
}

impl SharedDocument for Invites {
    type Api = InvitesApi;
    type Edit = InvitesEdit;
    type Content = BTreeMap<String, Invite>;
    type Written = Refusals;

    async fn read(&self, space: &InvitesApi, edits: &[&InvitesEdit]) -> Result<Self::Content, ApiError> {
        let mut emails: Vec<&str> = edits.iter().flat_map(|edit| edit.emails()).collect();
        emails.sort_unstable();
        emails.dedup();
        if emails.is_empty() {
            return Ok(BTreeMap::new());
        }
        let documents = space.lists.read_invites(&space.api, &emails).await?;
        let unedited = |document| Invite {
            document,
            edited: false,
        };
        Ok(documents
            .into_iter()
            .map(|(email, document)| (email, unedited(document)))
            .collect())
    }

    fn edit(&self, content: &mut Self::Content, edit: &InvitesEdit) -> Result<bool, Error> {
        let mut edited = Vec::new();
        for email in edit.emails() {
            // An invite that is gone was accepted meanwhile: what it would get, the user gets.
            let Some(invite) = content.get(email) else {
                continue;
            };
            let mut document = invite.document.clone();
            if apply(&mut document, edit, email)
                .map_err(|error| Error::unreadable(&format!("the invite of {email}"), &error))?
            {
                edited.push((email.to_owned(), document));
            }
        }
        let changed = !edited.is_empty();
        for (email, document) in edited {
            content.insert(email, Invite { document, edited: true });
        }
        Ok(changed)
    }

    async fn write(
        &self,
        space: &InvitesApi,
        permit: WritePermit,
        content: &Self::Content,
    ) -> Result<Refusals, ApiError> {
        let edited = content.iter().filter(|(_, invite)| invite.edited);
        let mut documents: Documents = edited
            .map(|(email, invite)| (email.clone(), invite.document.clone()))
            .collect();
        let again = WritePermit::joint([&permit]);
        let refused = put(space, permit, &documents).await?;
        documents.retain(|email, _| refused.contains_key(email));
        if refused.is_empty() || !without_deleted_groups(space, &mut documents).await {
            return Ok(refused);
        }
        put(space, again, &documents).await
    }

    fn refusal(edit: &InvitesEdit, refused: &Refusals) -> Option<Error> {
        let own = edit.emails().into_iter().filter_map(|email| {
            let message = refused.get(email)?;
            Some(format!("{email}: {message}"))
        });
        let own: Vec<_> = own.collect();
        (!own.is_empty()).then(|| Error::Remote {
            reason: Reason::Rejected,
            message: format!("the Launchpad refused the invites of {}", own.join("; ")),
            retry_after: None,
            fate: Fate::Answered,
        })
    }

    fn moved(_: &Self::Content, error: &ApiError) -> bool {
        error.kind == ErrorKind::NotFound
    }
}

/// Writes invites; those that were refused.
async fn put(space: &InvitesApi, permit: WritePermit, documents: &Documents) -> Result<Refusals, ApiError> {
    let sent: Vec<Document> = documents.values().cloned().collect();
    let emails: Vec<&str> = documents.keys().map(String::as_str).collect();
    let errors = space.api.put_invites(permit, &sent).await?.errors;
    // The read-back notes what the Launchpad stored, and tells whom a refusal is about.
    let stored = match space.lists.read_invites(&space.api, &emails).await {
        Ok(stored) => Some(stored),
        Err(error) => {
            tracing::debug!(%error, "invites could not be read back");
            space.lists.outdated_people();
            None
        }
    };
    let refused = documents.iter().filter(|(email, sent)| match &stored {
        // An invite that is gone was accepted meanwhile, which is no error.
        Some(stored) => stored.get(*email).is_some_and(|stored| !shows(stored, sent)),
        None => true,
    });
    Ok(refused
        .filter_map(|(email, sent)| Some((email.clone(), message(&errors, email, sent)?)))
        .collect())
}

/// What the answer says against an invite. Some releases say in the text alone whom an error is about.
fn message(errors: &[BulkError], email: &str, sent: &Document) -> Option<String> {
    let id = sent.str("id").unwrap_or_default();
    let unidentified = |error: &&BulkError| error.item == BulkItem::default();
    let own = errors.iter().find(|error| error.item.is_about(&id, email));
    let named = || {
        errors
            .iter()
            .filter(unidentified)
            .find(|error| error.message.contains(&id))
    };
    let any = || errors.iter().find(unidentified);
    own.or_else(named).or_else(any).map(|error| error.message.clone())
}

/// Takes groups that do not exist any more out of the documents: a Launchpad may refuse whatever names them. Whether there
/// were any.
async fn without_deleted_groups(space: &InvitesApi, documents: &mut Documents) -> bool {
    let Ok(listed) = space.api.groups().await else {
        return false;
    };
    if !listed.is_complete() {
        return false;
    }
    let known: BTreeSet<&str> = listed.items.iter().map(|group| group.id.as_str()).collect();
    let mut edited = false;
    for document in documents.values_mut() {
        let kept = |group: &GroupReference| known.contains(group.id.as_str());
        edited |= document.edit_list(GROUPS, kept, NONE).unwrap_or_default();
    }
    edited
}

/// Makes the edit of one invite; whether that changed anything.
fn apply(document: &mut Document, edit: &InvitesEdit, email: &str) -> Result<bool, DocumentError> {
    match edit {
        InvitesEdit::Group { group, invites } => {
            let own = invites.iter().find(|invite| invite.email == email);
            own.map_or(Ok(false), |own| set_group(document, group, own.joins))
        }
        InvitesEdit::Fields { edit, .. } => edit.write(document).map(|()| true),
    }
}

/// Whether a stored invite is what was sent, as far as anybody edits it.
fn shows(stored: &Document, sent: &Document) -> bool {
    let profile = |document: &Document| {
        document
            .get::<Profile>(PROFILE)
            .ok()
            .flatten()
            .map(|profile| profile.name)
    };
    groups(stored) == groups(sent) && profile(stored) == profile(sent)
}

/// Adds the group to the document or removes it; whether that changed anything.
fn set_group(document: &mut Document, group: &GroupReference, joins: bool) -> Result<bool, DocumentError> {
    if groups(document)?.contains(&group.id) == joins {
        return Ok(false);
    }
    let added = if joins { std::slice::from_ref(group) } else { NONE };
    document.edit_list(GROUPS, |one: &GroupReference| one.id != group.id, added)
}

/// Ids of the invite's groups.
fn groups(document: &Document) -> Result<BTreeSet<String>, DocumentError> {
    let groups: Option<Vec<GroupReference>> = document.get(GROUPS)?;
    Ok(groups.into_iter().flatten().map(|group| group.id).collect())
}
