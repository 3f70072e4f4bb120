//! `drain`: waits until nobody works on a DSS node, for a maintenance window.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::{
    args::{DrainArgs, Origin, Product, SideArgs},
    cluster,
    connect::{self, Means, Reached},
    console::Console,
    output::{Report, Table},
    progress::Progress,
    status::is_drainable,
};
use crate::{
    crd::DssInstance,
    dataiku::{
        dss::Dss,
        error::{ApiError, ErrorKind},
    },
    engine::Error,
};

/// Time between two looks.
const BETWEEN: Duration = Duration::from_secs(5);

/// Who and what is left on the node. `None`: the node has no such list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Left {
    sessions: i64,
    notebooks: Option<usize>,
    jobs: Option<usize>,
    tasks: usize,
    scenarios: usize,
}

impl Left {
    fn is_nobody(&self) -> bool {
        let lists = [self.notebooks, self.jobs, Some(self.tasks), Some(self.scenarios)];
        self.sessions == 0 && lists.into_iter().flatten().all(|count| count == 0)
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
    is_drainable(from.product.connection())?;
    let wrote = if args.freeze || args.unfreeze {
        Some(freeze(from, args.freeze, args.dry_run, console).await?)
    } else {
        None
    };
    let left = if args.unfreeze {
        None
    } else {
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
    let api = cluster::api(client, kind, &plural, Some(&from.namespace));
    let what = format!("spec.freeze: {freeze} of {from}");
    if dry_run {
        return Ok(format!("would set {what}"));
    }
    let patch = Patch::Merge(json!({ "spec": { "freeze": freeze } }));
    let written = api.patch(&from.name, &PatchParams::default(), &patch).await;
    let place = format!("{kind} {}", from.name);
    written.map_err(|error| cluster::failed("patch", &plural, Some(&from.namespace), &place, &error))?;
    Ok(format!("set {what}"))
}

async fn wait(args: &DrainArgs, console: &mut Console<'_>) -> anyhow::Result<Left> {
    let side = SideArgs {
        from: Some(args.connection.clone()),
        url: None,
        product: Product::Dss,
        api_key_file: None,
        api_key_from: None,
        api_key_id: None,
        space_id: None,
        ca_file: None,
        addresses: args.addresses.clone(),
        allow_insecure_tls: args.allow_insecure_tls,
        insecure_skip_verify: false,
    };
    let means = Means::read(&side, console).await?;
    let Reached { api, .. } = connect::by::<DssInstance>(&side, &means)?;
    let began = Instant::now();
    let end = began + args.wait.unwrap_or_default();
    loop {
        let progress = Progress::of("counting who is left");
        let left = count(&api).await?;
        drop(progress);
        if left.is_nobody() || Instant::now() >= end {
            return Ok(left);
        }
        let _progress = Progress::of(format!("waiting: {}", words(&left)));
        tokio::time::sleep(BETWEEN.min(end.saturating_duration_since(Instant::now()))).await;
    }
}

async fn count(api: &Dss) -> Result<Left, Error> {
    let sessions = api
        .users(false, |user| user.active_sessions.unwrap_or_default())
        .await?;
    let running = async |scenarios: bool| api.running_tasks(scenarios).await.map(|found| found.items.len());
    Ok(Left {
        sessions: sessions.items.into_iter().filter(|count| *count > 0).sum(),
        notebooks: offered(api.jupyter_sessions().await.map(|found| found.items.len()))?,
        jobs: offered(api.running_jobs().await.map(|found| found.items.len()))?,
        tasks: running(false).await?,
        scenarios: running(true).await?,
    })
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
    [
        ("sessions", Some(left.sessions.to_string())),
        ("notebooks", left.notebooks.map(|count| count.to_string())),
        ("jobs", left.jobs.map(|count| count.to_string())),
        ("tasks", Some(left.tasks.to_string())),
        ("runs of scenarios", Some(left.scenarios.to_string())),
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
        let mut tables = Vec::new();
        if let Some(wrote) = &self.wrote {
            tables.push(Table {
                title: "Connection",
                columns: vec!["what"],
                rows: vec![vec![wrote.clone()]],
            });
        }
        if let Some(left) = &self.left {
            let rows = rows(left).into_iter().map(|(what, count)| {
                let count = count.unwrap_or_else(|| "this release has no such list".to_owned());
                vec![what.to_owned(), count]
            });
            tables.push(Table {
                title: if left.is_nobody() {
                    "Nobody is left"
                } else {
                    "Somebody is left"
                },
                columns: vec!["what", "number"],
                rows: rows.collect(),
            });
        }
        tables
    }
}
