//! Tiles of C2SP `tlog-tiles`: how a tree is cut into files, and their names.
//!
//! A tile of level `l` holds up to 256 consecutive hashes of complete subtrees of 256^`l` leaves; what lies between
//! two tile levels is computed again by hashing. Beside them lie the entry bundles, and the side bundles of chains,
//! named the same way.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;

use thiserror::Error;

use crate::merkle::{Hash, HashReader, MAX_SIZE, NodeId, RangeError};

mod edge;

pub use edge::TreeEdge;

/// The number of hashes in a full tile, and of entries in a full bundle.
pub const FULL_WIDTH: u16 = 256;

/// The longest path that [`TilePath`] parses. The longest that can be written is
/// `tile/entries/` + 6 elements of `x000/` + `000.p/255`: 52 bytes.
const MAX_PATH: usize = 64;

/// The largest `<L>` that `tlog-tiles` allows.
const MAX_LEVEL: u8 = 63;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Hashes of this tile level, 0 to 63; at level 0 those of the leaves.
    Hashes(u8),
    /// The entries themselves.
    Entries,
    /// The chain of each entry, beside its entry bundle.
    Chains,
}

/// The name of a tile or bundle. `Display` and `FromStr` are its path: `tile/<L>/<N>[.p/<W>]`, with `entries` or
/// `chains` in place of the level for bundles, and `<N>` in elements of three digits, `x001/x234/067`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePath {
    /// What it holds.
    pub kind: Kind,
    /// Its position among those of its kind.
    pub index: u64,
    /// How many hashes or entries: 1 to 256. Partial below 256.
    pub width: u16,
}

/// A path that is not exactly the one name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the path of a tile or bundle")]
pub struct PathError;

impl TilePath {
    /// The bundle ([`Kind::Entries`], [`Kind::Chains`]) that holds a leaf in the tree of `size` leaves, with the width
    /// that it has there.
    ///
    /// # Errors
    /// When the tree has no such leaf.
    pub fn of_leaf(kind: Kind, leaf: u64, size: u64) -> Result<TilePath, RangeError> {
        let tile = Tiling::C2SP.tile_of(NodeId { level: 0, index: leaf }, size)?;
        Ok(TilePath { kind, ..tile })
    }

    /// The same tile when it is full: what to fetch when the partial one is gone.
    pub fn full(self) -> TilePath {
        TilePath { width: FULL_WIDTH, ..self }
    }

    /// Whether it holds fewer than 256.
    pub fn is_partial(&self) -> bool {
        self.width < FULL_WIDTH
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
            Kind::Chains => f.write_str("tile/chains/")?,
        }
        let groups = (1..7).take_while(|&group| self.index >= 1000u64.pow(group)).count() as u32;
        for group in (1..=groups).rev() {
            write!(f, "x{:03}/", self.index / 1000u64.pow(group) % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = PathError;

    /// Reads the numbers loosely, and then takes the path only if it is the one that would be written.
    fn from_str(path: &str) -> Result<TilePath, PathError> {
        if path.len() > MAX_PATH {
            return Err(PathError);
        }
        let (kind, rest) = path.strip_prefix("tile/").and_then(|p| p.split_once('/')).ok_or(PathError)?;
        let kind = match kind {
            "entries" => Kind::Entries,
            "chains" => Kind::Chains,
            level => Kind::Hashes(level.parse().ok().filter(|&l| l <= MAX_LEVEL).ok_or(PathError)?),
        };
        let (elements, width) = match rest.split_once(".p/") {
            Some((elements, width)) => (elements, width.parse().map_err(|_| PathError)?),
            None => (rest, FULL_WIDTH),
        };
        let index = elements.split('/').try_fold(0u64, |index, element| {
            let digits: u64 = element.strip_prefix('x').unwrap_or(element).parse().map_err(|_| PathError)?;
            index.checked_mul(1000).and_then(|i| i.checked_add(digits)).ok_or(PathError)
        })?;
        let parsed = TilePath { kind, index, width };
        if width > 0 && parsed.to_string() == path { Ok(parsed) } else { Err(PathError) }
    }
}

/// The bytes of a tile are not those of this tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TileError {
    /// No tree of this size has such a node.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A tile is missing.
    #[error("the tile {0} is missing")]
    Missing(TilePath),
    /// A node was looked for in a tile that does not hold it.
    #[error("the tile {0} does not hold this node")]
    Elsewhere(TilePath),
    /// There are more tiles than the edge of the tree has.
    #[error("{0} tiles are too many for the edge of this tree")]
    TooMany(usize),
    /// A tile has the wrong length.
    #[error("the tile {tile} has {bytes} bytes instead of {}", usize::from(tile.width) * 32)]
    Length {
        /// Which tile.
        tile: TilePath,
        /// How many bytes were found.
        bytes: usize,
    },
}

/// How a tree is cut into tiles: `height` levels of the tree in each. Logs use [`Tiling::C2SP`]; tests use less, so
/// that a small tree has many tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    height: u8,
}

impl Tiling {
    /// Tiles of height 8, as `tlog-tiles` says.
    pub const C2SP: Tiling = Tiling { height: 8 };

    /// Tiles of another height.
    ///
    /// # Panics
    /// Unless the height is from 1 to 8.
    pub const fn of_height(height: u8) -> Tiling {
        assert!(height >= 1 && height <= 8, "tiles have a height from 1 to 8");
        Tiling { height }
    }

    /// The number of hashes in a full tile.
    pub fn full_width(self) -> u16 {
        1 << self.height
    }

    /// The tile that holds a node, or the hashes that it is computed from, in the tree of `size` leaves; with the
    /// width that it has there.
    ///
    /// # Errors
    /// When the tree has no such node.
    pub fn tile_of(self, node: NodeId, size: u64) -> Result<TilePath, RangeError> {
        let range_error = RangeError { first: node.index, size };
        let complete = size.checked_shr(node.level.into()).unwrap_or(0);
        if node.index >= complete || size > MAX_SIZE {
            return Err(range_error);
        }
        let level = node.level / self.height;
        let index = node.index >> (self.height - node.level % self.height);
        Ok(TilePath { kind: Kind::Hashes(level), index, width: self.width_at(level, index, size) })
    }

    /// The tiles, each once and in order, that hold these nodes in the tree of `size` leaves.
    ///
    /// # Errors
    /// When the tree lacks one of the nodes.
    pub fn tiles_of(self, nodes: &[NodeId], size: u64) -> Result<Vec<TilePath>, RangeError> {
        let mut tiles = nodes.iter().map(|&node| self.tile_of(node, size)).collect::<Result<Vec<_>, _>>()?;
        tiles.sort_unstable();
        tiles.dedup();
        Ok(tiles)
    }

    /// The partial tiles of the tree of `size` leaves, one at most of each level, lowest first.
    pub fn partial_tiles(self, size: u64) -> Vec<TilePath> {
        (0..64u8.div_ceil(self.height))
            .map(|level| (level, size >> (u32::from(level) * u32::from(self.height))))
            .filter(|(_, hashes)| hashes % u64::from(self.full_width()) != 0)
            .map(|(level, hashes)| TilePath {
                kind: Kind::Hashes(level),
                index: hashes >> self.height,
                width: (hashes % u64::from(self.full_width())) as u16,
            })
            .collect()
    }

    /// The hash of a node out of the bytes of its tile. Costs up to 127 hashes, for a node right below the tile's
    /// root; none for one that the tile holds.
    ///
    /// # Errors
    /// When the bytes are not as many as the tile's width asks for, or the node is not in this tile.
    pub fn hash_in(self, node: NodeId, tile: TilePath, bytes: &[u8]) -> Result<Hash, TileError> {
        check_length(tile, bytes)?;
        let (above, place) = self.place_in(node, tile)?;
        Ok(reduce(hashes(&bytes[place * (32 << above)..][..32 << above]).collect()))
    }

    /// Where a node is in a tile: how many levels above the tile's hashes, and the how-manieth there.
    fn place_in(self, node: NodeId, tile: TilePath) -> Result<(u8, usize), TileError> {
        let above = node.level % self.height;
        let place = node.index & ((1 << (self.height - above)) - 1);
        let belongs = tile.kind == Kind::Hashes(node.level / self.height)
            && tile.index == node.index >> (self.height - above)
            && (place + 1) << above <= u64::from(tile.width);
        if belongs { Ok((above, place as usize)) } else { Err(TileError::Elsewhere(tile)) }
    }

    fn width_at(self, level: u8, index: u64, size: u64) -> u16 {
        let hashes = size >> (u32::from(level) * u32::from(self.height));
        let behind = hashes - (index << self.height);
        behind.min(self.full_width().into()) as u16
    }
}

/// A tile with the hashes between its own and its root, for tiles that are read again and again: those above the
/// leaves, which every proof needs. 16 KiB for a full tile.
#[derive(Clone, Debug)]
pub struct HashedTile {
    tiling: Tiling,
    path: TilePath,
    rows: Vec<Vec<Hash>>,
}

impl HashedTile {
    /// Computes the hashes inside a tile: at most 254 of them.
    ///
    /// # Errors
    /// When the bytes are not as many as the tile's width asks for.
    pub fn new(path: TilePath, bytes: &[u8]) -> Result<HashedTile, TileError> {
        HashedTile::with_tiling(Tiling::C2SP, path, bytes)
    }

    /// The same for a tile of another height.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_tiling(tiling: Tiling, path: TilePath, bytes: &[u8]) -> Result<HashedTile, TileError> {
        check_length(path, bytes)?;
        let pairs = |row: &Vec<Hash>| {
            Some(row.as_chunks().0.iter().map(|[left, right]| Hash::of_node(left, right)).collect())
        };
        let rows = core::iter::successors(Some(hashes(bytes).collect()), pairs);
        Ok(HashedTile { tiling, path, rows: rows.take(tiling.height.into()).collect() })
    }

    /// The hash of a node. Costs nothing.
    ///
    /// # Errors
    /// When the node is not in this tile.
    pub fn hash(&self, node: NodeId) -> Result<Hash, TileError> {
        let (above, place) = self.tiling.place_in(node, self.path)?;
        Ok(self.rows[usize::from(above)][place])
    }
}

/// A set of tiles out of which proofs are made: a [`HashReader`] for the tree of `size` leaves.
#[derive(Clone, Debug)]
pub struct TileSet<B> {
    size: u64,
    tiling: Tiling,
    tiles: BTreeMap<TilePath, B>,
}

impl<B: AsRef<[u8]>> TileSet<B> {
    /// The tiles of a tree of `size` leaves, with the widths that they have in it.
    ///
    /// # Errors
    /// When a tile has not as many bytes as its width asks for.
    pub fn new(size: u64, tiles: impl IntoIterator<Item = (TilePath, B)>) -> Result<Self, TileError> {
        TileSet::with_tiling(Tiling::C2SP, size, tiles)
    }

    /// The same for tiles of another height.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_tiling(
        tiling: Tiling,
        size: u64,
        tiles: impl IntoIterator<Item = (TilePath, B)>,
    ) -> Result<Self, TileError> {
        let tiles: BTreeMap<_, _> = tiles.into_iter().collect();
        tiles.iter().try_for_each(|(&tile, bytes)| check_length(tile, bytes.as_ref()))?;
        Ok(TileSet { size, tiling, tiles })
    }
}

impl<B: AsRef<[u8]>> HashReader for TileSet<B> {
    type Error = TileError;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, TileError> {
        let hash = |&node| {
            let tile = self.tiling.tile_of(node, self.size)?;
            let bytes = self.tiles.get(&tile).ok_or(TileError::Missing(tile))?;
            self.tiling.hash_in(node, tile, bytes.as_ref())
        };
        nodes.iter().map(hash).collect()
    }
}

fn check_length(tile: TilePath, bytes: &[u8]) -> Result<(), TileError> {
    if bytes.len() == usize::from(tile.width) * 32 {
        Ok(())
    } else {
        Err(TileError::Length { tile, bytes: bytes.len() })
    }
}

fn hashes(bytes: &[u8]) -> impl Iterator<Item = Hash> {
    bytes.as_chunks().0.iter().copied().map(Hash)
}

/// The root over the hashes of a complete subtree: as many as a power of two.
fn reduce(mut row: Vec<Hash>) -> Hash {
    let mut width = row.len();
    while width > 1 {
        width /= 2;
        for i in 0..width {
            row[i] = Hash::of_node(&row[2 * i], &row[2 * i + 1]);
        }
    }
    row[0]
}

#[cfg(test)]
mod tests;
