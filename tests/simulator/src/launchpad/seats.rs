//! L15: profiles and their seats.

use serde_json::{Value, json};

use super::bulk::Refused;
use super::records::text;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::operation::Verb::Get;
use crate::operation::{Operation, Right, reads};
use crate::world::World;

/// The rows of this file.
pub(super) const OPERATIONS: &[Operation] = &[reads(
    "L15",
    Get,
    "/spaces/{spaceId}/profiles",
    Right::Named("read_users"),
    list,
)];

fn list(world: &mut World, _call: &Call) -> Result<Answer, Failure> {
    Ok(Answer::list(rows(world).into_iter()))
}

/// The rows as they are shown. With switch `A40` at `merged`, one name is one row.
fn rows(world: &World) -> Vec<Value> {
    let merged = world.switches.is("A40", "merged");
    let mut rows: Vec<Value> = Vec::new();
    for stored in world.read("profiles").values() {
        let row = with_used(world, stored);
        let same = |known: &&mut Value| merged && known["name"] == row["name"];
        if let Some(known) = rows.iter_mut().find(same) {
            known["totalSeats"] = json!(add_seats(&known["totalSeats"], &row["totalSeats"]));
            known["usedSeats"] = json!(add_seats(&known["usedSeats"], &row["usedSeats"]));
            known["isTrial"] = json!(false);
        } else {
            rows.push(row);
        }
    }
    rows
}

/// -1 is unlimited.
fn add_seats(one: &Value, other: &Value) -> i64 {
    let (one, other) = (one.as_i64().unwrap_or_default(), other.as_i64().unwrap_or_default());
    if one < 0 || other < 0 { -1 } else { one + other }
}

/// A stored row with its used seats.
pub(super) fn with_used(world: &World, stored: &Value) -> Value {
    let key = (text(stored, "name"), stored["isTrial"] == true);
    json!({
        "name": stored["name"],
        "totalSeats": stored["totalSeats"],
        "usedSeats": used(world, key, None),
        "isTrial": stored["isTrial"],
    })
}

/// How many hold a seat; an email that is about to change does not count.
fn used(world: &World, key: (&str, bool), except: Option<&str>) -> usize {
    let holds = |one: &&Value| profile_key(&one["profile"]) == key && Some(text(one, "email")) != except;
    let users = world.read("users").values().filter(holds).count();
    if world.switches.is("seats", "users and invites") {
        users + world.read("invites").values().filter(holds).count()
    } else {
        users
    }
}

/// The identity of a profile.
fn profile_key(profile: &Value) -> (&str, bool) {
    (text(profile, "name"), profile["isTrial"] == true)
}

/// Checks that a profile exists and has a seat for an email.
pub(super) fn check(world: &World, profile: &Value, email: &str) -> Result<(), Refused> {
    let key = profile_key(profile);
    let mut rows = world.read("profiles").values();
    let Some(row) = rows.find(|row| profile_key(row) == key) else {
        let kind = if key.1 { "trial profile" } else { "profile" };
        return Err(Refused::new("profile", format!("Unknown {kind} {}", key.0)));
    };
    let total = row["totalSeats"].as_i64().unwrap_or(-1);
    // Nobody is counted for an unlimited profile: a batch may be long.
    if total >= 0 && i64::try_from(used(world, key, Some(email))).unwrap_or(i64::MAX) >= total {
        return Err(Refused {
            no_seat: true,
            ..Refused::new("profile", format!("No seat left for profile {}", key.0))
        });
    }
    Ok(())
}
