//! Commands against the simulator.

mod access;
mod adopt;
mod export;
mod plan;

use super::Ending;
use crate::{args::Command, cli, kinds::tests::node::Rig};

/// Runs a command against the node of the rig, with its key on standard input.
pub async fn command(rig: &Rig, words: &[&str]) -> Result<(Ending, String), String> {
    let key = format!("{}\n", rig.node.api_key());
    with_input(rig, words, &["--api-key-file", "-"], &key).await
}

/// Runs a command with this on standard input.
pub async fn with_input(rig: &Rig, words: &[&str], key: &[&str], input: &str) -> Result<(Ending, String), String> {
    at(rig.node.url(), words, key, input).await
}

/// Runs a command against this address.
pub async fn at(url: &str, words: &[&str], key: &[&str], input: &str) -> Result<(Ending, String), String> {
    let node = ["--url", url, "--allow-address", "127.0.0.0/8", "--allow-insecure-tls"];
    let all = ["dataiku-operator"].iter().chain(words).chain(&node).chain(key);
    let Ok(args) = cli::parse(all.map(Into::into)) else {
        panic!("the arguments are wrong: {words:?}")
    };
    let Command::Ask(request) = args.command else {
        unreachable!()
    };
    let mut printed = Vec::new();
    let ending = cli::run(request, &mut input.as_bytes(), &mut printed).await;
    let ending = ending.map_err(|error| format!("{error:#}"))?;
    Ok((ending, String::from_utf8(printed).unwrap()))
}
