//! Requests that nobody thought of: drawn from a few names, fields and managers, so that they meet.

use axum::http::Method;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::{Conversation, JSON, MERGE, widget};

/// Requests of one sequence.
const REQUESTS: usize = 80;
const NAMES: [&str; 2] = ["x", "y"];
const MANAGERS: [&str; 3] = ["one", "two", "three"];

/// Sends a sequence of requests, the same for the same seed and the same answers.
pub async fn requests(it: &mut Conversation, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut latest = Value::Null;
    for _ in 0..REQUESTS {
        let name = *NAMES.choose(&mut rng).unwrap();
        let to_status = rng.random_bool(0.4);
        let place = format!("widgets/{name}{}", if to_status { "/status" } else { "" });
        let answer = match rng.random_range(0..20) {
            0..2 => {
                let mut object = widget(name, body(&mut rng, false));
                object["metadata"]["name"] = json!(name);
                it.create(object).await
            }
            2..12 => {
                let manager = *MANAGERS.choose(&mut rng).unwrap();
                let force = if rng.random_bool(0.5) { "force=true&" } else { "" };
                let mut body = body(&mut rng, to_status);
                // A part that the path ignores reorders the managed fields, which is a write that nobody sees.
                body.as_object_mut()
                    .unwrap()
                    .remove(if to_status { "spec" } else { "status" });
                it.apply(&format!("{place}?{force}"), manager, body).await
            }
            12..15 => {
                let mut patch = body(&mut rng, to_status);
                if rng.random_bool(0.3) && latest["metadata"]["name"] == name {
                    patch["metadata"]["resourceVersion"] = latest["metadata"]["resourceVersion"].clone();
                }
                let manager = MANAGERS.choose(&mut rng).unwrap();
                it.ask(Method::PATCH, &format!("{place}?fieldManager={manager}"), MERGE, patch)
                    .await
            }
            15..17 if latest["metadata"]["name"] == name => {
                let mut object = latest.clone();
                let parts = body(&mut rng, to_status);
                for part in ["spec", "status"] {
                    if parts[part].is_object() {
                        object[part] = parts[part].clone();
                    }
                }
                it.ask(Method::PUT, &place, JSON, object).await
            }
            17 => {
                it.ask(Method::DELETE, &format!("widgets/{name}"), JSON, Value::Null)
                    .await
            }
            _ => it.get(name).await,
        };
        if answer["metadata"]["name"].is_string() && rng.random_bool(0.7) {
            latest = answer;
        }
    }
}

fn body(rng: &mut StdRng, to_status: bool) -> Value {
    let mut body = json!({ "metadata": {} });
    if to_status || rng.random_bool(0.1) {
        body["status"] = status(rng);
    }
    if !to_status || rng.random_bool(0.1) {
        body["spec"] = fields(rng);
        if rng.random_bool(0.2) {
            body["metadata"]["labels"] = fields(rng);
        }
        if rng.random_bool(0.15) {
            body["metadata"]["finalizers"] = finalizers(rng);
        }
    }
    body
}

/// Never empty, since what an emptied part becomes depends on its schema.
fn fields(rng: &mut StdRng) -> Value {
    let mut fields = json!({ "always": "here" });
    for field in ["a", "b", "c"] {
        if rng.random_bool(0.5) {
            fields[field] = json!(["u", "v", "w"].choose(rng).unwrap());
        }
    }
    fields
}

fn status(rng: &mut StdRng) -> Value {
    let mut status = fields(rng);
    if rng.random_bool(0.3) {
        status["deep"] = fields(rng);
    }
    let conditions: Vec<Value> = ["Ready", "Stalled"]
        .into_iter()
        .filter(|_| rng.random_bool(0.5))
        .map(|condition| json!({ "type": condition }))
        .collect();
    let conditions = conditions.into_iter().map(|mut condition| {
        for field in ["status", "reason"] {
            if rng.random_bool(0.7) {
                condition[field] = json!(["True", "False"].choose(rng).unwrap());
            }
        }
        condition
    });
    status["conditions"] = conditions.collect();
    status
}

/// Never empty, since an apiserver stores an empty list at first and drops it with the next write.
fn finalizers(rng: &mut StdRng) -> Value {
    match rng.random_range(0..3) {
        0 => json!(["example.com/a"]),
        1 => json!(["example.com/b"]),
        _ => json!(["example.com/a", "example.com/b"]),
    }
}
