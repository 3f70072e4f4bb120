//! D72: entries of a client in the audit trail. No operation reads the trail; the part `auditTrail` of the state has the entries
//! that came this way, oldest first.

use serde_json::{Value, json};

use super::settings;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Post;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The part of the state.
pub(crate) const PART: &str = "auditTrail";

const PATH: &str = "/admin/audit/custom/{type}";

/// The rows of this file. The trail is a log that no answer shows, so an entry counts as no write: whoever counts writes means
/// what the product holds.
pub(super) const OPERATIONS: &[Operation] = &[reads("D72", Post, PATH, Right::Admin, log)];

fn log(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    if world.switches.is("customAudit", "absent") {
        return Err(settings::not_in_this_release(PATH));
    }
    let entry = json!({
        "customMsgType": call.param("type"), "customMsgParams": call.object()?,
        "authUser": call.caller.identifier, "time": world.clock.millis(),
    });
    let trail = world.state.entry(PART.to_owned()).or_insert_with(|| json!([]));
    if let Value::Array(entries) = trail {
        entries.push(entry);
    }
    Ok(Answer::no_content())
}
