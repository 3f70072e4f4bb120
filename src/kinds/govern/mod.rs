//! Kinds of Govern nodes.

mod global_api_key;
mod group;
mod instance;
pub mod lists;
pub mod role_assignment;
mod rules;
mod user;

pub use role_assignment::RoleAssignment;
