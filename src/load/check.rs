//! Afterwards: is every entry that the log gave an SCT for in the log?
//!
//! Where SCTs carry `leaf_index`, the entries that came since the start are read in bulk, hashed, and put on top of the tree
//! at the start: what is found there is included if the root is that of the checkpoint. Elsewhere each leaf is built from its
//! SCT and proved with `get-proof-by-hash`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::connection::Target;
use super::drive::Logged;
use super::fetch::{CheckError, Fetch, hash, hashes, proof_by_hash};
use super::workload::Workload;
use crate::bundle;
use crate::client::api::{GetProofByHash, GetSth};
use crate::commitment::Opening;
use crate::entry::Leaf;
use crate::merkle::{Hash, check_inclusion};
use crate::sct::Extensions;
use crate::submission::records;
use crate::tile::{FULL_WIDTH, Kind, TilePath, TreeEdge};
use crate::tls::Write;

/// Connections that ask for proofs at the same time.
const PROVERS: usize = 16;
/// The wait before a proof is asked for again.
const PAUSE: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// Certificates with an SCT that are in the log as it says.
    pub found: u64,
    /// Certificates with an SCT that are not.
    pub missing: u64,
    /// SCTs for a certificate that differ from its first one.
    pub contradicting: u64,
    /// The size of the log at the end.
    pub tree_size: u64,
    /// How it was checked.
    pub by: &'static str,
    /// How long that took.
    pub seconds: f64,
}

impl Checked {
    /// Whether nothing is missing or contradicted.
    pub fn is_good(&self) -> bool {
        self.missing == 0 && self.contradicting == 0
    }
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Checked { found, missing, contradicting, tree_size, by, seconds } = self;
        write!(f, "{found} entries found in the tree of {tree_size} leaves by {by}, {missing} missing, ")?;
        write!(f, "{contradicting} contradicting SCTs ({seconds:.1} s)")
    }
}

/// Where a log stood before the run.
pub struct Start(Option<TreeEdge>);

impl Start {
    /// For a log that has no tiles, or whose tiles are not to be looked at.
    pub fn without_tiles() -> Self {
        Start(None)
    }

    /// Reads the right edge of the tree, from a log that serves tiles.
    ///
    /// # Errors
    /// [`CheckError`].
    pub async fn read(target: &Target) -> Result<Self, CheckError> {
        let mut log = Fetch::new(target);
        let Some(checkpoint) = log.checkpoint().await? else { return Ok(Start(None)) };
        let mut tiles = Vec::new();
        for path in TreeEdge::tiles_to_load(checkpoint.size) {
            tiles.push(log.tile(path).await?);
        }
        let edge = TreeEdge::load(checkpoint.size, &tiles).ok();
        let edge = edge.filter(|edge| edge.root() == checkpoint.root).ok_or(CheckError::Root)?;
        Ok(Start(Some(edge)))
    }
}

/// Looks for every entry of a run. A log without `leaf_index` gets `delay` to merge them.
///
/// # Errors
/// [`CheckError`], when that cannot be found out.
pub async fn check(
    target: &Target,
    workload: Arc<Workload>,
    logged: Vec<Logged>,
    start: Start,
    delay: Duration,
) -> Result<Checked, CheckError> {
    let begun = Instant::now();
    let (first, contradicting) = distinct(logged);
    let log = Fetch::new(target);
    let in_tiles = |edge: &TreeEdge| {
        let index =
            |logged: &Logged| Extensions::decode(&logged.extensions).ok().map(|found| found.leaf_index);
        first.iter().all(|logged| index(logged).is_some_and(|index| index >= edge.size()))
    };
    let total = first.len() as u64;
    let (found, tree_size, by) = match start.0.filter(in_tiles) {
        Some(edge) => log.find_in_bundles(edge, &workload, first).await?,
        None => find_by_proof(target, workload, first, begun + delay).await?,
    };
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Checked { found, missing: total - found, contradicting, tree_size, by, seconds })
}

/// The first SCT of each certificate, and how many others contradict it.
fn distinct(logged: Vec<Logged>) -> (Vec<Logged>, u64) {
    let mut first: HashMap<u32, Logged> = HashMap::new();
    let mut contradicting = 0;
    for sct in logged {
        let known = first.entry(sct.certificate).or_insert_with(|| sct.clone());
        contradicting += u64::from(*known != sct);
    }
    (first.into_values().collect(), contradicting)
}

impl Fetch {
    async fn find_in_bundles(
        mut self,
        mut edge: TreeEdge,
        workload: &Workload,
        logged: Vec<Logged>,
    ) -> Result<(u64, u64, &'static str), CheckError> {
        let end = self.checkpoint().await?.ok_or(CheckError::Root)?;
        let by_index: HashMap<u64, Logged> = logged
            .into_iter()
            .filter_map(|sct| Some((Extensions::decode(&sct.extensions).ok()?.leaf_index, sct)))
            .collect();
        let mut found = 0;
        while edge.size() < end.size {
            let path = TilePath::of_leaf(Kind::Entries, edge.size(), end.size);
            let path = path.map_err(|_| CheckError::Root)?;
            let bytes = self.tile(path).await?;
            let malformed = |_| CheckError::Malformed(path.to_string());
            let leaves = bundle::entries(&bytes, path.width).map_err(malformed)?;
            let known = edge.size() - path.index * u64::from(FULL_WIDTH);
            let first = edge.size();
            let leaves: Vec<&[u8]> = leaves.skip(known as usize).collect();
            let kept = |(index, leaf): (u64, &&[u8])| {
                u64::from(by_index.get(&index).is_some_and(|sct| is_kept(workload, sct, leaf)))
            };
            found += (first..).zip(&leaves).map(kept).sum::<u64>();
            edge.append(&leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect::<Vec<_>>());
        }
        if edge.root() == end.root { Ok((found, end.size, "entry bundles")) } else { Err(CheckError::Root) }
    }
}

/// Whether a leaf is what the SCT says: its time, its place, its content.
fn is_kept(workload: &Workload, sct: &Logged, leaf: &[u8]) -> bool {
    let (Ok(leaf), Ok(extensions)) = (Leaf::decode(leaf), Extensions::decode(&sct.extensions)) else {
        return false;
    };
    let opening = extensions.opening.unwrap_or(Opening::new([0; 32]));
    let recorded = records(&leaf.entry, &workload.identity(sct.certificate), &opening);
    recorded && (leaf.timestamp, leaf.index) == (sct.timestamp, extensions.leaf_index)
}

async fn find_by_proof(
    target: &Target,
    workload: Arc<Workload>,
    logged: Vec<Logged>,
    until: Instant,
) -> Result<(u64, u64, &'static str), CheckError> {
    let mut missing = logged;
    let mut found = 0;
    loop {
        let sth: GetSth = Fetch::new(target).json("/ct/v1/get-sth").await?;
        let share = missing.len().div_ceil(PROVERS).max(1);
        let tasks: Vec<_> = missing
            .chunks(share)
            .map(|chunk| tokio::spawn(prove(target.clone(), workload.clone(), chunk.to_vec(), sth.clone())))
            .collect();
        let before = missing.len() as u64;
        missing = Vec::new();
        for task in tasks {
            missing.extend(task.await.expect("proving never panics")?);
        }
        found += before - missing.len() as u64;
        if missing.is_empty() || Instant::now() >= until {
            return Ok((found, sth.tree_size, "get-proof-by-hash"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Those that are not proved to be in the tree.
async fn prove(
    target: Target,
    workload: Arc<Workload>,
    logged: Vec<Logged>,
    sth: GetSth,
) -> Result<Vec<Logged>, CheckError> {
    let malformed = || CheckError::Malformed("the answer of get-sth".to_owned());
    let root = hash(&sth.sha256_root_hash).ok_or_else(malformed)?;
    let mut log = Fetch::new(&target);
    let mut missing = Vec::new();
    for sct in logged {
        let leaf = leaf_hash(&workload, &sct);
        let size = sth.tree_size;
        let proof: GetProofByHash = match log.json(&proof_by_hash(&leaf, size)).await {
            Err(CheckError::Status { status, .. }) if status.is_client_error() => {
                missing.push(sct);
                continue;
            }
            proof => proof?,
        };
        let proves =
            |hashes: Vec<Hash>| check_inclusion(&hashes, size, proof.leaf_index, &leaf, &root).is_ok();
        if !hashes(&proof.audit_path).is_some_and(proves) {
            missing.push(sct);
        }
    }
    Ok(missing)
}

/// The hash of the leaf of RFC 6962 §3.4 that an SCT promises.
fn leaf_hash(workload: &Workload, sct: &Logged) -> Hash {
    let mut leaf = vec![0, 0];
    leaf.put_uint(sct.timestamp, 8);
    leaf.extend(workload.identity(sct.certificate).encode());
    leaf.put_opaque(&sct.extensions, 2);
    Hash::of_leaf(&leaf)
}
