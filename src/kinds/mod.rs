//! The kinds. [`start`] is the table of those that run.

pub mod dss;
pub mod govern;
pub mod node;

use tokio::sync::watch;

use crate::engine::{
    environment::Environment,
    start::{Kinds, Starting},
};

/// Starts every kind. `namespace`: the only one to watch.
pub fn start(env: Environment, namespace: Option<&str>, stop: watch::Receiver<bool>) -> Kinds {
    let kinds = Starting::new(env, namespace, stop);
    kinds.finish()
}
