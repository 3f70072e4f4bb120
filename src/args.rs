//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use crate::{cli::Request, crd::common::DeletionPolicy, dataiku::address::AddressPolicy};

/// Makes people's access to Dataiku declarative.
#[derive(Debug, Parser)]
#[command(name = "dataiku-operator", version, about)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator.
    Run(RunArgs),
    /// Write the generated files: CRDs, manifests, reference.
    Generate(GenerateArgs),
    /// Print the version.
    Version,
    /// A command for people.
    #[command(flatten)]
    Ask(Request),
}

/// Which addresses may be called.
#[derive(Clone, Debug, clap::Args)]
pub struct AddressArgs {
    /// Networks of loopback and private addresses that connections may use, in CIDR notation, for example `10.0.0.0/8`.
    /// Repeatable. Default: none. Link-local addresses and metadata services are never called.
    #[arg(
        long = "allow-address",
        env = "DATAIKU_OPERATOR_ALLOW_ADDRESS",
        value_delimiter = ','
    )]
    pub allow_addresses: Vec<IpNet>,
}

impl AddressArgs {
    /// The addresses that connections may use.
    pub fn policy(&self) -> AddressPolicy {
        AddressPolicy {
            allowed: self.allow_addresses.clone(),
        }
    }
}

/// Form of log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Options of `run`.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// Watch objects in this namespace. Repeatable; a list separated by commas in the environment. Each namespace costs a watch of
    /// every kind. Default: all namespaces.
    #[arg(
        long = "watch-namespace",
        env = "DATAIKU_OPERATOR_WATCH_NAMESPACE",
        value_delimiter = ',',
        value_parser = namespace
    )]
    pub watch_namespaces: Vec<String>,
    /// Address of /metrics, /livez and /readyz.
    #[arg(long, env = "DATAIKU_OPERATOR_METRICS_ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_address: SocketAddr,
    /// Which addresses may be called.
    #[command(flatten)]
    pub addresses: AddressArgs,
    /// Permission flags that are privileged beside those in docs/security.md: a namespace other than the connection's own
    /// needs them in `privileges` of its delegation. Repeatable. Default: none.
    #[arg(
        long = "privileged-permission",
        env = "DATAIKU_OPERATOR_PRIVILEGED_PERMISSION",
        value_delimiter = ','
    )]
    pub privileged_permissions: Vec<String>,
    /// Send the credentials of a connection only to hosts that its Secret names in the annotation
    /// `dataiku-operator.io/allowed-hosts`. Off, whoever may edit a connection can have the values of its Secret sent to any
    /// host.
    #[arg(long, env = "DATAIKU_OPERATOR_REQUIRE_HOST_CONSENT", default_value_t = true, action = clap::ArgAction::Set)]
    pub require_host_consent: bool,
    /// Let connections use `tls.insecureSkipVerify` and `tls.allowInsecureHttp`. Default: a connection that sets one of them is
    /// `NotAllowed`.
    #[arg(
        long,
        env = "DATAIKU_OPERATOR_ALLOW_INSECURE_TLS",
        default_value_t = false,
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set
    )]
    pub allow_insecure_tls: bool,
    /// What happens to a remote object whose object is deleted and has no `deletionPolicy`, where its namespace has no annotation
    /// `dataiku-operator.io/default-deletion-policy`: Delete, Disable (users) or Retain. Default: what the kind says.
    #[arg(long, env = "DATAIKU_OPERATOR_DEFAULT_DELETION_POLICY", value_parser = deletion_policy)]
    pub default_deletion_policy: Option<DeletionPolicy>,
    /// How long a deletion waits for a connection whose Secret is missing before it lets go.
    #[arg(long, env = "DATAIKU_OPERATOR_RELEASE_AFTER", default_value = "10m", value_parser = duration)]
    pub release_after: Duration,
    /// How long a task of the Launchpad may take before `Propagated` says that it is late.
    #[arg(long, env = "DATAIKU_OPERATOR_PROPAGATION_DEADLINE", default_value = "15m", value_parser = duration)]
    pub propagation_deadline: Duration,
    /// Form of log records; `RUST_LOG` sets what is logged.
    #[arg(long, env = "DATAIKU_OPERATOR_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Elect a leader among several replicas: only the leader writes. Off, this process has to be the only one.
    #[arg(long, env = "DATAIKU_OPERATOR_LEADER_ELECTION", default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_election: bool,
    /// Name of this replica in the Lease. A process that restarts under its old name takes its lease over at once, so two
    /// replicas must never have the same. Default: a random one.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: Option<String>,
    /// The operator's own namespace. Default: that of the kubeconfig.
    #[arg(long, env = "POD_NAMESPACE")]
    pub namespace: Option<String>,
}

/// Options of `generate`.
#[derive(Debug, clap::Args)]
pub struct GenerateArgs {
    /// Write nothing; fail if a file differs from what would be written.
    #[arg(long)]
    pub check: bool,
    /// Root of the repository.
    #[arg(long, default_value = ".")]
    pub root: PathBuf,
}

fn deletion_policy(text: &str) -> Result<DeletionPolicy, String> {
    DeletionPolicy::named(text).ok_or_else(|| "must be Delete, Disable or Retain".to_owned())
}

/// An empty value is refused: it would mean every namespace where somebody meant one.
fn namespace(text: &str) -> Result<String, String> {
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let inside = text.len() <= 63 && text.chars().all(label);
    if text.is_empty() || !inside || text.starts_with('-') || text.ends_with('-') {
        return Err("must be the name of a namespace".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: kube::core::Duration = text.parse().map_err(|error| format!("{error}"))?;
    if parsed.is_negative() {
        return Err("must not be negative".to_owned());
    }
    Ok(parsed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(words: &[&str]) -> Result<Vec<String>, String> {
        let words = ["dataiku-operator", "run"].iter().chain(words);
        match Args::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Run(run) => Ok(run.watch_namespaces),
            _ => unreachable!("run was parsed"),
        }
    }

    #[test]
    fn several_namespaces_are_named_one_by_one_or_in_a_list() {
        let both = Ok(vec!["red".to_owned(), "blue-2".to_owned()]);
        assert_eq!(watched(&["--watch-namespace=red", "--watch-namespace=blue-2"]), both);
        assert_eq!(watched(&["--watch-namespace=red,blue-2"]), both);
        assert_eq!(watched(&[]), Ok(Vec::new()));
    }

    #[test]
    fn a_namespace_that_cannot_exist_is_refused_and_never_means_all() {
        for wrong in ["", "red,", "Red", "a/b", "*", "-a"] {
            let refused = watched(&[&format!("--watch-namespace={wrong}")]).unwrap_err();
            assert!(
                refused.contains("must be the name of a namespace"),
                "{wrong}: {refused}"
            );
        }
    }
}
