//! What is asked of the index, and the proof that answers it.
//!
//! A query is up to 16 prefixes: a whole label asks for its list, a shorter one for every label below it. A proof is the
//! tree from the root on, each node before what is below it, the left side before the right. Where no label that was asked
//! for can be, there is the hash of a node; everywhere else there is the node. So one query has exactly one proof in one
//! tree, and what is not in it is absent.
//!
//! ```text
//! struct {
//!     uint8 type;
//!     select (type) {
//!         case 0: ;                             // nothing; only as the whole tree
//!         case 1: opaque label[32];             // a label
//!                 uint64 count;                 // of its list, at least 1
//!                 opaque list_root[32];
//!         case 2: uint8  length;                // an inner node; its prefix, unused bits 0
//!                 opaque prefix[(length + 7) / 8];
//!                 Child  left;
//!                 Child  right;
//!         case 3: opaque same[32];              // the hash of a node that the asker knows
//!     };
//! } Node;
//!
//! Child: opaque hash[32] where no label that was asked for can be, otherwise a Node
//! ```
//!
//! Who has the answer to the same query in an older tree is shown the difference alone: a node of which he knows everything
//! below is given as its hash.

use std::collections::HashMap;
use std::ops::Range;

use super::list::ListCommitment;
use super::node;
use super::prefix::{LABEL_BITS, Prefix};
use crate::label::Label;
use crate::merkle::{Hash, MAX_SIZE};
use crate::tls::{Malformed, Reader};

/// The most prefixes of one query.
pub const MAX_PREFIXES: usize = 16;
/// The most bytes of a proof that are read: some 150,000 labels.
pub const MAX_PROOF: usize = 16 << 20;

pub(super) const NOTHING: u8 = 0;
pub(super) const LABEL: u8 = 1;
pub(super) const INNER: u8 = 2;
pub(super) const SAME: u8 = 3;

/// What is asked: labels, and subtrees below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Vec<Prefix>);

/// No prefix, or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a query of the index names 1 to 16 labels or prefixes; this one names {0}")]
pub struct QueryError(pub usize);

/// A proof that does not prove: malformed, of another query or tree, with more than is needed or less. No more is told,
/// because no more can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead from what was asked to this root of the index")]
pub struct NotProved;

impl From<Malformed> for NotProved {
    fn from(_: Malformed) -> Self {
        NotProved
    }
}

/// Every label that a query asks for and that some leaf carries, in order, with its list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer(Vec<(Label, ListCommitment)>);

impl Answer {
    /// An answer that was checked before, as it was kept. Each label counts once, the first time.
    pub fn new(mut labels: Vec<(Label, ListCommitment)>) -> Self {
        labels.sort_by_key(|(label, _)| *label);
        labels.dedup_by_key(|(label, _)| *label);
        Answer(labels)
    }

    /// The labels in byte order.
    pub fn labels(&self) -> &[(Label, ListCommitment)] {
        &self.0
    }

    /// The list of a label that was asked for; [`ListCommitment::NONE`] when no leaf carries it.
    pub fn list(&self, label: &Label) -> ListCommitment {
        let place = self.0.binary_search_by(|(other, _)| other.cmp(label));
        place.map_or(ListCommitment::NONE, |place| self.0[place].1)
    }
}

/// Which prefixes of a query can still be met, one bit for each.
pub(super) type Asked = u16;

impl Query {
    /// Asks for everything below `prefixes`. Their order does not matter; one that another covers adds nothing.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn new(prefixes: &[Prefix]) -> Result<Self, QueryError> {
        if !(1..=MAX_PREFIXES).contains(&prefixes.len()) {
            return Err(QueryError(prefixes.len()));
        }
        Ok(Query(prefixes.to_vec()))
    }

    /// Asks for the lists of labels.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn labels(labels: &[Label]) -> Result<Self, QueryError> {
        if labels.len() > MAX_PREFIXES {
            return Err(QueryError(labels.len()));
        }
        Query::new(&labels.iter().map(Prefix::from).collect::<Vec<_>>())
    }

    /// Its prefixes.
    pub fn prefixes(&self) -> &[Prefix] {
        &self.0
    }

    /// Whether it asks for this label.
    pub fn asks_for(&self, label: &Label) -> bool {
        let label = Prefix::from(label);
        self.0.iter().any(|prefix| prefix.covers(&label))
    }

    /// Reads the proof of this query in the tree with this root. At most one hash for each 34 bytes of the proof; refused
    /// above [`MAX_PROOF`].
    ///
    /// # Errors
    /// [`NotProved`].
    pub fn check(&self, proof: &[u8], root: &Hash) -> Result<Answer, NotProved> {
        self.check_difference(&Answer::default(), proof, root)
    }

    /// Reads the proof of what changed since this query had the answer `known`, and gives the whole answer. Costs two hashes
    /// more for each label that is known.
    ///
    /// # Errors
    /// [`NotProved`].
    pub fn check_difference(&self, known: &Answer, proof: &[u8], root: &Hash) -> Result<Answer, NotProved> {
        if proof.len() > MAX_PROOF {
            return Err(NotProved);
        }
        let known = KnownNodes::new(self, known);
        let mut check = Check { query: self, known, reader: Reader::new(proof), found: Vec::new() };
        let computed = if proof == [NOTHING] { node::EMPTY } else { check.whole()? };
        if computed == *root { Ok(Answer(check.found)) } else { Err(NotProved) }
    }

    /// Whether it asks for every label below `position`.
    pub(super) fn asks_for_all(&self, position: &Prefix) -> bool {
        self.0.iter().any(|prefix| prefix.covers(position))
    }

    pub(super) fn all(&self) -> Asked {
        Asked::MAX >> (MAX_PREFIXES - self.0.len())
    }

    /// Those of `asked` that a label below `position` can meet.
    pub(super) fn below(&self, asked: Asked, position: &Prefix) -> Asked {
        let met = |i: &usize| asked >> i & 1 == 1 && self.0[*i].meets(position);
        (0..self.0.len()).filter(met).fold(0, |met, i| met | 1 << i)
    }
}

/// The nodes of which an older answer to a query says everything below.
struct KnownNodes<'a> {
    labels: &'a [(Label, ListCommitment)],
    /// By their hash: the prefix or label, and the part of the answer that is below.
    nodes: HashMap<Hash, (Prefix, Range<usize>)>,
}

impl<'a> KnownNodes<'a> {
    fn new(query: &Query, answer: &'a Answer) -> Self {
        let mut known = KnownNodes { labels: &answer.0, nodes: HashMap::new() };
        for prefix in &query.0 {
            let start = known.labels.partition_point(|(label, _)| Prefix::from(label) < *prefix);
            let below =
                known.labels[start..].iter().take_while(|(label, _)| prefix.covers(&Prefix::from(label)));
            let range = start..start + below.count();
            if !range.is_empty() {
                known.add(range);
            }
        }
        known
    }

    /// Adds the node over a part of the labels and those below it.
    fn add(&mut self, range: Range<usize>) -> Hash {
        let (hash, prefix) = match node::parted(&self.labels[range.clone()], |(label, _)| label) {
            None => {
                let (label, list) = &self.labels[range.start];
                (node::of_label(label, list), Prefix::from(label))
            }
            Some((prefix, place)) => {
                let middle = range.start + place;
                let (left, right) = (self.add(range.start..middle), self.add(middle..range.end));
                (node::of_inner(&prefix, &left, &right), prefix)
            }
        };
        self.nodes.insert(hash, (prefix, range));
        hash
    }
}

struct Check<'a> {
    query: &'a Query,
    known: KnownNodes<'a>,
    reader: Reader<'a>,
    found: Vec<(Label, ListCommitment)>,
}

impl Check<'_> {
    fn whole(&mut self) -> Result<Hash, NotProved> {
        let root = self.node(&Prefix::EMPTY, self.query.all())?;
        self.reader.clone().finish()?;
        Ok(root)
    }

    /// The hash of the node at `position`. The prefix grows with each step, so it goes 256 steps deep at most.
    fn node(&mut self, position: &Prefix, asked: Asked) -> Result<Hash, NotProved> {
        let hash = match self.reader.array()? {
            [LABEL] => self.label(position)?,
            [INNER] => self.inner(position, asked)?,
            [SAME] => return self.same(position),
            _ => return Err(NotProved),
        };
        // What is known is not told again, so that there is one proof and no other.
        if self.known.nodes.contains_key(&hash) { Err(NotProved) } else { Ok(hash) }
    }

    fn same(&mut self, position: &Prefix) -> Result<Hash, NotProved> {
        let hash = Hash(self.reader.array()?);
        let (prefix, range) = self.known.nodes.get(&hash).ok_or(NotProved)?;
        if !position.covers(prefix) {
            return Err(NotProved);
        }
        self.found.extend_from_slice(&self.known.labels[range.clone()]);
        Ok(hash)
    }

    fn label(&mut self, position: &Prefix) -> Result<Hash, NotProved> {
        let label = Label::new(self.reader.array()?);
        let list = ListCommitment { count: self.reader.uint(8)?, root: Hash(self.reader.array()?) };
        if !position.covers(&Prefix::from(&label)) || !(1..=MAX_SIZE).contains(&list.count) {
            return Err(NotProved);
        }
        if self.query.asks_for(&label) {
            self.found.push((label, list));
        }
        Ok(node::of_label(&label, &list))
    }

    fn inner(&mut self, position: &Prefix, asked: Asked) -> Result<Hash, NotProved> {
        let length = self.reader.uint(1)? as u16;
        let bytes = self.reader.take(usize::from(length).div_ceil(8))?;
        let prefix = Prefix::new(bytes, length).map_err(|_| NotProved)?;
        if !position.covers(&prefix) || length >= LABEL_BITS {
            return Err(NotProved);
        }
        let left = self.child(&prefix.child(false), asked)?;
        let right = self.child(&prefix.child(true), asked)?;
        Ok(node::of_inner(&prefix, &left, &right))
    }

    fn child(&mut self, position: &Prefix, asked: Asked) -> Result<Hash, NotProved> {
        match self.query.below(asked, position) {
            0 => Ok(Hash(self.reader.array()?)),
            asked => self.node(position, asked),
        }
    }
}
