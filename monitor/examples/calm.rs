//! Worlds in which nothing goes wrong, many of them: what the detectors say of honest people.
//!
//! ```text
//! cargo run --release -p tnlog-monitor --example calm -- 100 6f1c…     the default world, with 100 seeds that follow from a text
//! ```
//!
//! It shows the detectors what would be logged, without a log: a world takes seconds. The seeds are those of `scripts/judge.sh`.

#[path = "../tests/score/lives.rs"]
mod lives;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tnlog::simulate::{DEFAULT, Script, World};
use tnlog_monitor::detect::{Detector, State};

const START: u64 = 1_736_121_600;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let worlds: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10);
    let commit = arguments.next().unwrap_or_default();
    let (mut waves, mut entries) = (0, 0);
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for n in 1..=worlds {
        let world = World::parse(DEFAULT).expect("the default world is one").without_attacks();
        let script = Script::write(world, seed(&commit, n), START);
        let found = lives::observe(&script, &lives::imagine(&script));
        entries += script.events().len();
        for finding in found.findings.values().filter(|finding| finding.state == State::Open) {
            waves += u64::from(finding.detector == Detector::RerouteWave);
            let kind = found.kind(finding).map_or("nothing".into(), |kind| kind.to_string());
            *counts.entry((finding.severity, finding.detector, kind)).or_default() += 1;
        }
    }
    println!("{worlds} worlds without attacks, {entries} entries, {waves} findings of a wave.");
    println!("\n| severity | detector | of | findings |\n|---|---|---|---|");
    for ((severity, detector, kind), count) in counts.iter().rev() {
        println!("| {} | `{}` | {kind} | {count} |", severity.name(), detector.name());
    }
}

/// The first twelve hexadecimal digits of the SHA-256 of "<commit> <n>".
fn seed(commit: &str, n: u64) -> u64 {
    let digest = Sha256::digest(format!("{commit} {n}"));
    digest[..6].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
