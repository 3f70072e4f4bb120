//! The core: faults, edits, the control port and the program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod client;
mod control;
mod documentation;
mod examples;
mod faults;
mod independence;
mod kinds;
mod program;
mod requests;
mod strictness;
