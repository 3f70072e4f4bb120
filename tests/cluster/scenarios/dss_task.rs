//! `DssTask` in the scenarios: a write that can be done twice, one that must not be, and a future of the node.

use std::marker::PhantomData;

use serde_json::{Map, Value, json};
use testbed::simulator::{Instance, Product};

use super::{BadInput, Deletion, Scenario, Secret, bad_input::answers_that_are_none, subject::Subject, without};
use crate::ground::Ground;

/// What a task does.
pub trait Action {
    /// Name in the fault campaign.
    const LABEL: &'static str;
    /// The operations that do it.
    const CREATES: &'static [&'static str];
    /// Events of type `Normal` of one run.
    const EVENTS: u64 = 1;
    /// See [`Scenario::STARTS_AGAIN`].
    const STARTS_AGAIN: bool = false;
    /// See [`Scenario::NEEDS_WHOLE_LIST`].
    const NEEDS_WHOLE_LIST: bool = false;

    /// Puts on the node what the task needs there.
    fn prepare(remote: &Instance, name: &str);
    /// The action.
    fn spec(name: &str) -> Value;
    /// Another one that is done to something else, or with another outcome.
    fn varied(name: &str) -> Value;
    /// What was done; null where it was not.
    fn done(remote: &Instance, name: &str) -> Value;
    /// The same, once it was.
    fn expected(name: &str) -> Value;
    /// Whether the other one was done and can be undone by this one.
    fn surplus(_remote: &Instance, _name: &str) -> bool {
        false
    }
    /// What the node holds beside that.
    fn rest(remote: &Instance, name: &str) -> Value;
    /// Somebody changes that.
    fn disturbed(name: &str) -> Value;
    /// Somebody undoes it.
    fn undone(remote: &Instance, name: &str) -> Value;
    /// What people get wrong.
    fn bad_inputs(name: &str) -> Vec<BadInput>;
}

/// A task.
pub struct Task<A>(PhantomData<A>);

impl<A: Action> Scenario for Task<A> {
    const PRODUCT: Product = Product::Dss;
    const KIND: &'static str = "DssTask";
    const LABEL: &'static str = A::LABEL;
    const WRITES: u64 = 1;
    const CREATES: &'static [&'static str] = A::CREATES;
    const CONFIG_MAPS: &'static [Secret] = &[
        ("content", &[("notebook.ipynb", CONTENT)]),
        ("other-content", &[("notebook.ipynb", OTHER_CONTENT)]),
        ("no-content", &[("notebook.ipynb", "{}")]),
    ];
    const EVENTS: u64 = A::EVENTS;
    const KEEPS: bool = false;
    const ADOPTS: bool = false;
    const STARTS_AGAIN: bool = A::STARTS_AGAIN;
    const NEEDS_WHOLE_LIST: bool = A::NEEDS_WHOLE_LIST;
    const REFUSED: &'static str = "RunFailed";
    const NOT_OFFERED: &'static [(&'static str, &'static str)] = &[("Disable", "Unsupported value: \"Disable\"")];

    fn prepare(remote: &Instance, name: &str) {
        A::prepare(remote, name);
    }

    fn spec(name: &str) -> Value {
        A::spec(name)
    }

    /// A run that failed for the fault of a plan is at rest too: see [`Scenario::is_at_rest`].
    fn is_at_rest(object: &Value) -> bool {
        let run = &object["status"]["runs"][0];
        run["phase"] == "Succeeded" && run["attempt"].is_null() && object["status"]["active"].is_null()
    }

    fn declared(remote: &Instance, name: &str) -> Value {
        A::done(remote, name)
    }

    fn expected(name: &str) -> Value {
        A::expected(name)
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        A::rest(remote, name)
    }

    /// What becomes of it is nobody's business.
    fn broken(_remote: &Instance, _name: &str) -> Value {
        json!({})
    }

    fn disturbed(_remote: &Instance, name: &str) -> Value {
        A::disturbed(name)
    }

    /// Nothing of the node is the task itself.
    fn found(_remote: &Instance, _name: &str) -> Value {
        json!({})
    }

    fn widened(name: &str) -> Value {
        A::varied(name)
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        A::surplus(remote, name)
    }

    fn gone(remote: &Instance, name: &str) -> Value {
        A::undone(remote, name)
    }

    fn deletions(name: &str) -> Vec<Deletion> {
        vec![
            Deletion::created(None, A::expected(name)),
            Deletion::created(Some("Delete"), A::expected(name)),
            Deletion::created(Some("Retain"), A::expected(name)),
        ]
    }

    fn bad_inputs(name: &str) -> Vec<BadInput> {
        A::bad_inputs(name)
    }
}

const CONTENT: &str = r#"{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[{"cell_type":"markdown","metadata":{},"source":["content-of-users-1"]}]}"#;
const OTHER_CONTENT: &str = r#"{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[{"cell_type":"markdown","metadata":{},"source":["content-of-users-2"]}]}"#;

fn notebook(remote: &Instance, name: &str) -> Option<Value> {
    remote.state_at(&format!("/projects/RISK/notebooks/{name}"))
}

fn at_notebook(name: &str, patch: &Value) -> Value {
    json!({ "projects": { "RISK": { "notebooks": { name: patch } } } })
}

/// Writes a notebook.
pub struct WriteNotebook;

fn writing(name: &str, content: &str) -> Value {
    json!({ "writeNotebook": { "projectKey": "RISK", "notebook": name, "contentRef": { "name": content } } })
}

fn source(remote: &Instance, name: &str) -> Option<Value> {
    let notebook = notebook(remote, name)?;
    Some(notebook["content"]["cells"][0]["source"][0].clone())
}

impl Action for WriteNotebook {
    const LABEL: &'static str = "DssTask";
    const CREATES: &'static [&'static str] = &["D52"];

    fn prepare(remote: &Instance, _name: &str) {
        remote.patch_state(json!({ "projects": { "RISK": {} } })).unwrap();
    }

    fn spec(name: &str) -> Value {
        writing(name, "content")
    }

    fn varied(name: &str) -> Value {
        writing(name, "other-content")
    }

    fn done(remote: &Instance, name: &str) -> Value {
        source(remote, name).unwrap_or_default()
    }

    fn expected(_name: &str) -> Value {
        json!("content-of-users-1")
    }

    fn surplus(remote: &Instance, name: &str) -> bool {
        source(remote, name).is_some_and(|source| source == "content-of-users-2")
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        // The whole content is what the task writes.
        notebook(remote, name).map_or(Value::Null, |notebook| Value::Object(without(notebook, &["content"])))
    }

    fn disturbed(name: &str) -> Value {
        at_notebook(
            name,
            &json!({ "discussions": { "theirs": { "id": "theirs", "topic": "Theirs" } } }),
        )
    }

    fn undone(_remote: &Instance, name: &str) -> Value {
        at_notebook(name, &Value::Null)
    }

    fn bad_inputs(name: &str) -> Vec<BadInput> {
        let mut inputs = vec![
            BadInput::spec(
                "content",
                writing(name, "no-content"),
                "Invalid",
                "contentRef does not lead to a Jupyter notebook (nbformat 4)",
            ),
            BadInput::spec("map", writing(name, "nothing"), "DependencyNotReady", "nothing"),
            BadInput::spec(
                "project",
                json!({ "writeNotebook": {
                    "projectKey": "NOWHERE", "notebook": name, "contentRef": { "name": "content" },
                } }),
                "DependencyNotReady",
                "project NOWHERE does not exist yet",
            ),
            BadInput::spec("schedule", json!({ "schedule": "0 0 30 2 *" }), "Invalid", "schedule"),
        ];
        inputs.extend(answers_that_are_none(
            "D51",
            "GET /projects/{projectKey}/jupyter-notebooks/",
        ));
        inputs
    }
}

/// Opens a discussion of a notebook. Done twice, there are two of them.
pub struct PostDiscussion;

fn posting(name: &str, topic: &str) -> Value {
    json!({ "postDiscussion": { "projectKey": "RISK", "notebook": name, "topic": topic, "message": "Please have a look" } })
}

/// The discussions of a notebook that a task has opened, or those that it has not.
fn discussions(remote: &Instance, name: &str, ours: bool) -> Map<String, Value> {
    let notebook = notebook(remote, name).unwrap_or_default();
    let all = notebook["discussions"].as_object().cloned().unwrap_or_default();
    let is_ours = |one: &Value| one["topic"] == name || one["topic"] == "Another topic";
    all.into_iter().filter(|(_, one)| is_ours(one) == ours).collect()
}

impl Action for PostDiscussion {
    const LABEL: &'static str = "DssTaskThatPosts";
    const CREATES: &'static [&'static str] = &["D64"];
    // The node makes the id: after a lost answer, a discussion that cannot be read may be ours.
    const NEEDS_WHOLE_LIST: bool = true;

    fn prepare(remote: &Instance, name: &str) {
        remote.patch_state(at_notebook(name, &json!({}))).unwrap();
    }

    fn spec(name: &str) -> Value {
        posting(name, name)
    }

    fn varied(name: &str) -> Value {
        posting(name, "Another topic")
    }

    fn done(remote: &Instance, name: &str) -> Value {
        let posted = discussions(remote, name, true).values().any(|one| one["topic"] == name);
        if posted { json!("posted") } else { Value::Null }
    }

    fn expected(_name: &str) -> Value {
        json!("posted")
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        Value::Object(discussions(remote, name, false))
    }

    fn disturbed(name: &str) -> Value {
        at_notebook(
            name,
            &json!({ "discussions": { "theirs": { "id": "theirs", "topic": "Theirs" } } }),
        )
    }

    fn undone(remote: &Instance, name: &str) -> Value {
        let ours = discussions(remote, name, true);
        let gone: Map<String, Value> = ours.into_iter().map(|(id, _)| (id, Value::Null)).collect();
        at_notebook(name, &json!({ "discussions": gone }))
    }

    fn bad_inputs(_name: &str) -> Vec<BadInput> {
        let mut inputs = vec![BadInput::spec(
            "notebook",
            posting("nothing", "a topic"),
            "DependencyNotReady",
            "notebook RISK/nothing does not exist yet",
        )];
        inputs.extend(answers_that_are_none(
            "D51",
            "GET /projects/{projectKey}/jupyter-notebooks/",
        ));
        inputs
    }
}

/// Brings a user in line with their directory, as a future of the node.
pub struct ResyncUsers;

fn another(name: &str) -> String {
    format!("{name}.other")
}

fn resyncing(login: &str) -> Value {
    json!({ "resyncUsers": { "logins": [login] } })
}

impl Action for ResyncUsers {
    const LABEL: &'static str = "DssTaskWithFuture";
    const CREATES: &'static [&'static str] = &["D17"];
    // That it began, and that it ended.
    const EVENTS: u64 = 2;
    // The node lists a future no longer than it runs, and these have ended before anybody may look for them.
    const STARTS_AGAIN: bool = true;

    fn prepare(remote: &Instance, name: &str) {
        let from = json!({ "sourceType": "LDAP", "email": "by.hand@example.com", "displayName": "By hand" });
        let theirs = json!({ "email": "theirs@example.com", "displayName": "Theirs" });
        let state = json!({
            "users": { name: from, another(name): { "sourceType": "LDAP", "email": "theirs@example.com", "displayName": "Theirs" } },
            "directory": { "LDAP": { "users": { name: { "email": "new@example.com", "displayName": "By hand" }, another(name): theirs } } },
        });
        remote.patch_state(state).unwrap();
    }

    fn spec(name: &str) -> Value {
        resyncing(name)
    }

    fn varied(name: &str) -> Value {
        resyncing(&another(name))
    }

    fn done(remote: &Instance, name: &str) -> Value {
        let email = remote.state_at(&format!("/users/{name}/email")).unwrap_or_default();
        if email == "new@example.com" { email } else { Value::Null }
    }

    fn expected(_name: &str) -> Value {
        json!("new@example.com")
    }

    fn rest(remote: &Instance, name: &str) -> Value {
        let user = remote.state_at(&format!("/users/{name}"));
        user.map_or(Value::Null, |user| Value::Object(without(user, &["email"])))
    }

    fn disturbed(name: &str) -> Value {
        json!({ "users": { name: { "userProperties": { "mine": "kept" } } } })
    }

    fn undone(_remote: &Instance, name: &str) -> Value {
        json!({ "users": { name: { "email": "by.hand@example.com" } } })
    }

    fn bad_inputs(_name: &str) -> Vec<BadInput> {
        let mut inputs = vec![BadInput::spec(
            "user",
            resyncing("nobody.here"),
            "DependencyNotReady",
            "user nobody.here does not exist yet",
        )];
        inputs.extend(answers_that_are_none("D48", "GET /futures/"));
        inputs
    }
}

/// Until the last run has ended well, nothing of the content of notebooks is where people and machines read; `Observe` shows what
/// is due and starts nothing.
async fn content_is_shown_nowhere_and_observe_starts_nothing(ground: &Ground) {
    let subject = Subject::<Task<WriteNotebook>>::ready_with_log(ground, "shown", "trace").await;
    let (bed, name) = (&subject.bed, "shown");
    subject.prepare(name);
    bed.remote.reset_requests();
    subject.apply(name, json!({ "managementPolicy": "Observe" })).await;
    let object = subject.wait(name, "Ready=True/Observed").await;
    assert_eq!(object["status"]["plan"], json!(["write notebook RISK/shown"]));
    bed.sweeps(1).await;
    assert_eq!(bed.remote.writes(), 0);
    // A careless server quotes what it refuses.
    let quoted = json!({ "errorType": "x.Refused", "message": format!("no notebook: {CONTENT}") });
    let refusal = json!({ "kind": "status", "status": 400, "body": quoted });
    bed.remote
        .fault(json!({ "match": { "operation": "D52" }, "fault": refusal }));
    subject.apply(name, json!({})).await;
    let refused = subject.wait(name, "Ready=False/RunFailed").await;
    let exported = json!({
        "writeNotebook": null,
        "exportNotebooks": { "projectKey": "RISK", "notebooks": [name], "configMapName": "exported" },
    });
    subject
        .apply(name, super::dss_task::Task::<WriteNotebook>::widened(name))
        .await;
    subject.wait(name, "Ready=True/InSync").await;
    subject.apply(name, exported).await;
    let object = bed
        .namespace
        .wait_for(
            "DssTask",
            name,
            |object| object["status"]["runs"][2]["phase"].is_string(),
            crate::bed::PATIENCE,
        )
        .await
        .unwrap();
    subject.wait(name, "Ready=True/InSync").await;
    let map = bed.namespace.get("ConfigMap", "exported").await.unwrap();
    assert!(
        map["data"].to_string().contains("content-of-users-2"),
        "it was exported"
    );
    bed.sweeps(1).await;
    let events = Value::Array(bed.namespace.list("Event").await.unwrap());
    let places = [
        ("the log", bed.operator.logs()),
        ("the metrics", bed.operator.metrics().await.unwrap()),
        ("the refusal", refused.to_string()),
        ("the object", object.to_string()),
        ("an Event", events.to_string()),
    ];
    for (place, text) in places {
        assert!(text.len() > 100, "{place} was read");
        assert!(
            !text.contains("content-of-users"),
            "the content of a notebook is in {place}"
        );
    }
}

in_memory!(content_is_shown_nowhere_and_observe_starts_nothing);

/// A future that goes on when the call that started it can no longer take effect is found and followed: it is started once,
/// whether the answer was lost or the operator was killed.
async fn a_future_that_goes_on_is_found_again(ground: &Ground) {
    let mut subject = Subject::<Task<ResyncUsers>>::ready(ground, "found").await;
    for (name, fault) in [
        ("lost", json!({ "kind": "dropAfter" })),
        ("killed", json!({ "kind": "slowDrip", "bytesPerSecond": 1 })),
    ] {
        let remote = &subject.bed.remote;
        remote.switch("futureMillis", json!(30_000)).unwrap();
        remote.reset_requests();
        remote.fault(json!({ "match": { "writes": true }, "fault": fault }));
        subject.prepare(name);
        subject.apply(name, json!({})).await;
        subject.bed.until("the start", || remote.writes() == 1).await;
        if name == "killed" {
            subject.bed.operator.kill().await.unwrap();
            subject.bed.remote.clear_faults();
            subject.bed.operator.restart().await.unwrap();
        }
        let object = subject.converged(name).await;
        assert_eq!(object["status"]["runs"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(subject.creates(), 1, "{name}");
        subject.bed.remote.clear_faults();
    }
    subject.stays_in_sync().await;
}

in_memory!(a_future_that_goes_on_is_found_again);

mod writing {
    use super::{Task, WriteNotebook};

    scenarios!(Task<WriteNotebook>; neither);
}

mod posting {
    use super::{PostDiscussion, Task};

    scenarios!(Task<PostDiscussion>; neither);
}

mod resyncing {
    use super::{ResyncUsers, Task};

    scenarios!(Task<ResyncUsers>; neither);
}
