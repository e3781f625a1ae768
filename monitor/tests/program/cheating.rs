//! Logs that cheat.

use super::*;

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    for file in common::files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

/// A monitor that has seen `before`, and then its log, which went on with `after` from a backup of before that.
fn forked(before: &[&str], after: &[&str]) -> (TestLog, Monitor) {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    log.stop();
    let backup = tempfile::tempdir().unwrap();
    copy(log.folder.path(), backup.path());
    log.resume().unwrap();
    submit(&log, before);
    let monitor = Monitor::new(&log, &[], "");
    assert_eq!(monitor.check(), 0);
    log.stop();
    std::fs::remove_dir_all(log.folder.path()).unwrap();
    copy(backup.path(), log.folder.path());
    log.resume().unwrap();
    submit(&log, after);
    let address = url(&log);
    monitor.configure(|text| {
        let lines = text.lines().map(|line| {
            if line.starts_with("url = ") { format!("url = \"{address}\"") } else { line.into() }
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    (log, monitor)
}

/// The log serves nothing any more that would show that its smaller tree is a fork; the monitor's copy does. Fails without
/// `Prover::judge`.
#[test]
fn a_smaller_fork_is_proved_by_the_copy() {
    let (_log, monitor) = forked(&["carrier-2", "carrier-3", "carrier-4"], &["carrier-5"]);
    assert_eq!(monitor.check(), 3);
    let found = monitor.findings(&[]);
    assert_eq!((found.len(), found[0]["detector"].as_str()), (1, Some("fork")));
    let evidence = monitor.folder.join(found[0]["evidence"].as_str().unwrap());
    let policy = monitor.folder.join("log.policy");
    let arguments = ["verify-evidence", evidence.to_str().unwrap(), "--key", policy.to_str().unwrap()];
    assert!(monitor.run(&arguments).status.success());
}

/// The log goes on from an old backup: two trees. Both are kept and prove it, to who has nothing but the key. Fails without
/// `remember_seen` in the follower, and without `Prover::prefix` nothing is proved.
#[test]
fn a_fork_is_kept_and_proved_offline() {
    let (mut log, monitor) = forked(&["carrier-2"], &["carrier-3", "carrier-4"]);
    assert_eq!(monitor.check(), 3);
    assert_eq!(monitor.check(), 3, "it stays so");
    let found = monitor.findings(&[]);
    assert_eq!((found.len(), found[0]["detector"].as_str()), (1, Some("fork")));
    log.stop();
    let evidence = monitor.folder.join(found[0]["evidence"].as_str().unwrap());
    let verify = |evidence: &Path, key: &Path| {
        let (evidence, key) = (evidence.to_str().unwrap(), key.to_str().unwrap());
        monitor.run(&["verify-evidence", evidence, "--key", key])
    };
    let policy = monitor.folder.join("log.policy");
    let proved = verify(&evidence, &policy);
    assert!(proved.status.success(), "{}", String::from_utf8_lossy(&proved.stderr));
    assert!(String::from_utf8_lossy(&proved.stdout).contains("Proved: the log signed two trees"));
    // Another key proves nothing, nor does a file in which a signed byte was changed.
    let other = monitor.folder.join("other");
    let key = tnlog::note::Signer::new(common::ORIGIN, tnlog::note::KeyType::Ed25519, &[9; 32]).unwrap();
    std::fs::write(&other, format!("{}\n", key.verifier_key())).unwrap();
    assert_eq!(verify(&evidence, &other).status.code(), Some(1));
    let text = std::fs::read_to_string(&evidence).unwrap().replacen("\\n3\\n", "\\n4\\n", 1);
    std::fs::write(&other, text).unwrap();
    assert_eq!(verify(&other, &policy).status.code(), Some(1));
}

/// A damaged bundle is reported when it stays so, and is over when it is whole again.
#[test]
fn what_is_damaged_is_reported_and_over_when_it_is_whole() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let monitor = Monitor::new(&log, &[], "");
    assert_eq!(monitor.check(), 0);
    submit(&log, &["carrier-2"]);
    let bundle = log.folder.public().join("tile/entries/000.p/3");
    let whole = std::fs::read(&bundle).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&bundle, damaged).unwrap();
    assert_eq!(monitor.check(), 3);
    let found = monitor.detectors();
    assert!(found.len() == 1 && found[0].starts_with("bad-"), "{found:?}");
    std::fs::write(&bundle, whole).unwrap();
    assert_eq!(monitor.check(), 0);
    assert_eq!(monitor.detectors(), Vec::<String>::new());
    let over = monitor.findings(&["--all"]);
    assert!(over.len() == 1 && over[0]["cleared"] == true, "{over:?}");
}
