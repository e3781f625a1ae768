//! Settling: making applied rounds durable in their final place, off the path to the answer.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{SequencerError, Stores, apply, read_staged};
use crate::server::plan::{Object, Place};
use crate::server::staging::{Staging, Tree};
use crate::tile::TilePath;

/// A round whose objects are stored and may not be durable yet.
pub(super) struct Applied {
    /// What it leads to.
    tree: Tree,
    objects: Vec<(Place, String)>,
    /// Making it durable has failed.
    failed: bool,
}

impl Applied {
    pub(super) fn of(staging: &Staging) -> Self {
        let objects =
            staging.objects.iter().map(|Object { place, name, .. }| (*place, name.clone())).collect();
        Applied { tree: staging.new, objects, failed: false }
    }

    /// Tiles and bundles that became full: their partial forms may go.
    fn filled(&self) -> impl Iterator<Item = TilePath> {
        self.objects
            .iter()
            .filter_map(|(_, name)| name.parse().ok())
            .filter(|tile: &TilePath| !tile.is_partial())
    }
}

/// Makes applied rounds durable, off the path to the answer.
#[derive(Clone)]
pub struct Settler {
    stores: Stores,
    waiting: Arc<Mutex<Vec<Applied>>>,
    /// Held while rounds are settled, so that recovery never reads a staging object that is being dropped.
    busy: Arc<Mutex<()>>,
}

impl Settler {
    pub(super) fn new(stores: Stores) -> Self {
        Settler { stores, waiting: Arc::default(), busy: Arc::default() }
    }

    /// The rounds that are not settled yet.
    pub(super) fn waiting(&self) -> MutexGuard<'_, Vec<Applied>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held by who must not meet a round that is being settled.
    pub(super) fn busy(&self) -> MutexGuard<'_, ()> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Syncs the objects of every applied round, deletes the partial tiles that full ones replaced, and drops the staging
    /// objects. Costs an fsync for each object.
    ///
    /// # Errors
    /// [`SequencerError`]; the rounds stay staged, and the next call tries again.
    pub fn settle(&self) -> Result<(), SequencerError> {
        let _busy = self.busy();
        let mut rounds = std::mem::take(&mut *self.waiting());
        let fail = |error| SequencerError::Store("make rounds durable", error);
        let result = self.apply_failed(&mut rounds).and_then(|()| self.settle_rounds(&rounds).map_err(fail));
        if result.is_err() {
            rounds.iter_mut().for_each(|round| round.failed = true);
            let mut waiting = self.waiting();
            rounds.append(&mut waiting);
            *waiting = rounds;
        }
        result
    }

    /// Stores again what could not be made durable, since a disk reports lost bytes only once: a second sync of the same
    /// file succeeds and they are still lost. A round whose staging object is gone had been made durable before.
    fn apply_failed(&self, rounds: &mut Vec<Applied>) -> Result<(), SequencerError> {
        let mut settled = Vec::new();
        for Applied { tree, .. } in rounds.iter().filter(|round| round.failed) {
            match read_staged(&self.stores, tree)? {
                Some(staging) => apply(&self.stores, &staging)?,
                None => settled.push(*tree),
            }
        }
        rounds.retain(|round| !settled.contains(&round.tree));
        Ok(())
    }

    fn settle_rounds(&self, rounds: &[Applied]) -> io::Result<()> {
        for place in [Place::Public, Place::Private] {
            let objects = rounds.iter().flat_map(|round| &round.objects).filter(|(at, _)| *at == place);
            let mut names: Vec<&str> = objects.map(|(_, name)| name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            self.stores.at(place).sync(&names)?;
        }
        for tile in rounds.iter().flat_map(Applied::filled) {
            for partial in self.stores.public.list(&format!("{tile}.p"))? {
                self.stores.public.delete(&partial)?;
            }
        }
        rounds.iter().try_for_each(|round| self.stores.private.delete(&Staging::name_of(&round.tree)))
    }
}
