//! The systemd units: what `systemd-analyze` says of them, and that the program tells systemd when it is ready.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{has, read, repository, run, tnlog};

const UNITS: [&str; 2] = ["tnlog@.service", "tnlog-monitor.service"];

/// At most so much exposure, of 10.0, as `systemd-analyze security` counts it; 11 stands for 1.1.
const EXPOSURE: &str = "11";

#[test]
fn systemd_takes_the_units_and_finds_them_hardened() {
    if !has("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for unit in UNITS {
        let text = read(&format!("packaging/{unit}"));
        // A program that is on every machine stands for those that are not installed here.
        let text = text.replace("/usr/bin/tnlog-monitor", "/bin/true").replace("/usr/bin/tnlog", "/bin/true");
        fs::write(folder.path().join(unit), text).unwrap();
        let analyze = |arguments: &[&str]| {
            run(Command::new("systemd-analyze").args(arguments).arg(folder.path().join(unit)))
        };
        let complaints = analyze(&["verify", "--man=no"]);
        let ours: Vec<_> = complaints.lines().filter(|line| line.contains("tnlog")).collect();
        assert!(ours.is_empty(), "{ours:?}");
        analyze(&["security", "--offline=true", "--threshold", EXPOSURE, "--no-pager"]);
    }
    let users =
        run(Command::new("systemd-sysusers").arg("--dry-run").arg(repository("packaging/sysusers.conf")));
    assert!(!users.contains("ailed"), "{users}");
}

/// Fails without `notify::tell`.
#[test]
fn a_log_tells_its_manager_when_it_serves_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut log = tnlog(&["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("log"))
        .env("NOTIFY_SOCKET", &path)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = || {
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!(told(), "READY=1");
    run(Command::new("kill").args(["-TERM", &log.id().to_string()]));
    assert_eq!(told(), "STOPPING=1");
    assert!(log.wait().unwrap().success());
}
