//! Metrics in the `OpenMetrics` format. No label holds the name of an object other than a connection, a login or an email.
//!
//! Most numbers are read from the engine when they are scraped, so the series of a connection end with the connection, and
//! those of a kind with its CRD.

mod exposition;
pub mod families;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text::encode},
    registry::Registry,
};

use self::exposition::Exposition;
use crate::engine::{
    Reason,
    keep::plan::Class,
    meters::{Durations, Gauge, Measured, Reading},
    refusals::Refusals,
    report::{EngineObserver, ReconcileRecord},
    watched::Watched,
};

/// Most connections whose series are shown one by one; those of further ones are left out. Whoever may create connections
/// must not fill the memory of Prometheus.
const CONNECTIONS: usize = 1000;

/// What is counted of one kind.
#[derive(Default)]
struct OfKind {
    reconciles: BTreeMap<&'static str, u64>,
    durations: Durations,
    status_write_failures: u64,
    missing: bool,
}

#[derive(Default)]
struct State {
    leads: bool,
    kinds: BTreeMap<&'static str, OfKind>,
}

/// What the engine shows when it is asked.
struct Sources {
    watched: Arc<[Arc<dyn Watched>]>,
    measured: Arc<[Arc<dyn Measured>]>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    sources: OnceLock<Sources>,
    refusals: OnceLock<Refusals>,
}

/// All metrics of the operator.
pub struct Metrics {
    registry: Registry,
    shared: Arc<Shared>,
}

impl Default for Metrics {
    fn default() -> Self {
        let shared = Arc::<Shared>::default();
        let mut registry = Registry::with_prefix("dataiku_operator");
        registry.register_collector(Box::new(Scrape(shared.clone())));
        Self { registry, shared }
    }
}

impl Metrics {
    /// Notes whether this replica is the leader.
    pub fn set_leader(&self, leads: bool) {
        self.shared.state().leads = leads;
    }

    /// Sets where to read what the engine shows. The first call counts.
    pub fn observe(&self, watched: Arc<[Arc<dyn Watched>]>, measured: Arc<[Arc<dyn Measured>]>) {
        let _ = self.shared.sources.set(Sources { watched, measured });
    }

    /// Sets where to read which lists the apiserver refuses. The first call counts.
    pub fn observe_refusals(&self, refusals: Refusals) {
        let _ = self.shared.refusals.set(refusals);
    }

    /// Namespaces in which the operator may not list or watch a kind, each with the kind.
    pub fn refused(&self) -> Vec<(String, &'static str)> {
        self.shared.refusals.get().map(Refusals::current).unwrap_or_default()
    }

    /// Kinds whose CRD is missing.
    pub fn missing(&self) -> Vec<&'static str> {
        let state = self.shared.state();
        let missing = state.kinds.iter().filter(|(_, of)| of.missing);
        missing.map(|(kind, _)| *kind).collect()
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
        let mut state = self.shared.state();
        let of = state.kinds.entry(kind).or_default();
        *of.reconciles.entry(reason).or_default() += 1;
        of.durations.observe(duration);
    }

    fn status_write_failed(&self, kind: &'static str) {
        let mut state = self.shared.state();
        state.kinds.entry(kind).or_default().status_write_failures += 1;
    }

    fn watching(&self, kind: &'static str, missing: bool) {
        let mut state = self.shared.state();
        let of = state.kinds.entry(kind).or_default();
        if missing {
            *of = OfKind::default();
        }
        of.missing = missing;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exposition(&self) -> Exposition {
        let mut all = Exposition::default();
        all.add(&families::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1);
        let missing = self.of_kinds(&mut all);
        for (namespace, kind) in self.refusals.get().map(Refusals::current).unwrap_or_default() {
            all.add(&families::NAMESPACE_REFUSED, &[&namespace, kind], 1);
        }
        let Some(sources) = self.sources.get() else { return all };
        let mut readings: Vec<Reading> = sources.measured.iter().flat_map(|kind| kind.readings()).collect();
        readings.truncate(CONNECTIONS);
        let known: BTreeSet<String> = readings.iter().map(|one| one.connection.to_string()).collect();
        for kind in sources.watched.iter().filter(|kind| !missing.contains(kind.kind())) {
            for (group, count) in kind.census() {
                // Objects may name any connection.
                let connection = group.connection.map(|connection| connection.to_string());
                let connection = connection.filter(|name| known.contains(name)).unwrap_or_default();
                all.add(
                    &families::OBJECTS,
                    &[kind.kind(), &connection, group.reason],
                    wide(count),
                );
            }
        }
        for reading in &readings {
            of_connection(&mut all, reading, &missing);
        }
        all
    }

    /// Adds what is counted by kind; returns the kinds whose CRD is missing.
    fn of_kinds(&self, all: &mut Exposition) -> BTreeSet<&'static str> {
        let state = self.state();
        all.flag(&families::LEADER, &[], state.leads);
        for (kind, of) in &state.kinds {
            all.flag(&families::CRD_MISSING, &[kind], of.missing);
            if of.missing {
                continue;
            }
            // An alert compares a counter with its past: it misses the first time if the series begins with it.
            for reason in Reason::ALL.into_iter().filter(|reason| is_alerted(*reason)) {
                all.add(&families::RECONCILES, &[kind, reason.as_str()], 0);
            }
            for (reason, count) in &of.reconciles {
                all.add(&families::RECONCILES, &[kind, reason], *count);
            }
            all.durations(&families::RECONCILE_SECONDS, &[kind], &of.durations);
            all.add(&families::STATUS_WRITE_FAILURES, &[kind], of.status_write_failures);
        }
        let missing = state.kinds.iter().filter(|(_, of)| of.missing);
        missing.map(|(kind, _)| *kind).collect()
    }
}

/// Whether an alert of the chart counts reconciles that end with this reason.
fn is_alerted(reason: Reason) -> bool {
    reason == Reason::Unavailable || Reason::standing(reason.as_str()).is_some()
}

fn of_connection(all: &mut Exposition, reading: &Reading, missing: &BTreeSet<&'static str>) {
    let connection = &*reading.connection.to_string();
    let meters = &reading.meters;
    for (ending, count) in meters.calls() {
        let labels = [connection, ending.operation, ending.code];
        all.add(&families::REQUESTS, &labels, count);
        if ending.write {
            all.add(&families::WRITES, &labels, count);
        }
    }
    all.durations(&families::REQUEST_SECONDS, &[connection], &meters.durations());
    if let Some(swept) = meters.last_sweep() {
        all.seconds(&families::SWEEP_SECONDS, &[connection], swept.took.as_secs_f64());
        let at = swept.at.as_duration().as_secs_f64();
        all.seconds(&families::LAST_SWEEP, &[connection], at);
    }
    if let Some(open) = reading.open {
        all.flag(&families::BREAKER_OPEN, &[connection], open);
    }
    all.add(&families::BRAKE_PENDING, &[connection], wide(reading.held));
    if let Some(orphans) = reading.orphans {
        all.add(&families::ORPHANS, &[connection], wide(orphans));
    }
    let repairs = meters.repairs();
    for kind in reading.kinds.iter().filter(|kind| !missing.contains(*kind)) {
        let repaired = repairs.get(kind).copied().unwrap_or_default();
        all.add(&families::DRIFT_REPAIRED, &[kind, connection], repaired);
        for class in [Class::Withdrawal, Class::Edit, Class::Creation, Class::Repair] {
            let labels = [*kind, class_label(class)];
            all.add(&families::QUEUE_DEPTH, &labels, 0);
            all.seconds(&families::QUEUE_AGE, &labels, 0.0);
        }
    }
    for queued in reading.queued.iter().filter(|queued| !missing.contains(queued.kind)) {
        let labels = [queued.kind, class_label(queued.class)];
        all.add(&families::QUEUE_DEPTH, &labels, wide(queued.count));
        all.seconds(&families::QUEUE_AGE, &labels, queued.oldest.as_secs_f64());
    }
    for series in meters.gauges.all() {
        let family = match series.gauge {
            Gauge::Users => &families::USERS,
            Gauge::Seats => &families::SEATS,
            Gauge::ApiKeys => &families::API_KEYS,
            Gauge::Tasks => &families::TASKS,
            Gauge::Usage => &families::USAGE,
        };
        let labels: Vec<&str> = std::iter::once(connection)
            .chain(series.labels.iter().map(String::as_str))
            .collect();
        if labels.len() == family.labels.len() {
            all.add(family, &labels, u64::try_from(series.value).unwrap_or_default());
        }
    }
}

fn class_label(class: Class) -> &'static str {
    match class {
        Class::Withdrawal => "withdrawal",
        Class::Edit => "edit",
        Class::Creation => "creation",
        Class::Repair => "repair",
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Reads everything at each scrape.
struct Scrape(Arc<Shared>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.exposition().encode(encoder)
    }
}

/// Shared by everything that counts.
pub type SharedMetrics = Arc<Metrics>;

#[cfg(test)]
mod tests;
