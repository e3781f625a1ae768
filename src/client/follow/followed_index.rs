//! The number index of a log that is followed: advanced by the follower, asked by who answers look-ups.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::client::answer::{AnswerError, Answered, Question, answer};
use crate::client::index_store::DiskStore;
use crate::index::{Index, IndexHead};
use crate::merkle::Hash;

/// The number index, and the head that look-ups are answered in.
#[derive(Default)]
pub struct FollowedIndex {
    state: RwLock<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) index: Option<Index<DiskStore>>,
    pub(super) shown: Option<Arc<ShownHead>>,
    /// Sizes and roots of the index log whose heads were all recomputed, the last ones.
    roots: VecDeque<(u64, Hash)>,
}

/// The most roots of the index log that are remembered: half an hour of one that is never idle.
pub(super) const MAX_ROOTS: usize = 4096;

/// A head that was recomputed, as have been all before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownHead {
    /// The head.
    pub head: IndexHead,
    /// The signed checkpoint of the index log whose last entry it is.
    pub note: String,
    /// How many heads that has.
    pub heads: u64,
}

impl FollowedIndex {
    /// The head that look-ups are answered in; none before there is one.
    pub fn shown(&self) -> Option<Arc<ShownHead>> {
        self.read().shown.clone()
    }

    /// Answers a look-up; none before there is a head to answer in.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn answer(
        &self,
        question: &Question,
    ) -> Result<Option<(Arc<ShownHead>, Answered)>, AnswerError<fjall::Error>> {
        let state = self.read();
        let (Some(shown), Some(index)) = (&state.shown, &state.index) else { return Ok(None) };
        let Some(view) = index.at(shown.head.size) else { return Ok(None) };
        Ok(Some((shown.clone(), answer(&view, question)?)))
    }

    /// The root of the index log when it had so many heads, if all of these were recomputed and they are among the last
    /// some thousand.
    pub fn root_of(&self, heads: u64) -> Option<Hash> {
        let state = self.read();
        state.roots.iter().rev().find(|(size, _)| *size == heads).map(|(_, root)| *root)
    }

    pub(super) fn recomputed(&self, heads: u64, root: Hash) {
        let roots = &mut self.write().roots;
        roots.push_back((heads, root));
        if roots.len() > MAX_ROOTS {
            roots.pop_front();
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
