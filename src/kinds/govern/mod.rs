//! Kinds of Govern nodes.

mod instance;
pub mod lists;
pub mod role_assignment;
mod rules;

pub use role_assignment::RoleAssignment;
