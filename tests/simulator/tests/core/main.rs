//! The core: faults, edits, the control port and the program.

mod client;
mod control;
mod faults;
mod program;
mod requests;
