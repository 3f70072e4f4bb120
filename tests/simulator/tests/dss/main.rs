//! DSS as a client sees it.

mod auth;
mod bulk;
mod client;
mod groups;
mod others;
mod own_user;
mod users;
