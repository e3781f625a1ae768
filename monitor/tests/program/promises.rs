//! Certificates with SCTs in the inbox.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tnlog::client::submit::{Chain, sct_of};
use tnlog::commitment::Opening;
use tnlog::entry::SignedEntry;
use tnlog::sct::{Extensions, Sct, log_id};

use super::*;
use crate::common::{base64, certificates, issuing, number_profile, precertificate};

const DAY: u64 = 24 * 60 * 60 * 1000;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn pem(chain: &[Vec<u8>]) -> String {
    let block =
        |der: &Vec<u8>| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(der));
    chain.iter().map(block).collect()
}

fn identity(chain: &[Vec<u8>]) -> SignedEntry {
    Chain::new(certificates(chain)).unwrap().identity().unwrap()
}

/// The answer of a log that signs what it is told and logs nothing.
fn lie(log: &TestLog, chain: &[Vec<u8>], timestamp: u64, extensions: Extensions) -> Value {
    let keys = &log.running().log.keys;
    let data = Sct::signed_data(&identity(chain), timestamp, &extensions).unwrap();
    let signature = keys.sct.sign(&data);
    let sct = Sct { log_id: log_id(&keys.sct_spki), timestamp, extensions, signature };
    json!({
        "sct_version": 0,
        "id": base64(&sct.log_id),
        "timestamp": timestamp,
        "extensions": base64(&sct.extensions.encode().unwrap()),
        "signature": base64(&sct.digitally_signed()),
    })
}

impl Monitor {
    fn put(&self, name: &str, text: &str) {
        let path = self.folder.join("inbox").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn inbox(&self, place: &str) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.folder.join("inbox").join(place)) else { return Vec::new() };
        let name =
            |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = files.map(name).collect();
        names.sort();
        names
    }

    fn verify(&self, evidence: &Path) -> Output {
        self.run(&[
            "verify-evidence",
            evidence.to_str().unwrap(),
            "--key",
            self.folder.join("log.policy").to_str().unwrap(),
        ])
    }
}

/// SCTs beside a file, in the folder of a bundle, and in a certificate.
#[test]
fn what_stands_where_it_was_promised_is_included() {
    let log = TestLog::start("");
    let monitor = Monitor::new(&log, &[], "");
    for name in ["carrier-1", "number-1", "number-precert-5"] {
        let (chain, is_precertificate) = chain(name);
        let answer = log.submit(&chain, is_precertificate);
        monitor.put(&format!("{name}.pem"), &pem(&chain));
        monitor.put(&format!("{name}.pem.sct"), &answer.to_string());
    }
    let (one, two) = (chain("carrier-2").0, chain("number-2").0);
    monitor.put("bundle.pem", &pem(&[one.clone(), two.clone()].concat()));
    for chain in [one, two] {
        let answer = log.submit(&chain, false);
        let fingerprint: String =
            certificates(&chain)[0].fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
        monitor.put(&format!("bundle.pem.scts/{fingerprint}.sct"), &answer.to_string());
    }
    let precertificate = precertificate(&number_profile(6));
    let answer = log.submit(&precertificate.issued().chain(), true);
    let sct = sct_of(&serde_json::from_value(answer).unwrap()).unwrap().encode().unwrap();
    let issued = issuing().finalize(&precertificate, &[sct]).unwrap();
    monitor.put("embedded.pem", &pem(&issued.chain()));
    assert_eq!(monitor.check(), 0);
    let included = ["bundle.pem", "bundle.pem.scts", "carrier-1.pem", "carrier-1.pem.sct", "embedded.pem"];
    let found = monitor.inbox("included");
    assert!(included.iter().all(|name| found.contains(&(*name).to_owned())) && found.len() == 9, "{found:?}");
    assert_eq!(monitor.inbox(""), ["included"]);
    assert!(monitor.findings(&["--all"]).is_empty());
}

/// A log signs SCTs and drops the entries. Fails without the comparison in `is_kept`, and without `is_late` for the one that is beyond
/// the tree; what is proved is proved with the policy alone, and by no changed file.
#[test]
fn what_was_promised_and_dropped_is_found_and_proved() {
    let log = TestLog::start("");
    let honest = log.submit(&chain("carrier-1").0, false);
    submit(&log, &["number-1"]);
    let monitor = Monitor::new(&log, &[], "");
    let opened = |leaf_index| Extensions { leaf_index, opening: Some(Opening::new([9; 32])) };
    let lies = [
        ("taken", "carrier-7", now(), Extensions::of_leaf(1)),
        ("taken-number", "number-7", now(), opened(2)),
        ("beyond", "carrier-8", now() - DAY - 60_000, Extensions::of_leaf(1_000_000)),
        ("due", "carrier-9", now(), Extensions::of_leaf(1_000_000)),
        ("no-opening", "number-8", now(), Extensions::of_leaf(2)),
    ];
    for (file, name, time, extensions) in lies {
        let chain = chain(name).0;
        monitor.put(&format!("{file}.pem"), &pem(&chain));
        monitor.put(&format!("{file}.pem.sct"), &lie(&log, &chain, time, extensions).to_string());
    }
    // Not signed by the log: for another certificate.
    monitor.put("forged.pem", &pem(&chain("carrier-10").0));
    monitor.put("forged.pem.sct", &honest.to_string());
    monitor.put("nothing.pem", "nothing");
    monitor.put(&format!("{}.pem", fictional_number(3)), "nothing");
    let done = monitor.run(&["check"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing.pem") && !said.contains(&fictional_number(3)), "{said}");
    assert_eq!(
        monitor.inbox("not-included"),
        [
            "beyond.pem",
            "beyond.pem.sct",
            "taken-number.pem",
            "taken-number.pem.sct",
            "taken.pem",
            "taken.pem.sct"
        ]
    );
    assert!(
        ["due.pem", "forged.pem", "no-opening.pem", "nothing.pem"]
            .iter()
            .all(|name| monitor.inbox("").contains(&(*name).to_owned()))
    );
    let found = monitor.findings(&["--detector", "sct-not-included"]);
    assert_eq!(found.len(), 3);
    for finding in &found {
        assert_eq!(
            (finding["severity"].as_str(), finding["misbehaviour"].as_bool()),
            (Some("high"), Some(true))
        );
        let evidence = finding["evidence"].as_str().unwrap();
        assert!(evidence.starts_with("evidence/sealed/sct-not-included-"), "{evidence}");
        let proved = monitor.verify(&monitor.folder.join(evidence));
        assert!(proved.status.success(), "{}", String::from_utf8_lossy(&proved.stderr));
        assert!(String::from_utf8_lossy(&proved.stdout).contains("Proved: the log signed an SCT"));
    }
    // What is told holds nothing of the certificate.
    let told = std::fs::read_to_string(monitor.folder.join("findings.jsonl")).unwrap();
    let hidden = base64(&chain("number-7").0[0]);
    assert!(!told.contains(&hidden[..40]) && !told.contains(&fictional_number(7)));

    let taken = found.iter().find(|finding| finding["entries"][0] == 1).unwrap();
    let evidence = std::fs::read(monitor.folder.join(taken["evidence"].as_str().unwrap())).unwrap();
    let evidence: Value = serde_json::from_slice(&evidence).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut evidence = evidence.clone();
        change(&mut evidence["proof"]["promise"]);
        let path = monitor.folder.join("changed.json");
        std::fs::write(&path, evidence.to_string()).unwrap();
        monitor.verify(&path).status.code()
    };
    assert_eq!(changed(&|_| {}), Some(0));
    let entry = base64(&identity(&chain("carrier-1").0).encode());
    let sct = sct_of(&serde_json::from_value(honest.clone()).unwrap()).unwrap().encode().unwrap();
    let kept = |promise: &mut Value| {
        (promise["sct"], promise["entry"]) = (base64(&sct).into(), entry.clone().into())
    };
    assert_eq!(changed(&kept), Some(1), "an honest log is not convicted");
    assert_eq!(changed(&|promise| promise["entry"] = entry.clone().into()), Some(1));
    assert_eq!(changed(&|promise| promise["stands"] = promise["parameters"].clone()), Some(1));
    assert_eq!(changed(&|promise| promise["parameters"] = promise["stands"].clone()), Some(1));
    assert_eq!(changed(&|promise| promise["stands"] = Value::Null), Some(1));
    assert_eq!(monitor.check(), 0, "it is said once");
    assert_eq!(monitor.findings(&["--detector", "sct-not-included"]).len(), 3);
}

/// While it runs, what is put there later is looked at, and what is due is settled when the log has grown.
#[test]
fn a_running_monitor_takes_up_what_comes() {
    let log = TestLog::start("");
    submit(&log, &["carrier-1"]);
    let monitor = Monitor::new(&log, &[], "");
    let process = monitor.start();
    let (late, taken) = (chain("carrier-3").0, chain("carrier-7").0);
    wait_for("there is no inbox", || monitor.folder.join("inbox").exists());
    monitor.put("due.pem.sct", &lie(&log, &taken, now(), Extensions::of_leaf(2)).to_string());
    monitor.put("due.pem", &pem(&taken));
    std::thread::sleep(Duration::from_millis(200));
    assert!(monitor.inbox("").contains(&"due.pem".to_owned()), "the tree may still grow");
    let answer = log.submit(&late, false);
    monitor.put("late.pem.sct", &answer.to_string());
    monitor.put("late.pem", &pem(&late));
    wait_for("the promise is not found broken", || {
        monitor.inbox("not-included").contains(&"due.pem.sct".to_owned())
    });
    wait_for("the kept one is not found", || monitor.inbox("included").contains(&"late.pem.sct".to_owned()));
    wait_for("it is not told", || monitor.detectors() == ["sct-not-included"]);
    assert!(!process.terminate().contains("panicked"));
}
