//! The two classes of API keys: the same life, by different calls.

use std::{future::Future, marker::PhantomData};

use super::change::NewKey;
use crate::{
    dataiku::{
        dip::{
            DipProduct, Node,
            global_keys::{KeyRights, NewGlobalKey},
            keys::{CreatedKey, KeyRecord},
        },
        document::Document,
        dss::{Dss, personal_keys::NewPersonalKey},
        error::ApiError,
        listed::Listed,
        permit::WritePermit,
    },
    engine::connect::Api,
    kinds::node::{NodeLists, Snapshot},
};

/// The calls for one class of keys.
pub trait KeyClass: Send + Sync + 'static {
    /// The API that has them.
    type Api: Api;

    /// The keys of this class as they were last read.
    fn keys(lists: &NodeLists) -> &Snapshot<KeyRecord>;
    /// All keys of the node. One call.
    fn list(api: &Self::Api) -> impl Future<Output = Result<Listed<KeyRecord>, ApiError>> + Send;
    /// The definition of a key; `None` when there is no such key.
    fn get(api: &Self::Api, id: &str) -> impl Future<Output = Result<Option<Document>, ApiError>> + Send;
    /// Creates a key with this label.
    fn create(
        api: &Self::Api,
        permit: WritePermit,
        key: &NewKey,
        label: &str,
    ) -> impl Future<Output = Result<CreatedKey, ApiError>> + Send;
    /// Replaces the definition of a key.
    fn put(
        api: &Self::Api,
        permit: WritePermit,
        id: &str,
        document: &Document,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// Deletes a key; false when there was none.
    fn delete(api: &Self::Api, permit: WritePermit, id: &str) -> impl Future<Output = Result<bool, ApiError>> + Send;
}

/// Global keys of a node of the product `P`.
pub struct Global<P>(PhantomData<fn() -> P>);

impl<P: DipProduct> KeyClass for Global<P> {
    type Api = Node<P>;

    fn keys(lists: &NodeLists) -> &Snapshot<KeyRecord> {
        &lists.keys
    }

    async fn list(api: &Node<P>) -> Result<Listed<KeyRecord>, ApiError> {
        api.global_keys().await
    }

    async fn get(api: &Node<P>, id: &str) -> Result<Option<Document>, ApiError> {
        api.global_key(id).await
    }

    async fn create(api: &Node<P>, permit: WritePermit, key: &NewKey, label: &str) -> Result<CreatedKey, ApiError> {
        let mut permissions = Document::new();
        for (flag, granted) in &key.permissions {
            permissions.set(flag, granted);
        }
        let new = NewGlobalKey {
            label: Some(label),
            description: Some(&key.description),
            rights: match &key.groups {
                Some(groups) => KeyRights::Groups(groups),
                None => KeyRights::Permissions(&permissions),
            },
            dss_user_for_impersonation: None,
        };
        api.create_global_key(permit, &new).await
    }

    async fn put(api: &Node<P>, permit: WritePermit, id: &str, document: &Document) -> Result<(), ApiError> {
        api.put_global_key(permit, id, document).await
    }

    async fn delete(api: &Node<P>, permit: WritePermit, id: &str) -> Result<bool, ApiError> {
        api.delete_global_key(permit, id).await
    }
}

/// Personal keys of a DSS node.
pub enum Personal {}

impl KeyClass for Personal {
    type Api = Dss;

    fn keys(lists: &NodeLists) -> &Snapshot<KeyRecord> {
        &lists.personal_keys
    }

    async fn list(api: &Dss) -> Result<Listed<KeyRecord>, ApiError> {
        api.personal_keys().await
    }

    async fn get(api: &Dss, id: &str) -> Result<Option<Document>, ApiError> {
        api.personal_key(id).await
    }

    async fn create(api: &Dss, permit: WritePermit, key: &NewKey, label: &str) -> Result<CreatedKey, ApiError> {
        let new = NewPersonalKey {
            user: key.user.as_deref().unwrap_or_default(),
            label,
            description: &key.description,
        };
        api.create_personal_key(permit, &new).await
    }

    async fn put(api: &Dss, permit: WritePermit, id: &str, document: &Document) -> Result<(), ApiError> {
        api.put_personal_key(permit, id, document).await
    }

    async fn delete(api: &Dss, permit: WritePermit, id: &str) -> Result<bool, ApiError> {
        api.delete_personal_key(permit, id).await
    }
}
