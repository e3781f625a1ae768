//! How often what happens, of one operator or in one country: by the hour for three days, and by the day for
//! eight weeks before.

use tnlog::tls::{Malformed, Reader, Write};

use super::id::Operator;
use super::memory::{Record, key};
use super::number::list;

/// Hours that are kept one by one.
pub(super) const HOURS: u32 = 72;
/// Days that are kept behind them.
const DAYS: u32 = 56;
const HOURS_OF_A_DAY: u32 = 24;
/// The exposure of one credential.
pub(super) const UNIT: u64 = 1_000_000;

/// Which kind of suspected reroute. Each is compared with its own past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Kind {
    /// By an operator that is new to the number.
    NewOperator = 0,
    /// By one that is not, well inside the life of the leading credential.
    Early = 1,
}

/// What was counted in an hour, in a day, or in more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Suspected reroutes of each kind.
    pub suspected: [u32; 2],
    /// Those that belong to a wave that was reported: they are not what is usual.
    pub in_wave: [u32; 2],
    /// How many could have been: for an operator one [`UNIT`] for each other credential.
    pub exposure: [u64; 2],
}

/// A wave that was reported and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wave {
    /// Its first member.
    pub first: u64,
    /// How many there are.
    pub members: u32,
    /// How many there were when it was reported last.
    pub reported: u32,
    /// The hour of the newest.
    pub newest: u32,
}

/// The tally of an operator or a calling code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The hour of the first entry, since 1970.
    pub first: u32,
    /// Hours in which there was something, ascending.
    hours: Vec<(u32, Counts)>,
    /// Days before, ascending.
    days: Vec<(u32, Counts)>,
    pub wave: Option<Wave>,
}

/// Whose tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Operator(Operator),
    CallingCode(u16),
}

impl Whose {
    pub(super) fn key(self) -> Vec<u8> {
        match self {
            Whose::Operator(operator) => key(b'o', &[&operator.0]),
            Whose::CallingCode(code) => key(b'c', &[&code.to_be_bytes()]),
        }
    }
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        for kind in 0..2 {
            self.suspected[kind] = self.suspected[kind].saturating_add(other.suspected[kind]);
            self.in_wave[kind] = self.in_wave[kind].saturating_add(other.in_wave[kind]);
            self.exposure[kind] = self.exposure[kind].saturating_add(other.exposure[kind]);
        }
    }
}

impl Tally {
    /// An empty one that begins in this hour.
    pub(super) fn since(hour: u32) -> Self {
        Tally { first: hour, ..Tally::default() }
    }

    /// How many hours it has been kept.
    pub(super) fn age(&self, hour: u32) -> u32 {
        hour.saturating_sub(self.first)
    }

    /// The counts of this hour. Older ones are summed by the day, and the oldest forgotten.
    pub(super) fn at(&mut self, hour: u32) -> &mut Counts {
        self.roll(hour);
        if self.hours.last().is_none_or(|(last, _)| *last < hour) {
            self.hours.push((hour, Counts::default()));
        }
        &mut self.hours.last_mut().expect("there is one of this hour or a later one").1
    }

    fn roll(&mut self, hour: u32) {
        let old = self.hours.iter().take_while(|(at, _)| at.saturating_add(HOURS) <= hour).count();
        for (at, counts) in self.hours.drain(..old) {
            let day = at / HOURS_OF_A_DAY;
            match self.days.last_mut() {
                Some((last, sum)) if *last == day => sum.add(&counts),
                _ => self.days.push((day, counts)),
            }
        }
        let oldest = (hour / HOURS_OF_A_DAY).saturating_sub(DAYS + HOURS / HOURS_OF_A_DAY);
        self.days.retain(|(day, _)| *day >= oldest);
    }

    /// What was counted in this hour and the `window` hours before it (at most [`HOURS`] - 1), and before
    /// that, with the hours that there are before.
    pub(super) fn split(&self, hour: u32, window: u32) -> (Counts, Counts, u32) {
        let begin = hour.saturating_sub(window);
        let (mut recent, mut past) = (Counts::default(), Counts::default());
        for (at, counts) in &self.hours {
            if *at >= begin { recent.add(counts) } else { past.add(counts) }
        }
        self.days.iter().for_each(|(_, counts)| past.add(counts));
        (recent, past, begin.saturating_sub(self.first).min((DAYS + 1) * HOURS_OF_A_DAY))
    }

    /// How many suspected reroutes of this kind came with each other credential, in the past.
    pub(super) fn odds(&self, hour: u32, kind: Kind) -> f64 {
        let (_, past, _) = self.split(hour, HOURS_OF_A_DAY);
        let credentials = past.exposure[kind as usize] as f64 / UNIT as f64;
        (f64::from(past.suspected[kind as usize]) + 0.5) / (credentials + 1.0)
    }
}

impl Record for Tally {
    const NAME: &'static str = "counts";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(u64::from(self.first), 4);
        for buckets in [&self.hours, &self.days] {
            bytes.put_uint(buckets.len() as u64, 1);
            buckets.iter().for_each(|(at, counts)| write_counts(*at, counts, bytes));
        }
        bytes.push(u8::from(self.wave.is_some()));
        if let Some(Wave { first, members, reported, newest }) = self.wave {
            bytes.put_uint(first, 8);
            [members, reported, newest].iter().for_each(|count| bytes.put_uint(u64::from(*count), 4));
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let first = u32_of(reader)?;
        let (hours, days) = (list(reader, read_counts)?, list(reader, read_counts)?);
        let wave = match reader.uint(1)? {
            0 => None,
            _ => Some(Wave {
                first: reader.uint(8)?,
                members: u32_of(reader)?,
                reported: u32_of(reader)?,
                newest: u32_of(reader)?,
            }),
        };
        Ok(Tally { first, hours, days, wave })
    }
}

fn write_counts(at: u32, counts: &Counts, bytes: &mut Vec<u8>) {
    let Counts { suspected, in_wave, exposure } = counts;
    bytes.extend_from_slice(&at.to_be_bytes());
    suspected.iter().chain(in_wave).for_each(|count| bytes.extend_from_slice(&count.to_be_bytes()));
    exposure.iter().for_each(|sum| bytes.extend_from_slice(&sum.to_be_bytes()));
}

fn read_counts(reader: &mut Reader<'_>) -> Result<(u32, Counts), Malformed> {
    let at = u32_of(reader)?;
    let mut pair = || Ok([u32_of(reader)?, u32_of(reader)?]);
    let (suspected, in_wave) = (pair()?, pair()?);
    Ok((at, Counts { suspected, in_wave, exposure: [reader.uint(8)?, reader.uint(8)?] }))
}

fn u32_of(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    Ok(u32::from_be_bytes(reader.array()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::memory::{InMemory, MAX_RECORD, Memory};

    #[test]
    fn an_hour_moves_from_the_window_into_the_past_and_out() {
        let mut tally = Tally::since(1000);
        tally.at(1000).suspected[0] += 3;
        tally.at(1010).exposure[1] += UNIT;
        let suspected = |tally: &Tally, hour, window| {
            let (recent, past, hours) = tally.split(hour, window);
            (recent.suspected[0], past.suspected[0], hours)
        };
        assert_eq!(suspected(&tally, 1010, 10), (3, 0, 0));
        assert_eq!(suspected(&tally, 1010, 9), (0, 3, 1));
        tally.at(1000 + 20 * 24);
        assert_eq!(suspected(&tally, 1480, 24), (0, 3, 456));
        tally.at(1000 + 61 * 24);
        assert_eq!(suspected(&tally, 1000 + 61 * 24, 24), (0, 0, 57 * 24));
        assert_eq!(tally.age(1010), 10);
    }

    /// However busy, and however long.
    #[test]
    fn the_record_is_bounded_and_reads_back() {
        let mut tally = Tally::since(0);
        for hour in 0..100 * 24 {
            tally.at(hour).suspected[1] += 1;
        }
        tally.wave = Some(Wave { first: 1, members: 2, reported: 3, newest: 4 });
        let store = InMemory::default();
        let mut memory = Memory::new(&store);
        let key = Whose::CallingCode(1).key();
        memory.save(key.clone(), &tally);
        assert_eq!(memory.load::<Tally>(&key).unwrap(), Some(tally));
        assert!(memory.into_changes()[&key].len() < MAX_RECORD);
    }
}
