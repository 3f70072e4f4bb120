//! Profiles and seats.

use serde_json::{Value, json};
use simulator::Instance;

use crate::cloud::{get, invite, post};

answers! { launchpad: {
    "A40" seats_of_a_profile_with_a_trial { "separate" => [5, 2], "merged" => [7] }
    "seats" who_takes_a_seat { "users" => [0, 1], "users and invites" => [1, 1] }
    "seatsExhausted" an_invite_without_a_seat {
        "item" => [200, 1, "jane@example.com", false],
        "422" => [422, 0, null, true],
    }
} }

async fn rows(space: &Instance, profile: &str) -> Vec<Value> {
    let (_, rows) = get(space, "/profiles").await;
    let rows = rows.as_array().unwrap().iter();
    rows.filter(|row| row["name"] == profile).cloned().collect()
}

async fn seats_of_a_profile_with_a_trial(space: &Instance) -> Value {
    let rows = rows(space, "designer").await;
    rows.iter().map(|row| row["totalSeats"].clone()).collect()
}

/// The used seats after an invite, and after it was accepted.
async fn who_takes_a_seat(space: &Instance) -> Value {
    let jane = "jane@example.com";
    post(space, "/invites", json!([invite(jane, "explorer")])).await;
    let invited = rows(space, "explorer").await[0]["usedSeats"].clone();
    space.act("acceptInvite", &json!({"email": jane})).unwrap();
    json!([invited, rows(space, "explorer").await[0]["usedSeats"]])
}

/// The status, how many of the batch stay, the item in errors, whether the part is named under `errors.json`.
async fn an_invite_without_a_seat(space: &Instance) -> Value {
    space
        .patch_state(json!({"profiles": {"explorer": {"totalSeats": 0}}}))
        .unwrap();
    let batch = json!([
        invite("free@example.com", "reader"),
        invite("jane@example.com", "explorer")
    ]);
    let (status, answer) = post(space, "/invites", batch).await;
    let stays = space.state_at("/invites").unwrap().as_object().unwrap().len();
    let item = answer.pointer("/errors/0/email");
    let part = answer.pointer("/errors/json/1/profile").is_some();
    json!([status, stays, item, part])
}
