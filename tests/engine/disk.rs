//! The same checker over real files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tnlog::client::store::{CheckpointLock, DiskLock, DiskStore};
use tnlog::server::sequencer::{CHECKPOINT, Sequencer, Stores};

use crate::checker::{Remains, check, check_nothing_staged};
use crate::driver::Caller;

pub fn open(folder: &Path, caller: &mut Caller) -> Sequencer {
    let store = |name| Arc::new(DiskStore::open(&folder.join(name)).unwrap());
    let stores = Stores { public: store("public"), private: store("private") };
    let lock = DiskLock::open(&folder.join("lock")).unwrap();
    caller.open_at(stores, Box::new(lock)).unwrap()
}

/// Every file below a folder but those that are being written.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = files(&entry.path());
            found.extend(below.into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            assert!(!name.starts_with('.'), "a temporary file is left");
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

pub fn remains(folder: &Path, visible: &[Vec<u8>]) -> Remains {
    let public = files(&folder.join("public"));
    let locked = public.get(CHECKPOINT).cloned();
    Remains { locked, public, private: files(&folder.join("private")), visible: visible.to_vec() }
}

#[test]
fn a_log_in_files_is_appended_to_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = &folder.path().join("new/log");
    let (mut caller, mut visible) = (Caller::default(), Vec::new());
    for round in [vec![1, 0, 250], vec![3, 1, 0], vec![300], vec![]] {
        let mut sequencer = open(folder, &mut caller);
        for count in round {
            caller.append(&mut sequencer, count).unwrap();
            visible.push(sequencer.published().note.clone().into_bytes());
        }
        check(&remains(folder, &visible), &caller.answered).unwrap();
        let note = sequencer.published().note.clone();
        drop(sequencer);
        let locked = DiskLock::open(&folder.join("lock")).unwrap().load().unwrap();
        assert_eq!(locked, Some(note.into_bytes()));
    }
    open(folder, &mut caller).settler().settle().unwrap();
    let remains = remains(folder, &visible);
    check(&remains, &caller.answered).unwrap();
    check_nothing_staged(&remains).unwrap();
    let partial = remains.public.keys().filter(|name| name.starts_with("tile/0/") && name.contains(".p/"));
    assert!(
        partial.clone().all(|name| name.starts_with("tile/0/002.p/")),
        "{:?}",
        partial.collect::<Vec<_>>()
    );
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sequencer = open(folder.path(), &mut Caller::default());
    let lock = folder.path().join("lock");
    assert_eq!(DiskLock::open(&lock).unwrap_err().kind(), ErrorKind::ResourceBusy);
    drop(sequencer);
    DiskLock::open(&lock).unwrap();
}

/// Set in the process whose system calls are counted.
const COUNTED: &str = "TNLOG_COUNT_FSYNCS";

/// Sizes of the rounds whose fsyncs are counted: also over the end of a tile, and with a settled round between.
const COUNTED_ROUNDS: [u64; 6] = [1, 0, 254, 1, 1000, 1];

fn append_between_marks() {
    let folder = tempfile::tempdir().unwrap();
    let mut caller = Caller::default();
    drop(open(folder.path(), &mut caller));
    let mut sequencer = open(folder.path(), &mut caller);
    let mark = |name| assert!(File::open(folder.path().join(name)).is_err());
    for count in COUNTED_ROUNDS {
        mark("append-begins");
        caller.append(&mut sequencer, count).unwrap();
        mark("append-ends");
        sequencer.settler().settle().unwrap();
    }
}

/// The promise of the path to the answer: at most three fsyncs in a round, whatever its size. They are those of the staging
/// object, of the staging folder and of the lock. Needs `strace`, and a system that lets it trace.
#[test]
fn a_round_costs_at_most_three_fsyncs() {
    if std::env::var_os(COUNTED).is_some() {
        return append_between_marks();
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-e", "trace=fsync,fdatasync,sync_file_range,openat", "-o"])
        .args([trace.as_os_str(), std::env::current_exe().unwrap().as_os_str()])
        .args(["--exact", "disk::a_round_costs_at_most_three_fsyncs"])
        .env(COUNTED, "1")
        .output();
    let trace = match traced {
        Ok(output) if output.status.success() => fs::read_to_string(trace).unwrap(),
        _ => return eprintln!("skipped: this machine has no strace, or does not let it trace"),
    };
    let rounds: Vec<usize> = trace.split("append-begins").skip(1).map(syncs_of_round).collect();
    assert_eq!(rounds, [3, 1, 3, 3, 3, 3], "fsyncs of rounds of {COUNTED_ROUNDS:?} entries");
}

fn syncs_of_round(trace: &str) -> usize {
    let (round, _) = trace.split_once("append-ends").expect("a round that begins ends");
    let call = |line: &&str| line.contains("sync(") || line.contains("sync_file_range(");
    round.lines().filter(call).count()
}
