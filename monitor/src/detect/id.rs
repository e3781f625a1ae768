//! Short names of keys and issuers, as they are remembered.

use sha2::{Digest, Sha256};
use tnlog::certificate::Certificate;

use super::organization;

/// The first 16 bytes of the SHA-256 of a SubjectPublicKeyInfo. An attacker who wants the same one as
/// somebody else's must try 2^128 keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

impl KeyId {
    /// Of a SubjectPublicKeyInfo in DER.
    pub fn of_spki(spki: &[u8]) -> Self {
        KeyId::of_hash(&Sha256::digest(spki).into())
    }

    /// Of the SHA-256 of one, as an issuer key hash is.
    pub fn of_hash(hash: &[u8; 32]) -> Self {
        KeyId(cut(hash))
    }
}

/// Who runs a CA: the same for all its issuing keys, so that a new key of a CA is not taken for a new CA.
/// Made of the organization that its certificate names, which accepted roots vouch for, or of its key where
/// it names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator(pub [u8; 8]);

impl Operator {
    /// Of the certificate of a CA.
    pub fn of(issuer: &Certificate) -> Self {
        match issuer.organization() {
            Some(name) if !organization::plain(&name).is_empty() => Operator::of_organization(&name),
            _ => Operator::of_key_hash(issuer.spki_sha256()),
        }
    }

    /// Of the organization that the certificate of a CA names.
    pub fn of_organization(name: &str) -> Self {
        Operator(short(b"organization", organization::plain(name).as_bytes()))
    }

    /// Of a CA of which no certificate is known.
    pub fn of_key_hash(hash: &[u8; 32]) -> Self {
        Operator(short(b"key", hash))
    }
}

/// Who issued a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The issuer key hash of RFC 6962 §3.2.
    pub key_hash: [u8; 32],
    /// Who has that key.
    pub operator: Operator,
}

impl Issuer {
    /// From the certificate of the CA.
    pub fn of(certificate: &Certificate) -> Self {
        Issuer { key_hash: *certificate.spki_sha256(), operator: Operator::of(certificate) }
    }

    /// Whether this is a CA that somebody named: by its organization, or by the hash of this key, also where it has an organization.
    pub fn is_one_of(&self, named: &[Operator]) -> bool {
        self.names().iter().any(|name| named.contains(name))
    }

    /// What it can be named by.
    pub(super) fn names(&self) -> [Operator; 2] {
        [self.operator, Operator::of_key_hash(&self.key_hash)]
    }

    /// From the key hash in a leaf, where the log serves no certificate for it.
    pub fn unknown(key_hash: [u8; 32]) -> Self {
        Issuer { key_hash, operator: Operator::of_key_hash(&key_hash) }
    }
}

/// The first bytes of a hash over a purpose and a text.
pub(super) fn short<const N: usize>(purpose: &[u8], text: &[u8]) -> [u8; N] {
    cut(&Sha256::new_with_prefix(purpose).chain_update([0]).chain_update(text).finalize().into())
}

fn cut<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    *hash.first_chunk().expect("a hash is longer than what is kept of it")
}
