//! What Prometheus is told: figures by log, and no name of a watch.

use std::fmt::Write;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::logs::{Health, Verdict, health};
use super::reply::{self, Problem};
use super::{Page, TheAsked, ThePage, blocking};
use crate::catalogue::Status;

const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A figure of each log.
type Figure = (&'static str, &'static str, fn(&Health) -> u64);

const FIGURES: [Figure; 8] = [
    ("size", "Entries of the newest checkpoint that was seen.", |health| health.size),
    ("checked", "Entries that are verified.", |health| health.checked),
    ("indexed", "Entries that the head covers in which look-ups are answered.", |health| health.indexed),
    ("index_heads", "Heads of the index log that were recomputed.", |health| health.heads),
    ("success_age_seconds", "Seconds since a step succeeded.", |health| health.fresh_seconds),
    ("cosigned_timestamp_seconds", "Time of the newest cosignature, 0 without one.", |health| {
        health.cosigned.map_or(0, |when| when.milliseconds() / 1000)
    }),
    ("newest_entry_timestamp_seconds", "Time of the newest entry.", |health| {
        health.newest_entry.map_or(0, |when| when.milliseconds() / 1000)
    }),
    ("trouble", "1 while the log misbehaves or cannot be followed.", |health| {
        u64::from(health.verdict == Verdict::Bad)
    }),
];

/// `GET /metrics`
pub async fn show(State(page): ThePage, Extension(asked): TheAsked) -> Response {
    let now = asked.now;
    match blocking(&page, move |page| metrics(page, now)).await {
        Ok(text) => reply::typed(StatusCode::OK, TYPE, text.into_bytes()),
        Err(problem) => reply::problem(&asked, problem),
    }
}

fn metrics(page: &Page, now: u64) -> Result<String, Problem> {
    let logs = page.logs.iter().map(|log| health(page, log, now)).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::new();
    for (name, help, value) in FIGURES {
        describe(&mut text, &format!("log_{name}"), help);
        for log in &logs {
            line(&mut text, &format!("log_{name}{{log=\"{}\"}}", log.name), value(log));
        }
    }
    describe(&mut text, "findings", "Findings by log, state and severity.");
    for log in &page.logs {
        for status in Status::ALL {
            let counts = page.catalogue.counts(Some(log.served.origin()), None, status)?;
            for (severity, count) in ["info", "low", "medium", "high"].into_iter().zip(counts) {
                let labels =
                    format!("log=\"{}\",state=\"{}\",severity=\"{severity}\"", log.name, status.name());
                line(&mut text, &format!("findings{{{labels}}}"), count);
            }
        }
    }
    describe(&mut text, "watches", "What is watched.");
    line(&mut text, "watches", page.watches.len() as u64);
    describe(
        &mut text,
        "catalogue_bytes_to_read",
        "Bytes of findings.jsonl that the page does not show yet.",
    );
    let reading = page.catalogue.reading();
    line(&mut text, "catalogue_bytes_to_read", reading.of.saturating_sub(reading.read));
    Ok(text)
}

fn describe(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP tnlog_monitor_{name} {help}\n# TYPE tnlog_monitor_{name} gauge");
}

fn line(text: &mut String, name: &str, value: u64) {
    let _ = writeln!(text, "tnlog_monitor_{name} {value}");
}
