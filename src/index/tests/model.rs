//! The definition of `docs/formats.md`, written as plainly as it stands there, and small label spaces.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::index::{Index, MemoryStore, Prefix, Shape};
use crate::label::Label;
use crate::merkle::Hash;

/// From a label to its list.
pub type Model = BTreeMap<Label, Vec<u64>>;
pub type Updates = Vec<(Label, u64)>;

pub const LOG: Hash = Hash([9; 32]);

/// Shapes in which everything that is cut is cut soon.
pub const SHAPES: [Shape; 4] = [
    Shape { bucket: 1, short: 1, height: 1 },
    Shape { bucket: 2, short: 2, height: 2 },
    Shape { bucket: 3, short: 3, height: 2 },
    Shape::STANDARD,
];

/// Where the significant bits of a label stand: together, apart across bytes, and at the very end.
pub const PLACES: [[u16; 4]; 3] = [[0, 1, 2, 3], [0, 7, 8, 130], [5, 253, 254, 255]];

/// The label whose bits at `places` are those of `value`, and all others 0.
pub fn label(value: usize, places: &[u16]) -> Label {
    let mut bytes = [0; 32];
    for (i, place) in places.iter().enumerate() {
        if value >> (places.len() - 1 - i) & 1 == 1 {
            bytes[usize::from(place / 8)] |= 0x80 >> (place % 8);
        }
    }
    Label::new(bytes)
}

pub fn labels(places: &[u16]) -> Vec<Label> {
    (0..1 << places.len()).map(|value| label(value, places)).collect()
}

/// Every prefix at which the subtree of one of `labels` may begin or end.
pub fn prefixes(labels: &[Label], places: &[u16]) -> Vec<Prefix> {
    let lengths: Vec<u16> = places.iter().flat_map(|place| [*place, place + 1]).chain([0, 256]).collect();
    let cut =
        |label: &Label| lengths.iter().map(|length| Prefix::from(label).cut(*length)).collect::<Vec<_>>();
    let mut all: Vec<Prefix> = labels.iter().flat_map(cut).collect();
    all.sort();
    all.dedup();
    all
}

fn bit(label: &Label, number: usize) -> bool {
    label.as_bytes()[number / 8] & (0x80 >> (number % 8)) != 0
}

fn list_root(items: &[u64]) -> [u8; 32] {
    match items {
        [item] => Sha256::new_with_prefix([0]).chain_update(item.to_be_bytes()).finalize().into(),
        _ => {
            let (left, right) = items.split_at(items.len().next_power_of_two() / 2);
            let node = Sha256::new_with_prefix([1]).chain_update(list_root(left));
            node.chain_update(list_root(right)).finalize().into()
        }
    }
}

/// The root of the labels of `model`.
pub fn root(model: &Model) -> Hash {
    let entries: Vec<_> = model.iter().collect();
    Hash(if entries.is_empty() { Sha256::digest([2]).into() } else { node(&entries) })
}

fn node(entries: &[(&Label, &Vec<u64>)]) -> [u8; 32] {
    if let [(label, items)] = entries {
        let leaf = Sha256::new_with_prefix([3]).chain_update(label.as_bytes());
        let leaf = leaf.chain_update((items.len() as u64).to_be_bytes());
        return leaf.chain_update(list_root(items)).finalize().into();
    }
    let first = entries[0].0;
    let length =
        (0..256).find(|n| entries.iter().any(|(l, _)| bit(l, *n) != bit(first, *n))).expect("labels differ");
    let mut prefix = [0; 32];
    for number in (0..length).filter(|number| bit(first, *number)) {
        prefix[number / 8] |= 0x80 >> (number % 8);
    }
    let (right, left): (Vec<_>, Vec<_>) = entries.iter().partition(|(label, _)| bit(label, length));
    let inner = Sha256::new_with_prefix([4, length as u8]).chain_update(prefix);
    inner.chain_update(node(&left)).chain_update(node(&right)).finalize().into()
}

pub fn model(updates: &[(Label, u64)]) -> Model {
    let mut model = Model::new();
    let mut updates = updates.to_vec();
    updates.sort_by_key(|(_, index)| *index);
    updates.into_iter().for_each(|(label, index)| model.entry(label).or_default().push(index));
    model
}

/// The labels that are set in `subset`, the n-th with 1 + n % 3 leaves.
pub fn subset(labels: &[Label], subset: usize) -> Updates {
    let chosen = labels.iter().enumerate().filter(|(n, _)| subset >> n & 1 == 1);
    chosen
        .flat_map(|(n, label)| (0..=n as u64 % 3).map(move |turn| (*label, 100 * turn + n as u64)))
        .collect()
}

pub fn index(updates: &[(Label, u64)], shape: Shape) -> Index<MemoryStore> {
    let mut index = Index::open(MemoryStore::default(), LOG, shape).unwrap();
    index.advance(updates.to_vec(), 1000).unwrap();
    index
}

/// Numbers that look random, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}
