//! Following the index log: every head is recomputed before look-ups are answered in it, or anybody is told that it was.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::finding::{FalseHead, Finding, FollowError};
use super::followed_index::{FollowedIndex, MAX_ROOTS, ShownHead};
use super::memory::{Memory, MemoryError, from_hex, hex};
use super::{Object, Recent, Sink};
use crate::bundle;
use crate::checkpoint::Checkpoint;
use crate::client::index_check::{IndexFault, Recompute};
use crate::client::index_store::DiskStore;
use crate::client::read::{LogReader, Seen, policy_of_key};
use crate::client::source::{Below, Source};
use crate::index::{Generation, Index, IndexHead, Shape};
use crate::merkle::Hash;
use crate::note::{MAX_NOTE, Note, VerifierKey};
use crate::policy::Policy;
use crate::tile::{FULL_WIDTH, Kind, TilePath, TreeEdge};

/// The folder of the number index, in that of the follower.
const FOLDER: &str = "index";
/// Where an index log shows what its verifiers have cosigned.
const COSIGNED: &str = "tn/v1/checkpoint";
/// Leaves that are indexed at once.
const BATCH: u64 = 1024;
/// The most states of the index that wait to be shown, and the most bytes that they are going to write.
const MAX_STAGED: usize = 64;
const MAX_STAGED_BYTES: usize = 64 << 20;
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

/// Where recomputing is.
struct Cursor {
    recompute: Recompute,
    /// How many heads were recomputed, and the edge of their tree.
    edge: TreeEdge,
    /// Entries of the last, partial bundle of the index log.
    bundle: Vec<Bytes>,
    /// Entries that were read and come next.
    upcoming: VecDeque<Bytes>,
    /// The states that may still be shown.
    kept: VecDeque<Kept>,
    /// What the index log serves of the heads, and was not handed out yet.
    objects: Vec<Object>,
}

/// A head that was recomputed, with what the index log served when it was the last.
struct Kept {
    heads: u64,
    head: IndexHead,
    edge: TreeEdge,
    bundle: Vec<Bytes>,
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

    /// What is shown since this was asked last, put into the memory.
    pub(super) fn newly_shown(&mut self, memory: &mut Memory) -> Option<Arc<ShownHead>> {
        let shown = self.news.take()?;
        memory.index_complete = Some(shown.note.clone());
        memory.head = Some(hex(&shown.head.encode()));
        memory.log = self.log();
        Some(shown)
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
        sink: &mut K,
    ) -> Result<(), FollowError> {
        let mut cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => self.find(entries, checked).await?,
        };
        let advanced = self.recompute(&mut cursor, entries, checked, recent, sink).await;
        let shown = match advanced {
            Ok(()) => self.show(&mut cursor, sink),
            Err(FollowError::Index(_)) => {
                // It is derived: the next step builds it again.
                let state = &mut *self.index.write();
                (state.index, state.shown) = (None, None);
                DiskStore::empty(&self.folder)?;
                return advanced;
            }
            error => error,
        };
        self.cursor = Some(cursor);
        shown
    }

    async fn recompute<K: Sink>(
        &mut self,
        cursor: &mut Cursor,
        entries: &LogReader<S>,
        checked: u64,
        recent: &Recent,
        sink: &mut K,
    ) -> Result<(), FollowError> {
        let all = self.reader.seen().map_or(0, |seen| seen.checkpoint().size);
        while cursor.edge.size() < all {
            if cursor.upcoming.is_empty() {
                cursor.upcoming = self.reader.entries(cursor.edge.size()..all).await?.into();
            }
            let Some(leaf) = cursor.upcoming.front().cloned() else { return Ok(()) };
            let head = match cursor.recompute.head(&leaf) {
                Ok(head) => head,
                Err(fault) => return Err(self.false_head(cursor, fault, &leaf, entries).await?),
            };
            if head.size > checked {
                return Ok(());
            }
            self.index_to(cursor, head.size, entries, recent).await?;
            let compared =
                self.index.read().index.as_ref().map(|index| cursor.recompute.compare(index, &head));
            if let Some(Err(fault)) = compared {
                return Err(self.false_head(cursor, fault, &leaf, entries).await?);
            }
            self.take(cursor, head, leaf);
            self.bound(cursor, sink)?;
        }
        Ok(())
    }

    async fn index_to(
        &self,
        cursor: &mut Cursor,
        size: u64,
        entries: &LogReader<S>,
        recent: &Recent,
    ) -> Result<(), FollowError> {
        while cursor.recompute.size() < size {
            let start = cursor.recompute.size();
            let end = size.min(start + BATCH);
            let fetched;
            let leaves = match recent.get(start, end) {
                Some(leaves) => leaves,
                None => {
                    fetched = entries.entries(start..end).await?;
                    &fetched
                }
            };
            let planned = {
                let state = self.index.read();
                let Some(index) = &state.index else { return Ok(()) };
                cursor.recompute.plan(index, leaves)?
            };
            if let Some(index) = &mut self.index.write().index {
                cursor.recompute.stage(index, planned)?;
            }
        }
        Ok(())
    }

    async fn false_head(
        &self,
        cursor: &Cursor,
        fault: IndexFault,
        leaf: &Bytes,
        entries: &LogReader<S>,
    ) -> Result<FollowError, FollowError> {
        let index = cursor.edge.size();
        let inclusion = self.reader.inclusion_proof(index).await?;
        let note = |seen: Option<&Seen>| seen.expect("heads are read below checkpoints").note.clone();
        let head = FalseHead {
            index,
            fault,
            leaf: leaf.to_vec(),
            inclusion,
            index_checkpoint: note(self.reader.seen()),
            checkpoint: note(entries.seen()),
        };
        Ok(Finding::FalseHead(Box::new(head)).into())
    }

    /// Takes a head that was recomputed.
    fn take(&self, cursor: &mut Cursor, head: IndexHead, leaf: Bytes) {
        let tiles = cursor.edge.append(&[Hash::of_leaf(&leaf)]);
        let full = tiles.into_iter().filter(|(path, _)| !path.is_partial());
        cursor.objects.extend(full.map(|(path, bytes)| self.object(path, bytes.into())));
        cursor.bundle.push(leaf);
        cursor.upcoming.pop_front();
        let (heads, edge) = (cursor.edge.size(), cursor.edge.clone());
        let newest = self.reader.seen().map_or(0, |seen| seen.checkpoint().size);
        if heads.saturating_add(MAX_ROOTS as u64) > newest {
            self.index.recomputed(heads, edge.root());
        }
        cursor.kept.push_back(Kept { heads, head, edge, bundle: cursor.bundle.clone() });
        if cursor.bundle.len() == usize::from(FULL_WIDTH) {
            let objects = self.bundles(heads, &cursor.bundle);
            cursor.objects.extend(objects);
            cursor.bundle.clear();
        }
    }

    fn object(&self, path: TilePath, bytes: Bytes) -> Object {
        (format!("{}{path}", self.prefix), bytes)
    }

    /// The last entry bundle of an index log of so many heads, and its side bundle, whose items are empty.
    fn bundles(&self, heads: u64, leaves: &[Bytes]) -> Vec<Object> {
        let Some(last) = heads.checked_sub(1) else { return Vec::new() };
        let (index, width) = (last / u64::from(FULL_WIDTH), leaves.len() as u16);
        let mut entries = Vec::new();
        leaves.iter().for_each(|leaf| bundle::append(&mut entries, leaf).expect("a head is short"));
        let chains = vec![0; 2 * leaves.len()];
        let path = |kind| TilePath { kind, index, width };
        vec![self.object(path(Kind::Entries), entries.into()), self.object(path(Kind::Chains), chains.into())]
    }

    /// Writes states into the store when too many wait. Look-ups then wait for one that can be shown.
    fn bound<K: Sink>(&self, cursor: &mut Cursor, sink: &mut K) -> Result<(), FollowError> {
        let (staged, bytes) = match &self.index.read().index {
            Some(index) => (index.staged(), index.staged_bytes()),
            None => return Ok(()),
        };
        if staged <= MAX_STAGED && bytes <= MAX_STAGED_BYTES {
            return Ok(());
        }
        let newest = cursor.kept.pop_back();
        cursor.kept = newest.into_iter().collect();
        self.hand_out(cursor, sink)?;
        let state = &mut *self.index.write();
        let Some(index) = &mut state.index else { return Ok(()) };
        index.settle(cursor.recompute.size())?;
        state.shown = state.shown.take().filter(|shown| index.at(shown.head.size).is_some());
        Ok(())
    }

    fn hand_out<K: Sink>(&self, cursor: &mut Cursor, sink: &mut K) -> Result<(), FollowError> {
        if !cursor.objects.is_empty() {
            sink.take_heads(&cursor.objects).map_err(FollowError::Sink)?;
            cursor.objects.clear();
        }
        Ok(())
    }

    /// Shows the newest checkpoint that may be shown and whose last head was recomputed.
    fn show<K: Sink>(&mut self, cursor: &mut Cursor, sink: &mut K) -> Result<(), FollowError> {
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
        self.hand_out(cursor, sink)?;
        let state = &mut *self.index.write();
        if let Some(index) = &mut state.index {
            index.settle(new.head.size)?;
            state.shown = Some(new.clone());
        }
        self.notes.retain(|(size, _)| *size >= new.heads);
        self.news = Some(new);
        Ok(())
    }

    /// Finds out where the index on disk is among the heads, or begins anew.
    async fn find(&self, entries: &LogReader<S>, checked: u64) -> Result<Cursor, FollowError> {
        let leaf = entries.entries(0..1).await?;
        let log = Hash::of_leaf(leaf.first().map_or(&[], |leaf| leaf));
        let size = self.open_index(log, checked)?;
        if size > 0
            && let Some(cursor) = self.resume(entries, size).await?
        {
            return Ok(cursor);
        }
        let mut state = self.index.write();
        (state.index, state.shown) = (None, None);
        state.index = Some(Index::open(DiskStore::empty(&self.folder)?, log, Shape::STANDARD)?);
        Ok(Cursor::new(TreeEdge::new(), TreeEdge::new(), Vec::new()))
    }

    /// Opens the index, unless it is open; how many leaves it has, 0 when it cannot be used.
    fn open_index(&self, log: Hash, checked: u64) -> Result<u64, FollowError> {
        let mut state = self.index.write();
        if state.index.is_none() {
            let store = DiskStore::open(&self.folder).ok();
            state.index = store.and_then(|store| Index::open(store, log, Shape::STANDARD).ok());
        }
        let size = state.index.as_ref().map_or(0, |index| index.newest().size());
        Ok(if size <= checked { size } else { 0 })
    }

    /// The cursor behind the head that the index is at; none when it is at none, or is not what that head says.
    async fn resume(&self, entries: &LogReader<S>, size: u64) -> Result<Option<Cursor>, FollowError> {
        let Some((heads, head)) = self.head_of_size(size).await? else { return Ok(None) };
        let recompute = Recompute::new(entries.edge(size).await?);
        let same =
            self.index.read().index.as_ref().is_some_and(|index| recompute.compare(index, &head).is_ok());
        if !same {
            return Ok(None);
        }
        let edge = self.reader.edge(heads).await?;
        self.index.recomputed(heads, edge.root());
        let first = heads / u64::from(FULL_WIDTH) * u64::from(FULL_WIDTH);
        let bundle = if first < heads { self.reader.entries(first..heads).await? } else { Vec::new() };
        let mut cursor = Cursor { recompute, ..Cursor::new(TreeEdge::new(), edge.clone(), bundle) };
        let last = match heads.checked_sub(u64::from(FULL_WIDTH)).filter(|_| first == heads) {
            Some(start) => self.reader.entries(start..heads).await?,
            None => cursor.bundle.clone(),
        };
        cursor.kept.push_back(Kept { heads, head, edge, bundle: last });
        Ok(Some(cursor))
    }

    /// The head that covers so many leaves, and how many heads there are up to it. Reads one bundle for each bit of the count.
    async fn head_of_size(&self, size: u64) -> Result<Option<(u64, IndexHead)>, FollowError> {
        let (mut low, mut high) = (0, self.reader.seen().map_or(0, |seen| seen.checkpoint().size));
        while low < high {
            let middle = low + (high - low) / 2;
            let leaf = self.reader.entries(middle..middle + 1).await?;
            match leaf.first().and_then(|leaf| IndexHead::decode(leaf).ok()) {
                Some(head) if head.size == size => return Ok(Some((middle + 1, head))),
                Some(head) if head.size < size => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(None)
    }

    /// The hash of leaf 0, in hexadecimal.
    fn log(&self) -> Option<String> {
        self.index.read().index.as_ref().map(|index| hex(&index.log().0))
    }
}

impl Cursor {
    fn new(entries: TreeEdge, edge: TreeEdge, bundle: Vec<Bytes>) -> Self {
        Cursor {
            recompute: Recompute::new(entries),
            edge,
            bundle,
            upcoming: VecDeque::new(),
            kept: VecDeque::new(),
            objects: Vec::new(),
        }
    }
}

fn is_at(index: &Index<DiskStore>, head: &IndexHead) -> bool {
    let view = index.newest();
    (view.size(), view.root(), view.labels()) == (head.size, head.index_root, head.labels)
}

fn checkpoint_of(note: &str) -> Option<Checkpoint> {
    Checkpoint::parse(Note::parse(note.as_bytes()).ok()?.text()).ok()
}
