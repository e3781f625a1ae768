//! Damage to what opening reads. Opening refuses, says what is wrong, and signs nothing.

use tnlog::server::plan::{Place, Round};
use tnlog::server::sequencer::{CHECKPOINT, Sequencer, SequencerError};
use tnlog::server::signer::CheckpointSigner;
use tnlog::server::staging::{Staging, Tree};
use tnlog::tile::{Kind, TilePath, TreeEdge};

use crate::checker::{Remains, check};
use crate::driver::{Caller, START, signer, signer_of};
use crate::store::Machine;

/// A log whose rounds are all settled, so that nothing staged repairs it.
fn settled(size: u64) -> (Machine, Caller) {
    let (machine, mut caller) = Caller::log_of(size);
    caller.open(&machine).unwrap().settler().settle().unwrap();
    (machine, caller)
}

fn open_with(machine: &Machine, signer: CheckpointSigner) -> Result<Sequencer, SequencerError> {
    Sequencer::open(machine.stores(), machine.lock(), signer, START, |_| Round::default())
}

/// Opening refuses with a message that holds these words, and neither the lock nor what is published changes.
#[track_caller]
fn assert_refused(machine: &Machine, words: &str) {
    let before = (machine.locked(), machine.files(Place::Public).remove(CHECKPOINT), machine.visible());
    match open_with(machine, signer()) {
        Err(SequencerError::Damaged(why)) => assert!(why.contains(words), "{why:?} does not say {words:?}"),
        Err(other) => panic!("it is refused for another reason: {other}"),
        Ok(_) => panic!("it opens"),
    }
    let after = (machine.locked(), machine.files(Place::Public).remove(CHECKPOINT), machine.visible());
    assert_eq!(before.0, after.0, "the lock changed");
    assert_eq!(before.1, after.1, "what is published changed");
    assert!(
        after.2[before.2.len()..].iter().all(|note| Some(note) == before.0.as_ref()),
        "something was signed"
    );
}

fn with_file(machine: &Machine, place: Place, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Machine {
    let machine = machine.copy();
    let mut bytes = machine.files(place).remove(name).unwrap_or_else(|| panic!("{name} is not there"));
    change(&mut bytes);
    machine.set_file(place, name, Some(bytes));
    machine
}

fn last_bundle(kind: Kind, size: u64) -> String {
    TilePath { kind, index: size / 256, width: (size % 256) as u16 }.to_string()
}

/// The partial tiles of three levels: fails for each without the comparison of roots in `read_edge`.
#[test]
fn a_flipped_bit_in_a_partial_tile_of_any_level() {
    let size = 65_536 + 300;
    let (machine, mut caller) = (Machine::default(), Caller::default());
    let mut sequencer = caller.open(&machine).unwrap();
    caller.append(&mut sequencer, size - 1).unwrap();
    sequencer.settler().settle().unwrap();
    let tiles = TreeEdge::tiles_to_load(size);
    assert_eq!(tiles.len(), 3);
    for name in tiles.iter().map(TilePath::to_string) {
        let bytes = machine.files(Place::Public)[&name].len();
        for position in [0, bytes / 2, bytes - 1] {
            let damaged = with_file(&machine, Place::Public, &name, |bytes| bytes[position] ^= 1);
            assert_refused(&damaged, "the tiles do not hold the signed tree of 65836 leaves");
        }
        let short = with_file(&machine, Place::Public, &name, |bytes| _ = bytes.pop());
        assert_refused(&short, &name);
    }
}

/// Fails without the comparison of the leaves' hashes in `read_edge`.
#[test]
fn a_flipped_bit_in_the_partial_entry_bundle() {
    let (machine, _) = settled(300);
    let name = last_bundle(Kind::Entries, 300);
    for position in (0..machine.files(Place::Public)[&name].len()).step_by(7) {
        let damaged = with_file(&machine, Place::Public, &name, |bytes| bytes[position] ^= 1);
        assert_refused(&damaged, &name);
    }
}

/// No hash covers what stands in a side bundle: only its frame can be checked when a log is opened.
#[test]
fn a_damaged_frame_of_the_partial_side_bundle() {
    let (machine, _) = settled(300);
    let name = last_bundle(Kind::Chains, 300);
    let first_length = with_file(&machine, Place::Public, &name, |bytes| bytes[0] ^= 1);
    assert_refused(&first_length, &name);
    let short = with_file(&machine, Place::Public, &name, |bytes| _ = bytes.pop());
    assert_refused(&short, &name);
    let long = with_file(&machine, Place::Public, &name, |bytes| bytes.push(0));
    assert_refused(&long, &name);
}

#[test]
fn a_missing_file() {
    let (machine, _) = settled(300);
    let mut names: Vec<String> = TreeEdge::tiles_to_load(300).iter().map(TilePath::to_string).collect();
    names.extend([Kind::Entries, Kind::Chains].map(|kind| last_bundle(kind, 300)));
    assert_eq!(names.len(), 4);
    for name in names {
        let machine = machine.copy();
        machine.set_file(Place::Public, &name, None);
        assert_refused(&machine, &format!("{name} is missing"));
    }
}

/// Fails without the check of the signature in `recover`.
#[test]
fn a_flipped_bit_in_the_lock() {
    let (machine, _) = settled(20);
    let locked = machine.locked().unwrap();
    for position in 0..locked.len() {
        let machine = machine.copy();
        let mut damaged = locked.clone();
        damaged[position] ^= 1;
        machine.set_locked(Some(damaged));
        assert_refused(&machine, "the lock's checkpoint is not signed by this log's keys");
    }
}

/// A published checkpoint that is no whole note may be what a crash left, and is published again from the lock. Any other
/// damage is refused: fails without `is_whole` in `check_published`.
#[test]
fn a_flipped_bit_in_the_published_checkpoint() {
    let (machine, caller) = settled(20);
    let bytes = machine.files(Place::Public).remove(CHECKPOINT).unwrap();
    let mut refused = 0;
    for position in 0..bytes.len() {
        let damaged = with_file(&machine, Place::Public, CHECKPOINT, |bytes| bytes[position] ^= 1);
        if open_with(&damaged.copy(), signer()).is_ok() {
            open_with(&damaged, signer()).unwrap();
            check(&Remains::of(&damaged), &caller.answered).unwrap();
        } else {
            assert_refused(&damaged, "the published checkpoint is whole and not signed by this log's keys");
            refused += 1;
        }
    }
    assert!(refused > bytes.len() / 2, "only {refused} of {} were refused", bytes.len());
}

#[test]
fn what_a_crash_leaves_of_the_published_checkpoint_is_no_damage() {
    let (machine, caller) = settled(20);
    let bytes = machine.files(Place::Public).remove(CHECKPOINT).unwrap();
    for length in 0..bytes.len() {
        for zeros in [false, true] {
            let machine = with_file(&machine, Place::Public, CHECKPOINT, |bytes| {
                bytes.truncate(length);
                bytes.resize(if zeros { bytes.len().max(300) } else { length }, 0);
            });
            open_with(&machine, signer()).unwrap_or_else(|error| panic!("cut to {length} bytes: {error}"));
            check(&Remains::of(&machine), &caller.answered).unwrap();
        }
    }
}

/// Fails without `check_published`: the log would sign another history.
#[test]
fn a_lock_older_than_what_is_published() {
    for rounds in [vec![1], vec![300], vec![0], vec![0, 0, 5]] {
        let (machine, mut caller) = settled(20);
        let old = machine.locked();
        let mut sequencer = caller.open(&machine).unwrap();
        rounds.iter().for_each(|count| caller.append(&mut sequencer, *count).unwrap());
        sequencer.settler().settle().unwrap();
        machine.set_locked(old);
        assert_refused(&machine, "the lock was set back");
    }
}

/// Fails without `check_begins`: both are signed by this log, and the older is not a beginning of the newer.
#[test]
fn a_published_checkpoint_of_another_history() {
    let published_at = |first: u64| {
        let (machine, mut caller) = (Machine::default(), Caller::default());
        let mut sequencer = caller.open(&machine).unwrap();
        caller.append(&mut sequencer, first).unwrap();
        caller.append(&mut sequencer, 1).unwrap();
        machine.files(Place::Public).remove(CHECKPOINT)
    };
    let (machine, _) = settled(600);
    for first in [1, 254, 255, 400] {
        machine.set_file(Place::Public, CHECKPOINT, published_at(first));
        assert_refused(&machine, "is not the beginning of the signed one of 600");
    }
}

/// Fails without `check_unused`: a second log would start under the keys of the first.
#[test]
fn an_empty_lock_beside_a_log() {
    for size in [1, 20, 256, 300] {
        let (machine, _) = settled(size);
        machine.set_locked(None);
        assert_refused(&machine, "the lock holds no checkpoint");
        machine.set_file(Place::Public, CHECKPOINT, None);
        assert_refused(&machine, "the lock holds no checkpoint");
    }
}

#[test]
fn keys_of_another_log() {
    let (machine, _) = settled(20);
    let error = open_with(&machine, signer_of(8)).err().expect("it opens with other keys").to_string();
    assert!(error.contains("the keys or the lock are of another log"), "{error}");
    let (other, _) = settled(1);
    other.set_locked(None);
    other.set_file(Place::Public, "tile/entries/000.p/1", None);
    other.set_file(Place::Public, CHECKPOINT, None);
    open_with(&other, signer_of(8)).unwrap();
    let published = other.files(Place::Public).remove(CHECKPOINT);
    machine.set_file(Place::Public, CHECKPOINT, published);
    assert_refused(&machine, "the published checkpoint is whole and not signed by this log's keys");
}

/// A log whose last round is signed and still staged, and the name of that.
fn staged() -> (Machine, String) {
    let (machine, mut caller) = settled(20);
    let mut sequencer = caller.open(&machine).unwrap();
    caller.append(&mut sequencer, 5).unwrap();
    let name = Staging::name_of(&sequencer.published().tree);
    (machine, name)
}

#[test]
fn a_flipped_bit_in_a_staged_round() {
    let (machine, name) = staged();
    for position in (0..machine.files(Place::Private)[&name].len()).step_by(31) {
        let damaged = with_file(&machine, Place::Private, &name, |bytes| bytes[position] ^= 1);
        assert_refused(&damaged, &format!("{name}: the staging object is damaged"));
    }
}

/// Fails without the comparison of trees in `read_staged`, the second by never ending.
#[test]
fn a_staged_round_under_the_name_of_another() {
    let (machine, name) = staged();
    let staging = Staging::decode(&machine.files(Place::Private)[&name]).unwrap();
    let other = Staging { new: Tree { size: 26, ..staging.new }, ..staging.clone() };
    let circle = Staging { old: staging.new, ..staging };
    for wrong in [other, circle] {
        let machine = with_file(&machine, Place::Private, &name, |bytes| *bytes = wrong.encode());
        assert_refused(&machine, &format!("{name} holds another round than its name says"));
    }
}

/// A log may begin without an entry: fails, by never ending, when such a log is staged.
#[test]
fn a_log_of_no_entries_opens_and_grows() {
    let (machine, mut caller) = (Machine::default(), Caller::default());
    drop(open_with(&machine, signer()).unwrap());
    let mut sequencer = open_with(&machine, signer()).unwrap();
    assert_eq!(sequencer.published().tree.size, 0);
    caller.append(&mut sequencer, 0).unwrap();
    caller.append(&mut sequencer, 3).unwrap();
    check(&Remains::of(&machine), &caller.answered).unwrap();
}
