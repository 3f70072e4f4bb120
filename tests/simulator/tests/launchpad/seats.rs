//! Profiles and seats.

use serde_json::{Value, json};

use crate::client::{get, invite, joined, post, put, space};

fn row(rows: &Value, name: &str, trial: bool) -> Value {
    let mut rows = rows.as_array().unwrap().iter();
    rows.find(|row| row["name"] == name && row["isTrial"] == trial)
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_profile_counts_users_or_users_and_invites() {
    let space = space().await;
    post(&space, "/invites", json!([invite("jane@example.com", "explorer")])).await;
    let used = |rows: Value| row(&rows, "explorer", false)["usedSeats"].clone();
    assert_eq!(used(get(&space, "/profiles").await.1), 0);
    space.switch("seats", json!("users and invites")).unwrap();
    assert_eq!(used(get(&space, "/profiles").await.1), 1);
    space
        .act("acceptInvite", &json!({"email": "jane@example.com"}))
        .unwrap();
    assert_eq!(used(get(&space, "/profiles").await.1), 1);
}

#[tokio::test]
async fn a_trial_and_a_paid_row_share_a_name_or_are_one() {
    let space = space().await;
    let (_, rows) = get(&space, "/profiles").await;
    let expected = json!({"name": "designer", "totalSeats": 5, "usedSeats": 1, "isTrial": false});
    assert_eq!(row(&rows, "designer", false), expected);
    assert_eq!(row(&rows, "designer", true)["totalSeats"], 2);
    space.switch("A40", json!("merged")).unwrap();
    let (_, rows) = get(&space, "/profiles").await;
    assert_eq!(row(&rows, "designer", false)["totalSeats"], 7);
    assert_eq!(rows.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_profile_without_a_seat_is_an_item_or_refuses_the_batch() {
    let space = space().await;
    space
        .patch_state(json!({"profiles": {"explorer": {"totalSeats": 0}}}))
        .unwrap();
    let batch = |first: &str| json!([invite(first, "explorer"), invite("free@example.com", "reader")]);
    let (status, answer) = post(&space, "/invites", batch("jane@example.com")).await;
    assert_eq!((status, answer["successes"].as_array().unwrap().len()), (200, 1));
    assert_eq!(answer["errors"][0]["email"], "jane@example.com");
    space.switch("seatsExhausted", json!("422")).unwrap();
    let batch = json!([
        invite("free2@example.com", "reader"),
        invite("jane@example.com", "explorer")
    ]);
    let (status, answer) = post(&space, "/invites", batch).await;
    assert_eq!(status, 422);
    assert!(answer["errors"]["json"]["1"]["profile"].is_array());
    assert_eq!(space.state_at("/invites").unwrap().as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_change_of_profile_needs_a_seat_and_no_change_needs_none() {
    let space = space().await;
    let mut user = joined(&space, "jane@example.com").await;
    space
        .patch_state(json!({"profiles": {"explorer": {"totalSeats": 0}, "reader": {"totalSeats": 1}}}))
        .unwrap();
    assert_eq!(put(&space, "/users", json!([user])).await.1["errors"], json!([]));
    user["profile"]["name"] = json!("explorer");
    assert_eq!(
        put(&space, "/users", json!([user])).await.1["errors"][0]["id"],
        user["id"]
    );
    user["profile"]["name"] = json!("no-such-profile");
    assert_eq!(
        put(&space, "/users", json!([user])).await.1["errors"][0]["id"],
        user["id"]
    );
}
