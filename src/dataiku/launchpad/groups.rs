//! Groups of a space: rights in the Launchpad, access and rights on each node, members (contract sheet 4.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    LAUNCHPAD, Launchpad,
    tasks::{Deleted, Saved, TaskReference},
};
use crate::dataiku::{
    call::{Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    fields::{Fields, Record, Unreadable, record},
    listed::Listed,
    outcome::{confirmed, present, taken},
    permit::WritePermit,
};

const SEARCH: Operation = Operation::list(&LAUNCHPAD, "POST /spaces/{space}/groups/search");
const GET: Operation = Operation::read(&LAUNCHPAD, "GET /spaces/{space}/group/{group}");
const CREATE: Operation<Write> = Operation::write(&LAUNCHPAD, "POST /spaces/{space}/group");
const PUT: Operation<Write> = Operation::write(&LAUNCHPAD, "PUT /spaces/{space}/group/{group}");
const DELETE: Operation<Write> = Operation::write(&LAUNCHPAD, "DELETE /spaces/{space}/group/{group}");

/// The member of a group document with rights in the Launchpad itself.
pub const LAUNCHPAD_PERMISSIONS: &str = "launchpadPermissions";
/// The member with access to nodes, Govern nodes left out.
pub const DATAIKU_PERMISSIONS: &str = "dataikuPermissions";
/// The member with access to Govern nodes.
pub const GOVERN_PERMISSIONS: &str = "governPermissions";
/// The member with the members.
pub const USERS: &str = "users";

/// Rights by name; an open map. A value is a boolean, or a map of booleans.
pub type Rights = BTreeMap<String, Value>;

/// A group as the lists hold it. `None` is absent, or, where the member is in `unreadable`, unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupRecord {
    /// Id, made by the Launchpad.
    pub id: String,
    /// Name.
    pub name: String,
    /// Description; an empty one is none.
    pub description: Option<String>,
    /// Rights in the Launchpad itself; an absent map is empty. `None`: unreadable.
    pub launchpad_permissions: Option<Rights>,
    /// Rights by the name of a node; a node that is named can be accessed, even with no right. `None`: unreadable.
    pub dataiku_permissions: Option<BTreeMap<String, Rights>>,
    /// The same for Govern nodes.
    pub govern_permissions: Option<BTreeMap<String, Rights>>,
    /// Members, without those who are only invited; an absent list is empty. `None`: unreadable.
    pub users: Option<Vec<Member>>,
    /// Members that could not be read, by their names in the Launchpad's document.
    pub unreadable: Unreadable,
}

/// A member of a group, as the group names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Id of the user.
    pub id: String,
    /// Email address.
    pub email: String,
}

impl Record for GroupRecord {
    const KEY: &'static str = "id";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            name: fields.key("name")?,
            description: fields.text("description"),
            launchpad_permissions: fields.map(LAUNCHPAD_PERMISSIONS),
            dataiku_permissions: fields.map(DATAIKU_PERMISSIONS),
            govern_permissions: fields.map(GOVERN_PERMISSIONS),
            users: fields.list(USERS),
            unreadable: fields.unreadable(),
        })
    }
}

impl GroupRecord {
    /// The record of a group document.
    ///
    /// # Errors
    /// Id or name are missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }
}

/// A new group's document, without rights, access and members.
#[must_use]
pub fn new_group(name: &str, description: Option<&str>) -> Document {
    let mut document = Document::new();
    let none = Document::new();
    document.set("id", &None::<&str>);
    document.set("name", name);
    document.set(LAUNCHPAD_PERMISSIONS, &none);
    document.set(DATAIKU_PERMISSIONS, &none);
    document.set(GOVERN_PERMISSIONS, &none);
    document.set("description", &description);
    document
}

#[derive(Serialize)]
struct Names<'a> {
    /// Null is all.
    names: Option<&'a [&'a str]>,
}

impl Launchpad {
    /// All groups.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_groups`.
    pub async fn groups(&self) -> Result<Listed<GroupRecord>, ApiError> {
        let call = self.call(SEARCH).json(&Names { names: None });
        self.transport.list(call).await
    }

    /// The groups of this name; the Launchpad may allow several.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_groups`.
    pub async fn groups_named(&self, name: &str) -> Result<Listed<GroupRecord>, ApiError> {
        let call = self.call(SEARCH).json(&Names { names: Some(&[name]) });
        let mut found: Listed<GroupRecord> = self.transport.some(call).await?;
        found.items.retain(|group| group.name == name);
        Ok(found)
    }

    /// The whole document of a group; `None` when it does not exist. Gateways answer 404 in the Launchpad's format, so a
    /// 404 counts only if the list of groups confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn group(&self, id: &str) -> Result<Option<Document>, ApiError> {
        let answer = self.transport.json(self.call(GET).segment("group", id)).await;
        let listed = async { Ok(self.groups().await?.shows(|group| group.id == id)) };
        confirmed(answer, listed).await
    }

    /// Creates a group. The returned document has its id.
    ///
    /// # Errors
    /// The call fails. `AlreadyExists`: the name is taken, as far as the Launchpad's wording is known; after `Rejected`,
    /// read the list to find out.
    pub async fn create_group(&self, permit: WritePermit, document: &Document) -> Result<Saved, ApiError> {
        taken(self.transport.write(self.call(CREATE).json(document), permit).await)
    }

    /// Replaces the document of a group. Pass the one just read, edited.
    ///
    /// # Errors
    /// The call fails. `NotFound`: there is no such group.
    pub async fn put_group(&self, permit: WritePermit, id: &str, document: &Document) -> Result<Saved, ApiError> {
        let call = self.call(PUT).segment("group", id).json(document);
        self.transport.write(call, permit).await
    }

    /// Deletes a group.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_group(&self, permit: WritePermit, id: &str) -> Result<Deleted, ApiError> {
        let call = self.call(DELETE).segment("group", id);
        let task: Option<TaskReference> = present(self.transport.write(call, permit).await)?;
        Ok(Deleted {
            found: task.is_some(),
            task_id: task.and_then(|task| task.task_id),
        })
    }
}
