//! Loss of power before every operation of a log's life, with disks that reorder, and a process that is killed first.

use std::collections::BTreeSet;

use tnlog::server::sequencer::SequencerError;

use crate::checker::{Remains, check, reopen_and_check};
use crate::driver::Caller;
use crate::store::{Machine, Random};

/// Sizes at which logs are opened: none yet, and around the end of a tile.
const SIZES: [u64; 6] = [0, 1, 255, 256, 257, 505];

/// Seeds of each step.
const SEEDS: u64 = 4;

fn base(size: u64) -> (Machine, Caller) {
    if size == 0 { Default::default() } else { Caller::log_of(size) }
}

/// A part of a log's life: it opens or is created, grows, over the end of a tile where one is near, and settles.
fn live(machine: &Machine, caller: &mut Caller) -> Result<(), SequencerError> {
    let mut sequencer = caller.open(machine)?;
    caller.append(&mut sequencer, 2)?;
    caller.append(&mut sequencer, 0)?;
    sequencer.settler().settle()?;
    caller.append(&mut sequencer, 5)?;
    caller.append(&mut sequencer, 1)?;
    sequencer.settler().settle()
}

fn steps_of_life(machine: &Machine, caller: &Caller) -> u64 {
    let copy = machine.copy();
    live(&copy, &mut caller.clone()).unwrap();
    copy.steps() - machine.steps()
}

/// Lives until the power is cut, loses it, and is checked. With `broken`, the machine breaks its promises.
fn crash(
    (machine, caller): &(Machine, Caller),
    step: u64,
    seed: u64,
    broken: fn(&Machine),
) -> Result<(), String> {
    let (machine, mut caller) = (machine.copy(), caller.clone());
    broken(&machine);
    machine.cut_after(step, seed.is_multiple_of(2));
    if live(&machine, &mut caller).is_ok() {
        return Err("the power was not cut".into());
    }
    machine.lose_power(seed);
    reopen_and_check(&machine, &mut caller)
}

/// The process is killed at one step, its successor lives until the power is cut at another.
fn kill_then_crash((machine, caller): &(Machine, Caller), kill: u64, seed: u64) -> Result<(), String> {
    let (machine, mut caller) = (machine.copy(), caller.clone());
    let mut random = Random::new(seed);
    machine.cut_after(kill, random.below(2) == 0);
    let _ = live(&machine, &mut caller);
    machine.kill();
    // Most often soon, where the successor repairs what was left.
    let (soon, late) = (random.below(15), random.below(90));
    machine.cut_after(if random.below(3) > 0 { soon } else { late }, random.below(2) == 0);
    let _ = live(&machine, &mut caller);
    machine.lose_power(seed);
    reopen_and_check(&machine, &mut caller)
}

#[test]
fn power_may_fail_before_every_operation() {
    let mut crashes = 0;
    for size in SIZES {
        let base = base(size);
        for step in 0..steps_of_life(&base.0, &base.1) {
            for seed in 0..SEEDS {
                let seed = crashes + seed;
                crash(&base, step, seed, |_| {})
                    .unwrap_or_else(|why| panic!("at {size}, before step {step}, seed {seed}: {why}"));
            }
            crashes += SEEDS;
        }
    }
    assert!(crashes >= 1000, "{crashes} crashes are too few");
}

/// Fails without `lock.replace(&note, &note)` in `recover`: the successor publishes what only memory holds.
#[test]
fn a_process_may_be_killed_and_its_successor_lose_power() {
    for size in SIZES {
        let base = base(size);
        for kill in 0..steps_of_life(&base.0, &base.1) {
            for seed in 0..SEEDS {
                let seed = 1000 * kill + seed;
                kill_then_crash(&base, kill, seed)
                    .unwrap_or_else(|why| panic!("at {size}, killed at {kill}, seed {seed}: {why}"));
            }
        }
    }
}

/// What the checker says of crashes of a machine that breaks its promises.
fn complaints(broken: fn(&Machine)) -> BTreeSet<String> {
    let base = base(255);
    let steps = steps_of_life(&base.0, &base.1);
    let crashes = (0..steps).flat_map(|step| (0..SEEDS).map(move |seed| (step, step * SEEDS + seed)));
    crashes.filter_map(|(step, seed)| crash(&base, step, seed, broken).err()).collect()
}

/// This harness can see a missing sync: with `sync` made a no-op, answered entries are lost and it says so.
#[test]
fn a_missing_sync_is_seen() {
    assert!(complaints(|_| {}).is_empty());
    assert!(!complaints(Machine::break_sync).is_empty(), "a sync that does nothing was not noticed");
}

/// This harness can see a lock that is not durable.
#[test]
fn a_lock_that_forgets_is_seen() {
    assert!(!complaints(Machine::break_lock).is_empty(), "a lock that forgets was not noticed");
}

/// Without any crash, every log of this harness is whole.
#[test]
fn a_log_is_whole_without_a_crash() {
    for size in SIZES {
        let (machine, mut caller) = base(size);
        live(&machine, &mut caller).unwrap();
        check(&Remains::of(&machine), &caller.answered).unwrap();
        reopen_and_check(&machine, &mut caller).unwrap();
    }
}
