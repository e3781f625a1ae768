//! Signed certificate timestamps (RFC 6962 §3.2) and their extensions.
//!
//! The extension `leaf_index` is that of C2SP `static-ct-api`. The SCT of a `number_entry` also carries the opening of the
//! leaf's commitment; it is as secret as the number, and such SCTs are for whoever shows the certificate.

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::commitment::Opening;
use crate::entry::SignedEntry;
use crate::tls::{Malformed, Reader, Write};

/// `extension_type` of `leaf_index` (C2SP static-ct-api).
const LEAF_INDEX: u8 = 0;
/// `extension_type` of the opening of a `number_entry`.
const OPENING: u8 = 0x54;
/// `hash(sha256) signature(ecdsa)` of a TLS 1.2 digitally-signed struct (RFC 5246 §7.4.1.4.1).
const ECDSA_SHA256: [u8; 2] = [4, 3];

/// What the extensions of an SCT or a leaf can be refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtensionsError {
    /// A length is wrong.
    #[error("the extensions are malformed: {0}")]
    Malformed(#[from] Malformed),
    /// An index that 40 bits cannot hold.
    #[error("leaf index over 40 bits")]
    Index,
    /// `leaf_index` is missing, repeated, or not first; or there is an extension that does not belong here.
    #[error("the extensions must be leaf_index, and for a number the opening after it, and nothing else")]
    Unexpected,
}

/// `CtExtensions` of an SCT, or of a leaf, which has no opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// The index of the leaf.
    pub leaf_index: u64,
    /// In the SCT of a `number_entry`, the opening of its commitment.
    pub opening: Option<Opening>,
}

impl Extensions {
    /// The extensions of a leaf.
    pub fn of_leaf(leaf_index: u64) -> Self {
        Extensions { leaf_index, opening: None }
    }

    /// The content of `CtExtensions`, without its length.
    ///
    /// # Errors
    /// [`ExtensionsError::Index`].
    pub fn encode(&self) -> Result<Vec<u8>, ExtensionsError> {
        if self.leaf_index >> 40 != 0 {
            return Err(ExtensionsError::Index);
        }
        let mut bytes = vec![LEAF_INDEX, 0, 5];
        bytes.put_uint(self.leaf_index, 5);
        if let Some(opening) = &self.opening {
            bytes.push(OPENING);
            bytes.put_opaque(opening.expose(), 2);
        }
        Ok(bytes)
    }

    /// Reads what [`encode`](Extensions::encode) writes, and nothing else.
    ///
    /// # Errors
    /// [`ExtensionsError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ExtensionsError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != [LEAF_INDEX, 0, 5] {
            return Err(ExtensionsError::Unexpected);
        }
        let leaf_index = reader.uint(5)?;
        let opening = if reader.is_empty() {
            None
        } else if reader.array()? == [OPENING, 0, 32] {
            Some(Opening::new(reader.array()?))
        } else {
            return Err(ExtensionsError::Unexpected);
        };
        reader.finish()?;
        Ok(Extensions { leaf_index, opening })
    }
}

/// What an SCT can be refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SctError {
    /// A length is wrong.
    #[error("the SCT is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// Another version than v1.
    #[error("the SCT has version {0}; only 0 (v1) is known")]
    Version(u8),
    /// Not ECDSA with SHA-256.
    #[error("the SCT is not signed with ECDSA and SHA-256")]
    Algorithm,
    /// The extensions are wrong.
    #[error(transparent)]
    Extensions(#[from] ExtensionsError),
    /// It names another log than the key belongs to.
    #[error("the SCT is of another log")]
    Log,
    /// The signature does not hold: another certificate, another time or index, or a forgery.
    #[error("the SCT's signature does not hold for this certificate")]
    Signature,
}

/// `LogID`: SHA-256 of the SubjectPublicKeyInfo of the log's SCT key.
pub fn log_id(sct_key: &[u8]) -> [u8; 32] {
    Sha256::digest(sct_key).into()
}

/// A signed certificate timestamp, version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sct {
    /// SHA-256 of the SubjectPublicKeyInfo of the log's SCT key.
    pub log_id: [u8; 32],
    /// Milliseconds of Unix time: that of the leaf.
    pub timestamp: u64,
    /// Index, and opening of a number.
    pub extensions: Extensions,
    /// DER of the ECDSA signature.
    pub signature: Vec<u8>,
}

impl Sct {
    /// The bytes that an SCT signs (`digitally-signed` of RFC 6962 §3.2).
    ///
    /// # Errors
    /// [`ExtensionsError::Index`].
    pub fn signed_data(
        entry: &SignedEntry,
        timestamp: u64,
        extensions: &Extensions,
    ) -> Result<Vec<u8>, ExtensionsError> {
        let extensions = extensions.encode()?;
        let mut bytes = Vec::with_capacity(2 + 8 + entry.encoded_len() + 2 + extensions.len());
        bytes.put_uint(0, 2);
        bytes.put_uint(timestamp, 8);
        entry.encode_to(&mut bytes);
        bytes.put_opaque(&extensions, 2);
        Ok(bytes)
    }

    /// Whether the log that `key` belongs to signed this SCT for `entry`. Costs one P-256 verification.
    ///
    /// # Errors
    /// [`SctError::Log`], [`SctError::Signature`], [`SctError::Extensions`].
    pub fn verify(&self, entry: &SignedEntry, key: &SctKey) -> Result<(), SctError> {
        if self.log_id != key.log_id {
            return Err(SctError::Log);
        }
        let data = Sct::signed_data(entry, self.timestamp, &self.extensions)?;
        let signature = Signature::from_der(&self.signature).map_err(|_| SctError::Signature)?;
        key.key.verify(&data, &signature).map_err(|_| SctError::Signature)
    }

    /// `SignedCertificateTimestamp`, as it stands in a certificate's SCT list.
    ///
    /// # Errors
    /// [`ExtensionsError::Index`].
    pub fn encode(&self) -> Result<Vec<u8>, ExtensionsError> {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&self.log_id);
        bytes.put_uint(self.timestamp, 8);
        bytes.put_opaque(&self.extensions.encode()?, 2);
        bytes.extend_from_slice(&self.digitally_signed());
        Ok(bytes)
    }

    /// The `digitally-signed` struct: algorithm, length, signature; what `add-chain` answers as `signature`.
    pub fn digitally_signed(&self) -> Vec<u8> {
        let mut bytes = ECDSA_SHA256.to_vec();
        bytes.put_opaque(&self.signature, 2);
        bytes
    }

    /// Reads what [`encode`](Sct::encode) writes.
    ///
    /// # Errors
    /// [`SctError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SctError> {
        let mut reader = Reader::new(bytes);
        let [version] = reader.array()?;
        if version != 0 {
            return Err(SctError::Version(version));
        }
        let log_id = reader.array()?;
        let timestamp = reader.uint(8)?;
        let extensions = reader.opaque(2)?;
        let signature = Sct::read_digitally_signed(reader)?;
        let extensions = Extensions::decode(extensions)?;
        Ok(Sct { log_id, timestamp, extensions, signature })
    }

    /// The DER signature in a `digitally-signed` struct.
    ///
    /// # Errors
    /// [`SctError::Algorithm`], [`SctError::Malformed`].
    pub fn decode_digitally_signed(bytes: &[u8]) -> Result<Vec<u8>, SctError> {
        Sct::read_digitally_signed(Reader::new(bytes))
    }

    fn read_digitally_signed(mut reader: Reader<'_>) -> Result<Vec<u8>, SctError> {
        let algorithm: [u8; 2] = reader.array()?;
        let signature = reader.opaque(2)?;
        reader.finish()?;
        if algorithm == ECDSA_SHA256 { Ok(signature.to_vec()) } else { Err(SctError::Algorithm) }
    }
}

/// The public key that a log's SCTs and RFC 6962 tree heads verify with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SctKey {
    key: VerifyingKey,
    log_id: [u8; 32],
}

impl SctKey {
    /// From the DER of its SubjectPublicKeyInfo; none when that is no P-256 key, or not written with an uncompressed
    /// point: the log id is over the bytes, and one key has one.
    pub fn from_spki(der: &[u8]) -> Option<Self> {
        use p256::pkcs8::{DecodePublicKey, EncodePublicKey};
        let key = VerifyingKey::from_public_key_der(der).ok()?;
        let is_canonical = key.to_public_key_der().is_ok_and(|spki| spki.as_bytes() == der);
        is_canonical.then(|| SctKey { key, log_id: log_id(der) })
    }

    /// `LogID` of RFC 6962 §3.2.
    pub fn log_id(&self) -> &[u8; 32] {
        &self.log_id
    }

    /// The key itself.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer;
    use p256::pkcs8::EncodePublicKey;

    fn signed(entry: &SignedEntry, opening: Option<Opening>) -> (Sct, SctKey) {
        let key = SigningKey::from_slice(&[3; 32]).unwrap();
        let spki = key.verifying_key().to_public_key_der().unwrap();
        let extensions = Extensions { leaf_index: 0x01_0203_0405, opening };
        let data = Sct::signed_data(entry, 1_700_000_000_000, &extensions).unwrap();
        let signature: Signature = key.sign(&data);
        let sct = Sct {
            log_id: log_id(spki.as_bytes()),
            timestamp: 1_700_000_000_000,
            extensions,
            signature: signature.to_der().as_bytes().to_vec(),
        };
        (sct, SctKey::from_spki(spki.as_bytes()).unwrap())
    }

    #[test]
    fn an_sct_reads_back_and_verifies() {
        let entry = SignedEntry::X509(b"certificate".to_vec());
        for opening in [None, Some(Opening::new([9; 32]))] {
            let (sct, key) = signed(&entry, opening);
            assert_eq!(Sct::decode(&sct.encode().unwrap()), Ok(sct.clone()));
            assert_eq!(sct.verify(&entry, &key), Ok(()));
        }
    }

    /// Fails without the last line of `Sct::verify`.
    #[test]
    fn a_changed_sct_is_refused() {
        let entry = SignedEntry::X509(b"certificate".to_vec());
        let (good, key) = signed(&entry, Some(Opening::new([9; 32])));
        let refused = |sct: &Sct, entry: &SignedEntry| sct.verify(entry, &key) == Err(SctError::Signature);
        assert!(refused(&good, &SignedEntry::X509(b"another".to_vec())));
        let precert = SignedEntry::Precert { issuer_key_hash: [0; 32], tbs: b"certificate".to_vec() };
        assert!(refused(&good, &precert));
        assert!(refused(&Sct { timestamp: good.timestamp + 1, ..good.clone() }, &entry));
        let extensions = Extensions { leaf_index: 1, ..good.extensions.clone() };
        assert!(refused(&Sct { extensions, ..good.clone() }, &entry));
        let extensions = Extensions { opening: None, ..good.extensions.clone() };
        assert!(refused(&Sct { extensions, ..good.clone() }, &entry));
        assert_eq!(Sct { log_id: [0; 32], ..good }.verify(&entry, &key), Err(SctError::Log));
    }

    #[test]
    fn every_truncation_and_every_trailing_byte_is_refused() {
        let (sct, _) = signed(&SignedEntry::X509(vec![1]), Some(Opening::new([9; 32])));
        let good = sct.encode().unwrap();
        for length in 0..good.len() {
            assert!(Sct::decode(&good[..length]).is_err(), "{length} bytes");
        }
        assert!(Sct::decode(&[&good[..], &[0]].concat()).is_err());
    }

    #[test]
    fn extensions_have_one_form() {
        let good = Extensions { leaf_index: 7, opening: Some(Opening::new([9; 32])) }.encode().unwrap();
        assert_eq!(good[..8], [0, 0, 5, 0, 0, 0, 0, 7]);
        for (why, bytes) in [
            ("opening first", [&good[8..], &good[..8]].concat()),
            ("index twice", [&good[..8], &good[..8]].concat()),
            ("opening twice", [&good[..], &good[8..]].concat()),
            ("unknown extension", [&good[..8], &[1, 0, 0]].concat()),
            ("nothing", vec![]),
        ] {
            assert!(Extensions::decode(&bytes).is_err(), "{why}");
        }
        assert_eq!(Extensions::of_leaf(1 << 40).encode(), Err(ExtensionsError::Index));
    }
}
