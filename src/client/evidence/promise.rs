//! The promise of an SCT: the log signed that an entry stands at an index, and its tree shows whether it does.

use std::fmt;

use crate::checkpoint::{Checkpoint, TreeHead};
use crate::client::api::GetEntryAndProof;
use crate::commitment::Opening;
use crate::entry::{Entry, Leaf, SignedEntry};
use crate::merkle::{Hash, check_inclusion};
use crate::note::Note;
use crate::sct::{Sct, SctKey};
use crate::submission::records;
use serde::{Deserialize, Serialize};

use super::{Unproved, all, bytes};

/// How much later than its SCT an entry may be logged, in milliseconds: a day, as CT logs commonly promise. A log of tnlog has no delay.
const MERGE_DELAY: u64 = 24 * 60 * 60 * 1000;

/// An SCT, and what stands in the tree of a checkpoint where it promises the entry. All of it is in base64. `Debug` shows nothing of
/// it: it holds a certificate.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The `SignedCertificateTimestamp`.
    pub sct: String,
    /// What it signs: RFC 6962 entry type and signed entry.
    pub entry: String,
    /// Leaf 0, which says the key of SCTs.
    pub parameters: Standing,
    /// The leaf at the index of the SCT; none when the tree ends before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Standing>,
}

/// A leaf that stands in a tree.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Its bytes.
    pub leaf: String,
    /// Its inclusion proof.
    pub hashes: Vec<String>,
}

/// What became of a promise; for several, the largest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The entry stands where it was promised.
    Kept,
    /// Another one stands there, or the log signed a tree that ends before it more than a day later.
    Broken,
    /// The tree ends before it, and may still grow.
    Due,
}

impl fmt::Debug for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Promise(..)")
    }
}

impl From<GetEntryAndProof> for Standing {
    fn from(answer: GetEntryAndProof) -> Self {
        Standing { leaf: answer.leaf_input, hashes: answer.audit_path }
    }
}

impl Standing {
    /// Its bytes, when it is the leaf of this index.
    fn open(&self, index: u64, tree: &Checkpoint) -> Result<Vec<u8>, Unproved> {
        let leaf = bytes(&self.leaf)?;
        let included =
            check_inclusion(&all(&self.hashes)?, tree.size, index, &Hash::of_leaf(&leaf), &tree.root);
        included.map(|()| leaf).map_err(|_| Unproved::Proof)
    }
}

impl Promise {
    /// What became of it, by this checkpoint alone, whose signature the caller has verified.
    ///
    /// # Errors
    /// [`Unproved`] when the SCT is not of this log or not for this entry, or a proof does not hold.
    pub fn judge(&self, note: &Note, tree: &Checkpoint) -> Result<Outcome, Unproved> {
        let key = self.key(tree)?;
        let sct = Sct::decode(&bytes(&self.sct)?).map_err(|_| Unproved::Malformed)?;
        let entry = SignedEntry::decode(&bytes(&self.entry)?).map_err(|_| Unproved::Malformed)?;
        sct.verify(&entry, &key).map_err(|_| Unproved::Proof)?;
        let index = sct.extensions.leaf_index;
        match &self.stands {
            Some(standing) => is_kept(&standing.open(index, tree)?, &sct, &entry),
            None if index < tree.size => Err(Unproved::Proof),
            None if is_late(note, &sct, &key) => Ok(Outcome::Broken),
            None => Ok(Outcome::Due),
        }
    }

    fn key(&self, tree: &Checkpoint) -> Result<SctKey, Unproved> {
        let leaf = self.parameters.open(0, tree)?;
        match Leaf::decode(&leaf).map(|leaf| leaf.entry) {
            Ok(Entry::Parameters(parameters)) if parameters.origin == tree.origin => {
                SctKey::from_spki(&parameters.sct_key).ok_or(Unproved::Proof)
            }
            _ => Err(Unproved::Proof),
        }
    }
}

/// A number is compared by its commitment, which the SCT opens; one that has no opening decides nothing.
fn is_kept(leaf: &[u8], sct: &Sct, entry: &SignedEntry) -> Result<Outcome, Unproved> {
    let Ok(leaf) = Leaf::decode(leaf) else { return Ok(Outcome::Broken) };
    let opening = match (&leaf.entry, &sct.extensions.opening) {
        (Entry::Number(_), None) => return Err(Unproved::Proof),
        (_, opening) => opening.clone().unwrap_or(Opening::new([0; 32])),
    };
    let is_at = (leaf.timestamp, leaf.index) == (sct.timestamp, sct.extensions.leaf_index);
    let is_kept = is_at && records(&leaf.entry, entry, &opening);
    Ok(if is_kept { Outcome::Kept } else { Outcome::Broken })
}

/// Whether the tree head, which the log signed, is of a time at which the entry had to be there. An idle log signs one every hour.
fn is_late(note: &Note, sct: &Sct, key: &SctKey) -> bool {
    TreeHead::extract(note, key.log_id()).is_ok_and(|head| {
        let is_signed = head.verify(key.verifying_key()).is_ok();
        is_signed && head.timestamp > sct.timestamp.saturating_add(MERGE_DELAY)
    })
}
