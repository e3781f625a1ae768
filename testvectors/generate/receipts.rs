//! receipt.json and parameters.json: what an app verifies, good, and tampered with in each part.

use serde_json::{Value, json};
use tnlog::admission::{Admitted, Kind};
use tnlog::entry::{Entry, Parameters};
use tnlog::label::Evaluation;
use tnlog::merkle::Hash;
use tnlog::number::Number;
use tnlog::proof::TlogProof;
use tnlog::receipt::{Extra, Secrets};
use tnlog::sct::Extensions;
use tnlog::submission::{Hidden, Submission};
use tnlog::synthetic::{Authority, Issued, KeyPair, Profile};

use crate::case::{File, Pool, bad, good, hex};
use crate::world::{
    Log, NOW, ORIGIN, Seeded, admitted, hidden, issuing, label_key, policy, root, sign_sct, signer, validity,
};

const NUMBER: &str = "17035550123";

/// What an app is asked, and holds.
#[derive(Clone)]
struct Question {
    chain: Vec<Vec<u8>>,
    root: Vec<u8>,
    policy: String,
    parameters: Vec<Parameters>,
    claim: Value,
    receipt: String,
    now: i64,
}

impl Question {
    fn fields(&self, pool: &mut Pool) -> Value {
        let parameters: Vec<_> = self.parameters.iter().map(|parameters| hex(&parameters.encode())).collect();
        json!({"chain": pool.chain(&self.chain), "roots": [pool.add(&self.root)], "policy": self.policy,
            "parameters": parameters, "claim": self.claim, "receipt": self.receipt, "now": self.now})
    }

    fn with(&self, change: impl FnOnce(&mut Question)) -> Question {
        let mut question = self.clone();
        change(&mut question);
        question
    }
}

/// A certificate that the log holds.
struct Logged {
    admitted: Admitted,
    final_chain: Vec<Vec<u8>>,
    index: u64,
}

/// The log that all receipts are of.
struct Scene {
    log: Log,
    carrier: Logged,
    blocks: Logged,
    number: Logged,
    numbers: Logged,
    precert_carrier: Logged,
    precert_number: Logged,
    misfiled: Logged,
    mislabelled: Logged,
}

fn submit(log: &mut Log, issued: &Issued, kind: Kind) -> Logged {
    let admitted = admitted(&issued.chain(), kind);
    let submission = Submission::of(&admitted);
    let entry = submission.open_entry().or_else(|| submission.number_entry(&hidden(&admitted, &submission)));
    let index = log.add(entry.expect("open or with numbers"));
    Logged { admitted, final_chain: issued.chain(), index }
}

/// Logs the precertificate and issues the certificate with the SCT of the log.
fn submit_precertificate(log: &mut Log, ca: &Authority, profile: &Profile) -> Logged {
    let pre = ca.issue_precertificate(profile);
    let mut logged = submit(log, pre.issued(), Kind::Precertificate);
    let submission = Submission::of(&logged.admitted);
    let opening = submission.is_hidden().then(|| hidden(&logged.admitted, &submission).opening);
    let sct =
        sign_sct(&submission, Log::time(logged.index), Extensions { leaf_index: logged.index, opening });
    logged.final_chain =
        ca.finalize(&pre, &[sct.encode().expect("a small index")]).expect("a short SCT").chain();
    logged
}

impl Scene {
    fn new() -> Self {
        let mut log = Log::new(signer(ORIGIN, 1));
        let ca = issuing();
        let holder = |numbers: &[&str], seed| Profile::numbers(numbers, validity(), seed);
        let carrier = submit(&mut log, &ca.issue(&Profile::carrier("706j", validity(), 1)), Kind::Final);
        let blocks = submit(
            &mut log,
            &ca.issue(&Profile::ranges(&[("17035550100", 100)], validity(), 2)),
            Kind::Final,
        );
        let number = submit(&mut log, &ca.issue(&holder(&[NUMBER], 3)), Kind::Final);
        let numbers = submit(
            &mut log,
            &ca.issue(&holder(&["17035550124", "12025550100", "17035550124"], 4)),
            Kind::Final,
        );
        let precert_carrier = submit_precertificate(&mut log, &ca, &Profile::carrier("A1", validity(), 5));
        let precert_number = submit_precertificate(&mut log, &ca, &holder(&["12025550101"], 6));
        let misfiled = misfiled(&mut log, &ca.issue(&holder(&["12025550102"], 7)));
        let mislabelled = mislabelled(&mut log, &ca.issue(&holder(&["12025550103"], 8)));
        Scene {
            log,
            carrier,
            blocks,
            number,
            numbers,
            precert_carrier,
            precert_number,
            misfiled,
            mislabelled,
        }
    }

    fn extra(&self, logged: &Logged, precertificate: bool) -> Extra {
        let submission = Submission::of(&logged.admitted);
        let numbers = logged.admitted.class().numbers();
        let secrets = (!numbers.is_empty()).then(|| {
            let Hidden { opening, certificate_id, .. } = hidden(&logged.admitted, &submission);
            Secrets {
                opening,
                certificate_id,
                evaluation: label_key().prove(numbers, &mut Seeded::new(logged.index)),
            }
        });
        Extra { precertificate, timestamp: Log::time(logged.index), secrets }
    }

    fn receipt(&self, logged: &Logged, extra: &Extra) -> String {
        self.log.proof(logged.index, Some(extra.encode()), &[1, 3]).to_string()
    }

    fn question(&self, logged: &Logged, precertificate: bool, claim: Value) -> Question {
        Question {
            chain: logged.final_chain.clone(),
            root: root().certificate().to_vec(),
            policy: policy(&self.log.signer),
            parameters: vec![self.log.parameters()],
            claim,
            receipt: self.receipt(logged, &self.extra(logged, precertificate)),
            now: NOW,
        }
    }
}

/// A log that shows a person's certificate in the open.
fn misfiled(log: &mut Log, issued: &Issued) -> Logged {
    let admitted = admitted(&issued.chain(), Kind::Final);
    let index = log.add(Entry::Open(Submission::of(&admitted).identity().clone()));
    Logged { admitted, final_chain: issued.chain(), index }
}

/// A log that files a certificate under the label of another number, where its holder does not find it.
fn mislabelled(log: &mut Log, issued: &Issued) -> Logged {
    let admitted = admitted(&issued.chain(), Kind::Final);
    let submission = Submission::of(&admitted);
    let labels = vec![label_key().label(&other_number())];
    let entry = submission.number_entry(&Hidden { labels, ..hidden(&admitted, &submission) });
    let index = log.add(entry.expect("a number"));
    Logged { admitted, final_chain: issued.chain(), index }
}

fn other_number() -> Number {
    Number::new("17035550199").expect("a number")
}

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
            log_of(Parameters { sct_key: KeyPair::p384(5).spki().to_vec(), ..all }),
        ),
    ];

    File::new("parameters", "The proof of a log's parameters (formats.md §14).", cases)
}

fn other_label_key() -> [u8; 32] {
    tnlog::label::LabelKey::from_seed(&[4; 32]).public().to_bytes()
}
