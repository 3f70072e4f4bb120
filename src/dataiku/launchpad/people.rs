//! Users and invites of a space (contract sheet 4.2). Acceptance replaces an invite by a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{LAUNCHPAD, Launchpad, bulk::BulkAnswer};
use crate::dataiku::{
    call::{Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    fields::{Fields, Record, Unreadable, record},
    listed::Listed,
    outcome::confirmed,
    permit::WritePermit,
};

const SEARCH_USERS: Operation = Operation::list(&LAUNCHPAD, "POST /spaces/{space}/users/search");
const SEARCH_INVITES: Operation = Operation::list(&LAUNCHPAD, "POST /spaces/{space}/invites/search");
const GET_INVITE: Operation = Operation::read(&LAUNCHPAD, "GET /spaces/{space}/invite/{invite}");
const CREATE_INVITES: Operation<Write> = Operation::write(&LAUNCHPAD, "POST /spaces/{space}/invites");
const PUT_INVITES: Operation<Write> = Operation::write(&LAUNCHPAD, "PUT /spaces/{space}/invites");
const DELETE_INVITES: Operation<Write> = Operation::write(&LAUNCHPAD, "DELETE /spaces/{space}/invites");
const PUT_USERS: Operation<Write> = Operation::write(&LAUNCHPAD, "PUT /spaces/{space}/users");
const DELETE_USERS: Operation<Write> = Operation::write(&LAUNCHPAD, "DELETE /spaces/{space}/users");

/// The member of a user or an invite with the groups.
pub const GROUPS: &str = "groups";
/// The member with the seat.
pub const PROFILE: &str = "profile";
/// The member of a user with properties that administrators see.
pub const ADMIN_PROPERTIES: &str = "adminProperties";

/// A user as the lists hold it. `None` is absent, or, where the member is in `unreadable`, unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRecord {
    /// Id, made by the Launchpad.
    pub id: String,
    /// Email address, in the Launchpad's spelling.
    pub email: String,
    /// The seat.
    pub profile: Option<Profile>,
    /// Whether the user owns the space; an absent flag is false. `None`: unreadable.
    pub is_owner: Option<bool>,
    /// Groups; an absent list is empty. `None`: unreadable.
    pub groups: Option<Vec<GroupReference>>,
    /// Properties that administrators see; an absent map is empty. `None`: unreadable.
    pub admin_properties: Option<BTreeMap<String, Value>>,
    /// Time of creation, in ISO 8601, as the Launchpad writes it.
    pub created_on: Option<String>,
    /// Members that could not be read, by their names in the Launchpad's document.
    pub unreadable: Unreadable,
}

/// An invite as the lists hold it. `None` is absent, or, where the member is in `unreadable`, unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteRecord {
    /// Id, made by the Launchpad; not that of the later user.
    pub id: String,
    /// Email address, in the Launchpad's spelling.
    pub email: String,
    /// The seat.
    pub profile: Option<Profile>,
    /// Groups; an absent list is empty. `None`: unreadable.
    pub groups: Option<Vec<GroupReference>>,
    /// Time of the invitation, in ISO 8601, as the Launchpad writes it.
    pub created_on: Option<String>,
    /// Members that could not be read, by their names in the Launchpad's document.
    pub unreadable: Unreadable,
}

/// The seat of a user or an invite.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Name, such as `designer`.
    pub name: String,
    /// Whether it is a trial seat; `None`: the document does not say. A user's seat is none then; an invite may not show it.
    #[serde(default)]
    pub is_trial: Option<bool>,
}

impl Profile {
    /// Whether it is known to be a trial seat.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.is_trial == Some(true)
    }
}

/// A group as its members name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReference {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

impl Record for UserRecord {
    const KEY: &'static str = "id";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            email: fields.key("email")?,
            profile: fields.value("profile"),
            is_owner: fields.flag_or_false("isOwner"),
            groups: fields.list("groups"),
            admin_properties: fields.map("adminProperties"),
            created_on: fields.text("createdOn"),
            unreadable: fields.unreadable(),
        })
    }
}

impl UserRecord {
    /// The record of a user document.
    ///
    /// # Errors
    /// Id or email address are missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }
}

impl Record for InviteRecord {
    const KEY: &'static str = "id";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            email: fields.key("email")?,
            profile: fields.value("profile"),
            groups: fields.list("groups"),
            created_on: fields.text("createdOn"),
            unreadable: fields.unreadable(),
        })
    }
}

impl InviteRecord {
    /// The record of an invite document.
    ///
    /// # Errors
    /// Id or email address are missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }
}

/// A new invite's document.
#[must_use]
pub fn new_invite(email: &str, profile: &str, trial: bool, groups: &[GroupReference]) -> Document {
    let mut seat = Document::new();
    seat.set("name", profile);
    if trial {
        seat.set("isTrial", &true);
    }
    let mut document = Document::new();
    document.set("id", &None::<&str>);
    document.set("email", email);
    document.set(PROFILE, &seat);
    document.set(GROUPS, groups);
    document
}

#[derive(Serialize)]
struct Emails<'a> {
    /// Null is all.
    emails: Option<&'a [&'a str]>,
}

impl Launchpad {
    /// All users.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_users`.
    pub async fn users(&self) -> Result<Listed<UserRecord>, ApiError> {
        let call = self.call(SEARCH_USERS).json(&Emails { emails: None });
        self.transport.list(call).await
    }

    /// All invites.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_users`.
    pub async fn invites(&self) -> Result<Listed<InviteRecord>, ApiError> {
        let call = self.call(SEARCH_INVITES).json(&Emails { emails: None });
        self.transport.list(call).await
    }

    /// The whole documents of the invites of these addresses, which have to be in the Launchpad's spelling. Those that
    /// were accepted or withdrawn are not among them.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_users`.
    pub async fn invites_of(&self, emails: &[&str]) -> Result<Listed<Document>, ApiError> {
        let call = self.call(SEARCH_INVITES).json(&Emails { emails: Some(emails) });
        self.transport.some(call).await
    }

    /// The whole document of an invite; `None` when it does not exist, or was accepted. Gateways answer 404 in the
    /// Launchpad's format, so a 404 counts only if the list of invites confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn invite(&self, id: &str) -> Result<Option<Document>, ApiError> {
        let call = self.call(GET_INVITE).segment("invite", id);
        let answer = self.transport.json(call).await;
        let listed = async { Ok(self.invites().await?.shows(|invite| invite.id == id)) };
        confirmed(answer, listed).await
    }

    /// Replaces the documents of invites. Pass those just read, edited. The Launchpad accepts or refuses each by itself,
    /// and the answer lists the outcomes.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn put_invites(&self, permit: WritePermit, documents: &[Document]) -> Result<BulkAnswer, ApiError> {
        let call = self.call(PUT_INVITES).query("failAllOnError", &false).json(documents);
        self.bulk(call, permit).await
    }

    /// The whole documents of the users of these addresses, in any spelling that the Launchpad accepts.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_users`.
    pub async fn users_of(&self, emails: &[&str]) -> Result<Listed<Document>, ApiError> {
        let call = self.call(SEARCH_USERS).json(&Emails { emails: Some(emails) });
        self.transport.some(call).await
    }

    /// Invites people; see [`new_invite`]. The Launchpad accepts or refuses each by itself, and the answer lists the outcomes.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn create_invites(&self, permit: WritePermit, documents: &[&Document]) -> Result<BulkAnswer, ApiError> {
        let call = self
            .call(CREATE_INVITES)
            .query("failAllOnError", &false)
            .json(documents);
        self.bulk(call, permit).await
    }

    /// Withdraws the invites of these addresses, which have to be in the Launchpad's spelling. The answer lists the outcomes.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn delete_invites(&self, permit: WritePermit, emails: &[&str]) -> Result<BulkAnswer, ApiError> {
        let call = self.call(DELETE_INVITES).query("failAllOnError", &false);
        self.bulk(call.json(&Emails { emails: Some(emails) }), permit).await
    }

    /// Replaces the documents of users. Pass those just read, edited. The answer lists the outcomes, and names the task that
    /// carries them to the nodes.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn put_users(&self, permit: WritePermit, documents: &[&Document]) -> Result<BulkAnswer, ApiError> {
        let call = self.call(PUT_USERS).query("failAllOnError", &false).json(documents);
        self.bulk(call, permit).await
    }

    /// Deletes the users of these addresses, which have to be in the Launchpad's spelling. The answer lists the outcomes.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn delete_users(&self, permit: WritePermit, emails: &[&str]) -> Result<BulkAnswer, ApiError> {
        let call = self.call(DELETE_USERS).query("failAllOnError", &false);
        self.bulk(call.json(&Emails { emails: Some(emails) }), permit).await
    }
}
