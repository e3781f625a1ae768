//! A log that cheats an app: with its parameters, with what it writes into the leaf of a certificate, and by showing one
//! witness to the app and another to the holder of the number; and auditors, with its index. Everything that it signs, it signs with its own keys.

#![cfg(feature = "server")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support;
use crate::support::witness::TestWitness;
use crate::support::{NOW, TestLog, VALIDITY, parse, vkey};
use base64ct::{Base64, Encoding};
use rand_core::OsRng;
use tnlog::anchors::{Anchor, Anchors};
use tnlog::client::http::Client;
use tnlog::client::index_check::{IndexCheckError, IndexFault, check_index};
use tnlog::client::read::{LogReader, policy_of_key};
use tnlog::client::source::Folder;
use tnlog::client::store::{DiskLock, DiskStore};
use tnlog::commitment::Commitment;
use tnlog::entry::{Entry, Leaf, NumberEntry, Parameters, SignedEntry};
use tnlog::index::{Index, IndexHead, MemoryStore, Shape, labels_of_bytes};
use tnlog::label::{Label, LabelKey};
use tnlog::merkle::{Hash, prove_consistency};
use tnlog::note::{KeyType, Note, Signer, VerifierKey};
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::policy::{FreshnessError, Policy, PolicyError};
use tnlog::proof::TlogProof;
use tnlog::receipt::{
    Claim, Extra, KnownLog, ParametersError, Receipt, Secrets, Untrusted, Verified, Verifier,
};
use tnlog::server::plan::{NewEntry, Round};
use tnlog::server::sequencer::{Sequencer, Stores};
use tnlog::server::signer::CheckpointSigner;
use tnlog::submission::Submission;
use tnlog::synthetic::{Profile, fictional_number};
use tnlog::tile::TreeEdge;

fn number() -> Number {
    Number::new(&fictional_number(1)).unwrap()
}

/// A policy with these witnesses, of which so many are a quorum.
fn policy(quorum: usize, witnesses: &[Arc<TestWitness>]) -> Policy {
    let lines: String = witnesses.iter().map(|witness| witness.line()).collect();
    let names: Vec<_> = witnesses.iter().map(|witness| witness.name.as_str()).collect();
    let rule = match quorum {
        0 => "quorum none\n".into(),
        _ => format!("group quorate {quorum} {}\nquorum quorate\n", names.join(" ")),
    };
    format!("log {}\n{lines}{rule}", vkey()).parse().unwrap()
}

fn app(log: &TestLog, known: KnownLog, policy: Policy) -> Verifier {
    let anchor = Anchor { certificate: parse(log.root.chain()).remove(0), calling_codes: None };
    Verifier::new(policy, vec![known], Anchors::new([anchor]))
}

fn ask(app: &Verifier, chain: &[Vec<u8>], proof: TlogProof) -> Result<Verified, Untrusted> {
    let receipt = Receipt::parse(proof.to_string().as_bytes()).unwrap();
    app.verify(&parse(chain), &Claim::Number(number()), &receipt, NOW as i64)
}

/// Asks a witness to cosign the newest tree of a log after that of `old` leaves, and adds what it gives to the note.
async fn cosign(witness: &TestWitness, log: &TestLog, old: u64, note: &mut Note) -> u16 {
    let proof = match old {
        0 => Vec::new(),
        _ => prove_consistency(&log.tiles(), old, log.size()).unwrap(),
    };
    let proof: String = proof.iter().map(|hash| format!("{}\n", Base64::encode_string(&hash.0))).collect();
    let body = format!("old {old}\n{proof}\n{}", log.note());
    let url = format!("{}/add-checkpoint", witness.url);
    // It installs the cryptography that `reqwest` wants.
    Client::new(&witness.url).unwrap();
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    if status == 200 {
        let text = format!("{note}{}", answer.text().await.unwrap());
        *note = Note::parse(text.as_bytes()).unwrap();
    }
    status
}

async fn witnesses(folder: &Path, count: u8) -> Vec<Arc<TestWitness>> {
    let mut started = Vec::new();
    for seed in 1..=count {
        started.push(TestWitness::start(folder, seed, &vkey()).await);
    }
    started
}

/// One checkpoint key, two logs: with another label key for another client, a number would be looked up where its credential
/// is not. Each line fails without the check of `KnownLog::open` that its error names; the last one without the check of labels
/// in `recompute`.
#[tokio::test(flavor = "multi_thread")]
async fn two_clients_are_not_shown_different_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let witnesses = witnesses(folder.path(), 1).await;
    let policy = |quorum| policy(quorum, &witnesses);
    let (mut one, other_key) = (TestLog::new(), LabelKey::from_seed(&[5; 32]));
    let parameters = Parameters { label_key: other_key.public().to_bytes(), ..support::parameters() };
    let mut other = TestLog::beginning_with(parameters.clone(), other_key);
    let chain = one.number_certificate(number().digits()).chain();
    one.add(std::slice::from_ref(&chain));
    let at = other.add(std::slice::from_ref(&chain));

    let mut cosigned = one.note();
    assert_eq!(cosign(&witnesses[0], &one, 0, &mut cosigned).await, 200);
    let mut refused = other.note();
    assert_eq!(cosign(&witnesses[0], &other, 0, &mut refused).await, 409);
    assert_eq!(cosign(&witnesses[0], &other, 2, &mut refused).await, 409);

    let with = |proof: TlogProof, note: &Note| TlogProof { checkpoint: note.clone(), ..proof };
    let known = KnownLog::open(&with(one.parameters_proof(), &cosigned), &policy(1)).unwrap();
    let unwitnessed = KnownLog::open(&other.parameters_proof(), &policy(1));
    assert!(matches!(unwitnessed, Err(ParametersError::Checkpoint(PolicyError::Quorum { .. }))));
    let mut borrowed = other.note();
    borrowed.add(cosigned.signatures().last().unwrap().clone()).unwrap();
    let borrowed = KnownLog::open(&with(other.parameters_proof(), &borrowed), &policy(1));
    assert!(matches!(borrowed, Err(ParametersError::Checkpoint(PolicyError::Verify(_)))), "{borrowed:?}");
    let swapped = with(other.parameters_proof(), &cosigned);
    assert_eq!(KnownLog::open(&swapped, &policy(1)), Err(ParametersError::NotIncluded));

    // Neither later in the same log, nor as another log's.
    let again = one.file(Entry::Parameters(parameters.clone()));
    let later = one.proof(again, one.leaves[again as usize].clone());
    assert_eq!(KnownLog::open(&later, &policy(0)), Err(ParametersError::NotIncluded));
    let foreign = TestLog::beginning_with(
        Parameters { origin: "log.example.com/other".into(), ..parameters },
        LabelKey::from_seed(&[5; 32]),
    );
    assert_eq!(KnownLog::open(&foreign.parameters_proof(), &policy(0)), Err(ParametersError::Leaf));

    // Who has the parameters of the one believes no receipt of the other.
    let refused = ask(&app(&one, known.clone(), policy(1)), &chain, other.receipt(&chain, at));
    assert!(matches!(refused, Err(Untrusted::Checkpoint(PolicyError::Quorum { .. }))), "{refused:?}");
    let refused = ask(&app(&one, known, policy(0)), &chain, other.receipt(&chain, at));
    assert!(matches!(refused, Err(Untrusted::Labels(_))), "{refused:?}");
}

/// A log that has written what it wants into a leaf, and its receipt for the certificate of a number.
struct Filed {
    log: TestLog,
    chain: Vec<Vec<u8>>,
}

impl Filed {
    fn new() -> Self {
        let log = TestLog::new();
        let chain = log.number_certificate(number().digits()).chain();
        Filed { log, chain }
    }

    fn app(&self) -> Verifier {
        let known = KnownLog::new(support::parameters()).unwrap();
        app(&self.log, known, policy(0, &[]))
    }

    fn entry(&self) -> NumberEntry {
        let admitted = self.log.admit(&self.chain);
        match Submission::of(&admitted).number_entry(&self.log.hidden(&admitted)) {
            Some(Entry::Number(entry)) => entry,
            other => panic!("{other:?}"),
        }
    }

    /// What an app says of the certificate when the log has filed this, and gives out the honest receipt for its place.
    fn with(&mut self, entry: Entry) -> Result<Verified, Untrusted> {
        let index = self.log.file(entry);
        ask(&self.app(), &self.chain, self.log.receipt(&self.chain, index))
    }

    fn extra(&self, index: u64, change: impl FnOnce(&mut Extra)) -> TlogProof {
        let mut receipt =
            Receipt::parse(self.log.receipt(&self.chain, index).to_string().as_bytes()).unwrap();
        change(&mut receipt.extra);
        TlogProof { extra: Some(receipt.extra.encode()), ..receipt.proof }
    }
}

/// A number's certificate where its holder does not look for it: as one of a carrier, which has other labels, as a
/// precertificate, or the other way round. Fails when `recompute` takes the type from the receipt: without `is_hidden` in
/// `Submission::open_entry`, without `numbers.is_empty` in `recompute`, without `has_scts` in `of_precertificate`, or without
/// the inclusion proof.
#[test]
fn a_certificate_filed_under_another_entry_type_is_refused() {
    let mut filed = Filed::new();
    let good = Entry::Number(filed.entry());
    assert!(filed.with(good).is_ok());
    let der = filed.chain[0].clone();
    let index = filed.log.file(Entry::Open(SignedEntry::X509(der)));
    assert_eq!(
        ask(&filed.app(), &filed.chain, filed.log.receipt(&filed.chain, index)).unwrap_err(),
        Untrusted::NotIncluded
    );
    let without = filed.extra(index, |extra| extra.secrets = None);
    assert_eq!(ask(&filed.app(), &filed.chain, without).unwrap_err(), Untrusted::Kind);
    let entry = NumberEntry { is_precertificate: true, ..filed.entry() };
    let index = filed.log.file(Entry::Number(entry));
    let as_precertificate = filed.extra(index, |extra| extra.precertificate = true);
    assert_eq!(ask(&filed.app(), &filed.chain, as_precertificate).unwrap_err(), Untrusted::Kind);

    // A carrier's among the hidden ones, where nobody sees whom it names.
    let secrets =
        Receipt::parse(filed.log.receipt(&filed.chain, 1).to_string().as_bytes()).unwrap().extra.secrets;
    let carrier = filed.log.issuing.issue(&Profile::carrier("706J", VALIDITY, 3)).chain();
    let admitted = filed.log.admit(&carrier);
    let identity = Submission::of(&admitted).identity().clone();
    let opening = secrets.as_ref().unwrap().opening.clone();
    let hidden = NumberEntry { commitment: opening.commit(&identity), ..filed.entry() };
    let index = filed.log.file(Entry::Number(hidden));
    let claim = Claim::ServiceProviderCode(ServiceProviderCode::new("706J").unwrap());
    let timestamp = Leaf::decode(&filed.log.leaves[index as usize]).unwrap().timestamp;
    for (secrets, refusal) in [(secrets, Untrusted::Kind), (None, Untrusted::NotIncluded)] {
        let extra = Extra { precertificate: false, timestamp, secrets };
        let proof = filed.log.proof(index, extra.encode());
        let receipt = Receipt::parse(proof.to_string().as_bytes()).unwrap();
        let refused = filed.app().verify(&parse(&carrier), &claim, &receipt, NOW as i64);
        assert_eq!(refused.unwrap_err(), refusal);
    }
}

/// A leaf that shows something else than the certificate: each row fails when `number_entry` takes this field from
/// elsewhere than the certificate, and all without the inclusion proof in `Verifier::verify`. The certificate id is a
/// secret of the log's, and nobody else can know it.
#[test]
fn a_leaf_that_shows_something_else_than_the_certificate_is_refused() {
    let other = LabelKey::from_seed(&[2; 32]).label(&Number::new(&fictional_number(2)).unwrap());
    type Lie<'a> = &'a dyn Fn(&mut NumberEntry);
    let lies: [(&str, Lie<'_>); 9] = [
        ("the label of another number", &|entry| entry.labels = vec![other]),
        ("one more label", &|entry| {
            entry.labels.push(other);
            entry.labels.sort_unstable();
        }),
        ("another issuer", &|entry| entry.issuer_key_hash[0] ^= 1),
        ("valid earlier", &|entry| entry.not_before -= 1),
        ("expired", &|entry| entry.not_after = entry.not_before),
        ("another key", &|entry| *entry.subject_key.last_mut().unwrap() ^= 1),
        ("a CA", &|entry| entry.is_ca = !entry.is_ca),
        ("another country", &|entry| entry.calling_codes = vec![44]),
        ("another submission", &|entry| entry.commitment = Commitment([1; 32])),
    ];
    for (name, lie) in lies {
        let mut filed = Filed::new();
        let mut entry = filed.entry();
        lie(&mut entry);
        let refused = filed.with(Entry::Number(entry));
        assert_eq!(refused.map(|verified| verified.index), Err(Untrusted::NotIncluded), "{name}");
    }
}

/// The label that the log wrote is proved to be that of the number, or the app refuses. Fails when `LabelPublicKey::check`
/// does not verify the proof, or verifies it under another key than that of the parameters or for other numbers than those of
/// the certificate.
#[test]
fn swapped_labels_are_refused() {
    let mut filed = Filed::new();
    let (right, wrong) = (LabelKey::from_seed(&[2; 32]), LabelKey::from_seed(&[5; 32]));
    let other = Number::new(&fictional_number(2)).unwrap();
    for (key, of) in [(&wrong, number()), (&right, other), (&wrong, other)] {
        let entry = NumberEntry { labels: vec![key.label(&of)], ..filed.entry() };
        let index = filed.log.file(Entry::Number(entry));
        let proof = filed.extra(index, |extra| {
            let Some(Secrets { evaluation, .. }) = &mut extra.secrets else { unreachable!() };
            *evaluation = key.prove(&[of], &mut OsRng);
        });
        let refused = ask(&filed.app(), &filed.chain, proof);
        assert!(matches!(refused, Err(Untrusted::Labels(_))), "{refused:?}");
    }
}

/// The index log of a log, with these heads.
fn index_log(heads: &[Vec<u8>]) -> (tempfile::TempDir, VerifierKey) {
    let signer = Signer::new(format!("{}/index", support::ORIGIN), KeyType::Ed25519, &[8; 32]).unwrap();
    let key = signer.verifier_key().clone();
    let folder = tempfile::tempdir().unwrap();
    let store = |name| Arc::new(DiskStore::open(&folder.path().join(name)).unwrap());
    let stores = Stores { public: store("public"), private: store("private") };
    let lock = Box::new(DiskLock::open(&folder.path().join("lock")).unwrap());
    let entry = |head: &Vec<u8>| NewEntry { leaf: head.clone(), chain: Vec::new() };
    let round = Round { entries: heads.iter().map(entry).collect(), objects: Vec::new() };
    Sequencer::open(stores, lock, CheckpointSigner::new(signer), NOW * 1000, |_| round).unwrap();
    (folder, key)
}

/// What an auditor finds in this index log.
async fn audit(log: &TestLog, heads: &[Vec<u8>]) -> Result<u64, (u64, IndexFault)> {
    let (folder, key) = index_log(heads);
    let reader =
        |public: PathBuf, key| LogReader::new(Arc::new(Folder::new(public)), policy_of_key(key).unwrap());
    let (mut entries, mut heads) = (reader(log.public(), vkey()), reader(folder.path().join("public"), key));
    heads.update().await.unwrap();
    entries.update().await.unwrap();
    match check_index(&entries, &heads, &mut |_| ()).await {
        Ok(checked) => Ok(checked.heads),
        Err(IndexCheckError::Fault { head, fault }) => Err((head, fault)),
        Err(other) => panic!("{other}"),
    }
}

/// Heads that the index log signed and that are wrong. Each line fails without the check of `client/index_check.rs` that its
/// fault comes from.
#[tokio::test(flavor = "multi_thread")]
async fn every_head_is_recomputed_by_auditors() {
    let mut log = TestLog::with(3);
    log.add(&[log.number_certificate(number().digits()).chain()]);
    let size = log.size();
    let hashes: Vec<_> = log.leaves.iter().map(|leaf| Hash::of_leaf(leaf)).collect();
    type Listed = Vec<(Label, u64)>;
    let head = |size: u64, lie: &dyn Fn(&mut Listed)| {
        let leaves = (0..).zip(&log.leaves[..size as usize]);
        let labels = leaves
            .flat_map(|(index, leaf)| labels_of_bytes(leaf).into_iter().map(move |label| (label, index)));
        let mut labels: Vec<_> = labels.collect();
        lie(&mut labels);
        let mut index = Index::open(MemoryStore::default(), Hash::EMPTY_ROOT, Shape::STANDARD).unwrap();
        index.advance(labels, size).unwrap();
        let mut edge = TreeEdge::new();
        edge.append(&hashes[..size as usize]);
        let view = index.newest();
        IndexHead { size, root: edge.root(), index_root: view.root(), labels: view.labels() }
    };
    let (first, last) = (head(2, &|_| ()), head(size, &|_| ()));
    let after_first = async |head: IndexHead| audit(&log, &[first.encode(), head.encode()]).await;
    assert_eq!(after_first(last).await, Ok(2));

    let number = log.label_key.label(&number());
    let hidden = head(size, &|labels| labels.retain(|(label, _)| *label != number));
    assert_eq!(after_first(hidden).await, Err((1, IndexFault::IndexRoot)));
    let invented = head(size, &|labels| labels.push((number, 1)));
    assert_eq!(after_first(invented).await, Err((1, IndexFault::IndexRoot)));
    let miscounted = IndexHead { labels: last.labels + 1, ..last };
    assert_eq!(after_first(miscounted).await, Err((1, IndexFault::IndexRoot)));
    assert_eq!(after_first(IndexHead { root: Hash([7; 32]), ..last }).await, Err((1, IndexFault::LogRoot)));
    let beyond = IndexFault::Beyond { found: size + 1, size };
    assert_eq!(after_first(IndexHead { size: size + 1, ..last }).await, Err((1, beyond)));
    assert_eq!(after_first(first).await, Err((1, IndexFault::Size { before: 2, found: 2 })));
    let none = audit(&log, &[first.encode(), b"no head".to_vec()]).await;
    assert!(matches!(none, Err((1, IndexFault::Head(_)))), "{none:?}");
}

/// Two trees from one beginning: the app is shown the one with the forged credential, with one witness, and the holder of the
/// number the other, with the two others. With one of three for a quorum the app cannot know, and so the holder must not be told
/// "complete as of now". Fails when `complete_as_of` takes the newest time or the time of an app's quorum.
#[tokio::test(flavor = "multi_thread")]
async fn one_witness_is_shown_to_the_app_and_another_to_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let witnesses = witnesses(folder.path(), 3).await;
    let (mut shown_to_app, mut shown_to_holder) = (TestLog::new(), TestLog::new());
    assert_eq!(shown_to_app.note().text(), shown_to_holder.note().text());
    let mut begun = shown_to_holder.note();
    for witness in &witnesses {
        assert_eq!(cosign(witness, &shown_to_holder, 0, &mut begun).await, 200);
    }
    let forged = shown_to_app.number_certificate(number().digits()).chain();
    let at = shown_to_app.add(std::slice::from_ref(&forged));
    shown_to_holder.add(&[shown_to_holder.issuing.issue(&Profile::carrier("706J", VALIDITY, 1)).chain()]);
    let mut with_forged = shown_to_app.note();
    assert_eq!(cosign(&witnesses[1], &shown_to_app, 1, &mut with_forged).await, 200);
    let mut without = shown_to_holder.note();
    assert_eq!(cosign(&witnesses[0], &shown_to_holder, 1, &mut without).await, 200);
    assert_eq!(cosign(&witnesses[1], &shown_to_holder, 1, &mut without).await, 409);
    assert_eq!(cosign(&witnesses[1], &shown_to_holder, 2, &mut without).await, 409);
    assert_eq!(cosign(&witnesses[2], &shown_to_holder, 1, &mut without).await, 200);

    let (one, two) = (policy(1, &witnesses), policy(2, &witnesses));
    let known = KnownLog::open(&shown_to_app.parameters_proof(), &policy(0, &[])).unwrap();
    let receipt = TlogProof { checkpoint: with_forged, ..shown_to_app.receipt(&forged, at) };
    assert!(ask(&app(&shown_to_app, known.clone(), one.clone()), &forged, receipt.clone()).is_ok());
    let cosigned = |policy: &Policy, note: &Note| policy.check_note(note).unwrap().cosigned;
    let fresh = one.complete_as_of(&cosigned(&one, &without), 0);
    assert_eq!(fresh, Err(FreshnessError::TooFew { cosigned: 2 }));
    assert!(one.complete_as_of(&cosigned(&one, &begun), 0).is_ok());

    // With two of three for a quorum the same log can cheat neither.
    let refused = ask(&app(&shown_to_app, known, two.clone()), &forged, receipt);
    assert!(matches!(refused, Err(Untrusted::Checkpoint(PolicyError::Quorum { cosigned: 1, .. }))));
    assert!(two.complete_as_of(&cosigned(&two, &without), 0).is_ok());
}
