//! The number index of the log and its index log (`docs/formats.md` §21): what look-ups are answered from.
//!
//! The index log is a log like the entry log, over the same stores in a folder of their own, with a key of its own. A
//! driver follows the entry log, and is the only one that changes anything here. Everything but the index log itself is
//! derived from the leaves and built again when it is missing or damaged.
//!
//! Where there are verifiers, look-ups are answered in the newest head of a checkpoint that their quorum has cosigned; the
//! index log goes on without waiting for them. When a head turns out wrong, the index log is over ([`ended`]).

mod answer;
mod driver;
pub mod ended;
mod heads;
mod quorum;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;

pub use answer::AnsweredIn;
pub use driver::Indexing;
pub use heads::checkpoint_of_file;

use super::config::Folder;
use super::keys::{create_index_key, read_index_key};
use super::open::OpenError;
use super::plan::Round;
use super::problem::Problem;
use super::read::LogReader;
use super::sequencer::{Published, Sequencer, Stores};
use super::signer::CheckpointSigner;
use super::witness::{Cosigned, Witnesses};
use crate::client::index_store::DiskStore;
use crate::client::store::{CheckpointLock, DiskLock, ObjectStore, PrefixedStore};
use crate::index::{Generation, Index, IndexHead};
use crate::note::VerifierKey;
use ended::{Over, Served};

/// The number index: answers look-ups in the newest head that may be shown.
pub struct NumberIndex {
    generation: Generation,
    key: VerifierKey,
    /// Reads the index log.
    pub reader: LogReader,
    private: Arc<dyn ObjectStore>,
    newest: watch::Sender<Arc<Published>>,
    cosigned: Option<watch::Receiver<Option<Arc<Cosigned>>>>,
    /// The index logs before this one.
    ended: Vec<(Generation, Served)>,
    state: RwLock<State>,
}

struct State {
    /// The checkpoint of the index log that look-ups are proved in.
    published: Arc<Published>,
    index: Option<Index<DiskStore>>,
    shown: Option<Shown>,
    /// Entries that the newest head covers, shown or not.
    covered: u64,
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

/// An index log that was opened: what is asked, what appends to it, and where its cosigned checkpoints go.
pub struct OpenedIndex {
    /// What is asked.
    pub index: NumberIndex,
    /// Appends heads.
    pub sequencer: Sequencer,
    /// Gets what the verifiers' quorum has cosigned, where there are verifiers.
    pub cosigned: watch::Sender<Option<Arc<Cosigned>>>,
}

impl NumberIndex {
    /// Opens the index log of a log with this origin, which these verifiers cosign; makes key and log of the first one when
    /// it has signed nothing yet, with the time `now` in milliseconds. The index itself is opened by the driver.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        folder: &Folder,
        stores: &Stores,
        origin: &str,
        verifiers: Option<&Witnesses>,
        now: u64,
    ) -> Result<OpenedIndex, OpenError> {
        let generation = ended::current(folder);
        let path = folder.index_lock(generation);
        let at = |error| OpenError::Io { path: path.clone(), error };
        let lock = DiskLock::open(&path).map_err(at)?;
        if generation == Generation::FIRST && lock.load().map_err(at)?.is_none() {
            create_index_key(&folder.keys(), origin, generation)?;
        }
        let key = read_index_key(&folder.keys(), origin, generation)?;
        let before = std::iter::successors(generation.previous(), |generation| generation.previous());
        let before = before.filter_map(|before| match ended::ended(stores, before) {
            Ok(served) => served.map(|served| Ok((before, served))),
            Err(error) => Some(Err(at(error))),
        });
        let ended = before.collect::<Result<Vec<_>, _>>()?;
        let stores = Stores {
            public: Arc::new(PrefixedStore::new(stores.public.clone(), &generation.path())),
            private: Arc::new(PrefixedStore::new(stores.private.clone(), &generation.path())),
        };
        let (reader, private) = (LogReader::new(stores.public.clone()), stores.private.clone());
        let signer = CheckpointSigner::new(key.clone());
        let sequencer = Sequencer::open(stores, Box::new(lock), signer, now, |_| Round::default())
            .map_err(OpenError::Index)?;
        let published = sequencer.published().clone();
        let cosigned = match verifiers {
            Some(verifiers) => {
                let signer = CheckpointSigner::new(key.clone());
                Cosigned::find(&reader, &published, &signer, verifiers).map_err(OpenError::Verifiers)?
            }
            None => None,
        };
        let cosigned = watch::Sender::new(cosigned.map(Arc::new));
        let over = ended::is_over(&*private).map_err(at)?;
        let published = Arc::new(published);
        let state = State { published: published.clone(), index: None, shown: None, covered: 0, over };
        let index = NumberIndex {
            generation,
            key: key.verifier_key().clone(),
            reader,
            private,
            newest: watch::Sender::new(published),
            cosigned: verifiers.map(|_| cosigned.subscribe()),
            ended,
            state: RwLock::new(state),
        };
        Ok(OpenedIndex { index, sequencer, cosigned })
    }

    /// The key of the index log; its name is the origin.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The newest checkpoint of the index log.
    pub fn published(&self) -> Arc<Published> {
        self.newest.borrow().clone()
    }

    /// The newest checkpoint of the index log, and whatever follows it.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.newest.subscribe()
    }

    /// The newest checkpoint that the verifiers' quorum has cosigned; none before there is one.
    pub fn cosigned(&self) -> Option<Arc<Cosigned>> {
        self.cosigned.as_ref()?.borrow().clone()
    }

    /// An index log of this log: this one, with the cosignatures that there are of its newest checkpoint, or one before it.
    pub fn served(&self, generation: Generation) -> Option<Served> {
        if generation != self.generation {
            return self
                .ended
                .iter()
                .find(|(ended, _)| *ended == generation)
                .map(|(_, served)| served.clone());
        }
        let published = self.published();
        let checkpoint =
            self.cosigned().map_or_else(|| published.note.clone(), |cosigned| cosigned.on(&published));
        Some(Served { reader: self.reader.clone(), checkpoint, size: published.tree.size })
    }

    /// The head that look-ups are answered in; none while the index is being built, or no head is cosigned.
    pub fn shown(&self) -> Option<Shown> {
        self.read().shown
    }

    /// The head that look-ups are answered in, and the checkpoint of the index log that it is proved in: its last entry.
    ///
    /// # Errors
    /// [`Problem::IndexOver`], [`Problem::IndexLags`], [`Problem::NotCosigned`].
    pub fn proved(&self) -> Result<(Shown, Arc<Published>), Problem> {
        let state = self.read();
        match state.shown {
            _ if state.over => Err(Problem::IndexOver),
            Some(shown) => Ok((shown, state.published.clone())),
            None if self.cosigned.is_some() && state.index.is_some() => {
                Err(Problem::NotCosigned { retry: Duration::from_secs(1) })
            }
            None => Err(Problem::IndexLags),
        }
    }

    /// Entries that the newest head covers, whether look-ups are answered in it or not.
    pub fn covered(&self) -> u64 {
        self.read().covered
    }

    /// Whether a head was wrong: nothing is signed any more.
    pub fn is_over(&self) -> bool {
        self.read().over
    }

    /// Ends the index log, durably where that can be written; otherwise the next start finds out again.
    fn end(&self, over: Option<&Over>) {
        self.write().over = true;
        if let Some(Err(error)) = over.map(|over| over.write(&*self.private)) {
            tracing::error!(%error, "the end of the index log could not be written");
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
