//! Cases of registration.json: what an app decides about the receipt of a registration.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::entry::{Action, Entry, Parameters};
use tnlog::label::Evaluation;
use tnlog::merkle::Hash;
use tnlog::number::Number;
use tnlog::proof::TlogProof;
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::registration_receipt::RegistrationExtra;
use tnlog::synthetic::KeyPair;

use crate::case::{bad, good, hex};
use crate::cbor::{Fields, bytes as cbor_bytes, negative, uint};
use crate::people::{DAY, RS, SERVICE, id};
use crate::registrations::{CONTACT, malformed_statements, service_key};
use crate::scene::{Logged, NUMBER, Scene, other_number};
use crate::world::{Log, NOW, ORIGIN, START, Seeded, label_key, policy, secret, signer};

/// Names of RSs, each with its keys.
type Services = Vec<(String, Vec<Vec<u8>>)>;

/// What an app is asked about a registration, and holds.
#[derive(Clone)]
struct Question {
    peer: Value,
    policy: String,
    parameters: Vec<Parameters>,
    services: Services,
    number: String,
    service: String,
    now: u64,
    receipt: String,
}

/// The log of receipt.json with one leaf more: a registration.
struct Stage {
    scene: Scene,
    signed: SignedRegistration,
    extra: RegistrationExtra,
    log: Log,
    index: u64,
    question: Question,
}

/// A credential of the log, by the case of receipt.json that verifies it.
type Peer = fn(&Scene) -> (&'static str, &Logged);

const ONE: Peer = |scene| ("number", &scene.number);
const TWO: Peer = |scene| ("numbers", &scene.numbers);
const PRECERTIFICATE: Peer = |scene| ("precert-number", &scene.precert_number);
const BLOCK: Peer = |scene| ("block", &scene.blocks);

impl Stage {
    fn new() -> Self {
        Stage::with(ONE, NUMBER, None, |_| ())
    }

    fn saying(change: impl FnOnce(&mut Registration)) -> Self {
        Stage::with(ONE, NUMBER, None, change)
    }

    /// A registration of a credential's number that replaces the one in a leaf.
    fn with(peer: Peer, number: &str, replaces: Option<u64>, change: impl FnOnce(&mut Registration)) -> Self {
        let scene = Scene::new();
        let (case, logged) = peer(&scene);
        let mut statement = Registration {
            log_id: id(),
            number: Number::new(number).expect("a number"),
            service: SERVICE.into(),
            contact: CONTACT.into(),
            resolution_service: RS.into(),
            credential: logged.index,
            key_hash: Sha256::digest(logged.key.spki()).into(),
            not_before: START as i64,
            not_after: NOW + DAY,
            sequence: 1000 * START,
            action: Action::Register,
        };
        change(&mut statement);
        let signed = sign(&statement, &logged.key, &service_key());
        let opening = statement.opening(&secret());
        let mut log = Log { signer: signer(ORIGIN, 1), leaves: scene.log.leaves.clone() };
        let label = label_key().label(&statement.number);
        let index = log.add(Entry::Registration(statement.entry(label, &opening, replaces)));
        let evaluation = label_key().prove(&[statement.number], &mut Seeded::new(60));
        let timestamp = Log::time(index);
        let extra = RegistrationExtra { timestamp, submitted: signed.clone(), opening, evaluation, replaces };
        let numbers: Vec<_> =
            logged.admitted.class().numbers().iter().map(|number| number.digits().to_owned()).collect();
        let question = Question {
            peer: json!({"case": case, "subject_key": hex(logged.key.spki()), "numbers": numbers,
                "origin": ORIGIN, "index": logged.index}),
            policy: policy(&log.signer),
            parameters: vec![log.parameters()],
            services: vec![(RS.into(), vec![service_key().spki().to_vec()])],
            number: number.to_owned(),
            service: SERVICE.into(),
            now: 1000 * NOW as u64,
            receipt: log.proof(index, Some(extra.encode()), &[1, 3]).to_string(),
        };
        Stage { scene, signed, extra, log, index, question }
    }

    fn proof(&self, extra: Option<Vec<u8>>) -> TlogProof {
        self.log.proof(self.index, extra, &[1, 3])
    }

    /// With other bytes of the extra.
    fn with_bytes(&self, extra: Vec<u8>) -> Question {
        self.question.with(|q| q.receipt = self.proof(Some(extra)).to_string())
    }

    fn with_extra(&self, change: impl FnOnce(&mut RegistrationExtra)) -> Question {
        let mut extra = self.extra.clone();
        change(&mut extra);
        self.with_bytes(extra.encode())
    }

    fn with_proof(&self, change: impl FnOnce(&mut TlogProof)) -> Question {
        let mut proof = self.proof(Some(self.extra.encode()));
        change(&mut proof);
        self.question.with(|q| q.receipt = proof.to_string())
    }

    fn taken(&self, name: &str, comment: &str, question: &Question) -> Value {
        let mut fields = question.fields();
        fields["index"] = self.index.into();
        fields["timestamp"] = self.extra.timestamp.into();
        fields["leaf"] = hex(&self.log.leaves[self.index as usize]).into();
        good(name, comment, fields)
    }
}

impl Question {
    fn with(&self, change: impl FnOnce(&mut Question)) -> Question {
        let mut question = self.clone();
        change(&mut question);
        question
    }

    fn fields(&self) -> Value {
        let parameters: Vec<_> = self.parameters.iter().map(|parameters| hex(&parameters.encode())).collect();
        let service = |(name, keys): &(String, Vec<Vec<u8>>)| {
            let keys: Vec<_> = keys.iter().map(|key| hex(key)).collect();
            json!({"name": name, "keys": keys})
        };
        json!({"kind": "registration-receipt", "peer": self.peer, "policy": self.policy, "parameters": parameters,
            "services": self.services.iter().map(service).collect::<Vec<_>>(), "number": self.number,
            "service": self.service, "now": self.now, "receipt": self.receipt})
    }

    fn refused(&self, name: &str, error: &str, comment: &str) -> Value {
        bad(&format!("receipt-{name}"), error, comment, self.fields())
    }
}

fn sign(statement: &Registration, credential: &KeyPair, service: &KeyPair) -> SignedRegistration {
    SignedRegistration {
        credential_signature: credential.sign(&statement.signed_by_credential()),
        service_signature: service.sign(&statement.signed_by_service()),
        statement: statement.clone(),
    }
}

pub fn receipts() -> Vec<Value> {
    [verified(), unreadable(), uses(), logs(), signatures(), leaves()].concat()
}

fn verified() -> Vec<Value> {
    let one = Stage::new();
    let replacing = Stage::with(ONE, NUMBER, Some(5), |_| ());
    let two = Stage::with(TWO, "17035550124", None, |_| ());
    let pre = Stage::with(PRECERTIFICATE, "12025550101", None, |_| ());
    let at =
        |seconds: i64, milliseconds: u64| one.question.with(|q| q.now = 1000 * seconds as u64 + milliseconds);
    let keys = one.question.with(|q| q.services[0].1.insert(0, KeyPair::p256(8).spki().to_vec()));
    let services =
        one.question.with(|q| q.services.insert(0, ("a".into(), vec![KeyPair::p256(8).spki().to_vec()])));
    vec![
        one.taken("receipt", "the receipt of a registration", &one.question),
        replacing.taken("receipt-replacing", "of one that replaces another", &replacing.question),
        two.taken("receipt-numbers", "of a peer with two numbers", &two.question),
        pre.taken("receipt-precert", "of a peer with the receipt of its precertificate", &pre.question),
        one.taken("receipt-keys", "signed by the second key of the RS", &keys),
        one.taken("receipt-services", "by the second RS that the app trusts", &services),
        one.taken("receipt-first", "in its first second", &at(START as i64, 0)),
        one.taken("receipt-last", "999 milliseconds into its last second", &at(NOW + DAY, 999)),
    ]
}

fn extra_fields(stage: &Stage) -> Fields {
    let RegistrationExtra { timestamp, submitted, opening, evaluation, .. } = &stage.extra;
    let fields = Fields::new(vec![
        uint(0x5402),
        uint(*timestamp),
        cbor_bytes(&submitted.statement.encode()),
        cbor_bytes(&submitted.credential_signature),
        cbor_bytes(&submitted.service_signature),
        cbor_bytes(opening.expose()),
        cbor_bytes(&evaluation.elements[0]),
        cbor_bytes(&evaluation.proof),
    ]);
    assert_eq!(fields.encode(), stage.extra.encode());
    fields
}

fn unreadable() -> Vec<Value> {
    let stage = Stage::new();
    let fields = extra_fields(&stage);
    let with = |key: u64, value: Vec<u8>| fields.with(key, value).encode();
    let of_certificate = stage.scene.extra(&stage.scene.number, false).encode();
    let mut extras = vec![
        ("extra-trailing", "a byte follows", [fields.encode(), vec![0]].concat()),
        ("extra-certificate", "the extra of a certificate", of_certificate),
        ("extra-type", "key 1 of a number_entry", with(1, uint(0x5401))),
        ("extra-no-proof", "no key 8", fields.without(8).encode()),
        ("extra-key-10", "a key 10, and no key 9", with(10, uint(0))),
        ("extra-key-order", "key 2 before key 1", fields.unordered()),
        ("extra-time", "a negative time", with(2, negative(0))),
        (
            "extra-statement",
            "a registration that is no byte string",
            with(3, stage.signed.statement.encode()),
        ),
        ("extra-empty-signature", "a signature without bytes", with(4, cbor_bytes(&[]))),
        ("extra-long-signature", "a signature of 105 bytes", with(5, cbor_bytes(&[1; 105]))),
        ("extra-opening", "an opening of 31 bytes", with(6, cbor_bytes(&[1; 31]))),
        ("extra-element", "an element of 31 bytes", with(7, cbor_bytes(&[1; 31]))),
        ("extra-proof", "a proof of 63 bytes", with(8, cbor_bytes(&[1; 63]))),
        ("extra-null", "null for key 9", with(9, vec![0xf6])),
        ("extra-negative", "-1 for key 9", with(9, negative(0))),
    ];
    let few =
        ["statement-trailing", "statement-no-key-11", "statement-long-integer", "number-zero", "action-2"];
    let statements = malformed_statements(&stage.signed.statement).into_iter();
    let statements = statements.filter(|(name, ..)| few.contains(name));
    extras.extend(statements.map(|(name, comment, bytes)| (name, comment, with(3, cbor_bytes(&bytes)))));
    let case = |(name, comment, bytes): (&str, &str, Vec<u8>)| {
        stage.with_bytes(bytes).refused(name, "receipt-extra", comment)
    };
    let mut cases: Vec<_> = extras.into_iter().map(case).collect();
    let no_extra = stage.question.with(|q| q.receipt = stage.proof(None).to_string());
    let header = stage.question.with(|q| q.receipt = q.receipt.replacen("@v1", "@v2", 1));
    let note = stage.with_bytes(vec![0]).with(|q| q.receipt = q.receipt.replacen("— log", "- log", 1));
    cases.push(no_extra.refused("no-extra", "receipt-extra", "no extra line"));
    cases.push(header.refused("header", "proof-format", "another version"));
    cases.push(note.refused(
        "note",
        "proof-format",
        "a bad extra and a malformed note: the proof is read first",
    ));
    cases
}

/// Steps 2 to 5.
fn uses() -> Vec<Value> {
    let said = |name: &str, error: &str, comment: &str, change: fn(&mut Registration)| {
        Stage::saying(change).question.refused(name, error, comment)
    };
    let asked = |name: &str, error: &str, comment: &str, change: fn(&mut Question)| {
        Stage::new().question.with(change).refused(name, error, comment)
    };
    vec![
        said("long-service", "registration-too-long", "a service of 256 characters", |s| {
            s.service = "s".repeat(256);
        }),
        said("no-uri", "registration-bad-text", "a contact without scheme", |s| s.contact = "alice".into()),
        said("validity", "registration-bad-validity", "30 days and a second", |s| {
            s.not_after = s.not_before + 30 * DAY + 1;
        }),
        said(
            "withdrawal-text",
            "registration-bad-text",
            "a withdrawal with a bad text: the text first",
            |s| {
                (s.action, s.contact) = (Action::Withdraw, "alice".into());
            },
        ),
        said("withdrawal", "withdrawal", "it withdraws", |s| s.action = Action::Withdraw),
        said("withdrawal-other-service", "withdrawal", "and another service", |s| {
            (s.action, s.service) = (Action::Withdraw, "x".into());
        }),
        asked("other-number", "other-number", "asked about another number", |q| {
            q.number = "17035550124".into()
        }),
        asked("other-number-and-service", "other-number", "and another service", |q| {
            (q.number, q.service) = ("17035550124".into(), "x".into());
        }),
        asked("other-service", "other-service", "asked about another service", |q| q.service.push('x')),
        asked("service-capitals", "other-service", "another spelling", |q| {
            q.service = SERVICE.to_uppercase()
        }),
        asked("other-service-ended", "other-service", "and it has ended", |q| {
            q.service.push('x');
            q.now = 1000 * (NOW + DAY + 1) as u64;
        }),
        asked("not-yet", "not-yet-valid", "a millisecond before its first second", |q| {
            q.now = 1000 * START - 1
        }),
        asked("ended", "registration-ended", "the second after its last one", |q| {
            q.now = 1000 * (NOW + DAY + 1) as u64;
        }),
        asked("ended-unknown-log", "registration-ended", "and no parameters of the log", |q| {
            q.now = 1000 * (NOW + DAY + 1) as u64;
            q.parameters.clear();
        }),
    ]
}

/// Steps 6 to 8.
fn logs() -> Vec<Value> {
    let stage = Stage::new();
    let with_note = |log: &Log, witnesses: &[u8]| stage.with_proof(|p| p.checkpoint = log.note(witnesses));
    let other = Log { signer: signer("other.example.com/tn", 9), leaves: stage.log.leaves.clone() };
    let both = format!("log {}\n{}", other.signer.verifier_key(), stage.question.policy);
    let of_both = with_note(&other, &[1, 3]).with(|q| q.policy = both.clone());
    let with_other = of_both.with(|q| q.parameters.push(other.parameters()));
    let peer = |name: &str, comment: &str, change: &dyn Fn(&mut Value)| {
        stage.question.with(|q| change(&mut q.peer)).refused(name, "other-credential", comment)
    };
    let other_id = Stage::saying(|s| s.log_id = [0; 32]);
    let unnamed = Stage::with(ONE, "17035550124", None, |_| ());
    let block = Stage::with(BLOCK, NUMBER, None, |_| ());
    vec![
        with_note(&stage.log, &[2]).refused("quorum", "quorum", "one witness, where two are needed"),
        with_note(&other, &[1, 3]).refused(
            "checkpoint-log",
            "checkpoint-log",
            "a log that is not in the policy",
        ),
        stage.question.with(|q| q.parameters.clear()).refused(
            "unknown-log",
            "unknown-log",
            "no parameters of the log",
        ),
        of_both.refused("other-log", "unknown-log", "no parameters of this log of the policy"),
        other_id.question.refused("log-id", "registration-of-another-log", "another log id"),
        other_id.question.with(|q| q.peer["index"] = 1.into()).refused(
            "log-id-other-credential",
            "registration-of-another-log",
            "and another credential: the log is judged first",
        ),
        with_other.refused("other-origin", "other-credential", "a log that has the same SCT key"),
        peer("peer-origin", "the credential is in another log", &|p| {
            p["origin"] = "other.example.com/tn".into()
        }),
        peer("peer-index", "it is another leaf", &|p| p["index"] = 1.into()),
        unnamed.question.refused("number", "other-credential", "a number that the certificate does not name"),
        block.question.refused("block", "other-credential", "a number in a block of the certificate"),
        stage.question.with(|q| (q.peer["index"], q.services) = (1.into(), vec![])).refused(
            "peer-index-unknown-service",
            "other-credential",
            "and an unknown RS: the credential is judged first",
        ),
    ]
}

/// Step 9.
fn signatures() -> Vec<Value> {
    let stage = Stage::new();
    let unknown = "registration-unknown-resolution-service";
    let services = |change: &dyn Fn(&mut Services)| stage.question.with(|q| change(&mut q.services));
    let signed = |credential: &KeyPair, service: &KeyPair| {
        stage.with_extra(|extra| extra.submitted = sign(&stage.signed.statement, credential, service))
    };
    let phone = &stage.scene.number.key;
    let other_key = Stage::saying(|s| s.key_hash = [0; 32]);
    vec![
        services(&|s| s.clear()).refused("no-service", unknown, "the app trusts no RS"),
        services(&|s| s[0].0.push('x')).refused("unknown-service", unknown, "the app trusts another one"),
        other_key.question.with(|q| q.services.clear()).refused(
            "unknown-service-other-key",
            unknown,
            "and another key: the RS is judged first",
        ),
        other_key.question.refused("other-key", "registration-of-another-key", "another key hash"),
        signed(&KeyPair::p256(6), &service_key()).refused(
            "forged",
            "registration-bad-credential-signature",
            "signed by another key",
        ),
        signed(&service_key(), phone).refused(
            "swapped",
            "registration-bad-credential-signature",
            "each in the other's place",
        ),
        signed(phone, &KeyPair::p384(6)).refused(
            "service-forged",
            "registration-bad-service-signature",
            "signed by another RS",
        ),
    ]
}

/// Step 10.
fn leaves() -> Vec<Value> {
    let stage = Stage::new();
    let replacing = Stage::with(ONE, NUMBER, Some(5), |_| ());
    let evaluation = &stage.extra.evaluation;
    let with_evaluation =
        |evaluation: Evaluation| stage.with_extra(|extra| extra.evaluation = evaluation.clone());
    let mut flipped = evaluation.clone();
    flipped.proof[40] ^= 1;
    let other = label_key().prove(&[other_number()], &mut Seeded::new(61));
    let smaller = Log { signer: signer(ORIGIN, 1), leaves: stage.scene.log.leaves.clone() };
    let far = |index: u64| stage.with_proof(|p| p.index = index);
    let far_and_flipped = {
        let extra = RegistrationExtra { evaluation: flipped.clone(), ..stage.extra.clone() };
        stage.with_proof(|p| (p.index, p.extra) = (1 << 40, Some(extra.encode())))
    };
    let opening = stage.scene.extra(&stage.scene.number, false).secrets.expect("a number").opening;
    let no = "not-included";
    vec![
        with_evaluation(flipped).refused("label-proof", "labels", "one bit of the proof"),
        with_evaluation(other).refused("label-other-number", "labels", "the proof is of another number"),
        far_and_flipped.refused(
            "label-and-index",
            "labels",
            "and an index of 2^40: the label is judged first",
        ),
        far(1 << 40).refused("index-40-bits", "leaf", "an index that no leaf can have"),
        far((1 << 40) - 1).refused("index-large", no, "the largest one that a leaf can have"),
        far(u64::MAX).refused("index-last", "leaf", "an index of 2^64 - 1"),
        far(stage.index - 1).refused("index", no, "the place of another leaf"),
        stage.with_extra(|e| e.timestamp += 1).refused("time", no, "another time"),
        stage.with_extra(|e| e.opening = opening.clone()).refused("opening", no, "another opening"),
        stage.with_extra(|e| e.replaces = Some(5)).refused("replaces", no, "it says that it replaced one"),
        replacing.with_extra(|e| e.replaces = None).refused(
            "replaces-not",
            no,
            "it does not say that it did",
        ),
        replacing.with_extra(|e| e.replaces = Some(4)).refused("replaces-other", no, "it says another one"),
        stage.with_proof(|p| p.hashes[0] = Hash([0; 32])).refused("hash", no, "another hash"),
        stage.with_proof(|p| p.checkpoint = smaller.note(&[1, 3])).refused(
            "smaller-tree",
            no,
            "a tree that does not hold the leaf yet",
        ),
    ]
}
