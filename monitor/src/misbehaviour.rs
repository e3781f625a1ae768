//! What a log does that it must not: from what following it ran into to a notice, with evidence where there is any.

use std::io;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tnlog::checkpoint::Checkpoint;
use tnlog::client::check::{Fault, FaultKind};
use tnlog::client::follow::{FalseHead, Finding, FollowError};
use tnlog::client::read::{LogReader, ReadError};
use tnlog::client::source::{Source, SourceError};
use tnlog::note::Note;
use tnlog::policy::{Policy, PolicyError};
use tnlog::sct::Sct;

use crate::detect::Severity;
use crate::evidence::{Evidence, Promise, Proof, base64};
use crate::folder::Folder;
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
            notice.evidence = Some(evidence.keep(folder, &notice, self.is_sealed)?);
        }
        tracing::error!(log = notice.log, evidence = notice.evidence, "{}", notice.what);
        Ok(notice)
    }
}

const DAMAGE: &str = "look again from another network: if it stays, ask the log's operator; until it is explained, accept nothing \
                      that is newer";
const CHEATS: &str = "keep the evidence, show it to others who rely on the log, and accept nothing that only this log vouches for";
const ASK_WITNESSES: &str = "ask those witnesses whether they run, and whether they refuse the log and why; ask the log's operator whether \
                         they are asked; until it is explained, accept nothing of the log that is newer";
const EVERYBODY: &str = "everybody who relies on this log";

/// What an error of a follower says about the log; none when it says nothing. Asks the log for what makes a proof of it.
pub async fn of_error<S: Source>(
    error: &FollowError,
    origin: &str,
    policy: &Policy,
    source: impl Fn(&str) -> Arc<S>,
) -> Option<Misbehaviour> {
    match error {
        FollowError::Found(Finding::Fork { seen, shown }) => {
            Some(fork(origin, seen, shown, policy, source).await)
        }
        FollowError::Found(finding @ Finding::Rollback { seen, shown }) => {
            let says = finding.to_string();
            let notice = notice(origin, "rollback", Severity::Medium, &says, DAMAGE, &seen.to_string());
            let evidence = Some(Evidence::new("rollback", &says, &[seen, shown], None));
            Some(Misbehaviour { notice, evidence, is_sealed: false, is_final: false })
        }
        FollowError::Found(Finding::FalseHead(head)) => Some(false_head(origin, head)),
        FollowError::Found(Finding::Fault { fault, checkpoint }) => {
            Some(of_fault(origin, fault, checkpoint, policy, source).await)
        }
        FollowError::Read(ReadError::Policy(error @ (PolicyError::Verify(_) | PolicyError::Log { .. }))) => {
            let says = format!("The log shows a checkpoint that its key has not signed: {error}.");
            let notice = notice(origin, "bad-signature", Severity::Medium, &says, DAMAGE, "");
            Some(Misbehaviour { notice, evidence: None, is_sealed: false, is_final: false })
        }
        FollowError::Read(error) => damaged(origin, error),
        _ => None,
    }
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
    let about = format!("{index} {}", base64(&Sha256::digest(&sct.signature)));
    let mut notice = notice(origin, "sct-not-included", Severity::High, &says, CHEATS, &about);
    notice.entries.push(index);
    let evidence = Evidence::new("sct-not-included", &says, &[checkpoint], Some(Proof::Promise(promise)));
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

/// Both checkpoints, and with the tiles of the larger one what it begins with.
async fn fork<S: Source>(
    origin: &str,
    seen: &Note,
    shown: &Note,
    policy: &Policy,
    source: impl Fn(&str) -> Arc<S>,
) -> Misbehaviour {
    let says = "The log has forked: it signed two trees, and one does not continue the other.";
    let notice = notice(origin, "fork", Severity::High, says, CHEATS, &format!("{seen}{shown}"));
    let proof = prefix(seen, shown, policy, source).await;
    let evidence = Some(Evidence::new("fork", says, &[seen, shown], proof));
    Misbehaviour { notice, evidence, is_sealed: false, is_final: true }
}

/// None when both are equally large, and when the log withholds its tiles.
async fn prefix<S: Source>(
    seen: &Note,
    shown: &Note,
    policy: &Policy,
    source: impl Fn(&str) -> Arc<S>,
) -> Option<Proof> {
    let size = |note: &Note| Checkpoint::parse(note.text()).ok();
    let (before, after) = (size(seen)?, size(shown)?);
    let (small, large, note) =
        if before.size < after.size { (before, after, shown) } else { (after, before, seen) };
    if small.size == large.size {
        return None;
    }
    let key = policy.logs().iter().map(|log| &log.key).find(|key| key.name() == large.origin)?;
    let policy = tnlog::client::read::policy_of_key(key.clone()).ok()?;
    let reader = LogReader::resume(source(&large.origin), policy, note.to_string().as_bytes()).ok()?;
    let root = reader.edge(small.size).await.ok()?.root();
    let hashes = reader.consistency_proof(small.size, large.size).await.ok()?;
    let hashes = hashes.iter().map(|hash| base64(&hash.0)).collect();
    Some(Proof::Prefix { root: base64(&root.0), hashes })
}

fn false_head(origin: &str, head: &FalseHead) -> Misbehaviour {
    let says = format!("Head {} of the index log is false: {}.", head.index, head.fault);
    let about = format!("{}{}", head.index, base64(&head.leaf));
    let proof = Proof::Entry {
        index: head.index,
        entry: base64(&head.leaf),
        hashes: head.inclusion.iter().map(|hash| base64(&hash.0)).collect(),
    };
    let notes = [&head.index_checkpoint, &head.checkpoint];
    Misbehaviour {
        notice: notice(origin, "bad-index-head", Severity::High, &says, CHEATS, &about),
        evidence: Some(Evidence::new("bad-index-head", &says, &notes, Some(proof))),
        is_sealed: false,
        is_final: true,
    }
}

/// What is wrong below a checkpoint, with the entry if it is about one.
async fn of_fault<S: Source>(
    origin: &str,
    fault: &Fault,
    checkpoint: &Note,
    policy: &Policy,
    source: impl Fn(&str) -> Arc<S>,
) -> Misbehaviour {
    let kind = kind_of(&fault.kind);
    let severity = if kind == "missing-tile" { Severity::Medium } else { Severity::High };
    let says = format!("What the log serves is not what a log may sign: {fault}.");
    let mut notice =
        notice(origin, kind, severity, &says, DAMAGE, &format!("{} {:?}", fault.place, fault.index));
    notice.entries.extend(fault.index);
    let proof = match fault.index {
        Some(index) => entry(index, checkpoint, policy, source(origin)).await,
        None => None,
    };
    let is_sealed = proof.is_some();
    let evidence = Some(Evidence::new(kind, &says, &[checkpoint], proof));
    Misbehaviour { notice, evidence, is_sealed, is_final: false }
}

async fn entry<S: Source>(index: u64, checkpoint: &Note, policy: &Policy, source: Arc<S>) -> Option<Proof> {
    let reader = LogReader::resume(source, policy.clone(), checkpoint.to_string().as_bytes()).ok()?;
    let leaves = reader.entries(index..index + 1).await.ok()?;
    let hashes = reader.inclusion_proof(index).await.ok()?;
    let hashes = hashes.iter().map(|hash| base64(&hash.0)).collect();
    Some(Proof::Entry { index, entry: base64(leaves.first()?), hashes })
}

fn kind_of(kind: &FaultKind) -> &'static str {
    match kind {
        FaultKind::Missing => "missing-tile",
        FaultKind::NoParameters
        | FaultKind::ParametersAgain
        | FaultKind::Origin
        | FaultKind::Parameters(_) => "bad-parameters",
        FaultKind::Statement(_) => "bad-statement",
        FaultKind::Registration(_) => "orphan-registration",
        FaultKind::TreeHead(_) | FaultKind::TreeHeadTime { .. } => "bad-signature",
        FaultKind::TooLong(_)
        | FaultKind::Bundle(_)
        | FaultKind::IssuerHash
        | FaultKind::OtherTree
        | FaultKind::Hashes
        | FaultKind::Changed
        | FaultKind::Shrunk { .. }
        | FaultKind::Root => "bad-tree",
        _ => "bad-leaf",
    }
}
