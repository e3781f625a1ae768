//! A log that a command speaks to: its client, its verified parameters, and its leaves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use tnlog::client::http::Client;
use tnlog::client::read::LogReader;
use tnlog::client::statements::cover;
use tnlog::client::submit::{Chain, Submitter};
use tnlog::entry::{Entry, Leaf, NumberEntry};
use tnlog::policy::Policy;
use tnlog::receipt::KnownLog;

use crate::trust::Trust;
use crate::{input, place};

/// A log under the keys that are believed.
pub struct Session {
    /// Speaks to it.
    pub client: Client,
    /// What is asked of its checkpoints.
    pub policy: Policy,
    /// Its parameters.
    pub log: KnownLog,
    /// Reads it.
    pub reader: LogReader<Client>,
}

impl Session {
    /// Fetches and verifies the newest checkpoint and the parameters.
    ///
    /// # Errors
    /// When the log cannot be reached or believed.
    pub async fn open(url: &str, trust: &Trust) -> anyhow::Result<Self> {
        let client = place::client(url)?;
        let about = || url.to_owned();
        let policy = trust.given_or_shown(&client).await.with_context(about)?;
        let mut reader = LogReader::new(Arc::new(client.clone()), policy.clone());
        reader.update().await.with_context(about)?;
        let log = reader.parameters().await.with_context(about)?;
        Ok(Session { client, policy, log, reader })
    }

    /// The leaf of a credential of numbers, which is given as the index of its leaf, or as a file with its chain.
    ///
    /// # Errors
    /// When it is not in the log, or names no numbers.
    pub async fn credential(&mut self, given: &str) -> anyhow::Result<(Leaf, NumberEntry)> {
        let index = match given.parse() {
            Ok(index) => index,
            Err(_) => self.index_of(Path::new(given)).await?,
        };
        cover(&mut self.reader, index).await?;
        let leaf = self.reader.leaf(index).await.with_context(|| format!("leaf {index}"))?;
        match &leaf.entry {
            Entry::Number(number) => Ok((leaf.clone(), number.clone())),
            _ => bail!("leaf {index} of the log is no credential of numbers"),
        }
    }

    async fn index_of(&self, file: &Path) -> anyhow::Result<u64> {
        let certificates = input::good_certificates(&[PathBuf::from(file)])?;
        let chain = Chain::new(certificates).ok_or_else(|| anyhow!("{} holds no chain", file.display()))?;
        let submitter = Submitter::new(self.client.clone(), self.log.clone());
        let (_, logged) = submitter.receipt(&chain, &self.policy).await.with_context(|| {
            format!(
                "the receipt of {}, which must be logged, with its issuers in the same file",
                file.display()
            )
        })?;
        Ok(logged.index)
    }
}
