//! Leaves for tests.

use sha2::{Digest, Sha256};

use super::{Entry, Leaf, LeafReference, NumberEntry};
use crate::commitment::{CertificateId, Commitment};
use crate::label::Label;
use crate::synthetic::KeyPair;

/// Seconds of Unix time at which everything begins.
pub(crate) const START: i64 = 1_700_000_000;
pub(crate) const DAY: i64 = 86_400;

/// A hidden label.
pub(crate) fn label(byte: u8) -> Label {
    Label::new([byte & 0x7f; 32])
}

/// A credential that is valid for 100 days from the start. Its id, issuer and commitment follow from `id`.
pub(crate) fn number(key: &KeyPair, labels: &[u8], id: u8) -> NumberEntry {
    NumberEntry {
        labels: labels.iter().map(|byte| label(*byte)).collect(),
        issuer_key_hash: [id; 32],
        certificate_id: CertificateId([id; 16]),
        not_before: START,
        not_after: START + 100 * DAY,
        subject_key: key.spki().to_vec(),
        is_ca: false,
        is_precertificate: false,
        calling_codes: vec![1],
        commitment: Commitment([id; 32]),
    }
}

/// A leaf `day` days after the start.
pub(crate) fn leaf(index: u64, day: i64, entry: impl Into<Entry>) -> Leaf {
    let timestamp = u64::try_from(1000 * (START + day * DAY)).unwrap();
    Leaf { timestamp, entry: entry.into(), index }
}

pub(crate) fn reference(leaf: &Leaf) -> LeafReference {
    LeafReference { index: leaf.index, hash: leaf.hash().unwrap() }
}

/// The issuer key hash of what this key issues.
pub(crate) fn key_hash(key: &KeyPair) -> [u8; 32] {
    Sha256::digest(key.spki()).into()
}

impl From<NumberEntry> for Entry {
    fn from(entry: NumberEntry) -> Self {
        Entry::Number(entry)
    }
}

impl From<super::KeyStatementEntry> for Entry {
    fn from(entry: super::KeyStatementEntry) -> Self {
        Entry::KeyStatement(entry)
    }
}

impl From<super::RegistrationEntry> for Entry {
    fn from(entry: super::RegistrationEntry) -> Self {
        Entry::Registration(entry)
    }
}
