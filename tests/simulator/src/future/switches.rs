//! The switches of long tasks and of directories, which DSS and Govern share.

use crate::switches::{Allowed, Fixed, Switch};

/// How a task goes.
pub(crate) const FUTURES: Switch = Switch {
    name: "futures",
    about: "how a long task goes: with its result in the first answer, after futureMillis, failing or aborted then",
    default: Fixed::Text("delayed"),
    allowed: Allowed::OneOf(&["inline", "delayed", "failing", "aborted"]),
};

/// How long a task takes.
pub(crate) const FUTURE_MILLIS: Switch = Switch {
    name: "futureMillis",
    about: "how long a task takes by the clock of the instance",
    default: Fixed::Number(100),
    allowed: Allowed::Millis,
};

/// How long a result waits.
pub(crate) const FUTURE_EXPIRY_MILLIS: Switch = Switch {
    name: "futureExpiryMillis",
    about: "how long the result of a task waits to be fetched, by the clock of the instance",
    default: Fixed::Number(3_600_000),
    allowed: Allowed::Millis,
};

/// The members of a state.
pub(crate) const A28: Switch = Switch {
    name: "A28",
    about: "further keys of the state of a task: owner, progress and others",
    default: Fixed::Text("full"),
    allowed: Allowed::OneOf(&["full", "bare"]),
};

/// Reading the result.
pub(crate) const A29: Switch = Switch {
    name: "A29",
    about: "a finished task after its result was read",
    default: Fixed::Text("consumed"),
    allowed: Allowed::OneOf(&["consumed", "kept"]),
};

/// A failure.
pub(crate) const A30: Switch = Switch {
    name: "A30",
    about: "status of the read of a failed task",
    default: Fixed::Number(500),
    allowed: Allowed::ErrorStatus,
};

/// A resync of nobody.
pub(crate) const A17: Switch = Switch {
    name: "A17",
    about: "whom a resync with an empty list reaches",
    default: Fixed::Text("everybody"),
    allowed: Allowed::OneOf(&["everybody", "nobody", "refuse"]),
};

/// People who left.
pub(crate) const RESYNC_OF_MISSING: Switch = Switch {
    name: "resyncOfMissing",
    about: "what a resync does to a user who left the directory",
    default: Fixed::Text("disable"),
    allowed: Allowed::OneOf(&["disable", "keep"]),
};
