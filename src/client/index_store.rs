//! The number index on disk: an [`IndexStore`] in a folder.
//!
//! Derived: what is damaged or of another log is deleted and built again from the leaves ([`DiskStore::empty`]).

use std::fs;
use std::io;
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use crate::index::{Batch, IndexStore};

/// Bytes of blocks that are kept in memory.
const CACHE: u64 = 64 << 20;
/// Bytes that are written before they are sorted into the tree.
const MEMTABLE: u64 = 32 << 20;

/// A folder that holds an index. One process at a time.
pub struct DiskStore {
    database: Database,
    values: Keyspace,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskStoreError {
    /// The database failed.
    #[error(
        "the database of the number index failed: {0}. It is derived: stop, delete its folder, start again"
    )]
    Database(#[from] fjall::Error),
    /// The folder could not be deleted.
    #[error("the database of the number index could not be deleted: {0}")]
    Delete(#[from] io::Error),
}

impl DiskStoreError {
    /// Whether the disk has no room, which says nothing about what is on it.
    pub fn is_full(&self) -> bool {
        let (DiskStoreError::Database(fjall::Error::Io(error)) | DiskStoreError::Delete(error)) = self else {
            return false;
        };
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl DiskStore {
    /// Opens the store in `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// [`DiskStoreError::Database`].
    pub fn open(folder: &Path) -> Result<Self, DiskStoreError> {
        let database = Database::builder(folder).cache_size(CACHE).open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE);
        let values = database.keyspace("index", options)?;
        Ok(DiskStore { database, values })
    }

    /// Deletes what is in `folder`, and opens it.
    ///
    /// # Errors
    /// [`DiskStoreError`].
    pub fn empty(folder: &Path) -> Result<Self, DiskStoreError> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => DiskStore::open(folder),
        }
    }
}

impl IndexStore for DiskStore {
    type Error = fjall::Error;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, fjall::Error> {
        Ok(self.values.get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<(), fjall::Error> {
        for pair in self.values.prefix(prefix) {
            let (key, value) = pair.into_inner()?;
            if !each(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), fjall::Error> {
        let mut writes = self.database.batch();
        for (key, value) in batch {
            match value {
                Some(value) => writes.insert(&self.values, key.as_slice(), value.as_slice()),
                None => writes.remove(&self.values, key.as_slice()),
            }
        }
        writes.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Index, MemoryStore, Prefix, Query, Shape};
    use crate::label::Label;
    use crate::merkle::Hash;

    const LOG: Hash = Hash([9; 32]);

    fn updates(range: std::ops::Range<u64>) -> Vec<(Label, u64)> {
        let label = |index: u64| {
            let mut bytes = Hash::of_leaf(&(index % 700).to_be_bytes()).0;
            bytes[0] &= 0x7f;
            Label::new(bytes)
        };
        range.map(|index| (label(index), index)).collect()
    }

    /// The same as the store in memory, also when it is opened again, and after it was emptied.
    #[test]
    fn an_index_on_disk_is_that_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Index::open(MemoryStore::default(), LOG, Shape::STANDARD).unwrap();
        for start in (0..20_000).step_by(4000) {
            let store = DiskStore::open(folder.path()).unwrap();
            let mut disk = Index::open(store, LOG, Shape::STANDARD).unwrap();
            assert_eq!((disk.newest().size(), disk.newest().root()), (start, memory.newest().root()));
            disk.advance(updates(start..start + 4000), start + 4000).unwrap();
            memory.advance(updates(start..start + 4000), start + 4000).unwrap();
            let query = Query::new(&[Prefix::EMPTY]).unwrap();
            let proofs = (disk.newest().prove(&query, 700), memory.newest().prove(&query, 700));
            assert_eq!(proofs.0.unwrap(), proofs.1.unwrap());
        }
        let store = DiskStore::empty(folder.path()).unwrap();
        let disk = Index::open(store, Hash([1; 32]), Shape::STANDARD).unwrap();
        assert_eq!((disk.newest().size(), disk.newest().labels()), (0, 0));
    }
}
