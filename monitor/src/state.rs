//! What is remembered of one log: the detectors' records, how far they are, what waits to be told.
//!
//! All that a run of entries changes is stored at once and durably, with the position behind them: after a crash the same entries
//! are passed over, and what was to be told still is. Blocks: call it from a thread of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::detect::{MemoryError, Severity, Store};
use crate::notice::Notice;

/// Bytes of blocks that are kept in memory, and of what is written before it is sorted.
const CACHE: u64 = 32 << 20;
const MEMTABLE: u64 = 16 << 20;
const OBSERVED: &[u8] = b"observed";

/// A place where findings go: a name, and the least severity that it wants.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Names it in the outbox.
    pub name: String,
    /// What is told to it.
    pub least: Severity,
}

/// The memory of one log.
pub struct State {
    database: Database,
    records: Keyspace,
    outbox: Keyspace,
    facts: Keyspace,
    destinations: Vec<Destination>,
    /// The place of the next notice in the outbox.
    next: AtomicU64,
    /// What was told last, by the prefix of its destination: passing over all that was told costs more each time.
    told: Mutex<BTreeMap<[u8; 8], Vec<u8>>>,
    /// Who stores something holds it.
    writing: Mutex<()>,
    /// Something waits to be told.
    pub news: Notify,
}

/// What a run of entries leads to.
#[derive(Default)]
pub struct Changes {
    /// Records of the detectors.
    pub records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What is to be told.
    pub notices: Vec<Notice>,
    /// How many entries the detectors have seen; none to leave that.
    pub observed: Option<u64>,
    /// Facts, by name.
    pub facts: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why the memory does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database failed.
    #[error(
        "the monitor's memory failed: {0}. It can be built again: stop, delete the folder of this log, start"
    )]
    Database(#[from] fjall::Error),
    /// Its folder could not be made.
    #[error("the folder of the monitor's memory could not be made: {0}")]
    Make(#[from] io::Error),
    /// What is in it is not what was written.
    #[error(
        "the monitor's memory is damaged; stop, delete the folder of this log, and start: it is built again"
    )]
    Damaged,
}

impl From<StateError> for io::Error {
    fn from(error: StateError) -> Self {
        io::Error::other(error)
    }
}

impl State {
    /// Opens what is remembered in a folder. What waits for a destination that is no longer there is dropped.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(folder: &Path, destinations: Vec<Destination>) -> Result<Self, StateError> {
        if !folder.exists() {
            make(folder)?;
        }
        let (database, [records, outbox, facts]) = open_database(folder)?;
        let state = State {
            records,
            outbox,
            facts,
            database,
            destinations,
            next: AtomicU64::new(0),
            told: Mutex::default(),
            writing: Mutex::default(),
            news: Notify::new(),
        };
        state.tidy()?;
        Ok(state)
    }

    fn tidy(&self) -> Result<(), StateError> {
        let known: BTreeSet<_> = self.destinations.iter().map(|known| prefix(&known.name)).collect();
        let mut next = 0;
        for pair in self.outbox.iter() {
            let key = pair.key()?;
            let (to, number) = key.split_first_chunk::<8>().ok_or(StateError::Damaged)?;
            let number: [u8; 8] = number.try_into().map_err(|_| StateError::Damaged)?;
            next = next.max(u64::from_be_bytes(number).saturating_add(1));
            if !known.contains(to) {
                self.outbox.remove(key)?;
            }
        }
        self.next.store(next, Ordering::Relaxed);
        Ok(())
    }

    /// How many entries the detectors have seen.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn observed(&self) -> Result<u64, StateError> {
        let Some(bytes) = self.facts.get(OBSERVED)? else { return Ok(0) };
        Ok(u64::from_be_bytes(bytes.as_ref().try_into().map_err(|_| StateError::Damaged)?))
    }

    /// A fact that was stored.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn fact(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.facts.get(name)?.map(|value| value.to_vec()))
    }

    /// Stores all of it or nothing, durably. What was told before in the same version is not told again.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn store(&self, changes: Changes) -> Result<(), StateError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        let mut told = BTreeSet::new();
        for notice in changes.notices {
            let known = [b"told", notice.id.as_bytes(), &notice.version.to_be_bytes()].concat();
            if told.insert(known.clone()) && self.facts.get(&known)?.is_none() {
                self.put_in_outbox(&mut batch, &notice);
                batch.insert(&self.facts, known, Vec::new());
            }
        }
        for (key, value) in changes.records {
            batch.insert(&self.records, key, value);
        }
        for (name, value) in changes.facts {
            batch.insert(&self.facts, name, value);
        }
        if let Some(observed) = changes.observed {
            batch.insert(&self.facts, OBSERVED, observed.to_be_bytes().as_slice());
        }
        batch.commit()?;
        if !told.is_empty() {
            self.news.notify_waiters();
        }
        Ok(())
    }

    fn put_in_outbox(&self, batch: &mut OwnedWriteBatch, notice: &Notice) {
        let json = serde_json::to_vec(notice).expect("strings and numbers are JSON");
        for destination in self.destinations.iter().filter(|wants| notice.is_at_least(wants.least)) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let key = [&prefix(&destination.name)[..], &number.to_be_bytes()].concat();
            batch.insert(&self.outbox, key, json.as_slice());
        }
    }

    /// What waits longest for a destination, with the key to [`told`](Self::told) it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn waiting(&self, destination: &str) -> Result<Option<(Vec<u8>, Notice)>, StateError> {
        let prefix = prefix(destination);
        let from = self.lock_told().get(&prefix).cloned().unwrap_or_else(|| prefix.to_vec());
        let Some(pair) = self.outbox.range(from..).next() else { return Ok(None) };
        let (key, value) = pair.into_inner()?;
        if !key.starts_with(&prefix) {
            return Ok(None);
        }
        let notice = serde_json::from_slice(&value).map_err(|_| StateError::Damaged)?;
        Ok(Some((key.to_vec(), notice)))
    }

    /// It was told. Told again after a crash, at worst.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn told(&self, key: &[u8]) -> Result<(), StateError> {
        self.outbox.remove(key)?;
        if let Some(prefix) = key.first_chunk::<8>() {
            self.lock_told().insert(*prefix, key.to_vec());
        }
        Ok(())
    }

    fn lock_told(&self) -> MutexGuard<'_, BTreeMap<[u8; 8], Vec<u8>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes an empty database under another name first: one whose making a crash cut off cannot be opened.
fn make(folder: &Path) -> Result<(), StateError> {
    let new = folder.with_extension("new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let (database, keyspaces) = open_database(&new)?;
    database.persist(PersistMode::SyncAll)?;
    drop((keyspaces, database));
    Ok(fs::rename(&new, folder)?)
}

fn open_database(folder: &Path) -> Result<(Database, [Keyspace; 3]), StateError> {
    let database = Database::builder(folder).cache_size(CACHE).open()?;
    let open =
        |name| database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE));
    let keyspaces = [open("records")?, open("outbox")?, open("facts")?];
    Ok((database, keyspaces))
}

/// What the keys of a destination in the outbox begin with.
fn prefix(destination: &str) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(destination).into();
    *digest.first_chunk().expect("8 of 32 bytes")
}

impl Store for State {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryError> {
        let found = self.records.get(key).map_err(io::Error::other)?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, MemoryError> {
        let pairs = self.records.prefix(prefix).take(limit);
        let pair = |pair: fjall::Guard| pair.into_inner().map(|(key, value)| (key.to_vec(), value.to_vec()));
        Ok(pairs.map(pair).collect::<Result<_, _>>().map_err(io::Error::other)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(id: &str, version: u32, severity: Severity) -> Notice {
        Notice {
            id: id.into(),
            version,
            detector: "profile".into(),
            severity: severity.name().into(),
            cleared: false,
            misbehaviour: false,
            log: "log.example".into(),
            time: 1,
            entries: vec![1],
            issuer: None,
            calling_code: None,
            watch: None,
            what: String::new(),
            whom: String::new(),
            now: String::new(),
            evidence: None,
        }
    }

    fn destinations(names: &[(&str, Severity)]) -> Vec<Destination> {
        names.iter().map(|(name, least)| Destination { name: (*name).into(), least: *least }).collect()
    }

    /// Fails without the record of what was told, and without the filter by severity.
    #[test]
    fn what_is_found_is_told_once_to_who_wants_it_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let names = [("all", Severity::Info), ("bad", Severity::High), ("gone", Severity::Info)];
        let state = State::open(folder.path(), destinations(&names)).unwrap();
        let records =
            BTreeMap::from([(b"xa".to_vec(), vec![1]), (b"xb".to_vec(), vec![2]), (b"y".to_vec(), vec![3])]);
        let notices = vec![notice("a", 1, Severity::Low), notice("b", 1, Severity::High)];
        state.store(Changes { records, notices, observed: Some(7), ..Changes::default() }).unwrap();
        drop(state);
        let state = State::open(folder.path(), destinations(&names[..2])).unwrap();
        assert_eq!(state.observed().unwrap(), 7);
        assert_eq!(state.scan(b"x", 9).unwrap(), [(b"xa".to_vec(), vec![1]), (b"xb".to_vec(), vec![2])]);
        let again = vec![notice("b", 1, Severity::High), notice("b", 2, Severity::High)];
        state.store(Changes { notices: again, ..Changes::default() }).unwrap();
        let drain = |name| {
            let mut ids = Vec::new();
            while let Some((key, notice)) = state.waiting(name).unwrap() {
                ids.push((notice.id, notice.version));
                state.told(&key).unwrap();
            }
            ids
        };
        let pair = |id: &str, version| (id.to_owned(), version);
        assert_eq!(drain("all"), [pair("a", 1), pair("b", 1), pair("b", 2)]);
        assert_eq!(drain("bad"), [pair("b", 1), pair("b", 2)]);
        assert_eq!(drain("gone"), []);
    }
}
