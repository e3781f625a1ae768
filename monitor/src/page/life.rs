//! The lives of certificates: of what a watch watches, out of the index, and on a chart.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use serde::Serialize;
use tnlog::admission::Kind;
use tnlog::client::answer::{AnswerError, MAX_ITEMS, Question};
use tnlog::client::api;
use tnlog::client::signatures::Ring;
use tnlog::entry::{Action, Entry, Leaf, Verb};
use tnlog::label::Label;
use tnlog::standing::{Credential, DoesNotStand, History, NumberList, Stands};

use super::ShownLog;
use super::chart::{Bar, Chart, Label as Words, Mark, Span};
use super::entry::{address, issuer_name};
use super::reply::Problem;
use super::words::{self, When};
use crate::catalogue::Found;
use crate::config::{Named, Watch};
use crate::detect::{Issuer, OpenCertificate};
use crate::watching::label_of;

/// Certificates that are shown, the newest.
const MAX_LIVES: usize = 200;
/// Entries that are read for it.
const MAX_ENTRIES: usize = 4 * MAX_ITEMS;
/// Certificates on the chart, the newest.
const MAX_DRAWN: usize = 60;
/// Spans reach so far beyond what has happened, in seconds.
const BEYOND: i64 = 200 * 86_400;
const ROW: f64 = 16.0;
const HEAD: f64 = 22.0;

/// A certificate.
#[derive(Serialize)]
pub struct Life {
    /// The index of its first entry, and that of its other half.
    pub entries: Vec<u64>,
    pub kind: &'static str,
    pub issuer: String,
    pub logged: When,
    pub valid_from: When,
    pub valid_until: When,
    /// Whether it stands, of a number.
    pub stands: Option<bool>,
    /// In words.
    pub says: String,
    pub events: Vec<Event>,
    #[serde(skip)]
    pub href: String,
}

/// What was said of it, or done with it.
#[derive(Serialize)]
pub struct Event {
    pub entry: u64,
    pub time: When,
    /// `approve`, `dispute` or `register`.
    pub kind: &'static str,
    pub says: String,
    #[serde(skip)]
    pub href: String,
}

/// Those of a watch in one log.
pub struct Lives {
    /// The newest first.
    pub all: Vec<Life>,
    pub left_out: usize,
    /// Why there is nothing.
    pub says: Option<&'static str>,
}

impl Lives {
    /// Reads them.
    pub fn of(log: &ShownLog, watch: &Watch, now: u64) -> Result<Self, Problem> {
        let none = |says| Ok(Lives { all: Vec::new(), left_out: 0, says: Some(says) });
        let (asked, label) = match watch.named() {
            Ok(Named::Number(number)) => match log.state.fact(&label_of(&number))? {
                Some(bytes) => {
                    let label = Label::new(bytes.try_into().map_err(|_| Problem::Trouble)?);
                    (lookup(&[label], &[]), Some(label))
                }
                None => return none("The label of the number is not known yet in this log."),
            },
            Ok(Named::Carrier(code)) => (lookup(&[Label::of_service_provider_code(&code)], &[]), None),
            Ok(Named::Blocks(blocks)) => {
                let digits: Vec<&str> = blocks.iter().map(|block| block.prefix()).collect();
                (lookup(&[], &digits), None)
            }
            // What a CA issues is counted, and not in the index.
            Ok(Named::Ca(..)) | Err(_) => return Err(Problem::NotFound),
        };
        let Some(indexes) = items(log, asked)? else {
            return none("The index of this log is not there yet. Try again in a moment.");
        };
        if indexes.is_empty() {
            return none("Nothing was issued for it in this log.");
        }
        let mut all = match label {
            Some(label) => of_number(log, label, &indexes, now)?,
            None => in_the_open(log, &indexes, now)?,
        };
        all.sort_by_key(|life| std::cmp::Reverse(life.entries.first().copied()));
        let left_out = all.len().saturating_sub(MAX_LIVES);
        all.truncate(MAX_LIVES);
        Ok(Lives { all, left_out, says: None })
    }

    /// On a chart, by issuer.
    pub fn chart(&self, id: &str, findings: &[&Found], now: u64) -> Option<Chart> {
        let drawn = &self.all[..self.all.len().min(MAX_DRAWN)];
        let span = span_of(drawn, now)?;
        let mut issuers: Vec<&str> = Vec::new();
        for life in drawn.iter().rev() {
            if !issuers.contains(&&*life.issuer) {
                issuers.push(&life.issuer);
            }
        }
        let height = drawn.len() as f64 * ROW + issuers.len() as f64 * HEAD + 40.0;
        let description = format!(
            "Life spans of {} of {} from {} to {}.",
            words::counted(drawn.len() as u64, "certificate"),
            words::counted(issuers.len() as u64, "issuer"),
            When::at(span.begin, now).date(),
            When::at(span.end, now).date()
        );
        let mut chart = Chart::new(id, "Life spans of certificates by issuer", description, height);
        chart.dates(&span);
        chart.today(&span, i64::try_from(now / 1000).unwrap_or(i64::MAX));
        let mut y = 4.0;
        for (place, issuer) in issuers.iter().enumerate() {
            let text = (*issuer).to_owned();
            chart.labels.push(Words { x: 0.0, y: y + 14.0, anchor: "start", class: "issuer", text });
            y += HEAD;
            for life in drawn.iter().rev().filter(|life| life.issuer == *issuer) {
                life.draw(&mut chart, &span, y, place);
                let of_life = |found: &&&Found| {
                    found.notice.entries.first().is_some_and(|entry| life.entries.contains(entry))
                };
                for found in findings.iter().filter(of_life) {
                    chart.marks.push(finding(found, &span, y));
                }
                y += ROW;
            }
        }
        Some(chart)
    }
}

fn finding(found: &Found, span: &Span, y: f64) -> Mark {
    let notice = &found.notice;
    Mark {
        x: span.x(i64::try_from(notice.time / 1000).unwrap_or(i64::MAX)),
        y: y + ROW / 2.0,
        kind: "finding",
        title: format!("{}: {}", notice.severity, super::help::of(&notice.detector).title),
        href: Some(format!("/findings/{}", notice.id)),
    }
}

fn span_of(drawn: &[Life], now: u64) -> Option<Span> {
    let logged = drawn.iter().map(|life| life.logged.seconds());
    let (first, last) = (logged.clone().min()?, logged.max()?.max(i64::try_from(now / 1000).ok()?));
    let begin = drawn.iter().map(|life| life.valid_from.seconds()).min()?.max(first - BEYOND);
    let end = drawn.iter().map(|life| life.valid_until.seconds()).max()?.min(last + BEYOND);
    Some(Span { begin, end: end.max(begin + 86_400) })
}

impl Life {
    fn draw(&self, chart: &mut Chart, span: &Span, y: f64, issuer: usize) {
        let (begin, end) = (span.x(self.valid_from.seconds()), span.x(self.valid_until.seconds()));
        let state = match self.stands {
            Some(false) => "fallen",
            _ => "",
        };
        chart.bars.push(Bar {
            x: begin,
            width: (end - begin).max(0.4),
            y: y + 2.0,
            height: ROW - 4.0,
            class: format!("life c{} {state}", issuer % super::chart::COLOURS),
            title: format!("Entry {}: {}", words::number(self.entries[0]), self.says),
        });
        for event in &self.events {
            chart.marks.push(Mark {
                x: span.x(event.time.seconds()),
                y: y + ROW / 2.0,
                kind: event.kind,
                title: format!("{}, {}", event.says, event.time.date()),
                href: Some(event.href.clone()),
            });
        }
    }
}

fn lookup(labels: &[Label], below: &[&str]) -> api::Lookup {
    let label = |label: &Label| api::LookupLabel { label: Base64::encode_string(label.as_bytes()), known: 0 };
    api::Lookup {
        labels: labels.iter().map(label).collect(),
        below: below.iter().map(|digits| (*digits).to_owned()).collect(),
        at: below.iter().map(|digits| (*digits).to_owned()).collect(),
        since: 0,
    }
}

/// The entries of what is asked for, ascending; none before there is an index.
fn items(log: &ShownLog, mut asked: api::Lookup) -> Result<Option<Vec<u64>>, Problem> {
    let mut items = BTreeSet::new();
    while items.len() < MAX_ENTRIES {
        let question =
            Question::new(&asked).map_err(|_| Problem::Wrong("The watch names too much to be shown."))?;
        let answered = match log.served.index().answer(&question) {
            Ok(Some((_, answered))) => answered,
            Ok(None) | Err(AnswerError::Lags) => return Ok(None),
            Err(AnswerError::TooManyLabels(_)) => {
                return Err(Problem::Wrong(
                    "The blocks of the watch hold too many certificates to be shown.",
                ));
            }
            Err(error) => return Err(Problem::of(&error)),
        };
        let read = answered.pages.iter().map(|(_, page)| page.items.len()).sum::<usize>();
        items.extend(answered.pages.iter().flat_map(|(_, page)| page.items.iter().copied()));
        match (&mut asked.labels[..], read) {
            ([label], MAX_ITEMS) => label.known += read as u64,
            _ => break,
        }
    }
    Ok(Some(items.into_iter().collect()))
}

/// Those of a number, weighed.
fn of_number(log: &ShownLog, label: Label, indexes: &[u64], now: u64) -> Result<Vec<Life>, Problem> {
    let mut leaves: Vec<Leaf> = Vec::new();
    for index in indexes {
        leaves.extend(log.entries.leaf(*index)?);
    }
    let known = log.entries.log()?.ok_or(Problem::CatchingUp)?;
    let list = NumberList { log_id: known.sct_key.log_id(), label, leaves: &leaves };
    let history = History::of(&list, &Ring, now).map_err(|error| Problem::of(&error))?;
    let mut lives: Vec<Life> =
        history.credentials.iter().map(|one| of_credential(log, &history, one, now)).collect();
    for registered in &history.registrations {
        let Some(life) = registered.credential.and_then(|place| lives.get_mut(place)) else { continue };
        life.events.push(Event {
            entry: registered.index,
            time: When::new(registered.timestamp, now),
            kind: "register",
            says: done(registered.entry.action).into(),
            href: address(&log.name, registered.index),
        });
    }
    Ok(lives)
}

fn done(action: Action) -> &'static str {
    match action {
        Action::Register => "Registered",
        Action::Withdraw => "Withdrawn",
    }
}

fn of_credential(log: &ShownLog, history: &History<'_>, one: &Credential<'_>, now: u64) -> Life {
    let issuer = log.issuers.known_of_key(one.entry.issuer_key_hash);
    let entry = |place: usize| words::number(history.credentials[place].leaves[0]);
    let says = match one.standing {
        Ok(Stands::NothingCovered) => "Stands: nothing else covered the number".into(),
        Ok(Stands::Issued { by }) => format!("Stands: the certificate in entry {} issued it", entry(by)),
        Ok(Stands::Approved { by, .. }) => format!("Stands: the key of entry {} approved it", entry(by)),
        Err(DoesNotStand::LoggedExpired) => "Does not stand: it had expired when it was logged".into(),
        Err(DoesNotStand::NotApproved { leading }) => {
            format!("Does not stand: the key of entry {} has not approved it", entry(leading))
        }
    };
    let event = |said: &tnlog::standing::Said| Event {
        entry: said.index,
        time: When::new(said.timestamp, now),
        kind: if said.verb == Verb::Approve { "approve" } else { "dispute" },
        says: format!(
            "{} by the key of entry {}{}",
            if said.verb == Verb::Approve { "Approved" } else { "Disputed" },
            entry(said.by),
            said.weight.err().map_or(String::new(), |why| format!(", without weight: {why}"))
        ),
        href: address(&log.name, said.index),
    };
    Life {
        entries: one.leaves.clone(),
        kind: if one.entry.is_ca { "CA" } else { "Certificate" },
        issuer: issuer_name(log, &issuer),
        logged: When::new(one.timestamp, now),
        valid_from: When::at(one.entry.not_before, now),
        valid_until: When::at(one.entry.not_after, now),
        stands: Some(one.standing.is_ok()),
        says,
        events: one.said.iter().map(event).collect(),
        href: address(&log.name, one.leaves[0]),
    }
}

/// Certificates that all can read.
fn in_the_open(log: &ShownLog, indexes: &[u64], now: u64) -> Result<Vec<Life>, Problem> {
    let mut lives = Vec::new();
    for index in indexes.iter().rev().take(2 * MAX_LIVES) {
        let Some((leaf, Some(open))) = log.entries.look(*index)? else { continue };
        if matches!(leaf.entry, Entry::Open(_)) {
            lives.push(of_open(log, &leaf, &open, now));
        }
    }
    Ok(lives)
}

fn of_open(log: &ShownLog, leaf: &Leaf, open: &OpenCertificate, now: u64) -> Life {
    let certificate = &open.certificate;
    let issuer: &Issuer = &open.issuer;
    let holder = certificate
        .organization()
        .map_or_else(|| "no organization".into(), |name| words::name(&words::without_numbers(&name)));
    Life {
        entries: vec![leaf.index],
        kind: if open.kind == Kind::Precertificate { "Precertificate" } else { "Certificate" },
        issuer: issuer_name(log, issuer),
        logged: When::new(leaf.timestamp, now),
        valid_from: When::at(certificate.not_before(), now),
        valid_until: When::at(certificate.not_after(), now),
        stands: None,
        says: format!("For {holder}"),
        events: Vec::new(),
        href: address(&log.name, leaf.index),
    }
}
