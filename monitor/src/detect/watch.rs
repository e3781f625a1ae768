//! `unexpected-issuer`, `unexpected-key` and `unexpected-scope`: what is issued for the numbers, blocks,
//! carriers and issuers that the configuration names.
//!
//! A watch that is added today is told everything from the beginning: [`Watches::observe`] over the entries
//! of its labels, which the index finds, with no other watch. What it says then has the same ids as if it had
//! been there all the time.

mod learned;

use std::collections::HashMap;
use std::fmt;

use tnlog::block::Block;
use tnlog::classify::Class;
use tnlog::label::Label;
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::tnauthlist::Scope;

use super::entry::{Content, Observed, OpenCertificate};
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::{Issuer, KeyId, Operator, short};
use super::memory::{Memory, MemoryError};
use super::organization;
use learned::Learned;

/// What is watched. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub enum Watched {
    /// A number, and its label in the log.
    Number(Number, Label),
    /// Blocks, with all that is inside of them and around them.
    Blocks(Vec<Block>),
    /// A carrier, by its service provider code.
    Carrier(ServiceProviderCode),
    /// A CA, and the countries for whose numbers it issues.
    Issuer(Operator, Vec<u16>),
}

/// A watch, and what is usual for it. `Debug` shows its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Watch {
    /// What the configuration calls it; findings show it.
    pub name: String,
    /// What is watched.
    pub what: Watched,
    /// Keys that are its own. Keys that these approve are, too.
    pub known_keys: Vec<KeyId>,
    /// Who may issue for it; anybody, if there is none.
    pub allowed_issuers: Vec<Operator>,
    /// The organizations that hold the blocks which it lies in.
    pub holders: Vec<String>,
}

/// Names a watch in what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchId(pub [u8; 16]);

impl Watch {
    /// A watch for which nothing is usual yet.
    pub fn new(name: impl Into<String>, what: Watched) -> Self {
        let (known_keys, allowed_issuers, holders) = (Vec::new(), Vec::new(), Vec::new());
        Watch { name: name.into(), what, known_keys, allowed_issuers, holders }
    }

    /// By its name.
    pub fn id(&self) -> WatchId {
        WatchId::of(&self.name)
    }
}

impl WatchId {
    /// Of the watch of this name.
    pub fn of(name: &str) -> Self {
        WatchId(short(b"watch", name.as_bytes()))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({})", self.name)
    }
}

/// All watches of a log, found by what an entry says. An entry costs a look-up for each of its labels, and
/// one that names blocks a comparison with each block that is watched.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    watches: Vec<Watch>,
    /// Of numbers and carriers, by label.
    by_label: HashMap<Label, Vec<usize>>,
    /// Of numbers, by the labels of all blocks that they lie in.
    around: HashMap<Label, Vec<usize>>,
    blocks: Vec<(Block, usize)>,
    issuers: HashMap<Operator, Vec<usize>>,
}

impl Watches {
    /// These.
    pub fn new(watches: Vec<Watch>) -> Self {
        let mut all = Watches::default();
        for (place, watch) in watches.iter().enumerate() {
            match &watch.what {
                Watched::Number(number, label) => {
                    all.by_label.entry(*label).or_default().push(place);
                    for block in blocks_around(number) {
                        all.around.entry(Label::of_block(&block)).or_default().push(place);
                    }
                }
                Watched::Blocks(blocks) => all.blocks.extend(blocks.iter().map(|block| (*block, place))),
                Watched::Carrier(code) => {
                    let label = Label::of_service_provider_code(code);
                    all.by_label.entry(label).or_default().push(place);
                }
                Watched::Issuer(operator, _) => all.issuers.entry(*operator).or_default().push(place),
            }
        }
        all.watches = watches;
        all
    }

    /// What is unexpected in the next entry.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn observe(
        &self,
        entry: &Observed<'_>,
        memory: &mut Memory<'_>,
    ) -> Result<Vec<Finding>, MemoryError> {
        let mut findings = Vec::new();
        match &entry.content {
            Content::Number(number, issuer) => {
                findings.extend(self.outside_of_countries(entry, issuer, &number.calling_codes));
                for watch in self.with_labels(&number.labels) {
                    findings.extend(credential(entry, watch, issuer, memory)?);
                }
            }
            Content::Open(open) => findings.extend(self.open(entry, open, memory)?),
            Content::Statement(statement, signer) => {
                for watch in self.with_labels(&statement.labels) {
                    let mut learned = Learned::load(memory, watch.id())?;
                    let is_own = watch.known_keys.contains(signer) || learned.is_known(signer);
                    let change = is_own.then(|| learned.statement(statement)).flatten();
                    findings.extend(change.and_then(|change| change.finding(entry, watch)));
                    learned.save(memory, watch.id());
                }
            }
            Content::Registration(registration) => {
                for watch in self.with_labels(&[registration.label]) {
                    let mut learned = Learned::load(memory, watch.id())?;
                    let change = learned.registration(registration);
                    findings.extend(change.and_then(|change| change.finding(entry, watch)));
                    learned.save(memory, watch.id());
                }
            }
            Content::Other => {}
        }
        Ok(findings)
    }

    /// Takes a key as one of a watch's own from now on: what was acknowledged.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn learn(memory: &mut Memory<'_>, watch: WatchId, key: KeyId) -> Result<(), MemoryError> {
        let mut learned = Learned::load(memory, watch)?;
        learned.know(key);
        learned.save(memory, watch);
        Ok(())
    }

    fn open(
        &self,
        entry: &Observed<'_>,
        open: &OpenCertificate,
        memory: &mut Memory<'_>,
    ) -> Result<Vec<Finding>, MemoryError> {
        let mut findings = Vec::new();
        match open.certificate.class().ok().and_then(Class::scope) {
            Some(Scope::Spcs(codes)) => {
                let labels: Vec<_> = codes.iter().map(Label::of_service_provider_code).collect();
                for watch in self.with_labels(&labels) {
                    findings.extend(credential(entry, watch, &open.issuer, memory)?);
                }
            }
            Some(Scope::Blocks(blocks)) => {
                for watch in self.with_blocks(blocks) {
                    let known = Learned::load(memory, watch.id())?;
                    findings.extend(block_around(entry, open, watch, &known));
                }
                let codes: Vec<u16> = blocks.iter().filter_map(Block::calling_code).collect();
                findings.extend(self.outside_of_countries(entry, &open.issuer, &codes));
            }
            _ => {}
        }
        Ok(findings)
    }

    fn with_labels(&self, labels: &[Label]) -> Vec<&Watch> {
        self.at(labels.iter().filter_map(|label| self.by_label.get(label)).flatten().copied())
    }

    /// The watches of numbers in one of these blocks, and of blocks that overlap one.
    fn with_blocks(&self, blocks: &[Block]) -> Vec<&Watch> {
        let labels = blocks.iter().map(Label::of_block);
        let numbers = labels.filter_map(|label| self.around.get(&label)).flatten().copied();
        let overlaps =
            |watched: &Block| blocks.iter().any(|b| b.covers_block(watched) || watched.covers_block(b));
        let of_blocks = self.blocks.iter().filter(|(watched, _)| overlaps(watched)).map(|(_, place)| *place);
        self.at(numbers.chain(of_blocks))
    }

    fn at(&self, places: impl Iterator<Item = usize>) -> Vec<&Watch> {
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| &self.watches[place]).collect()
    }

    /// A watched issuer issues for a country that is not its own.
    fn outside_of_countries(&self, entry: &Observed<'_>, issuer: &Issuer, codes: &[u16]) -> Vec<Finding> {
        let names = issuer.names();
        let watches = self.at(names.iter().filter_map(|name| self.issuers.get(name)).flatten().copied());
        let outside = |watch: &&Watch| match &watch.what {
            Watched::Issuer(_, own) => codes.iter().any(|code| !own.contains(code)),
            _ => false,
        };
        let finding = |watch| {
            let sentence = Sentence::new(
                "A watched issuer has issued for numbers of a country that it does not issue for.",
                "the issuer, and to the holders of numbers there",
                "ask the issuer whether it did; if not, its key is in other hands: do not trust what it issues",
            );
            unexpected(entry, watch, Detector::UnexpectedScope, Severity::High, sentence)
        };
        watches.into_iter().filter(outside).map(finding).collect()
    }
}

/// Every block that a number lies in.
fn blocks_around(number: &Number) -> impl Iterator<Item = Block> + '_ {
    let digits = number.digits();
    (1..=digits.len()).filter_map(|length| Block::new(&digits[..length], (digits.len() - length) as u8).ok())
}

/// A certificate that names what is watched, or its other half.
fn credential(
    entry: &Observed<'_>,
    watch: &Watch,
    issuer: &Issuer,
    memory: &mut Memory<'_>,
) -> Result<Vec<Finding>, MemoryError> {
    let Some(key) = entry.key() else { return Ok(Vec::new()) };
    let mut learned = Learned::load(memory, watch.id())?;
    let is_known = watch.known_keys.contains(&key) || learned.is_known(&key);
    let mut findings = Vec::new();
    if !learned.repeats(entry.index, key, issuer.operator) {
        let is_allowed = watch.allowed_issuers.is_empty() || issuer.is_one_of(&watch.allowed_issuers);
        let is_usual = issuer.is_one_of(&watch.allowed_issuers) || learned.has_issued(issuer.operator);
        // A carrier has many keys, so they count only where some were given.
        let keys_matter = matches!(watch.what, Watched::Number(..)) || !watch.known_keys.is_empty();
        let severity = if is_usual { Severity::Medium } else { Severity::High };
        let unknown = (!is_known && keys_matter).then_some(severity);
        findings.extend((!is_allowed).then(|| unexpected_issuer(entry, watch)));
        findings.extend(unknown.map(|severity| unexpected_key(entry, entry.index, watch, severity, None)));
        learned.add(entry.index, key, issuer.operator, is_known, unknown);
    }
    learned.save(memory, watch.id());
    Ok(findings)
}

fn unexpected_issuer(entry: &Observed<'_>, watch: &Watch) -> Finding {
    let sentence = Sentence::new(
        "An issuer that is not allowed to has issued a certificate for what you watch.",
        "you, and to whoever trusts certificates of that issuer",
        "if you did not ask for it, have it revoked, and dispute it with your key; if you did, allow the issuer in the \
         configuration or acknowledge this",
    );
    unexpected(entry, watch, Detector::UnexpectedIssuer, Severity::High, sentence)
}

/// What became of an unknown key since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    Registered,
    Disputed,
    Approved,
}

/// The key in the certificate at `leaf` is not known; `entry` says so, or what became of it since.
fn unexpected_key(
    entry: &Observed<'_>,
    leaf: u64,
    watch: &Watch,
    severity: Severity,
    since: Option<Since>,
) -> Finding {
    let what = match since {
        None => {
            "A certificate for what you watch has a key that is none of yours and that none of yours has approved."
        }
        Some(Since::Registered) => "Your number is registered under a key that is none of yours.",
        Some(Since::Disputed) => "Your key disputes a certificate for what you watch.",
        Some(Since::Approved) => "Your key has approved the key that was not known.",
    };
    let sentence = Sentence::new(
        what,
        "you, and to whoever talks to you",
        "if it is yours, approve it with your earlier key or acknowledge this; if not, dispute it, have it revoked by its issuer, and \
         warn those who talk to you",
    );
    let origin = Origin { detector: Detector::UnexpectedKey, scope: &watch.id().0, entries: &[leaf] };
    let mut finding = Finding::new(entry, &origin, severity, sentence).with([entry.index]);
    finding.watch = Some(watch.name.clone());
    finding.issuer = entry.issuer().map(|issuer| issuer.key_hash);
    if since == Some(Since::Approved) { finding.cleared() } else { finding }
}

/// A certificate for a block that overlaps what is watched.
fn block_around(
    entry: &Observed<'_>,
    open: &OpenCertificate,
    watch: &Watch,
    learned: &Learned,
) -> Option<Finding> {
    let key = KeyId::of_hash(open.certificate.spki_sha256());
    let is_own = watch.known_keys.contains(&key) || learned.is_known(&key);
    if is_own || watch.holders.iter().any(|name| organization::is_named(&open.certificate, name)) {
        return None;
    }
    // Who may issue for a number may not give the block around it to anybody; but its carrier has the block from somewhere.
    let is_allowed = open.issuer.is_one_of(&watch.allowed_issuers) && watch.holders.is_empty();
    let severity = if is_allowed { Severity::Medium } else { Severity::High };
    let sentence = Sentence::new(
        "A certificate was issued for a block of numbers that holds what you watch, to an organization that you have not named.",
        "you: it can speak for every number of the block",
        "ask your carrier whether the block is its own; if so, name it in the configuration or acknowledge this; if not, have the \
         certificate revoked by its issuer",
    );
    Some(unexpected(entry, watch, Detector::UnexpectedScope, severity, sentence))
}

fn unexpected(
    entry: &Observed<'_>,
    watch: &Watch,
    detector: Detector,
    severity: Severity,
    sentence: Sentence,
) -> Finding {
    let origin = Origin { detector, scope: &watch.id().0, entries: &[entry.index] };
    let mut finding = Finding::new(entry, &origin, severity, sentence);
    finding.watch = Some(watch.name.clone());
    finding.issuer = entry.issuer().map(|issuer| issuer.key_hash);
    finding
}
