//! What a log does that it must not: from what following it ran into to a notice, with evidence where there is any.

use std::io;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use tnlog::client::evidence::{Evidence, Promise, Proof};
use tnlog::client::follow::{Finding, FollowError, Prover};
use tnlog::client::read::ReadError;
use tnlog::client::source::{Source, SourceError};
use tnlog::client::whole_file;
use tnlog::note::Note;
use tnlog::policy::PolicyError;
use tnlog::sct::Sct;

use crate::detect::Severity;
use crate::folder::{self, Folder};
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

/// The name of what [`no_quorum`] says.
pub const NO_QUORUM: &str = "no-quorum";

impl Misbehaviour {
    /// Writes the evidence into the folder of a monitor and says what was found: the notice, which names the evidence.
    ///
    /// # Errors
    /// When the evidence cannot be written.
    pub fn keep(self, folder: &Folder) -> io::Result<Notice> {
        let mut notice = self.notice;
        if let Some(evidence) = &self.evidence {
            notice.evidence = Some(keep(evidence, folder, &notice, self.is_sealed)?);
        }
        tracing::error!(log = notice.log, evidence = notice.evidence, "{}", notice.what);
        Ok(notice)
    }
}

/// Writes the file of a finding, unless there is one that proves as much: a log that withholds tiles at first may show later what
/// makes a proof. Gives its name, below the folder of the monitor.
fn keep(evidence: &Evidence, folder: &Folder, notice: &Notice, is_sealed: bool) -> io::Result<String> {
    let place = if is_sealed { folder.sealed() } else { folder.evidence() };
    folder::private_folder(&place)?;
    let path = place.join(format!("{}-{}.json", notice.detector, notice.id));
    let earlier = std::fs::read(&path).ok().and_then(|bytes| Evidence::parse(&bytes).ok());
    if earlier.is_none_or(|earlier| earlier.proof.is_none() && evidence.proof.is_some()) {
        whole_file::replace(&path, &evidence.encode(), whole_file::PRIVATE)?;
    }
    Ok(path.strip_prefix(folder.path()).unwrap_or(&path).display().to_string())
}

const DAMAGE: &str = "look again from another network: if it stays, ask the log's operator; until it is explained, accept nothing \
                      that is newer";
const CHEATS: &str = "keep the evidence, show it to others who rely on the log, and accept nothing that only this log vouches for";
const ASK_WITNESSES: &str = "ask those witnesses whether they run, and whether they refuse the log and why; ask the log's operator whether \
                         they are asked; until it is explained, accept nothing of the log that is newer";
const FROZEN: &str = "ask others, best over another network, which checkpoint the log shows them: if it is newer, you are shown an old state; \
                      ask the log's operator; until it is explained, take nothing of the log for complete";
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
    if let Finding::Fault { fault, .. } = finding {
        notice.entries.extend(fault.index);
    }
    let is_sealed = evidence.shows_entries();
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

/// The log has signed no newer tree head for too long.
pub fn frozen(origin: &str, behind: Duration, observed: u64, checkpoint: &Note) -> Misbehaviour {
    let says = format!(
        "The log stands still: the time in what it signed last is {} minutes behind, and a log signs again also when nothing happens.",
        behind.as_secs() / 60
    );
    let notice = notice(origin, "stale", Severity::Medium, &says, FROZEN, &format!("frozen at {observed}"));
    let evidence = Some(Evidence::new("stale", &[checkpoint], None));
    Misbehaviour { notice, evidence, is_sealed: false, is_final: false }
}

/// The newest checkpoint of the log has lacked the quorum of the policy for too long.
pub fn no_quorum(origin: &str, minutes: u64, observed: u64, lacks: &PolicyError) -> Notice {
    let says = format!(
        "What the log signs has had no quorum for {minutes} minutes, and only its first {observed} entries are looked at: {lacks}."
    );
    notice(origin, NO_QUORUM, Severity::Medium, &says, ASK_WITNESSES, &observed.to_string())
}

/// The log promised in an SCT that an entry stands where it does not.
pub fn not_included(origin: &str, sct: &Sct, promise: Promise, checkpoint: &Note) -> Misbehaviour {
    let index = sct.extensions.leaf_index;
    let has = if promise.stands.is_some() {
        "has another entry there"
    } else {
        "signed a tree without it a day later"
    };
    let says = format!("The log signed an SCT that promises entry {index}, and {has}.");
    // The hash of a signature, which nobody can make again to try out numbers.
    let about = format!("{index} {}", Base64::encode_string(&Sha256::digest(&sct.signature)));
    let mut notice = notice(origin, "sct-not-included", Severity::High, &says, CHEATS, &about);
    notice.entries.push(index);
    let evidence = Evidence::new("sct-not-included", &[checkpoint], Some(Proof::Promise(promise)));
    Misbehaviour { notice, evidence: Some(evidence), is_sealed: true, is_final: true }
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
