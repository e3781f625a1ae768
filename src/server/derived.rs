//! A derived database that goes on after a write has failed.
//!
//! A database whose journal could not be written once, on a full disk or a bad one, refuses everything from then on. It is closed
//! and opened again, and nobody reads it before it knows all of the log: an answer out of less would log something twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// A database, or what opens it again.
pub(super) struct Derived<D> {
    /// None while it could not be opened again.
    open: RwLock<Option<D>>,
    /// A write failed since it was opened.
    failed: AtomicBool,
}

impl<D> Derived<D> {
    pub(super) fn new(database: D) -> Self {
        Derived { open: RwLock::new(Some(database)), failed: AtomicBool::new(false) }
    }

    /// Reads. What was written before a write failed can still be read.
    ///
    /// # Errors
    /// What `work` fails with; [`fjall::Error::Poisoned`] while the database could not be opened again.
    pub(super) fn read<T, E: From<fjall::Error>>(
        &self,
        work: impl FnOnce(&D) -> Result<T, E>,
    ) -> Result<T, E> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        work(open.as_ref().ok_or(fjall::Error::Poisoned)?)
    }

    /// Writes.
    ///
    /// # Errors
    /// As [`read`](Derived::read). [`mend`](Derived::mend) then has something to do.
    pub(super) fn write<T, E: From<fjall::Error>>(
        &self,
        work: impl FnOnce(&D) -> Result<T, E>,
    ) -> Result<T, E> {
        self.read(work).inspect_err(|_| self.failed.store(true, Ordering::Release))
    }

    /// After a write that failed: closes the database and takes the one that `open` opens and brings up to the log.
    ///
    /// # Errors
    /// What `open` fails with; it is then tried again the next time.
    pub(super) fn mend<E>(&self, open: impl FnOnce() -> Result<D, E>) -> Result<(), E> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut database = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        *database = Some(open()?);
        self.failed.store(false, Ordering::Release);
        Ok(())
    }
}
