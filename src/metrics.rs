//! Metrics in the `OpenMetrics` format. No label holds the name of an object.

use std::sync::Arc;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{
    dataiku::transport::{CallObserver, CallRecord},
    engine::report::PassRecord,
};

/// Bounds of pass and call durations, in seconds: from a pass that finds nothing to do to one that runs into its deadline.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 60.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PassLabels {
    kind: &'static str,
    outcome: &'static str,
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
    passes: Family<PassLabels, Counter>,
    pass_seconds: Family<KindLabels, Histogram>,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<ProductLabels, Histogram>,
    writes: Family<CallLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("dataiku_operator");
        let passes = Family::default();
        let calls = Family::default();
        let writes = Family::default();
        let seconds = || Histogram::new(SECONDS);
        let pass_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let call_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register("passes", "Passes over objects, by kind and reason", passes.clone());
        registry.register(
            "pass_duration_seconds",
            "Duration of passes, by kind",
            pass_seconds.clone(),
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
        Self {
            registry,
            passes,
            pass_seconds,
            calls,
            call_seconds,
            writes,
        }
    }
}

impl Metrics {
    /// Counts a pass.
    pub fn passed(&self, pass: PassRecord) {
        let PassRecord {
            kind,
            outcome,
            duration,
        } = pass;
        self.passes.get_or_create(&PassLabels { kind, outcome }).inc();
        self.pass_seconds
            .get_or_create(&KindLabels { kind })
            .observe(duration.as_secs_f64());
    }

    /// The exposition.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
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
