//! The shared document over HTTP: what is read and written for whom.

use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::{BLUEPRINT, ROLE, granting};
use crate::{
    dataiku::{
        govern::{Govern, rule::Rule},
        tests::{govern, permit},
    },
    engine::{
        Error, Fate, Reason,
        shared::writer::{Writer, Writers},
    },
    kinds::govern::role_assignment::document::{Assignments, BlueprintAssignments, Edit},
};

type Answer = fn(&Request, &mut Option<Value>) -> Option<ResponseTemplate>;

/// A node with one document, which answers some calls in another way.
#[derive(Clone)]
struct Node {
    document: Arc<Mutex<Option<Value>>>,
    answer: Answer,
}

impl Respond for Node {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut document = self.document.lock().unwrap();
        if let Some(answer) = (self.answer)(request, &mut document) {
            return answer;
        }
        let ok = |document: &Value| ResponseTemplate::new(200).set_body_json(document);
        let body = || serde_json::from_slice::<Value>(&request.body).unwrap();
        match request.method.as_str() {
            "POST" => ok(document.insert(body())),
            "GET" if request.url.path().ends_with("assignments") => {
                ResponseTemplate::new(200).set_body_json(document.iter().collect::<Vec<_>>())
            }
            "GET" if document.is_some() => ok(document.as_ref().unwrap()),
            "PUT" if document.is_some() => ok(document.insert(body())),
            "DELETE" if document.take().is_some() => ResponseTemplate::new(200),
            _ => refusal(404, "no assignments"),
        }
    }
}

fn refusal(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"errorType": "java.lang.Exception", "message": message}))
}

struct Setup {
    server: MockServer,
    node: Node,
    api: Govern,
    writer: Arc<Writer<BlueprintAssignments>>,
}

impl Setup {
    async fn new(rules: Option<Value>, answer: Answer) -> Self {
        let document = rules.map(|rules| json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": rules}));
        let node = Node {
            document: Arc::new(Mutex::new(document)),
            answer,
        };
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(node.clone()).mount(&server).await;
        let writer = Writers::default().of("assignments/bp.b", || BlueprintAssignments {
            blueprint_id: BLUEPRINT.to_owned(),
        });
        Self {
            api: govern(&server.uri()),
            server,
            node,
            writer,
        }
    }

    async fn edit(&self, edit: Edit) -> Result<(), Error> {
        self.writer.edit(&self.api, permit(), edit).await
    }

    /// Writes and their order.
    async fn writes(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let writes = requests.iter().map(|request| request.method.to_string());
        writes.filter(|method| method != "GET").collect()
    }

    fn users(&self, role_id: &str) -> Vec<String> {
        let document = self.node.document.lock().unwrap();
        let rules = document
            .as_ref()
            .map(|document| document["roleAssignmentsRules"][role_id].clone());
        let rules: Vec<Rule> = serde_json::from_value(rules.unwrap_or_else(|| json!([]))).unwrap();
        let users = rules.iter().flat_map(|rule| &rule.user_containers);
        users.map(|user| user["login"].as_str().unwrap().to_owned()).collect()
    }
}

fn ordinary(_: &Request, _: &mut Option<Value>) -> Option<ResponseTemplate> {
    None
}

fn rules(users: &[&str]) -> Value {
    users
        .iter()
        .map(|user| serde_json::to_value(granting(&[user])).unwrap())
        .collect()
}

fn adding(role_id: &str, user: &str) -> Edit {
    let rule = granting(&[user]);
    Edit {
        role_id: role_id.to_owned(),
        add: IndexMap::from([(rule.hash(), rule)]),
        ..Edit::default()
    }
}

fn removing(user: &str) -> Edit {
    Edit {
        role_id: ROLE.to_owned(),
        remove: [(granting(&[user]).hash(), 0)].into(),
        delete_vacant: true,
        ..Edit::default()
    }
}

#[tokio::test]
async fn edits_that_wait_go_into_one_write() {
    let setup = Setup::new(Some(json!({ROLE: rules(&["theirs"])})), ordinary).await;
    let users: Vec<String> = (0..20).map(|n| format!("user{n}")).collect();
    let edits = users.iter().map(|user| setup.edit(adding(ROLE, user)));
    for outcome in futures::future::join_all(edits).await {
        outcome.unwrap();
    }
    assert!(setup.writes().await.len() <= 2, "{:?}", setup.writes().await);
    assert_eq!(setup.users(ROLE)[0], "theirs");
    assert_eq!(setup.users(ROLE)[1..], users);
}

#[tokio::test]
async fn the_first_rule_creates_the_document_and_the_last_one_deletes_it() {
    let setup = Setup::new(None, ordinary).await;
    assert!(!setup.writer.read(&setup.api).await.unwrap().exists());
    setup.edit(adding(ROLE, "jane")).await.unwrap();
    setup.edit(adding(ROLE, "jane")).await.unwrap();
    setup.edit(adding("ro.other", "max")).await.unwrap();
    setup.edit(removing("jane")).await.unwrap();
    setup.edit(removing("max")).await.unwrap();
    assert_eq!(setup.users("ro.other"), ["max"], "the rule of another role stays");
    let last = Edit {
        role_id: "ro.other".to_owned(),
        ..removing("max")
    };
    setup.edit(last).await.unwrap();
    setup.edit(removing("jane")).await.unwrap();
    assert_eq!(setup.writes().await, ["POST", "PUT", "PUT", "DELETE"]);
}

#[tokio::test]
async fn a_document_that_somebody_creates_in_between_gets_the_rule() {
    fn created_in_between(request: &Request, document: &mut Option<Value>) -> Option<ResponseTemplate> {
        (request.method == "POST").then(|| {
            *document = Some(json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {ROLE: rules(&["theirs"])}}));
            refusal(400, "no")
        })
    }
    let setup = Setup::new(None, created_in_between).await;
    setup.edit(adding(ROLE, "jane")).await.unwrap();
    assert_eq!(setup.writes().await, ["POST", "PUT"]);
    assert_eq!(setup.users(ROLE), ["theirs", "jane"]);
}

#[tokio::test]
async fn a_creation_that_the_node_refuses_is_sent_once() {
    fn refused(request: &Request, _: &mut Option<Value>) -> Option<ResponseTemplate> {
        (request.method == "POST").then(|| refusal(400, "no such field"))
    }
    let setup = Setup::new(None, refused).await;
    let error = setup.edit(adding(ROLE, "jane")).await.unwrap_err();
    assert_eq!((error.reason(), error.fate()), (Some(Reason::Rejected), Fate::NotDone));
    assert_eq!(setup.writes().await, ["POST"]);
}

#[tokio::test]
async fn a_document_that_somebody_deletes_in_between_is_created_again() {
    fn deleted_in_between(request: &Request, document: &mut Option<Value>) -> Option<ResponseTemplate> {
        (request.method == "PUT").then(|| {
            *document = None;
            refusal(404, "not found")
        })
    }
    let setup = Setup::new(Some(json!({})), deleted_in_between).await;
    setup.edit(adding(ROLE, "jane")).await.unwrap();
    assert_eq!(setup.writes().await, ["PUT", "POST"]);
    assert_eq!(setup.users(ROLE), ["jane"]);
}

#[tokio::test]
async fn a_role_that_cannot_be_read_fails_its_own_edits_only() {
    let setup = Setup::new(Some(json!({"ro.odd": [7]})), ordinary).await;
    let (odd, good) = futures::join!(setup.edit(adding("ro.odd", "jane")), setup.edit(adding(ROLE, "jane")));
    let error = odd.unwrap_err();
    assert!(error.to_string().contains("roleAssignmentsRules.ro.odd"), "{error}");
    good.unwrap();
    assert_eq!(setup.users(ROLE), ["jane"]);
    let document = setup.node.document.lock().unwrap().clone().unwrap();
    assert_eq!(document["roleAssignmentsRules"]["ro.odd"], json!([7]));
}

#[tokio::test]
async fn nothing_is_added_to_a_document_that_would_become_too_long_and_removals_still_work() {
    let long = json!([{"userContainers": [], "criteria": [{"value": "x".repeat(2 << 20)}]}, rules(&["jane"])[0]]);
    let setup = Setup::new(Some(json!({ROLE: long})), ordinary).await;
    let (added, removed) = futures::join!(setup.edit(adding(ROLE, "max")), setup.edit(removing("jane")));
    assert_eq!(added.unwrap_err().reason(), Some(Reason::Invalid));
    removed.unwrap();
    assert!(setup.users(ROLE).is_empty());
}

#[test]
fn in_one_write_an_addition_prevails_over_a_removal_and_duplicates_go_from_the_end() {
    let text = json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {ROLE: [
        {"note": 1, "userContainers": [{"type": "user", "login": "jane"}]},
        {"note": 2, "userContainers": [{"type": "user", "login": "jane"}]},
        {"note": 3, "userContainers": [{"type": "user", "login": "max"}]},
    ]}});
    let document = || Some(serde_json::from_str(&text.to_string()).unwrap());
    let notes = |content: &Assignments| -> Vec<Value> {
        let document = content.edited().unwrap();
        let document: Value = serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
        let rules = document["roleAssignmentsRules"][ROLE]
            .as_array()
            .cloned()
            .unwrap_or_default();
        rules.iter().map(|rule| rule["note"].clone()).collect()
    };
    let mut content = Assignments::new(BLUEPRINT, document());
    assert!(content.accept(&removing("max")).unwrap());
    assert!(!content.accept(&adding(ROLE, "max")).unwrap());
    assert_eq!(notes(&content), [1, 2, 3]);
    let mut content = Assignments::new(BLUEPRINT, document());
    let mut duplicate = removing("jane");
    duplicate.remove.values_mut().for_each(|stay| *stay = 1);
    assert!(content.accept(&duplicate).unwrap());
    assert_eq!(notes(&content), [1, 3]);
    let one = json!({"blueprintId": BLUEPRINT, "roleAssignmentsRules": {ROLE: rules(&["jane"])}});
    let mut content = Assignments::new(BLUEPRINT, Some(serde_json::from_str(&one.to_string()).unwrap()));
    assert!(!content.accept(&duplicate).unwrap(), "the first copy stays");
}
