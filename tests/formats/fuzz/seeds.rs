//! Seeds: everything that stands in `testvectors/`, and some requests, answers and files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tnlog::client::lookup::State;
use tnlog::merkle::Hash;
use tnlog::mirror::Config as MirrorConfig;
use tnlog::server::config::Config;
use tnlog::server::plan::{Object, Place};
use tnlog::server::staging::{Staging, Tree};
use tnlog::synthetic::{Authority, Profile, Validity, fictional_number};

const VALIDITY: Validity = Validity { not_before: 1_700_000_000, not_after: 2_000_000_000 };
/// Longer ones slow the fuzzer down, and show nothing else.
const LONGEST: usize = 6000;

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let mut seeds: BTreeSet<Vec<u8>> = match target {
        "certificate" => vectors(&["chain", "classify", "precertificate"]),
        "names" => vectors(&["blocks", "numbers", "tnauthlist"]),
        "files" => files(),
        "leaf" => vectors(&["leaf", "sct", "statement"]),
        "statement" => vectors(&["registration", "statement"]),
        "note" => vectors(&["checkpoint", "note", "policy"]),
        "policy" => policies(),
        "proof" => vectors(&["parameters", "receipt", "registration"]),
        "stored" => stored(),
        "json" => answers(),
        "endpoints" => requests(),
        "admission" | "index" | "label" => numbered(),
        other => panic!("no such target: {other}"),
    };
    seeds.retain(|seed| seed.len() <= LONGEST);
    seeds.into_iter().collect()
}

fn testvectors(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testvectors").join(name)
}

/// Every string in these files: bytes where it is hexadecimal, and as it stands.
fn vectors(names: &[&str]) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    for name in names {
        let text = fs::read_to_string(testvectors(&format!("{name}.json"))).unwrap();
        strings(&serde_json::from_str(&text).unwrap(), &mut all);
    }
    all
}

fn strings(value: &Value, all: &mut BTreeSet<Vec<u8>>) {
    match value {
        Value::String(text) => {
            let digits = text.as_bytes();
            let hexadecimal = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
            let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
            all.insert(match hexadecimal && digits.len() > 20 {
                true => digits.as_chunks().0.iter().map(byte).collect(),
                false => text.clone().into_bytes(),
            });
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, all)),
        Value::Object(members) => {
            let members =
                members.iter().filter(|(name, _)| !["comment", "name", "source"].contains(&&***name));
            members.for_each(|(_, member)| strings(member, all));
        }
        _ => {}
    }
}

fn policies() -> BTreeSet<Vec<u8>> {
    let file: Value = serde_json::from_slice(&fs::read(testvectors("policy.json")).unwrap()).unwrap();
    let part = |case: &Value, name: &str| case[name].as_str().unwrap_or_default().as_bytes().to_vec();
    let cases = file["cases"].as_array().unwrap().iter();
    cases.map(|case| [part(case, "policy"), vec![0], part(case, "note")].concat()).collect()
}

fn files() -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    for name in ["example/chain.pem", "example/roots.pem", "external/rsa-chain.pem"] {
        all.insert(fs::read(testvectors(name)).unwrap());
    }
    let root = fs::read_to_string(testvectors("example/roots.pem")).unwrap();
    all.insert(format!("# calling-codes: 1, 44\n{root}").into_bytes());
    all.insert(
        b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExQ==\n-----END PUBLIC KEY-----\n"
            .to_vec(),
    );
    let uncommented = |text: String| text.replace("#= ", "").into_bytes();
    all.insert(uncommented(Config::template("log.example.com/tn")));
    all.insert(uncommented(MirrorConfig::template(
        "http://a/",
        "mirror.example/a",
        Path::new("policy.txt"),
        None,
    )));
    all
}

fn stored() -> BTreeSet<Vec<u8>> {
    let mut all = vectors(&["tiles", "index"]);
    let tree = |size| Tree { size, root: Hash([7; 32]) };
    let object = Object { place: Place::Private, name: "evidence/1".into(), bytes: vec![1, 2, 3] };
    let guarded =
        [Staging { old: tree(1), new: tree(2), objects: vec![object] }.encode(), State::default().encode()];
    all.extend(guarded.map(|bytes| bytes[..bytes.len() - 32].to_vec()));
    all.insert([&7u64.to_be_bytes()[..], &[2, 0, 0, 1, 9, 0, 0, 0]].concat());
    all.insert(vec![1, 0, 1, 7, 0, 0]);
    all.insert([vec![1], vec![7; 64]].concat());
    all
}

/// Each kind of request, once as a body and once as what its base64 holds.
fn requests() -> BTreeSet<Vec<u8>> {
    let chain = vectors(&["precertificate"]);
    let statements = vectors(&["statement", "registration"]);
    let mut all = BTreeSet::new();
    for (endpoint, body) in [
        json!({ "chain": ["MAA=", "MAA="] }),
        json!({ "chain": ["MAA="] }),
        json!({ "chains": [{ "chain": ["MAA="], "precertificate": true }, { "chain": [] }] }),
        json!({ "chain": ["17035550123"] }),
        json!({ "statement": "oA==" }),
        json!({ "registration": "oA==" }),
        json!({ "registration": "oA==" }),
        json!({ "labels": [{ "label": "A".repeat(43) + "=", "known": 1 }], "below": ["170"], "at": ["1"], "since": 1 }),
        json!({ "blinded": ["A".repeat(43) + "="] }),
    ]
    .into_iter()
    .enumerate()
    {
        all.insert([vec![endpoint as u8], body.to_string().into_bytes()].concat());
    }
    let whole = |endpoint: u8, bytes: &Vec<u8>| [vec![128 + endpoint], bytes.clone()].concat();
    let root = Authority::root("Root", 1, VALIDITY);
    let (carrier, number) =
        (Profile::carrier("706J", VALIDITY, 1), Profile::numbers(&[&fictional_number(1)], VALIDITY, 1));
    for endpoint in [0, 2, 3] {
        all.extend([&carrier, &number].map(|profile| whole(endpoint, &root.issue(profile).chain()[0])));
    }
    all.insert(whole(1, &root.issue_precertificate(&number).issued().chain()[0]));
    all.extend(chain.iter().filter(|der| der.first() == Some(&0x30)).map(|der| whole(0, der)));
    all.extend(
        statements.iter().filter(|cbor| cbor.first() == Some(&0xa7)).take(8).map(|cbor| whole(4, cbor)),
    );
    all.extend(
        statements.iter().filter(|cbor| cbor.first() == Some(&0xa3)).take(8).map(|cbor| whole(5, cbor)),
    );
    all.extend([whole(7, &vec![7; 32]), whole(8, &vec![0; 32])]);
    for path in [
        "/checkpoint",
        "/tile/0/000.p/1",
        "/tile/entries/000.p/1",
        "/tile/chains/x001/234.p/7",
        "/index/checkpoint",
        "/index/2/tile/0/000",
        "/issuer/0000000000000000000000000000000000000000000000000000000000000000",
        "/ct/v1/get-entries?start=0&end=18446744073709551615",
        "/ct/v1/get-proof-by-hash?hash=AAAA&tree_size=1",
        "/ct/v1/get-sth-consistency?first=1&second=17035550123",
        "/ct/v1/get-entry-and-proof?leaf_index=0&tree_size=1",
        "/tn/v1/log",
        "/tn/v1/%2e%2e/heads",
        "/metrics",
    ] {
        all.insert([&[15], path.as_bytes()].concat());
    }
    all
}

/// An answer of each kind, in the order of the target.
fn answers() -> BTreeSet<Vec<u8>> {
    let sct =
        json!({ "sct_version": 0, "id": "AA==", "timestamp": 1, "extensions": "", "signature": "AA==" });
    let problem = json!({ "type": "urn:tnlog:problem:busy", "status": 503, "title": "t", "detail": "d", "certificate": 1 });
    let head = json!({ "head": "AA==", "index": 1, "inclusion": ["AA=="] });
    let answers = [
        sct.clone(),
        json!({ "results": [sct, problem.clone()] }),
        json!({ "leaf_index": 1, "timestamp": 1 }),
        json!({ "leaf_index": 1, "timestamp": 1, "opening": "AA==", "replaces": 0 }),
        problem,
        json!({ "tree_size": 1, "timestamp": 1, "sha256_root_hash": "AA==", "tree_head_signature": "AA==" }),
        json!({ "consistency": ["AA=="] }),
        json!({ "leaf_index": 1, "audit_path": ["AA=="] }),
        json!({ "entries": [{ "leaf_input": "AA==", "extra_data": "" }] }),
        json!({ "certificates": ["AA=="] }),
        json!({ "leaf_input": "AA==", "extra_data": "", "audit_path": [] }),
        json!({ "origin": "o", "checkpoint_key": "k", "sct_key": "", "log_id": "", "label_key": "", "tree_size": 1,
            "read_only": false, "max_chain": 10, "max_certificate": 1, "max_names": 1, "max_chains": 1, "round_milliseconds": 1 }),
        json!({ "proof": "", "pages": [{ "label": "", "page": "" }], "head": head, "index_checkpoint": "", "checkpoint": "",
            "consistency": [] }),
        json!({ "checkpoint": "", "index_checkpoint": "", "head": head }),
        json!({ "issuers": [{ "issuer_key_hash": "", "certificates": [""] }] }),
        json!({ "elements": ["AA=="], "proof": "AA==" }),
        json!({ "chains": [{ "chain": ["AA=="], "precertificate": true }] }),
        json!({ "labels": [{ "label": "", "known": 1 }], "below": ["1"], "at": [], "since": 1 }),
        json!({ "blinded": ["AA=="] }),
        json!({ "registration": "AA==" }),
    ];
    let numbered = answers.iter().enumerate();
    numbered.map(|(which, answer)| [vec![which as u8], answer.to_string().into_bytes()].concat()).collect()
}

/// For targets that make what they change: each beginning, with some changes.
fn numbered() -> BTreeSet<Vec<u8>> {
    let begins = (0..=80u8).map(|n| vec![n % 2, 0, n]);
    begins
        .clone()
        .chain(begins.map(|begin| [&begin[..], &[9, 0, 1, 0, 7, 22, 3, 0x31, 0x37, 0x30]].concat()))
        .collect()
}
