//! The kinds.

pub mod dss;
pub mod govern;
pub mod node;
