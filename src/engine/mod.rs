//! The engine, written once for all kinds: finalizer, policies, plan, permit, writes, read-back, status, Events, retries.
//!
//! Work comes in kinds: [`keep`] maintains a remote object, [`connect`] maintains a connection. A kind supplies a strategy;
//! nothing in here knows a kind or the API of a product.

pub mod backoff;
pub mod connect;
pub mod error;
pub mod fingerprint;
pub mod index;
pub mod keep;
pub mod object;
pub mod permit;
pub mod remote_error;
pub mod report;
pub mod secrets;
pub mod shared;
pub mod source_watch;
pub mod status;
pub mod watched;

pub use error::{Error, Fate, Reason, Refused};
pub use object::{Object, ObjectName, Objects, StatusOf};
pub use secrets::{Secret, SecretUse, Secrets, SourceKind};
