//! The number index of the log and its index log (`docs/formats.md` §17): what look-ups are answered from.
//!
//! The index log is a log like the entry log, over the same stores in a folder of their own, with a key of its own. A
//! driver follows the entry log, and is the only one that changes anything here. Everything but the index log itself is
//! derived from the leaves and built again when it is missing or damaged.

mod answer;
mod driver;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use answer::{Answered, MAX_ITEMS, MAX_LABELS, Question};
pub use driver::Indexing;

use super::config::Folder;
use super::keys::{create_index_key, read_index_key};
use super::open::OpenError;
use super::plan::Round;
use super::read::LogReader;
use super::sequencer::{Published, Sequencer, Stores};
use super::signer::CheckpointSigner;
use super::store::{CheckpointLock, DiskLock, PrefixedStore};
use crate::client::index_store::DiskStore;
use crate::index::{Index, IndexHead};
use crate::note::VerifierKey;

/// What the index log lies below, in the stores and over HTTP, and the last part of its origin.
pub const FOLDER: &str = "index";

/// The number index: answers look-ups in the newest head that its index log has published.
pub struct NumberIndex {
    key: VerifierKey,
    /// Reads the index log.
    pub reader: LogReader,
    state: RwLock<State>,
}

struct State {
    published: Arc<Published>,
    index: Option<Index<DiskStore>>,
    shown: Option<Shown>,
    over: bool,
}

/// The head that look-ups are answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The head.
    pub head: IndexHead,
    /// Its index in the index log.
    pub position: u64,
}

/// An index log that was opened: what is asked, and what appends to it.
pub struct OpenedIndex {
    /// What is asked.
    pub index: NumberIndex,
    /// Appends heads.
    pub sequencer: Sequencer,
}

impl NumberIndex {
    /// Opens the index log of a log with this origin; makes key and log when it has signed nothing yet, with the time `now`
    /// in milliseconds. The index itself is opened by the driver.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(folder: &Folder, stores: &Stores, origin: &str, now: u64) -> Result<OpenedIndex, OpenError> {
        let at = |error| OpenError::Io { path: folder.index_lock(), error };
        let origin = format!("{origin}/{FOLDER}");
        let lock = DiskLock::open(&folder.index_lock()).map_err(at)?;
        if lock.load().map_err(at)?.is_none() {
            create_index_key(&folder.keys(), &origin)?;
        }
        let signer = CheckpointSigner::new(read_index_key(&folder.keys(), &origin)?);
        let key = signer.verifier_key().clone();
        let stores = Stores {
            public: Arc::new(PrefixedStore::new(stores.public.clone(), FOLDER)),
            private: Arc::new(PrefixedStore::new(stores.private.clone(), FOLDER)),
        };
        let reader = LogReader::new(stores.public.clone());
        let first = |_| Round::default();
        let sequencer =
            Sequencer::open(stores, Box::new(lock), signer, now, first).map_err(OpenError::Index)?;
        let published = Arc::new(sequencer.published().clone());
        let state = RwLock::new(State { published, index: None, shown: None, over: false });
        Ok(OpenedIndex { index: NumberIndex { key, reader, state }, sequencer })
    }

    /// The key of the index log; its name is the origin.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The newest checkpoint of the index log.
    pub fn published(&self) -> Arc<Published> {
        self.read().published.clone()
    }

    /// The head that look-ups are answered in; none while the index is being built.
    pub fn shown(&self) -> Option<Shown> {
        self.read().shown
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
