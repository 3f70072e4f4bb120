//! Groups of a node (contract sheet 2.6).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::{Document, DocumentError},
    error::ApiError,
    fields::{Fields, Record, Unreadable, record},
    listed::Listed,
    outcome::{confirmed, present},
    permit::WritePermit,
};

const ADMIN: &str = "admin";
const LDAP: &str = "ldapGroupNames";
const AZURE_AD: &str = "azureADGroupNames";
const SSO: &str = "ssoGroupNames";
const CUSTOM: &str = "customGroupNames";
/// Groups whose users the members may impersonate, as a regular expression.
pub const IMPERSONATABLE: &str = "canObtainAPITicketFromCookiesForGroupsRegex";

/// Members of a group document that are neither mappings nor permission flags.
const OTHERS: [&str; 4] = ["name", "description", "sourceType", IMPERSONATABLE];
/// The mappings.
const MAPPINGS: [&str; 4] = [LDAP, AZURE_AD, SSO, CUSTOM];

/// A group as the lists hold it. `None` is absent, or, where the member is in `unreadable`, unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// Name.
    pub name: String,
    /// Description; an empty one is none.
    pub description: Option<String>,
    /// `LOCAL`, `LDAP` and others; an open set.
    pub source_type: Option<String>,
    /// Whether members have every right on the node; an absent flag is false. `None`: unreadable.
    pub admin: Option<bool>,
    /// Every flag but `admin`; the node adds flags from release to release. An absent flag is false.
    pub permissions: BTreeMap<String, bool>,
    /// LDAP groups whose members are members. `None`: unreadable.
    pub ldap_group_names: Option<Mapping>,
    /// Azure AD groups whose members are members. `None`: unreadable.
    pub azure_ad_group_names: Option<Mapping>,
    /// SSO groups whose members are members. `None`: unreadable.
    pub sso_group_names: Option<Mapping>,
    /// Groups of a custom source whose members are members. `None`: unreadable.
    pub custom_group_names: Option<Mapping>,
    /// Members may impersonate users of groups whose names match; an empty one is none.
    pub impersonatable_groups_regex: Option<String>,
    /// Members that could not be read, by their names in the node's document; flags are in `permission` alone.
    pub unreadable: Unreadable,
    /// Members that are neither flags nor anything known: a flag of that name is unknown.
    unknown: BTreeSet<String>,
}

/// Directory groups that are mapped to a group, in the form that the node uses: a list on current releases, one text
/// with commas before DSS 12.6.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Mapping {
    /// A list of names.
    List(Vec<String>),
    /// Names with commas between them. A name with commas, such as a DN, reads back as several names.
    Text(String),
}

impl Default for Mapping {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Mapping {
    /// Whether these are the declared names, in any order. In the text form, names with commas are compared by their
    /// parts: more cannot be read back from such a node.
    #[must_use]
    pub fn holds(&self, declared: &BTreeSet<String>) -> bool {
        match self {
            Self::List(names) => names.iter().collect::<BTreeSet<_>>() == declared.iter().collect(),
            Self::Text(text) => parts([text]) == parts(declared),
        }
    }

    /// The names; those of the text form end at each comma.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::List(names) => names.clone(),
            Self::Text(text) => split(text).map(str::to_owned).collect(),
        }
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn parts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
    let mut parts: Vec<_> = texts.into_iter().flat_map(|text| split(text)).collect();
    parts.sort_unstable();
    parts
}

impl Record for GroupRecord {
    const KEY: &'static str = "name";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let name = fields.key(Self::KEY)?;
        let (permissions, unknown) = flags(&fields);
        let mut mapping = |member| fields.value(member).or_else(|| fields.absent(member));
        let [
            ldap_group_names,
            azure_ad_group_names,
            sso_group_names,
            custom_group_names,
        ] = MAPPINGS.map(&mut mapping);
        Some(Self {
            name,
            description: fields.text("description"),
            source_type: fields.text("sourceType"),
            admin: fields.flag_or_false(ADMIN),
            permissions,
            ldap_group_names,
            azure_ad_group_names,
            sso_group_names,
            custom_group_names,
            impersonatable_groups_regex: fields.text(IMPERSONATABLE),
            unreadable: fields.unreadable(),
            unknown,
        })
    }
}

/// Flags, and the members that are none although nothing else is known of them.
fn flags(fields: &Fields<'_>) -> (BTreeMap<String, bool>, BTreeSet<String>) {
    let (mut flags, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    let known = |key: &str| key == ADMIN || OTHERS.contains(&key) || MAPPINGS.contains(&key);
    for (key, raw) in fields.iter().filter(|(key, _)| !known(key)) {
        match raw.get() {
            "true" => _ = flags.insert(key.to_owned(), true),
            "false" => _ = flags.insert(key.to_owned(), false),
            "null" => {}
            _ => _ = unknown.insert(key.to_owned()),
        }
    }
    (flags, unknown)
}

impl GroupRecord {
    /// The record of a group definition.
    ///
    /// # Errors
    /// The name is missing or unreadable. Any other member may be: see `unreadable`.
    pub fn from_document(document: &Document) -> Result<Self, DocumentError> {
        record(document)
    }

    /// Whether the flag, which may be `admin`, is given; one that the node does not know is not. `None`: unreadable.
    #[must_use]
    pub fn permission(&self, flag: &str) -> Option<bool> {
        match flag {
            ADMIN => self.admin,
            flag if self.unknown.contains(flag) => None,
            flag => Some(self.permissions.get(flag).copied().unwrap_or_default()),
        }
    }

    /// Whether there is no flag at all, as in a short form of the group, or members look like flags and cannot be read as
    /// such: what the group gives is not known then.
    #[must_use]
    pub fn hides_flags(&self) -> bool {
        self.permissions.is_empty()
            || self
                .unknown
                .iter()
                .any(|member| member.starts_with("may") || member.starts_with("is"))
    }

    /// The mapping by its name in the document, such as `ldapGroupNames`. `None`: unreadable, or not a mapping.
    #[must_use]
    pub fn mapping(&self, member: &str) -> Option<&Mapping> {
        match member {
            LDAP => self.ldap_group_names.as_ref(),
            AZURE_AD => self.azure_ad_group_names.as_ref(),
            SSO => self.sso_group_names.as_ref(),
            CUSTOM => self.custom_group_names.as_ref(),
            _ => None,
        }
    }
}

/// Sets a mapping, such as `ldapGroupNames`, in the form that this node uses. Where the document lacks it, its other
/// mappings show the form.
pub fn set_mapping(document: &mut Document, key: &str, names: &[String]) {
    let form = |key: &str| document.get::<Mapping>(key).ok().flatten();
    let known = form(key).or_else(|| MAPPINGS.into_iter().find_map(form));
    match known {
        Some(Mapping::Text(_)) => document.set(key, &names.join(",")),
        Some(Mapping::List(_)) | None => document.set(key, names),
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
    /// The call fails.
    pub async fn groups(&self) -> Result<Listed<GroupRecord>, ApiError> {
        self.transport.list(Call::new(Self::LIST_GROUPS)).await
    }

    /// The whole definition of a group; `None` when it does not exist. A 404 that is not in the node's own error format
    /// counts only if the list of groups confirms it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn group(&self, name: &str) -> Result<Option<Document>, ApiError> {
        let answer = self
            .transport
            .json(Call::new(Self::GET_GROUP).segment("name", name))
            .await;
        let listed = async { Ok(self.groups().await?.shows(|group| group.name == name)) };
        confirmed(answer, listed).await
    }

    /// Creates a group with the node's default permissions; `put_group` sets all others.
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

    /// Replaces the definition of a group. Pass the one just read, edited: the node reads a missing flag as false.
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
