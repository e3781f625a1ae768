//! The round loop: takes what waits in the pool, has it sequenced, and answers. One thread; it alone holds the sequencer.
//!
//! A round that fails is not answered. The loop finds out what was signed, answers what is in the log after all, and takes
//! the rest into the next round: nothing that was taken is forgotten while somebody waits for it.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::dedup::DedupError;
use super::evidence;
use super::log::Log;
use super::pem_folder::FolderError;
use super::plan::{NewEntry, Object, Round};
use super::pool::{Outcome, Pending};
use super::sequencer::{Position, Sequencer, SequencerError, Settler, Stores};
use super::slots::{self, SlotsError};
use super::spawn;
use crate::client::store::LockError;
use crate::entry::Leaf;

/// The longest wait before a failed round is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How often applied rounds are made durable in their place.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// How often roots are looked at.
const REFRESH_EVERY: Duration = Duration::from_secs(2);
/// The longest time from judging a registration to its leaf: readers allow ten minutes.
const MAX_JUDGED: Duration = Duration::from_secs(300);
/// How often expired evidence is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3600);

/// The threads of a running log.
pub struct Rounds {
    sequencing: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    stop: std::sync::mpsc::Sender<()>,
}

impl Rounds {
    /// Starts the threads. `failed` is called once if the log can never sign again in this process.
    pub fn start(
        log: Arc<Log>,
        sequencer: Sequencer,
        stores: Stores,
        failed: impl FnOnce(Ended) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let settler = sequencer.settler();
        let upkeep = {
            let log = log.clone();
            spawn("upkeep", move || keep_up(&log, &settler, &stores, &stopped))
        };
        let sequencing = spawn("rounds", move || {
            let rounds = Loop { log: log.clone(), sequencer, carried: Vec::new() };
            let ended = match catch_unwind(AssertUnwindSafe(|| rounds.run())) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => Ended::Sequencer(error),
                Err(_) => Ended::Panic,
            };
            log.set_healthy(false);
            log.pool.close();
            failed(ended);
        });
        Rounds { sequencing, upkeep, stop }
    }

    /// Waits until everything that the closed pool held is answered, and all rounds are settled.
    pub fn join(self) {
        let _ = self.sequencing.join();
        drop(self.stop);
        let _ = self.upkeep.join();
    }
}

/// Why a log can never sign again in this process.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// Another process signs for it.
    #[error(transparent)]
    Sequencer(SequencerError),
    /// A round met a bug. What was answered stays; what was not can be submitted again.
    #[error("the sequencing of rounds ended in a bug; start the log again, and report the message above")]
    Panic,
}

struct Loop {
    log: Arc<Log>,
    sequencer: Sequencer,
    /// Submissions of a round that failed.
    carried: Vec<Pending>,
}

impl Loop {
    fn run(mut self) -> Result<(), SequencerError> {
        let round = Duration::from_millis(self.log.config.round_milliseconds);
        let heartbeat = Duration::from_secs(self.log.config.heartbeat_seconds);
        let mut signed = Instant::now();
        let mut pause = round;
        loop {
            let first = self.carried.is_empty().then(|| self.log.pool.take(1, signed + heartbeat));
            let working = Instant::now();
            match self.round(first.unwrap_or_default()) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    signed = Instant::now();
                    pause = round;
                    self.log.set_healthy(true);
                    self.log.metrics.round_seconds.observe(working.elapsed().as_secs_f64());
                }
                Err(RoundError::Sequencer(SequencerError::Lock(LockError::Conflict))) => {
                    return Err(LockError::Conflict.into());
                }
                Err(error) => {
                    tracing::error!(%error, "a round failed; trying again");
                    self.log.set_healthy(false);
                    self.log.metrics.round_failures.inc();
                    pause = (pause * 2).min(MAX_PAUSE);
                    // Nobody waits any more, and a log that stops must not wait for a full disk.
                    if self.log.pool.is_closed() {
                        return Ok(());
                    }
                }
            }
            std::thread::sleep(pause.saturating_sub(working.elapsed()));
        }
    }

    /// One round, of what failed before, of `batch`, and of what waits; false when the pool is closed and nothing is left.
    fn round(&mut self, mut batch: Vec<Pending>) -> Result<bool, RoundError> {
        if !self.carried.is_empty() {
            self.reconcile()?;
            batch.append(&mut self.carried);
        }
        let room = self.log.config.limits.round_entries.saturating_sub(batch.len());
        batch.extend(self.log.pool.take(room, Instant::now()));
        self.drop_late(&mut batch);
        self.log.metrics.pool.set(self.log.pool.len() as i64);
        if batch.is_empty() && self.log.pool.is_closed() {
            return Ok(false);
        }
        let mut leaves = Vec::new();
        let now = self.log.clock.now_milliseconds();
        let appended = self.sequencer.append(now, |position| round_of(position, &batch, &mut leaves));
        if let Err(error) = appended {
            self.carried = batch;
            return Err(error.into());
        }
        self.log.metrics.round_entries.observe(leaves.len() as f64);
        self.publish();
        if let Err(error) = self.remember(&batch, &leaves) {
            self.carried = batch;
            return Err(error);
        }
        for (pending, leaf) in batch.into_iter().zip(leaves) {
            self.answer(pending, leaf);
        }
        Ok(true)
    }

    /// Brings the derived databases to the round that was published.
    fn remember(&self, batch: &[Pending], leaves: &[Vec<u8>]) -> Result<(), RoundError> {
        let size = self.sequencer.published().tree.size;
        let first = size - leaves.len() as u64;
        let slots = (first..).zip(batch).filter_map(|(index, pending)| Some((index, pending.slot.as_ref()?)));
        self.log.dedup.insert(first, leaves.iter().map(Vec::as_slice))?;
        Ok(self.log.slots.insert(size, slots)?)
    }

    /// The slot is let go of first: who is answered may send the next registration at once.
    fn answer(&self, pending: Pending, leaf: Vec<u8>) {
        self.log.issuers.insert_objects(&pending.objects);
        drop(pending.slot);
        self.log.pool.answer(&pending.key, &Outcome::Logged(Arc::new(leaf)));
    }

    /// Nobody waits any more for a registration that failed rounds kept back, and what it was judged by may have ended.
    fn drop_late(&self, batch: &mut Vec<Pending>) {
        let late = |pending: &mut Pending| {
            pending.slot.as_ref().is_some_and(|slot| slot.judged.elapsed() > MAX_JUDGED)
        };
        for pending in batch.extract_if(.., late) {
            self.log.pool.answer(&pending.key, &Outcome::Dropped);
        }
    }

    fn publish(&self) {
        self.log.set_published(self.sequencer.published().clone());
    }

    /// After a failure: brings this process to what was signed, and answers those of the carried submissions that are in
    /// the log. What is left is not in it.
    fn reconcile(&mut self) -> Result<(), RoundError> {
        self.sequencer.recover()?;
        self.publish();
        let size = self.sequencer.published().tree.size;
        self.log.dedup.catch_up(&self.log.reader, size)?;
        let source = slots::Source { keys: &self.log.keys, reader: &self.log.reader, size };
        self.log.slots.catch_up(&source)?;
        // All are looked up before any is let go of: an error in the middle must not lose who waits.
        let leaves = self.carried.iter().map(|pending| self.logged(pending, size));
        let leaves = leaves.collect::<Result<Vec<_>, _>>()?;
        for (pending, leaf) in std::mem::take(&mut self.carried).into_iter().zip(leaves) {
            match leaf {
                None => self.carried.push(pending),
                Some(leaf) => self.answer(pending, leaf),
            }
        }
        Ok(())
    }

    /// The bytes of the leaf that records a carried submission, if the log holds it. What the database says is looked up.
    fn logged(&self, pending: &Pending, size: u64) -> Result<Option<Vec<u8>>, DedupError> {
        let index = self.log.dedup.find(&pending.key)?.filter(|index| *index < size);
        let Some(index) = index else { return Ok(None) };
        let bytes = self.log.reader.leaf(index, size)?;
        let records = Leaf::decode(&bytes).is_ok_and(|leaf| leaf.entry == pending.entry);
        Ok(records.then_some(bytes))
    }
}

/// Why a round must be tried again.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    #[error(transparent)]
    Dedup(#[from] DedupError),
    #[error(transparent)]
    Slots(#[from] SlotsError),
}

/// The round of a batch at its position; `leaves` gets the bytes of each leaf.
fn round_of(position: Position, batch: &[Pending], leaves: &mut Vec<Vec<u8>>) -> Round {
    let indexed = || (position.first..).zip(batch);
    leaves.extend(indexed().map(|(index, pending)| {
        let leaf = Leaf { timestamp: position.time, entry: pending.entry.clone(), index };
        leaf.encode().expect("admission bounds what a leaf is made of")
    }));
    let entries = leaves.iter().zip(batch);
    let entries =
        entries.map(|(leaf, pending)| NewEntry { leaf: leaf.clone(), chain: pending.chain.clone() });
    let kept = indexed().filter_map(|(index, pending)| Some((index, pending.evidence.clone()?)));
    let mut objects = without_repetition(batch.iter().flat_map(|pending| &pending.objects));
    objects.extend(evidence::objects(position.first, kept));
    Round { entries: entries.collect(), objects }
}

/// Several entries of one round bring the same issuers.
fn without_repetition<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Object> {
    let mut names = HashSet::new();
    objects.filter(|object| names.insert(object.name.as_str())).cloned().collect()
}

fn refreshed_folder(folder: &'static str, refreshed: Result<bool, FolderError>) {
    match refreshed {
        Ok(true) => tracing::info!(folder, "what the log accepts was read again"),
        Ok(false) => {}
        Err(error) => tracing::warn!(folder, %error, "what the log accepts stays what it was"),
    }
}

/// What goes on beside the rounds: settling, roots and services, evidence. Ends, with everything settled, when `stopped` is hung up.
fn keep_up(log: &Log, settler: &Settler, stores: &Stores, stopped: &std::sync::mpsc::Receiver<()>) {
    let mut refreshed = Instant::now();
    let mut swept: Option<Instant> = None;
    loop {
        let ending =
            stopped.recv_timeout(SETTLE_EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected);
        if let Err(error) = settler.settle() {
            tracing::warn!(%error, "rounds stay staged; trying again");
        }
        if ending {
            return;
        }
        if refreshed.elapsed() >= REFRESH_EVERY {
            refreshed = Instant::now();
            refreshed_folder("roots", log.roots.refresh());
            refreshed_folder("services", log.services.refresh());
        }
        if swept.is_none_or(|swept| swept.elapsed() >= SWEEP_EVERY) {
            swept = Some(Instant::now());
            let now = (log.clock.now_milliseconds() / 1000) as i64;
            match evidence::sweep(&*stores.private, now, log.config.evidence_days) {
                Ok(0) => {}
                Ok(objects) => {
                    tracing::info!(objects, "deleted evidence that expired long ago")
                }
                Err(error) => {
                    tracing::warn!(%error, "expired evidence could not be deleted; trying again later")
                }
            }
        }
    }
}
