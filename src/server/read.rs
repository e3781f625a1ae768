//! Reading the log from its own tiles and bundles.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bundle;
use crate::client::store::ObjectStore;
use crate::merkle::{Hash, ProofPlan, RangeError, plan_consistency, plan_inclusion};
use crate::tile::{FULL_WIDTH, HashedTile, Kind, TilePath, Tiling};

/// Tiles that are remembered with the hashes inside them, at 16 KiB each.
const MAX_HASHED: usize = 1024;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The arguments are beyond the tree.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] io::Error),
    /// A tile or bundle that the tree needs is missing or damaged.
    #[error("{0} is missing or damaged; run `tnlog audit` on the folder")]
    Damaged(TilePath),
}

/// An entry as it is stored: the leaf and what lies beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The bytes of the leaf.
    pub leaf: Vec<u8>,
    /// The item of the side bundle.
    pub chain: Vec<u8>,
}

/// Reads leaves and proofs. Every call names the size of a tree that was published.
#[derive(Clone)]
pub struct LogReader {
    store: Arc<dyn ObjectStore>,
    hashed: Arc<Mutex<HashMap<TilePath, Arc<HashedTile>>>>,
}

impl LogReader {
    /// A reader of the log in a public store.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        LogReader { store, hashed: Arc::default() }
    }

    /// The leaf at an index.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn leaf(&self, index: u64, size: u64) -> Result<Vec<u8>, ReadError> {
        let path = bundle_path(Kind::Entries, index, size)?;
        let bytes = self.tile(path)?;
        let mut leaves = bundle::entries(&bytes, path.width).map_err(|_| ReadError::Damaged(path))?;
        let position = (index % u64::from(FULL_WIDTH)) as usize;
        leaves.nth(position).map(<[u8]>::to_vec).ok_or(ReadError::Damaged(path))
    }

    /// The entries from `start` to the end of its bundle, but not beyond `end` (which is included).
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn entries(&self, start: u64, end: u64, size: u64) -> Result<Vec<StoredEntry>, ReadError> {
        let entries = bundle_path(Kind::Entries, start, size)?;
        let chains = TilePath { kind: Kind::Chains, ..entries };
        let (leaf_bytes, chain_bytes) = (self.tile(entries)?, self.tile(chains)?);
        let leaves = bundle::entries(&leaf_bytes, entries.width).map_err(|_| ReadError::Damaged(entries))?;
        let items = bundle::entries(&chain_bytes, chains.width).map_err(|_| ReadError::Damaged(chains))?;
        let first = entries.index * u64::from(FULL_WIDTH);
        let stored =
            leaves.zip(items).map(|(leaf, chain)| StoredEntry { leaf: leaf.into(), chain: chain.into() });
        let wanted = stored.skip((start - first) as usize).take(end.saturating_sub(start) as usize + 1);
        Ok(wanted.collect())
    }

    /// The leaves from `start` to the end of its bundle, but not beyond `end` (which is not included).
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn leaves(&self, start: u64, end: u64, size: u64) -> Result<Vec<Vec<u8>>, ReadError> {
        let path = bundle_path(Kind::Entries, start, size)?;
        let bytes = self.tile(path)?;
        let leaves = bundle::entries(&bytes, path.width).map_err(|_| ReadError::Damaged(path))?;
        let first = path.index * u64::from(FULL_WIDTH);
        let wanted = leaves.skip((start - first) as usize).take(end.saturating_sub(start) as usize);
        Ok(wanted.map(<[u8]>::to_vec).collect())
    }

    /// The inclusion proof of a leaf in the tree of `size` leaves, which need not have been published, in a log of `newest`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn inclusion(&self, index: u64, size: u64, newest: u64) -> Result<Vec<Hash>, ReadError> {
        self.prove(&plan_inclusion(index, size)?, size, newest)
    }

    /// The consistency proof between two sizes, in a log of `newest` leaves.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn consistency(&self, old: u64, new: u64, newest: u64) -> Result<Vec<Hash>, ReadError> {
        self.prove(&plan_consistency(old, new)?, new, newest)
    }

    fn prove(&self, plan: &ProofPlan, size: u64, newest: u64) -> Result<Vec<Hash>, ReadError> {
        let mut tiles: BTreeMap<TilePath, Arc<HashedTile>> = BTreeMap::new();
        let mut hashes = Vec::with_capacity(plan.nodes().len());
        for node in plan.nodes() {
            let path = Tiling::C2SP.tile_of(*node, size)?;
            let tile = match tiles.entry(path) {
                Entry::Occupied(tile) => tile.into_mut(),
                Entry::Vacant(place) => place.insert(self.hashed_tile(path, newest)?),
            };
            hashes.push(tile.hash(*node).map_err(|_| ReadError::Damaged(path))?);
        }
        let assembled = plan.assemble::<Infallible>(&hashes);
        Ok(assembled.expect("a plan assembles from the hashes of its own nodes"))
    }

    /// A tile with the hashes inside it. Those that many proofs share are remembered; one of leaves is not.
    fn hashed_tile(&self, path: TilePath, newest: u64) -> Result<Arc<HashedTile>, ReadError> {
        let shared = path.kind != Kind::Hashes(0) || path.is_partial();
        if shared && let Some(tile) = self.hashed().get(&path) {
            return Ok(tile.clone());
        }
        let bytes = self.served_tile(path, newest)?.ok_or(ReadError::Damaged(path))?;
        let tile = HashedTile::new(path, &bytes).map_err(|_| ReadError::Damaged(path))?;
        let tile = Arc::new(tile);
        if shared {
            let mut hashed = self.hashed();
            if hashed.len() >= MAX_HASHED {
                hashed.clear();
            }
            hashed.insert(path, tile.clone());
        }
        Ok(tile)
    }

    fn hashed(&self) -> MutexGuard<'_, HashMap<TilePath, Arc<HashedTile>>> {
        self.hashed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another object of the public store.
    ///
    /// # Errors
    /// [`ReadError::Store`].
    pub fn object(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.store.get(name)?)
    }

    /// The bytes of a tile or bundle; where it is gone or was never written at this width, the full one cut to it.
    ///
    /// # Errors
    /// [`ReadError::Store`], [`ReadError::Damaged`].
    pub fn tile(&self, path: TilePath) -> Result<Vec<u8>, ReadError> {
        self.get(path, path.full())?.ok_or(ReadError::Damaged(path))
    }

    /// The same for any width that the tile has, or had, in the tree of `size` leaves; none when it never had it.
    ///
    /// # Errors
    /// As [`tile`](Self::tile).
    pub fn served_tile(&self, path: TilePath, size: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let level = if let Kind::Hashes(level) = path.kind { u32::from(level) } else { 0 };
        let hashes = size.checked_shr(8 * level).unwrap_or(0);
        let before = path.index.saturating_mul(FULL_WIDTH.into());
        let width = hashes.saturating_sub(before).min(FULL_WIDTH.into()) as u16;
        if path.width > width {
            return Ok(None);
        }
        let bytes = match self.get(path, TilePath { width, ..path })? {
            None => self.get(path, path.full())?,
            found => found,
        };
        bytes.ok_or(ReadError::Damaged(path)).map(Some)
    }

    fn get(&self, path: TilePath, wider: TilePath) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(bytes) = self.store.get(&path.to_string())? {
            return if is_whole(path, &bytes) { Ok(Some(bytes)) } else { Err(ReadError::Damaged(path)) };
        }
        if wider == path {
            return Ok(None);
        }
        Ok(self.store.get(&wider.to_string())?.and_then(|bytes| cut(path, wider.width, bytes)))
    }
}

/// Whether a tile or bundle has as many hashes or items as its name says.
fn is_whole(path: TilePath, bytes: &[u8]) -> bool {
    match path.kind {
        Kind::Hashes(_) => bytes.len() == usize::from(path.width) * 32,
        Kind::Entries | Kind::Chains => bundle::entries(bytes, path.width).is_ok(),
    }
}

/// The first hashes or items of a wider tile or bundle.
fn cut(path: TilePath, width: u16, mut wider: Vec<u8>) -> Option<Vec<u8>> {
    let length = match path.kind {
        Kind::Hashes(_) => usize::from(path.width) * 32,
        Kind::Entries | Kind::Chains => {
            let items = bundle::entries(&wider, width).ok()?;
            items.take(path.width.into()).map(|item| 2 + item.len()).sum()
        }
    };
    (length <= wider.len()).then(|| {
        wider.truncate(length);
        wider
    })
}

/// The bundle that holds an index in the tree of `size` leaves.
fn bundle_path(kind: Kind, index: u64, size: u64) -> Result<TilePath, RangeError> {
    if index >= size {
        return Err(RangeError { first: index, size });
    }
    let full = u64::from(FULL_WIDTH);
    let number = index / full;
    Ok(TilePath { kind, index: number, width: (size - number * full).min(full) as u16 })
}
