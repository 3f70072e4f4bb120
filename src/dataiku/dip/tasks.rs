//! Long tasks of a node, which the API calls futures (contract sheet 2.13), and the calls that start one (2.5).

use serde_json::{Value, json};

use super::{DipProduct, Node};
use crate::dataiku::{
    call::{Call, Operation, Write},
    document::Document,
    error::{ApiError, ErrorKind},
    fields::{Fields, Record, record},
    listed::Listed,
    outcome::{certain, malformed},
    permit::WritePermit,
};

/// What a node tells of a long task. `None`: it does not tell, as a node that answers nothing but the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongTask {
    /// Its id.
    pub id: String,
    /// Whether it has ended well and its result can be fetched.
    pub has_result: bool,
    /// Whether it runs.
    pub alive: Option<bool>,
    /// Whether somebody aborted it.
    pub aborted: Option<bool>,
    /// Login of the user, or id of the API key, that started it.
    pub owner: Option<String>,
    /// When it was started, in milliseconds since the epoch.
    pub started_on: Option<i64>,
}

impl Record for LongTask {
    const KEY: &'static str = "jobId";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            id: fields.key(Self::KEY)?,
            has_result: fields.value("hasResult").unwrap_or_default(),
            alive: fields.value("alive"),
            aborted: fields.value("aborted"),
            owner: fields.text("owner"),
            started_on: fields.number("startTime"),
        })
    }
}

/// The answer to a call that starts a long task, or to a read of its result.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// It runs under this id.
    Running(LongTask),
    /// It has ended, with this result.
    Done(Value),
}

/// Users of a directory that a call asks for. A login or an email outweighs a group.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExternalFilter<'a> {
    /// Login in the directory.
    pub login: Option<&'a str>,
    /// Email in the directory. Before release 14.1 a node ignores it and answers everybody.
    pub email: Option<&'a str>,
    /// Group of the directory.
    pub group: Option<&'a str>,
}

/// Reads the state of a task. `bare`: what an answer without the members of a state is, as some releases send.
pub(in crate::dataiku) fn answered(
    operation: &'static str,
    answer: &Document,
    bare: Option<&dyn Fn(&Document) -> Value>,
) -> Result<Answered, ApiError> {
    let done: Option<bool> = answer.get("hasResult").map_err(|error| malformed(operation, &error))?;
    if done == Some(true) {
        let result = answer.get("result").map_err(|error| malformed(operation, &error))?;
        return Ok(Answered::Done(result.unwrap_or_default()));
    }
    if !answer.contains(LongTask::KEY)
        && done.is_none()
        && let Some(bare) = bare
    {
        return Ok(Answered::Done(bare(answer)));
    }
    let task = record(answer).map_err(|error| malformed(operation, &error))?;
    Ok(Answered::Running(task))
}

impl<P: DipProduct> Node<P> {
    const LONG_TASKS: Operation = Operation::list(P::PRODUCT, "GET /futures/");
    const LONG_TASK: Operation = Operation::read(P::PRODUCT, "GET /futures/{jobId}");
    const ABORT: Operation<Write> = Operation::write(P::PRODUCT, "DELETE /futures/{jobId}");
    const RESYNC: Operation<Write> = Operation::write(P::PRODUCT, "POST /admin/users/actions/resync-multi");
    const EXTERNAL_USERS: Operation = Operation::read(P::PRODUCT, "GET /admin/external-users");
    const PROVISION: Operation<Write> = Operation::write(P::PRODUCT, "POST /admin/users/actions/provision");

    /// The same API for calls in the name of a user, which the credentials must be allowed to act as.
    #[must_use]
    pub fn acting_as(&self, login: &str) -> Self {
        Self::new(self.transport.acting_as(login))
    }

    /// A remote text, or its withheld form where it contains a part of the credentials. At most 1 KiB, on one line.
    #[must_use]
    pub fn quote(&self, text: &str) -> String {
        self.transport.quote(text, &[])
    }

    /// Long tasks that run, those of all users; runs of scenarios are left out.
    ///
    /// # Errors
    /// The call fails.
    pub async fn long_tasks(&self) -> Result<Listed<LongTask>, ApiError> {
        let call = Call::new(Self::LONG_TASKS)
            .query("withScenarios", &false)
            .query("withNotScenarios", &true)
            .query("allUsers", &true);
        self.transport.list(call).await
    }

    /// The state of a task, without its result, which stays on the node. `None`: the node does not know it.
    ///
    /// # Errors
    /// The call fails. An error in the node's own words may be that of the task.
    pub async fn long_task(&self, id: &str) -> Result<Option<LongTask>, ApiError> {
        let call = Call::new(Self::LONG_TASK).segment("jobId", id).query("peek", &true);
        let answer: Option<Document> = certain(self.transport.json(call).await)?;
        let operation = Self::LONG_TASK.name();
        let Some(answer) = answer else { return Ok(None) };
        if !answer.contains(LongTask::KEY) {
            // The id is known, whether or not the answer repeats it.
            let mut named = answer;
            named.set(LongTask::KEY, id);
            return record(&named).map(Some).map_err(|error| malformed(operation, &error));
        }
        record(&answer).map(Some).map_err(|error| malformed(operation, &error))
    }

    /// The result of a task, which the node may forget with this read. `None`: the node does not know the task.
    ///
    /// # Errors
    /// The call fails. An error in the node's own words is that of the task: it failed.
    pub async fn take_result(&self, id: &str) -> Result<Option<Answered>, ApiError> {
        let call = Call::new(Self::LONG_TASK).segment("jobId", id).query("peek", &false);
        let answer: Option<Document> = certain(self.transport.json(call).await)?;
        let Some(mut answer) = answer else { return Ok(None) };
        if !answer.contains(LongTask::KEY) {
            answer.set(LongTask::KEY, id);
        }
        answered(Self::LONG_TASK.name(), &answer, None).map(Some)
    }

    /// Aborts a task; false when the node does not know it. The node ends it later.
    ///
    /// # Errors
    /// The call fails.
    pub async fn abort_long_task(&self, permit: WritePermit, id: &str) -> Result<bool, ApiError> {
        let call = Call::new(Self::ABORT).segment("jobId", id);
        certain(self.transport.write_done(call, permit).await).map(|done| done.is_some())
    }

    /// Starts to bring users in line with their directories; `None`: all users.
    ///
    /// # Errors
    /// The call fails, or the list is empty: a node may take that for all users.
    pub async fn resync_users(&self, permit: WritePermit, logins: Option<&[String]>) -> Result<Answered, ApiError> {
        let call = Call::new(Self::RESYNC);
        let call = match logins {
            None => call,
            Some([]) => {
                let message = "no user is named";
                return Err(ApiError::new(Self::RESYNC.name(), ErrorKind::Rejected, message));
            }
            Some(logins) => call.json(logins),
        };
        let answer = self.transport.write(call, permit).await?;
        answered(Self::RESYNC.name(), &answer, None)
    }

    /// Starts to read users of a directory: the result is a list of them, in the node's own form.
    ///
    /// # Errors
    /// The call fails.
    pub async fn external_users(&self, source: &str, filter: ExternalFilter<'_>) -> Result<Answered, ApiError> {
        let mut call = Call::new(Self::EXTERNAL_USERS).query("userSourceType", &source);
        let parts = [
            ("login", filter.login),
            ("email", filter.email),
            ("groupName", filter.group),
        ];
        for (name, value) in parts {
            if let Some(value) = value {
                call = call.query(name, &value);
            }
        }
        let answer = self.transport.json(call).await?;
        answered(Self::EXTERNAL_USERS.name(), &answer, None)
    }

    /// Starts to create these users, as [`Self::external_users`] gave them.
    ///
    /// # Errors
    /// The call fails.
    pub async fn provision_users(
        &self,
        permit: WritePermit,
        source: &str,
        users: &[Value],
    ) -> Result<Answered, ApiError> {
        let body = json!({ "userSourceType": source, "users": users });
        let answer = self
            .transport
            .write(Call::new(Self::PROVISION).json(&body), permit)
            .await?;
        answered(Self::PROVISION.name(), &answer, None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Answered, Document, answered};

    fn read(text: &str) -> Result<Answered, String> {
        let document: Document = serde_json::from_str(text).unwrap();
        answered("POST /x", &document, None).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_is_a_result_or_names_its_task() {
        let done = read(r#"{"hasResult":true,"result":[1]}"#).unwrap();
        assert_eq!(done, Answered::Done(json!([1])));
        assert_eq!(read(r#"{"hasResult":true}"#).unwrap(), Answered::Done(json!(null)));
        let Answered::Running(task) = read(r#"{"jobId":"a","hasResult":false}"#).unwrap() else {
            panic!("it runs");
        };
        assert_eq!((&*task.id, task.alive, task.owner), ("a", None, None));
        for unusable in [
            "{}",
            r#"{"hasResult":false}"#,
            r#"{"jobId":7}"#,
            r#"{"hasResult":"yes"}"#,
        ] {
            assert!(read(unusable).is_err(), "{unusable}");
        }
    }
}
