//! Kinds of Govern nodes.

mod assigned;
mod global_api_key;
mod group;
mod instance;
pub mod lists;
mod permissions;
mod role;
pub mod role_assignment;
mod rules;
mod task;
#[cfg(test)]
mod tests;
mod user;

pub use assigned::assigned;
pub use permissions::{
    BlueprintPermissions, DefaultPermissions, ShownPermissions, permissions as shown_permissions, read_permissions,
};
pub use role::Role;
pub use role_assignment::RoleAssignment;
pub use rules::BlueprintRules;
pub use task::GovernTasks;
