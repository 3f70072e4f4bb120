//! The examples of `docs/simulator.md`, run as they stand there. They need bash, curl and jq, as the page says.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::Program;

/// Each call tells its status on standard error, and the first command that fails ends the script.
const BEFORE: &str = r#"
set -euo pipefail
curl() { command curl --write-out '%{stderr}%{http_code}\n' "$@"; }
"#;

/// The blocks of shell.
fn blocks() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/simulator.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    blocks
        .map(|block| block.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// The options of the documented start, on ports that are free.
fn options(start: &str) -> Vec<String> {
    let (_, line) = start.split_once("target/debug/simulator ").unwrap();
    let (options, _) = line.split_once('>').unwrap();
    let words = options.split_whitespace().filter(|word| *word != "\\");
    words
        .map(|word| if word.starts_with("700") { "0" } else { word }.to_owned())
        .collect()
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("examples-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_documented_call_is_answered_as_the_page_says() {
    let blocks = blocks();
    let (start, examples) = blocks.split_first().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    let mut program = Program(command.args(options(start)).stdout(Stdio::piped()).spawn().unwrap());
    let mut facts = String::new();
    BufReader::new(program.0.stdout.take().unwrap())
        .read_line(&mut facts)
        .unwrap();
    let folder = folder();
    std::fs::write(folder.join("simulator.json"), facts).unwrap();

    let script = examples.concat();
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("{BEFORE}{script}")]).current_dir(&folder);
    let output = bash.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");

    let calls = script.lines().filter(|line| line.contains("curl "));
    let expected: Vec<bool> = calls.map(|line| !line.contains("# 403")).collect();
    let answered: Vec<bool> = told.lines().map(|status| status.starts_with('2')).collect();
    assert!(expected.len() > 25, "only {} calls were found", expected.len());
    assert_eq!(answered, expected, "{told}");
}
