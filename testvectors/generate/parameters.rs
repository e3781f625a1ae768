//! parameters.json.

use serde_json::json;
use tnlog::entry::{Entry, Parameters};
use tnlog::proof::TlogProof;
use tnlog::synthetic::KeyPair;

use crate::case::{File, bad, good, hex};
use crate::scene::Scene;
use crate::world::{Log, ORIGIN, policy, signer};

pub fn parameters() -> File {
    let scene = Scene::new();
    let log = &scene.log;
    let leaf = log.leaves[0].clone();
    let policy = policy(&log.signer);
    let fields = |proof: &TlogProof| json!({"policy": policy, "proof": proof.to_string()});
    let right = log.proof(0, Some(leaf.clone()), &[1, 3]);
    let all = log.parameters();
    let mut good_fields = fields(&right);
    good_fields["origin"] = ORIGIN.into();
    good_fields["sct_key"] = hex(&all.sct_key).into();
    good_fields["label_key"] = hex(&all.label_key).into();
    let with_extra = |extra: &[u8]| fields(&TlogProof { extra: Some(extra.to_vec()), ..right.clone() });
    let log_of = |parameters: Parameters| {
        let mut log = Log { signer: signer(ORIGIN, 1), leaves: vec![] };
        log.add(Entry::Parameters(parameters));
        fields(&log.proof(0, Some(log.leaves[0].clone()), &[1, 3]))
    };
    let mut late = Log::new(signer(ORIGIN, 1));
    late.add(Entry::Parameters(Parameters { sct_key: KeyPair::p256(5).spki().to_vec(), ..all.clone() }));
    let other = Log::new(signer("other.example.com/tn", 9));
    let other_proof =
        TlogProof { checkpoint: log.note(&[1, 3]), ..other.proof(0, Some(other.leaves[0].clone()), &[]) };
    let changed_key = Parameters { label_key: other_label_key(), ..all.clone() };
    let changed = {
        let mut log = Log { signer: signer(ORIGIN, 1), leaves: vec![] };
        log.add(Entry::Parameters(changed_key));
        log.leaves[0].clone()
    };
    let says_one = {
        let leaf =
            tnlog::entry::Leaf { timestamp: Log::time(0), entry: Entry::Parameters(all.clone()), index: 1 };
        let log = Log { signer: signer(ORIGIN, 1), leaves: vec![leaf.encode().expect("a small leaf")] };
        fields(&log.proof(0, Some(log.leaves[0].clone()), &[1, 3]))
    };
    let mut text = fields(&right);
    text["proof"] = right.to_string().replacen("index 0", "index 00", 1).into();
    let cases = vec![
        good("good", "leaf 0, in a tree that two witnesses cosigned", good_fields),
        bad("format", "proof-format", "a leading zero", text),
        bad("quorum", "quorum", "one witness", fields(&log.proof(0, Some(leaf.clone()), &[1]))),
        bad(
            "other-log",
            "checkpoint-log",
            "a log that is not in the policy",
            fields(&other.proof(0, Some(other.leaves[0].clone()), &[1, 3])),
        ),
        bad("no-extra", "parameters-leaf", "no leaf", fields(&log.proof(0, None, &[1, 3]))),
        bad("cbor-alone", "parameters-leaf", "the CBOR without its leaf", with_extra(&all.encode())),
        bad(
            "other-leaf",
            "parameters-leaf",
            "leaf 1, which is a certificate",
            fields(&log.proof(1, Some(log.leaves[1].clone()), &[1, 3])),
        ),
        bad("other-origin", "parameters-leaf", "the parameters of another log", fields(&other_proof)),
        bad(
            "other-key",
            "not-included",
            "parameters with another label key, which nobody signed",
            with_extra(&changed),
        ),
        bad(
            "not-first",
            "not-included",
            "parameters that stand at index 1",
            fields(&late.proof(1, Some(late.leaves[1].clone()), &[1, 3])),
        ),
        bad(
            "label-key",
            "label-key",
            "a label key that is the identity",
            log_of(Parameters { label_key: [0; 32], ..all.clone() }),
        ),
        bad(
            "label-key-element",
            "label-key",
            "bytes that encode no element",
            log_of(Parameters { label_key: [0xff; 32], ..all.clone() }),
        ),
        bad(
            "sct-key",
            "sct-key",
            "an SCT key of P-384",
            log_of(Parameters { sct_key: KeyPair::p384(5).spki().to_vec(), ..all.clone() }),
        ),
        bad(
            "label-key-first",
            "label-key",
            "both keys are none: the label key is judged first",
            log_of(Parameters { sct_key: vec![], label_key: [0; 32], ..all.clone() }),
        ),
        bad("leaf-index", "not-included", "leaf 0 says that it is leaf 1", says_one),
    ];

    File::new("parameters", "The proof of a log's parameters (formats.md §14).", cases)
}

fn other_label_key() -> [u8; 32] {
    tnlog::label::LabelKey::from_seed(&[4; 32]).public().to_bytes()
}
