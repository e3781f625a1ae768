//! Readers beside the writers: tiles, proofs and look-ups at a rate, each answer verified up to the root of a tree of the log.
//!
//! Of a log without tiles they read entries with `get-entries`, and prove them with `get-proof-by-hash`. A latency is counted
//! from the instant at which a read was due.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connection::Target;
use super::fetch::{CheckError, Fetch, bytes, proof_by_hash};
use super::report::Latency;
use super::snapshot::{Offers, Snapshot, shows};
use crate::client::api::{GetEntries, Lookup, LookupLabel};
use crate::label::Label;
use crate::merkle::Hash;
use crate::synthetic::Draws;

/// How often the tree that is read is a newer one.
const REFRESH: Duration = Duration::from_secs(1);
/// The wait for the first entries.
const PAUSE: Duration = Duration::from_millis(50);

/// How to read.
#[derive(Clone, Debug)]
pub struct Readers {
    /// The log.
    pub target: Target,
    /// Reads each second.
    pub rate: f64,
    /// Connections, each of which has one request under way.
    pub connections: usize,
}

/// Reads of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Reads {
    /// How many were answered, and verified.
    pub good: u64,
    /// The latency of all that were answered.
    pub latency_milliseconds: Option<Latency>,
}

/// What readers have seen.
#[derive(Clone, Debug, Serialize)]
pub struct ReadReport {
    /// From when there was something to read to the last answer.
    pub seconds: f64,
    /// Reads each second that were answered and verified.
    pub rate: f64,
    /// By kind.
    pub kinds: BTreeMap<&'static str, Reads>,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
}

/// Readers that run.
pub struct Reading {
    course: Arc<Course>,
    over: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Seen>>,
}

struct Course {
    readers: Readers,
    offers: Offers,
    snapshot: Mutex<Arc<Snapshot>>,
    /// When the first read was due.
    begun: Mutex<Option<Instant>>,
    next: AtomicU64,
}

#[derive(Clone, Copy)]
enum Turn {
    Tile,
    Entry,
    Proof,
    Lookup,
}

#[derive(Default)]
struct Seen {
    micros: BTreeMap<&'static str, Vec<u32>>,
    bad: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
}

impl Readers {
    /// Begins to read, as soon as there is something.
    ///
    /// # Errors
    /// [`CheckError`], when the log does not say what can be read.
    pub async fn start(self) -> Result<Reading, CheckError> {
        let offers = Offers::of(&self.target).await?;
        let course = Arc::new(Course {
            readers: self,
            offers,
            snapshot: Mutex::new(Arc::new(Snapshot::empty())),
            begun: Mutex::default(),
            next: AtomicU64::default(),
        });
        let over = watch::Sender::new(false);
        let refreshing = tokio::spawn(refresh(course.clone(), over.subscribe()));
        let reader = |number| tokio::spawn(read(course.clone(), Draws::new(number), over.subscribe()));
        let tasks = (1..=course.readers.connections as u64).map(reader).chain([refreshing]).collect();
        Ok(Reading { course, over, tasks })
    }
}

impl Reading {
    /// Ends after the reads that are under way.
    pub async fn stop(self) -> ReadReport {
        self.over.send_replace(true);
        let mut all = Seen::default();
        for task in self.tasks {
            all.append(task.await.expect("reading never panics"));
        }
        let begun = *self.course.begun.lock().unwrap_or_else(PoisonError::into_inner);
        all.report(begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64()))
    }
}

impl ReadReport {
    /// As rows of a table.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("reads", format!("{:.0} /s", self.rate))];
        for (kind, Reads { good, latency_milliseconds }) in &self.kinds {
            let latency = latency_milliseconds.map_or_else(String::new, |latency| latency.to_string());
            rows.push(("reads", format!("{good} x {kind}, {latency}")));
        }
        rows.extend(self.errors.iter().map(|(kind, count)| ("error of a read", format!("{count} x {kind}"))));
        rows
    }
}

/// Takes a newer tree each second, until the run is over.
async fn refresh(course: Arc<Course>, mut over: watch::Receiver<bool>) -> Seen {
    let (mut log, mut draws, mut seen) = (Fetch::new(&course.readers.target), Draws::new(0), Seen::default());
    while !*over.borrow() {
        let known = course.snapshot();
        match known.next(&mut log, course.offers, &mut draws).await {
            Ok(newer) => course.show(newer),
            Err(error) => seen.error("tree", &error.kind()),
        }
        let wait = if course.snapshot().is_readable(course.offers) { REFRESH } else { PAUSE };
        let _ = tokio::time::timeout(wait, over.wait_for(|over| *over)).await;
    }
    seen
}

async fn read(course: Arc<Course>, draws: Draws, over: watch::Receiver<bool>) -> Seen {
    let mut reader =
        Reader { log: Fetch::new(&course.readers.target), course, draws, leaf: None, seen: Seen::default() };
    while !*over.borrow() {
        let Some((turn, due)) = reader.course.take() else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        tokio::time::sleep_until(due.into()).await;
        reader.take(turn, due).await;
    }
    reader.seen
}

impl Course {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self, newer: Snapshot) {
        if newer.is_readable(self.offers) {
            self.begun.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        }
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(newer);
    }

    /// The next read, and when it is due; none before there is something to read.
    fn take(&self) -> Option<(Turn, Instant)> {
        let begun = (*self.begun.lock().unwrap_or_else(PoisonError::into_inner))?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let turns: &[Turn] = match self.offers {
            Offers { tiles: false, .. } => &[Turn::Entry, Turn::Proof],
            Offers { lookups: false, .. } => &[Turn::Tile, Turn::Proof],
            Offers { lookups: true, .. } => &[Turn::Tile, Turn::Proof, Turn::Lookup],
        };
        let due = begun + Duration::from_secs_f64(number as f64 / self.readers.rate);
        Some((turns[number as usize % turns.len()], due))
    }
}

/// One connection.
struct Reader {
    log: Fetch,
    course: Arc<Course>,
    draws: Draws,
    /// The hash of a leaf that was read, and is to be proved.
    leaf: Option<Hash>,
    seen: Seen,
}

impl Reader {
    async fn take(&mut self, turn: Turn, due: Instant) {
        let snapshot = self.course.snapshot();
        let (name, answered) = match (turn, self.leaf) {
            (Turn::Proof, Some(leaf)) => ("get-proof-by-hash", self.proof(&snapshot, &leaf).await),
            (Turn::Lookup, _) => ("lookup", self.lookup(&snapshot).await),
            _ if self.course.offers.tiles => ("tile", self.tile(&snapshot).await),
            _ => ("get-entries", self.entry(&snapshot).await),
        };
        match answered {
            Err(error) => self.seen.error(name, &error.kind()),
            Ok(is_good) => self.seen.answered(name, due, is_good),
        }
    }

    async fn tile(&mut self, snapshot: &Snapshot) -> Result<bool, CheckError> {
        let path = snapshot.any_tile(&mut self.draws);
        let tile = self.log.tile(path).await?;
        self.leaf = snapshot.leaf_in(path, &tile, &mut self.draws);
        Ok(self.leaf.is_some())
    }

    /// An entry of a log without tiles. That it is in the tree is for the proof to show.
    async fn entry(&mut self, snapshot: &Snapshot) -> Result<bool, CheckError> {
        let index = self.draws.below(snapshot.size as usize);
        let answer: GetEntries =
            self.log.json(&format!("/ct/v1/get-entries?start={index}&end={index}")).await?;
        let leaf = answer.entries.first().and_then(|entry| bytes(&entry.leaf_input));
        self.leaf = leaf.map(|leaf| Hash::of_leaf(&leaf));
        Ok(self.leaf.is_some())
    }

    async fn proof(&mut self, snapshot: &Snapshot, leaf: &Hash) -> Result<bool, CheckError> {
        let answer = self.log.get(&proof_by_hash(leaf, snapshot.size)).await?;
        Ok(snapshot.is_proved(leaf, &answer))
    }

    /// A label that an entry carries, or, once in four, one that none does.
    async fn lookup(&mut self, snapshot: &Snapshot) -> Result<bool, CheckError> {
        let known = self.draws.pick(&snapshot.labels).copied().filter(|_| self.draws.below(4) > 0);
        let label = known.unwrap_or_else(|| unknown(&mut self.draws));
        let answer: Bytes = self.log.post("/tn/v1/lookup", question(&label)).await?;
        Ok(shows(&label, &answer))
    }
}

fn question(label: &Label) -> Vec<u8> {
    use base64::Engine as _;
    let label = base64::engine::general_purpose::STANDARD.encode(label.as_bytes());
    let labels = vec![LookupLabel { label, known: 0 }];
    serde_json::to_vec(&Lookup { labels, ..Lookup::default() }).expect("a question is JSON")
}

fn unknown(draws: &mut Draws) -> Label {
    let mut bytes = [0; 32];
    bytes.as_chunks_mut().0.iter_mut().for_each(|word: &mut [u8; 8]| *word = draws.word().to_be_bytes());
    bytes[0] &= 0x7f;
    Label::new(bytes)
}

impl Seen {
    fn answered(&mut self, name: &'static str, due: Instant, is_good: bool) {
        let micros = due.elapsed().as_micros().try_into().unwrap_or(u32::MAX);
        self.micros.entry(name).or_default().push(micros);
        if !is_good {
            *self.bad.entry(name).or_default() += 1;
            self.error(name, "it does not lead to the root of the tree");
        }
    }

    fn error(&mut self, name: &str, kind: &str) {
        *self.errors.entry(format!("{name}: {kind}")).or_default() += 1;
    }

    fn append(&mut self, other: Seen) {
        other.micros.into_iter().for_each(|(name, more)| self.micros.entry(name).or_default().extend(more));
        other.bad.into_iter().for_each(|(name, count)| *self.bad.entry(name).or_default() += count);
        other.errors.into_iter().for_each(|(kind, count)| *self.errors.entry(kind).or_default() += count);
    }

    fn report(self, seconds: f64) -> ReadReport {
        let bad = self.bad;
        let reads = |(name, micros): (&'static str, Vec<u32>)| {
            let good = micros.len() as u64 - bad.get(name).copied().unwrap_or_default();
            (name, Reads { good, latency_milliseconds: Latency::of(micros) })
        };
        let kinds: BTreeMap<_, _> = self.micros.into_iter().map(reads).collect();
        let good: u64 = kinds.values().map(|reads| reads.good).sum();
        let rate = if seconds > 0.0 { good as f64 / seconds } else { 0.0 };
        ReadReport { seconds, rate, kinds, errors: self.errors }
    }
}
