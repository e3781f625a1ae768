//! What is found, once, and acknowledged.

use std::os::unix::fs::PermissionsExt;

use tnlog::entry::Verb;

use super::*;
use crate::common::people::{Phone, add_statement};

/// Findings are new once; what is acknowledged is learned; a watch that is added later is told the past, with the same ids.
#[test]
fn a_watch_finds_what_was_and_what_comes() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let first = Phone::new(log.address(), 1, 49);
    let monitor = Monitor::new(&log, &[], &number_watch(1));
    assert_eq!(monitor.check(), 2);
    assert_eq!(monitor.check(), 0, "what was found is not new twice");
    let found = monitor.findings(&["--watch", "telephone 1"]);
    let of = |key: &str| found[0][key].as_str().unwrap().to_owned();
    assert_eq!((found.len(), &*of("detector"), &*of("severity")), (1, "unexpected-key", "high"));
    assert_eq!(found[0]["entries"][0], first.index);
    let acknowledged = monitor.run(&["ack", &of("id"), "--reason", "that is me"]);
    assert!(acknowledged.status.success());
    assert!(!monitor.run(&["ack", "00", "--reason", "what?"]).status.success());
    assert_eq!(monitor.findings(&[]), Vec::<Value>::new());
    // The same key again is known now: fails without `Following::learn`.
    let again = Phone::of(log.address(), &[1], first.key.clone(), 50);
    let other = Phone::new(log.address(), 1, 51);
    assert!(again.index > 0 && other.index > again.index);
    assert_eq!(monitor.check(), 2);
    let keys = monitor.findings(&["--detector", "unexpected-key"]);
    let entries: Vec<_> = keys.iter().map(|finding| finding["entries"][0].as_u64().unwrap()).collect();
    assert!(entries.contains(&other.index) && !entries.contains(&again.index), "{entries:?}");
    // A watch that comes later, at another monitor and at this one, says the same.
    let phone = Phone::new(log.address(), 7, 70);
    monitor.configure(|text| text + &number_watch(7));
    assert_eq!(monitor.check(), 2);
    let early = monitor.findings(&["--watch", "telephone 7", "--all"]);
    let fresh = Monitor::new(&log, &[], &number_watch(7));
    assert_eq!(fresh.check(), 2);
    let late = fresh.findings(&["--watch", "telephone 7", "--all"]);
    assert_eq!(early, late);
    assert_eq!(early[0]["entries"][0], phone.index);
    for monitor in [&monitor, &fresh] {
        assert_holds_no_number(&monitor.folder, &[1, 7]);
        for file in ["findings.jsonl", "tnlog-monitor.toml", "log.policy"] {
            let mode = std::fs::metadata(monitor.folder.join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o77, 0, "{file}");
        }
    }
}

/// The watch is added after everything has happened and still says all of it. Fails without `tell_the_past`.
#[test]
fn a_watch_that_is_added_today_answers_for_the_past() {
    let log = TestLog::start("");
    let old = Phone::new(log.address(), 3, 30);
    let new = Phone::new(log.address(), 3, 31);
    let said = add_statement(log.address(), &new.say(Verb::Approve, log.address(), &old));
    assert!(said.status >= 400, "only the earlier key approves");
    let monitor = Monitor::new(&log, &[], "");
    let first = monitor.check();
    assert!(first == 0 || first == 2, "{first}");
    monitor.configure(|text| text + &number_watch(3));
    assert_eq!(monitor.check(), 2);
    let entries: Vec<_> = monitor
        .findings(&["--watch", "telephone 3"])
        .iter()
        .map(|finding| finding["entries"][0].as_u64().unwrap())
        .collect();
    assert_eq!(entries, [old.index, new.index]);
    assert_eq!(monitor.check(), 0);
}
