//! The metrics: each is explained, and dashboard and alerts use none that does not exist.

use std::collections::BTreeSet;
use std::process::Command;

use tnlog::server::metrics::{Asked, Metrics, Refused, Request, Witness};

use super::{has, read, repository, run};
use crate::common::TestLog;

/// Every metric that there is, of a log with witnesses and verifiers, each label once. By type: counters end in `_total`.
fn all() -> BTreeSet<(String, String)> {
    let mut metrics = Metrics::new();
    metrics.register_cosigning();
    metrics.register_verifying();
    metrics.requests.get_or_create(&Request { endpoint: "/".into(), status: 200 }).inc();
    metrics.refused.get_or_create(&Refused { problem: "busy" }).inc();
    for cosigning in [&metrics.cosigning, &metrics.verifying] {
        cosigning.answers.get_or_create(&Asked { witness: "w".into(), result: "cosigned" }).inc();
        cosigning.conflicts.get_or_create(&Witness { witness: "w".into() }).inc();
    }
    types(&metrics.encode())
}

/// Names and types in an OpenMetrics text.
fn types(text: &str) -> BTreeSet<(String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    lines
        .map(|(name, kind)| {
            let total = if kind == "counter" { "_total" } else { "" };
            (format!("{name}{total}"), kind.to_owned())
        })
        .collect()
}

#[test]
fn every_metric_is_in_the_table_of_the_documentation() {
    let documentation = read("docs/operations.md");
    let row = |line: &str| -> Option<(String, String)> {
        let mut cells = line.strip_prefix("| `tnlog_")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`');
        let kind = cells.next()?;
        assert!(cells.next().is_some_and(|meaning| meaning.len() > 10), "{line}");
        Some((format!("tnlog_{name}"), kind.to_owned()))
    };
    let documented: BTreeSet<_> = documentation.lines().filter_map(row).collect();
    assert_eq!(documented, all());

    // What is served is what was compared, as far as there is anything to count.
    let log = TestLog::start("");
    log.get("/healthz");
    let served = types(&log.get("/metrics").text());
    assert!(served.len() > 10 && served.is_subset(&documented), "{served:?}");
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c)).filter(|word| word.starts_with("tnlog_")).collect()
}

#[test]
fn dashboard_and_alerts_use_metrics_that_exist() {
    let exposed: BTreeSet<String> = all()
        .into_iter()
        .flat_map(|(name, kind)| match kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
            _ => vec![name],
        })
        .collect();
    let dashboard = read("packaging/grafana.json");
    serde_json::from_str::<serde_json::Value>(&dashboard).unwrap();
    for (file, text) in [
        ("grafana.json", dashboard),
        ("alerts.yml", read("packaging/alerts.yml")),
        ("alerts_test.yml", read("packaging/alerts_test.yml")),
    ] {
        let used = names(&text);
        assert!(used.len() > 8, "{file}: {used:?}");
        let unknown: Vec<_> = used.into_iter().filter(|name| !exposed.contains(*name)).collect();
        assert!(unknown.is_empty(), "{file} uses what does not exist: {unknown:?}");
    }
    // Each alert is in the documentation.
    let documentation = read("docs/operations.md");
    let alerts = read("packaging/alerts.yml");
    let alerts: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 8);
    for alert in alerts {
        assert!(documentation.contains(&format!("`{alert}`")), "{alert} is not explained");
    }
}

#[test]
fn prometheus_takes_the_alerts_and_they_fire_when_they_should() {
    if !has("promtool") {
        return;
    }
    for (verb, file) in [("check", "packaging/alerts.yml"), ("test", "packaging/alerts_test.yml")] {
        run(Command::new("promtool").args([verb, "rules"]).arg(repository(file)));
    }
}
