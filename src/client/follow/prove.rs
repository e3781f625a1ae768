//! From what a follower finds to evidence that stands on its own, out of the copy that was verified and of what the log still serves.

mod claim;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claim::Claim;

use super::finding::{FalseHead, Finding, FollowError};
use crate::checkpoint::Checkpoint;
use crate::client::evidence::{Against, Evidence, Placed, Proof, Proved, Written};
use crate::client::index_check::IndexFault;
use crate::client::read::{LogReader, policy_of_key};
use crate::client::source::{Below, Folder, Source};
use crate::index::{Generation, IndexHead};
use crate::merkle::Hash;
use crate::note::{Note, VerifierKey};

/// Proves what is found wrong with one log.
pub struct Prover<S> {
    log: S,
    copy: Folder,
    key: VerifierKey,
    index_key: VerifierKey,
    proved: Mutex<Option<(Finding, Evidence)>>,
}

impl<S: Source + Clone> Prover<S> {
    /// For the log with these two keys, its own and that of its index log, and the folder that holds the copy of both.
    pub fn new(log: S, copy: PathBuf, (key, index_key): (VerifierKey, VerifierKey)) -> Self {
        Prover { log, copy: Folder::new(copy), key, index_key, proved: Mutex::default() }
    }

    /// A smaller tree with which the copy does not begin is a fork, also when the log serves nothing of the larger one any
    /// more. Any other error is given back as it is. Reads the copy alone.
    pub async fn judge(&self, error: FollowError) -> FollowError {
        let FollowError::Found(Finding::Rollback { shown, .. }) = &error else { return error };
        let forked = if Checkpoint::open(shown, &self.index_key).is_ok() {
            fork_of(self.index_of(self.copy.clone()), &self.index_key, shown).await
        } else {
            fork_of(self.copy.clone(), &self.key, shown).await
        };
        forked.unwrap_or(error)
    }

    /// The evidence of a finding, with what ties the signed originals together where the copy or the log has it. What is proved is
    /// remembered, so that who finds the same again costs the log nothing.
    pub async fn evidence(&self, finding: &Finding) -> Evidence {
        let known = self.proved().clone();
        if let Some((_, evidence)) = known.filter(|(proved, _)| proved == finding) {
            return evidence;
        }
        let (notes, proof) = match finding {
            Finding::Fork { seen, shown } => (vec![&**seen, shown], self.prefix(seen, shown).await),
            Finding::Rollback { seen, shown } => (vec![&**seen, shown], None),
            Finding::FalseHead(head) => {
                (vec![&head.index_checkpoint, &head.checkpoint], Some(self.head(head).await))
            }
            Finding::Fault { fault, checkpoint } => {
                let index = fault.index.filter(|_| Proved::is_of_entry(finding.kind()));
                let proof = match index.and_then(|_| reader(self.log.clone(), &self.key, checkpoint)) {
                    Some(reader) => Claim { reader, copy: &self.copy, key: &self.key }.prove(fault).await,
                    None => None,
                };
                (vec![&**checkpoint], proof)
            }
        };
        let evidence = Evidence::new(finding.kind(), &notes, proof);
        if evidence.proof.is_some() {
            *self.proved() = Some((finding.clone(), evidence.clone()));
        }
        evidence
    }

    fn proved(&self) -> MutexGuard<'_, Option<(Finding, Evidence)>> {
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a false head contradicts; the head alone where that is not there.
    async fn head(&self, false_head: &FalseHead) -> Proof {
        let FalseHead { index, leaf, inclusion, before, step, .. } = false_head;
        let head = Placed::new(*index, leaf, inclusion);
        let before = before.as_ref().map(|(head, hashes)| Placed::new(index - 1, &head.encode(), hashes));
        let against = match false_head.fault {
            IndexFault::Size { .. } => before.map(Against::Earlier),
            IndexFault::LogRoot => self.tree(false_head).await,
            IndexFault::IndexRoot => {
                step.as_ref().map(|step| Against::Step { before, step: Written::from(step) })
            }
            IndexFault::Head(_) | IndexFault::Beyond { .. } => None,
        };
        match against {
            Some(against) => Proof::Head { head, against },
            None => Proof::Entry { wrong: head, others: Vec::new() },
        }
    }

    /// The tree with which the log begins at the size of a head.
    async fn tree(&self, head: &FalseHead) -> Option<Against> {
        let large = Checkpoint::parse(head.checkpoint.text()).ok()?;
        let small = IndexHead::decode(&head.leaf).ok()?.size;
        let pair = Pair { small, large: large.size, note: &head.checkpoint };
        let (root, hashes) = match pair.prefix(self.copy.clone(), &self.key).await {
            None => pair.prefix(self.log.clone(), &self.key).await?,
            Some(found) => found,
        };
        Some(Against::tree(&root, &hashes))
    }

    /// None when both are equally large, and when neither the copy nor the log has the tiles of the larger one.
    async fn prefix(&self, seen: &Note, shown: &Note) -> Option<Proof> {
        let (before, after) = (Checkpoint::parse(seen.text()).ok()?, Checkpoint::parse(shown.text()).ok()?);
        let (small, large, note) =
            if before.size < after.size { (before, after, shown) } else { (after, before, seen) };
        if small.size == large.size {
            return None;
        }
        let pair = Pair { small: small.size, large: large.size, note };
        let (root, hashes) = if large.origin == self.index_key.name() {
            match pair.prefix(self.index_of(self.copy.clone()), &self.index_key).await {
                None => pair.prefix(self.index_of(self.log.clone()), &self.index_key).await?,
                Some(found) => found,
            }
        } else {
            match pair.prefix(self.copy.clone(), &self.key).await {
                None => pair.prefix(self.log.clone(), &self.key).await?,
                Some(found) => found,
            }
        };
        Some(Proof::prefix(&root, &hashes))
    }

    /// The index log in a place that serves the log.
    fn index_of<T>(&self, place: T) -> Below<T> {
        let generation = Generation::split(self.index_key.name());
        let generation = generation.map_or(Generation::FIRST, |(_, generation)| generation);
        Below::new(place, &generation.path())
    }
}

/// The sizes of two trees, and the note of the larger one.
struct Pair<'a> {
    small: u64,
    large: u64,
    note: &'a Note,
}

impl Pair<'_> {
    /// What the larger tree begins with at the size of the smaller one: none when the tiles are not in this place.
    async fn prefix<S: Source>(&self, place: S, key: &VerifierKey) -> Option<(Hash, Vec<Hash>)> {
        let reader = reader(place, key, self.note)?;
        let root = reader.edge(self.small).await.ok()?.root();
        let hashes = reader.consistency_proof(self.small, self.large).await.ok()?;
        Some((root, hashes))
    }
}

fn reader<S: Source>(place: S, key: &VerifierKey, note: &Note) -> Option<LogReader<S>> {
    LogReader::resume(Arc::new(place), policy_of_key(key.clone()).ok()?, note.to_string().as_bytes()).ok()
}

/// The fork that a checkpoint and a copy make, out of verified tiles of the copy; none when they make none.
async fn fork_of<S: Source>(copy: S, key: &VerifierKey, shown: &Note) -> Option<FollowError> {
    let mut copy = LogReader::new(Arc::new(copy), policy_of_key(key.clone()).ok()?);
    copy.update().await.ok()?;
    let error = FollowError::from(copy.observe(shown.to_string().as_bytes()).await.err()?);
    matches!(error, FollowError::Found(Finding::Fork { .. })).then_some(error)
}
