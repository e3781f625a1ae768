//! Submissions whose answers are remembered, and asked for again: what was answered is in the log, at its index, with its time,
//! and the tree grew out of every checkpoint that anybody saw.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::{Value, json};
use tnlog::checkpoint::Checkpoint;
use tnlog::commitment::Opening;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::merkle::{Hash, check_consistency, check_inclusion};
use tnlog::note::Note;
use tnlog::sct::Extensions;
use tnlog::synthetic::{Authority, KeyPair, Profile, fictional_number};

use super::{VALIDITY, add_chain, exchange, from_base64, get, post, request, try_post};

/// A submission that was answered: which, the time, and the extensions.
pub type Answered = (u32, u64, Vec<u8>);

/// Every third names a number.
pub fn submission(issuing: &Authority, n: u32) -> Vec<Vec<u8>> {
    let profile = match n % 3 {
        0 => Profile::numbers(&[&fictional_number(n)], VALIDITY, n.into()),
        _ => Profile::carrier("706J", VALIDITY, n.into()),
    };
    issuing.issue(&profile.key(KeyPair::p256(1))).chain()
}

pub fn answered(n: u32, answer: &Value) -> Answered {
    (n, answer["timestamp"].as_u64().expect("an SCT"), from_base64(&answer["extensions"]))
}

/// What was answered, and the checkpoints that were shown.
#[derive(Default)]
pub struct Seen {
    pub answered: Mutex<Vec<Answered>>,
    /// Root by size.
    pub checkpoints: Mutex<BTreeMap<u64, Hash>>,
}

impl Seen {
    pub fn checkpoint(&self, checkpoint: &Checkpoint) {
        let before = self.checkpoints.lock().unwrap().insert(checkpoint.size, checkpoint.root);
        assert!(before.is_none_or(|root| root == checkpoint.root), "two roots of {} leaves", checkpoint.size);
    }
}

/// What a log shows; none when it is gone.
pub fn checkpoint(address: SocketAddr) -> Option<Checkpoint> {
    let response = exchange(address, &request("GET", "/checkpoint", &[], &[]))?;
    Checkpoint::parse(Note::parse(&response.body).ok()?.text()).ok()
}

/// Submits, one after the other and in small batches, until the log is gone or it is over.
pub fn load(address: SocketAddr, issuing: &Authority, next: &AtomicU32, seen: &Seen, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
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

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(|hash| Hash(from_base64(hash).try_into().unwrap())).collect()
}

/// Asks the log that was started again for everything that it answered before.
pub fn check(address: SocketAddr, issuing: &Authority, seen: &Seen) -> Checkpoint {
    let now = checkpoint(address).expect("a checkpoint");
    for (size, root) in seen.checkpoints.lock().unwrap().iter() {
        assert!(*size <= now.size, "a checkpoint of {size} leaves was shown, and there are {}", now.size);
        let path = format!("/ct/v1/get-sth-consistency?first={size}&second={}", now.size);
        let proof = hashes(&get(address, &path).success()["consistency"]);
        check_consistency(&proof, *size, root, now.size, &now.root)
            .expect("the tree grew out of what was shown");
    }
    check_answers(address, issuing, &now, &seen.answered.lock().unwrap());
    now
}

/// Everything that was answered is answered the same again, and is in the log.
pub fn check_answers(address: SocketAddr, issuing: &Authority, now: &Checkpoint, answered: &[Answered]) {
    let chains: Vec<_> = answered.iter().map(|(n, ..)| submission(issuing, *n)).collect();
    for (answers, chains) in answered.chunks(1000).zip(chains.chunks(1000)) {
        let body = json!({ "chains": chains.iter().map(|chain| add_chain(chain)).collect::<Vec<_>>() });
        let again = post(address, "/tn/v1/add-chains", &body).success();
        for ((n, time, extensions), again) in answers.iter().zip(again["results"].as_array().unwrap()) {
            assert_eq!(self::answered(*n, again), (*n, *time, extensions.clone()), "submission {n}");
        }
    }
    for ((n, time, extensions), chain) in answered.iter().zip(&chains).step_by(7) {
        check_entry(address, now, chain, &(*n, *time, extensions.clone()));
    }
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
