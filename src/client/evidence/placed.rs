//! A leaf with its place in a tree.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Unproved, all, all_base64, base64, bytes};
use crate::checkpoint::Checkpoint;
use crate::merkle::{Hash, check_inclusion};

/// A leaf that stands in the tree of a checkpoint. In base64, but for the index. `Debug` shows that alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// Its index.
    pub index: u64,
    /// Its bytes.
    pub leaf: String,
    /// Its inclusion proof.
    pub hashes: Vec<String>,
}

impl fmt::Debug for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Placed({})", self.index)
    }
}

impl Placed {
    /// That this leaf stands at this index.
    pub fn new(index: u64, leaf: &[u8], hashes: &[Hash]) -> Self {
        Placed { index, leaf: base64(leaf), hashes: all_base64(hashes) }
    }

    /// Its bytes, when it stands there in this tree.
    pub(super) fn open(&self, tree: &Checkpoint) -> Result<Vec<u8>, Unproved> {
        let leaf = bytes(&self.leaf)?;
        check_inclusion(&all(&self.hashes)?, tree.size, self.index, &Hash::of_leaf(&leaf), &tree.root)
            .map_err(|_| Unproved::Proof)?;
        Ok(leaf)
    }
}
