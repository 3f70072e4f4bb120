//! Jupyter notebooks of a DSS node, their sessions and their discussions (contract sheet 2.14), and the base images of
//! containers (2.15). The content of a notebook is the users' own: no error carries any of it.

use serde::Serialize;
use serde_json::{Value, json};

use super::{DipProduct, Dss, DssNode};
use crate::dataiku::{
    call::{Call, Operation, Write},
    dip::tasks::{Answered, answered},
    document::Document,
    error::ApiError,
    fields::{Fields, Record},
    listed::{Element, Kept, Listed},
    outcome::certain,
    permit::WritePermit,
};

const LIST: Operation = Operation::list(DssNode::PRODUCT, "GET /projects/{projectKey}/jupyter-notebooks/");
const GET: Operation = Operation::read(DssNode::PRODUCT, "GET /projects/{projectKey}/jupyter-notebooks/{name}");
const CREATE: Operation<Write> =
    Operation::write(DssNode::PRODUCT, "POST /projects/{projectKey}/jupyter-notebooks/{name}");
const PUT: Operation<Write> = Operation::write(DssNode::PRODUCT, "PUT /projects/{projectKey}/jupyter-notebooks/{name}");
const DELETE: Operation<Write> = Operation::write(
    DssNode::PRODUCT,
    "DELETE /projects/{projectKey}/jupyter-notebooks/{name}",
);
const CLEAR: Operation<Write> = Operation::write(
    DssNode::PRODUCT,
    "DELETE /projects/{projectKey}/jupyter-notebooks/{name}/outputs",
);
const UNLOAD: Operation<Write> = Operation::write(
    DssNode::PRODUCT,
    "DELETE /projects/{projectKey}/jupyter-notebooks/{name}/sessions/{sessionId}",
);
const SESSIONS: Operation = Operation::list(DssNode::PRODUCT, "GET /admin/notebooks/");
const DISCUSSIONS: Operation = Operation::list(
    DssNode::PRODUCT,
    "GET /projects/{projectKey}/discussions/JUPYTER_NOTEBOOK/{name}/",
);
const POST: Operation<Write> = Operation::write(
    DssNode::PRODUCT,
    "POST /projects/{projectKey}/discussions/JUPYTER_NOTEBOOK/{name}/",
);
const PUSH: Operation<Write> =
    Operation::write(DssNode::PRODUCT, "POST /admin/container-exec/actions/push-base-images");

/// A notebook in the list of its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotebookRecord {
    /// Its name, which identifies it in the project.
    pub name: String,
    /// `python`, `R`, `toree`; an open set. `None`: absent or unreadable.
    pub language: Option<String>,
    /// Name of its kernel. `None`: absent or unreadable.
    pub kernel: Option<String>,
}

impl Record for NotebookRecord {
    const KEY: &'static str = "name";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            name: fields.key(Self::KEY)?,
            language: fields.text("language"),
            kernel: fields.nested("kernelSpec").and_then(|mut kernel| kernel.text("name")),
        })
    }
}

/// A running session of a notebook. `None`: absent or unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Key of the project.
    pub project: String,
    /// Name of the notebook.
    pub notebook: String,
    /// Id.
    pub id: String,
    /// Login of whoever opened it.
    pub creator: Option<String>,
    /// When its kernel was last active, in milliseconds since the epoch.
    pub last_activity: Option<i64>,
    /// `idle`, `busy` and others; an open set.
    pub state: Option<String>,
}

/// A notebook with its sessions, in the list of those that run.
struct RunningRecord(Vec<Option<SessionRecord>>);

impl Record for RunningRecord {
    const KEY: &'static str = "name";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        let (project, notebook) = (fields.key("projectKey")?, fields.key(Self::KEY)?);
        let sessions: Vec<Document> = fields.list("activeSessions")?;
        let one = |session: &Document| {
            let mut fields = Fields::of(session);
            Some(SessionRecord {
                project: project.clone(),
                notebook: notebook.clone(),
                id: fields.key("sessionId")?,
                creator: fields.text("sessionCreator"),
                last_activity: fields.number("kernelLastActivityTime"),
                state: fields.text("kernelExecutionState"),
            })
        };
        Some(Self(sessions.iter().map(one).collect()))
    }
}

/// A discussion of a notebook, without what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscussionRecord {
    /// Id.
    pub id: String,
    /// What it is about.
    pub topic: Option<String>,
}

impl Record for DiscussionRecord {
    const KEY: &'static str = "id";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            topic: fields.text("topic"),
        })
    }
}

fn of<K>(operation: Operation<K>, project: &str, name: &str) -> Call<K> {
    Call::new(operation)
        .segment("projectKey", project)
        .segment("name", name)
}

impl Dss {
    /// Notebooks of a project; `None` when there is no such project.
    ///
    /// # Errors
    /// The call fails.
    pub async fn jupyter_notebooks(&self, project: &str) -> Result<Option<Listed<NotebookRecord>>, ApiError> {
        let call = Call::new(LIST).segment("projectKey", project);
        certain(self.transport.some(call).await)
    }

    /// The content of a notebook; `None` when there is no such notebook or project.
    ///
    /// # Errors
    /// The call fails.
    pub async fn jupyter_notebook(&self, project: &str, name: &str) -> Result<Option<Document>, ApiError> {
        certain(self.transport.json(of(GET, project, name).unquoted()).await)
    }

    /// Creates a notebook with this content.
    ///
    /// # Errors
    /// The call fails.
    pub async fn create_jupyter_notebook<T: Serialize + Sync>(
        &self,
        permit: WritePermit,
        project: &str,
        name: &str,
        content: &T,
    ) -> Result<(), ApiError> {
        self.transport
            .write_done(of(CREATE, project, name).json(content).unquoted(), permit)
            .await
    }

    /// Replaces the content of a notebook. A browser tab that shows the notebook may overwrite it later.
    ///
    /// # Errors
    /// The call fails.
    pub async fn put_jupyter_notebook<T: Serialize + Sync>(
        &self,
        permit: WritePermit,
        project: &str,
        name: &str,
        content: &T,
    ) -> Result<(), ApiError> {
        self.transport
            .write_done(of(PUT, project, name).json(content).unquoted(), permit)
            .await
    }

    /// Deletes a notebook and ends its sessions; false when there was none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn delete_jupyter_notebook(
        &self,
        permit: WritePermit,
        project: &str,
        name: &str,
    ) -> Result<bool, ApiError> {
        let done = self.transport.write_done(of(DELETE, project, name), permit).await;
        certain(done).map(|done| done.is_some())
    }

    /// Clears the outputs of a notebook; false when there is none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn clear_jupyter_outputs(
        &self,
        permit: WritePermit,
        project: &str,
        name: &str,
    ) -> Result<bool, ApiError> {
        let done = self.transport.write_done(of(CLEAR, project, name), permit).await;
        certain(done).map(|done| done.is_some())
    }

    /// Sessions that run, of all notebooks.
    ///
    /// # Errors
    /// The call fails.
    pub async fn jupyter_sessions(&self) -> Result<Listed<SessionRecord>, ApiError> {
        let take = |sessions: &mut Listed<SessionRecord>, Element(running): Element<RunningRecord>| {
            let Some(RunningRecord(all)) = running else {
                sessions.push(None);
                return Kept::Bytes(0);
            };
            for one in all {
                sessions.push(one);
            }
            Kept::Whole
        };
        self.transport.each(Call::new(SESSIONS), false, take).await
    }

    /// Ends a session, whose variables are lost; false when there was none.
    ///
    /// # Errors
    /// The call fails.
    pub async fn unload_jupyter_session(&self, permit: WritePermit, session: &SessionRecord) -> Result<bool, ApiError> {
        let call = of(UNLOAD, &session.project, &session.notebook).segment("sessionId", &session.id);
        certain(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }

    /// Discussions of a notebook; `None` when there is no such notebook or project.
    ///
    /// # Errors
    /// The call fails.
    pub async fn jupyter_discussions(
        &self,
        project: &str,
        name: &str,
    ) -> Result<Option<Listed<DiscussionRecord>>, ApiError> {
        certain(self.transport.some(of(DISCUSSIONS, project, name)).await)
    }

    /// Opens a discussion of a notebook with a first message.
    ///
    /// # Errors
    /// The call fails.
    pub async fn post_jupyter_discussion(
        &self,
        permit: WritePermit,
        project: &str,
        name: &str,
        topic: &str,
        message: &str,
    ) -> Result<(), ApiError> {
        let body = json!({ "topic": topic, "reply": message });
        self.transport
            .write_done(of(POST, project, name).json(&body), permit)
            .await
    }

    /// Starts to push the base images of containers. The result holds `messages`, whichever form the release answers.
    ///
    /// # Errors
    /// The call fails.
    pub async fn push_base_images(&self, permit: WritePermit) -> Result<Answered, ApiError> {
        let answer: Document = self.transport.write(Call::new(PUSH), permit).await?;
        let direct = |answer: &Document| serde_json::to_value(answer).unwrap_or(Value::Null);
        answered(PUSH.name(), &answer, Some(&direct))
    }
}
