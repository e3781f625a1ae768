//! Where recomputing is, and how it is found again.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Heads;
use crate::client::follow::Object;
use crate::client::follow::finding::FollowError;
use crate::client::index_check::Recompute;
use crate::client::index_store::DiskStore;
use crate::client::read::LogReader;
use crate::client::source::Source;
use crate::index::{Index, IndexHead, Shape};
use crate::merkle::Hash;
use crate::tile::{FULL_WIDTH, TreeEdge};

/// Where recomputing is.
pub(super) struct Cursor {
    pub(super) recompute: Recompute,
    /// How many heads were recomputed, and the edge of their tree.
    pub(super) edge: TreeEdge,
    /// Entries of the last, partial bundle of the index log.
    pub(super) bundle: Vec<Bytes>,
    /// Entries that were read and come next.
    pub(super) upcoming: VecDeque<Bytes>,
    /// The states that may still be shown.
    pub(super) kept: VecDeque<Kept>,
    /// What the index log serves of the heads, and was not handed out yet.
    pub(super) objects: Vec<Object>,
}

/// A head that was recomputed, with what the index log served when it was the last.
pub(super) struct Kept {
    pub(super) heads: u64,
    pub(super) head: IndexHead,
    pub(super) edge: TreeEdge,
    pub(super) bundle: Vec<Bytes>,
}

impl Cursor {
    pub(super) fn new(entries: TreeEdge, edge: TreeEdge, bundle: Vec<Bytes>) -> Self {
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

impl<S: Source + Clone> Heads<S> {
    /// Finds out where the index on disk is among the heads, or begins anew.
    pub(super) async fn find(&self, entries: &LogReader<S>, checked: u64) -> Result<Cursor, FollowError> {
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
            let store = match DiskStore::open(&self.folder) {
                Err(error) if error.is_full() => return Err(error.into()),
                store => store.ok(),
            };
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
}
