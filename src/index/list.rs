//! The list of a label: the indexes of the leaves that carry it, committed by the tree of RFC 6962.
//!
//! A list leaf is the index in 8 bytes, big-endian. A [`ListPage`] brings some of a list's items with what proves that
//! they are exactly the items at their place: the complete subtrees before them, and a consistency proof from where the
//! page ends to the whole list. Who comes back with the commitment that he knows gets the new items alone.

use crate::merkle::{Hash, MAX_SIZE, check_consistency, root_of};
use crate::tls::{Malformed, Reader, Write};

/// The most items of one page.
pub const MAX_PAGE: usize = 65_536;
/// The most hashes before or behind a page's items.
const MAX_HASHES: usize = 64;

/// What the index commits to for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListCommitment {
    /// How many leaves carry the label.
    pub count: u64,
    /// The RFC 6962 tree hash of their indexes.
    pub root: Hash,
}

impl ListCommitment {
    /// The list of a label that no leaf carries.
    pub const NONE: ListCommitment = ListCommitment { count: 0, root: Hash::EMPTY_ROOT };

    /// The commitment to `items`. Two hashes for each.
    pub fn of(items: &[u64]) -> Self {
        let mut subtrees = Subtrees::default();
        items.iter().for_each(|item| subtrees.push(item_hash(*item)));
        subtrees.commitment()
    }
}

/// The leaf hash of an item.
pub fn item_hash(item: u64) -> Hash {
    Hash::of_leaf(&item.to_be_bytes())
}

/// What a client keeps of a list that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The list as of then.
    pub list: ListCommitment,
    /// Its last item.
    pub last: Option<u64>,
}

impl Known {
    /// Of who has seen nothing.
    pub const NOTHING: Known = Known { list: ListCommitment::NONE, last: None };
}

/// Why a page is not part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The bytes are no page.
    #[error("the page of the list is malformed: {0}")]
    Frame(#[from] Malformed),
    /// More items or hashes than a page may have.
    #[error("the page of the list has more than 65,536 items or 64 hashes, or part of one")]
    Length,
    /// It begins elsewhere than where the known part ends.
    #[error("the page begins at item {0} of the list, where {1} are known")]
    Place(u64, u64),
    /// Items that do not rise, or that are not below the size of the log.
    #[error("the items of the list are not the indexes of different leaves of the log, in order")]
    Order,
    /// The items are not those that the index commits to.
    #[error("the items are not those of the list, or the list is no continuation of the known one")]
    NotProved,
}

/// Consecutive items of a list, with their proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The place of the first item in the list.
    pub first: u64,
    /// The items: indexes of leaves of the log.
    pub items: Vec<u64>,
    /// The hashes of the complete subtrees of the list's first `first` items, left to right.
    pub before: Vec<Hash>,
    /// The consistency proof (RFC 6962 §2.1.2) from the end of the page to the whole list; empty when that is the same.
    pub after: Vec<Hash>,
}

impl ListPage {
    /// Checks that the page continues what is `known`, within the `list` that the index commits to, in a log of `size`
    /// leaves. Two hashes for each item and 256 more.
    ///
    /// What it returns is known from then on; the list is complete when its count is that of `list`.
    ///
    /// # Errors
    /// Any [`ListError`].
    pub fn check(&self, known: &Known, list: &ListCommitment, size: u64) -> Result<Known, ListError> {
        if self.items.len() > MAX_PAGE || self.before.len() > MAX_HASHES || self.after.len() > MAX_HASHES {
            return Err(ListError::Length);
        }
        if self.first != known.list.count {
            return Err(ListError::Place(self.first, known.list.count));
        }
        let rising = self.items.is_sorted_by(|a, b| a < b);
        let follows = self.items.first().is_none_or(|first| known.last.is_none_or(|last| *first > last));
        let within = self.items.last().or(known.last.as_ref()).is_none_or(|last| *last < size);
        if !(rising && follows && within) {
            return Err(ListError::Order);
        }
        let mut subtrees = Subtrees::new(self.first, &self.before).ok_or(ListError::NotProved)?;
        if subtrees.commitment() != known.list {
            return Err(ListError::NotProved);
        }
        self.items.iter().for_each(|item| subtrees.push(item_hash(*item)));
        let read = subtrees.commitment();
        check_consistency(&self.after, read.count, &read.root, list.count, &list.root)
            .map_err(|_| ListError::NotProved)?;
        // From nothing on, a consistency proof says nothing of the list.
        if read.count == 0 && *list != ListCommitment::NONE {
            return Err(ListError::NotProved);
        }
        Ok(Known { list: read, last: self.items.last().copied().or(known.last) })
    }

    /// `uint64 first; uint64 items<0..2^24-1>; Hash before<0..2^16-1>; Hash after<0..2^16-1>`.
    pub fn encode(&self) -> Vec<u8> {
        let items: Vec<u8> = self.items.iter().flat_map(|item| item.to_be_bytes()).collect();
        let mut bytes = Vec::with_capacity(16 + items.len());
        bytes.put_uint(self.first, 8);
        bytes.put_opaque(&items, 3);
        for hashes in [&self.before, &self.after] {
            bytes.put_opaque(&hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>(), 2);
        }
        bytes
    }

    /// Reads what [`encode`](ListPage::encode) writes.
    ///
    /// # Errors
    /// [`ListError::Frame`] and [`ListError::Length`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ListError> {
        let mut reader = Reader::new(bytes);
        let first = reader.uint(8)?;
        let items = pieces(reader.opaque(3)?, MAX_PAGE)?.map(u64::from_be_bytes).collect();
        let before = pieces(reader.opaque(2)?, MAX_HASHES)?.map(Hash).collect();
        let after = pieces(reader.opaque(2)?, MAX_HASHES)?.map(Hash).collect();
        reader.finish()?;
        Ok(ListPage { first, items, before, after })
    }
}

fn pieces<const N: usize>(bytes: &[u8], most: usize) -> Result<impl Iterator<Item = [u8; N]>, ListError> {
    match bytes.as_chunks::<N>() {
        (pieces, []) if pieces.len() <= most => Ok(pieces.iter().copied()),
        _ => Err(ListError::Length),
    }
}

/// The right edge of a list's tree: the hashes of its complete subtrees, left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subtrees {
    count: u64,
    hashes: Vec<Hash>,
}

impl Subtrees {
    /// Those of `count` items; as many hashes as `count` has bits set.
    pub(super) fn new(count: u64, hashes: &[Hash]) -> Option<Self> {
        let exact = count <= MAX_SIZE && hashes.len() == count.count_ones() as usize;
        exact.then(|| Subtrees { count, hashes: hashes.to_vec() })
    }

    pub(super) fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.count.trailing_ones() {
            let left = self.hashes.pop().expect("there is a subtree for each bit of the count");
            hash = Hash::of_node(&left, &hash);
        }
        self.hashes.push(hash);
        self.count += 1;
    }

    pub(super) fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn commitment(&self) -> ListCommitment {
        ListCommitment { count: self.count, root: root_of(&self.hashes) }
    }
}
