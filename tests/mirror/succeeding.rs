//! A mirror goes from an index log that is over to its successor.

use tnlog::server::index::ended::start_successor;

use super::*;

/// Makes the newest head of a stopped log wrong, and lets the log find out.
fn end_the_index_log(log: &mut TestLog) {
    let Checkpoint { size, root, .. } = cheating::newest_checkpoint(&log.folder);
    let head = IndexHead { size, root, index_root: Hash([9; 32]), labels: 1 };
    common::heads::append(&log.folder, common::ORIGIN, &head);
    log.resume().unwrap();
    wait_for("the index log goes on", || log.running().log.index.is_over());
    log.stop();
}

/// Fails when the follower takes the memory of one index log for that of the next, and when the verifier does.
#[test]
fn a_mirror_follows_and_cosigns_the_successor_and_never_goes_back() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let mut mirror = TestMirror::start(&log);
    mirror.caught_up(&log);
    let ask = |mirror: &TestMirror, note: &Note| {
        mirror.add_checkpoint(&AddCheckpoint::new(0, vec![], note.clone()).unwrap().encode())
    };
    let first = index_note(&log);
    assert_eq!(ask(&mirror, &first).status, 200);
    let (before, old_key) = (mirror.policy.clone(), keys(&log).1);
    mirror.stop(&log);
    submit(&log, &["carrier-2"]);
    log.stop();
    end_the_index_log(&mut log);
    let new_key = start_successor(&log.folder, common::ORIGIN).unwrap();
    log.resume().unwrap();
    submit(&log, &["carrier-3"]);
    let key = keys(&log).0;
    mirror.policy = format!("log {key}\nlog {old_key}\nlog {new_key}\nquorum none\n").parse().unwrap();
    mirror.resume(&log);
    mirror.caught_up(&log);
    assert_eq!(lookup(&log, mirror.address()), [1, 2, 3]);
    let shown = mirror.get("/tn/v1/heads").json()["index_checkpoint"].as_str().unwrap().to_owned();
    assert!(shown.starts_with(new_key.name()), "{shown}");
    assert_eq!(ask(&mirror, &first).status, 404, "nothing more of the old one is cosigned");
    let second = index_note(&log);
    let good = ask(&mirror, &second);
    assert_eq!(good.status, 200, "{}", good.text());
    assert_eq!(ask(&mirror, &second).status, 409, "it is remembered");
    mirror.stop(&log);
    mirror.resume(&log);
    mirror.caught_up(&log);
    mirror.stop(&log);
    // Set back to the old index log, it does not forget that it has cosigned the next one.
    mirror.policy = before;
    mirror.resume(&log);
    assert_eq!(ask(&mirror, &first).status, 404);
    mirror.stop(&log);
}
