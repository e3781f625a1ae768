//! What a log does that it must not: from what following it ran into to a notice, with evidence where there is any.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use tnlog::client::evidence::Evidence;
use tnlog::client::follow::{Finding, FollowError, Prover};
use tnlog::client::read::ReadError;
use tnlog::client::source::{Source, SourceError};
use tnlog::policy::PolicyError;

use crate::detect::Severity;
use crate::notice::Notice;

/// Something wrong with a log.
pub struct Misbehaviour {
    /// What it is.
    pub notice: Notice,
    /// What shows it.
    pub evidence: Option<Evidence>,
    /// Whether the evidence may hold what names a number.
    pub is_sealed: bool,
    /// Whether it is proved for ever. Else it may be damage of the place that serves the log, and counts when it stays.
    pub is_final: bool,
}

const DAMAGE: &str = "look again from another network: if it stays, ask the log's operator; until it is explained, accept nothing \
                      that is newer";
const CHEATS: &str = "keep the evidence, show it to others who rely on the log, and accept nothing that only this log vouches for";
const EVERYBODY: &str = "everybody who relies on this log";

/// What an error of a follower says about the log; none when it says nothing. Asks the log for what makes a proof of it.
pub async fn of_error<S: Source + Clone>(
    error: &FollowError,
    origin: &str,
    prover: &Prover<S>,
) -> Option<Misbehaviour> {
    match error {
        FollowError::Found(finding) => Some(of_finding(origin, finding, prover.evidence(finding).await)),
        FollowError::Read(ReadError::Policy(error @ (PolicyError::Verify(_) | PolicyError::Log { .. }))) => {
            let says = format!("The log shows a checkpoint that its key has not signed: {error}.");
            let notice = notice(origin, "bad-signature", Severity::Medium, &says, DAMAGE, "");
            Some(Misbehaviour { notice, evidence: None, is_sealed: false, is_final: false })
        }
        FollowError::Read(error) => damaged(origin, error),
        _ => None,
    }
}

fn of_finding(origin: &str, finding: &Finding, evidence: Evidence) -> Misbehaviour {
    let kind = finding.kind();
    let (says, about) = match finding {
        Finding::Fork { seen, shown } => (
            "The log has forked: it signed two trees, and one does not continue the other.".into(),
            format!("{seen}{shown}"),
        ),
        Finding::Rollback { seen, .. } => (format!("{finding}."), seen.to_string()),
        Finding::FalseHead(head) => (
            format!("Head {} of the index log is false: {}.", head.index, head.fault),
            format!("{}{}", head.index, Base64::encode_string(&head.leaf)),
        ),
        Finding::Fault { fault, .. } => (
            format!("What the log serves is not what a log may sign: {fault}."),
            format!("{} {:?}", fault.place, fault.index),
        ),
    };
    let is_final = finding.is_final();
    let severity = match kind {
        "rollback" | "missing-tile" => Severity::Medium,
        _ => Severity::High,
    };
    let now = if is_final { CHEATS } else { DAMAGE };
    let mut notice = notice(origin, kind, severity, &says, now, &about);
    let is_fault = matches!(finding, Finding::Fault { .. });
    if let Finding::Fault { fault, .. } = finding {
        notice.entries.extend(fault.index);
    }
    let is_sealed = is_fault && evidence.proof.is_some();
    Misbehaviour { notice, evidence: Some(evidence), is_sealed, is_final }
}

/// What was read does not belong to the tree that was signed, or is not there.
fn damaged(origin: &str, error: &ReadError) -> Option<Misbehaviour> {
    let kind = match error {
        ReadError::Damaged(_) | ReadError::Bundle { .. } => "bad-tree",
        ReadError::Source(SourceError::Missing(_)) => "missing-tile",
        _ => return None,
    };
    let says = format!("What the log serves is not what it signed: {error}.");
    let notice = notice(origin, kind, Severity::Medium, &says, DAMAGE, &error.to_string());
    Some(Misbehaviour { notice, evidence: None, is_sealed: false, is_final: false })
}

/// The log could not be followed for too long.
pub fn stale(origin: &str, minutes: u64, observed: u64, why: &str) -> Notice {
    let says = format!("The log could not be followed for {minutes} minutes: {why}.");
    notice(origin, "stale", Severity::Medium, &says, DAMAGE, &observed.to_string())
}

/// The log evaluated a label with another key than that of its parameters.
pub fn bad_label(origin: &str, why: &str) -> Notice {
    let says = format!("The log gave a label that is not that of the number: {why}.");
    notice(origin, "bad-label", Severity::High, &says, CHEATS, "")
}

/// The same, over.
pub fn over(notice: &Notice) -> Notice {
    Notice { version: u32::MAX, cleared: true, ..notice.clone() }
}

fn notice(origin: &str, kind: &str, severity: Severity, says: &str, now: &str, about: &str) -> Notice {
    let mut hash = Sha256::new_with_prefix(b"tnlog misbehaviour v1\0");
    [kind, origin, about].iter().for_each(|text| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    });
    Notice {
        id: hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
        version: 1,
        detector: kind.into(),
        severity: severity.name().into(),
        cleared: false,
        misbehaviour: true,
        log: origin.into(),
        time: crate::run::now(),
        entries: Vec::new(),
        issuer: None,
        calling_code: None,
        watch: None,
        what: says.into(),
        whom: EVERYBODY.into(),
        now: now.into(),
        evidence: None,
    }
}
