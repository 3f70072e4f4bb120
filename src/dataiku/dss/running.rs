//! What runs on a DSS node beside long tasks: jobs and notebooks (contract sheet 2.14, D59 and D71).

use serde_json::Value;

use super::{DipProduct, Dss, DssNode};
use crate::dataiku::{
    call::{Call, Operation},
    error::ApiError,
    fields::{Fields, Record},
    listed::Listed,
};

const JOBS: Operation = Operation::list(DssNode::PRODUCT, "GET /jobs/running/");
const NOTEBOOKS: Operation = Operation::list(DssNode::PRODUCT, "GET /admin/notebooks/");

/// A job that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningJob {
    /// Id.
    pub id: String,
    /// Key of its project; `None`: the node does not say.
    pub project: Option<String>,
}

impl Record for RunningJob {
    const KEY: &'static str = "jobId";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        // Some releases have both under `def`.
        let def = fields.nested("def");
        let nested = |member: &str| def.as_ref().and_then(|def| def.key(member));
        Some(Self {
            id: fields.key(Self::KEY).or_else(|| nested("id"))?,
            project: fields.key("projectKey").or_else(|| nested("projectKey")),
        })
    }
}

/// A notebook with a kernel that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningNotebook {
    /// Name.
    pub name: String,
    /// Key of its project; `None`: the node does not say.
    pub project: Option<String>,
    /// Its sessions; `None`: unreadable.
    pub sessions: Option<usize>,
    /// Sessions whose kernel is not idle.
    pub busy: usize,
}

impl Record for RunningNotebook {
    const KEY: &'static str = "name";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let sessions: Option<Vec<Value>> = fields.list("activeSessions");
        let is_busy = |session: &&Value| {
            let state = session["kernelExecutionState"].as_str();
            state.is_some_and(|state| !state.eq_ignore_ascii_case("idle"))
        };
        Some(Self {
            name: fields.key(Self::KEY)?,
            project: fields.text("projectKey"),
            busy: sessions.iter().flatten().filter(is_busy).count(),
            sessions: sessions.map(|sessions| sessions.len()),
        })
    }
}

impl Dss {
    /// Jobs of all users and projects that run now.
    ///
    /// # Errors
    /// The call fails. `NotFound`: the release is older than 15.2.
    pub async fn running_jobs(&self) -> Result<Listed<RunningJob>, ApiError> {
        self.transport.list(Call::new(JOBS).query("allUsers", &true)).await
    }

    /// Notebooks of all projects with a kernel that runs.
    ///
    /// # Errors
    /// The call fails.
    pub async fn running_notebooks(&self) -> Result<Listed<RunningNotebook>, ApiError> {
        self.transport.list(Call::new(NOTEBOOKS)).await
    }
}
