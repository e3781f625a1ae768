//! The program over real logs: what it finds, remembers, proves, tells and cosigns.

#[path = "../../../tests/common/mod.rs"]
mod common;

mod cheating;
mod finding;
mod frozen;
mod hostile;
mod killing;
mod mailing;
mod page;
mod promises;
mod quorum;
mod surroundings;
mod telling;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{TestLog, chain};
use serde_json::Value;
use tnlog::synthetic::fictional_number;

fn submit(log: &TestLog, names: &[&str]) {
    for name in names {
        let (chain, precertificate) = chain(name);
        log.submit(&chain, precertificate);
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn url(log: &TestLog) -> String {
    format!("http://{}/", log.address())
}

/// The lines of a watch of the `n`th fictional number.
fn number_watch(n: u32) -> String {
    format!("\n[[watch]]\nname = \"telephone {n}\"\nnumber = \"{}\"\n", fictional_number(n))
}

/// A monitor in a folder of its own.
struct Monitor {
    _temporary: tempfile::TempDir,
    folder: PathBuf,
}

impl Monitor {
    /// Initialized for a log, with more lines of configuration.
    fn new(log: &TestLog, init: &[&str], more: &str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("monitor");
        let monitor = Monitor { _temporary: temporary, folder };
        let done = monitor.run(&[&["init", &url(log)], init].concat());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        monitor.configure(|text| {
            // The certificates of the tests are valid for so long that each is a finding of low severity.
            let text = text.replacen("#= least = \"low\"", "least = \"medium\"", 1);
            let text = text.replace("#= poll_milliseconds = 5000", "poll_milliseconds = 20");
            let text = text.replace("#= page = \"127.0.0.1:8096\"", "page = \"\"");
            text.replace("#= listen = \"127.0.0.1:8095\"", "listen = \"127.0.0.1:0\"") + more
        });
        monitor
    }

    fn configure(&self, change: impl FnOnce(String) -> String) {
        let path = self.folder.join("tnlog-monitor.toml");
        let text = change(std::fs::read_to_string(&path).unwrap());
        std::fs::write(path, text).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog-monitor"));
        command.arg("--folder").arg(&self.folder).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// The exit code of a check.
    fn check(&self) -> i32 {
        let done = self.run(&["check"]);
        println!("{}", String::from_utf8_lossy(&done.stderr));
        done.status.code().unwrap()
    }

    fn findings(&self, arguments: &[&str]) -> Vec<Value> {
        let done = self.run(&[&["findings", "--json", "--least", "medium"], arguments].concat());
        assert!(done.status.success());
        let text = String::from_utf8(done.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn detectors(&self) -> Vec<String> {
        let name = |finding: &Value| finding["detector"].as_str().unwrap().to_owned();
        self.findings(&[]).iter().map(name).collect()
    }

    /// Runs until it is dropped.
    fn start(&self) -> Process {
        let messages = self.folder.join("messages");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&messages).unwrap();
        let before = file.metadata().unwrap().len() as usize;
        let child = self.command().arg("run").stderr(file).stdout(Stdio::null()).spawn().unwrap();
        Process { child, messages, before }
    }
}

/// `tnlog-monitor run`
struct Process {
    child: Child,
    messages: PathBuf,
    before: usize,
}

impl Process {
    /// What it has said since it was started.
    fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.messages).unwrap()[self.before..]).into_owned()
    }

    fn address(&self) -> SocketAddr {
        let mut found = None;
        wait_for("the monitor does not listen", || {
            let said = self.said();
            let rest = said.split_once("serving on http://").map(|(_, rest)| rest.to_owned());
            found = rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            found.is_some()
        });
        found.unwrap()
    }

    /// Ends it in order; what it said.
    fn terminate(mut self) -> String {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let said = || String::from_utf8_lossy(&std::fs::read(&self.messages).unwrap()).into_owned();
        assert!(self.child.wait().unwrap().success(), "{}", said());
        said()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No number, in any file but the configuration and in nothing that was said.
fn assert_holds_no_number(folder: &Path, numbers: &[u32]) {
    for file in common::files_below(folder) {
        if file.ends_with("tnlog-monitor.toml") {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        for number in numbers.iter().map(|n| fictional_number(*n)) {
            let found = bytes.windows(number.len()).any(|window| window == number.as_bytes());
            assert!(!found, "a number is in {}", file.display());
        }
    }
}
