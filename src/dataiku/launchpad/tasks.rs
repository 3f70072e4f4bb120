//! Answers to writes that reach the nodes later, and the tasks that carry them there (contract sheet 4.3).

use serde::Deserialize;

use super::{LAUNCHPAD, Launchpad};
use crate::dataiku::{call::Operation, document::Document, error::ApiError, null, outcome::present};

const GET: Operation = Operation::read(&LAUNCHPAD, "GET /spaces/{space}/task/{task}");

/// An object was stored. Neither Debug nor Display, as its document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// What is stored.
    #[serde(rename = "group")]
    pub document: Document,
    /// The task that carries it to the nodes; `None` when there is nothing to wait for.
    #[serde(default, deserialize_with = "null::text")]
    pub task_id: Option<String>,
}

/// An object was deleted, or was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Whether there was one.
    pub found: bool,
    /// The task that carries it to the nodes; `None` when there is nothing to wait for.
    pub task_id: Option<String>,
}

/// The part of an answer that names a task.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskReference {
    #[serde(default, deserialize_with = "null::text")]
    pub(super) task_id: Option<String>,
}

/// How far a task is. A failed one gives no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct TaskState {
    /// Whether it is over.
    pub ready: bool,
    /// Whether it succeeded; means something only once it is over.
    #[serde(default, deserialize_with = "null::as_default")]
    pub successful: bool,
}

impl Launchpad {
    /// The state of the task; `None` when the Launchpad does not know it, or no longer. That means neither success nor
    /// failure, and no list can confirm it.
    ///
    /// # Errors
    /// The call fails.
    pub async fn task(&self, id: &str) -> Result<Option<TaskState>, ApiError> {
        present(self.transport.json(self.call(GET).segment("task", id)).await)
    }
}
