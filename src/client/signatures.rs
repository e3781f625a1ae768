//! Signatures verified by `ring`: what checking and admitting cost is mostly P-256, and `ring` is five times as fast as the
//! pure core.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
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
