//! What a mirror serves.

use serde_json::{Value, json};

use super::*;

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
