//! The function that is fuzzed (`fuzz/`), over its seeds and over the corpus that was kept.

#[path = "../../fuzz/src/monitor.rs"]
mod target;

use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use tnlog::checkpoint::Checkpoint;
use tnlog::client::evidence::{Against, Evidence, Placed, Proof, Proved, Written};
use tnlog::index::{IndexHead, Step};
use tnlog::merkle::Hash;
use tnlog::note::{KeyType, Signer};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn seeds() -> Vec<Vec<u8>> {
    let signer = Signer::new("log.example", KeyType::Ed25519, &[1; 32]).unwrap();
    let note = |size| Checkpoint::new("log.example", size, Hash([7; 32])).sign(&signer).unwrap();
    let proof = |entry: &[u8]| Proof::Entry { wrong: Placed::new(0, entry, &[]), others: vec![] };
    let prefix = Proof::Prefix { root: Base64::encode_string(&[7; 32]), hashes: vec![] };
    let leaf = b"no leaf";
    let bad = Checkpoint::new("log.example", 1, Hash::of_leaf(leaf)).sign(&signer).unwrap();
    let step = Step { before: vec![], leaves: vec![leaf.to_vec()], proofs: vec![], lists: vec![] };
    let head = IndexHead { size: 1, root: Hash::of_leaf(leaf), index_root: Hash([7; 32]), labels: 1 };
    let index_signer = Signer::new("log.example/index", KeyType::Ed25519, &[1; 32]).unwrap();
    let heads = Checkpoint::new("log.example/index", 1, Hash::of_leaf(&head.encode()));
    let heads = heads.sign(&index_signer).unwrap();
    let false_head = |against| {
        let proof = Proof::Head { head: Placed::new(0, &head.encode(), &[]), against };
        Evidence::new("bad-index-head", &[&heads, &bad], Some(proof))
    };
    let by_step = false_head(Against::Step { before: None, step: Written::from(&step) });
    let keys = [signer.verifier_key().clone(), index_signer.verifier_key().clone()];
    assert_eq!(by_step.verify(&keys), Ok(Proved::BadHead));
    vec![
        by_step.encode(),
        false_head(Against::tree(&Hash([7; 32]), &[])).encode(),
        false_head(Against::Earlier(Placed::new(0, &head.encode(), &[]))).encode(),
        Evidence::new("fork", &[&note(2), &note(3)], Some(prefix)).encode(),
        Evidence::new("fork", &[&note(2), &note(2)], None).encode(),
        Evidence::new("bad-leaf", &[&bad], Some(proof(leaf))).encode(),
        tnlog_monitor::config::TEMPLATE.as_bytes().to_vec(),
        tnlog_monitor::config::TEMPLATE.replace("#= ", "").into_bytes(),
    ]
}

#[test]
fn seeds_and_what_was_kept_hold() {
    let corpus = fs::read_dir(fuzz().join("corpus/monitor")).unwrap();
    let corpus: Vec<_> = corpus.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(corpus.len() > 10, "{} files", corpus.len());
    seeds().iter().chain(&corpus).for_each(|data| target::evidence_and_configuration(data));
}

/// Writes the seeds where the fuzzer finds them. See docs/security.md.
#[test]
#[ignore = "writes files"]
fn write_seeds() {
    let folder = fuzz().join("made/seeds/monitor");
    fs::create_dir_all(&folder).unwrap();
    for (number, seed) in seeds().iter().enumerate() {
        fs::write(folder.join(number.to_string()), seed).unwrap();
    }
}
