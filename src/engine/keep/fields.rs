//! The fields of a remote document, one line each.
