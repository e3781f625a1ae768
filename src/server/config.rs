//! The configuration file, and where the parts of a log lie in its folder.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::index::Generation;
use crate::note::MAX_NAME;

/// The file that the first start writes, with `{origin}` in the place of the origin.
/// Where a log listens unless it is told where.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

const TEMPLATE: &str = include_str!("tnlog.toml");

const HOUR: u64 = 3600;
const YEAR: u64 = 31_536_000;
/// A century.
const MAX_EVIDENCE_DAYS: u32 = 36_500;

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
    /// How long the chains of numbers and registrations are kept as evidence after they expired, in days.
    #[serde(default = "default_evidence")]
    pub evidence_days: u32,
    /// A C2SP policy file with the witnesses that are asked to cosign, their URLs and their quorum; empty for none.
    #[serde(default)]
    pub witnesses: PathBuf,
    /// A C2SP policy file with the verifiers that are asked to recompute and cosign the index log, their URLs and their
    /// quorum; empty for none.
    #[serde(default)]
    pub verifiers: PathBuf,
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
    /// Open connections of one client (an IPv4 address or an IPv6 /64) that is no trusted proxy; more are closed at once.
    pub connections_per_client: usize,
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
    /// Key statements taken from one client in an hour.
    pub statements_per_client_hour: u32,
    /// Key statements logged for one key in a day.
    pub statements_per_key_day: u32,
    /// Registrations taken from one client in an hour.
    pub registrations_per_client_hour: u32,
    /// Registrations logged for one key in a day.
    pub registrations_per_key_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 4096,
            connections_per_client: 2048,
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
            labels_per_issuer_day: 200_000,
            labels_per_root_day: 500_000,
            statements_per_client_hour: 100,
            statements_per_key_day: 100,
            registrations_per_client_hour: 100_000,
            registrations_per_key_day: 1000,
        }
    }
}

fn default_listen() -> SocketAddr {
    DEFAULT_LISTEN
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
    #[error(
        "{0}Every setting is explained in the configuration that `tnlog serve --data` writes into an empty folder"
    )]
    Toml(#[from] toml::de::Error),
    /// The origin cannot be the name of a key.
    #[error(
        "the origin {0:?} cannot name a log: take the log's URL without https:// and without a slash at the end, such as \
         log.example.com/2026; at most 255 bytes, no spaces, plus signs, quotes or backslashes"
    )]
    Origin(String),
    /// A figure that would stop the log.
    #[error("{0} must not be zero")]
    Zero(&'static str),
    /// A figure that no log needs, and that clocks could not be added to.
    #[error("{0} must not be more than {1}")]
    TooLarge(&'static str, u64),
}

/// Whether a text can be the origin of a log: the name of a key, and a URL without scheme (C2SP `tlog-checkpoint`).
pub fn is_origin(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '+' | '"' | '\\');
    (1..=MAX_NAME).contains(&text.len())
        && !text.contains(is_odd)
        && !text.contains("://")
        && !text.starts_with('/')
        && !text.ends_with('/')
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
        if !is_origin(&config.origin) {
            return Err(ConfigError::Origin(config.origin));
        }
        config.check_figures()?;
        Ok(config)
    }

    fn check_figures(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        for (name, value, most) in [
            ("round_milliseconds", self.round_milliseconds, 60_000),
            ("heartbeat_seconds", self.heartbeat_seconds, YEAR),
            ("cosign_milliseconds", self.cosign_milliseconds, HOUR * 1000),
            ("cosign_timeout_seconds", self.cosign_timeout_seconds, HOUR),
            ("cosign_renewal_seconds", self.cosign_renewal_seconds, YEAR),
            ("limits.connections", limits.connections as u64, u64::MAX),
            ("limits.connections_per_client", limits.connections_per_client as u64, u64::MAX),
            ("limits.header_seconds", limits.header_seconds, HOUR),
            ("limits.request_seconds", limits.request_seconds, HOUR),
            ("limits.pool_entries", limits.pool_entries as u64, u64::MAX),
            ("limits.round_entries", limits.round_entries as u64, u64::MAX),
        ] {
            match value {
                0 => return Err(ConfigError::Zero(name)),
                value if value > most => return Err(ConfigError::TooLarge(name, most)),
                _ => {}
            }
        }
        if self.evidence_days > MAX_EVIDENCE_DAYS {
            return Err(ConfigError::TooLarge("evidence_days", MAX_EVIDENCE_DAYS.into()));
        }
        Ok(())
    }

    /// Whether witnesses are to be asked.
    pub fn has_witnesses(&self) -> bool {
        !self.witnesses.as_os_str().is_empty()
    }

    /// Whether verifiers are to be asked.
    pub fn has_verifiers(&self) -> bool {
        !self.verifiers.as_os_str().is_empty()
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

    /// The accepted Resolution Services.
    pub fn services(&self) -> PathBuf {
        self.0.join("services")
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

    /// The latest checkpoint of an index log.
    pub fn index_lock(&self, generation: Generation) -> PathBuf {
        self.0.join(format!("{}.lock", generation.file_stem()))
    }

    /// What can be deleted and is built again.
    pub fn derived(&self) -> PathBuf {
        self.0.join("derived")
    }

    /// The last registration of each slot, which can be deleted and is found again.
    pub fn derived_slots(&self) -> PathBuf {
        self.0.join("derived-slots")
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
        assert_eq!(fields, 30, "a field is missing in the template");
    }

    #[test]
    fn what_is_unknown_or_cannot_work_is_refused() {
        for text in [
            "",
            "origin = \"\"",
            "origin = \"a b\"",
            "origin = \"a+b\"",
            "origin = \"https://a\"",
            "origin = \"/a\"",
            "origin = \"a/\"",
            "origin = 'a\"b'",
            &format!("origin = \"{}\"", "a".repeat(256)),
            "origin = \"a\"\nround_milliseconds = 0",
            "origin = \"a\"\nround_milliseconds = 60001",
            "origin = \"a\"\nheartbeat_seconds = 31536001",
            "origin = \"a\"\nevidence_days = 36501",
            "origin = \"a\"\n[limits]\nheader_seconds = 3601",
            "origin = \"a\"\n[limits]\nrequest_seconds = 3601",
            "origin = \"a\"\nrounds = 1",
            "origin = \"a\"\n[limits]\nconections = 1",
            "origin = \"a\"\n[limits]\nconnections_per_client = 0",
            "origin = \"a\"\nlisten = \"localhost\"",
        ] {
            assert!(Config::parse(text).is_err(), "{text:?}");
        }
    }
}
