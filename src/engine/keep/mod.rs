//! Remote objects kept in line with their objects: observe, plan, write, read back.

mod announce;
mod claim;
mod conclude;
pub mod fields;
mod intent;
pub mod managed;
mod pass;
pub mod plan;
pub mod propagation;
mod publish;
mod removal;
mod task;
pub mod work;

pub use managed::{Common, Given, Managed, Observed, Publication, Read, TaskState};
pub use plan::{Change, Class, Plan, Receipt, Succession};
pub use work::Keeping;
