//! Every operation of the sheet: behind a credential, behind its right, and with a body of its shape.

use std::path::Path;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::{Instance, InstanceConfig, Product, Simulator};

/// A row of `tests/contract/operations.tsv`.
struct Operation {
    id: String,
    method: Method,
    path: String,
    has_body: bool,
}

/// Posts that are sent without a body.
const WITHOUT_BODY: [&str; 5] = ["D16", "D18", "D33", "G15", "G17"];

/// Deletions that are sent with one.
const DELETE_WITH_BODY: [&str; 4] = ["D8", "G8", "L5", "L9"];

/// The operations of a product, with `x` for what their path names.
fn operations(node: &Instance) -> Vec<Operation> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/operations.tsv");
    let table = std::fs::read_to_string(path).unwrap();
    let product = serde_json::to_value(node.product()).unwrap();
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let named = |segment: &str| match segment {
        "{spaceId}" => node.space_id().to_owned(),
        variable if variable.starts_with('{') => "x".to_owned(),
        fixed => fixed.to_owned(),
    };
    let operation = |cells: Vec<&str>| {
        let (id, method) = (cells[0].to_owned(), cells[2]);
        let has_body = match method {
            "DELETE" => DELETE_WITH_BODY.contains(&cells[0]),
            "GET" => false,
            _ => !WITHOUT_BODY.contains(&cells[0]),
        };
        Operation {
            id,
            method: method.parse().unwrap(),
            path: cells[3].split('/').map(named).collect::<Vec<_>>().join("/"),
            has_body,
        }
    };
    rows.filter(|cells| product == cells[1]).map(operation).collect()
}

/// An instance on which everything that a path can name is called `x`, and one client for its many calls.
struct Furnished {
    node: Instance,
    client: Client,
}

impl Furnished {
    async fn new(product: Product) -> Self {
        let simulator = Simulator::start().await.unwrap();
        let mut config = InstanceConfig::new(product);
        if product == Product::Launchpad {
            // A task would bring the furniture to the nodes in the middle of a test.
            config = config.switch("tasks", json!("none"));
        }
        let node = simulator.instance(config).await.unwrap();
        node.patch_state(furniture(product)).unwrap();
        let client = Client::new();
        Self { node, client }
    }

    fn bases(&self) -> &'static [&'static str] {
        match self.node.product() {
            Product::Launchpad => &[""],
            _ => &["/dip/publicapi", "/public/api"],
        }
    }

    fn request(&self, base: &str, operation: &Operation) -> RequestBuilder {
        let url = format!("{}{base}{}", self.node.url(), operation.path);
        let request = self.client.request(operation.method.clone(), url);
        // The creation of a role says which in the query.
        request.query(&[("newIdentifier", "y")])
    }

    /// The same as an administrator who is a user.
    fn authorized(&self, operation: &Operation) -> RequestBuilder {
        let (node, request) = (&self.node, self.request(self.bases()[0], operation));
        match node.product() {
            Product::Launchpad => request.basic_auth(node.api_key_id(), Some(node.api_key_secret())),
            _ => request
                .basic_auth(node.api_key(), Some(""))
                .header("X-DKU-ProxyUser", "admin"),
        }
    }
}

fn furniture(product: Product) -> Value {
    let notebook = json!({"discussions": {"x": {"topic": "t", "replies": []}}, "sessions": [{"sessionId": "x"}]});
    match product {
        Product::Dss => json!({
            "users": {"x": {}}, "groups": {"x": {}}, "globalApiKeys": {"x": {}}, "personalApiKeys": {"x": {"user": "admin"}},
            "projects": {"x": {"notebooks": {"x": notebook}}}, "futures": {"x": {}},
        }),
        Product::Govern => json!({
            "users": {"x": {}}, "groups": {"x": {}}, "globalApiKeys": {"x": {}}, "roles": {"x": {}}, "futures": {"x": {}},
            "blueprints": {"x": {}}, "roleAssignments": {"x": {}}, "blueprintPermissions": {"x": {"permissions": {}}},
        }),
        Product::Launchpad => json!({
            "users": {"x": {"email": "x@example.com"}}, "invites": {"x": {"email": "y@example.com"}},
            "groups": {"x": {"name": "x"}},
        }),
    }
}

/// The status of an answer that has the product's shape of a refusal.
async fn refused(request: RequestBuilder) -> u16 {
    let answer = request.send().await.unwrap();
    let (status, url) = (answer.status().as_u16(), answer.url().clone());
    let body: Value = answer.json().await.unwrap();
    let shaped = body["errorType"].is_string() && body["detailedMessage"].is_string();
    let of_launchpad = body["code"] == status && (body["message"].is_string() || body["errors"]["json"].is_object());
    assert!(shaped || of_launchpad, "{url}: {status} {body}");
    status
}

async fn behind_a_credential(product: Product, expected: usize) {
    let there = Furnished::new(product).await;
    let node = &there.node;
    let before = node.state();
    let all = operations(node);
    assert_eq!(all.len(), expected);
    for operation in &all {
        for base in there.bases() {
            let anonymous = there.request(base, operation);
            let body = if operation.has_body { "{}" } else { "" };
            assert_eq!(refused(anonymous.body(body)).await, 401, "{}", operation.id);
        }
        let asked = there.bases().len() as u64;
        assert_eq!(node.count(&operation.id), asked, "{}", operation.id);
    }
    assert_eq!(node.state(), before);
}

#[tokio::test]
async fn every_operation_of_dss_is_behind_a_credential() {
    behind_a_credential(Product::Dss, 72).await;
}

#[tokio::test]
async fn every_operation_of_govern_is_behind_a_credential() {
    behind_a_credential(Product::Govern, 61).await;
}

#[tokio::test]
async fn every_operation_of_the_launchpad_is_behind_a_credential() {
    behind_a_credential(Product::Launchpad, 17).await;
}

#[tokio::test]
async fn administration_is_for_administrators() {
    for product in [Product::Dss, Product::Govern] {
        let there = Furnished::new(product).await;
        let node = &there.node;
        let before = node.state();
        for operation in operations(node) {
            let request = there
                .request("/public/api", &operation)
                .basic_auth(node.non_admin_api_key(), Some(""));
            if operation.path.starts_with("/admin/") {
                assert_eq!(refused(request).await, 403, "{}", operation.id);
            }
        }
        assert_eq!(node.state(), before);
    }
}

#[tokio::test]
async fn a_body_of_another_shape_is_refused_and_changes_nothing() {
    let mut sent = 0;
    for product in [Product::Dss, Product::Govern, Product::Launchpad] {
        let there = Furnished::new(product).await;
        let node = &there.node;
        let before = node.state();
        for operation in operations(node).iter().filter(|operation| operation.has_body) {
            for body in ["{\"cut\": ", "7"] {
                let status = refused(there.authorized(operation).body(body)).await;
                let expected = if product == Product::Launchpad && body == "7" {
                    422
                } else {
                    400
                };
                assert_eq!(status, expected, "{} {body}", operation.id);
                sent += 1;
            }
        }
        assert_eq!(node.state(), before);
    }
    assert_eq!(sent, 110);
}

#[tokio::test]
async fn a_route_that_is_none_and_a_verb_that_is_not_served_are_refused() {
    for product in [Product::Dss, Product::Govern, Product::Launchpad] {
        let there = Furnished::new(product).await;
        let node = &there.node;
        let served = match product {
            Product::Launchpad => format!("/spaces/{}/profiles", node.space_id()),
            _ => "/admin/users".to_owned(),
        };
        let cases = [
            (Method::GET, format!("{served}/x/y/z"), 404),
            (Method::PATCH, served, 405),
        ];
        for (method, path, status) in cases {
            let unknown = Operation {
                id: "unknown".to_owned(),
                method,
                path,
                has_body: false,
            };
            assert_eq!(refused(there.authorized(&unknown)).await, status, "{product:?}");
        }
        assert_eq!(node.count("unknown"), 2);
    }
}
