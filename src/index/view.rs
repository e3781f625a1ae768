//! A state of the index: looking up and proving.

use super::bucket::{self, Record, Top};
use super::engine::{Index, IndexError, Inner, NodeRef, Shape, State, Target};
use super::list::{ListCommitment, ListPage, MAX_PAGE};
use super::prefix::Prefix;
use super::query::{Asked, INNER, LABEL, NOTHING, Query, SAME};
use super::store::{IndexStore, bucket_key};
use super::tiles::Stored;
use crate::label::Label;
use crate::merkle::{Hash, HashReader, ProveError, prove_consistency, root_nodes};
use crate::tls::Write;

/// The index as it is after some of the staged changes.
pub struct View<'a, S> {
    index: &'a Index<S>,
    layers: usize,
}

impl<'a, S: IndexStore> View<'a, S> {
    pub(super) fn new(index: &'a Index<S>, layers: usize) -> Self {
        View { index, layers }
    }

    /// The size of the entry log whose leaves are indexed.
    pub fn size(&self) -> u64 {
        self.state().size
    }

    /// The root of the index.
    pub fn root(&self) -> Hash {
        self.state().root
    }

    /// How many labels there are.
    pub fn labels(&self) -> u64 {
        self.state().labels
    }

    /// The list of a label; [`ListCommitment::NONE`] when no leaf carries it. Reads one bucket.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] and the store's.
    pub fn list(&self, label: &Label) -> Result<ListCommitment, IndexError<S::Error>> {
        Ok(self.record(label)?.map_or(ListCommitment::NONE, |record| record.list().commitment()))
    }

    /// The proof of `query` in this state, of at most `most` labels. Reads one bucket for each label that was asked for,
    /// and all below a prefix.
    ///
    /// # Errors
    /// [`IndexError::TooMany`], [`IndexError::Damaged`] and the store's.
    pub fn prove(&self, query: &Query, most: usize) -> Result<Vec<u8>, IndexError<S::Error>> {
        self.prove_difference(query, 0, most)
    }

    /// The proof of what changed in the answer to `query` since the entry log had the size `since`, of at most `most`
    /// labels that are told. Costs as much as the whole proof.
    ///
    /// # Errors
    /// Those of [`prove`](View::prove).
    pub fn prove_difference(
        &self,
        query: &Query,
        since: u64,
        most: usize,
    ) -> Result<Vec<u8>, IndexError<S::Error>> {
        let mut proof = Proof { view: self, query, since, most, labels: 0, bytes: Vec::new() };
        match self.state().top {
            None => proof.bytes.push(NOTHING),
            Some(top) => {
                proof.node(top, &Prefix::EMPTY, query.all())?;
            }
        }
        Ok(proof.bytes)
    }

    /// At most `most` items of the list of a label, from the place `first` on, with their proof.
    ///
    /// # Errors
    /// [`IndexError::BeyondEnd`], [`IndexError::Damaged`] and the store's.
    pub fn page(&self, label: &Label, first: u64, most: usize) -> Result<ListPage, IndexError<S::Error>> {
        let record = self.record(label)?;
        let count = record.as_ref().map_or(0, |record| record.list().commitment().count);
        if first > count {
            return Err(IndexError::BeyondEnd { first, count });
        }
        let Some(record) = record else { return Ok(ListPage::default()) };
        let stored = Stored { view: self, record: &record };
        let end = count.min(first.saturating_add(most.min(MAX_PAGE) as u64));
        Ok(ListPage {
            first,
            items: stored.items(first, end)?,
            before: stored.read(&root_nodes(first))?,
            after: prove_consistency(&stored, end, count).map_err(|error| match error {
                ProveError::Read(error) => error,
                ProveError::Range(_) | ProveError::Count { .. } => IndexError::Damaged,
            })?,
        })
    }

    fn record(&self, label: &Label) -> Result<Option<Record>, IndexError<S::Error>> {
        let wanted = Prefix::from(label);
        let mut position = Prefix::EMPTY;
        let Some(mut node) = self.state().top else { return Ok(None) };
        loop {
            match node.target() {
                Target::Bucket(id) => {
                    let records = self.records(&position, &self.bucket_hash(id))?;
                    return Ok(records.into_iter().find(|record| record.label == *label));
                }
                Target::Inner(id) => {
                    let inner = self.inner(id);
                    let prefix = inner.prefix();
                    if !prefix.covers(&wanted) {
                        return Ok(None);
                    }
                    let side = wanted.bit(prefix.length());
                    node = inner.children[usize::from(side)];
                    position = prefix.child(side);
                }
            }
        }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.index.shape
    }

    pub(super) fn state(&self) -> &'a State {
        match self.layers.checked_sub(1) {
            Some(last) => &self.index.staged[last].state,
            None => &self.index.settled.state,
        }
    }

    /// How many inner nodes and buckets there are.
    pub(super) fn counts(&self) -> (u32, u32) {
        let settled = &self.index.settled;
        match self.layers.checked_sub(1) {
            Some(last) => self.index.staged[last].counts,
            None => (settled.inner.len() as u32, settled.buckets.len() as u32),
        }
    }

    pub(super) fn inner(&self, id: u32) -> &'a Inner {
        let changed = self.changes().find_map(|change| change.inner.get(&id));
        changed.unwrap_or_else(|| &self.index.settled.inner[id as usize])
    }

    pub(super) fn bucket_hash(&self, id: u32) -> Hash {
        let changed = self.changes().find_map(|change| change.buckets.get(&id));
        *changed.unwrap_or_else(|| &self.index.settled.buckets[id as usize])
    }

    pub(super) fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError<S::Error>> {
        match self.changes().find_map(|change| change.writes.get(key)) {
            Some(value) => Ok(value.clone()),
            None => self.index.store.get(key).map_err(IndexError::Store),
        }
    }

    pub(super) fn records(
        &self,
        position: &Prefix,
        hash: &Hash,
    ) -> Result<Vec<Record>, IndexError<S::Error>> {
        let bytes = self.value(&bucket_key(position))?;
        bytes.and_then(|bytes| bucket::decode(&bytes, hash)).ok_or(IndexError::Damaged)
    }

    /// The newest first.
    fn changes(&self) -> impl Iterator<Item = &'a super::plan::Change> {
        self.index.staged.range(..self.layers).rev()
    }

    fn hash(&self, node: NodeRef) -> Hash {
        match node.target() {
            Target::Inner(id) => self.inner(id).hash,
            Target::Bucket(id) => self.bucket_hash(id),
        }
    }
}

/// A proof while it is written.
struct Proof<'a, S> {
    view: &'a View<'a, S>,
    query: &'a Query,
    since: u64,
    most: usize,
    labels: usize,
    bytes: Vec<u8>,
}

impl<S: IndexStore> Proof<'_, S> {
    /// Writes a node; whether everything below was asked for and is as it was.
    fn node(&mut self, node: NodeRef, position: &Prefix, asked: Asked) -> Result<bool, IndexError<S::Error>> {
        let id = match node.target() {
            Target::Inner(id) => id,
            Target::Bucket(id) => {
                let records = self.view.records(position, &self.view.bucket_hash(id))?;
                return self.records(&records, asked);
            }
        };
        let inner = self.view.inner(id);
        let (prefix, start) = (inner.prefix(), self.bytes.len());
        let mut is_same = self.inner(&prefix);
        for (child, bit) in inner.children.into_iter().zip([false, true]) {
            let position = prefix.child(bit);
            match self.query.below(asked, &position) {
                0 => self.bytes.extend_from_slice(&self.view.hash(child).0),
                asked => is_same &= self.node(child, &position, asked)?,
            }
        }
        Ok(is_same && self.same(start, &inner.hash))
    }

    fn records(&mut self, records: &[Record], asked: Asked) -> Result<bool, IndexError<S::Error>> {
        let start = self.bytes.len();
        let (prefix, left, right) = match bucket::top(records) {
            Top::Label(record) => return self.label(record),
            Top::Inner(prefix, left, right) => (prefix, left, right),
        };
        let mut is_same = self.inner(&prefix);
        for (side, bit) in [(left, false), (right, true)] {
            match self.query.below(asked, &prefix.child(bit)) {
                0 => self.bytes.extend_from_slice(&bucket::hash(side).0),
                asked => is_same &= self.records(side, asked)?,
            }
        }
        Ok(is_same && self.same(start, &bucket::hash(records)))
    }

    fn label(&mut self, record: &Record) -> Result<bool, IndexError<S::Error>> {
        if record.list().last() < self.since && self.query.asks_for(&record.label) {
            let hash = bucket::hash(std::slice::from_ref(record));
            return Ok(self.same(self.bytes.len(), &hash));
        }
        self.labels += 1;
        if self.labels > self.most {
            return Err(IndexError::TooMany(self.most));
        }
        let list = record.list().commitment();
        self.bytes.push(LABEL);
        self.bytes.extend_from_slice(record.label.as_bytes());
        self.bytes.put_uint(list.count, 8);
        self.bytes.extend_from_slice(&list.root.0);
        Ok(false)
    }

    /// Puts the hash of a node in place of what was written of it.
    fn same(&mut self, start: usize, hash: &Hash) -> bool {
        self.bytes.truncate(start);
        self.bytes.push(SAME);
        self.bytes.extend_from_slice(&hash.0);
        true
    }

    /// Writes the head of an inner node; whether everything below is asked for.
    fn inner(&mut self, prefix: &Prefix) -> bool {
        self.bytes.extend([INNER, prefix.length() as u8]);
        self.bytes.extend_from_slice(prefix.bytes());
        self.query.asks_for_all(prefix)
    }
}
