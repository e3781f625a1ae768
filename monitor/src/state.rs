//! What is remembered of one log: the detectors' records, how far they are, what waits to be told.
//!
//! All that a run of entries changes is stored at once and durably, with the position behind them: after a crash the same entries
//! are passed over, and what was to be told still is. Blocks: call it from a thread of its own.

mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound::{Excluded, Included};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fjall::{OwnedWriteBatch, PersistMode};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::detect::{MemoryError, Severity, Store};
use crate::notice::Notice;
use tables::{Reopened, Tables};

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
    tables: Reopened,
    destinations: Vec<Destination>,
    /// The place of the next notice in the outbox.
    next: AtomicU64,
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
    Database(#[source] fjall::Error),
    /// Another process has it.
    #[error(
        "another tnlog-monitor has this folder open: stop that one first; while `run` runs, `check` is not needed"
    )]
    Locked,
    /// Its folder could not be made.
    #[error("the folder of the monitor's memory could not be made: {0}")]
    Make(#[from] io::Error),
    /// What is in it is not what was written.
    #[error(
        "the monitor's memory is damaged; stop, delete the folder of this log, and start: it is built again"
    )]
    Damaged,
}

impl From<fjall::Error> for StateError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => StateError::Locked,
            error => StateError::Database(error),
        }
    }
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
        let state = State {
            tables: Reopened::open(folder)?,
            destinations,
            next: AtomicU64::new(0),
            writing: Mutex::default(),
            news: Notify::new(),
        };
        state.tables.write(|tables| state.tidy(tables))?;
        Ok(state)
    }

    fn tidy(&self, tables: &Tables) -> Result<(), StateError> {
        let known: BTreeSet<_> = self.destinations.iter().map(|known| prefix(&known.name)).collect();
        let mut next = 0;
        for pair in tables.outbox.iter() {
            let key = pair.key()?;
            let (to, number) = key.split_first_chunk::<8>().ok_or(StateError::Damaged)?;
            let number: [u8; 8] = number.try_into().map_err(|_| StateError::Damaged)?;
            next = next.max(u64::from_be_bytes(number).saturating_add(1));
            if !known.contains(to) {
                tables.outbox.remove(key)?;
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
        let Some(bytes) = self.fact(OBSERVED)? else { return Ok(0) };
        Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| StateError::Damaged)?))
    }

    /// A fact that was stored.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn fact(&self, name: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.tables.with(|tables| Ok(tables.facts.get(name)?.map(|value| value.to_vec())))
    }

    /// Stores all of it or nothing, durably. What was told before in the same version is not told again.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn store(&self, changes: Changes) -> Result<(), StateError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.tables.write(|tables| self.commit(tables, changes))
    }

    fn commit(&self, tables: &Tables, changes: Changes) -> Result<(), StateError> {
        let mut batch = tables.database.batch().durability(Some(PersistMode::SyncAll));
        let mut told = BTreeSet::new();
        for notice in changes.notices {
            let known = [b"told", notice.id.as_bytes(), &notice.version.to_be_bytes()].concat();
            if told.insert(known.clone()) && tables.facts.get(&known)?.is_none() {
                self.put_in_outbox(tables, &mut batch, &notice);
                batch.insert(&tables.facts, known, Vec::new());
            }
        }
        for (key, value) in changes.records {
            batch.insert(&tables.records, key, value);
        }
        for (name, value) in changes.facts {
            batch.insert(&tables.facts, name, value);
        }
        if let Some(observed) = changes.observed {
            batch.insert(&tables.facts, OBSERVED, observed.to_be_bytes().as_slice());
        }
        batch.commit()?;
        if !told.is_empty() {
            self.news.notify_waiters();
        }
        Ok(())
    }

    fn put_in_outbox(&self, tables: &Tables, batch: &mut OwnedWriteBatch, notice: &Notice) {
        let json = serde_json::to_vec(notice).expect("strings and numbers are JSON");
        for destination in self.destinations.iter().filter(|wants| notice.is_at_least(wants.least)) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let key = [&prefix(&destination.name)[..], &number.to_be_bytes()].concat();
            batch.insert(&tables.outbox, key, json.as_slice());
        }
    }

    /// What waits longest for a destination, with the key to [`told`](Self::told) it. `after` is the key that was told before; empty to
    /// begin at the beginning. That costs a step for each that was told and removed until the database tidies up, so a backlog is gone
    /// through with the key.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn waiting(&self, destination: &str, after: &[u8]) -> Result<Option<(Vec<u8>, Notice)>, StateError> {
        let prefix = prefix(destination);
        let from = if after.is_empty() { Included(&prefix[..]) } else { Excluded(after) };
        let last = [&prefix[..], &[0xff; 9]].concat();
        self.tables.with(|tables| {
            let range = tables.outbox.range::<&[u8], _>((from, Excluded(&last[..])));
            let Some(pair) = range.into_iter().next() else { return Ok(None) };
            let (key, value) = pair.into_inner()?;
            let notice = serde_json::from_slice(&value).map_err(|_| StateError::Damaged)?;
            Ok(Some((key.to_vec(), notice)))
        })
    }

    /// It was told. Told again after a crash, at worst.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn told(&self, key: &[u8]) -> Result<(), StateError> {
        self.tables.write(|tables| Ok(tables.outbox.remove(key)?))
    }
}

/// What the keys of a destination in the outbox begin with.
fn prefix(destination: &str) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(destination).into();
    *digest.first_chunk().expect("8 of 32 bytes")
}

impl Store for State {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MemoryError> {
        let found = self.tables.with(|tables| Ok(tables.records.get(key)?)).map_err(io::Error::from)?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>, MemoryError> {
        let pair = |pair: fjall::Guard| pair.into_inner().map(|(key, value)| (key.to_vec(), value.to_vec()));
        let scan = |tables: &Tables| -> Result<Vec<_>, StateError> {
            Ok(tables.records.prefix(prefix).take(limit).map(pair).collect::<Result<_, _>>()?)
        };
        Ok(self.tables.with(scan).map_err(io::Error::from)?)
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
            let mut after = Vec::new();
            while let Some((key, notice)) = state.waiting(name, &after).unwrap() {
                ids.push((notice.id, notice.version));
                state.told(&key).unwrap();
                after = key;
            }
            ids
        };
        let pair = |id: &str, version| (id.to_owned(), version);
        assert_eq!(drain("all"), [pair("a", 1), pair("b", 1), pair("b", 2)]);
        assert_eq!(drain("bad"), [pair("b", 1), pair("b", 2)]);
        assert_eq!(drain("gone"), []);
    }
}
