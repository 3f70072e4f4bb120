//! The engine, written once for all kinds: finalizer, policies, plan, permit, writes, read-back, status, Events, retries.
//!
//! Work comes in kinds: [`keep`] maintains a remote object, [`connect`] maintains a connection, [`run`] runs a task. A kind supplies a strategy;
//! nothing in here knows a kind or the API of a product.

pub mod backoff;
pub mod census;
pub mod clock;
pub mod connect;
pub mod controller;
pub mod environment;
pub mod error;
pub mod fingerprint;
pub mod index;
mod integrity;
pub mod keep;
pub mod mark;
pub mod memory;
pub mod meters;
pub mod namespaces;
pub mod object;
mod outcome;
pub mod permit;
pub mod policy;
pub mod refusals;
pub mod remote_error;
pub mod report;
pub mod run;
pub mod scope;
pub mod secrets;
pub mod shared;
pub mod shell;
mod source_read;
pub mod source_watch;
pub mod sources;
mod stable_hash;
pub mod start;
pub mod status;
mod status_patch;
mod trigger;
mod undecodable;
pub mod wake;
pub mod watched;
pub mod work;

#[cfg(test)]
pub(crate) mod tests;

pub use error::{Error, Fate, Reason, Refused};
pub use keep::{
    Change, Class, Common, Generation, Given, Keeping, Managed, Observed, Plan, Publication, Read, Receipt, Succession,
    TaskState,
};
pub use object::{Object, ObjectName, Objects, StatusOf};
pub use secrets::{Secret, SecretUse, Secrets, SourceKind};
