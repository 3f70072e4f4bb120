//! An operator in the process of the test.

use std::{
    io::{self, Write},
    pin::Pin,
    sync::{Arc, Mutex, Once},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use dataiku_operator::{
    apiserver::Heard,
    app::{self, Surroundings},
    args::{Args, Command, LogFormat, RunArgs},
    engine::clock::Clock,
    telemetry,
};
use testbed::{operator_arguments, port};
use tokio::{runtime::Runtime, sync::watch, task::yield_now, time::Instant};
use tracing::Dispatch;
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

use super::World;

/// How long a start and a graceful stop may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The namespace of its own.
pub const HOME: &str = "dataiku-operator";
/// Name of the replica: the same after a restart, so that it takes its own lease over at once.
const IDENTITY: &str = "operator-0";

type Main = Pin<Box<dyn Future<Output = Result<()>> + Send>>;
type Exit = Arc<Mutex<Option<Result<()>>>>;

/// What runs of an operator.
pub(super) struct Process {
    number: u64,
    runtime: Runtime,
    log: Dispatch,
    /// Until it has its first turn.
    main: Option<Main>,
    exit: Exit,
}

impl Process {
    /// Lets it work for a moment.
    pub(super) fn turn(&mut self, now: Instant) {
        let Self {
            runtime,
            log,
            main,
            exit,
            ..
        } = self;
        tracing::dispatcher::with_default(log, || {
            runtime.block_on(async {
                if let Some(main) = main.take() {
                    // Its clock started when it was made; from now on it shows what every other one does.
                    tokio::time::advance(now.saturating_duration_since(Instant::now())).await;
                    let exit = exit.clone();
                    tokio::spawn(async move {
                        let ended = main.await;
                        *exit.lock().unwrap() = Some(ended);
                    });
                }
                yield_now().await;
                yield_now().await;
            });
        });
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, by: Duration) {
        if self.main.is_none() {
            let Self { runtime, log, .. } = self;
            tracing::dispatcher::with_default(log, || runtime.block_on(tokio::time::advance(by)));
        }
    }
}

/// An operator that can be killed and started again.
pub struct Operator {
    world: World,
    arguments: RunArgs,
    filter: String,
    log: Log,
    http: reqwest::Client,
    url: String,
    number: u64,
    stop: watch::Sender<bool>,
    exit: Exit,
}

impl Operator {
    /// Starts one that watches this namespace, and waits until it is ready.
    pub async fn start(world: &World, namespace: &str, arguments: &[&str], filter: &str) -> Result<Self> {
        let port = port::free()?;
        let mut words = vec!["dataiku-operator".to_owned()];
        words.extend(operator_arguments(&[namespace.to_owned()], port));
        words.extend(["--pod-name", IDENTITY, "--namespace", HOME].map(str::to_owned));
        words.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let Command::Run(arguments) = Args::try_parse_from(words)?.command else {
            bail!("these are the arguments of another command");
        };
        let mut operator = Self {
            world: world.clone(),
            arguments,
            filter: filter.to_owned(),
            log: Log::default(),
            http: reqwest::Client::builder().no_proxy().build()?,
            url: format!("http://127.0.0.1:{port}"),
            number: 0,
            stop: watch::Sender::new(false),
            exit: Exit::default(),
        };
        operator.restart().await?;
        Ok(operator)
    }

    /// Everything it logged, restarts included.
    pub fn logs(&self) -> String {
        let bytes = self.log.0.lock().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What it answers at `/metrics`.
    pub async fn metrics(&self) -> Result<String> {
        let answer = self.http.get(format!("{}/metrics", self.url)).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// Ends it at once: nothing of it runs any more, and nothing of what it had in memory is left.
    pub async fn kill(&mut self) -> Result<()> {
        let process = {
            let mut processes = self.world.processes.borrow_mut();
            let at = processes.iter().position(|process| process.number == self.number);
            processes.swap_remove(at.context("the operator does not run")?)
        };
        self.world.killed.borrow_mut().push(process);
        // Its connections are closed after the turn of the caller.
        while !self.world.killed.borrow().is_empty() {
            yield_now().await;
        }
        Ok(())
    }

    /// Asks it to stop and returns its exit code.
    pub async fn terminate(&mut self) -> Result<i32> {
        self.stop.send_replace(true);
        let began = Instant::now();
        while self.exit_code().is_none() {
            if began.elapsed() > TIMEOUT {
                bail!("the operator still ran after {TIMEOUT:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let code = self.exit_code().unwrap_or_default();
        self.kill().await?;
        Ok(code)
    }

    /// Its exit code, once it has ended by itself.
    pub fn exit_code(&self) -> Option<i32> {
        let ended = self.exit.lock().unwrap();
        ended.as_ref().map(|ended| i32::from(ended.is_err()))
    }

    /// Starts it again and waits until it is ready; one that still runs is stopped first.
    pub async fn restart(&mut self) -> Result<()> {
        let runs = |process: &Process| process.number == self.number;
        if self.world.processes.borrow().iter().any(runs) {
            self.terminate().await?;
        }
        self.spawn();
        let began = Instant::now();
        loop {
            let answer = match self.http.get(format!("{}/readyz", self.url)).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            if let Some(code) = self.exit_code() {
                bail!("the operator ended with {code}: {}", self.logs());
            }
            if began.elapsed() > TIMEOUT {
                bail!("the operator is not ready ({answer}): {}", self.logs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn spawn(&mut self) {
        static RECORDS_OF_LOG: Once = Once::new();
        // Records of the crate `log` reach the subscribers too.
        RECORDS_OF_LOG.call_once(|| drop(tracing_subscriber::registry().set_default()));
        self.number = self
            .world
            .processes
            .borrow()
            .iter()
            .map(|one| one.number)
            .max()
            .unwrap_or_default()
            + 1;
        self.stop = watch::Sender::new(false);
        self.exit = Exit::default();
        let (arguments, server, stop) = (self.arguments.clone(), self.world.server.clone(), self.stop.subscribe());
        let main = async move {
            let clock = server.clone();
            let surroundings = Surroundings {
                client: server.client(),
                leases: server.client(),
                heard: Heard::default(),
                home: HOME.to_owned(),
                clock: Clock::new(move || clock.now()),
                stop,
            };
            app::operate(arguments, surroundings).await
        };
        let log = self.log.clone();
        self.world.processes.borrow_mut().push(Process {
            number: self.number,
            runtime: super::runtime(),
            log: telemetry::dispatch(LogFormat::Json, EnvFilter::new(&self.filter), move || log.clone()),
            main: Some(Box::pin(main)),
            exit: self.exit.clone(),
        });
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = self.logs();
            let lines: Vec<_> = logs.lines().collect();
            let tail = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("the end of the operator's log:\n{tail}");
        }
    }
}

/// A log in memory. Clones share it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
