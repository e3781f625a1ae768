//! The load generator against another log than ours: RFC 6962 and nothing else, with a merge delay, and SCTs without extensions.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use base64ct::{Base64, Encoding};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tnlog::load::{
    Drive, Driven, Names, Progress, Readers, Recipe, Report, Start, Target, Turn, Workload, check, drive,
};
use tnlog::merkle::{Hash, HashReader, NodeId, prove_inclusion, root_of, tree_root};

const COUNT: usize = 300;
/// How long an entry waits for its place in the tree.
const MERGE_DELAY: Duration = Duration::from_millis(700);

/// What the log does with a submission that it has given an SCT for.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Honest,
    /// Forgets every tenth.
    Forgets,
    /// Merges all, and proves something else.
    WrongProofs,
}

struct PlainLog {
    manner: Manner,
    state: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// The time of each certificate that was submitted.
    times: HashMap<Vec<u8>, u64>,
    waiting: Vec<(Instant, Vec<u8>)>,
    leaves: Vec<Vec<u8>>,
}

type Log = State<Arc<PlainLog>>;

/// The hashes of complete subtrees, each computed anew.
struct Leaves<'a>(&'a [Vec<u8>]);

impl HashReader for Leaves<'_> {
    type Error = ();

    fn read(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, ()> {
        Ok(nodes.iter().map(|node| self.hash(node.level, node.index as usize)).collect())
    }
}

impl Leaves<'_> {
    fn hash(&self, level: u8, index: usize) -> Hash {
        match level.checked_sub(1) {
            None => Hash::of_leaf(&self.0[index]),
            Some(below) => Hash::of_node(&self.hash(below, 2 * index), &self.hash(below, 2 * index + 1)),
        }
    }
}

impl PlainLog {
    async fn start(manner: Manner) -> Target {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let log = Arc::new(PlainLog { manner, state: Mutex::default() });
        let router = Router::new()
            .route("/ct/v1/add-chain", post(add_chain))
            .route("/ct/v1/get-sth", get(get_sth))
            .route("/ct/v1/get-entries", get(get_entries))
            .route("/ct/v1/get-proof-by-hash", get(get_proof_by_hash))
            .with_state(log);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(router.clone());
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        target
    }

    /// The entries, of which those whose time has come are in the tree.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        let mut entries = self.state.lock().unwrap();
        let now = Instant::now();
        while entries.waiting.first().is_some_and(|(due, _)| *due <= now) {
            let (_, leaf) = entries.waiting.remove(0);
            entries.leaves.push(leaf);
        }
        entries
    }
}

fn base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// The value of a name in a query, in which only base64 is escaped.
fn value(query: &RawQuery, name: &str) -> String {
    let query = query.0.as_deref().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next().unwrap();
    found.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
}

async fn add_chain(State(log): Log, body: Bytes) -> String {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let der = Base64::decode_vec(body["chain"][0].as_str().unwrap()).unwrap();
    let mut entries = log.entries();
    let count = entries.times.len() as u64;
    let time = *entries.times.entry(der.clone()).or_insert(1_700_000_000_000 + count);
    let is_new = entries.times.len() as u64 > count;
    if is_new && !(log.manner == Manner::Forgets && count.is_multiple_of(10)) {
        let length = (der.len() as u32).to_be_bytes();
        // MerkleTreeLeaf of RFC 6962 §3.4: version, leaf type, time, x509_entry, certificate, no extensions.
        let leaf = [&[0, 0], &time.to_be_bytes()[..], &[0, 0], &length[1..], &der, &[0, 0]].concat();
        entries.waiting.push((Instant::now() + MERGE_DELAY, leaf));
    }
    json!({
        "sct_version": 0, "id": base64(&[7; 32]), "timestamp": time, "extensions": "", "signature": "",
    })
    .to_string()
}

async fn get_sth(State(log): Log) -> String {
    let entries = log.entries();
    let size = entries.leaves.len() as u64;
    let root = if size == 0 { root_of(&[]) } else { tree_root(&Leaves(&entries.leaves), size).unwrap() };
    json!({
        "tree_size": size, "timestamp": 1_700_000_000_000_u64, "sha256_root_hash": base64(&root.0),
        "tree_head_signature": "",
    })
    .to_string()
}

async fn get_entries(State(log): Log, query: RawQuery) -> Result<String, StatusCode> {
    let entries = log.entries();
    let leaf = entries
        .leaves
        .get(value(&query, "start").parse::<usize>().unwrap())
        .ok_or(StatusCode::BAD_REQUEST)?;
    Ok(json!({ "entries": [{ "leaf_input": base64(leaf), "extra_data": "" }] }).to_string())
}

async fn get_proof_by_hash(State(log): Log, query: RawQuery) -> Result<String, StatusCode> {
    let entries = log.entries();
    let size: u64 = value(&query, "tree_size").parse().unwrap();
    let hash = Base64::decode_vec(&value(&query, "hash")).unwrap();
    let place = entries.leaves.iter().position(|leaf| Hash::of_leaf(leaf).0 == *hash);
    let index = place.map(|place| place as u64).filter(|index| *index < size).ok_or(StatusCode::NOT_FOUND)?;
    let mut proof = prove_inclusion(&Leaves(&entries.leaves), index, size).unwrap();
    if log.manner == Manner::WrongProofs
        && let Some(hash) = proof.first_mut()
    {
        hash.0[0] ^= 1;
    }
    let path: Vec<String> = proof.iter().map(|hash| base64(&hash.0)).collect();
    Ok(json!({ "leaf_index": index, "audit_path": path }).to_string())
}

fn workload() -> Arc<Workload> {
    let recipe = Recipe {
        names: Names::Carriers,
        precertificates: false,
        seed: 1,
        not_before: 1_700_000_000,
        count: COUNT,
        duplicates: 0.2,
        bad: 0.0,
    };
    Arc::new(recipe.prepare(&AtomicU64::new(0)))
}

/// A run with readers, and the number of different certificates in it.
async fn run(manner: Manner) -> (Report, u64) {
    let (target, workload) = (PlainLog::start(manner).await, workload());
    let course =
        Drive { target: target.clone(), connections: 20, rate: Some(400.0), duration: None, batch: None };
    let start = Start::read(&target).await.unwrap();
    let reading = Readers { target: target.clone(), rate: 300.0, connections: 4 }.start().await.unwrap();
    let Driven { mut report, logged } = drive(course, workload.clone(), Arc::new(Progress::default())).await;
    tokio::time::sleep(2 * MERGE_DELAY).await;
    report.reads = Some(reading.stop().await);
    report.check = Some(check(&target, workload.clone(), logged, start, Duration::ZERO).await.unwrap());
    let new = workload.steps().iter().filter(|step| step.turn == Turn::New).count();
    (report, new as u64)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_rfc_6962_alone_is_driven_read_and_checked() {
    let (report, new) = run(Manner::Honest).await;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!((report.accepted, report.repeated), (COUNT as u64, COUNT as u64 - new));
    let check = report.check.as_ref().unwrap();
    assert_eq!((check.found, check.missing, check.by), (new, 0, "get-proof-by-hash"));
    let reads = report.reads.as_ref().unwrap();
    assert!(reads.errors.is_empty(), "{:?}", reads.errors);
    assert_eq!(reads.kinds.keys().copied().collect::<Vec<_>>(), ["get-entries", "get-proof-by-hash"]);
    assert!(reads.kinds.values().all(|reads| reads.good > 20), "{reads:?}");
    assert!(report.is_good());
}

/// Without the wait for the merge delay, what was submitted last is missing.
#[tokio::test(flavor = "multi_thread")]
async fn the_merge_delay_is_waited_for() {
    let (target, workload) = (PlainLog::start(Manner::Honest).await, workload());
    let course = Drive { target: target.clone(), connections: 20, rate: None, duration: None, batch: None };
    let logged = drive(course, workload.clone(), Arc::new(Progress::default())).await.logged;
    let start = Start::read(&target).await.unwrap();
    let patient = check(&target, workload, logged, start, Duration::from_secs(30)).await.unwrap();
    assert!(patient.is_good(), "{patient}");
    assert!(patient.seconds >= 0.5, "nothing was waited for: {patient}");
}

/// Fails when the check believes an SCT alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_forgets_is_noticed() {
    let (report, new) = run(Manner::Forgets).await;
    let check = report.check.as_ref().unwrap();
    assert_eq!(check.missing, new.div_ceil(10), "{check}");
    assert!(!report.is_good());
}

/// Fails without the inclusion check, of readers (`Snapshot::is_proved`) and afterwards (`prove`).
#[tokio::test(flavor = "multi_thread")]
async fn wrong_proofs_are_noticed_by_readers_and_afterwards() {
    let (report, new) = run(Manner::WrongProofs).await;
    assert_eq!(report.check.as_ref().unwrap().missing, new);
    let reads = report.reads.as_ref().unwrap();
    let wrong = reads.errors.get("get-proof-by-hash: it does not lead to the root of the tree");
    assert!(wrong.is_some_and(|count| *count > 20), "{reads:?}");
    assert!(!report.is_good());
}
