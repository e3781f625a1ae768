//! Credentials of a number and what their keys say, as leaves of a log that nobody runs.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tnlog::commitment::{CertificateId, Commitment};
use tnlog::entry::{
    Action, Entry, KeyStatementEntry, Leaf, LeafReference, NumberEntry, RegistrationEntry, Verb,
};
use tnlog::label::Label;
use tnlog::number::Number;
use tnlog::sct::log_id;
use tnlog::statement::signed_bytes;
use tnlog::synthetic::{KeyPair, der};

use crate::case::hex;
use crate::world::{START, label_key, sct_key};

pub const DAY: i64 = 86_400;
pub const RS: &str = "rs.example.com";
pub const SERVICE: &str = "messages.example.com";

pub fn id() -> [u8; 32] {
    log_id(sct_key().spki())
}

pub fn number() -> Number {
    Number::new("17035550123").expect("a number")
}

pub fn label() -> Label {
    label_key().label(&number())
}

/// A label of another number.
pub fn other_label() -> Label {
    Label::new([1; 32])
}

/// A credential of [`number`] that is valid for 100 days from the start.
pub fn credential(key: &KeyPair, id: u8) -> NumberEntry {
    NumberEntry {
        labels: vec![label()],
        issuer_key_hash: [0x11; 32],
        certificate_id: CertificateId([id; 16]),
        not_before: START as i64,
        not_after: START as i64 + 100 * DAY,
        subject_key: key.spki().to_vec(),
        is_ca: false,
        is_precertificate: false,
        calling_codes: vec![1],
        commitment: Commitment([id; 32]),
    }
}

/// A leaf so many seconds after the start.
pub fn leaf(index: u64, seconds: i64, entry: Entry) -> Leaf {
    Leaf { timestamp: 1000 * (START as i64 + seconds) as u64, entry, index }
}

/// A registration from `first` to `last`, both in seconds after the start.
pub fn registered(credential: u64, first: i64, last: i64, replaces: Option<u64>) -> RegistrationEntry {
    RegistrationEntry {
        label: label(),
        credential,
        not_before: START as i64 + first,
        not_after: START as i64 + last,
        action: Action::Register,
        commitment: Commitment([0x33; 32]),
        replaces,
    }
}

pub fn reference(leaf: &Leaf) -> LeafReference {
    LeafReference { index: leaf.index, hash: leaf.hash().expect("a small leaf") }
}

/// What the key says of two leaves, whatever they are.
pub fn said(key: &KeyPair, verb: Verb, old: &Leaf, new: &Leaf) -> KeyStatementEntry {
    let labels = old.entry.number_labels().iter().filter(|label| new.entry.number_labels().contains(label));
    let labels = labels.copied().collect();
    let (old, new) = (reference(old), reference(new));
    let signature = key.sign(&signed_bytes(&id(), verb, &old, &new));
    KeyStatementEntry { labels, verb, old, new, signature }
}

/// The issuer key hash of what this key issues.
pub fn key_hash(key: &KeyPair) -> [u8; 32] {
    Sha256::digest(key.spki()).into()
}

pub fn bytes(leaf: &Leaf) -> String {
    hex(&leaf.encode().expect("a small leaf"))
}

pub fn leaves(leaves: &[Leaf]) -> Value {
    leaves.iter().map(bytes).collect()
}

/// The SPKI of P-256 keys that a lax verifier may take: name, what is odd, the bytes.
pub fn odd_keys(key: &KeyPair) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let spki = key.spki();
    let (head, point) = spki.split_at(spki.len() - 65);
    let mut other_curve = spki.to_vec();
    other_curve[22] ^= 1;
    let algorithm = &head[2..head.len() - 3];
    let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
    let compressed = der::sequence(&[algorithm.to_vec(), der::bit_string(0, &compressed)]);
    let ed25519 = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &[1; 32]].concat();
    vec![
        ("key-compressed", "a compressed point", compressed),
        ("key-curve", "another curve", other_curve),
        ("key-ed25519", "an Ed25519 key", ed25519),
        ("key-trailing", "a byte behind the SPKI", [spki, &[0]].concat()),
        ("key-empty", "no bytes", vec![]),
    ]
}

/// The SPKI with a point that is not on the curve.
pub fn off_curve(key: &KeyPair) -> Vec<u8> {
    let mut spki = key.spki().to_vec();
    *spki.last_mut().expect("a key") ^= 1;
    spki
}
