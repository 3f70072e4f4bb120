//! The only writer of a document that many objects, people and other tools write as a whole.
//!
//! No product has conditional writes: whatever others do between a read and the write that follows is lost. So there are
//! few writes, each right after its read, and all edits that wait go into one. Where the remote side refuses what several
//! edits make of the document, they are halved until the one at fault is found: the others must not suffer for it.

use std::{
    any::Any,
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::oneshot;

use super::{
    batch::Batch,
    bulk::{Bulk, BulkWrite},
};
use crate::{
    dataiku::{
        error::{ApiError, ErrorKind},
        permit::WritePermit,
    },
    engine::error::{Error, Fate, Reason, Refused},
};

/// How often a write is prepared again that lost its permits or its document in between.
const ATTEMPTS: usize = 3;
/// Writers that are remembered before those without users are dropped.
const PRUNE_FROM: usize = 64;

/// A document that many objects share.
pub trait SharedDocument: Send + Sync + Sized + 'static {
    /// The API that it is read and written through.
    type Api: Clone + Send + Sync + 'static;
    /// What one object changes in it.
    type Edit: Send + Sync + 'static;
    /// The document, or what of it the edits concern.
    type Content: Send + Sync + 'static;
    /// What a write returned.
    type Written: Send;

    /// Reads what these edits concern. Without edits, everything that an observation needs.
    fn read(
        &self,
        api: &Self::Api,
        edits: &[&Self::Edit],
    ) -> impl Future<Output = Result<Self::Content, ApiError>> + Send;
    /// Makes an edit; whether it changed anything. An error leaves the content as it was.
    fn edit(&self, content: &mut Self::Content, edit: &Self::Edit) -> Result<bool, Error>;
    /// Writes the content.
    fn write(
        &self,
        api: &Self::Api,
        permit: WritePermit,
        content: &Self::Content,
    ) -> impl Future<Output = Result<Self::Written, ApiError>> + Send;
    /// What a successful write says against one of its edits.
    fn refusal(_edit: &Self::Edit, _written: &Self::Written) -> Option<Error> {
        None
    }
    /// Whether a write failed because the document was created or deleted after it was read.
    fn moved(_content: &Self::Content, _error: &ApiError) -> bool {
        false
    }
}

struct Ask<D: SharedDocument> {
    edit: D::Edit,
    permit: WritePermit,
    answer: oneshot::Sender<Result<(), Error>>,
}

struct Asks<D: SharedDocument> {
    waiting: Vec<Ask<D>>,
    api: Option<D::Api>,
    running: bool,
}

/// The only writer of one document.
pub struct Writer<D: SharedDocument> {
    document: D,
    asks: Mutex<Asks<D>>,
    reads: Batch<(), Result<Arc<D::Content>, ApiError>>,
}

impl<D: SharedDocument> Writer<D> {
    fn new(document: D) -> Self {
        Self {
            document,
            asks: Mutex::new(Asks {
                waiting: Vec::new(),
                api: None,
                running: false,
            }),
            reads: Batch::default(),
        }
    }

    /// The document as it is now. Those who ask at once are answered by one call.
    ///
    /// # Errors
    /// The call fails.
    pub async fn read(self: &Arc<Self>, api: &D::Api) -> Result<Arc<D::Content>, Error> {
        let (writer, api) = (self.clone(), api.clone());
        let read = self.reads.ask((), move |askers: Vec<()>| async move {
            let content = writer.document.read(&api, &[]).await.map(Arc::new);
            vec![content; askers.len()]
        });
        Ok(read.await.ok_or_else(abandoned)??)
    }

    /// Makes an edit, together with all others that wait by then. The write happens in a task of its own: it ends although
    /// whoever asked for it gave up.
    ///
    /// # Errors
    /// The edit was refused, its permit was withdrawn, or the call failed.
    pub async fn edit(self: &Arc<Self>, api: &D::Api, permit: WritePermit, edit: D::Edit) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        let start = {
            let mut asks = self.asks();
            asks.waiting.push(Ask { edit, permit, answer });
            asks.api = Some(api.clone());
            !std::mem::replace(&mut asks.running, true)
        };
        if start {
            tokio::spawn(self.clone().run());
        }
        answered.await.unwrap_or_else(|_| Err(abandoned()))
    }

    async fn run(self: Arc<Self>) {
        let _running = Running(&self);
        loop {
            let (mut asks, api) = {
                let mut asks = self.asks();
                let Some(api) = asks.api.clone().filter(|_| !asks.waiting.is_empty()) else {
                    asks.running = false;
                    return;
                };
                (std::mem::take(&mut asks.waiting), api)
            };
            // Nobody is left to record what would be written for them.
            asks.retain(|ask| !ask.answer.is_closed());
            self.write_all(&api, asks).await;
        }
    }

    async fn write_all(&self, api: &D::Api, asks: Vec<Ask<D>>) {
        let mut parts = vec![asks];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let (outcomes, refused) = self.write_together(api, &part).await;
            if refused && part.len() > 1 {
                let second = part.split_off(part.len() / 2);
                parts.extend([second, part]);
                continue;
            }
            for (ask, outcome) in part.into_iter().zip(outcomes) {
                // Whoever gave up needs no answer.
                let _ = ask.answer.send(outcome);
            }
        }
    }

    /// One write for all; and whether the remote side refused it for what is in it.
    async fn write_together(&self, api: &D::Api, asks: &[Ask<D>]) -> (Vec<Result<(), Error>>, bool) {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let valid: Vec<bool> = asks.iter().map(|ask| ask.permit.is_valid()).collect();
            let outcome = self.attempt(api, asks, &valid).await;
            let (content, error) = match outcome {
                Ok(outcomes) => return (outcomes, false),
                Err(failure) => failure,
            };
            let again = match &content {
                _ if error.kind == ErrorKind::Withdrawn => true,
                Some(content) => D::moved(content, &error),
                None => false,
            };
            if again && attempt < ATTEMPTS {
                continue;
            }
            let refused = content.is_some() && is_refusal(&error);
            let outcomes = valid.into_iter().map(|valid| {
                if valid {
                    Err(error.clone().into())
                } else {
                    Err(withdrawn())
                }
            });
            return (outcomes.collect(), refused);
        }
    }

    /// One read and the write that follows it. The content is part of the failure where it was the write that failed.
    #[allow(clippy::type_complexity, reason = "the two outcomes have no name elsewhere")]
    async fn attempt(
        &self,
        api: &D::Api,
        asks: &[Ask<D>],
        valid: &[bool],
    ) -> Result<Vec<Result<(), Error>>, (Option<D::Content>, ApiError)> {
        let edits: Vec<&D::Edit> = chosen(asks, valid).map(|ask| &ask.edit).collect();
        if edits.is_empty() {
            return Ok(asks.iter().map(|_| Err(withdrawn())).collect());
        }
        let mut content = self.document.read(api, &edits).await.map_err(|error| (None, error))?;
        let mut changed = false;
        let mut outcomes = Vec::with_capacity(asks.len());
        for (ask, valid) in asks.iter().zip(valid) {
            outcomes.push(if *valid {
                self.document
                    .edit(&mut content, &ask.edit)
                    .map(|edited| changed |= edited)
            } else {
                Err(withdrawn())
            });
        }
        if !changed {
            return Ok(outcomes);
        }
        let permit = WritePermit::joint(chosen(asks, valid).map(|ask| &ask.permit));
        match self.document.write(api, permit, &content).await {
            Err(error) => Err((Some(content), error)),
            Ok(written) => Ok(asks
                .iter()
                .zip(outcomes)
                .map(|(ask, outcome)| outcome.and_then(|()| D::refusal(&ask.edit, &written).map_or(Ok(()), Err)))
                .collect()),
        }
    }

    fn asks(&self) -> MutexGuard<'_, Asks<D>> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the next edit start a new run, and those that wait know, if the run ends by a panic.
struct Running<'a, D: SharedDocument>(&'a Writer<D>);

impl<D: SharedDocument> Drop for Running<'_, D> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut asks = self.0.asks();
            asks.running = false;
            asks.waiting.clear();
        }
    }
}

fn chosen<'a, D: SharedDocument>(asks: &'a [Ask<D>], valid: &'a [bool]) -> impl Iterator<Item = &'a Ask<D>> {
    asks.iter().zip(valid).filter(|(_, valid)| **valid).map(|(ask, _)| ask)
}

/// Whether the remote side does not accept what is in the document. Some releases report that as an error of their own
/// (contract sheet 1.4).
fn is_refusal(error: &ApiError) -> bool {
    error.kind == ErrorKind::Rejected || (error.status == Some(500) && error.own_words)
}

pub(super) fn withdrawn() -> Error {
    Error::Refused(Refused::Superseded)
}

pub(super) fn abandoned() -> Error {
    Error::Remote {
        reason: Reason::Unavailable,
        message: "the write that this object waited for was abandoned".to_owned(),
        retry_after: None,
        fate: Fate::Unknown,
    }
}

/// The writers of one connection, by the document or the kind of write.
#[derive(Default)]
pub struct Writers(Mutex<HashMap<String, Weak<dyn Any + Send + Sync>>>);

impl Writers {
    /// The writer of this document. `id` names it within the connection, its kind included; `make` is called where nobody
    /// uses it at the moment.
    pub fn of<D: SharedDocument>(&self, id: &str, make: impl FnOnce() -> D) -> Arc<Writer<D>> {
        self.shared(id, || Writer::new(make()))
    }

    /// The queue of the writes of this kind, of which many go in one call. `id` names the kind within the connection.
    pub fn bulk<B: BulkWrite>(&self, id: &str) -> Arc<Bulk<B>> {
        self.shared(id, Bulk::default)
    }

    fn shared<T: Send + Sync + 'static>(&self, id: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut writers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = writers.get(id).and_then(Weak::upgrade);
        if let Some(writer) = known.and_then(|known| known.downcast().ok()) {
            return writer;
        }
        if writers.len() >= PRUNE_FROM {
            writers.retain(|_, writer| writer.strong_count() > 0);
        }
        let writer = Arc::new(make());
        let shared: Arc<dyn Any + Send + Sync> = writer.clone();
        writers.insert(id.to_owned(), Arc::downgrade(&shared));
        writer
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
