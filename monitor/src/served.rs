//! What a monitor shows of one log: its own copy, as far as it was verified, and look-ups in the index that it has recomputed.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64ct::{Base64, Encoding};
use tnlog::checkpoint::Checkpoint;
use tnlog::client::answer::{AnswerError, Question, Shown};
use tnlog::client::api;
use tnlog::client::copy::LogCopy;
use tnlog::client::follow::{FollowedIndex, ShownHead};
use tnlog::client::read::{LogReader, ReadError, policy_of_key};
use tnlog::client::source::{Below, Folder as Files};
use tnlog::index::Generation;
use tnlog::note::{Note, VerifierKey};

/// Checkpoints that are remembered until a head covers them.
const MAX_NOTES: usize = 64;

/// Why something is not shown.
#[derive(Debug, thiserror::Error)]
pub enum NotShown {
    /// The log is not followed so far, or its index.
    #[error("the monitor is catching up with the log")]
    CatchingUp,
    /// What was asked cannot be answered.
    #[error(transparent)]
    Answer(#[from] AnswerError<fjall::Error>),
    /// The copy is damaged.
    #[error("the monitor's copy of the log cannot be read")]
    Copy(#[from] ReadError),
}

/// One log, as it is shown.
pub struct Served {
    key: VerifierKey,
    index_key: VerifierKey,
    generation: Generation,
    copy: LogCopy,
    files: Files,
    index: Arc<FollowedIndex>,
    /// Complete checkpoints, the newest last.
    notes: Mutex<VecDeque<(u64, String)>>,
    has_cheated: AtomicBool,
}

impl Served {
    /// Nothing yet, out of this copy in this folder.
    pub fn new((key, index_key): (VerifierKey, VerifierKey), copy: LogCopy, folder: PathBuf) -> Self {
        let generation =
            Generation::split(index_key.name()).map_or(Generation::FIRST, |(_, generation)| generation);
        Served {
            key,
            index_key,
            generation,
            copy,
            files: Files::new(folder),
            index: Arc::default(),
            notes: Mutex::default(),
            has_cheated: AtomicBool::new(false),
        }
    }

    /// The log.
    pub fn origin(&self) -> &str {
        self.key.name()
    }

    /// The index that is recomputed.
    pub fn index(&self) -> &Arc<FollowedIndex> {
        &self.index
    }

    /// It is proved that the log cheats: nothing of it is cosigned any more.
    pub fn cheated(&self) {
        self.has_cheated.store(true, Ordering::Relaxed);
    }

    /// Whether that is proved.
    pub fn has_cheated(&self) -> bool {
        self.has_cheated.load(Ordering::Relaxed)
    }

    /// An object of the copy.
    pub fn object(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.copy.store().get(name)
    }

    /// Shows a checkpoint of which every leaf is kept.
    pub fn complete(&self, note: &Note) -> io::Result<()> {
        let text = note.to_string();
        for name in ["checkpoint", "tn/v1/checkpoint"] {
            self.copy.store().put(name, text.as_bytes())?;
        }
        let size = Checkpoint::parse(note.text()).map_or(0, |checkpoint| checkpoint.size);
        let mut notes = self.notes();
        if notes.back().is_some_and(|(last, _)| *last == size) {
            notes.pop_back();
        }
        notes.push_back((size, text));
        if notes.len() > MAX_NOTES {
            notes.pop_front();
        }
        Ok(())
    }

    /// Shows a checkpoint of the index log of which every head was recomputed.
    pub fn heads_complete(&self, shown: &ShownHead) -> io::Result<()> {
        let path = self.generation.path();
        let put = |name: &str| self.copy.store().put(&format!("{path}/{name}"), shown.note.as_bytes());
        put("checkpoint").and_then(|()| put("tn/v1/checkpoint"))
    }

    fn notes(&self) -> MutexGuard<'_, VecDeque<(u64, String)>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest checkpoint that a head of so many entries covers, and the newest of all.
    fn checkpoints(&self, size: u64) -> Option<((u64, String), String)> {
        let notes = self.notes();
        let within = notes.iter().rev().find(|(covered, _)| *covered <= size)?.clone();
        Some((within, notes.back()?.1.clone()))
    }

    /// `GET /tn/v1/heads`.
    pub async fn heads(&self) -> Result<api::Heads, NotShown> {
        let shown = self.index.shown().ok_or(NotShown::CatchingUp)?;
        let ((_, checkpoint), _) = self.checkpoints(shown.head.size).ok_or(NotShown::CatchingUp)?;
        let inclusion = self.head_inclusion(&shown).await?;
        let head = api::ProvedHead::new(&shown.head, shown.heads - 1, &inclusion);
        Ok(api::Heads { checkpoint, index_checkpoint: shown.note.clone(), head })
    }

    /// `POST /tn/v1/lookup`.
    pub async fn answer(&self, question: Question) -> Result<api::LookupResponse, NotShown> {
        let index = self.index.clone();
        let answered = tokio::task::spawn_blocking(move || index.answer(&question)).await;
        let (shown, answered) = answered.map_err(|_| NotShown::CatchingUp)??.ok_or(NotShown::CatchingUp)?;
        let ((size, checkpoint), newest) = self.checkpoints(shown.head.size).ok_or(NotShown::CatchingUp)?;
        let reader = self.reader(self.files.clone(), &self.key, &newest)?;
        let consistency = reader.consistency_proof(size, shown.head.size).await?;
        Ok(answered.response(&Shown {
            head: shown.head,
            position: shown.heads - 1,
            inclusion: self.head_inclusion(&shown).await?,
            index_checkpoint: shown.note.clone(),
            checkpoint,
            consistency,
        }))
    }

    /// The newest checkpoint of which every leaf is kept, and its size.
    pub fn newest(&self) -> Option<(u64, String)> {
        self.notes().back().cloned()
    }

    /// `GET /ct/v1/get-entry-and-proof`, without what lies beside the entry. None when there is no such entry in a tree of this size.
    pub async fn entry_and_proof(
        &self,
        index: u64,
        size: u64,
    ) -> Result<Option<api::GetEntryAndProof>, NotShown> {
        let (covered, note) = self.newest().ok_or(NotShown::CatchingUp)?;
        if index >= size || size > covered {
            return Ok(None);
        }
        let reader = self.reader(self.files.clone(), &self.key, &note)?;
        let leaves = reader.entries(index..index + 1).await?;
        let proof = reader.inclusion_proof_within(index, size).await?;
        Ok(leaves.first().map(|leaf| api::GetEntryAndProof {
            leaf_input: Base64::encode_string(leaf),
            extra_data: String::new(),
            audit_path: proof.iter().map(|hash| Base64::encode_string(&hash.0)).collect(),
        }))
    }

    /// The inclusion proof of an entry in the tree of a checkpoint of the copy.
    pub async fn proof(&self, index: u64, note: &str) -> Result<Vec<tnlog::merkle::Hash>, NotShown> {
        let reader = self.reader(self.files.clone(), &self.key, note)?;
        Ok(reader.inclusion_proof(index).await?)
    }

    async fn head_inclusion(&self, shown: &ShownHead) -> Result<Vec<tnlog::merkle::Hash>, NotShown> {
        let below = Below::new(self.files.clone(), &self.generation.path());
        let reader = self.reader(below, &self.index_key, &shown.note)?;
        Ok(reader.inclusion_proof(shown.heads - 1).await?)
    }

    fn reader<S: tnlog::client::source::Source>(
        &self,
        source: S,
        key: &VerifierKey,
        note: &str,
    ) -> Result<LogReader<S>, NotShown> {
        let policy = policy_of_key(key.clone()).expect("the key of a log is one");
        Ok(LogReader::resume(Arc::new(source), policy, note.as_bytes())?)
    }
}
