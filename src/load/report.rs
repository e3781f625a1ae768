//! What a run has shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::check::Checked;
use super::readers::ReadReport;

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the answers came within this time.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// All of them.
    pub max: f64,
}

impl Latency {
    /// From the latencies of all answers, in microseconds; none when there is none.
    pub fn of(mut micros: Vec<u32>) -> Option<Self> {
        micros.sort_unstable();
        let last = micros.len().checked_sub(1)?;
        let at = |share: f64| f64::from(micros[(last as f64 * share).ceil() as usize]) / 1000.0;
        Some(Latency { p50: at(0.50), p95: at(0.95), p99: at(0.99), max: at(1.0) })
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Latency { p50, p95, p99, max } = self;
        write!(f, "p50 {p50:.0} ms, p95 {p95:.0} ms, p99 {p99:.0} ms, max {max:.0} ms")
    }
}

/// The figures of a run. A batch counts once in the latencies and as many times as it has chains in all else.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// From the first submission to the last answer.
    pub seconds: f64,
    /// SCTs received.
    pub accepted: u64,
    /// SCTs each second.
    pub rate: f64,
    /// How many of them repeat an earlier submission.
    pub repeated: u64,
    /// Bad chains that were refused, as they should be.
    pub refused: u64,
    /// Whether the prepared certificates were used up before the time was over.
    pub exhausted: bool,
    /// Latency of add requests.
    pub latency_milliseconds: Option<Latency>,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// What the readers beside the writers have seen.
    pub reads: Option<ReadReport>,
    /// What was found in the log afterwards.
    pub check: Option<Checked>,
}

impl Report {
    /// Whether there was no error and everything was found.
    pub fn is_good(&self) -> bool {
        self.errors.is_empty()
            && self.reads.as_ref().is_none_or(|reads| reads.errors.is_empty())
            && self.check.as_ref().is_none_or(Checked::is_good)
    }

    /// As a table.
    pub fn table(&self) -> String {
        let mut rows = vec![
            ("time", format!("{:.1} s", self.seconds)),
            ("SCTs", format!("{}, {} of them for repeated submissions", self.accepted, self.repeated)),
            ("rate", format!("{:.0} /s", self.rate)),
            ("bad chains refused", self.refused.to_string()),
        ];
        rows.extend(self.latency_milliseconds.map(|latency| ("latency of add", latency.to_string())));
        if self.exhausted {
            rows.push(("note", "the prepared certificates were used up early: raise --count".to_owned()));
        }
        rows.extend(self.errors.iter().map(|(kind, count)| ("error", format!("{count} x {kind}"))));
        rows.push(("errors", self.errors.values().sum::<u64>().to_string()));
        if let Some(reads) = &self.reads {
            rows.extend(reads.rows());
        }
        if let Some(check) = &self.check {
            rows.push(("check", check.to_string()));
        }
        rows.into_iter().map(|(name, value)| format!("{name:<20}{value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let latency = Latency::of((1..=1000).rev().map(|ms| ms * 1000).collect()).unwrap();
        assert_eq!(latency, Latency { p50: 501.0, p95: 951.0, p99: 991.0, max: 1000.0 });
        assert_eq!(Latency::of(vec![7000]).unwrap().p50, 7.0);
        assert_eq!(Latency::of(vec![]), None);
    }
}
