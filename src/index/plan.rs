//! Working out what a batch of updates changes, without changing anything.

use std::collections::HashMap;

use super::bucket::{self, List, Record, Top};
use super::engine::{IndexError, Inner, NodeRef, Settled, Shape, State, Target};
use super::list::Subtrees;
use super::prefix::Prefix;
use super::store::{Batch, IndexStore, STATE, bucket_key};
use super::view::View;
use crate::label::Label;
use crate::merkle::Hash;

/// What a batch changes: nodes in memory, and what is written to the store.
pub struct Change {
    pub(super) before: State,
    pub(super) state: State,
    pub(super) inner: HashMap<u32, Inner>,
    pub(super) buckets: HashMap<u32, Hash>,
    pub(super) writes: Batch,
    /// How many inner nodes and buckets there are after it.
    pub(super) counts: (u32, u32),
    /// The bytes of `writes`.
    pub(super) bytes: usize,
}

impl Change {
    /// The size of the entry log after it.
    pub fn size(&self) -> u64 {
        self.state.size
    }

    /// The root of the index after it.
    pub fn root(&self) -> Hash {
        self.state.root
    }

    /// How many labels the index has after it.
    pub fn labels(&self) -> u64 {
        self.state.labels
    }

    /// Puts it into the arrays.
    pub(super) fn settle(self, settled: &mut Settled) {
        place(&mut settled.inner, self.inner);
        place(&mut settled.buckets, self.buckets);
        settled.state = self.state;
    }
}

/// Replaces and appends; new ones have the numbers after those that are there.
fn place<T>(array: &mut Vec<T>, changed: HashMap<u32, T>) {
    let mut changed: Vec<_> = changed.into_iter().collect();
    changed.sort_unstable_by_key(|(id, _)| *id);
    for (id, value) in changed {
        match array.get_mut(id as usize) {
            Some(place) => *place = value,
            None => array.push(value),
        }
    }
}

type Updates<'u> = &'u [(Label, u64)];

/// A change while it is being worked out on a state.
pub(super) struct Plan<'a, S> {
    view: View<'a, S>,
    change: Change,
}

impl<'a, S: IndexStore> Plan<'a, S> {
    pub fn new(view: View<'a, S>) -> Self {
        let state = *view.state();
        let change = Change {
            before: state,
            state,
            inner: HashMap::new(),
            buckets: HashMap::new(),
            writes: Batch::new(),
            counts: view.counts(),
            bytes: 0,
        };
        Plan { view, change }
    }

    /// The change that `updates`, in order and each once, make.
    pub fn finish(
        mut self,
        updates: Updates<'_>,
        size: u64,
        encode: impl Fn(&State) -> Vec<u8>,
    ) -> Result<Change, IndexError<S::Error>> {
        if !updates.is_empty() {
            let top = self.update(self.change.state.top, &Prefix::EMPTY, updates)?;
            self.change.state.top = Some(top);
            self.change.state.root = self.hash(top);
        }
        self.change.state.size = size;
        let state = encode(&self.change.state);
        self.put(STATE.to_vec(), Some(state));
        let bytes =
            |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| key.len() + value.as_ref().map_or(0, Vec::len);
        self.change.bytes = self.change.writes.iter().map(bytes).sum();
        Ok(self.change)
    }

    pub fn shape(&self) -> &Shape {
        self.view.shape()
    }

    pub fn value(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexError<S::Error>> {
        match self.change.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.view.value(key),
        }
    }

    pub fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.change.writes.insert(key, value);
    }

    fn hash(&self, node: NodeRef) -> Hash {
        match node.target() {
            Target::Inner(id) => self.inner(id).hash,
            Target::Bucket(id) => self.bucket_hash(id),
        }
    }

    fn inner(&self, id: u32) -> Inner {
        self.change.inner.get(&id).copied().unwrap_or_else(|| *self.view.inner(id))
    }

    fn bucket_hash(&self, id: u32) -> Hash {
        self.change.buckets.get(&id).copied().unwrap_or_else(|| self.view.bucket_hash(id))
    }

    /// The node at `position` after `updates`, of which there is at least one and which are all below it.
    fn update(
        &mut self,
        node: Option<NodeRef>,
        position: &Prefix,
        updates: Updates<'_>,
    ) -> Result<NodeRef, IndexError<S::Error>> {
        match node.map(NodeRef::target) {
            None => {
                let records = self.merge(Vec::new(), updates)?;
                self.fill(None, position, &records)
            }
            Some(Target::Bucket(id)) => {
                let records = self.view.records(position, &self.bucket_hash(id))?;
                let records = self.merge(records, updates)?;
                self.fill(Some(id), position, &records)
            }
            Some(Target::Inner(id)) => self.update_inner(id, updates),
        }
    }

    fn update_inner(&mut self, id: u32, updates: Updates<'_>) -> Result<NodeRef, IndexError<S::Error>> {
        let old = self.inner(id);
        let prefix = old.prefix();
        // Of labels in order, the first or the last has the fewest bits in common with any prefix.
        let shared = [updates.first(), updates.last()].into_iter().flatten();
        let shared = shared.map(|(label, _)| prefix.common(&Prefix::from(label))).min().unwrap_or(0);
        let (at, children) = if shared == prefix.length() {
            (prefix, old.children.map(Some))
        } else if prefix.bit(shared) {
            (prefix.cut(shared), [None, Some(NodeRef::inner(id))])
        } else {
            (prefix.cut(shared), [Some(NodeRef::inner(id)), None])
        };
        let id = if at == prefix { id } else { self.new_inner()? };
        let (left, right) = updates.split_at(right_of(updates, shared));
        let left = self.child(children[0], &at.child(false), left)?;
        let right = self.child(children[1], &at.child(true), right)?;
        Ok(self.set_inner(id, &at, [left, right]))
    }

    fn child(
        &mut self,
        node: Option<NodeRef>,
        position: &Prefix,
        updates: Updates<'_>,
    ) -> Result<NodeRef, IndexError<S::Error>> {
        match node {
            Some(node) if updates.is_empty() => Ok(node),
            _ => self.update(node, position, updates),
        }
    }

    /// Puts records into the bucket `id` at `position`, or a new one; into several when they are too many.
    fn fill(
        &mut self,
        id: Option<u32>,
        position: &Prefix,
        records: &[Record],
    ) -> Result<NodeRef, IndexError<S::Error>> {
        match bucket::top(records) {
            Top::Inner(prefix, left, right) if records.len() > self.shape().bucket => {
                if id.is_some() {
                    self.put(bucket_key(position), None);
                }
                let left = self.fill(id, &prefix.child(false), left)?;
                let right = self.fill(None, &prefix.child(true), right)?;
                let id = self.new_inner()?;
                Ok(self.set_inner(id, &prefix, [left, right]))
            }
            _ => {
                let id = id.map_or_else(|| self.new_bucket(), Ok)?;
                let hash = bucket::hash(records);
                self.put(bucket_key(position), Some(bucket::encode(&hash, records)));
                self.change.buckets.insert(id, hash);
                Ok(NodeRef::bucket(id))
            }
        }
    }

    /// Adds the items of `updates` to `records`; both are in order.
    fn merge(
        &mut self,
        records: Vec<Record>,
        updates: Updates<'_>,
    ) -> Result<Vec<Record>, IndexError<S::Error>> {
        let mut merged = Vec::with_capacity(records.len() + updates.len());
        let mut records = records.into_iter().peekable();
        for group in updates.chunk_by(|a, b| a.0 == b.0) {
            let label = group[0].0;
            while let Some(record) = records.next_if(|record| record.label < label) {
                merged.push(record);
            }
            let record = records.next_if(|record| record.label == label);
            self.change.state.labels += u64::from(record.is_none());
            let mut record = record.unwrap_or(Record::new(label, List::Short(Vec::new())));
            let items: Vec<u64> = group.iter().map(|(_, index)| *index).collect();
            self.append(&mut record, &items)?;
            merged.push(record);
        }
        merged.extend(records);
        Ok(merged)
    }

    fn append(&mut self, record: &mut Record, items: &[u64]) -> Result<(), IndexError<S::Error>> {
        let label = &record.label.clone();
        let list = record.list_mut();
        match list {
            List::Short(short) => {
                short.extend_from_slice(items);
                if short.len() > self.shape().short {
                    let mut subtrees = Subtrees::default();
                    self.append_to_tiles(label, &mut subtrees, short)?;
                    let last = short.last().copied().unwrap_or_default();
                    *list = List::Long { subtrees, last };
                }
                Ok(())
            }
            List::Long { subtrees, last } => {
                *last = items.last().copied().unwrap_or(*last);
                self.append_to_tiles(label, subtrees, items)
            }
        }
    }

    fn set_inner(&mut self, id: u32, prefix: &Prefix, children: [NodeRef; 2]) -> NodeRef {
        let hashes = children.map(|child| self.hash(child));
        self.change.inner.insert(id, Inner::new(prefix, children, hashes));
        NodeRef::inner(id)
    }

    fn new_inner(&mut self) -> Result<u32, IndexError<S::Error>> {
        next(&mut self.change.counts.0)
    }

    fn new_bucket(&mut self) -> Result<u32, IndexError<S::Error>> {
        next(&mut self.change.counts.1)
    }
}

fn next<E>(count: &mut u32) -> Result<u32, IndexError<E>> {
    let id = *count;
    *count = id.checked_add(1).filter(|count| *count < 1 << 31).ok_or(IndexError::Full)?;
    Ok(id)
}

/// Where in `updates` the labels begin whose bit `number` is 1.
fn right_of(updates: Updates<'_>, number: u16) -> usize {
    updates.partition_point(|(label, _)| !Prefix::from(label).bit(number))
}
