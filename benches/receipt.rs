//! The receipt of a single number's certificate in a log of ten million leaves, with three cosignatures: making it, its
//! size, and its verification by an app, in the pure core. Two thirds of what an app's call costs are signatures of P-256.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use p256::ecdsa::SigningKey;
use p256::pkcs8::EncodePublicKey;
use rand_core::OsRng;
use tnlog::admission::{Admitted, Kind, Trust, admit};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::commitment::OpeningSecret;
use tnlog::cosignature::cosign_note;
use tnlog::entry::{Leaf, Parameters};
use tnlog::label::LabelKey;
use tnlog::merkle::{Hash, prove_inclusion};
use tnlog::note::{KeyType, Note, Signer};
use tnlog::policy::{Policy, PolicyBuilder, Threshold};
use tnlog::proof::TlogProof;
use tnlog::receipt::{Claim, Extra, KnownLog, Receipt, Secrets, Verifier};
use tnlog::sct::SctKey;
use tnlog::server::signer::{CheckpointSigner, SignedTree};
use tnlog::server::staging::Tree;
use tnlog::signature::Ecdsa;
use tnlog::submission::{Hidden, Submission};
use tnlog::synthetic::{Authority, KeyPair, Profile, Validity, fictional_number};
use tnlog::tile::{TilePath, TileSet, TreeEdge};

const LEAVES: u64 = 10_000_000;
const INDEX: u64 = 1_234_567;
const ORIGIN: &str = "log.example.com/numbers2027";
const NOW: i64 = 1_700_100_000;
const WITNESSES: [&str; 3] = ["witness.example.com", "witness.example.net", "witness.example.org"];

/// A log of ten million leaves, one of which is that of a certificate for one number.
struct Log {
    admitted: Admitted,
    roots: Anchors,
    label: LabelKey,
    opening: OpeningSecret,
    sct_spki: Vec<u8>,
    tiles: TileSet<Vec<u8>>,
    note: Note,
    policy: Policy,
}

fn chain() -> (Admitted, Anchors) {
    let validity = Validity::days(1_700_000_000, 365);
    let root = Authority::root("Root", 1, validity);
    let issued = root.subordinate("Issuing CA", Some(0), 1).issue(&Profile::numbers(
        &[&fictional_number(7)],
        validity,
        1,
    ));
    let parse = |der: Vec<u8>| Arc::new(Certificate::from_der(der).expect("it is well-formed"));
    let chain: Vec<_> = issued.chain().into_iter().map(parse).collect();
    let roots = Anchors::new([Anchor { certificate: chain[2].clone(), calling_codes: None }]);
    let trust = Trust { anchors: &roots, verifier: &Ecdsa, verified: None };
    (admit(&chain, Kind::Final, &trust).expect("the chain is good"), roots)
}

/// The tiles of a tree with `leaf` at its place, and the root.
fn tree(leaf: &[u8]) -> (TileSet<Vec<u8>>, Hash) {
    let mut edge = TreeEdge::new();
    let mut tiles: HashMap<TilePath, Vec<u8>> = HashMap::new();
    for start in (0..LEAVES).step_by(1_000_000) {
        let hash = |index: u64| {
            if index == INDEX { Hash::of_leaf(leaf) } else { Hash::of_leaf(&index.to_be_bytes()) }
        };
        let leaves: Vec<Hash> = (start..start + 1_000_000).map(hash).collect();
        tiles.extend(edge.append(&leaves));
    }
    let current = tiles.into_iter().filter(|(path, _)| !path.is_partial()).chain(edge.partial_tiles());
    (TileSet::new(LEAVES, current).expect("the tiles are those of the tree"), edge.root())
}

impl Log {
    fn new() -> Self {
        let (admitted, roots) = chain();
        let (label, opening) = (LabelKey::from_seed(&[1; 32]), OpeningSecret::new([2; 32]));
        let submission = Submission::of(&admitted);
        let hidden = Hidden {
            labels: admitted.class().numbers().iter().map(|number| label.label(number)).collect(),
            certificate_id: opening
                .certificate_id(admitted.issuer_key_hash(), admitted.certificate().serial()),
            opening: opening.opening(submission.identity()),
        };
        let entry = submission.number_entry(&hidden).expect("it names a number");
        let leaf = Leaf { timestamp: 1_700_000_000_000, entry, index: INDEX };
        let (tiles, root) = tree(&leaf.encode().expect("the leaf is short"));
        let (note, policy, sct_spki) = checkpoint(root);
        Log { admitted, roots, label, opening, sct_spki, tiles, note, policy }
    }

    fn receipt(&self) -> Receipt {
        let submission = Submission::of(&self.admitted);
        let serial = self.admitted.certificate().serial();
        let secrets = Secrets {
            opening: self.opening.opening(submission.identity()),
            certificate_id: self.opening.certificate_id(self.admitted.issuer_key_hash(), serial),
            evaluation: self.label.prove(self.admitted.class().numbers(), &mut OsRng),
        };
        let extra = Extra { precertificate: false, timestamp: 1_700_000_000_000, secrets: Some(secrets) };
        let hashes = prove_inclusion(&self.tiles, INDEX, LEAVES).expect("the leaf is in the tree");
        let checkpoint = self.note.clone();
        let proof = TlogProof { extra: Some(extra.encode()), index: INDEX, hashes, checkpoint };
        Receipt { proof, extra }
    }

    fn verifier(&self) -> Verifier {
        let label_key = self.label.public().to_bytes();
        let parameters = Parameters { origin: ORIGIN.to_owned(), sct_key: self.sct_spki.clone(), label_key };
        let known = KnownLog::new(parameters).expect("the keys are keys");
        Verifier::new(self.policy.clone(), vec![known], self.roots.clone())
    }
}

/// The checkpoint as a log signs it and three witnesses cosign it, and a policy that wants two of them.
fn checkpoint(root: Hash) -> (Note, Policy, Vec<u8>) {
    let signer = Signer::new(ORIGIN, KeyType::Ed25519, &[3; 32]).expect("the origin is a name");
    let mut policy = PolicyBuilder::default();
    policy.log(signer.verifier_key().clone(), None).expect("it is the first");
    let sct_key = SigningKey::from_slice(&KeyPair::p256(1).secret_scalar()).expect("it is a scalar");
    let spki = sct_key.verifying_key().to_public_key_der().expect("a key encodes").into_vec();
    let public = SctKey::from_spki(&spki).expect("it is a key of P-256");
    let tree = SignedTree { tree: Tree { size: LEAVES, root }, time: 1_700_000_000_000 };
    let text = CheckpointSigner::with_tree_heads(signer, sct_key, public).sign(&tree);
    let mut note = Note::parse(text.as_bytes()).expect("it was just made");
    for (seed, name) in (10..).zip(WITNESSES) {
        let witness = Signer::new(name, KeyType::Cosignature, &[seed; 32]).expect("it is a name");
        cosign_note(&witness, &mut note, NOW as u64).expect("the note has room");
        policy.witness(name, witness.verifier_key().clone(), None).expect("none is there twice");
    }
    policy.group("quorum", Threshold::AtLeast(2), WITNESSES).expect("all are defined");
    policy.quorum("quorum").expect("it is defined");
    (note, policy.build().expect("it has a quorum"), spki)
}

fn receipts(c: &mut Criterion) {
    let log = Log::new();
    let text = log.receipt().to_string();
    println!("the receipt has {} bytes, {} of them for its inclusion proof", text.len(), 24 * 45);
    let receipt = Receipt::parse(text.as_bytes()).expect("it reads back");
    let chain = log.admitted.chain();
    let claim = Claim::Number(log.admitted.class().numbers()[0]);
    let mut group = c.benchmark_group("receipt of one number in ten million");
    group.bench_function("make", |b| b.iter(|| log.receipt().to_string()));
    group.bench_function("parse", |b| b.iter(|| Receipt::parse(black_box(text.as_bytes()))));
    let verifier = log.verifier();
    group.bench_function("verify, issuers verified before", |b| {
        b.iter(|| verifier.verify(chain, &claim, &receipt, NOW).expect("the receipt is good"));
    });
    group.bench_function("verify, all issuers new", |b| {
        b.iter_batched(
            || log.verifier(),
            |verifier| verifier.verify(chain, &claim, &receipt, NOW).expect("the receipt is good"),
            criterion::BatchSize::PerIteration,
        );
    });
    let der: Vec<&[u8]> = chain.iter().map(|certificate| certificate.der()).collect();
    group.bench_function("parse the chain and the receipt, verify, all issuers new", |b| {
        b.iter_batched(
            || log.verifier(),
            |verifier| {
                let parse = |der: &&[u8]| Arc::new(Certificate::from_der(*der).expect("it is well-formed"));
                let chain: Vec<_> = der.iter().map(parse).collect();
                let receipt = Receipt::parse(text.as_bytes()).expect("it reads back");
                verifier.verify(&chain, &claim, &receipt, NOW).expect("the receipt is good")
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, receipts);
criterion_main!(benches);
