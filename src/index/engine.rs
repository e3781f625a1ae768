//! The engine: an index over a store.
//!
//! Small buckets of labels lie in the store; the tree above them is in memory, some 80 bytes for each bucket. A batch of
//! updates is first *planned*, which changes nothing and gives the new root; then *staged*, after which it can be looked
//! up; then *settled*: written at once, with the size of the log that it belongs to. Between staging and settling the
//! states before and after can both be proved in, so that look-ups follow the head that verifiers have cosigned while the
//! index goes on. After a crash the store is at some settled state, and the leaves after it are indexed again.

use std::collections::VecDeque;

use super::bucket;
use super::node;
use super::plan::{Change, Plan};
use super::prefix::Prefix;
use super::store::{BUCKETS, IndexStore, STATE, bucket_position};
use super::view::View;
use crate::label::Label;
use crate::merkle::{Hash, MAX_SIZE};
use crate::tls::{Reader, Write};

/// The first byte of the state; another one is a store of another version.
const VERSION: u8 = 1;

/// Why the index cannot do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum IndexError<E> {
    /// The store failed.
    #[error("the store of the number index failed: {0}")]
    Store(E),
    /// What the store holds is not what was written.
    #[error("the number index is damaged. It is derived: delete it, and it is built again")]
    Damaged,
    /// It belongs to another log, or was written by another version.
    #[error("the number index is of another log or version. It is derived: delete it, and it is built again")]
    Foreign,
    /// Updates that do not continue the index, or a change that was planned on another state.
    #[error("the updates do not continue the index, which is at {size} leaves")]
    Order {
        /// The size of the entry log that the index is at.
        size: u64,
    },
    /// The answer would show more labels than allowed.
    #[error("more than {0} labels are below what was asked for; ask for longer prefixes")]
    TooMany(usize),
    /// A page that begins beyond the end of the list.
    #[error("the list has {count} items, and the page begins at {first}")]
    BeyondEnd {
        /// Where the page begins.
        first: u64,
        /// How many items there are.
        count: u64,
    },
    /// 2^31 buckets.
    #[error("the number index is full")]
    Full,
}

/// How the engine cuts what it stores; no root depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The most labels of one bucket.
    pub(super) bucket: usize,
    /// The most items of a short list; at most 255.
    pub(super) short: usize,
    /// A tile of a long list holds 2^height.
    pub(super) height: u8,
}

impl Shape {
    /// Buckets of 16 labels, short lists of 16 items, tiles of 256.
    pub const STANDARD: Shape = Shape { bucket: 16, short: 16, height: 8 };
}

/// A node above the buckets, or a bucket: an index into one of two arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeRef(u32);

/// What a [`NodeRef`] refers to.
pub(super) enum Target {
    Inner(u32),
    Bucket(u32),
}

const BUCKET_BIT: u32 = 1 << 31;

impl NodeRef {
    pub fn inner(id: u32) -> Self {
        NodeRef(id)
    }

    pub fn bucket(id: u32) -> Self {
        NodeRef(id | BUCKET_BIT)
    }

    pub fn target(self) -> Target {
        if self.0 & BUCKET_BIT == 0 { Target::Inner(self.0) } else { Target::Bucket(self.0 & !BUCKET_BIT) }
    }
}

/// An inner node above the buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner {
    bits: [u8; 32],
    length: u8,
    pub children: [NodeRef; 2],
    pub hash: Hash,
}

impl Inner {
    pub fn new(prefix: &Prefix, children: [NodeRef; 2], hashes: [Hash; 2]) -> Self {
        let length = prefix.length() as u8;
        Inner {
            bits: *prefix.padded(),
            length,
            children,
            hash: node::of_inner(prefix, &hashes[0], &hashes[1]),
        }
    }

    pub fn prefix(&self) -> Prefix {
        let bytes = usize::from(self.length).div_ceil(8);
        Prefix::new(&self.bits[..bytes], self.length.into()).expect("it was made from a prefix")
    }
}

/// What the index is at a size of the entry log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub size: u64,
    pub labels: u64,
    pub root: Hash,
    pub top: Option<NodeRef>,
}

/// The tree above the buckets, as it is in the store.
pub(super) struct Settled {
    pub inner: Vec<Inner>,
    pub buckets: Vec<Hash>,
    pub state: State,
}

/// An index over a store.
pub struct Index<S> {
    pub(super) store: S,
    pub(super) shape: Shape,
    log: Hash,
    pub(super) settled: Settled,
    pub(super) staged: VecDeque<Change>,
}

impl<S: IndexStore> Index<S> {
    /// Opens the index in `store` of the log whose first leaf has the hash `log`; a new one if the store is empty. Reads
    /// every bucket: about a second for a million labels.
    ///
    /// # Errors
    /// [`IndexError::Foreign`] and [`IndexError::Damaged`], after which the store is to be emptied; the store's.
    pub fn open(store: S, log: Hash, shape: Shape) -> Result<Self, IndexError<S::Error>> {
        let state = match store.get(STATE).map_err(IndexError::Store)? {
            Some(bytes) => decode_state(&bytes, &log, &shape).ok_or(IndexError::Foreign)?,
            None => State { size: 0, labels: 0, root: node::EMPTY, top: None },
        };
        let mut buckets = Vec::new();
        let mut sound = true;
        let mut each = |key: &[u8], value: &[u8]| {
            let found = bucket_position(key).zip(bucket::stored_hash(value));
            sound = found.is_some();
            buckets.extend(found);
            sound
        };
        store.scan(BUCKETS, &mut each).map_err(IndexError::Store)?;
        let mut settled =
            Settled { inner: Vec::new(), buckets: buckets.iter().map(|(_, hash)| *hash).collect(), state };
        if !buckets.is_empty() {
            let (top, root) = build(&mut settled.inner, &buckets, 0).ok_or(IndexError::Damaged)?;
            settled.state.top = Some(top);
            sound &= root == state.root;
        } else {
            sound &= state.root == node::EMPTY;
        }
        if !sound {
            return Err(IndexError::Damaged);
        }
        Ok(Index { store, shape, log, settled, staged: VecDeque::new() })
    }

    /// The hash of the first leaf of the log that it is of.
    pub fn log(&self) -> Hash {
        self.log
    }

    /// The newest state, staged or settled.
    pub fn newest(&self) -> View<'_, S> {
        View::new(self, self.staged.len())
    }

    /// The state that the store has.
    pub fn settled(&self) -> View<'_, S> {
        View::new(self, 0)
    }

    /// The state at exactly this size of the entry log, if it is the settled one or a staged one.
    pub fn at(&self, size: u64) -> Option<View<'_, S>> {
        (0..=self.staged.len()).rev().map(|layers| View::new(self, layers)).find(|view| view.size() == size)
    }

    /// Works out what the leaves up to `size` change: the label and index of each leaf after the newest state, in any
    /// order, repetitions counting once. Changes nothing. About 30 us for each label.
    ///
    /// # Errors
    /// [`IndexError::Order`] when an index is not between the size of the newest state and `size`; [`IndexError::Full`]
    /// and [`IndexError::Damaged`]; the store's.
    pub fn plan(&self, mut updates: Vec<(Label, u64)>, size: u64) -> Result<Change, IndexError<S::Error>> {
        let before = self.newest().size();
        let within = |(_, index): &(Label, u64)| (before..size).contains(index);
        if size < before || size > MAX_SIZE || !updates.iter().all(within) {
            return Err(IndexError::Order { size: before });
        }
        updates.sort_unstable();
        updates.dedup();
        Plan::new(self.newest()).finish(&updates, size, |state| encode_state(state, &self.log, &self.shape))
    }

    /// Makes a planned change the newest state, in memory.
    ///
    /// # Errors
    /// [`IndexError::Order`] when it was planned on another state.
    pub fn stage(&mut self, change: Change) -> Result<(), IndexError<S::Error>> {
        if change.before != *self.newest().state() {
            return Err(IndexError::Order { size: self.newest().size() });
        }
        self.staged.push_back(change);
        Ok(())
    }

    /// Writes the staged changes up to `size`, each at once. Older states can no longer be proved in.
    ///
    /// # Errors
    /// The store's. What is not written stays staged, and it can be tried again.
    pub fn settle(&mut self, size: u64) -> Result<(), IndexError<S::Error>> {
        while let Some(change) = self.staged.front().filter(|change| change.state.size <= size) {
            self.store.write(&change.writes).map_err(IndexError::Store)?;
            let change = self.staged.pop_front().expect("there is a first one");
            change.settle(&mut self.settled);
        }
        Ok(())
    }

    /// Plans, stages and settles: for catching up and building again.
    ///
    /// # Errors
    /// Those of [`plan`](Index::plan) and [`settle`](Index::settle).
    pub fn advance(&mut self, updates: Vec<(Label, u64)>, size: u64) -> Result<(), IndexError<S::Error>> {
        let change = self.plan(updates, size)?;
        self.stage(change)?;
        self.settle(size)
    }

    /// How many changes are staged.
    pub fn staged(&self) -> usize {
        self.staged.len()
    }

    /// The size of the entry log after the oldest staged change.
    pub fn oldest_staged(&self) -> Option<u64> {
        self.staged.front().map(Change::size)
    }

    /// How many bytes all staged changes are going to write; in memory they take about twice that.
    pub fn staged_bytes(&self) -> usize {
        self.staged.iter().map(|change| change.bytes).sum()
    }
}

/// The tree over buckets in order, the first of which has the number `first`; `None` when one position covers another.
fn build(inner: &mut Vec<Inner>, buckets: &[(Prefix, Hash)], first: u32) -> Option<(NodeRef, Hash)> {
    let (start, end) = (&buckets[0].0, &buckets[buckets.len() - 1].0);
    if buckets.len() == 1 {
        return Some((NodeRef::bucket(first), buckets[0].1));
    }
    let shared = start.common(end);
    if shared >= start.length().min(end.length()) {
        return None;
    }
    let place = buckets.partition_point(|(position, _)| !position.bit(shared));
    if place == 0 || place == buckets.len() {
        return None;
    }
    let (left, right) = buckets.split_at(place);
    let left = build(inner, left, first)?;
    let right = build(inner, right, first + u32::try_from(place).ok()?)?;
    let id = u32::try_from(inner.len()).ok().filter(|id| id & BUCKET_BIT == 0)?;
    let node = Inner::new(&start.cut(shared), [left.0, right.0], [left.1, right.1]);
    inner.push(node);
    Some((NodeRef::inner(id), node.hash))
}

fn encode_state(state: &State, log: &Hash, shape: &Shape) -> Vec<u8> {
    let mut bytes = vec![VERSION, shape.bucket as u8, shape.short as u8, shape.height];
    bytes.extend_from_slice(&log.0);
    bytes.put_uint(state.size, 8);
    bytes.put_uint(state.labels, 8);
    bytes.extend_from_slice(&state.root.0);
    let check = Hash::of_leaf(&bytes);
    bytes.extend_from_slice(&check.0);
    bytes
}

fn decode_state(bytes: &[u8], log: &Hash, shape: &Shape) -> Option<State> {
    let (bytes, check) = bytes.split_last_chunk()?;
    let mut reader = Reader::new(bytes);
    let ours = [VERSION, shape.bucket as u8, shape.short as u8, shape.height];
    if reader.array().ok()? != ours || reader.array().ok()? != log.0 {
        return None;
    }
    let (size, labels) = (reader.uint(8).ok()?, reader.uint(8).ok()?);
    let root = Hash(reader.array().ok()?);
    reader.finish().ok()?;
    (Hash::of_leaf(bytes).0 == *check).then_some(State { size, labels, root, top: None })
}
