//! What surrounds one command: its streams, and the cluster of the caller.

use std::io::{Read, Write};

use anyhow::anyhow;
use kube::Client;

use super::{
    args::Format,
    output::{self, Report, visible},
};
use crate::apiserver::{self, Heard};

/// The surroundings of one command.
pub(super) struct Console<'a> {
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// A client to use in place of that of the caller's kubeconfig.
    pub client: Option<Client>,
}

impl Console<'_> {
    /// Prints a report, and its warnings beside it.
    pub(super) fn show(&mut self, report: &impl Report, format: Format) -> anyhow::Result<()> {
        for warning in report.warnings() {
            self.warn(&warning);
        }
        let text = output::render(report, format)?;
        self.print(&text)
    }

    /// Prints a text.
    pub(super) fn print(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Says something on standard error that is no part of the result.
    pub(super) fn warn(&mut self, warning: &str) {
        // Nobody reads it, then.
        let _ = writeln!(self.err, "warning: {}", visible(warning));
    }

    /// Says on standard error what the command did, before its result is there.
    pub(super) fn note(&mut self, done: &str) {
        // Nobody reads it, then.
        let _ = writeln!(self.err, "{}", visible(done));
    }

    /// The cluster of the caller's kubeconfig.
    ///
    /// # Errors
    /// There is none, or the kubeconfig cannot be read.
    pub(super) async fn client(&mut self) -> anyhow::Result<Client> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        // What the client says of a kubeconfig may quote it.
        let found = apiserver::client(None, Heard::default()).await;
        let (client, _) = found.map_err(|_| {
            anyhow!(
                "no client for a cluster could be made: KUBECONFIG or ~/.kube/config names no kubeconfig, or one that cannot be used; \
                 try the same with kubectl"
            )
        })?;
        Ok(self.client.insert(client).clone())
    }
}
