//! The apiserver in memory answers as the real one does: the same requests go to both, and the answers are compared.

mod generated;
mod script;

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{
    Method, Request,
    header::{ACCEPT, CONTENT_TYPE},
};
use futures::TryStreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams, WatchEvent, WatchParams},
    runtime::{conditions, wait::await_condition},
};
use memory_apiserver::{MemoryApiserver, Registered};
use serde_json::{Value, json};
use testbed::Namespace;
use tokio::sync::OnceCell;

const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json";
const INITIAL_END: &str = "k8s.io/initial-events-end";
/// Sequences of generated requests.
const SEEDS: u64 = 6;

fn definition() -> CustomResourceDefinition {
    let conditions = json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["type"],
            "properties": { "type": { "type": "string" } },
            "x-kubernetes-preserve-unknown-fields": true,
        },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    });
    let text = json!({ "type": "string" });
    let deep = json!({ "type": "object", "properties": { "always": text, "a": text, "b": text, "c": text } });
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.likeness.example.com" },
        "spec": {
            "group": "likeness.example.com",
            "scope": "Namespaced",
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget" },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": open,
                        "status": {
                            "type": "object",
                            "nullable": true,
                            "properties": { "conditions": conditions, "deep": deep },
                            "x-kubernetes-preserve-unknown-fields": true,
                        },
                    },
                } },
            }],
        },
    });
    serde_json::from_value(definition).unwrap()
}

/// One side of the comparison, and what it answered so far.
struct Conversation {
    client: Client,
    namespace: String,
    names: BTreeMap<String, String>,
    transcript: Vec<String>,
}

impl Conversation {
    fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            names: BTreeMap::new(),
            transcript: Vec::new(),
        }
    }

    fn path(&self, rest: &str) -> String {
        let namespace = &self.namespace;
        match rest.strip_prefix("secrets") {
            Some(rest) => format!("/api/v1/namespaces/{namespace}/secrets{rest}"),
            None => format!("/apis/likeness.example.com/v1/namespaces/{namespace}/{rest}"),
        }
    }

    /// Sends a request, notes the answer, and returns its body.
    async fn ask(&mut self, method: Method, rest: &str, content_type: &str, body: Value) -> Value {
        self.ask_for(JSON, method, rest, content_type, body).await
    }

    async fn ask_for(&mut self, accept: &str, method: Method, rest: &str, content_type: &str, body: Value) -> Value {
        let number = self.transcript.len();
        let what = format!("{number} {method} {rest}");
        let request = Request::builder()
            .method(method)
            .uri(self.path(rest))
            .header(CONTENT_TYPE, content_type)
            .header(ACCEPT, accept)
            .body(match body {
                Value::Null => Vec::new(),
                body => serde_json::to_vec(&body).unwrap(),
            })
            .unwrap();
        let response = self.client.send(request.map(Into::into)).await.unwrap();
        let code = response.status().as_u16();
        let answer = response.into_body().collect_bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_else(|_| json!(String::from_utf8_lossy(&answer)));
        let shown = self.shown(&answer);
        self.transcript.push(format!("{what}\n    {code} {shown}"));
        answer
    }

    /// Asks for what has no name that both sides share.
    async fn ask_unnamed(&mut self, method: Method, rest: &str) -> Value {
        let answer = self.ask(method, rest, JSON, Value::Null).await;
        let shown = self.transcript.pop().unwrap();
        let (_, shown) = shown.split_once('\n').unwrap();
        self.transcript.push(shown.to_owned());
        answer
    }

    async fn create(&mut self, body: Value) -> Value {
        self.ask(Method::POST, "widgets", JSON, body).await
    }

    async fn merge(&mut self, rest: &str, body: Value) -> Value {
        self.ask(Method::PATCH, rest, MERGE, body).await
    }

    async fn apply(&mut self, rest: &str, manager: &str, body: Value) -> Value {
        let name = rest.split(['/', '?']).nth(1).unwrap();
        let mut object = widget(name, body);
        object["metadata"]["name"] = json!(name);
        self.ask(Method::PATCH, &format!("{rest}fieldManager={manager}"), APPLY, object)
            .await
    }

    async fn get(&mut self, name: &str) -> Value {
        self.ask(Method::GET, &format!("widgets/{name}"), JSON, Value::Null)
            .await
    }

    /// The answer without what differs between any two servers.
    fn shown(&mut self, answer: &Value) -> String {
        let mut answer = answer.clone();
        self.strip(&mut answer);
        if answer["kind"] == "Status" && answer["status"] == "Failure" {
            let causes = answer["details"]["causes"].as_array().cloned().unwrap_or_default();
            let is_conflict = |cause: &&Value| cause["reason"] == "FieldManagerConflict";
            let conflicts = causes.iter().filter(is_conflict);
            let conflicts: BTreeSet<_> = conflicts.filter_map(|cause| cause["field"].as_str()).collect();
            if causes.len() > 1 && !conflicts.is_empty() {
                // The managers come in no order.
                return format!("{} {conflicts:?}", answer["reason"]);
            }
            return format!("{} {} {conflicts:?}", answer["reason"], answer["message"]);
        }
        sorted(&answer).to_string()
    }

    fn strip(&mut self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("managedFields");
                let is_list = members.contains_key("items");
                for (name, member) in members.iter_mut() {
                    if is_list && name == "metadata" {
                        member["resourceVersion"] = json!("some version");
                        member.as_object_mut().unwrap().remove("continue");
                        continue;
                    }
                    match (name.as_str(), member.as_str()) {
                        ("uid", Some(uid)) => *member = json!(self.name("uid", uid)),
                        ("resourceVersion", Some(version)) => *member = json!(self.name("version", version)),
                        ("creationTimestamp" | "deletionTimestamp", Some(_)) => *member = json!("some time"),
                        ("namespace", Some(_)) => *member = json!("here"),
                        ("message", Some(message)) => *member = json!(self.plain(message)),
                        _ => self.strip(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.strip(item)),
            _ => {}
        }
    }

    /// Text with names for the namespace and the uids and versions that were seen, without what only Go would say.
    fn plain(&self, text: &str) -> String {
        for beginning in ["invalid continue token", "error decoding patch"] {
            if text.starts_with(beginning) {
                return beginning.to_owned();
            }
        }
        let mut text = text.replace(&self.namespace, "here");
        for (value, name) in &self.names {
            text = if name.starts_with("uid") {
                text.replace(value, name)
            } else {
                text.replace(&format!("({value})"), name)
            };
        }
        text
    }

    fn name(&mut self, what: &str, value: &str) -> String {
        let number = self.names.values().filter(|name| name.starts_with(what)).count();
        let name = self.names.entry(value.to_owned());
        name.or_insert_with(|| format!("{what} {number}")).clone()
    }

    /// Every event from a version on until a widget called `end` comes, or the last of the initial events.
    async fn watch(&mut self, from: &str, parameters: &WatchParams) {
        let resource = ApiResource {
            group: "likeness.example.com".into(),
            version: "v1".into(),
            api_version: "likeness.example.com/v1".into(),
            kind: "Widget".into(),
            plural: "widgets".into(),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let mut events = Box::pin(api.watch(parameters, from).await.unwrap());
        while let Some(event) = events.try_next().await.unwrap() {
            let (what, object) = match event {
                WatchEvent::Added(object) => ("added", object),
                WatchEvent::Modified(object) => ("modified", object),
                WatchEvent::Deleted(object) => ("deleted", object),
                WatchEvent::Bookmark(bookmark) if bookmark.metadata.annotations.contains_key(INITIAL_END) => {
                    self.transcript.push("end of the initial events".into());
                    return;
                }
                WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(status) => panic!("{status:?}"),
            };
            let is_end = object.metadata.name.as_deref() == Some("end") && !parameters.send_initial_events;
            let shown = self.shown(&serde_json::to_value(object).unwrap());
            self.transcript.push(format!("{what} {shown}"));
            if is_end {
                return;
            }
        }
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().map(|(name, member)| (name, sorted(member))).collect();
            json!(sorted)
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "every caller makes the rest on the spot")]
fn widget(name: &str, rest: Value) -> Value {
    let mut widget = json!({
        "apiVersion": "likeness.example.com/v1",
        "kind": "Widget",
        "metadata": { "name": name },
    });
    widget
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    widget
}

async fn play(client: Client, namespace: &str) -> Vec<String> {
    let mut it = Conversation::new(client, namespace);
    let begin = it.create(widget("begin", json!({}))).await;
    script::objects(&mut it).await;
    script::pages(&mut it).await;
    script::replacements(&mut it).await;
    script::merges(&mut it).await;
    script::deletions(&mut it).await;
    script::applies(&mut it).await;
    script::applies_of_a_status(&mut it).await;
    script::applies_of_metadata(&mut it).await;
    script::secrets(&mut it).await;
    script::metadata(&mut it).await;
    it.create(widget(
        "end",
        json!({ "metadata": { "name": "end", "labels": { "watched": "" } } }),
    ))
    .await;
    let begin = begin["metadata"]["resourceVersion"].as_str().unwrap();
    it.watch(begin, &WatchParams::default()).await;
    it.watch(begin, &WatchParams::default().labels("watched")).await;
    it.watch("0", &WatchParams::default().initial_events()).await;
    it.transcript
}

async fn play_generated(client: Client, namespace: &str, seed: u64) -> Vec<String> {
    let mut it = Conversation::new(client, namespace);
    let begin = it.create(widget("begin", json!({}))).await;
    generated::requests(&mut it, seed).await;
    it.create(widget("end", json!({}))).await;
    it.watch(
        begin["metadata"]["resourceVersion"].as_str().unwrap(),
        &WatchParams::default(),
    )
    .await;
    it.transcript
}

/// The real one, which knows the kind, and the one in memory.
async fn both() -> (Namespace, MemoryApiserver) {
    static DEFINED: OnceCell<()> = OnceCell::const_new();
    let namespace = Namespace::create("likeness").await.unwrap();
    let client = namespace.client();
    let define = async move || {
        let definitions: Api<CustomResourceDefinition> = Api::all(client);
        definitions.create(&PostParams::default(), &definition()).await.unwrap();
        let established = await_condition(
            definitions,
            "widgets.likeness.example.com",
            conditions::is_crd_established(),
        );
        established.await.unwrap();
    };
    DEFINED.get_or_init(define).await;
    let memory = MemoryApiserver::new();
    memory.register(Registered::from_crd(&definition()));
    (namespace, memory)
}

fn compare(seed: u64, real: &[String], in_memory: &[String]) {
    for (step, (real, in_memory)) in real.iter().zip(in_memory).enumerate() {
        assert_eq!(real, in_memory, "seed {seed}, step {step}");
    }
    assert_eq!(real.len(), in_memory.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apiserver_in_memory_answers_as_the_real_one() {
    let (namespace, memory) = both().await;
    let real = play(namespace.client(), namespace.name()).await;
    let in_memory = play(memory.client(), "in-memory-only").await;
    compare(0, &real, &in_memory);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apiserver_in_memory_answers_generated_requests_as_the_real_one() {
    for seed in 0..SEEDS {
        let (namespace, memory) = both().await;
        let real = play_generated(namespace.client(), namespace.name(), seed).await;
        let in_memory = play_generated(memory.client(), "in-memory-only", seed).await;
        compare(seed, &real, &in_memory);
    }
}
