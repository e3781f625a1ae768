//! The checker and the reader over logs that the real engine wrote, and over every way in which such a log can be damaged.

#![cfg(feature = "server")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support;
use crate::support::{NOW, TestLog, VALIDITY, chain_item, leaf_0, open_raw, parse, vkey};
use p256::ecdsa::signature::Signer as _;
use tnlog::bundle;
use tnlog::chain_item::{ChainItem, issuer_path};
use tnlog::checkpoint::{Checkpoint, TreeHead, TreeHeadError, tree_head_message};
use tnlog::client::check::{CheckError, Fault, FaultKind, Position, Target, check_log};
use tnlog::client::read::{LogReader, Misbehaviour, ReadError, policy_of_key};
use tnlog::client::source::Folder;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::merkle::{Hash, check_inclusion};
use tnlog::server::plan::{NewEntry, Object, Place};
use tnlog::submission::Submission;
use tnlog::synthetic::{Authority, Malformation, Profile};

async fn check_from(public: &Path, from: Position) -> Result<Position, CheckError> {
    let source = Arc::new(Folder::new(public));
    let mut reader = LogReader::new(source.clone(), policy_of_key(vkey()).unwrap());
    let seen = reader.update().await.unwrap().clone();
    let target = Target { note: &seen.note, checkpoint: seen.checkpoint() };
    check_log(&source, target, from, &mut |_| ()).await
}

async fn check(public: &Path) -> Result<Position, CheckError> {
    check_from(public, Position::default()).await
}

async fn fault(public: &Path) -> Fault {
    match check(public).await {
        Err(CheckError::Fault(fault)) => *fault,
        other => panic!("not found: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_all_sizes_and_types_are_right() {
    for carriers in [0, 1, 248, 249, 250, 600] {
        let log = TestLog::with(carriers);
        let mut told = Vec::new();
        let source = Arc::new(Folder::new(log.public()));
        let mut reader = LogReader::new(source.clone(), policy_of_key(vkey()).unwrap());
        let seen = reader.update().await.unwrap().clone();
        let target = Target { note: &seen.note, checkpoint: seen.checkpoint() };
        let end = check_log(&source, target, Position::default(), &mut |done| told.push(done)).await.unwrap();
        assert_eq!(end.edge.size(), log.size());
        assert_eq!(end.root(), seen.checkpoint().root);
        assert_eq!(told.last(), Some(&log.size()));
        assert_eq!(told.len() as u64, log.size().div_ceil(256));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_goes_on_from_where_it_stopped() {
    let mut log = TestLog::with(100);
    let mut position = check(&log.public()).await.unwrap();
    for round in 0..6u64 {
        let carriers: Vec<_> = (0..90)
            .map(|n| log.issuing.issue(&Profile::carrier("709J", VALIDITY, 1000 * (round + 1) + n)).chain())
            .collect();
        log.add(&carriers);
        position = check_from(&log.public(), position).await.unwrap();
        assert_eq!(position.edge.size(), log.size());
    }
    assert_eq!(position, check(&log.public()).await.unwrap());
    assert_eq!(check_from(&log.public(), position.clone()).await.unwrap(), position);

    let smaller = TestLog::with(10);
    let result = check_from(&smaller.public(), position).await;
    let Err(CheckError::Fault(fault)) = result else { panic!("{result:?}") };
    assert!(matches!(fault.kind, FaultKind::Shrunk { .. }), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_goes_on_sees_that_the_leaves_before_are_others() {
    let position = check(&TestLog::with(100).public()).await.unwrap();
    let mut other = TestLog::new();
    let chains: Vec<_> =
        (0..200).map(|n| other.issuing.issue(&Profile::carrier("999J", VALIDITY, n)).chain()).collect();
    other.add(&chains);
    let result = check_from(&other.public(), position).await;
    let Err(CheckError::Fault(fault)) = result else { panic!("{result:?}") };
    assert_eq!(fault.kind, FaultKind::Changed);
}

/// A way to damage the files of a log, and what the checker says of it: a part of the sentence.
type Damage = (&'static str, fn(&Path), &'static str);

fn rewrite(path: PathBuf, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Changes one leaf or side item of a bundle.
fn rewrite_item(path: PathBuf, position: usize, change: impl FnOnce(&mut Vec<u8>)) {
    let bytes = fs::read(&path).unwrap();
    let width = (1..=256).find(|width| bundle::entries(&bytes, *width).is_ok()).unwrap();
    let mut items: Vec<_> = bundle::entries(&bytes, width).unwrap().map(<[u8]>::to_vec).collect();
    change(&mut items[position]);
    let mut bytes = Vec::new();
    items.iter().for_each(|item| bundle::append(&mut bytes, item).unwrap());
    fs::write(path, bytes).unwrap();
}

fn issuers(public: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> =
        fs::read_dir(public.join("issuer")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// The log has 607 leaves: two full bundles and one of 95.
const DAMAGES: &[Damage] = &[
    (
        "an entry bundle is gone",
        |p| fs::remove_file(p.join("tile/entries/001")).unwrap(),
        "tile/entries/001: it is missing",
    ),
    (
        "the last one is",
        |p| fs::remove_file(p.join("tile/entries/002.p/95")).unwrap(),
        "tile/entries/002.p/95: it is missing",
    ),
    (
        "a side bundle is gone",
        |p| fs::remove_file(p.join("tile/chains/000")).unwrap(),
        "tile/chains/000: it is missing",
    ),
    ("a hash tile is gone", |p| fs::remove_file(p.join("tile/0/001")).unwrap(), "tile/0/001: it is missing"),
    (
        "an upper tile is gone",
        |p| fs::remove_file(p.join("tile/1/000.p/2")).unwrap(),
        "tile/1/000.p/2: it is missing",
    ),
    ("an issuer is gone", |p| fs::remove_file(&issuers(p)[0]).unwrap(), "it is missing"),
    (
        "a bundle is cut",
        |p| rewrite(p.join("tile/entries/000"), |b| b.truncate(b.len() - 1)),
        "tile/entries/000: the bundle ends inside its entry 255",
    ),
    (
        "a bundle is longer",
        |p| rewrite(p.join("tile/entries/000"), |b| b.push(0)),
        "tile/entries/000: 1 bytes follow",
    ),
    (
        "a bundle is empty",
        |p| rewrite(p.join("tile/entries/001"), Vec::clear),
        "tile/entries/001: the bundle ends inside its entry 0",
    ),
    (
        "a side bundle is cut",
        |p| rewrite(p.join("tile/chains/001"), |b| b.truncate(b.len() - 1)),
        "tile/chains/001: the bundle ends",
    ),
    (
        "a leaf is changed in its certificate",
        |p| {
            rewrite_item(p.join("tile/entries/001"), 3, |leaf| {
                let at = leaf.len() - 20;
                leaf[at] ^= 1;
            })
        },
        "tile/0/001, leaf 259: it does not hold the hashes",
    ),
    (
        "a leaf has another time",
        |p| rewrite_item(p.join("tile/entries/001"), 3, |leaf| leaf[9] ^= 1),
        "the leaf has the time",
    ),
    (
        "a leaf has another index",
        |p| rewrite_item(p.join("tile/entries/001"), 3, |leaf| *leaf.last_mut().unwrap() ^= 1),
        "tile/entries/001, leaf 259: the leaf says that its index is 258",
    ),
    (
        "a leaf has a byte more",
        |p| rewrite_item(p.join("tile/entries/001"), 3, |leaf| leaf.push(0)),
        "tile/entries/001, leaf 259: the leaf is no MerkleTreeLeaf",
    ),
    (
        "two leaves are exchanged",
        |p| {
            let a = fs::read(p.join("tile/entries/000")).unwrap();
            let b = fs::read(p.join("tile/entries/001")).unwrap();
            fs::write(p.join("tile/entries/000"), b).unwrap();
            fs::write(p.join("tile/entries/001"), a).unwrap();
        },
        "tile/entries/000, leaf 0: the leaf says that its index is 256",
    ),
    (
        "a hash of a tile is changed",
        |p| rewrite(p.join("tile/0/000"), |b| b[32 * 7] ^= 1),
        "tile/0/000, leaf 7: it does not hold the hashes",
    ),
    (
        "a hash tile is cut",
        |p| rewrite(p.join("tile/0/001"), |b| b.truncate(32 * 255)),
        "tile/0/001: it does not hold the hashes",
    ),
    (
        "a hash tile is too long",
        |p| rewrite(p.join("tile/0/001"), |b| b.push(0)),
        "tile/0/001: it is longer than 8192 bytes",
    ),
    (
        "an upper tile is changed",
        |p| rewrite(p.join("tile/1/000.p/2"), |b| b[0] ^= 1),
        "tile/1/000.p/2: it does not hold the hashes",
    ),
    (
        "the last partial tile is changed",
        |p| rewrite(p.join("tile/0/002.p/95"), |b| b[0] ^= 1),
        "tile/0/002.p/95, leaf 512: it does not hold the hashes",
    ),
    (
        "an issuer is changed",
        |p| rewrite(issuers(p)[0].clone(), |b| b[30] ^= 1),
        "its SHA-256 is not its name",
    ),
    (
        "an issuer is too long",
        |p| rewrite(issuers(p)[0].clone(), |b| b.resize(70_000, 0)),
        "it is longer than 65000 bytes",
    ),
    (
        "a side item is cut",
        |p| rewrite_item(p.join("tile/chains/000"), 5, |item| item.truncate(item.len() - 1)),
        "tile/chains/000, leaf 5: the item of the side bundle is malformed",
    ),
    (
        "a side item has no chain",
        |p| rewrite_item(p.join("tile/chains/000"), 5, |item| *item = vec![0; 5]),
        "tile/chains/000, leaf 5: the item of the side bundle does not belong",
    ),
    (
        "a side item names an unknown issuer",
        |p| rewrite_item(p.join("tile/chains/000"), 5, |item| item[5] ^= 1),
        "it is missing",
    ),
    (
        "a side item has its chain in another order",
        |p| rewrite_item(p.join("tile/chains/000"), 5, |item| item[5..].rotate_left(32)),
        "tile/chains/000, leaf 5: certificate 0 of the chain",
    ),
    (
        "leaf 0 has a chain",
        |p| {
            rewrite_item(p.join("tile/chains/000"), 0, |item| {
                *item = [0, 0, 0, 0, 32].iter().copied().chain(issuer_hash(p)).collect()
            })
        },
        "tile/chains/000, leaf 0: the item of the side bundle does not belong",
    ),
    (
        "a certificate has a precertificate beside it",
        |p| {
            rewrite_item(p.join("tile/chains/000"), 5, |item| {
                item[2] = 1;
                item.insert(3, 9);
            })
        },
        "tile/chains/000, leaf 5: the item of the side bundle does not belong",
    ),
    (
        "a precertificate is another",
        |p| {
            rewrite_item(p.join("tile/chains/002.p/95"), 91, |item| {
                let mut pre = ChainItem::decode(item).unwrap();
                pre.pre_certificate = other_precertificate();
                *item = pre.encode();
            })
        },
        "tile/chains/002.p/95, leaf 603: the precertificate in the side bundle does not give the leaf",
    ),
    (
        "a precertificate is gone",
        |p| {
            rewrite_item(p.join("tile/chains/002.p/95"), 91, |item| {
                let mut pre = ChainItem::decode(item).unwrap();
                pre.pre_certificate.clear();
                *item = pre.encode();
            })
        },
        "tile/chains/002.p/95, leaf 603: the item of the side bundle does not belong",
    ),
];

fn issuer_hash(public: &Path) -> Vec<u8> {
    let name = issuers(public)[0].file_name().unwrap().to_str().unwrap().to_owned();
    (0..32).map(|i| u8::from_str_radix(&name[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// Of the same issuer name, for another carrier.
fn other_precertificate() -> Vec<u8> {
    let issuing = Authority::root("Root", 1, VALIDITY).subordinate("Issuing", None, 2);
    issuing.issue_precertificate(&Profile::carrier("666J", VALIDITY, 9)).issued().certificate().to_vec()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name))
        } else {
            assert!(fs::copy(&path, to.join(name)).is_ok())
        }
    }
}

/// Each row fails without the check that its sentence comes from.
#[tokio::test(flavor = "multi_thread")]
async fn every_damage_of_every_kind_of_file_is_found_and_named() {
    let log = TestLog::with(600);
    assert_eq!(log.size(), 607);
    log.sequencer.settler().settle().unwrap();
    for (what, damage, sentence) in DAMAGES {
        let folder = tempfile::tempdir().unwrap();
        copy(&log.public(), folder.path());
        assert!(check(folder.path()).await.is_ok());
        damage(folder.path());
        let fault = fault(folder.path()).await.to_string();
        assert!(fault.contains(sentence), "{what}: {fault}");
    }
}

/// A log whose leaves are wrong, with tiles, root and signatures that are right for them.
async fn fault_of_signed(entries: Vec<NewEntry>, objects: Vec<Object>) -> Fault {
    let folder = tempfile::tempdir().unwrap();
    drop(open_raw(folder.path(), entries, objects));
    fault(&folder.path().join("public")).await
}

struct Wrong {
    log: TestLog,
}

impl Wrong {
    fn admitted(&self, profile: &Profile) -> tnlog::admission::Admitted {
        self.log.admit(&self.log.issuing.issue(profile).chain())
    }

    fn objects(&self) -> Vec<Object> {
        let issuers = parse(self.log.issuing.chain());
        issuers
            .iter()
            .map(|issuer| Object {
                place: Place::Public,
                name: issuer_path(issuer.fingerprint()),
                bytes: issuer.der().to_vec(),
            })
            .collect()
    }

    fn first(&self) -> NewEntry {
        NewEntry { leaf: leaf_0(NOW * 1000 - 5), chain: ChainItem::default().encode() }
    }

    fn carrier(&self, time: u64, index: u64) -> NewEntry {
        let admitted = self.admitted(&Profile::carrier("706J", VALIDITY, index));
        let entry = Submission::of(&admitted).open_entry().unwrap();
        let leaf = Leaf { timestamp: time, entry, index }.encode().unwrap();
        NewEntry { leaf, chain: chain_item(&admitted).encode() }
    }

    fn raw(&self, signed: SignedEntry, item: &ChainItem) -> NewEntry {
        let leaf = Leaf { timestamp: NOW * 1000, entry: Entry::Open(signed), index: 1 }.encode().unwrap();
        NewEntry { leaf, chain: item.encode() }
    }

    fn x509(&self, der: &[u8]) -> NewEntry {
        let chain = parse(self.log.issuing.chain()).iter().map(|issuer| *issuer.fingerprint()).collect();
        self.raw(SignedEntry::X509(der.to_vec()), &ChainItem { pre_certificate: Vec::new(), chain })
    }
}

/// Each fails without the check of its name in `check/`.
#[tokio::test(flavor = "multi_thread")]
async fn leaves_that_a_log_signed_and_should_not_have_are_found() {
    let wrong = Wrong { log: TestLog::new() };
    let time = NOW * 1000;
    let at = |fault: &Fault| (fault.place.clone(), fault.index);
    let second = ("tile/entries/000.p/2".to_owned(), Some(1));

    let found = fault_of_signed(vec![wrong.carrier(time, 0)], wrong.objects()).await;
    assert_eq!((found.kind, found.index), (FaultKind::NoParameters, Some(0)));

    let again = Leaf { timestamp: time, entry: Leaf::decode(&leaf_0(time)).unwrap().entry, index: 1 };
    let again = NewEntry { leaf: again.encode().unwrap(), chain: ChainItem::default().encode() };
    let found = fault_of_signed(vec![wrong.first(), again], vec![]).await;
    assert_eq!((at(&found), found.kind), (second.clone(), FaultKind::ParametersAgain));

    let mut foreign = support::parameters();
    foreign.origin = "log.example.com/other".into();
    let foreign = Leaf { timestamp: time, entry: Entry::Parameters(foreign), index: 0 };
    let foreign = NewEntry { leaf: foreign.encode().unwrap(), chain: ChainItem::default().encode() };
    assert_eq!(fault_of_signed(vec![foreign], vec![]).await.kind, FaultKind::Origin);

    let mut keyless = support::parameters();
    keyless.sct_key = vec![1, 2, 3];
    let keyless = Leaf { timestamp: time, entry: Entry::Parameters(keyless), index: 0 };
    let keyless = NewEntry { leaf: keyless.encode().unwrap(), chain: ChainItem::default().encode() };
    assert!(matches!(fault_of_signed(vec![keyless], vec![]).await.kind, FaultKind::Parameters(_)));

    let back = vec![wrong.first(), wrong.carrier(time - 1, 1), wrong.carrier(time - 2, 2)];
    let found = fault_of_signed(back, wrong.objects()).await;
    assert_eq!((found.index, found.kind), (Some(2), FaultKind::Time { before: time - 1, found: time - 2 }));

    let found = fault_of_signed(vec![wrong.first(), wrong.carrier(time + 99, 1)], wrong.objects()).await;
    assert!(matches!(found.kind, FaultKind::TreeHeadTime { .. }), "{found}");
    assert_eq!(found.place, "checkpoint");

    let number = wrong.log.number_certificate("17035550123");
    let found = fault_of_signed(vec![wrong.first(), wrong.x509(number.certificate())], wrong.objects()).await;
    assert_eq!((at(&found), &found.kind), (second.clone(), &FaultKind::NumbersInTheOpen));
    assert!(!found.to_string().contains("0123") && !format!("{found:?}").contains("0123"));

    let mixed = wrong.log.issuing.issue_malformed(Malformation::MixedSpcAndNumber, 1);
    let found = fault_of_signed(vec![wrong.first(), wrong.x509(&mixed[0])], wrong.objects()).await;
    assert!(matches!(found.kind, FaultKind::Rule(_)), "{found}");

    let cut = wrong.log.issuing.issue_malformed(Malformation::TruncatedDer, 1);
    let found = fault_of_signed(vec![wrong.first(), wrong.x509(&cut[0])], wrong.objects()).await;
    assert!(matches!(found.kind, FaultKind::Certificate(_)), "{found}");

    let precertificate = wrong.log.issuing.issue_precertificate(&Profile::carrier("706J", VALIDITY, 1));
    let der = precertificate.issued().certificate();
    let found = fault_of_signed(vec![wrong.first(), wrong.x509(der)], wrong.objects()).await;
    assert_eq!((at(&found), found.kind), (second.clone(), FaultKind::EntryType));

    let admitted = wrong.log.admit(&precertificate.issued().chain());
    let (issuer_key_hash, tbs) = ([7; 32], admitted.tbs().unwrap().to_vec());
    let keyed = wrong.raw(SignedEntry::Precert { issuer_key_hash, tbs }, &chain_item(&admitted));
    let found = fault_of_signed(vec![wrong.first(), keyed], wrong.objects()).await;
    assert_eq!(found.kind, FaultKind::IssuerKey);

    let unknown = NewEntry {
        leaf: [&[0, 0], &time.to_be_bytes()[..], &[0x77, 0, 0, 0, 0, 0, 0]].concat(),
        chain: vec![0; 5],
    };
    assert!(matches!(fault_of_signed(vec![wrong.first(), unknown], vec![]).await.kind, FaultKind::Leaf(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_and_proofs_are_verified_and_parameters_found() {
    let log = TestLog::with(600);
    let source = Arc::new(Folder::new(log.public()));
    let mut reader = LogReader::new(source, policy_of_key(vkey()).unwrap());
    assert!(matches!(reader.leaf(0).await, Err(ReadError::NoCheckpoint)));
    let seen = reader.update().await.unwrap().clone();
    let known = reader.parameters().await.unwrap();
    assert_eq!(known.parameters, support::parameters());
    let leaves = reader.entries(250..520).await.unwrap();
    assert_eq!(leaves.len(), 270);
    assert!(leaves.iter().zip(&log.leaves[250..]).all(|(read, written)| read == written));
    for index in [0, 1, 255, 256, 511, 512, 606] {
        let proof = reader.inclusion_proof(index).await.unwrap();
        let leaf = Hash::of_leaf(&log.leaves[index as usize]);
        check_inclusion(&proof, log.size(), index, &leaf, &seen.checkpoint().root).unwrap();
    }
    assert!(matches!(reader.inclusion_proof(607).await, Err(ReadError::Range(_))));
    assert!(matches!(reader.entries(607..608).await, Err(ReadError::Range(_))));

    rewrite_item(log.public().join("tile/entries/001"), 3, |leaf| *leaf.last_mut().unwrap() ^= 1);
    assert!(matches!(reader.leaf(259).await, Err(ReadError::Damaged(_))));
    rewrite(log.public().join("tile/0/000"), |bytes| bytes[0] ^= 1);
    assert!(matches!(reader.leaf(5).await, Err(ReadError::Damaged(_))));
}

/// Fails without `check_continues` in `update`.
#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_refused_with_both_signed_checkpoints_and_an_older_one_without() {
    let mut log = TestLog::with(300);
    let older = tempfile::tempdir().unwrap();
    copy(&log.public(), older.path());
    let first = log.note().to_string();
    let more: Vec<_> =
        (0..300).map(|n| log.issuing.issue(&Profile::carrier("709J", VALIDITY, n)).chain()).collect();
    log.add(&more);
    let newer = log.note().to_string();
    let policy = || policy_of_key(vkey()).unwrap();
    let open = |path: &Path, seen: &str| {
        LogReader::resume(Arc::new(Folder::new(path)), policy(), seen.as_bytes()).unwrap()
    };
    let mut reader = open(&log.public(), &first);
    assert_eq!(reader.update().await.unwrap().checkpoint().size, log.size());

    copy(&log.public(), older.path());
    fs::write(older.path().join("checkpoint"), &first).unwrap();
    let mut behind = open(older.path(), &newer);
    assert!(matches!(
        behind.update().await,
        Err(ReadError::Older { seen: 607, shown: 307, consistent: true, .. })
    ));
    assert_eq!(behind.seen().unwrap().checkpoint().size, 607);

    for carriers in [100, 306, 500, 800] {
        let mut other = TestLog::new();
        let chains: Vec<_> = (0..carriers)
            .map(|n| other.issuing.issue(&Profile::carrier("9J", VALIDITY, n)).chain())
            .collect();
        other.add(&chains);
        let mut reader = open(&other.public(), &first);
        let found = reader.update().await.unwrap_err();
        if carriers < 306 {
            assert!(matches!(found, ReadError::Older { consistent: false, .. }), "{found}");
            continue;
        }
        let ReadError::Misbehaviour(found) = found else { panic!("{carriers}: {found}") };
        let Misbehaviour::Fork { seen, shown } = *found;
        assert_eq!((seen.to_string(), shown), (first.clone(), other.note()));
    }
}

/// Signs what it is told, as the log would.
fn write_checkpoint(public: &Path, checkpoint: &Checkpoint, head: Option<TreeHead>) {
    let mut note = checkpoint.sign(&support::checkpoint_signer()).unwrap();
    if let Some(head) = head {
        let log_id = tnlog::sct::log_id(&support::sct_key().1);
        note.add(head.note_signature(support::ORIGIN, &log_id).unwrap()).unwrap();
    }
    fs::write(public.join("checkpoint"), note.to_string()).unwrap();
}

fn tree_head(checkpoint: &Checkpoint, signed: u64, shown: u64) -> TreeHead {
    let message = tree_head_message(signed, checkpoint.size, &checkpoint.root);
    let signature: p256::ecdsa::Signature = support::sct_key().0.sign(&message);
    let signature = signature.to_der().as_bytes().to_vec();
    TreeHead { size: checkpoint.size, root: checkpoint.root, timestamp: shown, signature }
}

/// Fails without `FaultKind::Root` in `finish`, and without the checks of `check_tree_head`.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_signed_is_compared_with_its_leaves() {
    let log = TestLog::with(300);
    let public = log.public();
    let right = Checkpoint::parse(log.note().text()).unwrap();
    let time = NOW * 1000 + 1000;

    write_checkpoint(&public, &right, Some(tree_head(&right, time, time)));
    assert!(check(&public).await.is_ok());

    let other = Checkpoint { root: Hash([7; 32]), ..right.clone() };
    write_checkpoint(&public, &other, Some(tree_head(&other, time, time)));
    let found = fault(&public).await;
    assert_eq!((found.place.as_str(), found.kind), ("checkpoint", FaultKind::Root));

    write_checkpoint(&public, &right, None);
    assert_eq!(fault(&public).await.kind, FaultKind::TreeHead(TreeHeadError::Missing));
    write_checkpoint(&public, &right, Some(tree_head(&right, time, time + 1)));
    assert_eq!(fault(&public).await.kind, FaultKind::TreeHead(TreeHeadError::Invalid));
    write_checkpoint(&public, &right, Some(tree_head(&right, 5, 5)));
    assert!(matches!(fault(&public).await.kind, FaultKind::TreeHeadTime { head: 5, .. }));

    let larger = Checkpoint { size: right.size + 1, ..right.clone() };
    write_checkpoint(&public, &larger, Some(tree_head(&larger, time, time)));
    assert_eq!(fault(&public).await.kind, FaultKind::Missing);
}

/// Partial tiles that were replaced by full ones are cut out of those.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_checkpoint_is_checked_on_the_tiles_of_a_newer_tree() {
    let mut log = TestLog::with(100);
    let (older, size) = (log.note().to_string(), log.size());
    let more: Vec<_> =
        (0..500).map(|n| log.issuing.issue(&Profile::carrier("709J", VALIDITY, n)).chain()).collect();
    log.add(&more);
    log.sequencer.settler().settle().unwrap();
    assert!(!log.public().join("tile/entries/000.p").join(size.to_string()).exists());
    fs::write(log.public().join("checkpoint"), older).unwrap();
    assert_eq!(check(&log.public()).await.unwrap().edge.size(), size);
}
