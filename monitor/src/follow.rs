//! Following one log: on a thread of its own, so that its trouble is nobody else's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tnlog::checkpoint::TreeHead;
use tnlog::client::follow::{FollowError, Follower, Progress, Prover};
use tnlog::client::http::Client;
use tnlog::client::read::ReadError;
use tnlog::note::Note;
use tnlog::policy::PolicyError;
use tokio::sync::{Notify, watch};

use crate::detect::{Memory, Watches};
use crate::entries::Entries;
use crate::findings::Acknowledged;
use crate::folder::Folder;
use crate::issuers::Issuers;
use crate::keeper::Keeper;
use crate::misbehaviour::{self, Misbehaviour, NO_QUORUM};
use crate::notice::Notice;
use crate::pulse::{Look, Pulse, Rate};
use crate::quorum::{Behind, Quorum};
use crate::served::Served;
use crate::state::{Changes, State};
use crate::watching::Watching;

/// The longest wait before a step that failed is tried again.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// How often a step is taken again because the log was asked for issuers.
const MAX_ASKED: usize = 1000;
/// The fact that holds what is wrong with the log by now.
const OPEN: &[u8] = b"misbehaviour";
/// The fact that holds how far its tree heads are behind.
const PULSE: &[u8] = b"pulse";

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything up to the newest checkpoint is verified.
    Fine,
    /// The log could not be followed, which says nothing about it.
    Trouble,
    /// The log does what it must not.
    Misbehaves,
    /// And that is proved for ever.
    Cheats,
}

/// Follows one log.
pub struct Following {
    pub name: String,
    pub follower: Follower<Client, Keeper>,
    pub client: Client,
    pub prover: Prover<Client>,
    pub folder: Folder,
    pub entries: Arc<Entries>,
    pub issuers: Arc<Issuers>,
    pub state: Arc<State>,
    pub served: Arc<Served>,
    pub watching: Watching,
    pub stale_after: Duration,
    /// What was wrong in the step before, which counts when it stays.
    pub suspected: Option<String>,
    /// Whether the log goes on without a quorum.
    pub behind: Behind,
    /// How often it signs at least.
    pub heartbeat: Duration,
    /// Whether it does; none before the first look of this life.
    pub pulse: Option<Pulse>,
    /// When a step succeeded last.
    pub fresh: watch::Sender<Instant>,
    /// Why the last one failed.
    pub trouble: watch::Sender<Option<String>>,
}

impl Following {
    /// Follows until it is stopped, or the log is proved to cheat.
    pub async fn run(mut self, poll: Duration, nudge: Arc<Notify>, stopped: watch::Receiver<bool>) {
        self.steps(poll, nudge, stopped).await;
        self.follower.rest().await;
    }

    async fn steps(&mut self, poll: Duration, nudge: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
        let (mut pause, mut is_first) = (poll, true);
        loop {
            let outcome = tokio::select! {
                outcome = self.step(is_first) => outcome,
                _ = stopped.wait_for(|stopped| *stopped) => return,
            };
            match outcome {
                Outcome::Cheats => return,
                Outcome::Fine => (pause, is_first) = (poll, true),
                Outcome::Trouble | Outcome::Misbehaves => {
                    pause = (pause * 2).min(MAX_PAUSE.max(poll));
                    is_first = false;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = nudge.notified(), if outcome == Outcome::Fine => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    /// How far it is.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.follower.progress()
    }

    /// Follows the log up to its newest checkpoint. `says` whether trouble is worth a warning.
    pub async fn step(&mut self, says: bool) -> Outcome {
        let stepped = self.follow().await;
        self.trouble.send_replace(stepped.as_ref().err().map(ToString::to_string));
        let judged = match stepped {
            Ok(()) => self.advanced(),
            Err(error) => self.judge(error, says).await,
        };
        let prepared = match judged {
            Ok(_) => self.prepare().await,
            Err(_) => Ok(()),
        };
        match judged.and_then(|outcome| prepared.map(|()| outcome)) {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(log = self.name, "{error:#}");
                Outcome::Trouble
            }
        }
    }

    async fn follow(&mut self) -> Result<(), FollowError> {
        if let Err(error) = self.prepare().await {
            tracing::debug!(log = self.name, "{error:#}");
        }
        for _ in 0..MAX_ASKED {
            match self.follower.step().await {
                Err(FollowError::Sink(_)) if self.issuers.wants() => {
                    let asked = self.issuers.ask(&self.client).await;
                    asked.map_err(|error| FollowError::Sink(std::io::Error::other(error)))?;
                }
                other => return other,
            }
        }
        Ok(())
    }

    /// Watches that wait, and what was acknowledged since.
    async fn prepare(&mut self) -> anyhow::Result<()> {
        self.learn()?;
        Ok(self.watching.prepare(&self.client, &self.entries, &self.state).await?)
    }

    /// What was acknowledged for a watch is its own from now on.
    fn learn(&self) -> anyhow::Result<()> {
        for Acknowledged { notice, .. } in crate::findings::acknowledged(&self.folder)?.into_values() {
            let fact = format!("acknowledged {}", notice.id).into_bytes();
            let is_ours = notice.log == self.served.origin() && !notice.misbehaviour;
            let (Some(watch), Some(entry)) = (&notice.watch, notice.entries.first()) else { continue };
            if !is_ours || self.state.fact(&fact)?.is_some() {
                continue;
            }
            let mut memory = Memory::new(&*self.state);
            if let Some(key) = self.entries.key(*entry)? {
                Watches::learn(&mut memory, crate::detect::WatchId::of(watch), key)?;
            }
            let records = memory.into_changes();
            self.state.store(Changes { records, facts: vec![(fact, Vec::new())], ..Changes::default() })?;
        }
        Ok(())
    }

    /// Everything up to the newest checkpoint with a quorum is verified. That may be an old one.
    fn advanced(&mut self) -> anyhow::Result<Outcome> {
        let now = Instant::now();
        self.fresh.send_replace(now);
        self.suspected = None;
        let size = self.follower.progress().borrow().size;
        let lacks = self.follower.lacks().cloned();
        let quorum = self.behind.look(size, lacks.is_some(), now, self.stale_after);
        let frozen = self.frozen(now)?;
        match (quorum, lacks, frozen) {
            (Quorum::Missing, Some(lacks), _) => self.open_notice(self.no_quorum(&lacks)?)?,
            (Quorum::Waits, ..) if self.open()?.is_some_and(|open| open.detector == NO_QUORUM) => {}
            (.., Some(frozen)) => {
                self.report(frozen)?;
                return Ok(Outcome::Misbehaves);
            }
            _ => self.recovered()?,
        }
        Ok(Outcome::Fine)
    }

    /// Whether the newest tree head that was verified is too old.
    fn frozen(&mut self, now: Instant) -> anyhow::Result<Option<Misbehaviour>> {
        let (Some(log), Some((_, text))) = (self.entries.log()?, self.served.newest()) else {
            return Ok(None);
        };
        let note = Note::parse(text.as_bytes())?;
        let head = TreeHead::extract(&note, log.sct_key.log_id())?.timestamp;
        let mut pulse = self.pulse.take().map_or_else(|| self.known_pulse(), Ok)?;
        let rate = Rate { heartbeat: self.heartbeat, patience: self.stale_after };
        let behind = pulse.look(Look { head, at: now, clock: crate::run::now() }, rate);
        if pulse.is_due() {
            let facts = vec![(PULSE.to_vec(), serde_json::to_vec(&pulse)?)];
            self.state.store(Changes { facts, ..Changes::default() })?;
        }
        self.pulse = Some(pulse);
        let Some(behind) = behind else { return Ok(None) };
        Ok(Some(misbehaviour::frozen(self.served.origin(), behind, self.state.observed()?, &note)))
    }

    /// What an earlier life knew; nothing where that cannot be read.
    fn known_pulse(&self) -> anyhow::Result<Pulse> {
        let stored = self.state.fact(PULSE)?;
        Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    fn no_quorum(&self, lacks: &PolicyError) -> anyhow::Result<Notice> {
        let minutes = self.stale_after.as_secs() / 60;
        Ok(misbehaviour::no_quorum(self.served.origin(), minutes, self.state.observed()?, lacks))
    }

    /// What was wrong and is no more is over.
    fn recovered(&self) -> anyhow::Result<()> {
        if let Some(open) = self.open()? {
            let facts = vec![(OPEN.to_vec(), Vec::new())];
            let notices = vec![misbehaviour::over(&open)];
            self.state.store(Changes { notices, facts, ..Changes::default() })?;
        }
        Ok(())
    }

    fn open(&self) -> anyhow::Result<Option<Notice>> {
        let stored = self.state.fact(OPEN)?.filter(|bytes| !bytes.is_empty());
        Ok(stored.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    async fn judge(&mut self, error: FollowError, says: bool) -> anyhow::Result<Outcome> {
        let error = self.prover.judge(error).await;
        let found = misbehaviour::of_error(&error, self.served.origin(), &self.prover).await;
        let Some(found) = found else {
            if says {
                tracing::warn!(log = self.name, "{error}; trying again, ever less often");
            }
            self.stale(&error)?;
            return Ok(Outcome::Trouble);
        };
        if found.is_final {
            self.served.cheated();
        } else if self.suspected.as_ref() != Some(&found.notice.id) {
            self.suspected = Some(found.notice.id);
            return Ok(Outcome::Trouble);
        }
        let outcome = if found.is_final { Outcome::Cheats } else { Outcome::Misbehaves };
        self.report(found)?;
        Ok(outcome)
    }

    fn stale(&self, error: &FollowError) -> anyhow::Result<()> {
        // A full disk of the monitor is no trouble of the log.
        let is_of_log = matches!(error, FollowError::Read(_) | FollowError::OtherLog { .. });
        if !is_of_log || self.fresh.borrow().elapsed() < self.stale_after {
            return Ok(());
        }
        if let FollowError::Read(ReadError::Policy(lacks @ PolicyError::Quorum { .. })) = error {
            return self.open_notice(self.no_quorum(lacks)?);
        }
        let minutes = self.stale_after.as_secs() / 60;
        let why = error.to_string();
        self.open_notice(misbehaviour::stale(self.served.origin(), minutes, self.state.observed()?, &why))
    }

    /// Writes the evidence, and puts the notice where it waits to be told.
    fn report(&self, found: Misbehaviour) -> anyhow::Result<()> {
        let is_final = found.is_final;
        let notice = found.keep(&self.folder)?;
        if is_final {
            return Ok(self.state.store(Changes { notices: vec![notice], ..Changes::default() })?);
        }
        self.open_notice(notice)
    }

    /// One thing at a time is wrong with a log: what was before is over.
    fn open_notice(&self, notice: Notice) -> anyhow::Result<()> {
        let facts = vec![(OPEN.to_vec(), serde_json::to_vec(&notice)?)];
        let before = self.open()?.filter(|before| before.id != notice.id);
        let notices = before.as_ref().map(misbehaviour::over).into_iter().chain([notice]).collect();
        Ok(self.state.store(Changes { notices, facts, ..Changes::default() })?)
    }
}
