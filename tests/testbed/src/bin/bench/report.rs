//! What is printed: a table for people and one line of JSON for whoever keeps the figures.

use std::{fmt::Write, fs};

use anyhow::Result;
use serde_json::json;

use crate::{
    contestant::Contestant,
    phases::{Phase, Run},
};

/// The machine and how busy it is: wall time on a busy one says little.
pub fn machine() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism()?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load: Vec<_> = load.split_whitespace().take(3).collect();
    let model = model.map_or("unknown processor", |(_, model)| model);
    Ok(format!(
        "{cores} cores ({model}), load average before the start {}",
        load.join(" ")
    ))
}

/// Says that a phase is over: a run of many users takes a while.
pub fn done(contestant: Contestant, phase: &str, measured: &Phase) {
    let (calls, peak) = (measured.usage.calls, mebibytes(measured.memory_ki_b.peak));
    eprintln!(
        "{}, {phase}: {} s, {calls} calls, at most {peak} MiB",
        contestant.name(),
        seconds(measured.seconds)
    );
}

/// One line that says what was set up.
pub fn setting(run: &Run) -> String {
    let setting = &run.setting;
    let (concurrency, per_second) = setting.limits();
    format!(
        "{} users, {} % with a password{}; node answers in {} ms; limits {concurrency} at once, {per_second}/s; etcd {}\n",
        run.users,
        setting.passwords,
        if setting.properties {
            ", all with properties"
        } else {
            ""
        },
        setting.latency_ms,
        if setting.no_fsync {
            "without fsync"
        } else {
            "with fsync"
        },
    )
}

/// The run as a table with a column for each phase.
pub fn table(run: &Run) -> String {
    let mut table = setting(run);
    let rest = format!("steady {} s", run.setting.steady_seconds);
    let phases = [
        ("cold", Some(&run.cold)),
        ("restart", run.restart.as_ref()),
        (rest.as_str(), run.steady.as_ref()),
    ];
    let phases: Vec<_> = phases
        .into_iter()
        .filter_map(|(name, phase)| Some((name, phase?)))
        .collect();
    let mut row = |name: &str, cells: Vec<String>| {
        // Writing into a String cannot fail.
        let _ = write!(table, "{name:<34}");
        for cell in cells {
            let _ = write!(table, "{cell:>14}");
        }
        table.push('\n');
    };
    row("", phases.iter().map(|(name, _)| (*name).to_owned()).collect());
    for (name, read) in ROWS {
        row(name, phases.iter().map(|(_, phase)| read(phase)).collect());
    }
    for (name, changes) in [("edit until Ready", &run.edits), ("drift until undone", &run.drift)] {
        if let Some(changes) = changes {
            let times = &changes.milliseconds;
            let [middle, most, longest] = [50, 99, 100].map(|percent| times.percentile(percent).as_millis());
            let _ = writeln!(
                table,
                "{name}, {} times: p50 {middle} ms, p99 {most} ms, longest {longest} ms; {} calls to the node",
                times.count(),
                changes.usage.calls
            );
        }
    }
    table
}

type Row = (&'static str, fn(&Phase) -> String);

const ROWS: [Row; 17] = [
    ("until /readyz, s", |phase| {
        phase.ready_seconds.map_or_else(|| "-".to_owned(), seconds)
    }),
    ("until done, s", |phase| seconds(phase.seconds)),
    ("calls to the node", |phase| phase.usage.calls.to_string()),
    ("  of these writes", |phase| phase.usage.remote_writes.to_string()),
    ("writes to Kubernetes", |phase| {
        phase.usage.kubernetes_writes().to_string()
    }),
    ("  finalizers", |phase| phase.usage.patched(false).to_string()),
    ("  status", |phase| phase.usage.patched(true).to_string()),
    ("  Events", |phase| {
        (phase.usage.requested("POST events") + phase.usage.requested("PATCH events")).to_string()
    }),
    ("refused by Kubernetes", |phase| {
        phase.usage.requested("refused ").to_string()
    }),
    ("reads of a Secret", |phase| {
        phase.usage.requested("GET secrets").to_string()
    }),
    ("CPU s, operator", |phase| seconds(phase.usage.seconds("operator"))),
    ("CPU s, apiserver", |phase| {
        seconds(phase.usage.seconds("kube-apiserver"))
    }),
    ("CPU s, etcd", |phase| seconds(phase.usage.seconds("etcd"))),
    ("CPU s, simulator and bench", |phase| {
        seconds(phase.usage.seconds("bench+simulator"))
    }),
    ("RSS at the end, MiB", |phase| mebibytes(phase.memory_ki_b.resident)),
    ("  not backed by a file", |phase| mebibytes(phase.memory_ki_b.anonymous)),
    ("RSS at most since the start, MiB", |phase| {
        mebibytes(phase.memory_ki_b.peak)
    }),
];

/// Seconds with two decimals.
pub fn seconds(seconds: f64) -> String {
    format!("{seconds:.2}")
}

/// KiB as MiB with one decimal.
pub fn mebibytes(kibibytes: u64) -> String {
    format!("{}.{}", kibibytes / 1024, kibibytes % 1024 * 10 / 1024)
}

/// The run as one line.
pub fn json(run: &Run) -> String {
    json!({ "bench": run }).to_string()
}
