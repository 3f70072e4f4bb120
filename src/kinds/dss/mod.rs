//! Kinds of DSS nodes.

mod global_api_key;
mod group;
mod impersonation;
mod instance;
mod personal_api_key;
mod settings;
#[cfg(test)]
mod tests;
mod user;
mod variables;

pub use impersonation::ImpersonationRule;
pub use settings::Settings;
pub use variables::Variables;
