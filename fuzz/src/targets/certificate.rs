//! Certificates, and what is computed from one alone.

use std::sync::Arc;

use tnlog::certificate::Certificate;
use tnlog::classify::Class;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::index::labels_of_bytes;
use tnlog::label::Label;
use tnlog::precertificate::{certificate_tbs, embedded_scts, poison, precertificate_tbs};
use tnlog::tnauthlist::Scope;

/// A certificate is read to the same bytes, also through PEM, and the index finds a leaf of it under the labels that its class has.
pub fn certificate(data: &[u8]) {
    let Ok(certificate) = Certificate::from_der(data) else { return };
    assert_eq!(certificate.der(), data);
    assert_eq!(Certificate::from_pem_bundle(certificate.to_pem()).as_deref(), Ok(&[certificate.clone()][..]));
    let _ = (poison(&certificate), embedded_scts(&certificate).is_ok(), certificate.subject_text());
    let _ = (certificate.public_key().is_ecdsa(), certificate.has_unknown_critical_extension());
    assert!(certificate.extensions().count() <= data.len());
    let Ok(class) = certificate.class() else { return };
    if !class.is_hidden() {
        let labels = open_labels(class);
        let tbs = [certificate_tbs(&certificate), precertificate_tbs(&certificate, None)];
        assert_eq!(labels_of_bytes(&leaf(SignedEntry::X509(data.to_vec()))), labels);
        for tbs in tbs {
            assert_eq!(
                labels_of_bytes(&leaf(SignedEntry::Precert { issuer_key_hash: [0; 32], tbs })),
                labels
            );
        }
    }
    let shown = format!("{certificate:?}{class:?}");
    let is_shown = |digits: &str| digits.len() > 8 && shown.contains(digits);
    assert!(!class.numbers().iter().any(|number| is_shown(number.digits())), "a number is shown");
}

fn leaf(entry: SignedEntry) -> Vec<u8> {
    let leaf = Leaf { timestamp: 1, entry: Entry::Open(entry), index: 1 };
    leaf.encode().expect("a leaf holds every certificate")
}

/// The labels of an entry that names no numbers, in byte order.
pub fn open_labels(class: &Class) -> Vec<Label> {
    let mut labels: Vec<Label> = match class.scope() {
        Some(Scope::Spcs(codes)) => codes.iter().map(Label::of_service_provider_code).collect(),
        Some(Scope::Blocks(blocks)) => blocks.iter().map(Label::of_block).collect(),
        Some(Scope::Numbers(_)) | None => Vec::new(),
    };
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// The certificates of a chain; none when one is malformed.
pub fn chain(ders: &[Vec<u8>]) -> Option<Vec<Arc<Certificate>>> {
    ders.iter().map(|der| Certificate::from_der(&der[..]).ok().map(Arc::new)).collect()
}
