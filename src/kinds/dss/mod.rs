//! Kinds of DSS nodes.

mod global_api_key;
mod group;
mod impersonation;
mod instance;
mod personal_api_key;
mod settings;
mod task;
#[cfg(test)]
mod tests;
mod user;
mod variables;

pub use impersonation::{Applies, ImpersonationRule, Resolved, resolve};
pub use settings::{KEY as GENERAL_SETTINGS, Settings};
pub use task::DssTasks;
pub use variables::{KEY as VARIABLES, Variables};
