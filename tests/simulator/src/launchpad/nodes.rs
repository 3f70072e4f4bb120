//! L16: nodes and their types.

use serde_json::{Value, json};

use super::records::text;
use super::refusal::{unprocessable, wrong};
use super::schema;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Post;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file. The sheet names no scope for nodes.
pub(super) const OPERATIONS: &[Operation] = &[reads(
    "L16",
    Post,
    "/spaces/{spaceId}/nodes/search",
    Right::Authenticated,
    search,
)];

/// Types of nodes that Dataiku Cloud is known to have, there or not.
const TYPES: [&str; 4] = ["design", "automation", "deployer", "govern"];

fn search(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = schema::object(call)?;
    let own = world.switches.is("A42", "own");
    let wanted = match body.get("type") {
        None | Some(Value::Null) => None,
        Some(Value::String(kind)) if kind == "dataiku" || kind == "govern" => Some(kind.as_str()),
        Some(Value::String(kind)) if own && is_type(world, kind) => Some(kind.as_str()),
        Some(Value::String(_)) => return Err(unprocessable(wrong("type", "Must be one of: dataiku, govern."))),
        Some(_) => return Err(unprocessable(wrong("type", "Not a valid string."))),
    };
    let nodes = world.read("nodes").values();
    let fits = |node: &&Value| match wanted {
        None => true,
        Some("dataiku") => !is_govern(node),
        Some(kind) => text(node, "type") == kind,
    };
    Ok(Answer::list(nodes.filter(fits).map(|node| {
        let shown = if own || is_govern(node) {
            text(node, "type")
        } else {
            "dataiku"
        };
        json!({"name": node["name"], "type": shown})
    })))
}

fn is_type(world: &World, kind: &str) -> bool {
    TYPES.contains(&kind) || world.read("nodes").values().any(|node| text(node, "type") == kind)
}

/// Whether a node is a Govern.
pub(super) fn is_govern(node: &Value) -> bool {
    text(node, "type") == "govern"
}
