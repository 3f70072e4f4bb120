//! Sessions of notebooks: end those that nobody needs.

use std::collections::{BTreeMap, BTreeSet};

use super::{TaskGiven, TaskWrites};
use crate::{
    crd::{dss_task::UnloadNotebooks, run::RunPhase},
    dataiku::dss::jupyter::{NotebookRecord, SessionRecord},
    engine::{
        Error,
        run::{Ending, Progress},
    },
    kinds::node::task::may_end,
};

/// Notebooks by project and name.
type Known = BTreeMap<(String, String), NotebookRecord>;

pub(super) async fn unload(
    given: &TaskGiven<'_>,
    writes: &TaskWrites<'_>,
    wanted: &UnloadNotebooks,
) -> Result<Progress, Error> {
    let now = given.now.as_millisecond();
    let running = given.own.jupyter_sessions().await?;
    let all = running.items.len() + running.unreadable;
    let mut sessions: Vec<SessionRecord> = running.items;
    sessions.retain(|session| matches(wanted, session, now));
    let known = kernels(given, wanted, &sessions).await?;
    sessions.retain(|session| fits_kernel(wanted, session, &known));
    let selected = sessions.len();
    sessions.retain(|session| may_end(writes, session.creator.as_deref()));
    let protected = selected - sessions.len();
    if let Some(message) = &wanted.notify {
        notify(given, writes, &sessions, message).await?;
    }
    let mut unloaded = 0;
    for session in &sessions {
        let what = format!(
            "unload session {} of notebook {}/{}",
            session.id, session.project, session.notebook
        );
        let send = |permit| given.api.unload_jupyter_session(permit, session);
        unloaded += usize::from(writes.send(&what, send).await?);
    }
    let mut message = format!("{unloaded} of {all} sessions were unloaded");
    if protected > 0 {
        message = format!("{message}; {protected} may be of users whom the connection protects, and were left alone");
    }
    let ending = Ending::new(RunPhase::Succeeded, message).count("unloaded", unloaded);
    let ending = ending.count("sessions", all);
    Ok(Progress::Ended(match protected {
        0 => ending,
        protected => ending.count("protected", protected),
    }))
}

/// Whether a session is to be ended, as far as the list of sessions tells. What the node does not tell is no match.
fn matches(wanted: &UnloadNotebooks, session: &SessionRecord, now: i64) -> bool {
    let any = |listed: &Option<Vec<String>>, value: Option<&String>| {
        listed
            .as_ref()
            .is_none_or(|listed| value.is_some_and(|value| listed.contains(value)))
    };
    let only_idle = wanted.only_idle.unwrap_or(true);
    let is_idle = session.state.as_deref() == Some("idle");
    let idle_enough = wanted.idle_for.is_none_or(|idle| {
        let idle = i64::try_from(std::time::Duration::from(idle).as_millis()).unwrap_or(i64::MAX);
        let last = session.last_activity.filter(|last| *last > 0);
        last.is_some_and(|last| now.saturating_sub(last) >= idle)
    });
    (is_idle || !only_idle)
        && idle_enough
        && any(&wanted.project_keys, Some(&session.project))
        && any(&wanted.notebooks, Some(&session.notebook))
        && any(&wanted.owners, session.creator.as_ref())
        && any(&wanted.session_ids, Some(&session.id))
}

/// The notebooks of these sessions, where the action selects by language or kernel.
async fn kernels(given: &TaskGiven<'_>, wanted: &UnloadNotebooks, sessions: &[SessionRecord]) -> Result<Known, Error> {
    let mut known = Known::new();
    if wanted.languages.is_none() && wanted.kernels.is_none() {
        return Ok(known);
    }
    let projects: BTreeSet<&String> = sessions.iter().map(|session| &session.project).collect();
    for project in projects {
        let notebooks = given.api.jupyter_notebooks(project).await?;
        for notebook in notebooks.map(|listed| listed.items).unwrap_or_default() {
            known.insert((project.clone(), notebook.name.clone()), notebook);
        }
    }
    Ok(known)
}

fn fits_kernel(wanted: &UnloadNotebooks, session: &SessionRecord, known: &Known) -> bool {
    let notebook = known.get(&(session.project.clone(), session.notebook.clone()));
    let language = notebook.and_then(|notebook| notebook.language.as_ref());
    let kernel = notebook.and_then(|notebook| notebook.kernel.as_ref());
    let any = |listed: &Option<Vec<String>>, value: Option<&String>| {
        listed
            .as_ref()
            .is_none_or(|listed| value.is_some_and(|value| listed.contains(value)))
    };
    any(&wanted.languages, language) && any(&wanted.kernels, kernel)
}

/// Posts the message once for each notebook and run: the topic tells whether an interrupted run has done so.
async fn notify(
    given: &TaskGiven<'_>,
    writes: &TaskWrites<'_>,
    sessions: &[SessionRecord],
    message: &str,
) -> Result<(), Error> {
    let topic = format!("Sessions of this notebook are unloaded ({})", given.run);
    let notebooks: BTreeSet<(&String, &String)> = sessions.iter().map(|one| (&one.project, &one.notebook)).collect();
    for (project, notebook) in notebooks {
        let Some(found) = given.api.jupyter_discussions(project, notebook).await? else {
            continue;
        };
        if found.items.iter().any(|one| one.topic.as_ref() == Some(&topic)) {
            continue;
        }
        let what = format!("post a discussion of notebook {project}/{notebook}");
        let send = |permit| {
            given
                .api
                .post_jupyter_discussion(permit, project, notebook, &topic, message)
        };
        writes.send(&what, send).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn session() -> SessionRecord {
        SessionRecord {
            project: "RISK".to_owned(),
            notebook: "explore".to_owned(),
            id: "s1".to_owned(),
            creator: Some("jane".to_owned()),
            last_activity: Some(1_000),
            state: Some("idle".to_owned()),
        }
    }

    fn fits(spec: Value, session: &SessionRecord) -> bool {
        matches(&serde_json::from_value(spec).unwrap(), session, 7_200_000)
    }

    #[test]
    fn a_session_matches_everything_that_is_set() {
        let all = json!({ "idleFor": "1h", "projectKeys": ["RISK"], "notebooks": ["explore"], "owners": ["jane"], "sessionIds": ["s1"] });
        assert!(fits(json!({}), &session()) && fits(all.clone(), &session()));
        for other in [
            json!({ "idleFor": "3h" }),
            json!({ "projectKeys": ["X"] }),
            json!({ "notebooks": ["X"] }),
            json!({ "owners": ["joe"] }),
            json!({ "sessionIds": ["s2"] }),
        ] {
            let mut spec = all.clone();
            json_patch::merge(&mut spec, &other);
            assert!(!fits(spec, &session()), "{other}");
        }
    }

    #[test]
    fn a_busy_kernel_and_one_of_which_nothing_is_known_are_left_alone() {
        let busy = SessionRecord {
            state: Some("busy".to_owned()),
            ..session()
        };
        assert!(!fits(json!({}), &busy));
        assert!(fits(json!({ "onlyIdle": false }), &busy));
        let silent = SessionRecord {
            last_activity: None,
            state: None,
            creator: None,
            ..session()
        };
        for spec in [
            json!({}),
            json!({ "idleFor": "0s", "onlyIdle": false }),
            json!({ "owners": ["jane"], "onlyIdle": false }),
        ] {
            assert!(!fits(spec.clone(), &silent), "{spec}");
        }
        let never = SessionRecord {
            last_activity: Some(0),
            ..session()
        };
        assert!(!fits(json!({ "idleFor": "1h" }), &never));
    }
}
