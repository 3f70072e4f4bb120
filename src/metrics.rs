//! Metrics in the `OpenMetrics` format. No label holds the name of an object.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{
    dataiku::transport::{CallObserver, CallRecord},
    engine::report::{EngineObserver, ReconcileRecord},
};

/// Bounds of durations in seconds: from a reconcile that finds nothing to do to one that runs into its deadline.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 60.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReconcileLabels {
    kind: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    product: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ProductLabels {
    product: &'static str,
}

/// All metrics of the operator.
pub struct Metrics {
    registry: Registry,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_seconds: Family<KindLabels, Histogram>,
    status_write_failures: Family<KindLabels, Counter>,
    crd_missing: Family<KindLabels, Gauge>,
    missing: Mutex<BTreeSet<&'static str>>,
    leader: Gauge,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<ProductLabels, Histogram>,
    writes: Family<CallLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("dataiku_operator");
        let reconciles = Family::default();
        let status_write_failures = Family::default();
        let crd_missing = Family::default();
        let calls = Family::default();
        let writes = Family::default();
        let seconds = || Histogram::new(SECONDS);
        let reconcile_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let call_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register("reconcile", "Reconciles, by kind and reason", reconciles.clone());
        registry.register(
            "reconcile_duration_seconds",
            "Duration of reconciles, by kind",
            reconcile_seconds.clone(),
        );
        registry.register(
            "status_write_failures",
            "Status writes that the apiserver refused or lost, by kind",
            status_write_failures.clone(),
        );
        registry.register(
            "crd_missing",
            "Whether the CRD of a kind is missing",
            crd_missing.clone(),
        );
        registry.register(
            "remote_calls",
            "Calls to Dataiku, by operation and outcome",
            calls.clone(),
        );
        registry.register(
            "remote_writes",
            "Calls that change something, by operation and outcome",
            writes.clone(),
        );
        registry.register(
            "remote_call_duration_seconds",
            "Duration of calls to Dataiku",
            call_seconds.clone(),
        );
        let leader = Gauge::default();
        registry.register("leader", "Whether this replica is the leader", leader.clone());
        Self {
            registry,
            leader,
            reconciles,
            reconcile_seconds,
            status_write_failures,
            crd_missing,
            missing: Mutex::default(),
            calls,
            call_seconds,
            writes,
        }
    }
}

impl Metrics {
    /// Notes whether this replica is the leader.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Kinds whose CRD is missing.
    pub fn missing(&self) -> Vec<&'static str> {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.iter().copied().collect()
    }

    /// The exposition.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl EngineObserver for Metrics {
    fn reconciled(&self, record: ReconcileRecord) {
        let ReconcileRecord { kind, reason, duration } = record;
        self.reconciles.get_or_create(&ReconcileLabels { kind, reason }).inc();
        self.reconcile_seconds
            .get_or_create(&KindLabels { kind })
            .observe(duration.as_secs_f64());
    }

    fn status_write_failed(&self, kind: &'static str) {
        self.status_write_failures.get_or_create(&KindLabels { kind }).inc();
    }

    fn watching(&self, kind: &'static str, missing: bool) {
        self.crd_missing
            .get_or_create(&KindLabels { kind })
            .set(i64::from(missing));
        let mut all = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        if missing {
            all.insert(kind);
        } else {
            all.remove(kind);
        }
    }
}

impl CallObserver for Metrics {
    fn called(&self, call: &CallRecord) {
        let labels = CallLabels {
            product: call.product,
            operation: call.operation,
            outcome: call.outcome,
        };
        self.calls.get_or_create(&labels).inc();
        if call.write {
            self.writes.get_or_create(&labels).inc();
        }
        self.call_seconds
            .get_or_create(&ProductLabels { product: call.product })
            .observe(call.duration.as_secs_f64());
    }
}

/// Shared by everything that counts.
pub type SharedMetrics = Arc<Metrics>;
