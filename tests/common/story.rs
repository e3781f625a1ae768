//! A log with witnesses, in which the life of a number goes on: credentials, what keys say about them, registrations. Statements
//! and registrations go straight into its pool.

#![allow(dead_code, reason = "each test uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::witness::TestWitness;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tnlog::chain_item::ChainItem;
use tnlog::commitment::Commitment;
use tnlog::entry::{Action, Entry, Leaf, LeafReference, RegistrationEntry, Verb};
use tnlog::label::Label;
use tnlog::note::{KeyType, Signer};
use tnlog::number::Number;
use tnlog::receipt::Receipt;
use tnlog::sct::log_id;
use tnlog::server::pool::{Outcome, Pending, Reservation};
use tnlog::signature::Ecdsa;
use tnlog::statement::{KeyStatement, admit_statement, signed_bytes};
use tnlog::synthetic::{KeyPair, Profile, Validity, fictional_number};

use crate::common::{TestLog, VALIDITY, add_chain, issuing};

/// The number whose life it is.
pub const NUMBER: u32 = 1;

pub struct Story {
    pub log: TestLog,
    pub witnesses: Vec<Arc<TestWitness>>,
    pub folder: tempfile::TempDir,
    keys: Vec<(u64, KeyPair)>,
    chains: Vec<(u64, Vec<Vec<u8>>)>,
    _runtime: tokio::runtime::Runtime,
}

impl Story {
    /// A log that two of three witnesses must cosign.
    pub fn new() -> Self {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), tokio::runtime::Runtime::new().unwrap());
        let nobody = Signer::new("nobody", KeyType::Ed25519, &[1; 32]).unwrap();
        let start = |seed| runtime.block_on(TestWitness::start(folder.path(), seed, nobody.verifier_key()));
        let witnesses: Vec<_> = (1..=3).map(start).collect();
        let file = folder.path().join("witnesses.txt");
        std::fs::write(&file, quorum(&witnesses, 2)).unwrap();
        let log = TestLog::start(&format!("witnesses = {file:?}\ncosign_milliseconds = 20\n"));
        let key = log.running().log.keys.checkpoint.verifier_key().clone();
        witnesses.iter().for_each(|witness| witness.know_log(&key));
        Story { log, witnesses, folder, keys: Vec::new(), chains: Vec::new(), _runtime: runtime }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.log.address())
    }

    pub fn number(&self) -> Number {
        Number::new(&fictional_number(NUMBER)).unwrap()
    }

    pub fn label(&self) -> Label {
        self.log.running().log.keys.label.label(&self.number())
    }

    /// The policy of apps, with the log at an address and so many witnesses for a quorum; none for 0.
    pub fn policy_at(&self, url: &str, quorate: usize) -> String {
        let log = &self.log.running().log;
        let logs = format!("log {} {url}\nlog {}\n", log.keys.checkpoint.verifier_key(), log.index.key());
        let quorum = if quorate == 0 { "quorum none\n".to_owned() } else { quorum(&self.witnesses, quorate) };
        logs + &quorum
    }

    /// Writes a file for the command; its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Logs a credential of the number with this key.
    pub fn credential(&mut self, key: u64) -> u64 {
        self.credential_valid(key, VALIDITY)
    }

    pub fn credential_valid(&mut self, key: u64, validity: Validity) -> u64 {
        let number = fictional_number(NUMBER);
        let seed = 1000 + self.keys.len() as u64;
        let profile = Profile::numbers(&[&number], validity, seed).key(KeyPair::p256(key));
        let chain = issuing().issue(&profile).chain();
        let index = leaf_index(&self.log.submit(&chain, false));
        self.chains.push((index, chain));
        self.keys.push((index, KeyPair::p256(key)));
        index
    }

    /// The chain of the credential in an entry, and its receipt.
    pub fn chain_and_receipt(&self, index: u64) -> (Vec<Vec<u8>>, Receipt) {
        self.settle();
        let chain = &self.chains.iter().find(|(of, _)| *of == index).expect("a credential").1;
        let response = self.log.post("/tn/v1/receipt", &add_chain(chain));
        (chain.clone(), Receipt::parse(&response.body).unwrap())
    }

    /// The key of the credential in `old` speaks about that in `new`.
    pub fn says(&self, verb: Verb, old: u64, new: u64) -> u64 {
        let (earlier, later) = (self.leaf(old), self.leaf(new));
        let (old_leaf, new_leaf) = (reference(&earlier), reference(&later));
        let log_id = log_id(&self.log.running().log.keys.sct_spki);
        let key = &self.keys.iter().find(|(index, _)| *index == old).expect("a credential").1;
        let signature = key.sign(&signed_bytes(&log_id, verb, &old_leaf, &new_leaf));
        let statement = KeyStatement { log_id, verb, old: old_leaf, new: new_leaf, signature };
        let entry = admit_statement(&statement, &log_id, &earlier, &later, &Ecdsa).unwrap();
        self.append(Entry::KeyStatement(entry))
    }

    pub fn registers(&self, credential: u64, action: Action, replaces: Option<u64>) -> u64 {
        let now = i64::try_from(self.now()).unwrap();
        let entry = RegistrationEntry {
            label: self.label(),
            credential,
            not_before: now - 10,
            not_after: now + 86_400,
            action,
            commitment: Commitment([replaces.unwrap_or(99) as u8; 32]),
            replaces,
        };
        self.append(Entry::Registration(entry))
    }

    /// Seconds of Unix time.
    pub fn now(&self) -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
    }

    /// Puts an entry into the log as it is; its index.
    pub fn append(&self, entry: Entry) -> u64 {
        let pool = &self.log.running().log.pool;
        let digest = Sha256::digest(format!("{entry:?} {}", self.log.size()));
        let key = *digest.first_chunk().unwrap();
        let Ok(Reservation::Held(hold)) = pool.reserve(key) else { panic!("the pool is full") };
        let chain = ChainItem::default().encode();
        let pending = Pending { key, entry, chain, objects: vec![], evidence: None, slot: None };
        match pool.push(hold, pending).blocking_recv().unwrap() {
            Outcome::Logged(leaf) => Leaf::decode(&leaf).unwrap().index,
            Outcome::Dropped => panic!("the entry was dropped"),
        }
    }

    pub fn leaf(&self, index: u64) -> Leaf {
        let log = &self.log.running().log;
        Leaf::decode(&log.reader.leaf(index, log.published().tree.size).unwrap()).unwrap()
    }

    pub fn key_hash(key: u64) -> String {
        let digest = Sha256::digest(KeyPair::p256(key).spki());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Waits until the index and all witnesses have everything.
    pub fn settle(&self) {
        let (log, begun) = (&self.log.running().log, Instant::now());
        let size = self.log.size();
        loop {
            let indexed = log.index.shown().is_some_and(|shown| shown.head.size >= size);
            let by_all = |note: &str| note.lines().filter(|line| line.starts_with("— w")).count() == 3;
            let cosigned = log.cosigned().is_some_and(|c| c.tree.size >= size && by_all(&c.note));
            if indexed && cosigned {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "index or witnesses stand still");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Submits many chains.
    pub fn submit_all(&self, chains: &[Vec<Vec<u8>>]) {
        for batch in chains.chunks(700) {
            let chains: Vec<Value> = batch.iter().map(|chain| add_chain(chain)).collect();
            self.log.post("/tn/v1/add-chains", &serde_json::json!({ "chains": chains })).success();
        }
    }

    /// `tnlog watch` with these arguments.
    pub fn watch(&self, args: &[&str]) -> Output {
        self.settle();
        watch(self.folder.path(), args).output().unwrap()
    }

    /// Its lines of JSON, with this exit code.
    pub fn watched(&self, code: i32, args: &[&str]) -> Vec<Value> {
        lines(&self.watch(&[args, &["--json"]].concat()), code)
    }
}

pub fn watch(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
    command.current_dir(folder).arg("watch").args(args);
    command
}

pub fn lines(output: &Output, code: i32) -> Vec<Value> {
    let error = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}\n{error}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn quorum(witnesses: &[Arc<TestWitness>], threshold: usize) -> String {
    let lines: String = witnesses.iter().map(|witness| witness.line()).collect();
    let names: Vec<_> = witnesses.iter().map(|witness| witness.name.as_str()).collect();
    format!("{lines}group all {threshold} {}\nquorum all\n", names.join(" "))
}

fn reference(leaf: &Leaf) -> LeafReference {
    LeafReference { index: leaf.index, hash: leaf.hash().unwrap() }
}

fn leaf_index(sct: &Value) -> u64 {
    let extensions = crate::common::from_base64(&sct["extensions"]);
    tnlog::sct::Extensions::decode(&extensions).unwrap().leaf_index
}
