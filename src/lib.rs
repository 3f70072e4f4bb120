//! dataiku-operator: makes people's access to Dataiku declarative.
//!
//! Layers, of which each may use lower ones only: `app` → `kinds` → `engine` → {`dataiku`, `crd`}; `dataiku` and `crd` use none of the
//! others.

pub mod apiserver;
pub mod app;
pub mod args;
pub mod cli;
pub mod crd;
pub mod dataiku;
pub mod engine;
pub mod generate;
pub mod kinds;
pub mod leader;
pub mod metrics;
pub mod server;
pub mod telemetry;
