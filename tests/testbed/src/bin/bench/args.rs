//! The command line.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::{cases::Case, contestant::Contestant};

/// The limits of a connection that declares none: calls in flight and calls per second.
const DEFAULT_LIMITS: (i32, i32) = (8, 50);

/// Calls per second with which the operator is measured and not the limiter.
const HIGH_RATE: i32 = 10_000;

/// Measures operators on a real control plane against a simulated DSS.
#[derive(Clone, Debug, Parser, Serialize)]
pub struct Args {
    /// Numbers of `DssUser` objects; one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000])]
    #[serde(skip)]
    pub users: Vec<usize>,
    /// Who is measured, one after the other, each on a control plane and a node of its own. Default: the operator of
    /// this repository; with `--rivals`, the two rivals too.
    #[arg(long, value_enum, value_delimiter = ',')]
    #[serde(skip)]
    pub contestants: Vec<Contestant>,
    /// The folder with the sources of the rivals, which are built from it: `go/` (controller-runtime), `kopf/`, and
    /// `crds.yaml` and `rbac.yaml` of both.
    #[arg(long, value_name = "FOLDER")]
    #[serde(skip)]
    pub rivals: Option<PathBuf>,
    /// What is measured, in this order, after the objects have become Ready.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Restart, Part::Rest])]
    #[serde(skip)]
    pub parts: Vec<Part>,
    /// What every call to the node takes.
    #[arg(long, default_value_t = 0)]
    pub latency_ms: u64,
    /// Calls to the node that a contestant may have in flight at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(i32).range(1..=64), conflicts_with = "default_limits")]
    pub concurrency: i32,
    /// How many users of a hundred have a password, each in a Secret of its own.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub passwords: u8,
    /// Gives every user a user property and an admin property, which DSS does not take at creation.
    #[arg(long)]
    pub properties: bool,
    /// Leaves the limits of the connection at their defaults (8 calls at once, 50 a second) instead of --concurrency
    /// and 10,000. The rivals have no limit of calls per second.
    #[arg(long)]
    pub default_limits: bool,
    /// Length of the part in which nothing happens.
    #[arg(long, default_value_t = 60)]
    pub steady_seconds: u64,
    /// Number of edits, one after the other, each of another user.
    #[arg(long, default_value_t = 100)]
    pub edits: usize,
    /// Lets etcd not wait for the disk.
    #[arg(long)]
    pub no_fsync: bool,
    /// The operator to measure. Default: the one beside this program.
    #[arg(long)]
    #[serde(skip)]
    pub operator: Option<PathBuf>,
    /// Measures these situations of our operator instead.
    #[arg(long, value_enum, value_delimiter = ',')]
    #[serde(skip)]
    pub cases: Vec<Case>,
    /// For `--cases`: the folders with the CRDs and rights of the operator, for another build than this one. Default: those
    /// of this repository.
    #[arg(long, value_name = "FOLDER", value_delimiter = ',')]
    #[serde(skip)]
    pub manifests: Vec<PathBuf>,
}

/// What is measured once every object is Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The process starts again with everything in sync.
    Restart,
    /// Nothing happens for a while.
    Rest,
    /// Single edits, until Ready.
    Edits,
    /// Somebody changes one user of a hundred on the node, spread over a minute.
    Drift,
}

// === impl Args ===

impl Args {
    /// Who is measured, in this order.
    pub fn contestants(&self) -> Result<Vec<Contestant>> {
        let contestants = match (self.contestants.is_empty(), &self.rivals) {
            (false, _) => self.contestants.clone(),
            (true, None) => vec![Contestant::Operator],
            (true, Some(_)) => vec![Contestant::Operator, Contestant::ControllerRuntime, Contestant::Kopf],
        };
        let rival = contestants.iter().find(|one| one.is_rival());
        if let (Some(rival), None) = (rival, &self.rivals) {
            bail!("{} needs --rivals, the folder with its sources", rival.name());
        }
        Ok(contestants)
    }

    /// Calls in flight and calls per second.
    pub fn limits(&self) -> (i32, i32) {
        if self.default_limits {
            DEFAULT_LIMITS
        } else {
            (self.concurrency, HIGH_RATE)
        }
    }

    /// Whether a part is measured.
    pub fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }
}

#[cfg(test)]
pub fn parsed(words: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(["bench"].into_iter().chain(words.split_whitespace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contestants(words: &str) -> Result<Vec<&'static str>> {
        let contestants = parsed(words)?.contestants()?;
        Ok(contestants.into_iter().map(Contestant::name).collect())
    }

    #[test]
    fn without_a_folder_of_rivals_only_our_operator_runs() {
        assert_eq!(contestants("").unwrap(), ["operator"]);
        assert_eq!(
            contestants("--rivals there").unwrap(),
            ["operator", "controller-runtime", "kopf"]
        );
    }

    #[test]
    fn contestants_run_in_the_order_in_which_they_are_named() {
        assert_eq!(
            contestants("--contestants kopf,operator-without-bulk --rivals there").unwrap(),
            ["kopf", "operator-without-bulk"]
        );
        let error = parsed("--contestants kubebuilder").unwrap_err().to_string();
        assert!(error.contains("controller-runtime, kopf"), "{error}");
    }

    #[test]
    fn a_rival_without_the_folder_is_an_error_that_names_the_option() {
        let error = contestants("--contestants operator,kopf").unwrap_err().to_string();
        assert_eq!(error, "kopf needs --rivals, the folder with its sources");
    }

    #[test]
    fn the_limits_are_high_unless_the_defaults_are_asked_for() {
        assert_eq!(parsed("").unwrap().limits(), (64, 10_000));
        assert_eq!(parsed("--concurrency 16").unwrap().limits(), (16, 10_000));
        assert_eq!(parsed("--default-limits").unwrap().limits(), (8, 50));
        assert!(parsed("--default-limits --concurrency 16").is_err());
        assert!(parsed("--concurrency 0").is_err());
    }

    #[test]
    fn parts_are_chosen_by_name() {
        assert!(parsed("").unwrap().has(Part::Rest) && !parsed("").unwrap().has(Part::Edits));
        let args = parsed("--parts edits,drift").unwrap();
        assert!(args.has(Part::Drift) && !args.has(Part::Restart));
    }
}
