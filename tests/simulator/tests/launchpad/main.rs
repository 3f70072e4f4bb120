//! The Launchpad as a client sees it.

mod access;
mod bulk;
mod client;
mod edits;
mod groups;
mod nodes;
mod people;
mod seats;
mod tasks;
