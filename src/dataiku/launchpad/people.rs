//! Users and invites of a space (contract sheet 4.2). An invite turns into a user once it is accepted.

use serde::{Deserialize, Serialize};

use super::{LAUNCHPAD, Launchpad, bulk::BulkAnswer};
use crate::dataiku::{
    call::{Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    null,
    outcome::confirmed,
    permit::WritePermit,
};

const SEARCH_USERS: Operation = Operation::list(&LAUNCHPAD, "POST /spaces/{space}/users/search");
const SEARCH_INVITES: Operation = Operation::list(&LAUNCHPAD, "POST /spaces/{space}/invites/search");
const GET_INVITE: Operation = Operation::read(&LAUNCHPAD, "GET /spaces/{space}/invite/{invite}");
const PUT_INVITES: Operation<Write> = Operation::write(&LAUNCHPAD, "PUT /spaces/{space}/invites");

/// What is kept of a user between looks at the space.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRecord {
    /// Id, made by the Launchpad.
    pub id: String,
    /// Email address, in the Launchpad's spelling.
    pub email: String,
    /// The seat.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// Whether the space is theirs.
    #[serde(default, deserialize_with = "null::as_default")]
    pub is_owner: bool,
    /// Groups.
    #[serde(default, deserialize_with = "null::as_default")]
    pub groups: Vec<GroupReference>,
}

/// What is kept of an invite between looks at the space.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InviteRecord {
    /// Id, made by the Launchpad; not that of the later user.
    pub id: String,
    /// Email address, in the Launchpad's spelling.
    pub email: String,
    /// The seat.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// Groups.
    #[serde(default, deserialize_with = "null::as_default")]
    pub groups: Vec<GroupReference>,
}

/// The seat of a user or an invite.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Name, such as `designer`.
    pub name: String,
    /// Whether it is a trial seat.
    #[serde(default, deserialize_with = "null::as_default")]
    pub is_trial: bool,
}

/// A group as its members name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReference {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

impl InviteRecord {
    /// The record of an invite document.
    ///
    /// # Errors
    /// A member has an unexpected shape.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        document.read()
    }
}

#[derive(Serialize)]
struct Emails {
    /// Null is all.
    emails: Option<Vec<String>>,
}

impl Launchpad {
    /// All users.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_users`.
    pub async fn users(&self) -> Result<Vec<UserRecord>, ApiError> {
        let call = self.call(SEARCH_USERS).json(&Emails { emails: None });
        self.transport.json(call).await
    }

    /// All invites.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_users`.
    pub async fn invites(&self) -> Result<Vec<InviteRecord>, ApiError> {
        let call = self.call(SEARCH_INVITES).json(&Emails { emails: None });
        self.transport.json(call).await
    }

    /// The whole document of an invite; `None` when there is no such invite, be it that it was accepted. Gateways word a
    /// 404 as the Launchpad does, so it is believed only if the list of invites bears it out.
    ///
    /// # Errors
    /// The call fails.
    pub async fn invite(&self, id: &str) -> Result<Option<Document>, ApiError> {
        let call = self.call(GET_INVITE).segment("invite", id);
        let answer = self.transport.json(call).await;
        let listed = async { Ok(self.invites().await?.iter().any(|invite| invite.id == id)) };
        confirmed(answer, listed).await
    }

    /// Replaces the documents of invites, which have to be those just read, edited. One that is refused does not hold
    /// up the others: what became of each is in the answer.
    ///
    /// # Errors
    /// The call fails as a whole.
    pub async fn put_invites(&self, permit: WritePermit, documents: &[Document]) -> Result<BulkAnswer, ApiError> {
        let call = self.call(PUT_INVITES).query("failAllOnError", &false).json(documents);
        self.bulk(call, permit).await
    }
}
