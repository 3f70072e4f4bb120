//! The command line.

use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;

/// Calls in flight and calls per second with which the operator is measured and not the limiter.
pub const HIGH_LIMITS: (i32, i32) = (64, 10_000);

/// Measures the operator on a real control plane against a simulated DSS.
#[derive(Clone, Debug, Parser, Serialize)]
pub struct Args {
    /// Numbers of `DssUser` objects; one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000])]
    #[serde(skip)]
    pub users: Vec<usize>,
    /// What every call to the node takes.
    #[arg(long, default_value_t = 0)]
    pub latency_ms: u64,
    /// How many users of a hundred have a password, each in a Secret of its own.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub passwords: u8,
    /// Gives every user a user property and an admin property, which DSS does not take at creation.
    #[arg(long)]
    pub properties: bool,
    /// Leaves the limits of the connection at their defaults (8 calls at once, 50 a second) instead of 64 and 10,000.
    #[arg(long)]
    pub default_limits: bool,
    /// Length of the phase in which nothing happens.
    #[arg(long, default_value_t = 60)]
    pub steady_seconds: u64,
    /// Lets etcd not wait for the disk.
    #[arg(long)]
    pub no_fsync: bool,
    /// The operator to measure. Default: the one beside this program.
    #[arg(long)]
    #[serde(skip)]
    pub operator: Option<PathBuf>,
}
