//! The entries that a look-up found.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::request::hashes;
use super::{LookupError, Lookups, News};
use crate::client::api::GetEntryAndProof;
use crate::client::http::Client;
use crate::entry::{Leaf, MAX_LEAF};
use crate::index::IndexHead;
use crate::index::labels_of_bytes;
use crate::label::Label;
use crate::merkle::{Hash, check_inclusion};
use crate::tile::FULL_WIDTH;

/// So many entries are fetched one by one; more, in their bundles.
const SINGLE: usize = 32;
/// So many at the same time.
const AT_ONCE: usize = 8;
/// A leaf and a chain in base64, and a proof.
const MAX_ENTRY: usize = 2 << 20;

/// An entry that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Under which of the labels.
    pub labels: Vec<Label>,
    /// The leaf, which carries them.
    pub leaf: Leaf,
}

impl Lookups {
    /// Fetches the entries of some news, by their index: each stands in the log at its index, and carries the labels
    /// that it was found under.
    ///
    /// # Errors
    /// [`LookupError::NotCarried`] when it does not; [`LookupError::NotInLog`]; those of reading.
    pub async fn entries(&self, news: &News) -> Result<BTreeMap<u64, Found>, LookupError> {
        let mut found: BTreeMap<u64, Vec<Label>> = BTreeMap::new();
        for (label, items) in &news.items {
            items.iter().for_each(|index| found.entry(*index).or_default().push(*label));
        }
        let indexes: BTreeSet<u64> = found.keys().copied().collect();
        let leaves = self.leaves(&indexes, &news.head).await?;
        let mut entries = BTreeMap::new();
        for (index, labels) in found {
            let bytes = leaves.get(&index).ok_or(LookupError::NotInLog(index))?;
            let carried = labels_of_bytes(bytes);
            if !labels.iter().all(|label| carried.contains(label)) {
                return Err(LookupError::NotCarried(index));
            }
            let leaf = Leaf::decode(bytes).map_err(|_| LookupError::NotCarried(index))?;
            entries.insert(index, Found { labels, leaf });
        }
        Ok(entries)
    }

    /// A place that serves only tiles is asked for bundles.
    async fn leaves(
        &self,
        indexes: &BTreeSet<u64>,
        head: &IndexHead,
    ) -> Result<BTreeMap<u64, Bytes>, LookupError> {
        if indexes.len() > SINGLE {
            return self.in_bundles(indexes, head).await;
        }
        match self.singly(indexes, head).await {
            Err(error) if error.is_missing() => self.in_bundles(indexes, head).await,
            other => other,
        }
    }

    async fn singly(
        &self,
        indexes: &BTreeSet<u64>,
        head: &IndexHead,
    ) -> Result<BTreeMap<u64, Bytes>, LookupError> {
        let (size, root) = (head.size, head.root);
        let indexes: Vec<u64> = indexes.iter().copied().collect();
        let mut leaves = BTreeMap::new();
        for some in indexes.chunks(AT_ONCE) {
            let mut fetching = JoinSet::<Result<(u64, Bytes), LookupError>>::new();
            for &index in some {
                let client = self.client.clone();
                fetching.spawn(async move { Ok((index, fetch(&client, index, size, root).await?)) });
            }
            while let Some(fetched) = fetching.join_next().await {
                let (index, leaf) = fetched.expect("fetching does not panic")?;
                leaves.insert(index, leaf);
            }
        }
        Ok(leaves)
    }

    /// One leaf, in the tree of this size and root.
    pub(super) async fn single(&self, index: u64, size: u64, root: Hash) -> Result<Bytes, LookupError> {
        fetch(&self.client, index, size, root).await
    }

    /// In the tree of the checkpoint, as far as it goes.
    async fn in_bundles(
        &self,
        indexes: &BTreeSet<u64>,
        head: &IndexHead,
    ) -> Result<BTreeMap<u64, Bytes>, LookupError> {
        let width = u64::from(FULL_WIDTH);
        let size = self.entries.seen().map_or(0, |seen| seen.checkpoint().size);
        let mut leaves = BTreeMap::new();
        let mut next = indexes.first().copied().filter(|index| *index < size);
        while let Some(first) = next {
            let end = (first / width + 1) * width;
            let bundle = self.entries.entries(first..end).await?;
            let wanted = (first..).zip(bundle).filter(|(index, _)| indexes.contains(index));
            leaves.extend(wanted);
            next = indexes.range(end..).next().copied().filter(|index| *index < size);
        }
        leaves.extend(self.singly(&indexes.range(size..).copied().collect(), head).await?);
        Ok(leaves)
    }
}

/// In the tree of a head, which is consistent with the checkpoint and may be larger.
async fn fetch(client: &Client, index: u64, size: u64, root: Hash) -> Result<Bytes, LookupError> {
    let path = format!("ct/v1/get-entry-and-proof?leaf_index={index}&tree_size={size}");
    let answer: GetEntryAndProof = client.get_json(&path, MAX_ENTRY).await?;
    let leaf = Base64::decode_vec(&answer.leaf_input).map_err(|_| LookupError::Malformed)?;
    let proof = hashes(&answer.audit_path)?;
    let proved = check_inclusion(&proof, size, index, &Hash::of_leaf(&leaf), &root);
    if proved.is_err() || leaf.len() > MAX_LEAF {
        return Err(LookupError::NotInLog(index));
    }
    Ok(leaf.into())
}
