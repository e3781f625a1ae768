//! Following the index log: every head is recomputed before look-ups are answered in it, or anybody is told that it was.

mod cursor;
mod recompute;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cursor::Cursor;

use super::finding::FollowError;
use super::followed_index::{FollowedIndex, ShownHead};
use super::hand::Hand;
use super::memory::{Memory, MemoryError, checkpoint_of, from_hex, hex};
use super::{Object, Recent, Sink};
use crate::checkpoint::Checkpoint;
use crate::client::index_store::DiskStore;
use crate::client::read::{LogReader, Seen, policy_of_key};
use crate::client::source::{Below, Source};
use crate::index::{Generation, Index, IndexError, IndexHead, Shape};
use crate::merkle::Hash;
use crate::note::{MAX_NOTE, Note, VerifierKey};
use crate::policy::Policy;

/// The folder of the number index, in that of the follower.
const FOLDER: &str = "index";
/// Where an index log shows what its verifiers have cosigned.
const COSIGNED: &str = "tn/v1/checkpoint";
/// The most checkpoints of the index log that wait until their last head is recomputed.
const MAX_NOTES: usize = 16;

/// The index log that is followed, and the index that is recomputed.
pub(super) struct Heads<S> {
    reader: LogReader<Below<S>>,
    prefix: String,
    verifiers: Option<Policy>,
    folder: PathBuf,
    index: Arc<FollowedIndex>,
    /// None until the first step.
    cursor: Option<Cursor>,
    /// Checkpoints that may be shown once their last head is recomputed, by size.
    notes: VecDeque<(u64, String)>,
    /// Shown, and not yet remembered.
    news: Option<Arc<ShownHead>>,
}

/// The index log of a log.
pub(super) struct IndexLog {
    /// Its key.
    pub(super) key: VerifierKey,
    /// Whose cosignatures are waited for.
    pub(super) verifiers: Option<Policy>,
    /// The index, empty.
    pub(super) index: Arc<FollowedIndex>,
}

impl<S: Source + Clone> Heads<S> {
    /// Opens the index that the folder holds. One that is damaged or of another log is built again.
    pub(super) fn open(
        source: &S,
        log: IndexLog,
        folder: &Path,
        memory: &Memory,
    ) -> Result<Self, FollowError> {
        let IndexLog { key, verifiers, index } = log;
        let generation =
            Generation::split(key.name()).map_or(Generation::FIRST, |(_, generation)| generation);
        let below = Arc::new(Below::new(source.clone(), &generation.path()));
        let policy = policy_of_key(key).map_err(|_| MemoryError::Damaged(folder.to_owned()))?;
        let reader = match &memory.index_seen {
            Some(seen) => LogReader::resume(below, policy, seen.as_bytes())?,
            None => LogReader::new(below, policy),
        };
        let heads = Heads {
            reader,
            prefix: format!("{}/", generation.path()),
            verifiers,
            folder: folder.join(FOLDER),
            index,
            cursor: None,
            notes: VecDeque::new(),
            news: None,
        };
        heads.reopen(memory);
        Ok(heads)
    }

    /// Answers look-ups in what was shown before, when the index on disk has just that state.
    fn reopen(&self, memory: &Memory) {
        let log = memory.log.as_deref().and_then(from_hex).and_then(|hash| hash.try_into().ok());
        let head = memory.head.as_deref().and_then(from_hex);
        let head = head.and_then(|head| IndexHead::decode(&head).ok());
        let note = memory.index_complete.clone();
        let (Some(log), Some(head), Some(note)) = (log, head, note) else { return };
        let Some(Checkpoint { size: heads, root, .. }) = checkpoint_of(&note) else { return };
        let store = DiskStore::open(&self.folder).ok();
        let opened = store.and_then(|store| Index::open(store, Hash(log), Shape::STANDARD).ok());
        let Some(index) = opened.filter(|index| is_at(index, &head)) else { return };
        let mut state = self.index.write();
        state.index = Some(index);
        state.shown = Some(Arc::new(ShownHead { head, note, heads }));
        drop(state);
        self.index.recomputed(heads, root);
    }

    pub(super) fn shown(&self) -> Option<Arc<ShownHead>> {
        self.index.shown()
    }

    pub(super) fn seen(&self) -> Option<&Seen> {
        self.reader.seen()
    }

    /// How many heads were recomputed, and how many leaves the last of them covers.
    pub(super) fn recomputed(&self) -> (u64, u64) {
        let newest = self.cursor.as_ref().and_then(|cursor| cursor.kept.back());
        match (newest, self.index.shown()) {
            (Some(kept), _) => (kept.heads, kept.head.size),
            (None, Some(shown)) => (shown.heads, shown.head.size),
            (None, None) => (0, 0),
        }
    }

    /// What is shown since the sink was told last.
    pub(super) fn news(&self) -> Option<Arc<ShownHead>> {
        self.news.clone()
    }

    /// The sink was told of it.
    pub(super) fn told(&mut self, shown: &Arc<ShownHead>) {
        self.news.take_if(|news| Arc::ptr_eq(news, shown));
    }

    /// The memory with what is shown.
    pub(super) fn remembered(&self, shown: &ShownHead, memory: &Memory) -> Memory {
        let (note, head) = (shown.note.clone(), hex(&shown.head.encode()));
        Memory { index_complete: Some(note), head: Some(head), log: self.log(), ..memory.clone() }
    }

    /// Fetches the newest checkpoint, and the one that may be shown.
    pub(super) async fn update(&mut self) -> Result<(), FollowError> {
        let newest = self.reader.update().await?.clone();
        let note = match &self.verifiers {
            None => Some((newest.checkpoint().size, newest.note.to_string())),
            Some(policy) => self.cosigned(policy).await?,
        };
        let Some((size, note)) = note else { return Ok(()) };
        let has_room = self.notes.len() < MAX_NOTES;
        match self.notes.back_mut() {
            Some((last, known)) if *last == size => *known = note,
            Some((last, _)) if *last > size => {}
            _ if has_room => self.notes.push_back((size, note)),
            _ => {}
        }
        Ok(())
    }

    /// What the quorum of verifiers has cosigned, if the tree that was seen begins with it.
    async fn cosigned(&self, policy: &Policy) -> Result<Option<(u64, String)>, FollowError> {
        let found = self
            .reader
            .source()
            .fetch(COSIGNED, MAX_NOTE)
            .await
            .map_err(crate::client::read::ReadError::from)?;
        let note = found.and_then(|bytes| Note::parse(&bytes).ok());
        let Some(note) = note.filter(|note| policy.check_note(note).is_ok()) else { return Ok(None) };
        let Ok(Checkpoint { size, root, .. }) = Checkpoint::parse(note.text()) else { return Ok(None) };
        if self.index.shown().is_some_and(|shown| shown.note == note.to_string()) {
            return Ok(None);
        }
        let newest = self.reader.seen().map_or(0, |seen| seen.checkpoint().size);
        let begins = size <= newest && self.reader.begins_with(size, &root).await?;
        Ok(begins.then(|| (size, note.to_string())))
    }

    /// Recomputes every head that covers no more than the `checked` leaves, and shows the newest one that may be shown.
    pub(super) async fn advance<K: Sink>(
        &mut self,
        entries: &LogReader<S>,
        checked: u64,
        recent: &Recent,
        hand: &mut Hand<K>,
    ) -> Result<(), FollowError> {
        let mut cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => self.find(entries, checked).await?,
        };
        let advanced = self.recompute(&mut cursor, entries, checked, recent, hand).await;
        let shown = match advanced {
            Ok(()) => self.show(&mut cursor, hand).await,
            Err(FollowError::Index(error)) => {
                // The next step opens it again; what is damaged is derived, and built again.
                let state = &mut *self.index.write();
                (state.index, state.shown) = (None, None);
                if !matches!(error, IndexError::Store(_)) {
                    DiskStore::empty(&self.folder)?;
                }
                return Err(error.into());
            }
            error => error,
        };
        self.cursor = Some(cursor);
        shown
    }

    /// Shows the newest checkpoint that may be shown and whose last head was recomputed.
    async fn show<K: Sink>(&mut self, cursor: &mut Cursor, hand: &mut Hand<K>) -> Result<(), FollowError> {
        let shown = self.index.shown();
        let reached = |size: u64| cursor.kept.iter().position(|kept| kept.heads == size);
        let found = self.notes.iter().rev().find_map(|(size, note)| Some((reached(*size)?, note.clone())));
        let Some((place, note)) = found else { return Ok(()) };
        if shown.is_some_and(|shown| shown.note == note) {
            return Ok(());
        }
        cursor.kept.drain(..place);
        let kept = &cursor.kept[0];
        let partial = kept.edge.partial_tiles();
        let partial = partial.into_iter().map(|(path, bytes)| self.object(path, bytes.into()));
        let objects: Vec<Object> =
            self.bundles(kept.heads, &kept.bundle).into_iter().chain(partial).collect();
        cursor.objects.extend(objects);
        let new = Arc::new(ShownHead { head: kept.head, note, heads: kept.heads });
        self.hand_out(cursor, hand).await?;
        let state = &mut *self.index.write();
        if let Some(index) = &mut state.index {
            index.settle(new.head.size)?;
            state.shown = Some(new.clone());
        }
        self.notes.retain(|(size, _)| *size >= new.heads);
        self.news = Some(new);
        Ok(())
    }

    /// The hash of leaf 0, in hexadecimal.
    fn log(&self) -> Option<String> {
        self.index.read().index.as_ref().map(|index| hex(&index.log().0))
    }
}

fn is_at(index: &Index<DiskStore>, head: &IndexHead) -> bool {
    let view = index.newest();
    (view.size(), view.root(), view.labels()) == (head.size, head.index_root, head.labels)
}
