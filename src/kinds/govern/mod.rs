//! Kinds of Govern nodes.
