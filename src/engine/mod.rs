//! The pass, written once for all kinds: finalizer, policies, plan, writes, read-back, status, Events, retries.
//!
//! A kind supplies [`managed::Managed`]; nothing in here knows a kind or a remote API.

pub mod backoff;
pub mod changes;
pub mod cleanup;
pub mod context;
pub mod controller;
pub mod error;
pub mod fingerprint;
pub mod inputs;
mod intent;
pub mod isolated;
pub mod managed;
pub mod objects;
mod ownership;
pub mod pass;
pub mod plan;
pub mod progress;
pub mod reconcile;
pub mod report;
pub mod settle;
pub mod source_watch;
pub mod sources;
pub mod status;
pub mod undecodable;

pub use error::{Error, Fate, Reason};
pub use inputs::{Inputs, SecretInput};
pub use managed::{Aspect, Freshness, Lane, Managed, Presence, Removal, Slot, SourceKind, SourceRef, Verdict};
pub use plan::{Change, Plan};
