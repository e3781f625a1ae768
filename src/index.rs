//! The number index: from a label to the ordered list of leaves that carry it, committed so that an answer proves
//! that nothing was left out.
//!
//! The commitment is a compressed Merkle prefix tree over labels ([`node`]). A label's value is a [`ListCommitment`]:
//! how many leaves carry it, and the RFC 6962 tree hash of their indexes. A [`Query`] names labels and whole subtrees;
//! [`Query::check`] reads a proof of all of it. The roots of the tree are kept in the index log, whose leaves are
//! [`IndexHead`]s.
//!
//! [`Index`] is the engine that holds such a tree over an [`IndexStore`]: small buckets of labels in the store, what is
//! above them in memory. It is derived from the leaves alone ([`labels_of`]) and can always be built again.

pub mod bucket;
pub mod engine;
pub mod head;
pub mod labels;
pub mod list;
pub mod node;
pub mod plan;
pub mod prefix;
pub mod query;
pub mod store;
pub mod tiles;
pub mod view;

pub use engine::{Index, IndexError, Shape};
pub use head::{HeadError, IndexHead};
pub use labels::labels_of;
pub use list::{Known, ListCommitment, ListError, ListPage};
pub use node::EMPTY;
pub use plan::Change;
pub use prefix::{Prefix, PrefixError};
pub use query::{Answer, NotProved, Query, QueryError};
pub use store::{Batch, IndexStore, MemoryStore};
pub use view::View;

#[cfg(test)]
mod tests;
