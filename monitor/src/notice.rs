//! What is told: a finding of a detector, or misbehaviour of a log, as JSON.

use serde::{Deserialize, Serialize};
use tnlog::merkle::Hash;

use crate::detect::{Finding, Severity, State};

/// A finding, in the version that is newest by now. Whoever has seen `id` before replaces what it said then; equal `id` and `version`
/// repeat. It holds no number, no label, and nothing of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Names the finding, in hexadecimal.
    pub id: String,
    /// Larger in what is said later.
    pub version: u32,
    /// What found it, such as `unexpected-key` or `fork`.
    pub detector: String,
    /// `info`, `low`, `medium` or `high`.
    pub severity: String,
    /// Whether something later explains it.
    pub cleared: bool,
    /// Whether it is about the log itself, and not about what was issued.
    pub misbehaviour: bool,
    /// The origin of the log.
    pub log: String,
    /// Milliseconds of Unix time: of the entry, or when it was found.
    pub time: u64,
    /// Indexes of entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<u64>,
    /// The issuer key hash, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The country calling code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calling_code: Option<u16>,
    /// The watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    /// What happened.
    pub what: String,
    /// To whom it matters.
    pub whom: String,
    /// What to do now.
    pub now: String,
    /// The file with the evidence, in the folder of the monitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl Notice {
    /// Of what a detector found in the log of this origin.
    pub fn of(finding: &Finding, origin: &str) -> Self {
        let sentence = &finding.sentence;
        Notice {
            id: finding.id.to_string(),
            version: finding.version,
            detector: finding.detector.name().into(),
            severity: finding.severity.name().into(),
            cleared: finding.state == State::Cleared,
            misbehaviour: false,
            log: origin.into(),
            time: finding.timestamp,
            entries: finding.entries.clone(),
            issuer: finding.issuer.map(|hash| Hash(hash).to_string()),
            calling_code: finding.calling_code,
            watch: finding.watch.clone(),
            what: sentence.what.clone(),
            whom: sentence.whom.into(),
            now: sentence.now.into(),
            evidence: None,
        }
    }

    /// What a test of the alerts tells. Its version is the time, so that no test is taken for the one before.
    pub fn test() -> Self {
        Notice {
            id: "00000000000000000000000000000000".into(),
            version: (crate::run::now() / 1000) as u32,
            detector: "test".into(),
            severity: Severity::Info.name().into(),
            cleared: true,
            misbehaviour: false,
            log: "example".into(),
            time: crate::run::now(),
            entries: Vec::new(),
            issuer: None,
            calling_code: None,
            watch: None,
            what: "This is a test of an alert.".into(),
            whom: "nobody".into(),
            now: "nothing".into(),
            evidence: None,
        }
    }

    /// Whether it is to be told to who wants this severity and worse. What was told and is cleared is told, too.
    pub fn is_at_least(&self, least: Severity) -> bool {
        severity(&self.severity) >= least
    }
}

/// The severity of this name; an unknown one is the worst.
pub fn severity(name: &str) -> Severity {
    let all = [Severity::Info, Severity::Low, Severity::Medium];
    all.into_iter().find(|severity| severity.name() == name).unwrap_or(Severity::High)
}
