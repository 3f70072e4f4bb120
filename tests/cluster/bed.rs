//! What every test starts from.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::{
    Condition, Event, Namespace,
    simulator::{Instance, InstanceConfig, Product, Simulator},
};

use crate::{
    connection::{Connection, credentials},
    ground::{Ground, Operator},
};

/// Long enough for a busy machine with two cores, short enough to fail before anybody loses patience.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// The drift interval that tests use: the shortest that the schema takes.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// What operators of tests log.
pub const LOG: &str = "info,dataiku_operator=debug";

/// A namespace, a simulated node or space with the object for its connection, and an operator.
pub struct Bed {
    pub namespace: Namespace,
    pub remote: Instance,
    pub operator: Operator,
    pub connection: Connection,
    _simulator: Simulator,
}

impl Bed {
    /// A DSS node on a real control plane, with the operator running and the connection ready.
    pub async fn ready(hint: &str) -> Self {
        Self::ready_on(&Ground::Cluster, Product::Dss, hint, LOG).await
    }

    /// A DSS node on a real control plane, with the operator running and no connection yet.
    pub async fn start(hint: &str, arguments: &[&str]) -> Self {
        Self::start_on(&Ground::Cluster, Product::Dss, hint, arguments, LOG).await
    }

    /// A DSS node of the newest release without bulk calls: each user is created by a call of its own.
    pub async fn one_by_one(ground: &Ground, hint: &str) -> Self {
        let config = InstanceConfig::new(Product::Dss).switch("release", json!("14.1.0"));
        let bed = Self::start_with(ground, config, hint, &[], "info,dataiku_operator=debug").await;
        bed.connect().await;
        bed
    }

    /// Any product, with the operator running and the connection ready.
    pub async fn ready_on(ground: &Ground, product: Product, hint: &str, log: &str) -> Self {
        let bed = Self::start_on(ground, product, hint, &[], log).await;
        bed.connect().await;
        bed
    }

    /// Any product, with the operator running and no connection yet.
    pub async fn start_on(ground: &Ground, product: Product, hint: &str, arguments: &[&str], log: &str) -> Self {
        Self::start_with(ground, InstanceConfig::new(product), hint, arguments, log).await
    }

    /// A remote side made from this, with the operator running and no connection yet.
    pub async fn start_with(
        ground: &Ground,
        config: InstanceConfig,
        hint: &str,
        arguments: &[&str],
        log: &str,
    ) -> Self {
        let product = config.product;
        let namespace = ground.namespace(hint).await;
        let simulator = Simulator::start().await.unwrap();
        let remote = ground.remote(&simulator, config).await;
        let operator = ground.operator(&namespace, arguments, log).await;
        Self {
            namespace,
            remote,
            operator,
            connection: Connection::to(product),
            _simulator: simulator,
        }
    }

    /// Applies the connection and its Secret, and waits until it is ready.
    pub async fn connect(&self) {
        self.give_credentials().await;
        self.apply(&self.connection_with(json!({}))).await;
        self.wait(self.connection.kind, self.connection.name, "Ready=True/InSync")
            .await;
    }

    /// Applies the Secret with the credentials that work.
    pub async fn give_credentials(&self) {
        self.namespace
            .secret(&self.connection.secret(), &credentials(&self.remote))
            .await
            .unwrap();
    }

    /// The connection, with `extra` merged into its spec.
    pub fn connection_with(&self, extra: Value) -> Value {
        let common = json!({
            "tls": { "allowInsecureHttp": true },
            "driftInterval": format!("{}s", INTERVAL.as_secs()),
        });
        let spec = merged(self.connection.access(&self.remote), common);
        object(self.connection.kind, self.connection.name, merged(spec, extra))
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
        message(&self.namespace.get(kind, name).await.unwrap())
    }

    /// Waits until `holds`.
    pub async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = tokio::time::Instant::now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "{what} did not come about\n{}", self.tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for this many further looks at the remote side.
    pub async fn sweeps(&self, count: u64) {
        let before = self.looks();
        self.until("another sweep", || self.looks() >= before + count).await;
        // What the sweep found is handled right after it.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    /// Looks at the remote side since the calls are counted.
    pub fn looks(&self) -> u64 {
        self.remote.count(self.connection.look)
    }

    /// Reconciles of a kind: those that the metric counts, or those that the log has a duration of, whichever are more.
    pub async fn reconciles(&self, kind: &str) -> u64 {
        let logs = self.operator.logs();
        let timed = logs.lines().filter(|line| {
            let line = serde_json::from_str::<Value>(line).unwrap_or_default();
            let fields = line.get("fields").unwrap_or(&line);
            let timed = ["elapsed", "duration"].iter().any(|name| fields.get(name).is_some());
            timed && fields["kind"] == kind
        });
        self.reconciles_of_this_process(kind).await.max(timed.count() as u64)
    }

    /// Reconciles of a kind that the metric counts, since the newest start.
    pub async fn reconciles_of_this_process(&self, kind: &str) -> u64 {
        let metrics = self.operator.metrics().await.unwrap();
        let label = format!("kind=\"{kind}\"");
        let counted = metrics.lines().filter(|line| {
            let name = line.split('{').next().unwrap_or_default();
            let names = ["dataiku_operator_reconcile_total", "dataiku_operator_passes_total"];
            names.contains(&name) && line.contains(&label)
        });
        let values = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        values.sum()
    }

    /// The Events of a type about an object.
    pub async fn events(&self, name: &str, kind: &str) -> Vec<Event> {
        let events = self.namespace.events(name).await.unwrap();
        events.into_iter().filter(|event| event.kind == kind).collect()
    }

    /// The user as the node has it.
    pub fn user(&self, login: &str) -> Option<Value> {
        self.remote.state_at(&format!("/users/{login}"))
    }

    /// The group as the node has it.
    pub fn group(&self, name: &str) -> Option<Value> {
        self.remote.state_at(&format!("/groups/{name}"))
    }

    fn tail(&self) -> String {
        let logs = self.operator.logs();
        let lines: Vec<_> = logs.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// Message of the `Ready` condition of an object as it was read. A later read may find the next try under way.
pub fn message(object: &Value) -> String {
    let ready = Condition::of(object, "Ready");
    ready.map(|ready| ready.message).unwrap_or_default()
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

/// `base` with the members of `extra`; those that are null there are left out.
pub fn merged(mut base: Value, extra: Value) -> Value {
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

/// What a test found wrong, told all at once.
#[derive(Default)]
pub struct Findings(Vec<String>);

impl Findings {
    /// Notes what is wrong unless it holds.
    pub fn check(&mut self, holds: bool, wrong: &str) {
        if !holds {
            self.0.push(wrong.to_owned());
        }
    }

    /// Fails if anything was wrong.
    pub fn none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0.join("\n"));
    }
}
