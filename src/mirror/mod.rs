//! A mirror: a copy of a log that was verified wholly, serves what its readers ask for, and cosigns its index log as a
//! verifier.
//!
//! It follows the log ([`crate::client::follow`]), keeps each byte that was checked, and answers out of that alone. What it
//! serves is complete up to one checkpoint; on a fork or a false head it stays at what it has, keeps the evidence, and
//! says so.

mod config;
mod copy;
mod evidence;
mod http;
mod issuers;
mod run;

pub use config::{Config, ConfigError, Folder};
pub use run::{MirrorError, Running, start};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base64ct::{Base64, Encoding};

use crate::admission::MAX_CHAIN;
use crate::anchors::Anchors;
use crate::certificate::MAX_CERTIFICATE_LEN;
use crate::checkpoint::Checkpoint;
use crate::client::answer::Question;
use crate::client::api;
use crate::client::follow::{FollowedIndex, ShownHead};
use crate::entry::{Entry, Leaf};
use crate::index::Generation;
use crate::merkle::Hash;
use crate::note::{Note, VerifierKey};
use crate::receipt::KnownLog;
use crate::server::index::ended::Served;
use crate::server::index::{AnsweredIn, Shown};
use crate::server::issuers::Issuers;
use crate::server::kept::Kept;
use crate::server::problem::Problem;
use crate::server::read::LogReader;
use crate::server::readable::Readable;
use crate::server::sequencer::Published;
use crate::server::staging::Tree;

/// A mirror that runs: what it serves.
pub struct Mirror {
    /// The log that it is a mirror of.
    pub url: String,
    /// The key of the log.
    pub key: VerifierKey,
    /// The key of its index log.
    pub index_key: VerifierKey,
    reader: LogReader,
    index_reader: LogReader,
    generation: Generation,
    issuers: Issuers,
    index: Arc<FollowedIndex>,
    state: RwLock<State>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct State {
    published: Option<Arc<Published>>,
    log: Option<KnownLog>,
    /// What was found wrong, in words.
    finding: Option<String>,
}

impl Mirror {
    /// What was found wrong with the log, after which nothing newer is served.
    pub fn finding(&self) -> Option<String> {
        self.read().finding.clone()
    }

    fn found(&self, what: String) {
        self.write().finding = Some(what);
    }

    /// Shows a checkpoint that is copied wholly.
    fn publish(&self, note: &Note) {
        let Ok(Checkpoint { size, root, .. }) = Checkpoint::parse(note.text()) else { return };
        let tree = Tree { size, root };
        let known = self.read().log.is_some();
        let log = if known { None } else { self.known_log(size) };
        let mut state = self.write();
        state.log = state.log.take().or(log);
        let published = Published { note: note.to_string(), tree, time: 0 };
        self.kept().add(tree, &published.note, self.index.shown().map_or(0, |shown| shown.head.size));
        state.published = Some(Arc::new(published));
    }

    fn known_log(&self, size: u64) -> Option<KnownLog> {
        let leaf = self.reader.leaf(0, size).ok()?;
        let Entry::Parameters(parameters) = Leaf::decode(&leaf).ok()?.entry else { return None };
        KnownLog::new(parameters).ok()
    }

    /// Leaf 0 of the log.
    fn parameters(&self) -> Result<KnownLog, Problem> {
        self.read().log.clone().ok_or(Problem::CatchingUp)
    }

    fn shown(&self) -> Result<Arc<ShownHead>, Problem> {
        self.index.shown().ok_or(Problem::IndexLags)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readable for Mirror {
    fn reader(&self) -> &LogReader {
        &self.reader
    }

    fn published(&self) -> Result<Arc<Published>, Problem> {
        self.read().published.clone().ok_or(Problem::CatchingUp)
    }

    /// Its cosignatures are those that it was copied with.
    fn checkpoint(&self) -> Result<String, Problem> {
        Ok(self.published()?.note.clone())
    }

    /// Every checkpoint that is copied meets the policy of the mirror.
    fn cosigned_checkpoint(&self) -> Result<String, Problem> {
        self.checkpoint()
    }

    fn checkpoint_within(&self, size: u64) -> Result<(String, Tree), Problem> {
        let kept = self.kept();
        let (tree, note) = kept.within(size).ok_or(Problem::IndexLags)?;
        Ok((note.clone(), *tree))
    }

    fn heads(&self) -> Result<api::Heads, Problem> {
        let shown = self.shown()?;
        let (checkpoint, _) = self.checkpoint_within(shown.head.size)?;
        let inclusion = self.head_inclusion(shown.heads - 1, shown.heads)?;
        let head = api::ProvedHead::new(&shown.head, shown.heads - 1, &inclusion);
        Ok(api::Heads { checkpoint, index_checkpoint: shown.note.clone(), head })
    }

    fn log_id(&self) -> Result<[u8; 32], Problem> {
        Ok(*self.parameters()?.sct_key.log_id())
    }

    fn info(&self) -> Result<api::LogInfo, Problem> {
        let log = self.parameters()?;
        Ok(api::LogInfo {
            checkpoint_key: self.key.to_string(),
            index_key: self.index_key.to_string(),
            sct_key: Base64::encode_string(&log.parameters.sct_key),
            log_id: Base64::encode_string(log.sct_key.log_id()),
            label_key: Base64::encode_string(&log.parameters.label_key),
            origin: log.parameters.origin,
            tree_size: self.published()?.tree.size,
            read_only: true,
            max_chain: MAX_CHAIN,
            max_certificate: MAX_CERTIFICATE_LEN,
            max_names: crate::entry::MAX_LABELS,
            max_chains: api::MAX_CHAINS,
            round_milliseconds: 0,
            mirror_of: Some(self.url.clone()),
        })
    }

    fn roots(&self) -> Option<Arc<Anchors>> {
        None
    }

    fn trouble(&self) -> Option<String> {
        self.finding()
    }

    fn finds_hashes(&self) -> bool {
        false
    }

    fn find_leaf(&self, _: &Hash) -> Result<Option<u64>, Problem> {
        Err(Problem::Mirror(self.url.clone()))
    }

    fn issuers(&self) -> api::Issuers {
        self.issuers.list()
    }

    fn index_log(&self, generation: Generation) -> Option<Served> {
        let shown = self.index.shown().filter(|_| generation == self.generation)?;
        Some(Served { reader: self.index_reader.clone(), checkpoint: shown.note.clone(), size: shown.heads })
    }

    fn head_inclusion(&self, position: u64, size: u64) -> Result<Vec<Hash>, Problem> {
        let newest = self.shown()?.heads.max(size);
        Ok(self.index_reader.inclusion(position, size, newest)?)
    }

    fn answer(&self, question: &Question) -> Result<AnsweredIn, Problem> {
        let (shown, answered) = self.index.answer(question)?.ok_or(Problem::IndexLags)?;
        let root = self.index.root_of(shown.heads).ok_or(Problem::IndexLags)?;
        let published =
            Published { note: shown.note.clone(), tree: Tree { size: shown.heads, root }, time: 0 };
        let shown = Shown { head: shown.head, position: shown.heads - 1 };
        Ok(AnsweredIn { shown, published: Arc::new(published), answered })
    }
}
