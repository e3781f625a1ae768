//! What happened on each day: to each operator, in each country, and in all. For people who look; no detector decides by it.
//!
//! A renewal is a credential of a number that another one covers, for a key that is not trusted already: the holder's key can approve
//! it. An approval counts on the day of the credential that it is about. A certificate counts once, and for the country of its
//! first number.

use tnlog::tls::{Malformed, Reader, Write};

use super::id::Operator;
use super::memory::{Memory, MemoryError, Record, Store, key};

const SECONDS: i64 = 86_400;
/// The operators and countries of a day that are shown.
const MAX_OF_A_DAY: usize = 2000;

/// Whose day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// The log's.
    All,
    /// That of an operator of CAs.
    Operator(Operator),
    /// That of a country.
    CallingCode(u16),
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Certificates; of the log, entries.
    pub issued: u32,
    /// Renewals under a new key.
    pub renewals: u32,
    /// Those of them that were approved.
    pub approved: u32,
}

impl Day {
    /// Both.
    #[must_use]
    pub fn plus(self, other: Day) -> Self {
        Day {
            issued: self.issued.saturating_add(other.issued),
            renewals: self.renewals.saturating_add(other.renewals),
            approved: self.approved.saturating_add(other.approved),
        }
    }

    /// Renewals that nobody approved.
    pub fn unapproved(&self) -> u32 {
        self.renewals.saturating_sub(self.approved)
    }

    /// A certificate, or an entry.
    pub(super) const ISSUED: Day = Day { issued: 1, renewals: 0, approved: 0 };
    pub(super) const RENEWAL: Day = Day { issued: 0, renewals: 1, approved: 0 };
    pub(super) const APPROVAL: Day = Day { issued: 0, renewals: 0, approved: 1 };
}

/// The days since 1970 at a second of Unix time.
pub fn day_of(seconds: i64) -> u32 {
    u32::try_from(seconds / SECONDS).unwrap_or(0)
}

/// All that was counted on a day, in the order of whose it is.
///
/// # Errors
/// [`MemoryError`].
pub fn on_day(store: &dyn Store, day: u32) -> Result<Vec<(Of, Day)>, MemoryError> {
    let memory = Memory::new(store);
    let begin = key(b'd', &[&day.to_be_bytes()]);
    let pairs = store.scan(&begin, MAX_OF_A_DAY)?;
    let mut found = Vec::new();
    for (key, _) in pairs {
        if let (Some(of), Some(day)) = (Of::read(&key[begin.len()..]), memory.load(&key)?) {
            found.push((of, day));
        }
    }
    Ok(found)
}

/// Counts something of each of these, on the day of a second.
pub(super) fn count(
    memory: &mut Memory<'_>,
    seconds: i64,
    whose: &[Of],
    what: Day,
) -> Result<(), MemoryError> {
    for of in whose {
        let key = key(b'd', &[&day_of(seconds).to_be_bytes(), &of.write()]);
        let day: Day = memory.load(&key)?.unwrap_or_default();
        memory.save(key, &day.plus(what));
    }
    Ok(())
}

impl Of {
    fn write(self) -> Vec<u8> {
        match self {
            Of::All => b"a".to_vec(),
            Of::CallingCode(code) => key(b'c', &[&code.to_be_bytes()]),
            Of::Operator(operator) => key(b'o', &[&operator.0]),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (b'a', []) => Some(Of::All),
            (b'c', code) => Some(Of::CallingCode(u16::from_be_bytes(code.try_into().ok()?))),
            (b'o', operator) => Some(Of::Operator(Operator(operator.try_into().ok()?))),
            _ => None,
        }
    }
}

impl Record for Day {
    const NAME: &'static str = "a day";

    fn write(&self, bytes: &mut Vec<u8>) {
        [self.issued, self.renewals, self.approved]
            .iter()
            .for_each(|count| bytes.put_uint(u64::from(*count), 4));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut count = || Ok(reader.uint(4)? as u32);
        Ok(Day { issued: count()?, renewals: count()?, approved: count()? })
    }
}
