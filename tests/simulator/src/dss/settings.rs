//! The switches of DSS.

use crate::answer::Failure;
use crate::future::switches as futures;
use crate::switches::{Allowed, Fixed, Switch};

/// All of them; `simulator switches` prints this table.
pub(super) const SWITCHES: &[Switch] = &[
    futures::FUTURES,
    futures::FUTURE_MILLIS,
    futures::FUTURE_EXPIRY_MILLIS,
    futures::A17,
    futures::A28,
    futures::A29,
    futures::A30,
    futures::RESYNC_OF_MISSING,
    switch(
        "release",
        Fixed::Text("15.2.0"),
        Allowed::Release,
        "before 12.6 group mappings are comma texts, before 14.2 no bulk, before 15.2 no list of running jobs",
    ),
    switch(
        "defaultGroup",
        Fixed::Null,
        Allowed::TextOrNull,
        "a group that every new user gets by itself",
    ),
    switch(
        "names",
        Fixed::Text("asSent"),
        Allowed::OneOf(&["asSent", "lowercase"]),
        "the spelling in which the login of a new user and the name of a new group are stored",
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
        "status for something unknown: of a PUT or DELETE, and of a GET of a key, a future, a notebook or an object of Govern",
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
        "A12",
        Fixed::Text("kept"),
        Allowed::OneOf(&["kept", "refused"]),
        "a credential of type OAUTH_REFRESH_TOKEN for a connection",
    ),
    switch(
        "A13",
        Fixed::Text("exact"),
        Allowed::OneOf(&["exact", "tolerant"]),
        "whether the key of a plugin's credential, spaced in another way, means the same preset; seen with A16 refuse",
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
        "A16",
        Fixed::Text("accept"),
        Allowed::OneOf(&["accept", "refuse"]),
        "a credential for a connection or a preset that does not exist",
    ),
    switch(
        "A19",
        Fixed::Text("dangling"),
        Allowed::OneOf(&["dangling", "removed"]),
        "the name of a deleted group in users",
    ),
    switch(
        "hashedKeys",
        Fixed::Flag(true),
        Allowed::Flag,
        "secrets of API keys are stored hashed and shown when created only, as on new installations since 13.1",
    ),
    switch(
        "A22",
        Fixed::Text("dropped"),
        Allowed::OneOf(&["dropped", "null", "filled"]),
        "how an impersonation rule without a Hadoop target is stored",
    ),
    switch(
        "A24",
        Fixed::Text("free"),
        Allowed::OneOf(&["free", "unique"]),
        "whether two global API keys may have the same label",
    ),
    switch(
        "A25",
        Fixed::Text("masked"),
        Allowed::OneOf(&["masked", "absent", "null"]),
        "the member `key` of a hashed global API key",
    ),
    switch(
        "A25personal",
        Fixed::Text("absent"),
        Allowed::OneOf(&["masked", "absent", "null"]),
        "the member `key` of a hashed personal API key",
    ),
    switch(
        "A26",
        Fixed::Text("removed"),
        Allowed::OneOf(&["removed", "kept"]),
        "the personal API keys of a deleted user",
    ),
    switch(
        "A27",
        Fixed::Text("onDemand"),
        Allowed::OneOf(&["onDemand", "always"]),
        "the part per project of the usage summary",
    ),
    switch(
        "A31",
        Fixed::Text("overwritten"),
        Allowed::OneOf(&["overwritten", "stored"]),
        "the write of a notebook that is open in a browser",
    ),
    switch(
        "A32",
        Fixed::Text("future"),
        Allowed::OneOf(&["future", "direct"]),
        "what the push of base images answers",
    ),
    switch(
        "A50",
        Fixed::Text("exact"),
        Allowed::OneOf(&["exact", "insensitive"]),
        "whether case tells logins and groups apart",
    ),
    switch(
        "runningJobs",
        Fixed::Text("flat"),
        Allowed::OneOf(&["flat", "nested"]),
        "where a running job has its id and its project: in itself, or under `def`",
    ),
    switch(
        "customAudit",
        Fixed::Text("offered"),
        Allowed::OneOf(&["offered", "absent"]),
        "whether clients may write to the audit trail",
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
