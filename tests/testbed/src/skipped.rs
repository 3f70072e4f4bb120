//! Tests that cannot run on a machine, and why: the harness captures what a test prints, so nobody would see it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Names a file to which a line is appended for each test that does not run; `make test` shows them at its end.
const VARIABLE: &str = "SKIPPED_TESTS";

/// Says that the calling test does not run, and why. To be followed by `return`.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    eprintln!("skipped: {why}");
    if let Some(file) = std::env::var_os(VARIABLE) {
        note(Path::new(&file), test, why);
    }
}

/// A list that cannot be written is no reason for a test to fail.
fn note(file: &Path, test: &str, why: &str) {
    let opened = OpenOptions::new().create(true).append(true).open(file);
    // One write for a line: tests run side by side.
    let line = format!("{test}: {why}\n");
    let _ = opened.and_then(|mut file| file.write_all(line.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::note;

    #[test]
    fn each_test_that_does_not_run_has_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        note(file.path(), "a::test", "no tool");
        note(file.path(), "another", "no right");
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(text, "a::test: no tool\nanother: no right\n");
    }
}
