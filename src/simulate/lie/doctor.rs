//! How each lie is prepared.

use std::sync::Arc;

use super::leaf::{lying, model};
use super::twin::{Twin, copy};
use super::{Lie, LieError, Told, View};
use crate::client::store::{DiskStore, ObjectStore};
use crate::entry::{Entry, Leaf};
use crate::index::{Generation, IndexHead};
use crate::label::LabelKey;
use crate::merkle::Hash;
use crate::server::config::Folder;
use crate::server::keys::{Keys, read_index_key};
use crate::server::plan::NewEntry;
use crate::server::read::{LogReader, StoredEntry};
use crate::server::signer::{CheckpointSigner, SignedTree};
use crate::server::staging::Tree;
use crate::tile::{Kind, TilePath, TreeEdge};

/// The checkpoint's name in the served folder.
const CHECKPOINT: &str = "checkpoint";

/// Makes lies of a log.
pub(super) struct Doctor {
    pub(super) folder: Folder,
    pub(super) keys: Arc<Keys>,
    pub(super) to: Folder,
}

impl Doctor {
    pub(super) fn prepare(&self, lie: Lie) -> Result<Told, LieError> {
        let told = Told::new(lie);
        let truth = self.truth()?;
        Ok(match lie {
            Lie::Stale => Told { entries: Some(truth), ..told },
            Lie::BadLabel => Told { label_key: Some(LabelKey::from_seed(&[0x5e; 32])), ..told },
            Lie::BadSignature => Told { entries: Some(View { note: damaged(&truth.note), ..truth }), ..told },
            Lie::Rollback => Told { entries: Some(self.rolled_back(truth)?), ..told },
            Lie::Fork => {
                let last = truth.size - 1;
                let twin = self.again(&truth, |leaf| leaf.timestamp += 1, last)?;
                Told { entries: Some(twin.view()), leaf: Some(last), ..told }
            }
            Lie::BadParameters => {
                let twin = self.again(&truth, other_label_key, 0)?;
                Told { entries: Some(twin.view()), leaf: Some(0), ..told }
            }
            Lie::BadLeaf
            | Lie::BadStatement
            | Lie::OrphanRegistration
            | Lie::RepeatedId
            | Lie::MissingTile
            | Lie::BadIndexHead => self.appended(told, &truth)?,
        })
    }

    /// The log as it is.
    fn truth(&self) -> Result<View, LieError> {
        let store = Arc::new(DiskStore::open(&self.folder.public())?);
        let note = store.get(CHECKPOINT)?.ok_or(LieError::Nothing("checkpoint"))?;
        let signed = self.keys.checkpoint_signer().open(&note).ok_or(LieError::Nothing("good checkpoint"))?;
        let note = String::from_utf8(note).map_err(|_| LieError::Nothing("good checkpoint"))?;
        Ok(View { note, size: signed.tree.size, reader: LogReader::new(store) })
    }

    /// The signed tree of half the size, as old as its last leaf.
    fn rolled_back(&self, truth: View) -> Result<View, LieError> {
        let size = truth.size / 2;
        let last = size.checked_sub(1).ok_or(LieError::Nothing("second leaf"))?;
        let root = root(&truth, size)?;
        let time = Leaf::decode(&truth.reader.leaf(last, truth.size)?).map_or(0, |leaf| leaf.timestamp);
        let note = self.keys.checkpoint_signer().sign(&SignedTree { tree: Tree { size, root }, time });
        Ok(View { note, size, ..truth })
    }

    /// The log signed again with one leaf changed.
    fn again(&self, truth: &View, change: fn(&mut Leaf), place: u64) -> Result<Twin, LieError> {
        Twin::again(&self.to, self.keys.checkpoint_signer(), truth, |index, stored| {
            if index != place {
                return Ok(stored);
            }
            let mut leaf = Leaf::decode(&stored.leaf).map_err(|_| LieError::Nothing("readable leaf"))?;
            change(&mut leaf);
            let leaf = leaf.encode().map_err(|_| LieError::Nothing("short leaf"))?;
            Ok(StoredEntry { leaf, ..stored })
        })
    }

    /// The log with one leaf more.
    fn appended(&self, told: Told, truth: &View) -> Result<Told, LieError> {
        let model = model(told.lie, truth)?;
        std::fs::create_dir_all(self.to.path())?;
        copy(&self.folder, &self.to)?;
        let mut twin = Twin::open(&self.to, self.keys.checkpoint_signer())?;
        let leaf = twin.append(|position| lying(told.lie, model, position))?;
        let entries = Some(twin.view());
        Ok(match told.lie {
            Lie::MissingTile => {
                let missing = TilePath::of_leaf(Kind::Entries, leaf, leaf + 1).ok();
                Told { entries, missing, ..told }
            }
            Lie::BadIndexHead => Told { entries, index: Some(self.wrong_head(&twin)?), ..told },
            _ => Told { entries, leaf: Some(leaf), ..told },
        })
    }

    /// The index log with a head of an index that never was.
    fn wrong_head(&self, twin: &Twin) -> Result<View, LieError> {
        let entries = twin.view();
        let origin = self.keys.checkpoint.verifier_key().name();
        let key = read_index_key(&self.folder.keys(), origin, Generation::FIRST)?;
        let signer = CheckpointSigner::new(key);
        let mut index = Twin::open_index(&self.to, signer)?;
        let before = index.view();
        let last = before.size.checked_sub(1).ok_or(LieError::Nothing("head of its index log"))?;
        let last = IndexHead::decode(&before.reader.leaf(last, before.size)?);
        let last = last.map_err(|_| LieError::Nothing("good head of its index log"))?;
        let index_root = Hash(last.index_root.0.map(|byte| !byte));
        let head = IndexHead { size: entries.size, root: twin.root(), index_root, labels: last.labels };
        index.append(|_| NewEntry { leaf: head.encode(), chain: Vec::new() })?;
        Ok(index.view())
    }
}

fn other_label_key(leaf: &mut Leaf) {
    if let Entry::Parameters(parameters) = &mut leaf.entry {
        parameters.label_key = LabelKey::from_seed(&[0x5e; 32]).public().to_bytes();
    }
}

fn root(view: &View, size: u64) -> Result<Hash, LieError> {
    let mut edge = TreeEdge::new();
    for stored in view.entries().take(size as usize) {
        edge.append(&[Hash::of_leaf(&stored?.1.leaf)]);
    }
    Ok(edge.root())
}

/// The note with a bit of its first signature flipped, in what the key id does not cover.
fn damaged(note: &str) -> String {
    let (text, signatures) = note.split_once("\n\n").unwrap_or((note, ""));
    let (first, rest) = signatures.split_once('\n').unwrap_or((signatures, ""));
    let place = first.len().saturating_sub(20);
    let flipped = |(at, c)| match (at == place, c) {
        (false, other) => other,
        (true, 'A') => 'B',
        (true, _) => 'A',
    };
    let first: String = first.chars().enumerate().map(flipped).collect();
    format!("{text}\n\n{first}\n{rest}")
}
