//! Commands for people, beside the operator itself. They read the remote side through the operator's own clients and rules, and
//! ask its planner what it would do.

mod access;
mod adopt;
mod advice;
pub mod args;
mod atomic;
mod cluster;
mod connect;
mod console;
mod drain;
mod export;
mod kyaml;
mod lists;
mod manifest;
mod names;
mod output;
mod plan;
mod progress;
mod schema;
mod status;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches, Subcommand, builder::Styles, error::ErrorKind};

use self::{
    args::{
        AccessArgs, AdoptArgs, CompletionArgs, DrainArgs, ExportArgs, PlanArgs, RulesArgs, SessionsArgs, StatusArgs,
        TasksArgs, UsageArgs,
    },
    console::Console,
};
use crate::args::Args;

/// Name under which kubectl finds its plugin.
const PLUGIN: &str = "kubectl-dataiku";
/// Exit code of an error.
const FAILED: u8 = 1;
/// Exit code where there are differences.
const DIFFERS: u8 = 2;

/// One command for people.
#[derive(Debug, Subcommand)]
pub enum Request {
    /// Write manifests of what a remote side has, as observers: applying them changes nothing there.
    Export(Box<ExportArgs>),
    /// Show what the operator would do with manifests, and write nothing.
    Plan(Box<PlanArgs>),
    /// Sort what a remote side has, write manifests that observe it, and later let them manage it.
    Adopt(Box<AdoptArgs>),
    /// Show who may do what on a remote side, and why.
    Access(AccessArgs),
    /// Show why an object is not ready, or the state of connections.
    Status(Box<StatusArgs>),
    /// Wait until nobody works on a node any more, for a maintenance window.
    Drain(Box<DrainArgs>),
    /// Show who works on a node: users with sessions; on DSS also notebooks and jobs.
    Sessions(Box<SessionsArgs>),
    /// Show the long tasks that run on a node.
    Tasks(Box<TasksArgs>),
    /// Show how much a DSS node holds.
    Usage(Box<UsageArgs>),
    /// Show impersonation rules of a DSS node.
    Rules(RulesArgs),
    /// Print a completion script for a shell.
    Completion(CompletionArgs),
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Done, or nothing to do.
    Done,
    /// There are differences.
    Differs,
}

impl Ending {
    fn of(differs: bool) -> Self {
        if differs { Self::Differs } else { Self::Done }
    }
}

/// Reads the command line. As the kubectl plugin, the program calls itself `kubectl dataiku`.
///
/// # Errors
/// There is nothing to run: help was asked for, or the arguments are wrong. The text is printed, and the code is the program's.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, ExitCode> {
    let words: Vec<OsString> = words.into_iter().collect();
    let parsed = command(&words).try_get_matches_from(&words);
    parsed
        .and_then(|found| Args::from_arg_matches(&found))
        .map_err(|error| {
            let _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                // Scripts that start the operator know the code of clap.
                _ if !words.get(1).is_some_and(is_request) => {
                    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILED))
                }
                _ => ExitCode::from(FAILED),
            }
        })
}

fn is_request(word: &OsString) -> bool {
    word.to_str().is_some_and(Request::has_subcommand)
}

/// Never in colour: what a terminal shows is what a file has.
fn command(words: &[OsString]) -> clap::Command {
    let command = Args::command().styles(Styles::plain());
    let name = words
        .first()
        .map(std::path::Path::new)
        .and_then(|path| path.file_stem());
    if name.is_some_and(|name| name == PLUGIN) {
        return command.name(PLUGIN).bin_name("kubectl dataiku");
    }
    command
}

/// Runs a command with the streams of this process. An error goes to stderr.
pub async fn main(request: Request) -> ExitCode {
    let mut console = Console {
        input: &mut io::stdin().lock(),
        out: &mut io::stdout().lock(),
        err: &mut io::stderr(),
        client: None,
    };
    match run(request, &mut console).await {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Differs) => ExitCode::from(DIFFERS),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {}", output::visible_lines(&format!("{error:#}")));
            ExitCode::from(FAILED)
        }
    }
}

/// Runs a command.
///
/// # Errors
/// It fails; nothing is half-written.
async fn run(request: Request, console: &mut Console<'_>) -> anyhow::Result<Ending> {
    let ending = execute(request, console).await;
    ending.map_err(|error| advice::of_command(&error))
}

async fn execute(request: Request, console: &mut Console<'_>) -> anyhow::Result<Ending> {
    match request {
        Request::Export(args) => {
            let report = export::export(&args, console).await?;
            console.show(&report, args.manifests.show.output)?;
        }
        Request::Plan(args) => {
            let planned = plan::plan(&args, console).await?;
            console.show(&planned, args.manifests.show.output)?;
            return Ok(Ending::of(planned.differs()));
        }
        Request::Adopt(args) => adopt::adopt(&args, console).await?,
        Request::Access(AccessArgs { what }) => access::run(&what, console).await?,
        Request::Status(args) => return status::status(&args, console).await.map(Ending::of),
        Request::Drain(args) => return drain::drain(&args, console).await.map(Ending::of),
        Request::Sessions(args) => lists::sessions(&args.show, console).await?,
        Request::Tasks(args) => lists::tasks(&args.show, console).await?,
        Request::Usage(args) => lists::usage(&args.show, console).await?,
        Request::Rules(RulesArgs { what }) => lists::rules(&what, console).await?,
        Request::Completion(args) => {
            let name = if args.plugin { PLUGIN } else { "dataiku-operator" };
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Args::command(), name, &mut script);
            console.out.write_all(&script)?;
        }
    }
    Ok(Ending::Done)
}
