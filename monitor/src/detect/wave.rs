//! `reroute-wave`: more suspected reroutes of one operator, or in one country, than chance makes.
//!
//! # The statistic
//!
//! Counted is each credential that opens a case of `reroute-suspected` and whose operator is new to the
//! number, or which comes while the leading credential is well inside its life: the two kinds are counted
//! apart. A number counts once a day, and a certificate once however many numbers it names. With each one
//! that is counted, the last 1, 6, 24 and 71 hours are compared with all that is known of the eight weeks
//! before, in two ways:
//!
//! - **by time**: as many hours as there are in both;
//! - **by volume**: as many other credentials as were issued in both. In a country each is weighed with the
//!   odds that its own operator had in the past, so that it does not matter when more of them come from one
//!   with many lost telephones.
//!
//! Each gives an upper bound of the probability ([`super::surprise`]). A wave is reported when **both** are
//! at most 10^-9 for the same hours. A burst of honest renewals raises the volume and what is counted alike;
//! a quiet night lowers the volume only; a campaign makes many new credentials. Under the model, which is
//! that what is counted comes independently and at a rate that is constant by time *or* in proportion to what
//! is issued, a test is wrong at most once in 10^9; each counted credential makes at most four tests for its
//! operator and four for each of its countries. A million of them make a false wave with less than 1 %.
//!
//! Nothing is counted for a country, and no wave is reported, of an operator in its first week. While an
//! operator has a wave its credentials are counted as that wave's in their countries, too, and the other way
//! round. What was counted in a wave is neither part of what is usual afterwards nor makes another wave: so
//! one wave is one finding.

use tnlog::tls::{Malformed, Reader, Write};

use super::entry::Observed;
use super::exposure::Exposure;
use super::finding::{Detector, Finding, Origin, Sentence, Severity};
use super::id::Issuer;
use super::memory::{Memory, MemoryError, Record, key};
use super::surprise::log_probability;
use super::tally::{Counts, Kind, Tally, UNIT, Wave, Whose};
use super::tuning::Tuning;

/// The hours before this one that are looked at.
const WINDOWS: [u32; 4] = [1, 6, 24, 71];
/// A wave is over after so many hours without a member.
const OVER_AFTER: u32 = 24;
/// A wave is over when its last day is no rarer than this, as a natural logarithm: 1 %.
const USUAL: f64 = -4.6;
/// The most members that are shown.
const MAX_MEMBERS: usize = 256;
/// The most countries of one credential.
const MAX_CODES: usize = 4;

/// A credential of numbers, for the tallies.
pub(super) struct Issued<'a> {
    pub entry: &'a Observed<'a>,
    pub issuer: &'a Issuer,
    pub calling_codes: &'a [u16],
    /// Of which kind of suspected reroute it is, if it is to be counted.
    pub kind: Option<Kind>,
}

/// The last suspected reroutes of an operator or a country: hour and leaf.
#[derive(Default)]
struct Members(Vec<(u32, u64)>);

impl Record for Members {
    const NAME: &'static str = "suspected reroutes";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.0.len() as u64, 2);
        for (hour, leaf) in &self.0 {
            bytes.put_uint(u64::from(*hour), 4);
            bytes.put_uint(*leaf, 8);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = reader.uint(2)?;
        let member = |reader: &mut Reader<'_>| Ok((reader.uint(4)? as u32, reader.uint(8)?));
        Ok(Members((0..count).map(|_| member(reader)).collect::<Result<_, Malformed>>()?))
    }
}

/// Counts a credential, and reports a wave that it makes or makes twice as large.
pub(super) fn observe(
    issued: &Issued<'_>,
    memory: &mut Memory<'_>,
    tuning: &Tuning,
) -> Result<Vec<Finding>, MemoryError> {
    let hour = hour_of(issued.entry);
    let whose = Whose::Operator(issued.issuer.operator);
    let mut exposure = Exposure::load(memory, whose, hour)?;
    let is_new = exposure.age() < tuning.wave_learning_hours;
    let codes = issued.calling_codes.iter().take(MAX_CODES).map(|code| Whose::CallingCode(*code));
    let codes: Vec<Whose> = codes.filter(|_| !is_new).collect();
    let Some(kind) = issued.kind else {
        exposure.add([UNIT; 2]);
        exposure.save(memory);
        for whose in codes {
            let mut of_code = Exposure::load(memory, whose, hour)?;
            of_code.add(exposure.odds);
            of_code.save(memory);
        }
        return Ok(Vec::new());
    };
    let mut tally = settled(exposure, memory)?;
    let mut of_codes = Vec::new();
    for whose in codes {
        of_codes.push((whose, settled(Exposure::load(memory, whose, hour)?, memory)?));
    }
    let elsewhere = of_codes.iter().any(|(_, tally)| is_going_on(tally, hour));
    let mut count = Count { issued, kind, hour, memory, tuning };
    let mut findings = Vec::new();
    findings.extend(count.count(whose, &mut tally, elsewhere)?);
    let elsewhere = tally.wave.is_some();
    for (whose, mut of_code) in of_codes {
        findings.extend(count.count(whose, &mut of_code, elsewhere)?);
        count.memory.save(whose.key(), &of_code);
    }
    memory.save(whose.key(), &tally);
    Ok(findings)
}

fn settled(mut exposure: Exposure, memory: &mut Memory<'_>) -> Result<Tally, MemoryError> {
    let tally = exposure.settle(memory)?;
    exposure.save(memory);
    Ok(tally)
}

fn hour_of(entry: &Observed<'_>) -> u32 {
    u32::try_from(entry.timestamp / 3_600_000).unwrap_or(u32::MAX)
}

fn is_going_on(tally: &Tally, hour: u32) -> bool {
    tally.wave.is_some_and(|wave| hour.saturating_sub(wave.newest) <= OVER_AFTER)
}

/// One suspected reroute, as it is counted.
struct Count<'a, 'm> {
    issued: &'a Issued<'a>,
    kind: Kind,
    hour: u32,
    memory: &'a mut Memory<'m>,
    tuning: &'a Tuning,
}

impl Count<'_, '_> {
    /// `elsewhere`: it belongs to a wave that was reported of something else.
    fn count(
        &mut self,
        whose: Whose,
        tally: &mut Tally,
        elsewhere: bool,
    ) -> Result<Option<Finding>, MemoryError> {
        let members = self.remember(whose)?;
        if !is_going_on(tally, self.hour) {
            tally.wave = None;
        }
        let is_in_wave = tally.wave.is_some();
        add_one(tally.at(self.hour), self.kind, is_in_wave || elsewhere);
        if is_in_wave {
            return Ok(self.goes_on(whose, tally, &members));
        }
        if elsewhere || tally.age(self.hour) < self.tuning.wave_learning_hours {
            return Ok(None);
        }
        let Some(window) = self.improbable(tally) else { return Ok(None) };
        let begin = self.hour.saturating_sub(window);
        let recent: Vec<u64> =
            members.0.iter().filter(|(hour, _)| *hour >= begin).map(|(_, leaf)| *leaf).collect();
        let Some(&first) = recent.first() else { return Ok(None) };
        let count = recent.len() as u32;
        let wave = Wave { first, members: count, reported: count, newest: self.hour };
        tally.wave = Some(wave);
        Ok(Some(self.report(whose, &wave, &members)))
    }

    /// The next member of a wave that was reported: reported again when there are twice as many.
    fn goes_on(&self, whose: Whose, tally: &mut Tally, members: &Members) -> Option<Finding> {
        let mut wave = tally.wave?;
        wave.members = wave.members.saturating_add(1);
        wave.newest = self.hour;
        let doubled = wave.members >= wave.reported.saturating_mul(2);
        if doubled {
            wave.reported = wave.members;
        }
        tally.wave = Some(wave).filter(|_| self.is_unusual(tally));
        doubled.then(|| self.report(whose, &wave, members))
    }

    /// The window in which there are more than chance makes, beside those of a wave that was reported.
    fn improbable(&self, tally: &Tally) -> Option<u32> {
        let kind = self.kind as usize;
        let limit = self.tuning.wave_log_probability;
        let is_improbable =
            |window: &u32| self.surprise(tally, self.kind, *window, |recent| recent.suspected[kind]) <= limit;
        WINDOWS.into_iter().find(is_improbable)
    }

    /// Whether there are more in the last day than often come, of either kind.
    fn is_unusual(&self, tally: &Tally) -> bool {
        [Kind::NewOperator, Kind::Early].into_iter().any(|kind| {
            let place = kind as usize;
            let all = |recent: &Counts| recent.suspected[place].saturating_add(recent.in_wave[place]);
            self.surprise(tally, kind, OVER_AFTER, all) < USUAL
        })
    }

    /// The larger of both probabilities of so many in the window, as a logarithm.
    fn surprise(&self, tally: &Tally, kind: Kind, window: u32, count: impl Fn(&Counts) -> u32) -> f64 {
        let kind = kind as usize;
        let (recent, past, hours) = tally.split(self.hour, window);
        let count = count(&recent);
        if count < self.tuning.wave_least || hours < self.tuning.wave_learning_hours {
            return 0.0;
        }
        let (count, before) = (u64::from(count), u64::from(past.suspected[kind]));
        let by_time = share(f64::from(window + 1), f64::from(hours));
        let by_volume = share(recent.exposure[kind] as f64, past.exposure[kind] as f64);
        log_probability(count, before, by_time).max(log_probability(count, before, by_volume))
    }

    fn remember(&mut self, whose: Whose) -> Result<Members, MemoryError> {
        let key = key(b'm', &[&whose.key()]);
        let mut members = self.memory.load::<Members>(&key)?.unwrap_or_default();
        if members.0.len() == MAX_MEMBERS {
            members.0.remove(0);
        }
        members.0.push((self.hour, self.issued.entry.index));
        self.memory.save(key, &members);
        Ok(members)
    }

    fn report(&self, whose: Whose, wave: &Wave, members: &Members) -> Finding {
        let (of, whom, now) = match whose {
            Whose::Operator(_) => (
                "by one issuer",
                "the holders of these numbers, the issuer, and whoever trusts what it issues",
                "ask the issuer to stop issuing and to say how these were verified; until it has, do not trust its new \
                 credentials of numbers that had one",
            ),
            Whose::CallingCode(_) => (
                "in one country",
                "the holders of these numbers, the carriers of the country, and whoever verifies by text message there",
                "tell the carriers and the regulator of the country that text messages are likely rerouted, and the issuers not \
                 to verify by them",
            ),
        };
        let what = format!(
            "{} credentials {of} took the place of valid ones without approval, far more than chance makes of what is usual.",
            wave.members
        );
        let origin = Origin { detector: Detector::RerouteWave, scope: &whose.key(), entries: &[wave.first] };
        let sentence = Sentence::new(what, whom, now);
        let mut finding = Finding::new(self.issued.entry, &origin, Severity::High, sentence);
        finding.version = wave.members;
        match whose {
            Whose::Operator(_) => finding.issuer = Some(self.issued.issuer.key_hash),
            Whose::CallingCode(code) => finding.calling_code = Some(code),
        }
        finding.with(members.0.iter().map(|(_, leaf)| *leaf).filter(|leaf| *leaf >= wave.first))
    }
}

fn add_one(counts: &mut Counts, kind: Kind, is_in_wave: bool) {
    let count = if is_in_wave { &mut counts.in_wave } else { &mut counts.suspected };
    count[kind as usize] = count[kind as usize].saturating_add(1);
}

fn share(part: f64, rest: f64) -> f64 {
    if part + rest > 0.0 { part / (part + rest) } else { 1.0 }
}
