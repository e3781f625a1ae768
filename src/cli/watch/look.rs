//! Looking subjects up in one log, once or again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use rand_core::OsRng;
use tnlog::client::evaluate;
use tnlog::client::lookup::{Kept, LogState, LookupError, Lookups, Question, all};
use tnlog::client::traffic::Transferred;
use tnlog::entry::{Entry, Leaf};
use tnlog::label::Label;
use tnlog::number::Number;
use tnlog::policy::FreshnessError;
use tnlog::receipt::KnownLog;
use tnlog::standing::NumberList;

use super::names::IssuerNames;
use super::subject::{Subject, blocks_question, covering, question_of};
use super::time_line::{Facts, TimeLine};
use crate::lookups::Site;
use crate::output;

/// How long cosignatures are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(250);
/// Entries of blocks below a prefix that are all fetched, so that nobody sees which block is meant.
const MAX_ALL: usize = 1024;

/// How it is watched.
#[derive(Clone)]
pub struct Options {
    /// The hashes of the keys that are mine, in lowercase hexadecimal.
    pub mine: Vec<String>,
    /// Digits after the country code that are shown.
    pub digits: usize,
    /// How many witnesses may be bad.
    pub bad: usize,
}

/// One log, and what is kept of it.
pub struct Look {
    site: Site,
    lookups: Lookups,
    options: Options,
    names: IssuerNames,
    kept: BTreeMap<Question, Kept>,
    parameters: Option<KnownLog>,
    labels: Vec<(Number, Label)>,
    is_resumed: bool,
    /// By the label of a subject, the entries of it that were shown, in this run or the ones before.
    shown: BTreeMap<Label, BTreeSet<u64>>,
    /// Every subject was looked up in at least so many entries.
    covered: u64,
    /// When the log was asked for its checkpoint, and what had been transferred before.
    begun: Option<(Instant, Transferred)>,
}

/// A subject as it was looked up.
pub struct Seen {
    pub name: String,
    pub origin: String,
    pub line: TimeLine,
    /// The log has so many entries, of which these are all.
    pub covers: u64,
    /// None when the word of the log alone is taken.
    pub as_of: Result<AsOf, Option<FreshnessError>>,
    /// Whether a quorum of verifiers has recomputed the index.
    pub is_verified: bool,
    pub shown_prefix: Option<String>,
    /// Who was asked.
    pub asked: String,
    pub cost: Cost,
    pub has_news: bool,
    /// How much of it is of keys that are not mine.
    pub not_mine: usize,
}

/// As of when, and how many witnesses may be bad for it to hold.
pub struct AsOf {
    /// Seconds of Unix time.
    pub time: u64,
    pub bad: usize,
}

/// What a look-up cost.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub requests: u64,
    /// Bytes sent and received, without those for blocks.
    pub bytes: u64,
    /// Bytes sent and received for blocks.
    pub block_bytes: u64,
    pub milliseconds: u64,
}

/// Entries with what each was found under, and up to where they are all.
#[derive(Default)]
struct Found {
    number: Option<(Label, Vec<Leaf>)>,
    open: Vec<(String, Leaf)>,
    covers: u64,
    prefix: Option<String>,
    block_bytes: u64,
}

impl Found {
    fn entries(&self) -> BTreeSet<u64> {
        let leaves = self.number.iter().flat_map(|(_, leaves)| leaves);
        leaves.chain(self.open.iter().map(|(_, leaf)| leaf)).map(|leaf| leaf.index).collect()
    }
}

impl Look {
    /// Goes on from what was kept.
    ///
    /// # Errors
    /// When that does not meet the policies.
    pub fn new(site: Site, options: Options, state: LogState) -> Result<Self, LookupError> {
        let (client, trust) = (site.ask.clone(), site.trust.clone());
        let lookups = match &state.position {
            Some(position) => Lookups::resume(client, trust, position)?,
            None => Lookups::new(client, trust),
        };
        let (names, parameters, labels) = (IssuerNames::default(), None, Vec::new());
        let shown = BTreeMap::new();
        let is_resumed = state.position.is_some();
        Ok(Look {
            site,
            lookups,
            options,
            names,
            kept: state.kept,
            parameters,
            labels,
            is_resumed,
            shown,
            covered: 0,
            begun: None,
        })
    }

    /// Whether it goes on from an earlier run.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// Who is asked about which log.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What is to be kept.
    pub fn state(&self) -> LogState {
        LogState { position: self.lookups.position(), kept: self.kept.clone() }
    }

    /// How recent what was found is, if it covers so many entries; none when the word of the log alone is taken.
    pub fn as_of(&self, covers: u64) -> Result<AsOf, Option<FreshnessError>> {
        let policy = &self.site.trust.policy;
        if policy.check_freshness(self.options.bad) == Err(FreshnessError::NoQuorum) {
            return Err(None);
        }
        let as_of = |bad| Some(AsOf { time: self.lookups.complete_as_of(covers, bad).ok()?, bad });
        let time = self.lookups.complete_as_of(covers, self.options.bad).map_err(Some)?;
        let more = (self.options.bad..=policy.witnesses().len()).map_while(as_of);
        // As many bad ones as it holds with, as far as it does not get older by more than a minute.
        let held = more.take_while(|as_of| as_of.time + 60 >= time).last();
        Ok(held.unwrap_or(AsOf { time, bad: self.options.bad }))
    }

    /// Whether a log of so many entries was looked up whole.
    pub fn covers(&self, size: u64) -> bool {
        self.covered >= size
    }

    /// Says that every subject was looked up in a log of so many entries.
    pub fn set_covered(&mut self, size: u64) {
        self.covered = size;
    }

    /// Fetches a checkpoint, and waits a little for cosignatures; how many entries it has.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn update(&mut self) -> Result<u64, LookupError> {
        let begun = Instant::now();
        self.begun = Some((begun, self.transferred()));
        loop {
            let size = self.lookups.update().await?;
            let waits = matches!(self.as_of(size), Err(Some(FreshnessError::TooFew { .. })));
            if !waits || begun.elapsed() > PATIENCE {
                return Ok(size);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Looks a subject up, in a log of at least `size` entries.
    ///
    /// # Errors
    /// When it cannot be looked up, or what is shown is not to be believed.
    pub async fn at(&mut self, subject: &Subject, size: u64) -> anyhow::Result<Seen> {
        let (begun, before) = self.begun.take().unwrap_or_else(|| (Instant::now(), self.transferred()));
        let parameters = match &self.parameters {
            Some(parameters) => parameters.clone(),
            None => self.parameters.insert(self.lookups.parameters().await?).clone(),
        };
        let (name, label) = match subject {
            Subject::Code(code) => (code.canonical().to_string(), Label::of_service_provider_code(code)),
            Subject::Number(number) => {
                (format!("+{}", number.digits()), self.label(number, &parameters).await?)
            }
        };
        let shown = match self.shown.get(&label) {
            Some(shown) => shown.clone(),
            None => self.kept_of(subject, label).entries(),
        };
        let found = self.find(subject, label, size).await?;
        let entries = found.entries();
        let new = entries.difference(&shown).copied().collect();
        let line = self.line(&found, &new, parameters.sct_key.log_id()).await?;
        self.shown.insert(label, entries);
        let after = self.transferred();
        let transferred = after - before;
        let cost = Cost {
            requests: transferred.requests,
            bytes: transferred.bytes() - found.block_bytes,
            block_bytes: found.block_bytes,
            milliseconds: begun.elapsed().as_millis() as u64,
        };
        let as_of = self.as_of(found.covers);
        let (covers, shown_prefix) = (found.covers, found.prefix.clone());
        let (origin, asked) = (self.site.origin.clone(), self.site.ask.base().to_string());
        let (has_news, not_mine) = (!new.is_empty(), line.not_mine());
        let is_verified = self.site.trust.index_policy.quorum_name() != "none";
        Ok(Seen {
            name,
            origin,
            line,
            covers,
            as_of,
            is_verified,
            shown_prefix,
            asked,
            cost,
            has_news,
            not_mine,
        })
    }

    fn transferred(&self) -> Transferred {
        let asked = self.site.ask.transferred();
        match &self.site.log {
            Some(log) if self.site.is_mirror => asked + log.transferred(),
            _ => asked,
        }
    }

    /// Asked for once.
    async fn label(&mut self, number: &Number, known: &KnownLog) -> anyhow::Result<Label> {
        if let Some((_, label)) = self.labels.iter().find(|(of, _)| of == number) {
            return Ok(*label);
        }
        let log = self.site.log.as_ref();
        let log = log.ok_or_else(|| {
            anyhow!(
                "the policy does not say where the log is, which alone gives labels of numbers: add its URL"
            )
        })?;
        let labels =
            evaluate::labels(log, std::slice::from_ref(number), &known.label_key, &mut OsRng).await?;
        let label = *labels.first().context("the log gave no label")?;
        self.labels.push((*number, label));
        Ok(label)
    }

    /// Label and blocks are asked for apart: together they would show which number of the prefix it is.
    async fn find(&mut self, subject: &Subject, label: Label, size: u64) -> anyhow::Result<Found> {
        let question = question_of(label);
        let kept = self.kept.entry(question.clone()).or_default();
        self.lookups.follow(&question, kept, size, all).await?;
        let before = self.transferred();
        if let Subject::Number(number) = subject {
            self.blocks(number, size).await?;
        }
        let block_bytes = (self.transferred() - before).bytes();
        Ok(Found { block_bytes, ..self.kept_of(subject, label) })
    }

    async fn blocks(&mut self, number: &Number, size: u64) -> Result<(), LookupError> {
        let question = blocks_question(number, self.options.digits);
        let kept = self.kept.entry(question.clone()).or_default();
        let mut too_many = false;
        let wanted = |items: &BTreeMap<Label, Vec<u64>>| {
            too_many = items.values().map(Vec::len).sum::<usize>() > MAX_ALL;
            if too_many { covering(number).into_keys().collect() } else { all(items) }
        };
        self.lookups.follow(&question, kept, size, wanted).await?;
        if too_many {
            output::note(
                "Of the blocks below the prefix only those that cover the number are fetched: there are too many.",
            );
        }
        Ok(())
    }

    /// What is kept of a subject; nothing where its own label was never looked up.
    fn kept_of(&self, subject: &Subject, label: Label) -> Found {
        let Some(own) = self.kept.get(&question_of(label)) else { return Found::default() };
        let number = match subject {
            Subject::Code(_) => {
                let open = own.list(&label).into_iter().map(|leaf| ("the code".to_owned(), leaf)).collect();
                return Found { open, covers: own.covers(), ..Found::default() };
            }
            Subject::Number(number) => number,
        };
        let question = blocks_question(number, self.options.digits);
        let blocks = self.kept.get(&question);
        let under = |(label, block): (Label, String)| {
            let leaves = blocks.map(|blocks| blocks.list(&label)).unwrap_or_default();
            leaves.into_iter().map(move |leaf| (format!("the block {block}"), leaf))
        };
        Found {
            number: Some((label, own.list(&label))),
            open: covering(number).into_iter().flat_map(under).collect(),
            covers: blocks.map_or(0, Kept::covers).min(own.covers()),
            prefix: question.below.first().cloned(),
            block_bytes: 0,
        }
    }

    async fn line(
        &mut self,
        found: &Found,
        new: &BTreeSet<u64>,
        log_id: &[u8; 32],
    ) -> anyhow::Result<TimeLine> {
        let leaves = found.number.iter().flat_map(|(_, leaves)| leaves);
        let issuers = leaves.filter_map(|leaf| match &leaf.entry {
            Entry::Number(entry) => Some(entry.issuer_key_hash),
            _ => None,
        });
        self.names.learn(&self.site.ask, issuers.collect::<BTreeSet<_>>()).await?;
        let facts = Facts { names: &self.names, mine: &self.options.mine, new, now: now_millis() };
        let mut line = match &found.number {
            Some((label, leaves)) => {
                TimeLine::of_number(&NumberList { log_id, label: *label, leaves }, &facts)?
            }
            None => TimeLine::default(),
        };
        found.open.iter().for_each(|(under, leaf)| line.add_open(under, leaf, &facts));
        Ok(line)
    }
}

/// Milliseconds of Unix time.
pub fn now_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
