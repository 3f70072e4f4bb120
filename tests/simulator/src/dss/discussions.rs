//! D63 to D67: discussions of Jupyter notebooks.

use serde_json::{Map, Value, json};

use super::projects::{self, Access};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

const ALL: &str = "/projects/{projectKey}/discussions/JUPYTER_NOTEBOOK/{name}";
const ONE: &str = "/projects/{projectKey}/discussions/JUPYTER_NOTEBOOK/{name}/{discussionId}";
const REPLIES: &str = "/projects/{projectKey}/discussions/JUPYTER_NOTEBOOK/{name}/{discussionId}/replies";

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D63", Get, ALL, Right::Authenticated, list),
    writes("D64", Post, ALL, Right::Authenticated, create),
    reads("D65", Get, ONE, Right::Authenticated, get),
    writes("D66", Put, ONE, Right::Authenticated, put),
    writes("D67", Post, REPLIES, Right::Authenticated, reply),
];

/// All of them, without what was said.
fn list(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let listed = discussions(world, call, Access::Read)?.values().map(|discussion| {
        let mut shown = discussion.clone();
        if let Value::Object(shown) = &mut shown {
            shown.shift_remove("replies");
        }
        shown
    });
    Ok(Answer::list(listed))
}

/// Whoever reads a project may discuss what is in it.
fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = call.object()?;
    let (topic, first) = (text(&body, "topic")?, text(&body, "reply")?);
    let now = world.clock.millis();
    let id = World::random(8);
    let discussion = json!({
        "id": id, "projectKey": call.param("projectKey"), "objectType": "JUPYTER_NOTEBOOK",
        "objectId": call.param("name"), "topic": topic, "openedOn": now, "lastReplyOn": now,
        "replies": [said(call, first, now)],
    });
    let all = discussions(world, call, Access::Read)?;
    all.insert(id, discussion.clone());
    Ok(Answer::json(&discussion))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::json(discussion(world, call, Access::Read)?))
}

/// Replaces the metadata. What was said cannot be changed by this call, so the replies that come along are ignored.
fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let mut body = call.object()?;
    text(&body, "topic")?;
    let discussion = discussion(world, call, Access::Write)?;
    for name in [
        "id",
        "projectKey",
        "objectType",
        "objectId",
        "openedOn",
        "lastReplyOn",
        "replies",
    ] {
        body.insert(name.to_owned(), discussion[name].clone());
    }
    *discussion = Value::Object(body);
    Ok(Answer::json(discussion))
}

fn reply(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let body = call.object()?;
    let reply = text(&body, "reply")?;
    let now = world.clock.millis();
    let discussion = discussion(world, call, Access::Read)?;
    discussion["lastReplyOn"] = json!(now);
    if let Some(replies) = discussion["replies"].as_array_mut() {
        replies.push(said(call, reply, now));
    }
    Ok(Answer::json(discussion))
}

/// One reply. The client reads all of it unguarded; `editedOn` is 0 as long as nobody has edited it.
fn said(call: &Call, text: &str, now: u64) -> Value {
    json!({"id": World::random(8), "author": call.caller.identifier, "text": text, "time": now, "editedOn": 0})
}

fn discussions<'a>(world: &'a mut World, call: &Call, access: Access) -> Result<&'a mut Map<String, Value>, Failure> {
    let notebook = projects::notebook(world, call, call.param("name"), access)?;
    Ok(projects::member(notebook, "discussions"))
}

fn discussion<'a>(world: &'a mut World, call: &Call, access: Access) -> Result<&'a mut Value, Failure> {
    let id = call.param("discussionId");
    let status = world.switches.status("A8");
    let found = discussions(world, call, access)?.get_mut(id);
    found.ok_or_else(|| Failure {
        status,
        ..Failure::not_found(format!("Discussion '{id}' not found"))
    })
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Failure> {
    let text = body.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Failure::malformed(format!("{name}: expected a string")))
}
