//! What a watch has learned: the credentials it has seen, and which of their keys are its own.

use tnlog::entry::{Action, KeyStatementEntry, RegistrationEntry, Verb};
use tnlog::tls::{Malformed, Reader, Write};

use super::{Since, Watch, WatchId, unexpected_key};
use crate::detect::entry::Observed;
use crate::detect::finding::{Finding, Severity};
use crate::detect::id::{KeyId, Operator};
use crate::detect::memory::{Memory, MemoryError, Record, key};
use crate::detect::number::{flag, list};

/// The most credentials that a watch remembers.
const MAX_SEEN: usize = 64;
/// The rank of nothing that was said.
const NOT_SAID: u8 = u8::MAX;

/// A certificate of what is watched. One key that was only acknowledged has no leaf.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    leaf: u64,
    /// The first leaf with this key.
    first: u64,
    key: KeyId,
    operator: Operator,
    is_known: bool,
    /// The rank of what was said of the key.
    said: u8,
}

/// What a watch has seen, the newest last.
#[derive(Default)]
pub(super) struct Learned(Vec<Seen>);

/// What became of a key that was reported.
pub(super) struct Change {
    first: u64,
    severity: Severity,
    since: Since,
}

impl Change {
    pub(super) fn finding(&self, entry: &Observed<'_>, watch: &Watch) -> Option<Finding> {
        Some(unexpected_key(entry, self.first, watch, self.severity, Some(self.since)))
    }
}

impl Learned {
    pub(super) fn load(memory: &Memory<'_>, watch: WatchId) -> Result<Self, MemoryError> {
        Ok(memory.load(&key(b'w', &[&watch.0]))?.unwrap_or_default())
    }

    pub(super) fn save(&self, memory: &mut Memory<'_>, watch: WatchId) {
        memory.save(key(b'w', &[&watch.0]), self);
    }

    pub(super) fn is_known(&self, key: &KeyId) -> bool {
        self.0.iter().any(|seen| seen.key == *key && seen.is_known)
    }

    /// Whether the operator has issued for a known key.
    pub(super) fn has_issued(&self, operator: Operator) -> bool {
        self.0.iter().any(|seen| seen.operator == operator && seen.is_known)
    }

    /// Whether the same operator has issued for this key before. The leaf is then remembered with it.
    pub(super) fn repeats(&mut self, leaf: u64, key: KeyId, operator: Operator) -> bool {
        let same = |seen: &&Seen| seen.key == key && seen.operator == operator;
        let Some(seen) = self.0.iter().find(same).copied() else { return false };
        self.push(Seen { leaf, ..seen });
        true
    }

    pub(super) fn add(
        &mut self,
        leaf: u64,
        key: KeyId,
        operator: Operator,
        is_known: bool,
        said: Option<Severity>,
    ) {
        let said = said.map_or(NOT_SAID, |severity| severity as u8);
        self.push(Seen { leaf, first: leaf, key, operator, is_known, said });
    }

    pub(super) fn know(&mut self, key: KeyId) {
        self.0.iter_mut().filter(|seen| seen.key == key).for_each(|seen| seen.is_known = true);
        if !self.is_known(&key) {
            self.push(Seen {
                leaf: u64::MAX,
                first: u64::MAX,
                key,
                operator: Operator([0; 8]),
                is_known: true,
                said: NOT_SAID,
            });
        }
    }

    /// A key of its own approves or disputes.
    pub(super) fn statement(&mut self, statement: &KeyStatementEntry) -> Option<Change> {
        let new = *self.0.iter().find(|seen| seen.leaf == statement.new.index)?;
        if new.is_known {
            return None;
        }
        match statement.verb {
            Verb::Dispute => self.raise(&new, Since::Disputed),
            Verb::Approve => {
                self.know(new.key);
                let severity = Severity::from_rank(new.said);
                let said = new.said != NOT_SAID;
                said.then_some(Change { first: new.first, severity, since: Since::Approved })
            }
        }
    }

    /// A registration under a key that is not known.
    pub(super) fn registration(&mut self, registration: &RegistrationEntry) -> Option<Change> {
        let seen = *self.0.iter().find(|seen| seen.leaf == registration.credential)?;
        if seen.is_known || registration.action == Action::Withdraw {
            return None;
        }
        self.raise(&seen, Since::Registered)
    }

    fn raise(&mut self, seen: &Seen, since: Since) -> Option<Change> {
        if seen.said == Severity::High as u8 || seen.said == NOT_SAID {
            return None;
        }
        let same = |other: &&mut Seen| other.key == seen.key;
        self.0.iter_mut().filter(same).for_each(|seen| seen.said = Severity::High as u8);
        Some(Change { first: seen.first, severity: Severity::High, since })
    }

    /// The oldest that is not known goes first.
    fn push(&mut self, seen: Seen) {
        if self.0.len() == MAX_SEEN {
            let place = self.0.iter().position(|seen| !seen.is_known).unwrap_or(0);
            self.0.remove(place);
        }
        self.0.push(seen);
    }
}

impl Record for Learned {
    const NAME: &'static str = "a watch";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.put_uint(self.0.len() as u64, 1);
        for Seen { leaf, first, key, operator, is_known, said } in &self.0 {
            bytes.put_uint(*leaf, 8);
            bytes.put_uint(*first, 8);
            bytes.extend_from_slice(&key.0);
            bytes.extend_from_slice(&operator.0);
            bytes.extend([u8::from(*is_known), *said]);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let seen = |reader: &mut Reader<'_>| {
            Ok(Seen {
                leaf: reader.uint(8)?,
                first: reader.uint(8)?,
                key: KeyId(reader.array()?),
                operator: Operator(reader.array()?),
                is_known: flag(reader)?,
                said: reader.uint(1)? as u8,
            })
        };
        Ok(Learned(list(reader, seen)?))
    }
}
