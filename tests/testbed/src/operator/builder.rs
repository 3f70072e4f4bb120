//! How an operator is started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use super::Operator;
use crate::control_plane::ControlPlane;
use crate::installation::Installation;
use crate::namespace::Namespace;
use crate::port;

/// How often a port may turn out to be taken in the moment between its choice and its use.
const PORT_ATTEMPTS: usize = 3;

/// The arguments and the environment of an operator.
#[derive(Clone, Debug)]
pub struct Builder {
    binary: PathBuf,
    namespaces: Vec<String>,
    control_plane: Option<Arc<ControlPlane>>,
    identity: Option<(PathBuf, String)>,
    arguments: Vec<String>,
    log_filter: String,
    environment: Vec<(String, String)>,
}

// === impl Builder ===

impl Builder {
    pub(super) fn new(binary: PathBuf) -> Self {
        Self {
            binary,
            namespaces: Vec::new(),
            control_plane: None,
            identity: None,
            arguments: Vec::new(),
            log_filter: "info".to_owned(),
            environment: Vec::new(),
        }
    }

    /// Watches this namespace, and runs at its control plane. Called several times, it watches them all.
    #[must_use]
    pub fn namespace(mut self, namespace: &Namespace) -> Self {
        self.namespaces.push(namespace.name().to_owned());
        self.control_plane = Some(Arc::clone(namespace.control_plane()));
        self
    }

    /// Runs at this control plane and, unless a namespace is given, watches all of it.
    #[must_use]
    pub fn control_plane(mut self, control_plane: &Arc<ControlPlane>) -> Self {
        self.control_plane = Some(Arc::clone(control_plane));
        self
    }

    /// Runs with the rights of another installation than the one this repository ships.
    #[must_use]
    pub fn installation(mut self, installation: &Installation) -> Self {
        self.identity = Some((
            installation.kubeconfig().to_owned(),
            installation.namespace().to_owned(),
        ));
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, also one that is set here otherwise.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets `RUST_LOG`; `info` unless set.
    #[must_use]
    pub fn log(mut self, filter: impl Into<String>) -> Self {
        self.log_filter = filter.into();
        self
    }

    /// Starts the operator and waits until it is ready.
    pub async fn start(self) -> Result<Operator> {
        for attempt in 1.. {
            let mut operator = self.spawn().await?;
            match operator.ready().await {
                Ok(()) => return Ok(operator),
                Err(_) if attempt < PORT_ATTEMPTS && operator.logs().contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Starts the operator; that it is not ready, or ends, is for the caller to see.
    pub async fn spawn(&self) -> Result<Operator> {
        let control_plane = self
            .control_plane
            .clone()
            .context("an operator needs a namespace or a control plane")?;
        let (kubeconfig, home) = if let Some(identity) = &self.identity {
            identity.clone()
        } else {
            let shipped = control_plane.installation().await?;
            (shipped.kubeconfig().to_owned(), shipped.namespace().to_owned())
        };
        let port = port::free()?;
        let folder = tempfile::Builder::new()
            .prefix("operator-")
            .tempdir_in(control_plane.folder())?
            .keep();
        let mut operator = Operator {
            binary: self.binary.clone(),
            arguments: self.all_arguments(port),
            environment: self.all_environment(&kubeconfig, home),
            folder,
            port,
            http: reqwest::Client::builder().no_proxy().build()?,
            program: None,
            log_start: 0,
            control_plane,
        };
        operator.spawn()?;
        Ok(operator)
    }

    fn all_arguments(&self, port: u16) -> Vec<String> {
        let mut arguments = arguments(&self.namespaces, port);
        arguments.extend(self.arguments.iter().cloned());
        arguments
    }

    fn all_environment(&self, kubeconfig: &Path, home: String) -> Vec<(String, String)> {
        let own = [
            ("KUBECONFIG", kubeconfig.display().to_string()),
            ("POD_NAMESPACE", home),
            // The same after a restart, so that it takes its own lease over at once.
            ("POD_NAME", "operator-0".to_owned()),
            ("RUST_LOG", self.log_filter.clone()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
            // The end of its log is what is shown, and a backtrace would push the cause out of it.
            ("RUST_BACKTRACE", "0".to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        // The caller's come last: of two of the same name, the last counts.
        own.into_iter().chain(self.environment.iter().cloned()).collect()
    }
}

/// The arguments of every operator under test: what it watches, and where its metrics are.
#[must_use]
pub fn arguments(namespaces: &[String], port: u16) -> Vec<String> {
    let mut arguments = vec!["run".to_owned()];
    for namespace in namespaces {
        arguments.extend(["--watch-namespace".to_owned(), namespace.clone()]);
    }
    let metrics = format!("127.0.0.1:{port}");
    let fixed = [
        "--metrics-address",
        &metrics,
        "--allow-address",
        "127.0.0.0/8",
        // Simulated instances speak http.
        "--allow-insecure-tls",
        "--log-format",
        "json",
    ];
    arguments.extend(fixed.map(str::to_owned));
    arguments
}
