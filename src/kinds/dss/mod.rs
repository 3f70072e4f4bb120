//! Kinds of DSS nodes.

mod global_api_key;
mod group;
mod instance;
mod personal_api_key;
#[cfg(test)]
mod tests;
mod user;
mod variables;

pub use variables::Variables;
