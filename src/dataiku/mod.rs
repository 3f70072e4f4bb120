//! Typed clients of the Dataiku products. This layer knows no Kubernetes: it turns calls into HTTP and answers into
//! values, and decides nothing. Retrying, ordering and comparing belong to the engine.

pub mod address;
mod answer;
mod breaker;
mod call;
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
pub mod listed;
mod null;
mod outcome;
pub mod permit;
pub mod product;
pub mod redact;
pub mod transport;

#[cfg(test)]
pub(crate) mod tests;
