//! The derived databases deleted, cut, overwritten, of another log, or older: the log starts, and answers as before.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::answered::{Seen, answered, submission};
use crate::common::{Process, add_chain, files_below, issuing, post};
use crate::{Copy, World, at_once, begin, indexed};

const DATABASES: [&str; 3] = ["derived", "derived-index", "derived-slots"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    Deleted,
    /// Every file of it.
    Halved,
    Emptied,
    Overwritten,
    OfAnotherLog,
    /// Of the same log, some entries ago.
    Older,
}

const HARMS: [Harm; 6] =
    [Harm::Deleted, Harm::Halved, Harm::Emptied, Harm::Overwritten, Harm::OfAnotherLog, Harm::Older];

fn harm(copy: &Copy, database: &str, harm: Harm, other: &Path, older: &Path) {
    let folder = copy.log().join(database);
    let each = |change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        for file in files_below(&folder) {
            let bytes = fs::read(&file).unwrap();
            fs::write(&file, change(bytes)).unwrap();
        }
    };
    let replace = |with: &Path| {
        fs::remove_dir_all(&folder).unwrap();
        assert!(
            Command::new("cp").arg("-a").arg(with.join(database)).arg(&folder).status().unwrap().success()
        );
    };
    match harm {
        Harm::Deleted => fs::remove_dir_all(&folder).unwrap(),
        Harm::Halved => each(&|mut bytes| {
            bytes.truncate(bytes.len() / 2);
            bytes
        }),
        Harm::Emptied => each(&|_| Vec::new()),
        Harm::Overwritten => each(&|bytes| vec![0x55; bytes.len()]),
        Harm::OfAnotherLog => replace(other),
        Harm::Older => replace(older),
    }
}

fn submit(process: &Process, range: std::ops::Range<u32>, seen: &Seen) {
    for n in range {
        let answer = post(process.address, "/ct/v1/add-chain", &add_chain(&submission(&issuing(), n)));
        seen.answered.lock().unwrap().push(answered(n, &answer.success()));
    }
}

/// Fails without `belongs_to` in `Dedup` and `Slots`, and without the comparison with the last head in `Driver::open`.
#[test]
fn derived_databases_are_built_again_and_answers_stay_the_same() {
    let world = World::new();
    let (log, older, seen) = (world.copy(), world.copy(), Seen::default());
    let process = log.start();
    submit(&process, 0..8, &seen);
    submit(&process, 3000..3008, &seen);
    indexed(&process);
    process.terminate();
    let other = tempfile::tempdir().unwrap();
    let other_log = other.path().join("log");
    begin(&other_log, "");
    let process = Process::start(&other_log, "info", &other.path().join("messages"));
    submit(&process, 3004..3010, &Seen::default());
    indexed(&process);
    process.terminate();

    let cases: Vec<_> = DATABASES.iter().flat_map(|name| HARMS.map(|harm| (*name, harm))).collect();
    at_once(&cases, |(database, how)| {
        let copy = log.again();
        harm(&copy, database, *how, &other_log, &older.log());
        copy.survives(&seen);
    });
}
