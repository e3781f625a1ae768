//! Long lists: items in tiles, and above them tiles of the hashes of full tiles, as `tlog-tiles` has it but for the
//! lowest level, which holds the items themselves.

use super::bucket::{List, Record};
use super::engine::IndexError;
use super::list::{Subtrees, item_hash};
use super::plan::Plan;
use super::store::{IndexStore, tile_key};
use super::view::View;
use crate::label::Label;
use crate::merkle::{Hash, HashReader, NodeId, root_of};

/// The list of a label, as its record and its tiles hold it.
pub(super) struct Stored<'a, S> {
    pub view: &'a View<'a, S>,
    pub record: &'a Record,
}

impl<S: IndexStore> Stored<'_, S> {
    /// The items from `start` to `end`, which is at most the count.
    pub fn items(&self, start: u64, end: u64) -> Result<Vec<u64>, IndexError<S::Error>> {
        if let List::Short(items) = self.record.list() {
            return Ok(items[start as usize..end as usize].to_vec());
        }
        let height = self.height();
        let mut items = Vec::new();
        let mut at = start;
        while at < end {
            let offset = at & ((1 << height) - 1);
            let width = (end - at).min((1 << height) - offset);
            let pieces = self.pieces::<8>(0, at >> height, (offset, width))?;
            items.extend(pieces.into_iter().map(u64::from_be_bytes));
            at += width;
        }
        Ok(items)
    }

    /// The hash of a complete subtree of the list. One tile is read; at most 2^height hashes are computed.
    fn hash(&self, node: NodeId) -> Result<Hash, IndexError<S::Error>> {
        let height = match *self.record.list() {
            List::Short(_) => return self.hash_of_items(node),
            List::Long { .. } => self.height(),
        };
        let (level, above) = (node.level / height, node.level % height);
        if level == 0 {
            return self.hash_of_items(node);
        }
        let first = node.index << above;
        let place = (first & ((1 << height) - 1), 1 << above);
        Ok(perfect_root(self.pieces::<32>(level, first >> height, place)?.into_iter().map(Hash).collect()))
    }

    fn hash_of_items(&self, node: NodeId) -> Result<Hash, IndexError<S::Error>> {
        let items = self.items(node.index << node.level, (node.index + 1) << node.level)?;
        Ok(perfect_root(items.into_iter().map(item_hash).collect()))
    }

    fn height(&self) -> u8 {
        self.view.shape().height
    }

    fn pieces<const N: usize>(
        &self,
        level: u8,
        number: u64,
        (offset, width): (u64, u64),
    ) -> Result<Vec<[u8; N]>, IndexError<S::Error>> {
        let bytes = self.view.value(&tile_key(&self.record.label, level, number))?.unwrap_or_default();
        let pieces = bytes.as_chunks::<N>().0;
        pieces.get(offset as usize..(offset + width) as usize).map(<[_]>::to_vec).ok_or(IndexError::Damaged)
    }
}

impl<S: IndexStore> HashReader for Stored<'_, S> {
    type Error = IndexError<S::Error>;

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, Self::Error> {
        nodes.iter().map(|node| self.hash(*node)).collect()
    }
}

/// The root of the perfect tree of 2^k hashes.
fn perfect_root(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes.as_chunks::<2>().0.iter().map(|[left, right]| Hash::of_node(left, right)).collect();
    }
    root_of(&hashes)
}

impl<S: IndexStore> Plan<'_, S> {
    /// Appends items to the tiles of a long list, and to its edge.
    pub(super) fn append_to_tiles(
        &mut self,
        label: &Label,
        subtrees: &mut Subtrees,
        items: &[u64],
    ) -> Result<(), IndexError<S::Error>> {
        let width = 1u64 << self.shape().height;
        let mut rest = items;
        while !rest.is_empty() {
            let (number, offset) = (subtrees.count() / width, subtrees.count() % width);
            let (these, others) = rest.split_at(rest.len().min((width - offset) as usize));
            let bytes: Vec<u8> = these.iter().flat_map(|item| item.to_be_bytes()).collect();
            let tile = self.extend_tile(tile_key(label, 0, number), 8 * offset as usize, &bytes)?;
            these.iter().for_each(|item| subtrees.push(item_hash(*item)));
            if offset + these.len() as u64 == width {
                let items = tile.as_chunks::<8>().0.iter();
                let root = perfect_root(items.map(|item| item_hash(u64::from_be_bytes(*item))).collect());
                self.append_hash(label, (1, number), root)?;
            }
            rest = others;
        }
        Ok(())
    }

    /// Adds the hash at a level and place, and what it completes above.
    fn append_hash(
        &mut self,
        label: &Label,
        (level, index): (u8, u64),
        hash: Hash,
    ) -> Result<(), IndexError<S::Error>> {
        let width = 1u64 << self.shape().height;
        let (number, offset) = (index / width, index % width);
        let tile = self.extend_tile(tile_key(label, level, number), 32 * offset as usize, &hash.0)?;
        if offset + 1 < width {
            return Ok(());
        }
        let root = perfect_root(tile.as_chunks::<32>().0.iter().map(|hash| Hash(*hash)).collect());
        self.append_hash(label, (level + 1, number), root)
    }

    fn extend_tile(
        &mut self,
        key: Vec<u8>,
        length: usize,
        more: &[u8],
    ) -> Result<Vec<u8>, IndexError<S::Error>> {
        let mut tile = if length == 0 { Vec::new() } else { self.value(&key)?.unwrap_or_default() };
        if tile.len() != length {
            return Err(IndexError::Damaged);
        }
        tile.extend_from_slice(more);
        self.put(key, Some(tile.clone()));
        Ok(tile)
    }
}
