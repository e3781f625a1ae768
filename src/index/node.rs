//! The nodes of the index tree and their hashes.
//!
//! The tree is a compressed binary trie: a node is nothing, one label, or an inner node whose *prefix* is the longest one
//! that all labels below share, with those whose next bit is 0 on its left and the others on its right. So its shape,
//! and with it its root, follows from the map from labels to lists alone.
//!
//! ```text
//! nothing (only as the whole tree)   SHA-256(0x02)
//! label                              SHA-256(0x03 || label[32] || uint64 count || list root[32])
//! inner                              SHA-256(0x04 || uint8 length || prefix[32] || left[32] || right[32])
//! ```
//!
//! `prefix` is padded with zero bits. Each hash binds the whole position of its node, so that a node cannot be shown
//! elsewhere, and the first byte is none of RFC 6962's.

use sha2::{Digest, Sha256};

use super::list::ListCommitment;
use super::prefix::Prefix;
use crate::label::Label;
use crate::merkle::Hash;

const LABEL: u8 = 3;
const INNER: u8 = 4;

/// The root of the index without labels: SHA-256 of the byte 0x02.
pub const EMPTY: Hash = Hash([
    0xdb, 0xc1, 0xb4, 0xc9, 0x00, 0xff, 0xe4, 0x8d, 0x57, 0x5b, 0x5d, 0xa5, 0xc6, 0x38, 0x04, 0x01, 0x25,
    0xf6, 0x5d, 0xb0, 0xfe, 0x3e, 0x24, 0x49, 0x4b, 0x76, 0xea, 0x98, 0x64, 0x57, 0xd9, 0x86,
]);

/// The hash of a label with its list.
pub fn of_label(label: &Label, list: &ListCommitment) -> Hash {
    let mut input = [LABEL; 73];
    input[1..33].copy_from_slice(label.as_bytes());
    input[33..41].copy_from_slice(&list.count.to_be_bytes());
    input[41..].copy_from_slice(&list.root.0);
    Hash(Sha256::digest(input).into())
}

/// The hash of an inner node.
///
/// # Panics
/// When the prefix is a whole label, below which nothing can be.
pub fn of_inner(prefix: &Prefix, left: &Hash, right: &Hash) -> Hash {
    let mut input = [INNER; 98];
    input[1] = u8::try_from(prefix.length()).expect("an inner node has a prefix of at most 255 bits");
    input[2..34].copy_from_slice(prefix.padded());
    input[34..66].copy_from_slice(&left.0);
    input[66..].copy_from_slice(&right.0);
    Hash(Sha256::digest(input).into())
}

/// What the inner node over `entries`, which are in order, is: the prefix that all share, and how many are on its left.
/// `None` when they are fewer than two.
pub(super) fn parted<T>(entries: &[T], label: impl Fn(&T) -> &Label) -> Option<(Prefix, usize)> {
    let [first, .., last] = entries else { return None };
    let (first, last) = (Prefix::from(label(first)), Prefix::from(label(last)));
    let shared = first.common(&last);
    let place = entries.partition_point(|entry| !Prefix::from(label(entry)).bit(shared));
    Some((first.cut(shared), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_the_hash_of_its_byte() {
        assert_eq!(EMPTY.0, <[u8; 32]>::from(Sha256::digest([2])));
    }
}
