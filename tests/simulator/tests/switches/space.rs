//! The switches of the Launchpad.

pub mod access;
pub mod groups;
pub mod people;
pub mod seats;
pub mod tasks;
