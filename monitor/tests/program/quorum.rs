//! Monitors that are the witnesses of a log, the verifiers of its index log, and answer look-ups.

use std::sync::Arc;

use tnlog::client::http::Client;
use tnlog::client::lookup::{Lookups, Memory, Question, Trust};
use tnlog::client::read::policy_of_key;
use tnlog::label::Label;
use tnlog::note::VerifierKey;
use tnlog::number::ServiceProviderCode;
use tnlog::policy::Policy;
use tnlog::witness::SIZE_TYPE;

use super::*;

/// The public key of a cosigner, as it says it.
fn key(process: &Process, role: &str) -> VerifierKey {
    let mut found = None;
    wait_for("the key is not said", || {
        let said = process.said();
        let line =
            said.lines().find(|line| line.contains(&format!("cosigning as {role}"))).map(str::to_owned);
        found = line.and_then(|line| line.split_once("key=")?.1.split_whitespace().next()?.parse().ok());
        found.is_some()
    });
    found.unwrap()
}

fn keys(log: &TestLog) -> (VerifierKey, VerifierKey) {
    let log = &log.running().log;
    (log.keys.checkpoint.verifier_key().clone(), log.index.key().clone())
}

/// All entries of the code, verified as every client verifies them.
fn lookup(log: &TestLog, base: &str) -> Vec<u64> {
    let (key, index_key) = keys(log);
    let (policy, index_policy) =
        (policy_of_key(key.clone()).unwrap(), policy_of_key(index_key.clone()).unwrap());
    let mut lookups =
        Lookups::new(Client::new(base).unwrap(), Trust { key, policy, index_key, index_policy });
    log.runtime.block_on(async {
        let size = lookups.update().await.unwrap();
        let label = Label::of_service_provider_code(&ServiceProviderCode::new("706J").unwrap());
        let question = Question::of_labels(&[label]);
        let news = lookups.ask(&question, &mut Memory::default(), size).await.unwrap();
        lookups.entries(&news).await.unwrap().into_keys().collect()
    })
}

/// Three monitors: two of them are enough, for the log and for its index log. Their answers are those of the log.
#[test]
fn three_monitors_are_the_quorum_of_a_log() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let (log_key, index_key) = keys(&log);
    let monitors: Vec<_> = (0..3)
        .map(|n| Arc::new(Monitor::new(&log, &["--cosign", &format!("monitor-{n}.example")], "")))
        .collect();
    let mut processes: Vec<_> = monitors.iter().map(|monitor| monitor.start()).collect();
    let policy = |role: &str, log_key: &VerifierKey| {
        let mut text = format!("log {log_key}\n");
        for (n, process) in processes.iter().enumerate() {
            text += &format!("witness m{n} {} http://{}/\n", key(process, role), process.address());
        }
        text + "group g 2 m0 m1 m2\nquorum g\n"
    };
    let (witnesses, verifiers) = (policy("witness", &log_key), policy("verifier", &index_key));
    for (name, text) in [("witnesses.txt", &witnesses), ("verifiers.txt", &verifiers)] {
        std::fs::write(log.folder.path().join(name), text).unwrap();
    }
    let address = log.address();
    let path = |name: &str| log.folder.path().join(name).display().to_string();
    let lines = format!(
        "listen = \"{address}\"\nwitnesses = \"{}\"\nverifiers = \"{}\"\ncosign_milliseconds = 20\n",
        path("witnesses.txt"),
        path("verifiers.txt")
    );
    log.reconfigure(&lines);
    submit(&log, &["carrier-2", "number-1"]);
    let [witnesses, verifiers] = [&witnesses, &verifiers].map(|text| text.parse::<Policy>().unwrap());
    let is_cosigned = |size: u64| {
        let heads = log.get("/tn/v1/heads");
        heads.status == 200 && {
            let heads = heads.json();
            let note = |name: &str| heads[name].as_str().unwrap().as_bytes().to_vec();
            let entries = witnesses.check(&note("checkpoint"));
            entries.is_ok_and(|entries| entries.checkpoint.size == size)
                && verifiers.check(&note("index_checkpoint")).is_ok()
        }
    };
    wait_for("there is no quorum", || is_cosigned(log.size()));
    // One may be away.
    drop(processes.pop());
    submit(&log, &["carrier-3"]);
    wait_for("two are no quorum", || is_cosigned(log.size()));
    let base = format!("http://{}/log/log/", processes[0].address());
    wait_for("the monitor's look-up stays behind", || {
        let heads = common::get(processes[0].address(), "/log/log/tn/v1/heads");
        let size = |heads: &Value| heads["checkpoint"].as_str().unwrap().lines().nth(1).map(str::to_owned);
        heads.status == 200 && size(&heads.json()) == Some(log.size().to_string())
    });
    assert_eq!(lookup(&log, &base), [1, 2, 4]);
    assert_eq!(lookup(&log, &url(&log)), [1, 2, 4]);
    assert_eq!(common::get(processes[0].address(), "/healthz").status, 200);
    // Statuses of the specification that need no signature, at the address that serves every log.
    let ask = |body: &str| {
        let request = common::request("POST", "/add-checkpoint", &[], body.as_bytes());
        common::exchange(processes[0].address(), &request).unwrap()
    };
    assert_eq!(ask("nonsense").status, 400);
    let note = log.get("/checkpoint").text();
    assert_eq!(ask(&format!("old 0\n\n{}", note.replace(common::ORIGIN, "log.example/other"))).status, 404);
    let conflict = ask(&format!("old 1\n\n{note}"));
    assert_eq!((conflict.status, conflict.header("content-type")), (409, Some(SIZE_TYPE)));
    let root = note.lines().nth(2).unwrap();
    let another = if root.starts_with('A') { "B" } else { "A" };
    let forged = note.replace(root, &format!("{another}{}", &root[1..]));
    assert_eq!(ask(&format!("old 0\n\n{forged}")).status, 403);
    for file in ["keys/witness", "keys/verifier"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(monitors[0].folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o77, 0, "{file}");
    }
    let first = processes.remove(0);
    assert!(!first.terminate().contains("panicked"));
}

/// The only witness is away, and the log goes on: its newest checkpoint with a quorum stays the same for a minute. It is said who is
/// missing, and over when it is back; what was logged meanwhile is then looked at. Fails without `LogReader::lacks`.
#[test]
fn a_log_that_goes_on_without_its_quorum_is_reported() {
    let mut log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let witness = Monitor::new(&log, &["--cosign", "witness.example"], "");
    let process = witness.start();
    let (key, at) = (key(&process, "witness"), process.address());
    witness.configure(|text| text.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"{at}\"")));
    let witnesses = log.folder.path().join("witnesses.txt");
    let lines = format!("witness only {key} http://{at}/\nquorum only\n");
    std::fs::write(&witnesses, format!("log {}\n{lines}", keys(&log).0)).unwrap();
    let address = log.address();
    log.reconfigure(&format!(
        "listen = \"{address}\"\nwitnesses = \"{}\"\ncosign_milliseconds = 20\n",
        witnesses.display()
    ));
    let monitor = Monitor::new(&log, &[], &number_watch(1));
    monitor.configure(|text| text.replace("#= stale_minutes = 60", "stale_minutes = 1"));
    let (log_key, index_key) = keys(&log);
    std::fs::write(monitor.folder.join("log.policy"), format!("log {log_key}\nlog {index_key}\n{lines}"))
        .unwrap();
    submit(&log, &["carrier-2"]);
    let running = monitor.start();
    let observed = |index: u64| {
        let path = format!("/log/log/ct/v1/get-entry-and-proof?leaf_index={index}&tree_size={}", index + 1);
        common::get(running.address(), &path).status == 200
    };
    wait_for("the log is not followed", || observed(2));
    drop(process);
    let begun = Instant::now();
    submit(&log, &["number-1"]);
    while monitor.detectors().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing is reported");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(begun.elapsed() > Duration::from_secs(55));
    let found = monitor.findings(&[]);
    assert_eq!((found.len(), found[0]["detector"].as_str()), (1, Some("no-quorum")));
    assert!(found[0]["what"].as_str().unwrap().contains("missing: only"), "{found:?}");
    let _back = witness.start();
    wait_for("it is not over", || monitor.detectors() == ["unexpected-key"]);
    assert!(!running.terminate().contains("panicked"));
}
