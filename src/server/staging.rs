//! The staging object of a round: all that the round stores, in one object that is made durable before the checkpoint is
//! signed into the lock. Whatever the crash, a signed round can be applied again from it.

use sha2::{Digest, Sha256};

use super::plan::{Object, Place};
use crate::merkle::Hash;
use crate::tls::{Malformed, Reader, Write};

/// The folder of staging objects in the private store.
pub const FOLDER: &str = "staging";

const MAGIC: [u8; 8] = *b"tnstage1";

/// A tree that a checkpoint can sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tree {
    /// The number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A round that was planned: from which tree to which, and what it stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    /// The tree before.
    pub old: Tree,
    /// The tree after.
    pub new: Tree,
    /// What is stored.
    pub objects: Vec<Object>,
}

/// The object is not what was staged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StagingError {
    /// A part is missing.
    #[error("the staging object is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// Other bytes than were staged.
    #[error("the staging object is damaged")]
    Damaged,
}

impl Staging {
    /// The name of the object: the size and the root that it leads to.
    pub fn name(&self) -> String {
        Staging::name_of(&self.new)
    }

    /// The name of the object that leads to a tree.
    pub fn name_of(tree: &Tree) -> String {
        let root: String = tree.root.0[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{FOLDER}/{:016x}-{root}", tree.size)
    }

    /// Its bytes: magic, both trees, the objects, and a SHA-256 over all before it.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for tree in [&self.old, &self.new] {
            bytes.put_uint(tree.size, 8);
            bytes.extend_from_slice(&tree.root.0);
        }
        bytes.put_uint(self.objects.len() as u64, 4);
        for object in &self.objects {
            bytes.push(object.place as u8);
            bytes.put_opaque(object.name.as_bytes(), 2);
            bytes.put_opaque(&object.bytes, 4);
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// Reads what [`encode`](Staging::encode) wrote.
    ///
    /// # Errors
    /// [`StagingError`], also for an object that a crash left half written.
    pub fn decode(bytes: &[u8]) -> Result<Self, StagingError> {
        let (content, hash) = bytes.split_last_chunk::<32>().ok_or(StagingError::Damaged)?;
        if Sha256::digest(content)[..] != hash[..] {
            return Err(StagingError::Damaged);
        }
        let mut reader = Reader::new(content);
        if reader.array()? != MAGIC {
            return Err(StagingError::Damaged);
        }
        let mut tree = || Ok::<_, Malformed>(Tree { size: reader.uint(8)?, root: Hash(reader.array()?) });
        let (old, new) = (tree()?, tree()?);
        let count = reader.uint(4)?;
        let objects = (0..count).map(|_| read_object(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Staging { old, new, objects })
    }
}

fn read_object(reader: &mut Reader<'_>) -> Result<Object, StagingError> {
    let place = match reader.array()? {
        [0] => Place::Public,
        [1] => Place::Private,
        _ => return Err(StagingError::Damaged),
    };
    let name = std::str::from_utf8(reader.opaque(2)?).map_err(|_| StagingError::Damaged)?.to_owned();
    Ok(Object { place, name, bytes: reader.opaque(4)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staging() -> Staging {
        let object = |place, name: &str| Object { place, name: name.to_owned(), bytes: vec![7; 40] };
        Staging {
            old: Tree { size: 1, root: Hash([1; 32]) },
            new: Tree { size: 300, root: Hash([2; 32]) },
            objects: vec![object(Place::Public, "tile/0/000"), object(Place::Private, "evidence/202611/1")],
        }
    }

    #[test]
    fn reads_back() {
        assert_eq!(staging().name(), "staging/000000000000012c-0202020202020202");
        assert_eq!(Staging::decode(&staging().encode()), Ok(staging()));
    }

    #[test]
    fn whatever_is_cut_or_changed_is_refused() {
        let good = staging().encode();
        for position in 0..good.len() {
            assert!(Staging::decode(&good[..position]).is_err(), "cut after {position} bytes");
            let mut bad = good.clone();
            bad[position] ^= 1;
            assert!(Staging::decode(&bad).is_err(), "changed at byte {position}");
        }
    }
}
