//! Waves: how often the statistic is wrong, and how soon it is right.

use super::standing::Random;
use super::*;
use crate::detect::tally::Kind;
use crate::detect::wave::{self, Issued};

/// What an operator issues: credentials an hour on average, how many of them are suspected of which kind, and
/// from which hour on.
#[derive(Clone, Copy)]
struct Habit {
    rate: f64,
    new_operator: f64,
    early: f64,
    from: i64,
}

/// A world without attacks, by the hour.
struct Quiet {
    random: Random,
    habits: Vec<Habit>,
    /// Of which operator, from which hour to which, how many times as much.
    bursts: Vec<(usize, i64, i64, f64)>,
    index: u64,
    store: InMemory,
    tuning: Tuning,
    waves: Vec<Finding>,
}

/// Two large operators and a small one; one of them has many lost telephones. One more begins in the second
/// week.
fn quiet(seed: u64) -> Quiet {
    let habit = |rate, new_operator, early, from| Habit { rate, new_operator, early, from };
    let habits = vec![
        habit(5.0, 0.01, 0.05, 0),
        habit(3.0, 0.02, 0.20, 0),
        habit(0.5, 0.10, 0.01, 0),
        habit(4.0, 0.30, 0.05, 8 * 24),
    ];
    Quiet {
        random: Random(seed),
        habits,
        bursts: vec![(0, 20 * 24, 20 * 24 + 9, 12.0), (3, 15 * 24, 16 * 24, 6.0)],
        index: 0,
        store: InMemory::default(),
        tuning: Tuning::default(),
        waves: Vec::new(),
    }
}

impl Quiet {
    /// How many, where so many are the mean.
    fn poisson(&mut self, mean: f64) -> u64 {
        let (mut product, mut count) = (self.random.share(), 0);
        while product > (-mean).exp() {
            product *= self.random.share();
            count += 1;
        }
        count
    }

    fn rate(&self, operator: usize, hour: i64) -> f64 {
        let habit = self.habits[operator];
        if hour < habit.from {
            return 0.0;
        }
        let by_day = 0.1 + 0.9 * (1.0 - (std::f64::consts::TAU * (hour % 24) as f64 / 24.0).cos());
        let first_weeks = ((hour - habit.from) as f64 / (10.0 * 24.0)).min(1.0);
        let growing = if habit.from > 0 { first_weeks } else { 1.0 };
        let in_burst =
            |burst: &&(usize, i64, i64, f64)| burst.0 == operator && (burst.1..burst.2).contains(&hour);
        habit.rate
            * by_day
            * growing
            * self.bursts.iter().filter(in_burst).map(|burst| burst.3).product::<f64>()
    }

    fn hour(&mut self, hour: i64) {
        for operator in 0..self.habits.len() {
            for _ in 0..self.poisson(self.rate(operator, hour)) {
                let Habit { new_operator, early, .. } = self.habits[operator];
                let kind = match self.random.share() {
                    share if share < new_operator => Some(Kind::NewOperator),
                    share if share < new_operator + early => Some(Kind::Early),
                    _ => None,
                };
                let code = [1, 44][self.random.below(4) as usize / 3];
                self.issue(hour, operator as u8, code, kind);
            }
        }
    }

    fn issue(&mut self, hour: i64, operator: u8, code: u16, kind: Option<Kind>) {
        let timestamp = 1000 * (START + hour * HOUR) as u64;
        let entry = Observed { log_id: LOG, index: self.index, timestamp, content: Content::Other };
        self.index += 1;
        let issued = Issued { entry: &entry, issuer: &issuer(operator), calling_codes: &[code], kind };
        let mut memory = Memory::new(&self.store);
        self.waves.extend(wave::observe(&issued, &mut memory, &self.tuning).unwrap());
        let changes = memory.into_changes();
        self.store.apply(changes);
    }

    fn run(&mut self, hours: std::ops::Range<i64>) {
        hours.for_each(|hour| self.hour(hour));
    }
}

/// Nights, a burst of renewals twelve times as large as usual, and the first weeks of an operator of which a
/// third of the holders had another one. Fails when only one of the two comparisons is made, or operators are
/// not left out of their country in their first week.
#[test]
fn a_quiet_world_has_no_wave() {
    for seed in 0..30 {
        let mut world = quiet(seed);
        world.run(0..28 * 24);
        assert!(world.waves.is_empty(), "seed {seed}: {:?}", world.waves);
        assert!(world.index > 4000, "{}", world.index);
    }
}

/// A limit of 10^-3 instead of 10^-9, so that there is something to count: no more tests are wrong than it
/// says.
#[test]
fn false_alarms_are_no_more_than_promised() {
    let (mut waves, mut counted) = (0, 0);
    for seed in 100..112 {
        let mut world = quiet(seed);
        world.habits.truncate(3);
        world.bursts.clear();
        world.tuning.wave_log_probability = 1e-3_f64.ln();
        world.run(0..35 * 24);
        waves += world.waves.iter().filter(|wave| wave.version < 16).count();
        counted += world.index;
    }
    // A tenth of all is counted, and each with four windows for the operator and for the country.
    let tests = counted as f64 / 10.0 * 8.0;
    assert!((waves as f64) < 1e-3 * tests, "{waves} of {tests}");
}

/// Victims at a steady rate, from a random hour of the fourth week on. The wave is found before the 25th.
fn victims_until_found(seed: u64, each_hour: u64, operators: &[u8], kind: Kind) -> Option<u64> {
    let mut world = quiet(seed);
    let begin = 21 * 24 + world.random.below(7 * 24) as i64;
    world.run(0..begin);
    assert!(world.waves.is_empty());
    let mut victims = 0;
    for hour in begin..begin + 60 {
        world.hour(hour);
        for _ in 0..each_hour {
            let operator = operators[world.random.below(operators.len() as u64) as usize];
            world.issue(hour, operator, 44, Some(kind));
            victims += 1;
            if !world.waves.is_empty() {
                return Some(victims);
            }
        }
    }
    None
}

#[test]
fn a_wave_is_found_by_the_time_it_has_twenty_victims() {
    for seed in 200..206 {
        for (each_hour, operators, kind) in [
            (20, &[2][..], Kind::NewOperator),
            (20, &[0, 1], Kind::NewOperator),
            (20, &[2], Kind::Early),
            (5, &[0], Kind::NewOperator),
            (2, &[2], Kind::NewOperator),
        ] {
            let victims = victims_until_found(seed, each_hour, operators, kind);
            let found = victims.is_some_and(|victims| victims <= 20);
            assert!(found, "seed {seed}, {each_hour} an hour by {operators:?}: {victims:?}");
        }
    }
}

/// One wave is one finding, with its members, that grows; when it is over, the next one is another finding.
#[test]
fn a_wave_is_one_finding_with_its_members() {
    let mut world = quiet(7);
    world.run(0..22 * 24);
    let first = world.index;
    for hour in 22 * 24..22 * 24 + 10 {
        (0..20).for_each(|_| world.issue(hour, 2, 44, Some(Kind::NewOperator)));
    }
    let ids: std::collections::HashSet<_> = world.waves.iter().map(|wave| wave.id).collect();
    assert_eq!(ids.len(), 1);
    let last = world.waves.last().unwrap();
    assert_eq!((last.severity, last.issuer), (Severity::High, Some(issuer(2).key_hash)));
    assert!(last.version >= 100 && last.entries.len() == last.version as usize, "{}", last.version);
    assert!(last.entries.iter().filter(|member| **member >= first).count() >= last.entries.len() - 2);
    let versions: Vec<_> = world.waves.iter().map(|wave| wave.version).collect();
    assert!(versions.is_sorted() && versions.len() < 8, "{versions:?}");
    world.run(22 * 24 + 10..26 * 24);
    (0..40).for_each(|_| world.issue(26 * 24, 2, 44, Some(Kind::NewOperator)));
    assert!(!ids.contains(&world.waves.last().unwrap().id));
}

/// A wave by several operators that hits victims of both kinds is one finding: fails when the kind of its newest member alone decides
/// whether it goes on, and when what was counted in it makes one of each operator.
#[test]
fn a_wave_of_both_kinds_by_several_operators_is_one_finding() {
    for seed in 300..306 {
        let mut world = quiet(seed);
        world.run(0..22 * 24);
        for hour in 22 * 24..22 * 24 + 12 {
            world.hour(hour);
            for victim in 0..12 {
                let kind = if victim == 5 { Kind::Early } else { Kind::NewOperator };
                world.issue(hour, [0, 1, 2][victim % 3], 44, Some(kind));
            }
        }
        world.run(22 * 24 + 12..28 * 24);
        let ids: std::collections::HashSet<_> = world.waves.iter().map(|wave| wave.id).collect();
        assert_eq!(ids.len(), 1, "seed {seed}: {:?}", world.waves);
        assert!(world.waves.last().unwrap().version > 60);
    }
}

/// One number with many credentials, and one certificate with many numbers, are no wave. Fails when `kind_of`
/// does not look for recent ones.
#[test]
fn a_number_and_a_certificate_count_once() {
    let mut world = World::new(Detectors::default());
    for person in 0..200 {
        world.after(4 * HOUR).logs(&credential(person, 1000 + person, 1));
    }
    for key in 0..50 {
        world.after(60).logs(&credential(199, 5000 + key, 1));
    }
    let fleet = Credential { labels: (150..199).collect(), ..credential(0, 9000, 1) };
    world.logs(&fleet);
    let waves = |world: &World| world.open().iter().filter(|found| found.0 == Detector::RerouteWave).count();
    assert_eq!(waves(&world), 0);
    for person in 140..160 {
        world.logs(&credential(person, 7000 + person, 1));
    }
    assert_eq!(waves(&world), 1, "twenty numbers are");
}
