//! What a log promises to who submits, checked from outside: by the letter of RFC 6962, by `rs_merkle`, and as an app does.

#![cfg(feature = "server")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common;
use crate::common::{
    TestLog, add_chain, certificates, chain, delegate, from_base64, issuing, number_below_delegate,
    number_profile, precertificate, range_profile,
};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::client::store::{DiskLock, DiskStore};
use tnlog::entry::{Entry, Leaf};
use tnlog::merkle::{Hash, check_consistency};
use tnlog::note::{KeyType, Signer};
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::policy::Policy;
use tnlog::proof::TlogProof;
use tnlog::receipt::{Claim, KnownLog, Receipt, Untrusted, Verified, Verifier};
use tnlog::server::plan::{NewEntry, Round};
use tnlog::server::roots;
use tnlog::server::sequencer::{Position, Sequencer, Stores};
use tnlog::server::signer::CheckpointSigner;
use tnlog::synthetic::{Authority, Profile, fictional_number};

const NOW: i64 = 1_750_000_000;

/// An integer of TLS.
fn uint(value: u64, length: usize) -> Vec<u8> {
    value.to_be_bytes()[8 - length..].to_vec()
}

/// A vector of TLS.
fn opaque(bytes: &[u8], length: usize) -> Vec<u8> {
    [uint(bytes.len() as u64, length), bytes.to_vec()].concat()
}

fn sct_key(log: &TestLog) -> Vec<u8> {
    from_base64(&log.get("/tn/v1/log").success()["sct_key"])
}

/// Verifies a `digitally-signed` struct (RFC 5246 §4.7) of ECDSA with SHA-256.
fn assert_signed(key: &[u8], message: &[u8], signed: &[u8]) {
    assert_eq!(signed[..2], [4, 3], "not ECDSA with SHA-256");
    let (length, der) = signed[2..].split_at(2);
    assert_eq!(u16::from_be_bytes(length.try_into().unwrap()) as usize, der.len());
    let signature = Signature::from_der(der).unwrap();
    VerifyingKey::from_public_key_der(key).unwrap().verify(message, &signature).expect("the signature holds");
}

/// RFC 6962 §3.2, written out: `signed_entry` is what stands there after `entry_type`.
fn assert_sct(log: &TestLog, answer: &Value, entry_type: u16, signed_entry: &[u8]) {
    let key = sct_key(log);
    assert_eq!(answer["sct_version"], 0);
    assert_eq!(from_base64(&answer["id"]), Sha256::digest(&key).to_vec());
    let mut message = vec![0, 0];
    message.extend(uint(answer["timestamp"].as_u64().unwrap(), 8));
    message.extend(uint(entry_type.into(), 2));
    message.extend(signed_entry);
    message.extend(opaque(&from_base64(&answer["extensions"]), 2));
    assert_signed(&key, &message, &from_base64(&answer["signature"]));
}

/// The `SignedCertificateTimestamp` of an answer, as it stands in a certificate.
fn serialized(answer: &Value) -> Vec<u8> {
    let mut sct = vec![0];
    sct.extend(from_base64(&answer["id"]));
    sct.extend(uint(answer["timestamp"].as_u64().unwrap(), 8));
    sct.extend(opaque(&from_base64(&answer["extensions"]), 2));
    sct.extend(from_base64(&answer["signature"]));
    sct
}

/// What must never change about an answer.
fn promise(answer: &Value) -> (u64, Vec<u8>) {
    (answer["timestamp"].as_u64().unwrap(), from_base64(&answer["extensions"]))
}

fn index(answer: &Value) -> u64 {
    let extensions = from_base64(&answer["extensions"]);
    assert_eq!(extensions[..3], [0, 0, 5]);
    extensions[3..8].iter().fold(0, |index, byte| index << 8 | u64::from(*byte))
}

/// The leaf at an index, as the static side serves it.
fn leaf(log: &TestLog, index: u64) -> Leaf {
    let path = format!("/ct/v1/get-entries?start={index}&end={index}");
    Leaf::decode(&from_base64(&log.get(&path).success()["entries"][0]["leaf_input"])).unwrap()
}

/// An app that trusts this log and the root of these tests.
fn app(log: &TestLog) -> Verifier {
    let key = log.get("/tn/v1/log").success()["checkpoint_key"].as_str().unwrap().to_owned();
    let policy = Policy::parse(format!("log {key}\nquorum none\n").as_bytes()).unwrap();
    let parameters = TlogProof::parse(&log.get("/tn/v1/parameters").body).unwrap();
    let known = KnownLog::open(&parameters, &policy).unwrap();
    let root = Arc::new(Certificate::from_der(common::root().certificate().to_vec()).unwrap());
    Verifier::new(policy, vec![known], Anchors::new([Anchor { certificate: root, calling_codes: None }]))
}

fn receipt(log: &TestLog, chain: &[Vec<u8>]) -> Receipt {
    let response = log.post("/tn/v1/receipt", &add_chain(chain));
    assert_eq!(response.status, 200, "{}", response.text());
    Receipt::parse(&response.body).unwrap()
}

fn verify(log: &TestLog, chain: &[Vec<u8>], claim: &Claim) -> Result<Verified, Untrusted> {
    app(log).verify(&certificates(chain), claim, &receipt(log, chain), NOW)
}

fn number(n: u32) -> Claim {
    Claim::Number(Number::new(&fictional_number(n)).unwrap())
}

#[test]
fn scts_and_tree_heads_hold_by_the_letter_of_rfc_6962() {
    let log = TestLog::start("");
    for name in ["carrier-1", "range-1", "ca-1", "root", "number-1", "numbers-512"] {
        let (chain, precertificate) = chain(name);
        let answer = log.submit(&chain, precertificate);
        assert_sct(&log, &answer, 0, &opaque(&chain[0], 3));
        let hidden = name.starts_with("number");
        let extensions = from_base64(&answer["extensions"]);
        assert_eq!(extensions.len(), if hidden { 8 + 35 } else { 8 }, "{name}");
        assert_eq!(index(&answer) + 1, log.size());
        if hidden {
            assert_eq!(extensions[8..11], [0x54, 0, 32]);
        }
    }
    for profile in [Profile::carrier("706J", common::VALIDITY, 5), number_profile(5), range_profile(5)] {
        let answer = log.submit(&precertificate(&profile).issued().chain(), true);
        // The TBSCertificate without the poison is that of the certificate which is issued without it.
        let tbs = issuing().draft(&profile).tbs();
        let issuer_key_hash = Sha256::digest(issuing().key().spki());
        assert_sct(&log, &answer, 1, &[&issuer_key_hash[..], &opaque(&tbs, 3)].concat());
    }
    let head = log.get("/ct/v1/get-sth").success();
    let mut message = vec![0, 1];
    message.extend(uint(head["timestamp"].as_u64().unwrap(), 8));
    message.extend(uint(head["tree_size"].as_u64().unwrap(), 8));
    message.extend(from_base64(&head["sha256_root_hash"]));
    assert_signed(&sct_key(&log), &message, &from_base64(&head["tree_head_signature"]));
}

fn copy(from: &Path, to: &Path) {
    for file in common::files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, target).unwrap();
    }
}

/// Something that happens to the derived database of a stopped log, which lies in a folder.
type Mishap = Box<dyn Fn(&Path)>;

/// Fails when `Log::submit` does not look into the log before it takes a submission, and for the mishaps when
/// `Dedup::open` keeps what does not belong to the log.
#[test]
fn a_repeated_submission_gets_the_same_answer_whatever_became_of_the_derived_database() {
    let mut other = TestLog::start("");
    let others: Vec<u32> = (100..110).collect();
    others.iter().for_each(|n| drop(other.submit(&chain(&format!("number-{n}")).0, false)));
    other.stop();
    let others_database = other.folder.derived();

    let mut log = TestLog::start("");
    let names = ["carrier-1", "number-1", "precert-1", "number-precert-1", "range-1", "ca-1", "numbers-20"];
    let submit = |log: &TestLog, name: &str| {
        let (chain, precertificate) = chain(name);
        promise(&log.submit(&chain, precertificate))
    };
    let first = submit(&log, names[0]);
    log.stop();
    let older = tempfile::tempdir().unwrap();
    copy(&log.folder.derived(), older.path());
    log.resume().unwrap();
    let promises: Vec<_> = names.iter().map(|name| submit(&log, name)).collect();
    assert_eq!(promises[0], first);
    assert_eq!(promises.iter().map(|(_, extensions)| extensions).collect::<BTreeSet<_>>().len(), names.len());

    let remove = |folder: &Path| std::fs::remove_dir_all(folder).unwrap();
    let older = older.path().to_owned();
    let mut mishaps: Vec<(String, Mishap)> = vec![
        ("nothing".into(), Box::new(|_| {})),
        ("deleted".into(), Box::new(remove)),
        (
            "emptied".into(),
            Box::new(move |folder| {
                remove(folder);
                std::fs::create_dir(folder).unwrap();
            }),
        ),
        (
            "set back".into(),
            Box::new(move |folder| {
                remove(folder);
                copy(&older, folder);
            }),
        ),
        (
            "another log's".into(),
            Box::new(move |folder| {
                remove(folder);
                copy(&others_database, folder);
            }),
        ),
    ];
    for part in [0, 1, 2] {
        mishaps.push((
            format!("each file cut to {part}/3"),
            Box::new(move |folder| {
                for path in common::files_below(folder) {
                    let length = path.metadata().unwrap().len();
                    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
                    file.set_len(length * part / 3).unwrap();
                }
            }),
        ));
    }
    for (n, (name, mishap)) in mishaps.iter().enumerate() {
        log.stop();
        mishap(&log.folder.derived());
        log.resume().unwrap_or_else(|error| panic!("{name}: {error}"));
        let size = log.size();
        for (chain, promised) in names.iter().zip(&promises) {
            assert_eq!(submit(&log, chain), *promised, "{name}: {chain}");
        }
        assert_eq!(log.size(), size, "{name}");
        submit(&log, &format!("carrier-{}", 1000 + n));
        assert_eq!(log.size(), size + 1, "{name}");
    }
}

/// Fails when a key is not reserved before the log is searched.
#[test]
fn what_comes_fifty_times_at_once_is_one_entry_with_one_answer() {
    let log = TestLog::start("round_milliseconds = 200\n");
    log.submit(&chain("carrier-1").0, false);
    for name in ["number-1", "carrier-2", "number-precert-2"] {
        let (chain, precertificate) = chain(name);
        let size = log.size();
        let promises: BTreeSet<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..50).map(|_| scope.spawn(|| promise(&log.submit(&chain, precertificate)))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!((promises.len(), log.size()), (1, size + 1), "{name}");
    }
}

#[test]
fn receipts_of_every_kind_verify_and_hold_for_nothing_else() {
    let log = TestLog::start("");
    let spc = Claim::ServiceProviderCode(ServiceProviderCode::new("706j").unwrap());
    let in_range = Claim::Number(Number::new("17035550123").unwrap());
    for (name, claim) in
        [("carrier-1", &spc), ("number-1", &number(1)), ("numbers-512", &number(300)), ("range-1", &in_range)]
    {
        let chain = chain(name).0;
        let answer = log.submit(&chain, false);
        let verified = verify(&log, &chain, claim).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((verified.index, verified.timestamp), (index(&answer), promise(&answer).0));
    }
    assert_eq!(verify(&log, &chain("carrier-1").0, &number(1)).unwrap_err(), Untrusted::NotCovered);
    assert_eq!(verify(&log, &chain("number-1").0, &number(2)).unwrap_err(), Untrusted::NotCovered);
    // Another certificate of the same number, with the receipt of the first.
    let again = issuing().issue(&Profile::numbers(&[&fictional_number(1)], common::VALIDITY, 99)).chain();
    let stolen = receipt(&log, &chain("number-1").0);
    let refused = app(&log).verify(&certificates(&again), &number(1), &stolen, NOW).unwrap_err();
    assert_eq!(refused, Untrusted::NotIncluded);
}

#[test]
fn the_receipt_of_a_final_certificate_comes_from_its_precertificate() {
    let log = TestLog::start("");
    let spc = Claim::ServiceProviderCode(ServiceProviderCode::new("706J").unwrap());
    for (profile, claim) in
        [(number_profile(7), number(7)), (Profile::carrier("706J", common::VALIDITY, 7), spc)]
    {
        let precertificate = precertificate(&profile);
        let answer = log.submit(&precertificate.issued().chain(), true);
        let certificate = issuing().finalize(&precertificate, &[serialized(&answer)]).unwrap().chain();
        let verified = verify(&log, &certificate, &claim).unwrap();
        assert_eq!((verified.index, verified.timestamp), (index(&answer), promise(&answer).0));

        // The final certificate is another entry, and of one credential with the first.
        let second = log.submit(&certificate, false);
        assert_eq!(index(&second), index(&answer) + 1);
        assert_eq!(verify(&log, &certificate, &claim).unwrap().index, index(&second));
        let (first, second) = (leaf(&log, index(&answer)).entry, leaf(&log, index(&second)).entry);
        if let (Entry::Number(first), Entry::Number(second)) = (&first, &second) {
            assert_eq!(first.certificate_id, second.certificate_id);
            assert_eq!((first.is_precertificate, second.is_precertificate), (true, false));
            assert_ne!(first.commitment, second.commitment);
            let same = |e: &tnlog::entry::NumberEntry| {
                (e.labels.clone(), e.issuer_key_hash, e.subject_key.clone(), e.is_ca)
            };
            assert_eq!(same(first), same(second));
        } else {
            assert!(matches!((first, second), (Entry::Open(_), Entry::Open(_))));
        }
    }
}

/// Fails without `Log::check_delegates`.
#[test]
fn a_delegate_of_numbers_is_logged_before_what_it_issues() {
    let log = TestLog::start("");
    let below = delegate().issue(&number_below_delegate()).chain();
    let refused = |chain: &[Vec<u8>]| log.post("/ct/v1/add-chain", &add_chain(chain)).json()["type"].clone();
    assert_eq!(refused(&below), "urn:tnlog:problem:delegate-not-logged");
    log.submit(delegate().chain(), false);
    log.submit(&below, false);
    verify(&log, &below, &number(900)).unwrap();
    let Entry::Number(entry) = leaf(&log, 1).entry else { panic!("a delegate of numbers is hidden") };
    assert!(entry.is_ca);

    // A delegate of which only the precertificate is logged is logged.
    let profile = Profile::authority("Second Delegate", None, common::VALIDITY, 5);
    let profile = profile.entries(&[tnlog::synthetic::TnEntry::one(&fictional_number(901))]);
    let precertificate = precertificate(&profile);
    let answer = log.submit(&precertificate.issued().chain(), true);
    let second = issuing().finalize(&precertificate, &[serialized(&answer)]).unwrap().into_authority();
    let below = second.issue(&number_profile(901)).chain();
    log.submit(&below, false);
    verify(&log, &below, &number(901)).unwrap();
    // Nothing of either is served as an issuer.
    let issuers = log.get("/tn/v1/issuers").success();
    assert_eq!(issuers["issuers"].as_array().unwrap().len(), 2, "{issuers}");
}

#[test]
fn a_root_that_is_added_counts_without_a_restart() {
    let log = TestLog::start("");
    let late = Authority::root("Late Root", 50, common::VALIDITY);
    let chain = late.issue(&Profile::carrier("706J", common::VALIDITY, 1)).chain();
    let submit = || log.post("/ct/v1/add-chain", &add_chain(&chain));
    assert_eq!(submit().json()["type"], "urn:tnlog:problem:unknown-root");
    let certificate = Arc::new(Certificate::from_der(late.certificate().to_vec()).unwrap());
    roots::add(&log.folder.roots(), &Anchor { certificate, calling_codes: None }).unwrap();
    let begun = Instant::now();
    while submit().status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the root was not seen");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(log.get("/ct/v1/get-roots").success()["certificates"].as_array().unwrap().len(), 3);
}

#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        Sha256::new_with_prefix([0]).chain_update(data).finalize().into()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        let node =
            |right| Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into();
        right.map_or(*left, node)
    }
}

fn hashes(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().unwrap().iter().map(|hash| from_base64(hash).try_into().unwrap()).collect()
}

/// All entries by `get-entries`, which gives as many at a time as it likes.
fn entries(log: &TestLog) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    while (entries.len() as u64) < log.size() {
        let page = log.get(&format!("/ct/v1/get-entries?start={}&end=100000", entries.len())).success();
        let page = page["entries"].as_array().unwrap();
        assert!(!page.is_empty());
        entries.extend(page.iter().map(|e| (from_base64(&e["leaf_input"]), from_base64(&e["extra_data"]))));
    }
    entries
}

fn url(bytes: &[u8]) -> String {
    common::base64(bytes).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

#[test]
fn proofs_of_many_sizes_hold_for_other_software() {
    let log = TestLog::start("");
    let mut heads = vec![log.get("/ct/v1/get-sth").success()];
    let mut next = 0;
    for count in [1, 1, 1, 4, 120, 127, 1, 1, 150] {
        let carriers: Vec<_> =
            (next..next + count).map(|seed| add_chain(&common::carrier(seed).chain())).collect();
        next += count;
        let results = log.post("/tn/v1/add-chains", &json!({ "chains": carriers })).success();
        let refused = |result: &&Value| result["timestamp"].is_null();
        assert_eq!(results["results"].as_array().unwrap().iter().find(refused), None);
        heads.push(log.get("/ct/v1/get-sth").success());
    }
    let entries = entries(&log);
    let leaf_hashes: Vec<_> =
        entries.iter().map(|(leaf, _)| <Rfc6962 as rs_merkle::Hasher>::hash(leaf)).collect();
    let mut tree = rs_merkle::MerkleTree::<Rfc6962>::new();
    let mut roots = vec![[0; 32]];
    for hash in &leaf_hashes {
        tree.insert(*hash).commit();
        roots.push(tree.root().unwrap());
    }
    for head in &heads {
        let size = head["tree_size"].as_u64().unwrap() as usize;
        assert_eq!(from_base64(&head["sha256_root_hash"]), roots[size], "{size}");
    }

    let sizes = [1, 2, 3, 8, 128, 255, 256, 257, 258, 300, entries.len()];
    for size in sizes {
        for index in [0, 1, 2, 7, 127, 254, 255, 256, size - 1].into_iter().filter(|index| *index < size) {
            let path = format!("/ct/v1/get-proof-by-hash?hash={}&tree_size={size}", url(&leaf_hashes[index]));
            let by_hash = log.get(&path).success();
            assert_eq!(by_hash["leaf_index"].as_u64(), Some(index as u64));
            let path = format!("/ct/v1/get-entry-and-proof?leaf_index={index}&tree_size={size}");
            let by_index = log.get(&path).success();
            assert_eq!(from_base64(&by_index["leaf_input"]), entries[index].0);
            assert_eq!(from_base64(&by_index["extra_data"]), entries[index].1);
            assert_eq!(by_index["audit_path"], by_hash["audit_path"]);
            let proof = rs_merkle::MerkleProof::<Rfc6962>::new(hashes(&by_hash["audit_path"]));
            let holds = proof.verify(roots[size], &[index], &[leaf_hashes[index]], size);
            assert!(holds, "leaf {index} of {size}");
        }
        for old in sizes.into_iter().filter(|old| *old <= size) {
            let path = format!("/ct/v1/get-sth-consistency?first={old}&second={size}");
            let proof: Vec<_> =
                hashes(&log.get(&path).success()["consistency"]).into_iter().map(Hash).collect();
            let (first, second) = (Hash(roots[old]), Hash(roots[size]));
            check_consistency(&proof, old as u64, &first, size as u64, &second).expect("the proof holds");
        }
    }

    let leaves: Vec<_> = entries.iter().map(|(leaf, _)| Leaf::decode(leaf).unwrap()).collect();
    assert!(leaves.is_sorted_by_key(|leaf| leaf.timestamp));
    assert!(leaves.iter().enumerate().all(|(index, leaf)| leaf.index == index as u64));
    let newest = heads.last().unwrap()["timestamp"].as_u64().unwrap();
    assert!(leaves.last().unwrap().timestamp <= newest);
}

/// RFC 6962 §4.6: the chain, and the precertificate before it.
#[test]
fn what_lies_beside_an_entry_is_what_was_submitted() {
    let log = TestLog::start("");
    let names = ["carrier-1", "precert-2", "number-3", "root", "range-4"];
    names.iter().for_each(|name| drop(log.submit(&chain(name).0, name.starts_with("precert"))));
    let entries = entries(&log);
    for (name, (_, extra_data)) in names.iter().zip(&entries[1..]) {
        let chain = chain(name).0;
        let issuers = opaque(&chain[1..].iter().flat_map(|der| opaque(der, 3)).collect::<Vec<_>>(), 3);
        let expected = match *name {
            "number-3" => Vec::new(),
            "precert-2" => [opaque(&chain[0], 3), issuers].concat(),
            _ => issuers,
        };
        assert_eq!(*extra_data, expected, "{name}");
    }
    let served = log.get("/tn/v1/issuers").success();
    for issuer in served["issuers"].as_array().unwrap() {
        let hash = issuer["certificates"][0].as_str().unwrap();
        let der = log.get(&format!("/issuer/{hash}")).body;
        assert_eq!(hex(&Sha256::digest(&der)), hash);
        let certificate = Certificate::from_der(der).unwrap();
        assert_eq!(hex(certificate.spki_sha256()), issuer["issuer_key_hash"].as_str().unwrap());
    }
}

/// Fails without `MAX_ENTRIES_LEN` in `get_entries`: a bundle may be 200 MiB.
#[test]
fn an_answer_of_long_entries_has_few_of_them() {
    let log = TestLog::start("");
    let long = |seed| {
        let profile = Profile::carrier("706J", common::VALIDITY, seed).extension(common::padding(60_000));
        add_chain(&issuing().issue(&profile).chain())
    };
    let body = json!({ "chains": (0..60).map(long).collect::<Vec<_>>() });
    log.post("/tn/v1/add-chains", &body).success();
    assert_eq!(log.size(), 61);
    let response = log.get("/ct/v1/get-entries?start=0&end=60");
    let count = response.success()["entries"].as_array().unwrap().len();
    assert!(response.body.len() < 5 << 20 && (10..61).contains(&count), "{count} in {}", response.body.len());
    assert_eq!(entries(&log).len(), 61);
}

/// Fails when the round loop goes on after the pool was closed and a round failed.
#[test]
fn a_log_that_cannot_write_stops_all_the_same() {
    let mut log = TestLog::start("[limits]\nrequest_seconds = 1\n");
    log.submit(&chain("number-1").0, false);
    let staging = log.folder.private().join("staging");
    std::thread::sleep(Duration::from_millis(2500));
    let _ = std::fs::remove_dir_all(&staging);
    std::fs::write(&staging, b"").unwrap();
    assert_eq!(log.post("/ct/v1/add-chain", &add_chain(&chain("number-2").0)).status, 503);
    let begun = Instant::now();
    log.stop();
    assert!(begun.elapsed() < Duration::from_secs(8));
    std::fs::remove_file(&staging).unwrap();
    log.resume().unwrap();
    assert_eq!((log.size(), index(&log.submit(&chain("number-2").0, false))), (2, 2));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An idle log signs again, and every newer tree head has a later time, also after restarts.
#[test]
fn the_time_of_tree_heads_rises() {
    let mut log = TestLog::start("heartbeat_seconds = 1\n");
    let mut seen: Vec<(u64, u64)> = Vec::new();
    let mut look = |log: &TestLog| {
        let head = log.get("/ct/v1/get-sth").success();
        let now = (head["timestamp"].as_u64().unwrap(), head["tree_size"].as_u64().unwrap());
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    };
    let begun = Instant::now();
    let mut next = 1;
    while begun.elapsed() < Duration::from_millis(2500) {
        look(&log);
        if next < 8 {
            log.submit(&common::carrier(next).chain(), false);
            look(&log);
            if next % 3 == 0 {
                log.restart();
            }
            next += 1;
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    assert!(seen.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{seen:?}");
    assert!(seen.windows(2).filter(|pair| pair[0].1 == pair[1].1).count() >= 1, "no heartbeat: {seen:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    assert!(seen.iter().all(|(time, _)| time.abs_diff(now) < 60_000));
}

/// The clock is an argument of the sequencer, so it can be set back here. Fails when `Sequencer::append` takes it as it is.
#[test]
fn time_rises_when_the_clock_is_set_back() {
    let entry = || NewEntry { leaf: vec![1], chain: vec![2] };
    let one = |_: Position| Round { entries: vec![entry()], objects: Vec::new() };
    let folder = tempfile::tempdir().unwrap();
    let open = |now| {
        let public = Arc::new(DiskStore::open(&folder.path().join("public")).unwrap());
        let private = Arc::new(DiskStore::open(&folder.path().join("private")).unwrap());
        let lock = Box::new(DiskLock::open(&folder.path().join("lock")).unwrap());
        let sct = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let spki = p256::pkcs8::EncodePublicKey::to_public_key_der(sct.verifying_key()).unwrap();
        let public_key = tnlog::sct::SctKey::from_spki(spki.as_bytes()).unwrap();
        let signer = Signer::new(common::ORIGIN, KeyType::Ed25519, &[8; 32]).unwrap();
        let signer = CheckpointSigner::with_tree_heads(signer, sct, public_key);
        Sequencer::open(Stores { public, private }, lock, signer, now, one).unwrap()
    };
    let mut sequencer = open(5_000);
    assert_eq!(sequencer.published().time, 5_000);
    let append = |sequencer: &mut Sequencer, now| sequencer.append(now, one).unwrap().time;
    assert_eq!(append(&mut sequencer, 4_000), 5_001);
    assert_eq!(append(&mut sequencer, 0), 5_002);
    assert_eq!(append(&mut sequencer, 9_000), 9_000);
    drop(sequencer);
    let mut sequencer = open(1);
    assert_eq!((sequencer.published().time, sequencer.published().tree.size), (9_000, 4));
    assert_eq!(append(&mut sequencer, 1), 9_001);
    let idle = sequencer.append(1, |_| Round::default()).unwrap();
    assert_eq!((idle.time, idle.tree.size), (9_002, 5));
}
