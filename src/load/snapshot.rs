//! The tree that readers verify against. Whatever they read must lead to its root; that the root is signed is not what a load
//! test is about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;

use super::connection::Target;
use super::fetch::{CheckError, Fetch, bytes, hash, hashes};
use crate::bundle;
use crate::checkpoint::Checkpoint;
use crate::client::api::{GetProofByHash, GetSth, LookupResponse};
use crate::index::{IndexHead, Known, ListCommitment, ListPage, Query, labels_of_bytes};
use crate::label::Label;
use crate::merkle::{Hash, HashReader, NodeId, check_consistency, check_inclusion, prove_inclusion};
use crate::note::Note;
use crate::synthetic::Draws;
use crate::tile::{FULL_WIDTH, HashedTile, Kind, TileError, TilePath, Tiling, TreeEdge};

/// Leaves of a full tile.
const FULL: u64 = FULL_WIDTH as u64;

/// A log that has just started has no look-ups yet: so often they are asked for again, after so long.
const MOST_WAITS: usize = 100;
const WAIT: Duration = Duration::from_millis(100);

/// What a log offers to readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offers {
    /// C2SP `tlog-tiles`.
    pub tiles: bool,
    /// Look-ups by label.
    pub lookups: bool,
}

impl Offers {
    /// Asks the log.
    pub async fn of(target: &Target) -> Result<Self, CheckError> {
        let mut log = Fetch::new(target);
        let tiles = log.checkpoint().await?.is_some();
        let mut lookups = Self::has_heads(&mut log).await?;
        for _ in 0..MOST_WAITS {
            if lookups.is_some() {
                break;
            }
            tokio::time::sleep(WAIT).await;
            lookups = Self::has_heads(&mut log).await?;
        }
        Ok(Offers { tiles, lookups: tiles && lookups == Some(true) })
    }

    /// Whether there are look-ups; none while the log says that they are not ready.
    async fn has_heads(log: &mut Fetch) -> Result<Option<bool>, CheckError> {
        match log.get("/tn/v1/heads").await {
            Ok(_) => Ok(Some(true)),
            Err(CheckError::Status { status: StatusCode::SERVICE_UNAVAILABLE, .. }) => Ok(None),
            Err(CheckError::Status { .. }) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }
}

/// A tree of the log.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub size: u64,
    root: Hash,
    /// Every tile above the leaves, and the partial one of the leaves.
    upper: BTreeMap<TilePath, Arc<HashedTile>>,
    /// Labels that entries carry.
    pub labels: Vec<Label>,
}

impl Snapshot {
    /// The empty tree.
    pub fn empty() -> Self {
        Snapshot { size: 0, root: Hash::EMPTY_ROOT, upper: BTreeMap::new(), labels: Vec::new() }
    }

    /// Whether there is something to read: a full tile, or an entry of a log without tiles.
    pub fn is_readable(&self, offers: Offers) -> bool {
        self.size >= if offers.tiles { FULL } else { 1 }
    }

    /// The newest tree. Full tiles are read once.
    pub async fn next(&self, log: &mut Fetch, offers: Offers, draws: &mut Draws) -> Result<Self, CheckError> {
        if !offers.tiles {
            let sth: GetSth = log.json("/ct/v1/get-sth").await?;
            let malformed = || CheckError::Malformed("the answer of get-sth".to_owned());
            let root = hash(&sth.sha256_root_hash).ok_or_else(malformed)?;
            return Ok(Snapshot { size: sth.tree_size, root, ..Snapshot::empty() });
        }
        let Checkpoint { size, root, .. } = log.checkpoint().await?.ok_or(CheckError::Root)?;
        let mut upper = BTreeMap::new();
        for path in upper_tiles(size) {
            let tile = match self.upper.get(&path) {
                Some(known) => known.clone(),
                None => Arc::new(hashed(path, &read(log, path).await?)?),
            };
            upper.insert(path, tile);
        }
        let mut labels = self.labels.clone();
        if offers.lookups && size >= FULL {
            labels = labels_of_bundle(log, draws.below((size / FULL) as usize) as u64).await?;
        }
        Ok(Snapshot { size, root, upper, labels })
    }

    /// A full tile of leaf hashes.
    pub fn any_tile(&self, draws: &mut Draws) -> TilePath {
        let index = draws.below((self.size / FULL).max(1) as usize) as u64;
        TilePath { kind: Kind::Hashes(0), index, width: FULL_WIDTH }
    }

    /// The hash of a leaf in a full tile; none unless all hashes of the tile lead to the root. Some 300 hashes.
    pub fn leaf_in(&self, path: TilePath, bytes: &[u8], draws: &mut Draws) -> Option<Hash> {
        let tile = HashedTile::new(path, bytes).ok()?;
        let index = path.index * FULL + draws.below(usize::from(FULL_WIDTH)) as u64;
        let leaf = tile.hash(NodeId { level: 0, index }).ok()?;
        let proof = prove_inclusion(&Below { snapshot: self, path, tile }, index, self.size).ok()?;
        check_inclusion(&proof, self.size, index, &leaf, &self.root).ok()?;
        Some(leaf)
    }

    /// Whether an answer of `get-proof-by-hash` proves that the leaf is in the tree.
    pub fn is_proved(&self, leaf: &Hash, answer: &[u8]) -> bool {
        let proved = || {
            let proof: GetProofByHash = serde_json::from_slice(answer).ok()?;
            check_inclusion(&hashes(&proof.audit_path)?, self.size, proof.leaf_index, leaf, &self.root).ok()
        };
        proved().is_some()
    }
}

/// A tile of leaf hashes with what is above it.
struct Below<'a> {
    snapshot: &'a Snapshot,
    path: TilePath,
    tile: HashedTile,
}

impl HashReader for Below<'_> {
    type Error = TileError;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, TileError> {
        let hash = |&node| match Tiling::C2SP.tile_of(node, self.snapshot.size)? {
            path if path == self.path => self.tile.hash(node),
            path => self.snapshot.upper.get(&path).ok_or(TileError::Missing(path))?.hash(node),
        };
        nodes.iter().map(hash).collect()
    }
}

/// The full tiles above the leaves, and the partial ones.
fn upper_tiles(size: u64) -> Vec<TilePath> {
    let full = |level: u8| {
        let count = size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
        (0..count).map(move |index| TilePath { kind: Kind::Hashes(level), index, width: FULL_WIDTH })
    };
    (1..8).flat_map(full).chain(TreeEdge::tiles_to_load(size)).collect()
}

/// A tile; when the log has grown over a partial one, that much of the full one.
async fn read(log: &mut Fetch, path: TilePath) -> Result<bytes::Bytes, CheckError> {
    match log.tile(path).await {
        Err(CheckError::Status { .. }) if path.is_partial() => {
            let full = log.tile(path.full()).await?;
            Ok(full.slice(..full.len().min(32 * usize::from(path.width))))
        }
        read => read,
    }
}

fn hashed(path: TilePath, bytes: &[u8]) -> Result<HashedTile, CheckError> {
    HashedTile::new(path, bytes).map_err(|_| CheckError::Malformed(path.to_string()))
}

async fn labels_of_bundle(log: &mut Fetch, index: u64) -> Result<Vec<Label>, CheckError> {
    let path = TilePath { kind: Kind::Entries, index, width: FULL_WIDTH };
    let bytes = log.tile(path).await?;
    let leaves = bundle::entries(&bytes, FULL_WIDTH).map_err(|_| CheckError::Malformed(path.to_string()))?;
    Ok(leaves.flat_map(labels_of_bytes).collect())
}

/// Whether an answer shows all of a label, or that it is not there, in a head of an index log that fits its checkpoints. No
/// signature is verified.
pub(super) fn shows(label: &Label, answer: &[u8]) -> bool {
    shown(label, answer).is_some()
}

fn shown(label: &Label, answer: &[u8]) -> Option<()> {
    let response: LookupResponse = serde_json::from_slice(answer).ok()?;
    let leaf = bytes(&response.head.head)?;
    let head = IndexHead::decode(&leaf).ok()?;
    let query = Query::labels(&[*label]).ok()?;
    let list = query.check(&bytes(&response.proof)?, &head.index_root).ok()?.list(label);
    match response.pages.as_slice() {
        [] if list == ListCommitment::NONE => {}
        [page] => {
            let page = ListPage::decode(&bytes(&page.page)?).ok()?;
            page.check(&Known::NOTHING, &list, head.size).ok()?;
        }
        _ => return None,
    }
    let heads = checkpoint(&response.index_checkpoint)?;
    let inclusion = hashes(&response.head.inclusion)?;
    check_inclusion(&inclusion, heads.size, response.head.index, &Hash::of_leaf(&leaf), &heads.root).ok()?;
    let entries = checkpoint(&response.checkpoint)?;
    let (of_head, of_log) = ((head.size, &head.root), (entries.size, &entries.root));
    let (small, large) = if head.size <= entries.size { (of_head, of_log) } else { (of_log, of_head) };
    check_consistency(&hashes(&response.consistency)?, small.0, small.1, large.0, large.1).ok()
}

fn checkpoint(note: &str) -> Option<Checkpoint> {
    Checkpoint::parse(Note::parse(note.as_bytes()).ok()?.text()).ok()
}
