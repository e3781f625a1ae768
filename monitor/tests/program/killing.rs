//! Death at any instant.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::common::people::{Phone, now};
use crate::common::{base64, issuing};
use tnlog::synthetic::{Profile, Validity};

/// Entries that are there before the first life: three parts of a follower.
const BEFORE: u64 = 4500;
/// Lives that end while it catches up, and those that end while entries arrive.
const CATCHING_UP: u64 = 25;
const FOLLOWING: u64 = 35;

/// What is in a file of JSON lines: how often each id and version. A line that was cut off is none.
fn told(path: &Path) -> BTreeMap<(String, u64), usize> {
    let mut told = BTreeMap::new();
    for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
        let Ok(finding) = serde_json::from_str::<Value>(line) else { continue };
        let id = finding["id"].as_str().unwrap().to_owned();
        *told.entry((id, finding["version"].as_u64().unwrap())).or_default() += 1;
    }
    told
}

/// Carriers, of which there is nothing to find.
fn fill(log: &TestLog) {
    let begun = now() / 1000;
    let validity = Validity { not_before: begun, not_after: begun + 90 * 86_400 };
    let issuing = issuing();
    for first in (0..BEFORE).step_by(500) {
        let chain = |seed: u64| {
            let code = format!("{:04}", seed % 10_000);
            let chain = issuing.issue(&Profile::carrier(&code, validity, 10_000 + seed)).chain();
            chain.iter().map(|certificate| base64(certificate)).collect::<Vec<_>>()
        };
        let chains: Vec<_> =
            (first..first + 500).map(|seed| serde_json::json!({ "chain": chain(seed) })).collect();
        log.post("/tn/v1/add-chains", &serde_json::json!({ "chains": chains })).success();
    }
}

/// Instants that are as good as random, and the same in each run.
struct Draws(u64);

impl Draws {
    /// Up to so many milliseconds.
    fn milliseconds(&mut self, most: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % (1000 * most))
    }
}

/// Lives for a while, then dies at once. Fails if it has died before, by itself.
fn live(monitor: &Monitor, time: Duration) {
    let mut process = monitor.start();
    std::thread::sleep(time);
    let ended = process.child.try_wait().unwrap();
    assert!(ended.is_none(), "it ended by itself: {ended:?}\n{}", process.said());
}

/// Killed sixty times, while it catches up, follows and tells: it tells all that a monitor tells that was never killed, and what it
/// repeats has the same id and version. Fails when the position is stored before what was found, and when the outbox is
/// emptied before the alert was taken.
#[test]
fn it_misses_nothing_however_often_it_is_killed() {
    let log = TestLog::start("");
    fill(&log);
    let watches: String = (0..3).map(number_watch).collect();
    let alert = "\n[[alert]]\nname = \"all\"\nfile = \"alerts.jsonl\"\nleast = \"info\"\n";
    let more = format!("{watches}{alert}");
    let all = |text: String| text.replacen("least = \"medium\"", "least = \"info\"", 1);
    let monitor = Monitor::new(&log, &[], &more);
    monitor.configure(all);
    let mut draws = Draws(1);
    for life in 0..CATCHING_UP {
        if life % 3 == 0 {
            Phone::new(log.address(), (life % 3) as u32, 100 + life);
        }
        live(&monitor, draws.milliseconds(400));
    }
    let alerts = monitor.folder.join("alerts.jsonl");
    let process = monitor.start();
    wait_for("it does not catch up", || !told(&alerts).is_empty());
    drop(process);
    for life in CATCHING_UP..CATCHING_UP + FOLLOWING {
        let process = monitor.start();
        let first = Phone::new(log.address(), (life % 3) as u32, 100 + life);
        if life % 4 == 0 {
            Phone::of(log.address(), &[(life % 3) as u32], first.key.clone(), 1000 + life);
        }
        std::thread::sleep(draws.milliseconds(300));
        drop(process);
    }
    let code = monitor.check();
    assert!(code == 0 || code == 2, "{code}");
    let never_killed = Monitor::new(&log, &[], &more);
    never_killed.configure(all);
    assert_eq!(never_killed.check(), 2);
    let ids = |monitor: &Monitor| -> BTreeSet<(String, u64)> {
        told(&monitor.folder.join("alerts.jsonl")).into_keys().collect()
    };
    assert_eq!(ids(&monitor), ids(&never_killed));
    assert!(ids(&monitor).len() as u64 >= FOLLOWING);
    assert!(told(&never_killed.folder.join("alerts.jsonl")).values().all(|count| *count == 1));
    let findings = |monitor: &Monitor| -> BTreeSet<String> {
        let found = monitor.run(&["findings", "--json", "--all", "--least", "info"]);
        String::from_utf8(found.stdout).unwrap().lines().map(String::from).collect()
    };
    assert_eq!(findings(&monitor), findings(&never_killed));
    assert_holds_no_number(&monitor.folder, &[0, 1, 2]);
}
