//! Buckets: the few labels below one position, stored as one value.
//!
//! ```text
//! bucket:  opaque hash[32]; Record records[...]
//! record:  opaque label[32]; uint8 n;
//!          n > 0: uint64 items[n]                                          // a short list
//!          n = 0: uint64 count; uint64 last; opaque subtrees[32][bits set in count]   // a long one, whose items are in tiles
//! ```
//!
//! This is a matter of the engine alone, and may change: the index is then built again.

use std::cell::OnceCell;

use super::list::{ListCommitment, Subtrees};
use super::node;
use super::prefix::Prefix;
use crate::label::Label;
use crate::merkle::Hash;
use crate::tls::{Reader, Write};

/// A label with its list.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub label: Label,
    list: List,
    /// The hash of both, once somebody wanted it: a list of ten items takes twenty hashes, and of a bucket that changes most stay.
    hash: OnceCell<Hash>,
}

/// The list of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// A short one: its items.
    Short(Vec<u64>),
    /// A long one: its edge and its last item; the items are in tiles.
    Long { subtrees: Subtrees, last: u64 },
}

impl List {
    pub fn commitment(&self) -> ListCommitment {
        match self {
            List::Short(items) => ListCommitment::of(items),
            List::Long { subtrees, .. } => subtrees.commitment(),
        }
    }

    /// Its last item; a list in the index has one.
    pub fn last(&self) -> u64 {
        match self {
            List::Short(items) => items.last().copied().unwrap_or_default(),
            List::Long { last, .. } => *last,
        }
    }
}

impl Record {
    pub fn new(label: Label, list: List) -> Self {
        Record { label, list, hash: OnceCell::new() }
    }

    pub fn list(&self) -> &List {
        &self.list
    }

    /// The list, to be changed.
    pub fn list_mut(&mut self) -> &mut List {
        self.hash.take();
        &mut self.list
    }

    fn hash(&self) -> Hash {
        *self.hash.get_or_init(|| node::of_label(&self.label, &self.list.commitment()))
    }
}

/// The node at the top of the subtree of some labels in order.
pub(super) enum Top<'a> {
    Label(&'a Record),
    /// The prefix that they share, and those on its left and its right.
    Inner(Prefix, &'a [Record], &'a [Record]),
}

/// The top of the subtree of `records`, which are in order and at least one.
pub(super) fn top(records: &[Record]) -> Top<'_> {
    match node::parted(records, |record| &record.label) {
        None => Top::Label(&records[0]),
        Some((prefix, place)) => {
            let (left, right) = records.split_at(place);
            Top::Inner(prefix, left, right)
        }
    }
}

/// The hash of the subtree of `records`, which are in order and at least one.
pub(super) fn hash(records: &[Record]) -> Hash {
    match top(records) {
        Top::Label(record) => record.hash(),
        Top::Inner(prefix, left, right) => node::of_inner(&prefix, &hash(left), &hash(right)),
    }
}

pub(super) fn encode(hash: &Hash, records: &[Record]) -> Vec<u8> {
    let mut bytes = hash.0.to_vec();
    for record in records {
        bytes.extend_from_slice(record.label.as_bytes());
        match record.list() {
            List::Short(items) => {
                bytes.put_uint(items.len() as u64, 1);
                items.iter().for_each(|item| bytes.put_uint(*item, 8));
            }
            List::Long { subtrees, last } => {
                bytes.put_uint(0, 1);
                bytes.put_uint(subtrees.count(), 8);
                bytes.put_uint(*last, 8);
                subtrees.hashes().iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
            }
        }
    }
    bytes
}

/// The hash that a bucket says it has; nothing here is believed.
pub(super) fn stored_hash(bytes: &[u8]) -> Option<Hash> {
    bytes.first_chunk().map(|hash| Hash(*hash))
}

/// The records of a bucket, if they are those with this hash.
pub(super) fn decode(bytes: &[u8], expected: &Hash) -> Option<Vec<Record>> {
    let mut reader = Reader::new(bytes.get(32..)?);
    let mut records = Vec::with_capacity(bytes.len() / 41);
    while !reader.is_empty() {
        records.push(decode_record(&mut reader)?);
    }
    let ordered = !records.is_empty() && records.is_sorted_by(|a, b| a.label < b.label);
    (ordered && hash(&records) == *expected).then_some(records)
}

fn decode_record(reader: &mut Reader<'_>) -> Option<Record> {
    let label = Label::new(reader.array().ok()?);
    let list = match reader.uint(1).ok()? {
        0 => {
            let (count, last) = (reader.uint(8).ok()?, reader.uint(8).ok()?);
            let hashes: Result<Vec<_>, _> =
                (0..count.count_ones()).map(|_| reader.array().map(Hash)).collect();
            List::Long { subtrees: Subtrees::new(count, &hashes.ok()?)?, last }
        }
        n => List::Short((0..n).map(|_| reader.uint(8)).collect::<Result<_, _>>().ok()?),
    };
    Some(Record::new(label, list))
}
