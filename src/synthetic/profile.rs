//! What a certificate shall say.

use super::key::key_identifier;
use super::{Extension, KeyPair, KeyUsage, Name, der};
use sha2::{Digest, Sha256};

/// From when until when a certificate is valid, in Unix seconds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// notBefore.
    pub not_before: u64,
    /// notAfter.
    pub not_after: u64,
}

impl Validity {
    /// `days` days from `not_before` on, the last second not included.
    pub fn days(not_before: u64, days: u32) -> Self {
        let not_after = not_before.saturating_add(u64::from(days) * 86_400).saturating_sub(1);
        Self { not_before, not_after }
    }

    pub(super) fn to_der(self) -> Vec<u8> {
        der::sequence(&[der::time(self.not_before), der::time(self.not_after)])
    }
}

/// One entry of a TNAuthList (RFC 8226 §9), good or bad: nothing is checked.
///
/// It has no `Debug`, since it may hold a telephone number.
#[derive(Clone, PartialEq, Eq)]
pub enum TnEntry {
    /// A service provider code.
    Spc(String),
    /// `count` numbers from `start` on.
    Range {
        /// The first number.
        start: String,
        /// How many.
        count: i128,
    },
    /// A single number.
    One(String),
}

impl TnEntry {
    /// A service provider code.
    pub fn spc(code: &str) -> Self {
        Self::Spc(code.to_owned())
    }

    /// `count` numbers from `start` on.
    pub fn range(start: &str, count: i128) -> Self {
        Self::Range { start: start.to_owned(), count }
    }

    /// A single number.
    pub fn one(number: &str) -> Self {
        Self::One(number.to_owned())
    }

    /// The TNEntry, DER: explicitly tagged 0, 1 or 2.
    pub fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Spc(code) => der::explicit(0, &der::ia5_string(code)),
            Self::Range { start, count } => {
                der::explicit(1, &der::sequence(&[der::ia5_string(start), der::integer(*count)]))
            }
            Self::One(number) => der::explicit(2, &der::ia5_string(number)),
        }
    }
}

/// What to issue. It starts as an end entity with the extensions that real SHAKEN certificates have, or as a CA, and
/// each method changes one thing.
///
/// Key and serial number follow from seed and subject, so the same profile makes the same certificate, and another
/// seed makes another. To prepare many certificates at half the cost, give them all one [`Profile::key`].
#[derive(Clone)]
pub struct Profile {
    pub(super) subject: Name,
    pub(super) validity: Validity,
    seed: u64,
    key: Option<KeyPair>,
    serial: Option<Vec<u8>>,
    role: Role,
    changes: Vec<Extension>,
}

#[derive(Clone, Copy)]
enum Role {
    EndEntity,
    Authority { path_length: Option<u8> },
}

impl Profile {
    /// An end entity without a TNAuthList.
    pub fn end_entity(subject: Name, validity: Validity, seed: u64) -> Self {
        let (role, changes) = (Role::EndEntity, Vec::new());
        Self { subject, validity, seed, key: None, serial: None, role, changes }
    }

    /// A carrier, named by its service provider code, as every SHAKEN certificate of today.
    pub fn carrier(spc: &str, validity: Validity, seed: u64) -> Self {
        let subject = Name::new("Synthetic Carrier", &format!("Synthetic SHAKEN {spc}"));
        Self::end_entity(subject, validity, seed).entries(&[TnEntry::spc(spc)])
    }

    /// The holder of single numbers. The subject does not say which.
    pub fn numbers(numbers: &[&str], validity: Validity, seed: u64) -> Self {
        let entries: Vec<_> = numbers.iter().map(|number| TnEntry::one(number)).collect();
        Self::holder(validity, seed).entries(&entries)
    }

    /// The holder of ranges, each a first number and a count.
    pub fn ranges(ranges: &[(&str, u64)], validity: Validity, seed: u64) -> Self {
        let entries: Vec<_> =
            ranges.iter().map(|(start, count)| TnEntry::range(start, (*count).into())).collect();
        Self::holder(validity, seed).entries(&entries)
    }

    /// A CA, with any number of CAs below it or at most so many.
    pub fn authority(name: &str, path_length: Option<u8>, validity: Validity, seed: u64) -> Self {
        let subject = Name::new("Synthetic Certification Authority", name);
        Self { role: Role::Authority { path_length }, ..Self::end_entity(subject, validity, seed) }
    }

    fn holder(validity: Validity, seed: u64) -> Self {
        let subject = Name::new("Synthetic Subscriber", &format!("Subscriber {seed:016x}"));
        Self::end_entity(subject, validity, seed)
    }

    /// With a TNAuthList of these entries instead of the one it has.
    pub fn entries(self, entries: &[TnEntry]) -> Self {
        self.extension(Extension::tn_auth_list(entries))
    }

    /// With this extension, in place of the one with the same OID if it has one, else at the end.
    pub fn extension(mut self, extension: Extension) -> Self {
        put(&mut self.changes, extension);
        self
    }

    /// With another subject.
    pub fn subject(mut self, subject: Name) -> Self {
        self.subject = subject;
        self
    }

    /// For this key pair, as a renewal that keeps its key, or a million certificates that share one.
    pub fn key(mut self, key: KeyPair) -> Self {
        self.key = Some(key);
        self
    }

    /// With this serial number, big-endian content octets of the INTEGER.
    pub fn serial(mut self, octets: &[u8]) -> Self {
        self.serial = Some(octets.to_vec());
        self
    }

    /// The key pair of the subject: the one given, or the P-256 one of seed and subject.
    pub(super) fn key_pair(&self) -> KeyPair {
        self.key.clone().unwrap_or_else(|| KeyPair::derive_p256(&self.subject.to_der(), self.seed))
    }

    /// The serial number: the one given, or 16 octets from seed and subject, positive and never shorter.
    pub(super) fn serial_octets(&self) -> Vec<u8> {
        self.serial.clone().unwrap_or_else(|| {
            let mut digest = Sha256::new_with_prefix(b"tnlog synthetic serial number");
            digest.update(self.seed.to_be_bytes());
            digest.update(self.subject.to_der());
            let mut octets = digest.finalize()[..16].to_vec();
            octets[0] = octets[0] & 0x7f | 0x40;
            octets
        })
    }

    /// All extensions, for this subject key and this issuer's key.
    pub(super) fn extensions(&self, subject_spki: &[u8], issuer_spki: &[u8]) -> Vec<Extension> {
        let (constraints, usage) = match self.role {
            Role::EndEntity => (Extension::end_entity(), KeyUsage::DigitalSignature),
            Role::Authority { path_length } => {
                (Extension::authority(path_length.map(i128::from)), KeyUsage::CertificateSigning)
            }
        };
        let mut extensions = vec![
            constraints,
            Extension::key_usage(usage),
            Extension::subject_key_identifier(&key_identifier(subject_spki)),
            Extension::shaken_policy(),
            Extension::crl_distribution_point("https://authenticate-api.example.com/download/v1/crl"),
            Extension::ca_issuers("http://certificates.example.com/issuing-ca.crt"),
            Extension::authority_key_identifier(&key_identifier(issuer_spki)),
        ];
        for change in &self.changes {
            put(&mut extensions, change.clone());
        }
        extensions
    }
}

fn put(extensions: &mut Vec<Extension>, extension: Extension) {
    match extensions.iter_mut().find(|present| present.oid == extension.oid) {
        Some(present) => *present = extension,
        None => extensions.push(extension),
    }
}
