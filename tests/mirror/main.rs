//! Mirrors of real logs: they follow, answer as the log does, cosign what they recomputed and nothing else, survive every
//! death, and keep the evidence when a log cheats.

#![cfg(feature = "server")]

#[path = "../common/mod.rs"]
mod common;

mod cheating;
mod hostile;
mod killing;
mod serving;
mod succeeding;
mod verifying;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Response, TestLog, chain};
use serde_json::Value;
use tnlog::checkpoint::Checkpoint;
use tnlog::client::check::{Position, Target, check_log};
use tnlog::client::evidence::Evidence;
use tnlog::client::http::Client;
use tnlog::client::index_check::check_index;
use tnlog::client::lookup::{Lookups, Memory, Question, Trust};
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::source::{Below, Folder as Files};
use tnlog::cosignature;
use tnlog::index::{Generation, IndexHead};
use tnlog::label::Label;
use tnlog::merkle::Hash;
use tnlog::mirror::{Config, Folder, Running, start};
use tnlog::note::{Note, NoteSignature, Signer, VerifierKey};
use tnlog::number::ServiceProviderCode;
use tnlog::policy::Policy;
use tnlog::server::config::Folder as LogFolder;
use tnlog::server::keys::{create_verifier_key, read_index_key};
use tnlog::witness::{AddCheckpoint, SIZE_TYPE, parse_size};

const NAME: &str = "mirror.example/test";

fn submit(log: &TestLog, names: &[&str]) {
    for name in names {
        let (chain, precertificate) = chain(name);
        log.submit(&chain, precertificate);
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The key of the log and that of its index log.
fn keys(log: &TestLog) -> (VerifierKey, VerifierKey) {
    let log = &log.running().log;
    (log.keys.checkpoint.verifier_key().clone(), log.index.key().clone())
}

fn index_signer(folder: &LogFolder) -> Signer {
    read_index_key(&folder.keys(), common::ORIGIN, Generation::FIRST).unwrap()
}

/// A mirror in this process, which runs on the runtime of the log.
struct TestMirror {
    folder: Folder,
    config: Config,
    policy: Policy,
    verifiers: Option<Policy>,
    running: Option<Running>,
    _temporary: tempfile::TempDir,
}

impl TestMirror {
    fn new(log: &TestLog) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::new(temporary.path().join("mirror"));
        let url = format!("http://{}/", log.address());
        let template = Config::template(&url, NAME, Path::new("policy"), None);
        let template = template.replace("#= poll_milliseconds = 1000", "poll_milliseconds = 20");
        let template = template.replace("#= listen = \"127.0.0.1:8090\"", "listen = \"127.0.0.1:0\"");
        let config = Config::parse(&template).unwrap();
        create_verifier_key(&folder.keys(), NAME).unwrap();
        let (key, index_key) = keys(log);
        let policy = format!("log {key}\nlog {index_key}\nquorum none\n").parse().unwrap();
        TestMirror { folder, config, policy, verifiers: None, running: None, _temporary: temporary }
    }

    fn start(log: &TestLog) -> Self {
        let mut mirror = TestMirror::new(log);
        mirror.resume(log);
        mirror
    }

    fn resume(&mut self, log: &TestLog) {
        self.config.log = format!("http://{}/", log.address());
        self.restart(log);
    }

    fn restart(&mut self, log: &TestLog) {
        let starting = start(&self.folder, &self.config, self.policy.clone(), self.verifiers.clone());
        self.running = Some(log.runtime.block_on(starting).unwrap());
    }

    fn stop(&mut self, log: &TestLog) {
        log.runtime.block_on(self.running.take().unwrap().stop());
    }

    fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.running().address
    }

    fn get(&self, path: &str) -> Response {
        common::get(self.address(), path)
    }

    /// Waits until everything is copied and indexed.
    fn caught_up(&self, log: &TestLog) {
        wait_for("the mirror stays behind", || {
            let now = *self.running().progress.borrow();
            now.checked == log.size() && now.indexed == log.size()
        });
        wait_for("the head is not shown", || {
            let heads = self.get("/tn/v1/heads");
            heads.status == 200 && heads.json()["checkpoint"] == self.get("/checkpoint").text().as_str()
        });
    }

    fn add_checkpoint(&self, body: &str) -> Response {
        let request = common::request("POST", "/add-checkpoint", &[], body.as_bytes());
        common::exchange(self.address(), &request).unwrap()
    }

    fn evidence(&self) -> Evidence {
        let files = common::files_below(&self.folder.evidence());
        assert_eq!(files.len(), 1);
        Evidence::parse(&std::fs::read(&files[0]).unwrap()).unwrap()
    }
}

/// Recomputes everything out of a folder, with nothing but the keys.
fn audit(public: PathBuf, (key, index_key): (VerifierKey, VerifierKey)) -> (u64, u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let files = Arc::new(Files::new(public));
        let below = Arc::new(Below::new((*files).clone(), "index"));
        let mut heads = LogReader::new(below, policy_of_key(index_key).unwrap());
        let mut entries = LogReader::new(files.clone(), policy_of_key(key).unwrap());
        heads.update().await.unwrap();
        let seen = entries.update().await.unwrap().clone();
        let target = Target { note: &seen.note, checkpoint: seen.checkpoint() };
        check_log(&files, target, Position::default(), &mut |_| {}).await.unwrap();
        let checked = check_index(&entries, &heads, &mut |_| {}).await.unwrap();
        (seen.checkpoint().size, checked.newest.unwrap().size)
    })
}

fn spc() -> Label {
    Label::of_service_provider_code(&ServiceProviderCode::new("706J").unwrap())
}

/// All entries of the code, verified as every client verifies them.
fn lookup(log: &TestLog, address: SocketAddr) -> Vec<u64> {
    let (key, index_key) = keys(log);
    let (policy, index_policy) =
        (policy_of_key(key.clone()).unwrap(), policy_of_key(index_key.clone()).unwrap());
    let client = Client::new(&format!("http://{address}/")).unwrap();
    let mut lookups = Lookups::new(client, Trust { key, policy, index_key, index_policy });
    log.runtime.block_on(async {
        let size = lookups.update().await.unwrap();
        let question = Question::of_labels(&[spc()]);
        let news = lookups.ask(&question, &mut Memory::default(), size).await.unwrap();
        lookups.entries(&news).await.unwrap().into_keys().collect()
    })
}

/// The signed checkpoint of the index log, as the log has published it.
fn index_note(log: &TestLog) -> Note {
    Note::parse(log.running().log.index.published().note.as_bytes()).unwrap()
}
