//! G30: the usage summary. Its content is not known, so these members are made up: a client must take it as it is.

use serde_json::json;

use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[reads(
    "G30",
    Get,
    "/admin/monitoring/global-usage-summary",
    Right::Admin,
    summary,
)];

fn summary(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let count = |collection: &str| world.read(collection).len();
    Ok(Answer::json(&json!({
        "users": count("users"), "groups": count("groups"),
        "blueprints": {"all": count("blueprints")}, "roles": {"all": count("roles")},
    })))
}
