//! DSS as a client sees it.

mod client;
mod users;
