//! One round of the sequencer, as a pure function: the right edge of the log and new entries in, objects and the next edge out.

use crate::bundle::{self, BundleError};
use crate::merkle::Hash;
use crate::tile::{FULL_WIDTH, Kind, TilePath, TreeEdge};

/// Which store an object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Place {
    /// The folder that is served.
    Public = 0,
    /// Evidence and staging, which nobody is served.
    Private = 1,
}

/// A named object to be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// Its store.
    pub place: Place,
    /// Its name there.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Object({:?}, {}, {} bytes)", self.place, self.name, self.bytes.len())
    }
}

/// An entry as the engine sees it: bytes to be hashed, and bytes that lie beside them.
#[derive(Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The leaf, at most 65,535 bytes.
    pub leaf: Vec<u8>,
    /// What stands at the same place in the side bundle, at most 65,535 bytes.
    pub chain: Vec<u8>,
}

/// What a round adds.
#[derive(Clone, Default)]
pub struct Round {
    /// The entries, in order.
    pub entries: Vec<NewEntry>,
    /// Objects that are stored with them: issuers, evidence.
    pub objects: Vec<Object>,
}

/// All that appending to a log needs to remember of it: its tree's right edge and its last, partial bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// The right edge of the tree.
    pub tree: TreeEdge,
    /// The bytes of the partial entry bundle, empty when the last one is full.
    pub entries: Vec<u8>,
    /// The bytes of the partial side bundle.
    pub chains: Vec<u8>,
}

/// What a round stores, and the edge after it.
#[derive(Debug)]
pub struct Plan {
    /// Every object that is new or changed.
    pub objects: Vec<Object>,
    /// The edge after the round.
    pub edge: Edge,
}

/// Why a round cannot be planned. All mean that something is broken: nothing may be signed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// An entry does not fit a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The tiles of the round no longer hold the tree that was signed before.
    #[error("the planned tiles do not continue the signed tree of {0} leaves")]
    Forked(u64),
    /// Only a round with entries is staged, so that nothing else can be stored durably.
    #[error("a round without entries cannot store {0} objects")]
    Detached(usize),
}

/// Plans a round on top of the tree with root `signed`. Costs two hashes for each entry, and those of the edge and of the
/// leaves in its partial bundle, which show that what is planned still holds the whole of the signed tree: a bit that
/// flipped in memory since the last round is found here.
///
/// # Errors
/// [`PlanError`].
pub fn plan(edge: &Edge, signed: &Hash, round: Round) -> Result<Plan, PlanError> {
    if round.entries.is_empty() && !round.objects.is_empty() {
        return Err(PlanError::Detached(round.objects.len()));
    }
    let mut next = edge.clone();
    let hashes: Vec<Hash> = round.entries.iter().map(|entry| Hash::of_leaf(&entry.leaf)).collect();
    let mut tiles = next.tree.append(&hashes);
    check_continues(edge, signed, &tiles)?;
    check_bundles(edge)?;
    let size = edge.tree.size();
    let leaves = round.entries.iter().map(|entry| &entry.leaf[..]);
    tiles.extend(append_bundles(Kind::Entries, size, &mut next.entries, leaves)?);
    let chains = round.entries.iter().map(|entry| &entry.chain[..]);
    tiles.extend(append_bundles(Kind::Chains, size, &mut next.chains, chains)?);
    let mut objects = round.objects;
    objects.extend(tiles.into_iter().map(|(path, bytes)| tile_object(path, bytes)));
    Ok(Plan { objects, edge: next })
}

fn tile_object(path: TilePath, bytes: Vec<u8>) -> Object {
    Object { place: Place::Public, name: path.to_string(), bytes }
}

/// Appends items to the partial bundle; gives every bundle that is new or changed.
fn append_bundles<'a>(
    kind: Kind,
    size: u64,
    bundle: &mut Vec<u8>,
    items: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<(TilePath, Vec<u8>)>, BundleError> {
    let full = u64::from(FULL_WIDTH);
    let mut bundles = Vec::new();
    let mut end = size;
    for item in items {
        bundle::append(bundle, item)?;
        end += 1;
        if end.is_multiple_of(full) {
            bundles
                .push((TilePath { kind, index: end / full - 1, width: FULL_WIDTH }, std::mem::take(bundle)));
        }
    }
    if end > size && !end.is_multiple_of(full) {
        bundles.push((TilePath { kind, index: end / full, width: (end % full) as u16 }, bundle.clone()));
    }
    Ok(bundles)
}

/// The edge is that of the signed tree, and every tile that the round changes still begins with what it held: so the
/// tree that the new tiles hold begins with the signed one.
fn check_continues(edge: &Edge, signed: &Hash, tiles: &[(TilePath, Vec<u8>)]) -> Result<(), PlanError> {
    let continues = edge.tree.partial_tiles().iter().all(|(old, held)| {
        let mut same = tiles.iter().filter(|(new, _)| new.kind == old.kind && new.index == old.index);
        same.all(|(_, bytes)| bytes.starts_with(held))
    });
    let signed_is_edge = edge.tree.root() == *signed;
    if continues && signed_is_edge { Ok(()) } else { Err(PlanError::Forked(edge.tree.size())) }
}

/// The partial bundles hold as many items as the edge, and the leaves are those of its tree.
fn check_bundles(edge: &Edge) -> Result<(), PlanError> {
    let width = (edge.tree.size() % u64::from(FULL_WIDTH)) as u16;
    bundle::entries(&edge.chains, width)?;
    let hashes = leaf_hashes(&edge.entries, width)?;
    let tiles = edge.tree.partial_tiles();
    let leaves = tiles.first().filter(|(path, _)| path.kind == Kind::Hashes(0));
    let held = leaves.map_or(&[][..], |(_, bytes)| bytes);
    if hashes == held { Ok(()) } else { Err(PlanError::Forked(edge.tree.size())) }
}

/// The bytes of the tile of level 0 that belongs to an entry bundle.
pub(super) fn leaf_hashes(bundle: &[u8], width: u16) -> Result<Vec<u8>, BundleError> {
    Ok(bundle::entries(bundle, width)?.flat_map(|leaf| Hash::of_leaf(leaf).0).collect())
}

#[cfg(test)]
mod tests;
