//! Nothing is left behind, however the process that used the bed ends.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::{SOON, example};

/// Starts a process that uses the bed, in a process group of its own as a terminal would, sends the group a signal, and
/// fails if anything of it is left.
fn nothing_is_left_after(signal: Signal) {
    let mut user = Command::new(example("until_killed"))
        .arg(example("stand_in"))
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(user.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let folder = PathBuf::from(said["folder"].as_str().unwrap());
    let pids: Vec<_> = said["pids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pid| format!("/proc/{pid}"))
        .collect();
    assert_eq!(pids.len(), 4);
    let left = || -> Vec<_> {
        pids.iter()
            .map(PathBuf::from)
            .chain([folder.clone()])
            .filter(|path| path.exists())
            .collect()
    };
    assert_eq!(left().len(), 5);

    kill_process_group(Pid::from_child(&user), signal).unwrap();
    user.wait().unwrap();
    let deadline = Instant::now() + SOON;
    while !left().is_empty() {
        assert!(
            Instant::now() < deadline,
            "after {signal:?} there is still {:?}",
            left()
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_left_after_sigkill() {
    nothing_is_left_after(Signal::KILL);
}

#[test]
fn nothing_is_left_after_ctrl_c() {
    nothing_is_left_after(Signal::INT);
}
