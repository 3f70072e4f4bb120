//! Requests in a given order: what an object may be, how it changes and how it goes.

use axum::http::Method;
use serde_json::{Value, json};

use super::{APPLY, Conversation, JSON, JSON_PATCH, MERGE, widget};

const OTHER_UID: &str = "00000000-1111-2222-3333-444444444444";

pub async fn objects(it: &mut Conversation) {
    it.create(widget(
        "a",
        json!({ "spec": { "size": 1 }, "status": { "phase": "ignored" } }),
    ))
    .await;
    it.create(widget("a", json!({}))).await;
    it.create(widget("No", json!({}))).await;
    it.create(json!({ "kind": "Widget", "metadata": { "name": "x" } }))
        .await;
    it.create(json!({ "apiVersion": "likeness.example.com/v1", "kind": "Widget", "metadata": {} }))
        .await;
    let versioned = json!({ "name": "x", "resourceVersion": "5" });
    it.create(widget("x", json!({ "metadata": versioned }))).await;
    it.create(widget(
        "x",
        json!({ "metadata": { "name": "x", "namespace": "elsewhere" } }),
    ))
    .await;
    it.get("a").await;
    it.get("absent").await;
    it.ask(Method::GET, "widgets/a/status", JSON, Value::Null).await;
    it.ask(Method::GET, "gadgets", JSON, Value::Null).await;
    it.ask(Method::GET, "widgets/a/scale", JSON, Value::Null).await;
    it.ask(Method::GET, "widgets", JSON, Value::Null).await;
    it.ask(
        Method::GET,
        "widgets?fieldSelector=metadata.name%3Da&labelSelector=!x",
        JSON,
        Value::Null,
    )
    .await;
    it.ask(Method::GET, "widgets?continue=nonsense", JSON, Value::Null)
        .await;
    it.ask(Method::PATCH, "widgets/absent", MERGE, json!({})).await;
    it.ask(Method::DELETE, "widgets/absent", JSON, Value::Null).await;
    it.ask(
        Method::PATCH,
        "widgets/a",
        "application/strategic-merge-patch+json",
        json!({}),
    )
    .await;
    it.ask(Method::POST, "widgets?dryRun=All", JSON, widget("dry", json!({})))
        .await;
    it.get("dry").await;
}

pub async fn replacements(it: &mut Conversation) {
    let a = it.create(widget("b", json!({ "spec": { "size": 1 } }))).await;
    it.ask(
        Method::PUT,
        "widgets/b",
        JSON,
        widget("b", json!({ "spec": { "size": 2 } })),
    )
    .await;
    let mut same = a.clone();
    it.ask(Method::PUT, "widgets/b", JSON, same.clone()).await;
    same["spec"]["size"] = json!(2);
    let changed = it.ask(Method::PUT, "widgets/b", JSON, same.clone()).await;
    it.ask(Method::PUT, "widgets/b", JSON, same).await;
    let mut labelled = changed.clone();
    labelled["metadata"]["labels"] = json!({ "x": "y" });
    labelled["metadata"]["annotations"] = json!({});
    labelled["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    labelled["metadata"]["generation"] = json!(17);
    labelled["status"] = json!({ "phase": "ignored" });
    let mut last = it.ask(Method::PUT, "widgets/b", JSON, labelled).await;
    last["status"] = json!({ "phase": "written" });
    last["spec"] = json!({ "size": 99 });
    last["metadata"]["labels"] = json!({});
    let mut last = it.ask(Method::PUT, "widgets/b/status", JSON, last).await;
    last["metadata"]["uid"] = json!(OTHER_UID);
    it.ask(Method::PUT, "widgets/b", JSON, last.clone()).await;
    it.ask(Method::PUT, "widgets/b/status", JSON, last.clone()).await;
    last["metadata"].as_object_mut().unwrap().remove("uid");
    last["metadata"]["name"] = json!("other");
    it.ask(Method::PUT, "widgets/b", JSON, last.clone()).await;
    last["metadata"]["name"] = json!("absent");
    it.ask(Method::PUT, "widgets/absent", JSON, last).await;
}

pub async fn merges(it: &mut Conversation) {
    let c = it
        .create(widget("c", json!({ "spec": { "size": 1, "colour": "red" } })))
        .await;
    it.merge("widgets/c", json!({ "spec": { "size": 2, "colour": null } }))
        .await;
    it.merge("widgets/c", json!({ "spec": { "size": 2 } })).await;
    it.merge(
        "widgets/c",
        json!({ "spec": { "size": 3 }, "metadata": { "resourceVersion": c["metadata"]["resourceVersion"] } }),
    )
    .await;
    it.merge("widgets/c", json!({ "status": { "phase": "ignored" } })).await;
    it.merge(
        "widgets/c/status",
        json!({ "status": { "phase": "On" }, "spec": { "size": 9 } }),
    )
    .await;
    it.merge("widgets/c/status", json!({ "status": { "phase": "On" } }))
        .await;
    it.merge("widgets/c", json!({ "metadata": { "annotations": { "a": "b" } } }))
        .await;
    let other = json!({ "uid": OTHER_UID });
    it.merge("widgets/c", json!({ "metadata": other })).await;
    it.merge(
        "widgets/c/status",
        json!({ "metadata": other, "status": { "phase": "Off" } }),
    )
    .await;
    it.merge("widgets/c", json!({ "metadata": { "name": "d" } })).await;
    let stale = json!({ "resourceVersion": c["metadata"]["resourceVersion"] });
    it.merge(
        "widgets/c/status",
        json!({ "metadata": stale, "status": { "phase": "Stale" } }),
    )
    .await;
    let add_finalizer = json!([
        { "op": "test", "path": "/metadata/finalizers", "value": null },
        { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/a"] },
    ]);
    it.ask(Method::PATCH, "widgets/c", JSON_PATCH, add_finalizer.clone())
        .await;
    it.ask(Method::PATCH, "widgets/c", JSON_PATCH, add_finalizer).await;
    it.ask(
        Method::PATCH,
        "widgets/c/status",
        JSON_PATCH,
        json!([{ "op": "replace", "path": "/status/phase", "value": "Off" }]),
    )
    .await;
    it.ask(
        Method::PATCH,
        "widgets/c?dryRun=All",
        MERGE,
        json!({ "spec": { "size": 55 } }),
    )
    .await;
    it.ask(
        Method::PATCH,
        "widgets/c",
        JSON_PATCH,
        json!([{ "op": "test", "path": "/spec/size", "value": 77 }]),
    )
    .await;
    it.ask(
        Method::PATCH,
        "widgets/c",
        JSON_PATCH,
        json!([{ "op": "remove", "path": "/spec/absent" }]),
    )
    .await;
    it.ask(Method::PATCH, "widgets/c", JSON_PATCH, json!({ "not": "operations" }))
        .await;
    it.merge("widgets/c", json!({ "metadata": { "finalizers": null } }))
        .await;
}

pub async fn deletions(it: &mut Conversation) {
    let d = it.create(widget("d", json!({}))).await;
    let wrong = json!({ "preconditions": { "uid": OTHER_UID } });
    it.ask(Method::DELETE, "widgets/d", JSON, wrong).await;
    let wrong = json!({ "preconditions": { "resourceVersion": "1" } });
    it.ask(Method::DELETE, "widgets/d", JSON, wrong).await;
    let right = json!({ "preconditions": { "uid": d["metadata"]["uid"] } });
    it.ask(Method::DELETE, "widgets/d", JSON, right).await;
    it.create(widget(
        "e",
        json!({ "metadata": { "name": "e", "finalizers": ["example.com/a", "example.com/b"] } }),
    ))
    .await;
    it.ask(Method::DELETE, "widgets/e", JSON, Value::Null).await;
    it.ask(Method::DELETE, "widgets/e", JSON, Value::Null).await;
    it.merge("widgets/e", json!({ "spec": { "size": 4 } })).await;
    it.merge("widgets/e/status", json!({ "status": { "phase": "Going" } }))
        .await;
    it.merge("widgets/e", json!({ "metadata": { "deletionTimestamp": null } }))
        .await;
    it.merge(
        "widgets/e",
        json!({ "metadata": { "finalizers": ["example.com/a", "example.com/c"] } }),
    )
    .await;
    it.merge("widgets/e", json!({ "metadata": { "finalizers": ["example.com/a"] } }))
        .await;
    it.merge("widgets/e", json!({ "metadata": { "finalizers": [] } })).await;
    it.get("e").await;
}

pub async fn applies(it: &mut Conversation) {
    it.apply(
        "widgets/f?",
        "one",
        json!({ "spec": { "size": 1, "colour": "red", "deep": { "only": 1 } } }),
    )
    .await;
    it.apply(
        "widgets/f?",
        "one",
        json!({ "spec": { "size": 1, "colour": "red", "deep": { "only": 1 } } }),
    )
    .await;
    it.apply("widgets/f?", "one", json!({ "spec": { "size": 1 } })).await;
    it.apply("widgets/f?", "two", json!({ "spec": { "size": 2 } })).await;
    it.apply("widgets/f?force=true&", "two", json!({ "spec": { "size": 2 } }))
        .await;
    it.apply("widgets/f?", "one", json!({ "spec": { "size": 2 } })).await;
    it.apply("widgets/f?", "one", json!({ "spec": {} })).await;
    it.apply("widgets/f?", "two", json!({})).await;
}

/// Goes on with the object of [`applies`].
pub async fn applies_of_a_status(it: &mut Conversation) {
    let ready = json!({ "type": "Ready", "status": "True", "reason": "InSync" });
    let stalled = json!({ "type": "Stalled", "status": "False" });
    it.apply(
        "widgets/f/status?force=true&",
        "one",
        json!({ "status": { "phase": "On", "conditions": [ready, stalled] } }),
    )
    .await;
    it.apply(
        "widgets/f/status?force=true&",
        "one",
        json!({ "status": { "phase": "On", "conditions": [ready, stalled] } }),
    )
    .await;
    it.merge("widgets/f/status", json!({ "status": { "phase": "Edited" } }))
        .await;
    it.apply(
        "widgets/f/status?",
        "one",
        json!({ "status": { "phase": "On", "conditions": [ready] } }),
    )
    .await;
    it.apply(
        "widgets/f/status?force=true&",
        "one",
        json!({ "status": { "phase": "On", "conditions": [ready] } }),
    )
    .await;
    let other = json!({ "type": "Other", "status": "True" });
    it.apply(
        "widgets/f/status?",
        "two",
        json!({ "status": { "conditions": [other] } }),
    )
    .await;
    it.apply(
        "widgets/f/status?",
        "one",
        json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }),
    )
    .await;
    it.apply("widgets/f/status?", "one", json!({ "status": {} })).await;
    it.apply("widgets/f/status?", "two", json!({})).await;
}

/// Goes on with the object of [`applies`].
pub async fn applies_of_metadata(it: &mut Conversation) {
    let f = it.get("f").await;
    it.apply(
        "widgets/f/status?",
        "one",
        json!({ "metadata": { "uid": OTHER_UID }, "status": { "phase": "X" } }),
    )
    .await;
    it.apply(
        "widgets/f?",
        "one",
        json!({ "metadata": { "uid": OTHER_UID }, "spec": { "size": 5 } }),
    )
    .await;
    it.apply(
        "widgets/f/status?",
        "one",
        json!({ "metadata": { "resourceVersion": "1" }, "status": { "phase": "X" } }),
    )
    .await;
    it.apply("widgets/f/status?", "one", json!({ "metadata": { "uid": f["metadata"]["uid"], "labels": { "a": "b" } }, "spec": { "size": 7 }, "status": { "phase": "Y" } }))
        .await;
    it.apply(
        "widgets/f?",
        "one",
        json!({ "metadata": { "labels": { "a": "b" }, "finalizers": ["example.com/a"] }, "status": { "phase": "Z" } }),
    )
    .await;
    it.merge(
        "widgets/f",
        json!({ "metadata": { "finalizers": ["example.com/a", "example.com/b"] } }),
    )
    .await;
    it.apply("widgets/f?", "one", json!({})).await;
    it.apply("widgets/absent/status?", "one", json!({ "status": {} })).await;
    it.apply("widgets/absent?", "one", json!({ "metadata": { "uid": OTHER_UID } }))
        .await;
    it.ask(Method::PATCH, "widgets/f", APPLY, widget("f", json!({}))).await;
}

pub async fn secrets(it: &mut Conversation) {
    let secret =
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "a": "b" } });
    let created = it.ask(Method::POST, "secrets", JSON, secret).await;
    it.ask(
        Method::GET,
        "secrets?fieldSelector=metadata.name%3Ds",
        JSON,
        Value::Null,
    )
    .await;
    let mut unversioned = created;
    unversioned["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    unversioned["data"] = json!({ "c": "ZA==" });
    it.ask(Method::PUT, "secrets/s", JSON, unversioned).await;
    it.ask(Method::DELETE, "secrets/s", JSON, Value::Null).await;
}

pub async fn pages(it: &mut Conversation) {
    for (name, colour) in [("p1", "red"), ("p2", "green"), ("p3", "red")] {
        let labels = json!({ "name": name, "labels": { "colour": colour, "watched": "" } });
        it.create(widget(name, json!({ "metadata": labels }))).await;
    }
    for selector in [
        "colour%3Dred",
        "colour!%3Dred",
        "colour+in+(green,blue)",
        "colour+notin+(green)",
        "!colour",
        "colour",
    ] {
        it.ask(
            Method::GET,
            &format!("widgets?labelSelector={selector}"),
            JSON,
            Value::Null,
        )
        .await;
    }
    it.ask(Method::GET, "widgets?fieldSelector=spec.size%3D1", JSON, Value::Null)
        .await;
    let mut page = it.ask(Method::GET, "widgets?limit=2", JSON, Value::Null).await;
    let mut made = 0;
    while let Some(token) = page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
        let next = format!("widgets?limit=2&continue={token}");
        // What comes after the first page is not on the others.
        made += 1;
        it.create(widget(&format!("q{made}"), json!({}))).await;
        page = it.ask_unnamed(Method::GET, &next).await;
    }
    it.merge("widgets/p1", json!({ "metadata": { "labels": { "watched": null } } }))
        .await;
    it.merge(
        "widgets/p1",
        json!({ "metadata": { "labels": { "watched": "again" } } }),
    )
    .await;
    it.ask(Method::DELETE, "widgets/p2", JSON, Value::Null).await;
}

pub async fn metadata(it: &mut Conversation) {
    let one = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let list = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    it.ask_for(one, Method::GET, "widgets/p1", JSON, Value::Null).await;
    it.ask_for(one, Method::GET, "widgets/absent", JSON, Value::Null).await;
    it.ask_for(list, Method::GET, "widgets?labelSelector=colour", JSON, Value::Null)
        .await;
    it.ask_for(
        one,
        Method::PATCH,
        "widgets/p1",
        MERGE,
        json!({ "spec": { "size": 5 } }),
    )
    .await;
}
