//! D68 to D70: who calls, what this instance is, what its licence allows.

use serde_json::{Value, json};

use super::users;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D68", Get, "/auth/info", Right::Authenticated, auth_info),
    reads("D69", Get, "/instance-info", Right::Authenticated, instance_info),
    reads("D70", Get, "/admin/licensing/status", Right::Admin, licensing_status),
];

fn auth_info(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let mut info = json!({"authIdentifier": call.caller.identifier});
    if let Some(login) = &call.caller.login {
        let user = world.document("users", login).ok_or_else(|| users::unknown(login))?;
        info["groups"] = user.get("groups").cloned().unwrap_or_else(|| json!([]));
        if call.flag("withSecrets")? {
            let secrets = user.get("secrets").and_then(Value::as_array).into_iter().flatten();
            info["secrets"] = secrets
                .map(|secret| json!({"key": secret["name"], "value": secret["value"]}))
                .collect();
        }
    }
    Ok(Answer::json(&info))
}

fn instance_info(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let mut info = world.state.get("instanceInfo").cloned().unwrap_or_else(|| json!({}));
    info["dssVersion"] = json!(world.switches.text("release"));
    Ok(Answer::json(&info))
}

fn licensing_status(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::json(&world.state.get("licensing")))
}
