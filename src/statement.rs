//! Key statements: the key of an earlier number credential approves or disputes a later one.
//!
//! The key signs the log id, the hashes of both leaves and the verb, behind a domain of its own:
//!
//! ```text
//! "tnlog key statement v1\0" || log id[32] || new leaf hash[32] || old leaf hash[32] || uint8 verb
//! ```
//!
//! A leaf hash binds everything in the leaf, its index and time too, so a signature fits one place of one log. The keys
//! of number credentials sign other things as well, PASSporTs (which begin with `eyJ`), and certificates where they are
//! delegate CAs (which begin with 0x30): none of those begins like the domain.
//!
//! What admission checks, a reader who has both leaves checks again ([`check_statement_leaf`]); nothing in the leaf is
//! secret. Neither asks what the statement weighs: a log that decided which key counts would be one more party to
//! trust. That is decided by readers, in [`crate::standing`].
//!
//! What an attacker can do: submit a statement that he got hold of, at a time of his choosing (so it is weighed at the
//! time of its leaf, by whose key leads *then*); fill a list with statements among credentials of his own (one for each
//! verb and pair of leaves, and all of them carry the number only if both credentials do; the limits of the server are the
//! brake); make another signature out of one (so a statement is told from others by what it says). He cannot move one to
//! another log, pair of leaves or verb.

use crate::cbor::{self, array, key, map};
use crate::entry::{
    Entry, KeyStatementEntry, Leaf, LeafReference, NumberEntry, Verb, dedup_key, read_said, read_signature,
    write_said,
};
use crate::label::Label;
use crate::signature::{SignatureError, VerifySignature, verify_statement};

const DOMAIN: &[u8] = b"tnlog key statement v1\0";

/// What is signed: fixed length, nothing to parse.
pub fn signed_bytes(log_id: &[u8; 32], verb: Verb, old: &LeafReference, new: &LeafReference) -> Vec<u8> {
    [DOMAIN, log_id, &new.hash.0, &old.hash.0, &[verb as u8]].concat()
}

/// A statement as it is submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatement {
    /// The log that holds both leaves.
    pub log_id: [u8; 32],
    /// What is said.
    pub verb: Verb,
    /// Whose key says it.
    pub old: LeafReference,
    /// About which credential.
    pub new: LeafReference,
    /// DER of the ECDSA signature over [`signed_bytes`]: P-256 with SHA-256, or P-384 with SHA-384.
    pub signature: Vec<u8>,
}

impl KeyStatement {
    /// What its signature is over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(&self.log_id, self.verb, &self.old, &self.new)
    }

    /// As [`KeyStatementEntry::dedup_key`]: the log takes one statement for each.
    pub fn dedup_key(&self) -> [u8; 32] {
        dedup_key(self.verb, &self.old, &self.new)
    }

    /// Deterministic CBOR: `{1: log id, 2: verb, 3: old index, 4: old hash, 5: new index, 6: new hash, 7: signature}`.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(7)?.u8(1)?.bytes(&self.log_id)?;
            write_said(e, self.verb, &self.old, &self.new)?;
            e.u8(7)?.bytes(&self.signature)?;
            Ok(())
        })
    }

    /// Reads what [`encode`](KeyStatement::encode) writes.
    ///
    /// # Errors
    /// [`StatementRefusal::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementRefusal> {
        let decoded = cbor::decode(bytes, KeyStatement::encode, |d| {
            map(d, 7)?;
            let log_id = array(key(d, 1)?)?;
            let (verb, old, new) = read_said(d)?;
            Ok(KeyStatement { log_id, verb, old, new, signature: read_signature(key(d, 7)?)? })
        });
        decoded.ok_or(StatementRefusal::Malformed)
    }
}

/// Which of the two leaves of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The credential whose key speaks.
    Old,
    /// The credential that it speaks about.
    New,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Side::Old => "earlier",
            Side::New => "later",
        })
    }
}

/// Why a statement is not taken. `Display` says what is wrong, and shows nothing of numbers or labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementRefusal {
    /// Not the CBOR of a statement.
    #[error("the bytes are not a key statement in its one encoding")]
    Malformed,
    /// Signed for another log.
    #[error("the statement is for another log; ask the key to sign it for this one")]
    OtherLog,
    /// An index that the log does not hold (the server's check).
    #[error("the log has no leaf at the index of the {0} credential")]
    NotLogged(Side),
    /// A leaf of another entry type.
    #[error("the leaf of the {0} credential is no number_entry")]
    NoNumber(Side),
    /// Index and hash are not those of the leaf.
    #[error("the statement names another leaf than the one at the index of the {0} credential")]
    OtherLeaf(Side),
    /// The key would speak about what was there before it.
    #[error(
        "the credential spoken about was logged before the one whose key speaks; only a later one can be"
    )]
    NotLater,
    /// Precertificate and certificate of one credential.
    #[error("both leaves are of one credential: its precertificate and its certificate")]
    SameCredential,
    /// No label in common.
    #[error("the two credentials have no number in common")]
    NothingShared,
    /// The key is not ECDSA on P-256 or P-384.
    #[error("the key of the earlier credential cannot make statements; P-256 and P-384 can")]
    UnsupportedKey,
    /// The signature is wrong.
    #[error("the statement is not signed by the key of the earlier credential")]
    BadSignature,
    /// The same was said before (the server's check, by [`KeyStatement::dedup_key`]).
    #[error("the same statement about the same two leaves is in the log already, at index {0}")]
    SaidBefore(u64),
}

impl StatementRefusal {
    /// The name of the rule, stable, for the `type` of problem details and for counting.
    pub fn slug(&self) -> &'static str {
        match self {
            StatementRefusal::Malformed => "malformed-statement",
            StatementRefusal::OtherLog => "statement-of-another-log",
            StatementRefusal::NotLogged(_) => "statement-credential-not-logged",
            StatementRefusal::NoNumber(_) => "statement-about-no-number",
            StatementRefusal::OtherLeaf(_) => "statement-of-another-leaf",
            StatementRefusal::NotLater => "statement-not-about-a-later-credential",
            StatementRefusal::SameCredential => "statement-about-the-same-credential",
            StatementRefusal::NothingShared => "statement-shares-no-number",
            StatementRefusal::UnsupportedKey => "statement-unsupported-key",
            StatementRefusal::BadSignature => "statement-bad-signature",
            StatementRefusal::SaidBefore(_) => "statement-said-before",
        }
    }
}

/// Checks a submitted statement against the two leaves that the log holds at its indexes, and gives what is logged.
/// Costs two hashes of a leaf and one signature verification.
///
/// # Errors
/// Any [`StatementRefusal`] but the server's.
pub fn admit_statement(
    statement: &KeyStatement,
    log_id: &[u8; 32],
    old: &Leaf,
    new: &Leaf,
    verifier: &dyn VerifySignature,
) -> Result<KeyStatementEntry, StatementRefusal> {
    if statement.log_id != *log_id {
        return Err(StatementRefusal::OtherLog);
    }
    let (earlier, later) =
        (number_at(&statement.old, old, Side::Old)?, number_at(&statement.new, new, Side::New)?);
    if statement.old.index >= statement.new.index {
        return Err(StatementRefusal::NotLater);
    }
    if earlier.is_counterpart_of(later) {
        return Err(StatementRefusal::SameCredential);
    }
    let labels = shared(&earlier.labels, &later.labels);
    if labels.is_empty() {
        return Err(StatementRefusal::NothingShared);
    }
    verify_statement(verifier, &earlier.subject_key, &statement.signed_bytes(), &statement.signature)?;
    let KeyStatement { verb, old, new, signature, .. } = statement.clone();
    Ok(KeyStatementEntry { labels, verb, old, new, signature })
}

/// Checks a logged statement as a reader does, who takes nothing from the log on trust: admission's checks, and the
/// labels are exactly those that both leaves carry.
///
/// # Errors
/// As [`admit_statement`]; [`StatementRefusal::Malformed`] for other labels.
pub fn check_statement_leaf(
    entry: &KeyStatementEntry,
    log_id: &[u8; 32],
    old: &Leaf,
    new: &Leaf,
    verifier: &dyn VerifySignature,
) -> Result<(), StatementRefusal> {
    let KeyStatementEntry { verb, old: earlier, new: later, signature, .. } = entry.clone();
    let statement = KeyStatement { log_id: *log_id, verb, old: earlier, new: later, signature };
    let admitted = admit_statement(&statement, log_id, old, new, verifier)?;
    if admitted.labels == entry.labels { Ok(()) } else { Err(StatementRefusal::Malformed) }
}

impl From<SignatureError> for StatementRefusal {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Unsupported => StatementRefusal::UnsupportedKey,
            SignatureError::Invalid => StatementRefusal::BadSignature,
        }
    }
}

fn number_at<'a>(
    reference: &LeafReference,
    leaf: &'a Leaf,
    side: Side,
) -> Result<&'a NumberEntry, StatementRefusal> {
    let Entry::Number(number) = &leaf.entry else { return Err(StatementRefusal::NoNumber(side)) };
    let same = leaf.index == reference.index && leaf.hash() == Ok(reference.hash);
    if same { Ok(number) } else { Err(StatementRefusal::OtherLeaf(side)) }
}

/// What two ascending lists have in common, ascending.
fn shared(one: &[Label], other: &[Label]) -> Vec<Label> {
    one.iter().filter(|label| other.binary_search(label).is_ok()).copied().collect()
}

#[cfg(test)]
mod tests;
