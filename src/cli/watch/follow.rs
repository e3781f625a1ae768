//! Watching all logs of a policy, once or until somebody says that it is enough.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tnlog::client::evaluate::EvaluateError;
use tnlog::client::http::HttpError;
use tnlog::client::lookup::{LookupError, State};
use tokio::signal::unix::{SignalKind, signal};

use super::Args;
use super::json;
use super::look::{Look, Options, Seen};
use super::picture::{self, Style};
use super::subject::Subject;
use crate::lookups::{Policies, STALE, Site};
use crate::{input, output};

/// What is kept in `--state`: the file, where there is one, and what was in it.
pub struct KeptState {
    path: Option<PathBuf>,
    state: State,
    written: Vec<u8>,
}

impl KeptState {
    /// Writes the file where something changed: whole or not at all, for its owner alone.
    fn write(&mut self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let bytes = self.state.encode();
        if bytes != self.written {
            input::write_private(path, &bytes)?;
            self.written = bytes;
        }
        Ok(())
    }
}

/// Reads the state; an empty one when there is none yet.
///
/// # Errors
/// When the file cannot be read, is damaged, or of another policy.
pub fn read_state(path: Option<&Path>, policies: &Policies) -> anyhow::Result<KeptState> {
    let empty = State { trust: policies.digest, ..State::default() };
    let Some(path) = path else { return Ok(KeptState { path: None, state: empty, written: Vec::new() }) };
    let state = match path.try_exists().with_context(|| path.display().to_string())? {
        false => empty,
        true => State::decode(&input::read(path)?, &policies.digest)
            .with_context(|| path.display().to_string())?,
    };
    Ok(KeptState { path: Some(path.to_owned()), state, written: Vec::new() })
}

/// What is watched, and what was found.
pub struct Watch<'a> {
    args: &'a Args,
    subjects: Vec<Subject>,
    state: KeptState,
    /// For each log and subject in their order: what is not mine, not to be known or old.
    findings: Vec<bool>,
    /// For each of these, whether it was told what who answers learns.
    told: Vec<bool>,
}

impl<'a> Watch<'a> {
    pub fn new(args: &'a Args, subjects: Vec<Subject>, state: KeptState) -> Self {
        Watch { args, subjects, state, findings: Vec::new(), told: Vec::new() }
    }

    /// Whether something is not mine, or not to be trusted.
    pub fn has_findings(&self) -> bool {
        self.findings.contains(&true)
    }

    /// Asks every log, and goes on asking where that was wished, until a signal ends it.
    ///
    /// # Errors
    /// When a log cannot be asked at first, or is not to be trusted; when the state cannot be kept.
    pub async fn run(&mut self, sites: Vec<Site>, options: &Options) -> anyhow::Result<()> {
        let mut looks = Vec::new();
        for site in sites {
            let origin = site.origin.clone();
            let state = self.state.state.logs.get(&origin).cloned().unwrap_or_default();
            looks.push(Look::new(site, options.clone(), state).with_context(|| output::printable(&origin))?);
        }
        let known = looks.iter().any(|look| look.is_resumed());
        self.findings = vec![false; looks.len() * self.subjects.len()];
        self.told = self.findings.clone();
        if !self.args.follow {
            return self.round(&mut looks, false).await;
        }
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupted.recv() => Ok(()),
            _ = terminated.recv() => Ok(()),
            ended = self.follow(&mut looks, known) => ended,
        }
    }

    async fn follow(&mut self, looks: &mut [Look], only_news: bool) -> anyhow::Result<()> {
        self.round(looks, only_news).await?;
        loop {
            tokio::time::sleep(Duration::from_secs(self.args.interval)).await;
            self.next_round(looks).await?;
        }
    }

    async fn round(&mut self, looks: &mut [Look], only_news: bool) -> anyhow::Result<()> {
        for (place, look) in looks.iter_mut().enumerate() {
            let about = output::printable(&look.site().origin);
            self.log(place * self.subjects.len(), look, only_news).await.with_context(|| about)?;
        }
        Ok(())
    }

    /// A log that is away keeps nobody from watching the others.
    async fn next_round(&mut self, looks: &mut [Look]) -> anyhow::Result<()> {
        for (place, look) in looks.iter_mut().enumerate() {
            let about = output::printable(&look.site().origin);
            match self.log(place * self.subjects.len(), look, true).await.with_context(|| about) {
                Err(error) if may_pass(&error) => output::note(format_args!(
                    "{}  asked again in {} s: {error:#}",
                    output::time(output::now()),
                    self.args.interval
                )),
                other => other?,
            }
        }
        Ok(())
    }

    /// The state is kept once everything was shown: after a crash something is shown twice, and nothing never.
    async fn log(&mut self, place: usize, look: &mut Look, only_news: bool) -> anyhow::Result<()> {
        let size = look.update().await?;
        if look.covers(size) {
            self.findings[place] |= !check_recent(look, size);
            return Ok(());
        }
        for subject in 0..self.subjects.len() {
            let seen = look.at(&self.subjects[subject], size).await?;
            let is_mine = self.args.known.is_empty() || seen.not_mine == 0;
            self.findings[place + subject] |= !is_mine;
            self.show(look, seen, (place + subject, only_news))?;
        }
        self.findings[place] |= !check_recent(look, size);
        look.set_covered(size);
        self.state.state.logs.insert(look.site().origin.clone(), look.state());
        self.state.write()
    }

    fn show(&mut self, look: &Look, mut seen: Seen, (place, only_news): (usize, bool)) -> io::Result<()> {
        if only_news && !seen.has_news {
            return Ok(());
        }
        let again = only_news || look.is_resumed();
        let style = Style { marks: !self.args.known.is_empty(), again, now: output::now() };
        let line = std::mem::take(&mut seen.line);
        let shown = if only_news { line.news() } else { line };
        match (self.args.json, only_news) {
            (true, _) => json::show(&seen, &shown, style.marks)?,
            (false, true) => picture::show_news(&seen, &shown, style)?,
            (false, false) => picture::show(&seen, &shown, style)?,
        }
        say_cost(&seen);
        if !std::mem::replace(&mut self.told[place], true) {
            tell(look, &seen);
        }
        Ok(())
    }
}

/// Whether it is known how recent an answer is that covers so many entries, and that is not long ago; says so when not.
fn check_recent(look: &Look, covers: u64) -> bool {
    let why = match look.as_of(covers) {
        Ok(as_of) if output::now().saturating_sub_unsigned(as_of.time) <= STALE => return true,
        Ok(_) => "complete as of more than an hour ago".to_owned(),
        Err(None) => return true,
        Err(Some(why)) => why.to_string(),
    };
    output::note(format_args!("NOT RECENT: {}: {why}", output::printable(&look.site().origin)));
    false
}

/// Whether asking again may help: who was asked is away, and has shown nothing wrong.
fn may_pass(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let lookup = cause.downcast_ref::<LookupError>().is_some_and(|error| !error.is_distrust());
        let label = matches!(cause.downcast_ref::<EvaluateError>(), Some(EvaluateError::Http(_)));
        lookup || label || cause.is::<HttpError>()
    })
}

fn say_cost(seen: &Seen) {
    let cost = seen.cost;
    let blocks = match cost.block_bytes {
        0 => String::new(),
        bytes => format!(" and {} for blocks", kilobytes(bytes)),
    };
    output::note(format_args!(
        "{} requests, {}{blocks}, {} ms",
        cost.requests,
        kilobytes(cost.bytes),
        cost.milliseconds
    ));
}

/// What who answered has learned.
fn tell(look: &Look, seen: &Seen) {
    let origin = output::printable(&seen.origin);
    let Some(prefix) = &seen.shown_prefix else { return };
    if look.site().is_mirror {
        output::note(format_args!(
            "{} saw that all blocks below {prefix} were looked up from this address, and the label of the number, which tells \
             it nothing unless it works with the log, which holds the label key. {origin} saw that a label was asked for from \
             this address, and not which.",
            seen.asked
        ));
    } else {
        output::note(format_args!(
            "{origin} answered this itself. It saw that all blocks below {prefix} were looked up from this address, and the \
             label of the number: as it holds the label key, it can find out which number that is. Ask a mirror or monitor \
             (--ask URL) to avoid it."
        ));
    }
}

fn kilobytes(bytes: u64) -> String {
    format!("{}.{} KB", bytes / 1000, bytes % 1000 / 100)
}
