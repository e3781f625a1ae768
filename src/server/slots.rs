//! The slots of registrations: the last one that was logged of each number, key, Resolution Service and service.
//!
//! Derived: leaves do not show slots, so it is computed from the registrations that are kept as evidence, each compared with
//! its leaf; the whole can be deleted and is built again. A slot is *held* from when a registration is judged until it is
//! known here, or dropped: nothing else of that slot is judged meanwhile, so sequences rise along the log whatever the
//! interleaving.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::derived::Derived;
use super::evidence::{self, Kind};
use super::keys::Keys;
use super::read::{LogReader, ReadError};
use crate::client::store::ObjectStore;
use crate::entry::{Action, Entry, Leaf};
use crate::merkle::Hash;
use crate::registration::{Last, SignedRegistration};

/// Objects that are read and stored at a time when the database is behind.
const BATCH: usize = 1024;
/// Bytes of blocks that are kept in memory, and of the newest slots.
const CACHE: u64 = 16 << 20;
const MEMTABLE: u64 = 8 << 20;

/// The name of a slot.
pub type Slot = [u8; 32];

/// Why slots cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum SlotsError {
    /// The database failed.
    #[error(
        "the database of registrations failed: {0}. It is derived: stop the log, delete its folder, start again"
    )]
    Database(#[from] fjall::Error),
    /// A leaf could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store failed, or the folder of the database could not be deleted.
    #[error("the registrations that are kept could not be read: {0}")]
    Io(#[from] io::Error),
    /// An object of the private store is not what was logged.
    #[error(
        "{0} in the private folder does not hold the registrations that were logged: restore it from a backup. Without it \
         the log would take again what they replaced"
    )]
    Damaged(String),
}

/// Where registrations are found again.
pub struct Source<'a> {
    /// The log's secrets.
    pub keys: &'a Keys,
    /// Its leaves.
    pub reader: &'a LogReader,
    /// Its size.
    pub size: u64,
}

/// The last registration of each slot, as far as the log is known.
pub struct Slots {
    folder: PathBuf,
    known: Derived<Known>,
    evidence: Arc<dyn ObjectStore>,
    held: Mutex<HashSet<Slot>>,
}

/// What is known.
struct Known {
    database: Database,
    slots: Keyspace,
    state: Keyspace,
    /// How many leaves it knows.
    position: Mutex<u64>,
}

/// A slot in which one registration is on its way into the log. Dropping it lets go of the slot.
pub struct Held {
    slots: Arc<Slots>,
    slot: Slot,
    sequence: u64,
    action: Action,
    /// When the registration was judged.
    pub judged: Instant,
}

impl Slots {
    /// Opens the database in `folder` for the log whose first leaf has the hash `log`, and reads what it does not know of the
    /// registrations in the private store `evidence`. What is damaged, of another log, or ahead of this one is deleted and
    /// built again; `progress` is told of objects read and objects in all.
    ///
    /// # Errors
    /// [`SlotsError`].
    pub fn open(
        folder: &Path,
        log: &Hash,
        evidence: Arc<dyn ObjectStore>,
        source: &Source<'_>,
        progress: impl Fn(u64, u64),
    ) -> Result<Self, SlotsError> {
        let is_new = !folder.exists();
        let usable = Known::open(folder)
            .ok()
            .filter(|known| is_new || known.belongs_to(log))
            .filter(|known| *known.position() <= source.size);
        let known = match usable {
            Some(known) => known,
            None => {
                tracing::warn!("the database of registrations is built again");
                fs::remove_dir_all(folder)?;
                Known::open(folder)?
            }
        };
        known.state.insert("log", log.0)?;
        known.catch_up(&*evidence, source, progress)?;
        Ok(Slots { folder: folder.to_owned(), known: Derived::new(known), evidence, held: Mutex::default() })
    }

    /// Brings the database up to the log after a failure: opens it again where it failed itself, and reads the registrations
    /// that it does not know.
    ///
    /// # Errors
    /// [`SlotsError`].
    pub fn catch_up(&self, source: &Source<'_>) -> Result<(), SlotsError> {
        let caught_up = |known: &Known| known.catch_up(&*self.evidence, source, |_, _| {});
        self.known.mend(|| {
            let known = Known::open(&self.folder)?;
            caught_up(&known).map(|()| known)
        })?;
        self.known.write(caught_up)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<Slot>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for a registration that is to be judged; none while another one of the slot is on its way.
    pub fn hold(self: &Arc<Self>, slot: Slot, sequence: u64, action: Action) -> Option<Held> {
        let free = self.held().insert(slot);
        free.then(|| Held { slots: self.clone(), slot, sequence, action, judged: Instant::now() })
    }

    /// The last registration of a slot.
    ///
    /// # Errors
    /// [`SlotsError::Database`].
    pub fn last(&self, slot: &Slot) -> Result<Option<Last>, SlotsError> {
        self.known.read(|known| Ok(known.slots.get(slot)?.and_then(|bytes| decode(&bytes))))
    }

    /// Records what a round logged, up to `size` leaves: each held slot with the index of its leaf.
    ///
    /// # Errors
    /// [`SlotsError::Database`]. The database then knows less than the log, and catches up later.
    pub fn insert<'a>(
        &self,
        size: u64,
        logged: impl Iterator<Item = (u64, &'a Held)>,
    ) -> Result<(), SlotsError> {
        let last = |index, held: &Held| Last { sequence: held.sequence, index, action: held.action };
        let logged: Vec<_> = logged.map(|(index, held)| (held.slot, last(index, held))).collect();
        self.known.write(|known| {
            if logged.is_empty() {
                // Nothing is written: the position on disk may be too low, and is never too high.
                *known.position() = size;
                return Ok(());
            }
            known.store(size, logged)
        })
    }
}

impl Known {
    fn open(folder: &Path) -> Result<Self, fjall::Error> {
        let database = Database::builder(folder).cache_size(CACHE).open()?;
        let keyspace =
            |name| database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE));
        let (slots, state) = (keyspace("slots")?, keyspace("state")?);
        let position = state.get("position")?.and_then(|bytes| bytes[..].try_into().ok());
        let position = Mutex::new(position.map_or(0, u64::from_be_bytes));
        Ok(Known { database, slots, state, position })
    }

    fn belongs_to(&self, log: &Hash) -> bool {
        matches!(self.state.get("log"), Ok(Some(hash)) if *hash == log.0)
    }

    fn position(&self) -> MutexGuard<'_, u64> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, size: u64, logged: Vec<(Slot, Last)>) -> Result<(), SlotsError> {
        let mut position = self.position();
        let mut batch = self.database.batch();
        for (slot, last) in logged {
            batch.insert(&self.slots, slot, encode(&last));
        }
        batch.insert(&self.state, "position", size.to_be_bytes());
        batch.commit()?;
        *position = size;
        Ok(())
    }

    /// Reads the registrations that it does not know yet.
    fn catch_up(
        &self,
        evidence: &dyn ObjectStore,
        source: &Source<'_>,
        progress: impl Fn(u64, u64),
    ) -> Result<(), SlotsError> {
        let from = *self.position();
        let names = evidence::names(evidence, Kind::Registration, from)?;
        let (mut done, all) = (0, names.len() as u64);
        for batch in names.chunks(BATCH) {
            progress(done, all);
            done += batch.len() as u64;
            let mut logged = Vec::new();
            for name in batch {
                logged.extend(read(evidence, name, source)?);
            }
            // One round may have several objects: only the end is a place to go on from.
            self.store(from, logged)?;
        }
        if names.is_empty() {
            *self.position() = source.size;
            return Ok(());
        }
        self.store(source.size, Vec::new())
    }
}

/// The registrations of an object of evidence, each as it was logged.
fn read(
    evidence: &dyn ObjectStore,
    name: &str,
    source: &Source<'_>,
) -> Result<Vec<(Slot, Last)>, SlotsError> {
    let object = evidence.get(name)?.unwrap_or_default();
    let entries = evidence::read(&object).ok().filter(|entries| !entries.is_empty());
    let Some(entries) = entries else { return Err(SlotsError::Damaged(name.to_owned())) };
    let mut logged = Vec::with_capacity(entries.len());
    for (index, items) in entries {
        let submitted = items.first().and_then(|item| SignedRegistration::decode(item).ok());
        let last = match submitted.filter(|_| items.len() == 1 && index < source.size) {
            Some(submitted) => logged_as(&submitted, index, source)?,
            None => None,
        };
        logged.push(last.ok_or_else(|| SlotsError::Damaged(name.to_owned()))?);
    }
    Ok(logged)
}

/// The slot of a registration that the leaf at `index` records; none when it records something else.
fn logged_as(
    submitted: &SignedRegistration,
    index: u64,
    source: &Source<'_>,
) -> Result<Option<(Slot, Last)>, SlotsError> {
    let statement = &submitted.statement;
    let leaf = Leaf::decode(&source.reader.leaf(index, source.size)?).ok();
    let Some(Entry::Registration(entry)) = leaf.map(|leaf| leaf.entry) else { return Ok(None) };
    let opening = statement.opening(&source.keys.opening);
    if statement.entry(entry.label, &opening, entry.replaces) != entry {
        return Ok(None);
    }
    let last = Last { sequence: statement.sequence, index, action: statement.action };
    Ok(Some((statement.slot(&entry.label, &source.keys.opening), last)))
}

impl Drop for Held {
    fn drop(&mut self) {
        self.slots.held().remove(&self.slot);
    }
}

fn encode(last: &Last) -> [u8; 17] {
    let mut bytes = [last.action as u8; 17];
    bytes[..8].copy_from_slice(&last.sequence.to_be_bytes());
    bytes[8..16].copy_from_slice(&last.index.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Last> {
    let (sequence, rest) = bytes.split_first_chunk()?;
    let (index, action) = rest.split_first_chunk()?;
    let action = match action {
        [0] => Action::Register,
        [1] => Action::Withdraw,
        _ => return None,
    };
    Some(Last { sequence: u64::from_be_bytes(*sequence), index: u64::from_be_bytes(*index), action })
}
