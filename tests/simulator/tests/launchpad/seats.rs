//! Profiles and seats.

use serde_json::{Value, json};

use crate::client::{get, joined, put, space};

fn row(rows: &Value, name: &str, trial: bool) -> Value {
    let mut rows = rows.as_array().unwrap().iter();
    rows.find(|row| row["name"] == name && row["isTrial"] == trial)
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_trial_and_a_paid_row_share_a_name() {
    let space = space().await;
    let (_, rows) = get(&space, "/profiles").await;
    let expected = json!({"name": "designer", "totalSeats": 5, "usedSeats": 1, "isTrial": false});
    assert_eq!(row(&rows, "designer", false), expected);
    assert_eq!(row(&rows, "designer", true)["totalSeats"], 2);
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
