//! The latest checkpoint in a file that a second process cannot take.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{CheckpointLock, LockError};

const MAGIC: [u8; 8] = *b"tnlock1\n";
/// One slot is one block of a disk, so that writing it cannot touch the other.
const SLOT: usize = 4096;
const HEADER: usize = 8 + 8 + 4 + 32;

/// A file of two slots. Each holds a sequence number and a checkpoint under a hash; the newer whole one counts. A
/// replacement overwrites the older slot and costs one fsync: a crash in the middle leaves the other.
///
/// The operating system's lock on the file is held as long as the process lives.
#[derive(Debug)]
pub struct DiskLock {
    file: File,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    sequence: u64,
    checkpoint: Vec<u8>,
}

impl DiskLock {
    /// Opens or makes the file and takes it.
    ///
    /// # Errors
    /// [`ErrorKind::ResourceBusy`] when another process holds it; whatever opening a file can fail with.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message =
                    "another process holds this log's lock; stop it first, two may not sign for one log";
                return Err(io::Error::new(ErrorKind::ResourceBusy, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(DiskLock { file })
    }

    /// The latest checkpoint in a file that another process may hold, which is neither taken nor made; none where there is no
    /// file, or an empty one.
    ///
    /// # Errors
    /// As [`load`](CheckpointLock::load).
    pub fn peek(path: &Path) -> io::Result<Option<Vec<u8>>> {
        match File::open(path) {
            Ok(file) => DiskLock { file }.load(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether another process holds the file; nobody holds one that is not there.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Both slots. An empty file has none; a file in which neither is whole is damaged.
    fn slots(&self) -> io::Result<[Option<Slot>; 2]> {
        let mut bytes = vec![0; 2 * SLOT];
        read_up_to(&self.file, &mut bytes)?;
        let slots = [read_slot(&bytes[..SLOT]), read_slot(&bytes[SLOT..])];
        // Zeros are a file that was made and never written.
        if slots == [None, None] && bytes.iter().any(|byte| *byte != 0) {
            let message = "the lock file is damaged: it holds no whole checkpoint. Put back the newest copy of it, or end this \
                           log; one that guesses its latest checkpoint, or goes on from an older one, may fork";
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        Ok(slots)
    }

    fn newest(slots: &[Option<Slot>; 2]) -> Option<&Slot> {
        slots.iter().flatten().max_by_key(|slot| slot.sequence)
    }

    fn write(&self, position: usize, slot: &Slot) -> io::Result<()> {
        let bytes = write_slot(slot).ok_or_else(|| {
            io::Error::new(ErrorKind::InvalidInput, "the checkpoint is too long for the lock")
        })?;
        self.file.write_all_at(&bytes, (position * SLOT) as u64)?;
        self.file.sync_data()
    }
}

impl CheckpointLock for DiskLock {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(DiskLock::newest(&self.slots()?).map(|slot| slot.checkpoint.clone()))
    }

    fn create(&mut self, checkpoint: &[u8]) -> Result<(), LockError> {
        if self.load()?.is_some() {
            return Err(LockError::Conflict);
        }
        // Both slots get their place on the disk now, so that replacing one never has to grow the file.
        self.file.write_all_at(&[0; 2 * SLOT], 0)?;
        self.file.sync_all()?;
        Ok(self.write(0, &Slot { sequence: 1, checkpoint: checkpoint.to_vec() })?)
    }

    fn replace(&mut self, old: &[u8], new: &[u8]) -> Result<(), LockError> {
        let slots = self.slots()?;
        let newest =
            DiskLock::newest(&slots).filter(|slot| slot.checkpoint == old).ok_or(LockError::Conflict)?;
        let in_first = slots[0].as_ref() == Some(newest);
        if old == new {
            // In its own slot: it may be only in memory, and the other slot then holds the latest that is on the disk.
            return Ok(self.write(usize::from(!in_first), newest)?);
        }
        let position = usize::from(in_first);
        Ok(self.write(position, &Slot { sequence: newest.sequence + 1, checkpoint: new.to_vec() })?)
    }
}

/// Reads from the beginning until the buffer is full or the file ends.
fn read_up_to(file: &File, bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(())
}

fn read_slot(bytes: &[u8]) -> Option<Slot> {
    let mut reader = crate::tls::Reader::new(bytes);
    let magic: [u8; 8] = reader.array().ok()?;
    let sequence = reader.uint(8).ok()?;
    let length = reader.uint(4).ok()? as usize;
    let hash: [u8; 32] = reader.array().ok()?;
    let checkpoint = reader.take(length).ok()?.to_vec();
    let slot = Slot { sequence, checkpoint };
    (magic == MAGIC && hash == slot_hash(&slot)).then_some(slot)
}

fn write_slot(slot: &Slot) -> Option<[u8; SLOT]> {
    let mut bytes = [0; SLOT];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&slot.sequence.to_be_bytes());
    bytes[16..20].copy_from_slice(&(slot.checkpoint.len() as u32).to_be_bytes());
    bytes[20..HEADER].copy_from_slice(&slot_hash(slot));
    bytes.get_mut(HEADER..HEADER + slot.checkpoint.len())?.copy_from_slice(&slot.checkpoint);
    Some(bytes)
}

fn slot_hash(slot: &Slot) -> [u8; 32] {
    Sha256::new_with_prefix(slot.sequence.to_be_bytes()).chain_update(&slot.checkpoint).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        (folder, path)
    }

    #[test]
    fn the_latest_checkpoint_is_compared_and_replaced() {
        let (_folder, path) = lock();
        let mut lock = DiskLock::open(&path).unwrap();
        assert_eq!(lock.load().unwrap(), None);
        assert!(matches!(lock.replace(b"", b"first"), Err(LockError::Conflict)));
        lock.create(b"first").unwrap();
        assert!(matches!(lock.create(b"again"), Err(LockError::Conflict)));
        for i in 0..5 {
            let (old, new) = (lock.load().unwrap().unwrap(), format!("checkpoint {i}"));
            assert!(matches!(lock.replace(b"another", new.as_bytes()), Err(LockError::Conflict)));
            lock.replace(&old, new.as_bytes()).unwrap();
            assert_eq!(lock.load().unwrap().as_deref(), Some(new.as_bytes()));
        }
        drop(lock);
        assert_eq!(DiskLock::open(&path).unwrap().load().unwrap().as_deref(), Some(&b"checkpoint 4"[..]));
    }

    /// Fails when the same checkpoint goes to the other slot, as a new one would: that one may be all that is on the disk.
    #[test]
    fn the_latest_is_stored_again_in_its_own_slot() {
        let (_folder, path) = lock();
        let mut lock = DiskLock::open(&path).unwrap();
        lock.create(b"first").unwrap();
        lock.replace(b"first", b"second").unwrap();
        let before = lock.slots().unwrap();
        lock.replace(b"second", b"second").unwrap();
        assert_eq!(lock.slots().unwrap(), before);
        assert_eq!(std::fs::read(&path).unwrap().len(), 2 * SLOT);
    }

    #[test]
    fn a_second_holder_is_refused_until_the_first_is_gone() {
        let (_folder, path) = lock();
        let first = DiskLock::open(&path).unwrap();
        assert_eq!(DiskLock::open(&path).unwrap_err().kind(), ErrorKind::ResourceBusy);
        assert!(DiskLock::is_held(&path).unwrap());
        assert_eq!(DiskLock::peek(&path).unwrap(), None);
        drop(first);
        assert!(!DiskLock::is_held(&path).unwrap());
        assert!(DiskLock::open(&path).is_ok());
    }

    #[test]
    fn a_write_cut_short_at_any_byte_leaves_the_old_or_the_new() {
        let (_folder, path) = lock();
        let mut lock = DiskLock::open(&path).unwrap();
        lock.create(b"first").unwrap();
        lock.replace(b"first", b"second").unwrap();
        let whole = write_slot(&Slot { sequence: 3, checkpoint: b"third".to_vec() }).unwrap();
        let before = write_slot(&Slot { sequence: 1, checkpoint: b"first".to_vec() }).unwrap();
        for cut in 0..=HEADER + 5 {
            lock.file.write_all_at(&[&whole[..cut], &before[cut..]].concat(), 0).unwrap();
            let latest = lock.load().unwrap().unwrap();
            assert!(latest == b"second" || latest == b"third", "cut after {cut} bytes");
        }
        assert_eq!(lock.load().unwrap().unwrap(), b"third");
    }

    /// Fails without the check of `slots` for a file that has bytes and no slot.
    #[test]
    fn a_damaged_file_is_no_empty_one() {
        let (_folder, path) = lock();
        let mut lock = DiskLock::open(&path).unwrap();
        lock.create(b"first").unwrap();
        lock.file.write_all_at(&[0xff], HEADER as u64).unwrap();
        assert_eq!(lock.load().unwrap_err().kind(), ErrorKind::InvalidData);
        assert!(matches!(lock.create(b"forked"), Err(LockError::Unknown(_))));
    }
}
