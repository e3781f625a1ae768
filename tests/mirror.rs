//! Mirrors of real logs: they follow, answer as the log does, cosign what they recomputed and nothing else, survive every
//! death, and keep the evidence when a log cheats.

#![cfg(feature = "server")]

mod common;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Response, TestLog, chain};
use serde_json::{Value, json};
use tnlog::checkpoint::Checkpoint;
use tnlog::client::check::{Position, Target, check_log};
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
use tnlog::server::plan::{NewEntry, Round};
use tnlog::server::sequencer::{Sequencer, Stores};
use tnlog::server::signer::CheckpointSigner;
use tnlog::server::store::{DiskLock, DiskStore, PrefixedStore};
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

    fn evidence(&self) -> String {
        let files = common::files_below(&self.folder.evidence());
        assert_eq!(files.len(), 1);
        std::fs::read_to_string(&files[0]).unwrap()
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

#[test]
fn a_mirror_follows_and_answers_as_the_log_does() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "number-1", "range", "precert-1"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    submit(&log, &["carrier-2", "delegate", "number-precert-1", "carrier-3"]);
    mirror.caught_up(&log);
    assert_eq!(lookup(&log, mirror.address()), lookup(&log, log.address()));
    assert_eq!(lookup(&log, mirror.address()), [1, 4, 5, 8]);
    for path in [
        "/checkpoint",
        "/tile/0/000.p/9",
        "/tile/entries/000.p/9",
        "/tile/chains/000.p/9",
        "/tile/entries/000.p/5",
        "/ct/v1/get-sth",
        "/stict/v1/get-sth-consistency?first=3&second=9",
        "/ct/v1/get-entries?start=0&end=20",
        "/ct/v1/get-entry-and-proof?leaf_index=4&tree_size=9",
        "/tn/v1/issuers",
        "/tn/v1/parameters",
        "/index/checkpoint",
        "/index/tile/entries/000.p/1",
        "/index/tile/chains/000.p/1",
    ] {
        let (ours, theirs) = (mirror.get(path), log.get(path));
        assert_eq!((ours.status, ours.text()), (200, theirs.text()), "{path}");
    }
    let issuer = mirror.get("/tn/v1/issuers").json()["issuers"][0]["certificates"][0].clone();
    let path = format!("/issuer/{}", issuer.as_str().unwrap());
    assert_eq!(mirror.get(&path).body, log.get(&path).body);
    let facts = mirror.get("/tn/v1/log").success();
    assert_eq!(facts["mirror_of"], format!("http://{}/", log.address()));
    assert_eq!((&facts["read_only"], &facts["tree_size"]), (&json!(true), &json!(9)));
    assert_eq!(facts["sct_key"], log.get("/tn/v1/log").success()["sct_key"]);
    assert_eq!(mirror.get("/healthz").status, 200);
    assert!(mirror.get("/metrics").text().contains("tnlog_mirror_checked_entries 9"));
    assert_eq!(mirror.get("/tile/entries/000.p/10").status, 404);
    // What only the log can answer.
    for path in ["/ct/v1/add-chain", "/stict/v1/add-pre-chain", "/tn/v1/receipt", "/tn/v1/evaluate"] {
        let answer = common::post(mirror.address(), path, &json!({}));
        assert_eq!((answer.status, &answer.json()["type"]), (403, &json!("urn:tnlog:problem:mirror")));
        assert!(answer.text().contains(&log.address().to_string()), "it does not say where the log is");
    }
    mirror.stop(&log);
    assert_eq!(audit(mirror.folder.public(), keys(&log)), (9, 9));
    // Without the log it serves what it has.
    mirror.config.log = "http://127.0.0.1:1/".into();
    mirror.restart(&log);
    assert_eq!(lookup(&log, mirror.address()), [1, 4, 5, 8]);
    assert_eq!(mirror.get("/healthz").status, 200, "it is not two minutes yet");
    mirror.stop(&log);
}

#[test]
fn a_log_of_many_parts_is_copied_and_partial_tiles_give_way_to_full_ones() {
    let log = TestLog::start("");
    let mut mirror = TestMirror::start(&log);
    let chains: Vec<_> = (0..700).map(|n| chain(&format!("carrier-{n}")).0).collect();
    for batch in chains.chunks(90) {
        let chains: Vec<Value> = batch.iter().map(|chain| common::add_chain(chain)).collect();
        log.post("/tn/v1/add-chains", &json!({ "chains": chains })).success();
    }
    mirror.caught_up(&log);
    let size = log.size();
    assert_eq!(size, 701);
    assert_eq!(lookup(&log, mirror.address()).len(), 700);
    mirror.stop(&log);
    assert_eq!(audit(mirror.folder.public(), keys(&log)), (size, size));
    assert!(mirror.folder.public().join("tile/0/001").exists());
    assert!(!mirror.folder.public().join("tile/0/001.p").exists(), "partial tiles stay");
    // A mirror that begins now gets it in one go.
    let mut late = TestMirror::start(&log);
    late.caught_up(&log);
    late.stop(&log);
    assert_eq!(audit(late.folder.public(), keys(&log)), (size, size));
}

/// Each status of the specification, and what is not in it: 503 until the heads are recomputed.
#[test]
fn it_cosigns_what_it_recomputed_and_nothing_else() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "number-1"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    let key = mirror.running().verifier.key().clone();
    let request = |old, proof: Vec<Hash>, note: Note| AddCheckpoint::new(old, proof, note).unwrap().encode();
    let note = index_note(&log);
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    let signer = index_signer(&log.folder);
    // A tree that the log has not, and one that is larger than what there is. Fails without the comparison of roots in
    // `Verifier::cosign`, and without `wait_for`.
    let wrong = Checkpoint { root: Hash([7; 32]), ..checkpoint.clone() }.sign(&signer).unwrap();
    assert_eq!(mirror.add_checkpoint(&request(0, vec![], wrong)).status, 422);
    let future = Checkpoint { size: checkpoint.size + 5, root: Hash([7; 32]), ..checkpoint.clone() };
    let early = mirror.add_checkpoint(&request(0, vec![], future.sign(&signer).unwrap()));
    assert_eq!((early.status, early.header("retry-after")), (503, Some("1")));

    assert_eq!(mirror.add_checkpoint("nonsense").status, 400);
    let other = Checkpoint { origin: "log.example/other".into(), ..checkpoint.clone() };
    let other = format!("{other}\n— log.example/other AAAAAAAA\n");
    assert_eq!(mirror.add_checkpoint(&format!("old 0\n\n{other}")).status, 404);
    let stranger = Signer::new(checkpoint.origin.clone(), tnlog::note::KeyType::Ed25519, &[9; 32]).unwrap();
    assert_eq!(mirror.add_checkpoint(&request(0, vec![], checkpoint.sign(&stranger).unwrap())).status, 403);
    assert_eq!(mirror.add_checkpoint(&request(checkpoint.size + 1, vec![], note.clone())).status, 400);
    let conflict = mirror.add_checkpoint(&request(1, vec![], note.clone()));
    assert_eq!((conflict.status, conflict.header("content-type")), (409, Some(SIZE_TYPE)));
    assert_eq!(parse_size(&conflict.body), Some(0));

    let good = mirror.add_checkpoint(&request(0, vec![], note.clone()));
    assert_eq!(good.status, 200, "{}", good.text());
    let line: NoteSignature = good.text().strip_suffix('\n').unwrap().parse().unwrap();
    assert!(cosignature::check(&key, note.text(), line.body()).is_some());
    // What was cosigned is remembered, also after a restart.
    mirror.stop(&log);
    mirror.resume(&log);
    let again = mirror.add_checkpoint(&request(0, vec![], note.clone()));
    assert_eq!((again.status, parse_size(&again.body)), (409, Some(checkpoint.size)));
    assert_eq!(mirror.add_checkpoint(&request(checkpoint.size, vec![], note.clone())).status, 200);
    assert_eq!(mirror.add_checkpoint(&request(checkpoint.size, vec![Hash([1; 32])], note)).status, 422);
    // A newer one, asked for before the mirror knows of it, is recomputed while the log waits.
    submit(&log, &["carrier-2"]);
    let shown = || log.running().log.index.shown().map_or(0, |shown| shown.head.size);
    wait_for("the index stands still", || shown() == log.size());
    let newest = index_note(&log);
    let size = Checkpoint::parse(newest.text()).unwrap().size;
    let proof = log.running().log.index.reader.consistency(checkpoint.size, size, size).unwrap();
    let newer = mirror.add_checkpoint(&request(checkpoint.size, proof, newest));
    assert_eq!(newer.status, 200, "{}", newer.text());
    mirror.stop(&log);
}

/// The log asks three mirrors, and answers look-ups in what two of them have cosigned.
#[test]
fn mirrors_are_the_verifiers_of_a_log() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let mirrors: Vec<_> = (0..2).map(|_| TestMirror::start(&log)).collect();
    let mut verifiers = String::new();
    for (n, mirror) in mirrors.iter().enumerate() {
        mirror.caught_up(&log);
        let key = mirror.running().verifier.key();
        verifiers += &format!("witness m{n} {key} http://{}/\n", mirror.address());
    }
    verifiers += "group g 2 m0 m1\nquorum g\n";
    let address = log.address();
    std::fs::write(log.folder.path().join("verifiers.txt"), &verifiers).unwrap();
    log.reconfigure(&format!(
        "listen = \"{address}\"\nverifiers = \"{}\"\n",
        log.folder.path().join("verifiers.txt").display()
    ));
    submit(&log, &["carrier-2", "number-1"]);
    let index_key = keys(&log).1;
    let policy: Policy = format!("log {index_key}\n{verifiers}").parse().unwrap();
    wait_for("the verifiers do not cosign", || {
        let heads = log.get("/tn/v1/heads");
        heads.status == 200 && {
            let heads = heads.json();
            let note = |name: &str| heads[name].as_str().unwrap().to_owned();
            note("checkpoint") == log.get("/checkpoint").text()
                && policy.check(note("index_checkpoint").as_bytes()).is_ok()
        }
    });
    assert_eq!(lookup(&log, log.address()).len(), 2);
    // A mirror that is told who the verifiers are answers in what they have cosigned, and goes on when it is there.
    let mut careful = TestMirror::new(&log);
    careful.verifiers = Some(policy.clone());
    careful.resume(&log);
    for name in ["carrier-3", "carrier-4"] {
        submit(&log, &[name]);
        careful.caught_up(&log);
        let heads = careful.get("/tn/v1/heads").success();
        policy.check(heads["index_checkpoint"].as_str().unwrap().as_bytes()).unwrap();
        careful.stop(&log);
        careful.resume(&log);
    }
    assert_eq!(lookup(&log, careful.address()).len(), 4);
    careful.stop(&log);
    mirrors.into_iter().for_each(|mut mirror| mirror.stop(&log));
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    for file in common::files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

/// Fails without `remember_seen`: after a restart the mirror would take the fork for the log.
#[test]
fn a_fork_is_kept_as_evidence_and_nothing_newer_is_served() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    log.stop();
    let backup = tempfile::tempdir().unwrap();
    copy(log.folder.path(), backup.path());
    log.resume().unwrap();
    submit(&log, &["carrier-2"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    let before = mirror.get("/checkpoint").text();
    mirror.stop(&log);
    // The log goes on from an old backup: a fork.
    log.stop();
    std::fs::remove_dir_all(log.folder.path()).unwrap();
    copy(backup.path(), log.folder.path());
    log.resume().unwrap();
    submit(&log, &["carrier-3", "carrier-4"]);
    mirror.resume(&log);
    wait_for("the fork is not found", || mirror.running().mirror.finding().is_some());
    let health = mirror.get("/healthz");
    assert_eq!(health.status, 503);
    assert!(health.text().contains("FORKED"), "{}", health.text());
    assert!(mirror.get("/metrics").text().contains("tnlog_mirror_findings 1"));
    assert_eq!(mirror.get("/checkpoint").text(), before, "what was verified is still served");
    // Both signed originals are there, verbatim, and verify.
    let (evidence, key) = (mirror.evidence(), keys(&log).0);
    let notes: Vec<Note> = evidence
        .split("\n\n")
        .collect::<Vec<_>>()
        .windows(2)
        .filter_map(|pair| {
            Note::parse(
                format!(
                    "{}\n\n{}\n",
                    pair[0],
                    pair[1].lines().take_while(|l| l.starts_with('—')).collect::<Vec<_>>().join("\n")
                )
                .as_bytes(),
            )
            .ok()
        })
        .collect();
    let opened: Vec<_> = notes.iter().filter_map(|note| Checkpoint::open(note, &key).ok()).collect();
    assert_eq!(opened.iter().map(|checkpoint| checkpoint.size).collect::<Vec<_>>(), [3, 4], "{evidence}");
    mirror.stop(&log);
}

/// A place that lags behind shows an older tree for a while: no proof of anything, and kept all the same.
#[test]
fn an_older_tree_is_no_proof_and_is_not_taken() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    log.stop();
    let backup = tempfile::tempdir().unwrap();
    copy(&log.folder.public(), backup.path());
    log.resume().unwrap();
    submit(&log, &["carrier-2"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    let before = mirror.get("/checkpoint").text();
    for name in ["checkpoint", "tn/v1/checkpoint"] {
        let old = backup.path().join("checkpoint");
        let _ = std::fs::copy(old, log.folder.public().join(name));
    }
    // The log answers out of its memory; a static server of the folder would show the old checkpoint.
    let (address, server) = serve_files(&log, log.folder.public());
    mirror.stop(&log);
    mirror.config.log = format!("http://{address}/");
    mirror.restart(&log);
    wait_for("the evidence is not kept", || mirror.folder.evidence().exists());
    std::thread::sleep(Duration::from_millis(200));
    assert!(mirror.evidence().contains("Seen before"), "one file, however often it is seen");
    assert!(mirror.running().mirror.finding().is_none());
    assert_eq!(mirror.get("/checkpoint").text(), before);
    mirror.stop(&log);
    server.abort();
}

/// A static web server.
fn serve_files(log: &TestLog, root: PathBuf) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = log.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback(move |uri: axum::http::Uri| {
        let found = std::fs::read(root.join(uri.path().trim_start_matches('/')));
        async move { found.map_err(|_| axum::http::StatusCode::NOT_FOUND) }
    });
    let serving = log.runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper_util::service::TowerToHyperService::new(router.clone());
            let stream = hyper_util::rt::TokioIo::new(stream);
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(stream, service);
            tokio::spawn(connection);
        }
    });
    (address, serving)
}

/// Appends a head with the log's own key to the index log of a stopped log.
fn append_head(folder: &LogFolder, head: &IndexHead) {
    let store = |path: &Path| {
        let store = Arc::new(DiskStore::open(path).unwrap());
        Arc::new(PrefixedStore::new(store, "index"))
    };
    let stores = Stores { public: store(&folder.public()), private: store(&folder.private()) };
    let lock = Box::new(DiskLock::open(&folder.index_lock(Generation::FIRST)).unwrap());
    let signer = CheckpointSigner::new(index_signer(folder));
    let mut sequencer = Sequencer::open(stores, lock, signer, 0, |_| Round::default()).unwrap();
    let entry = NewEntry { leaf: head.encode(), chain: Vec::new() };
    sequencer.append(0, |_| Round { entries: vec![entry], objects: Vec::new() }).unwrap();
    sequencer.settler().settle().unwrap();
}

/// Fails without `Recompute::compare`: the mirror would cosign the wrong head.
#[test]
fn a_wrong_head_is_kept_as_evidence_and_never_cosigned() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1", "carrier-2"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    let before = mirror.get("/tn/v1/heads").text();
    mirror.stop(&log);
    let newest = log.running().log.index.shown().unwrap().head;
    submit(&log, &["number-1"]);
    log.stop();
    // The index log may have the right head of that size already; the next one is then wrong by its size.
    let wrong = IndexHead { size: newest.size + 1, index_root: Hash([9; 32]), ..newest };
    append_head(&log.folder, &wrong);
    log.resume().unwrap();
    mirror.resume(&log);
    wait_for("the wrong head is not found", || mirror.running().mirror.finding().is_some());
    assert!(mirror.get("/healthz").text().contains("FALSE"));
    let evidence = mirror.evidence();
    assert!(evidence.contains(&common::base64(&wrong.encode())), "{evidence}");
    assert!(evidence.contains("log.example/test/index\n"), "{evidence}");
    let note = std::fs::read(log.folder.public().join("index/checkpoint")).unwrap();
    let request = AddCheckpoint::new(0, vec![], Note::parse(&note).unwrap()).unwrap().encode();
    assert_eq!(mirror.add_checkpoint(&request).status, 503);
    let shown: Value = serde_json::from_str(&before).unwrap();
    assert!(
        mirror.get("/tn/v1/heads").json()["head"]["index"].as_u64() >= shown["head"]["index"].as_u64(),
        "look-ups are still answered in what was recomputed"
    );
    mirror.stop(&log);
}

/// Fails when what is copied is not what was checked.
#[test]
fn a_damaged_bundle_is_not_copied_and_the_mirror_goes_on_when_it_is_mended() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "carrier-2"]);
    let mut mirror = TestMirror::new(&log);
    let file = log.folder.public().join("tile/entries/000.p/3");
    let good = std::fs::read(&file).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    std::fs::write(&file, &bad).unwrap();
    mirror.resume(&log);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(mirror.running().progress.borrow().checked, 0);
    assert_eq!(mirror.get("/checkpoint").json()["type"], "urn:tnlog:problem:catching-up");
    assert!(!mirror.folder.public().join("tile").exists(), "something was copied");
    assert!(mirror.running().mirror.finding().is_none(), "damage is no proof");
    std::fs::write(&file, &good).unwrap();
    mirror.caught_up(&log);
    mirror.stop(&log);
    assert_eq!(audit(mirror.folder.public(), keys(&log)), (3, 3));
}

/// The program `tnlog mirror`.
struct Process(Child);

impl Process {
    fn start(folder: &Path, log: &TestLog, messages: &Path) -> Self {
        let messages = std::fs::OpenOptions::new().create(true).append(true).open(messages).unwrap();
        let (key, index_key) = keys(log);
        let policy = folder.with_extension("policy");
        std::fs::write(&policy, format!("log {key}\nlog {index_key}\nquorum none\n")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tnlog"))
            .args(["mirror", "--listen", "127.0.0.1:0", "--log", &format!("http://{}/", log.address())])
            .arg("--policy")
            .arg(policy)
            .arg(folder)
            .stdin(Stdio::null())
            .stderr(messages)
            .spawn()
            .unwrap();
        Process(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Killed at instants of every part of its life, while entries arrive.
#[test]
fn it_survives_death_at_any_instant() {
    let log = TestLog::start("");
    let temporary = tempfile::tempdir().unwrap();
    let (folder, messages) = (temporary.path().join("mirror"), temporary.path().join("messages"));
    let public = folder.join("public");
    let size = || {
        let note = std::fs::read(public.join("checkpoint")).ok()?;
        Some(Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap().size)
    };
    let mut last = 0;
    for life in 0..25u64 {
        let process = Process::start(&folder, &log, &messages);
        if life == 3 {
            wait_for("the first lives get nowhere", || size().is_some());
        }
        submit(&log, &[&format!("carrier-{life}")]);
        std::thread::sleep(Duration::from_millis(life * 53 % 211));
        drop(process);
        let now = size().unwrap_or(0);
        assert!(now >= last, "it went back");
        last = now;
    }
    let process = Process::start(&folder, &log, &messages);
    wait_for("the mirror stays behind", || size() == Some(log.size()));
    wait_for("the index stays behind", || {
        let heads = std::fs::read(public.join("tn/v1/heads")).unwrap_or_default();
        let heads: Value = serde_json::from_slice(&heads).unwrap_or_default();
        let head = heads["head"]["head"].as_str().map(|_| common::from_base64(&heads["head"]["head"]));
        head.is_some_and(|head| IndexHead::decode(&head).unwrap().size == log.size())
    });
    let status = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
    assert!(status.success());
    let mut process = process;
    assert!(process.0.wait().unwrap().success());
    assert_eq!(audit(public, keys(&log)), (26, 26));
    let said = std::fs::read_to_string(&messages).unwrap();
    assert!(
        said.contains("serving on http://") && !said.contains("FORKED") && !said.contains("panicked"),
        "{said}"
    );
    assert!(
        said.contains(&format!("{}/mirror-", tnlog::server::open::PLACEHOLDER)),
        "the key is not printed"
    );
}
