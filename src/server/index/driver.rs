//! The driver of the number index: follows the published entry log, and appends a head for what it has indexed.
//!
//! Leaves are read back from the log's own bundles and hashed again; their tree must be the one that was signed, before
//! anything that follows from them is. Then a batch is planned, compared with the head that was signed for it if there is
//! one, staged, signed as the next head, and settled in the store. After a crash at any point the store is at or behind
//! the last head, and goes on from there. One thread, which alone writes to index and index log.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Shown;
use crate::client::index_store::{DiskStore, DiskStoreError};
use crate::index::labels_of_bytes;
use crate::index::{Change, HeadError, Index, IndexError, IndexHead, Shape};
use crate::label::Label;
use crate::merkle::{Hash, check_consistency};
use crate::server::log::Log;
use crate::server::plan::{NewEntry, Round};
use crate::server::read::ReadError;
use crate::server::sequencer::{Published, Sequencer, SequencerError};
use crate::server::store::LockError;
use crate::tile::{TileError, TreeEdge};

/// The most leaves between two heads.
const BATCH: u64 = 8192;
/// The time from one head to the next, while entries arrive.
const HEAD_EVERY: Duration = Duration::from_millis(500);
/// How often an idle driver looks for entries.
const POLL: Duration = Duration::from_millis(25);
/// How often applied heads are made durable in their place.
const SETTLE_EVERY: Duration = Duration::from_secs(5);
/// The longest wait before something that failed is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// How often it is said how far building has come.
const SAY_EVERY: Duration = Duration::from_secs(2);

const READY: &str = "only an index that is ready is worked on";
const OPEN: &str = "an index that is ready is open";

/// The thread of the driver.
pub struct Indexing {
    thread: JoinHandle<()>,
    stop: Sender<()>,
}

impl Indexing {
    /// Starts the driver of a log's index, whose derived store is in `folder`.
    pub fn start(log: Arc<Log>, sequencer: Sequencer, folder: PathBuf) -> Self {
        let (stop, stopped) = channel();
        let now = Instant::now();
        let driver =
            Driver { log, sequencer, folder, ready: None, distrusted: false, settled: now, said: now };
        let thread = std::thread::spawn(move || driver.run(&stopped));
        Indexing { thread, stop }
    }

    /// Waits until the driver has ended what it does.
    pub fn join(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Why the index cannot go on.
#[derive(Debug, thiserror::Error)]
enum DriveError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Index(#[from] IndexError<fjall::Error>),
    #[error(transparent)]
    Store(#[from] DiskStoreError),
    #[error(transparent)]
    Sequencer(#[from] SequencerError),
    #[error("the edge of the entry log cannot be read: {0}")]
    Tile(#[from] TileError),
    #[error("the stored leaves are not those of the signed tree; run `tnlog audit` on the folder")]
    Leaves,
    #[error("the newest entry of the index log is no head: {0}")]
    Head(#[from] HeadError),
    /// **The index log is over.**
    #[error("the head of {size} leaves that the index log signed does not follow from the leaves")]
    Contradiction { size: u64 },
}

impl DriveError {
    /// Whether trying again cannot help.
    fn is_final(&self) -> bool {
        let conflict = matches!(self, DriveError::Sequencer(SequencerError::Lock(LockError::Conflict)));
        conflict || matches!(self, DriveError::Contradiction { .. })
    }
}

/// What a step did.
enum Step {
    /// Nothing is left to do.
    Idle,
    /// It came nearer to the last head.
    CaughtUp,
    /// It appended a head.
    Signed,
}

/// Where an index that was opened is.
struct Ready {
    /// The edge of the entry log at the newest state of the index.
    edge: TreeEdge,
    /// The newest head of the index log.
    last: Option<IndexHead>,
    /// How many heads the index log has.
    heads: u64,
    /// A head that is staged and may not be signed.
    signing: Option<IndexHead>,
}

struct Driver {
    log: Arc<Log>,
    sequencer: Sequencer,
    folder: PathBuf,
    ready: Option<Ready>,
    /// The derived store was found to be damaged.
    distrusted: bool,
    settled: Instant,
    said: Instant,
}

impl Driver {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut pause = HEAD_EVERY;
        loop {
            let begun = Instant::now();
            let wait = match self.step() {
                Ok(step) => {
                    pause = HEAD_EVERY;
                    match step {
                        Step::Idle => POLL,
                        Step::CaughtUp => Duration::ZERO,
                        Step::Signed => HEAD_EVERY.saturating_sub(begun.elapsed()),
                    }
                }
                Err(error) if error.is_final() => return self.end(&error),
                Err(error) => {
                    tracing::error!(%error, "the number index cannot go on; trying again");
                    if matches!(error, DriveError::Index(IndexError::Damaged)) {
                        (self.ready, self.distrusted) = (None, true);
                    }
                    pause = (pause * 2).min(MAX_PAUSE);
                    pause
                }
            };
            let stopping = stopped.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected);
            if stopping || self.settled.elapsed() >= SETTLE_EVERY {
                self.settled = Instant::now();
                if let Err(error) = self.sequencer.settler().settle() {
                    tracing::warn!(%error, "heads of the index stay staged; trying again");
                }
            }
            if stopping {
                return;
            }
        }
    }

    /// Signs nothing any more. Another process may sign; but a head that was wrong ends the index log.
    fn end(&self, error: &DriveError) {
        self.log.index.write().over = true;
        tracing::error!(%error, "the index log is over: nothing is signed in it any more, and look-ups are refused");
    }

    fn step(&mut self) -> Result<Step, DriveError> {
        let published = self.log.published();
        match &self.ready {
            None => {
                self.ready = Some(self.open(&published)?);
                self.distrusted = false;
                Ok(Step::CaughtUp)
            }
            Some(Ready { signing: Some(head), .. }) => {
                let head = *head;
                self.sign(head)?;
                Ok(Step::Signed)
            }
            Some(ready) if ready.edge.size() == published.tree.size => Ok(Step::Idle),
            Some(_) => {
                self.advance(&published)?;
                Ok(Step::CaughtUp)
            }
        }
    }

    /// Indexes the next batch: up to the last head, and compares with it; or beyond, and leaves the new head to be signed.
    fn advance(&mut self, published: &Published) -> Result<(), DriveError> {
        let ready = self.ready.as_ref().expect(READY);
        let (size, last) = (ready.edge.size(), ready.last.map_or(0, |head| head.size));
        let most = if size < last { last } else { published.tree.size };
        let end = most.min(size.saturating_add(BATCH));
        self.say(size, published.tree.size);
        let (change, head, edge) = self.plan(size..end, published)?;
        let ready = self.ready.as_mut().expect(READY);
        if end == last && ready.last != Some(head) {
            return Err(DriveError::Contradiction { size: last });
        }
        let state = &mut *self.log.index.write();
        let index = state.index.as_mut().expect(OPEN);
        index.stage(change)?;
        ready.edge = edge;
        if end > last {
            ready.signing = Some(head);
            return Ok(());
        }
        index.settle(end)?;
        if end == last {
            state.shown = Some(Shown { head, position: ready.heads - 1 });
        }
        Ok(())
    }

    /// Works out the change, and the head, of the leaves of a range.
    fn plan(
        &self,
        range: std::ops::Range<u64>,
        published: &Published,
    ) -> Result<(Change, IndexHead, TreeEdge), DriveError> {
        let ready = self.ready.as_ref().expect(READY);
        let mut edge = ready.edge.clone();
        let mut updates: Vec<(Label, u64)> = Vec::new();
        while edge.size() < range.end {
            let first = edge.size();
            let leaves = self.log.reader.leaves(first, range.end, published.tree.size)?;
            for (index, leaf) in (first..).zip(&leaves) {
                updates.extend(labels_of_bytes(leaf).into_iter().map(|label| (label, index)));
            }
            edge.append(&leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect::<Vec<_>>());
        }
        self.check_signed(&edge, published)?;
        let state = self.log.index.read();
        let change = state.index.as_ref().expect(OPEN).plan(updates, range.end)?;
        let head = IndexHead {
            size: range.end,
            root: edge.root(),
            index_root: change.root(),
            labels: change.labels(),
        };
        Ok((change, head, edge))
    }

    /// The leaves that were read make a tree with which the signed one begins.
    fn check_signed(&self, edge: &TreeEdge, published: &Published) -> Result<(), DriveError> {
        let (size, newest) = (edge.size(), published.tree.size);
        if size == 0 {
            return Ok(());
        }
        let proof = self.log.reader.consistency(size, newest, newest)?;
        check_consistency(&proof, size, &edge.root(), newest, &published.tree.root)
            .map_err(|_| DriveError::Leaves)
    }

    /// Appends a head that is staged, and lets look-ups see it. When an earlier try has appended it, nothing is appended.
    fn sign(&mut self, head: IndexHead) -> Result<(), DriveError> {
        let ready = self.ready.as_mut().expect(READY);
        let expected = ready.heads;
        self.sequencer.append(self.log.clock.now_milliseconds(), |position| {
            let entry = NewEntry { leaf: head.encode(), chain: Vec::new() };
            let entries = if position.first == expected { vec![entry] } else { Vec::new() };
            Round { entries, objects: Vec::new() }
        })?;
        let mut state = self.log.index.write();
        state.index.as_mut().expect(OPEN).settle(head.size)?;
        state.published = Arc::new(self.sequencer.published().clone());
        state.shown = Some(Shown { head, position: expected });
        ready.heads = expected + 1;
        ready.last = Some(head);
        ready.signing = None;
        Ok(())
    }

    /// Opens the derived store at or behind the last head; an empty one when what is there cannot be used.
    fn open(&self, published: &Published) -> Result<Ready, DriveError> {
        let heads = self.sequencer.published().tree.size;
        let last = match heads.checked_sub(1) {
            Some(index) => Some(IndexHead::decode(&self.log.index.reader.leaf(index, heads)?)?),
            None => None,
        };
        let last_size = last.map_or(0, |head| head.size);
        if last_size > published.tree.size {
            return Err(DriveError::Contradiction { size: last_size });
        }
        let mut state = self.log.index.write();
        (state.index, state.shown) = (None, None);
        let log = Hash::of_leaf(&self.log.reader.leaf(0, published.tree.size)?);
        let fits = |index: &Index<DiskStore>| index.newest().size() <= last_size;
        let opened = if self.distrusted { None } else { DiskStore::open(&self.folder).ok() };
        let opened = opened.and_then(|store| Index::open(store, log, Shape::STANDARD).ok()).filter(fits);
        let (index, edge) = match opened {
            Some(index) => {
                let edge = self.edge_at(index.newest().size(), published)?;
                (Some(index), edge)
            }
            None => (None, TreeEdge::new()),
        };
        let fits = |index: &Index<DiskStore>| {
            edge.size() < last_size || last.is_none_or(|head| head == head_of(index, &edge))
        };
        let (index, edge) = match index.filter(fits) {
            Some(index) => (index, edge),
            None => {
                tracing::warn!("the number index is built again from the leaves");
                let store = DiskStore::empty(&self.folder)?;
                (Index::open(store, log, Shape::STANDARD)?, TreeEdge::new())
            }
        };
        state.shown =
            last.filter(|head| head.size == edge.size()).map(|head| Shown { head, position: heads - 1 });
        state.index = Some(index);
        Ok(Ready { edge, last, heads, signing: None })
    }

    fn edge_at(&self, size: u64, published: &Published) -> Result<TreeEdge, DriveError> {
        let tile = |path| {
            let bytes = self.log.reader.served_tile(path, published.tree.size)?;
            bytes.ok_or(ReadError::Damaged(path))
        };
        let tiles = TreeEdge::tiles_to_load(size).into_iter().map(tile).collect::<Result<Vec<_>, _>>()?;
        let edge = TreeEdge::load(size, &tiles)?;
        self.check_signed(&edge, published)?;
        Ok(edge)
    }

    fn say(&mut self, known: u64, all: u64) {
        if all - known > BATCH && self.said.elapsed() >= SAY_EVERY {
            self.said = Instant::now();
            tracing::info!(known, all, "building the number index");
        }
    }
}

fn head_of(index: &Index<DiskStore>, edge: &TreeEdge) -> IndexHead {
    let view = index.newest();
    IndexHead { size: edge.size(), root: edge.root(), index_root: view.root(), labels: view.labels() }
}
