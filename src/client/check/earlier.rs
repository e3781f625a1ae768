//! The leaves that key statements and registrations name. The newest are remembered as they go by; others are read
//! again, wherever they stand, and verified to be of the tree that is checked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::fault::{CheckError, Fault, FaultKind};
use crate::checkpoint::Checkpoint;
use crate::client::read::verified_bundle;
use crate::client::source::{CHECKPOINT, Source};
use crate::entry::{Entry, Leaf};
use crate::sct;
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// Bytes of leaves in each of the two generations that are remembered: some 100,000 numbers.
const MAX_REMEMBERED: usize = 48 << 20;

/// What a decoded leaf costs besides its bytes.
const OVERHEAD: usize = 128;

pub(super) struct EarlierLeaves<S> {
    source: Arc<S>,
    checkpoint: Checkpoint,
    log_id: OnceCell<[u8; 32]>,
    recent: Mutex<Recent>,
}

/// The leaves that were used last. When the young ones are many, those before them are forgotten.
#[derive(Default)]
struct Recent {
    young: HashMap<u64, Arc<Leaf>>,
    old: HashMap<u64, Arc<Leaf>>,
    bytes: usize,
}

impl Recent {
    fn get(&mut self, index: u64) -> Option<Arc<Leaf>> {
        if let Some(leaf) = self.young.get(&index) {
            return Some(leaf.clone());
        }
        let leaf = self.old.remove(&index)?;
        self.insert(leaf.clone());
        Some(leaf)
    }

    fn insert(&mut self, leaf: Arc<Leaf>) {
        self.bytes += OVERHEAD + leaf.entry.approximate_len();
        self.young.insert(leaf.index, leaf);
        if self.bytes > MAX_REMEMBERED {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
    }
}

impl<S: Source> EarlierLeaves<S> {
    pub(super) fn new(source: Arc<S>, checkpoint: Checkpoint) -> Self {
        EarlierLeaves { source, checkpoint, log_id: OnceCell::new(), recent: Mutex::default() }
    }

    /// Remembers a leaf that later ones may name. Its bytes need not be verified yet: when they are not those of the tree,
    /// the check ends with a fault, here or where its bundle is compared.
    pub(super) fn remember(&self, leaf: &Arc<Leaf>) {
        if !matches!(leaf.entry, Entry::KeyStatement(_)) {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(leaf.clone());
        }
    }

    /// The leaf at an index; none where that is not before `at`.
    pub(super) async fn before(&self, at: u64, index: u64) -> Result<Option<Arc<Leaf>>, CheckError> {
        if index >= at {
            return Ok(None);
        }
        let known = self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(index);
        if known.is_some() {
            return Ok(known);
        }
        let leaf = Arc::new(self.read(index).await?);
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(leaf.clone());
        Ok(Some(leaf))
    }

    /// The id of the log, from its leaf 0.
    pub(super) async fn log_id(&self) -> Result<[u8; 32], CheckError> {
        let read = async || {
            let first = self.before(1, 0).await?;
            match first.as_deref() {
                Some(Leaf { entry: Entry::Parameters(parameters), .. }) => {
                    Ok(sct::log_id(&parameters.sct_key))
                }
                _ => Err(Fault::at(CHECKPOINT, FaultKind::NoParameters).into()),
            }
        };
        self.log_id.get_or_try_init(read).await.copied()
    }

    async fn read(&self, index: u64) -> Result<Leaf, CheckError> {
        let (bundle, position) = (index / u64::from(FULL_WIDTH), index % u64::from(FULL_WIDTH));
        let leaves = verified_bundle(&self.source, &self.checkpoint, bundle).await?;
        let path = TilePath { kind: Kind::Entries, index: bundle, width: leaves.len() as u16 };
        let fault = |kind: FaultKind| CheckError::from(Fault::of_leaf(path, index, kind));
        let bytes = leaves.get(position as usize).ok_or_else(|| fault(FaultKind::Missing))?;
        let leaf = Leaf::decode(bytes).map_err(|error| fault(error.into()))?;
        if leaf.index == index { Ok(leaf) } else { Err(fault(FaultKind::Index(leaf.index))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::NumberEntry;
    use crate::entry::sample::{leaf, number};
    use crate::synthetic::KeyPair;

    /// Fails when the length of a key, which the submitter chooses, is not counted.
    #[test]
    fn no_more_than_two_generations_are_remembered() {
        let key = vec![1; 60_000];
        let mut recent = Recent::default();
        for index in 0..3000 {
            let long = NumberEntry { subject_key: key.clone(), ..number(&KeyPair::p256(1), &[1], 1) };
            recent.insert(Arc::new(leaf(index, 0, long)));
            assert!((recent.young.len() + recent.old.len()) * key.len() <= 2 * MAX_REMEMBERED + key.len());
        }
        assert!(recent.get(0).is_none() && recent.get(2999).is_some());
        let kept = *recent.old.keys().next().unwrap();
        assert!(recent.get(kept).is_some() && recent.young.contains_key(&kept), "what is used stays");
    }
}
