//! A full disk, and a clock that jumps.

use std::collections::BTreeSet;

use super::*;
use crate::common::people::Phone;

/// Puts a disk of 48 MB below the folder $1, with what is in it, and runs the rest there.
const ON_A_SMALL_DISK: &str = "cp -a $1 $1.copy && mount -t tmpfs -o size=48m none $1 && cp -a $1.copy/. $1 && \
                               folder=$1 && shift && exec \"$@\" --folder $folder run";

pub(super) fn skip(why: &str) {
    assert!(std::env::var_os("TNLOG_NO_SKIP").is_none(), "{why}, and TNLOG_NO_SKIP is set");
    println!("SKIPPED: {why}");
}

fn findings(monitor: &Monitor) -> BTreeSet<String> {
    monitor.findings(&["--all"]).iter().map(Value::to_string).collect()
}

/// What a monitor finds that nothing has disturbed.
fn undisturbed(log: &TestLog, more: &str) -> BTreeSet<String> {
    let monitor = Monitor::new(log, &[], more);
    assert_eq!(monitor.check(), 2);
    findings(&monitor)
}

/// The disk is full while entries arrive, or has room for the first of what is to be written: nothing is lost, and it goes on by
/// itself when there is room again. Fails when the memory is not opened again after a write has failed, and when telling ends
/// with it.
#[test]
fn a_full_disk_loses_nothing() {
    let flags = ["-m", "-rm"].into_iter().find(|flags| {
        let tried = Command::new("unshare").args([flags, "mount", "-t", "tmpfs", "none", "/mnt"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    let Some(flags) = flags else { return skip("no small disk can be mounted here") };
    let log = TestLog::start("");
    Phone::new(log.address(), 1, 1);
    let more = number_watch(1);
    let monitor = Monitor::new(&log, &[], &more);
    let messages = monitor.folder.with_extension("messages");
    let child = Command::new("unshare")
        .args([flags, "sh", "-c", ON_A_SMALL_DISK, "sh"])
        .arg(&monitor.folder)
        .arg(env!("CARGO_BIN_EXE_tnlog-monitor"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&messages).unwrap())
        .spawn()
        .unwrap();
    let process = Process { child, messages, before: 0 };
    // What is mounted there is seen through the process alone.
    let inside = format!("/proc/{}/root{}", process.child.id(), monitor.folder.display());
    let inside = Monitor { _temporary: tempfile::tempdir().unwrap(), folder: inside.into() };
    wait_for("the log is not followed", || {
        inside.folder.join("logs").exists() && inside.detectors().len() == 1
    });
    for (round, room) in [0, 4, 8, 16, 32].into_iter().enumerate() {
        let filler = inside.folder.join("filler");
        let filled = std::fs::write(&filler, vec![1; 64 << 20]);
        assert_eq!(filled.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        let file = std::fs::OpenOptions::new().write(true).open(&filler).unwrap();
        file.set_len(file.metadata().unwrap().len() - 4096 * room).unwrap();
        // An open file would keep its room when it is removed.
        drop(file);
        let before = inside.detectors().len();
        for n in 0..2 {
            Phone::new(log.address(), 1, 10 + 10 * round as u64 + n);
            std::thread::sleep(Duration::from_millis(400));
        }
        assert!(room > 0 || inside.detectors().len() == before, "the disk was not full");
        std::fs::remove_file(&filler).unwrap();
        let expected = undisturbed(&log, &more);
        wait_for("it does not go on", || findings(&inside) == expected);
    }
    assert!(!process.said().contains("panicked"), "{}", process.said());
}

/// What makes the clock of a program jump.
pub(super) fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|path| path.exists())
}

/// The clock goes a year forward and a day back: what is found is the same, each finding is told once, and no log is called stale.
#[test]
fn a_clock_that_jumps_changes_nothing() {
    let Some(faketime) = faketime() else { return skip("libfaketime is not installed") };
    let log = TestLog::start("");
    Phone::new(log.address(), 1, 1);
    let more = number_watch(1) + "\n[[alert]]\nname = \"all\"\nfile = \"alerts.jsonl\"\n";
    let monitor = Monitor::new(&log, &[], &more);
    let (clock, messages) = (monitor.folder.join("clock"), monitor.folder.join("messages"));
    std::fs::write(&clock, "+365d").unwrap();
    let child = monitor
        .command()
        .arg("run")
        .env("LD_PRELOAD", faketime)
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("DONT_FAKE_MONOTONIC", "1")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&messages).unwrap())
        .spawn()
        .unwrap();
    let process = Process { child, messages, before: 0 };
    for (n, jump) in ["-1d", "+0", "+365d"].into_iter().enumerate() {
        wait_for("the log is not followed", || findings(&monitor) == undisturbed(&log, &more));
        std::fs::write(&clock, jump).unwrap();
        Phone::new(log.address(), 1, 10 + n as u64);
    }
    wait_for("the log is not followed", || findings(&monitor) == undisturbed(&log, &more));
    let said = process.terminate();
    let next_year = 1971 + crate::common::people::now() / 31_556_952_000;
    assert!(said.contains(&format!("{next_year}-")), "the clock did not jump: {said}");
    let alerts = std::fs::read_to_string(monitor.folder.join("alerts.jsonl")).unwrap();
    let ids: Vec<Value> =
        alerts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone()).collect();
    let different: BTreeSet<String> = ids.iter().map(Value::to_string).collect();
    assert_eq!(ids.len(), different.len(), "{alerts}");
    assert!(!alerts.contains("stale"), "{alerts}");
}
