//! One world: what was found, beside what there was.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use super::truth::{TrueAttack, TrueVictim, Truth};
use super::{Recall, SEVERITIES, Said, Score, Wave, Whom};
use crate::detect::Detector;
use crate::folder::Folder;
use crate::notice::{Notice, severity};

/// The victim after whom a wave is to be found.
const TWENTIETH: usize = 20;
/// A finding of a wave is right when at least so many of its entries, in percent, are of attacks.
const RIGHT_PERCENT: usize = 50;
/// It finds an attack when at least so many are of that one.
const FINDS_PERCENT: usize = 25;

/// A finding in all its versions, in the order in which they were said.
pub(super) struct Story(Vec<Notice>);

impl Story {
    /// Every finding of a monitor's detectors.
    pub(super) fn of_all(folder: &Folder) -> io::Result<Vec<Story>> {
        let mut stories: BTreeMap<String, Vec<Notice>> = BTreeMap::new();
        for line in BufReader::new(File::open(folder.findings())?).lines() {
            let notice: Notice = serde_json::from_str(&line?)?;
            if !notice.misbehaviour {
                stories.entry(notice.id.clone()).or_default().push(notice);
            }
        }
        Ok(stories.into_values().map(Story).collect())
    }

    fn last(&self) -> &Notice {
        self.0.last().expect("a story has a version")
    }

    /// The worst severity that was said, by its rank.
    fn worst(&self) -> usize {
        self.0.iter().map(|notice| severity(&notice.severity) as usize).max().unwrap_or(0)
    }

    /// When it was first said with this rank or a worse one.
    fn since(&self, rank: usize) -> Option<u64> {
        self.0.iter().find(|notice| severity(&notice.severity) as usize >= rank).map(|notice| notice.time)
    }

    fn is_wave(&self) -> bool {
        self.last().detector == Detector::RerouteWave.name()
    }

    fn is_right(&self, truth: &Truth) -> bool {
        let entries = &self.last().entries;
        let of_attacks = entries.iter().filter(|index| truth.attack_of(**index).is_some()).count();
        if self.is_wave() { 100 * of_attacks >= RIGHT_PERCENT * entries.len() } else { of_attacks > 0 }
    }
}

/// Compares.
pub(super) fn judge(truth: &Truth, stories: &[Story]) -> Score {
    let mut score = Score {
        worlds: 1,
        calm: u64::from(truth.attacks.is_empty()),
        entries: truth.entries.len() as u64,
        ..Score::default()
    };
    for story in stories {
        count(&mut score, truth, story);
    }
    let found = Found::of(stories);
    for attack in &truth.attacks {
        for victim in &attack.victims {
            let whom = Whom { attack: attack.kind.clone(), watched: victim.watched };
            found.victim(attack, victim, score.victims.entry(whom).or_default());
        }
        if !attack.together.is_empty() {
            score.waves.push(found.wave(truth, attack));
        }
    }
    score
}

/// Takes what was said into account, right or wrong.
fn count(score: &mut Score, truth: &Truth, story: &Story) {
    let (worst, last) = (story.worst(), story.last());
    let said: &mut Said = &mut score.detectors.entry(last.detector.clone()).or_default()[worst];
    if last.cleared {
        said.cleared += 1;
        return;
    }
    if story.is_right(truth) {
        said.right += 1;
        return;
    }
    said.wrong += 1;
    score.false_waves += u64::from(story.is_wave());
    let about = last.entries.first().and_then(|index| truth.entries.get(index));
    let kind = about.map_or("nothing", |entry| &entry.kind);
    let alarms = score.false_alarms.entry(SEVERITIES[worst].name()).or_default();
    *alarms.entry(format!("{} of {kind}", last.detector)).or_default() += 1;
}

/// What was found and not explained, by entry.
struct Found<'a> {
    by_entry: HashMap<u64, Vec<&'a Story>>,
    waves: Vec<&'a Story>,
}

impl<'a> Found<'a> {
    fn of(stories: &'a [Story]) -> Self {
        let mut by_entry: HashMap<u64, Vec<&Story>> = HashMap::new();
        let open = || stories.iter().filter(|story| !story.last().cleared);
        for story in open() {
            for index in &story.last().entries {
                by_entry.entry(*index).or_default().push(story);
            }
        }
        Found { by_entry, waves: open().filter(|story| story.is_wave()).collect() }
    }

    fn victim(&self, attack: &TrueAttack, victim: &TrueVictim, recall: &mut Recall) {
        recall.victims += 1;
        let about = || victim.entries.iter().filter_map(|index| self.by_entry.get(index)).flatten();
        for rank in 0..SEVERITIES.len() {
            let named = about().filter(|story| attack.detectors.contains(&story.last().detector));
            if let Some(time) = named.filter_map(|story| story.since(rank)).min() {
                recall.found[rank] += 1;
                recall.delays[rank].push(time.saturating_sub(victim.time));
            }
        }
    }

    fn wave(&self, truth: &Truth, attack: &TrueAttack) -> Wave {
        let of_attack = |notice: &&Notice| {
            let own = notice.entries.iter().filter(|index| truth.attack_of(**index) == Some(attack.id));
            100 * own.count() >= FINDS_PERCENT * notice.entries.len()
        };
        let named = self.waves.iter().filter(|story| attack.together.contains(&story.last().detector));
        let found = named.filter_map(|story| story.0.iter().find(of_attack)).map(|notice| notice.time).min();
        let due = attack.victims.get(TWENTIETH - 1).or(attack.victims.last()).map_or(0, |victim| victim.time);
        Wave {
            kind: attack.kind.clone(),
            victims: attack.victims.len(),
            delay: found.map(|time| time as i64 - due as i64),
        }
    }
}
