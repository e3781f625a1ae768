//! What readers are answered from: a log has it, and so has a mirror of one.

use std::sync::Arc;

use super::index::AnsweredIn;
use super::log::Log;
use super::problem::Problem;
use super::read::LogReader;
use super::sequencer::Published;
use crate::checkpoint::Checkpoint;
use crate::client::answer::Question;
use crate::client::api;
use crate::note::Note;
use crate::proof::TlogProof;
use crate::sct::log_id;

/// A log that is read: its entry log, its index log, and the number index.
pub trait Served: Send + Sync {
    /// Reads the entry log.
    fn reader(&self) -> &LogReader;

    /// The newest checkpoint of the entry log.
    ///
    /// # Errors
    /// When there is none yet.
    fn published(&self) -> Result<Arc<Published>, Problem>;

    /// The note of the newest checkpoint, with the cosignatures that there are of it.
    ///
    /// # Errors
    /// As [`published`](Self::published).
    fn checkpoint(&self) -> Result<String, Problem>;

    /// What readers begin with.
    ///
    /// # Errors
    /// [`Problem::NotCosigned`], and as [`published`](Self::published).
    fn heads(&self) -> Result<api::Heads, Problem>;

    /// `LogID`.
    ///
    /// # Errors
    /// As [`published`](Self::published).
    fn log_id(&self) -> Result<[u8; 32], Problem>;

    /// The CA certificates that are served.
    fn issuers(&self) -> api::Issuers;

    /// Reads the index log.
    fn index_reader(&self) -> &LogReader;

    /// The newest checkpoint of the index log.
    ///
    /// # Errors
    /// As [`published`](Self::published).
    fn index_published(&self) -> Result<Arc<Published>, Problem>;

    /// Looks labels up. Reads a bucket for each that is shown.
    ///
    /// # Errors
    /// [`Problem::IndexLags`] and [`Problem::IndexOver`]; [`Problem::TooManyLabels`], [`Problem::BeyondList`].
    fn answer(&self, question: &Question) -> Result<AnsweredIn, Problem>;
}

impl Served for Log {
    fn reader(&self) -> &LogReader {
        &self.reader
    }

    fn published(&self) -> Result<Arc<Published>, Problem> {
        Ok(Log::published(self))
    }

    fn checkpoint(&self) -> Result<String, Problem> {
        Ok(Log::checkpoint(self))
    }

    fn heads(&self) -> Result<api::Heads, Problem> {
        Log::heads(self)
    }

    fn log_id(&self) -> Result<[u8; 32], Problem> {
        Ok(log_id(&self.keys.sct_spki))
    }

    fn issuers(&self) -> api::Issuers {
        self.issuers.list()
    }

    fn index_reader(&self) -> &LogReader {
        &self.index.reader
    }

    fn index_published(&self) -> Result<Arc<Published>, Problem> {
        Ok(self.index.published())
    }

    fn answer(&self, question: &Question) -> Result<AnsweredIn, Problem> {
        self.index.answer(question)
    }
}

/// The note that readers begin with, and how many leaves its tree has.
///
/// # Errors
/// As [`Served::heads`].
pub fn believable(log: &dyn Served) -> Result<(Note, u64), Problem> {
    let checkpoint = log.heads()?.checkpoint;
    let note = Note::parse(checkpoint.as_bytes()).map_err(|_| Problem::Internal)?;
    let size = Checkpoint::parse(note.text()).map_err(|_| Problem::Internal)?.size;
    Ok((note, size))
}

/// The proof of leaf 0, with the leaf as extra data.
///
/// # Errors
/// As [`Served::heads`], and when the log cannot be read.
pub fn parameters(log: &dyn Served) -> Result<TlogProof, Problem> {
    let (checkpoint, size) = believable(log)?;
    let newest = log.published()?.tree.size;
    let leaf = log.reader().leaf(0, newest)?;
    let hashes = log.reader().inclusion(0, size, newest)?;
    Ok(TlogProof { extra: Some(leaf), index: 0, hashes, checkpoint })
}
