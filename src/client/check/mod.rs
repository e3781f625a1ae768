//! The one checker that recomputes a whole log, for `tnlog audit`, tests and monitors.
//!
//! It reads every entry bundle in order and recomputes from the leaves all that a log serves: the encoding, index and time
//! of each leaf; leaf 0; that what stands in the open may stand there; the chains beside the leaves and the issuers
//! that they name; every key statement, with its signature and the two leaves that it names, and that it was not said before; of every
//! registration, what everybody can check; every tile of every level; the root; the RFC 6962 tree head and its time. The first thing
//! that is wrong is reported with its place. It goes on from where it stopped, so that a monitor checks each leaf once.
//!
//! It does not verify signatures on certificates, nor anything hidden: labels, commitments and ids of a `number_entry` can
//! be checked by the holders of certificates alone. Repeated certificate ids are not looked for, since that takes memory for
//! every entry; a monitor that keeps such memory does.

mod bundle;
mod claims;
mod earlier;
mod fault;
mod issuers;
mod pipeline;

use std::sync::Arc;

use bytes::Bytes;

pub use bundle::{CheckedCertificate, CheckedLeaf};
pub use claims::Claims;
pub(in crate::client) use claims::{Named, check_registration, check_statement};
pub use fault::{CheckError, Fault, FaultKind};

use bundle::Facts;
use pipeline::{Checked, Pipeline};

use super::source::{CHECKPOINT, Source, fetch_tile};
use crate::checkpoint::{Checkpoint, TreeHead};
use crate::entry::{Entry, Leaf, Parameters};
use crate::merkle::Hash;
use crate::note::Note;
use crate::receipt::KnownLog;
use crate::tile::{FULL_WIDTH, Kind, TilePath, TreeEdge};

/// How far a log was checked, and what the next check needs of it: 64 KiB at most, and the size of [`Claims`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The right edge of the tree that was checked.
    pub edge: TreeEdge,
    /// The time of the newest leaf, in milliseconds of Unix time.
    pub time: u64,
    /// Leaf 0, once it was checked.
    pub log: Option<KnownLog>,
    /// Key statements and registrations.
    pub claims: Claims,
}

/// A checkpoint to be checked: the note, and the checkpoint in it that the caller has verified with the log's key.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The note, which also carries the RFC 6962 tree head.
    pub note: &'a Note,
    /// What it says.
    pub checkpoint: &'a Checkpoint,
}

/// Checks everything between `from` and the target, and returns the position there. `progress` is told after each
/// bundle how many leaves of the target are checked.
///
/// Memory is bounded by the eight bundles that are read ahead, at most 256 MiB of a hostile log and some 8 MiB of a real
/// one; by 160 MiB of leaves that key statements and registrations may name; and by [`Claims`]. Bundles are decoded, hashed and
/// verified on all threads of the runtime. A leaf that is named and not remembered costs the reading of its bundle.
///
/// # Errors
/// [`CheckError::Fault`] with the first thing that is wrong; [`CheckError::Read`] when the log cannot be read.
pub async fn check_log<S: Source>(
    source: &Arc<S>,
    target: Target<'_>,
    from: Position,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Position, CheckError> {
    let size = target.checkpoint.size;
    let mut checked = from.edge.size();
    let mut count = |leaves: Vec<CheckedLeaf>| {
        checked += leaves.len() as u64;
        progress(checked);
    };
    let position = check_leaves(source, target, size, from, &mut count).await?;
    check_end(source, target, position).await
}

/// The same for the leaves up to `to` alone, which is at most the size of the target: for checking a log in parts. Those of each bundle
/// are handed to `take`, in order; they are decoded and their certificates parsed once. The caller proves that the tree of the target
/// begins with that of the position, or that it is all of it ([`check_end`]), before it believes anything.
///
/// # Errors
/// As [`check_log`].
pub async fn check_leaves<S: Source>(
    source: &Arc<S>,
    target: Target<'_>,
    to: u64,
    from: Position,
    take: &mut (dyn FnMut(Vec<CheckedLeaf>) + Send),
) -> Result<Position, CheckError> {
    let shown = target.checkpoint.size;
    let mut check = Check { source: source.clone(), target, position: from };
    let seen = check.position.edge.size();
    if seen > shown {
        return Err(Fault::at(CHECKPOINT, FaultKind::Shrunk { seen, shown }).into());
    }
    let mut pipeline = Pipeline::new(source, seen, to.min(shown), target.checkpoint);
    while let Some(checked) = pipeline.next().await {
        take(check.add(checked?).await?);
    }
    Ok(check.position)
}

/// The rest of [`check_log`], where all leaves of the target are checked: the partial tiles, the root, and the tree head.
///
/// # Errors
/// As [`check_log`].
pub async fn check_end<S: Source>(
    source: &Arc<S>,
    target: Target<'_>,
    position: Position,
) -> Result<Position, CheckError> {
    let check = Check { source: source.clone(), target, position };
    check.finish().await?;
    Ok(check.position)
}

struct Check<'a, S> {
    source: Arc<S>,
    target: Target<'a>,
    position: Position,
}

impl<S: Source> Check<'_, S> {
    /// The leaves that are new.
    async fn add(&mut self, checked: Checked) -> Result<Vec<CheckedLeaf>, CheckError> {
        let Checked { path, mut facts, tile } = checked;
        let first = path.index * u64::from(FULL_WIDTH);
        let known = (self.position.edge.size() - first) as usize;
        self.check_known(path, &facts, known)?;
        self.check_time(path, &facts, known)?;
        for checked in facts.leaves.iter().filter(|checked| !checked.is_open()) {
            self.take(path, &checked.leaf)?;
        }
        let tiles = self.position.edge.append(&facts.hashes[known..]);
        for (computed, bytes) in tiles {
            self.check_tile(computed, &bytes, &tile).await?;
        }
        Ok(facts.leaves.split_off(known))
    }

    /// A bundle that was partial before still begins with the same leaves.
    fn check_known(&self, path: TilePath, facts: &Facts, known: usize) -> Result<(), Fault> {
        if known == 0 {
            return Ok(());
        }
        let held = self.position.edge.partial_tiles();
        let hashes: Vec<u8> = facts.hashes[..known].iter().flat_map(|hash| hash.0).collect();
        let same = held.first().is_some_and(|(_, bytes)| *bytes == hashes);
        if same { Ok(()) } else { Err(Fault::at(path, FaultKind::Changed)) }
    }

    fn check_time(&mut self, path: TilePath, facts: &Facts, known: usize) -> Result<(), Fault> {
        let (Some(first), Some(last)) = (facts.leaves.get(known), facts.leaves.last()) else { return Ok(()) };
        let (first, last) = (first.leaf.timestamp, last.leaf.timestamp);
        let before = self.position.time;
        if first < before {
            let index = self.position.edge.size();
            return Err(Fault::of_leaf(path, index, FaultKind::Time { before, found: first }));
        }
        self.position.time = last;
        Ok(())
    }

    fn take(&mut self, path: TilePath, leaf: &Leaf) -> Result<(), Fault> {
        if let Entry::Parameters(parameters) = &leaf.entry {
            return self.take_parameters(path, parameters.clone());
        }
        if leaf.index < self.position.edge.size() {
            return Ok(());
        }
        self.position.claims.take(leaf).map_err(|kind| Fault::of_leaf(path, leaf.index, kind))
    }

    fn take_parameters(&mut self, path: TilePath, parameters: Parameters) -> Result<(), Fault> {
        if parameters.origin != self.target.checkpoint.origin {
            return Err(Fault::of_leaf(path, 0, FaultKind::Origin));
        }
        let log = KnownLog::new(parameters).map_err(|error| Fault::of_leaf(path, 0, error))?;
        self.position.log = Some(log);
        Ok(())
    }

    /// Compares a tile of the final tree with what is served. Partial ones that the final tree does not have are passed over.
    async fn check_tile(&self, path: TilePath, bytes: &[u8], level_0: &Bytes) -> Result<(), CheckError> {
        if path.is_partial() && path.kind != Kind::Hashes(0) {
            return Ok(());
        }
        let served = match path.kind {
            Kind::Hashes(0) => level_0.clone(),
            _ => fetch_tile(&*self.source, path).await?,
        };
        compare(path, bytes, &served)
    }

    async fn finish(&self) -> Result<(), CheckError> {
        for (path, bytes) in self.position.edge.partial_tiles() {
            let served = fetch_tile(&*self.source, path).await?;
            compare(path, &bytes, &served)?;
        }
        if self.position.edge.root() != self.target.checkpoint.root {
            return Err(Fault::at(CHECKPOINT, FaultKind::Root).into());
        }
        Ok(self.check_tree_head()?)
    }

    fn check_tree_head(&self) -> Result<(), Fault> {
        let Some(log) = &self.position.log else {
            return Err(Fault::at(CHECKPOINT, FaultKind::NoParameters));
        };
        let fault = |kind| Fault::at(CHECKPOINT, kind);
        let head =
            TreeHead::extract(self.target.note, log.sct_key.log_id()).map_err(|error| fault(error.into()))?;
        head.verify(log.sct_key.verifying_key()).map_err(|error| fault(error.into()))?;
        if head.timestamp < self.position.time {
            let kind = FaultKind::TreeHeadTime { head: head.timestamp, leaf: self.position.time };
            return Err(fault(kind));
        }
        Ok(())
    }
}

/// The first hash that differs tells the leaf, at level 0.
fn compare(path: TilePath, computed: &[u8], served: &[u8]) -> Result<(), CheckError> {
    if computed == served {
        return Ok(());
    }
    let differs = computed.chunks(32).zip(served.chunks(32)).position(|(a, b)| a != b);
    let first = path.index * u64::from(FULL_WIDTH);
    let index = differs.filter(|_| path.kind == Kind::Hashes(0)).map(|position| first + position as u64);
    Err(Fault { place: path.to_string(), index, kind: FaultKind::Hashes }.into())
}

/// The root of a position, to be compared with a checkpoint's.
impl Position {
    /// The root of the tree that was checked.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }
}
