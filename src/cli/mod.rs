//! Commands for people, beside the operator itself. They read the remote side through the operator's own clients and rules, and
//! ask its planner what it would do.

mod access;
mod adopt;
pub mod args;
mod atomic;
mod connect;
mod export;
mod kyaml;
mod lists;
mod manifest;
mod names;
mod output;
mod plan;
mod progress;
mod schema;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    process::ExitCode,
};

use clap::{CommandFactory, FromArgMatches, Subcommand, error::ErrorKind};

use self::args::{AccessArgs, AdoptArgs, CompletionArgs, ExportArgs, ListArgs, PlanArgs, RulesArgs};
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
    /// Write manifests of the users and groups of a DSS node, as observers: applying them changes nothing there.
    Export(Box<ExportArgs>),
    /// Show what the operator would do with manifests. Needs no cluster, and writes nothing.
    Plan(Box<PlanArgs>),
    /// Sort what a DSS node has, write manifests that observe it, and later let them manage it.
    Adopt(Box<AdoptArgs>),
    /// Show who may do what on a DSS node, and why.
    Access(AccessArgs),
    /// Show who works on a DSS node: users with sessions, notebooks and jobs.
    Sessions(Box<ListArgs>),
    /// Show the long tasks that run on a DSS node.
    Tasks(Box<ListArgs>),
    /// Show how much a DSS node holds.
    Usage(Box<ListArgs>),
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

fn command(words: &[OsString]) -> clap::Command {
    let name = words
        .first()
        .map(std::path::Path::new)
        .and_then(|path| path.file_stem());
    if name.is_some_and(|name| name == PLUGIN) {
        return Args::command().name(PLUGIN).bin_name("kubectl dataiku");
    }
    Args::command()
}

/// Runs a command with the streams of this process. An error goes to stderr.
pub async fn main(request: Request) -> ExitCode {
    match run(request, &mut io::stdin().lock(), &mut io::stdout().lock()).await {
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
async fn run(request: Request, input: &mut dyn Read, out: &mut dyn Write) -> anyhow::Result<Ending> {
    match request {
        Request::Export(args) => {
            let report = export::export(&args, input).await?;
            let text = output::render(&report, args.output)?;
            out.write_all(text.as_bytes())?;
        }
        Request::Plan(args) => {
            let planned = plan::plan(&args, input).await?;
            out.write_all(output::render(&planned, args.output)?.as_bytes())?;
            if planned.differs() {
                return Ok(Ending::Differs);
            }
        }
        Request::Adopt(args) => {
            let text = adopt::adopt(&args, input).await?;
            out.write_all(text.as_bytes())?;
        }
        Request::Access(AccessArgs { what }) => {
            let text = access::run(&what, input).await?;
            out.write_all(text.as_bytes())?;
        }
        Request::Sessions(args) => out.write_all(lists::sessions(&args, input).await?.as_bytes())?,
        Request::Tasks(args) => out.write_all(lists::tasks(&args, input).await?.as_bytes())?,
        Request::Usage(args) => out.write_all(lists::usage(&args, input).await?.as_bytes())?,
        Request::Rules(RulesArgs { what }) => out.write_all(lists::rules(&what, input).await?.as_bytes())?,
        Request::Completion(args) => {
            let name = if args.plugin { PLUGIN } else { "dataiku-operator" };
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Args::command(), name, &mut script);
            out.write_all(&script)?;
        }
    }
    Ok(Ending::Done)
}
