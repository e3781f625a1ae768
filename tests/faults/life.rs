//! An orderly end in the middle of rounds, a second server on the folder, and a clock that jumps.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::common::answered::{Seen, answered, load, submission};
use crate::common::{Process, add_chain, get, issuing, post};
use crate::{World, skip, wait_for};

/// SIGTERM under load, at ten instants: the log ends in order, and everything that was answered is there. Fails when `stop` does
/// not wait for the rounds.
#[test]
fn it_ends_in_order_in_the_middle_of_a_round() {
    let world = World::new();
    let copy = world.copy();
    let next = AtomicU32::new(World::BASE);
    for instant in 0..10u64 {
        let (process, seen) = (copy.start(), Seen::default());
        let address = process.address;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| load(address, &issuing(), &next, &seen, &AtomicBool::new(false)));
            }
            wait_for("nothing is answered", || !seen.answered.lock().unwrap().is_empty());
            std::thread::sleep(Duration::from_millis(crate::random(instant) % 60));
            assert!(process.stop().success());
        });
        copy.survives(&seen);
    }
    let staging = std::fs::read_dir(copy.log().join("private/staging")).unwrap().count();
    assert_eq!(staging, 0, "rounds stay staged after an orderly end");
}

/// Fails without the operating system's lock in `DiskLock`.
#[test]
fn a_second_server_is_refused_and_disturbs_nothing() {
    let world = World::new();
    let copy = world.copy();
    let (first, seen, next) = (copy.start(), Seen::default(), AtomicU32::new(World::BASE));
    let address = first.address;
    std::thread::scope(|scope| {
        scope.spawn(|| load(address, &issuing(), &next, &seen, &AtomicBool::new(false)));
        for _ in 0..5 {
            let second = Process::try_start(&mut Process::command(&copy.log()), &copy.messages());
            let said = second.err().expect("a second server starts");
            assert!(said.contains("another process holds this log's lock"), "{said}");
        }
        assert!(next.load(Ordering::Relaxed) > World::BASE);
        first.terminate();
    });
    copy.survives(&seen);
}

/// What makes the clock of a program jump.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).find(|path| path.exists())
}

/// The clock goes a day forward and two back, in one life and from one to the next: times of leaves never go down, those of tree
/// heads rise. Fails without `now.max` in `Sequencer::append`.
#[test]
fn times_rise_whatever_the_clock_does() {
    let Some(faketime) = faketime() else { return skip("libfaketime is not installed") };
    let world = World::new();
    let copy = world.copy();
    let clock = copy.folder.path().join("clock");
    let (seen, mut last) = (Seen::default(), (0, 0));
    let mut next = World::BASE;
    for life in [["+0", "+1d", "-1d"], ["-2d", "+0", "-1d"], ["+0", "+0", "+0"]] {
        std::fs::write(&clock, life[0]).unwrap();
        let mut command: Command = Process::command(&copy.log());
        command.env("LD_PRELOAD", &faketime).env("FAKETIME_TIMESTAMP_FILE", &clock);
        command.env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1");
        let process = Process::try_start(&mut command, &copy.messages()).unwrap();
        for jump in life {
            std::fs::write(&clock, jump).unwrap();
            for _ in 0..3 {
                next += 1;
                let answer =
                    post(process.address, "/ct/v1/add-chain", &add_chain(&submission(&issuing(), next)));
                let answered = answered(next, &answer.success());
                let head: Value = get(process.address, "/ct/v1/get-sth").success();
                let now = (answered.1, head["timestamp"].as_u64().unwrap());
                assert!(now.0 >= last.0 && now.1 > last.1 && now.1 >= now.0, "{last:?}, then {now:?}");
                last = now;
                seen.answered.lock().unwrap().push(answered);
            }
        }
        process.terminate();
    }
    let really = crate::common::people::now();
    assert!(last.0 > really + 3_600_000, "the clock did not jump");
    // The audit of a log whose clock was a day ahead finds times in the future, and they are.
    let process = copy.start();
    crate::common::answered::check(process.address, &issuing(), &seen);
    process.terminate();
}
