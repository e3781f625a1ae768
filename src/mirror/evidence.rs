//! What a mirror finds wrong with its log, kept in files.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::Mirror;
use super::config::Folder;
use crate::client::follow::{Finding, FollowError, Prover};
use crate::client::http::Client;
use crate::client::whole_file;

/// How often something that is no proof is kept, in seconds: a place that lags shows an older tree again and again.
const HOUR: u64 = 3600;

/// The folder of the evidence, and what makes it.
pub struct Evidence {
    folder: PathBuf,
    prover: Prover<Client>,
}

impl Evidence {
    /// The evidence in the folder of a mirror.
    pub fn new(folder: &Folder, client: Client, mirror: &Mirror) -> Self {
        let keys = (mirror.key.clone(), mirror.index_key.clone());
        Evidence { folder: folder.evidence(), prover: Prover::new(client, folder.public(), keys) }
    }

    /// What the copy makes of an error.
    pub async fn judge(&self, error: FollowError) -> FollowError {
        self.prover.judge(error).await
    }

    /// Writes a finding into a file that `tnlog-monitor verify-evidence` reads, one an hour of what is no proof.
    pub async fn keep(&self, finding: &Finding, now: u64) {
        let time = if finding.is_final() { now } else { now - now % HOUR };
        let path = self.folder.join(format!("{time}-{}.json", finding.kind()));
        if path.exists() {
            return;
        }
        let evidence = self.prover.evidence(finding).await;
        let bytes = evidence.encode();
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.folder)?;
            whole_file::replace(&path, &bytes, whole_file::PRIVATE)
        };
        match write() {
            Ok(()) => tracing::warn!(evidence = %path.display(), "{finding}"),
            // An entry may name numbers, and messages are read by others.
            Err(error) if evidence.shows_entries() => {
                tracing::error!(%error, "the evidence could not be written");
            }
            Err(error) => {
                let evidence = String::from_utf8_lossy(&bytes);
                tracing::error!(%error, "the evidence could not be written; it follows:\n{evidence}");
            }
        }
    }
}
