//! One table with a column for each contestant.

use std::fmt::Write;

use crate::{
    edits::Changes,
    phases::{Phase, Run},
    report::{mebibytes, seconds, setting},
};

/// Widths of the names of rows, and of each column.
const WIDTHS: (usize, usize) = (34, 24);

/// Runs of the same setting side by side; a part that was not measured has no rows.
pub fn table(runs: &[Run]) -> String {
    let mut table = runs.first().map(setting).unwrap_or_default();
    row(&mut table, "", runs.iter().map(|run| run.contestant.name().to_owned()));
    section(
        &mut table,
        runs,
        "from nothing",
        |run| Some(&run.cold),
        "until all Ready, s",
        true,
    );
    section(
        &mut table,
        runs,
        "restart",
        |run| run.restart.as_ref(),
        "until each was visited, s",
        true,
    );
    section(&mut table, runs, "rest", |run| run.steady.as_ref(), "length, s", false);
    changes(&mut table, runs, "edit until Ready", |run| run.edits.as_ref());
    changes(&mut table, runs, "drift until undone", |run| run.drift.as_ref());
    table
}

fn section(
    table: &mut String,
    runs: &[Run],
    title: &str,
    phase: fn(&Run) -> Option<&Phase>,
    duration: &str,
    is_work: bool,
) {
    let Some(phases) = runs.iter().map(phase).collect::<Option<Vec<_>>>() else {
        return;
    };
    heading(table, title);
    let mut add =
        |name: &str, read: &dyn Fn(&Phase) -> String| row(table, name, phases.iter().map(|phase| read(phase)));
    add(duration, &|phase| seconds(phase.seconds));
    add("calls to the node", &|phase| phase.usage.calls.to_string());
    add("  of these writes", &|phase| phase.usage.remote_writes.to_string());
    if is_work {
        add("  at once, at most", &|phase| phase.usage.in_flight.to_string());
    }
    add("writes to Kubernetes", &|phase| {
        phase.usage.kubernetes_writes().to_string()
    });
    add("refused by Kubernetes", &|phase| {
        phase.usage.requested("refused ").to_string()
    });
    add("reads of a Secret", &|phase| {
        phase.usage.requested("GET secrets").to_string()
    });
    add("lists of Secrets", &|phase| {
        phase.usage.requested("LIST secrets").to_string()
    });
    add("CPU s, contestant", &|phase| seconds(phase.usage.seconds("operator")));
    add("CPU s, apiserver", &|phase| {
        seconds(phase.usage.seconds("kube-apiserver"))
    });
    add("RSS at the end, MiB", &|phase| mebibytes(phase.memory_ki_b.resident));
    add("RSS at most since the start, MiB", &|phase| {
        mebibytes(phase.memory_ki_b.peak)
    });
}

fn changes(table: &mut String, runs: &[Run], title: &str, changes: fn(&Run) -> Option<&Changes>) {
    let Some(changes) = runs.iter().map(changes).collect::<Option<Vec<_>>>() else {
        return;
    };
    heading(table, title);
    let mut add = |name: &str, read: &dyn Fn(&Changes) -> String| {
        row(table, name, changes.iter().map(|changes| read(changes)));
    };
    let percentile = |percent| {
        move |changes: &Changes| {
            let latency = changes.milliseconds.percentile(percent);
            format!("{:.0}", latency.as_secs_f64() * 1000.0)
        }
    };
    add("number", &|changes| changes.milliseconds.count().to_string());
    add("mean, ms", &|changes| {
        format!("{:.0}", changes.milliseconds.mean().as_secs_f64() * 1000.0)
    });
    add("p50, ms", &percentile(50));
    add("p99, ms", &percentile(99));
    add("longest, ms", &percentile(100));
    add("calls to the node meanwhile", &|changes| {
        changes.usage.calls.to_string()
    });
    add("  of these writes", &|changes| changes.usage.remote_writes.to_string());
    add("writes to Kubernetes", &|changes| {
        changes.usage.kubernetes_writes().to_string()
    });
    add("reads of a Secret", &|changes| {
        changes.usage.requested("GET secrets").to_string()
    });
    add("CPU s, contestant", &|changes| {
        seconds(changes.usage.seconds("operator"))
    });
}

fn heading(table: &mut String, title: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(table, "-- {title}");
}

fn row(table: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let (first, others) = WIDTHS;
    let _ = write!(table, "{name:<first$}");
    for cell in cells {
        let _ = write!(table, "{cell:>others$}");
    }
    table.push('\n');
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::{
        args::parsed,
        contestant::Contestant,
        latency::Latencies,
        probe::{Memory, Usage},
    };

    fn usage(calls: u64) -> Usage {
        let requests = [
            ("PATCH dssusers", 7),
            ("APPLY dssusers/status", 5),
            ("refused PUT dssusers/status", 1),
            ("GET secrets", 3),
        ];
        Usage {
            calls,
            remote_writes: 2,
            in_flight: 16,
            requests: requests.map(|(name, count)| (name.to_owned(), count)).into(),
            processor_seconds: BTreeMap::from([("operator".to_owned(), 1.25)]),
            ..Usage::default()
        }
    }

    fn run(contestant: Contestant, calls: u64, is_edited: bool) -> Run {
        let mut milliseconds = Latencies::default();
        (1..=100).for_each(|one| milliseconds.add(Duration::from_millis(one)));
        let phase = Phase {
            ready_seconds: None,
            seconds: 14.5,
            usage: usage(calls),
            memory_ki_b: Memory {
                resident: 20 * 1024,
                peak: 30 * 1024 + 512,
                anonymous: 0,
            },
        };
        Run {
            contestant,
            users: 1000,
            setting: parsed("--latency-ms 100 --concurrency 16").unwrap(),
            cold: phase,
            restart: None,
            steady: None,
            edits: is_edited.then(|| Changes {
                milliseconds,
                usage: usage(300),
            }),
            drift: None,
        }
    }

    fn cells(table: &str, name: &str) -> Vec<String> {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap();
        line[WIDTHS.0..].split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn each_contestant_has_a_column_under_its_name() {
        let table = table(&[
            run(Contestant::Operator, 5, true),
            run(Contestant::ControllerRuntime, 1004, true),
            run(Contestant::OperatorWithoutBulk, 6, true),
        ]);
        let mut lines = table.lines();
        let setting = lines.next().unwrap();
        assert!(
            setting.contains("1000 users") && setting.contains("100 ms; limits 16 at once"),
            "{setting}"
        );
        let names = lines.next().unwrap();
        assert_eq!(
            names.split_whitespace().collect::<Vec<_>>(),
            ["operator", "controller-runtime", "operator-without-bulk"]
        );
        assert_eq!(cells(&table, "calls to the node"), ["5", "1004", "6"]);
        assert_eq!(cells(&table, "until all Ready, s"), ["14.50"; 3]);
        assert_eq!(cells(&table, "writes to Kubernetes"), ["12"; 3]);
        assert_eq!(cells(&table, "refused by Kubernetes"), ["1"; 3]);
        assert_eq!(cells(&table, "RSS at most since the start, MiB"), ["30.5"; 3]);
        assert_eq!(cells(&table, "p50, ms"), ["50"; 3]);
        assert_eq!(cells(&table, "p99, ms"), ["99"; 3]);
        assert_eq!(cells(&table, "mean, ms"), ["50"; 3]);
        // Every row is as wide as the row of names.
        let rows = table.lines().skip(1).filter(|line| !line.starts_with("--"));
        rows.for_each(|line| assert_eq!(line.len(), names.len(), "{line}"));
    }

    #[test]
    fn a_part_that_was_not_measured_for_everybody_has_no_rows() {
        let table = table(&[run(Contestant::Operator, 5, true), run(Contestant::Kopf, 9, false)]);
        assert!(table.contains("-- from nothing"), "{table}");
        for absent in ["-- restart", "-- rest", "-- edit", "-- drift", "p99"] {
            assert!(!table.contains(absent), "{table}");
        }
    }
}
