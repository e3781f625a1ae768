//! `key_statement_entry`: the key of an earlier number credential approves or disputes a later one.
//!
//! The leaf holds everything that a reader who has both leaves needs to check it ([`crate::statement`]).

use minicbor::{Decoder, Encoder};
use sha2::{Digest, Sha256};

use super::{LeafError, MAX_LABELS};
use crate::cbor::{self, DecodeError, EncodeError, array, key, list, map};
use crate::label::Label;
use crate::merkle::Hash;

const DEDUP: &[u8] = b"tnlog key statement dedup v1\0";

/// The longest signature: DER of two 49-byte integers, for P-384.
pub const MAX_SIGNATURE: usize = 104;

/// What a key says about a later credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verb {
    /// It is mine, or my successor's.
    Approve = 0,
    /// It is not.
    Dispute = 1,
}

impl Verb {
    /// `approve` or `dispute`.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Approve => "approve",
            Verb::Dispute => "dispute",
        }
    }
}

/// A leaf by index and hash. The hash binds the index, which stands in the extensions of the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeafReference {
    /// Its index in the log.
    pub index: u64,
    /// Its RFC 6962 leaf hash.
    pub hash: Hash,
}

/// A statement by the key of the `number_entry` at `old` about the one at `new`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatementEntry {
    /// The labels that both carry, in byte order, none twice.
    pub labels: Vec<Label>,
    /// What is said.
    pub verb: Verb,
    /// Whose key says it.
    pub old: LeafReference,
    /// About which credential.
    pub new: LeafReference,
    /// DER of the ECDSA signature.
    pub signature: Vec<u8>,
}

impl KeyStatementEntry {
    /// Equal for two statements if and only if verb and both leaves are: a log takes one of them. ECDSA signatures do
    /// not count, since there are many for one statement.
    pub fn dedup_key(&self) -> [u8; 32] {
        dedup_key(self.verb, &self.old, &self.new)
    }

    /// Deterministic CBOR: `{1: [labels], 2: verb, 3: old index, 4: old hash, 5: new index, 6: new hash, 7: signature}`.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(7)?;
            e.u8(1)?.array(self.labels.len() as u64)?;
            for label in &self.labels {
                e.bytes(label.as_bytes())?;
            }
            write_said(e, self.verb, &self.old, &self.new)?;
            e.u8(7)?.bytes(&self.signature)?;
            Ok(())
        })
    }

    /// Reads what [`encode`](KeyStatementEntry::encode) writes. There must be a label, all hidden, ascending and none
    /// twice; the old index must be below the new one.
    ///
    /// # Errors
    /// [`LeafError::Cbor`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let entry = cbor::decode(bytes, KeyStatementEntry::encode, |d| {
            map(d, 7)?;
            let labels = list(key(d, 1)?, MAX_LABELS, |d| Ok(Label::new(array(d)?)))?;
            let (verb, old, new) = read_said(d)?;
            Ok(KeyStatementEntry { labels, verb, old, new, signature: read_signature(key(d, 7)?)? })
        })
        .filter(KeyStatementEntry::is_canonical);
        entry.ok_or(LeafError::Cbor("key_statement_entry"))
    }

    fn is_canonical(&self) -> bool {
        let hidden = self.labels.iter().all(Label::is_hidden);
        let ordered = self.labels.is_sorted_by(|a, b| a < b) && self.old.index < self.new.index;
        hidden && ordered && !self.labels.is_empty()
    }
}

pub(crate) fn dedup_key(verb: Verb, old: &LeafReference, new: &LeafReference) -> [u8; 32] {
    let digest = Sha256::new_with_prefix(DEDUP).chain_update(old.hash.0).chain_update(new.hash.0);
    digest.chain_update([verb as u8]).finalize().into()
}

/// Keys 2 to 6, which a submitted statement has in common with its leaf.
pub(crate) fn write_said(
    e: &mut Encoder<&mut Vec<u8>>,
    verb: Verb,
    old: &LeafReference,
    new: &LeafReference,
) -> Result<(), EncodeError> {
    e.u8(2)?.u8(verb as u8)?;
    e.u8(3)?.u64(old.index)?.u8(4)?.bytes(&old.hash.0)?;
    e.u8(5)?.u64(new.index)?.u8(6)?.bytes(&new.hash.0)?;
    Ok(())
}

pub(crate) fn read_said(d: &mut Decoder<'_>) -> Result<(Verb, LeafReference, LeafReference), DecodeError> {
    let verb = match key(d, 2)?.u8()? {
        0 => Verb::Approve,
        1 => Verb::Dispute,
        _ => return Err(DecodeError::message("another verb")),
    };
    let old = LeafReference { index: key(d, 3)?.u64()?, hash: Hash(array(key(d, 4)?)?) };
    let new = LeafReference { index: key(d, 5)?.u64()?, hash: Hash(array(key(d, 6)?)?) };
    Ok((verb, old, new))
}

/// A signature that is not empty and at most [`MAX_SIGNATURE`] bytes long.
pub(crate) fn read_signature(d: &mut Decoder<'_>) -> Result<Vec<u8>, DecodeError> {
    let signature = d.bytes()?;
    if signature.is_empty() || signature.len() > MAX_SIGNATURE {
        return Err(DecodeError::message("no signature has this length"));
    }
    Ok(signature.to_vec())
}
