//! Recomputes the number index of a log from its leaves, and compares every head of the index log with it.

use super::read::{LogReader, ReadError};
use super::source::Source;
use crate::index::labels_of_bytes;
use crate::index::{HeadError, Index, IndexError, IndexHead, MemoryStore, Shape};
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
    let index = Index::open(MemoryStore::default(), Hash::EMPTY_ROOT, Shape::STANDARD)?;
    let mut check = Check { index, edge: TreeEdge::new(), size };
    let (mut newest, mut next) = (None, 0);
    while next < count {
        for leaf in heads.entries(next..count).await? {
            let fault = |fault| IndexCheckError::Fault { head: next, fault };
            let head = check.head(&leaf).map_err(fault)?;
            check.advance(entries, head.size).await?;
            check.compare(&head).map_err(fault)?;
            progress(head.size);
            (newest, next) = (Some(head), next + 1);
        }
    }
    Ok(CheckedIndex { heads: count, newest })
}

struct Check {
    index: Index<MemoryStore>,
    edge: TreeEdge,
    size: u64,
}

impl Check {
    fn head(&self, leaf: &[u8]) -> Result<IndexHead, IndexFault> {
        let head = IndexHead::decode(leaf)?;
        let (before, found) = (self.edge.size(), head.size);
        if found <= before {
            return Err(IndexFault::Size { before, found });
        }
        if found > self.size {
            return Err(IndexFault::Beyond { found, size: self.size });
        }
        Ok(head)
    }

    async fn advance<S: Source>(&mut self, entries: &LogReader<S>, to: u64) -> Result<(), IndexCheckError> {
        while self.edge.size() < to {
            let first = self.edge.size();
            let leaves = entries.entries(first..to).await?;
            let labels = (first..)
                .zip(&leaves)
                .flat_map(|(index, leaf)| labels_of_bytes(leaf).into_iter().map(move |label| (label, index)));
            self.index.advance(labels.collect(), first + leaves.len() as u64)?;
            self.edge.append(&leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect::<Vec<_>>());
        }
        Ok(())
    }

    fn compare(&self, head: &IndexHead) -> Result<(), IndexFault> {
        if self.edge.root() != head.root {
            return Err(IndexFault::LogRoot);
        }
        let view = self.index.newest();
        let same = (view.root(), view.labels()) == (head.index_root, head.labels);
        if same { Ok(()) } else { Err(IndexFault::IndexRoot) }
    }
}
