//! Looking subjects up in one log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand_core::OsRng;
use serde_json::json;
use tnlog::block::Block;
use tnlog::client::evaluate;
use tnlog::client::lookup::{Found, LookupError, Lookups, Memory, News, Question};
use tnlog::label::Label;
use tnlog::number::{Number, ServiceProviderCode};

use super::describe::{Credential, IssuerNames};
use crate::output;

/// How long an index may be behind the log.
const LONGEST_LAG: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(250);
/// Entries of blocks below a prefix that are all fetched, so that nobody sees which block is meant.
const MAX_ALL: usize = 1024;

/// What is watched.
pub enum Subject {
    /// A number.
    Number(Number),
    /// A service provider code.
    Code(ServiceProviderCode),
}

/// One log, and how it is looked at.
pub struct Look<'a> {
    pub lookups: Lookups,
    pub known: &'a [String],
    pub digits: usize,
    pub json: bool,
}

/// Entries with what each was found under, and up to where they are all.
#[derive(Default)]
struct All {
    entries: BTreeMap<u64, (String, Found)>,
    covers: u64,
    prefix: Option<String>,
}

impl Look<'_> {
    /// Shows everything of the subjects; whether all of it is known.
    pub async fn at_all(&mut self, subjects: &[Subject]) -> anyhow::Result<bool> {
        let size = self.lookups.update().await?;
        let mut names = IssuerNames::default();
        let mut all_known = true;
        for subject in subjects {
            let (name, all) = match subject {
                Subject::Code(code) => (code.canonical().to_string(), self.code(code, size).await?),
                Subject::Number(number) => {
                    (format!("+{}", number.digits()), self.number(number, size).await?)
                }
            };
            all_known &= self.show(&name, &all, &mut names).await?;
        }
        Ok(all_known)
    }

    async fn code(&mut self, code: &ServiceProviderCode, size: u64) -> anyhow::Result<All> {
        let question = Question::of_labels(&[Label::of_service_provider_code(code)]);
        let news = self.ask(&question, size).await?;
        let mut all = All { covers: news.head.size, ..All::default() };
        all.add(self.lookups.entries(&news).await?, |_| Some("the code".to_owned()));
        Ok(all)
    }

    /// Label and blocks are asked for apart: together they would show which number of the prefix it is.
    async fn number(&mut self, number: &Number, size: u64) -> anyhow::Result<All> {
        let key = self.lookups.parameters().await?.label_key;
        let numbers = std::slice::from_ref(number);
        let labels = evaluate::labels(self.lookups.client(), numbers, &key, &mut OsRng).await?;
        let news = self.ask(&Question::of_labels(&labels), size).await?;
        let mut all = All { covers: news.head.size, ..All::default() };
        all.add(self.lookups.entries(&news).await?, |_| Some("the number".to_owned()));

        let covering = covering(number);
        let prefix = shown_prefix(number, self.digits);
        let at = (1..prefix.len()).map(|length| prefix[..length].to_owned()).collect();
        let question = Question { below: vec![prefix.clone()], at, ..Question::default() };
        let mut blocks = self.ask(&question, size).await?;
        all.covers = all.covers.min(blocks.head.size);
        if blocks.items.values().map(Vec::len).sum::<usize>() > MAX_ALL {
            blocks.items.retain(|label, _| covering.contains_key(label));
            output::note(
                "Of the blocks below the prefix only those that cover the number are fetched: there are too many.",
            );
        }
        let found = self.lookups.entries(&blocks).await?;
        all.add(found, |label| covering.get(label).map(|block| format!("the block {block}")));
        all.prefix = Some(prefix);
        Ok(all)
    }

    /// Everything of a question, in a head that covers what the log had when the command began.
    async fn ask(&mut self, question: &Question, size: u64) -> Result<News, LookupError> {
        let begun = Instant::now();
        loop {
            match self.lookups.ask(question, &mut Memory::default(), size).await {
                Err(LookupError::Stalled { .. }) if begun.elapsed() < LONGEST_LAG => {
                    tokio::time::sleep(AGAIN).await;
                }
                other => return other,
            }
        }
    }

    async fn show(&self, name: &str, all: &All, names: &mut IssuerNames) -> anyhow::Result<bool> {
        let origin = output::printable(self.lookups.origin());
        let mut unknown = 0;
        let mut lines = Vec::new();
        for (index, (under, found)) in &all.entries {
            let credential = Credential::of(found.leaf.as_ref(), self.lookups.client(), names).await?;
            let mine = credential
                .key_hash
                .as_ref()
                .is_some_and(|key| self.known.iter().any(|k| k.eq_ignore_ascii_case(key)));
            unknown += usize::from(!mine && credential.is_credential());
            lines.push((*index, under, credential, mine));
        }
        if self.json {
            for (index, under, credential, mine) in &lines {
                let entry = json!({ "what": "entry", "name": name, "log": origin, "index": index, "under": under, "mine": mine });
                output::line(credential.merged_into(entry))?;
            }
            output::line(json!({
                "what": "complete", "name": name, "log": origin, "entries": lines.len(), "not_mine": unknown,
                "covers": all.covers, "shown_prefix": all.prefix
            }))?;
        } else {
            output::line(format_args!(
                "{name} in {origin}: {} entries, all of the first {} of the log",
                lines.len(),
                all.covers
            ))?;
            for (index, under, credential, mine) in &lines {
                let mark = if *mine { "mine" } else { "" };
                output::line(format_args!("  {}  entry {index}, under {under}  {mark}", credential.logged))?;
                credential
                    .lines()
                    .into_iter()
                    .try_for_each(|line| output::line(format_args!("    {line}")))?;
            }
        }
        if let Some(prefix) = &all.prefix {
            output::note(format_args!(
                "{origin} answered this itself. It saw that all blocks below {prefix} were looked up from this address, and \
                 the label of the number: as it holds the label key, it can find out which number that is. Ask a mirror or \
                 monitor to avoid it."
            ));
        }
        Ok(self.known.is_empty() || unknown == 0)
    }
}

impl All {
    /// Adds entries that were found under a label that has a name.
    fn add(&mut self, found: BTreeMap<u64, Found>, name: impl Fn(&Label) -> Option<String>) {
        for (index, found) in found {
            if let Some(name) = found.labels.iter().find_map(&name) {
                self.entries.entry(index).or_insert((name, found));
            }
        }
    }
}

/// The labels of all blocks that cover a number, by the digits and their free ones.
fn covering(number: &Number) -> BTreeMap<Label, String> {
    let digits = number.digits();
    let block = |length: usize| {
        let free = digits.len() - length;
        let block = Block::new(&digits[..length], u8::try_from(free).ok()?).ok()?;
        Some((Label::of_block(&block), format!("{}{}", &digits[..length], "x".repeat(free))))
    };
    (1..=digits.len()).filter_map(block).collect()
}

/// The calling code and so many digits more.
fn shown_prefix(number: &Number, digits: usize) -> String {
    let code = number.calling_code().map_or(1, |code| code.to_string().len());
    number.digits().chars().take(code + digits).collect()
}
