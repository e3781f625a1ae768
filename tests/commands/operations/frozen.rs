//! A log at the end of its time: it takes nothing new, and everything else goes on.

use std::time::Duration;

use super::{read, tnlog};
use crate::common::{TestLog, add_chain, chain};

/// What `docs/operations.md` says of a frozen log. Its cosigned checkpoint is the subject of `tests/witness.rs`.
#[test]
fn a_frozen_log_takes_nothing_and_answers_everything() {
    let mut log = TestLog::start("heartbeat_seconds = 3600\n");
    let (carrier, number) = (chain("carrier-1").0, chain("number-1").0);
    log.submit(&carrier, false);
    log.submit(&number, false);
    log.reconfigure("read_only = true\nheartbeat_seconds = 1\n");
    let head = |log: &TestLog| {
        let head = log.get("/ct/v1/get-sth").success();
        (head["tree_size"].as_u64().unwrap(), head["timestamp"].as_u64().unwrap())
    };
    let (size, time) = head(&log);
    assert_eq!(size, 3);

    // Nothing new, nothing that it holds already, and it says where to go.
    for known in [&carrier, &chain("carrier-2").0] {
        let refused = log.post("/ct/v1/add-chain", &add_chain(known));
        assert_eq!((refused.status, &refused.json()["type"]), (403, &"urn:tnlog:problem:read-only".into()));
        assert!(refused.text().contains("submit to another log"), "{}", refused.text());
    }
    // Receipts, the folder, the index; and tree heads are signed on.
    for held in [&carrier, &number] {
        assert_eq!(log.post("/tn/v1/receipt", &add_chain(held)).status, 200);
    }
    for path in
        ["/checkpoint", "/tile/entries/000.p/3", "/index/checkpoint", "/tn/v1/heads", "/ct/v1/get-roots"]
    {
        assert_eq!(log.get(path).status, 200, "{path}");
    }
    let renewed = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        head(&log).1 > time
    });
    assert!(renewed, "no tree head is signed any more");
    assert_eq!(head(&log).0, 3);

    // For good: any static web server will do, and an audit of what it serves.
    let key = log.running().log.keys.checkpoint.verifier_key().to_string();
    log.stop();
    let public = log.folder.public();
    let said = super::run(tnlog(&["audit", "--key", &key]).arg(public));
    assert!(said.contains("Nothing is wrong"), "{said}");
    assert!(read("docs/operations.md").contains("read_only = true"));
}
