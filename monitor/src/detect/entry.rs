//! What detectors see of an entry.

use std::sync::Arc;

use tnlog::admission::Kind;
use tnlog::certificate::Certificate;
use tnlog::client::check::CheckedCertificate;
use tnlog::entry::{Entry, KeyStatementEntry, Leaf, NumberEntry, RegistrationEntry, SignedEntry};

use super::id::{Issuer, KeyId};

/// A certificate that stands in the open, and the chain above it.
#[derive(Clone, Debug)]
pub struct OpenCertificate {
    /// The certificate, or the precertificate that was submitted.
    pub certificate: Arc<Certificate>,
    /// Which of the two it is.
    pub kind: Kind,
    /// Its issuer's certificate and those above, as far as the log serves them.
    pub chain: Vec<Arc<Certificate>>,
    /// Who issued it.
    pub issuer: Issuer,
}

impl OpenCertificate {
    /// From the entry and what lies beside it, which was checked against it.
    pub fn of(signed: &SignedEntry, checked: CheckedCertificate) -> Self {
        let CheckedCertificate { certificate, chain } = checked;
        let (kind, issuer) = match signed {
            SignedEntry::X509(_) => (Kind::Final, chain.first().map(|issuer| Issuer::of(issuer))),
            SignedEntry::Precert { issuer_key_hash, .. } => {
                let found = chain.iter().find(|issuer| issuer.spki_sha256() == issuer_key_hash);
                let issuer = found.map_or(Issuer::unknown(*issuer_key_hash), |issuer| Issuer::of(issuer));
                (Kind::Precertificate, Some(issuer))
            }
        };
        let issuer = issuer.unwrap_or_else(|| Issuer::of(&certificate));
        OpenCertificate { certificate, kind, chain, issuer }
    }
}

/// What an entry records, with what a detector must know beside.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A certificate that names single numbers, and who issued it.
    Number(&'a NumberEntry, Issuer),
    /// A certificate in the open.
    Open(OpenCertificate),
    /// A registration or its withdrawal.
    Registration(&'a RegistrationEntry),
    /// What a key says of a later credential, and which key that is; its signature holds.
    Statement(&'a KeyStatementEntry, KeyId),
    /// Parameters, and what cannot be read.
    Other,
}

/// What is not in a leaf and must be known of it. Each kind of entry wants one of them.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Of a certificate in the open: itself, with its chain.
    pub open: Option<OpenCertificate>,
    /// Of one that names numbers: who has the issuer key hash (`/tn/v1/issuers`).
    pub issuer: Option<Issuer>,
    /// Of a statement: the key of the earlier credential, with which its signature was verified.
    pub signer: Option<KeyId>,
}

/// An entry of a log.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// The log that it is from.
    pub log_id: [u8; 32],
    /// Its index.
    pub index: u64,
    /// Its time, in milliseconds of Unix time.
    pub timestamp: u64,
    /// What it records.
    pub content: Content<'a>,
}

impl<'a> Observed<'a> {
    /// An entry, from its leaf and what must be known beside.
    pub fn of(log_id: [u8; 32], leaf: &'a Leaf, beside: Beside) -> Self {
        let content = match &leaf.entry {
            Entry::Number(entry) => {
                let unknown = Issuer::unknown(entry.issuer_key_hash);
                Content::Number(entry, beside.issuer.unwrap_or(unknown))
            }
            Entry::Open(_) => beside.open.map_or(Content::Other, Content::Open),
            Entry::Registration(entry) => Content::Registration(entry),
            Entry::KeyStatement(entry) => {
                beside.signer.map_or(Content::Other, |signer| Content::Statement(entry, signer))
            }
            Entry::Parameters(_) => Content::Other,
        };
        Observed { log_id, index: leaf.index, timestamp: leaf.timestamp, content }
    }

    /// Its time in seconds of Unix time.
    pub fn seconds(&self) -> i64 {
        i64::try_from(self.timestamp / 1000).expect("a thousandth of 64 bits fits")
    }

    /// The issuer of the certificate that it is.
    pub(super) fn issuer(&self) -> Option<&Issuer> {
        match &self.content {
            Content::Number(_, issuer) => Some(issuer),
            Content::Open(open) => Some(&open.issuer),
            _ => None,
        }
    }

    /// The key of the certificate that it is.
    pub(super) fn key(&self) -> Option<KeyId> {
        match &self.content {
            Content::Number(entry, _) => Some(KeyId::of_spki(&entry.subject_key)),
            Content::Open(open) => Some(KeyId::of_hash(open.certificate.spki_sha256())),
            _ => None,
        }
    }
}
