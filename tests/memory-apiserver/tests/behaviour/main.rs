//! The apiserver in memory, through kube's own `Api`, `watcher`, `reflector`, `finalizer` and `Controller`.
//!
//! Time is paused in most of these tests. What a real apiserver answers is compared in the cluster suite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod apply;
mod deletion;
mod faults;
mod lists;
mod objects;
mod outage;
mod patches;
mod runtime;
mod users;
mod watches;
mod widget;
