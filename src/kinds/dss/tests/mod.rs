//! The kinds of a DSS node, run by the engine against a simulated node and an apiserver in memory.
#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

mod bulk;
mod connection;
mod examples;
mod groups;
mod impersonation;
mod key_kinds;
mod key_rotation;
mod keys;
mod ownership;
mod settings;
mod tasks;
mod users;
mod variables;

use crate::kinds::tests::node::{Rig, ready};

impl Rig {
    /// Everything that people can read of what the operator wrote.
    fn texts(&self) -> String {
        let mut texts = String::new();
        for plural in [
            "dssinstances",
            "dssglobalapikeys",
            "dsspersonalapikeys",
            "governglobalapikeys",
            "dssinstancevariables",
            "dssgeneralsettings",
            "events",
        ] {
            for object in self.server.list(plural) {
                texts.push_str(&object.to_string());
            }
        }
        texts
    }
}
