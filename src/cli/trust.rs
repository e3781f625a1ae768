//! Which keys a command believes: `--key` or `--policy`, or, said aloud, those that the log shows of itself.

use std::path::PathBuf;

use anyhow::Context;
use tnlog::client::api::LogInfo;
use tnlog::client::http::Client;
use tnlog::client::read::policy_of_key;
use tnlog::note::VerifierKey;
use tnlog::policy::Policy;

use crate::{input, output};

/// The keys that are believed.
#[derive(clap::Args)]
pub struct Trust {
    /// The checkpoint key of the log: <name>+<id>+<base64>
    #[arg(long, value_name = "VKEY", conflicts_with = "policy")]
    pub key: Option<VerifierKey>,
    /// A C2SP policy file: logs, witnesses and their quorum
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

impl Trust {
    /// The policy that was given, or that of the key that was; none when neither was.
    ///
    /// # Errors
    /// When the file is no policy, or the key none of a log.
    pub fn given(&self) -> anyhow::Result<Option<Policy>> {
        if let Some(path) = &self.policy {
            return input::policy(path).map(Some);
        }
        let Some(key) = &self.key else { return Ok(None) };
        Ok(Some(policy_of_key(key.clone()).context("--key")?))
    }

    /// The same, or else the key that the log shows, which is then told.
    ///
    /// # Errors
    /// As [`given`](Self::given), and when the log cannot be reached.
    pub async fn given_or_shown(&self, client: &Client) -> anyhow::Result<Policy> {
        if let Some(policy) = self.given()? {
            return Ok(policy);
        }
        let info: LogInfo = client.get_json("tn/v1/log", 64 * 1024).await?;
        let key: VerifierKey =
            info.checkpoint_key.parse().context("the log shows a checkpoint key that is none")?;
        output::note(format_args!(
            "The log's own word is taken for its key. To pin it, give --key {}",
            output::printable(&info.checkpoint_key)
        ));
        policy_of_key(key).context("the log shows a checkpoint key that is none")
    }
}
