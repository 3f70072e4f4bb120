//! The condition `InUse`, for everything that may be known and unknown.

#![allow(clippy::needless_pass_by_value, reason = "every caller makes the JSON on the spot")]

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Lack, Part, Running, in_use::in_use};
use crate::{
    dataiku::{dip::users::UserRecord, error::ErrorKind, listed::Listed},
    engine::status::Truth,
    kinds::node::tests::user,
};

fn users(users: &[Value]) -> Listed<Arc<UserRecord>> {
    Listed {
        items: users.iter().map(user).collect(),
        unreadable: 0,
    }
}

fn nobody() -> Listed<Arc<UserRecord>> {
    users(&[json!({ "login": "jane", "activeWebSocketSesssions": 0 })])
}

fn list<T: serde::de::DeserializeOwned>(elements: Value) -> Part<T> {
    Part::Read(serde_json::from_str(&elements.to_string()).unwrap())
}

fn idle() -> Running {
    Running {
        at: Some(Instant::now()),
        tasks: list(json!([])),
        jobs: Some(list(json!([]))),
        notebooks: Some(list(json!([]))),
    }
}

fn failed<T>(kind: ErrorKind) -> Part<T> {
    Part::Failed(Lack(kind))
}

fn told(users: &Listed<Arc<UserRecord>>, running: Option<&Running>) -> (Truth, &'static str, String) {
    let condition = in_use(users, running);
    (condition.status, condition.reason, condition.message)
}

#[test]
fn a_node_where_nobody_has_a_session_and_nothing_runs_is_not_in_use() {
    let (status, reason, _) = told(&nobody(), Some(&idle()));
    assert_eq!((status, reason), (Truth::False, "Idle"));
}

#[test]
fn whoever_has_a_session_and_whatever_runs_is_named_up_to_five() {
    let connected: Vec<_> = ["b", "a"]
        .iter()
        .map(|login| json!({ "login": login, "activeWebSocketSesssions": 1 }))
        .collect();
    let running = Running {
        tasks: list(
            json!([{ "jobId": "t1", "owner": "ana", "payload": { "displayName": "Push\nimages" } }, { "jobId": "t2" }]),
        ),
        jobs: Some(list(
            json!([{ "def": { "projectKey": "P", "id": "j1" } }, { "odd": 1 }]),
        )),
        notebooks: Some(list(json!([
            { "projectKey": "P", "name": "n1", "activeSessions": [{ "kernelExecutionState": "busy" }] },
            { "projectKey": "P", "name": "closed", "activeSessions": [] },
        ]))),
        ..idle()
    };
    let (status, reason, message) = told(&users(&connected), Some(&running));
    assert_eq!((status, reason), (Truth::True, "InUse"));
    assert_eq!(
        message,
        "session of a, session of b, job j1 in P, notebook n1 in P, task Pushimages of ana, and 2 more"
    );
    let (status, _, message) = told(&nobody(), Some(&running));
    assert_eq!(status, Truth::True);
    assert!(message.starts_with("job j1 in P"), "{message}");
}

#[test]
fn what_cannot_be_read_is_never_taken_for_idle() {
    let unread = Running {
        tasks: Part::Unread,
        ..idle()
    };
    let cases = [
        (nobody(), None),
        (
            nobody(),
            Some(Running {
                tasks: failed(ErrorKind::Forbidden),
                ..idle()
            }),
        ),
        (
            nobody(),
            Some(Running {
                notebooks: Some(failed(ErrorKind::NotFound)),
                ..idle()
            }),
        ),
        (
            nobody(),
            Some(Running {
                jobs: Some(failed(ErrorKind::Timeout)),
                ..idle()
            }),
        ),
        (nobody(), Some(unread)),
        // The node does not say who has a session, as Govern.
        (users(&[json!({ "login": "jane" })]), Some(idle())),
        (
            Listed {
                items: Vec::new(),
                unreadable: 1,
            },
            Some(idle()),
        ),
    ];
    for (users, running) in cases {
        let (status, _, message) = told(&users, running.as_ref());
        assert_eq!(status, Truth::Unknown, "{message}");
    }
}

#[test]
fn what_is_known_to_run_counts_although_other_lists_cannot_be_read() {
    let running = Running {
        tasks: list(json!([{ "jobId": "t1" }])),
        jobs: Some(failed(ErrorKind::Forbidden)),
        ..idle()
    };
    let unknown = users(&[json!({ "login": "jane" })]);
    assert_eq!(told(&unknown, Some(&running)).0, Truth::True);
    let connected = users(&[json!({ "login": "jane", "activeWebSocketSesssions": 2 })]);
    assert_eq!(told(&connected, None).0, Truth::True);
}

#[test]
fn a_release_that_does_not_list_jobs_says_so() {
    let running = Running {
        jobs: Some(failed(ErrorKind::NotFound)),
        ..idle()
    };
    let (status, reason, message) = told(&nobody(), Some(&running));
    assert_eq!((status, reason), (Truth::False, "JobsUnknown"), "{message}");
}
