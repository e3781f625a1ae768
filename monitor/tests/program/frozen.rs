//! A log that shows one checkpoint for ever, and has no witness.

use super::surroundings::{faketime, skip};
use super::*;

/// Whether a check, by a clock that goes so many hours ahead, finds that the log does what it must not.
fn misbehaves(monitor: &Monitor, faketime: &Path, hours: u32) -> bool {
    let mut command = monitor.command();
    command.arg("check").env("LD_PRELOAD", faketime).env("FAKETIME", format!("+{hours}h"));
    let done = command.env("DONT_FAKE_MONOTONIC", "1").output().unwrap();
    println!("{}", String::from_utf8_lossy(&done.stderr));
    done.status.code() == Some(3)
}

/// The log has signed for the last time: hours pass, and its tree head stays. One jump of the clock, of a year, is nothing. Fails
/// without `frozen` in the step of the monitor; and when a life believes all that the clock says, already at the jump.
#[test]
fn a_frozen_log_is_stale_without_witnesses() {
    let Some(faketime) = faketime() else { return skip("libfaketime is not installed") };
    let log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let monitor = Monitor::new(&log, &[], "");
    assert_eq!(monitor.check(), 0);
    assert!(!misbehaves(&monitor, &faketime, 365 * 24), "a clock that jumps");
    assert_eq!(monitor.check(), 0);
    let found = (1..8).find(|hours| misbehaves(&monitor, &faketime, *hours));
    assert!(found.is_some_and(|hours| hours > 2), "{found:?}");
    let found = monitor.findings(&[]);
    assert_eq!((found.len(), &found[0]["detector"]), (1, &"stale".into()), "{found:?}");
    assert!(found[0]["what"].as_str().unwrap().contains("stands still"), "{found:?}");
    assert!(monitor.folder.join(found[0]["evidence"].as_str().unwrap()).exists());
    // The log signs again, at a time that agrees with the clock.
    submit(&log, &["carrier-2"]);
    assert_eq!(monitor.check(), 0);
    assert_eq!(monitor.detectors(), Vec::<String>::new(), "it is over");
}
