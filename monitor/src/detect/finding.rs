//! What a detector says.

use std::fmt;

use sha2::{Digest, Sha256};

use super::entry::Observed;

/// Which detector it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    /// A watched number, carrier or issuer: an issuer that is not allowed.
    UnexpectedIssuer,
    /// A watched number or carrier: a key that is not known, and not approved by a known one.
    UnexpectedKey,
    /// A block around a watched number by somebody who is not allowed; an issuer outside of its countries.
    UnexpectedScope,
    /// A credential of a number that does not stand.
    RerouteSuspected,
    /// More of these than can be chance.
    RerouteWave,
    /// Two issuers vouch for two keys of a number; two organizations hold overlapping blocks.
    ConflictingCredentials,
    /// A registration moves to a key that was not approved.
    RegistrationTakeover,
    /// What no certificate should be.
    Profile,
    /// A certificate id or serial number that two certificates have.
    RepeatedId,
}

impl Detector {
    /// Its name, stable, for configurations and counting.
    pub fn name(self) -> &'static str {
        match self {
            Detector::UnexpectedIssuer => "unexpected-issuer",
            Detector::UnexpectedKey => "unexpected-key",
            Detector::UnexpectedScope => "unexpected-scope",
            Detector::RerouteSuspected => "reroute-suspected",
            Detector::RerouteWave => "reroute-wave",
            Detector::ConflictingCredentials => "conflicting-credentials",
            Detector::RegistrationTakeover => "registration-takeover",
            Detector::Profile => "profile",
            Detector::RepeatedId => "repeated-id",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing when something else is looked into.
    Info,
    /// Likely honest, and looks like the beginning of an attack.
    Low,
    /// Somebody should look at it.
    Medium,
    /// Likely an attack, or a CA that must be stopped.
    High,
}

impl Severity {
    /// `info`, `low`, `medium` or `high`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }

    pub(super) fn from_rank(rank: u8) -> Self {
        match rank {
            0 => Severity::Info,
            1 => Severity::Low,
            2 => Severity::Medium,
            _ => Severity::High,
        }
    }
}

/// Whether it still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It does.
    Open,
    /// What came later explains it: the holder's key has approved.
    Cleared,
}

/// Names what was found: the same whenever the same entries are gone through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId(pub [u8; 16]);

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// In words: what happened, to whom it matters, and what to do now. It never holds a number, a label or the
/// name of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// What happened.
    pub what: String,
    /// To whom it matters.
    pub whom: &'static str,
    /// What to do now.
    pub now: &'static str,
}

impl Sentence {
    pub(super) fn new(what: impl Into<String>, whom: &'static str, now: &'static str) -> Self {
        Sentence { what: what.into(), whom, now }
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} This matters to {}. Now: {}.", self.what, self.whom, self.now)
    }
}

/// A finding, or its next version: who has seen an id before replaces what it said then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A hash of the detector, the log and the entries that it began with.
    pub id: FindingId,
    /// Larger in what is said later of the same finding. Equal id and version say the same again.
    pub version: u32,
    /// Who found it.
    pub detector: Detector,
    /// How bad it is, as far as is known by now.
    pub severity: Severity,
    /// Whether it still holds.
    pub state: State,
    /// The log.
    pub log_id: [u8; 32],
    /// The time of the entry that made this version, in milliseconds of Unix time.
    pub timestamp: u64,
    /// The evidence: indexes of entries, those that it began with first.
    pub entries: Vec<u64>,
    /// The issuer key hash, where it is about one issuer.
    pub issuer: Option<[u8; 32]>,
    /// The country calling code, where it is about one country.
    pub calling_code: Option<u16>,
    /// The watch, as the configuration names it.
    pub watch: Option<String>,
    /// What it says.
    pub sentence: Sentence,
}

/// The version of what is cleared: after all others.
const CLEARED: u32 = u32::MAX;

/// What a finding began with.
pub(super) struct Origin<'a> {
    pub detector: Detector,
    /// What tells two findings of one detector about the same entries apart.
    pub scope: &'a [u8],
    pub entries: &'a [u64],
}

impl Finding {
    /// A first version, made by `entry`.
    pub(super) fn new(
        entry: &Observed<'_>,
        origin: &Origin<'_>,
        severity: Severity,
        sentence: Sentence,
    ) -> Self {
        let mut hash = Sha256::new_with_prefix(b"tnlog finding v1\0");
        hash.update(origin.detector.name());
        hash.update([0]);
        hash.update(entry.log_id);
        origin.entries.iter().for_each(|index| hash.update(index.to_be_bytes()));
        hash.update(origin.scope);
        let digest: [u8; 32] = hash.finalize().into();
        Finding {
            id: FindingId(*digest.first_chunk().expect("16 of 32 bytes")),
            version: severity as u32,
            detector: origin.detector,
            severity,
            state: State::Open,
            log_id: entry.log_id,
            timestamp: entry.timestamp,
            entries: origin.entries.to_vec(),
            issuer: None,
            calling_code: None,
            watch: None,
            sentence,
        }
    }

    /// What was said is explained.
    pub(super) fn cleared(self) -> Self {
        Finding { version: CLEARED, state: State::Cleared, ..self }
    }

    /// With more evidence; none twice.
    pub(super) fn with(mut self, entries: impl IntoIterator<Item = u64>) -> Self {
        for index in entries {
            if !self.entries.contains(&index) {
                self.entries.push(index);
            }
        }
        self
    }
}
