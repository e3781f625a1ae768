//! How good a monitor is: what it found in simulated worlds, compared with the truth about them.
//!
//! The rules of the comparison are in `docs/monitoring.md`. Nothing here knows how a detector decides.

mod follow;
mod judge;
mod lies;
mod table;
mod truth;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub use follow::{follow, monitor_of};
pub use truth::{Facts, TrueAttack, TrueEntry, TrueLie, TrueVictim, Truth};

use crate::detect::Severity;

/// From the mildest on.
pub const SEVERITIES: [Severity; 4] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High];

/// The score of some worlds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// How many worlds.
    pub worlds: u64,
    /// Those without an attack.
    pub calm: u64,
    /// How many entries they have.
    pub entries: u64,
    /// What became of the victims of each kind of attack.
    pub victims: BTreeMap<Whom, Recall>,
    /// The attacks that are to be found by all their victims together.
    pub waves: Vec<Wave>,
    /// What each detector said, by the severity that it came to.
    pub detectors: BTreeMap<String, [Said; 4]>,
    /// Findings of waves where there was none.
    pub false_waves: u64,
    /// What false alarms of each severity were about: the kind of the entry that they began with.
    pub false_alarms: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// Lies of logs.
    pub lies: BTreeMap<String, Lies>,
}

/// Victims that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whom {
    /// The kind of the attack.
    pub attack: String,
    /// Whether they watch.
    pub watched: bool,
}

impl Serialize for Whom {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.attack, if self.watched { "watched" } else { "not watched" })
    }
}

/// How many victims were found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Recall {
    /// How many there were.
    pub victims: u64,
    /// How many were found with each severity or a worse one.
    pub found: [u64; 4],
    /// How long after the attacker's credential each of them was, in milliseconds.
    #[serde(skip)]
    pub delays: [Vec<u64>; 4],
}

/// An attack on many.
#[derive(Clone, Debug, Serialize)]
pub struct Wave {
    /// Its kind.
    pub kind: String,
    /// How many it hits.
    pub victims: usize,
    /// How long after the twentieth victim, or the last of fewer, it was found, in milliseconds; less than 0 when it was before. None
    /// when it was not.
    pub delay: Option<i64>,
}

/// Findings of one detector and one severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Those about an attack.
    pub right: u64,
    /// Those about honest people.
    pub wrong: u64,
    /// Those that were explained later, about whomever.
    pub cleared: u64,
}

/// Lies of one kind.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Lies {
    /// How many were told.
    pub told: u64,
    /// How many were found, under their own name or as a fork that they make.
    pub found: u64,
    /// Those whose evidence verifies with the pinned keys.
    pub verified: u64,
    /// Those whose evidence proves by itself that the log lied.
    pub proved: u64,
}

impl Said {
    /// How many were said and not explained.
    pub fn all(&self) -> u64 {
        self.right + self.wrong
    }

    fn add(&mut self, other: Said) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.cleared += other.cleared;
    }
}

impl Score {
    /// Compares what the monitor of a world found with the truth.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub fn of(world: &Path) -> anyhow::Result<Self> {
        let truth = Truth::read(&world.join("truth"))?;
        let folder = monitor_of(world);
        let mut score = judge::judge(&truth, &judge::Story::of_all(&folder)?);
        score.lies = lies::judge(&truth, &folder)?;
        Ok(score)
    }

    /// Takes the worlds of another one in.
    pub fn add(&mut self, other: Score) {
        self.worlds += other.worlds;
        self.calm += other.calm;
        self.entries += other.entries;
        self.false_waves += other.false_waves;
        self.waves.extend(other.waves);
        for (whom, recall) in other.victims {
            self.victims.entry(whom).or_default().add(recall);
        }
        for (detector, said) in other.detectors {
            let sum = self.detectors.entry(detector).or_default();
            sum.iter_mut().zip(said).for_each(|(sum, said)| sum.add(said));
        }
        for (severity, kinds) in other.false_alarms {
            let sum = self.false_alarms.entry(severity).or_default();
            kinds.into_iter().for_each(|(kind, count)| *sum.entry(kind).or_default() += count);
        }
        for (kind, lies) in other.lies {
            let sum = self.lies.entry(kind).or_default();
            sum.told += lies.told;
            sum.found += lies.found;
            sum.verified += lies.verified;
            sum.proved += lies.proved;
        }
    }

    /// What was said with each severity, by all detectors.
    pub fn severities(&self) -> [Said; 4] {
        let mut sums = [Said::default(); 4];
        for said in self.detectors.values() {
            sums.iter_mut().zip(said).for_each(|(sum, said)| sum.add(*said));
        }
        sums
    }

    /// The share of victims of this kind that were found with this severity or a worse one; none when there were none.
    pub fn recall(&self, attack: &str, watched: bool, least: Severity) -> Option<f64> {
        let recall = self.victims.get(&Whom { attack: attack.to_owned(), watched })?;
        Some(recall.found[least as usize] as f64 / recall.victims.max(1) as f64)
    }

    /// The share of what was said with this severity that is about an attack; none when nothing was.
    pub fn precision(&self, severity: Severity) -> Option<f64> {
        let said = self.severities()[severity as usize];
        (said.all() > 0).then(|| said.right as f64 / said.all() as f64)
    }
}

impl Recall {
    fn add(&mut self, other: Recall) {
        self.victims += other.victims;
        self.found.iter_mut().zip(other.found).for_each(|(sum, found)| *sum += found);
        self.delays.iter_mut().zip(other.delays).for_each(|(sum, delays)| sum.extend(delays));
    }
}
