//! Who is measured, and its process.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use testbed::{Operator, Process};

/// How long a rival may take to stop; the threads of kopf may wait for a call.
const STOP: Duration = Duration::from_secs(20);

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Contestant {
    /// The operator of this repository.
    Operator,
    /// The same, at a node of a release without bulk calls.
    OperatorWithoutBulk,
    /// The rival in Go.
    ControllerRuntime,
    /// The rival in Python, with the vendor's client.
    Kopf,
}

/// How a contestant is started.
#[derive(Clone, Debug)]
pub enum Program {
    /// The operator of this repository.
    Operator(PathBuf),
    /// Another: the program, its arguments and its environment.
    Rival {
        /// The executable.
        binary: PathBuf,
        /// Its arguments.
        arguments: Vec<String>,
        /// Environment variables.
        environment: Vec<(&'static str, String)>,
    },
}

/// A contestant that has been started.
pub enum Running {
    /// The operator of this repository.
    Operator(Operator),
    /// Another.
    Rival(Process),
}

// === impl Contestant ===

impl Contestant {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::OperatorWithoutBulk => "operator-without-bulk",
            Self::ControllerRuntime => "controller-runtime",
            Self::Kopf => "kopf",
        }
    }

    /// Whether it is not from this repository.
    pub fn is_rival(self) -> bool {
        matches!(self, Self::ControllerRuntime | Self::Kopf)
    }

    /// The release of its node, if that is not the newest.
    pub fn release(self) -> Option<&'static str> {
        (self == Self::OperatorWithoutBulk).then_some("14.1.0")
    }
}

// === impl Running ===

impl Running {
    /// The process id.
    pub fn pid(&self) -> Result<u32> {
        match self {
            Self::Operator(operator) => operator.pid(),
            Self::Rival(process) => process.pid(),
        }
    }

    /// Waits until it says that it is ready; whether it says such a thing.
    pub async fn ready(&mut self) -> Result<bool> {
        match self {
            Self::Operator(operator) => operator.ready().await.map(|()| true),
            Self::Rival(process) => process.check().map(|()| false),
        }
    }

    /// An error with the end of its log, unless it runs.
    pub fn check(&mut self) -> Result<()> {
        match self {
            Self::Operator(operator) => {
                if !operator.is_running()? {
                    bail!("the operator ended; its log:\n{}", operator.logs());
                }
                Ok(())
            }
            Self::Rival(process) => process.check(),
        }
    }

    /// Stops it with SIGTERM.
    pub async fn stop(&mut self) -> Result<()> {
        match self {
            Self::Operator(operator) => operator.terminate().await.map(drop),
            Self::Rival(process) => process.stop(STOP).await.map(drop),
        }
    }

    /// Starts it again after a stop, and waits for `/readyz` if it serves that.
    pub async fn start(&mut self) -> Result<bool> {
        match self {
            Self::Operator(operator) => operator.restart().await.map(|()| true),
            Self::Rival(process) => process.start().map(|()| false),
        }
    }
}
