//! `drain`: waits until nobody works on a node, for a maintenance window.

use std::{future::Future, time::Duration};

use anyhow::bail;
use kube::api::{Patch, PatchParams};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::{
    args::{DrainArgs, Origin, Product, ReachArgs},
    cluster,
    connect::{self, Means, Reached},
    console::Console,
    output::{Report, Table},
    progress::Progress,
};
use crate::{
    crd::{DssInstance, GovernInstance},
    dataiku::{
        dip::{DipProduct, Node},
        dss::Dss,
        error::{ApiError, ErrorKind},
        govern::Govern,
        listed::Listed,
    },
    engine::{Error, Reason},
};

/// Time between two counts.
const BETWEEN: Duration = Duration::from_secs(5);

/// Who and what is left on the node. `None`: the node has no such list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Left {
    sessions: Option<i64>,
    notebooks: Option<usize>,
    jobs: Option<usize>,
    tasks: usize,
    scenarios: Option<usize>,
}

impl Left {
    fn is_nobody(&self) -> bool {
        let lists = [self.notebooks, self.jobs, Some(self.tasks), self.scenarios];
        self.sessions.is_none_or(|count| count == 0) && lists.into_iter().flatten().all(|count| count == 0)
    }

    fn title(&self) -> &'static str {
        match (self.is_nobody(), self.sessions) {
            (true, Some(_)) => "Nobody is left",
            (true, None) => "Nobody is left, as far as the node shows",
            (false, _) => "Somebody is left",
        }
    }
}

/// What the command did and found.
#[derive(Serialize)]
struct Drained {
    connection: String,
    /// What was written to the connection object.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
}

/// Freezes, waits, or lets go; whether somebody is left.
///
/// # Errors
/// The caller lacks a right, or the node cannot be read. What was frozen stays so, which the error says.
pub(super) async fn drain(args: &DrainArgs, console: &mut Console<'_>) -> anyhow::Result<bool> {
    let from = &args.connection;
    if from.product == Product::Launchpad {
        bail!(
            "drain is for a DssInstance or a GovernInstance: the API of a space of Dataiku Cloud shows neither sessions nor \
             tasks. Drain each node of the space by a connection of its own"
        );
    }
    let wrote = if args.freeze || args.unfreeze {
        Some(freeze(from, args.freeze, args.dry_run, console).await?)
    } else {
        None
    };
    let left = if args.unfreeze {
        None
    } else {
        if let Some(wrote) = wrote.as_ref().filter(|_| args.wait.is_some()) {
            console.note(wrote);
        }
        let left = wait(args, console).await;
        Some(left.map_err(|error| match &wrote {
            Some(wrote) => error.context(wrote.clone()),
            None => error,
        })?)
    };
    let somebody = left.as_ref().is_some_and(|left| !left.is_nobody());
    let drained = Drained {
        connection: from.to_string(),
        wrote,
        left,
    };
    console.show(&drained, args.output)?;
    Ok(somebody)
}

/// Writes `spec.freeze`; what was written, in words.
async fn freeze(from: &Origin, freeze: bool, dry_run: bool, console: &mut Console<'_>) -> anyhow::Result<String> {
    let client = console.client().await?;
    let kind = from.product.connection();
    let plural = cluster::plural(kind);
    let what = format!("spec.freeze: {freeze} of {from}");
    if dry_run {
        // Whether there is such an object, and whether the caller may read it, is said now rather than by the real run.
        cluster::get(&client, kind, &from.namespace, &from.name).await?;
        return Ok(format!("would set {what}; nothing is written"));
    }
    let api = cluster::api(client, kind, &plural, Some(&from.namespace));
    let patch = Patch::Merge(json!({ "spec": { "freeze": freeze } }));
    let written = api.patch(&from.name, &PatchParams::default(), &patch).await;
    let place = format!("{kind} {}", from.name);
    written.map_err(|error| cluster::failed("patch", &plural, Some(&from.namespace), &place, &error))?;
    Ok(format!("set {what}"))
}

async fn wait(args: &DrainArgs, console: &mut Console<'_>) -> anyhow::Result<Left> {
    let reach = ReachArgs {
        from: Some(args.connection.clone()),
        url: None,
        product: args.connection.product,
        api_key_file: None,
        api_key_from: None,
        api_key_id: None,
        space_id: None,
        ca_file: None,
        addresses: args.addresses.clone(),
        allow_insecure_tls: args.allow_insecure_tls,
        insecure_skip_verify: false,
    };
    let means = Means::read(&reach, console).await?;
    if args.connection.product == Product::Govern {
        let Reached { api, .. } = connect::by::<GovernInstance>(&reach, &means)?;
        return until(args.wait, || on_govern(&api)).await;
    }
    let Reached { api, .. } = connect::by::<DssInstance>(&reach, &means)?;
    until(args.wait, || on_dss(&api)).await
}

/// Counts again and again until nobody is left or the time is over.
async fn until<F>(wait: Option<Duration>, count: impl Fn() -> F) -> anyhow::Result<Left>
where
    F: Future<Output = Result<Left, Error>>,
{
    let end = Instant::now() + wait.unwrap_or_default();
    let mut counted = false;
    loop {
        let progress = Progress::of("counting who is left");
        let answer = count().await;
        drop(progress);
        let left = match answer {
            Ok(left) => left,
            // A node that answered before is asked again: a maintenance window must not end with its first hiccup.
            Err(error) if counted && is_outage(&error) && Instant::now() < end => {
                let _progress = Progress::of("waiting: the node does not answer");
                tokio::time::sleep(BETWEEN.min(end.saturating_duration_since(Instant::now()))).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        counted = true;
        if left.is_nobody() || Instant::now() >= end {
            return Ok(left);
        }
        let _progress = Progress::of(format!("waiting: {}", words(&left)));
        tokio::time::sleep(BETWEEN.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

/// Whether a later count may succeed without anybody's help.
fn is_outage(error: &Error) -> bool {
    matches!(
        error,
        Error::Remote {
            reason: Reason::Unavailable | Reason::RateLimited,
            ..
        }
    )
}

async fn on_dss(api: &Dss) -> Result<Left, Error> {
    Ok(Left {
        notebooks: offered(api.jupyter_sessions().await.map(|found| all(&found)))?,
        jobs: offered(api.running_jobs().await.map(|found| all(&found)))?,
        scenarios: Some(all(&api.running_tasks(true).await?)),
        ..on_node(api, false).await?
    })
}

/// A Govern node has neither notebooks nor jobs nor scenarios, and its short list of users shows no sessions.
async fn on_govern(api: &Govern) -> Result<Left, Error> {
    on_node(api, true).await
}

async fn on_node<P: DipProduct>(api: &Node<P>, details: bool) -> Result<Left, Error> {
    let users = api.users(details, |user| (user.login, user.active_sessions)).await?;
    let shown = users.items.iter().filter_map(|(_, sessions)| *sessions);
    let is_shown = shown.clone().next().is_some() || users.items.is_empty();
    Ok(Left {
        sessions: is_shown.then(|| shown.filter(|count| *count > 0).sum()),
        tasks: all(&api.running_tasks(false).await?),
        ..Left::default()
    })
}

/// What cannot be read is there, too.
fn all<T>(list: &Listed<T>) -> usize {
    list.items.len() + list.unreadable
}

/// A list that older releases do not have.
fn offered(answer: Result<usize, ApiError>) -> Result<Option<usize>, ApiError> {
    match answer {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn rows(left: &Left) -> [(&'static str, Option<String>); 5] {
    let text = |count: Option<usize>| count.map(|count| count.to_string());
    [
        ("sessions", left.sessions.map(|count| count.to_string())),
        ("notebooks", text(left.notebooks)),
        ("jobs", text(left.jobs)),
        ("tasks", text(Some(left.tasks))),
        ("runs of scenarios", text(left.scenarios)),
    ]
}

fn words(left: &Left) -> String {
    let known = rows(left)
        .into_iter()
        .filter_map(|(what, count)| Some(format!("{} {what}", count?)));
    known.collect::<Vec<_>>().join(", ")
}

impl Report for Drained {
    fn tables(&self) -> Vec<Table> {
        let table = |left: &Left| {
            let rows = rows(left).into_iter().map(|(what, count)| {
                let count = count.unwrap_or_else(|| "this node has no such list".to_owned());
                vec![what.to_owned(), count]
            });
            Table {
                title: left.title(),
                columns: vec!["what", "number"],
                rows: rows.collect(),
            }
        };
        self.left.iter().map(table).collect()
    }

    fn sentences(&self) -> Vec<String> {
        self.wrote.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::engine::Fate;

    fn outage() -> Error {
        Error::Remote {
            reason: Reason::Unavailable,
            message: "503".to_owned(),
            retry_after: None,
            fate: Fate::NotDone,
        }
    }

    async fn counted(mut answers: Vec<Result<Left, Error>>) -> (anyhow::Result<Left>, usize) {
        answers.reverse();
        let answers = RefCell::new(answers);
        let left = until(Some(Duration::from_mins(1)), || async {
            answers.borrow_mut().pop().unwrap_or_else(|| Err(outage()))
        })
        .await;
        (left, answers.into_inner().len())
    }

    fn somebody() -> Left {
        Left {
            tasks: 1,
            ..Left::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_in_between_does_not_end_the_wait() {
        let (left, rest) = counted(vec![Ok(somebody()), Err(outage()), Ok(Left::default())]).await;
        assert_eq!((left.unwrap(), rest), (Left::default(), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_never_answered_or_does_not_come_back_is_an_error() {
        assert!(counted(vec![Err(outage()), Ok(Left::default())]).await.0.is_err());
        assert!(counted(vec![Ok(somebody())]).await.0.is_err());
        let refused = Error::invalid("no such call");
        assert!(counted(vec![Ok(somebody()), Err(refused)]).await.0.is_err());
    }
}
