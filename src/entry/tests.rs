use super::sample::{label, leaf, reference};
use super::*;
use crate::commitment::Commitment;
use crate::synthetic::KeyPair;

fn statement() -> KeyStatementEntry {
    let key = KeyPair::p256(1);
    let old = reference(&leaf(3, 0, sample::number(&key, &[1, 2], 1)));
    let new = reference(&leaf(4, 1, sample::number(&key, &[1, 2], 2)));
    let labels = vec![label(1), label(2)];
    KeyStatementEntry { labels, verb: Verb::Dispute, old, new, signature: key.sign(b"anything") }
}

fn registration() -> RegistrationEntry {
    RegistrationEntry {
        label: label(1),
        credential: 3,
        not_before: sample::START,
        not_after: sample::START + 10,
        action: Action::Register,
        commitment: Commitment([7; 32]),
        replaces: Some(5),
    }
}

fn entries() -> Vec<Entry> {
    let first = RegistrationEntry { replaces: None, ..registration() };
    let withdrawal = RegistrationEntry { action: Action::Withdraw, ..registration() };
    vec![statement().into(), registration().into(), first.into(), withdrawal.into()]
}

#[test]
fn leaves_read_back() {
    for (entry, value) in entries().into_iter().zip([0x5403, 0x5402, 0x5402, 0x5402]) {
        let leaf = leaf(9, 2, entry);
        let bytes = leaf.encode().unwrap();
        assert_eq!(bytes[10..12], u16::to_be_bytes(value));
        assert_eq!(Leaf::decode(&bytes).as_ref(), Ok(&leaf));
        assert!(bytes.len() < leaf.entry.approximate_len() + 64, "{}", bytes.len());
        assert!(!leaf.entry.number_labels().is_empty());
    }
}

#[test]
fn signed_entries_read_back_whole_and_no_others() {
    let precert = SignedEntry::Precert { issuer_key_hash: [7; 32], tbs: vec![1, 2, 3] };
    for signed in [SignedEntry::X509(vec![1, 2, 3]), precert] {
        let good = signed.encode();
        assert_eq!(SignedEntry::decode(&good), Ok(signed));
        for length in 0..good.len() {
            assert!(SignedEntry::decode(&good[..length]).is_err(), "{length} bytes");
        }
        assert!(SignedEntry::decode(&[&good[..], &[0]].concat()).is_err());
        let other = [&[0x54, 1], &good[2..]].concat();
        assert_eq!(SignedEntry::decode(&other), Err(LeafError::UnknownType(0x5401)));
    }
    assert_eq!(SignedEntry::decode(&SignedEntry::X509(Vec::new()).encode()), Err(Malformed::Empty.into()));
}

#[test]
fn no_truncation_trailing_byte_or_flipped_bit_is_taken_for_the_same() {
    for entry in entries() {
        let leaf = leaf(9, 2, entry);
        let good = leaf.encode().unwrap();
        for length in 0..good.len() {
            assert!(Leaf::decode(&good[..length]).is_err(), "{length} bytes");
        }
        assert!(Leaf::decode(&[&good[..], &[0]].concat()).is_err());
        for bit in 0..8 * good.len() {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let read = Leaf::decode(&bad);
            assert!(read.is_err() || read.as_ref().unwrap().encode().unwrap() == bad, "bit {bit}");
            assert_ne!(read.as_ref(), Ok(&leaf), "bit {bit}");
        }
    }
}

/// Fails without `is_canonical` of `KeyStatementEntry`, or the bounds in `read_said` and `read_signature`.
#[test]
fn statements_that_no_log_writes() {
    let refused = |change: fn(&mut KeyStatementEntry)| {
        let mut entry = statement();
        change(&mut entry);
        KeyStatementEntry::decode(&entry.encode()) == Err(LeafError::Cbor("key_statement_entry"))
    };
    assert!(!refused(|_| ()));
    assert!(refused(|entry| entry.labels.clear()));
    assert!(refused(|entry| entry.labels.reverse()));
    assert!(refused(|entry| entry.labels[1] = entry.labels[0]));
    assert!(refused(|entry| entry.labels[1] = Label::new([0x80; 32])));
    assert!(refused(|entry| entry.old.index = entry.new.index));
    assert!(refused(|entry| entry.signature.clear()));
    assert!(refused(|entry| entry.signature = vec![1; MAX_SIGNATURE + 1]));
    let mut verb = statement().encode();
    let at = verb.iter().rposition(|byte| *byte == 0x02).unwrap();
    let place = (0..at).rev().find(|i| verb[*i..*i + 2] == [2, 1]).unwrap();
    verb[place + 1] = 2;
    assert!(KeyStatementEntry::decode(&verb).is_err());
}

/// Fails without `is_canonical` of `RegistrationEntry`.
#[test]
fn registrations_that_no_log_writes() {
    let refused = |change: fn(&mut RegistrationEntry)| {
        let mut entry = registration();
        change(&mut entry);
        RegistrationEntry::decode(&entry.encode()) == Err(LeafError::Cbor("registration_entry"))
    };
    assert!(!refused(|_| ()));
    assert!(refused(|entry| entry.label = Label::new([0x80; 32])));
    assert!(refused(|entry| entry.not_after = entry.not_before - 1));
    assert!(refused(|entry| {
        entry.action = Action::Withdraw;
        entry.replaces = None;
    }));
}

#[test]
fn statements_are_told_apart_by_what_they_say() {
    let one = statement();
    let again = KeyStatementEntry { signature: vec![1], labels: vec![label(1)], ..one.clone() };
    assert_eq!(one.dedup_key(), again.dedup_key());
    assert_ne!(one.dedup_key(), KeyStatementEntry { verb: Verb::Approve, ..one.clone() }.dedup_key());
    let swapped = KeyStatementEntry { old: one.new, new: one.old, ..one.clone() };
    assert_ne!(one.dedup_key(), swapped.dedup_key());
}
