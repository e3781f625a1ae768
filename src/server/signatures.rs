//! Signatures by `ring`: what a submission costs is mostly P-256, and `ring` is five times as fast as the pure core.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, EcdsaKeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};

use crate::signature::{KeyAlgorithm, PublicKeyInfo, SignatureAlgorithm, SignatureError, VerifySignature};

/// Verifies ECDSA on P-256 and P-384 and RSA PKCS #1 v1.5 with SHA-256. About 80 us for P-256.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ring;

impl VerifySignature for Ring {
    fn verify(
        &self,
        key: PublicKeyInfo<'_>,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        use SignatureAlgorithm::{EcdsaSha256, EcdsaSha384, RsaSha256};
        let verification: &dyn VerificationAlgorithm = match (key.algorithm, algorithm) {
            (KeyAlgorithm::P256, EcdsaSha256) => &ECDSA_P256_SHA256_ASN1,
            (KeyAlgorithm::P256, EcdsaSha384) => &ECDSA_P256_SHA384_ASN1,
            (KeyAlgorithm::P384, EcdsaSha256) => &ECDSA_P384_SHA256_ASN1,
            (KeyAlgorithm::P384, EcdsaSha384) => &ECDSA_P384_SHA384_ASN1,
            (KeyAlgorithm::Rsa { .. }, RsaSha256) => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(SignatureError::Unsupported),
        };
        UnparsedPublicKey::new(verification, key.key)
            .verify(message, signature)
            .map_err(|_| SignatureError::Invalid)
    }
}

/// Signs SCTs. About 25 us each.
pub struct SctSigner {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl SctSigner {
    /// From the DER of a PKCS #8 P-256 private key; none when it is no such key.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random).ok()?;
        Some(SctSigner { key, random })
    }

    /// The DER of an ECDSA signature with SHA-256.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(&self.random, message).expect("the operating system gives randomness");
        signature.as_ref().to_vec()
    }
}
