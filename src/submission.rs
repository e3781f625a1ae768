//! What a certificate becomes in the log: its identity and its leaf entry.
//!
//! Both are functions of the certificate, so that the log that writes a leaf and the app that recomputes it run the same code.

use crate::admission::Admitted;
use crate::certificate::Certificate;
use crate::commitment::{CertificateId, Opening};
use crate::entry::{Entry, EntryType, NumberEntry, SignedEntry};
use crate::label::Label;
use crate::precertificate::{certificate_tbs, embedded_scts};
use crate::tnauthlist::Scope;

/// A certificate of an admitted chain, in the form in which it was submitted.
#[derive(Clone, Debug)]
pub struct Submission<'a> {
    certificate: &'a Certificate,
    issuer_key_hash: [u8; 32],
    identity: SignedEntry,
}

/// What only the log, and who shows the certificate, knows of a `number_entry`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The labels of the certificate's numbers, in any order.
    pub labels: Vec<Label>,
    /// Pairs precertificate and certificate.
    pub certificate_id: CertificateId,
    /// Opens the commitment.
    pub opening: Opening,
}

impl<'a> Submission<'a> {
    /// What was submitted: a certificate, or a precertificate.
    pub fn of(admitted: &'a Admitted) -> Self {
        let issuer_key_hash = *admitted.issuer_key_hash();
        match admitted.tbs() {
            None => Submission::of_issued(admitted.certificate(), issuer_key_hash),
            Some(tbs) => {
                let identity = SignedEntry::Precert { issuer_key_hash, tbs: tbs.to_vec() };
                Submission { certificate: admitted.certificate(), issuer_key_hash, identity }
            }
        }
    }

    /// The submission of a final certificate of the issuer with this key.
    pub fn of_issued(certificate: &'a Certificate, issuer_key_hash: [u8; 32]) -> Self {
        let identity = SignedEntry::X509(certificate.der().to_vec());
        Submission { certificate, issuer_key_hash, identity }
    }

    /// The submission of the precertificate that a final certificate was issued from; none when it carries no SCTs.
    pub fn of_precertificate(certificate: &'a Certificate, issuer_key_hash: [u8; 32]) -> Option<Self> {
        let has_scts = embedded_scts(certificate).is_ok_and(|scts| !scts.is_empty());
        has_scts.then(|| {
            let identity = SignedEntry::Precert { issuer_key_hash, tbs: certificate_tbs(certificate) };
            Submission { certificate, issuer_key_hash, identity }
        })
    }

    /// RFC 6962 entry type and signed entry: what the SCT signs.
    pub fn identity(&self) -> &SignedEntry {
        &self.identity
    }

    /// Whether the entry in the log is a `number_entry`, which takes [`Hidden`] to make.
    pub fn is_hidden(&self) -> bool {
        self.certificate.class().is_ok_and(|class| class.is_hidden())
    }

    /// The entry of a certificate without single numbers: what was submitted, as it is. None when it names numbers.
    pub fn open_entry(&self) -> Option<Entry> {
        (!self.is_hidden()).then(|| Entry::Open(self.identity.clone()))
    }

    /// The `number_entry` of a certificate that names numbers. None when it names none.
    pub fn number_entry(&self, hidden: &Hidden) -> Option<Entry> {
        let scope = self.certificate.class().ok()?.scope()?;
        let Scope::Numbers(_) = scope else { return None };
        let mut labels = hidden.labels.clone();
        labels.sort_unstable();
        labels.dedup();
        let mut calling_codes: Vec<u16> = scope.calling_codes().into_iter().flatten().collect();
        calling_codes.sort_unstable();
        calling_codes.dedup();
        Some(Entry::Number(NumberEntry {
            labels,
            issuer_key_hash: self.issuer_key_hash,
            certificate_id: hidden.certificate_id,
            not_before: self.certificate.not_before(),
            not_after: self.certificate.not_after(),
            subject_key: self.certificate.spki().to_vec(),
            is_ca: self.certificate.is_ca(),
            is_precertificate: self.identity.entry_type() == EntryType::Precert,
            calling_codes,
            commitment: hidden.opening.commit(&self.identity),
        }))
    }
}

/// Whether a leaf records this very submission, without looking at anything else that it says.
///
/// `opening` is the one that the log's secret gives for the submission; it does not matter for an open entry.
pub fn records(entry: &Entry, identity: &SignedEntry, opening: &Opening) -> bool {
    match entry {
        Entry::Open(signed) => signed == identity,
        Entry::Number(number) => number.commitment == opening.commit(identity),
        Entry::Parameters(_) | Entry::Registration(_) | Entry::KeyStatement(_) => false,
    }
}
