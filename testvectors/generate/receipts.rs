//! receipt.json: what an app decides, good, and tampered with in each part.

use serde_json::{Value, json};
use tnlog::label::Evaluation;
use tnlog::merkle::Hash;
use tnlog::proof::TlogProof;
use tnlog::receipt::{Extra, Secrets};
use tnlog::synthetic::{Authority, Extension, Profile, SCT_LIST, der};

use crate::case::{File, Pool, bad, good, hex, repeat};
use crate::scene::{NUMBER, Question, Scene, other_number};
use crate::world::{Log, ORIGIN, Seeded, issuing, label_key, signer, validity};

fn number(digits: &str) -> Value {
    json!({"number": digits})
}

fn spc(code: &str) -> Value {
    json!({"spc": code})
}

pub fn receipt() -> File {
    let scene = Scene::new();
    let mut file = File::new(
        "receipt",
        "What an app decides about a peer (formats.md §13): chain, roots, policy, parameters (CBOR), claim, receipt and time (seconds). \
         Good cases give the facts that were verified; bad ones the step that refuses, and for a chain which certificate. \
         Certificates are named; `certificates` has their DER.",
        Vec::new(),
    );
    let pool = &mut file.certificates;
    let mut cases = goods(&scene, pool);
    for (name, error, comment, question) in [
        bad_claims(&scene),
        bad_texts(&scene),
        bad_checkpoints(&scene),
        bad_leaves(&scene),
        bad_secrets(&scene),
    ]
    .concat()
    {
        cases.push(bad(name, error, comment, question.fields(pool)));
    }
    cases.extend(bad_certificates(&scene, pool));
    cases.extend(limits(&scene, pool));
    file.cases = cases;
    file
}

fn goods(scene: &Scene, pool: &mut Pool) -> Vec<Value> {
    [
        ("carrier", &scene.carrier, false, spc("706J"), "a carrier; letters small or not"),
        ("block", &scene.blocks, false, number(NUMBER), "a number within a block"),
        ("number", &scene.number, false, number(NUMBER), "a number"),
        ("numbers", &scene.numbers, false, number("17035550124"), "one of two numbers"),
        ("precert-carrier", &scene.precert_carrier, true, spc("a1"), "the receipt of the precertificate"),
        ("precert-number", &scene.precert_number, true, number("12025550101"), "the same for a number"),
    ]
    .into_iter()
    .map(|(name, logged, precertificate, claim, comment)| {
        let question = scene.question(logged, precertificate, claim);
        let mut fields = question.fields(pool);
        fields["origin"] = ORIGIN.into();
        fields["index"] = logged.index.into();
        fields["timestamp"] = Log::time(logged.index).into();
        fields["cosigned"] = json!(["w1", "w3"]);
        fields["extra"] = hex(&scene.extra(logged, precertificate).encode()).into();
        fields["leaf"] = hex(&scene.log.leaves[logged.index as usize]).into();
        good(name, comment, fields)
    })
    .collect()
}

type Bad = (&'static str, &'static str, &'static str, Question);

fn bad_claims(scene: &Scene) -> Vec<Bad> {
    let one = scene.question(&scene.number, false, number(NUMBER));
    let carrier = scene.question(&scene.carrier, false, spc("706J"));
    let blocks = scene.question(&scene.blocks, false, number(NUMBER));
    let claim = |question: &Question, claim: Value| question.with(|q| q.claim = claim);
    vec![
        ("other-number", "not-covered", "another number", claim(&one, number("17035550124"))),
        ("longer-number", "not-covered", "a digit more", claim(&one, number("170355501230"))),
        ("carrier-number", "not-covered", "a code never covers a number", claim(&carrier, number(NUMBER))),
        ("other-spc", "not-covered", "another code", claim(&carrier, spc("706K"))),
        ("number-spc", "not-covered", "a number covers no code", claim(&one, spc("706J"))),
        (
            "other-block",
            "not-covered",
            "a number outside of the block",
            claim(&blocks, number("17035550200")),
        ),
    ]
}

fn bad_certificates(scene: &Scene, pool: &mut Pool) -> Vec<Value> {
    let one = scene.question(&scene.number, false, number(NUMBER));
    let damaged = one.with(|q| *q.chain[0].last_mut().expect("a certificate") ^= 1);
    let other_root = Authority::root("Other Root", 5, validity()).certificate().to_vec();
    let mut refused = |name: &str, error: &str, comment: &str, certificate: usize, question: Question| {
        let mut fields = question.fields(pool);
        fields["certificate"] = certificate.into();
        bad(name, error, comment, fields)
    };
    vec![
        refused(
            "expired",
            "expired",
            "a year later",
            0,
            one.with(|q| q.now = validity().not_after as i64 + 1),
        ),
        refused(
            "not-yet",
            "not-yet-valid",
            "a year before",
            0,
            one.with(|q| q.now = validity().not_before as i64 - 1),
        ),
        refused(
            "untrusted-root",
            "unknown-root",
            "the log accepts the root, the app's user does not",
            2,
            one.with(|q| q.root = other_root),
        ),
        refused("forged", "bad-signature", "a certificate that its issuer did not sign", 0, damaged),
        refused(
            "no-issuer",
            "unknown-root",
            "the issuing CA is missing",
            0,
            one.with(|q| q.chain.truncate(1)),
        ),
    ]
}

fn bad_texts(scene: &Scene) -> Vec<Bad> {
    let one = scene.question(&scene.number, false, number(NUMBER));
    let text = |change: &dyn Fn(&str) -> String| one.with(|q| q.receipt = change(&one.receipt));
    let extra = scene.extra(&scene.number, false).encode();
    let with_extra = |extra: Option<Vec<u8>>| {
        one.with(|q| q.receipt = scene.log.proof(scene.number.index, extra, &[1, 3]).to_string())
    };
    let index = format!("index {}\n", scene.number.index);
    let type_two = [&extra[..2], &[2], &extra[3..]].concat();
    let five_keys = [&[0xa5], &extra[1..extra.len() - 67]].concat();
    vec![
        ("header", "proof-format", "another version", text(&|t| t.replacen("@v1", "@v2", 1))),
        ("carriage-return", "proof-format", "a carriage return", text(&|t| t.replacen('\n', "\r\n", 1))),
        ("no-index", "proof-format", "the index is missing", text(&|t| t.replacen(&index, "", 1))),
        ("index-zero", "proof-format", "a leading zero", text(&|t| t.replacen("index ", "index 0", 1))),
        (
            "no-note",
            "proof-format",
            "no checkpoint",
            text(&|t| t[..t.find("\n\n").expect("a note") + 2].to_owned()),
        ),
        (
            "index-2-64",
            "proof-format",
            "an index of 2^64",
            text(&|t| t.replacen(&index, "index 18446744073709551616\n", 1)),
        ),
        ("extra-empty", "proof-format", "an empty extra", text(&|t| cut_extra(t, |_| String::new()))),
        (
            "extra-unpadded",
            "proof-format",
            "base64 without padding",
            text(&|t| cut_extra(t, |base64| base64.trim_end_matches('=').to_owned() + "A")),
        ),
        (
            "hash-unused-bits",
            "proof-format",
            "bits of base64 that are unused and not zero",
            text(&|t| t.replacen(HASH, &HASH.replace("k=", "l="), 1)),
        ),
        (
            "hash-short",
            "proof-format",
            "a hash of 31 bytes",
            text(&|t| t.replacen(HASH, &HASH.replace("k=", "=="), 1)),
        ),
        (
            "no-extra-bad-index",
            "proof-format",
            "no extra line and a leading zero: the proof is read first",
            with_extra(None).with(|q| q.receipt = q.receipt.replacen("index ", "index 0", 1)),
        ),
        (
            "extra-and-note",
            "proof-format",
            "a bad extra and a malformed note: the proof is read first",
            with_extra(Some(vec![0])).with(|q| q.receipt = q.receipt.replacen("— log", "- log", 1)),
        ),
        (
            "extra-opening",
            "receipt-extra",
            "an opening of 31 bytes",
            with_extra(Some(shorter(&extra, "035820"))),
        ),
        (
            "extra-id",
            "receipt-extra",
            "a certificate id of 15 bytes",
            with_extra(Some(shorter(&extra, "0450"))),
        ),
        (
            "extra-element",
            "receipt-extra",
            "an element of 31 bytes",
            with_extra(Some(shorter(&extra, "05815820"))),
        ),
        ("extra-proof", "receipt-extra", "a proof of 63 bytes", with_extra(Some(shorter(&extra, "065840")))),
        ("extra-513", "receipt-extra", "513 elements", with_extra(Some(many_elements(&extra, 513)))),
        ("extra-512", "labels", "512 elements for a number", with_extra(Some(many_elements(&extra, 512)))),
        (
            "extra-time",
            "receipt-extra",
            "a negative time",
            with_extra(Some([&extra[..3], &[2, 0x3b], &extra[5..]].concat())),
        ),
        ("no-extra", "receipt-extra", "no extra line", with_extra(None)),
        (
            "extra-cbor",
            "receipt-extra",
            "a byte follows the CBOR",
            with_extra(Some([&extra[..], &[0]].concat())),
        ),
        ("extra-type", "receipt-extra", "entry type 2", with_extra(Some(type_two))),
        ("extra-five", "receipt-extra", "no proof of the labels", with_extra(Some(five_keys))),
    ]
}

/// The hash of the carrier's receipt that ends so.
const HASH: &str = "gqqhhpRn3O33O5uQwZTkiBcNsJwMJ4BlviQKvvtYSkk=";

/// The receipt with another base64 of its extra.
fn cut_extra(receipt: &str, change: impl Fn(&str) -> String) -> String {
    let line = receipt.lines().nth(1).expect("an extra line");
    let base64 = line.strip_prefix("extra ").expect("an extra line");
    receipt.replacen(line, &format!("extra {}", change(base64)), 1)
}

/// CBOR with the byte string whose head ends `head` (in hex) a byte shorter.
fn shorter(cbor: &[u8], head: &str) -> Vec<u8> {
    let head = crate::case::unhex(head);
    let end =
        cbor.windows(head.len()).position(|window| window == head).expect("the key is there") + head.len();
    [&cbor[..end - 1], &[cbor[end - 1] - 1], &cbor[end + 1..]].concat()
}

/// The one element so often.
fn many_elements(cbor: &[u8], count: u16) -> Vec<u8> {
    let head = [5, 0x81, 0x58, 0x20];
    let at = cbor.windows(4).position(|window| window == head).expect("key 5 is there");
    let element = &cbor[at + 2..at + 36];
    let array = [&[5, 0x99], &count.to_be_bytes()[..], &element.repeat(count.into())].concat();
    [&cbor[..at], &array, &cbor[at + 36..]].concat()
}

/// Proofs at their limits.
fn limits(scene: &Scene, pool: &mut Pool) -> Vec<Value> {
    let one = scene.question(&scene.number, false, number(NUMBER));
    let (head, rest) = one.receipt.split_once("\nextra ").expect("an extra line");
    let (extra, rest) = rest.split_once('\n').expect("an extra line");
    let (index, _) = rest.split_once('\n').expect("an index");
    let note = &rest[rest.find("\n\n").expect("a note")..];
    let zeros = "A".repeat(43) + "=\n";
    let hashes = |count| {
        repeat(&[(&format!("{head}\nextra {extra}\n{index}\n"), 1), (&zeros, count), (&note[1..], 1)])
    };
    let extra = |last: &str| {
        repeat(&[(&format!("{head}\nextra "), 1), ("AAAA", 21_845), (&format!("{last}\n{rest}"), 1)])
    };
    [
        ("extra-65536", "receipt-extra", "an extra of 65,536 bytes, which is no CBOR", extra("AA==")),
        ("extra-65537", "proof-format", "an extra of 65,537 bytes", extra("AAA=")),
        ("hashes-63", "not-included", "63 hashes", hashes(63)),
        ("hashes-64", "proof-format", "64 hashes", hashes(64)),
        ("too-long", "proof-format", "655,361 bytes", repeat(&[("x", 655_361)])),
    ]
    .into_iter()
    .map(|(name, error, comment, receipt)| {
        let mut fields = one.fields(pool);
        fields["receipt"] = receipt;
        bad(name, error, comment, fields)
    })
    .collect()
}

fn bad_checkpoints(scene: &Scene) -> Vec<Bad> {
    let one = scene.question(&scene.number, false, number(NUMBER));
    let extra = scene.extra(&scene.number, false).encode();
    let with_note = |log: &Log, witnesses: &[u8]| {
        let note = log.note(witnesses);
        let proof =
            TlogProof { checkpoint: note, ..scene.log.proof(scene.number.index, Some(extra.clone()), &[]) };
        one.with(|q| q.receipt = proof.to_string())
    };
    let other = Log { signer: signer("other.example.com/tn", 9), leaves: scene.log.leaves.clone() };
    let impostor = Log { signer: signer(ORIGIN, 9), leaves: scene.log.leaves.clone() };
    let smaller = Log { signer: signer(ORIGIN, 1), leaves: scene.log.leaves[..3].to_vec() };
    let both = format!("log {}\n{}", other.signer.verifier_key(), one.policy);
    let fork = {
        let mut leaves = scene.log.leaves.clone();
        leaves[scene.number.index as usize] = leaves[1].clone();
        Log { signer: signer(ORIGIN, 1), leaves }
    };
    let size = format!("\n{ORIGIN}\n{}\n", scene.log.leaves.len());
    let damaged = one.with(|q| q.receipt = q.receipt.replacen(&size, &format!("\n{ORIGIN}\n10\n"), 1));
    assert_ne!(damaged.receipt, one.receipt);
    vec![
        ("quorum", "quorum", "one witness, where two are needed", with_note(&scene.log, &[2])),
        ("no-witness", "quorum", "no witness", with_note(&scene.log, &[])),
        ("other-log", "checkpoint-log", "a log that is not in the policy", with_note(&other, &[1, 3])),
        ("impostor", "checkpoint-log", "the right origin, another key", with_note(&impostor, &[1, 3])),
        ("changed-size", "note-signature", "another size than what was signed", damaged),
        (
            "unknown-log",
            "unknown-log",
            "a log of the policy whose parameters the app does not have",
            with_note(&other, &[1, 3]).with(|q| q.policy = both),
        ),
        (
            "smaller-tree",
            "not-included",
            "a tree that does not hold the leaf yet",
            with_note(&smaller, &[1, 3]),
        ),
        ("fork", "not-included", "another leaf in its place", with_note(&fork, &[1, 3])),
    ]
}

fn bad_leaves(scene: &Scene) -> Vec<Bad> {
    let claim = number(NUMBER);
    let one = scene.question(&scene.number, false, claim.clone());
    let extra = scene.extra(&scene.number, false);
    let with = |extra: &Extra| one.with(|q| q.receipt = scene.receipt(&scene.number, extra));
    let proof = |change: &dyn Fn(&mut TlogProof)| {
        let mut proof = scene.log.proof(scene.number.index, Some(extra.encode()), &[1, 3]);
        change(&mut proof);
        one.with(|q| q.receipt = proof.to_string())
    };
    let twin = issuing().issue(&Profile::numbers(&[NUMBER], validity(), 30));
    let carrier = scene.question(&scene.carrier, false, spc("706J"));
    let precert = scene.question(&scene.precert_carrier, true, spc("A1"));
    let with_list = |list: &[u8]| {
        let list = Extension::new(SCT_LIST, der::octet_string(list));
        let issued = issuing().issue(&Profile::carrier("A1", validity(), 5).extension(list));
        precert.with(|q| q.chain = issued.chain())
    };
    let as_final = scene.extra(&scene.precert_carrier, false);
    let number_as_final = scene.extra(&scene.precert_number, false);
    let open = Extra { secrets: None, ..extra.clone() };
    let hidden_carrier = Extra { secrets: extra.secrets.clone(), ..scene.extra(&scene.carrier, false) };
    let misfiled = scene.question(&scene.misfiled, false, number("12025550102"));
    let misfiled_open = Extra { secrets: None, ..scene.extra(&scene.misfiled, false) };
    let misfiled_open = scene.receipt(&scene.misfiled, &misfiled_open);
    let kind = "kind";
    vec![
        (
            "time",
            "not-included",
            "another time",
            with(&Extra { timestamp: extra.timestamp + 1, ..extra.clone() }),
        ),
        ("index", "not-included", "the place of another leaf", proof(&|p| p.index -= 1)),
        ("index-beyond", "not-included", "a place beyond the tree", proof(&|p| p.index = 9)),
        ("index-2-63", "leaf", "an index of 2^63", proof(&|p| p.index = 1 << 63)),
        ("index-last", "leaf", "an index of 2^64 - 1", proof(&|p| p.index = u64::MAX)),
        ("sct-list-empty", kind, "an SCT list without SCTs", with_list(&[0, 0])),
        ("sct-empty", kind, "an SCT of no bytes", with_list(&[0, 2, 0, 0])),
        ("sct-list-trailing", kind, "a byte behind the SCT list", with_list(&[0, 3, 0, 1, 9, 0])),
        ("index-40-bits", "leaf", "an index that no leaf can have", proof(&|p| p.index = 1 << 40)),
        ("hash", "not-included", "one bit of the inclusion proof", proof(&|p| p.hashes[0].0[0] ^= 1)),
        ("more-hashes", "not-included", "a hash more", proof(&|p| p.hashes.push(Hash([0; 32])))),
        ("fewer-hashes", "not-included", "a hash less", proof(&|p| p.hashes.truncate(p.hashes.len() - 1))),
        (
            "not-logged",
            "not-included",
            "another certificate for the number, never logged, with the receipt of the logged one",
            one.with(|q| q.chain = twin.chain()),
        ),
        (
            "precert-as-final",
            "not-included",
            "the precertificate was logged, not the certificate",
            precert.with(|q| q.receipt = scene.receipt(&scene.precert_carrier, &as_final)),
        ),
        (
            "precert-number-as-final",
            "not-included",
            "the same for a number",
            scene
                .question(&scene.precert_number, true, number("12025550101"))
                .with(|q| q.receipt = scene.receipt(&scene.precert_number, &number_as_final)),
        ),
        (
            "final-as-precert",
            kind,
            "a certificate without SCTs has no precertificate",
            with(&Extra { precertificate: true, ..extra.clone() }),
        ),
        ("number-in-the-open", kind, "no secrets for a certificate with a number", with(&open)),
        (
            "carrier-hidden",
            kind,
            "secrets for a certificate without numbers",
            carrier.with(|q| q.receipt = scene.receipt(&scene.carrier, &hidden_carrier)),
        ),
        (
            "misfiled-open",
            kind,
            "the log filed it as x509_entry and says so",
            misfiled.with(|q| q.receipt = misfiled_open),
        ),
        ("misfiled", "not-included", "the log filed it as x509_entry and says number_entry", misfiled),
    ]
}

fn bad_secrets(scene: &Scene) -> Vec<Bad> {
    let one = scene.question(&scene.number, false, number(NUMBER));
    let extra = scene.extra(&scene.number, false);
    let secrets = extra.secrets.clone().expect("a number");
    let with = |secrets: Secrets| {
        let extra = Extra { secrets: Some(secrets), ..extra.clone() };
        one.with(|q| q.receipt = scene.receipt(&scene.number, &extra))
    };
    let with_evaluation = |evaluation: Evaluation| with(Secrets { evaluation, ..secrets.clone() });
    let other = scene.extra(&scene.precert_number, true).secrets.expect("a number");
    let swapped = label_key().prove(&[other_number()], &mut Seeded::new(50));
    let mut flipped = secrets.evaluation.clone();
    flipped.proof[40] ^= 1;
    let none = Evaluation { elements: vec![], proof: secrets.evaluation.proof };
    let lie = scene.question(&scene.mislabelled, false, number("12025550103"));
    let lie_extra = {
        let mut extra = scene.extra(&scene.mislabelled, false);
        extra.secrets.as_mut().expect("a number").evaluation = swapped.clone();
        extra
    };
    let lie_proved = lie.with(|q| q.receipt = scene.receipt(&scene.mislabelled, &lie_extra));
    let two = scene.question(&scene.numbers, false, number("12025550100"));
    let mut unsorted = scene.extra(&scene.numbers, false);
    unsorted.secrets.as_mut().expect("numbers").evaluation.elements.reverse();
    let two_unsorted = two.with(|q| q.receipt = scene.receipt(&scene.numbers, &unsorted));
    vec![
        (
            "opening",
            "not-included",
            "another opening",
            with(Secrets { opening: other.opening.clone(), ..secrets.clone() }),
        ),
        (
            "certificate-id",
            "not-included",
            "another certificate id",
            with(Secrets { certificate_id: other.certificate_id, ..secrets.clone() }),
        ),
        ("label-other-number", "labels", "the proof is of another number", with_evaluation(swapped)),
        ("label-proof", "labels", "one bit of the proof", with_evaluation(flipped)),
        ("label-none", "labels", "no element", with_evaluation(none)),
        ("label-order", "labels", "two elements in the wrong order", two_unsorted),
        (
            "mislabelled",
            "not-included",
            "the log filed it under another number's label; elements and proof are right",
            lie,
        ),
        (
            "mislabelled-proved",
            "labels",
            "the same, and elements and proof are of the other number",
            lie_proved,
        ),
    ]
}
