//! `DssInstanceVariables`: variables of a DSS node.

use std::{sync::Arc, time::Instant};

use kube::ResourceExt;

use crate::{
    crd::{DssInstance, DssInstanceVariables},
    dataiku::{document::Document, dss::Dss, error::ApiError, permit::WritePermit},
    engine::{
        Common,
        connect::{ConnectionKey, Dependent},
        object,
        shared::{
            entries::{Entries, Entry},
            source::Source,
        },
    },
    kinds::node::NodeLists,
};

/// Key of the document: a node has one.
pub const KEY: &str = "variables";

/// The document.
pub struct VariablesDocument;

impl Source for VariablesDocument {
    type Connection = DssInstance;
    type Form = ();

    const NAME: &'static str = KEY;

    fn listed(lists: &NodeLists, key: &str) -> Option<Arc<Document>> {
        lists.documents.get(key)
    }

    fn saw(lists: &NodeLists, key: &str, began: Instant, document: Arc<Document>) {
        lists.documents.saw(key, began, document);
    }

    async fn read(api: &Dss, _: &str) -> Result<(Document, ()), ApiError> {
        Ok((api.variables().await?, ()))
    }

    async fn write(api: &Dss, permit: WritePermit, _: &str, (): &(), document: &Document) -> Result<(), ApiError> {
        api.put_variables(permit, document).await
    }
}

/// How variables are kept in line with their objects.
pub struct Variables;

impl Entries for Variables {
    type Object = DssInstanceVariables;
    type Source = VariablesDocument;

    const REMOTE: &'static str = "instance";
    const ENTRY: &'static str = "variable";

    fn common(object: &DssInstanceVariables) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.instance_ref, object.namespace().as_deref()),
            key: KEY.to_owned(),
            policies: &object.spec.policies,
        }
    }

    fn entries(object: &DssInstanceVariables) -> Vec<Entry> {
        Entry::leaves(&object.spec.variables)
    }
}

/// Reads the variables, if an object declares some: one call, whatever the number of objects.
pub(super) async fn sweep(api: &Dss, lists: &NodeLists, dependents: &[Dependent]) {
    let kind = object::kind::<DssInstanceVariables>();
    let wanted = dependents.iter().any(|one| one.kind == kind);
    let began = Instant::now();
    let read = if wanted { api.variables().await.ok() } else { None };
    match read {
        Some(document) => lists.documents.saw(KEY, began, Arc::new(document)),
        None => lists.documents.forget(KEY),
    }
}
