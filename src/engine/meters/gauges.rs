//! Numbers of a connection that its kinds supply: users, seats, keys, tasks, what a node holds.
//!
//! There are two ways to supply them. What the status of the connection shows comes from
//! [`ConnectionKind::gauges`](crate::engine::connect::ConnectionKind::gauges), which is called after each sweep. Anything else
//! is set with `live.meters.gauges.set(…)`. Both end with the connection. To add a family: a variant here, and its line in
//! `metrics::families`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A family of numbers. The label `connection` comes first in each; what follows is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// `users{state}`: `enabled`, `connected`, `dormant`, `undeclared`; of a space also `invited`.
    Users,
    /// `seats{profile,state}`: `total`, `used`, `reserved`.
    Seats,
    /// `api_keys{state}`.
    ApiKeys,
    /// `tasks{phase}`.
    Tasks,
    /// `usage{object}`: projects, datasets and so on.
    Usage,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its family.
    pub gauge: Gauge,
    /// Values of the labels of the family after `connection`, in their order.
    pub labels: Vec<String>,
    /// The number.
    pub value: i64,
}

impl Series {
    /// A number of this family.
    pub fn new(gauge: Gauge, labels: &[&str], value: i64) -> Self {
        Self {
            gauge,
            labels: labels.iter().map(|text| label(text)).collect(),
            value,
        }
    }
}

/// Most numbers of one family of one connection: a remote side decides how many profiles there are.
const MOST: usize = 100;
/// Longest value of a label, in bytes.
const LONGEST: usize = 64;
/// What stands for a value that must not be a label.
const OTHER: &str = "other";

/// A text as the value of a label: short, and never an email address.
fn label(text: &str) -> String {
    if text.contains('@') {
        return OTHER.to_owned();
    }
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

type Numbers = BTreeMap<(Gauge, Vec<String>), i64>;

#[derive(Default)]
struct State {
    /// By the last sweep.
    shown: Numbers,
    /// Set one by one.
    set: Numbers,
}

/// The numbers of one connection.
#[derive(Default)]
pub struct Gauges(Mutex<State>);

impl Gauges {
    /// Sets a number. `labels`: values of the labels of the family after `connection`, in their order.
    pub fn set(&self, gauge: Gauge, labels: &[&str], value: i64) {
        insert(&mut self.state().set, Series::new(gauge, labels, value));
    }

    /// Removes every number of the family that was set.
    pub fn clear(&self, gauge: Gauge) {
        self.state().set.retain(|(family, _), _| *family != gauge);
    }

    /// Replaces everything that an earlier sweep showed.
    pub fn show(&self, series: Vec<Series>) {
        let mut shown = Numbers::new();
        for one in series {
            insert(&mut shown, one);
        }
        self.state().shown = shown;
    }

    /// All numbers.
    pub fn all(&self) -> Vec<Series> {
        let state = self.state();
        let all = state.shown.iter().chain(&state.set);
        all.map(|((gauge, labels), value)| Series {
            gauge: *gauge,
            labels: labels.clone(),
            value: *value,
        })
        .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds a number, within the bounds; equal labels replace each other.
fn insert(numbers: &mut Numbers, series: Series) {
    let Series { gauge, labels, value } = series;
    let labels: Vec<String> = labels.iter().map(|text| label(text)).collect();
    let known = numbers.contains_key(&(gauge, labels.clone()));
    if known || numbers.keys().filter(|(family, _)| *family == gauge).count() < MOST {
        numbers.insert((gauge, labels), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_remote_side_nor_a_caller_adds_labels_without_end_or_with_addresses() {
        let gauges = Gauges::default();
        gauges.show(
            (0..10_000)
                .map(|n| Series::new(Gauge::Seats, &[&format!("profile {n}"), "used"], n))
                .collect(),
        );
        assert_eq!(gauges.all().len(), MOST);
        gauges.set(Gauge::Tasks, &["jane@example.com"], 1);
        gauges.set(Gauge::Tasks, &[&"é".repeat(100)], 1);
        let all = gauges.all();
        let tasks: Vec<_> = all.iter().filter(|one| one.gauge == Gauge::Tasks).collect();
        assert_eq!(tasks[0].labels, ["other"]);
        assert_eq!(tasks[1].labels[0].len(), LONGEST);
        gauges.clear(Gauge::Tasks);
        gauges.show(Vec::new());
        assert!(gauges.all().is_empty());
    }
}
