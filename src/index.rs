//! The number index: from a label to the ordered list of leaves that carry it, committed so that an answer proves
//! that nothing was left out.
//!
//! The commitment is a compressed Merkle prefix tree over labels. A label's value is a [`ListCommitment`]:
//! how many leaves carry it, and the RFC 6962 tree hash of their indexes. A [`Query`] names labels and whole subtrees;
//! [`Query::check`] reads a proof of all of it. The roots of the tree are kept in the index log, whose leaves are
//! [`IndexHead`]s.
//!
//! [`Index`] is the engine that holds such a tree over an [`IndexStore`]: small buckets of labels in the store, what is
//! above them in memory. It is derived from the leaves alone ([`labels_of`]) and can always be built again.

mod bucket;
mod engine;
mod generation;
mod head;
mod labels;
mod list;
mod node;
mod plan;
mod prefix;
mod pruned;
mod query;
mod step;
mod store;
mod tiles;
mod view;

pub use engine::{Index, IndexError, Shape};
pub use generation::Generation;
pub use head::{HEAD, HeadError, IndexHead};
pub use labels::{labels_of, labels_of_bytes};
pub use list::{Known, ListCommitment, ListError, ListPage, MAX_PAGE};
pub use node::EMPTY;
pub use plan::Change;
pub use prefix::{LABEL_BITS, Prefix, PrefixError};
pub use query::{Answer, MAX_PREFIXES, MAX_PROOF, NotProved, Query, QueryError};
pub use step::{MAX_STEP, MAX_STEP_BYTES, Step};
pub use store::{Batch, IndexStore, MemoryStore};
pub use view::View;

#[cfg(test)]
mod tests;
