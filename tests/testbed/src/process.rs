//! Any other program beside a control plane: another operator, for instance.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::control_plane::ControlPlane;
use crate::supervisor::{Launch, Program, read_log};

/// A program that runs beside a control plane. Dropping it kills it, and so does the end of the process that started
/// it.
///
/// In contrast to [`Operator`](crate::Operator) nothing is assumed about its arguments, and it has no port.
pub struct Process {
    control_plane: Arc<ControlPlane>,
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Its working directory, in the folder of the control plane.
    folder: PathBuf,
    program: Option<Program>,
}

// === impl Process ===

impl Process {
    /// A program with the rights of a kubeconfig file, which is in its environment as `KUBECONFIG`. It does not run yet.
    pub fn new(control_plane: &Arc<ControlPlane>, binary: impl Into<PathBuf>, kubeconfig: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("process-")
            .tempdir_in(control_plane.folder())?
            .keep();
        let environment = [
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ];
        Ok(Self {
            control_plane: Arc::clone(control_plane),
            binary: binary.into(),
            arguments: Vec::new(),
            environment: environment.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            folder,
            program: None,
        })
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it. That it runs says nothing about whether it is ready. One that still runs is killed first.
    pub fn start(&mut self) -> Result<()> {
        self.program = None;
        let launch = Launch {
            folder: self.control_plane.supervised(),
            directory: &self.folder,
            log: &self.folder.join("log"),
            program: &self.binary,
            arguments: self.arguments.clone(),
            environment: self.environment.clone(),
        };
        self.program = Some(launch.start()?);
        Ok(())
    }

    /// Asks it to stop with SIGTERM, waits that long, and then ends it with SIGKILL. The exit code, if it ended by
    /// itself.
    pub async fn stop(&mut self, patience: Duration) -> Result<Option<i32>> {
        let Some(mut program) = self.program.take() else {
            return Ok(None);
        };
        program.signal(Signal::TERM)?;
        // The supervisor of a program that is dropped kills it.
        let ended = program.ended(patience).await.ok();
        Ok(ended.and_then(|status| status.code()))
    }

    /// The process id.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.program.as_ref().context("the program does not run")?.pid())
    }

    /// An error with the end of its log, unless it runs.
    pub fn check(&mut self) -> Result<()> {
        self.program.as_mut().context("the program does not run")?.check()
    }

    /// Everything it wrote, to either stream, restarts included.
    #[must_use]
    pub fn logs(&self) -> String {
        read_log(&self.folder.join("log"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.program = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("binary", &self.binary)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}
