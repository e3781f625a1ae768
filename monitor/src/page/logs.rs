//! The health of each log.

use askama::Template;
use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;
use tnlog::checkpoint::Checkpoint;
use tnlog::cosignature;
use tnlog::note::Note;
use tnlog::policy::Policy;

use super::chart::{Chart, Column, Span};
use super::reply::{self, Problem, Shell};
use super::words::{self, When};
use super::{Page, ShownLog, TheAsked, ThePage, blocking};
use crate::catalogue::Status;
use crate::detect::{Of, on_day};
use crate::notice::Notice;

/// The days whose growth is shown.
const DAYS: u32 = 30;
const DAY: i64 = 86_400;
/// From so many entries on, it lags.
const MUCH: u64 = 10_000;
const SHORT_OF_FRESH: u64 = 300;

#[derive(Template, Serialize)]
#[template(path = "logs.html")]
struct Logs {
    #[serde(skip)]
    shell: Shell,
    logs: Vec<Health>,
    /// How many hundredths of the findings are in the catalogue.
    catalogue_percent: u64,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Good,
    Waiting,
    Bad,
}

impl Verdict {
    fn class(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Waiting => "wait",
            Verdict::Bad => "bad",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Verdict::Good => "Well",
            Verdict::Waiting => "Look",
            Verdict::Bad => "Trouble",
        }
    }
}

/// A log.
#[derive(Serialize)]
pub struct Health {
    pub name: String,
    pub url: String,
    pub origin: String,
    pub verdict: Verdict,
    /// In sentences.
    pub says: Vec<String>,
    /// Entries of the newest checkpoint that was seen.
    pub size: u64,
    /// Entries that are verified.
    pub checked: u64,
    /// Entries that are in the index.
    pub indexed: u64,
    /// Heads of the index log that were recomputed.
    pub heads: u64,
    /// When a step succeeded last, in seconds before now.
    pub fresh_seconds: u64,
    /// The time of the newest cosignature.
    pub cosigned: Option<When>,
    /// The time of the newest entry.
    pub newest_entry: Option<When>,
    pub quorum: String,
    pub witnesses: Vec<Cosigner>,
    /// Entries by day, the oldest first.
    pub days: Vec<Grown>,
    /// Open findings from info to high.
    pub open: [u64; 4],
    #[serde(skip)]
    chart: Option<Chart>,
}

#[derive(Serialize)]
pub struct Cosigner {
    pub name: String,
    pub cosigned: Option<When>,
}

#[derive(Serialize)]
pub struct Grown {
    pub day: When,
    pub entries: u64,
}

impl Health {
    /// What is not verified yet.
    pub fn lag(&self) -> u64 {
        self.size.saturating_sub(self.checked)
    }

    /// What is not in the index yet.
    pub fn index_lag(&self) -> u64 {
        self.checked.saturating_sub(self.indexed)
    }

    fn of_days(&self, days: usize) -> u64 {
        self.days.iter().rev().take(days).map(|day| day.entries).sum()
    }

    /// High, medium, low, info.
    fn severities(&self) -> [(&'static str, u64); 4] {
        let [info, low, medium, high] = self.open;
        [("high", high), ("medium", medium), ("low", low), ("info", info)]
    }
}

pub async fn show(State(page): ThePage, Extension(asked): TheAsked) -> Response {
    let now = asked.now;
    let shell = asked.shell("logs", "Logs");
    let made = blocking(&page, move |page| {
        let logs = page.logs.iter().map(|log| health(page, log, now)).collect::<Result<_, _>>()?;
        Ok(Logs { shell, logs, catalogue_percent: page.catalogue.reading().percent() })
    });
    reply::page(&asked, made.await)
}

/// How a log is.
pub fn health(page: &Page, log: &ShownLog, now: u64) -> Result<Health, Problem> {
    let progress = *log.progress.borrow();
    let note = log.served.object("checkpoint")?.and_then(|bytes| Note::parse(&bytes).ok());
    let witnesses = note.as_ref().map_or(Vec::new(), |note| cosigners(note, &log.policy, now));
    let shown = log.served.index().shown();
    let observed = log.state.observed()?;
    let newest = match observed.checked_sub(1) {
        Some(index) => log.entries.leaf(index)?.map(|leaf| leaf.timestamp),
        None => None,
    };
    let signed = note.as_ref().and_then(|note| Checkpoint::parse(note.text()).ok());
    let size = progress.size.max(signed.map_or(0, |checkpoint| checkpoint.size));
    let mut health = Health {
        name: log.name.clone(),
        url: log.url.clone(),
        origin: log.served.origin().to_owned(),
        verdict: Verdict::Good,
        says: Vec::new(),
        size,
        checked: progress.checked.max(observed).min(size),
        indexed: shown.as_ref().map_or(progress.indexed, |shown| shown.head.size),
        heads: shown.as_ref().map_or(progress.heads, |shown| shown.heads),
        fresh_seconds: log.fresh.borrow().elapsed().as_secs(),
        cosigned: witnesses.iter().filter_map(|witness| witness.cosigned).max_by_key(When::milliseconds),
        newest_entry: newest.map(|time| When::new(time, now)),
        quorum: log.policy.quorum_name().to_owned(),
        witnesses,
        days: newest.map_or(Ok(Vec::new()), |newest| growth(log, newest, now))?,
        open: page.catalogue.counts(Some(log.served.origin()), None, Status::Open)?,
        chart: None,
    };
    judge(&mut health, log)?;
    health.chart = chart(&health);
    Ok(health)
}

fn cosigners(note: &Note, policy: &Policy, now: u64) -> Vec<Cosigner> {
    let time = |witness: &tnlog::policy::Witness| {
        let of_witness = note.signatures().iter().filter(|signature| signature.name() == witness.key.name());
        let times =
            of_witness.filter_map(|one| cosignature::check(&witness.key, note.text(), one.body())).max();
        times.map(|seconds| When::new(seconds.saturating_mul(1000), now))
    };
    let all = policy.witnesses().iter();
    all.map(|witness| Cosigner { name: words::name(&witness.name), cosigned: time(witness) }).collect()
}

fn growth(log: &ShownLog, newest: u64, now: u64) -> Result<Vec<Grown>, Problem> {
    let last = u32::try_from(newest / 1000 / DAY as u64).unwrap_or(u32::MAX);
    let mut days = Vec::new();
    for day in last.saturating_sub(DAYS - 1)..=last {
        let counted = on_day(&*log.state, day)?;
        let entries = counted.iter().find(|(of, _)| *of == Of::All).map_or(0, |(_, day)| day.issued);
        days.push(Grown { day: When::at(i64::from(day) * DAY, now), entries: entries.into() });
    }
    Ok(days)
}

/// Trouble in words, the worst first.
fn judge(health: &mut Health, log: &ShownLog) -> Result<(), Problem> {
    if log.served.has_cheated() {
        health.verdict = Verdict::Bad;
        health.says.push(
            "This log is proved to cheat. It is not followed any more, and nothing of it is cosigned.".into(),
        );
    }
    let open = log.state.fact(b"misbehaviour")?.filter(|bytes| !bytes.is_empty());
    if let Some(notice) = open.and_then(|bytes| serde_json::from_slice::<Notice>(&bytes).ok()) {
        health.verdict = Verdict::Bad;
        health.says.push(notice.what);
    }
    if let Some(trouble) = &*log.trouble.borrow() {
        health.verdict =
            if health.fresh_seconds > SHORT_OF_FRESH { Verdict::Bad } else { health.verdict.or_waiting() };
        health.says.push(format!("The last try to follow it failed: {}.", trouble.trim_end_matches('.')));
    }
    if health.lag() > 0 {
        let (lag, size) = (words::counted(health.lag(), "entry"), words::number(health.size));
        health.says.push(format!("Catching up: of {size}, {lag} are to be verified yet."));
    }
    if health.lag() > MUCH || health.index_lag() > MUCH {
        health.verdict = health.verdict.or_waiting();
    }
    if health.says.is_empty() {
        health.says.push("Everything up to the newest checkpoint is verified.".into());
    }
    Ok(())
}

impl Verdict {
    fn or_waiting(self) -> Self {
        if self == Verdict::Good { Verdict::Waiting } else { self }
    }
}

fn chart(health: &Health) -> Option<Chart> {
    let (first, last) = (health.days.first()?, health.days.last()?);
    let span = Span { begin: first.day.seconds(), end: last.day.seconds() + DAY };
    let columns: Vec<Column> = health
        .days
        .iter()
        .map(|grown| {
            let begin = grown.day.seconds();
            let title = format!("{}: {} entries", grown.day.date(), words::number(grown.entries));
            Column { begin, end: begin + DAY, parts: vec![("c0".into(), grown.entries, title)] }
        })
        .collect();
    let description = format!(
        "Entries of each day from {} to {}, {} in all.",
        first.day.date(),
        last.day.date(),
        words::number(health.of_days(columns.len()))
    );
    let mut chart = Chart::new(&format!("growth-{}", health.name), "Growth", description, 110.0);
    chart.columns(&span, &columns);
    chart.dates(&span);
    Some(chart)
}
