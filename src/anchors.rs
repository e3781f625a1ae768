//! The roots that a log accepts, or that the user of an app trusts, and the memory of issuers already verified.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::certificate::Certificate;

/// A trusted CA certificate. Its own signature and dates are not looked at by a log.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    /// The country calling codes that it issues for; `None` for all.
    pub calling_codes: Option<Vec<u16>>,
}

/// A set of trusted CA certificates, found by name.
#[derive(Debug, Clone, Default)]
pub struct Anchors {
    anchors: Vec<Anchor>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl Anchors {
    /// A set of these; of equal certificates the first stays.
    pub fn new(anchors: impl IntoIterator<Item = Anchor>) -> Self {
        let mut set = Self::default();
        for anchor in anchors {
            if set.get(&anchor.certificate).is_none() {
                let subject = anchor.certificate.subject().to_vec();
                set.by_subject.entry(subject).or_default().push(set.anchors.len());
                set.anchors.push(anchor);
            }
        }
        set
    }

    /// All of them, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Anchor> {
        self.anchors.iter()
    }

    /// Those whose subject is this Name, in DER.
    pub fn named<'a>(&'a self, subject: &[u8]) -> impl Iterator<Item = &'a Anchor> + use<'a> {
        self.by_subject.get(subject).into_iter().flatten().map(|index| &self.anchors[*index])
    }

    /// The anchor that is this very certificate.
    pub fn get(&self, certificate: &Certificate) -> Option<&Anchor> {
        self.named(certificate.subject()).find(|anchor| *anchor.certificate == *certificate)
    }
}

/// Which CA certificates were already found to be signed by which issuer, so that a log verifies each pair once.
///
/// Only signatures that verified are remembered: they stay true whatever roots are accepted later. Forgets everything
/// when full.
#[derive(Debug)]
pub struct VerifiedIssuers {
    pairs: Mutex<HashSet<([u8; 32], [u8; 32])>>,
    capacity: usize,
}

impl VerifiedIssuers {
    /// Remembers at most `capacity` pairs, at 64 bytes and some overhead each.
    pub fn new(capacity: usize) -> Self {
        Self { pairs: Mutex::new(HashSet::new()), capacity }
    }

    /// How many pairs are remembered.
    pub fn len(&self) -> usize {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn contains(&self, subject: &Certificate, issuer: &Certificate) -> bool {
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.contains(&(*subject.fingerprint(), *issuer.fingerprint()))
    }

    pub(crate) fn insert(&self, subject: &Certificate, issuer: &Certificate) {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if pairs.len() >= self.capacity {
            pairs.clear();
        }
        pairs.insert((*subject.fingerprint(), *issuer.fingerprint()));
    }
}
