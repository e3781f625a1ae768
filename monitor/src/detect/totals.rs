//! What is known of an operator since the beginning: how late its certificates are logged, and how often two
//! keys of a number are in use at once.

use tnlog::tls::{Malformed, Reader, Write};

use super::id::Operator;
use super::memory::{Memory, MemoryError, Record, key};

/// The fewest cases from which on something is a habit.
const LEAST: u64 = 20;
/// So many times rarer than that is no habit.
const RARE: u64 = 50;

/// Counts since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Certificates.
    pub issued: u64,
    /// Those that were logged long after their validity began.
    pub late: u64,
    /// Those of numbers that do not stand and are in use beside a key that does.
    pub contested: u64,
}

impl Totals {
    pub(super) fn of(memory: &Memory<'_>, operator: Operator) -> Result<Self, MemoryError> {
        Ok(memory.load(&key_of(operator))?.unwrap_or_default())
    }

    pub(super) fn save(&self, memory: &mut Memory<'_>, operator: Operator) {
        memory.save(key_of(operator), self);
    }

    /// Whether two keys in use at once are common: its holders use several apps.
    pub(super) fn contests_are_common(&self) -> bool {
        self.contested >= LEAST && self.contested.saturating_mul(RARE) >= self.issued
    }

    /// Whether its certificates are logged as soon as they begin, so that one that is not stands out.
    pub(super) fn is_prompt(&self) -> bool {
        self.issued >= RARE && self.late.saturating_mul(RARE) <= self.issued
    }
}

fn key_of(operator: Operator) -> Vec<u8> {
    key(b't', &[&operator.0])
}

impl Record for Totals {
    const NAME: &'static str = "an issuer's totals";

    fn write(&self, bytes: &mut Vec<u8>) {
        [self.issued, self.late, self.contested].iter().for_each(|total| bytes.put_uint(*total, 8));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Totals { issued: reader.uint(8)?, late: reader.uint(8)?, contested: reader.uint(8)? })
    }
}
