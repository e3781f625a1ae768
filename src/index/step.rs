//! From one head of an index log to what the next must be, to who has neither index nor log.
//!
//! A [`Step`] brings the leaves between both, and of the index before them the little that they change. Whoever hashes it sees which
//! head follows. When the index log has signed another, one of its two heads is false. `docs/formats.md` §22.4.

use std::fmt;

use super::engine::IndexError;
use super::head::IndexHead;
use super::labels::labels_of_bytes;
use super::list::{ListCommitment, Subtrees, item_hash};
use super::pruned::Pruned;
use super::query::{MAX_PREFIXES, NotProved, Query};
use super::store::IndexStore;
use super::view::View;
use crate::label::Label;
use crate::merkle::Hash;

/// The most labels that a step is made for: its proofs are some 1 KiB for each in an index of ten million.
pub const MAX_STEP: usize = 8192;

/// The most bytes of leaves in a step.
pub const MAX_STEP_BYTES: usize = 8 << 20;

/// What leads from a head to the next one. `Debug` shows its size alone: it holds leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// The hashes of the complete subtrees of the entry log at the size of the head before, left to right.
    pub before: Vec<Hash>,
    /// The leaves of the entry log from there on.
    pub leaves: Vec<Vec<u8>>,
    /// The proofs of the labels of these leaves in the index of the head before: 16 labels at a time, in byte order.
    pub proofs: Vec<Vec<u8>>,
    /// For each label in byte order the hashes of the complete subtrees of its list before; none for one that is new.
    pub lists: Vec<Vec<Hash>>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step({} leaves)", self.leaves.len())
    }
}

/// What leaves say: each label, in byte order, with the indexes of those that carry it.
fn carried(first: u64, leaves: &[Vec<u8>]) -> Vec<(Label, Vec<u64>)> {
    let of_leaf = |(index, leaf): (u64, &Vec<u8>)| labels_of_bytes(leaf).into_iter().map(move |l| (l, index));
    let mut all: Vec<(Label, u64)> = (first..).zip(leaves).flat_map(of_leaf).collect();
    all.sort_unstable();
    all.dedup();
    let items = |group: &[(Label, u64)]| (group[0].0, group.iter().map(|(_, index)| *index).collect());
    all.chunk_by(|a, b| a.0 == b.0).map(items).collect()
}

/// The queries of labels, 16 at a time.
fn queries<T>(carried: &[(Label, T)]) -> impl Iterator<Item = Query> {
    carried.chunks(MAX_PREFIXES).map(|chunk| {
        let labels: Vec<Label> = chunk.iter().map(|(label, _)| *label).collect();
        Query::labels(&labels).expect("there are 1 to 16")
    })
}

impl Step {
    /// From the state of `view`, by the leaves that follow it; `before` as in the field. Reads one bucket for each label. None when
    /// they carry more than [`MAX_STEP`] labels.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] and the store's.
    pub fn new<S: IndexStore>(
        view: &View<'_, S>,
        before: Vec<Hash>,
        leaves: Vec<Vec<u8>>,
    ) -> Result<Option<Self>, IndexError<S::Error>> {
        let carried = carried(view.size(), &leaves);
        if carried.len() > MAX_STEP {
            return Ok(None);
        }
        let proofs = queries(&carried).map(|query| view.prove(&query, MAX_PREFIXES));
        let proofs = proofs.collect::<Result<_, _>>()?;
        let list = |(label, _): &(Label, Vec<u64>)| Ok(view.page(label, view.list(label)?.count, 0)?.before);
        let lists = carried.iter().map(list).collect::<Result<_, IndexError<S::Error>>>()?;
        Ok(Some(Step { before, leaves, proofs, lists }))
    }

    /// The head that follows `head`, which is believed. Two hashes for each leaf, and some 50 for each label.
    ///
    /// # Errors
    /// [`NotProved`] when this does not belong to `head`, or is larger than a step may be.
    pub fn follows(&self, head: &IndexHead) -> Result<IndexHead, NotProved> {
        let bytes: usize = self.leaves.iter().map(Vec::len).sum();
        if bytes > MAX_STEP_BYTES || self.leaves.iter().any(Vec::is_empty) {
            return Err(NotProved);
        }
        let mut log = Subtrees::new(head.size, &self.before).ok_or(NotProved)?;
        if log.commitment().root != head.root {
            return Err(NotProved);
        }
        self.leaves.iter().for_each(|leaf| log.push(Hash::of_leaf(leaf)));
        let carried = carried(head.size, &self.leaves);
        if carried.len() != self.lists.len() || carried.len() > MAX_STEP {
            return Err(NotProved);
        }
        let (mut tree, mut labels) = (self.shown(&carried, head)?, head.labels);
        for ((label, items), list) in carried.iter().zip(&self.lists) {
            let before = tree.list(label)?;
            let mut after = Subtrees::new(before.count, list).ok_or(NotProved)?;
            if after.commitment() != before {
                return Err(NotProved);
            }
            items.iter().for_each(|item| after.push(item_hash(*item)));
            labels = labels.checked_add(u64::from(before == ListCommitment::NONE)).ok_or(NotProved)?;
            tree = tree.with(label, after.commitment())?;
        }
        let size = log.count();
        Ok(IndexHead { size, root: log.commitment().root, index_root: tree.hash(), labels })
    }

    /// The part of the index before that the proofs show.
    fn shown(&self, carried: &[(Label, Vec<u64>)], head: &IndexHead) -> Result<Pruned, NotProved> {
        let mut tree = Pruned::of(head.index_root);
        let mut proofs = self.proofs.iter();
        for query in queries(carried) {
            let proof = proofs.next().ok_or(NotProved)?;
            tree = tree.merge(Pruned::read(&query, proof, &head.index_root)?);
        }
        if proofs.next().is_some() { Err(NotProved) } else { Ok(tree) }
    }
}
