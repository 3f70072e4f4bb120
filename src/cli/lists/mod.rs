//! Lists of the administration pages of a node: who works on it, what runs, how much it holds, and which rules apply.

use std::future::Future;

use anyhow::bail;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    args::{Format, Product, ReachArgs, ResolveArgs, RulesCommand, ShowArgs},
    connect::{self, Reached},
    console::Console,
    output::{Report, Table},
    progress::Progress,
};
use crate::{
    crd::{DssInstance, GovernInstance},
    dataiku::{
        dip::{DipProduct, Node},
        error::{ApiError, ErrorKind},
    },
    engine::{Error, remote_error::optional},
    kinds::{
        Applies,
        node::{NodeKind, NodeLists, survey},
        resolve,
    },
};

/// A table with what could not be read.
struct Shown {
    title: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Entries that have no key that can be read.
    unreadable: usize,
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

    fn warnings(&self) -> Vec<String> {
        let partial = self.0.iter().filter(|list| list.unreadable > 0);
        partial
            .map(|list| format!("{}: {} more entries cannot be read", list.title, list.unreadable))
            .collect()
    }
}

/// Fails if the other end is a node of the other product: what it answers would be taken for something else.
async fn fits<K: NodeKind>(api: &Node<K::Product>) -> anyhow::Result<()> {
    let info = optional(api.instance_info().await)?;
    match info.and_then(|info| info.node_type) {
        Some(found) if found.eq_ignore_ascii_case("GOVERN") != K::GOVERN => {
            bail!("the node at the other end is of type {found}: see --product, or the kind of the connection object")
        }
        _ => Ok(()),
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
    let lists = match args.reach.product() {
        Product::Dss => sessions_of_dss(&args.reach, console).await?,
        Product::Govern => {
            let reached = connect::any::<GovernInstance>(&args.reach, console).await?;
            let _progress = Progress::of("reading the node");
            let Some(connected) = connected(&reached).await? else {
                bail!(
                    "this Govern node does not show in its list of users who has sessions, and Govern has neither notebooks \
                     nor jobs: there is nothing to show"
                );
            };
            vec![connected]
        }
        Product::Launchpad => bail!(no_node("sessions")),
    };
    console.show(&Lists(lists), args.output)
}

/// Why a space has no list of what is on its nodes.
fn no_node(list: &str) -> String {
    format!(
        "the API of a space of Dataiku Cloud has no {list}: ask each node of the space, with --url and --api-key-file of that node"
    )
}

async fn sessions_of_dss(reach: &ReachArgs, console: &mut Console<'_>) -> anyhow::Result<Vec<Shown>> {
    let reached = connect::any::<DssInstance>(reach, console).await?;
    let _progress = Progress::of("reading the node");
    let unknown = || note("Users with sessions", "this node does not show who has sessions");
    let mut lists = vec![connected(&reached).await?.unwrap_or_else(unknown)];
    let not_offered = |title| note(title, "this release has no such list");
    let notebooks = offered(reached.api.jupyter_sessions()).await?;
    lists.push(notebooks.map_or_else(
        || not_offered("Notebooks"),
        |found| {
            Shown {
                title: "Notebooks",
                unreadable: found.unreadable,
                columns: vec!["project", "notebook", "opened by", "state", "last active"],
                rows: found
                    .items
                    .into_iter()
                    .map(|one| {
                        let (creator, state) = (one.creator.unwrap_or_default(), one.state.unwrap_or_default());
                        vec![one.project, one.notebook, creator, state, time(one.last_activity)]
                    })
                    .collect(),
            }
        },
    ));
    let jobs = offered(reached.api.running_jobs()).await?;
    lists.push(jobs.map_or_else(
        || not_offered("Jobs"),
        |found| {
            Shown {
                title: "Jobs",
                unreadable: found.unreadable,
                columns: vec!["project", "job"],
                rows: found
                    .items
                    .into_iter()
                    .map(|one| vec![one.project.unwrap_or_default(), one.id])
                    .collect(),
            }
        },
    ));
    Ok(lists)
}

/// A list that is not there, and why.
fn note(title: &'static str, why: &str) -> Shown {
    Shown {
        title,
        columns: vec!["note"],
        rows: vec![vec![why.to_owned()]],
        unreadable: 0,
    }
}

/// Users with sessions; `None`: the node does not show any user's.
async fn connected<K: NodeKind>(reached: &Reached<K>) -> anyhow::Result<Option<Shown>> {
    let sweep = survey(&reached.connection, &reached.api, &<K as NodeKind>::Lists::default()).await?;
    let users = &sweep.users.items;
    let shown: Vec<_> = users.iter().filter(|user| user.active_sessions.is_some()).collect();
    if shown.is_empty() && !users.is_empty() {
        return Ok(None);
    }
    let counts = shown.into_iter().filter_map(|user| {
        let count = user.active_sessions.filter(|count| *count > 0)?;
        Some(vec![user.login.clone(), count.to_string()])
    });
    Ok(Some(Shown {
        title: "Users with sessions",
        columns: vec!["login", "sessions"],
        rows: counts.collect(),
        unreadable: sweep.users.unreadable,
    }))
}

/// `tasks`.
pub(super) async fn tasks(args: &ShowArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let lists = match args.reach.product() {
        Product::Dss => {
            let Reached { api, .. } = connect::any::<DssInstance>(&args.reach, console).await?;
            let _progress = Progress::of("reading the node");
            fits::<DssInstance>(&api).await?;
            vec![
                running("Tasks", &api, false).await?,
                running("Scenarios", &api, true).await?,
            ]
        }
        Product::Govern => {
            let Reached { api, .. } = connect::any::<GovernInstance>(&args.reach, console).await?;
            let _progress = Progress::of("reading the node");
            fits::<GovernInstance>(&api).await?;
            vec![running("Tasks", &api, false).await?]
        }
        Product::Launchpad => bail!(no_node("list of tasks")),
    };
    console.show(&Lists(lists), args.output)
}

async fn running<P: DipProduct>(title: &'static str, api: &Node<P>, scenarios: bool) -> anyhow::Result<Shown> {
    let found = api.running_tasks(scenarios).await.map_err(Error::from)?;
    let unreadable = found.unreadable;
    let rows = found.items.into_iter().map(|one| {
        let (owner, what) = (one.owner.unwrap_or_default(), one.title.unwrap_or_default());
        vec![one.id, owner, what, time(one.started)]
    });
    Ok(Shown {
        title,
        columns: vec!["id", "started by", "what", "since"],
        rows: rows.collect(),
        unreadable,
    })
}

/// `usage`.
pub(super) async fn usage(args: &ShowArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    match args.reach.product() {
        Product::Dss => {}
        Product::Govern => bail!(
            "what a Govern node answers about its usage has no documented form, so this command shows nothing of it: see the \
             administration pages of the node"
        ),
        Product::Launchpad => bail!(no_node("usage summary")),
    }
    let Reached { api, .. } = connect::any::<DssInstance>(&args.reach, console).await?;
    let progress = Progress::of("reading the node");
    fits::<DssInstance>(&api).await?;
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
    if counts.iter().all(|(_, count)| count.is_none()) {
        bail!(
            "the answer of the node about its usage holds none of the numbers: see whether --url is the address of a DSS node"
        );
    }
    let rows = counts.into_iter().map(|(of, count)| {
        let count = count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
        vec![of.to_owned(), count]
    });
    let list = Shown {
        title: "Usage",
        columns: vec!["of", "number"],
        rows: rows.collect(),
        unreadable: 0,
    };
    drop(progress);
    console.show(&Lists(vec![list]), args.output)
}

/// `rules`.
pub(super) async fn rules(what: &RulesCommand, console: &mut Console<'_>) -> anyhow::Result<()> {
    let RulesCommand::Resolve(args) = what;
    let ResolveArgs { login, project, show } = &**args;
    if show.reach.product() != Product::Dss {
        bail!("impersonation rules are general settings of a DSS node: nothing else has any");
    }
    let Reached { connection, api } = connect::any::<DssInstance>(&show.reach, console).await?;
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
            unreadable: 0,
        },
        Shown {
            title: "Rules for the groups of the user",
            columns: columns(),
            rows: rows.flatten().collect(),
            unreadable: 0,
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
