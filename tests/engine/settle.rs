//! Settling: beside appending, and when nobody does it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tnlog::server::plan::Place;

use crate::checker::{Remains, check, check_nothing_staged};
use crate::disk::{open, remains};
use crate::driver::Caller;
use crate::store::Machine;

/// Fails when emptying the staging folder removes it: a round may then find no folder to be staged in.
#[test]
fn a_thread_settles_beside_appending() {
    let folder = tempfile::tempdir().unwrap();
    let mut caller = Caller::default();
    let mut sequencer = open(folder.path(), &mut caller);
    caller.append(&mut sequencer, 200).unwrap();
    let (settler, done) = (sequencer.settler(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                settler.settle().unwrap();
            }
        });
        let appended: Result<Vec<()>, _> = (0..60).map(|_| caller.append(&mut sequencer, 2)).collect();
        done.store(true, Ordering::Relaxed);
        appended.unwrap();
    });
    settler.settle().unwrap();
    let remains = remains(folder.path(), &[]);
    check(&remains, &caller.answered).unwrap();
    check_nothing_staged(&remains).unwrap();
}

/// What is staged is bounded: a round settles those before it when nobody else does.
#[test]
fn a_round_settles_when_too_many_wait() {
    let (machine, mut caller) = (Machine::default(), Caller::default());
    let mut sequencer = caller.open(&machine).unwrap();
    let staged = || machine.files(Place::Private).keys().filter(|name| name.starts_with("staging/")).count();
    let mut most = 0;
    for _ in 0..300 {
        caller.append(&mut sequencer, 1).unwrap();
        most = most.max(staged());
    }
    assert_eq!(most, 256);
    assert!(staged() < 60, "{} rounds are still staged", staged());
    check(&Remains::of(&machine), &caller.answered).unwrap();
}
