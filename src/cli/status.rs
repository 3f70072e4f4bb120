//! `status`: why an object is not ready, and the state of connections, by what the cluster says.

use anyhow::anyhow;
use kube::{Api, Client, core::PartialObjectMeta};
use serde::Serialize;
use serde_json::Value;

use super::{
    args::{Named, StatusArgs},
    cluster,
    console::Console,
    output::{Report, Table},
};
use crate::crd;

/// Kinds of connections.
const CONNECTIONS: [&str; 3] = ["DssInstance", "GovernInstance", "LaunchpadSpace"];

/// What is known of one thing.
#[derive(Serialize)]
struct Fact {
    what: &'static str,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

/// Everything that an object depends on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    object: String,
    ready: bool,
    facts: Vec<Fact>,
    /// Changes that are not made yet.
    plan: Vec<String>,
}

/// One line for a connection.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    connection: String,
    ready: bool,
    reason: String,
    frozen: bool,
    objects: Option<i64>,
    message: String,
}

/// One line for each connection.
#[derive(Serialize)]
struct Lines {
    connections: Vec<Line>,
}

/// Prints the state; whether something is not ready.
///
/// # Errors
/// There is no such object, or the caller lacks a right, which the sentence names.
pub(super) async fn status(args: &StatusArgs, console: &mut Console<'_>) -> anyhow::Result<bool> {
    let client = console.client().await?;
    let namespace = args.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
    let Some(named) = &args.object else {
        let namespace = (!args.all_namespaces).then_some(namespace.as_str());
        let lines = lines(&client, namespace).await?;
        let waits = lines.connections.iter().any(|line| !line.ready);
        console.show(&lines, args.output)?;
        return Ok(waits);
    };
    let explained = explain(&client, named, &namespace).await?;
    console.show(&explained, args.output)?;
    Ok(!explained.ready)
}

async fn lines(client: &Client, namespace: Option<&str>) -> anyhow::Result<Lines> {
    let mut connections = Vec::new();
    for kind in CONNECTIONS {
        for object in cluster::list(client, kind, namespace).await? {
            let ready = condition(&object, "Ready");
            connections.push(Line {
                connection: place(kind, &object),
                ready: ready["status"] == "True",
                reason: text(&ready["reason"]),
                frozen: object["spec"]["freeze"] == true,
                objects: object["status"]["claims"].as_i64(),
                message: text(&ready["message"]),
            });
        }
    }
    Ok(Lines { connections })
}

/// The kind of this name, as `kubectl` takes it.
fn kind_of(name: &str) -> anyhow::Result<String> {
    let all = crd::all();
    let found = all.iter().find(|definition| {
        let names = &definition.spec.names;
        let mut others = [names.plural.clone(), names.kind.to_lowercase()]
            .into_iter()
            .chain(names.singular.clone())
            .chain(names.short_names.clone().unwrap_or_default());
        others.any(|one| one == name)
    });
    let found = found.ok_or_else(|| anyhow!("this release has no kind {name}"))?;
    Ok(found.spec.names.kind.clone())
}

async fn explain(client: &Client, named: &Named, namespace: &str) -> anyhow::Result<Explained> {
    let kind = kind_of(&named.kind)?;
    let object = cluster::get(client, &kind, namespace, &named.name).await?;
    let ready = condition(&object, "Ready");
    let mut facts = Vec::new();
    if let Some(fact) = connection(client, &kind, &object, namespace).await {
        facts.push(fact);
    }
    let remote = &object["status"]["remote"];
    facts.push(Fact {
        what: "remote object",
        value: text(&remote["key"]),
        state: Some(text(&remote["origin"])).filter(|origin| !origin.is_empty()),
    });
    for group in object["spec"]["groups"].as_array().into_iter().flatten() {
        let name = group["name"].as_str().or(group.as_str()).unwrap_or_default();
        facts.push(Fact {
            what: "group",
            value: name.to_owned(),
            state: None,
        });
    }
    let mut secrets = Vec::new();
    references(&object["spec"], &mut secrets);
    secrets.sort_unstable();
    secrets.dedup();
    for name in secrets {
        facts.push(Fact {
            what: "Secret",
            state: Some(presence(client, namespace, &name).await),
            value: name,
        });
    }
    facts.push(Fact {
        what: "last write",
        value: text(&object["status"]["lastChangeTime"]),
        state: None,
    });
    let observed = object["status"]["observedGeneration"] == object["metadata"]["generation"];
    facts.push(Fact {
        what: "ready",
        value: text(&ready["status"]),
        state: Some(if observed {
            format!("{}: {}", text(&ready["reason"]), text(&ready["message"]))
        } else {
            "the operator has not read the present spec yet".to_owned()
        }),
    });
    if let Some(retry) = retry(&object) {
        facts.push(Fact {
            what: "next attempt",
            value: retry.to_owned(),
            state: None,
        });
    }
    let plan = object["status"]["plan"].as_array().into_iter().flatten();
    Ok(Explained {
        object: place(&kind, &object),
        ready: observed && ready["status"] == "True",
        facts,
        plan: plan.map(text).collect(),
    })
}

/// When the operator tries again.
fn retry(object: &Value) -> Option<&'static str> {
    if condition(object, "Stalled")["status"] == "True" {
        return Some("once somebody changes the object, the connection, or what the message names");
    }
    (condition(object, "Reconciling")["status"] == "True")
        .then_some("by itself: with a back-off of at most some minutes, and at each sweep of the connection")
}

/// The connection of the object; none for a connection itself.
async fn connection(client: &Client, kind: &str, object: &Value, namespace: &str) -> Option<Fact> {
    let spec = &object["spec"];
    let (reference, default) = match (&spec["instanceRef"], &spec["spaceRef"]) {
        (one, _) if one.is_object() && kind.starts_with("Govern") => (one, "GovernInstance"),
        (one, _) if one.is_object() => (one, "DssInstance"),
        (_, one) if one.is_object() => (one, "LaunchpadSpace"),
        _ => return None,
    };
    let kind = reference["kind"].as_str().unwrap_or(default);
    let namespace = reference["namespace"].as_str().unwrap_or(namespace);
    let name = reference["name"].as_str().unwrap_or_default();
    let state = match cluster::get(client, kind, namespace, name).await {
        Ok(found) => {
            let ready = condition(&found, "Ready");
            let frozen = if found["spec"]["freeze"] == true {
                "frozen; "
            } else {
                ""
            };
            format!("{frozen}{}: {}", text(&ready["reason"]), text(&ready["message"]))
        }
        Err(error) => error.to_string(),
    };
    Some(Fact {
        what: "connection",
        value: format!("{kind} {namespace}/{name}"),
        state: Some(state),
    })
}

/// Names of the Secrets that a spec refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if key.ends_with("SecretRef") || key == "secretRef" {
                    found.extend(value["name"].as_str().map(str::to_owned));
                } else if key == "secretName" {
                    found.extend(value.as_str().map(str::to_owned));
                } else {
                    references(value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Whether a Secret is there. Its values are not read.
async fn presence(client: &Client, namespace: &str, name: &str) -> String {
    let secrets: Api<PartialObjectMeta<k8s_openapi::api::core::v1::Secret>> =
        Api::namespaced(client.clone(), namespace);
    match secrets.get_metadata_opt(name).await {
        Ok(Some(_)) => "exists".to_owned(),
        Ok(None) => "does not exist".to_owned(),
        Err(error) => {
            let place = format!("Secret {name}");
            cluster::failed("get", "secrets", Some(namespace), &place, &error).to_string()
        }
    }
}

fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut found = conditions.filter(|one| one["type"] == type_);
    found.next().cloned().unwrap_or_default()
}

fn place(kind: &str, object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{kind} {}/{}", text(&metadata["namespace"]), text(&metadata["name"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Report for Explained {
    fn tables(&self) -> Vec<Table> {
        let facts = self.facts.iter();
        let mut tables = vec![Table {
            title: "Status",
            columns: vec!["what", "value", "state"],
            rows: facts
                .map(|fact| {
                    vec![
                        fact.what.to_owned(),
                        fact.value.clone(),
                        fact.state.clone().unwrap_or_default(),
                    ]
                })
                .collect(),
        }];
        if !self.plan.is_empty() {
            tables.push(Table {
                title: "Not written yet",
                columns: vec!["what"],
                rows: self.plan.iter().map(|step| vec![step.clone()]).collect(),
            });
        }
        tables
    }
}

impl Report for Lines {
    fn tables(&self) -> Vec<Table> {
        let rows = self.connections.iter().map(|line| {
            vec![
                line.connection.clone(),
                line.ready.to_string(),
                line.reason.clone(),
                line.frozen.to_string(),
                line.objects.map(|count| count.to_string()).unwrap_or_default(),
                line.message.clone(),
            ]
        });
        vec![Table {
            title: "Connections",
            columns: vec!["connection", "ready", "reason", "frozen", "objects", "message"],
            rows: rows.collect(),
        }]
    }
}
