//! All kinds together, run by the engine against simulated remote sides and an apiserver in memory: what one namespace may do
//! through the connections of another one.
#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

use std::sync::LazyLock;

use memory_apiserver::{MemoryApiserver, Registered};

pub(crate) mod assumed;
mod audit;
mod bad_input;
mod bulk_edits;
mod few_calls;
mod inventory;
mod loosened;
mod many_users;
mod matrix;
pub(crate) mod node;
mod over_time;
mod own;
mod retained_keys;
mod rig;
pub(crate) mod simulated_time;

/// The schemas of all kinds: deriving them takes a third of a second without optimisation, and every test needs them.
static KINDS: LazyLock<Vec<Registered>> =
    LazyLock::new(|| crate::crd::all().iter().map(Registered::from_crd).collect());

/// An apiserver that serves all kinds.
pub(crate) fn apiserver() -> MemoryApiserver {
    let server = MemoryApiserver::new();
    for kind in KINDS.iter() {
        server.register(kind.clone());
    }
    server
}
