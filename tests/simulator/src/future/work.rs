//! What a long task does when it is due.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::directory::{self, Filter};
use crate::world::World;

/// The work of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum Work {
    /// Reads the groups of a directory.
    FetchGroups {
        /// Which directory.
        source: String,
    },
    /// Reads users of a directory.
    FetchUsers {
        /// Which directory.
        source: String,
        /// Which users.
        filter: Filter,
    },
    /// Creates users that were read from a directory.
    Provision {
        /// Which directory.
        source: String,
        /// The users as they were read.
        users: Vec<Map<String, Value>>,
    },
    /// Brings users in line with their directories.
    Resync {
        /// Everybody when absent.
        logins: Option<Vec<String>>,
    },
    /// Pushes base images.
    PushBaseImages,
}

impl Work {
    /// Does it.
    pub fn perform(self, world: &mut World) -> Result<Value, Failure> {
        match self {
            Self::FetchGroups { source } => Ok(directory::groups(world, &source)),
            Self::FetchUsers { source, filter } => Ok(directory::users(world, &source, &filter)),
            Self::Provision { source, users } => directory::provision(world, &source, &users),
            Self::Resync { logins } => Ok(directory::resync(world, logins.as_deref())),
            Self::PushBaseImages => Ok(json!({"messages": no_messages()})),
        }
    }
}

/// The list of messages of something that went well.
pub(crate) fn no_messages() -> Value {
    json!({
        "messages": [], "anyMessage": false, "error": false, "warning": false, "success": true, "maxSeverity": "SUCCESS",
    })
}
