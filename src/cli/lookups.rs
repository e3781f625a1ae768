//! Where look-ups are asked, and whose word is taken for it that they leave nothing out.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use sha2::{Digest, Sha256};
use tnlog::checkpoint::Checkpoint;
use tnlog::client::http::Client;
use tnlog::client::lookup::Trust;
use tnlog::client::read::policy_of_key;
use tnlog::client::source::{CHECKPOINT, fetch_existing};
use tnlog::index::Generation;
use tnlog::note::{MAX_NOTE, Note, VerifierKey};
use tnlog::policy::{Policy, PolicyLog};

use crate::{input, output, place};

/// Seconds: older than this, "complete" is no comfort. Witnesses cosign an idle log every five minutes.
pub const STALE: i64 = 3600;

/// Who is asked, and believed.
#[derive(clap::Args)]
pub struct Asking {
    /// A C2SP policy file for the index logs: their keys, and the verifiers (mirrors, monitors) that recompute them
    #[arg(long, value_name = "FILE")]
    verifiers: Option<PathBuf>,
    /// A mirror or monitor that is asked instead of the log; one for each log of the policy
    #[arg(long, value_name = "URL")]
    ask: Vec<String>,
    /// How many witnesses, and how many verifiers, may be bad. Without it none, and what is shown says how many still may
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub bad: usize,
    /// Take the word of the log where the policy names no witnesses, or nobody recomputes its index
    #[arg(long)]
    pub trust_log: bool,
}

/// One log of the policy.
pub struct Site {
    pub origin: String,
    /// Where the log itself is, for the labels of numbers.
    pub log: Option<Client>,
    /// Who is asked for all the rest.
    pub ask: Client,
    /// Whether that is not the log itself.
    pub is_mirror: bool,
    pub trust: Trust,
}

/// The policies, and what tells them from others.
pub struct Policies {
    pub apps: Policy,
    pub verifiers: Option<Policy>,
    pub digest: [u8; 32],
}

impl Asking {
    /// Reads the policies, and refuses those under which it could not be known how recent "complete" is.
    ///
    /// # Errors
    /// When one cannot be read, or is refused: says what to change.
    pub fn policies(&self, path: &Path) -> anyhow::Result<Policies> {
        let apps = input::read(path)?;
        let verifiers = self.verifiers.as_deref().map(input::read).transpose()?;
        let parts = [digest(&apps), verifiers.as_deref().map_or([0; 32], digest)];
        let parse =
            |path: &Path, bytes: &[u8]| input::parsed(path, input::POLICY, bytes, Policy::parse(bytes));
        let verifiers = match (&self.verifiers, &verifiers) {
            (Some(path), Some(bytes)) => Some(parse(path, bytes)?),
            _ => None,
        };
        let policies =
            Policies { apps: parse(path, &apps)?, verifiers, digest: Sha256::digest(parts.concat()).into() };
        if !self.trust_log {
            self.refuse(path, &policies)?;
        }
        Ok(policies)
    }

    fn refuse(&self, path: &Path, policies: &Policies) -> anyhow::Result<()> {
        let instead = "or give --trust-log to take the log's word";
        policies.apps.check_freshness(self.bad).with_context(|| {
            format!(
                "{}: name witnesses and a quorum of them that is larger than --bad, {instead}",
                path.display()
            )
        })?;
        let Some(verifiers) = &policies.verifiers else {
            bail!(
                "nobody but the log would say that its index leaves nothing out: give --verifiers FILE, a policy that names \
                 those who recompute it (mirrors, monitors) and their quorum, {instead}"
            );
        };
        verifiers.check_freshness(self.bad).with_context(|| {
            format!("--verifiers: name verifiers and a quorum of them that is larger than --bad, {instead}")
        })
    }

    /// Every log of the policy, and who is asked about it.
    ///
    /// # Errors
    /// When one has no address or no key of an index log, or a mirror is of none of them.
    pub async fn sites(&self, policies: &Policies) -> anyhow::Result<Vec<Site>> {
        let logs = logs(policies);
        if logs.is_empty() {
            bail!("the policy names no log");
        }
        let mirrors = self.mirrors(policies).await?;
        logs.into_iter().map(|log| site(log, policies, &mirrors)).collect()
    }

    /// The log with this origin.
    ///
    /// # Errors
    /// As [`sites`](Self::sites); when the policy does not name it.
    pub async fn site(&self, policies: &Policies, origin: &str) -> anyhow::Result<Site> {
        let mirrors = self.mirrors(policies).await?;
        let log = logs(policies).into_iter().find(|log| log.key.name() == origin);
        site(log.ok_or_else(|| anyhow!("the policy does not name the log {origin}"))?, policies, &mirrors)
    }

    /// Of which log each is, by its checkpoint.
    async fn mirrors(&self, policies: &Policies) -> anyhow::Result<Vec<(String, Client)>> {
        let mut mirrors = Vec::new();
        for url in &self.ask {
            let client = place::client(url)?;
            let origin = origin_at(&client).await.with_context(|| url.clone())?;
            if !logs(policies).iter().any(|log| log.key.name() == origin) {
                bail!("{url} is of the log {}, which the policy does not name", output::printable(&origin));
            }
            mirrors.push((origin, client));
        }
        Ok(mirrors)
    }

    /// Says on whose word what is shown rests, and what who was asked has learned.
    pub fn notes(&self, policies: &Policies) {
        if policies.verifiers.is_none() {
            output::note(
                "That nothing is left out rests on the word of each log, and on whoever audits it, since no --verifiers were \
                 given.",
            );
        }
        if policies.apps.quorum_name() == "none" {
            output::note(
                "That everybody is shown the same log rests on its word, since the policy names no quorum.",
            );
        }
    }
}

/// Of what a policy asks for: comments, and where things are, may change.
fn digest(policy: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for line in String::from_utf8_lossy(policy).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let asked = match words.first() {
            Some(&"log") => &words[..words.len().min(2)],
            Some(&"witness") => &words[..words.len().min(3)],
            Some(first) if !first.starts_with('#') => &words[..],
            _ => continue,
        };
        digest.update(asked.join(" "));
        digest.update("\n");
    }
    digest.finalize().into()
}

fn logs(policies: &Policies) -> Vec<&PolicyLog> {
    policies.apps.logs().iter().filter(|log| !is_index(&log.key)).collect()
}

fn is_index(key: &VerifierKey) -> bool {
    Generation::split(key.name()).is_some()
}

async fn origin_at(client: &Client) -> anyhow::Result<String> {
    let bytes = fetch_existing(client, CHECKPOINT, MAX_NOTE).await?;
    let note = Note::parse(&bytes).context("the checkpoint there is no signed note")?;
    Ok(Checkpoint::parse(note.text()).context("the checkpoint there is none")?.origin)
}

/// Where mirrors are given the log itself is not asked, which would show it what they were given to hide.
fn site(log: &PolicyLog, policies: &Policies, mirrors: &[(String, Client)]) -> anyhow::Result<Site> {
    let origin = log.key.name();
    let own = log.url.as_deref().map(place::client).transpose()?;
    let mirror = mirrors.iter().find(|(of, _)| of == origin).map(|(_, client)| client.clone());
    let is_mirror = !mirrors.is_empty();
    let ask = if is_mirror { mirror } else { own.clone() };
    let ask = ask.ok_or_else(|| match is_mirror {
        true => anyhow!("no --ask is a mirror of {origin}: give one for each log of the policy"),
        false => anyhow!("the policy does not say where the log {origin} is: add its URL to its `log` line"),
    })?;
    let trust = trust(log, policies)?;
    Ok(Site { origin: origin.to_owned(), log: own, ask, is_mirror, trust })
}

/// The key of the index log is one of the verifiers' policy, or else of the policy; of several, the last successor's.
fn trust(log: &PolicyLog, policies: &Policies) -> anyhow::Result<Trust> {
    let generation = |key: &VerifierKey| {
        let (origin, generation) = Generation::split(key.name())?;
        (origin == log.key.name()).then_some(generation)
    };
    let pinned = |policy: &Policy| {
        let keys = policy.logs().iter().map(|log| &log.key).filter(|key| generation(key).is_some());
        keys.max_by_key(|key| generation(key)).cloned()
    };
    let index_key = policies.verifiers.as_ref().and_then(pinned).or_else(|| pinned(&policies.apps));
    let index_key = index_key.ok_or_else(|| {
        anyhow!(
            "the policy pins no key of the index log {}: add a line `log <vkey>` with the index_key that the log shows at \
             /tn/v1/log",
            Generation::FIRST.origin(log.key.name())
        )
    })?;
    let index_policy = match &policies.verifiers {
        Some(verifiers) => verifiers.clone(),
        None => policy_of_key(index_key.clone())?,
    };
    Ok(Trust { key: log.key.clone(), policy: policies.apps.clone(), index_key, index_policy })
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn comments_and_addresses_make_no_other_policy() {
        let policy = digest(b"log a+1+b https://a/\nwitness w v+1+c https://w/\ngroup g any w\nquorum g\n");
        assert_eq!(
            digest(b"# one\n\nlog a+1+b\nwitness  w v+1+c http://x/\ngroup g any w\nquorum g\n"),
            policy
        );
        for other in ["log a+1+d\n", "log a+1+b\nwitness w v+1+c\ngroup g any w\nquorum none\n", ""] {
            assert_ne!(digest(other.as_bytes()), policy);
        }
    }
}
