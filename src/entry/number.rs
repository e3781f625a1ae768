//! `number_entry`: a certificate that names single numbers.

use super::{LeafError, MAX_LABELS};
use crate::cbor::{self, array, key, list, map};
use crate::commitment::{CertificateId, Commitment};
use crate::label::Label;

/// A certificate or precertificate that names single numbers, without anything from which one could be guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberEntry {
    /// The labels of its numbers, in byte order, none twice.
    pub labels: Vec<Label>,
    /// SHA-256 of the issuer's SubjectPublicKeyInfo.
    pub issuer_key_hash: [u8; 32],
    /// Shared by the precertificate and the certificate of one credential.
    pub certificate_id: CertificateId,
    /// First second of the validity, in Unix time.
    pub not_before: i64,
    /// Last second of the validity, in Unix time.
    pub not_after: i64,
    /// DER of the subject's SubjectPublicKeyInfo.
    pub subject_key: Vec<u8>,
    /// Whether it is a CA, and may delegate.
    pub is_ca: bool,
    /// Whether a precertificate was submitted.
    pub is_precertificate: bool,
    /// Country calling codes of its numbers, ascending, none twice.
    pub calling_codes: Vec<u16>,
    /// Commits to what was submitted.
    pub commitment: Commitment,
}

impl NumberEntry {
    /// Deterministic CBOR, keys 1 to 10 in the order of the fields.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(|e| {
            e.map(10)?;
            e.u8(1)?.array(self.labels.len() as u64)?;
            for label in &self.labels {
                e.bytes(label.as_bytes())?;
            }
            e.u8(2)?.bytes(&self.issuer_key_hash)?;
            e.u8(3)?.bytes(&self.certificate_id.0)?;
            e.u8(4)?.i64(self.not_before)?;
            e.u8(5)?.i64(self.not_after)?;
            e.u8(6)?.bytes(&self.subject_key)?;
            e.u8(7)?.bool(self.is_ca)?;
            e.u8(8)?.bool(self.is_precertificate)?;
            e.u8(9)?.array(self.calling_codes.len() as u64)?;
            for code in &self.calling_codes {
                e.u16(*code)?;
            }
            e.u8(10)?.bytes(&self.commitment.0)?;
            Ok(())
        })
    }

    /// Reads what [`encode`](NumberEntry::encode) writes. Labels and calling codes must be ascending and without
    /// repetition; there must be a label, and all must be hidden ones.
    ///
    /// # Errors
    /// [`LeafError::Cbor`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let entry = cbor::decode(bytes, NumberEntry::encode, |d| {
            map(d, 10)?;
            Ok(NumberEntry {
                labels: list(key(d, 1)?, MAX_LABELS, |d| Ok(Label::new(array(d)?)))?,
                issuer_key_hash: array(key(d, 2)?)?,
                certificate_id: CertificateId(array(key(d, 3)?)?),
                not_before: key(d, 4)?.i64()?,
                not_after: key(d, 5)?.i64()?,
                subject_key: key(d, 6)?.bytes()?.to_vec(),
                is_ca: key(d, 7)?.bool()?,
                is_precertificate: key(d, 8)?.bool()?,
                calling_codes: list(key(d, 9)?, MAX_LABELS, |d| d.u16())?,
                commitment: Commitment(array(key(d, 10)?)?),
            })
        })
        .filter(NumberEntry::is_canonical);
        entry.ok_or(LeafError::Cbor("number_entry"))
    }

    /// Whether two leaves are one credential: a precertificate and a certificate with the same id, issuer, validity,
    /// key, CA flag and labels. Any other repeated id is not.
    pub fn is_counterpart_of(&self, other: &NumberEntry) -> bool {
        self.is_precertificate != other.is_precertificate
            && self.certificate_id == other.certificate_id
            && self.issuer_key_hash == other.issuer_key_hash
            && (self.not_before, self.not_after) == (other.not_before, other.not_after)
            && self.subject_key == other.subject_key
            && self.is_ca == other.is_ca
            && self.labels == other.labels
    }

    fn is_canonical(&self) -> bool {
        let ordered = self.labels.is_sorted_by(|a, b| a < b) && self.calling_codes.is_sorted_by(|a, b| a < b);
        let filled = !self.labels.is_empty();
        let hidden = self.labels.iter().all(Label::is_hidden);
        ordered && filled && hidden
    }
}
