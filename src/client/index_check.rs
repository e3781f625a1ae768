//! Recomputes the number index of a log from its leaves, and compares every head of the index log with it.

use super::read::{LogReader, ReadError};
use super::source::Source;
use crate::index::labels_of_bytes;
use crate::index::{Change, HeadError, Index, IndexError, IndexHead, IndexStore, MemoryStore, Shape};
use crate::label::Label;
use crate::merkle::Hash;
use crate::tile::TreeEdge;

/// Why the heads were not all found right.
#[derive(Debug, thiserror::Error)]
pub enum IndexCheckError {
    /// **A head is wrong.**
    #[error("head {head} of the index log: {fault}")]
    Fault {
        /// Its index in the index log.
        head: u64,
        /// What is wrong with it.
        fault: IndexFault,
    },
    /// One of the logs could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The index cannot be computed here.
    #[error(transparent)]
    Index(#[from] IndexError<std::convert::Infallible>),
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexFault {
    /// It is none.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Sizes must rise.
    #[error("it is of {found} entries, and the one before of {before}")]
    Size {
        /// Entries of the head before.
        before: u64,
        /// Its entries.
        found: u64,
    },
    /// It is of more entries than there are.
    #[error("it is of {found} entries, and the log has {size}")]
    Beyond {
        /// Its entries.
        found: u64,
        /// Those of the log.
        size: u64,
    },
    /// It is of another log, or of another history.
    #[error("it names another root of the log than the entries have")]
    LogRoot,
    /// The index that it signs is not that of the entries.
    #[error("the index that it signs is not that of the entries: entries are hidden, or invented")]
    IndexRoot,
}

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedIndex {
    /// How many heads there are.
    pub heads: u64,
    /// The newest head; none in an empty index log.
    pub newest: Option<IndexHead>,
}

/// Checks every head of the index log that `heads` has seen against the entry log that `entries` has seen, which is to be
/// fetched after it. Reads every leaf, and holds the index in memory: some 300 bytes for each label. `progress` is told how
/// many entries are checked.
///
/// # Errors
/// [`IndexCheckError`].
pub async fn check_index<S: Source, T: Source>(
    entries: &LogReader<S>,
    heads: &LogReader<T>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<CheckedIndex, IndexCheckError> {
    let seen = |seen: Option<&super::read::Seen>| seen.map(|seen| seen.checkpoint().size);
    let size = seen(entries.seen()).ok_or(ReadError::NoCheckpoint)?;
    let count = seen(heads.seen()).ok_or(ReadError::NoCheckpoint)?;
    let mut index = Index::open(MemoryStore::default(), Hash::EMPTY_ROOT, Shape::STANDARD)?;
    let mut recompute = Recompute::default();
    let (mut newest, mut next) = (None, 0);
    while next < count {
        for leaf in heads.entries(next..count).await? {
            let fault = |fault| IndexCheckError::Fault { head: next, fault };
            let head = recompute.head(&leaf).map_err(fault)?;
            if head.size > size {
                return Err(fault(IndexFault::Beyond { found: head.size, size }));
            }
            while recompute.size() < head.size {
                let leaves = entries.entries(recompute.size()..head.size).await?;
                let leaves: Vec<_> = leaves.iter().map(|leaf| IndexedLeaf::of_bytes(leaf)).collect();
                let planned = recompute.plan(&index, &leaves)?;
                let reached = recompute.stage(&mut index, planned)?;
                index.settle(reached)?;
            }
            recompute.compare(&index, &head).map_err(fault)?;
            progress(head.size);
            (newest, next) = (Some(head), next + 1);
        }
    }
    Ok(CheckedIndex { heads: count, newest })
}

/// Recomputes the index of a log head by head, from its leaves in order, over any store: the one piece of code of who checks a
/// whole index log, and of who follows one.
#[derive(Default)]
pub struct Recompute {
    /// The right edge of the entry log at the newest state of the index.
    edge: TreeEdge,
}

/// A leaf as the index of a log sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedLeaf {
    /// Its hash.
    pub hash: Hash,
    /// Its labels.
    pub labels: Vec<Label>,
}

impl IndexedLeaf {
    /// From its bytes. Total: what is no leaf carries no label.
    pub fn of_bytes(leaf: &[u8]) -> Self {
        IndexedLeaf { hash: Hash::of_leaf(leaf), labels: labels_of_bytes(leaf) }
    }
}

/// What leaves change in an index.
pub struct Planned {
    change: Change,
    edge: TreeEdge,
}

impl Recompute {
    /// Goes on with an index that is at the size of this edge of the entry log.
    pub fn new(edge: TreeEdge) -> Self {
        Recompute { edge }
    }

    /// How many leaves the index has.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Reads the next entry of the index log: a head of more leaves than the index has.
    ///
    /// # Errors
    /// [`IndexFault::Head`], [`IndexFault::Size`].
    pub fn head(&self, leaf: &[u8]) -> Result<IndexHead, IndexFault> {
        let head = IndexHead::decode(leaf)?;
        let (before, found) = (self.size(), head.size);
        if found > before { Ok(head) } else { Err(IndexFault::Size { before, found }) }
    }

    /// Works out what the leaves that follow change, and changes nothing. About 30 us for each label.
    ///
    /// # Errors
    /// Those of the index.
    pub fn plan<S: IndexStore>(
        &self,
        index: &Index<S>,
        leaves: &[IndexedLeaf],
    ) -> Result<Planned, IndexError<S::Error>> {
        let (first, mut edge) = (self.size(), self.edge.clone());
        let labels = (first..)
            .zip(leaves)
            .flat_map(|(index, leaf)| leaf.labels.iter().map(move |label| (*label, index)));
        let change = index.plan(labels.collect(), first + leaves.len() as u64)?;
        edge.append(&leaves.iter().map(|leaf| leaf.hash).collect::<Vec<_>>());
        Ok(Planned { change, edge })
    }

    /// Makes that the newest state of the index, in memory; the size that it has then.
    ///
    /// # Errors
    /// Those of the index.
    pub fn stage<S: IndexStore>(
        &mut self,
        index: &mut Index<S>,
        planned: Planned,
    ) -> Result<u64, IndexError<S::Error>> {
        index.stage(planned.change)?;
        self.edge = planned.edge;
        Ok(self.size())
    }

    /// Compares a head with the newest state, which has its size.
    ///
    /// # Errors
    /// [`IndexFault::LogRoot`], [`IndexFault::IndexRoot`].
    pub fn compare<S: IndexStore>(&self, index: &Index<S>, head: &IndexHead) -> Result<(), IndexFault> {
        if self.edge.root() != head.root {
            return Err(IndexFault::LogRoot);
        }
        let view = index.newest();
        let same = (view.root(), view.labels()) == (head.index_root, head.labels);
        if same { Ok(()) } else { Err(IndexFault::IndexRoot) }
    }
}
