//! Processes and a folder that never outlive the process that owns them, not even when that is killed.
//!
//! A destructor does not run on Ctrl-C, on SIGKILL, or for a static. So each program runs under a shell that holds the
//! reading end of a pipe: when the owner ends in whatever way, the kernel closes the other end, and the shell cleans up.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// How often a program's end is looked for.
const POLL: Duration = Duration::from_millis(20);

/// A temporary folder, removed after the last program that runs in it has ended.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    janitor: Child,
    pipe: Option<ChildStdin>,
}

/// A program that runs until it is stopped, dropped, or its owner is gone.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    pid: Pid,
    log: PathBuf,
    supervisor: Child,
    pipe: Option<ChildStdin>,
}

/// What to start, and where.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) folder: &'a Folder,
    /// The working directory, inside the folder.
    pub(crate) directory: &'a Path,
    /// Where both output streams are appended.
    pub(crate) log: &'a Path,
    pub(crate) program: &'a Path,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// Runs a shell script in a process group of its own, which a Ctrl-C at the terminal does not reach.
fn shell(script: &str, arguments: &[&OsStr]) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["--norc", "-c", script, "supervisor"])
        .args(arguments)
        .process_group(0)
        .stdin(Stdio::piped());
    command
}

// === impl Folder ===

impl Folder {
    pub(crate) fn create() -> Result<Self> {
        let path = tempfile::Builder::new()
            .prefix("dataiku-operator-testbed-")
            .tempdir()
            .context("no temporary folder could be made")?
            .keep();
        let mut janitor = shell(include_str!("janitor.sh"), &[path.as_os_str()])
            .stdout(Stdio::null())
            .spawn()
            .context("bash, which cleans up after the control plane, did not start")?;
        let pipe = janitor.stdin.take();
        Ok(Self { path, janitor, pipe })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.janitor.wait();
    }
}

// === impl Launch ===

impl Launch<'_> {
    /// Starts the program; that it runs says nothing about whether it is ready.
    pub(crate) fn start(self) -> Result<Program> {
        let Self {
            folder,
            directory,
            log,
            program,
            arguments,
            environment,
        } = self;
        let name = program
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut words = vec![folder.path().as_os_str(), log.as_os_str(), program.as_os_str()];
        words.extend(arguments.iter().map(OsStr::new));
        let mut supervisor = shell(include_str!("supervisor.sh"), &words)
            .current_dir(directory)
            .envs(environment)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("bash, which runs {name}, did not start"))?;
        let pipe = supervisor.stdin.take();
        let mut line = String::new();
        if let Some(output) = supervisor.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let Some(pid) = line.trim().parse().ok().and_then(Pid::from_raw) else {
            bail!("the supervisor of {name} did not start it, but said {line:?}");
        };
        Ok(Program {
            name,
            pid,
            log: log.to_owned(),
            supervisor,
            pipe,
        })
    }
}

// === impl Program ===

impl Program {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Everything written so far to the log, by earlier programs with the same log too.
    pub(crate) fn log(&self) -> String {
        read_log(&self.log)
    }

    /// The exit status, when the program has ended; 128 + n when signal n ended it.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.supervisor.try_wait()?)
    }

    /// An error with the end of the log, when the program has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.status()? {
            None => Ok(()),
            Some(status) => bail!(
                "{} ended ({status}); the end of its log:\n{}",
                self.name,
                tail(&self.log())
            ),
        }
    }

    /// Sends a signal; a program that has ended meanwhile needs none.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.status()?.is_some() {
            return Ok(());
        }
        match kill_process(self.pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("{} took no signal", self.name)),
        }
    }

    /// Waits for the end, which something else brings about.
    pub(crate) async fn ended(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.status()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                let (name, log) = (&self.name, self.log());
                bail!(
                    "{name} still ran after {timeout:?}; the end of its log:\n{}",
                    tail(&log)
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.supervisor.wait();
    }
}

/// The text of a log that may be in the middle of being written.
pub(crate) fn read_log(path: &Path) -> String {
    fs::read(path).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines of a log, enough to see why a program ended and short enough to read.
pub(crate) fn tail(log: &str) -> String {
    const LINES: usize = 40;
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(folder: &Folder, arguments: &[&str]) -> Program {
        Launch {
            folder,
            directory: folder.path(),
            log: &folder.path().join("log"),
            program: Path::new("/bin/sh"),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            environment: vec![("SAID".to_owned(), "a word".to_owned())],
        }
        .start()
        .unwrap()
    }

    #[tokio::test]
    async fn a_program_that_ends_at_once_is_noticed_every_time() {
        let folder = Folder::create().unwrap();
        for code in 0..40 {
            let mut program = start(&folder, &["-c", &format!("exit {code}")]);
            assert_eq!(program.ended(Duration::from_secs(20)).await.unwrap().code(), Some(code));
        }
    }

    #[tokio::test]
    async fn a_signal_shows_in_the_exit_code_and_both_streams_in_the_log() {
        let folder = Folder::create().unwrap();
        let mut program = start(&folder, &["-c", "echo $SAID; echo error >&2; exec sleep 600"]);
        while program.log().lines().count() < 2 {
            tokio::time::sleep(POLL).await;
        }
        assert_eq!(program.log(), "a word\nerror\n");
        program.check().unwrap();
        program.signal(Signal::TERM).unwrap();
        assert_eq!(
            program.ended(Duration::from_secs(20)).await.unwrap().code(),
            Some(128 + 15)
        );
        program.signal(Signal::TERM).unwrap();
        assert!(program.check().unwrap_err().to_string().contains("a word"));
    }

    #[test]
    fn the_folder_is_removed_after_the_last_program() {
        let folder = Folder::create().unwrap();
        let (path, program) = (folder.path().to_owned(), start(&folder, &["-c", "exec sleep 600"]));
        let pid = program.pid();
        let dropping = std::thread::spawn(move || drop(folder));
        std::thread::sleep(Duration::from_millis(200));
        assert!(path.exists());
        drop(program);
        dropping.join().unwrap();
        assert!(!path.exists() && !std::fs::exists(format!("/proc/{pid}")).unwrap());
    }
}
