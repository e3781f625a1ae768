//! How a `number_entry` stands for a certificate without showing it: certificate id, opening, commitment.
//!
//! All three come from one secret of the log, so that the same submission always gets the same answer, and nothing
//! has to be stored to give it again. Whoever holds certificate and opening can recompute the commitment; nobody
//! else can test a guess.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::entry::SignedEntry;

const OPENING: &[u8] = b"tnlog opening v1\0";
const CERTIFICATE_ID: &[u8] = b"tnlog certificate id v1\0";
const FINGERPRINT: &[u8] = b"tnlog opening secret fingerprint v1\0";

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The log's opening secret. It cannot be rotated within a log's life.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OpeningSecret([u8; 32]);

impl OpeningSecret {
    /// From 32 uniformly random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        OpeningSecret(bytes)
    }

    /// Tells one secret from another without showing it.
    pub fn fingerprint(&self) -> [u8; 32] {
        hmac(&self.0, &[FINGERPRINT])
    }

    /// The opening of a submission: HMAC-SHA-256 under this secret over its identity.
    pub fn opening(&self, identity: &SignedEntry) -> Opening {
        self.opening_of(&identity.encode())
    }

    /// The same for the bytes of an identity. They begin with the entry type, so none is that of another kind.
    pub(crate) fn opening_of(&self, identity: &[u8]) -> Opening {
        Opening(hmac(&self.0, &[OPENING, identity]))
    }

    /// HMAC-SHA-256 under this secret over what names a slot of registrations: who does not have the secret cannot test guesses.
    pub(crate) fn slot_of(&self, name: &[u8]) -> [u8; 32] {
        hmac(&self.0, &[name])
    }

    /// The id that precertificate and certificate share: the first 16 bytes of HMAC-SHA-256 under this secret over
    /// issuer key hash and serial number (the content octets of the INTEGER).
    pub fn certificate_id(&self, issuer_key_hash: &[u8; 32], serial: &[u8]) -> CertificateId {
        let full = hmac(&self.0, &[CERTIFICATE_ID, issuer_key_hash, serial]);
        let mut id = [0; 16];
        id.copy_from_slice(&full[..16]);
        CertificateId(id)
    }
}

impl fmt::Debug for OpeningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpeningSecret(..)")
    }
}

/// The 32 bytes that open a commitment. As secret as the number: it goes only to who shows the certificate.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Opening([u8; 32]);

impl Opening {
    /// From the bytes of an SCT extension or a receipt.
    pub fn new(bytes: [u8; 32]) -> Self {
        Opening(bytes)
    }

    /// The secret bytes, to put into an SCT extension or a receipt.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The commitment to a submission: HMAC-SHA-256 under this opening over its identity.
    pub fn commit(&self, identity: &SignedEntry) -> Commitment {
        self.commit_to(&identity.encode())
    }

    /// The same for the bytes of an identity.
    pub(crate) fn commit_to(&self, identity: &[u8]) -> Commitment {
        Commitment(hmac(&self.0, &[identity]))
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(..)")
    }
}

/// A commitment to what was submitted, as the leaf shows it.
#[derive(Clone, Copy, Eq)]
pub struct Commitment(pub [u8; 32]);

impl PartialEq for Commitment {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commitment(..)")
    }
}

/// Pairs a precertificate with its certificate. Links to no revocation list.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificateId(pub [u8; 16]);

impl fmt::Debug for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(byte: u8) -> SignedEntry {
        SignedEntry::X509(vec![byte; 3])
    }

    #[test]
    fn one_submission_has_one_opening_and_another_has_another() {
        let secret = OpeningSecret::new([7; 32]);
        assert_eq!(secret.opening(&identity(1)), secret.opening(&identity(1)));
        assert_ne!(secret.opening(&identity(1)), secret.opening(&identity(2)));
        assert_ne!(secret.opening(&identity(1)), OpeningSecret::new([8; 32]).opening(&identity(1)));
    }

    #[test]
    fn a_commitment_opens_for_its_submission_alone() {
        let opening = OpeningSecret::new([7; 32]).opening(&identity(1));
        assert_eq!(opening.commit(&identity(1)), opening.commit(&identity(1)));
        assert_ne!(opening.commit(&identity(1)), opening.commit(&identity(2)));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let opening = OpeningSecret::new([0x5a; 32]).opening(&identity(1));
        assert_eq!(
            format!("{opening:?} {:?}", OpeningSecret::new([0x5a; 32])),
            "Opening(..) OpeningSecret(..)"
        );
    }
}
