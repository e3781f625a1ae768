//! The leaves of the index log: what the index was when the entry log had a size.

use super::node;
use crate::merkle::{Hash, MAX_SIZE};
use crate::tls::{Malformed, Reader, Write};

/// The bytes of a head.
pub const HEAD: usize = 81;

/// The first byte of a head. That of an entry is 0, so that neither can be taken for the other.
const VERSION: u8 = 1;

/// A leaf of the index log. Whoever cosigns the index log has recomputed each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexHead {
    /// The size of the entry log.
    pub size: u64,
    /// The root of the entry log at that size.
    pub root: Hash,
    /// The root of the index of its leaves.
    pub index_root: Hash,
    /// How many labels the index has.
    pub labels: u64,
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not 81 bytes.
    #[error("the leaf of the index log is no index head: {0}")]
    Frame(#[from] Malformed),
    /// Another first byte than 1.
    #[error("the index head is of version {0}; only 1 is known")]
    Version(u8),
    /// A size above 2^63, or an empty log or index whose root is another one.
    #[error("the sizes of the index head do not fit its roots")]
    Size,
}

impl IndexHead {
    /// `uint8 version = 1; uint64 size; opaque root[32]; opaque index_root[32]; uint64 labels`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.put_uint(self.size, 8);
        bytes.extend_from_slice(&self.root.0);
        bytes.extend_from_slice(&self.index_root.0);
        bytes.put_uint(self.labels, 8);
        bytes
    }

    /// Reads what [`encode`](IndexHead::encode) writes.
    ///
    /// # Errors
    /// Any [`HeadError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, HeadError> {
        let mut reader = Reader::new(bytes);
        let [version] = reader.array()?;
        if version != VERSION {
            return Err(HeadError::Version(version));
        }
        let head = IndexHead {
            size: reader.uint(8)?,
            root: Hash(reader.array()?),
            index_root: Hash(reader.array()?),
            labels: reader.uint(8)?,
        };
        reader.finish()?;
        if head.is_sound() { Ok(head) } else { Err(HeadError::Size) }
    }

    fn is_sound(&self) -> bool {
        let log = (self.size == 0) == (self.root == Hash::EMPTY_ROOT);
        let index = (self.labels == 0) == (self.index_root == node::EMPTY);
        log && index && self.size <= MAX_SIZE && (self.size > 0 || self.labels == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD_OF_FIVE: IndexHead =
        IndexHead { size: 5, root: Hash([1; 32]), index_root: Hash([2; 32]), labels: 3 };

    #[test]
    fn reads_back_what_it_wrote() {
        let bytes = HEAD_OF_FIVE.encode();
        assert_eq!((bytes.len(), IndexHead::decode(&bytes)), (HEAD, Ok(HEAD_OF_FIVE)));
        let empty = IndexHead { size: 0, root: Hash::EMPTY_ROOT, index_root: node::EMPTY, labels: 0 };
        assert_eq!(IndexHead::decode(&empty.encode()), Ok(empty));
        let unlabelled = IndexHead { size: 1, root: Hash([1; 32]), ..empty };
        assert_eq!(IndexHead::decode(&unlabelled.encode()), Ok(unlabelled));
    }

    #[test]
    fn refuses_every_other_length_and_version() {
        let bytes = HEAD_OF_FIVE.encode();
        for length in 0..HEAD {
            assert!(matches!(IndexHead::decode(&bytes[..length]), Err(HeadError::Frame(_))), "{length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(IndexHead::decode(&longer), Err(HeadError::Frame(Malformed::Trailing(1))));
        let mut other = bytes;
        other[0] = 0;
        assert_eq!(IndexHead::decode(&other), Err(HeadError::Version(0)));
    }

    #[test]
    fn refuses_sizes_that_do_not_fit_the_roots() {
        let heads = [
            IndexHead { size: MAX_SIZE + 1, ..HEAD_OF_FIVE },
            IndexHead { size: 0, ..HEAD_OF_FIVE },
            IndexHead { root: Hash::EMPTY_ROOT, ..HEAD_OF_FIVE },
            IndexHead { labels: 0, ..HEAD_OF_FIVE },
            IndexHead { index_root: node::EMPTY, ..HEAD_OF_FIVE },
            IndexHead { size: 0, root: Hash::EMPTY_ROOT, ..HEAD_OF_FIVE },
        ];
        for (i, head) in heads.iter().enumerate() {
            assert_eq!(IndexHead::decode(&head.encode()), Err(HeadError::Size), "{i}");
        }
    }
}
