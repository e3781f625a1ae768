//! The right edge of a growing tree.

use super::{Kind, TileError, TilePath, Tiling, check_length, hashes, reduce};
use crate::merkle::{Hash, MAX_SIZE, RangeError, root_of};

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

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * 32);
    hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
    bytes
}
