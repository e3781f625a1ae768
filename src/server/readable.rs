//! What readers are answered from: a log has it, and so has a mirror of one.

use std::sync::Arc;

use base64ct::{Base64, Encoding};

use super::index::AnsweredIn;
use super::index::ended::Served;
use super::log::Log;
use super::problem::Problem;
use super::read::LogReader;
use super::sequencer::Published;
use super::staging::Tree;
use crate::admission::MAX_CHAIN;
use crate::anchors::Anchors;
use crate::certificate::MAX_CERTIFICATE_LEN;
use crate::checkpoint::Checkpoint;
use crate::client::answer::Question;
use crate::client::api;
use crate::index::Generation;
use crate::merkle::Hash;
use crate::note::Note;
use crate::proof::TlogProof;
use crate::sct::log_id;

/// A log that is read: its entry log, its index logs, and the number index.
pub trait Readable: Send + Sync {
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

    /// The newest checkpoint that the witnesses' quorum has cosigned; without witnesses the newest one.
    ///
    /// # Errors
    /// [`Problem::NotCosigned`], and as [`published`](Self::published).
    fn cosigned_checkpoint(&self) -> Result<String, Problem>;

    /// The newest such checkpoint that a head of so many entries covers, with its tree.
    ///
    /// # Errors
    /// As [`cosigned_checkpoint`](Self::cosigned_checkpoint).
    fn checkpoint_within(&self, size: u64) -> Result<(String, Tree), Problem>;

    /// What a look-up begins with.
    ///
    /// # Errors
    /// As [`answer`](Self::answer) and [`checkpoint_within`](Self::checkpoint_within).
    fn heads(&self) -> Result<api::Heads, Problem>;

    /// `LogID`.
    ///
    /// # Errors
    /// As [`published`](Self::published).
    fn log_id(&self) -> Result<[u8; 32], Problem>;

    /// What it says of itself.
    ///
    /// # Errors
    /// As [`published`](Self::published).
    fn info(&self) -> Result<api::LogInfo, Problem>;

    /// The roots that it accepts; none of a mirror, which accepts nothing.
    fn roots(&self) -> Option<Arc<Anchors>>;

    /// What is wrong with it, in words.
    fn trouble(&self) -> Option<String>;

    /// Whether it finds leaves by their hashes.
    fn finds_hashes(&self) -> bool;

    /// Where the leaf with this hash may be.
    ///
    /// # Errors
    /// [`Problem::Mirror`] where it finds none; when the database fails.
    fn find_leaf(&self, hash: &Hash) -> Result<Option<u64>, Problem>;

    /// The CA certificates that are served.
    fn issuers(&self) -> api::Issuers;

    /// An index log of this log.
    fn index_log(&self, generation: Generation) -> Option<Served>;

    /// The inclusion proof of a head in the tree of `size` heads of the index log that look-ups are answered in.
    ///
    /// # Errors
    /// When the index log cannot be read.
    fn head_inclusion(&self, position: u64, size: u64) -> Result<Vec<Hash>, Problem>;

    /// Looks labels up. Reads a bucket for each that is shown.
    ///
    /// # Errors
    /// [`Problem::IndexLags`], [`Problem::IndexOver`], [`Problem::NotCosigned`]; [`Problem::TooManyLabels`],
    /// [`Problem::BeyondList`].
    fn answer(&self, question: &Question) -> Result<AnsweredIn, Problem>;
}

impl Readable for Log {
    fn reader(&self) -> &LogReader {
        &self.reader
    }

    fn published(&self) -> Result<Arc<Published>, Problem> {
        Ok(Log::published(self))
    }

    fn checkpoint(&self) -> Result<String, Problem> {
        Ok(Log::checkpoint(self))
    }

    fn cosigned_checkpoint(&self) -> Result<String, Problem> {
        Log::cosigned_checkpoint(self)
    }

    fn checkpoint_within(&self, size: u64) -> Result<(String, Tree), Problem> {
        Log::checkpoint_within(self, size)
    }

    fn heads(&self) -> Result<api::Heads, Problem> {
        Log::heads(self)
    }

    fn log_id(&self) -> Result<[u8; 32], Problem> {
        Ok(log_id(&self.keys.sct_spki))
    }

    fn info(&self) -> Result<api::LogInfo, Problem> {
        let parameters = self.keys.parameters();
        Ok(api::LogInfo {
            checkpoint_key: self.keys.checkpoint.verifier_key().to_string(),
            index_key: self.index.key().to_string(),
            sct_key: Base64::encode_string(&parameters.sct_key),
            log_id: Base64::encode_string(&log_id(&parameters.sct_key)),
            label_key: Base64::encode_string(&parameters.label_key),
            origin: parameters.origin,
            tree_size: Log::published(self).tree.size,
            read_only: self.config.read_only,
            max_chain: MAX_CHAIN,
            max_certificate: MAX_CERTIFICATE_LEN,
            max_names: crate::entry::MAX_LABELS,
            max_chains: api::MAX_CHAINS,
            round_milliseconds: self.config.round_milliseconds,
            mirror_of: None,
        })
    }

    fn roots(&self) -> Option<Arc<Anchors>> {
        Some(self.roots.anchors())
    }

    fn trouble(&self) -> Option<String> {
        (!self.is_healthy()).then(|| Problem::Unhealthy.to_string())
    }

    fn finds_hashes(&self) -> bool {
        true
    }

    fn find_leaf(&self, hash: &Hash) -> Result<Option<u64>, Problem> {
        Ok(self.dedup.find_leaf(hash)?)
    }

    fn issuers(&self) -> api::Issuers {
        self.issuers.list()
    }

    fn index_log(&self, generation: Generation) -> Option<Served> {
        self.index.served(generation)
    }

    fn head_inclusion(&self, position: u64, size: u64) -> Result<Vec<Hash>, Problem> {
        Ok(self.index.reader.inclusion(position, size, self.index.published().tree.size)?)
    }

    fn answer(&self, question: &Question) -> Result<AnsweredIn, Problem> {
        self.index.proved()?;
        self.index.answer(question)
    }
}

/// The proof of leaf 0, with the leaf as extra data.
///
/// # Errors
/// As [`Readable::cosigned_checkpoint`], and when the log cannot be read.
pub fn parameters(log: &dyn Readable) -> Result<TlogProof, Problem> {
    let checkpoint = log.cosigned_checkpoint()?;
    let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(|_| Problem::Internal)?;
    let size = Checkpoint::parse(checkpoint.text()).map_err(|_| Problem::Internal)?.size;
    let newest = log.published()?.tree.size;
    let leaf = log.reader().leaf(0, newest)?;
    let hashes = log.reader().inclusion(0, size, newest)?;
    Ok(TlogProof { extra: Some(leaf), index: 0, hashes, checkpoint })
}
