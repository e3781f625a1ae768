//! The index log beside a real log: it goes on after every stop and death, is built again from the leaves, is audited, and
//! ends when a head of it was wrong. And what `tnlog watch` shows of it.

#![cfg(feature = "server")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common;
use crate::common::heads::append;
use crate::common::{Process, TestLog, chain};
use serde_json::Value;
use tnlog::checkpoint::Checkpoint;
use tnlog::client::index_check::{CheckedIndex, IndexCheckError, IndexFault, check_index};
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::source::{Below, Folder as Served};
use tnlog::client::store::{DiskStore, PrefixedStore};
use tnlog::index::{Generation, Index, IndexHead, Shape};
use tnlog::label::Label;
use tnlog::merkle::Hash;
use tnlog::note::{Note, VerifierKey};
use tnlog::server::config::Folder;
use tnlog::server::index::ended::Over;
use tnlog::server::keys::{Keys, KeysError, read_index_key};
use tnlog::server::open::OpenError;
use tnlog::synthetic::fictional_number;

fn submit(log: &TestLog, name: &str) {
    let (chain, precertificate) = chain(name);
    log.submit(&chain, precertificate);
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn indexed(log: &TestLog) {
    let covers = || log.running().log.index.shown().map_or(0, |shown| shown.head.size);
    wait_for("the index stands still", || covers() == log.size());
}

fn keys(folder: &Folder) -> (VerifierKey, VerifierKey) {
    let keys = Keys::read(&folder.keys(), common::ORIGIN).unwrap();
    let index = read_index_key(&folder.keys(), common::ORIGIN, Generation::FIRST).unwrap();
    (keys.checkpoint.verifier_key().clone(), index.verifier_key().clone())
}

/// Recomputes every head from the served folder of a log, as `tnlog audit` does.
fn audit(folder: &Folder) -> Result<CheckedIndex, IndexCheckError> {
    let (key, index_key) = keys(folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let served = Served::new(folder.public());
        let below = Arc::new(Below::new(served.clone(), "index"));
        let mut heads = LogReader::new(below, policy_of_key(index_key).unwrap());
        let mut entries = LogReader::new(Arc::new(served), policy_of_key(key).unwrap());
        heads.update().await?;
        entries.update().await?;
        check_index(&entries, &heads, &mut |_| {}).await
    })
}

#[test]
fn it_goes_on_after_a_stop_and_is_built_again_when_the_derived_store_is_gone_or_damaged() {
    let mut log = TestLog::start("");
    submit(&log, "carrier-1");
    indexed(&log);
    let lag = |log: &TestLog| log.get("/metrics").text().contains("tnlog_index_lag_entries 0");
    wait_for("the lag is not shown", || lag(&log));
    log.restart();
    submit(&log, "carrier-2");
    indexed(&log);
    let root = |log: &TestLog| log.running().log.index.shown().unwrap().head;
    let before = root(&log);
    log.stop();
    std::fs::remove_dir_all(log.folder.derived_index()).unwrap();
    log.resume().unwrap();
    indexed(&log);
    assert_eq!(root(&log), before, "built again from the leaves");
    log.stop();
    // Of another log: an index is not believed because it is there.
    let other = TestLog::start("");
    submit(&other, "number-1");
    submit(&other, "number-2");
    indexed(&other);
    let theirs = other.folder.derived_index();
    drop({
        let mut other = other;
        other.stop();
        std::fs::remove_dir_all(log.folder.derived_index()).unwrap();
        std::fs::rename(&theirs, log.folder.derived_index()).unwrap();
        other
    });
    log.resume().unwrap();
    indexed(&log);
    assert_eq!(root(&log), before, "the index of another log is not used");
    submit(&log, "number-3");
    indexed(&log);
    log.stop();
    let checked = audit(&log.folder).unwrap();
    assert_eq!(checked.newest.unwrap().size, 4);
}

/// Puts another index of this log and of so many entries in the place of the derived one.
fn plant(folder: &Folder, log: Hash, size: u64) {
    let store = tnlog::client::index_store::DiskStore::empty(&folder.derived_index()).unwrap();
    let mut index = Index::open(store, log, Shape::STANDARD).unwrap();
    index.advance(vec![(Label::new([7; 32]), 0)], size).unwrap();
}

fn log_hash(log: &TestLog) -> Hash {
    common::people::leaf(log.address(), 0).hash().unwrap()
}

/// Fails without the comparison with the last head in `Driver::open`: what is wrong on disk would go into the next head.
#[test]
fn an_index_that_is_not_what_the_last_head_says_is_built_again() {
    let mut log = TestLog::start("");
    submit(&log, "carrier-1");
    indexed(&log);
    let hash = log_hash(&log);
    for (name, size) in [("carrier-2", 3), ("carrier-3", 4)] {
        log.stop();
        plant(&log.folder, hash, log_size(&log.folder));
        log.resume().unwrap();
        submit(&log, name);
        indexed(&log);
        assert_eq!(log.size(), size);
    }
    log.stop();
    assert_eq!(audit(&log.folder).unwrap().newest.unwrap().size, 4);
}

fn log_size(folder: &Folder) -> u64 {
    let note = std::fs::read(folder.public().join("checkpoint")).unwrap();
    Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap().size
}

/// A head that was wrong long ago is found by an auditor, and written down by the operator. Fails without the look at that in
/// `Driver::run`.
#[test]
fn an_end_that_the_operator_writes_is_one() {
    let mut log = TestLog::start("");
    submit(&log, "carrier-1");
    indexed(&log);
    log.stop();
    let private = PrefixedStore::new(Arc::new(DiskStore::open(&log.folder.private()).unwrap()), "index");
    Over::new(&format!("{}/index", common::ORIGIN), 0, b"the head", None).write(&private).unwrap();
    log.resume().unwrap();
    let heads = log.running().log.index.published().tree.size;
    submit(&log, "carrier-2");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!((log.running().log.index.published().tree.size, log.size()), (heads, 3));
    assert_eq!(log.get("/tn/v1/heads").status, 410);
}

/// Fails without `check_signed`: an entry that is damaged on disk would end the index log for ever.
#[test]
fn a_damaged_leaf_does_not_end_the_index_log() {
    let mut log = TestLog::start("");
    let chains: Vec<_> = (0..300).map(|n| common::add_chain(&chain(&format!("carrier-{n}")).0)).collect();
    for chains in chains.chunks(100) {
        log.post("/tn/v1/add-chains", &serde_json::json!({ "chains": chains })).success();
    }
    indexed(&log);
    log.stop();
    std::fs::remove_dir_all(log.folder.derived_index()).unwrap();
    let file = log.folder.public().join("tile/entries/000");
    let good = std::fs::read(&file).unwrap();
    let mut damaged = good.clone();
    // The name of a carrier is in the middle of a leaf.
    let place = damaged.windows(4).rposition(|bytes| bytes == b"706J").unwrap();
    damaged[place] = b'8';
    std::fs::write(&file, damaged).unwrap();
    log.resume().unwrap();
    std::thread::sleep(Duration::from_millis(800));
    assert!(!log.running().log.index.is_over());
    assert_eq!(log.get("/tn/v1/heads").status, 503);
    std::fs::write(&file, good).unwrap();
    indexed(&log);
}

/// Fails without the look at the position in `Driver::sign`: a head that was signed and could not be published would be signed
/// once more.
#[test]
fn a_head_that_could_not_be_published_is_signed_once() {
    let mut log = TestLog::start("");
    submit(&log, "carrier-1");
    indexed(&log);
    let heads = log.running().log.index.published().tree.size;
    let file = log.folder.public().join("index/checkpoint");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir_all(file.join("in the way")).unwrap();
    submit(&log, "carrier-2");
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(log.running().log.index.shown().unwrap().head.size, 2);
    std::fs::remove_dir_all(&file).unwrap();
    indexed(&log);
    log.stop();
    let checked = audit(&log.folder).unwrap();
    assert_eq!((checked.newest.unwrap().size, checked.heads), (3, heads + 1));
}

/// A head of more entries than there are: the entry log was set back, or the head is wrong.
#[test]
fn a_head_beyond_the_log_ends_the_index_log() {
    let mut log = TestLog::start("");
    submit(&log, "carrier-1");
    indexed(&log);
    let head = log.running().log.index.shown().unwrap().head;
    log.stop();
    append(&log.folder, common::ORIGIN, &IndexHead { size: 1000, ..head });
    log.resume().unwrap();
    wait_for("the index log goes on", || log.running().log.index.is_over());
}

/// Killed at instants of every part of a head's life, twenty times: every head that was ever signed is right.
#[test]
fn it_survives_death_at_any_instant() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = Folder::new(temporary.path().join("log"));
    std::fs::create_dir(folder.path()).unwrap();
    common::add_roots(&folder);
    std::fs::write(folder.config(), common::config("round_milliseconds = 20\n")).unwrap();
    let messages = temporary.path().join("messages");
    let mut seen: Vec<Checkpoint> = Vec::new();
    for life in 0..20u64 {
        let process = Process::start(folder.path(), "info", &messages);
        let (chain, _) = chain(&format!("carrier-{}", life + 1));
        common::post(process.address, "/ct/v1/add-chain", &common::add_chain(&chain)).success();
        std::thread::sleep(Duration::from_millis(life * 37 % 180));
        let note = common::get(process.address, "/index/checkpoint").body;
        process.kill();
        seen.push(Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap());
        if life % 5 == 4 {
            std::fs::remove_dir_all(folder.derived_index()).unwrap();
        }
    }
    assert!(seen.is_sorted_by_key(|checkpoint| checkpoint.size));
    let process = Process::start(folder.path(), "info", &messages);
    let lag = || common::get(process.address, "/metrics").text().contains("tnlog_index_lag_entries 0");
    std::thread::sleep(Duration::from_millis(600));
    wait_for("the index stands still", lag);
    process.terminate();
    let checked = audit(&folder).unwrap();
    assert_eq!(checked.newest.unwrap().size, 21);
    assert!(checked.heads >= seen.last().unwrap().size);
    assert!(!std::fs::read_to_string(&messages).unwrap().contains("index log is over"));
}

/// A log whose index log has just been found to be over, by a head of two entries that its own key signed.
fn with_a_wrong_head() -> TestLog {
    let mut log = TestLog::start("");
    submit(&log, "carrier-1");
    indexed(&log);
    log.stop();
    let good = audit(&log.folder).unwrap();
    log.resume().unwrap();
    submit(&log, "carrier-2");
    log.stop();
    // The index log may have the head of three entries already; the wrong one says that there are as many as there are.
    let (size, root) = {
        let note = std::fs::read(log.folder.public().join("checkpoint")).unwrap();
        let checkpoint = Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap();
        (checkpoint.size, checkpoint.root)
    };
    append(
        &log.folder,
        common::ORIGIN,
        &IndexHead { size, root, index_root: Hash([9; 32]), ..good.newest.unwrap() },
    );
    log.resume().unwrap();
    wait_for("the index log goes on", || log.running().log.index.is_over());
    log
}

fn problem(log: &TestLog, label: &Value) -> Value {
    log.post("/tn/v1/lookup", label).json()["type"].clone()
}

/// Fails without the comparison with the last head in `advance`: the log would go on signing after a wrong head.
#[test]
fn a_wrong_head_ends_the_index_log_and_not_the_entry_log() {
    let mut log = with_a_wrong_head();
    let label = serde_json::json!({ "at": ["1"] });
    assert_eq!(problem(&log, &label), "urn:tnlog:problem:index-over");
    assert_eq!(log.get("/tn/v1/heads").status, 410);
    submit(&log, "carrier-3");
    let heads = log.running().log.index.published().tree.size;
    // It stays over, without being computed again, and is served on.
    log.restart();
    assert!(log.running().log.index.is_over());
    submit(&log, "carrier-4");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!((log.running().log.index.published().tree.size, log.size()), (heads, 5));
    assert_eq!(log.get("/index/checkpoint").status, 200);
    assert_eq!(log.get("/index/2/checkpoint").status, 404);
    log.stop();
    let over: Over =
        serde_json::from_slice(&std::fs::read(log.folder.private().join("index/over")).unwrap()).unwrap();
    let signed = IndexHead::decode(&common::from_base64(&over.signed.into())).unwrap();
    let computed = IndexHead::decode(&common::from_base64(&over.computed.unwrap().into())).unwrap();
    assert_eq!((signed.index_root, signed.root), (Hash([9; 32]), computed.root));
    assert_eq!(over.index_log, format!("{}/index", common::ORIGIN));
    let fault = audit(&log.folder).unwrap_err();
    let is_found = matches!(
        fault,
        IndexCheckError::Fault { fault: IndexFault::IndexRoot | IndexFault::Size { .. }, .. }
    );
    assert!(is_found, "{fault}");
}

/// The whole way of an operator and of a reader. Fails when `current` does not find the successor, when a successor can be
/// started for an index log that is right, when it begins with the old derived index, and without `is_pinned`.
#[test]
fn a_successor_takes_the_place_of_an_index_log_that_is_over() {
    let right = TestLog::start("");
    let data = |log: &TestLog| log.folder.path().to_str().unwrap().to_owned();
    let command =
        |log: &TestLog| tnlog(log.folder.path(), &["index-successor", "--json", "--data", &data(log)]);
    let refused = command(&right);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("is not over"), "{said}");

    let mut log = with_a_wrong_head();
    let (key, old) = keys(&log.folder);
    let ended = log.get("/index/checkpoint").text();
    let hash = log_hash(&log);
    log.stop();
    let started = lines(&command(&log)).remove(0);
    // The successor takes nothing over from an index that may be wrong.
    plant(&log.folder, hash, 2);
    assert_eq!(started["origin"], format!("{}/index/2", common::ORIGIN));
    assert!(String::from_utf8_lossy(&command(&log).stderr).contains("index/2 is not over"));
    log.resume().unwrap();
    submit(&log, "carrier-3");
    indexed(&log);
    assert_eq!(log.get("/tn/v1/log").success()["index_key"], started["index_key"]);
    // The old one is served as it was, and the new one beside it.
    assert_eq!(log.get("/index/checkpoint").text(), ended);
    assert_eq!(log.get("/index/tile/entries/000.p/1").status, 200);
    assert_eq!(log.get("/index/2/tile/entries/000.p/1").status, 200);
    assert_eq!(log.get("/index/3/checkpoint").status, 404);

    let url = format!("http://{}/", log.address());
    let folder = tempfile::tempdir().unwrap();
    let watch = |index_keys: &[&str]| {
        let pinned: String = index_keys.iter().map(|key| format!("log {key}\n")).collect();
        let policy = format!("log {key} {url}\n{pinned}quorum none\n");
        std::fs::write(folder.path().join("policy"), policy).unwrap();
        tnlog(folder.path(), &["watch", "--policy", "policy", "--trust-log", "--spc", "706J", "--json"])
    };
    let (old, new) = (old.to_string(), started["index_key"].as_str().unwrap().to_owned());
    let told = watch(&[&old]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(
        said.contains("/index/2, and the key that is pinned is of ") && said.contains("tnlog audit"),
        "{said}"
    );
    assert_ne!(told.status.code(), Some(0));
    for index_keys in [&[&*new][..], &[&old, &new]] {
        let shown = watch(index_keys);
        assert_eq!((entries(&lines(&shown)), shown.status.code()), (vec![1, 2, 3], Some(0)));
    }

    // Both are audited: the old one is wrong for ever, and the new one is right.
    let audit = |place: &str, index_key: &str| {
        let key = key.to_string();
        tnlog(folder.path(), &["audit", place, "--key", &key, "--index-key", index_key, "--json"])
    };
    let public = log.folder.public().to_str().unwrap().to_owned();
    for place in [&url, &public] {
        let found = audit(place, &old);
        assert_eq!((found.status.code(), &lines(&found)[0]["place"]), (Some(2), &"index".into()), "{place}");
        let found = audit(place, &new);
        assert_eq!((found.status.code(), &lines(&found)[0]["index_covers"]), (Some(0), &4.into()), "{place}");
    }

    // It goes on after a restart, and a key that was lost is missed, not replaced.
    log.restart();
    submit(&log, "carrier-4");
    indexed(&log);
    assert_eq!(log.get("/tn/v1/log").success()["index_key"], started["index_key"]);
    log.stop();
    std::fs::remove_file(log.folder.keys().join("index-2.key")).unwrap();
    let error = log.resume().unwrap_err();
    assert!(matches!(error, OpenError::Keys(KeysError::Missing(_))), "{error}");
}

#[test]
fn the_keys_of_both_logs_are_not_mixed_up() {
    let log = TestLog::start("");
    let info = log.get("/tn/v1/log").success();
    let (key, index_key) = keys(&log.folder);
    assert_eq!(
        (info["checkpoint_key"].as_str().unwrap(), info["index_key"].as_str().unwrap()),
        (&*key.to_string(), &*index_key.to_string())
    );
    assert_eq!(index_key.name(), format!("{}/index", common::ORIGIN));
    wait_for("no head is signed", || log.get("/index/tile/entries/000.p/1").status == 200);
    assert_eq!(log.get("/index/tile/entries/001").status, 404);
}

fn tnlog(folder: &Path, args: &[&str]) -> Output {
    let command = Command::new(env!("CARGO_BIN_EXE_tnlog"))
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::null())
        .output();
    command.unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The entries of the credentials that `tnlog watch --json` shows.
fn entries(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["entries"].as_array()).flatten().filter_map(Value::as_u64).collect()
}

#[test]
fn watch_shows_all_of_a_carrier_and_of_a_number_and_says_what_is_not_mine() {
    let log = TestLog::start("");
    for name in ["carrier-1", "number-1", "range", "carrier-2", "number-precert-1", "number-2"] {
        submit(&log, name);
    }
    indexed(&log);
    let folder = tempfile::tempdir().unwrap();
    let (key, index_key) = keys(&log.folder);
    let policy = format!("log {key} http://{}/\nlog {index_key}\nquorum none\n", log.address());
    std::fs::write(folder.path().join("policy"), &policy).unwrap();
    let watch = |code: i32, more: &[&str]| {
        let output = tnlog(folder.path(), &[&["watch", "--policy", "policy", "--trust-log"], more].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{more:?}: {error}{}",
            String::from_utf8_lossy(&output.stdout)
        );
        (output, error)
    };
    let (shown, _) = watch(0, &["--spc", "706j"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.starts_with("706J in log.example/test\n  2 credentials: all of the first "), "{text}");
    let (shown, _) = watch(0, &["--spc", "706j", "--json"]);
    assert_eq!(entries(&lines(&shown)), [1, 4]);

    let number = format!("+{}", fictional_number(1));
    let (shown, said) = watch(0, &["--json", &number]);
    let shown = lines(&shown);
    assert_eq!(entries(&shown), [2, 5], "{shown:?}");
    assert!(shown[0]["issuer"].as_str().unwrap().contains("Issuing CA"), "{shown:?}");
    let last = shown.last().unwrap();
    assert_eq!((&last["what"], &last["shown_prefix"]), (&"complete".into(), &number[1..4].into()));
    assert!(
        said.contains(&format!("all blocks below {}", &number[1..4])) && said.contains("--verifiers"),
        "{said}"
    );

    let mine: Vec<_> = shown.iter().filter_map(|line| line["key_hash"].as_str()).collect();
    let known: Vec<_> = mine.iter().flat_map(|key| ["--known", key]).collect();
    watch(0, &[&known[..], &[&number]].concat());
    watch(2, &["--known", "none", &number]);
    watch(0, &["--known", "none", "+17035559999"]);
    watch(64, &["--known", "mine", &number]);

    // A number in the range that is logged as blocks.
    let (shown, _) = watch(0, &["--json", "+17035550150"]);
    let block = &lines(&shown)[0];
    assert_eq!(
        (entries(&lines(&shown)), &block["under"]),
        (vec![3], &"the block 170355501xx".into()),
        "{block}"
    );

    std::fs::write(folder.path().join("policy"), policy.replace(&format!("log {index_key}\n"), "")).unwrap();
    let (_, said) = watch(1, &[&number]);
    assert!(said.contains("pins no key of the index log"), "{said}");
}

#[test]
fn audit_recomputes_the_index_when_its_key_is_given() {
    let mut log = TestLog::start("");
    submit(&log, "carrier-1");
    submit(&log, "number-1");
    indexed(&log);
    let (key, index_key) = keys(&log.folder);
    let (url, key, index_key) =
        (format!("http://{}/", log.address()), key.to_string(), index_key.to_string());
    let output =
        tnlog(log.folder.path(), &["audit", &url, "--key", &key, "--index-key", &index_key, "--json"]);
    let report = &lines(&output)[0];
    assert_eq!((output.status.code(), &report["index_covers"]), (Some(0), &log.size().into()), "{report}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("does not cover"));
    // An index that stays behind is no contradiction, and is said.
    let checkpoint = log.folder.public().join("index/checkpoint");
    let (old, size) = (std::fs::read(&checkpoint).unwrap(), log.size());
    submit(&log, "carrier-2");
    indexed(&log);
    log.stop();
    std::fs::write(&checkpoint, old).unwrap();
    let args = ["audit", "public", "--key", &key, "--index-key", &index_key, "--json"];
    let output = tnlog(log.folder.path(), &args);
    assert!(lines(&output)[0]["index_covers"].as_u64().unwrap() <= size);
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not cover all entries"));
}
