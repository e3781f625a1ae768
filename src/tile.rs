//! Tiles of C2SP `tlog-tiles`: how a tree is cut into files, and their names.
//!
//! A tile of level `l` holds up to 256 consecutive hashes of complete subtrees of 256^`l` leaves; what lies between
//! two tile levels is computed again by hashing. Beside them lie the entry bundles, and the side bundles of chains,
//! named the same way.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;

use thiserror::Error;

use crate::merkle::{Hash, HashReader, MAX_SIZE, NodeId, RangeError, root_of};

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
        let above = node.level % self.height;
        let first = (node.index << above) & u64::from(self.full_width() - 1);
        let belongs = tile.kind == Kind::Hashes(node.level / self.height)
            && tile.index == node.index >> (self.height - above)
            && first + (1 << above) <= u64::from(tile.width);
        if !belongs {
            return Err(TileError::Elsewhere(tile));
        }
        let start = first as usize * 32;
        Ok(subtree_root(&bytes[start..start + (32 << above)]))
    }

    fn width_at(self, level: u8, index: u64, size: u64) -> u16 {
        let hashes = size >> (u32::from(level) * u32::from(self.height));
        let behind = hashes - (index << self.height);
        behind.min(self.full_width().into()) as u16
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

/// The right edge of a growing tree: the hashes of the partial tile of each level. It holds all that appending
/// needs, at most 8 levels of 255 hashes: 64 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEdge {
    tiling: Tiling,
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Default for TreeEdge {
    fn default() -> Self {
        TreeEdge::new()
    }
}

impl TreeEdge {
    /// The edge of the empty tree.
    pub fn new() -> TreeEdge {
        TreeEdge::with_tiling(Tiling::C2SP)
    }

    /// The edge of the empty tree in tiles of another height.
    pub fn with_tiling(tiling: Tiling) -> TreeEdge {
        TreeEdge { tiling, size: 0, levels: Vec::new() }
    }

    /// The partial tiles that [`load`](Self::load) needs, in its order.
    pub fn tiles_to_load(size: u64) -> Vec<TilePath> {
        Tiling::C2SP.partial_tiles(size)
    }

    /// The edge of a stored tree out of the bytes of its [`tiles_to_load`](Self::tiles_to_load). The caller compares
    /// [`root`](Self::root) with a checkpoint before it believes them.
    ///
    /// # Errors
    /// When a tile is missing, is one too many or has the wrong length, or the size is above [`MAX_SIZE`].
    pub fn load<B: AsRef<[u8]>>(size: u64, tiles: &[B]) -> Result<TreeEdge, TileError> {
        TreeEdge::load_with_tiling(Tiling::C2SP, size, tiles)
    }

    /// The same for tiles of another height.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with_tiling<B: AsRef<[u8]>>(
        tiling: Tiling,
        size: u64,
        tiles: &[B],
    ) -> Result<TreeEdge, TileError> {
        let paths = tiling.partial_tiles(size);
        if size > MAX_SIZE {
            return Err(RangeError { first: size, size }.into());
        }
        if tiles.len() > paths.len() {
            return Err(TileError::TooMany(tiles.len() - paths.len()));
        }
        let mut edge = TreeEdge { tiling, size, levels: Vec::new() };
        for (i, &path) in paths.iter().enumerate() {
            let bytes = tiles.get(i).ok_or(TileError::Missing(path))?.as_ref();
            check_length(path, bytes)?;
            if let Kind::Hashes(level) = path.kind {
                *edge.level(level) = hashes(bytes).collect();
            }
        }
        Ok(edge)
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree. Costs up to 255 hashes for each level of tiles.
    pub fn root(&self) -> Hash {
        let mut subtrees = Vec::new();
        for level in self.levels.iter().rev() {
            let mut rest = level.as_slice();
            while let Some(height) = rest.len().checked_ilog2() {
                let (complete, others) = rest.split_at(1 << height);
                subtrees.push(reduce(complete.to_vec()));
                rest = others;
            }
        }
        root_of(&subtrees)
    }

    /// The partial tiles that it holds, lowest level first: what [`load`](Self::load) would read again.
    pub fn partial_tiles(&self) -> Vec<(TilePath, Vec<u8>)> {
        let held = self.levels.iter().filter(|level| !level.is_empty());
        self.tiling.partial_tiles(self.size).into_iter().zip(held.map(|level| bytes(level))).collect()
    }

    /// Adds leaves, and returns the path and the bytes of every tile that is new or changed: those that became full,
    /// and the partial one of each level that was touched. Costs one hash for each leaf.
    pub fn append(&mut self, leaf_hashes: &[Hash]) -> Vec<(TilePath, Vec<u8>)> {
        let mut tiles = Vec::new();
        let mut roots = self.append_level(0, leaf_hashes, &mut tiles);
        let mut level = 1;
        while !roots.is_empty() {
            roots = self.append_level(level, &roots, &mut tiles);
            level += 1;
        }
        self.size += leaf_hashes.len() as u64;
        tiles
    }

    /// Adds hashes to one level and returns the roots of the tiles that became full, which are hashes of the next.
    fn append_level(
        &mut self,
        level: u8,
        mut incoming: &[Hash],
        tiles: &mut Vec<(TilePath, Vec<u8>)>,
    ) -> Vec<Hash> {
        let full = self.tiling.full_width();
        let before = self.size.checked_shr((u32::from(level) + 1) * u32::from(self.tiling.height));
        let mut path = TilePath { kind: Kind::Hashes(level), index: before.unwrap_or(0), width: full };
        let partial = self.level(level);
        let mut roots = Vec::with_capacity((partial.len() + incoming.len()) >> full.ilog2());
        while partial.len() + incoming.len() >= full.into() {
            let (these, others) = incoming.split_at(usize::from(full) - partial.len());
            incoming = others;
            partial.extend_from_slice(these);
            tiles.push((path, bytes(partial)));
            roots.push(reduce(core::mem::take(partial)));
            path.index += 1;
        }
        if !incoming.is_empty() {
            partial.extend_from_slice(incoming);
            path.width = partial.len() as u16;
            tiles.push((path, bytes(partial)));
        }
        roots
    }

    fn level(&mut self, level: u8) -> &mut Vec<Hash> {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        &mut self.levels[level]
    }
}

fn check_length(tile: TilePath, bytes: &[u8]) -> Result<(), TileError> {
    if bytes.len() == usize::from(tile.width) * 32 {
        Ok(())
    } else {
        Err(TileError::Length { tile, bytes: bytes.len() })
    }
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * 32);
    hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
    bytes
}

fn hashes(bytes: &[u8]) -> impl Iterator<Item = Hash> {
    bytes.as_chunks().0.iter().copied().map(Hash)
}

fn subtree_root(bytes: &[u8]) -> Hash {
    reduce(hashes(bytes).collect())
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
