//! Documents that many objects, people and other tools share: one writer for each, and the entries that objects own.

pub mod batch;
pub mod entries;
pub mod source;
pub mod writer;
