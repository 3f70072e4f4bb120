//! What `--help` says, and what the command line accepts.

use std::ffi::OsString;

use clap::CommandFactory;

use crate::{args::Args, cli};

/// Every command of the command line that runs something, with its path.
fn commands(command: &clap::Command, path: &[String], found: &mut Vec<(Vec<String>, clap::Command)>) {
    for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
        let mut path = path.to_vec();
        path.push(one.get_name().to_owned());
        commands(one, &path, found);
        found.push((path, one.clone()));
    }
}

/// The commands of ours in a text, with continued lines joined, and without what a shell reads of a line.
fn examples(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| {
        let at = line.find("dataiku-operator ")?;
        let line = line[at..].split(['>', '|', ';']).next()?;
        Some(
            line.split_whitespace()
                .map(|word| word.trim_matches('\'').to_owned())
                .collect(),
        )
    });
    lines.collect()
}

fn parses(words: &[String]) -> bool {
    cli::parse(words.iter().map(OsString::from)).is_ok()
}

#[test]
fn every_help_of_a_command_for_people_has_examples_that_the_command_line_accepts() {
    let mut found = Vec::new();
    commands(&Args::command(), &[], &mut found);
    let own = ["run", "generate", "version"];
    let mut read = 0;
    for (path, command) in found.iter().filter(|(path, _)| !own.contains(&path[0].as_str())) {
        let help = command.clone().render_long_help().to_string();
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{path:?} has no example: {help}");
        for example in examples {
            assert!(example[1..].starts_with(path), "{path:?} has {example:?}");
            assert!(parses(&example), "{path:?}: {example:?} is not accepted");
            read += 1;
        }
    }
    assert!(read > 15, "only {read} examples were read");
}

#[test]
fn examples_of_the_book_are_accepted() {
    for page in ["docs/cli.md", "docs/adopting.md"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = std::fs::read_to_string(path).unwrap();
        let mut blocks = text.split("```").skip(1).step_by(2).peekable();
        assert!(blocks.peek().is_some());
        for example in blocks.flat_map(examples) {
            assert!(parses(&example), "{page}: {example:?} is not accepted");
        }
    }
}

#[test]
fn a_key_is_never_an_argument_and_no_error_repeats_one() {
    let canary = "dkuaps-canary";
    let base = ["dataiku-operator", "usage", "--url", "https://dss.example.com"];
    let parse = |words: &[&str]| {
        let all = base.iter().chain(words);
        Args::command()
            .try_get_matches_from(all)
            .map_err(|error| error.to_string())
    };
    for words in [&["--api-key", canary][..], &["--api-key=dkuaps-canary"]] {
        let error = parse(words).unwrap_err();
        assert!(!error.contains(canary), "{error}");
    }
    assert!(
        parse(&["--api-key-from", canary]).is_ok(),
        "it is refused when it runs, without its text"
    );
}

#[tokio::test]
async fn a_place_of_a_key_that_is_none_is_refused_without_its_text() {
    let words = [
        "usage",
        "--url",
        "https://dss.example.com",
        "--api-key-from",
        "dkuaps-canary",
    ];
    let error = super::run(&words, "", None).await.err().unwrap();
    assert!(
        error.contains("secret/NAMESPACE/NAME") && !error.contains("canary"),
        "{error}"
    );
}

/// `NO_COLOR` and `CLICOLOR_FORCE` change nothing: there is no colour to leave out.
#[test]
fn no_help_and_no_error_of_the_command_line_has_a_colour() {
    let mut found = Vec::new();
    commands(&cli::command(&["dataiku-operator".into()]), &[], &mut found);
    assert!(found.len() > 15);
    for (path, _) in found {
        for extra in [&["--help"][..], &["--no-such-option"], &["-o", "no-such-form"]] {
            let words = ["dataiku-operator".to_owned()].into_iter().chain(path.clone());
            let words: Vec<String> = words.chain(extra.iter().map(|word| (*word).to_owned())).collect();
            let command = cli::command(&["dataiku-operator".into()]);
            let error = command.try_get_matches_from(&words).unwrap_err();
            let shown = error.render().ansi().to_string();
            assert!(!shown.contains('\u{1b}'), "{words:?}: {shown:?}");
        }
    }
}

#[tokio::test]
async fn every_shell_gets_a_completion_for_both_names() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let own = super::run(&["completion", shell], "", None).await.unwrap().out;
        let plugin = super::run(&["completion", shell, "--plugin"], "", None)
            .await
            .unwrap()
            .out;
        assert!(own.contains("drain") && own.contains("dataiku-operator"), "{shell}");
        assert!(plugin.contains("kubectl-dataiku"), "{shell}");
    }
}
