//! The space itself: its seats and its nodes (contract sheet 4.2).

use serde::{Deserialize, Serialize};

use super::{LAUNCHPAD, Launchpad};
use crate::dataiku::{call::Operation, error::ApiError, null};

const PROFILES: Operation = Operation::list(&LAUNCHPAD, "GET /spaces/{space}/profiles");
const NODES: Operation = Operation::list(&LAUNCHPAD, "POST /spaces/{space}/nodes/search");

/// Seats of one profile. A trial and a paid row may share a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileRecord {
    /// Name, such as `designer`.
    pub name: String,
    /// Seats there are; -1 is any number.
    pub total_seats: i64,
    /// Seats taken.
    #[serde(default, deserialize_with = "null::as_default")]
    pub used_seats: i64,
    /// Whether they are trial seats.
    #[serde(default, deserialize_with = "null::as_default")]
    pub is_trial: bool,
}

impl ProfileRecord {
    /// Seats that are free; `None` when there is no end to them.
    #[must_use]
    pub fn free_seats(&self) -> Option<i64> {
        (self.total_seats >= 0).then(|| self.total_seats.saturating_sub(self.used_seats).max(0))
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NodeRecord {
    /// Name, such as `design-0`.
    pub name: String,
    /// `govern`, `design`, `automation`, `dataiku` and others; an open set.
    #[serde(rename = "type")]
    pub type_: String,
}

impl NodeRecord {
    /// Whether access to it stands under `governPermissions` of a group, and not under `dataikuPermissions`.
    #[must_use]
    pub fn is_govern(&self) -> bool {
        self.type_ == "govern"
    }
}

#[derive(Serialize)]
struct Type {
    /// Null is all.
    r#type: Option<String>,
}

impl Launchpad {
    /// Profiles with their seats.
    ///
    /// # Errors
    /// The call fails; it needs the scope `read_users`.
    pub async fn profiles(&self) -> Result<Vec<ProfileRecord>, ApiError> {
        self.transport.json(self.call(PROFILES)).await
    }

    /// All nodes.
    ///
    /// # Errors
    /// The call fails.
    pub async fn nodes(&self) -> Result<Vec<NodeRecord>, ApiError> {
        let call = self.call(NODES).json(&Type { r#type: None });
        self.transport.json(call).await
    }
}
