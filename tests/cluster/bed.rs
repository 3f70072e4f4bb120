//! What every test starts from.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{
    Namespace, Operator,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

/// Long enough for a busy machine with two cores, short enough to fail before anybody loses patience.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The drift interval that tests use: the shortest that the schema takes.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// A namespace, a simulated DSS node with the object `design` for it, and an operator.
pub struct Bed {
    pub namespace: Namespace,
    pub dss: Instance,
    pub operator: Operator,
    _simulator: Simulator,
}

impl Bed {
    /// With the operator running and the connection ready.
    pub async fn ready(hint: &str) -> Self {
        let bed = Self::start(hint, &[]).await;
        bed.connect().await;
        bed
    }

    /// With the operator running and no connection yet.
    pub async fn start(hint: &str, arguments: &[&str]) -> Self {
        let namespace = Namespace::create(hint).await.unwrap();
        let simulator = Simulator::start().await.unwrap();
        let dss = simulator.instance(InstanceConfig::new(Product::Dss)).await.unwrap();
        let operator = Operator::builder(env!("CARGO_BIN_EXE_dataiku-operator"))
            .namespace(&namespace)
            .args(arguments.iter().copied())
            .log("info,dataiku_operator=debug")
            .start()
            .await
            .unwrap();
        Self {
            namespace,
            dss,
            operator,
            _simulator: simulator,
        }
    }

    /// Applies the connection `design` and its Secret, and waits until it is ready.
    pub async fn connect(&self) {
        self.namespace
            .secret("design-admin", &[("apiKey", self.dss.api_key())])
            .await
            .unwrap();
        self.apply(&self.instance("design", json!({}))).await;
        self.wait("DssInstance", "design", "Ready=True/InSync").await;
    }

    /// A connection to the node, with `extra` merged into its spec.
    pub fn instance(&self, name: &str, extra: Value) -> Value {
        object(
            "DssInstance",
            name,
            merged(
                json!({
                    "url": self.dss.url(),
                    "credentials": { "apiKeySecretRef": { "name": "design-admin" } },
                    "tls": { "allowInsecureHttp": true },
                    "driftInterval": format!("{}s", INTERVAL.as_secs()),
                    "defaultUserProfile": "READER",
                }),
                extra,
            ),
        )
    }

    /// Applies an object.
    pub async fn apply(&self, object: &Value) {
        self.namespace.apply_object(object).await.unwrap();
    }

    /// Waits until the object is in a state such as `Ready=True/InSync`, for its present spec.
    pub async fn wait(&self, kind: &str, name: &str, state: &str) -> Value {
        let found = self.namespace.wait_for_condition(kind, name, state, PATIENCE).await;
        found.unwrap_or_else(|error| panic!("{error:#}\n--- operator ---\n{}", self.tail()))
    }

    /// Message of the object's `Ready` condition.
    pub async fn message(&self, kind: &str, name: &str) -> String {
        let object = self.namespace.get(kind, name).await.unwrap();
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        ready
            .and_then(|ready| ready["message"].as_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until `holds`.
    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = tokio::time::Instant::now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "{what} did not come about\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for this many further looks at the node.
    pub async fn sweeps(&self, count: u64) {
        let before = self.dss.count("D1");
        self.until("another sweep", || self.dss.count("D1") >= before + count)
            .await;
        // What the sweep found is handled right after it.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    /// The user as the node has it.
    pub fn user(&self, login: &str) -> Option<Value> {
        self.dss.state_at(&format!("/users/{login}"))
    }

    /// The group as the node has it.
    pub fn group(&self, name: &str) -> Option<Value> {
        self.dss.state_at(&format!("/groups/{name}"))
    }

    fn tail(&self) -> String {
        let logs = self.operator.logs();
        let lines: Vec<_> = logs.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// An object of our API group.
#[allow(clippy::needless_pass_by_value, reason = "every caller makes the spec on the spot")]
pub fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "dataiku-operator.io/v1alpha1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": spec,
    })
}

/// A user of the connection `design` that comes in through single sign-on, with `extra` merged into its spec.
pub fn user(name: &str, extra: Value) -> Value {
    let spec = json!({ "instanceRef": { "name": "design" }, "sourceType": "LOCAL_NO_AUTH" });
    object("DssUser", name, merged(spec, extra))
}

/// A group of the connection `design`.
pub fn group(name: &str, extra: Value) -> Value {
    object(
        "DssGroup",
        name,
        merged(json!({ "instanceRef": { "name": "design" } }), extra),
    )
}

fn merged(mut base: Value, extra: Value) -> Value {
    if let (Value::Object(base), Value::Object(extra)) = (&mut base, extra) {
        for (key, value) in extra {
            if value.is_null() {
                base.remove(&key);
            } else {
                base.insert(key, value);
            }
        }
    }
    base
}
