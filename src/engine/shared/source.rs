//! A JSON document of a connection that objects edit and that is read and written as a whole.

use std::{future::Future, marker::PhantomData, sync::Arc, time::Instant};

use super::writer::{SharedDocument, Writer};
use crate::{
    dataiku::{document::Document, error::ApiError, permit::WritePermit},
    engine::{
        connect::{ConnectionKind, Remote},
        error::Error,
        keep::Read,
    },
};

type Lists<S> = <<S as Source>::Connection as ConnectionKind>::Lists;
type Api<S> = <<S as Source>::Connection as ConnectionKind>::Api;

/// Where a kind of document is. Kinds that edit the same document share its source, and so its only writer.
pub trait Source: Send + Sync + 'static {
    /// The kind of connection.
    type Connection: ConnectionKind;
    /// What a write has to know of the read before it, such as whether the document existed.
    type Form: Send + Sync + 'static;

    /// Name of the kind of document, unique within its kind of connection.
    const NAME: &'static str;

    /// The document of this key, as the last sweep or a read after it showed it.
    fn listed(lists: &Lists<Self>, key: &str) -> Option<Arc<Document>>;
    /// Takes in a read that began then.
    fn saw(lists: &Lists<Self>, key: &str, began: Instant, document: Arc<Document>);
    /// Reads the document. One that does not exist is empty.
    fn read(api: &Api<Self>, key: &str) -> impl Future<Output = Result<(Document, Self::Form), ApiError>> + Send;
    /// Replaces the document.
    fn write(
        api: &Api<Self>,
        permit: WritePermit,
        key: &str,
        form: &Self::Form,
        document: &Document,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
    /// Whether a write failed because the document was created or deleted after it was read.
    fn moved(_form: &Self::Form, _error: &ApiError) -> bool {
        false
    }
}

/// What one object changes in a document.
pub trait DocumentEdit: Send + Sync {
    /// Makes the change; whether it changed anything. It may be made more than once, each time on a fresh document.
    ///
    /// # Errors
    /// It cannot be made. The document is as it was.
    fn make(&self, document: &mut Document) -> Result<bool, Error>;
}

/// The document of one key, for its writer.
pub struct Whole<S> {
    key: String,
    source: PhantomData<S>,
}

/// A document, and what a write has to know of its read.
pub struct Content<F> {
    document: Arc<Document>,
    form: F,
}

impl<S: Source> SharedDocument for Whole<S> {
    type Api = Api<S>;
    type Edit = Box<dyn DocumentEdit>;
    type Content = Content<S::Form>;
    type Written = ();

    async fn read(&self, api: &Self::Api, _: &[&Self::Edit]) -> Result<Self::Content, ApiError> {
        let (document, form) = S::read(api, &self.key).await?;
        Ok(Content {
            document: Arc::new(document),
            form,
        })
    }

    fn edit(&self, content: &mut Self::Content, edit: &Self::Edit) -> Result<bool, Error> {
        edit.make(Arc::make_mut(&mut content.document))
    }

    async fn write(&self, api: &Self::Api, permit: WritePermit, content: &Self::Content) -> Result<(), ApiError> {
        S::write(api, permit, &self.key, &content.form, &content.document).await
    }

    fn moved(content: &Self::Content, error: &ApiError) -> bool {
        S::moved(&content.form, error)
    }
}

fn writer<S: Source>(remote: &Remote<S::Connection>, key: &str) -> Arc<Writer<Whole<S>>> {
    let id = format!("{}/{key}", S::NAME);
    remote.live.writers.of(&id, || Whole {
        key: key.to_owned(),
        source: PhantomData,
    })
}

/// The document; `None`: the lists do not have it.
///
/// # Errors
/// The read fails.
pub async fn observe<S: Source>(
    remote: &Remote<S::Connection>,
    key: &str,
    read: Read,
) -> Result<Option<Arc<Document>>, Error> {
    if read == Read::Listed {
        return Ok(S::listed(remote.lists(), key));
    }
    let began = Instant::now();
    let content = writer::<S>(remote, key).read(&remote.api).await?;
    S::saw(remote.lists(), key, began, content.document.clone());
    Ok(Some(content.document.clone()))
}

/// Makes an edit, together with all others that wait by then.
///
/// # Errors
/// The edit was refused, its permit was withdrawn, or a call failed.
pub async fn edit<S: Source>(
    remote: &Remote<S::Connection>,
    key: &str,
    permit: WritePermit,
    edit: impl DocumentEdit + 'static,
) -> Result<(), Error> {
    writer::<S>(remote, key).edit(&remote.api, permit, Box::new(edit)).await
}
