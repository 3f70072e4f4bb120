//! The task of the Launchpad that carries a write to the nodes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::common::undescribed)]
pub enum TaskPhase {
    /// It is not over.
    Running,
    /// The nodes have the change.
    Succeeded,
    /// It failed; the Launchpad gives no reason.
    Failed,
    /// The Launchpad does not know it any more.
    Unknown,
}

/// The task that carries the last write to the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Propagation {
    /// Id of the task.
    pub task_id: String,
    /// `Running`, `Succeeded`, `Failed`, or `Unknown` where the Launchpad does not know the task any more.
    pub phase: TaskPhase,
    /// The `metadata.generation` that was written.
    pub generation: i64,
    /// Which try this is: a task that fails is submitted again, at most three times.
    pub attempt: i32,
    /// Whether a read has shown the write since.
    #[serde(default)]
    pub shown: bool,
    /// When the write was made.
    pub submitted_at: Time,
    /// When the task was found to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
}
