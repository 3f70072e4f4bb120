//! `GovernBlueprintPermissions` and `GovernDefaultPermissions`: who may do what with artifacts.

use std::{sync::Arc, time::Instant};

use kube::ResourceExt;
use serde_json::{Map, Value};

use super::lists::GovernLists;
use crate::{
    crd::{GovernBlueprintPermissions, GovernDefaultPermissions, GovernInstance},
    dataiku::{
        document::Document,
        error::{ApiError, ErrorKind},
        govern::{
            Govern,
            permissions::{DefaultForm, PERMISSIONS},
        },
        permit::WritePermit,
    },
    engine::{
        Common, Error,
        connect::{ConnectionKey, Dependent},
        object,
        shared::{
            entries::{Entries, Entry},
            source::Source,
        },
    },
};

/// Key of the default permissions. No blueprint has this id.
const DEFAULT: &str = "default";

/// Begin of the keys of the documents among those of the node.
const PLACE: &str = "permissions/";

fn place(key: &str) -> String {
    format!("{PLACE}{key}")
}

/// Reads the permissions of every blueprint that has some of its own, and the default ones: two calls. Returns the number of
/// documents that name no blueprint.
///
/// # Errors
/// A call fails.
pub async fn read_permissions(api: &Govern, lists: &GovernLists) -> Result<usize, Error> {
    let documents = &lists.node().documents;
    let began = Instant::now();
    let listed = api.permissions().await?;
    for record in listed.items {
        documents.saw(&place(&record.blueprint_id), began, Arc::new(record.document));
    }
    let (document, _) = api.default_permissions().await?;
    documents.saw(&place(DEFAULT), began, Arc::new(document));
    Ok(listed.unreadable)
}

/// A blueprint and its permissions. `None` for the blueprint: the default ones; for the permissions: the document holds none
/// that can be read.
pub type ShownPermissions = (Option<String>, Option<Map<String, Value>>);

/// The permissions that were read, in the order of the ids of their blueprints.
pub fn permissions(lists: &GovernLists) -> Vec<ShownPermissions> {
    let documents = lists.node().documents.under(PLACE).into_iter();
    documents
        .map(|(id, document)| {
            let permissions = document.get::<Map<String, Value>>(PERMISSIONS).ok().flatten();
            ((id != DEFAULT).then_some(id), permissions)
        })
        .collect()
}

fn leaves(permissions: &Map<String, Value>) -> Vec<Entry> {
    let member = (PERMISSIONS.to_owned(), Value::Object(permissions.clone()));
    Entry::leaves(&Map::from_iter([member]))
}

/// The permissions of a blueprint. While the defaults apply to it, the document is empty.
pub struct OwnPermissions;

impl Source for OwnPermissions {
    type Connection = GovernInstance;
    /// Whether the blueprint has permissions of its own.
    type Form = bool;

    const NAME: &'static str = "blueprint permissions";

    fn listed(lists: &GovernLists, key: &str) -> Option<Arc<Document>> {
        lists.node().documents.get(&place(key))
    }

    fn saw(lists: &GovernLists, key: &str, began: Instant, document: Arc<Document>) {
        lists.node().documents.saw(&place(key), began, document);
    }

    async fn read(api: &Govern, key: &str) -> Result<(Document, bool), ApiError> {
        let document = api.permissions_of(key).await?;
        let exists = document.is_some();
        Ok((document.unwrap_or_default(), exists))
    }

    async fn write(
        api: &Govern,
        permit: WritePermit,
        key: &str,
        exists: &bool,
        document: &Document,
    ) -> Result<(), ApiError> {
        match (exists, document.contains(PERMISSIONS)) {
            (true, true) => api.put_permissions(permit, key, document).await,
            (true, false) => api.delete_permissions(permit, key).await.map(drop),
            (false, true) => match api.create_permissions(permit, key, document).await {
                // How a node says that there is a document already is not known for certain.
                Err(mut error)
                    if matches!(error.kind, ErrorKind::Rejected | ErrorKind::Unavailable)
                        && matches!(api.permissions_of(key).await, Ok(Some(_))) =>
                {
                    error.kind = ErrorKind::AlreadyExists;
                    Err(error)
                }
                created => created,
            },
            (false, false) => Ok(()),
        }
    }

    fn moved(exists: &bool, error: &ApiError) -> bool {
        match error.kind {
            ErrorKind::AlreadyExists => !exists,
            ErrorKind::NotFound => *exists,
            _ => false,
        }
    }
}

/// How permissions of blueprints are kept in line with their objects.
pub struct BlueprintPermissions;

impl Entries for BlueprintPermissions {
    type Object = GovernBlueprintPermissions;
    type Source = OwnPermissions;

    const REMOTE: &'static str = "permissions of blueprint";
    const ENTRY: &'static str = "key";

    fn common(object: &GovernBlueprintPermissions) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.instance_ref, object.namespace().as_deref()),
            key: object.spec.blueprint_id.clone(),
            policies: &object.spec.policies,
        }
    }

    fn entries(object: &GovernBlueprintPermissions) -> Vec<Entry> {
        match &object.spec.permissions {
            Some(permissions) => leaves(permissions),
            None => vec![Entry::nothing(&format!("/{PERMISSIONS}"))],
        }
    }

    fn missing(object: &GovernBlueprintPermissions, lists: &GovernLists) -> Vec<String> {
        let id = &object.spec.blueprint_id;
        let missing = (!lists.has_blueprint(id)).then(|| format!("blueprint {id} does not exist yet"));
        missing.into_iter().collect()
    }
}

/// The default permissions, under `permissions` whatever the node shows.
pub struct DefaultPermissionsDocument;

impl Source for DefaultPermissionsDocument {
    type Connection = GovernInstance;
    type Form = DefaultForm;

    const NAME: &'static str = "default permissions";

    fn listed(lists: &GovernLists, key: &str) -> Option<Arc<Document>> {
        lists.node().documents.get(&place(key))
    }

    fn saw(lists: &GovernLists, key: &str, began: Instant, document: Arc<Document>) {
        lists.node().documents.saw(&place(key), began, document);
    }

    async fn read(api: &Govern, _: &str) -> Result<(Document, DefaultForm), ApiError> {
        api.default_permissions().await
    }

    async fn write(
        api: &Govern,
        permit: WritePermit,
        _: &str,
        form: &DefaultForm,
        document: &Document,
    ) -> Result<(), ApiError> {
        api.put_default_permissions(permit, *form, document).await
    }
}

/// How default permissions are kept in line with their objects.
pub struct DefaultPermissions;

impl Entries for DefaultPermissions {
    type Object = GovernDefaultPermissions;
    type Source = DefaultPermissionsDocument;

    const REMOTE: &'static str = "permissions by";
    const ENTRY: &'static str = "key";

    fn common(object: &GovernDefaultPermissions) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.instance_ref, object.namespace().as_deref()),
            key: DEFAULT.to_owned(),
            policies: &object.spec.policies,
        }
    }

    fn entries(object: &GovernDefaultPermissions) -> Vec<Entry> {
        leaves(&object.spec.permissions)
    }
}

/// Reads permissions where objects have entries in them: two calls, whatever the number of objects.
pub(super) async fn sweep(api: &Govern, lists: &GovernLists, dependents: &[Dependent]) {
    let documents = &lists.node().documents;
    let began = Instant::now();
    let of_kind = |kind: &'static str| dependents.iter().filter(move |one| one.kind == kind);
    let blueprints = || of_kind(object::kind::<GovernBlueprintPermissions>());
    if blueprints().next().is_some() {
        let listed = api.permissions().await.ok();
        let complete = listed.as_ref().is_some_and(crate::dataiku::listed::Listed::is_complete);
        let found = listed.into_iter().flat_map(|listed| listed.items);
        let mut found: std::collections::HashMap<String, Document> =
            found.map(|record| (record.blueprint_id, record.document)).collect();
        for one in blueprints() {
            match found.remove(&one.key).or_else(|| complete.then(Document::new)) {
                Some(document) => {
                    // Several objects may have entries in one document.
                    documents.saw(&place(&one.key), began, Arc::new(document.clone()));
                    found.insert(one.key.clone(), document);
                }
                None => documents.forget(&place(&one.key)),
            }
        }
    }
    if of_kind(object::kind::<GovernDefaultPermissions>()).next().is_some() {
        match api.default_permissions().await {
            Ok((document, _)) => documents.saw(&place(DEFAULT), began, Arc::new(document)),
            Err(_) => documents.forget(&place(DEFAULT)),
        }
    }
}
