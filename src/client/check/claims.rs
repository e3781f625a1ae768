//! Key statements and registrations: what they say of earlier leaves.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use super::earlier::EarlierLeaves;
use super::fault::{CheckError, Fault, FaultKind};
use crate::client::signatures::Ring;
use crate::client::source::Source;
use crate::entry::{Entry, KeyStatementEntry, Leaf, NumberEntry, RegistrationEntry, Verb};
use crate::registration::{RegistrationFault, check_registration_leaf, check_replacement};
use crate::statement::{Side, StatementRefusal, check_statement_leaf};
use crate::tile::TilePath;

/// Checks a key statement or registration against the leaves that it names, which must be before it. A statement costs
/// one signature verification. Other leaves are right.
pub(super) async fn check_claim<S: Source>(
    path: TilePath,
    leaf: &Leaf,
    earlier: &EarlierLeaves<S>,
) -> Result<(), CheckError> {
    let checked = match &leaf.entry {
        Entry::KeyStatement(entry) => {
            let old = earlier.before(leaf.index, entry.old.index).await?;
            let new = earlier.before(leaf.index, entry.new.index).await?;
            check_statement(entry, &earlier.log_id().await?, old, new).map_err(FaultKind::from)
        }
        Entry::Registration(entry) => {
            let named = Named::read(leaf.index, entry, earlier).await?;
            check_registration(entry, leaf.timestamp, &named).map_err(FaultKind::from)
        }
        _ => Ok(()),
    };
    Ok(checked.map_err(|kind| Fault::of_leaf(path, leaf.index, kind))?)
}

/// Checks a key statement against the leaves that it names, where they are before it.
pub(in crate::client) fn check_statement(
    entry: &KeyStatementEntry,
    log_id: &[u8; 32],
    old: Option<Leaf>,
    new: Option<Leaf>,
) -> Result<(), StatementRefusal> {
    let old = old.ok_or(StatementRefusal::NotLogged(Side::Old))?;
    let new = new.ok_or(StatementRefusal::NotLogged(Side::New))?;
    check_statement_leaf(entry, log_id, &old, &new, &Ring)
}

/// The leaves that a registration names, where they are before it.
pub(in crate::client) struct Named {
    pub(in crate::client) credential: Option<Leaf>,
    pub(in crate::client) replaced: Option<Leaf>,
    /// The credential of the replaced one.
    pub(in crate::client) its_credential: Option<Leaf>,
}

impl Named {
    async fn read<S: Source>(
        at: u64,
        entry: &RegistrationEntry,
        earlier: &EarlierLeaves<S>,
    ) -> Result<Self, CheckError> {
        let credential = earlier.before(at, entry.credential).await?;
        let replaced = match entry.replaces {
            Some(index) => earlier.before(at, index).await?,
            None => None,
        };
        let its_credential = match &replaced {
            Some(Leaf { entry: Entry::Registration(entry), index, .. }) => {
                earlier.before(*index, entry.credential).await?
            }
            _ => None,
        };
        Ok(Named { credential, replaced, its_credential })
    }
}

/// Checks what everybody can of a registration.
pub(in crate::client) fn check_registration(
    entry: &RegistrationEntry,
    timestamp: u64,
    named: &Named,
) -> Result<(), RegistrationFault> {
    let credential = number(&named.credential).ok_or(RegistrationFault::NoCredential)?;
    check_registration_leaf(entry, timestamp, credential)?;
    if entry.replaces.is_none() {
        return Ok(());
    }
    let Some(Entry::Registration(replaced)) = named.replaced.as_ref().map(|leaf| &leaf.entry) else {
        return Err(RegistrationFault::Replaces);
    };
    let its_credential = number(&named.its_credential).ok_or(RegistrationFault::Replaces)?;
    check_replacement((entry, credential), (replaced, its_credential))
}

fn number(leaf: &Option<Leaf>) -> Option<&NumberEntry> {
    match leaf.as_ref().map(|leaf| &leaf.entry) {
        Some(Entry::Number(number)) => Some(number),
        _ => None,
    }
}

/// The key statements and registrations of a log, as far as it was checked: so that none is repeated. Some 50 bytes for
/// each statement, and a bit or a few for each registration that was replaced or withdrawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The leaf of each statement by its verb and the indexes of the leaves that it names, old and new.
    said: HashMap<(Verb, u64, u64), u64>,
    /// Leaves that were replaced or withdrawn, 64 in a word.
    replaced: HashMap<u64, u64>,
    registrations: u64,
}

impl Claims {
    /// How many key statements there are.
    pub fn key_statements(&self) -> u64 {
        self.said.len() as u64
    }

    /// How many registrations and withdrawals there are.
    pub fn registrations(&self) -> u64 {
        self.registrations
    }

    /// Takes a leaf that was checked before and kept.
    pub(in crate::client) fn remember(&mut self, leaf: &Leaf) {
        // It was taken once and can be taken again; one that cannot is not what was kept, and says nothing new.
        let _ = self.take(leaf);
    }

    /// Takes a leaf that was checked against what it names: it must not say what was said before.
    pub(super) fn take(&mut self, leaf: &Leaf) -> Result<(), FaultKind> {
        match &leaf.entry {
            Entry::KeyStatement(said) => match self.said.entry((said.verb, said.old.index, said.new.index)) {
                Occupied(before) => Err(StatementRefusal::SaidBefore(*before.get()).into()),
                Vacant(place) => {
                    place.insert(leaf.index);
                    Ok(())
                }
            },
            Entry::Registration(registration) => {
                self.registrations += 1;
                let is_again = registration.replaces.is_some_and(|index| self.replace(index));
                if is_again { Err(RegistrationFault::Replaces.into()) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Whether this leaf was replaced before.
    fn replace(&mut self, index: u64) -> bool {
        let (word, bit) = (self.replaced.entry(index / 64).or_default(), 1 << (index % 64));
        let before = *word & bit != 0;
        *word |= bit;
        before
    }
}
