//! Looking labels up in a log: every entry of a label, with proof that these are all.
//!
//! Nothing is given out that was not verified: the proof under the root of a head, the pages of the lists under that proof,
//! the head in the checkpoint of the index log, the entry checkpoint under the policy and consistent with the head, and each
//! leaf in that checkpoint, with the label in it. Who comes back asks for what is new, and gets it with proof that nothing
//! earlier changed.

mod leaves;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::api;
use super::http::{Client, HttpError};
use super::read::{LogReader, ReadError};
use super::source::Below;
use crate::index::Known;
use crate::index::MAX_PREFIXES;
use crate::index::{
    Answer, Generation, HeadError, IndexHead, ListCommitment, ListError, ListPage, NotProved, Prefix,
    PrefixError, Query, QueryError,
};
use crate::label::Label;
use crate::note::{MAX_NOTE, VerifierKey};
use crate::policy::Policy;
use crate::receipt::KnownLog;
pub use leaves::Found;
use request::Response;

/// Where a look-up begins: a checkpoint of the log, and a head that covers it.
const HEADS: &str = "tn/v1/heads";
/// Two checkpoints of 64 signatures, and a proof.
const MAX_HEADS: usize = 4 * MAX_NOTE;
/// How often a question is asked again when lists grow while they are read.
const MAX_ROUNDS: usize = 64;

/// Why a look-up gave nothing that can be believed.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The log could not be asked, or refused.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A checkpoint, a tile or leaf 0.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// More or fewer labels and prefixes than one question may have.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A prefix is none.
    #[error("a prefix of blocks is 1 to 15 digits")]
    Prefix(#[from] PrefixError),
    /// The answer is not that of `lookup`.
    #[error("the answer is not that of a look-up")]
    Malformed,
    /// A checkpoint of another log than was asked.
    #[error("the checkpoint is of the log {shown}, and {wanted} was asked")]
    OtherLog {
        /// The origin that was asked for.
        wanted: String,
        /// That of the checkpoint.
        shown: String,
    },
    /// Another index log of the log than the one whose key is pinned.
    #[error(
        "the answer is of the index log {shown}, and the key that is pinned is of {pinned}. A log that goes on with another index log \
         says that the old one is over, because a head of it was wrong: run `tnlog audit` with the old key, which finds it; ask \
         the log's operator what happened; then pin the index_key that {shown} has in its place"
    )]
    OtherIndexLog {
        /// The origin of the pinned key.
        pinned: String,
        /// That of the answer, which nobody vouches for.
        shown: String,
    },
    /// The leaf of the index log is none.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The head is not in the index log.
    #[error("the head of the index is not in the index log")]
    NotInIndexLog,
    /// The head is not the last of the index log that is shown.
    #[error("the head of the index is an old one: the index log that is shown goes on after it")]
    OldHead,
    /// The index is of another log, or of another history of it.
    #[error(
        "THE INDEX IS NOT OF THIS LOG: its head does not fit the log's checkpoint. Keep both; they prove it"
    )]
    Inconsistent,
    /// The index is behind.
    #[error(
        "the index covers {covered} entries and {needed} are known: what was logged since could be hidden. Ask again; if it stays so, the log withholds"
    )]
    Stalled {
        /// Entries that the head covers.
        covered: u64,
        /// Entries that it must cover.
        needed: u64,
    },
    /// The proof.
    #[error(transparent)]
    Proof(#[from] NotProved),
    /// A page of a list.
    #[error(transparent)]
    Page(#[from] ListError),
    /// A page of a list that was not asked for.
    #[error("the answer has a page of a list that was not asked for")]
    Uninvited,
    /// A page is missing.
    #[error("the answer leaves out items of a list")]
    LeftOut,
    /// Lists grew faster than they could be read.
    #[error("the log grows faster than the lists could be read; ask again, or for less")]
    Growing,
    /// A leaf that is listed under a label does not carry it.
    #[error(
        "THE INDEX IS WRONG: entry {0} is listed under a label that it does not carry. The head of the index proves it"
    )]
    NotCarried(u64),
    /// An entry that is not in the log as it was shown.
    #[error("entry {0} is not in the log as it was shown")]
    NotInLog(u64),
}

/// What is asked: 1 to 16 labels and prefixes of blocks.
#[derive(Clone, Default)]
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

/// What a client keeps of the answer to one question, to be told what is new the next time.
#[derive(Clone, Default)]
pub struct Memory {
    /// The size of the head that it was answered in.
    size: u64,
    answer: Answer,
    lists: Lists,
}

impl Memory {
    /// How many entries of the log it covers: it is complete as of then.
    pub fn covers(&self) -> u64 {
        self.size
    }
}

/// What is new of a question.
#[derive(Clone, Debug)]
pub struct News {
    /// The head that it is complete in.
    pub head: IndexHead,
    /// Indexes of the entries that carry a label and were not known before, ascending.
    pub items: BTreeMap<Label, Vec<u64>>,
}

/// How far each list was read.
#[derive(Clone, Default)]
struct Lists(BTreeMap<Label, Known>);

impl Lists {
    fn known(&self, label: &Label) -> Known {
        self.0.get(label).copied().unwrap_or(Known::NOTHING)
    }

    fn is_complete(&self, label: &Label, list: &ListCommitment) -> bool {
        self.known(label).list == *list
    }
}

/// One log, and its index log.
pub struct Lookups {
    client: Client,
    key: VerifierKey,
    index_key: VerifierKey,
    entries: LogReader<Client>,
    heads: LogReader<Below<Client>>,
}

/// Whose checkpoints are believed.
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
    /// Look-ups at this address.
    pub fn new(client: Client, trust: Trust) -> Self {
        let Trust { key, policy, index_key, index_policy } = trust;
        let generation =
            Generation::split(index_key.name()).map_or(Generation::FIRST, |(_, generation)| generation);
        let heads = Arc::new(Below::new(client.clone(), &generation.path()));
        let entries = LogReader::new(Arc::new(client.clone()), policy);
        Lookups { client, key, index_key, entries, heads: LogReader::new(heads, index_policy) }
    }

    /// The client that it asks with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The origin of the log.
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// Fetches the newest checkpoint of the entry log that its index covers; how many entries it has. Every look-up that
    /// follows must cover them.
    ///
    /// # Errors
    /// [`LookupError::Http`], [`LookupError::Read`], [`LookupError::OtherLog`].
    pub async fn update(&mut self) -> Result<u64, LookupError> {
        let heads: api::Heads = self.client.get_json(HEADS, MAX_HEADS).await?;
        let seen = self.entries.observe(heads.checkpoint.as_bytes()).await?;
        is_of(&self.key, &seen.checkpoint().origin)?;
        Ok(seen.checkpoint().size)
    }

    /// The parameters of the log, after [`update`](Self::update).
    ///
    /// # Errors
    /// [`LookupError::Read`].
    pub async fn parameters(&self) -> Result<KnownLog, LookupError> {
        Ok(self.entries.parameters().await?)
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
                *memory = Memory { size: head.size, answer, lists: read.lists };
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

/// Lists while they are read.
struct Reading {
    lists: Lists,
    items: BTreeMap<Label, Vec<u64>>,
}

impl Reading {
    /// Takes the pages that go on from what is known. Others show nothing, and what is missing then is asked for again.
    fn take(&mut self, answer: &Answer, response: Response) -> Result<(), LookupError> {
        for (label, page) in response.pages {
            let list = answer.list(&label);
            if list == ListCommitment::NONE {
                return Err(LookupError::Uninvited);
            }
            let known = self.lists.known(&label);
            if page.first == known.list.count {
                self.add(label, &page, page.check(&known, &list, response.head.size)?);
            }
        }
        Ok(())
    }

    fn add(&mut self, label: Label, page: &ListPage, known: Known) {
        self.lists.0.insert(label, known);
        self.items.entry(label).or_default().extend_from_slice(&page.items);
    }

    /// The labels whose list is not read as the answer has it.
    fn missing(&self, answer: &Answer) -> Vec<Label> {
        let lists = answer.labels().iter();
        lists.filter(|(label, list)| !self.lists.is_complete(label, list)).map(|(label, _)| *label).collect()
    }

    fn count(&self) -> usize {
        self.items.values().map(Vec::len).sum()
    }
}

fn is_of(key: &VerifierKey, origin: &str) -> Result<(), LookupError> {
    if key.name() == origin {
        return Ok(());
    }
    Err(LookupError::OtherLog { wanted: key.name().to_owned(), shown: origin.to_owned() })
}
