//! Ways to read an answer: as one value once all of it is there, or as a list while it arrives.

use std::{future::Future, marker::PhantomData};

use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;

use super::{
    answer::{Answer, Fault, receive, receive_list},
    body::{BodyLimit, out_of_time},
    breaker::Health,
    call::OperationSpec,
    error::ErrorKind,
    list_memory::{Kept, Loan, Reading},
    memory::Share,
};

/// How an answer is read. A call that is sent again reads its second answer from the start.
pub(super) trait Receive: Send {
    /// What the answer is read as.
    type Value: Send;

    fn receive(
        &mut self,
        response: Response,
        operation: OperationSpec,
        memory: &Share,
        limit: BodyLimit,
    ) -> impl Future<Output = Result<(Self::Value, StatusCode), Fault>> + Send;
}

/// The answer as one value.
pub(super) struct Whole<T>(pub(super) fn(&Answer) -> Result<T, Fault>);

impl<T: Send> Receive for Whole<T> {
    type Value = T;

    async fn receive(
        &mut self,
        response: Response,
        operation: OperationSpec,
        memory: &Share,
        limit: BodyLimit,
    ) -> Result<(T, StatusCode), Fault> {
        let answer = receive(response, operation, memory, limit).await?;
        Ok(((self.0)(&answer)?, answer.status))
    }
}

/// The elements of a list, in a collection that `take` adds them to.
pub(super) struct Each<T, L, F> {
    pub(super) take: F,
    /// Whether the connection holds the list until the next one of the operation.
    pub(super) held: bool,
    pub(super) of: PhantomData<fn(T) -> L>,
}

impl<T: DeserializeOwned, L: Default + Send, F: FnMut(&mut L, T) -> Kept + Send> Each<T, L, F> {
    async fn read(
        &mut self,
        response: Response,
        operation: OperationSpec,
        memory: &Share,
        limit: BodyLimit,
    ) -> Result<(L, StatusCode, Reading), Fault> {
        let mut list = L::default();
        let take = |element| (self.take)(&mut list, element);
        let mut reading = memory.lists.begin(operation.name);
        let status = receive_list(response, operation, memory, limit, &mut reading, take).await;
        let status = status.map_err(|fault| match fault.kind {
            // The node is not to blame for the time that the call waited.
            ErrorKind::Timeout if reading.has_waited() => out_of_time(),
            _ => fault,
        })?;
        Ok((list, status, reading))
    }
}

impl<T: DeserializeOwned, L: Default + Send, F: FnMut(&mut L, T) -> Kept + Send> Receive for Each<T, L, F> {
    type Value = L;

    async fn receive(
        &mut self,
        response: Response,
        operation: OperationSpec,
        memory: &Share,
        limit: BodyLimit,
    ) -> Result<(L, StatusCode), Fault> {
        let (list, status, reading) = self.read(response, operation, memory, limit).await?;
        reading.end(self.held);
        Ok((list, status))
    }
}

/// The same, for elements that outlive the read.
pub(super) struct Lent<T, L, F>(pub(super) Each<T, L, F>);

impl<T: DeserializeOwned, L: Default + Send, F: FnMut(&mut L, T) -> Kept + Send> Receive for Lent<T, L, F> {
    type Value = (L, Loan);

    async fn receive(
        &mut self,
        response: Response,
        operation: OperationSpec,
        memory: &Share,
        limit: BodyLimit,
    ) -> Result<((L, Loan), StatusCode), Fault> {
        let (list, status, reading) = self.0.read(response, operation, memory, limit).await?;
        Ok(((list, reading.lend()), status))
    }
}

/// What the outcome of a call says about the other side.
pub(super) fn health<T>(operation: OperationSpec, result: &Result<T, Fault>) -> Health {
    let Err(fault) = result else {
        return Health::Alive;
    };
    match fault.kind {
        _ if fault.ours => Health::Unclear,
        // DSS answers 500 to writes that it finds invalid. A few such objects must not cut off all others.
        ErrorKind::Unavailable if operation.writes() && fault.own_words => Health::Unclear,
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Lost | ErrorKind::Unavailable => Health::Failing,
        ErrorKind::BadAddress | ErrorKind::Withdrawn => Health::Unclear,
        _ => Health::Alive,
    }
}
