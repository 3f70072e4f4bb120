//! The bed that tests, the demo and the benchmarks run on: a real control plane, what the repository ships installed
//! on it, the operator as a process with the rights of its `ServiceAccount`, and a simulator of Dataiku.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::time::Duration;
//! use testbed::{Namespace, Operator};
//!
//! let namespace = Namespace::create("users").await?;
//! let operator = Operator::builder("target/debug/dataiku-operator").namespace(&namespace).start().await?;
//! namespace.secret("design", &[("apiKey", "secret")]).await?;
//! namespace.apply("apiVersion: dataiku-operator.io/v1alpha1\nkind: DssUser\nmetadata: {name: jdoe}\n").await?;
//! namespace.wait_for_condition("DssUser", "jdoe", "Ready=True/InSync", Duration::from_secs(10)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! One control plane serves all tests of a process ([`ControlPlane::shared`]); each test makes its own
//! [`Namespace`], [`Operator`] and simulated instances, so tests run side by side.

mod certificates;
mod command;
mod control_plane;
mod installation;
mod kubeconfig;
mod manifest;
mod namespace;
mod observed;
mod operator;
pub mod port;
mod process;
mod programs;
mod resources;
mod skipped;
mod supervisor;
mod wait;

pub use control_plane::{ControlPlane, Options};
pub use installation::Installation;
pub use namespace::Namespace;
pub use observed::{Condition, Event};
pub use operator::{Builder as OperatorBuilder, Operator, arguments as operator_arguments};
pub use process::Process;
pub use programs::repository;
pub use simulator;
pub use skipped::skipped;
