//! Which head look-ups are answered in, and which states of the index are kept for it.
//!
//! Without verifiers it is the newest head. With them it is the last one of the newest checkpoint that their quorum has
//! cosigned. The index goes on meanwhile: the states after that head stay staged in memory, since any of them may be cosigned
//! next, and are written into the store when look-ups have left them behind. Verifiers that are away do not fill the memory:
//! beyond a bound the oldest states are written all the same, and look-ups wait for a cosigned head among those kept.

use std::sync::Arc;

use super::driver::DriveError;
use super::ended::Over;
use super::{NumberIndex, Shown, State};
use crate::index::{Index, IndexError, IndexHead, IndexStore};
use crate::server::sequencer::Published;
use crate::server::witness::Cosigned;

/// The most states that wait for a quorum: a minute of a log that is never idle. Each look-up goes through all of them.
const MAX_STAGED: usize = 128;
/// The most bytes that they are going to write.
const MAX_STAGED_BYTES: usize = 64 << 20;

type Failed = IndexError<fjall::Error>;

impl NumberIndex {
    /// Where catching up must stop on its way, so that look-ups can be answered there: at the head that is cosigned.
    pub(super) fn stop(&self) -> Result<Option<u64>, DriveError> {
        let Some(cosigned) = self.cosigned() else { return Ok(None) };
        Ok(self.head_of(&cosigned)?.map(|(head, _)| head.size))
    }

    /// The last head of a cosigned checkpoint, and its index.
    fn head_of(&self, cosigned: &Cosigned) -> Result<Option<(IndexHead, u64)>, DriveError> {
        let size = cosigned.tree.size;
        let Some(position) = size.checked_sub(1) else { return Ok(None) };
        let leaf = self.reader.leaf(position, size)?;
        let wrong = |_| self.contradiction(position, &leaf, None);
        Ok(Some((IndexHead::decode(&leaf).map_err(wrong)?, position)))
    }

    /// The end of this index log by one of its entries.
    pub(super) fn contradiction(
        &self,
        position: u64,
        signed: &[u8],
        computed: Option<&IndexHead>,
    ) -> DriveError {
        DriveError::Contradiction(Box::new(Over::new(self.key.name(), position, signed, computed)))
    }

    /// Answers look-ups in what the quorum has cosigned, if that is new and the index has that state.
    pub(super) fn follow(&self) -> Result<(), DriveError> {
        let Some(cosigned) = self.cosigned() else { return Ok(()) };
        let is_shown = |state: &State| state.shown.is_some() && state.published.note == cosigned.note;
        if is_shown(&self.read()) {
            return Ok(());
        }
        let Some((head, position)) = self.head_of(&cosigned)? else { return Ok(()) };
        let state = &mut *self.write();
        let Some(index) = &mut state.index else { return Ok(()) };
        let Some(view) = index.at(head.size) else { return Ok(()) };
        if (view.root(), view.labels()) != (head.index_root, head.labels) {
            let computed = IndexHead { index_root: view.root(), labels: view.labels(), ..head };
            return Err(self.contradiction(position, &head.encode(), Some(&computed)));
        }
        index.settle(head.size)?;
        let Cosigned { note, tree, .. } = &*cosigned;
        state.published = Arc::new(Published { note: note.clone(), tree: *tree, time: 0 });
        state.shown = Some(Shown { head, position });
        Ok(())
    }

    /// Takes the head that the index log ends with, which the index has just reached or has just signed.
    pub(super) fn reached(&self, head: IndexHead, position: u64) -> Result<(), Failed> {
        let state = &mut *self.write();
        state.covered = head.size;
        let Some(index) = &mut state.index else { return Ok(()) };
        if self.cosigned.is_some() {
            return bound(index, &mut state.shown);
        }
        index.settle(head.size)?;
        state.published = self.published();
        state.shown = Some(Shown { head, position });
        Ok(())
    }

    /// Writes what was staged on the way to the last head, save what look-ups may still be answered in.
    pub(super) fn pass(&self, size: u64, stop: Option<u64>) -> Result<(), Failed> {
        let state = &mut *self.write();
        let Some(index) = &mut state.index else { return Ok(()) };
        index.settle(stop.map_or(size, |stop| size.min(stop)))?;
        bound(index, &mut state.shown)
    }
}

/// Writes the oldest states until no more are staged than may be. A head that is passed can no longer be shown.
fn bound<S: IndexStore>(index: &mut Index<S>, shown: &mut Option<Shown>) -> Result<(), IndexError<S::Error>> {
    while index.staged() > MAX_STAGED || index.staged_bytes() > MAX_STAGED_BYTES {
        let Some(oldest) = index.oldest_staged() else { return Ok(()) };
        index.settle(oldest)?;
    }
    *shown = shown.filter(|shown| index.at(shown.head.size).is_some());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{MemoryStore, Shape};
    use crate::label::Label;
    use crate::merkle::Hash;

    fn stage(index: &mut Index<MemoryStore>, size: u64, updates: Vec<(Label, u64)>) {
        let change = index.plan(updates, size).unwrap();
        index.stage(change).unwrap();
    }

    /// Fails without `bound`: verifiers that are away would fill the memory.
    #[test]
    fn so_many_states_wait_and_no_more() {
        let mut index = Index::open(MemoryStore::default(), Hash([1; 32]), Shape::STANDARD).unwrap();
        let head = |size| IndexHead { size, root: Hash([2; 32]), index_root: Hash([3; 32]), labels: 0 };
        index.advance(Vec::new(), 1).unwrap();
        let mut shown = Some(Shown { head: head(1), position: 0 });
        for size in 2..2 + MAX_STAGED as u64 {
            stage(&mut index, size, Vec::new());
            bound(&mut index, &mut shown).unwrap();
        }
        assert_eq!((index.staged(), shown.map(|shown| shown.head.size)), (MAX_STAGED, Some(1)));
        stage(&mut index, 1000, Vec::new());
        bound(&mut index, &mut shown).unwrap();
        assert_eq!((index.staged(), index.settled().size(), shown), (MAX_STAGED, 2, None));
        let mut shown = Some(Shown { head: head(1000), position: 9 });
        let labels = (0..8192u64).map(|n| (Label::new(Hash::of_leaf(&n.to_be_bytes()).0), 1000 + n));
        let labels: Vec<_> = labels.collect();
        for round in 0..200u64 {
            let moved = labels.iter().map(|(label, index)| (*label, index + 8192 * round)).collect();
            stage(&mut index, 1000 + 8192 * (round + 1), moved);
            bound(&mut index, &mut shown).unwrap();
            assert!(index.staged_bytes() <= MAX_STAGED_BYTES);
            if shown.is_none() {
                return;
            }
        }
        panic!("{} bytes are staged", index.staged_bytes());
    }
}
