//! Invites and users.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Instance;

use crate::cloud::{found, invite, post};

answers! { launchpad: {
    "A49" an_email_in_another_case {
        "insensitive" => {"found": ["Jane@Example.com"], "again": 1},
        "lowercase" => {"found": ["jane@example.com"], "again": 1},
        "sensitive" => {"found": [], "again": 0},
    }
    "A51" whether_a_user_has_the_id_of_the_invite { "new" => false, "same" => true }
    "acceptMillis" who_is_a_user_a_second_after_an_invite { 0 => [1, 0], 500 => [0, 1] }
    "inviteExpiry" an_invite_after_eight_days { "never" => [1, true], "week" => [0, false] }
} }

/// What a search in another case finds, and the errors of an invite in another case.
async fn an_email_in_another_case(space: &Instance) -> Value {
    let (_, answer) = post(space, "/invites", json!([invite("Jane@Example.com", "reader")])).await;
    assert_eq!(
        answer["successes"][0]["email"], "Jane@Example.com",
        "the client looks up what it sent"
    );
    let found = found(space, "/invites/search", json!({"emails": ["jane@example.COM"]})).await;
    let emails: Vec<&Value> = found.iter().map(|invite| &invite["email"]).collect();
    let (_, again) = post(space, "/invites", json!([invite("jane@example.COM", "reader")])).await;
    json!({"found": emails, "again": again["errors"].as_array().unwrap().len()})
}

async fn whether_a_user_has_the_id_of_the_invite(space: &Instance) -> Value {
    let (_, answer) = post(space, "/invites", json!([invite("jane@example.com", "reader")])).await;
    let user = space
        .act("acceptInvite", &json!({"email": "jane@example.com"}))
        .unwrap();
    json!(user["id"] == answer["successes"][0]["id"])
}

/// How many are left, and whether one can still be accepted.
async fn an_invite_after_eight_days(space: &Instance) -> Value {
    post(space, "/invites", json!([invite("jane@example.com", "reader")])).await;
    space.advance(Duration::from_hours(8 * 24));
    let left = found(space, "/invites/search", json!({})).await.len();
    let accepted = space.act("acceptInvite", &json!({"email": "jane@example.com"}));
    json!([left, accepted.is_ok()])
}

/// How many are invited and how many of them are users a second later.
async fn who_is_a_user_a_second_after_an_invite(space: &Instance) -> Value {
    post(space, "/invites", json!([invite("jane@example.com", "reader")])).await;
    space.advance(Duration::from_secs(1));
    let mut seen = Vec::new();
    for path in ["/invites/search", "/users/search"] {
        seen.push(found(space, path, json!({"emails": ["jane@example.com"]})).await.len());
    }
    json!(seen)
}
