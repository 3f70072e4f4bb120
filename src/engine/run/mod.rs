//! Tasks: things that are done on the remote side once or by a schedule, in the vocabulary of Kubernetes' Job and `CronJob`.
//!
//! A kind supplies a [`Task`]: what a run does, how its progress is read, and how it is aborted. The engine decides when a run
//! is due, records it before the first call, follows it, ends it, and keeps the history. What it records lets another
//! process go on with a run that it did not start.

mod cycle;
mod follow;
mod history;
mod output;
mod removal;
mod schedule;
mod stage;
mod start;
pub mod task;
mod work;
mod writes;

pub use output::MOST_BYTES;
pub use task::{Ending, Given, Poll, Progress, RunTerms, Taken, Task, Trace};
pub use work::Running;
pub use writes::Writes;
