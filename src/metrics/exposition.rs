//! The numbers of one scrape, and how they become text.

use std::{collections::BTreeMap, fmt};

use prometheus_client::{
    encoding::{DescriptorEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::families::{ALL, Family, Form};
use crate::engine::meters::Durations;

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// Of a counter or a gauge.
    Whole(u64),
    /// Of a gauge, in seconds.
    Seconds(f64),
    /// Of a histogram.
    Durations(Durations),
}

/// The numbers of one scrape, by family and labels.
#[derive(Default)]
pub struct Exposition(BTreeMap<&'static str, BTreeMap<Vec<String>, Number>>);

impl Exposition {
    /// Adds a number. Where one with the same labels is there, both add up: two connections of different kinds may have the
    /// same name.
    pub fn add(&mut self, family: &Family, labels: &[&str], number: u64) {
        if let Number::Whole(known) = self.slot(family, labels, Number::Whole(0)) {
            *known = known.saturating_add(number);
        }
    }

    /// The same for yes and no: yes counts.
    pub fn flag(&mut self, family: &Family, labels: &[&str], is: bool) {
        if let Number::Whole(known) = self.slot(family, labels, Number::Whole(0)) {
            *known = (*known).max(u64::from(is));
        }
    }

    /// The same for seconds, of which the largest counts.
    pub fn seconds(&mut self, family: &Family, labels: &[&str], number: f64) {
        if let Number::Seconds(known) = self.slot(family, labels, Number::Seconds(number)) {
            *known = known.max(number);
        }
    }

    /// The same for durations.
    pub fn durations(&mut self, family: &Family, labels: &[&str], durations: &Durations) {
        if let Number::Durations(known) = self.slot(family, labels, Number::Durations(Durations::default())) {
            known.add(durations);
        }
    }

    fn slot(&mut self, family: &Family, labels: &[&str], first: Number) -> &mut Number {
        debug_assert_eq!(family.labels.len(), labels.len(), "labels of {}", family.name);
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.0.entry(family.name).or_default().entry(labels).or_insert(first)
    }

    /// Writes every family that has a number.
    pub fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in ALL {
            if let Some(numbers) = self.0.get(family.name) {
                encode(&mut encoder, family, numbers)?;
            }
        }
        Ok(())
    }
}

fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    family: &Family,
    numbers: &BTreeMap<Vec<String>, Number>,
) -> fmt::Result {
    let (form, suffix) = match family.form {
        Form::Counter => (MetricType::Counter, "_total"),
        Form::Gauge => (MetricType::Gauge, ""),
        Form::Histogram => (MetricType::Histogram, ""),
        Form::Info => (MetricType::Info, "_info"),
    };
    // The encoder adds these to the name.
    let name = family.name.strip_suffix(suffix).unwrap_or(family.name);
    let mut metric = encoder.encode_descriptor(name, family.help, None, form)?;
    for (values, number) in numbers {
        let labels: Vec<(&str, &str)> = family
            .labels
            .iter()
            .copied()
            .zip(values.iter().map(String::as_str))
            .collect();
        if family.form == Form::Info {
            metric.encode_info(&labels)?;
            continue;
        }
        let mut series = metric.encode_family(&labels)?;
        match number {
            Number::Whole(number) if family.form == Form::Counter => {
                series.encode_counter::<NoLabelSet, u64, f64>(number, None)?;
            }
            Number::Whole(number) => series.encode_gauge(number)?,
            Number::Seconds(number) => series.encode_gauge(number)?,
            Number::Durations(durations) => {
                series.encode_histogram::<NoLabelSet>(
                    durations.sum(),
                    durations.count(),
                    &durations.buckets(),
                    None,
                )?;
            }
        }
    }
    Ok(())
}
