//! The configuration, `tnlog-monitor.toml`. Unknown fields are refused.

mod email;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use tnlog::block::Block;
use tnlog::number::{Number, ServiceProviderCode};

pub use email::{Email, Tls};

use crate::detect::{KeyId, Operator, Severity, Verification};

/// The file in the repository, commented, with every default and an example of every field.
pub const TEMPLATE: &str = include_str!("../tnlog-monitor.toml");

/// Where the page is, where nothing else is said.
pub const PAGE: &str = "127.0.0.1:8096";

/// Why a configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, an unknown field, or a wrong type.
    #[error("{0}")]
    Toml(String),
    /// A name that cannot be that of a folder.
    #[error("the {0} {1:?} has a name that is not 1 to 64 of a-z, 0-9 and -")]
    Name(&'static str, String),
    /// Two of one name.
    #[error("there are two of the {0} {1:?}; give each a name of its own")]
    Twice(&'static str, String),
    /// A watch that names nothing, or several things, or something that is none. What it names is not said.
    #[error(
        "the watch {0:?} needs exactly one of number (+ and digits with country code, without spaces), blocks, carrier and ca, as it is written in the examples"
    )]
    Watch(String),
    /// A key that is none.
    #[error("the watch {0:?} has a key that is not a SHA-256 in hexadecimal")]
    Key(String),
    /// An alert that goes nowhere, or to several places.
    #[error(
        "the alert {0:?} needs exactly one of file, webhook, command and email, and a webhook its secret_file"
    )]
    Alert(String),
    /// An e-mail that cannot be sent.
    #[error(
        "the email of the alert {0:?} needs a server (host:port), a sender in from, and in to one to 100 recipients, all as a@example.com; \
         and a login_file needs TLS, unless the server is on this machine"
    )]
    Email(String),
    /// A figure that cannot work.
    #[error("{0} must be from 1 to {1}")]
    Figure(&'static str, u64),
    /// A name that cannot be that of a key.
    #[error(
        "a key cannot be called {0:?}: take the monitor's URL without https://, with no spaces, plus signs, quotes or backslashes"
    )]
    KeyName(String),
}

/// All that an operator sets.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens; empty not to.
    #[serde(default = "default_listen")]
    pub listen: String,
    /// Where the page is; empty for none.
    #[serde(default)]
    pub page: Option<String>,
    /// The file with its token.
    #[serde(default)]
    pub page_token_file: Option<PathBuf>,
    /// The name of the key for entry logs; empty not to cosign these.
    #[serde(default)]
    pub witness: String,
    /// The name of the key for index logs.
    #[serde(default)]
    pub verifier: String,
    /// How often logs are asked, in milliseconds.
    #[serde(default = "default_poll")]
    pub poll_milliseconds: u64,
    /// When a log is stale, in minutes.
    #[serde(default = "default_stale")]
    pub stale_minutes: u64,
    /// What is told.
    #[serde(default)]
    pub least: Least,
    /// The logs.
    #[serde(default, rename = "log")]
    pub logs: Vec<Log>,
    /// What is watched.
    #[serde(default, rename = "watch")]
    pub watches: Vec<Watch>,
    /// Habits of issuers.
    #[serde(default, rename = "issuer")]
    pub issuers: Vec<Issuer>,
    /// Who is told.
    #[serde(default, rename = "alert")]
    pub alerts: Vec<Alert>,
}

fn default_listen() -> String {
    "127.0.0.1:8095".into()
}

fn default_poll() -> u64 {
    5000
}

fn default_stale() -> u64 {
    60
}

fn default_heartbeat() -> u64 {
    60
}

/// The least severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Least {
    /// All.
    Info,
    /// What likely is honest, and looks like the beginning of an attack.
    #[default]
    Low,
    /// What somebody should look at.
    Medium,
    /// What likely is an attack.
    High,
}

impl From<Least> for Severity {
    fn from(least: Least) -> Self {
        match least {
            Least::Info => Severity::Info,
            Least::Low => Severity::Low,
            Least::Medium => Severity::Medium,
            Least::High => Severity::High,
        }
    }
}

/// A log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What it is called here; a folder of this name holds what is kept of it.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// A C2SP policy file, relative to the configuration.
    pub policy: PathBuf,
    /// One with the verifiers of its index log.
    #[serde(default)]
    pub verifiers: PathBuf,
    /// How often it signs at least, also when nothing happens, in minutes.
    #[serde(default = "default_heartbeat")]
    pub heartbeat_minutes: u64,
}

/// A watch, as it is written.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// What findings show.
    pub name: String,
    #[serde(default)]
    number: Option<String>,
    #[serde(default)]
    blocks: Vec<String>,
    #[serde(default)]
    carrier: Option<String>,
    #[serde(default)]
    ca: Option<String>,
    #[serde(default)]
    countries: Vec<u16>,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    issuers: Vec<String>,
    /// The organizations that hold its block.
    #[serde(default)]
    pub holders: Vec<String>,
}

/// What a watch names.
#[derive(Clone)]
pub enum Named {
    /// A number.
    Number(Number),
    /// Blocks.
    Blocks(Vec<Block>),
    /// A service provider code.
    Carrier(ServiceProviderCode),
    /// A CA, and its countries.
    Ca(Operator, Vec<u16>),
}

impl Watch {
    /// What it names.
    ///
    /// # Errors
    /// [`ConfigError::Watch`].
    pub fn named(&self) -> Result<Named, ConfigError> {
        let wrong = || ConfigError::Watch(self.name.clone());
        match (&self.number, &self.blocks[..], &self.carrier, &self.ca) {
            (Some(number), [], None, None) => Ok(Named::Number(Number::new(number).map_err(|_| wrong())?)),
            (None, [], Some(code), None) => {
                Ok(Named::Carrier(ServiceProviderCode::new(code).map_err(|_| wrong())?))
            }
            (None, [], None, Some(ca)) => Ok(Named::Ca(operator(ca), self.countries.clone())),
            (None, [_, ..], None, None) => {
                let blocks: Result<_, _> = self.blocks.iter().map(|block| block.parse()).collect();
                Ok(Named::Blocks(blocks.map_err(|_| wrong())?))
            }
            _ => Err(wrong()),
        }
    }

    /// Its own keys.
    ///
    /// # Errors
    /// [`ConfigError::Key`].
    pub fn known_keys(&self) -> Result<Vec<KeyId>, ConfigError> {
        let key = |text: &String| from_hex(text).map(|hash| KeyId::of_hash(&hash));
        self.keys.iter().map(|text| key(text).ok_or(ConfigError::Key(self.name.clone()))).collect()
    }

    /// Who may issue for it.
    pub fn allowed_issuers(&self) -> Vec<Operator> {
        self.issuers.iter().map(|name| operator(name)).collect()
    }
}

/// Thirty-two bytes in hexadecimal.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let text = text.as_bytes();
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    if pairs.len() != bytes.len() || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// By an organization, or by the hash of a key.
fn operator(name: &str) -> Operator {
    from_hex(name).map_or_else(|| Operator::of_organization(name), |hash| Operator::of_key_hash(&hash))
}

/// What is known of an issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its organization, or the hash of its key.
    organization: String,
    verifies_by: VerifiesBy,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum VerifiesBy {
    Message,
    Stronger,
}

impl Issuer {
    /// Who, and how it verifies.
    pub fn habit(&self) -> (Operator, Verification) {
        let verification = match self.verifies_by {
            VerifiesBy::Message => Verification::Message,
            VerifiesBy::Stronger => Verification::Stronger,
        };
        (operator(&self.organization), verification)
    }
}

/// Who is told.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// What it is called in messages.
    pub name: String,
    /// A file of JSON lines.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// A URL that takes JSON.
    #[serde(default)]
    pub webhook: Option<String>,
    /// The file with its secret.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// A program and its arguments.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// A mail server and recipients.
    #[serde(default)]
    pub email: Option<Email>,
    /// What is told to it, where that is more than what is told at all.
    #[serde(default)]
    pub least: Option<Least>,
    /// Whether watched numbers are shown whole.
    #[serde(default)]
    pub show_numbers: bool,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        // The parser quotes the line, and in its message the value: either may be a number.
        let config: Config = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            ConfigError::Toml(format!(
                "line {line}: {}",
                error.message().replace(|c: char| c.is_ascii_digit(), "#")
            ))
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        const YEAR: u64 = 60 * 24 * 365;
        let heartbeats = self.logs.iter().map(|log| ("heartbeat_minutes", log.heartbeat_minutes, YEAR));
        let figures = [
            ("poll_milliseconds", self.poll_milliseconds, 3_600_000),
            ("stale_minutes", self.stale_minutes, YEAR),
        ];
        for (name, value, most) in figures.into_iter().chain(heartbeats) {
            if value == 0 || value > most {
                return Err(ConfigError::Figure(name, most));
            }
        }
        for name in [&self.witness, &self.verifier] {
            let is_odd = |c: char| c.is_whitespace() || c.is_control() || "+\"\\".contains(c);
            if name.len() > 255 || name.contains("://") || name.contains(is_odd) {
                return Err(ConfigError::KeyName(name.clone()));
            }
        }
        for (name, value) in [("listen", Some(&self.listen)), ("page", self.page.as_ref())] {
            let value = value.map_or("", String::as_str);
            if !value.is_empty() && value.parse::<SocketAddr>().is_err() {
                return Err(ConfigError::Toml(format!("{name} is not an address and a port")));
            }
        }
        names("log", self.logs.iter().map(|log| &log.name))?;
        names("alert", self.alerts.iter().map(|alert| &alert.name))?;
        let mut seen = BTreeSet::new();
        for watch in &self.watches {
            watch.named()?;
            watch.known_keys()?;
            if !seen.insert(&watch.name) {
                return Err(ConfigError::Twice("watch", watch.name.clone()));
            }
        }
        self.alerts.iter().try_for_each(Alert::check)
    }
}

impl Alert {
    fn check(&self) -> Result<(), ConfigError> {
        let ways =
            [self.file.is_some(), self.webhook.is_some(), self.command.is_some(), self.email.is_some()];
        let is_one = ways.iter().filter(|way| **way).count() == 1;
        let has_program = self.command.as_ref().is_none_or(|command| !command.is_empty());
        if self.email.as_ref().is_some_and(|email| !email.is_usable()) {
            return Err(ConfigError::Email(self.name.clone()));
        }
        if is_one && has_program && self.webhook.is_some() == self.secret_file.is_some() {
            return Ok(());
        }
        Err(ConfigError::Alert(self.name.clone()))
    }
}

fn names<'a>(what: &'static str, names: impl Iterator<Item = &'a String>) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for name in names {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return Err(ConfigError::Name(what, name.clone()));
        }
        if !seen.insert(name) {
            return Err(ConfigError::Twice(what, name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(mark: &str) -> String {
        TEMPLATE.lines().map(|line| line.strip_prefix(mark).unwrap_or(line).to_owned() + "\n").collect()
    }

    /// Every default and every example in the file of the repository is what it says.
    #[test]
    fn the_file_in_the_repository_is_read_with_its_defaults_and_examples() {
        let plain = Config::parse(TEMPLATE).unwrap();
        assert!(plain.logs.is_empty() && plain.watches.is_empty() && plain.alerts.is_empty());
        let defaults = Config::parse(&without("#= ")).unwrap();
        assert_eq!((&defaults.listen, defaults.page.as_deref()), (&plain.listen, Some(PAGE)));
        assert_eq!(
            (defaults.poll_milliseconds, defaults.stale_minutes, defaults.least),
            (plain.poll_milliseconds, plain.stale_minutes, plain.least)
        );
        let examples = Config::parse(&without("#- ")).unwrap();
        assert_eq!((examples.logs.len(), examples.watches.len(), examples.alerts.len()), (1, 4, 3));
        assert_eq!(examples.logs[0].heartbeat_minutes, default_heartbeat());
        assert_eq!(examples.issuers[0].habit().1, Verification::Message);
    }

    /// And the error does not repeat the number.
    #[test]
    fn what_is_wrong_is_refused_without_saying_a_number() {
        let watch = |rest: &str| format!("[[watch]]\nname = \"mine\"\n{rest}\n");
        for bad in [
            watch(""),
            watch("number = \"17035550123\"\ncarrier = \"706J\""),
            watch("number = \"+17035550123x\""),
            watch("number = 17035550123"),
            watch("number = \"17035550123\"\nkeys = [\"17035550123\"]"),
            watch("blocks = [\"17035550123\", \"no\"]"),
            watch("number = \"17035550123\"\nwhat = \"17035550123\""),
            "poll_milliseconds = 0".into(),
            "[[log]]\nname = \"a\"\nurl = \"http://a/\"\npolicy = \"p\"\nheartbeat_minutes = 0\n".into(),
            "witness = \"https://a\"".into(),
            "[[log]]\nname = \"../a\"\nurl = \"http://a/\"\npolicy = \"p\"\n".into(),
            "[[alert]]\nname = \"a\"\n".into(),
            "[[alert]]\nname = \"a\"\nwebhook = \"http://a/\"\n".into(),
            "[[alert]]\nname = \"a\"\nemail = { server = \"a:25\", from = \"a@b\", to = [] }\n".into(),
            "[[alert]]\nname = \"a\"\nemail = { server = \"a:25\", from = \"a@b\", to = [\"17035550123\"] }\n".into(),
        ] {
            let Err(error) = Config::parse(&bad) else { panic!("{bad} is taken") };
            assert!(!error.to_string().contains("5550123"), "{error}");
        }
    }
}
