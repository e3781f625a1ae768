//! Every finding in its newest version, in an order in which pages of a million of them come at once.
//!
//! It is derived: the record is `findings.jsonl`, and `acknowledged/` beside it. The catalogue remembers how far it has read, and is made
//! again when it is missing or does not fit. A finding lies in one list for each combination of log, detector, watch and state, so every
//! filter is a range of keys and has its count; and in one for its sentence, its issuer, its country and each of its first entries, which
//! is how it is searched for. Blocks: call it from a thread of its own.

mod list;
mod query;
mod tail;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, RwLock};

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use serde::{Deserialize, Serialize};

use crate::folder::Folder;
use crate::notice::Notice;

pub use query::{Order, Page, Query};
pub use tail::Reading;

/// Bytes of blocks that are kept in memory, and of what is written before it is sorted.
const CACHE: u64 = 32 << 20;
const MEMTABLE: u64 = 16 << 20;

/// Why the catalogue does not answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The database failed.
    #[error("the catalogue of findings failed: {0}. Stop, delete its folder, and start: it is made again")]
    Database(#[from] fjall::Error),
    /// Another process has it.
    #[error("the catalogue of findings is in use by another process; stop that first")]
    InUse,
    /// The file of findings, or the folder of what was acknowledged.
    #[error("what was found cannot be read: {0}")]
    Read(#[from] io::Error),
    /// What is in it is not what was written.
    #[error("the catalogue of findings is damaged; stop, delete its folder, and start: it is made again")]
    Damaged,
}

/// Whether somebody must look at a finding yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nobody has.
    Open,
    /// Somebody has, and said why it is well.
    Acknowledged,
    /// Something later explains it.
    Cleared,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 3] = [Status::Open, Status::Acknowledged, Status::Cleared];

    /// `open`, `acknowledged` or `cleared`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Acknowledged => "acknowledged",
            Status::Cleared => "cleared",
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What somebody said of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The version that was acknowledged: what is later is open again.
    pub version: u32,
    /// Why.
    pub reason: String,
    /// When, in milliseconds of Unix time.
    pub time: u64,
}

/// A finding, and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its newest version.
    pub notice: Notice,
    /// Who has acknowledged some version of it.
    pub known: Option<Known>,
}

impl Found {
    /// Whether somebody must look at it yet.
    pub fn status(&self) -> Status {
        let is_known = self.known.as_ref().is_some_and(|known| known.version >= self.notice.version);
        match (self.notice.cleared, is_known) {
            (true, _) => Status::Cleared,
            (false, true) => Status::Acknowledged,
            (false, false) => Status::Open,
        }
    }
}

/// The catalogue in a folder of a monitor.
pub struct Catalogue {
    folder: Folder,
    database: Database,
    /// Findings by id.
    rows: Keyspace,
    /// Where they lie in each list.
    places: Keyspace,
    /// How many there are in a list, of each severity.
    counts: Keyspace,
    /// Words, and the lists that they lead to; names of detectors and watches.
    words: Keyspace,
    /// How far was read.
    facts: Keyspace,
    reading: RwLock<Reading>,
    reader: Mutex<tail::Reader>,
}

impl Catalogue {
    /// Opens that of a folder, or begins one. Reads nothing yet.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn open(folder: &Folder) -> Result<Self, CatalogueError> {
        let path = folder.catalogue();
        let database = match Self::database(&path) {
            Err(CatalogueError::Database(fjall::Error::Locked)) => return Err(CatalogueError::InUse),
            // One whose making a crash cut off cannot be opened.
            Err(_) => {
                fs::remove_dir_all(&path)?;
                Self::database(&path)?
            }
            Ok(database) => database,
        };
        let open =
            |name| database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE));
        let (rows, places, counts) = (open("rows")?, open("places")?, open("counts")?);
        let (words, facts) = (open("words")?, open("facts")?);
        let folder = folder.clone();
        let (reading, reader) = (RwLock::default(), Mutex::default());
        Ok(Catalogue { folder, database, rows, places, counts, words, facts, reading, reader })
    }

    fn database(path: &PathBuf) -> Result<Database, CatalogueError> {
        crate::folder::private_folder(path)?;
        Ok(Database::builder(path).cache_size(CACHE).open()?)
    }

    /// The finding of an id.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn find(&self, id: &str) -> Result<Option<Found>, CatalogueError> {
        let Some(bytes) = self.rows.get(id)? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(&bytes).map_err(|_| CatalogueError::Damaged)?))
    }
}
