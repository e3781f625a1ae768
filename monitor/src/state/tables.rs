//! The database of a memory. It takes nothing more once a write has failed, as on a full disk; so it is then closed, and whoever needs it
//! next opens it again, with all that was stored before.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::StateError;

/// Bytes of blocks that are kept in memory, and of what is written before it is sorted.
const CACHE: u64 = 32 << 20;
const MEMTABLE: u64 = 16 << 20;

/// What is open.
pub struct Tables {
    pub database: Database,
    pub records: Keyspace,
    pub outbox: Keyspace,
    pub facts: Keyspace,
}

/// The database in a folder, open unless it failed.
pub struct Reopened {
    folder: PathBuf,
    tables: RwLock<Option<Tables>>,
}

impl Reopened {
    /// Opens it, or makes it.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        if !folder.exists() {
            make(folder)?;
        }
        let tables = RwLock::new(Some(Tables::open(folder)?));
        Ok(Reopened { folder: folder.to_owned(), tables })
    }

    /// Reads, or writes what may be lost.
    pub fn with<T>(&self, work: impl FnOnce(&Tables) -> Result<T, StateError>) -> Result<T, StateError> {
        if let Some(tables) = &*self.tables.read().unwrap_or_else(PoisonError::into_inner) {
            return work(tables);
        }
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.is_none() {
            *tables = Some(Tables::open(&self.folder)?);
        }
        work(tables.as_ref().expect("it was opened"))
    }

    /// Writes. What fails is done not at all.
    pub fn write(&self, work: impl FnOnce(&Tables) -> Result<(), StateError>) -> Result<(), StateError> {
        let written = self.with(work);
        if let Err(StateError::Database(_)) = written {
            *self.tables.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        written
    }
}

/// Makes an empty database under another name first: one whose making a crash cut off cannot be opened.
fn make(folder: &Path) -> Result<(), StateError> {
    let new = folder.with_extension("new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let tables = Tables::open(&new)?;
    tables.database.persist(PersistMode::SyncAll)?;
    drop(tables);
    Ok(fs::rename(&new, folder)?)
}

impl Tables {
    fn open(folder: &Path) -> Result<Self, StateError> {
        let database = Database::builder(folder).cache_size(CACHE).open()?;
        let open =
            |name| database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE));
        let (records, outbox, facts) = (open("records")?, open("outbox")?, open("facts")?);
        Ok(Tables { records, outbox, facts, database })
    }
}
