//! A verified view of a log: nothing is given out that does not follow from a checkpoint that meets the policy, and each
//! checkpoint continues the one before.
//!
//! Tiles are verified from the root down: those of the right edge give the root of the checkpoint, every other one the hash
//! that its parent holds for it. So when a consistency proof made of them fails, it is no damage but a fork, and the two
//! signed checkpoints show it to anybody. That travels as [`Misbehaviour`], apart from all ordinary errors.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::source::{CHECKPOINT, Source, SourceError, fetch_existing, fetch_tile};
use crate::bundle::{self, BundleError};
use crate::checkpoint::Checkpoint;
use crate::entry::{Entry, Leaf, LeafError};
use crate::merkle::{
    Hash, HashReader, NodeId, RangeError, check_consistency, plan_consistency, plan_inclusion,
    prove_consistency, prove_inclusion, root_nodes, tree_root,
};
use crate::note::{MAX_NOTE, Note, VerifierKey};
use crate::policy::{Checked, Policy, PolicyBuilder, PolicyError, RuleError};
use crate::receipt::{KnownLog, ParametersError};
use crate::tile::{FULL_WIDTH, Kind, TilePath, TileSet, Tiling, TreeEdge};

/// The path of the newest checkpoint that the log's witnesses have cosigned, or the verifiers of an index log.
const COSIGNED: &str = "tn/v1/checkpoint";

/// The most entries of one [`LogReader::entries`].
pub const MAX_ENTRIES: u64 = 1024;

/// Why something of a log cannot be given out.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The checkpoint does not meet the policy.
    #[error("the log's checkpoint is not to be believed: {0}")]
    Policy(#[from] PolicyError),
    /// What is served is not the tree of the checkpoint. It may be damage of the place that serves it.
    #[error("{0} does not belong to the tree of the checkpoint")]
    Damaged(TilePath),
    /// An entry bundle is none.
    #[error("{path}: {error}")]
    Bundle {
        /// Which one.
        path: TilePath,
        /// Why not.
        error: BundleError,
    },
    /// The place that serves the log shows a smaller tree than one seen before. A place that lags behind does that.
    #[error(
        "the checkpoint has {shown} leaves and one of {seen} was seen before{}; ask another place that serves the log, or later",
        if *.consistent { "" } else { ", and the tiles served here do not show whether the one begins with the other" }
    )]
    Older {
        /// Leaves of the newest checkpoint that was seen.
        seen: u64,
        /// Leaves of the one that is shown.
        shown: u64,
        /// Whether it was proved that the tree seen before begins with the one that is shown.
        consistent: bool,
        /// Both as they were signed: the one that was seen, the one that is shown.
        notes: Box<[Note; 2]>,
    },
    /// Another log than before.
    #[error("the checkpoint is of the log {shown}, and the one seen before of {seen}")]
    OtherLog {
        /// The origin seen before.
        seen: String,
        /// The one that is shown.
        shown: String,
    },
    /// Beyond the tree.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// Nothing was fetched yet.
    #[error("no checkpoint was fetched yet")]
    NoCheckpoint,
    /// A leaf that is none.
    #[error("the leaf {index}: {error}")]
    Leaf {
        /// Its index.
        index: u64,
        /// Why not.
        error: LeafError,
    },
    /// Leaf 0 is not what every log begins with.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// **The log cheats**: see [`Misbehaviour`].
    #[error(transparent)]
    Misbehaviour(Box<Misbehaviour>),
}

/// What no honest log does, with what proves it to anybody who knows the log's key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// The log signed two trees of which neither continues the other.
    #[error(
        "THE LOG HAS FORKED: it signed two trees, and one does not continue the other. Keep both checkpoints; they prove it"
    )]
    Fork {
        /// The signed checkpoint that was seen first.
        seen: Note,
        /// The one that contradicts it.
        shown: Note,
    },
}

/// A checkpoint that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The note as it was signed.
    pub note: Note,
    /// What the policy found in it.
    pub checked: Checked,
}

impl Seen {
    /// Size and root.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checked.checkpoint
    }
}

/// A checkpoint that the log signed, and too few witnesses cosigned.
#[derive(Clone, Debug)]
struct Uncosigned {
    note: Note,
    checkpoint: Checkpoint,
    lacks: PolicyError,
}

impl Uncosigned {
    fn new(bytes: &[u8], lacks: PolicyError) -> Result<Self, ReadError> {
        let note = Note::parse(bytes).map_err(PolicyError::from)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(PolicyError::from)?;
        Ok(Uncosigned { note, checkpoint, lacks })
    }
}

/// The policy that asks for the signature of this log and no witness.
///
/// # Errors
/// When the key is one that cosigns.
pub fn policy_of_key(key: VerifierKey) -> Result<Policy, RuleError> {
    let mut builder = PolicyBuilder::default();
    builder.log(key, None)?.quorum("none")?;
    Ok(builder.build().expect("the quorum is set"))
}

/// Reads one log, and remembers the newest checkpoint that it has verified.
#[derive(Debug)]
pub struct LogReader<S> {
    source: Arc<S>,
    policy: Policy,
    seen: Option<Seen>,
    /// The newest checkpoint, when it lacked the quorum at the last update.
    uncosigned: Option<Uncosigned>,
}

impl<S: Source> LogReader<S> {
    /// A reader that has seen nothing of the log yet.
    pub fn new(source: Arc<S>, policy: Policy) -> Self {
        LogReader { source, policy, seen: None, uncosigned: None }
    }

    /// A reader that goes on from a checkpoint that it verified in an earlier life.
    ///
    /// # Errors
    /// [`ReadError::Policy`] when that does not meet the policy.
    pub fn resume(source: Arc<S>, policy: Policy, seen: &[u8]) -> Result<Self, ReadError> {
        let seen = verify(&policy, seen)?;
        Ok(LogReader { source, policy, seen: Some(seen), uncosigned: None })
    }

    /// Where it reads.
    pub fn source(&self) -> &Arc<S> {
        &self.source
    }

    /// The newest checkpoint that it has verified.
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_ref()
    }

    /// Which quorum the log's newest checkpoint lacked at the last [`update`](Self::update), and who is missing; an older one that is
    /// cosigned may have been taken. None when it lacked nothing.
    pub fn lacks(&self) -> Option<&PolicyError> {
        self.uncosigned.as_ref().map(|newest| &newest.lacks)
    }

    /// Whether the newest checkpoint, where it lacks the quorum, continues what was taken: the log signed both. What cannot be read
    /// says nothing.
    ///
    /// # Errors
    /// [`ReadError::Misbehaviour`].
    pub async fn check_uncosigned(&self) -> Result<(), ReadError> {
        let (Some(taken), Some(newest)) = (&self.seen, &self.uncosigned) else { return Ok(()) };
        let old = (&taken.note, taken.checkpoint());
        match self.check_continues(old, (&newest.note, &newest.checkpoint)).await {
            Err(error @ ReadError::Misbehaviour(_)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Fetches the checkpoint of the log, and takes it when it meets the policy and continues the one seen before. Where the
    /// newest one is not cosigned yet as the policy asks, the newest that the log says is cosigned is fetched.
    ///
    /// # Errors
    /// [`ReadError`]; what was seen before then stays. [`ReadError::Misbehaviour`] when the log contradicts itself.
    pub async fn update(&mut self) -> Result<&Seen, ReadError> {
        let bytes = fetch_existing(&*self.source, CHECKPOINT, MAX_NOTE).await?;
        self.uncosigned = None;
        let new = match verify(&self.policy, &bytes) {
            Err(ReadError::Policy(lacks @ PolicyError::Quorum { .. })) => {
                self.uncosigned = Some(Uncosigned::new(&bytes, lacks.clone())?);
                self.cosigned(lacks.into()).await?
            }
            other => other?,
        };
        self.take(new).await
    }

    /// Takes a checkpoint that came on another way, when it meets the policy and continues the one seen before.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub async fn observe(&mut self, note: &[u8]) -> Result<&Seen, ReadError> {
        self.take(verify(&self.policy, note)?).await
    }

    async fn take(&mut self, new: Seen) -> Result<&Seen, ReadError> {
        if let Some(old) = &self.seen {
            self.check_continues((&old.note, old.checkpoint()), (&new.note, new.checkpoint())).await?;
        }
        Ok(self.seen.insert(new))
    }

    /// The checkpoint that is said to be cosigned; the error of the plain one where there is no such thing.
    async fn cosigned(&self, plain: ReadError) -> Result<Seen, ReadError> {
        match self.source.fetch(COSIGNED, MAX_NOTE).await? {
            Some(note) => verify(&self.policy, &note),
            None => Err(plain),
        }
    }

    async fn check_continues(
        &self,
        (old, before): (&Note, &Checkpoint),
        (new, after): (&Note, &Checkpoint),
    ) -> Result<(), ReadError> {
        if before.origin != after.origin {
            return Err(ReadError::OtherLog { seen: before.origin.clone(), shown: after.origin.clone() });
        }
        let backwards = before.size > after.size;
        let (small, large) = if backwards { (after, before) } else { (before, after) };
        let older = |consistent| ReadError::Older {
            seen: before.size,
            shown: after.size,
            consistent,
            notes: Box::new([old.clone(), new.clone()]),
        };
        match self.is_consistent(small, large).await {
            Ok(true) if backwards => Err(older(true)),
            Ok(true) => Ok(()),
            Ok(false) => {
                let fork = Misbehaviour::Fork { seen: old.clone(), shown: new.clone() };
                Err(ReadError::Misbehaviour(Box::new(fork)))
            }
            Err(ReadError::Damaged(_) | ReadError::Source(SourceError::Missing(_))) if backwards => {
                Err(older(false))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the tree `large` begins with `small`. Only verified tiles of `large` count.
    async fn is_consistent(&self, small: &Checkpoint, large: &Checkpoint) -> Result<bool, ReadError> {
        if small.size == large.size {
            return Ok(small.root == large.root);
        }
        let plan = plan_consistency(small.size, large.size)?;
        let tiles = verified_tiles(&self.source, large, plan.nodes()).await?;
        let proof =
            prove_consistency(&tiles, small.size, large.size).expect("the tiles of the plan are there");
        Ok(check_consistency(&proof, small.size, &small.root, large.size, &large.root).is_ok())
    }

    /// The consistency proof between two trees that the newest checkpoint begins with, out of verified tiles.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Range`] when `old` is larger than `new`, or `new` than the newest checkpoint.
    pub async fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, ReadError> {
        let newest = self.newest()?;
        if old > new || new > newest.size {
            return Err(RangeError { first: old.max(new), size: newest.size }.into());
        }
        if old == 0 || old == new {
            return Ok(Vec::new());
        }
        let plan = plan_consistency(old, new)?;
        let tiles = verified_tiles(&self.source, newest, plan.nodes()).await?;
        Ok(prove_consistency(&tiles, old, new).expect("the tiles of the plan are there"))
    }

    /// The inclusion proof of a leaf in the newest checkpoint, out of verified tiles. Reads two tiles of each level at most.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn inclusion_proof(&self, index: u64) -> Result<Vec<Hash>, ReadError> {
        self.inclusion_proof_within(index, self.newest()?.size).await
    }

    /// The same in a smaller tree that the newest checkpoint begins with.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn inclusion_proof_within(&self, index: u64, size: u64) -> Result<Vec<Hash>, ReadError> {
        let checkpoint = self.newest()?;
        if size > checkpoint.size {
            return Err(RangeError { first: size, size: checkpoint.size }.into());
        }
        let plan = plan_inclusion(index, size)?;
        let tiles = verified_tiles(&self.source, checkpoint, plan.nodes()).await?;
        Ok(prove_inclusion(&tiles, index, size).expect("the tiles of the plan are there"))
    }

    /// The leaves of a range, cut to the first [`MAX_ENTRIES`], each verified to stand at its index.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Range`] when the range begins beyond the newest checkpoint.
    pub async fn entries(&self, range: Range<u64>) -> Result<Vec<Bytes>, ReadError> {
        let checkpoint = self.newest()?;
        let Range { start, end } = range;
        if start >= checkpoint.size {
            return Err(RangeError { first: start, size: checkpoint.size }.into());
        }
        let end = end.min(checkpoint.size).min(start.saturating_add(MAX_ENTRIES));
        let full = u64::from(FULL_WIDTH);
        let mut leaves = Vec::new();
        for bundle in start / full..end.div_ceil(full) {
            let all = verified_bundle(&self.source, checkpoint, bundle).await?;
            let first = bundle * full;
            let wanted = (first..).zip(all).filter(|(index, _)| (start..end).contains(index));
            leaves.extend(wanted.map(|(_, leaf)| leaf));
        }
        Ok(leaves)
    }

    /// Whether the tree of the newest checkpoint begins with one of this size and root.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn begins_with(&self, size: u64, root: &Hash) -> Result<bool, ReadError> {
        let newest = self.newest()?;
        match size {
            0 => Ok(*root == Hash::EMPTY_ROOT),
            _ if size > newest.size => Err(RangeError { first: size, size: newest.size }.into()),
            _ => {
                let small = Checkpoint::new(newest.origin.clone(), size, *root);
                self.is_consistent(&small, newest).await
            }
        }
    }

    /// The right edge of the tree when it had `size` leaves, out of verified tiles of the newest checkpoint.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Range`] when the newest checkpoint has fewer leaves.
    pub async fn edge(&self, size: u64) -> Result<TreeEdge, ReadError> {
        let newest = self.newest()?;
        if size > newest.size {
            return Err(RangeError { first: size, size: newest.size }.into());
        }
        let mut tiles = Vec::new();
        for path in TreeEdge::tiles_to_load(size) {
            let Kind::Hashes(level) = path.kind else { continue };
            let first = path.index * u64::from(FULL_WIDTH);
            let nodes =
                (first..first + u64::from(path.width)).map(|index| NodeId { level: 8 * level, index });
            let nodes: Vec<_> = nodes.collect();
            let set = verified_tiles(&self.source, newest, &nodes).await?;
            let hashes = HashReader::read(&set, &nodes).map_err(|_| ReadError::Damaged(path))?;
            tiles.push(hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>());
        }
        let last = edge_tile(&TreeEdge::tiles_to_load(size));
        TreeEdge::load(size, &tiles).map_err(|_| ReadError::Damaged(last))
    }

    /// The hashes of the complete subtrees of the tree when it had `size` leaves, left to right, out of verified tiles.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Range`] when the newest checkpoint has fewer leaves.
    pub async fn subtrees(&self, size: u64) -> Result<Vec<Hash>, ReadError> {
        let newest = self.newest()?;
        if size > newest.size {
            return Err(RangeError { first: size, size: newest.size }.into());
        }
        let nodes = root_nodes(size);
        let tiles = verified_tiles(&self.source, newest, &nodes).await?;
        Ok(HashReader::read(&tiles, &nodes).expect("the tiles of the nodes are there"))
    }

    /// One leaf, decoded and verified to stand at its index.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn leaf(&self, index: u64) -> Result<Leaf, ReadError> {
        let leaves = self.entries(index..index.saturating_add(1)).await?;
        let bytes = leaves.first().ok_or(RangeError { first: index, size: index })?;
        Leaf::decode(bytes).map_err(|error| ReadError::Leaf { index, error })
    }

    /// The parameters of the log: leaf 0 of the newest checkpoint.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn parameters(&self) -> Result<KnownLog, ReadError> {
        let Entry::Parameters(parameters) = self.leaf(0).await?.entry else {
            return Err(ParametersError::Leaf.into());
        };
        if parameters.origin != self.newest()?.origin {
            return Err(ParametersError::Leaf.into());
        }
        Ok(KnownLog::new(parameters)?)
    }

    fn newest(&self) -> Result<&Checkpoint, ReadError> {
        self.seen.as_ref().map(Seen::checkpoint).ok_or(ReadError::NoCheckpoint)
    }
}

fn verify(policy: &Policy, bytes: &[u8]) -> Result<Seen, ReadError> {
    let note = Note::parse(bytes).map_err(PolicyError::from)?;
    let checked = policy.check_note(&note)?;
    Ok(Seen { note, checked })
}

/// The leaves of one bundle, each verified to stand at its index in the tree of the checkpoint.
pub(super) async fn verified_bundle<S: Source>(
    source: &Arc<S>,
    checkpoint: &Checkpoint,
    index: u64,
) -> Result<Vec<Bytes>, ReadError> {
    let first = index * u64::from(FULL_WIDTH);
    let width = (checkpoint.size - first).min(FULL_WIDTH.into()) as u16;
    let path = TilePath { kind: Kind::Entries, index, width };
    let bytes = fetch_tile(&**source, path).await?;
    let nodes: Vec<_> = (first..first + u64::from(width)).map(|index| NodeId { level: 0, index }).collect();
    let tiles = verified_tiles(source, checkpoint, &nodes).await?;
    let hashes = HashReader::read(&tiles, &nodes).expect("the tile of the leaves is there");
    let entries = bundle::entries(&bytes, width).map_err(|error| ReadError::Bundle { path, error })?;
    let leaves: Vec<_> = entries.map(|entry| bytes.slice_ref(entry)).collect();
    let same = leaves.iter().zip(&hashes).all(|(leaf, hash)| Hash::of_leaf(leaf) == *hash);
    if same { Ok(leaves) } else { Err(ReadError::Damaged(path)) }
}

/// Fetches the tiles that hold `nodes`, with all above them, and verifies them against the root.
async fn verified_tiles<S: Source>(
    source: &Arc<S>,
    checkpoint: &Checkpoint,
    nodes: &[NodeId],
) -> Result<TileSet<Bytes>, ReadError> {
    let size = checkpoint.size;
    let mut tiles = Tiling::C2SP.tiles_of(&[&root_nodes(size), nodes].concat(), size)?;
    let mut next = 0;
    while let Some(&tile) = tiles.get(next) {
        if let Some((parent, _)) = parent(tile, size)?
            && !tiles.contains(&parent)
        {
            tiles.push(parent);
        }
        next += 1;
    }
    let bytes = fetch_tiles(source, &tiles).await?;
    let broken = |tile| ReadError::Damaged(tile);
    let set = TileSet::new(size, bytes.clone()).map_err(|_| broken(tiles[0]))?;
    if tree_root(&set, size).ok() != Some(checkpoint.root) {
        return Err(broken(edge_tile(&tiles)));
    }
    for (&tile, held) in &bytes {
        let Some((above, node)) = parent(tile, size)? else { continue };
        let expected = Tiling::C2SP.hash_in(node, above, &bytes[&above]).map_err(|_| broken(above))?;
        let (left, right) = (child(node, 0), child(node, 1));
        let half = |node| Tiling::C2SP.hash_in(node, tile, held).map_err(|_| broken(tile));
        if Hash::of_node(&half(left)?, &half(right)?) != expected {
            return Err(broken(tile));
        }
    }
    Ok(set)
}

/// The tile that holds the hash of this one, and the name of that hash. Partial tiles have none: they lie on the edge, and
/// the root itself vouches for each of their hashes.
fn parent(tile: TilePath, size: u64) -> Result<Option<(TilePath, NodeId)>, RangeError> {
    let Kind::Hashes(level) = tile.kind else { return Ok(None) };
    if tile.is_partial() {
        return Ok(None);
    }
    let node = NodeId { level: 8 * (level + 1), index: tile.index };
    Ok(Some((Tiling::C2SP.tile_of(node, size)?, node)))
}

fn child(node: NodeId, side: u64) -> NodeId {
    NodeId { level: node.level - 1, index: 2 * node.index + side }
}

fn edge_tile(tiles: &[TilePath]) -> TilePath {
    let first = tiles.iter().find(|tile| tile.is_partial()).or(tiles.first());
    first.copied().unwrap_or(TilePath { kind: Kind::Hashes(0), index: 0, width: FULL_WIDTH })
}

async fn fetch_tiles<S: Source>(
    source: &Arc<S>,
    tiles: &[TilePath],
) -> Result<BTreeMap<TilePath, Bytes>, SourceError> {
    let mut fetching = JoinSet::<Result<_, SourceError>>::new();
    for &tile in tiles {
        let source = source.clone();
        fetching.spawn(async move { Ok((tile, fetch_tile(&*source, tile).await?)) });
    }
    let mut fetched = BTreeMap::new();
    while let Some(done) = fetching.join_next().await {
        let (tile, bytes) = done.expect("fetching does not panic")?;
        fetched.insert(tile, bytes);
    }
    Ok(fetched)
}
