//! D51 to D56: the content of Jupyter notebooks.

use serde_json::{Map, Value, json};

use super::notebook_sessions::sessions;
use super::projects::{self, Access};
use super::user;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::{Delete, Get, Post, Put};
use crate::operation::{Operation, Right, reads, writes};
use crate::world::World;

const ALL: &str = "/projects/{projectKey}/jupyter-notebooks";
const ONE: &str = "/projects/{projectKey}/jupyter-notebooks/{name}";
const OUTPUTS: &str = "/projects/{projectKey}/jupyter-notebooks/{name}/outputs";

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[
    reads("D51", Get, ALL, Right::Authenticated, list),
    writes("D52", Post, ONE, Right::Authenticated, create),
    reads("D53", Get, ONE, Right::Authenticated, get),
    writes("D54", Put, ONE, Right::Authenticated, put),
    writes("D55", Delete, ONE, Right::Authenticated, delete),
    writes("D56", Delete, OUTPUTS, Right::Authenticated, clear_outputs),
];

fn list(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let active = call.flag("active")?;
    let notebooks = projects::notebooks(projects::open(world, call, Access::Read)?);
    let listed = notebooks
        .iter()
        .filter(|(_, notebook)| !active || !sessions(notebook).is_empty());
    Ok(Answer::list(listed.map(|(name, notebook)| {
        item(call.param("projectKey"), name, notebook)
    })))
}

fn get(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let notebook = projects::notebook(world, call, call.param("name"), Access::Read)?;
    Ok(Answer::json(&notebook.get("content")))
}

fn create(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = call.param("name");
    let taken = projects::notebooks(projects::open(world, call, Access::Write)?).contains_key(name);
    if taken {
        let message = format!("Jupyter notebook '{name}' already exists");
        return Err(user::invalid(world, "ERR_NOTEBOOK_EXISTS", message));
    }
    let mut content = call.json()?;
    check(&content)?;
    let now = world.clock.millis();
    stamp(&mut content, &call.caller.identifier, now);
    let notebook = json!({"content": content, "sessions": [], "discussions": {}});
    let answer = item(call.param("projectKey"), name, &notebook);
    projects::notebooks(projects::open(world, call, Access::Write)?).insert(name.to_owned(), notebook);
    Ok(Answer::json(&answer))
}

fn put(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = call.param("name");
    let (now, autosaves) = (world.clock.millis(), world.switches.is("A31", "overwritten"));
    let notebook = projects::notebook(world, call, name, Access::Write)?;
    let mut content = call.json()?;
    check(&content)?;
    stamp(&mut content, &call.caller.identifier, now);
    // A browser tab on a live kernel saves what it shows, which is what was there before.
    let open = sessions(&json!({"sessions": notebook.get("sessions")}))
        .iter()
        .any(|session| session["kernelConnections"].as_u64().is_some_and(|tabs| tabs > 0));
    if !(open && autosaves) {
        notebook.insert("content".to_owned(), content);
    }
    let stored = Value::Object(notebook.clone());
    Ok(Answer::json(&item(call.param("projectKey"), name, &stored)))
}

fn delete(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = call.param("name");
    projects::notebook(world, call, name, Access::Write)?;
    projects::notebooks(projects::open(world, call, Access::Write)?).shift_remove(name);
    Ok(Answer::done())
}

fn clear_outputs(world: &mut World, call: &Call) -> Result<Answer, Failure> {
    let name = call.param("name");
    let notebook = projects::notebook(world, call, name, Access::Write)?;
    let cells = notebook
        .get_mut("content")
        .and_then(|content| content["cells"].as_array_mut());
    let code = cells.into_iter().flatten().filter(|cell| cell["cell_type"] == "code");
    for cell in code {
        cell["outputs"] = json!([]);
        cell["execution_count"] = Value::Null;
    }
    Ok(Answer::done())
}

/// Whether a document is a notebook in the format of Jupyter.
pub(super) fn check(content: &Value) -> Result<(), Failure> {
    let cells = content["cells"].as_array();
    let good = cells.is_some_and(|cells| cells.iter().all(|cell| cell["cell_type"].is_string()));
    if good && content["metadata"].is_object() && content["nbformat"].is_u64() {
        return Ok(());
    }
    Err(Failure::malformed(
        "not a notebook: it needs metadata, nbformat and cells",
    ))
}

/// Who made a notebook and who changed it last.
fn stamp(content: &mut Value, who: &str, now: u64) {
    let Some(metadata) = content["metadata"].as_object_mut() else {
        return;
    };
    metadata.entry("creator").or_insert_with(|| json!(who));
    metadata.entry("createdOn").or_insert_with(|| json!(now));
    metadata.insert("modifiedBy".to_owned(), json!(who));
}

/// An element of the list.
fn item(project: &str, name: &str, notebook: &Value) -> Value {
    let metadata = &notebook["content"]["metadata"];
    let kernel: Map<String, Value> = metadata["kernelspec"].as_object().cloned().unwrap_or_default();
    let language = kernel.get("language").cloned().unwrap_or_else(|| json!("python"));
    let tags = metadata["tags"].as_array().cloned().unwrap_or_default();
    json!({"projectKey": project, "name": name, "language": language, "kernelSpec": kernel, "tags": tags})
}
