//! DSS as a client sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

mod auth;
mod bulk;
mod client;
mod credentials;
mod directory;
mod futures;
mod groups;
mod keys;
mod notebooks;
mod others;
mod own_user;
mod settings;
mod users;
