//! What the log holds already: from the identity of a submission, and from a leaf hash, to an index.
//!
//! Derived: every key is computed from the leaves alone, so the whole can be deleted and is built again. Never believed: who
//! finds an index here reads the leaf there and compares.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use sha2::{Digest, Sha256};

use super::derived::Derived;
use super::read::{LogReader, ReadError};
use crate::commitment::Commitment;
use crate::entry::{Entry, Leaf, SignedEntry};
use crate::merkle::Hash;

/// Leaves that are read and stored at a time when the database is behind.
const BATCH: u64 = 4096;
/// Bytes of blocks that are kept in memory.
const CACHE: u64 = 64 << 20;
/// Bytes of the newest keys that each of the two keyspaces holds in memory: some 190,000 leaves, which really take twice
/// as much.
const MEMTABLE: u64 = 16 << 20;

/// The key of a submission: half of a hash of what the leaf shows.
pub type DedupKey = [u8; 16];

/// The key of an entry; none for parameters, which nobody submits.
///
/// An open entry is found by a hash of what was submitted, a `number_entry` and a registration by the commitment: given the
/// log's opening secret that is a function of what was submitted, and it stands in the leaf. A key statement is found by what
/// it says.
pub fn key_of(entry: &Entry) -> Option<DedupKey> {
    match entry {
        Entry::Open(signed) => Some(key_of_open(signed)),
        Entry::Number(number) => Some(key_of_hidden(&number.commitment)),
        Entry::Registration(registration) => Some(key_of_hidden(&registration.commitment)),
        Entry::KeyStatement(statement) => Some(key_of_statement(&statement.dedup_key())),
        Entry::Parameters(_) => None,
    }
}

/// The key of an open entry.
pub fn key_of_open(signed: &SignedEntry) -> DedupKey {
    half(&Sha256::digest(signed.encode()))
}

/// The key of an entry that shows a commitment.
pub fn key_of_hidden(commitment: &Commitment) -> DedupKey {
    half(&commitment.0)
}

/// The key of a key statement, from its own (`KeyStatement::dedup_key`).
pub fn key_of_statement(dedup_key: &[u8; 32]) -> DedupKey {
    half(dedup_key)
}

fn half(hash: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DedupError {
    /// The database failed. Deleting its folder and starting again rebuilds it.
    #[error(
        "the database of what is in the log failed: {0}. It is derived: stop the log, delete its folder, start again"
    )]
    Database(#[from] fjall::Error),
    /// It knows more leaves of this log than the lock.
    #[error(
        "{known} leaves of this log were logged and its lock, set back, knows {signed}. Put back the newest lock, and no older \
         copy of anything else: a log that goes on from an older state forks. If there is none, end this log: serve its \
         folder `public` with a web server, and begin a successor under another origin"
    )]
    Ahead {
        /// By this database.
        known: u64,
        /// By the lock.
        signed: u64,
    },
    /// A leaf could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The folder could not be deleted.
    #[error("the derived database could not be deleted: {0}")]
    Delete(#[from] std::io::Error),
}

/// The database, in its folder.
pub struct Dedup {
    folder: PathBuf,
    known: Derived<Known>,
}

/// What is known. Its position says how many leaves it knows.
struct Known {
    database: Database,
    identities: Keyspace,
    leaf_hashes: Keyspace,
    state: Keyspace,
    /// Serializes what advances the position.
    position: Mutex<u64>,
}

impl Dedup {
    /// Opens the database in `folder` for the log whose first leaf has the hash `log`, and brings it to `size` leaves. What
    /// is damaged or of another log is deleted and built again; `progress` is told of leaves known and size.
    ///
    /// # Errors
    /// [`DedupError`].
    pub fn open(
        folder: &Path,
        log: &Hash,
        reader: &LogReader,
        size: u64,
        progress: impl Fn(u64, u64),
    ) -> Result<Self, DedupError> {
        let is_new = !folder.exists();
        let usable = Known::open(folder).ok().filter(|known| is_new || known.belongs_to(log));
        let known = match usable {
            Some(known) => known,
            None => {
                tracing::warn!("the database of what is in the log is built again from the leaves");
                fs::remove_dir_all(folder)?;
                Known::open(folder)?
            }
        };
        // It learns of leaves only when they are signed: who has more than was signed has the newer memory.
        if known.position() > size {
            return Err(DedupError::Ahead { known: known.position(), signed: size });
        }
        known.state.insert("log", log.0)?;
        known.catch_up(reader, size, progress)?;
        Ok(Dedup { folder: folder.to_owned(), known: Derived::new(known) })
    }

    /// Brings the database to `size` leaves after a failure: opens it again where it failed itself, and reads what it does not
    /// know.
    ///
    /// # Errors
    /// [`DedupError`].
    pub fn catch_up(&self, reader: &LogReader, size: u64) -> Result<(), DedupError> {
        let caught_up = |known: &Known| known.catch_up(reader, size, |_, _| {});
        self.known.mend(|| {
            let known = Known::open(&self.folder)?;
            caught_up(&known).map(|()| known)
        })?;
        self.known.write(caught_up)
    }

    /// Records the leaves from index `first` on. A leaf that cannot be decoded is found by its hash alone.
    ///
    /// # Errors
    /// [`DedupError::Database`]. The database then knows less than the log, and catches up later.
    pub fn insert<'a>(&self, first: u64, leaves: impl Iterator<Item = &'a [u8]>) -> Result<(), DedupError> {
        self.known.write(|known| known.insert(first, leaves))
    }

    /// Where the submission with this key may be.
    ///
    /// # Errors
    /// [`DedupError::Database`].
    pub fn find(&self, key: &DedupKey) -> Result<Option<u64>, DedupError> {
        self.known.read(|known| Ok(known.identities.get(key)?.and_then(|bytes| number(&bytes))))
    }

    /// Where the leaf with this hash may be.
    ///
    /// # Errors
    /// [`DedupError::Database`].
    pub fn find_leaf(&self, hash: &Hash) -> Result<Option<u64>, DedupError> {
        self.known.read(|known| Ok(known.leaf_hashes.get(half(&hash.0))?.and_then(|bytes| number(&bytes))))
    }
}

impl Known {
    fn open(folder: &Path) -> Result<Self, fjall::Error> {
        let database = Database::builder(folder).cache_size(CACHE).open()?;
        let keyspace =
            |name| database.keyspace(name, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE));
        let (identities, leaf_hashes, state) =
            (keyspace("identities")?, keyspace("leaf_hashes")?, keyspace("state")?);
        let position = state.get("position")?.and_then(|bytes| number(&bytes)).unwrap_or(0);
        Ok(Known { database, identities, leaf_hashes, state, position: Mutex::new(position) })
    }

    fn belongs_to(&self, log: &Hash) -> bool {
        matches!(self.state.get("log"), Ok(Some(hash)) if *hash == log.0)
    }

    /// How many leaves it knows.
    fn position(&self) -> u64 {
        *self.position.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reads the leaves that it does not know yet, up to `size`.
    fn catch_up(&self, reader: &LogReader, size: u64, progress: impl Fn(u64, u64)) -> Result<(), DedupError> {
        let mut position = self.position();
        while position < size {
            progress(position, size);
            let mut leaves = Vec::new();
            let end = size.min(position + BATCH) - 1;
            while position + (leaves.len() as u64) <= end {
                let next = position + leaves.len() as u64;
                leaves.extend(reader.entries(next, end, size)?.into_iter().map(|entry| entry.leaf));
            }
            self.insert(position, leaves.iter().map(Vec::as_slice))?;
            position = self.position();
        }
        Ok(())
    }

    fn insert<'a>(&self, first: u64, leaves: impl Iterator<Item = &'a [u8]>) -> Result<(), DedupError> {
        let mut position = self.position.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut batch = self.database.batch();
        let mut next = first;
        for leaf in leaves {
            let index = next.to_be_bytes();
            if let Some(key) = Leaf::decode(leaf).ok().and_then(|leaf| key_of(&leaf.entry)) {
                batch.insert(&self.identities, key, index);
            }
            batch.insert(&self.leaf_hashes, half(&Hash::of_leaf(leaf).0), index);
            next += 1;
        }
        batch.insert(&self.state, "position", next.to_be_bytes());
        batch.commit()?;
        *position = next;
        Ok(())
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
