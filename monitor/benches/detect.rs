//! How fast the detectors are over a memory that answers at once: `cargo bench -p tnlog-monitor`. Says
//! entries in a second, and how large the memory is, while the log grows: neither may depend on its size.

use std::time::Instant;

use tnlog::commitment::{CertificateId, Commitment};
use tnlog::entry::NumberEntry;
use tnlog::label::Label;
use tnlog::synthetic::KeyPair;
use tnlog_monitor::detect::{Content, Detectors, InMemory, Issuer, Memory, Observed};

/// Entries whose changes are stored at once.
const BATCH: u64 = 10_000;
const BATCHES: u64 = 40;
const NUMBERS: u64 = 100_000;
const ISSUERS: u64 = 20;
/// An entry each thirty seconds: 400,000 take twenty weeks.
const STEP: u64 = 30;

fn main() {
    let keys: Vec<Vec<u8>> = (0..2_000).map(|seed| KeyPair::p256(seed).spki().to_vec()).collect();
    let detectors = Detectors::default();
    let mut store = InMemory::default();
    let mut found = 0;
    println!("  entries  entries/s  records  bytes/entry  findings");
    for batch in 0..BATCHES {
        let begin = Instant::now();
        let mut memory = Memory::new(&store);
        for index in batch * BATCH..(batch + 1) * BATCH {
            let (entry, issuer) = number(index, &keys);
            let timestamp = 1000 * (1_700_000_000 + STEP * index);
            let content = Content::Number(&entry, issuer);
            let entry = Observed { log_id: [0; 32], index, timestamp, content };
            found += detectors.observe(&entry, &mut memory).expect("the store does not fail").len();
        }
        let changes = memory.into_changes();
        store.apply(changes);
        if batch % 8 == 7 {
            let (entries, rate) = ((batch + 1) * BATCH, BATCH as f64 / begin.elapsed().as_secs_f64());
            let (records, bytes) = store.size();
            let bytes = bytes as f64 / entries as f64;
            println!("{entries:9}  {rate:9.0}  {records:7}  {bytes:11.0}  {found:8}");
        }
    }
}

/// Each number in turn, with another key each time; one in ten by another issuer than before.
fn number(index: u64, keys: &[Vec<u8>]) -> (NumberEntry, Issuer) {
    let mixed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let name = index % NUMBERS;
    let issuer = if mixed.is_multiple_of(10) { mixed % ISSUERS } else { name % ISSUERS };
    let issuer = Issuer::unknown([issuer as u8; 32]);
    let mut label = [0; 32];
    label[8..16].copy_from_slice(&name.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mixed.to_be_bytes());
    let not_before = 1_700_000_000 + (STEP * index) as i64;
    let entry = NumberEntry {
        labels: vec![Label::new(label)],
        issuer_key_hash: issuer.key_hash,
        certificate_id: CertificateId(id),
        not_before,
        not_after: not_before + 45 * 86_400,
        subject_key: keys[(mixed >> 32) as usize % keys.len()].clone(),
        is_ca: false,
        is_precertificate: false,
        calling_codes: vec![[1, 44, 49][index as usize % 3]],
        commitment: Commitment([0; 32]),
    };
    (entry, issuer)
}
