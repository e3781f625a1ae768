//! Death at any instant.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::common::people::Phone;

const KILLS: u64 = 10;

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

/// Killed at instants of every part of its life, while entries arrive: it tells all that a monitor tells that was never killed, and
/// what it repeats has the same id and version. Fails when the position is stored before what was found.
#[test]
fn it_misses_nothing_however_often_it_is_killed() {
    let log = TestLog::start("");
    let watches: String = (0..3).map(number_watch).collect();
    let alert = "\n[[alert]]\nname = \"all\"\nfile = \"alerts.jsonl\"\nleast = \"info\"\n";
    let more = format!("{watches}{alert}")
        .replace("[[watch]]\nname = \"telephone 0\"", "[[watch]]\nname = \"telephone 0\"");
    let monitor = Monitor::new(&log, &[], &more);
    monitor.configure(|text| text.replacen("least = \"medium\"", "least = \"info\"", 1));
    for life in 0..KILLS {
        let process = monitor.start();
        if life == 2 {
            wait_for("the first lives get nowhere", || {
                !told(&monitor.folder.join("alerts.jsonl")).is_empty()
            });
        }
        Phone::new(log.address(), (life % 3) as u32, 100 + life);
        std::thread::sleep(Duration::from_millis(life * 53 % 211));
        drop(process);
    }
    let code = monitor.check();
    assert!(code == 0 || code == 2, "{code}");
    let never_killed = Monitor::new(&log, &[], &more);
    never_killed.configure(|text| text.replacen("least = \"medium\"", "least = \"info\"", 1));
    assert_eq!(never_killed.check(), 2);
    let ids = |monitor: &Monitor| -> BTreeSet<(String, u64)> {
        told(&monitor.folder.join("alerts.jsonl")).into_keys().collect()
    };
    assert_eq!(ids(&monitor), ids(&never_killed));
    assert!(ids(&monitor).len() as u64 >= KILLS);
    assert!(told(&never_killed.folder.join("alerts.jsonl")).values().all(|count| *count == 1));
    assert_holds_no_number(&monitor.folder, &[0, 1, 2]);
}
