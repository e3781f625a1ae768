//! The leaves that key statements and registrations name. The newest bundles are remembered as they go by; others are read
//! again, wherever they stand, and verified to be of the tree that is checked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::fault::{CheckError, Fault, FaultKind};
use crate::checkpoint::Checkpoint;
use crate::client::read::verified_bundle;
use crate::client::source::{CHECKPOINT, Source};
use crate::entry::{Entry, Leaf};
use crate::sct;
use crate::tile::{FULL_WIDTH, Kind, TilePath};

/// Bytes of leaves in each of the two generations that are remembered: some 150,000 numbers.
const MAX_REMEMBERED: usize = 64 << 20;

/// The leaves of a bundle.
type Leaves = Arc<[Bytes]>;

pub(super) struct EarlierLeaves<S> {
    source: Arc<S>,
    checkpoint: Checkpoint,
    log_id: OnceCell<[u8; 32]>,
    recent: Mutex<Recent>,
}

/// The bundles that were used last. When the young ones are many, those before them are forgotten.
#[derive(Default)]
struct Recent {
    young: HashMap<u64, Leaves>,
    old: HashMap<u64, Leaves>,
    bytes: usize,
}

impl Recent {
    fn get(&mut self, bundle: u64) -> Option<Leaves> {
        if let Some(leaves) = self.young.get(&bundle) {
            return Some(leaves.clone());
        }
        let leaves = self.old.remove(&bundle)?;
        self.insert(bundle, leaves.clone());
        Some(leaves)
    }

    fn insert(&mut self, bundle: u64, leaves: Leaves) {
        self.bytes += leaves.iter().map(|leaf| size_of::<Bytes>() + leaf.len()).sum::<usize>();
        self.young.insert(bundle, leaves);
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

    /// Remembers a bundle that later leaves may name. It need not be verified yet: when it is not that of the tree, the check
    /// ends with a fault, here or where it is compared.
    pub(super) fn remember(&self, bundle: u64, leaves: Leaves) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).insert(bundle, leaves);
    }

    /// The leaf at an index; none where that is not before `at`.
    pub(super) async fn before(&self, at: u64, index: u64) -> Result<Option<Leaf>, CheckError> {
        if index >= at {
            return Ok(None);
        }
        let (bundle, position) = (index / u64::from(FULL_WIDTH), index % u64::from(FULL_WIDTH));
        let leaves = self.bundle(bundle).await?;
        let path = TilePath { kind: Kind::Entries, index: bundle, width: leaves.len() as u16 };
        let fault = |kind: FaultKind| Fault::of_leaf(path, index, kind);
        let bytes = leaves.get(position as usize).ok_or_else(|| fault(FaultKind::Missing))?;
        Ok(Some(Leaf::decode(bytes).map_err(|error| fault(error.into()))?))
    }

    /// The id of the log, from its leaf 0.
    pub(super) async fn log_id(&self) -> Result<[u8; 32], CheckError> {
        let read = async || match self.before(1, 0).await? {
            Some(Leaf { entry: Entry::Parameters(parameters), .. }) => Ok(sct::log_id(&parameters.sct_key)),
            _ => Err(Fault::at(CHECKPOINT, FaultKind::NoParameters).into()),
        };
        self.log_id.get_or_try_init(read).await.copied()
    }

    async fn bundle(&self, bundle: u64) -> Result<Leaves, CheckError> {
        let known = self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(bundle);
        if let Some(leaves) = known {
            return Ok(leaves);
        }
        let leaves: Leaves = verified_bundle(&self.source, &self.checkpoint, bundle).await?.into();
        self.remember(bundle, leaves.clone());
        Ok(leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when the length of leaves, which their submitters choose, is not counted.
    #[test]
    fn no_more_than_two_generations_are_remembered() {
        let leaves: Leaves = vec![Bytes::from(vec![1; 60_000]); 256].into();
        let mut recent = Recent::default();
        for bundle in 0..20 {
            recent.insert(bundle, leaves.clone());
            assert!((recent.young.len() + recent.old.len()) * 256 * 60_000 < 2 * MAX_REMEMBERED + (16 << 20));
        }
        assert!(recent.get(0).is_none() && recent.get(19).is_some());
        let kept = *recent.old.keys().next().unwrap();
        assert!(recent.get(kept).is_some(), "what is used stays");
        assert!(recent.young.contains_key(&kept) || recent.old.contains_key(&kept));
    }
}
