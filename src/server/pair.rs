//! The pair that a look-up begins with: a checkpoint of the entry log, and a head of its index that covers it.

use std::sync::{Arc, MutexGuard, PoisonError};

use super::index::Shown;
use super::kept::Kept;
use super::log::Log;
use super::problem::Problem;
use super::sequencer::Published;
use super::staging::Tree;
use super::witness::Cosigned;
use crate::client::api::{Heads, ProvedHead};

impl Log {
    /// What a look-up begins with: the head that look-ups are answered in, and the newest checkpoint that a reader can
    /// believe and that the head covers.
    ///
    /// # Errors
    /// Those of [`NumberIndex::proved`](super::index::NumberIndex::proved); [`Problem::NotCosigned`] while no such checkpoint covers so little.
    pub fn heads(&self) -> Result<Heads, Problem> {
        let ((shown, published), checkpoint) = self.pair()?;
        let newest = self.index.published().tree.size;
        let inclusion = self.index.reader.inclusion(shown.position, published.tree.size, newest)?;
        let head = ProvedHead::new(&shown.head, shown.position, &inclusion);
        Ok(Heads { checkpoint, index_checkpoint: published.note.clone(), head })
    }

    /// The parts of [`heads`](Self::heads): the head with the checkpoint of the index log that it ends, and the checkpoint of
    /// the entry log.
    ///
    /// # Errors
    /// As [`heads`](Self::heads).
    pub fn pair(&self) -> Result<((Shown, Arc<Published>), String), Problem> {
        let (shown, published) = self.index.proved()?;
        let (checkpoint, _) = self.checkpoint_within(shown.head.size)?;
        Ok(((shown, published), checkpoint))
    }

    /// The newest checkpoint that a reader can believe and that a head of so many entries covers, with its tree.
    ///
    /// # Errors
    /// [`Problem::NotCosigned`].
    pub fn checkpoint_within(&self, size: u64) -> Result<(String, Tree), Problem> {
        let kept = self.keep();
        let (tree, note) = kept.within(size).ok_or_else(|| self.not_cosigned())?;
        Ok((note.clone(), *tree))
    }

    /// Remembers a checkpoint of before a restart, before any other one.
    pub fn remember(&self, cosigned: &Cosigned) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.add(cosigned.tree, &cosigned.note, 0);
    }

    /// Remembers the newest checkpoint that a reader can believe, for heads that cover it and not yet the next one.
    pub fn keep(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok((note, tree)) = self.provable(0) {
            kept.add(tree, &note, self.index.shown().map_or(0, |shown| shown.head.size));
        }
        kept
    }
}
