//! How many credentials there were in this hour: the part of a tally that every credential changes, kept
//! small and apart from the rest. It is settled into the tally once an hour, and whenever something is
//! counted.

use tnlog::tls::{Malformed, Reader, Write};

use super::memory::{Memory, MemoryError, Record, key};
use super::tally::{Kind, Tally, UNIT, Whose};

/// The exposure of an operator or a country in this hour.
pub(super) struct Exposure {
    whose: Vec<u8>,
    /// The hour of the first entry, since 1970.
    first: u32,
    hour: u32,
    sum: [u64; 2],
    /// Of an operator: how many suspected reroutes of each kind came with a credential in the past, in parts
    /// of a [`UNIT`].
    pub odds: [u64; 2],
}

/// What is kept of it.
struct Kept {
    first: u32,
    hour: u32,
    sum: [u64; 2],
    odds: [u64; 2],
}

impl Record for Kept {
    const NAME: &'static str = "an hour";

    fn write(&self, bytes: &mut Vec<u8>) {
        [self.first, self.hour].iter().for_each(|hour| bytes.put_uint(u64::from(*hour), 4));
        self.sum.iter().chain(&self.odds).for_each(|part| bytes.put_uint(*part, 8));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut hour = || Ok(reader.uint(4)? as u32);
        let (first, hour) = (hour()?, hour()?);
        let mut pair = || Ok([reader.uint(8)?, reader.uint(8)?]);
        Ok(Kept { first, hour, sum: pair()?, odds: pair()? })
    }
}

impl Exposure {
    /// That of this hour. If it was an earlier one, that is settled first.
    pub(super) fn load(memory: &mut Memory<'_>, whose: Whose, hour: u32) -> Result<Self, MemoryError> {
        let whose = whose.key();
        let Some(Kept { first, hour: of, sum, odds }) = memory.load(&key(b'h', &[&whose]))? else {
            let mut new = Exposure { whose, first: hour, hour, sum: [0; 2], odds: [0; 2] };
            new.odds = new.past_odds(&Tally::since(hour));
            return Ok(new);
        };
        let mut exposure = Exposure { whose, first, hour: of, sum, odds };
        if of < hour {
            let tally = exposure.settle(memory)?;
            memory.save(exposure.whose.clone(), &tally);
            exposure.hour = hour;
            exposure.odds = exposure.past_odds(&tally);
        }
        Ok(exposure)
    }

    pub(super) fn save(&self, memory: &mut Memory<'_>) {
        let Exposure { first, hour, sum, odds, .. } = *self;
        memory.save(key(b'h', &[&self.whose]), &Kept { first, hour, sum, odds });
    }

    /// How many hours it has been kept.
    pub(super) fn age(&self) -> u32 {
        self.hour.saturating_sub(self.first)
    }

    pub(super) fn add(&mut self, exposure: [u64; 2]) {
        self.sum = [0, 1].map(|kind| self.sum[kind].saturating_add(exposure[kind]));
    }

    /// The tally with all of it, and nothing left here.
    pub(super) fn settle(&mut self, memory: &Memory<'_>) -> Result<Tally, MemoryError> {
        let mut tally = memory.load(&self.whose)?.unwrap_or_else(|| Tally::since(self.first));
        let counts = tally.at(self.hour);
        counts.exposure = [0, 1].map(|kind| counts.exposure[kind].saturating_add(self.sum[kind]));
        self.sum = [0; 2];
        Ok(tally)
    }

    fn past_odds(&self, tally: &Tally) -> [u64; 2] {
        [Kind::NewOperator, Kind::Early].map(|kind| (UNIT as f64 * tally.odds(self.hour, kind)) as u64)
    }
}
