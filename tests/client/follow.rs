//! Following a log in a folder: in parts, in order, nothing left out, whatever fails in between.

#![cfg(feature = "server")]

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::support;
use crate::support::TestLog;
use bytes::Bytes;
use tnlog::checkpoint::Checkpoint;
use tnlog::client::check::FaultKind;
use tnlog::client::follow::{
    Finding, Follow, FollowError, Follower, MemoryError, Object, Part, ShownHead, Sink,
};
use tnlog::client::read::policy_of_key;
use tnlog::client::source::{Folder, Source, SourceError};
use tnlog::merkle::Hash;
use tnlog::note::{KeyType, Note, Signer};
use tnlog::synthetic::{KeyPair, Profile};

/// Remembers what it was given; fails when it is told to.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    leaves: Vec<(u64, Vec<u8>)>,
    objects: Vec<String>,
    complete: Vec<String>,
    /// Calls until one fails.
    fails_in: Option<usize>,
}

impl Sink for Taken {
    fn take(&mut self, part: &Part<'_>) -> io::Result<()> {
        let state = &mut *self.0.lock().unwrap();
        let leaves = part.leaves.iter().map(|leaf| leaf.to_vec());
        state.leaves.extend((part.first..).zip(leaves));
        state.objects.extend(part.objects.iter().map(|(path, _)| path.clone()));
        match &mut state.fails_in {
            Some(0) => Err(io::Error::other("the disk is full")),
            Some(more) => {
                *more -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn take_heads(&mut self, _: &[Object]) -> io::Result<()> {
        panic!("no index log is followed")
    }

    fn complete(&mut self, checkpoint: &Note) -> io::Result<()> {
        self.0.lock().unwrap().complete.push(checkpoint.to_string());
        Ok(())
    }

    fn heads_complete(&mut self, _: &ShownHead) -> io::Result<()> {
        panic!("no index log is followed")
    }
}

fn follower<S: Source + Clone>(source: S, folder: PathBuf, taken: &Taken) -> Follower<S, Taken> {
    let key = support::vkey();
    let policy = policy_of_key(key.clone()).unwrap();
    let index = Arc::default();
    let follow = Follow { key, policy, index_key: None, verifiers: None, index, folder };
    Follower::open(source, follow, taken.clone()).unwrap()
}

/// Fails when the position is saved before a part is handed out, or more than the last part comes again.
#[tokio::test]
async fn parts_come_in_order_and_the_one_that_failed_comes_again() {
    let mut log = TestLog::with(5000);
    let folder = tempfile::tempdir().unwrap();
    let taken = Taken::default();
    let source = Folder::new(log.public());
    for fails_in in [0, 0, 1] {
        taken.0.lock().unwrap().fails_in = Some(fails_in);
        let mut follower = follower(source.clone(), folder.path().to_owned(), &taken);
        let failed = follower.step().await;
        assert!(matches!(failed, Err(FollowError::Sink(_))), "{failed:?}");
    }
    taken.0.lock().unwrap().fails_in = None;
    let mut last = follower(source.clone(), folder.path().to_owned(), &taken);
    last.step().await.unwrap();
    let checked = last.progress().borrow().checked;
    assert_eq!(checked, log.size());
    {
        let state = taken.0.lock().unwrap();
        // The first part three times, the second twice, the rest once; each leaf as it was logged.
        assert_eq!(state.leaves.len() as u64, log.size() + 2 * 2048 + 2048);
        assert!(state.leaves.iter().all(|(index, leaf)| log.leaves[*index as usize] == *leaf));
        let mut indexes: Vec<u64> = state.leaves.iter().map(|(index, _)| *index).collect();
        indexes.dedup();
        indexes.sort_unstable();
        indexes.dedup();
        assert_eq!(indexes, (0..log.size()).collect::<Vec<_>>());
        assert_eq!(state.complete, [log.note().to_string()]);
        let issuers = state.objects.iter().filter(|path| path.starts_with("issuer/")).count();
        assert!(issuers > 0 && issuers < 20, "CA certificates are fetched again and again: {issuers}");
    }
    // What is new, and nothing else; also in a new life.
    let chain = log.issuing.issue(&Profile::carrier("709J", support::VALIDITY, 1)).chain();
    log.add(&[chain]);
    taken.0.lock().unwrap().leaves.clear();
    let mut next = follower(source, folder.path().to_owned(), &taken);
    next.step().await.unwrap();
    next.step().await.unwrap();
    let state = taken.0.lock().unwrap();
    assert_eq!(state.leaves, [(log.size() - 1, log.leaves.last().unwrap().clone())]);
    assert_eq!(state.complete.last().unwrap(), &log.note().to_string());
}

/// The follower that failed goes on itself. Fails when it takes the CA certificates of a part that was not kept for kept ones.
#[tokio::test]
async fn a_part_that_was_not_taken_comes_again_whole() {
    let log = TestLog::with(5000);
    let folder = tempfile::tempdir().unwrap();
    let taken = Taken::default();
    let mut follower = follower(Folder::new(log.public()), folder.path().to_owned(), &taken);
    for (attempt, fails_in) in [0, 1, 0].into_iter().enumerate() {
        taken.0.lock().unwrap().fails_in = Some(fails_in);
        assert!(matches!(follower.step().await, Err(FollowError::Sink(_))));
        let state = &mut *taken.0.lock().unwrap();
        if attempt == 0 {
            state.objects.clear();
        }
        assert!(state.complete.is_empty());
    }
    taken.0.lock().unwrap().fails_in = None;
    follower.step().await.unwrap();
    let state = taken.0.lock().unwrap();
    assert!(state.objects.iter().any(|path| path.starts_with("issuer/")), "{:?}", state.objects);
    assert_eq!(state.complete, [log.note().to_string()]);
    assert_eq!(follower.progress().borrow().checked, log.size());
}

/// Fails when the folder of one log is gone on with for another.
#[tokio::test]
async fn the_folder_of_one_log_is_not_that_of_another() {
    let log = TestLog::with(10);
    let folder = tempfile::tempdir().unwrap();
    follower(Folder::new(log.public()), folder.path().to_owned(), &Taken::default()).step().await.unwrap();
    let key =
        Signer::new("log.example.com/other", KeyType::Ed25519, &[2; 32]).unwrap().verifier_key().clone();
    let policy = policy_of_key(key.clone()).unwrap();
    let follow = Follow {
        key,
        policy,
        index_key: None,
        verifiers: None,
        index: Arc::default(),
        folder: folder.path().to_owned(),
    };
    let error = Follower::open(Folder::new(log.public()), follow, Taken::default()).err().unwrap();
    assert!(matches!(error, FollowError::Memory(MemoryError::OtherLog { .. })), "{error}");
}

/// Fails without the comparison of origins in `Follower::update`: the policy also has the key of the index log.
#[tokio::test]
async fn another_log_of_the_policy_is_not_followed() {
    let signer = Signer::new(format!("{}/index", support::ORIGIN), KeyType::Ed25519, &[2; 32]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let note = Checkpoint::new(signer.verifier_key().name(), 9, Hash([1; 32])).sign(&signer).unwrap();
    std::fs::write(folder.path().join("checkpoint"), note.to_string()).unwrap();
    let key = support::vkey();
    let policy = format!("log {key}\nlog {}\nquorum none\n", signer.verifier_key()).parse().unwrap();
    let index = Arc::default();
    let place = folder.path().join("follower");
    let follow = Follow { key, policy, index_key: None, verifiers: None, index, folder: place };
    let mut follower = Follower::open(Folder::new(folder.path()), follow, Taken::default()).unwrap();
    let error = follower.step().await.unwrap_err();
    assert!(matches!(error, FollowError::OtherLog { .. }), "{error}");
}

/// The bundles and the lowest hash tiles of one log, under the checkpoint and the upper tiles of another.
#[derive(Clone)]
struct Mixed {
    signed: Folder,
    other: Folder,
}

impl Source for Mixed {
    async fn fetch(&self, path: &str, limit: usize) -> Result<Option<Bytes>, SourceError> {
        let is_low = ["tile/0/", "tile/entries/", "tile/chains/"].iter().any(|low| path.starts_with(low));
        if is_low && !path.contains(".p/") {
            return self.other.fetch(path, limit).await;
        }
        self.signed.fetch(path, limit).await
    }
}

/// Fails without `begins_with` in `Follower::check`: the part would be handed out.
#[tokio::test]
async fn a_part_that_is_not_of_the_signed_tree_is_not_handed_out() {
    let (signed, mut other) = (TestLog::with(2400), TestLog::new());
    let key = KeyPair::p256(7);
    let carriers = (0..2400).map(|n| Profile::carrier("709J", support::VALIDITY, n).key(key.clone()));
    let chains: Vec<_> = carriers.map(|profile| other.issuing.issue(&profile).chain()).collect();
    chains.chunks(300).for_each(|chains| {
        other.add(chains);
    });
    let folder = tempfile::tempdir().unwrap();
    let taken = Taken::default();
    let source = Mixed { signed: Folder::new(signed.public()), other: Folder::new(other.public()) };
    // Leaf 0 and the CA certificates are the same in both; the certificates are not.
    assert!(signed.leaves[1] != other.leaves[1]);
    let found = follower(source, folder.path().to_owned(), &taken).step().await;
    match found {
        Err(FollowError::Found(Finding::Fault { fault, checkpoint })) => {
            assert_eq!((fault.kind, *checkpoint), (FaultKind::Root, signed.note()));
        }
        other => panic!("{other:?}"),
    }
    assert!(taken.0.lock().unwrap().leaves.is_empty());
}

/// The witnesses have cosigned one tree and not the other, which the log signed all the same. Fails without `check_uncosigned`.
#[tokio::test]
async fn a_fork_that_nobody_cosigns_is_found() {
    let (mut seen, mut forked) = (TestLog::new(), TestLog::new());
    let chain =
        |log: &TestLog, code| log.issuing.issue(&Profile::carrier(code, support::VALIDITY, 1)).chain();
    let (one, another) = (chain(&seen, "709J"), chain(&forked, "710J"));
    seen.add(&[one]);
    forked.add(&[another]);
    forked.add(&[chain(&forked, "711J")]);
    let witness = Signer::new("w.example", KeyType::Cosignature, &[4; 32]).unwrap();
    let mut cosigned = seen.note();
    tnlog::cosignature::cosign_note(&witness, &mut cosigned, support::NOW).unwrap();
    std::fs::write(seen.public().join("checkpoint"), cosigned.to_string()).unwrap();
    std::fs::create_dir_all(forked.public().join("tn/v1")).unwrap();
    std::fs::write(forked.public().join("tn/v1/checkpoint"), cosigned.to_string()).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("log");
    std::os::unix::fs::symlink(seen.public(), &place).unwrap();
    let key = support::vkey();
    let policy = format!("log {key}\nwitness w {}\nquorum w\n", witness.verifier_key()).parse().unwrap();
    let (index, mine) = (Arc::default(), folder.path().join("follower"));
    let follow = Follow { key, policy, index_key: None, verifiers: None, index, folder: mine };
    let mut follower = Follower::open(Folder::new(place.clone()), follow, Taken::default()).unwrap();
    follower.step().await.unwrap();
    std::fs::remove_file(&place).unwrap();
    std::os::unix::fs::symlink(forked.public(), &place).unwrap();
    let found = follower.step().await;
    let Err(FollowError::Found(Finding::Fork { seen: before, shown })) = found else { panic!("{found:?}") };
    assert_eq!((before.to_string(), shown.to_string()), (cosigned.to_string(), forked.note().to_string()));
}

/// With every heartbeat and every cosignature a log shows the tree that it had before. Fails when the bundles of no leaves are looked for.
#[tokio::test]
async fn a_tree_that_is_signed_again_brings_nothing_new() {
    for carriers in [3, 300] {
        let mut log = TestLog::with(carriers);
        let folder = tempfile::tempdir().unwrap();
        let taken = Taken::default();
        let source = Folder::new(log.public());
        let mut first = follower(source.clone(), folder.path().to_owned(), &taken);
        first.step().await.unwrap();
        log.add(&[]);
        first.step().await.unwrap();
        drop(first);
        log.add(&[]);
        follower(source, folder.path().to_owned(), &taken).step().await.unwrap();
        let state = taken.0.lock().unwrap();
        assert_eq!(state.leaves.len() as u64, log.size(), "{carriers}");
        assert_eq!(state.complete.last().unwrap(), &log.note().to_string());
    }
}
