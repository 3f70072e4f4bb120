//! `access`: who may do what on a remote side, and the source of every right.

mod page;
mod read;

use anyhow::bail;
use serde::Serialize;

use super::{
    args::{AccessCommand, AccessFormat, AccessReportArgs, ExplainArgs, WhoCanArgs},
    atomic,
    console::Console,
    output::{Report, Table},
};
use crate::kinds::access::{self, Projects, User, joined};

/// Runs one of the commands.
///
/// # Errors
/// The remote side cannot be read, or the file cannot be written.
pub(super) async fn run(what: &AccessCommand, console: &mut Console<'_>) -> anyhow::Result<()> {
    match what {
        AccessCommand::Report(args) => report(args, console).await,
        AccessCommand::WhoCan(args) => who_can(args, console).await,
        AccessCommand::Explain(args) => explain(args, console).await,
    }
}

async fn report(args: &AccessReportArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let mut access = read::access(&args.reach, args.dormant_after, console).await?;
    let text = match args.format {
        AccessFormat::Html => page::page(&mut access)?,
        AccessFormat::Csv => access::sheet(&access)?,
        AccessFormat::Json => serde_json::to_string_pretty(&access)? + "\n",
    };
    let Some(file) = &args.file else {
        return console.print(&text);
    };
    let file_name = file.display();
    if args.dry_run {
        return console.print(&format!(
            "{file_name} would have {} bytes; nothing is written\n",
            text.len()
        ));
    }
    atomic::write(file, &text)?;
    console.print(&format!("wrote {file_name}\n"))
}

/// Everybody with one permission.
#[derive(Serialize)]
struct WhoCan {
    permission: String,
    holders: Vec<Holder>,
    missing: Vec<String>,
}

/// One of them.
#[derive(Serialize)]
struct Holder {
    /// `user`, `group`, `global key`, `personal key`.
    kind: &'static str,
    name: String,
    from: String,
    marks: String,
}

async fn who_can(args: &WhoCanArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let access = read::access(&args.show.reach, None, console).await?;
    let known = access.permissions();
    if !known.contains(&args.permission) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        bail!(
            "the node has no permission {}; it has {}",
            args.permission,
            known.join(", ")
        );
    }
    let mut holders = Vec::new();
    let users = access
        .users
        .iter()
        .map(|user| ("user", &user.login, &user.rights, &user.marks));
    let groups = access
        .groups
        .iter()
        .map(|group| ("group", &group.name, &group.rights, &group.marks));
    let keys = access
        .keys
        .iter()
        .map(|key| (key.kind, &key.id, &key.rights, &key.marks));
    for (kind, name, rights, marks) in users.chain(groups).chain(keys) {
        if let Some(from) = access::source(rights, &args.permission) {
            holders.push(Holder {
                kind,
                name: name.clone(),
                from,
                marks: marks.join(", "),
            });
        }
    }
    let holders = WhoCan {
        permission: args.permission.clone(),
        holders,
        missing: access.missing(),
    };
    console.show(&holders, args.show.output)
}

impl Report for WhoCan {
    fn tables(&self) -> Vec<Table> {
        let rows = self.holders.iter().map(|one| {
            let Holder {
                kind,
                name,
                from,
                marks,
            } = one;
            vec![(*kind).to_owned(), name.clone(), from.clone(), marks.clone()]
        });
        let mut tables = vec![Table {
            title: "Who can",
            columns: vec!["kind", "name", "from", "marks"],
            rows: rows.collect(),
        }];
        tables.extend(not_read(&self.missing));
        tables
    }
}

fn projects(projects: &Projects) -> Option<Table> {
    let rows = projects.iter();
    let rows = rows.map(|(project, rights)| vec![project.clone(), joined(rights)]);
    (!projects.is_empty()).then(|| Table {
        title: "Projects and nodes",
        columns: vec!["project or node", "rights"],
        rows: rows.collect(),
    })
}

fn not_read(missing: &[String]) -> Option<Table> {
    (!missing.is_empty()).then(|| Table {
        title: "Not read",
        columns: vec!["list"],
        rows: missing.iter().map(|one| vec![one.clone()]).collect(),
    })
}

/// One user in full.
#[derive(Serialize)]
struct Explained<'a> {
    user: &'a User,
    /// Ids of the user's personal keys.
    keys: Vec<String>,
    missing: Vec<String>,
}

async fn explain(args: &ExplainArgs, console: &mut Console<'_>) -> anyhow::Result<()> {
    let access = read::access(&args.show.reach, None, console).await?;
    let Some(user) = access.users.iter().find(|user| user.login == args.login) else {
        bail!("the node has no user {}", args.login);
    };
    let keys = access.keys.iter().filter(|key| key.user.as_ref() == Some(&args.login));
    let explained = Explained {
        keys: keys.map(|key| key.id.clone()).collect(),
        missing: access.missing(),
        user,
    };
    console.show(&explained, args.show.output)
}

impl Report for Explained<'_> {
    fn tables(&self) -> Vec<Table> {
        let user = self.user;
        let fact = |name: &str, value: String| vec![name.to_owned(), value];
        let facts = vec![
            fact("login", user.login.clone()),
            fact("source", user.source.clone().unwrap_or_default()),
            fact("profile", user.profile.clone().unwrap_or_default()),
            fact("groups", user.groups.join(", ")),
            fact("last login", user.last_login.clone().unwrap_or_default()),
            fact("last action", user.last_activity.clone().unwrap_or_default()),
            fact("personal API keys", self.keys.join(", ")),
            fact("declared by", user.declared_by.clone().unwrap_or_default()),
            fact("marks", user.marks.join(", ")),
        ];
        let rights = user.rights.iter();
        let rights = rights.map(|right| vec![right.right.clone(), right.from.join(", ")]);
        let mut tables = vec![
            Table {
                title: "User",
                columns: vec!["what", "value"],
                rows: facts,
            },
            Table {
                title: "Rights",
                columns: vec!["right", "from"],
                rows: rights.collect(),
            },
        ];
        tables.extend(projects(&user.projects));
        tables.extend(not_read(&self.missing));
        tables
    }
}

/// Whether text of others is inert in a form, tested with all of them.
#[cfg(test)]
pub(super) fn page_of(access: &serde_json::Value) -> String {
    page::page_of(access).unwrap()
}
