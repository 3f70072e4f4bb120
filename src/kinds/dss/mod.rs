//! Kinds of DSS nodes.

mod group;
mod instance;
mod user;
