//! Remote objects kept in line with their objects: observe, plan, write, read back.

mod announce;
mod claim;
mod conclude;
mod converge;
mod credentials;
pub(super) mod delegated;
pub mod expiry;
pub mod fields;
mod generate;
mod hold;
mod intent;
pub mod managed;
mod pass;
pub mod plan;
pub mod preview;
mod proof;
pub mod propagation;
mod publish;
mod removal;
mod task;
mod together;
mod values;
pub mod work;

pub use managed::{Common, Generation, Given, Managed, Observed, Publication, Read, TaskState};
pub use plan::{Change, Class, Plan, Receipt, Succession};
pub use work::Keeping;
