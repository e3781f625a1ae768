//! Cosigning as a verifier, and showing what verifiers cosigned.

use tnlog::index::{Index, Shape};

use super::*;

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
    // `Recomputed::check`, and without `wait_for`.
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

/// Fails when the mirror takes the quorum's word of whoever says that it is it, or shows a tree that is not that of the index
/// log which it follows: `Heads::cosigned`.
#[test]
fn only_what_the_quorum_cosigned_of_the_seen_tree_is_shown() {
    let log = TestLog::start("");
    let shown = || log.running().log.index.shown().map_or(0, |shown| shown.head.size);
    wait_for("there is no head of leaf 0", || shown() == 1);
    submit(&log, &["carrier-1"]);
    wait_for("the index stands still", || shown() == log.size());
    let note = index_note(&log);
    let verifier = Signer::new("v.example", tnlog::note::KeyType::Cosignature, &[5; 32]).unwrap();
    let cosigned =
        |note: &Note| format!("{note}{}\n", cosignature::cosign(&verifier, note.text(), 1).unwrap());
    let show = |text: &str| {
        let file = log.folder.public().join("index/tn/v1/checkpoint");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    let wrong = Checkpoint { root: Hash([7; 32]), ..Checkpoint::parse(note.text()).unwrap() };
    let mut mirror = TestMirror::new(&log);
    let lines = format!("log {}\nwitness v {}\nquorum v\n", keys(&log).1, verifier.verifier_key());
    mirror.verifiers = Some(lines.parse().unwrap());
    for text in [note.to_string(), cosigned(&wrong.sign(&index_signer(&log.folder)).unwrap())] {
        show(&text);
        mirror.resume(&log);
        wait_for("the mirror stays behind", || mirror.running().progress.borrow().indexed == log.size());
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(mirror.get("/tn/v1/heads").status, 503, "{text}");
        assert!(mirror.running().mirror.finding().is_none());
        mirror.stop(&log);
    }
    show(&cosigned(&note));
    mirror.resume(&log);
    mirror.caught_up(&log);
    mirror.stop(&log);
    mirror.resume(&log);
    mirror.caught_up(&log);
    // In this life it has not recomputed the first head. Fails without the `NotYet` of `Verifier::cosign`.
    let first = Checkpoint { size: 1, ..wrong }.sign(&index_signer(&log.folder)).unwrap();
    let request = AddCheckpoint::new(0, vec![], first).unwrap().encode();
    assert_eq!(mirror.add_checkpoint(&request).status, 503);
    mirror.stop(&log);
}

/// Fails without the comparisons in `Heads::resume` and `Heads::reopen`: a damaged index would accuse the log of a false head.
#[test]
fn an_index_on_disk_that_is_not_what_the_head_says_is_built_again() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1", "carrier-2"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    mirror.stop(&log);
    let leaf = common::people::leaf(log.address(), 0).hash().unwrap();
    let store =
        tnlog::client::index_store::DiskStore::empty(&mirror.folder.follower().join("index")).unwrap();
    let mut index = Index::open(store, leaf, Shape::STANDARD).unwrap();
    index.advance(vec![(spc(), 2)], 3).unwrap();
    drop(index);
    mirror.config.log = "http://127.0.0.1:1/".into();
    mirror.restart(&log);
    let asked = serde_json::json!({ "labels": [], "below": [], "at": ["1"], "since": 0 });
    assert_eq!(
        common::post(mirror.address(), "/tn/v1/lookup", &asked).status,
        503,
        "it answers out of the damaged one"
    );
    mirror.stop(&log);
    submit(&log, &["carrier-3"]);
    mirror.resume(&log);
    mirror.caught_up(&log);
    assert!(mirror.running().mirror.finding().is_none());
    assert_eq!(lookup(&log, mirror.address()), [1, 2, 3]);
    mirror.stop(&log);
}
