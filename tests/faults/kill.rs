//! The real program, killed under load fifty times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tnlog::checkpoint::Checkpoint;
use tnlog::synthetic::Authority;

use crate::common::answered::{Seen, check, checkpoint, load};
use crate::common::{Process, issuing};

const SEEDS: u32 = 50;
const SUBMITTERS: u32 = 4;

/// Load, and death at an instant that follows from the seed, counted from the first answer of this life.
fn live_and_die(process: Process, issuing: &Authority, next: &Arc<AtomicU32>, seed: u32) -> Arc<Seen> {
    let (address, seen, over) =
        (process.address, Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    std::thread::scope(|scope| {
        for _ in 0..SUBMITTERS {
            scope.spawn(|| load(address, issuing, next, &seen, &over));
        }
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Some(checkpoint) = checkpoint(address) {
                    seen.checkpoint(&checkpoint);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let begun = Instant::now();
        while seen.answered.lock().unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing was answered");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(crate::random(seed.into()) % 400_000));
        process.kill();
        over.store(true, Ordering::Relaxed);
    });
    seen
}

#[test]
fn fifty_deaths_lose_and_contradict_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("log");
    let messages = temporary.path().join("messages");
    crate::begin(&folder, "round_milliseconds = 15\n");

    let (issuing, next) = (issuing(), Arc::new(AtomicU32::new(0)));
    let mut last: Option<Checkpoint> = None;
    let (mut answers, mut checkpoints) = (0, 0);
    let mut process = Process::start(&folder, "info", &messages);
    for seed in 0..SEEDS {
        let seen = live_and_die(process, &issuing, &next, seed);
        if let Some(last) = &last {
            seen.checkpoint(last);
        }
        process = Process::start(&folder, "info", &messages);
        last = Some(check(process.address, &issuing, &seen));
        answers += seen.answered.lock().unwrap().len();
        checkpoints += seen.checkpoints.lock().unwrap().len();
    }
    process.terminate();
    println!("{answers} answers, {checkpoints} checkpoints, {} leaves", last.unwrap().size);
    assert!(answers > SEEDS as usize * 10 && checkpoints > SEEDS as usize * 2);
    let messages = std::fs::read_to_string(messages).unwrap();
    let wrong = messages.lines().find(|line| line.contains(" ERROR ") || line.contains("panicked"));
    assert_eq!(wrong, None);
}
