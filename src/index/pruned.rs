//! A part of an index tree: what proofs show of it, and for all else the hashes. It can be changed where it is shown.

use super::list::ListCommitment;
use super::node;
use super::prefix::Prefix;
use super::query::{Asked, INNER, LABEL, NOTHING, NotProved, Query};
use crate::label::Label;
use crate::merkle::Hash;
use crate::tls::Reader;

/// A node, with what is shown below it.
pub(super) enum Pruned {
    /// The tree of no label.
    Nothing,
    /// A node of which nothing but its hash is shown.
    Hidden(Hash),
    Label(Label, ListCommitment),
    Inner(Prefix, Box<[Pruned; 2]>),
}

use Pruned::{Hidden, Inner, Nothing};

impl Pruned {
    /// The tree with this root, of which nothing is shown.
    pub(super) fn of(root: Hash) -> Self {
        if root == node::EMPTY { Nothing } else { Hidden(root) }
    }

    /// What the proof of a query shows of the tree with this root. Costs what [`Query::check`] costs, and once more the reading.
    pub(super) fn read(query: &Query, proof: &[u8], root: &Hash) -> Result<Self, NotProved> {
        query.check(proof, root)?;
        if proof == [NOTHING] {
            return Ok(Nothing);
        }
        let mut reader = Reader::new(proof);
        Self::node(query, &mut reader, query.all())
    }

    /// Of a proof that was checked. A node has a longer prefix than the one above it, so it goes 256 steps deep at most.
    fn node(query: &Query, reader: &mut Reader<'_>, asked: Asked) -> Result<Self, NotProved> {
        match reader.array()? {
            [LABEL] => {
                let label = Label::new(reader.array()?);
                let list = ListCommitment { count: reader.uint(8)?, root: Hash(reader.array()?) };
                Ok(Pruned::Label(label, list))
            }
            [INNER] => {
                let length = reader.uint(1)? as u16;
                let bits = reader.take(usize::from(length).div_ceil(8))?;
                let prefix = Prefix::new(bits, length).map_err(|_| NotProved)?;
                let mut child = |bit| match query.below(asked, &prefix.child(bit)) {
                    0 => Ok(Hidden(Hash(reader.array()?))),
                    asked => Self::node(query, reader, asked),
                };
                let children = [child(false)?, child(true)?];
                Ok(Inner(prefix, Box::new(children)))
            }
            _ => Err(NotProved),
        }
    }

    /// What two proofs in one tree show together.
    pub(super) fn merge(self, other: Pruned) -> Pruned {
        match (self, other) {
            (Hidden(_), other) => other,
            (Inner(prefix, these), Inner(_, those)) => {
                let ([left, right], [other_left, other_right]) = (*these, *those);
                Inner(prefix, Box::new([left.merge(other_left), right.merge(other_right)]))
            }
            (this, _) => this,
        }
    }

    /// The root hash.
    pub(super) fn hash(&self) -> Hash {
        match self {
            Nothing => node::EMPTY,
            Hidden(hash) => *hash,
            Pruned::Label(label, list) => node::of_label(label, list),
            Inner(prefix, children) => node::of_inner(prefix, &children[0].hash(), &children[1].hash()),
        }
    }

    /// The list of a label; an error where it is not shown whether there is one.
    pub(super) fn list(&self, label: &Label) -> Result<ListCommitment, NotProved> {
        let wanted = Prefix::from(label);
        match self {
            Hidden(_) => Err(NotProved),
            Pruned::Label(found, list) if found == label => Ok(*list),
            Inner(prefix, children) if prefix.covers(&wanted) => {
                children[usize::from(wanted.bit(prefix.length()))].list(label)
            }
            _ => Ok(ListCommitment::NONE),
        }
    }

    /// The same tree where this label has this list; an error where the place of the label is not shown.
    pub(super) fn with(self, label: &Label, list: ListCommitment) -> Result<Self, NotProved> {
        let (wanted, new) = (Prefix::from(label), Pruned::Label(*label, list));
        let prefix = match &self {
            Nothing => return Ok(new),
            Hidden(_) => return Err(NotProved),
            Pruned::Label(found, _) if found == label => return Ok(new),
            Pruned::Label(found, _) => Prefix::from(found),
            Inner(prefix, _) => *prefix,
        };
        let shared = prefix.common(&wanted);
        match self {
            Inner(prefix, children) if shared == prefix.length() => {
                let [left, right] = *children;
                let children = if wanted.bit(shared) {
                    [left, right.with(label, list)?]
                } else {
                    [left.with(label, list)?, right]
                };
                Ok(Inner(prefix, Box::new(children)))
            }
            other => {
                let children = if wanted.bit(shared) { [other, new] } else { [new, other] };
                Ok(Inner(wanted.cut(shared), Box::new(children)))
            }
        }
    }
}
