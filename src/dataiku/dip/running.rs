//! Long tasks that run on a node (contract sheet 2.13).

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation},
    error::ApiError,
    fields::{Fields, Record},
    listed::Listed,
};

/// A long task or the run of a scenario. `None`: the node does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningTask {
    /// Id.
    pub id: String,
    /// Login of the user, or id of the API key, that started it.
    pub owner: Option<String>,
    /// What it does, in the words of the node.
    pub title: Option<String>,
    /// When it began, in milliseconds since the epoch.
    pub started: Option<i64>,
}

impl Record for RunningTask {
    const KEY: &'static str = "jobId";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            owner: fields.text("owner"),
            title: fields
                .nested("payload")
                .and_then(|mut payload| payload.text("displayName")),
            started: fields.number("startTime").filter(|time| *time > 0),
        })
    }
}

impl<P: DipProduct> Node<P> {
    const LIST_TASKS: Operation = Operation::list(P::PRODUCT, "GET /futures/");

    /// Tasks of all users that run now, or runs of scenarios (`scenarios`): the node lists the two by different calls.
    ///
    /// # Errors
    /// The call fails. `Forbidden`: the credentials show only tasks of their own.
    pub async fn running_tasks(&self, scenarios: bool) -> Result<Listed<RunningTask>, ApiError> {
        let call = Call::new(Self::LIST_TASKS)
            .query("withScenarios", &scenarios)
            .query("withNotScenarios", &!scenarios)
            .query("allUsers", &true);
        self.transport.list(call).await
    }
}
