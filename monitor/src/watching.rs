//! The watches of one log: their labels, and what they are told of the past when they are new.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand_core::OsRng;
use sha2::{Digest, Sha256};
use tnlog::client::evaluate::{EvaluateError, labels};
use tnlog::client::http::Client;
use tnlog::label::Label;
use tnlog::number::Number;
use tnlog::receipt::KnownLog;

use crate::config::{Config, Named, Watch as Configured};
use crate::detect::{Detectors, Memory, MemoryError, Tuning, Watch, WatchId, Watched, Watches};
use crate::entries::Entries;
use crate::misbehaviour::bad_label;
use crate::notice::Notice;
use crate::state::{Changes, State, StateError};

/// Why a watch does not watch yet.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The memory failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The records of the detectors, or the copy of the log.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The label of a number could not be had.
    #[error("the labels of watched numbers are not known yet: {0}")]
    Label(#[from] EvaluateError),
}

impl From<std::io::Error> for WatchError {
    fn from(error: std::io::Error) -> Self {
        WatchError::Memory(error.into())
    }
}

/// The detectors, and the watches that wait until their log is known.
pub struct Watching {
    detectors: Arc<Mutex<Detectors>>,
    pending: Vec<Configured>,
    origin: String,
}

impl Watching {
    /// All watches of a configuration, which wait.
    pub fn new(config: &Config, origin: &str) -> Self {
        let habits = config.issuers.iter().map(crate::config::Issuer::habit).collect();
        let tuning = Tuning { habits, ..Tuning::default() };
        let detectors = Detectors { tuning, watches: Watches::default() };
        Watching {
            detectors: Arc::new(Mutex::new(detectors)),
            pending: config.watches.clone(),
            origin: origin.to_owned(),
        }
    }

    /// The detectors, for who sees the entries.
    pub fn detectors(&self) -> Arc<Mutex<Detectors>> {
        self.detectors.clone()
    }

    /// Makes the watches watch: gets the labels of their numbers, blindly, and tells new ones the whole past. When that fails, all
    /// are left to the next time.
    pub async fn prepare(
        &mut self,
        client: &Client,
        entries: &Entries,
        state: &State,
    ) -> Result<(), WatchError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(log) = entries.log()? else { return Ok(()) };
        self.fetch_labels(client, &log, state).await?;
        let prepared = self.pending.iter().map(|configured| watch(configured, state));
        let watches = prepared.collect::<Result<Vec<_>, _>>()?;
        let mut new = Vec::new();
        for watch in &watches {
            if state.fact(&known(watch.id()))?.is_none() {
                new.push(watch.clone());
            }
        }
        if !new.is_empty() {
            self.tell_the_past(new, *log.sct_key.log_id(), entries, state)?;
        }
        self.pending.clear();
        lock(&self.detectors).watches = Watches::new(watches);
        Ok(())
    }

    async fn fetch_labels(&self, client: &Client, log: &KnownLog, state: &State) -> Result<(), WatchError> {
        let mut wanted = Vec::new();
        for configured in &self.pending {
            if let Ok(Named::Number(number)) = configured.named()
                && state.fact(&label_of(&number))?.is_none()
            {
                wanted.push(number);
            }
        }
        let found = match labels(client, &wanted, &log.label_key, &mut OsRng).await {
            Err(EvaluateError::Label(error)) => {
                let notices = vec![bad_label(&self.origin, &error.to_string())];
                state.store(Changes { notices, ..Changes::default() })?;
                return Err(EvaluateError::Label(error).into());
            }
            other => other?,
        };
        let label = |(number, label): (&Number, Label)| (label_of(number), label.as_bytes().to_vec());
        let facts = wanted.iter().zip(found).map(label).collect();
        Ok(state.store(Changes { facts, ..Changes::default() })?)
    }

    /// Goes through the copy once for all that are new. What it says has the same ids as if they had been there from the beginning.
    fn tell_the_past(
        &self,
        new: Vec<Watch>,
        log_id: [u8; 32],
        entries: &Entries,
        state: &State,
    ) -> Result<(), WatchError> {
        let facts = new.iter().map(|watch| (known(watch.id()), Vec::new())).collect();
        let new = Watches::new(new);
        let mut memory = Memory::new(state);
        let mut notices = Vec::new();
        entries.each(log_id, 0..state.observed()?, |entry| {
            let found = new.observe(entry, &mut memory)?;
            notices.extend(found.iter().map(|finding| Notice::of(finding, &self.origin)));
            Ok::<_, WatchError>(())
        })?;
        Ok(state.store(Changes { records: memory.into_changes(), notices, facts, observed: None })?)
    }
}

/// The detectors of a log; a panic of another thread leaves them as they were.
pub fn lock(detectors: &Mutex<Detectors>) -> MutexGuard<'_, Detectors> {
    detectors.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that a watch was told the past.
fn known(watch: WatchId) -> Vec<u8> {
    [b"watch".as_slice(), &watch.0].concat()
}

/// Where the label of a number is remembered. The folder is its owner's alone, as is the configuration, which holds the number.
pub(crate) fn label_of(number: &Number) -> Vec<u8> {
    [b"label".as_slice(), &Sha256::digest(number.digits())].concat()
}

fn watch(configured: &Configured, state: &State) -> Result<Watch, WatchError> {
    let what = match configured.named().expect("the configuration was checked") {
        Named::Number(number) => {
            let label = state.fact(&label_of(&number))?.ok_or(StateError::Damaged)?;
            Watched::Number(number, Label::new(label.try_into().map_err(|_| StateError::Damaged)?))
        }
        Named::Blocks(blocks) => Watched::Blocks(blocks),
        Named::Carrier(code) => Watched::Carrier(code),
        Named::Ca(operator, countries) => Watched::Issuer(operator, countries),
    };
    Ok(Watch {
        known_keys: configured.known_keys().expect("the configuration was checked"),
        allowed_issuers: configured.allowed_issuers(),
        holders: configured.holders.clone(),
        ..Watch::new(configured.name.clone(), what)
    })
}
