//! DSS as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod auth;
mod bulk;
mod client;
mod groups;
mod others;
mod own_user;
mod users;
