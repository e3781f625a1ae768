//! Stories, told as the entries of a log.

mod numbers;
mod open;
mod standing;
mod watches;
mod waves;

use std::sync::Arc;

use tnlog::admission::Kind;
use tnlog::certificate::Certificate;
use tnlog::commitment::{CertificateId, Commitment};
use tnlog::entry::{Action, KeyStatementEntry, LeafReference, NumberEntry, RegistrationEntry, Verb};
use tnlog::label::Label;
use tnlog::merkle::Hash;
use tnlog::synthetic::{Authority, Issued, KeyPair, Validity};

use super::*;

const LOG: [u8; 32] = [9; 32];
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// When everything begins.
const START: i64 = 1_700_000_000 / DAY * DAY;

/// From one day to another, counted from the beginning.
const fn valid(from: i64, until: i64) -> Validity {
    Validity { not_before: (START + from * DAY) as u64, not_after: (START + until * DAY) as u64 }
}

/// A log that is watched as it grows.
#[derive(Default)]
struct World {
    detectors: Detectors,
    store: InMemory,
    size: u64,
    now: i64,
    /// Whether nothing but the watches is told.
    only_watches: bool,
    /// The key of each credential.
    keys: std::collections::HashMap<u64, KeyId>,
    /// What was found, the newest version of each.
    findings: Vec<Finding>,
}

/// A credential for numbers: valid from when it is logged, for 90 days.
#[derive(Clone)]
struct Credential {
    labels: Vec<u64>,
    key: u64,
    issuer: u8,
    days: i64,
    is_ca: bool,
    codes: Vec<u16>,
    /// 0: one of its own.
    id: u8,
    is_precertificate: bool,
    /// Seconds before it is logged.
    began: i64,
}

fn credential(label: u64, key: u64, issuer: u8) -> Credential {
    let (codes, labels) = (vec![1], vec![label]);
    Credential {
        labels,
        key,
        issuer,
        days: 90,
        is_ca: false,
        codes,
        id: 0,
        is_precertificate: false,
        began: 0,
    }
}

fn label(name: u64) -> Label {
    let mut bytes = [0; 32];
    bytes[1..9].copy_from_slice(&name.to_be_bytes());
    Label::new(bytes)
}

fn issuer(name: u8) -> Issuer {
    Issuer::unknown([name; 32])
}

/// Bytes that are taken for a key: nothing is signed with it.
fn spki(key: u64) -> Vec<u8> {
    [&b"key "[..], &key.to_be_bytes()].concat()
}

impl World {
    fn new(detectors: Detectors) -> Self {
        World { detectors, now: START, ..World::default() }
    }

    fn after(&mut self, seconds: i64) -> &mut Self {
        self.now += seconds;
        self
    }

    /// Logs an entry, and gives its index.
    fn add(&mut self, content: Content<'_>) -> u64 {
        let index = self.size;
        let timestamp = 1000 * u64::try_from(self.now).unwrap();
        let entry = Observed { log_id: LOG, index, timestamp, content };
        let mut memory = Memory::new(&self.store);
        let found = match self.only_watches {
            true => self.detectors.watches.observe(&entry, &mut memory).unwrap(),
            false => self.detectors.observe(&entry, &mut memory).unwrap(),
        };
        let changes = memory.into_changes();
        self.store.apply(changes);
        for finding in found {
            assert!(finding.entries.iter().all(|evidence| *evidence <= index));
            self.findings.retain(|known| known.id != finding.id || known.version > finding.version);
            self.findings.push(finding);
        }
        self.size += 1;
        index
    }

    fn logs(&mut self, new: &Credential) -> u64 {
        let id = if new.id == 0 { self.size.to_be_bytes().repeat(2) } else { vec![new.id; 16] };
        let mut labels: Vec<Label> = new.labels.iter().map(|name| label(*name)).collect();
        labels.sort_unstable();
        let not_before = self.now - new.began;
        let entry = NumberEntry {
            labels,
            issuer_key_hash: issuer(new.issuer).key_hash,
            certificate_id: CertificateId(id.try_into().unwrap()),
            not_before,
            not_after: not_before + new.days * DAY,
            subject_key: spki(new.key),
            is_ca: new.is_ca,
            is_precertificate: new.is_precertificate,
            calling_codes: new.codes.clone(),
            commitment: Commitment([0; 32]),
        };
        self.keys.insert(self.size, KeyId::of_spki(&entry.subject_key));
        self.add(Content::Number(&entry, issuer(new.issuer)))
    }

    /// The key of the credential `old` speaks about `new`.
    fn says(&mut self, verb: Verb, name: u64, old: u64, new: u64) -> u64 {
        let signer = self.keys[&old];
        let leaf = |index| LeafReference { index, hash: Hash([0; 32]) };
        let (labels, signature) = (vec![label(name)], vec![0]);
        let entry = KeyStatementEntry { labels, verb, old: leaf(old), new: leaf(new), signature };
        self.add(Content::Statement(&entry, signer))
    }

    fn registers(&mut self, name: u64, credential: u64) -> u64 {
        self.registration(name, credential, Action::Register)
    }

    fn registration(&mut self, name: u64, credential: u64, action: Action) -> u64 {
        let entry = RegistrationEntry {
            label: label(name),
            credential,
            not_before: self.now,
            not_after: self.now + 30 * DAY - 1,
            action,
            commitment: Commitment([0; 32]),
            replaces: None,
        };
        self.add(Content::Registration(&entry))
    }

    /// Logs a certificate that stands in the open.
    fn logs_open(&mut self, issued: &Issued) -> u64 {
        self.logs_open_as(issued, Kind::Final)
    }

    fn logs_open_as(&mut self, issued: &Issued, kind: Kind) -> u64 {
        let mut chain = issued
            .chain()
            .into_iter()
            .map(|der| Arc::new(Certificate::from_der(der).unwrap()))
            .collect::<Vec<_>>();
        let certificate = chain.remove(0);
        let issuer = Issuer::of(&chain[0]);
        self.add(Content::Open(OpenCertificate { certificate, kind, chain, issuer }))
    }

    /// All that is open, by detector and severity.
    fn open(&self) -> Vec<(Detector, Severity)> {
        let open = self.findings.iter().filter(|finding| finding.state == State::Open);
        let mut open: Vec<_> = open.map(|finding| (finding.detector, finding.severity)).collect();
        open.sort_unstable();
        open
    }

    fn finding(&self, detector: Detector) -> &Finding {
        let found: Vec<_> = self.findings.iter().filter(|finding| finding.detector == detector).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]
    }

    /// The severity of the only finding of a detector.
    fn severity(&self, detector: Detector) -> Severity {
        self.finding(detector).severity
    }
}
