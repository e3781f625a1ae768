//! The driver of the number index: follows the published entry log, and appends a head for what it has indexed.
//!
//! Leaves are read back from the log's own bundles and hashed again; their tree must be the one that was signed, before
//! anything that follows from them is. Then a batch is planned, compared with the head that was signed for it if there is
//! one, staged, signed as the next head, and settled in the store once look-ups are answered in it (`quorum.rs`). After a
//! crash at any point the store is at or behind the last head, and goes on from there. One thread, which alone writes to index and index log.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ended::Over;
use super::heads::HeadsFile;
use crate::client::index_store::{DiskStore, DiskStoreError};
use crate::client::store::{LockError, ObjectStore};
use crate::index::labels_of_bytes;
use crate::index::{Change, Index, IndexError, IndexHead, Shape};
use crate::label::Label;
use crate::merkle::{Hash, check_consistency};
use crate::server::log::Log;
use crate::server::plan::{NewEntry, Round};
use crate::server::read::ReadError;
use crate::server::sequencer::{Published, Sequencer, SequencerError};
use crate::server::spawn;
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

const SUCCESSOR: &str = "find out why its head was wrong; then `tnlog index-successor` starts another one";
const READY: &str = "only an index that is ready is worked on";
const OPEN: &str = "an index that is ready is open";

/// The thread of the driver.
pub struct Indexing {
    thread: JoinHandle<()>,
    stop: Sender<()>,
}

impl Indexing {
    /// Starts the driver of a log's index, whose derived store is in `folder`. The newest heads are written into the public
    /// store of the log.
    pub fn start(log: Arc<Log>, sequencer: Sequencer, folder: PathBuf, public: Arc<dyn ObjectStore>) -> Self {
        let heads = HeadsFile::new(public);
        let (stop, stopped) = channel();
        let now = Instant::now();
        let driver = Driver {
            log,
            sequencer,
            heads,
            folder,
            ready: None,
            distrusted: false,
            next: now,
            settled: now,
            said: now,
        };
        let thread = spawn("index", move || driver.run(&stopped));
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
pub(super) enum DriveError {
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
    /// **The index log is over.**
    #[error("entry {} of the index log {} does not follow from the leaves", .0.head, .0.index_log)]
    Contradiction(Box<Over>),
}

impl DriveError {
    /// Whether trying again cannot help.
    fn is_final(&self) -> bool {
        let conflict = matches!(self, DriveError::Sequencer(SequencerError::Lock(LockError::Conflict)));
        conflict || matches!(self, DriveError::Contradiction(_))
    }
}

/// What a step did.
#[derive(PartialEq, Eq)]
enum Step {
    /// Nothing is to be done now.
    Idle,
    /// Something, and there may be more.
    Worked,
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
    heads: HeadsFile,
    folder: PathBuf,
    ready: Option<Ready>,
    /// The derived store was found to be damaged.
    distrusted: bool,
    /// No head is made earlier.
    next: Instant,
    settled: Instant,
    said: Instant,
}

impl Driver {
    fn run(mut self, stopped: &Receiver<()>) {
        if self.log.index.is_over() {
            tracing::error!("the index log is over, as private/index/over says: {SUCCESSOR}");
            return;
        }
        let mut pause = HEAD_EVERY;
        loop {
            let wait = match self.step() {
                Ok(step) => {
                    pause = HEAD_EVERY;
                    if step == Step::Idle { POLL } else { Duration::ZERO }
                }
                Err(error) if error.is_final() => return self.end(error),
                Err(error) => {
                    tracing::error!(%error, "the number index cannot go on; trying again");
                    self.reopen_after(&error);
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

    /// A database of which a write failed refuses everything until it is opened again.
    fn reopen_after(&mut self, error: &DriveError) {
        let damaged = matches!(error, DriveError::Index(IndexError::Damaged));
        if damaged || matches!(error, DriveError::Index(IndexError::Store(_))) {
            (self.ready, self.distrusted) = (None, damaged);
        }
    }

    /// Signs nothing any more: another process does, or a head was wrong, and that is written down.
    fn end(&self, error: DriveError) {
        tracing::error!(%error, "nothing is signed in the index log any more, and look-ups are refused");
        if let Err(error) = self.sequencer.settler().settle() {
            tracing::warn!(%error, "heads of the index stay staged");
        }
        let over = if let DriveError::Contradiction(over) = error { Some(over) } else { None };
        self.log.index.end(over.as_deref());
        if over.is_some() {
            tracing::error!("the index log is over: {SUCCESSOR}");
        }
    }

    fn step(&mut self) -> Result<Step, DriveError> {
        drop(self.log.keep());
        self.log.index.follow()?;
        self.heads.update(&self.log);
        let published = self.log.published();
        match &self.ready {
            None => {
                self.ready = Some(self.open(&published)?);
                self.distrusted = false;
            }
            Some(Ready { signing: Some(head), .. }) => {
                let head = *head;
                self.next = Instant::now() + HEAD_EVERY;
                self.sign(head)?;
            }
            Some(ready) if ready.edge.size() == published.tree.size => return Ok(Step::Idle),
            Some(_) if Instant::now() < self.next => return Ok(Step::Idle),
            Some(_) => self.advance(&published)?,
        }
        Ok(Step::Worked)
    }

    /// Indexes the next batch: up to the last head, and compares with it; or beyond, and leaves the new head to be signed.
    fn advance(&mut self, published: &Published) -> Result<(), DriveError> {
        let ready = self.ready.as_ref().expect(READY);
        let (size, last) = (ready.edge.size(), ready.last.map_or(0, |head| head.size));
        let stop = if size < last { self.log.index.stop()? } else { None };
        let mut stops = [stop, Some(last)].into_iter().flatten().filter(|stop| *stop > size);
        let most = stops.next().unwrap_or(published.tree.size);
        let end = most.min(size.saturating_add(BATCH));
        self.say(size, published.tree.size);
        let (change, head, edge) = self.plan(size..end, published)?;
        let ready = self.ready.as_mut().expect(READY);
        if let Some(signed) = ready.last.filter(|signed| end == last && *signed != head) {
            return Err(self.log.index.contradiction(ready.heads - 1, &signed.encode(), Some(&head)));
        }
        self.log.index.write().index.as_mut().expect(OPEN).stage(change)?;
        ready.edge = edge;
        if end > last {
            ready.signing = Some(head);
            return Ok(());
        }
        self.log.index.pass(end, stop)?;
        if end == last {
            self.log.index.reached(head, ready.heads - 1)?;
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
        self.log.index.newest.send_replace(Arc::new(self.sequencer.published().clone()));
        self.log.index.reached(head, expected)?;
        ready.heads = expected + 1;
        ready.last = Some(head);
        ready.signing = None;
        Ok(())
    }

    /// Opens the derived store at or behind the last head; an empty one when what is there cannot be used.
    fn open(&self, published: &Published) -> Result<Ready, DriveError> {
        let heads = self.sequencer.published().tree.size;
        let last = match heads.checked_sub(1) {
            Some(index) => Some(self.last(index, heads, published.tree.size)?),
            None => None,
        };
        let last_size = last.map_or(0, |head| head.size);
        let mut state = self.log.index.write();
        (state.index, state.shown) = (None, None);
        let log = Hash::of_leaf(&self.log.reader.leaf(0, published.tree.size)?);
        let fits = |index: &Index<DiskStore>| index.newest().size() <= last_size;
        let opened = match DiskStore::open(&self.folder) {
            // No room says nothing about what is there.
            Err(error) if error.is_full() => return Err(error.into()),
            opened => opened.ok().filter(|_| !self.distrusted),
        };
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
        state.index = Some(index);
        drop(state);
        if let Some(head) = last.filter(|head| head.size == edge.size()) {
            self.log.index.reached(head, heads - 1)?;
        }
        Ok(Ready { edge, last, heads, signing: None })
    }

    /// The head that the index log ends with; it must be of a beginning of the entry log.
    fn last(&self, index: u64, heads: u64, size: u64) -> Result<IndexHead, DriveError> {
        let leaf = self.log.index.reader.leaf(index, heads)?;
        let head = IndexHead::decode(&leaf).ok().filter(|head| head.size <= size);
        head.ok_or_else(|| self.log.index.contradiction(index, &leaf, None))
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
