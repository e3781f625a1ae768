//! The configuration file, and where the parts of a log lie in its folder.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The file that the first start writes, with `{origin}` in the place of the origin.
const TEMPLATE: &str = include_str!("tnlog.toml");

/// The configuration of a log. Every field but the origin has a default; unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name of the log for ever: a URL without scheme, as C2SP `tlog-checkpoint` has it.
    pub origin: String,
    /// Where it listens.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Takes nothing, serves everything.
    #[serde(default)]
    pub read_only: bool,
    /// The time from one round to the next, in milliseconds.
    #[serde(default = "default_round")]
    pub round_milliseconds: u64,
    /// How often an idle log signs its tree head again, in seconds.
    #[serde(default = "default_heartbeat")]
    pub heartbeat_seconds: u64,
    /// How long the chains of numbers are kept as evidence after they expired, in days.
    #[serde(default = "default_evidence")]
    pub evidence_days: u32,
    /// A C2SP policy file with the witnesses that are asked to cosign, their URLs and their quorum; empty for none.
    #[serde(default)]
    pub witnesses: PathBuf,
    /// The shortest time from one checkpoint that is offered to the witnesses to the next, in milliseconds.
    #[serde(default = "default_cosign")]
    pub cosign_milliseconds: u64,
    /// How long witnesses are waited for before a newer checkpoint is offered, in seconds.
    #[serde(default = "default_cosign_timeout")]
    pub cosign_timeout_seconds: u64,
    /// How often the checkpoint of an idle log is cosigned again, in seconds: what readers see is no older.
    #[serde(default = "default_cosign_renewal")]
    pub cosign_renewal_seconds: u64,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<IpAddr>,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
}

/// What one client, or all together, may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections; more wait.
    pub connections: usize,
    /// The time for the header of a request, in seconds.
    pub header_seconds: u64,
    /// The time for a whole request, in seconds.
    pub request_seconds: u64,
    /// The longest body of one submission, in bytes.
    pub body_bytes: usize,
    /// The longest body of an `add-chains`, in bytes.
    pub batch_body_bytes: usize,
    /// Bytes of all bodies that are read or worked on at the same time; more are answered 503.
    pub body_memory_bytes: usize,
    /// Submissions that wait for a round; more are answered 503.
    pub pool_entries: usize,
    /// Bytes of submissions that wait for a round.
    pub pool_bytes: usize,
    /// Entries of one round.
    pub round_entries: usize,
    /// Blinded labels evaluated for one client (an IPv4 address or an IPv6 /64) in an hour.
    pub evaluations_per_client_hour: u32,
    /// Blinded labels evaluated for all together in an hour.
    pub evaluations_per_hour: u32,
    /// Numbers labelled for the submissions of one issuer in a day.
    pub labels_per_issuer_day: u32,
    /// Numbers labelled for the submissions below one root in a day.
    pub labels_per_root_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 4096,
            header_seconds: 10,
            request_seconds: 30,
            body_bytes: 256 << 10,
            batch_body_bytes: 8 << 20,
            body_memory_bytes: 256 << 20,
            pool_entries: 16_384,
            pool_bytes: 128 << 20,
            round_entries: 8192,
            evaluations_per_client_hour: 100,
            evaluations_per_hour: 100_000,
            labels_per_issuer_day: 1_000_000,
            labels_per_root_day: 5_000_000,
        }
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn default_round() -> u64 {
    200
}

fn default_heartbeat() -> u64 {
    3600
}

fn default_evidence() -> u32 {
    400
}

fn default_cosign() -> u64 {
    1000
}

fn default_cosign_timeout() -> u64 {
    10
}

fn default_cosign_renewal() -> u64 {
    300
}

/// Why a configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, an unknown field, or a wrong type.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// The origin cannot be the name of a key.
    #[error(
        "the origin {0:?} cannot name a log: it must not be empty or have spaces or plus signs; take the log's URL without https://"
    )]
    Origin(String),
    /// A figure that would stop the log.
    #[error("{0} must not be zero")]
    Zero(&'static str),
}

impl Config {
    /// The text of the file that a new log gets: commented, with every default.
    pub fn template(origin: &str) -> String {
        TEMPLATE.replace("{origin}", origin)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Config = toml::from_str(text)?;
        if config.origin.is_empty()
            || config.origin.contains(|c: char| c.is_whitespace() || c == '+')
            || config.origin.contains("://")
        {
            return Err(ConfigError::Origin(config.origin));
        }
        let limits = &config.limits;
        for (name, value) in [
            ("round_milliseconds", config.round_milliseconds),
            ("heartbeat_seconds", config.heartbeat_seconds),
            ("cosign_milliseconds", config.cosign_milliseconds),
            ("cosign_timeout_seconds", config.cosign_timeout_seconds),
            ("cosign_renewal_seconds", config.cosign_renewal_seconds),
            ("limits.connections", limits.connections as u64),
            ("limits.header_seconds", limits.header_seconds),
            ("limits.request_seconds", limits.request_seconds),
            ("limits.pool_entries", limits.pool_entries as u64),
            ("limits.round_entries", limits.round_entries as u64),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(name));
            }
        }
        Ok(config)
    }

    /// Whether witnesses are to be asked.
    pub fn has_witnesses(&self) -> bool {
        !self.witnesses.as_os_str().is_empty()
    }
}

/// The folder of a log.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Folder(path.into())
    }

    /// Itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.0.join("tnlog.toml")
    }

    /// The secrets.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The accepted roots.
    pub fn roots(&self) -> PathBuf {
        self.0.join("roots")
    }

    /// What any static web server can serve.
    pub fn public(&self) -> PathBuf {
        self.0.join("public")
    }

    /// Staged rounds and evidence.
    pub fn private(&self) -> PathBuf {
        self.0.join("private")
    }

    /// The latest checkpoint.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The latest checkpoint of the index log.
    pub fn index_lock(&self) -> PathBuf {
        self.0.join("index.lock")
    }

    /// What can be deleted and is built again.
    pub fn derived(&self) -> PathBuf {
        self.0.join("derived")
    }

    /// The number index, which can be deleted and is built again.
    pub fn derived_index(&self) -> PathBuf {
        self.0.join("derived-index")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_says_the_defaults() {
        let config = Config::parse(&Config::template("example.com/log")).unwrap();
        let least = Config::parse("origin = \"example.com/log\"").unwrap();
        assert_eq!(config, least);
        // Every field of the template that is a comment is one of the configuration, with its default.
        let uncommented: String = Config::template("example.com/log")
            .lines()
            .map(|line| line.strip_prefix("#= ").unwrap_or(line).to_owned() + "\n")
            .collect();
        assert_eq!(Config::parse(&uncommented).unwrap(), least);
        let fields =
            uncommented.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count();
        assert_eq!(fields, 24, "a field is missing in the template");
    }

    #[test]
    fn what_is_unknown_or_cannot_work_is_refused() {
        for text in [
            "",
            "origin = \"\"",
            "origin = \"a b\"",
            "origin = \"a+b\"",
            "origin = \"a\"\nround_milliseconds = 0",
            "origin = \"a\"\nrounds = 1",
            "origin = \"a\"\n[limits]\nconections = 1",
            "origin = \"a\"\nlisten = \"localhost\"",
        ] {
            assert!(Config::parse(text).is_err(), "{text:?}");
        }
    }
}
