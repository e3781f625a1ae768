//! A copy of a log that signs what the log never did.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::{LieError, View};
use crate::client::store::{DiskLock, DiskStore, PrefixedStore};
use crate::index::Generation;
use crate::server::config::Folder;
use crate::server::plan::{NewEntry, Round};
use crate::server::read::{LogReader, StoredEntry};
use crate::server::sequencer::{Position, Sequencer, Stores};
use crate::server::signer::CheckpointSigner;

/// Leaves of one round.
const ROUND: usize = 4096;

/// A second sequencer over a copy.
pub(super) struct Twin {
    sequencer: Sequencer,
    reader: LogReader,
}

fn stores(folder: &Folder) -> Result<Stores, LieError> {
    Ok(Stores {
        public: Arc::new(DiskStore::open(&folder.public())?),
        private: Arc::new(DiskStore::open_private(&folder.private())?),
    })
}

/// Everything that is served, and the locks.
pub(super) fn copy(from: &Folder, to: &Folder) -> Result<(), LieError> {
    copy_folder(&from.public(), &to.public())?;
    fs::copy(from.lock(), to.lock())?;
    fs::copy(from.index_lock(Generation::FIRST), to.index_lock(Generation::FIRST))?;
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let copied = if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), &target).map(drop)
        };
        match copied {
            // A log that is at rest still removes partial tiles whose full one is there.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => copied?,
        }
    }
    Ok(())
}

impl Twin {
    /// The entry log in a copy.
    pub(super) fn open(folder: &Folder, signer: CheckpointSigner) -> Result<Self, LieError> {
        let stores = stores(folder)?;
        let reader = LogReader::new(stores.public.clone());
        let lock = Box::new(DiskLock::open(&folder.lock())?);
        let sequencer = Sequencer::open(stores, lock, signer, 0, |_| Round::default())?;
        Ok(Twin { sequencer, reader })
    }

    /// The index log in a copy.
    pub(super) fn open_index(folder: &Folder, signer: CheckpointSigner) -> Result<Self, LieError> {
        let Stores { public, private } = stores(folder)?;
        let stores = Stores {
            public: Arc::new(PrefixedStore::new(public, &Generation::FIRST.path())),
            private: Arc::new(PrefixedStore::new(private, &Generation::FIRST.path())),
        };
        let reader = LogReader::new(stores.public.clone());
        let lock = Box::new(DiskLock::open(&folder.index_lock(Generation::FIRST))?);
        let sequencer = Sequencer::open(stores, lock, signer, 0, |_| Round::default())?;
        Ok(Twin { sequencer, reader })
    }

    /// Signs all leaves of a view again, from the first, in a folder that is empty; `change` gives what is to stand in the place
    /// of some.
    pub(super) fn again(
        folder: &Folder,
        signer: CheckpointSigner,
        truth: &View,
        change: impl Fn(u64, StoredEntry) -> Result<StoredEntry, LieError>,
    ) -> Result<Self, LieError> {
        fs::create_dir_all(folder.path())?;
        let mut twin = Twin::open(folder, signer)?;
        let mut entries = Vec::new();
        for stored in truth.entries() {
            let (index, stored) = stored?;
            let StoredEntry { leaf, chain } = change(index, stored)?;
            entries.push(NewEntry { leaf, chain });
            if entries.len() == ROUND || index + 1 == truth.size {
                let entries = std::mem::take(&mut entries);
                twin.sequencer.append(0, |_| Round { entries, objects: Vec::new() })?;
            }
        }
        Ok(twin)
    }

    /// Appends one leaf, which `build` makes for its place, and gives its index.
    pub(super) fn append(&mut self, build: impl FnOnce(Position) -> NewEntry) -> Result<u64, LieError> {
        let published = self
            .sequencer
            .append(0, |position| Round { entries: vec![build(position)], objects: Vec::new() })?;
        Ok(published.tree.size - 1)
    }

    /// How it is shown.
    pub(super) fn view(&self) -> View {
        let published = self.sequencer.published();
        View { note: published.note.clone(), size: published.tree.size, reader: self.reader.clone() }
    }

    /// The root of its newest tree.
    pub(super) fn root(&self) -> crate::merkle::Hash {
        self.sequencer.published().tree.root
    }
}
