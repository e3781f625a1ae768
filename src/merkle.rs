//! The Merkle tree of RFC 6962 §2.1: hashes, inclusion proofs, consistency proofs.
//!
//! The outside of this module is one method, [`HashReader::read`]: indexes in, hashes out. A proof first computes
//! every index that it needs (a [`ProofPlan`]), makes one read, then computes. Who fetches hashes asynchronously
//! takes the plan, fetches, and calls [`ProofPlan::assemble`].

use core::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;

/// The largest tree that this module works on: 2^63 leaves.
pub const MAX_SIZE: u64 = 1 << 63;

/// A hash of the tree: 32 bytes of SHA-256. `Debug` and `Display` print hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The root of the empty tree: SHA-256 of nothing.
    pub const EMPTY_ROOT: Hash = Hash([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// The hash of a leaf: SHA-256(0x00 || leaf).
    pub fn of_leaf(leaf: &[u8]) -> Hash {
        Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
    }

    /// The hash of an inner node: SHA-256(0x01 || left || right).
    pub fn of_node(left: &Hash, right: &Hash) -> Hash {
        let mut input = [1; 65];
        input[1..33].copy_from_slice(&left.0);
        input[33..].copy_from_slice(&right.0);
        Hash(Sha256::digest(input).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a stored hash: that of the `index`-th complete subtree of 2^`level` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The height of the subtree; 0 is a leaf.
    pub level: u8,
    /// The subtree's position among those of its level, counted from the left.
    pub index: u64,
}

/// Where the hashes of complete subtrees come from.
pub trait HashReader {
    /// Why a read failed.
    type Error;

    /// Returns the hashes of `nodes`, in the same order and as many.
    ///
    /// # Errors
    /// When any of them cannot be read.
    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, Self::Error>;
}

/// A proof that does not prove: of the wrong length, or it leads to another root. No more is told, because no
/// more can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the Merkle proof does not lead to this root")]
pub struct ProofError;

/// A proof was asked for that cannot exist in a tree of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no such proof: {first} is out of range for a tree of {size} leaves")]
pub struct RangeError {
    /// The leaf index, or the smaller tree size, that was asked for.
    pub first: u64,
    /// The size of the tree.
    pub size: u64,
}

/// Why a proof could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProveError<E> {
    /// The arguments name no proof.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The hashes could not be read.
    #[error("reading the hashes of a proof failed: {0}")]
    Read(E),
    /// The reader gave more or fewer hashes than it was asked for.
    #[error("asked for {asked} hashes of the tree and was given {given}")]
    Count {
        /// How many hashes the proof needs.
        asked: usize,
        /// How many the reader returned.
        given: usize,
    },
}

/// What a proof is made of: the nodes to read, and which of them are hashed together into one hash of the proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofPlan {
    nodes: Vec<NodeId>,
    runs: Vec<usize>,
}

impl ProofPlan {
    /// The nodes to read, in the order in which [`assemble`](Self::assemble) wants their hashes; at most 126.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// Makes the proof out of the hashes of [`nodes`](Self::nodes).
    ///
    /// # Errors
    /// [`ProveError::Count`] when there are not as many hashes as nodes.
    pub fn assemble<E>(&self, hashes: &[Hash]) -> Result<Vec<Hash>, ProveError<E>> {
        if hashes.len() != self.nodes.len() {
            return Err(ProveError::Count { asked: self.nodes.len(), given: hashes.len() });
        }
        let mut rest = hashes;
        let proof = self.runs.iter().map(|&run| {
            let (these, others) = rest.split_at(run);
            rest = others;
            root_of(these)
        });
        Ok(proof.collect())
    }

    fn read<R: HashReader + ?Sized>(&self, reader: &R) -> Result<Vec<Hash>, ProveError<R::Error>> {
        self.assemble(&reader.read(&self.nodes).map_err(ProveError::Read)?)
    }

    fn push(&mut self, start: u64, end: u64) {
        let before = self.nodes.len();
        push_range(&mut self.nodes, start, end);
        self.runs.push(self.nodes.len() - before);
    }

    /// Proofs are planned from the root down and written from the leaf up.
    fn reversed(outermost_first: &[(u64, u64)]) -> ProofPlan {
        let mut plan = ProofPlan::default();
        outermost_first.iter().rev().for_each(|&(start, end)| plan.push(start, end));
        plan
    }
}

/// The complete subtrees, left to right, whose hashes make the root of a tree of `size` leaves; at most 63.
/// The root is [`root_of`] their hashes.
pub fn root_nodes(size: u64) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    push_range(&mut nodes, 0, size);
    nodes
}

/// The root of a tree out of the hashes of its [`root_nodes`]; [`Hash::EMPTY_ROOT`] of none.
pub fn root_of(subtrees: &[Hash]) -> Hash {
    match subtrees.split_last() {
        None => Hash::EMPTY_ROOT,
        Some((last, lefts)) => lefts.iter().rev().fold(*last, |right, left| Hash::of_node(left, &right)),
    }
}

/// The root of the tree of `size` leaves (RFC 6962 §2.1). One read of at most 63 hashes.
///
/// # Errors
/// When the tree is larger than [`MAX_SIZE`], or the reader fails.
pub fn tree_root<R: HashReader + ?Sized>(reader: &R, size: u64) -> Result<Hash, ProveError<R::Error>> {
    if size > MAX_SIZE {
        return Err(RangeError { first: size, size }.into());
    }
    if size == 0 {
        return Ok(Hash::EMPTY_ROOT);
    }
    let mut plan = ProofPlan::default();
    plan.push(0, size);
    Ok(root_of(&plan.read(reader)?))
}

/// What to read for [`prove_inclusion`].
///
/// # Errors
/// Unless `index < size <= MAX_SIZE`.
pub fn plan_inclusion(index: u64, size: u64) -> Result<ProofPlan, RangeError> {
    if index >= size || size > MAX_SIZE {
        return Err(RangeError { first: index, size });
    }
    let mut siblings = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            siblings.push((middle, end));
            end = middle;
        } else {
            siblings.push((start, middle));
            start = middle;
        }
    }
    Ok(ProofPlan::reversed(&siblings))
}

/// What to read for [`prove_consistency`]; nothing when `old` is 0 or equals `new`.
///
/// # Errors
/// Unless `old <= new <= MAX_SIZE`.
pub fn plan_consistency(old: u64, new: u64) -> Result<ProofPlan, RangeError> {
    if old > new || new > MAX_SIZE {
        return Err(RangeError { first: old, size: new });
    }
    if old == 0 || old == new {
        return Ok(ProofPlan::default());
    }
    let mut subtrees = Vec::new();
    let (mut start, mut end) = (0, new);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            subtrees.push((middle, end));
            end = middle;
        } else {
            subtrees.push((start, middle));
            start = middle;
        }
    }
    if start != 0 {
        subtrees.push((start, end));
    }
    Ok(ProofPlan::reversed(&subtrees))
}

/// Proves that the leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1). One read; at most 63 hashes.
///
/// # Errors
/// When there is no such leaf, or the reader fails.
pub fn prove_inclusion<R: HashReader + ?Sized>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    plan_inclusion(index, size)?.read(reader)
}

/// Proves that the tree of `old` leaves is the beginning of that of `new` (RFC 6962 §2.1.2). One read; at most 64
/// hashes; none when `old` is 0 or equals `new`.
///
/// # Errors
/// When `old > new`, or the reader fails.
pub fn prove_consistency<R: HashReader + ?Sized>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    plan_consistency(old, new)?.read(reader)
}

/// Checks that `leaf_hash` is the leaf `index` of the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
/// A proof of any other length than the exact one is refused. At most 64 hashes are computed.
///
/// # Errors
/// When it does not prove that.
pub fn check_inclusion(
    proof: &[Hash],
    size: u64,
    index: u64,
    leaf_hash: &Hash,
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size || size > MAX_SIZE {
        return Err(ProofError);
    }
    let mut climb = Climb { node: index, last: size - 1 };
    let mut computed = *leaf_hash;
    for sibling in proof {
        computed = match climb.step()? {
            Side::Left => Hash::of_node(sibling, &computed),
            Side::Right => Hash::of_node(&computed, sibling),
        };
    }
    climb.finish()?;
    if computed == *root { Ok(()) } else { Err(ProofError) }
}

/// Checks that the tree of `old_size` leaves with `old_root` is the beginning of the tree of `new_size` leaves with
/// `new_root` (RFC 9162 §2.1.4.2). From size 0 and between equal sizes the proof is empty. A proof of any other
/// length than the exact one is refused. At most 128 hashes are computed.
///
/// # Errors
/// When it does not prove that.
pub fn check_consistency(
    proof: &[Hash],
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old_size > new_size || new_size > MAX_SIZE || (new_size == 0 && *new_root != Hash::EMPTY_ROOT) {
        return Err(ProofError);
    }
    if old_size == 0 {
        return if proof.is_empty() && *old_root == Hash::EMPTY_ROOT { Ok(()) } else { Err(ProofError) };
    }
    if old_size == new_size {
        return if proof.is_empty() && old_root == new_root { Ok(()) } else { Err(ProofError) };
    }
    // The subtree that both trees share is left out of the proof when it is the whole old tree.
    let (seed, proof) = match proof {
        _ if old_size.is_power_of_two() => (old_root, proof),
        [first, rest @ ..] => (first, rest),
        [] => return Err(ProofError),
    };
    let shared = (old_size - 1).trailing_ones();
    let mut climb = Climb { node: (old_size - 1) >> shared, last: (new_size - 1) >> shared };
    let (mut old, mut new) = (*seed, *seed);
    for sibling in proof {
        match climb.step()? {
            Side::Left => {
                old = Hash::of_node(sibling, &old);
                new = Hash::of_node(sibling, &new);
            }
            Side::Right => new = Hash::of_node(&new, sibling),
        }
    }
    climb.finish()?;
    if old == *old_root && new == *new_root { Ok(()) } else { Err(ProofError) }
}

/// On which side of the path the next hash of a proof stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: the node's position in its level, and that of the level's last node.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    fn step(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError);
        }
        let side = if self.node & 1 == 1 {
            Side::Left
        } else if self.node == self.last {
            // The last node of a level has no sibling there, and moves up until it has one on its left.
            let up = self.node.trailing_zeros();
            self.node >>= up;
            self.last >>= up;
            Side::Left
        } else {
            Side::Right
        };
        self.node >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    fn finish(self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError) }
    }
}

/// The largest power of two below `n`, which must be at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// Adds the complete subtrees of the leaves from `start` to `end`, where `start` is a multiple of the power of two
/// that the RFC's recursion gives it.
fn push_range(nodes: &mut Vec<NodeId>, mut start: u64, end: u64) {
    while start < end {
        let level = (end - start).ilog2();
        nodes.push(NodeId { level: level as u8, index: start >> level });
        start += 1 << level;
    }
}

#[cfg(test)]
mod tests;
