//! Looking labels up in a log: every entry of a label, with proof that these are all.
//!
//! Nothing is given out that was not verified: the proof under the root of a head, the pages of the lists under that proof,
//! the head in the checkpoint of the index log, the entry checkpoint under the policy and consistent with the head, and each
//! leaf in that checkpoint, with the label in it. Who comes back asks for what is new, and gets it with proof that nothing
//! earlier changed.

mod error;
mod kept;
mod leaves;
mod memory;
mod request;
mod standing;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::api;
use super::cache::Cached;
use super::http::Client;
use super::read::{LogReader, ReadError};
use super::source::Below;
use crate::entry::Entry;
use crate::index::{Generation, MAX_PREFIXES, Prefix, Query};
use crate::label::Label;
use crate::note::{MAX_NOTE, VerifierKey};
use crate::policy::{Checked, FreshnessError, Policy};
use crate::receipt::{KnownLog, ParametersError};
pub use error::LookupError;
pub use kept::{Kept, all};
pub use leaves::Found;
use memory::Reading;
pub use memory::{Memory, News};
pub use standing::{Answered, Peer, StandingError};
pub use state::{LogState, Position, State, StateError};

/// Where a look-up begins: a checkpoint of the log, and a head that covers it.
const HEADS: &str = "tn/v1/heads";
/// Two checkpoints of 64 signatures, and a proof.
const MAX_HEADS: usize = 4 * MAX_NOTE;
/// How often a question is asked again when lists grow while they are read.
const MAX_ROUNDS: usize = 64;

/// What is asked: 1 to 16 labels and prefixes of blocks.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Labels.
    pub labels: Vec<Label>,
    /// Digits: all blocks whose prefix begins with them.
    pub below: Vec<String>,
    /// Digits: all blocks whose prefix they are.
    pub at: Vec<String>,
}

impl Question {
    /// The question for labels alone.
    pub fn of_labels(labels: &[Label]) -> Self {
        Question { labels: labels.to_vec(), ..Question::default() }
    }

    fn query(&self) -> Result<Query, LookupError> {
        let labels = self.labels.iter().map(|label| Ok(Prefix::from(label)));
        let below = self.below.iter().map(|digits| Prefix::of_blocks_below(digits));
        let at = self.at.iter().map(|digits| Prefix::of_blocks_at(digits));
        Ok(Query::new(&labels.chain(below).chain(at).collect::<Result<Vec<_>, _>>()?)?)
    }
}

/// One log, and its index log. Tiles are fetched once.
pub struct Lookups {
    client: Client,
    trust: Trust,
    cache: Cached<Client>,
    entries: LogReader<Cached<Client>>,
    heads: LogReader<Below<Cached<Client>>>,
    /// The checkpoints of the entry log that came last, by [`update`](Lookups::update) and with an answer.
    recent: [Option<Checked>; 2],
}

/// Whose checkpoints are believed.
#[derive(Clone)]
pub struct Trust {
    /// The key of the log, one of the policy's.
    pub key: VerifierKey,
    /// For the entry log.
    pub policy: Policy,
    /// The key of its index log, one of that policy's.
    pub index_key: VerifierKey,
    /// For the index log: its quorum are those that have recomputed every head.
    pub index_policy: Policy,
}

impl Lookups {
    /// Look-ups at this address: that of the log, or of a mirror or monitor of it.
    pub fn new(client: Client, trust: Trust) -> Self {
        let cache = Cached::new(client.clone());
        let generation =
            Generation::split(trust.index_key.name()).map_or(Generation::FIRST, |(_, generation)| generation);
        let heads = Arc::new(Below::new(cache.clone(), &generation.path()));
        let entries = LogReader::new(Arc::new(cache.clone()), trust.policy.clone());
        let heads = LogReader::new(heads, trust.index_policy.clone());
        Lookups { client, trust, cache, entries, heads, recent: [None, None] }
    }

    /// The same, going on from the checkpoints of an earlier life: what is shown now must continue them.
    ///
    /// # Errors
    /// [`LookupError::Read`] when they do not meet the policies.
    pub fn resume(client: Client, trust: Trust, position: &Position) -> Result<Self, LookupError> {
        let new = Lookups::new(client, trust);
        let (entries, heads) = (new.entries.source().clone(), new.heads.source().clone());
        let (policy, index_policy) = (new.trust.policy.clone(), new.trust.index_policy.clone());
        let entries = LogReader::resume(entries, policy, &position.entries)?;
        let heads = LogReader::resume(heads, index_policy, &position.heads)?;
        Ok(Lookups { entries, heads, ..new })
    }

    /// The newest checkpoints that were verified; none before the first answer.
    pub fn position(&self) -> Option<Position> {
        let (entries, heads) = (self.entries.seen()?, self.heads.seen()?);
        let bytes = |note: &crate::note::Note| note.to_string().into_bytes();
        Some(Position { entries: bytes(&entries.note), heads: bytes(&heads.note) })
    }

    /// The client that it asks with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The origin of the log.
    pub fn origin(&self) -> &str {
        self.trust.key.name()
    }

    /// Fetches the newest checkpoint of the entry log that its index covers; how many entries it has. Every look-up that
    /// follows must cover them.
    ///
    /// # Errors
    /// [`LookupError::Http`], [`LookupError::Read`], [`LookupError::OtherLog`].
    pub async fn update(&mut self) -> Result<u64, LookupError> {
        let heads: api::Heads = self.client.get_json(HEADS, MAX_HEADS).await?;
        let observed = self.entries.observe(heads.checkpoint.as_bytes()).await;
        let updated = observed.map(|seen| seen.checked.clone());
        let seen = updated.inspect_err(|_| self.cache.forget())?;
        is_of(&self.trust.key, &seen.checkpoint.origin)?;
        let size = seen.checkpoint.size;
        self.recent[0] = Some(seen);
        Ok(size)
    }

    /// The time, in seconds of Unix time, as of which the first `covers` entries are the whole log for everybody who demands
    /// the quorum of the policy, while at most `bad` witnesses are bad ([`Policy::complete_as_of`]). Judged by the
    /// checkpoints that came last: who has looked up what `covers` so many entries has everything that an app could have
    /// accepted until then.
    ///
    /// # Errors
    /// [`FreshnessError`].
    pub fn complete_as_of(&self, covers: u64, bad: usize) -> Result<u64, FreshnessError> {
        self.trust.policy.check_freshness(bad)?;
        let covered = self.recent.iter().flatten().filter(|checked| checked.checkpoint.size <= covers);
        let known = covered.map(|checked| self.trust.policy.complete_as_of(&checked.cosigned, bad));
        let none = Err(FreshnessError::TooFew { cosigned: 0 });
        known.max_by_key(|known| known.ok()).unwrap_or(none)
    }

    /// The parameters of the log, after [`update`](Self::update).
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn parameters(&self) -> Result<KnownLog, LookupError> {
        let checkpoint = self.entries.seen().ok_or(ReadError::NoCheckpoint)?.checkpoint();
        let leaf = match self.single(0, checkpoint.size, checkpoint.root).await {
            Err(error) if error.is_missing() => self.entries.leaf(0).await?,
            other => {
                crate::entry::Leaf::decode(&other?).map_err(|error| ReadError::Leaf { index: 0, error })?
            }
        };
        let Entry::Parameters(parameters) = leaf.entry else {
            return Err(ReadError::from(ParametersError::Leaf).into());
        };
        is_of(&self.trust.key, &parameters.origin)?;
        Ok(KnownLog::new(parameters).map_err(ReadError::from)?)
    }

    /// Asks a question, of which `memory` has the last answer, in a head that covers at least `at_least` entries of the
    /// log. Nothing is remembered unless all of it is verified and complete in one head.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn ask(
        &mut self,
        question: &Question,
        memory: &mut Memory,
        at_least: u64,
    ) -> Result<News, LookupError> {
        let answered = self.ask_until_whole(question, memory, at_least).await;
        answered.inspect_err(|_| self.cache.forget())
    }

    async fn ask_until_whole(
        &mut self,
        question: &Question,
        memory: &mut Memory,
        at_least: u64,
    ) -> Result<News, LookupError> {
        let query = question.query()?;
        let at_least = at_least.max(memory.size);
        let mut read = Reading { lists: memory.lists.clone(), items: BTreeMap::new() };
        for _ in 0..MAX_ROUNDS {
            let response = self.request(question, &read.lists, memory.size, at_least).await?;
            let head = response.head;
            let answer = query.check_difference(&memory.answer, &response.proof, &head.index_root)?;
            read.take(&answer, response)?;
            let missing = read.missing(&answer);
            self.read_on(&mut read, &missing, head.size).await?;
            if read.missing(&answer).is_empty() {
                memory.advance(head.size, answer, &read);
                return Ok(News { head, items: read.items });
            }
        }
        Err(LookupError::Growing)
    }

    /// Reads lists to their end, sixteen at a time. Each request must bring something new.
    async fn read_on(
        &mut self,
        read: &mut Reading,
        labels: &[Label],
        at_least: u64,
    ) -> Result<(), LookupError> {
        for batch in labels.chunks(MAX_PREFIXES) {
            let mut missing = batch.to_vec();
            while !missing.is_empty() {
                let question = Question::of_labels(&missing);
                let response = self.request(&question, &read.lists, 0, at_least).await?;
                let answer = question.query()?.check(&response.proof, &response.head.index_root)?;
                let before = read.count();
                read.take(&answer, response)?;
                missing = read.missing(&answer);
                if read.count() == before && !missing.is_empty() {
                    return Err(LookupError::LeftOut);
                }
            }
        }
        Ok(())
    }
}

fn is_of(key: &VerifierKey, origin: &str) -> Result<(), LookupError> {
    if key.name() == origin {
        return Ok(());
    }
    Err(LookupError::OtherLog { wanted: key.name().to_owned(), shown: origin.to_owned() })
}
