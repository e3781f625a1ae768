//! An I/O error, then a kill, at every call by which a log reads or writes its disk in rounds, in what makes them durable, and in
//! updates of the index. All of them take some minutes:
//!
//!     cargo test --release --test faults -- --ignored --nocapture every_call

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::common::answered::{Seen, answered, submission};
use crate::common::{Process, add_chain, exchange, issuing, request, try_post};
use crate::strace::{CALLS, Strace, WRITERS, threads};
use crate::{World, at_once, wait_for};

/// How many of all cases every run of the tests tries.
const SAMPLE: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The call is not done, and reports an error.
    Error,
    /// The process dies before the call.
    Kill,
}

/// The `n`th call of this name in a thread.
#[derive(Clone, Debug)]
struct Case {
    thread: &'static str,
    call: String,
    n: usize,
    fault: Fault,
}

/// Submits what fills a tile, one after the other, until that is answered or the log is gone.
fn submit(process: &Process, seen: &Seen) {
    let issuing = issuing();
    for n in World::BASE..World::BASE + 5 {
        let begun = Instant::now();
        loop {
            let Some(response) =
                try_post(process.address, "/ct/v1/add-chain", &add_chain(&submission(&issuing, n)))
            else {
                return;
            };
            if response.status == 200 {
                seen.answered.lock().unwrap().push(answered(n, &response.json()));
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no answer: {}", response.text());
        }
    }
}

/// The life of a log in which something happens: entries, a full tile, heads of the index, an orderly end. Gives what was traced.
fn live(world: &World, options: impl Fn(u32) -> Option<(Vec<u32>, Vec<String>)>) -> Option<Lived> {
    let copy = world.copy();
    let process = copy.start();
    let (threads, options) = options(process.id())?;
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let strace = Strace::attach(copy.folder.path(), &threads, &options)?;
    let seen = Seen::default();
    submit(&process, &seen);
    wait_for("the index stands still", || {
        let metrics = exchange(process.address, &request("GET", "/metrics", &[], &[]));
        metrics.is_none_or(|metrics| metrics.text().contains("index_lag_entries 0"))
    });
    let ended_well = process.stop().success();
    Some(Lived { copy, seen, ended_well, trace: strace.detach() })
}

struct Lived {
    copy: crate::Copy,
    seen: Seen,
    ended_well: bool,
    trace: String,
}

/// Every call of a life without faults, as cases.
fn cases(world: &World) -> Option<Vec<Case>> {
    let mut names = BTreeMap::new();
    let ids = Mutex::new(&mut names);
    let lived = live(world, |process| {
        for name in WRITERS {
            threads(process, &[name]).into_iter().for_each(|id| _ = ids.lock().unwrap().insert(id, name));
        }
        Some((threads(process, &WRITERS), vec!["-e".into(), format!("trace={CALLS}")]))
    })?;
    assert_eq!((names.len(), lived.ended_well), (WRITERS.len(), true));
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for line in lived.trace.lines().filter(|line| !line.contains("resumed>")) {
        let (id, rest) = line.trim_start().split_once(char::is_whitespace).unwrap();
        let (Some(thread), Some((call, _))) = (names.get(&id.parse().unwrap()), rest.trim().split_once('('))
        else {
            continue;
        };
        *counts.entry((thread, call.to_owned())).or_default() += 1;
    }
    let cases = counts.into_iter().flat_map(|((thread, call), count)| {
        (1..=count).flat_map(move |n| {
            let call = call.clone();
            [Fault::Error, Fault::Kill].map(|fault| Case { thread, call: call.clone(), n, fault })
        })
    });
    Some(cases.collect())
}

/// One life with a fault, and the next. Gives whether the fault happened to a file.
fn survive(world: &World, case: &Case) -> bool {
    let Case { thread, call, n, fault } = case;
    let what = if *fault == Fault::Error { "error=EIO" } else { "signal=KILL" };
    let lived = live(world, |process| {
        let inject = format!("inject={call}:{what}:when={n}");
        Some((threads(process, &[thread]), vec!["-e".into(), format!("trace={call}"), "-e".into(), inject]))
    });
    let Some(Lived { copy, seen, ended_well, trace }) = lived else { return false };
    let messages = std::fs::read_to_string(copy.messages()).unwrap();
    // What wakes another thread is no file, and is not tried.
    let hit = trace.lines().filter(|line| line.contains(&format!("{call}("))).nth(n - 1);
    let is_file = hit.is_some_and(|line| !line.contains("anon_inode:") && !line.contains("pipe:"));
    if is_file && *fault == Fault::Error {
        assert!(ended_well, "{case:?} ends the log: {messages}");
        assert_eq!(seen.answered.lock().unwrap().len(), 5, "{case:?}: {messages}");
    }
    if is_file {
        copy.survives(&seen);
    }
    is_file
}

/// Tries cases, several at once, and says what they were.
fn survive_all(world: &World, cases: &[Case]) {
    let survived = Mutex::new(BTreeMap::<_, usize>::new());
    at_once(cases, |case| {
        let happened = survive(world, case);
        let name = format!("{} {} {:?}", case.thread, case.call, case.fault);
        *survived.lock().unwrap().entry(name).or_default() += usize::from(happened);
    });
    let survived = survived.into_inner().unwrap();
    survived.iter().for_each(|(name, count)| println!("{count:4} {name}"));
    let all: usize = survived.values().sum();
    println!("{all} faults survived, of {} cases", cases.len());
    assert!(all * 2 > cases.len(), "only {all} of {} happened", cases.len());
}

/// Fails, among others, without `in_doubt` in the sequencer (errors) and without the staged round (kills).
#[test]
fn a_sample_of_the_calls_fails_and_kills() {
    let world = World::new();
    let Some(cases) = cases(&world) else { return };
    println!("{} cases in all", cases.len());
    let step = cases.len() / SAMPLE;
    let sample: Vec<_> = (0..SAMPLE).map(|n| cases[n * step + n % 2].clone()).collect();
    survive_all(&world, &sample);
}

#[ignore = "takes minutes"]
#[test]
fn every_call_fails_and_kills() {
    let world = World::new();
    let Some(cases) = cases(&world) else { return };
    survive_all(&world, &cases);
}
