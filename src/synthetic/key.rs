//! Key pairs that follow from a seed.

use super::der;
use const_oid::ObjectIdentifier;
use p256::ecdsa::signature::Signer;
use sha2::{Digest, Sha256, Sha384};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// A P-256 or P-384 key pair with its encoded SubjectPublicKeyInfo.
///
/// **Not a secret**: whoever guesses the 64-bit seed has the key. Signatures are deterministic (RFC 6979), so the
/// same key and message give the same bytes.
#[derive(Clone)]
pub struct KeyPair {
    secret: Secret,
    spki: Vec<u8>,
}

#[derive(Clone)]
enum Secret {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

impl KeyPair {
    /// The P-256 key pair of this seed. Costs one multiplication of the base point.
    pub fn p256(seed: u64) -> Self {
        Self::derive_p256(b"", seed)
    }

    /// The P-384 key pair of this seed.
    pub fn p384(seed: u64) -> Self {
        let secret = candidates(b"tnlog synthetic P-384 key", b"", seed)
            .find_map(|input| p384::ecdsa::SigningKey::from_slice(&Sha384::digest(input)).ok())
            .expect("at most one digest in 2^190 is no scalar of the curve, and 256 are tried");
        let point = secret.verifying_key().to_encoded_point(false);
        let spki = subject_public_key_info(SECP384R1, point.as_bytes());
        Self { secret: Secret::P384(secret), spki }
    }

    /// As [`KeyPair::p256`]; another `purpose` gives another key for the same seed.
    pub(super) fn derive_p256(purpose: &[u8], seed: u64) -> Self {
        let secret = candidates(b"tnlog synthetic P-256 key", purpose, seed)
            .find_map(|input| p256::ecdsa::SigningKey::from_slice(&Sha256::digest(input)).ok())
            .expect("at most one digest in 2^31 is no scalar of the curve, and 256 are tried");
        let point = secret.verifying_key().to_encoded_point(false);
        let spki = subject_public_key_info(SECP256R1, point.as_bytes());
        Self { secret: Secret::P256(secret), spki }
    }

    /// The SubjectPublicKeyInfo (RFC 5480 §2), DER: 91 bytes for P-256, 120 for P-384.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The private scalar, big-endian, 32 bytes for P-256 and 48 for P-384, for signers of other libraries.
    pub fn secret_scalar(&self) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => key.to_bytes().to_vec(),
            Secret::P384(key) => key.to_bytes().to_vec(),
        }
    }

    /// ECDSA over the SHA-256 (P-384: SHA-384) of `message`, as DER Ecdsa-Sig-Value (RFC 3279 §2.2.3).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::P256(key) => Signer::<p256::ecdsa::DerSignature>::sign(key, message).as_bytes().to_vec(),
            Secret::P384(key) => Signer::<p384::ecdsa::DerSignature>::sign(key, message).as_bytes().to_vec(),
        }
    }

    /// The AlgorithmIdentifier of what [`KeyPair::sign`] makes.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        algorithm(match self.secret {
            Secret::P256(_) => ECDSA_WITH_SHA256,
            Secret::P384(_) => ECDSA_WITH_SHA384,
        })
    }
}

/// AlgorithmIdentifier without parameters.
pub(super) fn algorithm(oid: ObjectIdentifier) -> Vec<u8> {
    der::sequence(&[der::oid(oid)])
}

/// SubjectPublicKeyInfo of an elliptic curve key; `point` is not checked.
pub(super) fn subject_public_key_info(curve: ObjectIdentifier, point: &[u8]) -> Vec<u8> {
    let algorithm = der::sequence(&[der::oid(EC_PUBLIC_KEY), der::oid(curve)]);
    der::sequence(&[algorithm, der::bit_string(0, point)])
}

/// The subject key identifier: the leftmost 160 bits of SHA-256 over the public key (RFC 7093 §2, method 1, taken
/// over the whole SubjectPublicKeyInfo).
pub(super) fn key_identifier(spki: &[u8]) -> [u8; 20] {
    Sha256::digest(spki).first_chunk().copied().expect("SHA-256 has 32 bytes")
}

fn candidates(domain: &'static [u8], purpose: &[u8], seed: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..=u8::MAX).map(move |attempt| [domain, &seed.to_be_bytes(), &[attempt], purpose].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::pkcs8::DecodePublicKey;

    #[test]
    fn a_seed_is_a_key() {
        assert_eq!(KeyPair::p256(1).spki(), KeyPair::p256(1).spki());
        assert_eq!(KeyPair::p256(1).sign(b"m"), KeyPair::p256(1).sign(b"m"));
        assert_ne!(KeyPair::p256(1).spki(), KeyPair::p256(2).spki());
        assert_ne!(KeyPair::derive_p256(b"a", 1).spki(), KeyPair::derive_p256(b"b", 1).spki());
    }

    #[test]
    fn keys_are_those_that_p256_and_p384_read() {
        let small = KeyPair::p256(3);
        let large = KeyPair::p384(3);
        assert_eq!((small.spki().len(), large.spki().len()), (91, 120));
        assert!(p256::ecdsa::VerifyingKey::from_public_key_der(small.spki()).is_ok());
        assert!(p384::ecdsa::VerifyingKey::from_public_key_der(large.spki()).is_ok());
    }
}
