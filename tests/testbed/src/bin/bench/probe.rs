//! Reads off what was used: calls to the node, requests to the apiserver, processor time, memory.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use kube::Client;
use serde::Serialize;

use crate::bed::Bed;

/// Counters that only grow, at one moment.
pub struct Reading {
    requests: BTreeMap<String, u64>,
    processors: BTreeMap<String, f64>,
}

/// What was used between two moments.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Calls to the node.
    pub calls: u64,
    /// Of these, such that change something.
    pub remote_writes: u64,
    /// Of all calls, the most that were under way at one time.
    pub in_flight: u64,
    /// Calls by operation of the contract sheet.
    pub operations: BTreeMap<String, u64>,
    /// Requests to the apiserver about what only the operator asks for, by `VERB resource`; those that it did not
    /// carry out have `refused` before that.
    pub requests: BTreeMap<String, u64>,
    /// Processor seconds by process.
    pub processor_seconds: BTreeMap<String, f64>,
}

/// The memory of a process.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Resident now, KiB.
    pub resident: u64,
    /// Resident at most, KiB.
    pub peak: u64,
    /// Resident now and not backed by a file, KiB.
    pub anonymous: u64,
}

impl Reading {
    /// Reads now, and starts to count calls anew.
    pub async fn start(bed: &Bed, pid: Option<u32>) -> Result<Self> {
        let reading = Self::take(bed, pid).await?;
        bed.dss.reset_requests();
        Ok(reading)
    }

    async fn take(bed: &Bed, pid: Option<u32>) -> Result<Self> {
        let mut processes = bed.control_plane.processes();
        processes.push(("bench+simulator".to_owned(), std::process::id()));
        if let Some(pid) = pid {
            processes.push(("operator".to_owned(), pid));
        }
        let seconds = processes
            .into_iter()
            .map(|(name, pid)| Ok((name, processor_seconds(pid)?)));
        Ok(Self {
            processors: seconds.collect::<Result<_>>()?,
            requests: requests(&bed.namespace.client()).await?,
        })
    }

    /// What was used since.
    pub async fn end(self, bed: &Bed, pid: u32) -> Result<Usage> {
        let calls = bed.dss.requests();
        let now = Self::take(bed, Some(pid)).await?;
        let requests = now.requests.into_iter().map(|(name, count)| {
            let before = self.requests.get(&name).copied().unwrap_or_default();
            (name, count - before)
        });
        let processors = now.processors.into_iter().map(|(name, seconds)| {
            let before = self.processors.get(&name).copied().unwrap_or_default();
            (name, seconds - before)
        });
        Ok(Usage {
            calls: calls.total,
            remote_writes: calls.writes,
            in_flight: calls.peak,
            operations: calls.counts,
            requests: requests.filter(|(_, count)| *count > 0).collect(),
            processor_seconds: processors.collect(),
        })
    }
}

impl Usage {
    /// Requests whose name starts so.
    pub fn requested(&self, prefix: &str) -> u64 {
        let wanted = self.requests.iter().filter(|(name, _)| name.starts_with(prefix));
        wanted.map(|(_, count)| count).sum()
    }

    /// Patches of our objects: of their status, or of the rest.
    pub fn patched(&self, status: bool) -> u64 {
        let patches = self.requests.iter().filter(|(name, _)| {
            let is_ours = name.starts_with("PATCH dss") || name.starts_with("APPLY dss");
            is_ours && name.ends_with("/status") == status
        });
        patches.map(|(_, count)| count).sum()
    }

    /// Requests that write.
    pub fn kubernetes_writes(&self) -> u64 {
        ["POST ", "PUT ", "PATCH ", "APPLY ", "DELETE "]
            .map(|verb| self.requested(verb))
            .iter()
            .sum()
    }

    /// Processor seconds of a process.
    pub fn seconds(&self, process: &str) -> f64 {
        self.processor_seconds.get(process).copied().unwrap_or_default()
    }
}

/// The memory of a process.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<u64> {
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        Ok(value.with_context(|| format!("the process has no {name}"))?.parse()?)
    };
    Ok(Memory {
        resident: field("VmRSS:")?,
        peak: field("VmHWM:")?,
        anonymous: field("RssAnon:")?,
    })
}

/// Processor time of a process since its start, in user and system mode.
pub fn processor_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(')').context("a stat without a name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks: u32 = ticks.sum::<Result<u32, _>>()?;
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    Ok(f64::from(ticks) / f64::from(per_second))
}

/// Requests that the apiserver has answered about our kinds, Events and Secrets. Nothing else on the bed writes those
/// while something is measured.
async fn requests(client: &Client) -> Result<BTreeMap<String, u64>> {
    let request = http::Request::get("/metrics").body(Vec::new())?;
    let text = client.request_text(request).await?;
    let mut requests = BTreeMap::new();
    for line in text.lines() {
        let Some((labels, count)) = line
            .strip_prefix("apiserver_request_total{")
            .and_then(|line| line.split_once("} "))
        else {
            continue;
        };
        let label = |name: &str| {
            let quoted = labels
                .split(',')
                .find_map(|label| label.strip_prefix(name)?.strip_prefix("=\""));
            quoted.and_then(|value| value.strip_suffix('"')).unwrap_or_default()
        };
        let (group, resource, subresource) = (label("group"), label("resource"), label("subresource"));
        let ours = matches!(group, "dataiku-operator.io" | "events.k8s.io")
            || (group.is_empty() && matches!(resource, "secrets" | "events"));
        if ours {
            let slash = if subresource.is_empty() { "" } else { "/" };
            let refused = if matches!(label("code"), "200" | "201") {
                ""
            } else {
                "refused "
            };
            let name = format!("{refused}{} {resource}{slash}{subresource}", label("verb"));
            *requests.entry(name).or_default() += count.trim().parse::<f64>().map_or(0, whole);
        }
    }
    Ok(requests)
}

/// A counter as the exposition writes it: `1.2e+06` is a whole number too.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter is a small whole number"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
