//! Asking witnesses to cosign the log's checkpoints (C2SP `tlog-witness`), apart from sequencing: no round waits for one.
//! The verifiers of its index log are asked in the same way, in rounds of their own; they cosign what they have recomputed.
//!
//! One checkpoint is *offered* to all witnesses at once, until their quorum has cosigned it or the time for it is over; only
//! then the newest one is. Were each asked for whatever is newest, each would cosign another size, and a busy log would
//! never have a quorum. After the quorum is met the others have a little longer, so that as many as possible cosign. A
//! witness that is slow is asked nothing new before it has answered, and one that fails is asked less and less often. One that
//! answers 503 needs time, as a verifier does that recomputes: it is waited for and asked again soon.
//!
//! Nothing that a witness answers is believed but its own signature: what it says of sizes is used for the next question and,
//! when it contradicts the log, reported. It never stops a log that runs: a witness could then do that by lying. A log that starts
//! has signed nothing yet, and may be an old copy: there a contradiction is refused, and its operator finds out who is wrong.

mod ask;
mod cosigned;
mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use ask::AskError;
pub use cosigned::{COSIGNED, Cosigned};
pub use setup::{Witnesses, WitnessesError};

use super::clock::Clock;
use super::config::Config;
use super::metrics::{Asked as AskedLabels, CosignMetrics, Witness as WitnessLabel};
use super::read::LogReader;
use super::sequencer::{Published, Publisher};
use ask::{Address, Cosignature, Question};

/// The longest time that a witness which fails is not asked again.
const MAX_BACK_OFF: Duration = Duration::from_secs(60);
/// The most doublings of the time after which one that needs more time is asked again.
const MAX_EARLY: u32 = 3;
/// How long a log that starts waits for its witnesses to say what they remember.
const FIRST: Duration = Duration::from_secs(3);
/// An instant that does not come.
const FAR: Duration = Duration::from_secs(86_400);

/// How often witnesses are asked, and how long they are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From one offer to the next, at least; also how much longer than the quorum the others have.
    pub offer: Duration,
    /// How long one checkpoint is offered when the quorum is not met.
    pub timeout: Duration,
    /// After which time an unchanged checkpoint is offered again.
    pub renewal: Duration,
}

impl Pace {
    /// As configured.
    pub fn of(config: &Config) -> Self {
        Pace {
            offer: Duration::from_millis(config.cosign_milliseconds),
            timeout: Duration::from_secs(config.cosign_timeout_seconds),
            renewal: Duration::from_secs(config.cosign_renewal_seconds),
        }
    }
}

/// Asks each witness once to cosign what is published, for at most `limit`; how each answered, by its name and in the order of the
/// policy.
pub async fn ask_each(
    witnesses: &Witnesses,
    published: &Published,
    reader: &LogReader,
    limit: Duration,
) -> Vec<(String, Result<(), AskError>)> {
    let published = Arc::new(published.clone());
    let newest = watch::Sender::new(published.clone());
    let mut asking = JoinSet::new();
    for (place, address) in witnesses.addresses().iter().cloned().enumerate() {
        let (published, reader) = (published.clone(), reader.clone());
        let name = address.name.clone();
        let question = Question { address, published, newest: newest.subscribe(), reader };
        asking.spawn(async move { (place, name, question.ask(0, limit).await.1.map(drop)) });
    }
    let mut answers = asking.join_all().await;
    answers.sort_unstable_by_key(|(place, ..)| *place);
    answers.into_iter().map(|(_, name, answer)| (name, answer)).collect()
}

/// What is cosigned for a log, and where it goes.
pub struct Parts {
    /// The checkpoints of the log as they are published.
    pub published: watch::Receiver<Arc<Published>>,
    /// Makes consistency proofs.
    pub reader: LogReader,
    /// Gets each checkpoint that meets the quorum, with ever more cosignatures.
    pub cosigned: watch::Sender<Option<Arc<Cosigned>>>,
    /// Writes it into the served folder.
    pub publisher: Publisher,
    /// Counts.
    pub metrics: CosignMetrics,
}

/// Has the checkpoints of one log cosigned.
pub struct Cosigner {
    parts: Parts,
    witnesses: Witnesses,
    pace: Pace,
    peers: Vec<Peer>,
    asking: JoinSet<Answer>,
    offer: Offer,
}

/// What is known of one witness.
struct Peer {
    address: Arc<Address>,
    /// The size of the checkpoint that it cosigned last, as far as is known.
    size: u64,
    busy: bool,
    failures: u32,
    due: Instant,
}

/// A checkpoint, and who has cosigned it.
struct Offer {
    published: Arc<Published>,
    begun: Instant,
    met: Option<Instant>,
    cosignatures: BTreeMap<usize, Cosignature>,
    /// Who needs more time for it.
    early: BTreeSet<usize>,
}

impl Offer {
    fn new(published: Arc<Published>, now: Instant) -> Self {
        Offer { published, begun: now, met: None, cosignatures: BTreeMap::new(), early: BTreeSet::new() }
    }
}

/// A witness remembers what the log does not hold, before the log has signed anything.
#[derive(Debug, thiserror::Error)]
#[error(
    "{witness}: {error}. Nothing was signed, and the log does not start. If it is the witness that is wrong, take its line out of \
     the policy file"
)]
pub struct Contradicted {
    witness: String,
    #[source]
    error: AskError,
}

/// How a question ended.
struct Answer {
    peer: usize,
    published: Arc<Published>,
    /// What the witness remembers, as far as it said.
    size: u64,
    result: Result<Cosignature, AskError>,
}

impl Cosigner {
    /// Nothing is asked before [`run`](Self::run).
    pub fn new(parts: Parts, witnesses: Witnesses, pace: Pace) -> Self {
        let now = Instant::now();
        let peer = |address: &Arc<Address>| {
            let address = address.clone();
            Peer { address, size: 0, busy: false, failures: 0, due: now }
        };
        let peers = witnesses.addresses().iter().map(peer).collect();
        let offer = Offer::new(parts.published.borrow().clone(), now);
        Cosigner { parts, witnesses, pace, peers, asking: JoinSet::new(), offer }
    }

    /// Asks everybody once, before the log signs anything, and waits a little for the answers. Who does not answer in time is
    /// waited for by [`run`](Self::run).
    ///
    /// # Errors
    /// When a witness remembers a larger or another tree: the log was set back, or the witness lies.
    pub async fn ask_first(&mut self) -> Result<(), Contradicted> {
        let deadline = Instant::now() + FIRST;
        self.ask_all(Instant::now());
        while let Ok(Some(Ok(answer))) = tokio::time::timeout_at(deadline, self.asking.join_next()).await {
            match answer.result {
                Err(error) if error.is_conflict() => {
                    let witness = self.peers[answer.peer].address.name.clone();
                    return Err(Contradicted { witness, error });
                }
                _ => self.answered(answer).await,
            }
        }
        Ok(())
    }

    /// Asks until `stop` ends, or the log is gone. Nothing is written any more when this returns.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let now = Instant::now();
            if self.is_over(now) {
                self.offer = Offer::new(self.parts.published.borrow_and_update().clone(), now);
            }
            self.ask_all(now);
            let wake = self.wake(now);
            tokio::select! {
                Some(answer) = self.asking.join_next() => {
                    // A question that panicked is one that failed; its witness stays busy, and that is logged.
                    match answer {
                        Ok(answer) => self.answered(answer).await,
                        Err(error) => tracing::error!(%error, "asking a witness broke off"),
                    }
                }
                changed = self.parts.published.changed() => if changed.is_err() { return },
                () = tokio::time::sleep_until(wake) => {}
                () = &mut stop => return,
            }
        }
    }

    /// Whether a newer checkpoint, or the same one anew, is to be offered.
    fn is_over(&self, now: Instant) -> bool {
        let offer = &self.offer;
        let newer = offer.published.note != self.parts.published.borrow().note;
        if !(newer || now >= offer.begun + self.pace.renewal) || now < offer.begun + self.pace.offer {
            return false;
        }
        let waiting = self.peers.iter().any(|peer| peer.busy) || !offer.early.is_empty();
        match offer.met {
            Some(met) => !waiting || now >= met + self.pace.offer,
            None => !waiting || now >= offer.begun + self.pace.timeout,
        }
    }

    /// Asks everybody who has not cosigned the offer, is not being asked, and has not failed just now. Nothing is to be seen
    /// in an empty log.
    fn ask_all(&mut self, now: Instant) {
        if self.offer.published.tree.size == 0 {
            return;
        }
        for (number, peer) in self.peers.iter_mut().enumerate() {
            if peer.busy || peer.due > now || self.offer.cosignatures.contains_key(&number) {
                continue;
            }
            peer.busy = true;
            let question = Question {
                address: peer.address.clone(),
                published: self.offer.published.clone(),
                newest: self.parts.published.clone(),
                reader: self.parts.reader.clone(),
            };
            let (size, timeout) = (peer.size, self.pace.timeout);
            self.asking.spawn(async move {
                let published = question.published.clone();
                let (size, result) = question.ask(size, timeout).await;
                Answer { peer: number, published, size, result }
            });
        }
    }

    /// The next instant at which something is to be done although nothing happens.
    fn wake(&self, now: Instant) -> Instant {
        let Pace { offer, timeout, renewal } = self.pace;
        let begun = self.offer.begun;
        let instants = [Some(begun + offer), Some(begun + timeout), Some(begun + renewal)];
        let instants = instants.into_iter().chain([self.offer.met.map(|met| met + offer)]).flatten();
        let due = self.peers.iter().filter(|peer| !peer.busy).map(|peer| peer.due);
        instants.chain(due).filter(|instant| *instant > now).min().unwrap_or(now + FAR)
    }

    async fn answered(&mut self, answer: Answer) {
        let Answer { peer: number, published, size, result } = answer;
        let peer = &mut self.peers[number];
        (peer.busy, peer.size) = (false, size);
        // The tree may have been signed again meanwhile: what is cosigned is the same.
        let is_offered = published.tree == self.offer.published.tree;
        self.offer.early.remove(&number);
        self.parts
            .metrics
            .count(&peer.address.name, result.as_ref().map_or_else(AskError::slug, |_| "cosigned"));
        match result {
            Ok(cosignature) => {
                if peer.failures > 0 {
                    tracing::info!(witness = peer.address.name, "cosigns again");
                }
                peer.failures = 0;
                if is_offered {
                    self.offer.cosignatures.insert(number, cosignature);
                    self.announce().await;
                }
            }
            Err(error) => {
                let doublings = peer.failures.min(if error.is_early() { MAX_EARLY } else { 16 });
                let wait = self.pace.offer.saturating_mul(1 << doublings).min(MAX_BACK_OFF);
                if error.is_early() && is_offered {
                    self.offer.early.insert(number);
                }
                peer.due = Instant::now() + wait;
                report(&peer.address.name, &error, peer.failures == 0);
                if error.is_conflict() {
                    self.parts.metrics.conflict(&peer.address.name);
                }
                peer.failures = peer.failures.saturating_add(1);
            }
        }
    }

    /// Shows the offered checkpoint to everybody once its cosignatures meet the quorum, and again with each further one.
    async fn announce(&mut self) {
        let offer = &mut self.offer;
        if !self.witnesses.is_met(offer.cosignatures.keys().copied()) {
            return;
        }
        let cosigned = Arc::new(Cosigned::new(&offer.published, offer.cosignatures.values()));
        if offer.met.is_none() {
            offer.met = Some(Instant::now());
            self.parts.metrics.met(cosigned.tree.size);
        }
        self.parts.cosigned.send_replace(Some(cosigned.clone()));
        let publisher = self.parts.publisher.clone();
        match tokio::task::spawn_blocking(move || cosigned.publish(&publisher)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the cosigned checkpoint could not be written into the served folder")
            }
            Err(error) => tracing::error!(%error, "publishing a cosigned checkpoint broke off"),
        }
    }
}

/// A contradiction is said each time; any other failure once, until the witness cosigns again; that one needs more time is
/// no failure.
fn report(witness: &str, error: &AskError, first: bool) {
    if error.is_conflict() {
        tracing::error!(witness, "{error}");
    } else if first && !error.is_early() {
        tracing::warn!(witness, "{error}; asking again, ever less often");
    } else {
        tracing::debug!(witness, "{error}");
    }
}

impl CosignMetrics {
    fn count(&self, witness: &str, result: &'static str) {
        self.answers.get_or_create(&AskedLabels { witness: witness.to_owned(), result }).inc();
    }

    fn conflict(&self, witness: &str) {
        self.conflicts.get_or_create(&WitnessLabel { witness: witness.to_owned() }).inc();
    }

    fn met(&self, size: u64) {
        self.size.set(size as i64);
        self.time.set((Clock::system().now_milliseconds() / 1000) as i64);
    }
}
