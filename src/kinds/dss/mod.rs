//! Kinds of DSS nodes.

mod global_api_key;
mod group;
mod instance;
mod user;
mod variables;

pub use variables::Variables;
