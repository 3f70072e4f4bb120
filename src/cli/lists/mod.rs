//! Lists of the administration pages of a node: who works on it, what runs, how much it holds, and which rules apply.

use std::future::Future;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    args::{Format, ResolveArgs, RulesCommand, ShowArgs},
    connect::{self, Reached},
    console::Console,
    output::{Report, Table},
    progress::Progress,
};
use crate::{
    crd::DssInstance,
    dataiku::error::{ApiError, ErrorKind},
    engine::Error,
    kinds::{
        Applies,
        node::{NodeLists, survey},
        resolve,
    },
};

/// A table with what could not be read.
struct Shown {
    title: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Several tables, by name.
struct Lists(Vec<Shown>);

impl Serialize for Lists {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = |columns: &[&'static str], row: &[String]| -> serde_json::Map<String, serde_json::Value> {
            let cells = columns.iter().zip(row);
            cells
                .map(|(column, cell)| ((*column).to_owned(), cell.clone().into()))
                .collect()
        };
        let lists = self.0.iter().map(|list| {
            let rows: Vec<_> = list.rows.iter().map(|cells| row(&list.columns, cells)).collect();
            (list.title, rows)
        });
        serializer.collect_map(lists)
    }
}

impl Report for Lists {
    fn tables(&self) -> Vec<Table> {
        let tables = self.0.iter().map(|list| Table {
            title: list.title,
            columns: list.columns.clone(),
            rows: list.rows.clone(),
        });
        tables.collect()
    }
}

/// A time in milliseconds since the epoch, for people.
pub(super) fn time(milliseconds: Option<i64>) -> String {
    let time = milliseconds.and_then(|time| Timestamp::from_millisecond(time).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// A list that older releases do not have; `None`: this one does not.
async fn offered<T>(call: impl Future<Output = Result<T, ApiError>>) -> anyhow::Result<Option<T>> {
    match call.await {
        Ok(list) => Ok(Some(list)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::from(error).into()),
    }
}

/// `sessions`.
pub(super) async fn sessions(args: &ShowArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let Reached { connection, api } = connect::any::<DssInstance>(&args.side, console).await?;
    let progress = Progress::of("reading the node");
    let sweep = survey(&connection, &api, &NodeLists::default()).await?;
    let notebooks = offered(api.jupyter_sessions()).await?;
    let jobs = offered(api.running_jobs()).await?;
    let users = sweep.users.items.iter();
    let connected = users.filter(|user| user.active_sessions.is_some_and(|count| count > 0));
    let mut lists = vec![Shown {
        title: "Users with sessions",
        columns: vec!["login", "sessions"],
        rows: connected
            .map(|user| vec![user.login.clone(), user.active_sessions.unwrap_or_default().to_string()])
            .collect(),
    }];
    let not_offered = || vec![vec!["this release has no such list".to_owned()]];
    lists.push(match notebooks {
        None => Shown {
            title: "Notebooks",
            columns: vec!["note"],
            rows: not_offered(),
        },
        Some(found) => Shown {
            title: "Notebooks",
            columns: vec!["project", "notebook", "opened by", "state", "last active"],
            rows: found
                .items
                .into_iter()
                .map(|one| {
                    let (creator, state) = (one.creator.unwrap_or_default(), one.state.unwrap_or_default());
                    vec![one.project, one.notebook, creator, state, time(one.last_activity)]
                })
                .collect(),
        },
    });
    lists.push(match jobs {
        None => Shown {
            title: "Jobs",
            columns: vec!["note"],
            rows: not_offered(),
        },
        Some(found) => Shown {
            title: "Jobs",
            columns: vec!["project", "job"],
            rows: found
                .items
                .into_iter()
                .map(|one| vec![one.project.unwrap_or_default(), one.id])
                .collect(),
        },
    });
    drop(progress);
    console.show(&Lists(lists), args.output)
}

/// `tasks`.
pub(super) async fn tasks(args: &ShowArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let Reached { api, .. } = connect::any::<DssInstance>(&args.side, console).await?;
    let progress = Progress::of("reading the node");
    let mut lists = Vec::new();
    for (title, scenarios) in [("Tasks", false), ("Scenarios", true)] {
        let found = api.running_tasks(scenarios).await.map_err(Error::from)?;
        let rows = found.items.into_iter().map(|one| {
            let (owner, what) = (one.owner.unwrap_or_default(), one.title.unwrap_or_default());
            vec![one.id, owner, what, time(one.started)]
        });
        lists.push(Shown {
            title,
            columns: vec!["id", "started by", "what", "since"],
            rows: rows.collect(),
        });
    }
    drop(progress);
    console.show(&Lists(lists), args.output)
}

/// `usage`.
pub(super) async fn usage(args: &ShowArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let Reached { api, .. } = connect::any::<DssInstance>(&args.side, console).await?;
    let progress = Progress::of("reading the node");
    let usage = api.usage().await.map_err(Error::from)?;
    let counts = [
        ("projects", usage.projects),
        ("datasets", usage.datasets),
        ("recipes", usage.recipes),
        ("Jupyter notebooks", usage.jupyter_notebooks),
        ("SQL notebooks", usage.sql_notebooks),
        ("scenarios", usage.scenarios),
        ("active scenarios", usage.active_scenarios),
    ];
    let rows = counts.into_iter().map(|(of, count)| {
        let count = count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
        vec![of.to_owned(), count]
    });
    let list = Shown {
        title: "Usage",
        columns: vec!["of", "number"],
        rows: rows.collect(),
    };
    drop(progress);
    console.show(&Lists(vec![list]), args.output)
}

/// `rules`.
pub(super) async fn rules(what: &RulesCommand, console: &mut Console<'_>) -> anyhow::Result<()> {
    let RulesCommand::Resolve(args) = what;
    let ResolveArgs { login, project, show } = &**args;
    let Reached { connection, api } = connect::any::<DssInstance>(&show.side, console).await?;
    let progress = Progress::of("reading the node");
    let lists = NodeLists::default();
    survey(&connection, &api, &lists).await?;
    let Some(user) = lists.users.get(login).found() else {
        anyhow::bail!("the node has no user {login}");
    };
    let settings = api.general_settings().await.map_err(Error::from)?;
    let mut shown = vec![resolved(&settings, true, login, project.as_deref())?];
    for group in user.groups.iter().flatten() {
        shown.push(resolved(&settings, false, group, project.as_deref())?);
    }
    drop(progress);
    render(shown, show.output, console)
}

fn render(shown: Vec<Vec<Vec<String>>>, output: Format, console: &mut Console<'_>) -> anyhow::Result<()> {
    let mut rows = shown.into_iter();
    let columns = || vec!["for", "rule", "applies", "Unix account"];
    let lists = vec![
        Shown {
            title: "Rule for the user",
            columns: columns(),
            rows: rows.next().unwrap_or_default(),
        },
        Shown {
            title: "Rules for the groups of the user",
            columns: columns(),
            rows: rows.flatten().collect(),
        },
    ];
    console.show(&Lists(lists), output)
}

/// The rules up to the first that applies, or that only the node can judge.
fn resolved(
    settings: &crate::dataiku::document::Document,
    is_user: bool,
    name: &str,
    project: Option<&str>,
) -> anyhow::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    let mut certain = true;
    for one in resolve(settings, is_user, name, project)? {
        let (applies, account) = match one.applies {
            Some(Applies::No) => continue,
            Some(Applies::To(account)) if certain => ("yes: first match".to_owned(), account),
            Some(Applies::To(account)) => ("only if the rule above does not match".to_owned(), account),
            None => ("only the node can tell".to_owned(), String::new()),
        };
        let decides = !applies.starts_with("only");
        rows.push(vec![name.to_owned(), one.rule, applies, account]);
        if decides {
            return Ok(rows);
        }
        certain = false;
    }
    if rows.is_empty() {
        rows.push(vec![
            name.to_owned(),
            "no rule applies".to_owned(),
            String::new(),
            String::new(),
        ]);
    }
    Ok(rows)
}
