//! From an entry that no log may take to its proof: with the earlier entries that it contradicts.

use std::ops::Range;
use std::sync::Arc;

use crate::client::check::{Fault, FaultKind};
use crate::client::evidence::{Placed, Proof};
use crate::client::read::{LogReader, policy_of_key};
use crate::client::source::{Folder, Source};
use crate::entry::{Entry, Leaf, RegistrationEntry};
use crate::note::VerifierKey;
use crate::statement::StatementRefusal;

/// Where the proof is looked for.
pub(super) struct Claim<'a, S> {
    /// The log, at the checkpoint that it signed with the entry.
    pub(super) reader: LogReader<S>,
    /// The copy of what was checked before.
    pub(super) copy: &'a Folder,
    pub(super) key: &'a VerifierKey,
}

impl<S: Source> Claim<'_, S> {
    /// None when the log does not serve the entry any more. Other entries that it does not serve are left out.
    pub(super) async fn prove(&self, fault: &Fault) -> Option<Proof> {
        let wrong = self.placed(fault.index?).await?;
        let mut others = Vec::new();
        for index in self.others(fault).await {
            others.extend(self.placed(index).await);
        }
        Some(Proof::Entry { wrong, others })
    }

    async fn placed(&self, index: u64) -> Option<Placed> {
        let leaves = self.reader.entries(index..index + 1).await.ok()?;
        Some(Placed::new(index, leaves.first()?, &self.reader.inclusion_proof(index).await.ok()?))
    }

    /// The entries that show what is wrong.
    async fn others(&self, fault: &Fault) -> Vec<u64> {
        let Some(index) = fault.index else { return Vec::new() };
        let leaf = self.reader.leaf(index).await.map(|leaf| leaf.entry);
        let mut others = match (&fault.kind, leaf) {
            (FaultKind::Time { .. }, _) => index.checked_sub(1).into_iter().collect(),
            (FaultKind::Statement(StatementRefusal::SaidBefore(before)), _) => vec![*before],
            (FaultKind::Statement(_), Ok(Entry::KeyStatement(entry))) => {
                vec![0, entry.old.index, entry.new.index]
            }
            (FaultKind::Registration(_), Ok(Entry::Registration(entry))) => self.named(index, &entry).await,
            _ => Vec::new(),
        };
        others.retain(|other| *other < index);
        others.sort_unstable();
        others.dedup();
        others
    }

    /// What a registration names, and the earlier one that replaces the same.
    async fn named(&self, at: u64, entry: &RegistrationEntry) -> Vec<u64> {
        let mut named = vec![entry.credential];
        if let Some(replaces) = entry.replaces.filter(|replaces| *replaces < at) {
            named.push(replaces);
            if let Ok(Leaf { entry: Entry::Registration(replaced), .. }) = self.reader.leaf(replaces).await {
                named.push(replaced.credential);
            }
            named.extend(self.replaced_before(replaces, replaces + 1..at).await);
        }
        named
    }

    /// Reads every entry of a range: of the copy, as far as that goes, then of the log.
    async fn replaced_before(&self, replaced: u64, range: Range<u64>) -> Option<u64> {
        let mut copy = LogReader::new(Arc::new(self.copy.clone()), policy_of_key(self.key.clone()).ok()?);
        let copied =
            copy.update().await.map_or(0, |seen| seen.checkpoint().size).clamp(range.start, range.end);
        match find(&copy, replaced, range.start..copied).await {
            None => find(&self.reader, replaced, copied..range.end).await,
            found => found,
        }
    }
}

/// The first registration in a range that replaces this one.
async fn find<S: Source>(reader: &LogReader<S>, replaced: u64, mut range: Range<u64>) -> Option<u64> {
    while !range.is_empty() {
        let leaves = reader.entries(range.clone()).await.ok().filter(|leaves| !leaves.is_empty())?;
        let replaces = |leaf: &Leaf| match &leaf.entry {
            Entry::Registration(entry) => entry.replaces == Some(replaced),
            _ => false,
        };
        let found = leaves.iter().position(|leaf| Leaf::decode(leaf).is_ok_and(|leaf| replaces(&leaf)));
        if let Some(place) = found {
            return Some(range.start + place as u64);
        }
        range.start += leaves.len() as u64;
    }
    None
}
