//! A log's folder examined, while its log runs or while it does not: what is fine, what is not, and what to do about it.
//!
//! Nothing is changed, and no lock is kept. Witnesses and verifiers are asked to cosign what is published, which they are
//! asked anyway.

mod accepted;
mod disk;
mod files;
mod peers;
mod store;

use std::path::PathBuf;

use serde::Serialize;

use super::config::Folder;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Something to look at soon.
    Warning,
    /// The log does not work, or will not for long.
    Wrong,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The check.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found, as a sentence without its full stop.
    pub what: String,
    /// What to do; empty where nothing is.
    pub advice: String,
}

/// What all checks found, in the order in which they were made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings(Vec<Found>);

impl Findings {
    fn ok(&mut self, check: &'static str, what: impl Into<String>) {
        self.add(check, Level::Ok, what, "");
    }

    fn warning(&mut self, check: &'static str, what: impl Into<String>, advice: impl Into<String>) {
        self.add(check, Level::Warning, what, advice);
    }

    fn wrong(&mut self, check: &'static str, what: impl Into<String>, advice: impl Into<String>) {
        self.add(check, Level::Wrong, what, advice);
    }

    fn add(&mut self, check: &'static str, level: Level, what: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Found { check, level, what: what.into(), advice: advice.into() });
    }

    /// All of them.
    pub fn all(&self) -> &[Found] {
        &self.0
    }

    /// The worst level.
    pub fn worst(&self) -> Level {
        self.0.iter().map(|found| found.level).max().unwrap_or(Level::Ok)
    }
}

/// Examines the log in a folder, with its configuration there or in another file, at `now` in seconds of Unix time. Waits
/// for the log, and for each witness and verifier, for some seconds at most.
pub async fn examine(folder: &Folder, config: Option<PathBuf>, now: u64) -> Findings {
    let mut findings = Findings::default();
    let Some(config) = files::configuration(folder, config, &mut findings) else { return findings };
    files::folders(folder, &mut findings);
    accepted::roots(folder, now, &mut findings);
    accepted::services(folder, &mut findings);
    let is_running = peers::is_running(folder);
    let keys = files::keys(folder, &config.origin, &mut findings);
    let log = keys.as_ref().and_then(|keys| store::entry_log(folder, keys, &mut findings));
    let index = keys.as_ref().and_then(|_| store::index_log(folder, &config.origin, &mut findings));
    if let Some(log) = &log {
        store::clock(log, now, is_running.then_some(config.heartbeat_seconds), &mut findings);
    }
    disk::space(folder, log.as_ref(), &mut findings);
    peers::server(&config, keys.as_ref(), is_running, &mut findings).await;
    if config.has_witnesses() {
        let witnesses = peers::Peers { check: "witnesses", who: "witness", policy: &config.witnesses };
        witnesses.ask(log.as_ref(), &mut findings).await;
    }
    if config.has_verifiers() {
        let verifiers = peers::Peers { check: "verifiers", who: "verifier", policy: &config.verifiers };
        verifiers.ask(index.as_ref(), &mut findings).await;
    }
    findings
}
