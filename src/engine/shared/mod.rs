//! What many objects write together: documents that they share with people and other tools, with one writer for each and the
//! entries that objects own; and writes of single objects that go in one call.

pub mod batch;
pub mod bulk;
pub mod entries;
pub mod source;
pub mod writer;
