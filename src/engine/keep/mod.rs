//! Remote objects kept in line with their objects: observe, plan, write, read back.

pub mod fields;
pub mod managed;
pub mod plan;
pub mod propagation;

pub use managed::{Common, Given, Managed, Observed, Publication, Read, TaskState};
pub use plan::{Change, Class, Plan, Receipt};
pub use propagation::Following;
