//! Heads that are false: what an index log must not sign, seen by who has neither the log nor its index.

use serde::{Deserialize, Serialize};

use super::{Placed, Proved, Unproved, all, all_base64, base64, bytes, hash};
use crate::checkpoint::Checkpoint;
use crate::index::{EMPTY, Generation, IndexHead, Step};
use crate::merkle::{Hash, check_consistency};

/// Before the first head there is a log without leaves.
const NOTHING: IndexHead = IndexHead { size: 0, root: Hash::EMPTY_ROOT, index_root: EMPTY, labels: 0 };

/// What a head contradicts. Hashes, leaves and proofs are in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Against {
    /// An earlier head of no smaller size.
    Earlier(Placed),
    /// The log, whose second checkpoint begins with another tree at the size of the head.
    Tree {
        /// The root of what it begins with.
        root: String,
        /// The consistency proof from there to the checkpoint.
        hashes: Vec<String>,
    },
    /// An earlier head, from which another one follows at this size.
    Step {
        /// The earlier head; none for a log without leaves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Placed>,
        /// What leads from there.
        step: Written,
    },
}

/// A [`Step`] as it is written.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    before: Vec<String>,
    leaves: Vec<String>,
    proofs: Vec<String>,
    lists: Vec<Vec<String>>,
}

impl std::fmt::Debug for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Written({} leaves)", self.leaves.len())
    }
}

impl Against {
    /// That the log begins with a tree of this root, by this consistency proof.
    pub fn tree(root: &Hash, hashes: &[Hash]) -> Self {
        Against::Tree { root: base64(&root.0), hashes: all_base64(hashes) }
    }
}

impl From<&Step> for Written {
    fn from(step: &Step) -> Self {
        Written {
            before: all_base64(&step.before),
            leaves: step.leaves.iter().map(|leaf| base64(leaf)).collect(),
            proofs: step.proofs.iter().map(|proof| base64(proof)).collect(),
            lists: step.lists.iter().map(|list| all_base64(list)).collect(),
        }
    }
}

impl Written {
    fn read(&self) -> Result<Step, Unproved> {
        let each = |texts: &[String]| texts.iter().map(|text| bytes(text)).collect::<Result<_, _>>();
        Ok(Step {
            before: all(&self.before)?,
            leaves: each(&self.leaves)?,
            proofs: each(&self.proofs)?,
            lists: self.lists.iter().map(|list| all(list)).collect::<Result<_, _>>()?,
        })
    }
}

/// What a head proves, in the tree of a checkpoint of its index log. `log` is the checkpoint of the entry log.
///
/// # Errors
/// [`Unproved`] when it contradicts nothing.
pub(super) fn judge(
    of: &Checkpoint,
    log: &Checkpoint,
    placed: &Placed,
    against: &Against,
) -> Result<Proved, Unproved> {
    let head = open(placed, of)?;
    let is_of_log = Generation::split(&of.origin).is_some_and(|(origin, _)| origin == log.origin);
    let contradicts = match against {
        Against::Earlier(earlier) => earlier.index < placed.index && open(earlier, of)?.size >= head.size,
        Against::Tree { root, hashes } => {
            let root = hash(root)?;
            let begins = check_consistency(&all(hashes)?, head.size, &root, log.size, &log.root);
            head.size > 0 && begins.is_ok() && root != head.root
        }
        Against::Step { before, step } => {
            let before = before.as_ref().map_or(Ok(NOTHING), |before| open(before, of))?;
            let follows = step.read()?.follows(&before).map_err(|_| Unproved::Proof)?;
            // Other leaves than those of the log lead to another root of it.
            (follows.size, follows.root) == (head.size, head.root) && follows != head
        }
    };
    if is_of_log && contradicts { Ok(Proved::BadHead) } else { Err(Unproved::Proof) }
}

fn open(placed: &Placed, of: &Checkpoint) -> Result<IndexHead, Unproved> {
    IndexHead::decode(&placed.open(of)?).map_err(|_| Unproved::Proof)
}
