//! Signatures on certificates: which algorithms there are, and their verification in pure Rust.
//!
//! The core verifies ECDSA alone, on P-256 and P-384 with SHA-256 and SHA-384, which is what an app accepts. A log also
//! takes RSA and brings a faster verifier of its own behind the same trait.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1,
    SHA_256_WITH_RSA_ENCRYPTION,
};
use der::asn1::{AnyRef, UintRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use sha2::{Digest, Sha256, Sha384};

/// The algorithm of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256.
    EcdsaSha256,
    /// ecdsa-with-SHA384.
    EcdsaSha384,
    /// sha256WithRSAEncryption (PKCS #1 v1.5).
    RsaSha256,
    /// Another one, by its registered name where it has one.
    Other(&'static str),
}

impl SignatureAlgorithm {
    /// The algorithm that an AlgorithmIdentifier names. Parameters must be absent or NULL. NULL is wrong for ECDSA
    /// (RFC 5758 §3.2), and real CAs write it: to refuse would hide what they issue.
    pub(crate) fn new(oid: &ObjectIdentifier, parameters: Option<AnyRef<'_>>) -> Self {
        if parameters.is_some_and(|parameters| !parameters.is_null()) {
            return Self::Other("an algorithm with parameters that it does not take");
        }
        match *oid {
            ECDSA_WITH_SHA_256 => Self::EcdsaSha256,
            ECDSA_WITH_SHA_384 => Self::EcdsaSha384,
            SHA_256_WITH_RSA_ENCRYPTION => Self::RsaSha256,
            _ => Self::Other(name(oid)),
        }
    }

    /// Whether it is ECDSA with SHA-256 or SHA-384.
    pub fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaSha256 | Self::EcdsaSha384)
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "ecdsa-with-SHA256",
            Self::EcdsaSha384 => "ecdsa-with-SHA384",
            Self::RsaSha256 => "sha256WithRSAEncryption",
            Self::Other(name) => name,
        }
    }
}

/// The kind of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// An uncompressed point of P-256.
    P256,
    /// An uncompressed point of P-384.
    P384,
    /// An RSA key.
    Rsa {
        /// The length of the modulus.
        bits: u32,
    },
    /// Another one, by its registered name where it has one.
    Other(&'static str),
}

impl KeyAlgorithm {
    pub(crate) fn new(oid: &ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Self {
        match *oid {
            ID_EC_PUBLIC_KEY => {
                let curve = parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
                match (curve, key.len(), key.first()) {
                    (Some(SECP_256_R_1), 65, Some(4)) => Self::P256,
                    (Some(SECP_384_R_1), 97, Some(4)) => Self::P384,
                    (Some(SECP_256_R_1 | SECP_384_R_1), ..) => {
                        Self::Other("a compressed elliptic curve point")
                    }
                    (Some(curve), ..) => Self::Other(name(&curve)),
                    (None, ..) => Self::Other("an elliptic curve without a name"),
                }
            }
            RSA_ENCRYPTION => match rsa_bits(key) {
                Some(bits) => Self::Rsa { bits },
                None => Self::Other("an RSA key that does not decode"),
            },
            _ => Self::Other(name(oid)),
        }
    }

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Rsa { .. } => "RSA",
            Self::Other(name) => name,
        }
    }
}

/// Only registered names are shown: an attacker chooses the arcs of an identifier and can write a number with them.
fn name(oid: &ObjectIdentifier) -> &'static str {
    const_oid::db::DB.by_oid(oid).unwrap_or("an unknown algorithm")
}

/// Bits of the modulus of an RSAPublicKey (RFC 8017 §A.1.1): modulus and exponent, and nothing else.
fn rsa_bits(key: &[u8]) -> Option<u32> {
    let sequence = AnyRef::from_der(key).ok().filter(|any| any.tag() == Tag::Sequence)?;
    let mut reader = SliceReader::new(sequence.value()).ok()?;
    let modulus = UintRef::decode(&mut reader).ok()?;
    UintRef::decode(&mut reader).ok().filter(|_| reader.is_finished())?;
    let first = modulus.as_bytes().first()?;
    u32::try_from(modulus.as_bytes().len()).ok()?.checked_mul(8)?.checked_sub(first.leading_zeros())
}

/// A public key out of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKeyInfo<'a> {
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// The content of `subjectPublicKey`: an uncompressed point, or a DER RSAPublicKey.
    pub key: &'a [u8],
}

impl<'a> PublicKeyInfo<'a> {
    /// Out of the DER of a SubjectPublicKeyInfo; none when it is not exactly one.
    pub fn from_spki(der: &'a [u8]) -> Option<Self> {
        let spki = spki::SubjectPublicKeyInfoRef::from_der(der).ok()?;
        let key = spki.subject_public_key.as_bytes()?;
        Some(PublicKeyInfo {
            algorithm: KeyAlgorithm::new(&spki.algorithm.oid, spki.algorithm.parameters, key),
            key,
        })
    }

    /// The ECDSA algorithm that statements are signed with by such a key: each curve with the hash of its size.
    pub fn statement_algorithm(&self) -> Option<SignatureAlgorithm> {
        match self.algorithm {
            KeyAlgorithm::P256 => Some(SignatureAlgorithm::EcdsaSha256),
            KeyAlgorithm::P384 => Some(SignatureAlgorithm::EcdsaSha384),
            _ => None,
        }
    }

    /// Whether it is a point of P-256 or P-384, uncompressed: the keys that an app accepts.
    pub fn is_ecdsa(&self) -> bool {
        match self.algorithm {
            KeyAlgorithm::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(self.key).is_ok(),
            KeyAlgorithm::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(self.key).is_ok(),
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::Other(_) => false,
        }
    }
}

/// Verifies a statement that the key in the SubjectPublicKeyInfo `spki` signed: ECDSA on P-256 with SHA-256, or on P-384
/// with SHA-384.
///
/// # Errors
/// [`SignatureError::Unsupported`] for any other key.
pub fn verify_statement(
    verifier: &dyn VerifySignature,
    spki: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let key = PublicKeyInfo::from_spki(spki).ok_or(SignatureError::Unsupported)?;
    let algorithm = key.statement_algorithm().ok_or(SignatureError::Unsupported)?;
    verifier.verify(key, algorithm, message, signature)
}

/// Why a signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The verifier does not know this pair of key and algorithm.
    #[error("the verifier does not support this key with this signature algorithm")]
    Unsupported,
    /// The signature, or the key, is wrong.
    #[error("the signature does not verify")]
    Invalid,
}

/// Verifies signatures on certificates.
pub trait VerifySignature: Send + Sync {
    /// Verifies `signature` over `message`.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Unsupported`] when it does not know the pair of key and algorithm, else
    /// [`SignatureError::Invalid`].
    fn verify(
        &self,
        key: PublicKeyInfo<'_>,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError>;
}

/// ECDSA in pure Rust: P-256 and P-384, each with SHA-256 and SHA-384. About 400 us for P-256.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ecdsa;

impl VerifySignature for Ecdsa {
    fn verify(
        &self,
        key: PublicKeyInfo<'_>,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let (sha256, sha384);
        let hash: &[u8] = match algorithm {
            SignatureAlgorithm::EcdsaSha256 => {
                sha256 = Sha256::digest(message);
                &sha256
            }
            SignatureAlgorithm::EcdsaSha384 => {
                sha384 = Sha384::digest(message);
                &sha384
            }
            _ => return Err(SignatureError::Unsupported),
        };
        let verified = match key.algorithm {
            KeyAlgorithm::P256 => verify_p256(key.key, hash, signature),
            KeyAlgorithm::P384 => verify_p384(key.key, hash, signature),
            _ => return Err(SignatureError::Unsupported),
        };
        verified.map_err(|_| SignatureError::Invalid)
    }
}

fn verify_p256(key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), p256::ecdsa::Error> {
    use p256::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
    VerifyingKey::from_sec1_bytes(key)?.verify_prehash(hash, &Signature::from_der(signature)?)
}

fn verify_p384(key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), p384::ecdsa::Error> {
    use p384::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
    VerifyingKey::from_sec1_bytes(key)?.verify_prehash(hash, &Signature::from_der(signature)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::signature::hazmat::PrehashSigner;

    /// Each curve with each hash, by signatures made here over the hash; any other hash, key or bit is refused.
    #[test]
    fn curves_and_hashes() {
        let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let p384 = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
        let (k256, k384) =
            (p256.verifying_key().to_encoded_point(false), p384.verifying_key().to_encoded_point(false));
        let message = b"what is signed";
        let hashes = [
            (SignatureAlgorithm::EcdsaSha256, Sha256::digest(message).to_vec()),
            (SignatureAlgorithm::EcdsaSha384, Sha384::digest(message).to_vec()),
        ];
        for (algorithm, hash) in &hashes {
            let one: p256::ecdsa::Signature = p256.sign_prehash(hash).unwrap();
            let two: p384::ecdsa::Signature = p384.sign_prehash(hash).unwrap();
            let other = hashes.iter().find(|(other, _)| other != algorithm).unwrap().0;
            for (key, signature) in [
                (
                    PublicKeyInfo { algorithm: KeyAlgorithm::P256, key: k256.as_bytes() },
                    one.to_der().as_bytes(),
                ),
                (
                    PublicKeyInfo { algorithm: KeyAlgorithm::P384, key: k384.as_bytes() },
                    two.to_der().as_bytes(),
                ),
            ] {
                assert_eq!(Ecdsa.verify(key, *algorithm, message, signature), Ok(()));
                let invalid = Err(SignatureError::Invalid);
                assert_eq!(Ecdsa.verify(key, other, message, signature), invalid);
                assert_eq!(Ecdsa.verify(key, *algorithm, b"what was not", signature), invalid);
                assert_eq!(Ecdsa.verify(key, *algorithm, message, &signature[1..]), invalid);
                let trailing = [signature, &[0]].concat();
                assert_eq!(Ecdsa.verify(key, *algorithm, message, &trailing), invalid);
            }
        }
    }

    #[test]
    fn what_is_not_supported() {
        let rsa = PublicKeyInfo { algorithm: KeyAlgorithm::Rsa { bits: 2048 }, key: &[] };
        let point = PublicKeyInfo { algorithm: KeyAlgorithm::P256, key: &[4; 65] };
        for (key, algorithm, error) in [
            (rsa, SignatureAlgorithm::RsaSha256, SignatureError::Unsupported),
            (rsa, SignatureAlgorithm::EcdsaSha256, SignatureError::Unsupported),
            (point, SignatureAlgorithm::RsaSha256, SignatureError::Unsupported),
            (point, SignatureAlgorithm::Other("x"), SignatureError::Unsupported),
            (point, SignatureAlgorithm::EcdsaSha256, SignatureError::Invalid),
        ] {
            assert_eq!(Ecdsa.verify(key, algorithm, b"", b""), Err(error));
        }
    }

    /// Only registered names are shown: the arcs of an identifier can spell a number.
    #[test]
    fn unknown_algorithms_show_no_arcs() {
        let oid = ObjectIdentifier::new_unwrap("1.2.1703555012");
        assert_eq!(SignatureAlgorithm::new(&oid, None).name(), "an unknown algorithm");
        assert_eq!(KeyAlgorithm::new(&oid, None, &[]).name(), "an unknown algorithm");
        let sha512 = const_oid::db::rfc5912::ECDSA_WITH_SHA_512;
        assert_eq!(SignatureAlgorithm::new(&sha512, None).name(), "ecdsa-with-SHA512");
    }
}
