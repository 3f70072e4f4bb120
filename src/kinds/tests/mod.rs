//! All kinds together, run by the engine against simulated remote sides and an apiserver in memory: what one namespace may do
//! through the connections of another one.
#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

pub(crate) mod assumed;
mod audit;
mod bad_input;
mod bulk_edits;
mod few_calls;
mod inventory;
mod many_users;
mod matrix;
pub(crate) mod node;
mod over_time;
mod own;
mod rig;
pub(crate) mod simulated_time;
