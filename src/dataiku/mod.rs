//! Typed clients of the Dataiku products. This layer knows no Kubernetes: it turns calls into HTTP and answers into
//! values. Retrying, ordering and comparing belong to the engine; the one exception is a read lost with its connection,
//! which the transport sends again once.
//!
//! - `transport` sends calls; `gate` and `breaker` limit them; `permit` is the right to send one write.
//! - `address` and `http` decide where calls may go.
//! - `answer`, `body`, `memory`, `list_memory` and `shape` read answers within bounds; `redact` decides which remote messages are quoted.
//! - `dip` is what DSS and Govern share; `dss`, `govern` and `launchpad` are the clients.

pub mod address;
mod answer;
mod body;
mod breaker;
mod call;
mod cgroup;
mod credentials;
pub mod dip;
pub mod document;
mod document_pointer;
pub mod dss;
mod elements;
pub mod email;
pub mod error;
pub mod fields;
pub mod gate;
pub mod govern;
mod http;
pub mod json_value;
pub mod launchpad;
mod list_memory;
pub mod listed;
mod memory;
mod null;
mod outcome;
pub mod permit;
pub mod product;
mod receive;
pub mod redact;
mod shape;
pub mod transport;

#[cfg(test)]
pub(crate) mod tests;
