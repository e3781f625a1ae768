//! The configuration of a mirror, and where its parts lie in its folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::server::config::Limits;

/// The file that the first start writes.
const TEMPLATE: &str = include_str!("mirror.toml");

/// The configuration of a mirror. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The URL of the log.
    pub log: String,
    /// The name of the key that the mirror cosigns with.
    pub name: String,
    /// A C2SP policy file: the keys of the log and of its index log, its witnesses and their quorum.
    pub policy: PathBuf,
    /// A C2SP policy file with the verifiers of the index log, whose quorum a head needs before look-ups are answered in it;
    /// empty to answer in the newest.
    #[serde(default)]
    pub verifiers: PathBuf,
    /// Where it listens.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// How often it asks the log for something newer, in milliseconds.
    #[serde(default = "default_poll")]
    pub poll_milliseconds: u64,
    /// Open connections; more wait.
    #[serde(default = "default_connections")]
    pub connections: usize,
    /// The time for a whole request, in seconds.
    #[serde(default = "default_request")]
    pub request_seconds: u64,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8090))
}

fn default_poll() -> u64 {
    1000
}

fn default_connections() -> usize {
    4096
}

fn default_request() -> u64 {
    30
}

/// Why a configuration is not usable.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, an unknown field, or a wrong type.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// The name cannot be that of a key.
    #[error(
        "a mirror's key cannot be called {0:?}: take the mirror's URL without https://, such as mirror.example.com/tn; at most 255 \
         bytes, no spaces, plus signs, quotes or backslashes"
    )]
    Name(String),
    /// A figure that cannot work.
    #[error("{0} must be from 1 to {1}")]
    Figure(&'static str, u64),
}

impl Config {
    /// The text of the file that a new mirror gets: commented, with every default.
    pub fn template(log: &str, name: &str, policy: &Path, verifiers: Option<&Path>) -> String {
        let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
        TEMPLATE
            .replace("{log}", &toml::Value::String(log.to_owned()).to_string())
            .replace("{name}", &toml::Value::String(name.to_owned()).to_string())
            .replace("{policy}", &quoted(policy))
            .replace("{verifiers}", &quoted(verifiers.unwrap_or(Path::new(""))))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Config = toml::from_str(text)?;
        if !crate::server::config::is_origin(&config.name) {
            return Err(ConfigError::Name(config.name));
        }
        for (name, value, most) in [
            ("poll_milliseconds", config.poll_milliseconds, 3_600_000),
            ("connections", config.connections as u64, 1 << 20),
            ("request_seconds", config.request_seconds, 3600),
        ] {
            if value == 0 || value > most {
                return Err(ConfigError::Figure(name, most));
            }
        }
        Ok(config)
    }

    /// The limits of the HTTP server.
    pub fn limits(&self) -> Limits {
        Limits { connections: self.connections, request_seconds: self.request_seconds, ..Limits::default() }
    }

    /// Whether look-ups wait for verifiers.
    pub fn has_verifiers(&self) -> bool {
        !self.verifiers.as_os_str().is_empty()
    }
}

/// The folder of a mirror.
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
        self.0.join("mirror.toml")
    }

    /// The key that it cosigns with.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The copy of the log, which any static web server can serve.
    pub fn public(&self) -> PathBuf {
        self.0.join("public")
    }

    /// The position, and the number index.
    pub fn follower(&self) -> PathBuf {
        self.0.join("follower")
    }

    /// The checkpoint that was cosigned last.
    pub fn cosigned(&self) -> PathBuf {
        self.0.join("cosigned.lock")
    }

    /// What was found wrong with the log.
    pub fn evidence(&self) -> PathBuf {
        self.0.join("evidence")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_says_the_defaults_and_quotes_what_it_is_given() {
        let odd = Path::new("a \"b\"\\c");
        let text = Config::template("http://127.0.0.1:1/", "mirror.example/a", odd, None);
        let config = Config::parse(&text).unwrap();
        assert_eq!((&*config.policy, config.has_verifiers()), (odd, false));
        let uncommented: String =
            text.lines().map(|line| line.strip_prefix("#= ").unwrap_or(line).to_owned() + "\n").collect();
        assert_eq!(Config::parse(&uncommented).unwrap(), config);
        let fields = uncommented.lines().filter(|line| line.contains(" = ") && !line.starts_with('#'));
        assert_eq!(fields.count(), 8, "a field is missing in the template");
    }

    #[test]
    fn what_is_unknown_or_cannot_work_is_refused() {
        let good = "log = \"http://a/\"\nname = \"a/b\"\npolicy = \"p\"\n";
        assert!(Config::parse(good).is_ok());
        for more in ["poll_milliseconds = 0", "connections = 0", "request_seconds = 3601", "what = 1"] {
            assert!(Config::parse(&format!("{good}{more}\n")).is_err(), "{more}");
        }
        assert!(Config::parse(&good.replace("a/b", "https://a")).is_err());
    }
}
