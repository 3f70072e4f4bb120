//! What the status of a task shows of its runs.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a run is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum RunPhase {
    /// It has begun and not ended.
    Running,
    /// It ended well.
    Succeeded,
    /// The node refused it, or reported that it failed.
    Failed,
    /// Somebody aborted it: a person, a newer run, or the deletion of the task.
    Aborted,
    /// It ran longer than `timeout`, and the operator aborted it.
    TimedOut,
    /// The node does not know its future any more, although it ran a moment ago.
    Vanished,
    /// The node does not know its future any more, and nobody looked at it for as long as a node keeps results.
    Expired,
    /// It ended, but somebody else fetched its result first.
    ResultTaken,
    /// The answer to the call that starts it was lost, and nothing tells whether it ran.
    Unknown,
}

impl RunPhase {
    /// Every phase.
    pub const ALL: [Self; 9] = [
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Aborted,
        Self::TimedOut,
        Self::Vanished,
        Self::Expired,
        Self::ResultTaken,
        Self::Unknown,
    ];

    /// Its name, also in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
            Self::TimedOut => "TimedOut",
            Self::Vanished => "Vanished",
            Self::Expired => "Expired",
            Self::ResultTaken => "ResultTaken",
            Self::Unknown => "Unknown",
        }
    }
}

/// A start whose outcome is not known yet. It is recorded before the call, so that a restart of the operator does not start
/// the run twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it was recorded. The call is sent later: it may wait in the queue of its connection.
    pub at: Time,
    /// Which attempt of this run it is, from 1.
    pub number: i32,
    /// What the node listed before: whatever is new afterwards may be this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// Whether the node listed more than is recorded, so that a new entry proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crowded: bool,
}

/// One run of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Id of the run, which the operator made.
    pub id: String,
    /// The time of the schedule that it is for. Absent for a task without a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Time>,
    /// When it began.
    pub started_at: Time,
    /// When it ended. Absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// `Running`: it has not ended. `Succeeded`: it ended well. `Failed`: the node refused it or reported a failure. `Aborted`:
    /// somebody aborted it, a newer run replaced it, or the task was deleted. `TimedOut`: it ran longer than `timeout`, and the
    /// operator aborted it. How the others ended is not known for sure: `Vanished`: the node does not know the future any
    /// more, although it ran a moment ago. `Expired`: the node does not know it any more after a time in which the operator
    /// could not look. `ResultTaken`: it ended, and somebody else fetched the result first. `Unknown`: the answer to the call that
    /// starts it was lost, nothing on the node shows whether it ran, and starting it again might do it twice.
    pub phase: RunPhase,
    /// Id of its future on the node. Absent where the node answered at once, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future_id: Option<String>,
    /// What it does, or how it ended, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What it did, in numbers, such as `unloaded: 3`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, i64>,
    /// Beginning of the node's own result as JSON, at most 1 KiB. Texts that may be secrets are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Hash of what it does. A task without a schedule runs once for each.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// Whether it follows a future that somebody else started. The operator never aborts such a future, even if the task does
    /// something else by now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// The start whose outcome is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Whether the node said that the result is ready to be fetched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub result_ready: bool,
}

impl Run {
    /// Whether it has not ended.
    pub fn is_active(&self) -> bool {
        self.phase == RunPhase::Running
    }
}

/// What the status of a task shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// The runs, the newest first. At most one of them is active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// When the next run is due. Absent without a schedule, and while `suspend` is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<Time>,
    /// Number of runs that have not ended. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<i32>,
}
