//! Following one log with its number index: everything is verified once, in order, and handed on.
//!
//! A step takes a newer checkpoint that meets the policy and continues everything seen before; checks every leaf up to it with
//! the one checker; hands the leaves, and what the log serves of them, to a [`Sink`]; puts their labels into the number index;
//! and compares every head of the index log with it. The position is saved after each part of some thousand leaves. So a
//! log of any size takes bounded memory, and a follower that was killed goes on where it was: what it handed out and had not
//! saved comes again, and nothing is left out.
//!
//! While a part is checked, the sink has the one before it, on a thread of its own. Steps index, and save, where they
//! run: drive a follower on a thread of its own, with `Handle::block_on`.

mod claims;
mod finding;
mod followed_index;
mod hand;
mod heads;
mod memory;
mod part;
mod prove;
mod recorder;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

pub use finding::{FalseHead, Finding, FollowError};
pub use followed_index::{FollowedIndex, ShownHead};
pub use memory::MemoryError;
pub use prove::Prover;

use claims::ClaimLeaves;
use hand::{Hand, Parcel};
use heads::{Heads, IndexLog};
use memory::{Memory, Place, checkpoint_of};
use part::{leaves, objects};
use recorder::{Issuers, Recorder};

use super::check::{CheckError, CheckedLeaf, Fault, FaultKind, Position, Target, check_end, check_leaves};
use super::index_check::IndexedLeaf;
use super::read::{LogReader, Seen};
use super::source::{CHECKPOINT, Source};
use crate::entry::Leaf;
use crate::note::{Note, VerifierKey};
use crate::policy::{Policy, PolicyError};
use crate::tile::FULL_WIDTH;

/// Leaves that are checked, handed out and saved together: eight bundles, some 12 MiB of a real log with what is
/// decoded of it, at most 600 MiB of a hostile one. Two parts are in memory, one that is checked and one that the sink has; and of one
/// more what is indexed.
const PART: u64 = 8 * FULL_WIDTH as u64;

/// Takes what was verified, in order, before the position is saved: after a crash the same part, or one that begins at the
/// same leaf, comes again. What is to be kept must be durable when a method returns.
pub trait Sink: Send + 'static {
    /// The next leaves of the entry log, with what the log serves of them.
    ///
    /// # Errors
    /// The step then ends, and the part comes again.
    fn take(&mut self, part: &Part<'_>) -> io::Result<()>;

    /// What an index log serves of heads that were recomputed, and of the checkpoint that will be shown.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    fn take_heads(&mut self, objects: &[Object]) -> io::Result<()>;

    /// Every leaf of a checkpoint was taken and the position is saved. Also called when a follower is opened, for the one
    /// that was complete before.
    ///
    /// # Errors
    /// As [`take`](Self::take). It is then called again.
    fn complete(&mut self, checkpoint: &Note) -> io::Result<()>;

    /// Every head of a checkpoint of the index log was recomputed, and look-ups are answered in the last. Also called when a
    /// follower is opened.
    ///
    /// # Errors
    /// As [`take`](Self::take). It is then called again.
    fn heads_complete(&mut self, shown: &ShownHead) -> io::Result<()>;
}

/// Something that a log serves and that never changes: its path below the log, and its bytes.
pub type Object = (String, Bytes);

/// Leaves that were verified to be those of the log.
pub struct Part<'a> {
    /// The index of the first.
    pub first: u64,
    /// Each as it is logged.
    pub leaves: &'a [Bytes],
    /// The same, decoded.
    pub checked: &'a [CheckedLeaf],
    /// Bundles, tiles and CA certificates. Partial ones come with the last part of a checkpoint.
    pub objects: &'a [Object],
}

/// What is followed, and whose word counts.
pub struct Follow {
    /// The key of the log, one of the policy's.
    pub key: VerifierKey,
    /// For the entry log.
    pub policy: Policy,
    /// The key of its index log; none to follow the entry log alone.
    pub index_key: Option<VerifierKey>,
    /// Whose cosignatures a head needs before look-ups are answered in it; none to take the newest.
    pub verifiers: Option<Policy>,
    /// The number index: an empty one, which the follower fills and who answers look-ups shares.
    pub index: Arc<FollowedIndex>,
    /// A folder of the follower's own, for its position and the number index. One process at a time.
    pub folder: PathBuf,
}

/// How far a follower is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Leaves that are checked.
    pub checked: u64,
    /// Leaves of the newest checkpoint.
    pub size: u64,
    /// Leaves that the newest recomputed head covers.
    pub indexed: u64,
    /// How many heads of the index log were recomputed.
    pub heads: u64,
}

/// Follows one log.
pub struct Follower<S, K> {
    origin: String,
    entries: LogReader<S>,
    /// None until the first step.
    position: Option<Position>,
    issuers: Issuers,
    heads: Option<Heads<S>>,
    /// The leaves that were checked last, which the index needs next.
    recent: Recent,
    place: Place,
    claims: ClaimLeaves,
    memory: Memory,
    progress: watch::Sender<Progress>,
    hand: Hand<K>,
    /// The complete checkpoint that the sink was told of.
    told: Option<String>,
}

/// The first index, and leaves from there on.
#[derive(Default)]
struct Recent(u64, Vec<IndexedLeaf>);

impl Recent {
    /// The leaves of a range that begins within these.
    fn get(&self, start: u64, end: u64) -> Option<&[IndexedLeaf]> {
        let from = usize::try_from(start.checked_sub(self.0)?).ok()?;
        let all = self.1.get(from..).filter(|all| !all.is_empty())?;
        Some(&all[..all.len().min(usize::try_from(end - start).ok()?)])
    }
}

impl<S: Source + Clone, K: Sink> Follower<S, K> {
    /// Opens what the folder remembers; asks nobody.
    ///
    /// # Errors
    /// [`FollowError::Memory`], [`FollowError::Index`], [`FollowError::Sink`]; [`FollowError::Read`] when what was seen
    /// before does not meet the policy.
    pub fn open(source: S, follow: Follow, mut sink: K) -> Result<Self, FollowError> {
        let Follow { key, policy, index_key, verifiers, index, folder } = follow;
        let place = Place::new(&folder)?;
        let mut memory = place.load()?;
        if let Some(key) = &index_key {
            memory.follow_index_log(key.name());
        }
        let found = memory.seen.as_deref().and_then(checkpoint_of).map(|seen| seen.origin);
        if let Some(found) = found.filter(|found| found != key.name()) {
            let (path, wanted) = (place.path(), key.name().to_owned());
            return Err(MemoryError::OtherLog { path, found, wanted }.into());
        }
        let shared = Arc::new(source.clone());
        let entries = match &memory.seen {
            Some(seen) => LogReader::resume(shared, policy, seen.as_bytes())?,
            None => LogReader::new(shared, policy),
        };
        let heads = match index_key {
            Some(key) => Some(Heads::open(&source, IndexLog { key, verifiers, index }, &folder, &memory)?),
            None => None,
        };
        if let Some(complete) = &memory.complete {
            let note = Note::parse(complete.as_bytes()).expect("it was a note when it was saved");
            sink.complete(&note).map_err(FollowError::Sink)?;
        }
        if let Some(shown) = heads.as_ref().and_then(Heads::shown) {
            sink.heads_complete(&shown).map_err(FollowError::Sink)?;
        }
        let follower = Follower {
            origin: key.name().to_owned(),
            entries,
            position: None,
            issuers: Issuers::default(),
            heads,
            recent: Recent::default(),
            claims: ClaimLeaves::new(&folder),
            place,
            told: memory.complete.clone(),
            memory,
            progress: watch::Sender::default(),
            hand: Hand::new(sink),
        };
        follower.say();
        Ok(follower)
    }

    /// How far it is, and whatever follows.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Which quorum the log's newest checkpoint lacked in the last step, and who is missing. The step may have followed the log up to
    /// an older one, which is cosigned.
    pub fn lacks(&self) -> Option<&PolicyError> {
        self.entries.lacks()
    }

    /// Follows the log up to its newest checkpoint, and its index log as far as that goes. A step that fails is tried again
    /// later, and goes on where it was. The sink is at rest when it is over.
    ///
    /// # Errors
    /// [`FollowError`]. After a final [`Finding`] further steps find the same.
    pub async fn step(&mut self) -> Result<(), FollowError> {
        let advanced = self.advance().await;
        let taken = self.taken().await;
        advanced.and(taken)
    }

    /// Waits until the sink is at rest, after a step that was dropped before its end.
    pub async fn rest(&mut self) {
        // What it could not take comes again.
        let _ = self.taken().await;
    }

    async fn advance(&mut self) -> Result<(), FollowError> {
        // The index log first, so that its heads are not ahead of the entries. Its trouble does not hold up the entries.
        let mut index = match &mut self.heads {
            Some(heads) => heads.update().await,
            None => Ok(()),
        };
        self.update().await?;
        self.remember_seen()?;
        self.say();
        loop {
            if index.is_ok() {
                index = self.index_up().await;
            }
            let is_proved = matches!(&index, Err(FollowError::Found(finding)) if finding.is_final());
            if is_proved || !self.check_part().await? {
                break;
            }
        }
        if index.is_ok() {
            index = self.index_up().await;
        }
        index
    }

    async fn update(&mut self) -> Result<(), FollowError> {
        let updated = self.entries.update().await.map(|seen| seen.checkpoint().origin.clone());
        // Whatever the log signed counts against it, cosigned or not.
        self.entries.check_uncosigned().await?;
        let shown = updated?;
        if shown == self.origin {
            return Ok(());
        }
        Err(FollowError::OtherLog { wanted: self.origin.clone(), shown })
    }

    /// What was seen is remembered before anything that follows from it is handed out: a fork is then found in every life.
    fn remember_seen(&mut self) -> Result<(), FollowError> {
        let note = |seen: Option<&Seen>| seen.map(|seen| seen.note.to_string());
        let seen = note(self.entries.seen());
        let index_seen = self.heads.as_ref().and_then(|heads| note(heads.seen()));
        let memory = Memory { seen, index_seen, ..self.memory.clone() };
        if memory != self.memory {
            self.place.save(&memory)?;
            self.memory = memory;
        }
        Ok(())
    }

    /// Checks the next leaves and gives them to the sink, once it has the ones before; whether there may be more to do.
    async fn check_part(&mut self) -> Result<bool, FollowError> {
        let target = self.entries.seen().expect("it was updated").clone();
        let position = match self.position.take() {
            Some(position) => position,
            None => self.reopen().await?,
        };
        let (from, size) = (position.edge.size(), target.checkpoint().size);
        if from == size {
            self.taken().await?;
            if self.memory.complete.as_ref() == Some(&target.note.to_string()) {
                self.position = Some(position);
                return Ok(false);
            }
        }
        let to = size.min((from / PART + 1) * PART);
        let recorder = Arc::new(Recorder::new(self.entries.source(), &(from..to), self.issuers.clone()));
        // A position that was used up by an error is read again by the next step.
        let (position, checked) = self.check(&recorder, &target, position, to).await?;
        let recorded = recorder.recorded();
        let leaves = leaves(&recorded, from, to).await?;
        let objects = objects(&recorded, &position, from, to == size).await?;
        self.taken().await?;
        let completes = (to == size).then_some(target.note);
        let parcel = Parcel { first: from, leaves, checked, objects, completes };
        self.hand.give(parcel, self.claims.clone()).await;
        self.issuers = recorded.with_known(&self.issuers);
        self.position = Some(position);
        Ok(true)
    }

    /// Waits for what the sink was given, and saves how far it has taken it.
    async fn taken(&mut self) -> Result<(), FollowError> {
        if let Some((parcel, result)) = self.hand.returned().await {
            let saved = result.map_err(FollowError::Sink).and_then(|()| self.save(&parcel));
            if saved.is_err() {
                // It comes again, with its CA certificates and with what was checked after it.
                (self.position, self.issuers) = (None, Issuers::default());
                return saved;
            }
            let indexed = parcel.checked.into_iter().map(|checked| checked.indexed);
            self.recent = Recent(parcel.first, indexed.collect());
            self.say();
        }
        if self.told != self.memory.complete
            && let Some(complete) = &self.memory.complete
        {
            let note = Note::parse(complete.as_bytes()).expect("it was one");
            self.hand.sink().await.complete(&note).map_err(FollowError::Sink)?;
            self.told = Some(complete.clone());
        }
        Ok(())
    }

    fn save(&mut self, parcel: &Parcel) -> Result<(), FollowError> {
        let mut memory = Memory { checked: parcel.end(), ..self.memory.clone() };
        if let Some(completes) = &parcel.completes {
            memory.complete = Some(completes.to_string());
        }
        self.place.save(&memory)?;
        self.memory = memory;
        Ok(())
    }

    async fn check(
        &self,
        recorder: &Arc<Recorder<S>>,
        target: &Seen,
        from: Position,
        to: u64,
    ) -> Result<(Position, Vec<CheckedLeaf>), FollowError> {
        let found = |error| match error {
            CheckError::Fault(fault) => {
                FollowError::from(Finding::Fault { fault, checkpoint: Box::new(target.note.clone()) })
            }
            CheckError::Read(error) => error.into(),
        };
        let (note, checkpoint) = (&target.note, target.checkpoint());
        let aim = Target { note, checkpoint };
        let mut leaves = Vec::new();
        let mut take = |checked| leaves.extend(checked);
        let position = check_leaves(recorder, aim, to, from, &mut take).await.map_err(&found)?;
        if to == checkpoint.size {
            return Ok((check_end(recorder, aim, position).await.map_err(found)?, leaves));
        }
        if self.entries.begins_with(to, &position.root()).await? {
            return Ok((position, leaves));
        }
        Err(found(Fault { place: CHECKPOINT.into(), index: None, kind: FaultKind::Root }.into()))
    }

    /// The position that was saved, out of verified tiles.
    async fn reopen(&self) -> Result<Position, FollowError> {
        let size = self.memory.checked;
        let claims = self.claims.load(size).map_err(FollowError::Sink)?;
        let Some(last) = size.checked_sub(1) else { return Ok(Position::default()) };
        let leaf = self.entries.entries(last..size).await?;
        let time = leaf.first().and_then(|leaf| Leaf::decode(leaf).ok()).map_or(0, |leaf| leaf.timestamp);
        let (edge, log) = (self.entries.edge(size).await?, self.entries.parameters().await?);
        Ok(Position { edge, time, log: Some(log), claims })
    }

    /// Brings the index up to the heads whose leaves are checked.
    async fn index_up(&mut self) -> Result<(), FollowError> {
        let Some(heads) = &mut self.heads else { return Ok(()) };
        if self.memory.checked == 0 {
            return Ok(());
        }
        let advanced = heads.advance(&self.entries, self.memory.checked, &self.recent, &mut self.hand).await;
        if let Some(shown) = heads.news() {
            let memory = heads.remembered(&shown, &self.memory);
            self.place.save(&memory)?;
            self.memory = memory;
            self.hand.sink().await.heads_complete(&shown).map_err(FollowError::Sink)?;
            heads.told(&shown);
        }
        self.say();
        advanced
    }

    fn say(&self) {
        let (heads, indexed) = self.heads.as_ref().map_or((0, 0), Heads::recomputed);
        let (checked, size) =
            (self.memory.checked, self.entries.seen().map_or(0, |seen| seen.checkpoint().size));
        let now = Progress { checked, size, indexed, heads };
        self.progress.send_if_modified(|before| std::mem::replace(before, now) != now);
    }
}
