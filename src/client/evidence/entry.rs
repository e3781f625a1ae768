//! Entries that no log may take, as far as they and the entries that they name show it.

use std::collections::BTreeMap;

use super::{Placed, Proved, Unproved};
use crate::checkpoint::Checkpoint;
use crate::client::check::{Named, check_registration, check_statement};
use crate::entry::{Entry, KeyStatementEntry, Leaf, Parameters, RegistrationEntry};
use crate::index::{Generation, IndexHead};
use crate::sct;

/// Other leaves of the tree, by their index: those that can be read.
struct Shown(BTreeMap<u64, Leaf>);

/// What an entry that stands in the tree of a checkpoint proves, with other entries of the same tree.
///
/// # Errors
/// [`Unproved`] when one of them does not stand there.
pub(super) fn judge(of: &Checkpoint, wrong: &Placed, others: &[Placed]) -> Result<Proved, Unproved> {
    let bytes = wrong.open(of)?;
    let mut shown = BTreeMap::new();
    for placed in others {
        let leaf = Leaf::decode(&placed.open(of)?).ok().filter(|leaf| leaf.index == placed.index);
        shown.extend(leaf.map(|leaf| (placed.index, leaf)));
    }
    let leaf = Leaf::decode(&bytes).ok();
    // A log may have a name that looks like that of an index log. What stands in it is a leaf.
    if Generation::split(&of.origin).is_some() && leaf.is_none() {
        let is_head = IndexHead::decode(&bytes).is_ok();
        return Ok(if is_head { Proved::Signed } else { Proved::BadHead });
    }
    let is_good = leaf.is_some_and(|leaf| stands(of, wrong.index, &leaf) && !Shown(shown).refute(&leaf));
    Ok(if is_good { Proved::Signed } else { Proved::BadEntry })
}

/// Whether a leaf may stand at this index, whatever the others are.
fn stands(of: &Checkpoint, index: u64, leaf: &Leaf) -> bool {
    let is_own = |parameters: &Parameters| parameters.origin == of.origin;
    let is_right = match &leaf.entry {
        Entry::Parameters(parameters) => index == 0 && is_own(parameters),
        _ => index > 0,
    };
    is_right && leaf.index == index
}

impl Shown {
    /// Whether what is shown makes a leaf impossible. What is not shown never does.
    fn refute(&self, leaf: &Leaf) -> bool {
        let earlier = || self.0.range(..leaf.index).map(|(_, earlier)| earlier);
        earlier().any(|earlier| earlier.timestamp > leaf.timestamp)
            || match &leaf.entry {
                Entry::KeyStatement(entry) => {
                    earlier().any(|earlier| says_the_same(earlier, entry))
                        || self.refute_statement(leaf.index, entry) == Some(true)
                }
                Entry::Registration(entry) => {
                    earlier().any(|earlier| replaces_the_same(earlier, entry))
                        || self
                            .named(leaf.index, entry)
                            .is_some_and(|named| check_registration(entry, leaf.timestamp, &named).is_err())
                }
                _ => false,
            }
    }

    /// None where it is not known.
    fn refute_statement(&self, at: u64, entry: &KeyStatementEntry) -> Option<bool> {
        let Some(Leaf { entry: Entry::Parameters(parameters), .. }) = self.0.get(&0) else { return None };
        let (old, new) = (self.before(at, entry.old.index)?, self.before(at, entry.new.index)?);
        Some(check_statement(entry, &sct::log_id(&parameters.sct_key), old, new).is_err())
    }

    /// What a registration names; none when something of it is not shown.
    fn named(&self, at: u64, entry: &RegistrationEntry) -> Option<Named> {
        let credential = self.before(at, entry.credential)?;
        let replaced = match entry.replaces {
            Some(index) => self.before(at, index)?,
            None => None,
        };
        let its_credential = match &replaced {
            Some(Leaf { entry: Entry::Registration(entry), index, .. }) => {
                self.before(*index, entry.credential)?
            }
            _ => None,
        };
        Some(Named { credential, replaced, its_credential })
    }

    /// The leaf at an index; an inner none where that is not before `at`, and an outer one when it is not shown.
    #[allow(clippy::option_option)]
    fn before(&self, at: u64, index: u64) -> Option<Option<Leaf>> {
        if index >= at { Some(None) } else { self.0.get(&index).cloned().map(Some) }
    }
}

fn says_the_same(earlier: &Leaf, entry: &KeyStatementEntry) -> bool {
    let said = |entry: &KeyStatementEntry| (entry.verb, entry.old.index, entry.new.index);
    matches!(&earlier.entry, Entry::KeyStatement(other) if said(other) == said(entry))
}

fn replaces_the_same(earlier: &Leaf, entry: &RegistrationEntry) -> bool {
    let replaces = |other: &RegistrationEntry| entry.replaces.is_some() && other.replaces == entry.replaces;
    matches!(&earlier.entry, Entry::Registration(other) if replaces(other))
}
