//! The operator as a process of its own, with the rights it has in a cluster.

mod builder;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

pub use self::builder::{Builder, arguments};
use crate::control_plane::ControlPlane;
use crate::supervisor::{Launch, Program, read_log, tail};

/// How long a start and a graceful stop may take, on a machine that compiles on every core meanwhile.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A running operator; dropping it kills it, and so does the end of the process that started it.
///
/// A test that panics gets the end of the operator's log printed.
pub struct Operator {
    control_plane: Arc<ControlPlane>,
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Its own folder, in that of the control plane.
    folder: PathBuf,
    port: u16,
    http: reqwest::Client,
    program: Option<Program>,
    /// The length of the log when the newest process was started.
    log_start: usize,
}

// === impl Operator ===

impl Operator {
    /// An operator to be started from this executable.
    #[must_use]
    pub fn builder(binary: impl Into<PathBuf>) -> Builder {
        Builder::new(binary.into())
    }

    /// Everything it wrote, to either stream, restarts included.
    #[must_use]
    pub fn logs(&self) -> String {
        read_log(&self.log_file())
    }

    /// The file with its log; it is removed with the operator.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Waits until the newest process has written a text, and returns the line it is in.
    pub async fn wait_for_log(&mut self, text: &str, timeout: Duration) -> Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            let logs = self.logs();
            let new = logs.get(self.log_start..).unwrap_or_default();
            if let Some(line) = new.lines().find(|line| line.contains(text)) {
                return Ok(line.to_owned());
            }
            self.running()?.check()?;
            if Instant::now() > deadline {
                bail!(
                    "the operator wrote no {text:?} in {timeout:?}; the end of its log:\n{}",
                    tail(new)
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What it answers at `/metrics`.
    pub async fn metrics(&self) -> Result<String> {
        Ok(self
            .http
            .get(self.url("/metrics"))
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?)
    }

    /// The value of a metric, given as the text before it: `passes_total{kind="DssUser",outcome="insync"}`.
    pub async fn metric(&self, series: &str) -> Result<Option<f64>> {
        let metrics = self.metrics().await?;
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value
            .map(|value| value.trim().parse().context("a metric is a number"))
            .transpose()
    }

    /// The address of a path of its metrics and health port.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Waits until `/readyz` says so; an operator that ends instead is an error with the end of its log.
    pub async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + TIMEOUT;
        let url = self.url("/readyz");
        loop {
            self.running()?.check()?;
            let answer = match self.http.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                bail!(
                    "the operator is not ready ({answer}); the end of its log:\n{}",
                    tail(&self.logs())
                );
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Asks it to stop with SIGTERM and returns its exit code.
    pub async fn terminate(&mut self) -> Result<i32> {
        self.running()?.signal(Signal::TERM)?;
        self.exit_code().await
    }

    /// Ends it at once with SIGKILL, as a node that goes down does.
    pub async fn kill(&mut self) -> Result<()> {
        self.running()?.signal(Signal::KILL)?;
        self.exit_code().await.map(drop)
    }

    /// Waits until it ends by itself, and returns its exit code; 128 + n when signal n ended it.
    pub async fn exit_code(&mut self) -> Result<i32> {
        let status = self.running()?.ended(TIMEOUT).await?;
        self.program = None;
        status.code().context("a supervisor was killed by something else")
    }

    /// Whether a process runs.
    pub fn is_running(&mut self) -> Result<bool> {
        match &mut self.program {
            Some(program) => Ok(program.status()?.is_none()),
            None => Ok(false),
        }
    }

    /// Starts it again with the same arguments and waits until it is ready; a process that still runs is stopped first
    /// with SIGTERM.
    pub async fn restart(&mut self) -> Result<()> {
        if self.is_running()? {
            self.terminate().await?;
        }
        self.spawn()?;
        self.ready().await
    }

    /// The process id.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.program.as_ref().context("the operator does not run")?.pid())
    }

    /// The memory in use now.
    pub fn rss_kib(&self) -> Result<u64> {
        self.status_field("VmRSS:")
    }

    /// The most memory that was ever in use since the newest start.
    pub fn peak_rss_kib(&self) -> Result<u64> {
        self.status_field("VmHWM:")
    }

    /// The processor time used since the newest start, in user and system mode.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()?))?;
        // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field after it.
        let (_, fields) = stat.rsplit_once(')').context("a stat without a name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        let ticks: u32 = ticks.sum::<Result<u32, _>>()?;
        let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
        Ok(f64::from(ticks) / f64::from(per_second))
    }

    fn spawn(&mut self) -> Result<()> {
        self.log_start = self.logs().len();
        self.program = Some(
            Launch {
                folder: self.control_plane.supervised(),
                directory: &self.folder,
                log: &self.log_file(),
                program: &self.binary,
                arguments: self.arguments.clone(),
                environment: self.environment.clone(),
            }
            .start()?,
        );
        Ok(())
    }

    fn running(&mut self) -> Result<&mut Program> {
        self.program.as_mut().context("the operator does not run")
    }

    fn status_field(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.split_whitespace().next());
        Ok(value.with_context(|| format!("the process has no {field}"))?.parse()?)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of the operator's log:\n{}", tail(&self.logs()));
        }
        self.program = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator")
            .field("binary", &self.binary)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}
