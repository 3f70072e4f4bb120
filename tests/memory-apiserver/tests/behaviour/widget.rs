//! A kind for these tests.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, CustomResource, CustomResourceExt, api::PostParams, core::Status};
use memory_apiserver::{MemoryApiserver, Registered};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where the objects of these tests live.
pub const NAMESPACE: &str = "team";

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Widget",
    namespaced,
    status = "WidgetStatus"
)]
pub struct WidgetSpec {
    pub size: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct WidgetStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A server that knows the kind, and the kind at it.
pub fn served() -> (MemoryApiserver, Api<Widget>) {
    let server = MemoryApiserver::new();
    server.register(Registered::from_crd(&Widget::crd()));
    let widgets = Api::namespaced(server.client(), NAMESPACE);
    (server, widgets)
}

/// A server with one widget, `one`, of size 1.
pub async fn with_one() -> (MemoryApiserver, Api<Widget>, Widget) {
    let (server, widgets) = served();
    let one = create(&widgets, "one").await;
    (server, widgets, one)
}

/// Creates a widget of size 1.
pub async fn create(widgets: &Api<Widget>, name: &str) -> Widget {
    let widget = Widget::new(name, WidgetSpec { size: 1, colour: None });
    widgets.create(&PostParams::default(), &widget).await.unwrap()
}

/// A widget of size 1, as JSON.
pub fn manifest(name: &str) -> Value {
    json!({
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "size": 1 },
    })
}

/// What the server answered to a request that it refused.
pub fn refusal<T>(result: Result<T, kube::Error>) -> Box<Status> {
    match result {
        Ok(_) => panic!("the request was not refused"),
        Err(kube::Error::Api(status)) => status,
        Err(other) => panic!("no answer: {other:?}"),
    }
}

/// Whether a request failed without an answer.
pub fn is_broken<T>(result: &Result<T, kube::Error>) -> bool {
    matches!(result, Err(kube::Error::Service(_)))
}
