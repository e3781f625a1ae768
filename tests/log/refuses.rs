//! What a log does not start on: each says what is wrong and what to do, and signs nothing.

#![cfg(feature = "server")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common;
use crate::common::{TestLog, chain};
use tnlog::server::config::Folder;

fn copy(from: &Path, to: &Path) {
    for file in common::files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

/// What is done to the folder of a stopped log, with an older copy of it at hand.
type Mishap = fn(&Folder, &Path);

/// Each mishap with words that the refusal has.
const MISHAPS: &[(&str, Mishap, &str)] = &[
    (
        "a key gone",
        |log, _| fs::remove_file(log.keys().join("opening.key")).unwrap(),
        "restore it from a backup",
    ),
    ("all keys gone", |log, _| fs::remove_dir_all(log.keys()).unwrap(), "restore it from a backup"),
    (
        "a key that others can read",
        |log, _| {
            let open = fs::Permissions::from_mode(0o644);
            fs::set_permissions(log.keys().join("label.key"), open).unwrap();
        },
        "chmod 600",
    ),
    (
        "another label key",
        |log, _| fs::write(log.keys().join("label.key"), "07".repeat(32)).unwrap(),
        "leaf 0",
    ),
    (
        "a damaged key",
        |log, _| fs::write(log.keys().join("sct.key"), "no key").unwrap(),
        "does not hold the key",
    ),
    (
        "another opening key",
        |log, _| fs::write(log.keys().join("opening.key"), "07".repeat(32)).unwrap(),
        "opening.key is not the secret",
    ),
    ("no lock", |log, _| fs::remove_file(log.lock()).unwrap(), "its lock was lost"),
    (
        "no lock, and nothing derived",
        |log, _| {
            fs::remove_file(log.lock()).unwrap();
            fs::remove_dir_all(log.derived()).unwrap();
        },
        "the lock holds no checkpoint",
    ),
    (
        "no lock, and nothing served",
        |log, _| {
            fs::remove_file(log.lock()).unwrap();
            fs::remove_dir_all(log.public()).unwrap();
        },
        "its lock was lost",
    ),
    (
        "an older lock, and no checkpoint that shows it",
        |log, older| {
            fs::copy(older.join("lock"), log.lock()).unwrap();
            fs::remove_file(log.public().join("checkpoint")).unwrap();
        },
        "set back, knows",
    ),
    ("a damaged lock", |log, _| fs::write(log.lock(), [7; 8192]).unwrap(), "the lock file is damaged"),
    (
        "an older lock",
        |log, older| assert!(fs::copy(older.join("lock"), log.lock()).unwrap() > 0),
        "the lock was set back",
    ),
    (
        "an older store",
        |log, older| {
            fs::remove_dir_all(log.public()).unwrap();
            copy(&older.join("public"), &log.public());
        },
        "missing",
    ),
    (
        "another entry",
        |log, _| {
            let path = log.public().join("tile/entries/000.p/3");
            let mut bytes = fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        },
        "does not hold the leaves",
    ),
    (
        "another tile",
        |log, _| fs::write(log.public().join("tile/0/000.p/3"), [1; 96]).unwrap(),
        "do not hold the signed tree",
    ),
    (
        "a store that is a file",
        |log, _| {
            fs::remove_dir_all(log.public()).unwrap();
            fs::write(log.public(), b"").unwrap();
        },
        "public",
    ),
    ("a root that is none", |log, _| fs::write(log.roots().join("bad.pem"), "no root").unwrap(), "bad.pem"),
];

#[test]
fn a_log_that_is_not_what_was_signed_is_refused() {
    let mut log = TestLog::start("");
    log.submit(&chain("carrier-1").0, false);
    log.stop();
    let (older, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(log.folder.path(), older.path());
    log.resume().unwrap();
    log.submit(&chain("number-2").0, false);
    log.stop();
    copy(log.folder.path(), whole.path());
    for (name, mishap, words) in MISHAPS {
        mishap(&log.folder, older.path());
        let lock = fs::read(log.folder.lock()).ok();
        let error = log.resume().err().unwrap_or_else(|| panic!("{name} was not noticed"));
        let text = error.to_string();
        assert!(text.contains(words), "{name}: {text}");
        assert!(
            fs::read(log.folder.lock()).ok().is_none_or(|now| now.is_empty() || lock == Some(now)),
            "{name}: signed"
        );
        fs::remove_dir_all(log.folder.path()).unwrap();
        copy(whole.path(), log.folder.path());
    }
    log.resume().unwrap();
    assert_eq!(log.size(), 3);
}

#[test]
fn a_second_process_on_the_folder_is_refused() {
    let log = TestLog::start("");
    log.submit(&chain("carrier-1").0, false);
    let config = tnlog::server::config::Config::parse(&common::config("")).unwrap();
    let error = tnlog::server::open::open(&log.folder, config, |_, _| {}).err().expect("it is taken");
    assert!(error.to_string().contains("another process holds this log"), "{error}");
    log.submit(&chain("carrier-2").0, false);
}

#[test]
fn another_origin_is_another_log() {
    let mut log = TestLog::start("");
    log.stop();
    let text = common::config("").replace(common::ORIGIN, "log.example/other");
    let config = tnlog::server::config::Config::parse(&text).unwrap();
    let error = tnlog::server::open::open(&log.folder, config, |_, _| {}).err().expect("it is another's");
    assert!(error.to_string().contains("log.example/other"), "{error}");
}
