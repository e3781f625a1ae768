//! The real program on disks that fail, fill up, are slow or change bits, and killed at every call. Whatever was answered is in the
//! log, at its index, with its time; the tree grew out of every checkpoint that anybody saw; and an audit finds nothing wrong.

#![cfg(feature = "server")]

#[path = "../common/mod.rs"]
mod common;

mod bits;
mod calls;
mod chaos;
mod derived;
mod disks;
mod kill;
mod life;
mod strace;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::answered::{Seen, check, submission};
use common::{Process, add_chain, add_roots, config, get, issuing, post};
use serde_json::json;
use tnlog::index::Generation;
use tnlog::server::config::Folder;
use tnlog::server::keys::{Keys, read_index_key};

/// Makes the folder of a log that does not exist yet.
fn begin(folder: &Path, more: &str) {
    std::fs::create_dir_all(folder).unwrap();
    add_roots(&Folder::new(folder));
    std::fs::write(folder.join("tnlog.toml"), config(more)).unwrap();
}

/// SplitMix64: what happens follows from the seed.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Says that a test cannot be run here, which fails where none may be left out.
fn skip(why: &str) {
    assert!(std::env::var_os("TNLOG_NO_SKIP").is_none(), "{why}, and TNLOG_NO_SKIP is set");
    eprintln!("SKIPPED: {why}");
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a program printed.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A stopped log of [`World::BASE`] submissions, all settled, from which each case has a copy.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// With leaf 0, the fourth entry more fills a tile.
    const BASE: u32 = 252;

    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        begin(&log, "round_milliseconds = 10\n[limits]\nrequest_seconds = 3\n");
        let process = Process::start(&log, "info", &folder.path().join("messages"));
        let chains: Vec<_> = (0..World::BASE).map(|n| add_chain(&submission(&issuing(), n))).collect();
        post(process.address, "/tn/v1/add-chains", &json!({ "chains": chains })).success();
        indexed(&process);
        process.terminate();
        World { folder }
    }

    /// A copy of the log.
    fn copy(&self) -> Copy {
        copy_of(&self.folder.path().join("log"))
    }
}

fn copy_of(log: &Path) -> Copy {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new("cp").arg("-a").arg(log).arg(folder.path()).status().unwrap().success());
    Copy { folder }
}

/// Tries cases, several at once, since most of their time is waiting.
fn at_once<C: Sync + std::fmt::Debug>(cases: &[C], attempt: impl Fn(&C) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let happened = catch_unwind(AssertUnwindSafe(|| attempt(case)));
                    happened.unwrap_or_else(|_| panic!("{case:?} is not survived"));
                }
            });
        }
    });
}

/// A log in a folder of its own.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn messages(&self) -> PathBuf {
        self.folder.path().join("messages")
    }

    fn again(&self) -> Copy {
        copy_of(&self.log())
    }

    fn start(&self) -> Process {
        Process::start(&self.log(), "info", &self.messages())
    }

    /// Starts it, asks for everything that was answered, stops and audits it.
    fn survives(&self, seen: &Seen) {
        let process = self.start();
        check(process.address, &issuing(), seen);
        indexed(&process);
        process.terminate();
        let audited = audit(&self.log());
        assert!(audited.status.success(), "{}", said(&audited));
    }
}

/// Waits until the index has all entries.
fn indexed(process: &Process) {
    let covers = || get(process.address, "/metrics").text().contains("tnlog_index_lag_entries 0");
    wait_for("the index stands still", covers);
}

/// `tnlog audit` of the served folder of a log, with its index.
fn audit(log: &Path) -> Output {
    let folder = Folder::new(log);
    let keys = Keys::read(&folder.keys(), common::ORIGIN).unwrap();
    let index = read_index_key(&folder.keys(), common::ORIGIN, Generation::FIRST).unwrap();
    let mut audit = Command::new(env!("CARGO_BIN_EXE_tnlog"));
    audit.arg("audit").arg(folder.public());
    audit.args(["--key", &keys.checkpoint.verifier_key().to_string()]);
    audit.args(["--index-key", &index.verifier_key().to_string()]).output().unwrap()
}
