//! Groups of a node (contract sheet 2.6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    outcome::{confirmed, element, malformed, present},
    permit::WritePermit,
};

const ADMIN: &str = "admin";
const LDAP: &str = "ldapGroupNames";
const AZURE_AD: &str = "azureADGroupNames";
const SSO: &str = "ssoGroupNames";
const CUSTOM: &str = "customGroupNames";
const IMPERSONATABLE: &str = "canObtainAPITicketFromCookiesForGroupsRegex";

/// What is kept of a group between looks at the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// Name.
    pub name: String,
    /// Description; an empty one is none.
    pub description: Option<String>,
    /// `LOCAL`, `LDAP` and others; an open set.
    pub source_type: Option<String>,
    /// Whether members have every right on the node.
    pub admin: bool,
    /// Every flag but `admin`: the node adds flags from release to release.
    pub permissions: BTreeMap<String, bool>,
    /// LDAP groups whose members are members.
    pub ldap_group_names: Vec<String>,
    /// Azure AD groups whose members are members.
    pub azure_ad_group_names: Vec<String>,
    /// SSO groups whose members are members.
    pub sso_group_names: Vec<String>,
    /// Groups of a custom source whose members are members.
    pub custom_group_names: Vec<String>,
    /// Members may impersonate users of groups that match; an empty one is none.
    pub impersonatable_groups_regex: Option<String>,
}

/// A mapping: a list on current releases, text with commas before DSS 12.6.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Names {
    List(Vec<String>),
    Text(String),
}

impl Names {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::List(names) => names,
            Self::Text(names) => {
                let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
                names.map(str::to_owned).collect()
            }
        }
    }
}

impl GroupRecord {
    /// The record of a group definition.
    ///
    /// # Errors
    /// A member has an unexpected shape.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        let text = |key| Ok(document.get::<String>(key)?.filter(|text| !text.is_empty()));
        let names = |key| Ok(document.get::<Names>(key)?.map(Names::into_list).unwrap_or_default());
        let name = text("name")?.ok_or_else(|| DocumentError {
            key: "name".to_owned(),
            message: "missing or empty".to_owned(),
        })?;
        Ok(Self {
            name,
            description: text("description")?,
            source_type: text("sourceType")?,
            admin: document.get(ADMIN)?.unwrap_or_default(),
            permissions: permissions(document),
            ldap_group_names: names(LDAP)?,
            azure_ad_group_names: names(AZURE_AD)?,
            sso_group_names: names(SSO)?,
            custom_group_names: names(CUSTOM)?,
            impersonatable_groups_regex: text(IMPERSONATABLE)?,
        })
    }
}

fn permissions(document: &Document) -> BTreeMap<String, bool> {
    let flags = document.keys().filter(|key| *key != ADMIN).filter_map(|key| {
        let flag = document.raw(key)?.parse().ok()?;
        Some((key.to_owned(), flag))
    });
    flags.collect()
}

/// Sets a mapping, such as `ldapGroupNames`, in the form that this node uses. Where the document does not hold it, its
/// other mappings tell the form.
pub fn set_mapping(document: &mut Document, key: &str, names: &[String]) {
    let form = |key: &str| document.get::<Names>(key).ok().flatten();
    let known = form(key).or_else(|| [LDAP, AZURE_AD, SSO, CUSTOM].into_iter().find_map(form));
    match known {
        Some(Names::Text(_)) => document.set(key, &names.join(",")),
        Some(Names::List(_)) | None => document.set(key, names),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody<'a> {
    name: &'a str,
    description: Option<&'a str>,
    source_type: &'a str,
}

impl<P: DipProduct> Node<P> {
    const LIST_GROUPS: Operation = Operation::list(P::PRODUCT, "GET /admin/groups/");
    const CREATE_GROUP: Operation<Write> = Operation::write(P::PRODUCT, "POST /admin/groups/");
    const GET_GROUP: Operation = Operation::read(P::PRODUCT, "GET /admin/groups/{name}");
    const PUT_GROUP: Operation<Write> = Operation::write(P::PRODUCT, "PUT /admin/groups/{name}");
    const DELETE_GROUP: Operation<Write> = Operation::write(P::PRODUCT, "DELETE /admin/groups/{name}");

    /// All groups.
    ///
    /// # Errors
    /// The call fails, or one of the groups cannot be read.
    pub async fn groups(&self) -> Result<Vec<GroupRecord>, ApiError> {
        let documents: Vec<Document> = self.transport.json(Call::new(Self::LIST_GROUPS)).await?;
        let records = documents.iter().enumerate().map(|(index, document)| {
            GroupRecord::from_document(document)
                .map_err(|error| malformed(Self::LIST_GROUPS.name(), &element(index, error)))
        });
        records.collect()
    }

    /// The whole definition of a group; `None` when there is no such group. A 404 that the node did not put in its own
    /// words is believed only if the list of groups bears it out.
    ///
    /// # Errors
    /// The call fails.
    pub async fn group(&self, name: &str) -> Result<Option<Document>, ApiError> {
        let answer = self
            .transport
            .json(Call::new(Self::GET_GROUP).segment("name", name))
            .await;
        let listed = async { Ok(self.groups().await?.iter().any(|group| group.name == name)) };
        confirmed(answer, listed).await
    }

    /// Creates a group with the node's default permissions; all others come with `put_group`.
    ///
    /// # Errors
    /// The call fails. `AlreadyExists`: the name is taken.
    pub async fn create_group(
        &self,
        permit: WritePermit,
        name: &str,
        description: Option<&str>,
        source_type: &str,
    ) -> Result<(), ApiError> {
        let body = CreateBody {
            name,
            description,
            source_type,
        };
        self.transport
            .write_done(Call::new(Self::CREATE_GROUP).json(&body), permit)
            .await
    }

    /// Replaces the definition of a group, which has to be the one just read, edited: the node takes a flag that is
    /// left out for false.
    ///
    /// # Errors
    /// The call fails. `NotFound`: there is no such group.
    pub async fn put_group(&self, permit: WritePermit, name: &str, document: &Document) -> Result<(), ApiError> {
        self.transport
            .write_done(Call::new(Self::PUT_GROUP).segment("name", name).json(document), permit)
            .await
    }

    /// Deletes a group; false when there was none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_group(&self, permit: WritePermit, name: &str) -> Result<bool, ApiError> {
        let call = Call::new(Self::DELETE_GROUP).segment("name", name);
        present(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }
}
