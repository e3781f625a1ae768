//! What the server does for one submission of a carrier's certificate, part by part, and for a round of a thousand.
//! `ring` verifying one signature is the floor that the sum is measured against.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tnlog::admission::{Admitted, Kind, Trust, admit};
use tnlog::anchors::{Anchor, Anchors, VerifiedIssuers};
use tnlog::certificate::Certificate;
use tnlog::chain_item::ChainItem;
use tnlog::classify::classify;
use tnlog::client::api::AddChain;
use tnlog::client::signatures::Ring;
use tnlog::client::store::DiskStore;
use tnlog::entry::{Entry, Leaf, SignedEntry};
use tnlog::load::{Names, Recipe, Workload};
use tnlog::sct::{Extensions, Sct};
use tnlog::server::dedup::{Dedup, key_of_open};
use tnlog::server::plan::{Edge, NewEntry, Round, plan};
use tnlog::server::read::LogReader;
use tnlog::server::signatures::SctSigner;
use tnlog::signature::VerifySignature;
use tnlog::submission::Submission;
use tnlog::synthetic::KeyPair;

const ROUND: u64 = 1000;

fn workload(count: usize) -> Workload {
    let recipe = Recipe {
        names: Names::Carriers,
        precertificates: false,
        seed: 1,
        not_before: 1_700_000_000,
        count,
        duplicates: 0.0,
        bad: 0.0,
    };
    recipe.prepare(&AtomicU64::new(0))
}

fn der(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).expect("the workload is base64")
}

fn parse(text: &str) -> Arc<Certificate> {
    Arc::new(Certificate::from_der(der(text)).expect("the workload is well-formed"))
}

/// One submission, and a log that accepts its root.
struct Bench {
    body: Vec<u8>,
    chain: Vec<Arc<Certificate>>,
    anchors: Anchors,
    verified: VerifiedIssuers,
}

impl Bench {
    fn new() -> Self {
        let workload = workload(1);
        let body = workload.body(workload.steps()[0]);
        let request: AddChain = serde_json::from_slice(&body).expect("the body is JSON");
        let certificate = Arc::new(workload.root().clone());
        Bench {
            body,
            chain: request.chain.iter().map(|text| parse(text)).collect(),
            anchors: Anchors::new([Anchor { certificate, calling_codes: None }]),
            verified: VerifiedIssuers::new(16),
        }
    }

    fn admit(&self) -> Admitted {
        let trust = Trust { anchors: &self.anchors, verifier: &Ring, verified: Some(&self.verified) };
        admit(&self.chain, Kind::Final, &trust).expect("the chain is good")
    }
}

fn parts(c: &mut Criterion) {
    let bench = Bench::new();
    let certificate = bench.chain[0].clone();
    let bytes = certificate.der().to_vec();
    let mut group = c.benchmark_group("submission");
    group.bench_function("JSON", |b| {
        b.iter(|| serde_json::from_slice::<AddChain>(black_box(&bench.body)).expect("the body is JSON"));
    });
    let text = serde_json::from_slice::<AddChain>(&bench.body).expect("the body is JSON").chain.remove(0);
    group.bench_function("base64", |b| b.iter(|| der(black_box(&text))));
    group.bench_function("parse", |b| {
        b.iter(|| Certificate::from_der(black_box(&bytes[..])).expect("the certificate is well-formed"));
    });
    group.bench_function("classify", |b| b.iter(|| classify(black_box(&certificate))));
    let issuer = &bench.chain[1];
    group.bench_function("verify one signature (the floor)", |b| {
        let algorithm = certificate.signature_algorithm();
        b.iter(|| Ring.verify(issuer.public_key(), algorithm, certificate.tbs(), certificate.signature()));
    });
    group.bench_function("admit, issuers cached, signature included", |b| b.iter(|| bench.admit()));
    let admitted = bench.admit();
    let submission = Submission::of(&admitted);
    group.bench_function("key", |b| b.iter(|| key_of_open(black_box(submission.identity()))));
    group.bench_function("side entry", |b| b.iter(|| ChainItem::of(black_box(&admitted)).encode()));
    let entry = submission.open_entry().expect("a carrier is open");
    let leaf = Leaf { timestamp: 1_700_000_000_000, entry, index: 1_234_567 };
    group.bench_function("encode the leaf", |b| b.iter(|| black_box(&leaf).encode()));
    let encoded = leaf.encode().expect("the leaf is short");
    group.bench_function("decode the leaf", |b| b.iter(|| Leaf::decode(black_box(&encoded))));
    let extensions = Extensions::of_leaf(1_234_567);
    let data =
        Sct::signed_data(submission.identity(), leaf.timestamp, &extensions).expect("the index is small");
    let signer = sct_signer();
    group.bench_function("sign the SCT", |b| b.iter(|| signer.sign(black_box(&data))));
    group.finish();
}

fn sct_signer() -> SctSigner {
    use p256::pkcs8::EncodePrivateKey;
    let secret = p256::SecretKey::from_slice(&KeyPair::p256(1).secret_scalar()).expect("it is a scalar");
    let der = secret.to_pkcs8_der().expect("a key encodes");
    SctSigner::from_pkcs8(der.as_bytes()).expect("it is a key of P-256")
}

/// Leaves of about the size of a carrier's.
fn leaves(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let certificate = parse_first(&workload(1));
    let leaf = |index: u64| {
        let mut der = certificate.der().to_vec();
        der[..8].copy_from_slice(&index.to_be_bytes());
        Leaf { timestamp: index, entry: Entry::Open(SignedEntry::X509(der)), index }
    };
    range.map(|index| leaf(index).encode().expect("the leaf is short")).collect()
}

fn parse_first(workload: &Workload) -> Arc<Certificate> {
    let body = workload.body(workload.steps()[0]);
    parse(&serde_json::from_slice::<AddChain>(&body).expect("the body is JSON").chain[0])
}

fn dedup(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let store = DiskStore::open(&folder.path().join("public")).expect("the folder can be made");
    let reader = LogReader::new(Arc::new(store));
    let log = tnlog::merkle::Hash::EMPTY_ROOT;
    let dedup = Dedup::open(&folder.path().join("derived"), &log, &reader, 0, |_, _| {});
    let dedup = dedup.expect("an empty folder becomes a database");
    let mut next = 0;
    let mut group = c.benchmark_group("dedup");
    group.throughput(Throughput::Elements(ROUND));
    group.bench_function("insert a round of 1,000", |b| {
        b.iter_batched(
            || {
                next += ROUND;
                (next - ROUND, leaves(next - ROUND..next))
            },
            |(first, leaves)| dedup.insert(first, leaves.iter().map(Vec::as_slice)).expect("it is stored"),
            criterion::BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("look for what is not there", |b| {
        let mut key = 0u128;
        b.iter(|| {
            key = key.wrapping_add(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            dedup.find(&key.to_be_bytes()).expect("the database answers")
        });
    });
    group.finish();
}

fn round(c: &mut Criterion) {
    let entries: Vec<NewEntry> =
        leaves(0..ROUND).into_iter().map(|leaf| NewEntry { leaf, chain: vec![7; 69] }).collect();
    let before = Round { entries: entries[..100].to_vec(), objects: Vec::new() };
    let empty = Edge::default();
    let edge = plan(&empty, &empty.tree.root(), before).expect("the round is good").edge;
    let root = edge.tree.root();
    let mut group = c.benchmark_group("round");
    group.throughput(Throughput::Elements(ROUND));
    group.bench_function("plan 1,000 carriers", |b| {
        b.iter_batched(
            || Round { entries: entries.clone(), objects: Vec::new() },
            |round| plan(&edge, &root, round).expect("the round is good"),
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, parts, dedup, round);
criterion_main!(benches);
