//! A log that goes on from an old copy, by the program itself: what stops it, and who finds it out where nothing does.

#[allow(dead_code, reason = "tests/witness.rs uses all of it")]
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::witness::TestWitness;
use tnlog::checkpoint::Checkpoint;
use tnlog::note::{Note, VerifierKey};
use tnlog::server::config::{Config, Folder};

use super::{run, said, tnlog};
use crate::common::{Process, add_chain, add_roots, chain, get, post};

/// A new log in `folder`; its key.
fn begin(folder: &Path, messages: &Path) -> VerifierKey {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("tnlog.toml"), Config::template("log.example/backup")).unwrap();
    add_roots(&Folder::new(folder));
    let log = Process::start(folder, "info", messages);
    let key = get(log.address, "/tn/v1/log").success()["checkpoint_key"].as_str().unwrap().parse();
    log.terminate();
    key.unwrap()
}

/// Runs the log, logs these, waits until `shown`, and stops it.
fn log_entries(folder: &Path, messages: &Path, names: &[&str], shown: &str) {
    let log = Process::start(folder, "info", messages);
    let mut size = 0;
    for name in names {
        let sct = post(log.address, "/ct/v1/add-chain", &add_chain(&chain(name).0)).success();
        assert_eq!(sct["sct_version"], 0);
        size = get(log.address, "/ct/v1/get-sth").success()["tree_size"].as_u64().unwrap();
    }
    let is_shown = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        let answer = get(log.address, shown);
        let note = Note::parse(&answer.body).ok();
        note.and_then(|note| Checkpoint::parse(note.text()).ok()).is_some_and(|shown| shown.size == size)
    });
    assert!(is_shown, "{shown} does not show {size} entries");
    log.terminate();
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").args([from, to]));
}

#[test]
fn an_old_copy_is_stopped_by_a_witness_and_without_one_found_out_by_an_audit() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, old) = (temporary.path().join("log"), temporary.path().join("old"));
    let (messages, seen) = (temporary.path().join("messages"), temporary.path().join("seen"));
    let key = begin(&folder, &messages);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let witness = runtime.block_on(TestWitness::start(temporary.path(), 1, &key));
    fs::write(folder.join("witnesses.txt"), format!("{}quorum {}\n", witness.line(), witness.name)).unwrap();
    let alone = fs::read_to_string(folder.join("tnlog.toml")).unwrap();
    let witnessed = alone.replace("#= witnesses = \"\"", "witnesses = \"witnesses.txt\"");
    fs::write(folder.join("tnlog.toml"), &witnessed).unwrap();

    log_entries(&folder, &messages, &["carrier-1"], "/tn/v1/checkpoint");
    copy(&folder, &old);
    log_entries(&folder, &messages, &["carrier-2", "carrier-3", "number-1"], "/tn/v1/checkpoint");
    let audit = |folder: &Path| {
        let mut audit = tnlog(&["audit", "--key", &key.to_string(), "--seen"]);
        audit.arg(&seen).arg(folder.join("public")).output().unwrap()
    };
    let right = audit(&folder);
    assert!(right.status.success(), "{}", said(&right));

    // With the witness: it does not start, and signs nothing.
    let lock = fs::read(old.join("lock")).unwrap();
    let refused = tnlog(&["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&old).output().unwrap();
    let message = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{message}");
    for part in [
        "w1.example: THE WITNESS REMEMBERS A CHECKPOINT OF 5 ENTRIES, AND THIS LOG HAS 2",
        "Nothing was signed, and the log does not start",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(fs::read(old.join("lock")).unwrap(), lock);

    // Without: it forks, and who saw the tree before finds it out, with both checkpoints.
    fs::write(old.join("tnlog.toml"), &alone).unwrap();
    let others = ["carrier-11", "carrier-12", "carrier-13", "carrier-14"];
    log_entries(&old, &messages, &others, "/checkpoint");
    let found = audit(&old);
    assert_eq!(found.status.code(), Some(2), "{}", said(&found));
    assert!(said(&found).contains("THE LOG HAS FORKED"), "{}", said(&found));
}
