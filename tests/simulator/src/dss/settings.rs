//! The switches of DSS.

use crate::answer::Failure;
use crate::switches::{Allowed, Fixed, Switch};

/// All of them; `simulator switches` prints this table.
pub(super) const SWITCHES: &[Switch] = &[
    switch(
        "release",
        Fixed::Text("15.2.0"),
        Allowed::Release,
        "before 12.6 group mappings are comma texts, before 14.2 no bulk",
    ),
    switch(
        "defaultGroup",
        Fixed::Null,
        Allowed::TextOrNull,
        "a group that every new user gets by itself",
    ),
    switch(
        "A1",
        Fixed::Text("none"),
        Allowed::OneOf(&["none", "extra"]),
        "further keys of an error body",
    ),
    switch(
        "A2",
        Fixed::Number(400),
        Allowed::ErrorStatus,
        "status of a duplicate, an invalid value, a self-deletion",
    ),
    switch(
        "A3",
        Fixed::Text("401/403"),
        Allowed::OneOf(&["401/403", "401/401", "403/403"]),
        "bad key / not allowed",
    ),
    switch(
        "A8",
        Fixed::Number(404),
        Allowed::ErrorStatus,
        "status of a PUT or DELETE of something unknown",
    ),
    switch(
        "A9",
        Fixed::Text("accept"),
        Allowed::OneOf(&["accept", "refuse"]),
        "an unknown group name in a user",
    ),
    switch(
        "A10",
        Fixed::Text("refuse"),
        Allowed::OneOf(&["refuse", "fallback"]),
        "a profile without a licence",
    ),
    switch(
        "A11",
        Fixed::Number(400),
        Allowed::ErrorStatus,
        "own user without a user, impersonation of an unknown user",
    ),
    switch(
        "A14",
        Fixed::Text("opaque"),
        Allowed::OneOf(&["opaque", "clear"]),
        "secrets and credentials as an admin reads them",
    ),
    switch(
        "A15",
        Fixed::Text("refuse"),
        Allowed::OneOf(&["refuse", "keep", "clear"]),
        "an empty password in a PUT",
    ),
    switch(
        "A19",
        Fixed::Text("dangling"),
        Allowed::OneOf(&["dangling", "removed"]),
        "the name of a deleted group in users",
    ),
    switch(
        "A50",
        Fixed::Text("exact"),
        Allowed::OneOf(&["exact", "insensitive"]),
        "whether case tells logins and groups apart",
    ),
    switch(
        "cloud",
        Fixed::Flag(false),
        Allowed::Flag,
        "a node of Dataiku Cloud, where the Launchpad owns the users",
    ),
    switch(
        "withholdEmails",
        Fixed::Flag(false),
        Allowed::Flag,
        "non-admins do not see email addresses",
    ),
    switch(
        "A6",
        Fixed::Number(200),
        Allowed::Status,
        "status of a bulk of which a part failed",
    ),
    switch(
        "A7",
        Fixed::Text("replace"),
        Allowed::OneOf(&["replace", "merge"]),
        "maps in a bulk edit",
    ),
    switch(
        "A20",
        Fixed::Text("present"),
        Allowed::OneOf(&["present", "absent"]),
        "the admin column of the authorization matrix",
    ),
];

/// The failure for a route that came with a later release.
pub(super) fn not_in_this_release(path: &str) -> Failure {
    Failure::new(
        404,
        "org.springframework.web.servlet.NoHandlerFoundException",
        format!("No endpoint {path}"),
    )
}

const fn switch(name: &'static str, default: Fixed, allowed: Allowed, about: &'static str) -> Switch {
    Switch {
        name,
        about,
        default,
        allowed,
    }
}
