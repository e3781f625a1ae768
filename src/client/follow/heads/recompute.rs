//! Recomputing heads, one by one, and what the index log serves of them.

use bytes::Bytes;

use super::Heads;
use super::cursor::{Cursor, Kept};
use crate::bundle;
use crate::client::follow::finding::{FalseHead, Finding, FollowError};
use crate::client::follow::followed_index::MAX_ROOTS;
use crate::client::follow::hand::Hand;
use crate::client::follow::{Object, Recent, Sink};
use crate::client::index_check::{IndexFault, IndexedLeaf};
use crate::client::read::{LogReader, Seen};
use crate::client::source::Source;
use crate::index::{IndexHead, MAX_STEP_BYTES, Step};
use crate::merkle::Hash;
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// Leaves that are indexed at once.
const BATCH: u64 = 1024;
/// The most states of the index that wait to be shown, and the most bytes that they are going to write.
const MAX_STAGED: usize = 64;
const MAX_STAGED_BYTES: usize = 64 << 20;
/// The most when none of them will be shown: what is staged is searched layer by layer.
const MAX_PASSED: usize = 4;

impl<S: Source + Clone> Heads<S> {
    pub(super) async fn recompute<K: Sink>(
        &mut self,
        cursor: &mut Cursor,
        entries: &LogReader<S>,
        checked: u64,
        recent: &Recent,
        hand: &mut Hand<K>,
    ) -> Result<(), FollowError> {
        let all = self.reader.seen().map_or(0, |seen| seen.checkpoint().size);
        while cursor.edge.size() < all {
            if cursor.upcoming.is_empty() {
                cursor.upcoming = self.reader.entries(cursor.edge.size()..all).await?.into();
            }
            let Some(leaf) = cursor.upcoming.front().cloned() else { return Ok(()) };
            let head = match cursor.recompute.head(&leaf) {
                Ok(head) => head,
                Err(fault) => return Err(self.false_head(cursor, fault, &leaf, entries).await?),
            };
            if head.size > checked {
                return Ok(());
            }
            self.index_to(cursor, head.size, entries, recent).await?;
            let compared =
                self.index.read().index.as_ref().map(|index| cursor.recompute.compare(index, &head));
            if let Some(Err(fault)) = compared {
                return Err(self.false_head(cursor, fault, &leaf, entries).await?);
            }
            self.take(cursor, head, leaf);
            self.bound(cursor, hand).await?;
        }
        Ok(())
    }

    async fn index_to(
        &self,
        cursor: &mut Cursor,
        size: u64,
        entries: &LogReader<S>,
        recent: &Recent,
    ) -> Result<(), FollowError> {
        while cursor.recompute.size() < size {
            let start = cursor.recompute.size();
            let end = size.min(start + BATCH);
            let fetched;
            let leaves = match recent.get(start, end) {
                Some(leaves) => leaves,
                None => {
                    let leaves = entries.entries(start..end).await?;
                    fetched = leaves.iter().map(|leaf| IndexedLeaf::of_bytes(leaf)).collect::<Vec<_>>();
                    &fetched
                }
            };
            let planned = {
                let state = self.index.read();
                let Some(index) = &state.index else { return Ok(()) };
                cursor.recompute.plan(index, leaves)?
            };
            if let Some(index) = &mut self.index.write().index {
                cursor.recompute.stage(index, planned)?;
            }
        }
        Ok(())
    }

    async fn false_head(
        &self,
        cursor: &Cursor,
        fault: IndexFault,
        leaf: &Bytes,
        entries: &LogReader<S>,
    ) -> Result<FollowError, FollowError> {
        let index = cursor.edge.size();
        let inclusion = self.reader.inclusion_proof(index).await?;
        let before = match cursor.kept.back() {
            Some(kept) => Some((kept.head, self.reader.inclusion_proof(index - 1).await?)),
            None => None,
        };
        let step = match fault {
            IndexFault::IndexRoot => {
                self.step(before.as_ref().map_or(0, |(head, _)| head.size), cursor, entries).await
            }
            _ => None,
        };
        let note = |seen: Option<&Seen>| seen.expect("heads are read below checkpoints").note.clone();
        let head = FalseHead {
            index,
            fault,
            leaf: leaf.to_vec(),
            inclusion,
            before,
            step,
            index_checkpoint: note(self.reader.seen()),
            checkpoint: note(entries.seen()),
        };
        Ok(Finding::FalseHead(Box::new(head)).into())
    }

    /// What leads from the head of `size` leaves to where the index is: none when it is too much, or cannot be read any more.
    async fn step(&self, size: u64, cursor: &Cursor, entries: &LogReader<S>) -> Option<Step> {
        let (before, end) = (entries.subtrees(size).await.ok()?, cursor.recompute.size());
        let (mut leaves, mut bytes) = (Vec::new(), 0);
        while size + (leaves.len() as u64) < end {
            let read = entries.entries(size + leaves.len() as u64..end).await.ok()?;
            bytes += read.iter().map(Bytes::len).sum::<usize>();
            if read.is_empty() || bytes > MAX_STEP_BYTES {
                return None;
            }
            leaves.extend(read.iter().map(|leaf| leaf.to_vec()));
        }
        let state = self.index.read();
        let view = state.index.as_ref()?.at(size)?;
        Step::new(&view, before, leaves).ok()?
    }

    /// Takes a head that was recomputed.
    fn take(&self, cursor: &mut Cursor, head: IndexHead, leaf: Bytes) {
        let tiles = cursor.edge.append(&[Hash::of_leaf(&leaf)]);
        let full = tiles.into_iter().filter(|(path, _)| !path.is_partial());
        cursor.objects.extend(full.map(|(path, bytes)| self.object(path, bytes.into())));
        cursor.bundle.push(leaf);
        cursor.upcoming.pop_front();
        let (heads, edge) = (cursor.edge.size(), cursor.edge.clone());
        let newest = self.reader.seen().map_or(0, |seen| seen.checkpoint().size);
        if heads.saturating_add(MAX_ROOTS as u64) > newest {
            self.index.recomputed(heads, edge.root());
        }
        cursor.kept.push_back(Kept { heads, head, edge, bundle: cursor.bundle.clone() });
        if cursor.bundle.len() == usize::from(FULL_WIDTH) {
            let objects = self.bundles(heads, &cursor.bundle);
            cursor.objects.extend(objects);
            cursor.bundle.clear();
        }
    }

    pub(super) fn object(&self, path: TilePath, bytes: Bytes) -> Object {
        (format!("{}{path}", self.prefix), bytes)
    }

    /// The last entry bundle of an index log of so many heads, and its side bundle, whose items are empty.
    pub(super) fn bundles(&self, heads: u64, leaves: &[Bytes]) -> Vec<Object> {
        let Some(last) = heads.checked_sub(1) else { return Vec::new() };
        let (index, width) = (last / u64::from(FULL_WIDTH), leaves.len() as u16);
        let mut entries = Vec::new();
        leaves.iter().for_each(|leaf| bundle::append(&mut entries, leaf).expect("a head is short"));
        let chains = vec![0; 2 * leaves.len()];
        let path = |kind| TilePath { kind, index, width };
        vec![self.object(path(Kind::Entries), entries.into()), self.object(path(Kind::Chains), chains.into())]
    }

    /// Writes states into the store when too many wait. Look-ups then wait for one that can be shown.
    async fn bound<K: Sink>(&self, cursor: &mut Cursor, hand: &mut Hand<K>) -> Result<(), FollowError> {
        let (staged, bytes) = match &self.index.read().index {
            Some(index) => (index.staged(), index.staged_bytes()),
            None => return Ok(()),
        };
        let most = if self.is_passing(cursor.edge.size()) { MAX_PASSED } else { MAX_STAGED };
        if staged <= most && bytes <= MAX_STAGED_BYTES {
            return Ok(());
        }
        let newest = cursor.kept.pop_back();
        cursor.kept = newest.into_iter().collect();
        self.hand_out(cursor, hand).await?;
        let state = &mut *self.index.write();
        let Some(index) = &mut state.index else { return Ok(()) };
        index.settle(cursor.recompute.size())?;
        state.shown = state.shown.take().filter(|shown| index.at(shown.head.size).is_some());
        Ok(())
    }

    /// Whether no state will be shown before more come than can wait.
    fn is_passing(&self, heads: u64) -> bool {
        let newest = self.reader.seen().map_or(0, |seen| seen.checkpoint().size);
        heads.saturating_add(MAX_STAGED as u64) < newest && self.notes.iter().all(|(size, _)| *size > heads)
    }

    pub(super) async fn hand_out<K: Sink>(
        &self,
        cursor: &mut Cursor,
        hand: &mut Hand<K>,
    ) -> Result<(), FollowError> {
        if !cursor.objects.is_empty() {
            hand.sink().await.take_heads(&cursor.objects).map_err(FollowError::Sink)?;
            cursor.objects.clear();
        }
        Ok(())
    }
}
