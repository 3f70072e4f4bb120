//! Commands against the simulator.

mod access;
mod adopt;
mod cluster;
mod export;
mod help;
mod hostile;
mod krew;
mod odd;
mod plan;
mod products;
mod round_trip;
mod sentences;
mod writes;

use kube::Client;

use super::{Ending, console::Console};
use crate::{args::Command, cli, kinds::tests::node::Rig};

/// How a command ended, and what it printed on standard output and on standard error.
pub struct Said {
    pub ending: Ending,
    pub out: String,
    pub err: String,
}

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
    let words: Vec<&str> = words.iter().chain(&node).chain(key).copied().collect();
    let said = run(&words, input, None).await?;
    Ok((said.ending, said.out))
}

/// Runs a command with the cluster of the rig.
pub async fn with_cluster(rig: &Rig, words: &[&str]) -> Result<Said, String> {
    let words: Vec<&str> = words
        .iter()
        .chain(&["--allow-address", "127.0.0.0/8", "--allow-insecure-tls"])
        .copied()
        .collect();
    run(&words, "", Some(rig.server.client())).await
}

/// Runs a command.
pub async fn run(words: &[&str], input: &str, client: Option<Client>) -> Result<Said, String> {
    let all = ["dataiku-operator"].iter().chain(words);
    let Ok(args) = cli::parse(all.map(Into::into)) else {
        panic!("the arguments are wrong: {words:?}")
    };
    let Command::Ask(request) = args.command else {
        unreachable!()
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console {
        input: &mut input.as_bytes(),
        out: &mut out,
        err: &mut err,
        client,
    };
    let ending = cli::run(request, &mut console).await;
    let ending = ending.map_err(|error| format!("{error:#}"))?;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ok(Said {
        ending,
        out: text(out),
        err: text(err),
    })
}
