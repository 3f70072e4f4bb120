//! How the Launchpad refuses: a status with a message, and the parts of a body that are wrong under `errors.json`.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Failure};
use crate::world::World;

/// What is wrong with a body: a message list for each part, nested as the body is.
pub(super) type Wrong = Map<String, Value>;

/// A refusal with a message.
pub(super) fn refuse(status: u16, message: impl Into<String>) -> Failure {
    Failure::new(status, "", message)
}

/// 404 for something asked for by id.
pub(super) fn unknown(what: &str, id: &str) -> Failure {
    refuse(404, format!("{what} {id} not found"))
}

/// 422 for a body, by part.
pub(super) fn unprocessable(wrong: Wrong) -> Failure {
    refuse(
        422,
        "The request was well-formed but was unable to be followed due to semantic errors.",
    )
    .detail(Value::Object(Map::from_iter([(
        "json".to_owned(),
        Value::Object(wrong),
    )])))
}

/// 422 unless nothing is wrong.
pub(super) fn unless_empty(wrong: Wrong) -> Result<(), Failure> {
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(unprocessable(wrong))
    }
}

/// The messages of one part.
pub(super) fn because(message: &str) -> Value {
    json!([message])
}

/// What is wrong with one part.
pub(super) fn wrong(part: &str, message: &str) -> Wrong {
    Map::from_iter([(part.to_owned(), because(message))])
}

/// The error body, as far as switch `A4` lets it be known.
pub(super) fn body(world: &World, failure: &Failure) -> Answer {
    let status = StatusCode::from_u16(failure.status).ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    let mut body = json!({"code": failure.status, "status": reason});
    match failure.detail.as_deref() {
        Some(detail) if world.switches.is("A4", "bare") => body = json!({"errors": detail}),
        Some(detail) if world.switches.is("A4", "message") => {
            body["message"] = json!(format!("{} {detail}", failure.message));
        }
        Some(detail) => body["errors"] = detail.clone(),
        None => body["message"] = json!(failure.message),
    }
    Answer::status(failure.status, &body)
}
