//! The engine on an apiserver in memory, a remote side in memory and a paused clock: interleavings that no cluster can
//! reproduce.

mod claims;
mod consent;
pub mod cost;
mod credentials;
mod delegation;
mod deletion;
mod eviction;
mod expiry;
mod guards;
mod intent;
mod isolation;
mod lost_secret;
mod namespaces;
mod orphans;
mod permit;
mod refusals;
mod remote_side;
mod rig;
mod secrets;
mod status;
mod sweep;
mod toy;
mod windows;
