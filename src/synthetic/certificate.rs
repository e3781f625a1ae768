//! A certificate between profile and bytes.

use super::{Extension, KeyPair, der};

/// The parts of a certificate, each already encoded, before it is signed. Any of them may be replaced by something
/// that no certificate should hold.
///
/// It has no `Debug`, since it may hold a telephone number.
#[derive(Clone)]
pub struct Draft {
    /// The explicitly tagged version; empty for version 1.
    pub version: Vec<u8>,
    /// serialNumber, an INTEGER.
    pub serial: Vec<u8>,
    /// The AlgorithmIdentifier inside of what is signed.
    pub signature: Vec<u8>,
    /// The issuer's name.
    pub issuer: Vec<u8>,
    /// validity, a SEQUENCE of two times.
    pub validity: Vec<u8>,
    /// The subject's name.
    pub subject: Vec<u8>,
    /// subjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// The extensions; without any, the field is left out.
    pub extensions: Vec<Extension>,
    /// The AlgorithmIdentifier beside the signature.
    pub signature_algorithm: Vec<u8>,
}

impl Draft {
    /// The TBSCertificate, DER (RFC 5280 §4.1.2).
    pub fn tbs(&self) -> Vec<u8> {
        let mut parts = vec![
            self.version.clone(),
            self.serial.clone(),
            self.signature.clone(),
            self.issuer.clone(),
            self.validity.clone(),
            self.subject.clone(),
            self.spki.clone(),
        ];
        if !self.extensions.is_empty() {
            let extensions: Vec<_> = self.extensions.iter().map(Extension::to_der).collect();
            parts.push(der::explicit(3, &der::sequence(&extensions)));
        }
        der::sequence(&parts)
    }

    /// The Certificate, DER, signed with this key whatever the algorithm identifiers say.
    pub fn sign(&self, key: &KeyPair) -> Vec<u8> {
        self.with_signature(&key.sign(&self.tbs()))
    }

    /// The Certificate, DER, with this signature value, which a faster signer than [`KeyPair`] may have made over
    /// [`Draft::tbs`].
    pub fn with_signature(&self, signature: &[u8]) -> Vec<u8> {
        der::sequence(&[self.tbs(), self.signature_algorithm.clone(), der::bit_string(0, signature)])
    }
}
