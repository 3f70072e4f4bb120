//! The Launchpad as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod access;
mod bulk;
mod client;
mod edits;
mod groups;
mod nodes;
mod people;
mod seats;
mod tasks;
