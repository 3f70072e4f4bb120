//! Kinds of DSS nodes.

mod instance;
