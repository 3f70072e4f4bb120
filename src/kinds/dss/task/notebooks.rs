//! Notebooks: clear, delete, export, write, and discussions of them.

use std::collections::{BTreeMap, HashSet};

use super::{TaskGiven, TaskWrites, content};
use crate::{
    crd::{
        dss_task::{ExportNotebooks, Notebooks, PostDiscussion, WriteNotebook},
        run::{Attempt, RunPhase},
    },
    dataiku::dss::jupyter::DiscussionRecord,
    engine::{
        Error,
        run::{Ending, MOST_BYTES, Progress, Trace},
    },
};

/// Names of the notebooks of a project.
async fn names(given: &TaskGiven<'_>, project: &str) -> Result<HashSet<String>, Error> {
    let found = given.api.jupyter_notebooks(project).await?;
    let found = found.ok_or_else(|| Error::dependency(format!("project {project} does not exist yet")))?;
    Ok(found.items.into_iter().map(|notebook| notebook.name).collect())
}

/// Fails if a project does not exist.
pub(super) async fn check_project(given: &TaskGiven<'_>, project: &str) -> Result<(), Error> {
    names(given, project).await.map(|_| ())
}

/// Fails if a notebook does not exist.
pub(super) async fn check_one(given: &TaskGiven<'_>, project: &str, notebook: &str) -> Result<(), Error> {
    if names(given, project).await?.contains(notebook) {
        Ok(())
    } else {
        Err(missing(project, notebook))
    }
}

/// Fails if one of the notebooks does not exist.
pub(super) async fn check(given: &TaskGiven<'_>, selected: &Notebooks) -> Result<(), Error> {
    let names = names(given, &selected.project_key).await?;
    match selected.notebooks.iter().find(|notebook| !names.contains(*notebook)) {
        Some(notebook) => Err(missing(&selected.project_key, notebook)),
        None => Ok(()),
    }
}

fn missing(project: &str, notebook: &str) -> Error {
    Error::dependency(format!("notebook {project}/{notebook} does not exist yet"))
}

fn done(verb: &str, done: usize, absent: usize) -> Progress {
    let message = match absent {
        0 => format!("{done} notebooks were {verb}"),
        absent => format!("{done} notebooks were {verb}, {absent} did not exist any more"),
    };
    let ending = Ending::new(RunPhase::Succeeded, message).count(verb, done);
    Progress::Ended(if absent == 0 {
        ending
    } else {
        ending.count("absent", absent)
    })
}

pub(super) async fn clear(
    given: &TaskGiven<'_>,
    writes: &TaskWrites<'_>,
    selected: &Notebooks,
) -> Result<Progress, Error> {
    let project = &selected.project_key;
    let mut cleared = 0;
    for notebook in &selected.notebooks {
        let what = format!("clear the outputs of notebook {project}/{notebook}");
        let send = |permit| given.api.clear_jupyter_outputs(permit, project, notebook);
        cleared += usize::from(writes.send(&what, send).await?);
    }
    Ok(done("cleared", cleared, selected.notebooks.len() - cleared))
}

pub(super) async fn delete(
    given: &TaskGiven<'_>,
    writes: &TaskWrites<'_>,
    selected: &Notebooks,
) -> Result<Progress, Error> {
    let project = &selected.project_key;
    let mut deleted = 0;
    for notebook in &selected.notebooks {
        let what = format!("delete notebook {project}/{notebook}");
        let send = |permit| given.api.delete_jupyter_notebook(permit, project, notebook);
        deleted += usize::from(writes.send(&what, send).await?);
    }
    Ok(done("deleted", deleted, selected.notebooks.len() - deleted))
}

pub(super) async fn export(given: &TaskGiven<'_>, export: &ExportNotebooks) -> Result<Progress, Error> {
    let Notebooks { project_key, notebooks } = &export.selected;
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    for notebook in notebooks {
        let found = given.api.jupyter_notebook(project_key, notebook).await?;
        let found = found.ok_or_else(|| missing(project_key, notebook))?;
        let unreadable = |_| Error::Internal("a notebook has no JSON form".into());
        let mut found = serde_json::to_value(&found).map_err(unreadable)?;
        if export.outputs != Some(true) {
            content::without_outputs(&mut found);
        }
        let text = serde_json::to_string(&found).map_err(unreadable)?;
        bytes += text.len();
        if bytes > MOST_BYTES {
            // What does not fit is not held in memory either.
            let message = format!(
                "the result takes more than a ConfigMap, which holds at most {} KiB: nothing was written",
                MOST_BYTES >> 10
            );
            return Ok(Progress::Ended(Ending::new(RunPhase::Failed, message)));
        }
        files.insert(content::key(notebook), text);
    }
    let message = format!("{} notebooks are in ConfigMap {}", files.len(), export.config_map_name);
    let ending = Ending {
        files: Some(files),
        ..Ending::new(RunPhase::Succeeded, message)
    };
    Ok(Progress::Ended(
        ending.count("exported", notebooks.len()).count("bytes", bytes),
    ))
}

pub(super) async fn write(
    given: &TaskGiven<'_>,
    writes: &TaskWrites<'_>,
    wanted: &WriteNotebook,
) -> Result<Progress, Error> {
    let WriteNotebook {
        project_key,
        notebook,
        content_ref: _,
    } = wanted;
    let content = content::read(given)?;
    let exists = given.api.jupyter_notebook(project_key, notebook).await?.is_some();
    let verb = if exists { "replaced" } else { "created" };
    if exists {
        let what = format!("replace the content of notebook {project_key}/{notebook}");
        let send = |permit| given.api.put_jupyter_notebook(permit, project_key, notebook, &content);
        writes.send(&what, send).await?;
    } else {
        let what = format!("create notebook {project_key}/{notebook}");
        let send = |permit| {
            given
                .api
                .create_jupyter_notebook(permit, project_key, notebook, &content)
        };
        writes.send(&what, send).await?;
    }
    Ok(Progress::Ended(written(wanted, verb)))
}

fn written(wanted: &WriteNotebook, verb: &str) -> Ending {
    let WriteNotebook {
        project_key, notebook, ..
    } = wanted;
    let message = format!("notebook {project_key}/{notebook} was {verb}");
    Ending::new(RunPhase::Succeeded, message).count(verb, 1)
}

/// Whether a write whose answer was lost took effect: the notebook holds the content.
pub(super) async fn trace_write(given: &TaskGiven<'_>, wanted: &WriteNotebook) -> Result<Trace, Error> {
    let WriteNotebook {
        project_key, notebook, ..
    } = wanted;
    // A run that is deleted resolves nothing, and nothing that is to be aborted is left on the node.
    let Ok(content) = content::read(given) else {
        return Ok(Trace::Nothing);
    };
    let found = given.api.jupyter_notebook(project_key, notebook).await?;
    let found = found.and_then(|found| serde_json::to_value(&found).ok());
    Ok(match found {
        Some(found) if content::has_same_cells(&content, &found) => Trace::Done(written(wanted, "written")),
        _ => Trace::Nothing,
    })
}

/// Ids of the discussions of a notebook.
pub(super) async fn discussions(given: &TaskGiven<'_>, post: &PostDiscussion) -> Result<Vec<String>, Error> {
    let found = found(given, post).await?;
    Ok(found.into_iter().map(|one| one.id).collect())
}

async fn found(given: &TaskGiven<'_>, post: &PostDiscussion) -> Result<Vec<DiscussionRecord>, Error> {
    let found = given.api.jupyter_discussions(&post.project_key, &post.notebook).await?;
    let found = found.ok_or_else(|| missing(&post.project_key, &post.notebook))?;
    if !found.is_complete() {
        return Err(Error::dependency("a discussion of the notebook cannot be read"));
    }
    Ok(found.items)
}

pub(super) async fn post(
    given: &TaskGiven<'_>,
    writes: &TaskWrites<'_>,
    post: &PostDiscussion,
) -> Result<Progress, Error> {
    let PostDiscussion {
        project_key,
        notebook,
        topic,
        message,
    } = post;
    let what = format!("post a discussion of notebook {project_key}/{notebook}");
    let send = |permit| {
        given
            .api
            .post_jupyter_discussion(permit, project_key, notebook, topic, message)
    };
    writes.send(&what, send).await?;
    Ok(Progress::Ended(posted(post)))
}

fn posted(post: &PostDiscussion) -> Ending {
    let message = format!(
        "a discussion of notebook {}/{} was opened",
        post.project_key, post.notebook
    );
    Ending::new(RunPhase::Succeeded, message).count("posted", 1)
}

/// Whether a post whose answer was lost took effect: a discussion that was not there before has its topic.
pub(super) async fn trace(given: &TaskGiven<'_>, post: &PostDiscussion, attempt: &Attempt) -> Result<Trace, Error> {
    if attempt.crowded {
        let why = "the answer to the post was lost, and the notebook has too many discussions to tell whether it is one of them";
        return Ok(Trace::Unclear(why.to_owned()));
    }
    let found = found(given, post).await?;
    let is_new = |one: &DiscussionRecord| one.topic.as_ref() == Some(&post.topic) && !attempt.before.contains(&one.id);
    Ok(if found.iter().any(is_new) {
        Trace::Done(posted(post))
    } else {
        Trace::Nothing
    })
}
