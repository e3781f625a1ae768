//! Opening a log: what was signed and staged is applied, and what is stored is compared with what was signed.

use super::settler::{Applied, Settler};
use super::{CHECKPOINT, Published, SequencerError, Stores, apply, damaged, read_staged};
use crate::bundle;
use crate::client::store::{CheckpointLock, LockError, ObjectStore};
use crate::merkle::{self, Hash, HashReader, NodeId, ProveError};
use crate::server::plan::{self, Edge};
use crate::server::signer::{CheckpointSigner, SignedTree};
use crate::server::staging::{self, Staging, Tree};
use crate::tile::{FULL_WIDTH, Kind, TileError, TilePath, Tiling, TreeEdge};

const FOREIGN_CHECKPOINT: &str = "the published checkpoint is whole and not signed by this log's keys: it is damaged or of \
                                  another log. Restore it, or remove it when the lock is known to be the newest";

/// Brings the stores to the lock's checkpoint and reads the edge there. The checkpoint is still to be published.
pub(super) fn recover(
    stores: &Stores,
    lock: &mut dyn CheckpointLock,
    signer: &CheckpointSigner,
    settler: &Settler,
) -> Result<(Edge, Published), SequencerError> {
    let note =
        lock.load().map_err(LockError::from)?.ok_or_else(|| damaged("the lock holds no checkpoint"))?;
    let signed = signer.open(&note).ok_or_else(|| {
        damaged(
            "the lock's checkpoint is not signed by this log's keys: the keys or the lock are of another log",
        )
    })?;
    let published = check_published(stores, signer, &signed)?;
    // What was read may not be durable: its replacement failed, or its process was killed before it was.
    lock.replace(&note, &note)?;
    for staging in signed_rounds(stores, signed.tree)? {
        apply(stores, &staging)?;
        settler.waiting().push(Applied::of(&staging));
    }
    let edge = read_edge(&*stores.public, signed.tree)?;
    if let Some(published) = published {
        check_begins(&*stores.public, published, signed.tree)?;
    }
    let note = String::from_utf8(note).map_err(|_| damaged("the lock's checkpoint is no text"))?;
    Ok((edge, Published { note, tree: signed.tree, time: signed.time }))
}

/// The published checkpoint may be older than the lock's, never newer or another. Gives its tree, none when a crash took it.
fn check_published(
    stores: &Stores,
    signer: &CheckpointSigner,
    signed: &SignedTree,
) -> Result<Option<Tree>, SequencerError> {
    let read = |error| SequencerError::Store("read the published checkpoint", error);
    let Some(note) = stores.public.get(CHECKPOINT).map_err(read)? else { return Ok(None) };
    let Some(published) = signer.open(&note) else {
        // A crash may leave the file empty or cut: it is not synced, and written again from the lock.
        return if signer.is_whole(&note) { Err(damaged(FOREIGN_CHECKPOINT)) } else { Ok(None) };
    };
    let ahead = published.tree.size > signed.tree.size || published.time > signed.time;
    let contradicts = published.tree.size == signed.tree.size && published.tree.root != signed.tree.root;
    if ahead || contradicts {
        return Err(damaged(format!(
            "the served folder holds a signed checkpoint of {} leaves that the lock, at {}, does not know: the lock was set \
             back. Put back the newest lock, and no older copy of anything else: a log that goes on from an older state forks",
            published.tree.size, signed.tree.size
        )));
    }
    Ok(Some(published.tree))
}

/// The tree that was published last is the beginning of the signed one.
fn check_begins(public: &dyn ObjectStore, published: Tree, signed: Tree) -> Result<(), SequencerError> {
    let tiles = StoredTiles { public, size: signed.size };
    let root = merkle::tree_root(&tiles, published.size).map_err(|error| match error {
        ProveError::Read(error) => error,
        other => damaged(other.to_string()),
    })?;
    if root == published.root {
        return Ok(());
    }
    Err(damaged(format!(
        "the tree of {} leaves that was published is not the beginning of the signed one of {}: the lock and the served \
         folder are of two histories. Publish both checkpoints, and end this log",
        published.size, signed.size
    )))
}

/// The tiles of the tree of so many leaves.
struct StoredTiles<'a> {
    public: &'a dyn ObjectStore,
    size: u64,
}

impl HashReader for StoredTiles<'_> {
    type Error = SequencerError;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, SequencerError> {
        let wrong = |error: TileError| damaged(error.to_string());
        let hash = |node: &NodeId| {
            let tile = Tiling::C2SP.tile_of(*node, self.size).map_err(|error| wrong(error.into()))?;
            Tiling::C2SP.hash_in(*node, tile, &read_tile(self.public, tile)?).map_err(wrong)
        };
        nodes.iter().map(hash).collect()
    }
}

fn read_tile(public: &dyn ObjectStore, path: TilePath) -> Result<Vec<u8>, SequencerError> {
    let bytes = public.get(&path.to_string());
    let bytes = bytes.map_err(|error| SequencerError::Store("read the tree", error))?;
    bytes.ok_or_else(|| damaged(format!("{path} is missing")))
}

/// The staged rounds that lead to the signed tree, oldest first. Others were never signed, and are dropped. They are found
/// by name, so that a store that lists less than it holds loses none.
fn signed_rounds(stores: &Stores, signed: Tree) -> Result<Vec<Staging>, SequencerError> {
    let fail = |error| SequencerError::Store("read the staged rounds", error);
    let names = stores.private.list(staging::FOLDER).map_err(fail)?;
    let mut rounds: Vec<Staging> = Vec::new();
    let mut tree = signed;
    while let Some(staging) = read_staged(stores, &tree)? {
        tree = staging.old;
        rounds.push(staging);
    }
    let next = Staging::name_of(&tree);
    if names.contains(&next) {
        return Err(damaged(format!("{next} is listed and cannot be read")));
    }
    let kept: Vec<String> = rounds.iter().map(Staging::name).collect();
    for name in names.iter().filter(|name| !kept.contains(name)) {
        stores.private.delete(name).map_err(fail)?;
    }
    rounds.reverse();
    Ok(rounds)
}

/// Whether the newest tiles and bundles of a store hold this tree.
///
/// # Errors
/// [`SequencerError::Damaged`], and when they cannot be read.
pub(in crate::server) fn check_edge(public: &dyn ObjectStore, tree: Tree) -> Result<(), SequencerError> {
    read_edge(public, tree).map(drop)
}

/// Reads the right edge of a tree and compares it with the root that was signed; the last bundles, with the tiles.
fn read_edge(public: &dyn ObjectStore, tree: Tree) -> Result<Edge, SequencerError> {
    let read = |path| read_tile(public, path);
    let paths = TreeEdge::tiles_to_load(tree.size);
    let tiles = paths.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let edge = TreeEdge::load(tree.size, &tiles).map_err(|error| damaged(error.to_string()))?;
    if edge.root() != tree.root {
        return Err(damaged(format!("the tiles do not hold the signed tree of {} leaves", tree.size)));
    }
    let width = (tree.size % u64::from(FULL_WIDTH)) as u16;
    if width == 0 {
        return Ok(Edge { tree: edge, ..Edge::default() });
    }
    let last = |kind| TilePath { kind, index: tree.size / u64::from(FULL_WIDTH), width };
    let (entries, chains) = (read(last(Kind::Entries))?, read(last(Kind::Chains))?);
    let malformed = |kind, error| damaged(format!("{}: {error}", last(kind)));
    bundle::entries(&chains, width).map_err(|error| malformed(Kind::Chains, error))?;
    let hashes = plan::leaf_hashes(&entries, width).map_err(|error| malformed(Kind::Entries, error))?;
    if tiles.first() != Some(&hashes) {
        return Err(damaged(format!("{} does not hold the leaves of the tree", last(Kind::Entries))));
    }
    Ok(Edge { tree: edge, entries, chains })
}
