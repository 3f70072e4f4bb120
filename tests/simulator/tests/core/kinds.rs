//! What each kind of fault does to a call and to the state, whatever the product.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use simulator::{Instance, InstanceConfig, Product, Simulator};

use crate::client::dss;

const ENOUGH_OF_AN_ENDLESS_BODY: usize = 1 << 20;

/// A fault, what the client of a bulk of two people sees, and how many people there are then.
fn rows() -> Vec<(Value, &'static str, usize)> {
    let human = json!({"users": {"human": {"email": "human@example.com"}}});
    vec![
        (json!({"kind": "latency", "millis": 60}), "whole", 2),
        (json!({"kind": "late", "millis": 60}), "whole", 2),
        (
            json!({"kind": "status", "status": 503, "retryAfter": "7"}),
            "503 after 7",
            0,
        ),
        (json!({"kind": "status", "status": 500}), "500 after nothing", 0),
        (
            json!({"kind": "quote", "status": 400, "of": "credential", "encoding": "html"}),
            "400 after nothing",
            0,
        ),
        (json!({"kind": "dropBefore"}), "cut", 0),
        (json!({"kind": "dropAfter"}), "cut", 2),
        (json!({"kind": "html", "page": "error", "status": 502}), "page", 0),
        (json!({"kind": "truncate"}), "half a document", 2),
        (json!({"kind": "slowDrip", "bytesPerSecond": 1000}), "whole", 2),
        (json!({"kind": "endless"}), "no end", 2),
        (json!({"kind": "elements", "append": [7]}), "whole", 2),
        (json!({"kind": "halfFailedBulk"}), "whole", 1),
        (json!({"kind": "edit", "when": "before", "patch": human}), "whole", 3),
    ]
}

fn kind(fault: &Value) -> &str {
    fault["kind"].as_str().unwrap()
}

/// The creation or the invitation of two people in one call.
fn bulk(node: &Instance) -> RequestBuilder {
    let (path, user, password) = match node.product() {
        Product::Launchpad => (
            format!("/spaces/{}/invites", node.space_id()),
            node.api_key_id(),
            node.api_key_secret(),
        ),
        _ => ("/public/api/admin/users/actions/bulk".to_owned(), node.api_key(), ""),
    };
    let person = |name: &str| {
        json!({"login": name, "password": "s3cret!", "displayName": name, "userProfile": "READER",
               "email": format!("{name}@example.com"), "profile": {"name": "reader"}, "groups": []})
    };
    let request = Client::new().post(format!("{}{path}", node.url()));
    let body = json!([person("one"), person("two")]);
    request.basic_auth(user, Some(password)).body(body.to_string())
}

async fn seen(request: RequestBuilder) -> String {
    let Ok(mut answer) = request.send().await else {
        return "cut".to_owned();
    };
    let status = answer.status().as_u16();
    let header = |name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
    let (media, after) = (header("Content-Type").unwrap(), header("Retry-After"));
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
        if body.len() > ENOUGH_OF_AN_ENDLESS_BODY {
            return "no end".to_owned();
        }
    }
    if media == "text/html" {
        return "page".to_owned();
    }
    match serde_json::from_slice::<Value>(&body) {
        Err(_) => "half a document".to_owned(),
        Ok(refusal) if status >= 400 => {
            assert!(refusal["message"].is_string(), "the shape of the product: {refusal}");
            format!("{status} after {}", after.as_deref().unwrap_or("nothing"))
        }
        Ok(_) => "whole".to_owned(),
    }
}

/// Users and invites, but for the one user of a fresh instance.
fn people(node: &Instance) -> usize {
    let count = |part: &str| {
        let part = node.state_at(part);
        part.map_or(0, |part| part.as_object().unwrap().len())
    };
    count("/users") + count("/invites") - 1
}

async fn each_kind_on(product: Product) {
    let simulator = Simulator::start().await.unwrap();
    for (fault, expected, there) in rows() {
        let node = simulator.instance(InstanceConfig::new(product)).await.unwrap();
        node.fault(json!({"match": {"writes": true, "method": "POST"}, "fault": fault}));
        let start = Instant::now();
        let outcome = seen(bulk(&node)).await;
        if ["latency", "late", "slowDrip"].contains(&kind(&fault)) {
            assert!(start.elapsed() >= Duration::from_millis(60), "{fault}");
        }
        assert_eq!((outcome.as_str(), people(&node)), (expected, there), "{fault}");
        assert_eq!(node.requests().log[0].fault.as_deref(), Some(kind(&fault)));
        assert_ne!(seen(bulk(&node)).await, "cut", "a rule fires once");
    }
}

#[tokio::test]
async fn each_kind_of_fault_spoils_a_call_of_dss() {
    each_kind_on(Product::Dss).await;
}

#[tokio::test]
async fn each_kind_of_fault_spoils_a_call_of_govern() {
    each_kind_on(Product::Govern).await;
}

#[tokio::test]
async fn each_kind_of_fault_spoils_a_call_of_the_launchpad() {
    each_kind_on(Product::Launchpad).await;
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[tokio::test]
async fn every_kind_of_fault_is_shown_and_documented() {
    let unknown = json!({"fault": {"kind": "earthquake"}});
    let refusal = dss().await.try_fault(unknown).unwrap_err().to_string();
    let (_, known) = refusal.split_once("expected one of").unwrap();
    let known: BTreeSet<&str> = quoted(known).collect();
    let rows = rows();
    let shown: BTreeSet<&str> = rows.iter().map(|(fault, ..)| kind(fault)).collect();
    assert_eq!(shown, known, "what `rows` shows, and what the simulator knows");

    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/simulator.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("| `kind` |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<&str> = rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap())).collect();
    assert_eq!(documented, known, "the table of kinds, and what the simulator knows");
}
