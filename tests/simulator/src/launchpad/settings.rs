//! The switches of the Launchpad.

use crate::switches::{Allowed, Fixed, Switch};

/// All of them; `simulator switches` prints this table.
pub(super) const SWITCHES: &[Switch] = &[
    choice(
        "tasks",
        &["normal", "failing", "none"],
        "how the propagation to the nodes ends; none: no task at all",
    ),
    Switch {
        name: "taskMillis",
        about: "how long a task takes on the clock of the space",
        default: Fixed::Number(4000),
        allowed: Allowed::Millis,
    },
    choice(
        "space",
        &["running", "stopped"],
        "tasks that a stopped space was given end after it runs again",
    ),
    choice(
        "seats",
        &["users", "users and invites"],
        "who takes a seat of a profile",
    ),
    choice(
        "seatsExhausted",
        &["item", "422"],
        "a profile without a free seat: an item in errors, or the batch is refused",
    ),
    choice(
        "inviteExpiry",
        &["never", "week"],
        "A51: whether an invite that nobody accepts goes away",
    ),
    Switch {
        name: "acceptMillis",
        about: "how long after an invite the invited person accepts it; 0: nobody accepts by themselves",
        default: Fixed::Number(0),
        allowed: Allowed::Millis,
    },
    choice(
        "repeatedMembers",
        &["once", "refused"],
        "somebody who is twice among the users of a group that is saved",
    ),
    choice(
        "A4",
        &["envelope", "bare", "message"],
        "body of a 422; message: nothing under errors.json",
    ),
    choice(
        "A38",
        &["write_groups", "write_users", "manage_groups"],
        "the scope for writing groups",
    ),
    choice("A39", &["nothing", "everything"], "what an empty filter list finds"),
    choice(
        "A40",
        &["separate", "merged"],
        "a trial row and a paid row of one profile name",
    ),
    choice(
        "A41",
        &["refused", "allowed"],
        "deletion of the owner and of their place among the administrators",
    ),
    choice(
        "A42",
        &["own", "dataiku"],
        "type of a node that is no Govern: design, automation, ... or dataiku",
    ),
    choice(
        "A43",
        &["type", "field", "accepted"],
        "rights that differ between nodes of one type, or of one field of the group, are refused",
    ),
    choice(
        "A44",
        &["object", "text", "nested", "422"],
        "an item in errors of a bulk answer; 422: the batch is refused",
    ),
    Switch {
        name: "A45",
        about: "status of a batch with failAllOnError that fails; from 400 on with errors.json",
        default: Fixed::Number(200),
        allowed: Allowed::Status,
    },
    choice(
        "A46",
        &["recorded", "propagated"],
        "when reads show a write: at once, or after its task",
    ),
    Switch {
        name: "A47",
        about: "status for the name of another group",
        default: Fixed::Number(422),
        allowed: Allowed::ErrorStatus,
    },
    choice(
        "A48",
        &["renamed", "ignored", "refused"],
        "a PUT of a group with another name",
    ),
    choice(
        "A49",
        &["insensitive", "lowercase", "sensitive"],
        "case of an email; lowercase: stored so",
    ),
    choice("A51", &["new", "same"], "the id of a user who accepted an invite"),
];

/// A switch between words, the first of which is the default.
const fn choice(name: &'static str, words: &'static [&'static str], about: &'static str) -> Switch {
    Switch {
        name,
        about,
        default: Fixed::Text(words[0]),
        allowed: Allowed::OneOf(words),
    }
}
