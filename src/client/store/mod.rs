//! Where a log keeps its bytes: two small traits, cut by trust.
//!
//! An [`ObjectStore`] is dumb and may be any disk or bucket: whoever owns it can withhold a log, not change it unseen. A
//! [`CheckpointLock`] is tiny, and the only thing that can fork a log: whoever can set it back makes the log sign
//! two histories. Everything the engine promises holds for every implementation that does what is written here.

mod disk;
mod lock;
mod prefixed;

pub use disk::DiskStore;
pub use lock::DiskLock;
pub use prefixed::PrefixedStore;

use std::io;

/// Named objects. All but `checkpoint` and `tn/v1/checkpoint` are immutable: a name is always put with the same bytes.
///
/// Names are relative paths of `[A-Za-z0-9._-]` elements and `/`; no element begins with a dot.
pub trait ObjectStore: Send + Sync {
    /// Stores an object. When it returns, [`get`](Self::get) gives the whole of it, and never a part of it before. It is
    /// durable only after [`sync`](Self::sync): until then a loss of power may leave any object absent or damaged.
    ///
    /// # Errors
    /// The object may then be there or not.
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes these objects durable.
    ///
    /// # Errors
    /// They may then be durable or not, and nothing that needs them may be answered. They are to be put again before they
    /// are synced again: a disk may forget what it failed to write, and call the next sync a success.
    fn sync(&self, names: &[&str]) -> io::Result<()>;

    /// The bytes of an object, none when there is no such object.
    ///
    /// # Errors
    /// When that cannot be known.
    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Removes an object; it is no error when it is not there. A loss of power may bring it back.
    ///
    /// # Errors
    /// It may then be there or not.
    fn delete(&self, name: &str) -> io::Result<()>;

    /// The names of the objects directly in a folder, in byte order; empty when there is no such folder.
    ///
    /// # Errors
    /// When that cannot be known.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// The folders directly in a folder, in byte order; empty when there is no such folder.
    ///
    /// # Errors
    /// When that cannot be known.
    fn folders(&self, folder: &str) -> io::Result<Vec<String>>;
}

/// The latest checkpoint that the log signed. A log without one cannot sign.
pub trait CheckpointLock: Send {
    /// The latest checkpoint, none before [`create`](Self::create). It is durable only if the call that stored it returned,
    /// or a later [`replace`](Self::replace).
    ///
    /// # Errors
    /// When that cannot be known, or what is stored is damaged.
    fn load(&self) -> io::Result<Option<Vec<u8>>>;

    /// Stores the first checkpoint, durably.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    fn create(&mut self, checkpoint: &[u8]) -> Result<(), LockError>;

    /// Stores `new`, durably, if the latest is `old`. Both may be equal: the latest is then made durable, whatever became
    /// of the call that stored it, and at no instant is anything older the latest.
    ///
    /// # Errors
    /// [`LockError::Conflict`] when it is another, and nothing was changed. [`LockError::Unknown`]: the latest may now be
    /// either, and is to be loaded before anything else is signed.
    fn replace(&mut self, old: &[u8], new: &[u8]) -> Result<(), LockError>;
}

/// Why the latest checkpoint was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another checkpoint was signed meanwhile.
    #[error(
        "the lock holds another checkpoint than this process signed last: a second process signs for this log"
    )]
    Conflict,
    /// The lock may or may not hold the new checkpoint.
    #[error("the lock could not be written: {0}")]
    Unknown(#[from] io::Error),
}
