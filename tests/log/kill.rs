//! The real program, killed under load fifty times. Whatever was answered is in the log, at its index, with its time; and the
//! tree grew out of every checkpoint that anybody saw.

#![cfg(feature = "server")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common;
use crate::common::{Process, add_chain, from_base64, get, issuing, post, try_post};
use serde_json::{Value, json};
use tnlog::checkpoint::Checkpoint;
use tnlog::commitment::Opening;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::merkle::{Hash, check_consistency, check_inclusion};
use tnlog::note::Note;
use tnlog::sct::Extensions;
use tnlog::synthetic::{Authority, KeyPair, Profile, fictional_number};

const SEEDS: u32 = 50;
const SUBMITTERS: u32 = 4;

/// A submission that was answered: which, the time, and the extensions.
type Answered = (u32, u64, Vec<u8>);

/// Every third names a number.
fn submission(issuing: &Authority, n: u32) -> Vec<Vec<u8>> {
    let profile = match n % 3 {
        0 => Profile::numbers(&[&fictional_number(n)], common::VALIDITY, n.into()),
        _ => Profile::carrier("706J", common::VALIDITY, n.into()),
    };
    issuing.issue(&profile.key(KeyPair::p256(1))).chain()
}

fn answered(n: u32, answer: &Value) -> Answered {
    (n, answer["timestamp"].as_u64().expect("an SCT"), from_base64(&answer["extensions"]))
}

/// SplitMix64: the instants follow from the seed.
fn random(seed: u32) -> u64 {
    let mut z = u64::from(seed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[derive(Default)]
struct Seen {
    answered: Mutex<Vec<Answered>>,
    /// Root by size.
    checkpoints: Mutex<BTreeMap<u64, Hash>>,
}

impl Seen {
    fn checkpoint(&self, checkpoint: &Checkpoint) {
        let before = self.checkpoints.lock().unwrap().insert(checkpoint.size, checkpoint.root);
        assert!(before.is_none_or(|root| root == checkpoint.root), "two roots of {} leaves", checkpoint.size);
    }
}

fn checkpoint(address: SocketAddr) -> Option<Checkpoint> {
    let response = common::exchange(address, &common::request("GET", "/checkpoint", &[], &[]))?;
    Checkpoint::parse(Note::parse(&response.body).ok()?.text()).ok()
}

/// Submits, one after the other and in small batches, until the log is gone.
fn load(address: SocketAddr, issuing: &Authority, next: &AtomicU32, seen: &Seen) {
    loop {
        let n = next.fetch_add(4, Ordering::Relaxed);
        let Some(response) = try_post(address, "/ct/v1/add-chain", &add_chain(&submission(issuing, n)))
        else {
            return;
        };
        if response.status == 200 {
            seen.answered.lock().unwrap().push(answered(n, &response.json()));
        }
        let batch: Vec<_> = (n + 1..n + 4).map(|n| add_chain(&submission(issuing, n))).collect();
        let Some(response) = try_post(address, "/tn/v1/add-chains", &json!({ "chains": batch })) else {
            return;
        };
        if response.status == 200 {
            let json = response.json();
            let answers = (n + 1..).zip(json["results"].as_array().unwrap());
            seen.answered.lock().unwrap().extend(answers.map(|(n, answer)| answered(n, answer)));
        }
    }
}

/// Load, and death at an instant that follows from the seed, counted from the first answer of this life.
fn live_and_die(process: Process, issuing: &Authority, next: &Arc<AtomicU32>, seed: u32) -> Arc<Seen> {
    let (address, seen, over) =
        (process.address, Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    std::thread::scope(|scope| {
        for _ in 0..SUBMITTERS {
            scope.spawn(|| load(address, issuing, next, &seen));
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
        std::thread::sleep(Duration::from_micros(random(seed) % 400_000));
        process.kill();
        over.store(true, Ordering::Relaxed);
    });
    seen
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(|hash| Hash(from_base64(hash).try_into().unwrap())).collect()
}

/// Asks the log that was started again for everything that it answered before.
fn check(address: SocketAddr, issuing: &Authority, seen: &Seen) -> Checkpoint {
    let now = checkpoint(address).expect("a checkpoint");
    for (size, root) in seen.checkpoints.lock().unwrap().iter() {
        assert!(*size <= now.size, "a checkpoint of {size} leaves was shown, and there are {}", now.size);
        let path = format!("/ct/v1/get-sth-consistency?first={size}&second={}", now.size);
        let proof = hashes(&get(address, &path).success()["consistency"]);
        check_consistency(&proof, *size, root, now.size, &now.root)
            .expect("the tree grew out of what was shown");
    }
    let answered = seen.answered.lock().unwrap();
    let chains: Vec<_> = answered.iter().map(|(n, ..)| submission(issuing, *n)).collect();
    for (answers, chains) in answered.chunks(1000).zip(chains.chunks(1000)) {
        let body = json!({ "chains": chains.iter().map(|chain| add_chain(chain)).collect::<Vec<_>>() });
        let again = post(address, "/tn/v1/add-chains", &body).success();
        for ((n, time, extensions), again) in answers.iter().zip(again["results"].as_array().unwrap()) {
            assert_eq!(self::answered(*n, again), (*n, *time, extensions.clone()), "submission {n}");
        }
    }
    for ((n, time, extensions), chain) in answered.iter().zip(&chains).step_by(7) {
        check_entry(address, &now, chain, &(*n, *time, extensions.clone()));
    }
    now
}

/// The leaf at the index of an answer records the submission, and is in the tree.
fn check_entry(address: SocketAddr, now: &Checkpoint, chain: &[Vec<u8>], (n, time, extensions): &Answered) {
    let Extensions { leaf_index, opening } = Extensions::decode(extensions).unwrap();
    let path = format!("/ct/v1/get-entry-and-proof?leaf_index={leaf_index}&tree_size={}", now.size);
    let entry = get(address, &path).success();
    let bytes = from_base64(&entry["leaf_input"]);
    let proof = hashes(&entry["audit_path"]);
    check_inclusion(&proof, now.size, leaf_index, &Hash::of_leaf(&bytes), &now.root)
        .expect("it is in the tree");
    let leaf = Leaf::decode(&bytes).unwrap();
    assert_eq!((leaf.timestamp, leaf.index), (*time, leaf_index), "submission {n}");
    let submitted = SignedEntry::X509(chain[0].clone());
    match (leaf.entry, opening) {
        (Entry::Open(signed), None) => assert_eq!(signed, submitted),
        (Entry::Number(number), Some(opening)) => {
            assert_eq!(number.commitment, Opening::new(*opening.expose()).commit(&submitted));
        }
        _ => panic!("submission {n} has an entry of another kind"),
    }
}

#[test]
fn fifty_deaths_lose_and_contradict_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("log");
    let messages = temporary.path().join("messages");
    std::fs::create_dir(&folder).unwrap();
    common::add_roots(&tnlog::server::config::Folder::new(&folder));
    std::fs::write(folder.join("tnlog.toml"), common::config("round_milliseconds = 15\n")).unwrap();

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
