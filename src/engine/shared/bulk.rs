//! Writes of many objects that go to the remote side in one call.
//!
//! A write that finds no call under way is sent at once and alone, or after [`BulkWrite::GATHER`] with those that came by then.
//! What is asked for in the meantime goes together in the next call. So a single edit costs what it always did, and the size of a call follows the
//! load by itself. A permit is checked per write: what became invalid leaves the call, and the others go without it.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use tokio::sync::oneshot;

use super::{
    batch::{Expected, Gather},
    writer::{abandoned, withdrawn},
};
use crate::{
    dataiku::{
        error::{ApiError, ErrorKind},
        permit::WritePermit,
    },
    engine::error::Error,
};

/// Most writes in one call: a call has ten seconds.
const MOST: usize = 250;
/// Most bytes in one call.
const MOST_BYTES: usize = 1 << 20;
/// How often a call is prepared again that lost a permit while it waited.
const ATTEMPTS: usize = 3;
/// How often a write that waits is checked.
const CHECKED: Duration = Duration::from_millis(200);
/// Writes of their own that are in flight where a call for all cannot be made. The gate of the connection bounds them too.
const SINGLES: usize = 16;

/// What became of one write of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It has this outcome.
    Done(Result<(), ApiError>),
    /// It was not executed, and is to be sent by itself.
    Alone,
}

/// A kind of write of which many go in one call.
pub trait BulkWrite: Send + Sync + 'static {
    /// The API that it goes through.
    type Api: Clone + Send + Sync + 'static;
    /// One write.
    type Item: Send + Sync + 'static;

    /// How long no further write must come before a call is sent, where it is known that others come. Zero: it is sent at
    /// once.
    const GATHER: Duration = Duration::ZERO;

    /// Bytes that the write takes in the call, roughly.
    fn bytes(item: &Self::Item) -> usize;

    /// Sends two writes or more in one call; the outcome of each, in their order.
    ///
    /// An answer that is lost is an error: nothing is repeated here. Whoever asked reads before it asks again.
    ///
    /// # Errors
    /// The call fails as a whole, which is the outcome of each write.
    fn send(
        api: &Self::Api,
        permit: WritePermit,
        items: &[&Self::Item],
    ) -> impl Future<Output = Result<Vec<Sent>, ApiError>> + Send;

    /// Sends one write by itself.
    ///
    /// # Errors
    /// The call fails.
    fn send_alone(
        api: &Self::Api,
        permit: WritePermit,
        item: &Self::Item,
    ) -> impl Future<Output = Result<(), ApiError>> + Send;
}

struct Ask<B: BulkWrite> {
    id: u64,
    item: B::Item,
    /// Another address or key makes another one. A permit is only valid with the one in force.
    api: B::Api,
    permit: WritePermit,
    expected: Expected,
    answer: oneshot::Sender<Result<(), Error>>,
}

impl<B: BulkWrite> Ask<B> {
    fn answer(self, outcome: Result<(), Error>) {
        // Whoever gave up needs no answer.
        let _ = self.answer.send(outcome);
    }
}

struct Queue<B: BulkWrite> {
    waiting: Vec<Ask<B>>,
    asked: u64,
    running: bool,
}

/// The writes of one kind on one connection. One call is under way at a time.
pub struct Bulk<B: BulkWrite>(Mutex<Queue<B>>);

impl<B: BulkWrite> Default for Bulk<B> {
    fn default() -> Self {
        Self(Mutex::new(Queue {
            waiting: Vec::new(),
            asked: 0,
            running: false,
        }))
    }
}

impl<B: BulkWrite> Bulk<B> {
    /// Makes one write, together with all others that wait by then. It happens in a task of its own: it ends although whoever
    /// asked for it gave up. A write whose permit is withdrawn leaves the queue at once: its object may have something more urgent
    /// to write. `expected`: the others that are known to come.
    ///
    /// # Errors
    /// The permit was withdrawn, or the write failed.
    pub async fn write(
        self: &Arc<Self>,
        api: &B::Api,
        permit: WritePermit,
        item: B::Item,
        expected: Expected,
    ) -> Result<(), Error> {
        let (answer, mut answered) = oneshot::channel();
        let (id, start) = {
            let mut queue = self.queue();
            queue.asked += 1;
            let id = queue.asked;
            queue.waiting.push(Ask {
                id,
                item,
                api: api.clone(),
                permit,
                expected,
                answer,
            });
            (id, !std::mem::replace(&mut queue.running, true))
        };
        if start {
            tokio::spawn(self.clone().run());
        }
        loop {
            match tokio::time::timeout(CHECKED, &mut answered).await {
                Ok(answered) => return answered.unwrap_or_else(|_| Err(abandoned())),
                Err(_) if self.leaves(id) => return Err(withdrawn()),
                Err(_) => {}
            }
        }
    }

    /// Takes a write out of the queue whose permit is not valid any more. False once it is in a call.
    fn leaves(&self, id: u64) -> bool {
        let mut queue = self.queue();
        let place = queue.waiting.iter().position(|ask| ask.id == id);
        let outdated = place.filter(|place| !queue.waiting[*place].permit.is_valid());
        outdated.map(|place| queue.waiting.remove(place)).is_some()
    }

    async fn run(self: Arc<Self>) {
        let _running = Running(&self);
        loop {
            let expected = self.queue().waiting.last().map(|ask| ask.expected.clone());
            if let Some(expected) = expected {
                let gather = Gather {
                    quiet: B::GATHER,
                    expected,
                };
                gather.wait(MOST, || self.queue().waiting.len()).await;
            }
            let asks = {
                let mut queue = self.queue();
                // Nobody is left to record what would be written for them.
                queue.waiting.retain(|ask| !ask.answer.is_closed());
                if queue.waiting.is_empty() {
                    queue.running = false;
                    return;
                }
                let count = fitting::<B>(&queue.waiting);
                queue.waiting.drain(..count).collect()
            };
            Self::send(asks).await;
        }
    }

    async fn send(mut asks: Vec<Ask<B>>) {
        for attempt in 1.. {
            let (valid, invalid): (Vec<_>, Vec<_>) = asks.into_iter().partition(|ask| ask.permit.is_valid());
            for ask in invalid {
                ask.answer(Err(withdrawn()));
            }
            asks = valid;
            if asks.len() < 2 {
                return Self::send_alone(asks).await;
            }
            // All permits are valid, so all of these are the one in force.
            let api = asks[0].api.clone();
            let permit = WritePermit::joint(asks.iter().map(|ask| &ask.permit));
            let items: Vec<&B::Item> = asks.iter().map(|ask| &ask.item).collect();
            match B::send(&api, permit, &items).await {
                Err(error) if error.kind == ErrorKind::Withdrawn && attempt < ATTEMPTS => {}
                Err(error) => {
                    for ask in asks {
                        ask.answer(Err(error.clone().into()));
                    }
                    return;
                }
                Ok(sent) => {
                    let mut alone = Vec::new();
                    for (ask, sent) in asks.into_iter().zip(sent) {
                        match sent {
                            Sent::Done(outcome) => ask.answer(outcome.map_err(Error::from)),
                            Sent::Alone => alone.push(ask),
                        }
                    }
                    return Self::send_alone(alone).await;
                }
            }
        }
    }

    async fn send_alone(asks: Vec<Ask<B>>) {
        let each = |ask: Ask<B>| async move {
            let Ask {
                item,
                api,
                permit,
                answer,
                ..
            } = ask;
            let sent = B::send_alone(&api, permit, &item).await;
            let _ = answer.send(sent.map_err(Error::from));
        };
        stream::iter(asks).for_each_concurrent(SINGLES, each).await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of the first writes fit into one call.
fn fitting<B: BulkWrite>(waiting: &[Ask<B>]) -> usize {
    let mut bytes = 0;
    let fit = waiting.iter().take(MOST).take_while(|ask| {
        bytes += B::bytes(&ask.item);
        bytes <= MOST_BYTES
    });
    fit.count().max(1)
}

/// Lets the next write start a new run, and those that wait know, if the run ends by a panic.
struct Running<'a, B: BulkWrite>(&'a Bulk<B>);

impl<B: BulkWrite> Drop for Running<'_, B> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.queue();
            queue.running = false;
            queue.waiting.clear();
        }
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
