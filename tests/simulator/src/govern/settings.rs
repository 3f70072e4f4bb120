//! The switches of Govern: those of DSS that mean something here, and its own.

use std::sync::LazyLock;

use crate::api::Api;
use crate::dss::Dss;
use crate::switches::{Allowed, Fixed, Switch};

/// Switches of DSS about things that Govern does not have.
const ONLY_DSS: [&str; 10] = [
    "A12",
    "A13",
    "A16",
    "A22",
    "A25personal",
    "A26",
    "A27",
    "A31",
    "A32",
    "runningJobs",
];

/// All of them; `simulator switches` prints this table.
pub(super) static SWITCHES: LazyLock<Vec<Switch>> = LazyLock::new(|| {
    let common = Dss.switches().iter().filter(|switch| !ONLY_DSS.contains(&switch.name));
    common.chain(OWN).copied().collect()
});

const OWN: &[Switch] = &[
    switch(
        "userList",
        "guide",
        &["guide", "full"],
        "members of an element of the list of users: those that the guide shows, or more",
    ),
    switch(
        "rules",
        "asSent",
        &["asSent", "numbers", "texts", "capitals", "filledIn", "reordered"],
        "the form in which a save stores rules: whole numbers as 5.0, numbers as text, operators in capitals, with keys of \
         its own, in an order of its own",
    ),
    switch(
        "A33",
        "prefixed",
        &["prefixed", "verbatim"],
        "the id of a new role: `ro.` before the identifier, or the identifier",
    ),
    switch(
        "A34",
        "opaque",
        &["opaque", "typed"],
        "criteria of a rule: any object, or only one with a text `type`",
    ),
    switch(
        "A35",
        "globalApiKey",
        &["globalApiKey", "apiKey"],
        "the container of a global key: type globalApiKey with id, or type apiKey with apiKeyId",
    ),
    switch(
        "A36",
        "bare",
        &["bare", "wrapped"],
        "the default permissions: the bare object, or under `permissions`",
    ),
    switch(
        "A37",
        "dangling",
        &["dangling", "refuse", "removed"],
        "deletion of a role that is assigned: its rules stay, it is refused, its rules go",
    ),
    switch(
        "A52",
        "filled",
        &["filled", "empty"],
        "a rule that lacks a key: filled with an empty list, or stored as an empty binding",
    ),
];

const fn switch(
    name: &'static str,
    default: &'static str,
    allowed: &'static [&'static str],
    about: &'static str,
) -> Switch {
    Switch {
        name,
        about,
        default: Fixed::Text(default),
        allowed: Allowed::OneOf(allowed),
    }
}
