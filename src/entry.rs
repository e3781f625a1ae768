//! Leaves of the log: RFC 6962 `MerkleTreeLeaf` v1 with the entry types of tnlog, and their exact bytes.
//!
//! `x509_entry` and `precert_entry` are those of RFC 6962 §3.4. The others carry deterministic CBOR (RFC 8949 §4.2.1)
//! in a byte string, in a closed schema: what is not exactly what this module would write is refused. The bytes are
//! in `docs/formats.md`.

mod number;
mod parameters;
mod registration;
#[cfg(test)]
pub(crate) mod sample;
mod statement;
#[cfg(test)]
mod tests;

pub use number::NumberEntry;
pub use parameters::Parameters;
pub use registration::{Action, RegistrationEntry};
pub use statement::{KeyStatementEntry, LeafReference, MAX_SIGNATURE, Verb};
pub(crate) use statement::{dedup_key, read_said, read_signature, write_said};

use crate::label::Label;
use crate::merkle::Hash;
use crate::sct::{Extensions, ExtensionsError};
use crate::tls::{Malformed, Reader, Write};

/// A leaf is at most this long, so that a `tlog-tiles` entry bundle can hold it.
pub const MAX_LEAF: usize = 65_535;

/// The most labels that one leaf may carry.
pub const MAX_LABELS: usize = 512;

/// The bytes of a leaf are not exactly those that its content would be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// See [`MAX_LEAF`].
    #[error("the leaf has {0} bytes, more than the 65,535 that a leaf may have")]
    TooLong(usize),
    /// A length is wrong, or the certificate or TBSCertificate is empty.
    #[error("the leaf is no MerkleTreeLeaf of RFC 6962: {0}")]
    Frame(#[from] Malformed),
    /// Another version or leaf type than v1 `timestamped_entry`.
    #[error("the leaf is of version {0} and type {1}; only 0 and 0 (v1, timestamped_entry) are known")]
    Version(u8, u8),
    /// An entry type that this version of the format does not know.
    #[error("entry type {0:#06x} is not known")]
    UnknownType(u16),
    /// CBOR that is malformed, has unknown keys, or is not in deterministic encoding.
    #[error("the entry's CBOR is not the deterministic encoding of a {0}")]
    Cbor(&'static str),
    /// The extensions are not `leaf_index` alone.
    #[error("the leaf's extensions are wrong: {0}")]
    Extensions(#[from] ExtensionsError),
}

/// `LogEntryType` of RFC 6962 §3.1, with those of tnlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum EntryType {
    /// A final certificate that names service provider codes or ranges, or a CA without TNAuthList.
    X509 = 0,
    /// The same, as precertificate.
    Precert = 1,
    /// Leaf 0: what every verifier must know of the log.
    Parameters = 0x5400,
    /// A certificate or precertificate that names single numbers.
    Number = 0x5401,
    /// A registration of a number at an app, or its withdrawal.
    Registration = 0x5402,
    /// The key of an earlier number credential approves or disputes a later one.
    KeyStatement = 0x5403,
}

impl TryFrom<u16> for EntryType {
    type Error = LeafError;

    fn try_from(value: u16) -> Result<Self, LeafError> {
        match value {
            0 => Ok(EntryType::X509),
            1 => Ok(EntryType::Precert),
            0x5400 => Ok(EntryType::Parameters),
            0x5401 => Ok(EntryType::Number),
            0x5402 => Ok(EntryType::Registration),
            0x5403 => Ok(EntryType::KeyStatement),
            other => Err(LeafError::UnknownType(other)),
        }
    }
}

/// What was submitted, in the words of RFC 6962: entry type and signed entry. This, and nothing else, is the identity
/// of a submission; it is what its SCT signs.
#[derive(Clone, PartialEq, Eq)]
pub enum SignedEntry {
    /// The DER of a final certificate.
    X509(Vec<u8>),
    /// A precertificate, as RFC 6962 §3.2 cuts it.
    Precert {
        /// SHA-256 of the SubjectPublicKeyInfo of the issuer of the final certificate.
        issuer_key_hash: [u8; 32],
        /// DER of the TBSCertificate without poison and SCT list.
        tbs: Vec<u8>,
    },
}

impl SignedEntry {
    /// `x509_entry` or `precert_entry`.
    pub fn entry_type(&self) -> EntryType {
        match self {
            SignedEntry::X509(_) => EntryType::X509,
            SignedEntry::Precert { .. } => EntryType::Precert,
        }
    }

    /// `LogEntryType` and `signed_entry`, as they stand in the signed data of an SCT and in a leaf.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode_to(&mut bytes);
        bytes
    }

    /// Reads what [`encode`](SignedEntry::encode) writes.
    ///
    /// # Errors
    /// [`LeafError::UnknownType`] for other types than these two, [`LeafError::Frame`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let mut reader = Reader::new(bytes);
        let entry_type = reader.uint(2)? as u16;
        let signed = match EntryType::try_from(entry_type)? {
            EntryType::X509 => SignedEntry::X509(not_empty(reader.opaque(3)?)?),
            EntryType::Precert => {
                let issuer_key_hash = reader.array()?;
                SignedEntry::Precert { issuer_key_hash, tbs: not_empty(reader.opaque(3)?)? }
            }
            _ => return Err(LeafError::UnknownType(entry_type)),
        };
        reader.finish()?;
        Ok(signed)
    }

    pub(crate) fn encode_to(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.entry_type() as u64, 2);
        match self {
            SignedEntry::X509(der) => bytes.put_opaque(der, 3),
            SignedEntry::Precert { issuer_key_hash, tbs } => {
                bytes.extend_from_slice(issuer_key_hash);
                bytes.put_opaque(tbs, 3);
            }
        }
    }

    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            SignedEntry::X509(der) => 5 + der.len(),
            SignedEntry::Precert { tbs, .. } => 37 + tbs.len(),
        }
    }
}

impl std::fmt::Debug for SignedEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedEntry({:?}, ..)", self.entry_type())
    }
}

/// What a leaf records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `x509_entry` or `precert_entry`.
    Open(SignedEntry),
    /// `parameters_entry`.
    Parameters(Parameters),
    /// `number_entry`.
    Number(NumberEntry),
    /// `registration_entry`.
    Registration(RegistrationEntry),
    /// `key_statement_entry`.
    KeyStatement(KeyStatementEntry),
}

/// A leaf: an entry with its time and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Milliseconds of Unix time; never less than that of the leaf before.
    pub timestamp: u64,
    /// What it records.
    pub entry: Entry,
    /// Its index in the log, which its extensions repeat.
    pub index: u64,
}

impl Entry {
    /// Its `LogEntryType`.
    pub fn entry_type(&self) -> EntryType {
        match self {
            Entry::Open(signed) => signed.entry_type(),
            Entry::Parameters(_) => EntryType::Parameters,
            Entry::Number(_) => EntryType::Number,
            Entry::Registration(_) => EntryType::Registration,
            Entry::KeyStatement(_) => EntryType::KeyStatement,
        }
    }

    /// The labels of numbers under which the index finds it, in byte order. Those of an open entry are a function of
    /// its certificate instead, and parameters have none.
    pub fn number_labels(&self) -> &[Label] {
        match self {
            Entry::Open(_) | Entry::Parameters(_) => &[],
            Entry::Number(number) => &number.labels,
            Entry::Registration(registration) => std::slice::from_ref(&registration.label),
            Entry::KeyStatement(statement) => &statement.labels,
        }
    }

    /// About how many bytes its leaf has, for accounting.
    pub fn approximate_len(&self) -> usize {
        match self {
            Entry::Open(signed) => signed.encoded_len(),
            Entry::Parameters(_) => 256,
            Entry::Number(number) => 256 + 34 * number.labels.len() + number.subject_key.len(),
            Entry::Registration(_) => 160,
            Entry::KeyStatement(statement) => 256 + 34 * statement.labels.len(),
        }
    }

    /// `LogEntryType` and `signed_entry` of the leaf.
    ///
    /// # Panics
    /// When a field is longer than its length can say. Admission bounds them far below.
    fn encode_to(&self, bytes: &mut Vec<u8>) {
        let cbor = match self {
            Entry::Open(signed) => return signed.encode_to(bytes),
            Entry::Parameters(parameters) => parameters.encode(),
            Entry::Number(number) => number.encode(),
            Entry::Registration(registration) => registration.encode(),
            Entry::KeyStatement(statement) => statement.encode(),
        };
        bytes.put_uint(self.entry_type() as u64, 2);
        bytes.put_opaque(&cbor, 3);
    }
}

impl Leaf {
    /// The bytes of the `MerkleTreeLeaf`, which RFC 6962 hashes with a zero byte before them.
    ///
    /// # Errors
    /// [`LeafError::TooLong`], and an index over 40 bits.
    pub fn encode(&self) -> Result<Vec<u8>, LeafError> {
        let extensions = Extensions::of_leaf(self.index).encode()?;
        let mut bytes = Vec::with_capacity(2 + 8 + self.entry.approximate_len() + 2 + extensions.len());
        bytes.put_uint(0, 2);
        bytes.put_uint(self.timestamp, 8);
        self.entry.encode_to(&mut bytes);
        bytes.put_opaque(&extensions, 2);
        if bytes.len() > MAX_LEAF { Err(LeafError::TooLong(bytes.len())) } else { Ok(bytes) }
    }

    /// The RFC 6962 leaf hash. Costs one encoding and one hash of it.
    ///
    /// # Errors
    /// As [`encode`](Leaf::encode).
    pub fn hash(&self) -> Result<Hash, LeafError> {
        Ok(Hash::of_leaf(&self.encode()?))
    }

    /// Reads a leaf: its frame to the end, then the entry, then the extensions. What it accepts,
    /// [`encode`](Leaf::encode) writes as the same bytes.
    ///
    /// # Errors
    /// Any [`LeafError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > MAX_LEAF {
            return Err(LeafError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let [version, leaf_type] = reader.array()?;
        if (version, leaf_type) != (0, 0) {
            return Err(LeafError::Version(version, leaf_type));
        }
        let timestamp = reader.uint(8)?;
        let entry_type = EntryType::try_from(reader.uint(2)? as u16)?;
        let issuer_key_hash = if entry_type == EntryType::Precert { reader.array()? } else { [0; 32] };
        let content = reader.opaque(3)?;
        let extensions = reader.opaque(2)?;
        reader.finish()?;
        let entry = match entry_type {
            EntryType::X509 => Entry::Open(SignedEntry::X509(not_empty(content)?)),
            EntryType::Precert => {
                Entry::Open(SignedEntry::Precert { issuer_key_hash, tbs: not_empty(content)? })
            }
            EntryType::Parameters => Entry::Parameters(Parameters::decode(content)?),
            EntryType::Number => Entry::Number(NumberEntry::decode(content)?),
            EntryType::Registration => Entry::Registration(RegistrationEntry::decode(content)?),
            EntryType::KeyStatement => Entry::KeyStatement(KeyStatementEntry::decode(content)?),
        };
        let extensions = Extensions::decode(extensions)?;
        if extensions.opening.is_some() {
            return Err(ExtensionsError::Unexpected.into());
        }
        Ok(Leaf { timestamp, entry, index: extensions.leaf_index })
    }
}

/// `opaque<1..2^24-1>`: `ASN.1Cert` and `TBSCertificate` of RFC 6962 have a byte at least.
fn not_empty(content: &[u8]) -> Result<Vec<u8>, Malformed> {
    if content.is_empty() { Err(Malformed::Empty) } else { Ok(content.to_vec()) }
}
