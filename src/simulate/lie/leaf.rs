//! Leaves that no log should have, made of some that it has.

use super::{Lie, LieError, View};
use crate::commitment::Commitment;
use crate::entry::{Entry, Leaf, Verb};
use crate::server::plan::NewEntry;
use crate::server::read::StoredEntry;
use crate::server::sequencer::Position;
use crate::synthetic::KeyPair;

/// A key that no world has.
const STRANGER: u64 = 0x5eed;

/// The stuff of a lie: an entry, and what lies beside it.
pub(super) struct Model {
    entry: Entry,
    chain: Vec<u8>,
}

/// The first entry of a log that a lie can be made of.
pub(super) fn model(lie: Lie, truth: &View) -> Result<Model, LieError> {
    let fits = |entry: &Entry| match lie {
        Lie::BadStatement => matches!(entry, Entry::KeyStatement(_)),
        Lie::OrphanRegistration => matches!(entry, Entry::Registration(_)),
        Lie::BadLeaf | Lie::RepeatedId => matches!(entry, Entry::Number(_)),
        _ => matches!(entry, Entry::Open(_)),
    };
    let name = match lie {
        Lie::BadStatement => "key statement",
        Lie::OrphanRegistration => "registration",
        Lie::BadLeaf | Lie::RepeatedId => "credential of a number",
        _ => "certificate of a carrier or block",
    };
    for stored in truth.entries() {
        let (_, StoredEntry { leaf, chain }) = stored?;
        if let Some(leaf) = Leaf::decode(&leaf).ok().filter(|leaf| fits(&leaf.entry)) {
            return Ok(Model { entry: leaf.entry, chain });
        }
    }
    Err(LieError::Nothing(name))
}

/// The leaf of a lie, at its place.
pub(super) fn lying(lie: Lie, model: Model, position: Position) -> NewEntry {
    let Model { mut entry, chain } = model;
    let mut index = position.first;
    match &mut entry {
        Entry::KeyStatement(statement) => {
            statement.verb = match statement.verb {
                Verb::Approve => Verb::Dispute,
                Verb::Dispute => Verb::Approve,
            };
        }
        // Leaf 0 is no credential.
        Entry::Registration(registration) => registration.credential = 0,
        Entry::Number(number) if lie == Lie::RepeatedId => {
            number.subject_key = KeyPair::p256(STRANGER).spki().to_vec();
            number.commitment = Commitment(number.commitment.0.map(|byte| !byte));
        }
        Entry::Number(_) => index += 1,
        _ => {}
    }
    let leaf = Leaf { timestamp: position.time, entry, index };
    NewEntry { leaf: leaf.encode().expect("it is as long as one that is logged"), chain }
}
