//! What a mirror finds wrong with its log: proved where its copy proves it, and kept in files.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::Mirror;
use super::config::Folder;
use crate::checkpoint::Checkpoint;
use crate::client::follow::{Finding, FollowError};
use crate::client::read::{LogReader, policy_of_key};
use crate::client::source::{Below, Folder as Files, Source};
use crate::index::Generation;
use crate::note::{Note, VerifierKey};

/// How often something that is no proof is kept, in seconds: a place that lags shows an older tree again and again.
const HOUR: u64 = 3600;

/// The folder of the evidence, and the copy that tells a fork from an old tree.
pub struct Evidence {
    folder: PathBuf,
    public: PathBuf,
    key: VerifierKey,
    index_key: VerifierKey,
    generation: Generation,
}

impl Evidence {
    /// The evidence in the folder of a mirror.
    pub fn new(folder: &Folder, mirror: &Mirror) -> Self {
        Evidence {
            folder: folder.evidence(),
            public: folder.public(),
            key: mirror.key.clone(),
            index_key: mirror.index_key.clone(),
            generation: mirror.generation,
        }
    }

    /// A smaller tree with which the copy does not begin is a fork, also when the log serves nothing of the larger one any
    /// more. Any other error is given back as it is.
    pub async fn prove(&self, error: FollowError) -> FollowError {
        let FollowError::Found(Finding::Rollback { shown, .. }) = &error else { return error };
        let files = Files::new(&self.public);
        let is_index = Checkpoint::open(shown, &self.index_key).is_ok();
        let forked = match is_index {
            true => fork_of(Below::new(files, &self.generation.path()), &self.index_key, shown).await,
            false => fork_of(files, &self.key, shown).await,
        };
        forked.unwrap_or(error)
    }

    /// Writes a finding into a file, one an hour of what is no proof.
    pub fn keep(&self, finding: &Finding, now: u64) {
        let time = if finding.is_final() { now } else { now - now % HOUR };
        let path = self.folder.join(format!("{time}-{}.txt", finding.slug()));
        if path.exists() {
            return;
        }
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            fs::write(&path, finding.evidence())?;
            File::open(&path)?.sync_all()?;
            File::open(&self.folder)?.sync_all()
        };
        match write() {
            Ok(()) => tracing::warn!(evidence = %path.display(), "{finding}"),
            Err(error) => {
                tracing::error!(%error, "the evidence could not be written; it follows:\n{}", finding.evidence());
            }
        }
    }
}

/// The fork that a checkpoint and a copy make, out of verified tiles of the copy; none when they make none.
async fn fork_of<S: Source>(copy: S, key: &VerifierKey, shown: &Note) -> Option<FollowError> {
    let mut copy = LogReader::new(Arc::new(copy), policy_of_key(key.clone()).ok()?);
    copy.update().await.ok()?;
    let error = FollowError::from(copy.observe(shown.to_string().as_bytes()).await.err()?);
    matches!(error, FollowError::Found(Finding::Fork { .. })).then_some(error)
}
