//! What became of each certificate, and how many of each.

use std::collections::BTreeMap;
use std::process::ExitCode;

use indicatif::ProgressBar;
use serde_json::json;
use tnlog::certificate::CertificateError;
use tnlog::client::submit::{Outcome, SubmitError};

use super::plan::Place;
use crate::output;

/// Single failures that are told; the rest are in the sum.
const TOLD: usize = 10;

/// Counts outcomes, and tells them as they come: one by one as JSON, otherwise the first that failed and the sum.
pub struct Summary {
    json: bool,
    bar: ProgressBar,
    logged: usize,
    already: usize,
    receipts: usize,
    /// How many were refused, and one of them with the words of the log, by the name of the problem.
    refused: BTreeMap<String, (usize, String)>,
    failed: BTreeMap<String, usize>,
    untrusted: usize,
    told: usize,
}

impl Summary {
    /// Nothing counted yet.
    pub fn new(json: bool, bar: ProgressBar) -> Self {
        Summary {
            json,
            bar,
            logged: 0,
            already: 0,
            receipts: 0,
            refused: BTreeMap::new(),
            failed: BTreeMap::new(),
            untrusted: 0,
            told: 0,
        }
    }

    /// One that an earlier run submitted.
    pub fn already(&mut self, place: &Place) -> anyhow::Result<()> {
        self.already += 1;
        self.line(place, json!({ "outcome": "already" }))
    }

    /// One that is no certificate, and was not submitted.
    pub fn malformed(&mut self, place: &Place, error: &CertificateError) -> anyhow::Result<()> {
        self.refuse("malformed-certificate", place, &error.to_string());
        self.line(
            place,
            json!({ "outcome": "refused", "type": "malformed-certificate", "detail": error.to_string() }),
        )
    }

    /// What the log answered.
    pub fn outcome(&mut self, place: &Place, outcome: &Outcome) -> anyhow::Result<()> {
        match outcome {
            Outcome::Logged(sct) => {
                self.logged += 1;
                let (index, timestamp) = (sct.extensions.leaf_index, sct.timestamp);
                self.line(place, json!({ "outcome": "logged", "index": index, "timestamp": timestamp }))
            }
            Outcome::Refused(problem) => {
                self.refuse(problem.kind.trim_start_matches("urn:tnlog:problem:"), place, &problem.detail);
                self.line(
                    place,
                    json!({ "outcome": "refused", "type": problem.kind, "detail": problem.detail }),
                )
            }
            Outcome::Failed(error) => self.failure(place, error),
        }
    }

    /// A receipt was written.
    pub fn receipt(&mut self) {
        self.receipts += 1;
    }

    /// No receipt could be had.
    pub fn no_receipt(&mut self, place: &Place, error: &SubmitError) -> anyhow::Result<()> {
        self.failure(place, error)
    }

    fn failure(&mut self, place: &Place, error: &SubmitError) -> anyhow::Result<()> {
        self.untrusted += usize::from(is_untrusted(error));
        let detail = error.to_string();
        self.tell(place, &detail);
        self.line(place, json!({ "outcome": "failed", "detail": detail }))?;
        *self.failed.entry(detail).or_default() += 1;
        Ok(())
    }

    fn refuse(&mut self, kind: &str, place: &Place, detail: &str) {
        self.refused.entry(kind.into()).or_insert_with(|| (0, format!("{place}: {detail}"))).0 += 1;
    }

    fn tell(&mut self, place: &Place, detail: &str) {
        self.told += 1;
        if !self.json && self.told <= TOLD {
            self.bar.suspend(|| output::note(format_args!("{place}: {detail}")));
        }
    }

    fn line(&self, place: &Place, mut facts: serde_json::Value) -> anyhow::Result<()> {
        self.bar.inc(1);
        if self.json {
            facts["file"] = place.file.display().to_string().into();
            facts["certificate"] = place.position.into();
            output::line(facts)?;
        }
        Ok(())
    }

    /// Prints the sum, and decides the exit code.
    pub fn finish(self, interrupted: bool) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        let refused: usize = self.refused.values().map(|(count, _)| count).sum();
        let failed: usize = self.failed.values().sum();
        if self.json {
            let by_reason: BTreeMap<_, _> =
                self.refused.iter().map(|(kind, (count, _))| (kind, count)).collect();
            output::line(json!({
                "outcome": "sum", "logged": self.logged, "already": self.already, "receipts": self.receipts,
                "refused": by_reason, "failed": failed, "interrupted": interrupted,
            }))?;
        } else {
            self.print(refused, failed, interrupted)?;
        }
        Ok(match (self.untrusted, refused + failed, interrupted) {
            (1.., ..) => output::FINDING.into(),
            (0, 0, false) => output::FINE.into(),
            _ => output::FAILED.into(),
        })
    }

    fn print(&self, refused: usize, failed: usize, interrupted: bool) -> anyhow::Result<()> {
        output::line(format_args!(
            "{} logged, {} already, {refused} refused, {failed} failed",
            self.logged, self.already
        ))?;
        if self.receipts > 0 {
            output::line(format_args!("{} receipts written and verified", self.receipts))?;
        }
        for (kind, (count, example)) in &self.refused {
            output::line(format_args!("{count:8} refused  {kind}\n                  for example {example}"))?;
        }
        if self.refused.contains_key("unknown-root") {
            output::note(
                "A chain that leads to no root: are issuers missing in the files? Give them with --issuers FILE. Or the log does not \
                 accept that root: see ct/v1/get-roots",
            );
        }
        for (detail, count) in &self.failed {
            output::line(format_args!("{count:8} failed   {detail}"))?;
        }
        if interrupted {
            output::line("Interrupted. Run the same command again to go on.")?;
        }
        Ok(())
    }
}

/// Whether the log said something false, not only nothing.
fn is_untrusted(error: &SubmitError) -> bool {
    match error {
        SubmitError::Http(_) | SubmitError::NoIssuer | SubmitError::Count { .. } => false,
        SubmitError::Sct(_)
        | SubmitError::Encoding
        | SubmitError::Opening
        | SubmitError::Receipt(_)
        | SubmitError::Untrusted(_) => true,
    }
}
