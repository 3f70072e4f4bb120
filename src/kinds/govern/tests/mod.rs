//! The kinds of a Govern node, run by the engine against a simulated node and an apiserver in memory.
#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

mod cost;
mod examples;
mod permissions;
mod role;
mod tasks;

use testbed::simulator::{InstanceConfig, Product};

use crate::kinds::tests::node::{Rig, ready};
