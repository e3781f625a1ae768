//! The log that runs, and those that it asks: do they answer, and are they who they should be?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::Findings;
use super::store::Seen;
use crate::client::api::LogInfo;
use crate::client::http::{Client, HttpError};
use crate::client::retry::Patience;
use crate::client::store::DiskLock;
use crate::server::config::{Config, Folder};
use crate::server::keys::Keys;
use crate::server::witness::{AskError, Witnesses, ask_each};

/// How long the log, and each witness, is waited for.
const WAIT: Duration = Duration::from_secs(5);
/// The longest answer about a log.
const MAX_INFO: usize = 64 << 10;

/// Whether a server holds the lock of the folder.
pub fn is_running(folder: &Folder) -> bool {
    DiskLock::is_held(&folder.lock()).unwrap_or(false)
}

/// What answers where the log listens.
pub async fn server(config: &Config, keys: Option<&Keys>, is_running: bool, findings: &mut Findings) {
    const CHECK: &str = "server";
    let address = reachable(config.listen);
    let asked = tokio::time::timeout(WAIT, ask(address)).await;
    let info = asked.unwrap_or_else(|_| Err(unreachable("it took longer than 5 seconds")));
    let own = keys.map(|keys| keys.checkpoint.verifier_key().to_string());
    let is_own = |info: &LogInfo| own.as_ref().is_none_or(|own| *own == info.checkpoint_key);
    match (is_running, info) {
        (true, Ok(info)) if is_own(&info) => health(CHECK, address, findings).await,
        (true, Err(error @ HttpError::Unreachable { .. })) => findings.warning(
            CHECK,
            format!("a server holds the lock of this folder, and does not answer at {address}: {error}"),
            "it may listen elsewhere (--listen), or be starting: look at its messages",
        ),
        (false, Err(HttpError::Unreachable { .. })) => {
            findings.warning(CHECK, "no server runs on this folder", "start it with `tnlog serve`");
        }
        (_, Ok(info)) if is_own(&info) => findings.wrong(
            CHECK,
            format!("a server at {address} has the key of this log, and not the lock of this folder"),
            "stop one of the two: a log that two folders sign for forks",
        ),
        (_, answer) => findings.warning(
            CHECK,
            match answer {
                Ok(_) => format!("another log answers at {address}"),
                Err(_) => format!("something that is no log answers at {address}"),
            },
            "let one of the two listen elsewhere: `listen` in the configuration, or --listen",
        ),
    }
}

async fn ask(address: SocketAddr) -> Result<LogInfo, HttpError> {
    client(address)?.get_json("tn/v1/log", MAX_INFO).await
}

fn client(address: SocketAddr) -> Result<Client, HttpError> {
    Ok(Client::new(&format!("http://{address}/"))?.with_patience(Patience::NONE))
}

fn unreachable(why: &str) -> HttpError {
    HttpError::Unreachable { path: String::new(), why: why.to_owned() }
}

async fn health(check: &'static str, address: SocketAddr, findings: &mut Findings) {
    let asked = async { client(address)?.get("healthz", MAX_INFO).await };
    match tokio::time::timeout(WAIT, asked).await {
        Ok(Ok(_)) => findings.ok(check, format!("the log runs, answers at {address}, and is healthy")),
        Ok(Err(error)) => findings.wrong(check, error.to_string(), "look at the messages of the log"),
        Err(_) => findings.wrong(check, "the log does not say how it is", "look at the messages of the log"),
    }
}

/// Where a server that listens everywhere is reached.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Witnesses, or verifiers.
pub struct Peers<'a> {
    pub check: &'static str,
    pub who: &'static str,
    pub policy: &'a Path,
}

impl Peers<'_> {
    /// Asks each to cosign what the log has published.
    pub async fn ask(&self, log: Option<&Seen>, findings: &mut Findings) {
        let witnesses = match Witnesses::read(self.policy) {
            Ok(witnesses) => witnesses,
            Err(error) => {
                let advice = "the log does not start with this policy file: mend it";
                findings.wrong(self.check, error.to_string(), advice);
                return;
            }
        };
        let Some(log) = log else {
            findings.warning(
                self.check,
                "they were not asked, since the log cannot be read",
                "mend the log first",
            );
            return;
        };
        let answers = ask_each(&witnesses, &log.published, &log.reader, WAIT).await;
        let answers: Vec<_> =
            answers.into_iter().map(|(name, answer)| (name, forgive(answer, log))).collect();
        let good =
            answers.iter().enumerate().filter(|(_, (_, answer))| answer.is_ok()).map(|(place, _)| place);
        let is_met = witnesses.is_met(good);
        for (name, answer) in &answers {
            self.say(name, answer, findings);
        }
        match is_met {
            true => findings.ok(self.check, "those that answer meet the quorum"),
            false => findings.wrong(
                self.check,
                "those that answer do not meet the quorum",
                "until they do, receipts or look-ups wait: reach their operators, or change the quorum",
            ),
        }
    }

    fn say(&self, name: &str, answer: &Result<(), AskError>, findings: &mut Findings) {
        let who = self.who;
        match answer {
            Ok(()) => {
                findings.ok(self.check, format!("the {who} {name} cosigns, with the key of the policy"))
            }
            Err(error) if error.is_conflict() => {
                findings.wrong(
                    self.check,
                    format!("{who} {name}: {error}"),
                    "do what it says before anything else",
                );
            }
            Err(error) => {
                let advice = match error {
                    AskError::Time { .. } => "compare this machine's clock with NTP",
                    AskError::UnknownLog | AskError::OtherKey => "give its operator the key of this log",
                    AskError::NotYet => {
                        "wait; when it stays so, ask its operator whether it follows this log"
                    }
                    AskError::Forged => {
                        "compare its key in the policy with the one that its operator publishes"
                    }
                    _ => "look at its URL in the policy, and ask its operator",
                };
                findings.warning(self.check, format!("{who} {name}: {error}"), advice);
            }
        }
    }
}

/// A witness that knows a newer checkpoint, which this log published meanwhile, is a good one.
fn forgive(answer: Result<(), AskError>, log: &Seen) -> Result<(), AskError> {
    match answer {
        Err(AskError::Behind) => Ok(()),
        Err(AskError::Ahead { remembered, .. }) if remembered <= log.newest() => Ok(()),
        answer => answer,
    }
}
