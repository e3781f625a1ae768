//! Death at any instant.

use super::*;

/// The program `tnlog mirror`.
pub(super) struct Process(pub(super) Child);

impl Process {
    fn start(folder: &Path, log: &TestLog, messages: &Path) -> Self {
        Process::of(folder, log.address(), &keys(log), messages)
    }

    /// A mirror of the log at an address, with these keys of it and of its index log.
    pub(super) fn of(
        folder: &Path,
        log: SocketAddr,
        (key, index_key): &(VerifierKey, VerifierKey),
        messages: &Path,
    ) -> Self {
        let messages = std::fs::OpenOptions::new().create(true).append(true).open(messages).unwrap();
        let policy = folder.with_extension("policy");
        std::fs::write(&policy, format!("log {key}\nlog {index_key}\nquorum none\n")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tnlog"))
            .args(["mirror", "--listen", "127.0.0.1:0", "--log", &format!("http://{log}/")])
            .arg("--policy")
            .arg(policy)
            .arg(folder)
            .env("TNLOG_LOG", "trace")
            .stdin(Stdio::null())
            .stderr(messages)
            .spawn()
            .unwrap();
        Process(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Shows what the program said when the test fails.
struct Said(PathBuf);

impl Drop for Said {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", std::fs::read_to_string(&self.0).unwrap_or_default());
        }
    }
}

/// Killed at instants of every part of its life, while entries arrive.
#[test]
fn it_survives_death_at_any_instant() {
    let log = TestLog::start("");
    let temporary = tempfile::tempdir().unwrap();
    let (folder, messages) = (temporary.path().join("mirror"), temporary.path().join("messages"));
    let _said = Said(messages.clone());
    let public = folder.join("public");
    let size = || {
        let note = std::fs::read(public.join("checkpoint")).ok()?;
        Some(Checkpoint::parse(Note::parse(&note).unwrap().text()).unwrap().size)
    };
    let mut last = 0;
    for life in 0..25u64 {
        let process = Process::start(&folder, &log, &messages);
        if life == 3 {
            wait_for("the first lives get nowhere", || size().is_some());
        }
        submit(&log, &[&format!("carrier-{life}")]);
        std::thread::sleep(Duration::from_millis(life * 53 % 211));
        drop(process);
        let now = size().unwrap_or(0);
        assert!(now >= last, "it went back");
        last = now;
    }
    let process = Process::start(&folder, &log, &messages);
    wait_for("the mirror stays behind", || size() == Some(log.size()));
    wait_for("the index stays behind", || {
        let heads = std::fs::read(public.join("tn/v1/heads")).unwrap_or_default();
        let heads: Value = serde_json::from_slice(&heads).unwrap_or_default();
        let head = heads["head"]["head"].as_str().map(|_| common::from_base64(&heads["head"]["head"]));
        head.is_some_and(|head| IndexHead::decode(&head).unwrap().size == log.size())
    });
    let status = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
    assert!(status.success());
    let mut process = process;
    assert!(process.0.wait().unwrap().success());
    assert_eq!(audit(public, keys(&log)), (26, 26));
    let said = std::fs::read_to_string(&messages).unwrap();
    assert!(
        said.contains("serving on http://") && !said.contains("FORKED") && !said.contains("panicked"),
        "{said}"
    );
    assert!(
        said.contains(&format!("{}/mirror-", tnlog::server::open::PLACEHOLDER)),
        "the key is not printed"
    );
}
