use std::{collections::BTreeSet, fs, path::Path};

use super::{families::ALL, *};

fn repository(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Names of metrics in a text, without the prefix.
fn named(text: &str) -> BTreeSet<&str> {
    let prefix = "dataiku_operator_";
    let starts = text.match_indices(prefix).map(|(start, _)| start + prefix.len());
    let names = starts.filter_map(|start| {
        text[start..]
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
    });
    names.collect()
}

fn exists(name: &str) -> bool {
    ALL.iter().any(|family| match family.form {
        families::Form::Histogram => {
            let rest = name.strip_prefix(family.name);
            matches!(rest, Some("_bucket" | "_sum" | "_count"))
        }
        _ => family.name == name,
    })
}

#[test]
fn alerts_and_panels_name_metrics_that_exist() {
    let files = "charts/dataiku-operator/files";
    for (file, least) in [("alerts.yaml", 3), ("dashboards/dataiku-operator.json", 10)] {
        let text = repository(&format!("{files}/{file}"));
        let named = named(&text);
        assert!(named.len() >= least, "{file} names {named:?}");
        for name in named {
            assert!(exists(name), "{file} names {name}");
        }
    }
}

#[test]
fn the_page_has_every_metric_with_its_labels() {
    let page = repository("docs/metrics.md");
    for family in ALL {
        let labels = family.labels.join(", ");
        let row = format!("| `{}` | {labels} |", family.name);
        assert!(page.contains(&row), "docs/metrics.md lacks: {row}");
    }
    assert_eq!(page.matches("\n| `").count(), ALL.len());
}

#[test]
fn a_kind_without_a_definition_leaves_nothing_but_that() {
    let metrics = Metrics::default();
    metrics.watching("DssUser", false);
    metrics.reconciled(ReconcileRecord {
        kind: "DssUser",
        reason: "InSync",
        duration: std::time::Duration::from_millis(3),
    });
    let text = metrics.text();
    assert!(text.contains("dataiku_operator_reconcile_total{kind=\"DssUser\",reason=\"InSync\"} 1"));
    assert!(text.contains("dataiku_operator_reconcile_duration_seconds_bucket{le=\"0.005\",kind=\"DssUser\"} 1"));
    assert!(text.contains("dataiku_operator_status_write_failures_total{kind=\"DssUser\"} 0"));
    for reason in [
        "AwaitingAcknowledgement",
        "InternalError",
        "RunFailed",
        "Forbidden",
        "Unavailable",
    ] {
        let row = format!("dataiku_operator_reconcile_total{{kind=\"DssUser\",reason=\"{reason}\"}} 0");
        assert!(text.contains(&row), "an alert would miss the first {reason}: {text}");
    }
    assert!(!text.contains("Paused"), "{text}");
    metrics.watching("DssUser", true);
    let text = metrics.text();
    assert_eq!(metrics.missing(), ["DssUser"]);
    assert_eq!(text.matches("DssUser").count(), 1, "{text}");
    assert!(text.contains("dataiku_operator_build_info{version=\""), "{text}");
    assert!(text.contains("dataiku_operator_leader 0"), "{text}");
}
