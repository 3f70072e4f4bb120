//! D57 to D62: the sessions of Jupyter notebooks. Only people open one, so they come with an edit of the state.

use serde_json::{Value, json};

use super::projects::{self, Access};
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

const ALL: &str = "/projects/{projectKey}/jupyter-notebooks/{name}/sessions";
const ONE: &str = "/projects/{projectKey}/jupyter-notebooks/{name}/sessions/{sessionId}";
const DEPRECATED: &str = "/projects/{projectKey}/notebooks";
const ACTIVE: &str = "/projects/{projectKey}/notebooks/active";

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D57", Get, ALL, Right::Authenticated, list),
    writes("D58", Delete, ONE, Right::Authenticated, unload),
    reads("D59", Get, "/admin/notebooks", Right::Admin, running_anywhere),
    reads("D60", Get, DEPRECATED, Right::Authenticated, state),
    writes("D61", Delete, DEPRECATED, Right::Authenticated, unload_deprecated),
    reads("D62", Get, ACTIVE, Right::Authenticated, running_in_project),
];

/// The sessions of a notebook.
pub(super) fn sessions(notebook: &Value) -> &[Value] {
    notebook["sessions"].as_array().map_or(&[], Vec::as_slice)
}

fn list(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let notebook = projects::notebook(world, call, call.param("name"), Access::Read)?;
    Ok(Answer::json(&notebook.get("sessions")))
}

fn unload(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    end(world, call, call.param("name"), call.param("sessionId"))
}

/// The deprecated call names both in the query.
fn unload_deprecated(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    end(world, call, asked(call, "notebookName")?, asked(call, "sessionId")?)
}

fn end(world: &mut World, call: &Call, name: &str, session: &str) -> Result<Answer, Failure> {
    let status = world.switches.status("A8");
    let notebook = projects::notebook(world, call, name, Access::Write)?;
    let sessions = notebook.get_mut("sessions").and_then(Value::as_array_mut);
    let found = sessions.and_then(|all| Some((all.iter().position(|one| one["sessionId"] == *session)?, all)));
    let Some((place, all)) = found else {
        return Err(Failure {
            status,
            ..Failure::not_found(format!("Session '{session}' not found"))
        });
    };
    all.remove(place);
    Ok(Answer::done())
}

fn state(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = asked(call, "notebookName")?;
    let notebook = projects::notebook(world, call, name, Access::Read)?;
    let notebook = Value::Object(notebook.clone());
    Ok(Answer::json(&running(call.param("projectKey"), name, &notebook)))
}

fn running_in_project(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let key = call.param("projectKey");
    let notebooks = projects::notebooks(projects::open(world, call, Access::Read)?);
    let active = notebooks.iter().filter(|(_, notebook)| !sessions(notebook).is_empty());
    Ok(Answer::list(
        active.map(|(name, notebook)| running(key, name, notebook)),
    ))
}

fn running_anywhere(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    let projects = world.read(projects::COLLECTION).iter();
    let all = projects.flat_map(|(key, project)| {
        let notebooks = project["notebooks"].as_object().into_iter().flatten();
        notebooks.map(move |(name, notebook)| (key, name, notebook))
    });
    let active = all.filter(|(.., notebook)| !sessions(notebook).is_empty());
    Ok(Answer::list(
        active.map(|(key, name, notebook)| running(key, name, notebook)),
    ))
}

fn running(project: &str, name: &str, notebook: &Value) -> Value {
    json!({"projectKey": project, "name": name, "activeSessions": sessions(notebook)})
}

fn asked<'a>(call: &'a Call, name: &str) -> Result<&'a str, Failure> {
    call.query(name).ok_or_else(|| {
        let message = format!("Required parameter '{name}' is not present");
        Failure::new(400, "java.lang.IllegalArgumentException", message)
    })
}

/// Completes a session that somebody opens.
pub(super) fn complete(world: &World, project: &str, name: &str, session: &mut Value) -> Result<(), Failure> {
    let Value::Object(session) = session else {
        return Err(Failure::malformed(format!("{session} is no session")));
    };
    let now = world.clock.millis();
    let defaults = json!({
        "sessionId": World::random(16), "kernelId": World::random(16), "projectKey": project, "notebookName": name,
        "sessionCreator": "admin", "sessionCreatorDisplayName": "Administrator", "sessionUnixOwner": "dataiku",
        "kernelPid": 4242, "kernelConnections": 1, "kernelLastActivityTime": now, "kernelExecutionState": "idle",
        "sessionStartTime": now,
    });
    for (key, default) in defaults.as_object().into_iter().flatten() {
        session.entry(key.clone()).or_insert_with(|| default.clone());
    }
    Ok(())
}
