//! `tnlog doctor`: the built command over folders of real logs, whole and with real faults, while the log runs and while not.

#![cfg(feature = "server")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common;
use crate::common::{Process, TestLog, chain};
use crate::support::witness::{Manner, TestWitness};
use serde_json::Value;

/// What `tnlog doctor --json` says, and its exit code.
fn doctor(folder: &Path) -> (i32, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
    let command = command.args(["doctor", "--json", "--data"]).arg(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{:?}", output.stderr));
    (output.status.code().unwrap(), found)
}

/// The levels of a check, with what was found and what to do.
fn of<'a>(found: &'a [Value], check: &str) -> Vec<(&'a str, String)> {
    let of = found.iter().filter(|found| found["check"] == check);
    of.map(|found| {
        let text = |name: &str| found[name].as_str().unwrap().to_owned();
        (found["level"].as_str().unwrap(), format!("{} {}", text("what"), text("advice")))
    })
    .collect()
}

/// Demands that a check found this, at this level, and that who reads it is told what to do.
fn demand(found: &[Value], check: &str, level: &str, said: &str) {
    let of = of(found, check);
    assert!(
        of.iter().any(|(at, text)| *at == level && text.contains(said)),
        "{check}, {level}, {said}: {found:#?}"
    );
    let told = |found: &Value| found["level"] == "ok" || !found["advice"].as_str().unwrap().is_empty();
    assert!(found.iter().all(told), "no advice: {found:#?}");
}

/// A log with some entries that was stopped, and listens at a port of its own.
fn stopped() -> (TestLog, std::path::PathBuf) {
    let mut log = TestLog::start("");
    for name in ["carrier-1", "number-1"] {
        log.submit(&chain(name).0, false);
    }
    log.stop();
    let path = log.folder.path().to_owned();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fs::write(log.folder.config(), common::config("").replace(":0\"", &format!(":{port}\""))).unwrap();
    (log, path)
}

#[test]
fn a_log_that_is_well() {
    let (_log, path) = stopped();
    let (code, found) = doctor(&path);
    assert_eq!(code, 1, "that it does not run is worth a warning: {found:#?}");
    for check in ["configuration", "keys", "permissions", "roots", "log", "index", "clock", "disk"] {
        let of = of(&found, check);
        assert!(!of.is_empty() && of.iter().all(|(level, _)| *level == "ok"), "{check}: {found:#?}");
    }
    demand(&found, "server", "warning", "tnlog serve");
    let messages = path.join("messages");
    fs::write(path.join("tnlog.toml"), common::config("")).unwrap();
    let server = Process::start(&path, "info", &messages);
    // It listens at another port than the configuration says.
    let (code, found) = doctor(&path);
    assert_eq!(code, 1, "{found:#?}");
    demand(&found, "server", "warning", "holds the lock");
    let here = common::config("").replace("127.0.0.1:0", &server.address.to_string());
    fs::write(path.join("tnlog.toml"), here).unwrap();
    let (code, found) = doctor(&path);
    assert_eq!(code, 0, "{found:#?}");
    demand(&found, "server", "ok", "healthy");
    server.terminate();
}

#[test]
fn a_folder_without_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let (code, found) = doctor(folder.path());
    assert_eq!(code, 2);
    demand(&found, "configuration", "wrong", "--data DIR");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "it made something");
    fs::write(folder.path().join("tnlog.toml"), common::config("rounds = 1\n")).unwrap();
    demand(&doctor(folder.path()).1, "configuration", "wrong", "unknown field");
}

/// Each row fails without its check: what is broken, which check says so, how loud, and in which words.
#[test]
fn real_faults() {
    type Break = fn(&Path);
    let rows: &[(&str, &str, &str, Break)] = &[
        ("keys", "wrong", "is missing", |log| fs::remove_file(log.join("keys/sct.key")).unwrap()),
        ("keys", "wrong", "chmod 600", |log| {
            fs::set_permissions(log.join("keys/label.key"), Permissions::from_mode(0o640)).unwrap();
        }),
        ("keys", "warning", "chmod 700", |log| {
            fs::set_permissions(log.join("keys"), Permissions::from_mode(0o755)).unwrap();
        }),
        ("keys", "wrong", "leaf 0", |log| fs::write(log.join("keys/label.key"), "ab".repeat(32)).unwrap()),
        ("keys", "wrong", "opening.key", |log| {
            fs::write(log.join("keys/opening.key"), "ab".repeat(32)).unwrap();
        }),
        ("keys", "wrong", "index.key", |log| fs::remove_file(log.join("keys/index.key")).unwrap()),
        ("permissions", "warning", "chmod 700", |log| {
            fs::set_permissions(log.join("private"), Permissions::from_mode(0o755)).unwrap();
        }),
        ("permissions", "wrong", "everybody can write", |log| {
            fs::set_permissions(log.join("public"), Permissions::from_mode(0o777)).unwrap();
        }),
        ("roots", "warning", "roots add", |log| fs::remove_dir_all(log.join("roots")).unwrap()),
        ("roots", "wrong", "bad.pem", |log| fs::write(log.join("roots/bad.pem"), "nothing").unwrap()),
        ("services", "wrong", "bad.pem", |log| {
            fs::create_dir_all(log.join("services")).unwrap();
            fs::write(log.join("services/bad.pem"), "nothing").unwrap();
        }),
        ("log", "wrong", "is gone", |log| fs::remove_file(log.join("lock")).unwrap()),
        ("log", "wrong", "damaged", |log| fs::write(log.join("lock"), vec![7; 8192]).unwrap()),
        ("log", "wrong", "does not hold the leaves", |log| flip(&log.join("public/tile/entries/000.p/3"))),
        ("log", "wrong", "do not hold the signed tree", |log| flip(&log.join("public/tile/0/000.p/3"))),
        ("log", "wrong", "not signed by the keys here", |log| {
            let path = log.join("public/checkpoint");
            let note = fs::read_to_string(&path).unwrap();
            fs::write(&path, note.replacen("\n3\n", "\n4\n", 1)).unwrap();
        }),
        ("log", "warning", "nothing is published", |log| {
            fs::remove_file(log.join("public/checkpoint")).unwrap()
        }),
        ("index", "wrong", "index-successor", |log| {
            fs::create_dir_all(log.join("private/index")).unwrap();
            fs::write(log.join("private/index/over"), "found by an auditor").unwrap();
        }),
    ];
    for (check, level, said, fault) in rows {
        let (_log, path) = stopped();
        fault(&path);
        let (code, found) = doctor(&path);
        demand(&found, check, level, said);
        assert_eq!(code, if *level == "wrong" { 2 } else { 1 }, "{check}, {said}");
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Fails without `lock_fits`: the log would go on from there, and fork.
#[test]
fn a_lock_that_was_set_back() {
    let (mut log, path) = stopped();
    let old = fs::read(path.join("lock")).unwrap();
    log.resume().unwrap();
    log.submit(&chain("carrier-2").0, false);
    log.stop();
    fs::write(path.join("lock"), old).unwrap();
    let (code, found) = doctor(&path);
    assert_eq!(code, 2);
    demand(&found, "log", "wrong", "was set back");
}

/// Fails without the comparison of the clock: the log signed in a year.
#[test]
fn a_clock_that_was_set_back() {
    use tnlog::server::clock::Clock;
    use tnlog::server::config::{Config, Folder};
    let folder = tempfile::tempdir().unwrap();
    let text = common::config("").replace(":0\"", ":9\"");
    fs::write(folder.path().join("tnlog.toml"), &text).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (clock, _hand) = Clock::by_hand(now.as_millis() as u64 + 31_536_000_000);
    let config = Config::parse(&common::config("")).unwrap();
    let there = Folder::new(folder.path());
    let started = tnlog::server::run::start_at(&there, config, clock, |_, _| {});
    let log = runtime.block_on(started).unwrap();
    runtime.block_on(log.stop());
    demand(&doctor(folder.path()).1, "clock", "wrong", "set it by NTP");
}

#[test]
fn another_log_where_this_one_should_listen() {
    let (_log, path) = stopped();
    let other = TestLog::start("");
    let there = common::config("").replace("127.0.0.1:0", &other.address().to_string());
    fs::write(path.join("tnlog.toml"), there).unwrap();
    demand(&doctor(&path).1, "server", "warning", "another log");
}

/// A copy of a folder that somebody started: two would sign for one log.
#[test]
fn two_servers_for_one_log() {
    let (log, path) = stopped();
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("log");
    assert!(Command::new("cp").arg("-r").arg(&path).arg(&copied).status().unwrap().success());
    fs::write(copied.join("tnlog.toml"), common::config("")).unwrap();
    let server = Process::start(&copied, "info", &copy.path().join("messages"));
    let there = common::config("").replace("127.0.0.1:0", &server.address.to_string());
    fs::write(path.join("tnlog.toml"), there).unwrap();
    demand(&doctor(&path).1, "server", "wrong", "two folders");
    drop(log);
}

#[test]
fn witnesses_that_do_not_do_what_they_should() {
    let (log, path) = stopped();
    let key = log.folder.keys().join("checkpoint.key");
    let signer = tnlog::note::Signer::parse(fs::read_to_string(key).unwrap().trim()).unwrap();
    let memory = tempfile::tempdir().unwrap();
    let runtime = &log.runtime;
    let witness = runtime.block_on(TestWitness::start(memory.path(), 7, signer.verifier_key()));
    let policy = format!("witness w {} {}\nquorum w\n", witness.signer.verifier_key(), witness.url);
    fs::write(path.join("witnesses.txt"), &policy).unwrap();
    let config = fs::read_to_string(path.join("tnlog.toml")).unwrap();
    fs::write(path.join("tnlog.toml"), config + "witnesses = \"witnesses.txt\"\n").unwrap();
    demand(&doctor(&path).1, "witnesses", "ok", "cosigns, with the key");
    for (manner, level, said) in [
        (Manner::Offline, "warning", "could not be reached"),
        (Manner::WrongSignature, "warning", "no valid cosignature"),
        (Manner::OldTime, "warning", "clocks is wrong"),
        (Manner::Says(404, None, String::new()), "warning", "does not know this log"),
        (
            Manner::Says(409, Some("text/x.tlog.size"), "1000\n".into()),
            "wrong",
            "REMEMBERS A CHECKPOINT OF 1000",
        ),
    ] {
        witness.set(manner.clone());
        let (code, found) = doctor(&path);
        demand(&found, "witnesses", level, said);
        demand(&found, "witnesses", "wrong", "do not meet the quorum");
        assert_eq!(code, 2, "{manner:?}");
    }
    fs::write(path.join("witnesses.txt"), "nonsense\n").unwrap();
    demand(&doctor(&path).1, "witnesses", "wrong", "line 1");
    fs::remove_file(path.join("witnesses.txt")).unwrap();
    demand(&doctor(&path).1, "witnesses", "wrong", "witnesses.txt");
}

#[test]
fn what_people_read() {
    let (_log, path) = stopped();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
    let output = command.args(["doctor", "--data"]).arg(&path).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("WARNING  server") && text.contains("-> start it with `tnlog serve`"), "{text}");
    assert!(text.lines().filter(|line| line.starts_with("ok  ")).count() >= 8, "{text}");
}
