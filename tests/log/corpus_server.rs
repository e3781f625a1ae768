//! Every real certificate of the corpus through a running log, with exact counts.

#![cfg(feature = "server")]

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{TestLog, add_chain};
use serde_json::{Value, json};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::classify::Class;
use tnlog::client::http::Client;
use tnlog::client::lookup::{Kept, Lookups, Question, Trust, all};
use tnlog::client::read::policy_of_key;
use tnlog::client::signatures::Ring;
use tnlog::label::Label;
use tnlog::number::ServiceProviderCode;
use tnlog::policy::Policy;
use tnlog::proof::TlogProof;
use tnlog::receipt::{Claim, KnownLog, Receipt, Verifier};
use tnlog::server::roots;
use tnlog::signature::{Ecdsa, VerifySignature};
use tnlog::tnauthlist::Scope;

const MESSAGE: &str = "TNLOG_CORPUS does not name the folder of real certificates";

/// The corpus, or a printed reason why there is none.
fn corpus() -> Option<Corpus> {
    if let Some(folder) = std::env::var_os("TNLOG_CORPUS") {
        return Some(Corpus::load(&PathBuf::from(folder)));
    }
    assert!(std::env::var_os("TNLOG_NO_SKIP").is_none(), "{MESSAGE}, and TNLOG_NO_SKIP is set");
    println!("skipped: {MESSAGE}");
    None
}

struct Row {
    status: String,
    /// The leaf first.
    chain: Vec<Arc<Certificate>>,
}

struct Corpus {
    rows: Vec<Row>,
    roots: Vec<Arc<Certificate>>,
}

impl Corpus {
    fn load(folder: &Path) -> Self {
        let text = |name| std::fs::read_to_string(folder.join(name)).unwrap();
        let bundle = |text: &str| -> Vec<Arc<Certificate>> {
            Certificate::from_pem_bundle(text).unwrap().into_iter().map(Arc::new).collect()
        };
        let gunzip = |name| {
            let (file, mut text) = (std::fs::File::open(folder.join(name)).unwrap(), String::new());
            flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
            text
        };
        let (roots, intermediates) = (bundle(&text("roots.pem")), bundle(&text("intermediates.pem")));
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let by_hash: BTreeMap<String, Arc<Certificate>> = roots
            .iter()
            .chain(&intermediates)
            .map(|issuer| (hex(issuer.fingerprint()), issuer.clone()))
            .collect();
        let leaves = bundle(&gunzip("leaves.pem.gz"));
        let index = gunzip("index.tsv.gz");
        let row = |(line, leaf): (&str, Arc<Certificate>)| {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields[1], hex(leaf.fingerprint()));
            let issuers = fields[8].split(',').filter_map(|sha256| by_hash.get(sha256).cloned());
            Row { status: fields[7].to_owned(), chain: std::iter::once(leaf).chain(issuers).collect() }
        };
        let rows: Vec<Row> = index.lines().skip(1).zip(leaves).map(row).collect();
        assert_eq!(rows.len(), 13_370);
        Corpus { rows, roots }
    }
}

fn ders(chain: &[Arc<Certificate>]) -> Vec<Vec<u8>> {
    chain.iter().map(|certificate| certificate.der().to_vec()).collect()
}

/// As an app at the beginning of 2024, when 491 certificates of the corpus were valid.
fn verify_receipts(log: &TestLog, corpus: &Corpus) -> usize {
    let now = 1_704_067_200;
    let key = log.get("/tn/v1/log").success()["checkpoint_key"].as_str().unwrap().to_owned();
    let policy = Policy::parse(format!("log {key}\nquorum none\n").as_bytes()).unwrap();
    let parameters = TlogProof::parse(&log.get("/tn/v1/parameters").body).unwrap();
    let known = KnownLog::open(&parameters, &policy).unwrap();
    let anchor =
        |certificate: &Arc<Certificate>| Anchor { certificate: certificate.clone(), calling_codes: None };
    let verifier = Verifier::new(policy, vec![known], Anchors::new(corpus.roots.iter().map(anchor)));
    let valid = |row: &&Row| {
        row.status == "to-root" && row.chain[0].not_before() <= now && now <= row.chain[0].not_after()
    };
    let claim = |row: &Row| match row.chain[0].class() {
        Ok(Class::Names(Scope::Spcs(codes))) => Some(Claim::ServiceProviderCode(codes[0])),
        _ => None,
    };
    let rows = corpus.rows.iter().filter(valid).filter_map(|row| Some((row, claim(row)?)));
    rows.take(200)
        .map(|(row, claim)| {
            let response = log.post("/tn/v1/receipt", &add_chain(&ders(&row.chain)));
            assert_eq!(response.status, 200, "{}", response.text());
            let receipt = Receipt::parse(&response.body).unwrap();
            verifier.verify(&row.chain, &claim, &receipt, now).expect("the receipt verifies");
        })
        .count()
}

/// Two carriers of three have at most so many certificates.
fn a_carrier_is_looked_up_in_less_than_50_kilobytes(log: &TestLog) {
    let running = &log.running().log;
    while running.index.shown().is_none_or(|shown| shown.head.size < log.size()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (key, index_key) = (running.keys.checkpoint.verifier_key().clone(), running.index.key().clone());
    let policies = (policy_of_key(key.clone()).unwrap(), policy_of_key(index_key.clone()).unwrap());
    let trust = Trust { key, policy: policies.0, index_key, index_policy: policies.1 };
    let client = Client::new(&format!("http://{}/", log.address())).unwrap();
    let mut lookups = Lookups::new(client.clone(), trust);
    let question =
        Question::of_labels(&[Label::of_service_provider_code(&ServiceProviderCode::new("734J").unwrap())]);
    let begun = Instant::now();
    let found = log.runtime.block_on(async {
        let size = lookups.update().await.unwrap();
        lookups.follow(&question, &mut Kept::default(), size, all).await.unwrap()
    });
    let (cost, time) = (client.transferred(), begun.elapsed());
    println!("{} certificates of a carrier: {cost:?} in {time:?}", found.len());
    assert_eq!(found.len(), 6);
    assert!(cost.bytes() < 50_000 && time < Duration::from_secs(1), "{cost:?} in {time:?}");
}

#[test]
fn the_whole_corpus_through_a_running_log() {
    let Some(corpus) = corpus() else { return };
    let mut log = TestLog::start("");
    log.stop();
    for root in &corpus.roots {
        roots::add(&log.folder.roots(), &Anchor { certificate: root.clone(), calling_codes: None }).unwrap();
    }
    log.resume().unwrap();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for rows in corpus.rows.chunks(1000) {
        let chains: Vec<Value> = rows.iter().map(|row| add_chain(&ders(&row.chain))).collect();
        let results = log.post("/tn/v1/add-chains", &json!({ "chains": chains })).success();
        let results = results["results"].as_array().unwrap();
        assert_eq!(results.len(), rows.len());
        for (row, result) in rows.iter().zip(results) {
            let outcome = match result["type"].as_str() {
                Some(kind) => {
                    format!("{} at {}", kind.trim_start_matches("urn:tnlog:problem:"), result["certificate"])
                }
                None if result["timestamp"].is_u64() => "logged".to_owned(),
                None => panic!("{result}"),
            };
            *outcomes.entry(format!("{} {outcome}", row.status)).or_default() += 1;
        }
    }
    let expected = [
        ("to-root logged", 12_994),
        ("to-root no-tnauthlist at 0", 1),
        ("partial unknown-root at 1", 373),
        ("no-issuer unknown-root at 0", 1),
        ("no-issuer no-tnauthlist at 0", 1),
    ];
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(outcomes, expected);
    assert_eq!(log.size(), 1 + 12_994);
    assert_eq!(verify_receipts(&log, &corpus), 200);
    a_carrier_is_looked_up_in_less_than_50_kilobytes(&log);
}

/// `ring`, which the log verifies with, and the pure core, which apps verify with, agree: about each signature of the corpus,
/// and about each with one bit changed.
#[test]
fn server_and_core_agree_on_every_signature() {
    let Some(corpus) = corpus() else { return };
    let (mut right, mut wrong) = (0, 0);
    let pairs = corpus.rows.iter().flat_map(|row| row.chain.windows(2));
    let mut seen = HashSet::new();
    for pair in pairs.filter(|pair| seen.insert((*pair[0].fingerprint(), *pair[1].fingerprint()))) {
        let (subject, key, algorithm) = (&pair[0], pair[1].public_key(), pair[0].signature_algorithm());
        if !algorithm.is_ecdsa() {
            continue;
        }
        let (message, mut signature) = (subject.tbs(), subject.signature().to_vec());
        let ring = Ring.verify(key, algorithm, message, &signature);
        assert_eq!(ring, Ecdsa.verify(key, algorithm, message, &signature));
        if ring.is_ok() {
            right += 1
        } else {
            wrong += 1
        }
        *signature.last_mut().unwrap() ^= 1;
        assert!(Ring.verify(key, algorithm, message, &signature).is_err());
        assert!(Ecdsa.verify(key, algorithm, message, &signature).is_err());
    }
    assert_eq!((right, wrong), (13_381, 0));
}
