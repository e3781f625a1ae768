//! The checker over key statements and registrations that a log signed and should not have. Each log is written and signed by
//! the real engine.

#![cfg(feature = "server")]

use std::path::Path;
use std::sync::Arc;

use crate::support::{NOW, leaf_0, open_raw, sct_key, vkey};
use tnlog::bundle;
use tnlog::chain_item::ChainItem;
use tnlog::client::check::{CheckError, Fault, FaultKind, Position, Target, check_log};
use tnlog::client::evidence::{Evidence, Placed, Proof, Proved, Unproved};
use tnlog::client::follow::{Finding, Prover};
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::source::Folder;
use tnlog::commitment::{CertificateId, Commitment};
use tnlog::entry::{
    Action, Entry, KeyStatementEntry, Leaf, LeafReference, NumberEntry, RegistrationEntry, Verb,
};
use tnlog::label::Label;
use tnlog::note::{KeyType, Note, Signer};
use tnlog::registration::RegistrationFault;
use tnlog::sct::log_id;
use tnlog::server::plan::{NewEntry, Round};
use tnlog::server::sequencer::Sequencer;
use tnlog::statement::{Side, StatementRefusal, signed_bytes};
use tnlog::synthetic::KeyPair;

const START: i64 = NOW as i64;
const DAY: i64 = 86_400;

// Who has which key.
const ANNA: u64 = 1;
const ANNAS_NEW_PHONE: u64 = 2;
const MALLORY: u64 = 3;

fn label(byte: u8) -> Label {
    Label::new([byte; 32])
}

fn of(key: u64, labels: &[u8]) -> NumberEntry {
    NumberEntry {
        labels: labels.iter().map(|byte| label(*byte)).collect(),
        issuer_key_hash: [key as u8; 32],
        certificate_id: CertificateId([key as u8; 16]),
        not_before: START - DAY,
        not_after: START + 100 * DAY,
        subject_key: KeyPair::p256(key).spki().to_vec(),
        is_ca: false,
        is_precertificate: false,
        calling_codes: vec![1],
        commitment: Commitment([key as u8; 32]),
    }
}

/// A registration of the number with label 1 by the credential at this index.
fn register(credential: u64, replaces: Option<u64>) -> RegistrationEntry {
    RegistrationEntry {
        label: label(1),
        credential,
        not_before: START,
        not_after: START + 30 * DAY,
        action: Action::Register,
        commitment: Commitment([7; 32]),
        replaces,
    }
}

fn withdraw(credential: u64, replaces: u64) -> RegistrationEntry {
    RegistrationEntry { action: Action::Withdraw, ..register(credential, Some(replaces)) }
}

/// The leaves of a log that is to be written: parameters, and then leaf 1 of Anna, 2 of her new phone and 3 of Mallory.
struct Story {
    leaves: Vec<Leaf>,
}

impl Story {
    fn new() -> Self {
        let mut story = Story { leaves: vec![Leaf::decode(&leaf_0(NOW * 1000)).unwrap()] };
        for key in [ANNA, ANNAS_NEW_PHONE, MALLORY] {
            story.add(Entry::Number(of(key, &[1])));
        }
        story
    }

    fn add(&mut self, entry: Entry) -> u64 {
        let index = self.leaves.len() as u64;
        self.leaves.push(Leaf { timestamp: NOW * 1000, entry, index });
        index
    }

    fn reference(&self, index: u64) -> LeafReference {
        LeafReference { index, hash: self.leaves[index as usize].hash().unwrap() }
    }

    /// A good statement by Anna about her new phone, changed.
    fn approval(&self, change: impl FnOnce(&mut KeyStatementEntry)) -> Entry {
        let (old, new) = (self.reference(1), self.reference(2));
        let signature = sign(ANNA, &log_id(&sct_key().1), Verb::Approve, old, new);
        let mut entry =
            KeyStatementEntry { labels: vec![label(1)], verb: Verb::Approve, old, new, signature };
        change(&mut entry);
        Entry::KeyStatement(entry)
    }

    /// A statement that is signed by this key as it stands, about any two leaves.
    fn says(&self, key: u64, verb: Verb, old: LeafReference, new: LeafReference) -> Entry {
        let signature = sign(key, &log_id(&sct_key().1), verb, old, new);
        Entry::KeyStatement(KeyStatementEntry { labels: vec![label(1)], verb, old, new, signature })
    }

    fn entries(&self, from: usize) -> Vec<NewEntry> {
        let item = ChainItem::default().encode();
        let entry = |leaf: &Leaf| NewEntry { leaf: leaf.encode().unwrap(), chain: item.clone() };
        self.leaves[from..].iter().map(entry).collect()
    }

    fn write(&self) -> (tempfile::TempDir, Sequencer) {
        let folder = tempfile::tempdir().unwrap();
        let sequencer = open_raw(folder.path(), self.entries(0), Vec::new());
        (folder, sequencer)
    }
}

fn sign(key: u64, log_id: &[u8; 32], verb: Verb, old: LeafReference, new: LeafReference) -> Vec<u8> {
    KeyPair::p256(key).sign(&signed_bytes(log_id, verb, &old, &new))
}

async fn check(folder: &Path, from: Position) -> Result<Position, Fault> {
    let source = Arc::new(Folder::new(folder.join("public")));
    let mut reader = LogReader::new(source.clone(), policy_of_key(vkey()).unwrap());
    let seen = reader.update().await.unwrap().clone();
    let target = Target { note: &seen.note, checkpoint: seen.checkpoint() };
    check_log(&source, target, from, &mut |_| ()).await.map_err(|error| match error {
        CheckError::Fault(fault) => *fault,
        other => panic!("{other}"),
    })
}

/// The fault of a story that ends with this entry, which must be found there.
async fn fault_of(story: &Story, last: Entry) -> FaultKind {
    let mut story = Story { leaves: story.leaves.clone() };
    assert!(check(story.write().0.path(), Position::default()).await.is_ok(), "{last:?}");
    let index = story.add(last.clone());
    let found = check(story.write().0.path(), Position::default()).await.err();
    let found = found.unwrap_or_else(|| panic!("not found: {last:?}"));
    let place = format!("tile/entries/000.p/{}", story.leaves.len());
    assert_eq!((found.index, &found.place), (Some(index), &place), "{}", found.kind);
    assert_proved(&story, &found).await;
    found.kind
}

/// Everybody who has the key sees that the log signed what it must not; who has another sees nothing.
async fn assert_proved(story: &Story, fault: &Fault) {
    let (folder, sequencer) = story.write();
    let note = Note::parse(sequencer.published().note.as_bytes()).unwrap();
    let finding = Finding::Fault { fault: Box::new(fault.clone()), checkpoint: Box::new(note) };
    let log = Folder::new(folder.path().join("public"));
    let stranger = Signer::new(vkey().name(), KeyType::Ed25519, &[9; 32]).unwrap().verifier_key().clone();
    let prover = Prover::new(log, folder.path().join("no copy"), (vkey(), stranger.clone()));
    let evidence = Evidence::parse(&prover.evidence(&finding).await.encode()).unwrap();
    assert_eq!(evidence.verify(&[vkey()]), Ok(Proved::BadEntry), "{}", fault.kind);
    assert_eq!(evidence.verify(&[stranger]), Err(Unproved::NotSigned(1)));
    // Without the other entries most of them are nothing by themselves.
    let Some(Proof::Entry { wrong, others }) = &evidence.proof else { panic!("{}", fault.kind) };
    let mut alone = evidence.clone();
    alone.proof = Some(Proof::Entry { wrong: wrong.clone(), others: Vec::new() });
    assert!(
        alone.verify(&[vkey()]) == Ok(Proved::Signed) || names_what_is_not_before(story),
        "{}",
        fault.kind
    );
    if others.len() == 3 && matches!(fault.kind, FaultKind::Statement(StatementRefusal::BadSignature)) {
        assert_every_byte_counts(&evidence);
    }
}

/// Whether the last entry names one that does not come before it, which it shows itself.
fn names_what_is_not_before(story: &Story) -> bool {
    let last = story.leaves.last().unwrap();
    let named = match &last.entry {
        Entry::KeyStatement(entry) => vec![entry.old.index, entry.new.index],
        Entry::Registration(entry) => entry.replaces.into_iter().chain([entry.credential]).collect(),
        _ => Vec::new(),
    };
    named.iter().any(|index| *index >= last.index)
}

/// But those of the RFC 6962 tree head, which is not by the key, and white space.
fn assert_every_byte_counts(evidence: &Evidence) {
    let bytes = evidence.encode();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let ends = text.match_indices("\\n").map(|(at, _)| at).take(6).collect::<Vec<_>>();
    let tree_head = ends[4]..ends[5];
    for at in (0..bytes.len()).filter(|at| !tree_head.contains(at)) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let read = Evidence::parse(&changed);
        let is_same = read.as_ref() == Ok(evidence);
        let proves = read.and_then(|read| read.verify(&[vkey()]));
        assert!(is_same || proves != Ok(Proved::BadEntry), "byte {at}");
    }
}

/// No honest entry can be made evidence, whatever other entries are shown with it. The most important: nobody is accused falsely.
async fn assert_not_accused(story: &Story) {
    let (folder, sequencer) = story.write();
    let note = Note::parse(sequencer.published().note.as_bytes()).unwrap();
    let source = Arc::new(Folder::new(folder.path().join("public")));
    let mut reader = LogReader::new(source, policy_of_key(vkey()).unwrap());
    reader.update().await.unwrap();
    let mut placed = Vec::new();
    for (index, leaf) in (0..).zip(&story.leaves) {
        let hashes = reader.inclusion_proof(index).await.unwrap();
        placed.push(Placed::new(index, &leaf.encode().unwrap(), &hashes));
    }
    for kind in ["bad-leaf", "bad-parameters", "bad-statement", "orphan-registration"] {
        for (at, wrong) in placed.iter().enumerate() {
            let mut shown = vec![placed.clone(), placed[..at].to_vec(), Vec::new()];
            shown.extend((0..placed.len()).map(|left_out| {
                placed
                    .iter()
                    .enumerate()
                    .filter(|(n, _)| *n != left_out)
                    .map(|(_, one)| one.clone())
                    .collect()
            }));
            for others in shown {
                let proof = Proof::Entry { wrong: wrong.clone(), others };
                let evidence = Evidence::new(kind, &[&note], Some(proof));
                assert_eq!(evidence.verify(&[vkey()]), Ok(Proved::Signed), "{kind}: leaf {at}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn good_statements_and_registrations_are_right_and_counted() {
    let mut story = Story::new();
    story.add(story.approval(|_| ()));
    let (one, two, three) = (story.reference(1), story.reference(2), story.reference(3));
    for (verb, key, old, new) in [
        (Verb::Dispute, ANNA, one, three),
        (Verb::Dispute, ANNAS_NEW_PHONE, two, three),
        // What it weighs is for readers to decide.
        (Verb::Approve, ANNA, one, three),
        (Verb::Dispute, ANNA, one, two),
    ] {
        let entry = story.says(key, verb, old, new);
        story.add(entry);
    }
    let first = story.add(Entry::Registration(register(1, None)));
    let second = story.add(Entry::Registration(register(1, Some(first))));
    story.add(Entry::Registration(withdraw(1, second)));
    story.add(Entry::Registration(register(1, None)));
    story.add(Entry::Registration(register(2, None)));
    let claims = check(story.write().0.path(), Position::default()).await.unwrap().claims;
    assert_eq!((claims.key_statements(), claims.registrations()), (5, 5));
    assert_not_accused(&story).await;
}

/// Each fails without the call of `check_statement_leaf` in `check/claims.rs`; those of leaves that are not there yet
/// without `before` in `check/earlier.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn statements_that_a_log_signed_and_should_not_have_are_found() {
    use StatementRefusal as R;
    let mut story = Story::new();
    let other = story.add(Entry::Number(of(4, &[2])));
    let pair = story.add(Entry::Number(NumberEntry { is_precertificate: true, ..of(ANNA, &[1]) }));
    let both = story.add(Entry::Number(of(5, &[1, 2])));
    let at = |index| story.reference(index);
    let elsewhere = sign(ANNA, &[8; 32], Verb::Approve, at(1), at(2));
    let says = |old, new| story.says(ANNA, Verb::Approve, old, new);
    let later = LeafReference { index: 99, ..at(2) };
    let itself = LeafReference { index: story.leaves.len() as u64, ..at(2) };
    for (refusal, entry) in [
        (R::BadSignature, story.approval(|entry| *entry.signature.last_mut().unwrap() ^= 1)),
        (R::BadSignature, story.approval(|entry| entry.verb = Verb::Dispute)),
        (R::BadSignature, story.approval(|entry| entry.signature = elsewhere)),
        (R::BadSignature, story.says(ANNAS_NEW_PHONE, Verb::Approve, at(1), at(2))),
        (R::NoNumber(Side::Old), says(at(0), at(2))),
        (R::OtherLeaf(Side::Old), says(LeafReference { index: 1, ..at(3) }, at(2))),
        (R::OtherLeaf(Side::New), says(at(1), LeafReference { index: 3, ..at(2) })),
        (R::NotLogged(Side::New), says(at(1), later)),
        (R::NotLogged(Side::New), says(at(1), itself)),
        (R::NotLogged(Side::Old), says(LeafReference { index: 98, ..at(1) }, later)),
        (R::NothingShared, says(at(1), at(other))),
        (R::SameCredential, says(at(1), at(pair))),
        (R::Malformed, story.approval(|entry| entry.labels.push(label(2)))),
        (R::Malformed, story.approval(|entry| entry.labels = vec![label(2)])),
    ] {
        assert_eq!(fault_of(&story, entry).await, FaultKind::Statement(refusal));
    }
    // Under fewer labels than both share, where the holder of the other number does not look.
    let mut story = Story { leaves: story.leaves.clone() };
    let again = story.add(Entry::Number(of(6, &[1, 2])));
    let (old, new) = (story.reference(both), story.reference(again));
    let hidden = story.says(5, Verb::Dispute, old, new);
    assert_eq!(fault_of(&story, hidden).await, FaultKind::Statement(R::Malformed));
}

/// Fails without `said` in `Claims`: a statement has many signatures.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_is_found_also_by_a_check_that_goes_on() {
    let mut story = Story::new();
    let said = story.add(story.approval(|_| ()));
    let (folder, mut sequencer) = story.write();
    let position = check(folder.path(), Position::default()).await.unwrap();
    assert_eq!(check(folder.path(), position.clone()).await.as_ref(), Ok(&position), "nothing is new");

    let again = story.approval(|_| ());
    let repeated = FaultKind::Statement(StatementRefusal::SaidBefore(said));
    assert_eq!(fault_of(&story, again.clone()).await, repeated);
    story.add(again);
    let new = story.entries(5);
    sequencer.append(NOW * 1000 + 2, |_| Round { entries: new, objects: Vec::new() }).unwrap();
    let found = check(folder.path(), position).await.unwrap_err();
    assert_eq!((found.kind, found.index), (repeated, Some(5)));
}

/// Each fails without the call of the function of the core that its fault comes from, in `check/claims.rs`; the last three
/// without `replaced` in `Claims`.
#[tokio::test(flavor = "multi_thread")]
async fn registrations_that_a_log_signed_and_should_not_have_are_found() {
    use RegistrationFault as F;
    let mut story = Story::new();
    let other = story.add(Entry::Number(of(4, &[2])));
    let expired = story.add(Entry::Number(NumberEntry { not_after: START - 601, ..of(5, &[1]) }));
    let first = story.add(Entry::Registration(register(1, None)));
    let second = story.add(Entry::Registration(register(1, Some(first))));
    let last = story.add(Entry::Registration(withdraw(1, second)));
    let of_other = RegistrationEntry { label: label(2), ..register(other, None) };
    let of_other = story.add(Entry::Registration(of_other));
    let open = story.add(Entry::Registration(register(1, None)));
    let itself = story.leaves.len() as u64;
    let too_long = RegistrationEntry { not_after: START + 30 * DAY + 1, ..register(1, None) };
    let ended = RegistrationEntry { not_before: START - DAY, not_after: START - 601, ..register(1, None) };
    for (fault, entry) in [
        (F::NoCredential, register(other, None)),
        (F::NoCredential, register(0, None)),
        (F::NoCredential, register(first, None)),
        (F::NoCredential, register(itself, None)),
        (F::NoCredential, register(itself + 1, None)),
        (F::NoCredential, register(u64::MAX, None)),
        (F::NotLive, register(expired, None)),
        (F::Validity, too_long),
        (F::Validity, ended),
        (F::Replaces, register(1, Some(1))),
        (F::Replaces, register(1, Some(last))),
        (F::Replaces, register(1, Some(of_other))),
        (F::Replaces, register(2, Some(open))),
        (F::Replaces, register(1, Some(itself))),
        (F::Replaces, register(1, Some(itself + 1))),
        (F::Replaces, withdraw(1, u64::MAX)),
        (F::Replaces, register(1, Some(first))),
        (F::Replaces, register(1, Some(second))),
        (F::Replaces, withdraw(1, second)),
    ] {
        assert_eq!(fault_of(&story, Entry::Registration(entry)).await, FaultKind::Registration(fault));
    }
    assert!(check(story.write().0.path(), Position::default()).await.is_ok());
    story.add(Entry::Registration(register(1, Some(open))));
    assert!(check(story.write().0.path(), Position::default()).await.is_ok());
}

/// A log that has 300 credentials, and after them statements and registrations about the first ones: those are read again.
struct Long {
    story: Story,
    folder: tempfile::TempDir,
    sequencer: Sequencer,
    position: Position,
}

async fn long() -> Long {
    let mut story = Story::new();
    for _ in 0..300 {
        story.add(Entry::Number(of(4, &[2])));
    }
    let (folder, sequencer) = story.write();
    let position = check(folder.path(), Position::default()).await.unwrap();
    Long { story, folder, sequencer, position }
}

impl Long {
    async fn goes_on_with(&mut self, entries: Vec<Entry>) -> Result<Position, Fault> {
        let from = self.story.leaves.len();
        for entry in entries {
            self.story.add(entry);
        }
        let entries = self.story.entries(from);
        let time = self.sequencer.published().time + 1;
        self.sequencer.append(time, |_| Round { entries, objects: Vec::new() }).unwrap();
        check(self.folder.path(), self.position.clone()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_that_are_no_longer_remembered_are_read_again() {
    let mut log = long().await;
    let good = vec![log.story.approval(|_| ()), Entry::Registration(register(1, None))];
    let position = log.goes_on_with(good).await.unwrap();
    assert_eq!((position.claims.key_statements(), position.claims.registrations()), (1, 1));
    assert_eq!(position, check(log.folder.path(), Position::default()).await.unwrap());
    log.position = position;
    let dispute = log.story.says(ANNA, Verb::Dispute, log.story.reference(1), log.story.reference(3));
    let replacing = Entry::Registration(register(1, Some(305)));
    assert_eq!(log.goes_on_with(vec![dispute, replacing]).await.unwrap().claims.registrations(), 2);
}

/// The log signs a statement by a credential that was never logged, and serves that in place of the real one when it is
/// read again. Fails when `EarlierLeaves::read` takes the bundle as it is served.
#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_that_is_another_when_it_is_read_again_is_found() {
    let mut log = long().await;
    let invented = Leaf { entry: Entry::Number(of(9, &[1])), ..log.story.leaves[1].clone() };
    let path = log.folder.path().join("public/tile/entries/000");
    let bytes = std::fs::read(&path).unwrap();
    let mut leaves: Vec<_> = bundle::entries(&bytes, 256).unwrap().map(<[u8]>::to_vec).collect();
    leaves[1] = invented.encode().unwrap();
    let mut bytes = Vec::new();
    leaves.iter().for_each(|leaf| bundle::append(&mut bytes, leaf).unwrap());
    std::fs::write(&path, bytes).unwrap();

    let old = LeafReference { index: 1, hash: invented.hash().unwrap() };
    let statement = log.story.says(9, Verb::Approve, old, log.story.reference(2));
    let found = log.goes_on_with(vec![statement]).await.unwrap_err();
    assert_eq!((found.place.as_str(), found.kind), ("tile/entries/000", FaultKind::OtherTree));
}
