//! The table of faults. An operation fails in one of three ways: it was done and an error is reported, it was not done and
//! an error is reported, or it was not done and the store says that it was. Each happens at every occurrence of the
//! operation in a log's life, at several sizes.

use tnlog::server::sequencer::{Sequencer, SequencerError};

use crate::checker::{Remains, check, check_nothing_staged, reopen_and_check};
use crate::driver::Caller;
use crate::store::{Fault, Machine, Operation};

/// How a log ends that was lied to. It never ends in a wrong tree or in the loss of what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing is missing: what was not done was found out and done again, or was not needed.
    Whole,
    /// It refuses to sign.
    Refused,
}

use End::{Refused, Whole};

/// The operation, how a log ends when it was said to be done and was not, and why.
const TABLE: [(Operation, End, &str); 16] = [
    (Operation::StagingPut, Whole, "what is not there cannot be synced: the round fails before it is signed"),
    (Operation::StagingSync, Whole, "as long as the power stays; see `power` for when it does not"),
    (Operation::StagingDelete, Whole, "the round is applied again, or dropped, at the next opening"),
    (Operation::TilePut, Whole, "settling cannot sync it, and stores it again from the staging object"),
    (Operation::BundlePut, Whole, "the same"),
    (Operation::ChainsPut, Whole, "the same"),
    (Operation::IssuerPut, Whole, "the same, unless an earlier round stored the same"),
    (Operation::EvidencePut, Whole, "the same"),
    (Operation::CheckpointPut, Whole, "the next round or opening publishes"),
    (Operation::SettleSync, Whole, "as long as the power stays"),
    (Operation::PartialDelete, Whole, "a partial tile too many is a beginning of the full one"),
    (Operation::Get, Whole, "opening refuses what it cannot read, and the next one can"),
    (
        Operation::List,
        Whole,
        "staged rounds are found by name; those that were not signed wait for the next opening",
    ),
    (
        Operation::LockLoad,
        Whole,
        "a log is not created twice over what is served, and the next opening can load",
    ),
    (Operation::LockCreate, Whole, "nothing was published: it is created again"),
    (Operation::LockReplace, Refused, "the lock is trusted; what is published shows that it was set back"),
];

/// Sizes at which the logs are opened: none yet, and around the end of a tile.
const SIZES: [u64; 4] = [0, 1, 255, 505];

fn base(size: u64) -> (Machine, Caller) {
    if size == 0 { Default::default() } else { Caller::log_of(size) }
}

/// What a server does: tries again what fails.
fn live(machine: &Machine, caller: &mut Caller) -> Result<Sequencer, SequencerError> {
    let mut sequencer = caller.open(machine).or_else(|_| caller.open(machine))?;
    for count in [2, 0, 3, 255, 0, 4] {
        let _ = caller.append(&mut sequencer, count);
        if count != 2 {
            let _ = sequencer.settler().settle();
        }
    }
    Ok(sequencer)
}

/// Goes on with the process that saw the fault, and checks that.
fn go_on(machine: &Machine, caller: &mut Caller, mut sequencer: Sequencer) -> Result<(), String> {
    for count in [1, 1, 0] {
        caller.append(&mut sequencer, count).map_err(|error| error.to_string())?;
    }
    let settled = sequencer.settler().settle().or_else(|_| sequencer.settler().settle());
    settled.map_err(|error| error.to_string())?;
    check(&Remains::of(machine), &caller.answered)
}

/// Runs a check for every occurrence of an operation, at every size.
fn for_each_occurrence(fault: Fault, check: impl Fn(&Machine, Caller, Fault) -> Result<(), String>) {
    let mut happened = 0;
    for size in SIZES {
        let (machine, caller) = base(size);
        for after in 0.. {
            let (machine, fault) = (machine.copy(), Fault { after, ..fault });
            machine.inject(fault);
            check(&machine, caller.clone(), fault).unwrap_or_else(|why| panic!("{fault:?} at {size}: {why}"));
            if !machine.fault_happened() {
                break;
            }
            happened += 1;
        }
    }
    assert!(happened > 0, "{:?} never happens", fault.operation);
}

/// The process that saw the fault goes on; its successor finds a whole log; so does the successor after a loss of power.
fn check_reported(machine: &Machine, mut caller: Caller, fault: Fault) -> Result<(), String> {
    let sequencer = live(machine, &mut caller).map_err(|error| error.to_string())?;
    let (lost, mut caller_of_lost) = (machine.copy(), caller.clone());
    lost.lose_power(fault.after as u64);
    reopen_and_check(&lost, &mut caller_of_lost).map_err(|why| format!("after a loss of power: {why}"))?;
    if machine.fault_happened() {
        go_on(machine, &mut caller, sequencer)
            .map_err(|why| format!("in the process that goes on: {why}"))?;
        check_nothing_staged(&Remains::of(machine))?;
        reopen_and_check(machine, &mut caller)?;
    }
    Ok(())
}

#[test]
fn what_is_reported_is_repaired() {
    for (operation, ..) in TABLE {
        for applied in [true, false] {
            let fault = Fault { operation, after: 0, applied, reported: true };
            for_each_occurrence(fault, check_reported);
        }
    }
}

fn is_refusal(why: &str) -> bool {
    why.contains("refusing to sign") || why.contains("the lock holds another checkpoint")
}

/// The lie at one occurrence: the process goes on or refuses, and so does its successor, as the table says. What is whole
/// survives a loss of power, unless it is the last sync that lied.
fn check_lie(machine: &Machine, mut caller: Caller, fault: Fault, end: End) -> Result<(), String> {
    let sequencer = live(machine, &mut caller).map_err(|error| error.to_string())?;
    if !machine.fault_happened() {
        return Ok(());
    }
    let process = go_on(machine, &mut caller, sequencer);
    let mut successor = reopen_and_check(machine, &mut caller);
    if end == Whole && fault.operation != Operation::SettleSync {
        machine.lose_power(fault.after as u64);
        successor = successor.and(reopen_and_check(machine, &mut caller));
    }
    match (end, process, successor) {
        (Whole, process, successor) => process.and(successor),
        (Refused, Err(process), Err(successor)) if is_refusal(&process) && is_refusal(&successor) => Ok(()),
        (Refused, process, successor) => {
            Err(format!("this was to be refused: {process:?}, and by the next: {successor:?}"))
        }
    }
}

/// Fails for tiles without `apply_failed`, for the lock without the comparison of times in `check_published`, and for the
/// listing when staged rounds are looked for only where they are listed.
#[test]
fn a_store_that_lies_is_healed_or_refused() {
    for (operation, end, _) in TABLE {
        let fault = Fault { operation, after: 0, applied: false, reported: false };
        for_each_occurrence(fault, |machine, caller, fault| {
            // The first replacement of a process stores the same again, which nothing needs as long as the power stays.
            let confirms = operation == Operation::LockReplace && fault.after == 0;
            check_lie(machine, caller, fault, if confirms { Whole } else { end })
        });
    }
}
