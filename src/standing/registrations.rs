//! What became of each registration of a number.

use std::collections::HashMap;

use super::{History, NumberList};
use crate::entry::{Action, Entry, NumberEntry, RegistrationEntry};
use crate::registration::{RegistrationFault, check_registration_leaf, check_replacement};

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// It holds.
    Current,
    /// It does not hold yet.
    NotYetValid,
    /// It, or its credential, has expired.
    Expired,
    /// The registration in this leaf replaced it.
    Replaced(u64),
    /// The withdrawal in this leaf ended it.
    Withdrawn(u64),
    /// It is a withdrawal.
    Withdrawal,
    /// It is what no log takes that admits by the rules, and counts for nothing.
    Faulty(RegistrationFault),
}

/// A registration or withdrawal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered<'a> {
    /// Its leaf.
    pub index: u64,
    /// The time of the leaf, in milliseconds of Unix time.
    pub timestamp: u64,
    /// What the leaf shows.
    pub entry: &'a RegistrationEntry,
    /// The place of its credential in [`History::credentials`], unless it is faulty in naming one.
    pub credential: Option<usize>,
    /// What became of it.
    pub state: RegistrationState,
}

pub(super) fn states<'a>(list: &NumberList<'a>, history: &History<'a>, now: i64) -> Vec<Registered<'a>> {
    let mut seen: Vec<Registered<'a>> = Vec::new();
    let mut places: HashMap<u64, usize> = HashMap::new();
    for leaf in list.leaves {
        let Entry::Registration(entry) = &leaf.entry else { continue };
        let (index, timestamp) = (leaf.index, leaf.timestamp);
        let credential = history.places.get(&entry.credential).copied().filter(|_| entry.credential < index);
        let mut registered =
            Registered { index, timestamp, entry, credential, state: RegistrationState::Current };
        let replaced = entry.replaces.map(|replaced| places.get(&replaced).copied());
        match check(&registered, replaced, &seen, history) {
            Err(fault) => registered.state = RegistrationState::Faulty(fault),
            Ok(credential) => {
                registered.state = state(entry, credential, now);
                if let Some(place) = replaced.flatten() {
                    seen[place].state = match entry.action {
                        Action::Register => RegistrationState::Replaced(index),
                        Action::Withdraw => RegistrationState::Withdrawn(index),
                    };
                }
            }
        }
        places.insert(index, seen.len());
        seen.push(registered);
    }
    seen
}

/// The credential of a registration that holds. `replaced` is what it replaces, and whether that is in the list.
fn check<'a>(
    registered: &Registered<'a>,
    replaced: Option<Option<usize>>,
    seen: &[Registered<'a>],
    history: &History<'a>,
) -> Result<&'a NumberEntry, RegistrationFault> {
    let entry_of = |place: usize| history.credentials[place].entry;
    let credential = registered.credential.map(entry_of).ok_or(RegistrationFault::NoCredential)?;
    check_registration_leaf(registered.entry, registered.timestamp, credential)?;
    let Some(replaced) = replaced else { return Ok(credential) };
    let earlier = &seen[replaced.ok_or(RegistrationFault::Replaces)?];
    let is_open = !matches!(
        earlier.state,
        RegistrationState::Replaced(_) | RegistrationState::Withdrawn(_) | RegistrationState::Faulty(_)
    );
    let of_earlier = earlier.credential.map(entry_of).filter(|_| is_open);
    let of_earlier = of_earlier.ok_or(RegistrationFault::Replaces)?;
    check_replacement((registered.entry, credential), (earlier.entry, of_earlier))?;
    Ok(credential)
}

fn state(entry: &RegistrationEntry, credential: &NumberEntry, now: i64) -> RegistrationState {
    if entry.action == Action::Withdraw {
        RegistrationState::Withdrawal
    } else if now > entry.not_after.min(credential.not_after) {
        RegistrationState::Expired
    } else if now < entry.not_before {
        RegistrationState::NotYetValid
    } else {
        RegistrationState::Current
    }
}
