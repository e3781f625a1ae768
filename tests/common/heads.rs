//! Heads that a log's own key signs, whether they are right or not.

use std::path::Path;
use std::sync::Arc;

use tnlog::client::store::{DiskLock, DiskStore, PrefixedStore};
use tnlog::index::{Generation, IndexHead};
use tnlog::server::config::Folder;
use tnlog::server::keys::read_index_key;
use tnlog::server::plan::{NewEntry, Round};
use tnlog::server::sequencer::{Sequencer, Stores};
use tnlog::server::signer::CheckpointSigner;

/// Appends a head to the first index log of a log of this origin, which is stopped.
pub fn append(folder: &Folder, origin: &str, head: &IndexHead) {
    let store = |path: &Path| {
        let store = Arc::new(DiskStore::open(path).unwrap());
        Arc::new(PrefixedStore::new(store, "index"))
    };
    let stores = Stores { public: store(&folder.public()), private: store(&folder.private()) };
    let lock = Box::new(DiskLock::open(&folder.index_lock(Generation::FIRST)).unwrap());
    let signer = CheckpointSigner::new(read_index_key(&folder.keys(), origin, Generation::FIRST).unwrap());
    let mut sequencer = Sequencer::open(stores, lock, signer, 0, |_| Round::default()).unwrap();
    let entry = NewEntry { leaf: head.encode(), chain: Vec::new() };
    sequencer.append(0, |_| Round { entries: vec![entry], objects: Vec::new() }).unwrap();
    sequencer.settler().settle().unwrap();
}
