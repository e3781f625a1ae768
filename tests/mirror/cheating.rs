//! Logs that cheat, lag, or are damaged.

use common::heads::append;
use tnlog::client::evidence::{Proof, Proved, Unproved};

use super::*;

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
    let (evidence, (key, index_key)) = (mirror.evidence(), keys(&log));
    assert_eq!(evidence.verify(std::slice::from_ref(&key)), Ok(Proved::Fork));
    assert_eq!(evidence.verify(&[index_key]), Err(Unproved::NotSigned(1)));
    let sizes = evidence
        .checkpoints
        .iter()
        .map(|note| Checkpoint::open(&Note::parse(note.as_bytes()).unwrap(), &key).unwrap().size);
    assert_eq!(sizes.collect::<Vec<_>>(), [3, 4]);
    mirror.stop(&log);
}

/// Fails without `Prover::judge`: the log no longer serves what would show that its smaller tree is a fork, and the copy
/// does.
#[test]
fn a_smaller_fork_is_proved_by_the_copy() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    log.stop();
    let backup = tempfile::tempdir().unwrap();
    copy(log.folder.path(), backup.path());
    log.resume().unwrap();
    submit(&log, &["carrier-2", "carrier-3", "carrier-4"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    let before = mirror.get("/checkpoint").text();
    mirror.stop(&log);
    log.stop();
    std::fs::remove_dir_all(log.folder.path()).unwrap();
    copy(backup.path(), log.folder.path());
    log.resume().unwrap();
    submit(&log, &["carrier-5"]);
    mirror.resume(&log);
    wait_for("the fork is not found", || mirror.running().mirror.finding().is_some());
    assert!(mirror.get("/healthz").text().contains("FORKED"));
    mirror.stop(&log);
    assert_eq!(mirror.evidence().verify(&[keys(&log).0]), Ok(Proved::Fork));
    let shown = std::fs::read_to_string(log.folder.public().join("checkpoint")).unwrap();
    let text = |note: &str| Note::parse(note.as_bytes()).unwrap().text().to_owned();
    let kept: Vec<_> = mirror.evidence().checkpoints.iter().map(|note| text(note)).collect();
    assert_eq!(kept, [text(&before), text(&shown)]);
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
    assert_eq!(mirror.evidence().kind, "rollback", "one file, however often it is seen");
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

/// The checkpoint of the entry log in the served folder.
pub(super) fn newest_checkpoint(folder: &LogFolder) -> Checkpoint {
    let note = std::fs::read(folder.public().join("checkpoint")).unwrap();
    Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap()
}

/// Fails without `Recompute::compare`: the mirror would cosign the wrong head; and when it cosigns on after a finding.
#[test]
fn a_wrong_head_is_kept_as_evidence_and_never_cosigned() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1", "carrier-2"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    let before = mirror.get("/tn/v1/heads").text();
    let good = AddCheckpoint::new(0, vec![], index_note(&log)).unwrap().encode();
    mirror.stop(&log);
    submit(&log, &["number-1"]);
    let shown = || log.running().log.index.shown().unwrap().head;
    wait_for("the index stands still", || shown().size == log.size());
    let newest = shown();
    // One head is made each half second: the index log does not have that of the next entry yet.
    submit(&log, &["carrier-3"]);
    log.stop();
    let Checkpoint { size, root, .. } = newest_checkpoint(&log.folder);
    let wrong = IndexHead { size, root, index_root: Hash([9; 32]), ..newest };
    append(&log.folder, common::ORIGIN, &wrong);
    log.resume().unwrap();
    mirror.resume(&log);
    wait_for("the wrong head is not found", || mirror.running().mirror.finding().is_some());
    assert!(mirror.get("/healthz").text().contains("FALSE"));
    let (evidence, (key, index_key)) = (mirror.evidence(), keys(&log));
    let Some(Proof::Head { head, .. }) = &evidence.proof else { panic!("{evidence:?}") };
    assert_eq!(head.leaf, common::base64(&wrong.encode()));
    assert_eq!(evidence.verify(&[key, index_key]), Ok(Proved::BadHead));
    let note = std::fs::read(log.folder.public().join("index/checkpoint")).unwrap();
    let request = AddCheckpoint::new(0, vec![], Note::parse(&note).unwrap()).unwrap().encode();
    assert_eq!(mirror.add_checkpoint(&request).status, 503);
    assert_eq!(mirror.add_checkpoint(&good).status, 503, "nothing at all is cosigned any more");
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

/// Fails when an error of the index log ends a step before the entries are checked.
#[test]
fn trouble_with_the_index_log_holds_up_no_entries() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    mirror.stop(&log);
    submit(&log, &["carrier-2"]);
    let shown = || log.running().log.index.shown().map_or(0, |shown| shown.head.size);
    wait_for("the index stands still", || shown() == log.size());
    let tiles = log.folder.public().join("index/tile");
    let away = tiles.with_extension("away");
    std::fs::rename(&tiles, &away).unwrap();
    mirror.resume(&log);
    wait_for("the entries are held up", || mirror.running().progress.borrow().checked == 3);
    assert_eq!(mirror.running().progress.borrow().indexed, 2);
    std::fs::rename(&away, &tiles).unwrap();
    mirror.caught_up(&log);
    mirror.stop(&log);
}

/// Fails when heads are shown whose leaves are not checked.
#[test]
fn heads_wait_until_their_leaves_are_checked() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "carrier-2"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    mirror.stop(&log);
    submit(&log, &["carrier-3"]);
    let shown = || log.running().log.index.shown().map_or(0, |shown| shown.head.size);
    wait_for("the index stands still", || shown() == log.size());
    // The leaf is good, and its chain is not.
    let file = log.folder.public().join("tile/chains/000.p/4");
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, &good[..good.len() - 1]).unwrap();
    mirror.resume(&log);
    wait_for("the log is not seen", || mirror.running().progress.borrow().size == 4);
    std::thread::sleep(Duration::from_millis(300));
    let now = *mirror.running().progress.borrow();
    assert_eq!((now.checked, now.indexed), (3, 3));
    let request = AddCheckpoint::new(0, vec![], index_note(&log)).unwrap().encode();
    assert_eq!(mirror.add_checkpoint(&request).status, 503);
    std::fs::write(&file, &good).unwrap();
    mirror.caught_up(&log);
    mirror.stop(&log);
}
