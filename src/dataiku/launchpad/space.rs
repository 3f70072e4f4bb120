//! The space itself: its seats and its nodes (contract sheet 4.2).

use serde::Serialize;

use super::{LAUNCHPAD, Launchpad};
use crate::dataiku::{
    call::Operation,
    error::ApiError,
    fields::{Fields, Record},
    listed::Listed,
};

const PROFILES: Operation = Operation::list(&LAUNCHPAD, "GET /spaces/{space}/profiles");
const NODES: Operation = Operation::list(&LAUNCHPAD, "POST /spaces/{space}/nodes/search");

/// Seats of one profile. A trial and a paid row may share a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRecord {
    /// Name, such as `designer`.
    pub name: String,
    /// Number of seats; -1 is unlimited. `None`: absent or unreadable.
    pub total_seats: Option<i64>,
    /// Number of seats taken; absent is 0. `None`: unreadable.
    pub used_seats: Option<i64>,
    /// Whether they are trial seats; an absent flag is false. `None`: unreadable.
    pub is_trial: Option<bool>,
}

impl Record for ProfileRecord {
    const KEY: &'static str = "name";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            name: fields.key(Self::KEY)?,
            total_seats: fields.number("totalSeats"),
            used_seats: fields.number("usedSeats").or_else(|| fields.absent("usedSeats")),
            is_trial: fields.flag_or_false("isTrial"),
        })
    }
}

impl ProfileRecord {
    /// Seats that are free; `None` where they are unlimited, or their number is unknown.
    #[must_use]
    pub fn free_seats(&self) -> Option<i64> {
        let (total, used) = (self.total_seats?, self.used_seats?);
        (total >= 0).then(|| total.saturating_sub(used).max(0))
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Name, such as `design-0`.
    pub name: String,
    /// `govern`, `design`, `automation`, `dataiku` and others; an open set.
    pub type_: String,
    /// How it is, in the API's own word; `None`: the API does not tell, as in the release of the contract sheet.
    pub state: Option<String>,
}

/// Without its type it is unknown where access to a node is written, so the type is part of its key.
impl Record for NodeRecord {
    const KEY: &'static str = "name";

    fn read(mut fields: Fields<'_>) -> Option<Self> {
        Some(Self {
            name: fields.key(Self::KEY)?,
            type_: fields.key("type")?,
            state: fields.text("state").or_else(|| fields.text("status")),
        })
    }
}

impl NodeRecord {
    /// Whether a group lists access to it in `governPermissions` instead of `dataikuPermissions`.
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
    pub async fn profiles(&self) -> Result<Listed<ProfileRecord>, ApiError> {
        self.transport.list(self.call(PROFILES)).await
    }

    /// All nodes.
    ///
    /// # Errors
    /// The call fails.
    pub async fn nodes(&self) -> Result<Listed<NodeRecord>, ApiError> {
        let call = self.call(NODES).json(&Type { r#type: None });
        self.transport.list(call).await
    }
}
