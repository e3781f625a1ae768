//! Everything that was found for a question: who comes back transfers only what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{LookupError, Lookups, Memory, News, Question};
use crate::entry::Leaf;
use crate::index::IndexHead;
use crate::label::Label;

/// How long an index may be behind the log.
const LONGEST_LAG: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(250);
/// Ten times what the largest carrier of the public certificates has; at most 64 KiB each.
const MAX_LEAVES: usize = 16_384;

/// The answer to one question, and the leaves that were fetched of it, each verified. As secret as the numbers whose labels
/// it holds.
#[derive(Clone, Default)]
pub struct Kept {
    pub(super) memory: Memory,
    pub(super) leaves: BTreeMap<u64, Leaf>,
}

impl Kept {
    /// How many entries of the log it covers.
    pub fn covers(&self) -> u64 {
        self.memory.covers()
    }

    /// The indexes of the entries that carry a label, by label.
    pub fn items(&self) -> &BTreeMap<Label, Vec<u64>> {
        self.memory.items()
    }

    /// The leaves that were fetched, by index.
    pub fn leaves(&self) -> &BTreeMap<u64, Leaf> {
        &self.leaves
    }

    /// The leaves that carry a label, in order.
    pub fn list(&self, label: &Label) -> Vec<Leaf> {
        let items = self.items().get(label).into_iter().flatten();
        items.filter_map(|index| self.leaves.get(index).cloned()).collect()
    }
}

/// For [`Lookups::follow`]: every label that was found.
pub fn all(items: &BTreeMap<Label, Vec<u64>>) -> Vec<Label> {
    items.keys().copied().collect()
}

impl Lookups {
    /// Brings what is kept of a question up to a head that covers at least `at_least` entries, for which it waits some
    /// seconds, and fetches the leaves that are not there yet of the labels that `wanted` chooses from all that were found.
    /// Gives the indexes of these.
    ///
    /// # Errors
    /// [`LookupError`]. What is kept then stays as it was.
    pub async fn follow(
        &mut self,
        question: &Question,
        kept: &mut Kept,
        at_least: u64,
        wanted: impl FnOnce(&BTreeMap<Label, Vec<u64>>) -> Vec<Label>,
    ) -> Result<BTreeSet<u64>, LookupError> {
        let mut memory = kept.memory.clone();
        let head = self.ask_patiently(question, &mut memory, at_least).await?;
        let missing = |label: Label| {
            let items = memory.items().get(&label).into_iter().flatten();
            (label, items.filter(|index| !kept.leaves.contains_key(index)).copied().collect())
        };
        let items: BTreeMap<Label, Vec<u64>> = wanted(memory.items()).into_iter().map(missing).collect();
        let entries = items.values().map(Vec::len).sum();
        if entries > MAX_LEAVES {
            return Err(LookupError::TooMany { entries, most: MAX_LEAVES });
        }
        let found = self.entries(&News { head, items }).await?;
        let new = found.keys().copied().collect();
        kept.leaves.extend(found.into_iter().map(|(index, found)| (index, found.leaf)));
        kept.memory = memory;
        Ok(new)
    }

    async fn ask_patiently(
        &mut self,
        question: &Question,
        memory: &mut Memory,
        at_least: u64,
    ) -> Result<IndexHead, LookupError> {
        let begun = Instant::now();
        loop {
            match self.ask(question, memory, at_least).await {
                Err(LookupError::Stalled { .. }) if begun.elapsed() < LONGEST_LAG => {
                    tokio::time::sleep(AGAIN).await;
                }
                other => return Ok(other?.head),
            }
        }
    }
}
