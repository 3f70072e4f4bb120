//! D13 to D15: when users were last seen, and whose trial is over.

use serde_json::{Map, Value, json};

use super::user_view::{self, View};
use super::users;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D13", Get, "/admin/users/{login}/activity", Right::Admin, one),
    reads("D14", Get, "/admin/users-activity", Right::Admin, all),
    reads("D15", Get, "/admin/list-trial-expired-users", Right::Admin, trials),
];

fn one(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let login = call.param("login");
    let login = users::stored_login(world, login).ok_or_else(|| users::unknown(login))?;
    Ok(Answer::json(&activity(world, &login)))
}

fn all(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let enabled_only = call.flag("enabledUsersOnly")?;
    let users = world.read("users").iter();
    let wanted = users.filter(|(_, user)| !enabled_only || user.get("enabled") != Some(&json!(false)));
    Ok(Answer::list(wanted.map(|(login, _)| activity(world, login))))
}

fn trials(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let users = world.read("users").values().filter_map(Value::as_object);
    let over = users.filter(|user| user.get("trialStatus").is_some_and(|trial| trial["expired"] == true));
    Ok(Answer::list(over.map(|stored| {
        let mut shown = user_view::tree(world, stored, View::Listed);
        shown.insert(
            "trialStatus".to_owned(),
            stored.get("trialStatus").cloned().unwrap_or_default(),
        );
        shown
    })))
}

/// Times in milliseconds; 0 means never.
fn activity(world: &World, login: &str) -> Value {
    let seen = world.document("activity", login);
    let time = |name: &str| {
        seen.and_then(|seen: &Map<String, Value>| seen.get(name))
            .cloned()
            .unwrap_or(json!(0))
    };
    json!({
        "login": login,
        "lastSuccessfulLogin": time("lastSuccessfulLogin"),
        "lastFailedLogin": time("lastFailedLogin"),
        "lastSessionActivity": time("lastSessionActivity"),
    })
}
