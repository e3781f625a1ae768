//! statement.json: key statements, registrations, and which credentials stand.

use serde_json::{Value, json};
use tnlog::commitment::{CertificateId, Commitment};
use tnlog::entry::{Action, Entry, Leaf, LeafReference, NumberEntry, RegistrationEntry, Verb};
use tnlog::label::Label;
use tnlog::number::Number;
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::sct::log_id;
use tnlog::signature::Ecdsa;
use tnlog::statement::{KeyStatement, admit_statement, signed_bytes};
use tnlog::synthetic::KeyPair;

use crate::case::{File, bad, good, hex};
use crate::world::{START, label_key, sct_key, secret};

const DAY: i64 = 86_400;
const RS: &str = "rs.example.com";

fn id() -> [u8; 32] {
    log_id(sct_key().spki())
}

fn number() -> Number {
    Number::new("17035550123").expect("a number")
}

fn label() -> Label {
    label_key().label(&number())
}

fn credential(key: &KeyPair, id: u8) -> NumberEntry {
    NumberEntry {
        labels: vec![label()],
        issuer_key_hash: [0x11; 32],
        certificate_id: CertificateId([id; 16]),
        not_before: START as i64,
        not_after: START as i64 + 100 * DAY,
        subject_key: key.spki().to_vec(),
        is_ca: false,
        is_precertificate: false,
        calling_codes: vec![1],
        commitment: Commitment([id; 32]),
    }
}

fn leaf(index: u64, day: i64, entry: Entry) -> Leaf {
    Leaf { timestamp: 1000 * (START + (day * DAY) as u64), entry, index }
}

fn reference(leaf: &Leaf) -> LeafReference {
    LeafReference { index: leaf.index, hash: leaf.hash().expect("a small leaf") }
}

fn sign(key: &KeyPair, verb: Verb, old: &Leaf, new: &Leaf) -> KeyStatement {
    let (old, new) = (reference(old), reference(new));
    let signature = key.sign(&signed_bytes(&id(), verb, &old, &new));
    KeyStatement { log_id: id(), verb, old, new, signature }
}

fn bytes(leaf: &Leaf) -> String {
    hex(&leaf.encode().expect("a small leaf"))
}

pub fn statement() -> File {
    let cases = [key_statements(), registrations(), standing()].concat();
    let comment = "Key statements, registrations, and which credentials stand (formats.md §17, §18, §20). Leaves, submissions and \
         entries are the bytes of the page; `now` of a registration and of an answer is in milliseconds.";
    File::new("statement", comment, cases)
}

fn key_statements() -> Vec<Value> {
    let (small, large) = (KeyPair::p256(1), KeyPair::p384(1));
    let new = leaf(9, 2, Entry::Number(credential(&KeyPair::p256(2), 2)));
    let old = leaf(4, 1, Entry::Number(credential(&small, 1)));
    let old_large = leaf(4, 1, Entry::Number(credential(&large, 1)));
    let approval = sign(&small, Verb::Approve, &old, &new);
    let fields = |statement: &KeyStatement, old: &Leaf| {
        json!({"kind": "key-statement", "log_id": hex(&id()), "statement": hex(&statement.encode()),
            "old": bytes(old), "new": bytes(&new)})
    };
    let taken = |name: &str, comment: &str, statement: &KeyStatement, old: &Leaf| {
        let entry = admit_statement(statement, &id(), old, &new, &Ecdsa).expect("a good statement");
        let mut fields = fields(statement, old);
        fields["signed_bytes"] = hex(&statement.signed_bytes()).into();
        fields["entry"] = hex(&entry.encode()).into();
        good(name, comment, fields)
    };
    let refused = |name: &str, error: &str, comment: &str, change: fn(&mut KeyStatement)| {
        let mut statement = approval.clone();
        change(&mut statement);
        bad(name, error, comment, fields(&statement, &old))
    };
    let dispute = sign(&large, Verb::Dispute, &old_large, &new);
    vec![
        taken("approve", "an approval with a P-256 key", &approval, &old),
        taken("dispute", "a dispute with a P-384 key", &dispute, &old_large),
        refused("other-log", "statement-of-another-log", "of another log", |s| s.log_id[0] ^= 1),
        refused("other-verb", "statement-bad-signature", "approve made dispute", |s| s.verb = Verb::Dispute),
        refused("other-leaf", "statement-of-another-leaf", "another new leaf", |s| s.new.hash.0[0] ^= 1),
        refused("bad-signature", "statement-bad-signature", "one bit", |s| s.signature[9] ^= 1),
        bad(
            "other-key",
            "statement-bad-signature",
            "signed by another key",
            fields(&sign(&small, Verb::Approve, &old_large, &new), &old_large),
        ),
    ]
}

fn registrations() -> Vec<Value> {
    use sha2::{Digest, Sha256};
    let (phone, rs) = (KeyPair::p256(1), KeyPair::p384(3));
    let now = 1000 * (START + 10 * DAY as u64);
    let of_credential = leaf(4, 1, Entry::Number(credential(&phone, 1)));
    let registration = Registration {
        log_id: id(),
        number: number(),
        service: "messages.example.com".into(),
        contact: "sip:alice@messages.example.com".into(),
        resolution_service: RS.into(),
        credential: 4,
        key_hash: Sha256::digest(phone.spki()).into(),
        not_before: START as i64 + 10 * DAY,
        not_after: START as i64 + 40 * DAY,
        sequence: now,
        action: Action::Register,
    };
    let signed = |statement: Registration| SignedRegistration {
        credential_signature: phone.sign(&statement.signed_by_credential()),
        service_signature: rs.sign(&statement.signed_by_service()),
        statement,
    };
    let fields = |submitted: &SignedRegistration, last: Value| {
        json!({"kind": "registration", "log_id": hex(&id()), "submission": hex(&submitted.encode()), "last": last,
            "credential": bytes(&of_credential), "label": hex(label().as_bytes()), "now": now,
            "resolution_service": {"name": RS, "key": hex(rs.spki())}, "opening_secret": hex(&[7; 32])})
    };
    let changed = |change: fn(&mut Registration)| {
        let mut statement = registration.clone();
        change(&mut statement);
        signed(statement)
    };
    let taken = |name: &str, comment: &str, submitted: &SignedRegistration, replaces: Option<u64>| {
        let statement = &submitted.statement;
        let last = replaces.map(|index| json!({"sequence": now - 1, "index": index, "action": "register"}));
        let mut fields = fields(submitted, last.unwrap_or(Value::Null));
        let opening = statement.opening(&secret());
        fields["identity"] = hex(&statement.identity()).into();
        fields["opening"] = hex(opening.expose()).into();
        fields["entry"] = hex(&statement.entry(label(), &opening, replaces).encode()).into();
        good(name, comment, fields)
    };
    let refused = |name: &str, error: &str, comment: &str, change: fn(&mut Registration)| {
        bad(name, error, comment, fields(&changed(change), Value::Null))
    };
    let good_one = changed(|_| ());
    let swapped = SignedRegistration {
        credential_signature: good_one.service_signature.clone(),
        service_signature: good_one.credential_signature.clone(),
        ..good_one.clone()
    };
    let last = |action: &str| json!({"sequence": now, "index": 7, "action": action});
    let days_before = |days: u64| now - 1000 * DAY as u64 * days;
    let old = json!({"sequence": days_before(30) - 1000, "index": 7, "action": "register"});
    let mut forgotten = taken("forgotten", "the last one was made more than 30 days ago", &good_one, None);
    forgotten["last"] = old.clone();
    let mut remembered = taken("remembered", "the last one was made 30 days ago", &good_one, Some(7));
    remembered["last"]["sequence"] = days_before(30).into();
    let withdrawal = changed(|s| s.action = Action::Withdraw);
    vec![
        forgotten,
        remembered,
        bad(
            "nothing-any-more",
            "registration-nothing-to-withdraw",
            "the last one was made more than 30 days ago",
            fields(&withdrawal, old),
        ),
        taken("register", "the first registration of a slot", &good_one, None),
        taken("replace", "a later one", &good_one, Some(7)),
        taken("withdraw", "its withdrawal", &changed(|s| s.action = Action::Withdraw), Some(7)),
        bad("replayed", "registration-sequence-not-above", "sent again", fields(&good_one, last("register"))),
        bad(
            "withdrawn",
            "registration-sequence-not-above",
            "sent again after its withdrawal",
            fields(&good_one, last("withdraw")),
        ),
        bad(
            "signatures-swapped",
            "registration-bad-credential-signature",
            "each in the other's place",
            fields(&swapped, Value::Null),
        ),
        refused("other-log-id", "registration-of-another-log", "of another log", |s| s.log_id = [0; 32]),
        refused("other-key-hash", "registration-of-another-key", "another key", |s| s.key_hash = [0; 32]),
        refused("unknown-service", "registration-unknown-resolution-service", "another RS", |s| {
            s.resolution_service.push('x');
        }),
        refused("too-long-validity", "registration-bad-validity", "30 days and a second", |s| {
            s.not_before -= 1
        }),
        refused("too-late", "registration-ends-too-late", "it ends in 30 days and a second", |s| {
            s.not_before += 1;
            s.not_after += 1;
        }),
        refused(
            "made-earlier",
            "registration-ends-too-late",
            "it ends 30 days and a second after its sequence",
            |s| {
                s.sequence -= 1000;
            },
        ),
        refused("in-the-future", "registration-in-the-future", "a millisecond ahead", |s| s.sequence += 1),
        refused("nothing", "registration-nothing-to-withdraw", "nothing is registered", |s| {
            s.action = Action::Withdraw;
        }),
        refused("no-uri", "registration-bad-text", "a contact without scheme", |s| {
            s.contact = "alice".into()
        }),
        refused("long-service", "registration-too-long", "a service of 256 characters", |s| {
            s.service = "s".repeat(256);
        }),
    ]
}

fn standing() -> Vec<Value> {
    let keys: Vec<_> = (1..=4).map(KeyPair::p256).collect();
    let entry = |key: usize| Entry::Number(credential(&keys[key], key as u8));
    let (anna, new) = (leaf(4, 0, entry(0)), leaf(9, 10, entry(1)));
    let said = |index: u64, day: i64, key: usize, verb: Verb, old: &Leaf, new: &Leaf| {
        let statement = sign(&keys[key], verb, old, new);
        let entry = admit_statement(&statement, &id(), old, new, &Ecdsa).expect("a good statement");
        leaf(index, day, Entry::KeyStatement(entry))
    };
    let approval = said(12, 11, 0, Verb::Approve, &anna, &new);
    let forged = leaf(20, 20, entry(2));
    let by_old_key = said(21, 21, 0, Verb::Approve, &anna, &forged);
    let dispute = said(22, 22, 1, Verb::Dispute, &new, &forged);
    let registered = RegistrationEntry {
        label: label(),
        credential: 9,
        not_before: START as i64 + 12 * DAY,
        not_after: START as i64 + 40 * DAY,
        action: Action::Register,
        commitment: Commitment([0x33; 32]),
        replaces: None,
    };
    let again = RegistrationEntry { replaces: Some(13), ..registered.clone() };
    let registrations =
        [leaf(13, 12, Entry::Registration(registered)), leaf(14, 13, Entry::Registration(again))];
    let story = |name: &str, comment: &str, leaves: &[&Leaf], credentials: Value, registrations: Value| {
        let leaves: Vec<_> = leaves.iter().map(|leaf| bytes(leaf)).collect();
        good(
            name,
            comment,
            json!({"kind": "standing", "log_id": hex(&id()), "label": hex(label().as_bytes()), "leaves": leaves,
            "now": 1000 * (START + 30 * DAY as u64), "credentials": credentials, "registrations": registrations}),
        )
    };
    let answer =
        |leaf: u64, verdict: &str| json!({"leaves": [leaf], "verdict": verdict, "repeated_id": false});
    vec![
        story(
            "renewal",
            "approved, and registered twice",
            &[&anna, &new, &approval, &registrations[0], &registrations[1]],
            json!([answer(4, "superseded"), answer(9, "newest")]),
            json!(["replaced", "current"]),
        ),
        story(
            "reroute",
            "not approved",
            &[&anna, &new],
            json!([answer(4, "newest"), answer(9, "does not stand")]),
            json!([]),
        ),
        story(
            "old-key",
            "a superseded key approves, and the newest disputes",
            &[&anna, &new, &approval, &forged, &by_old_key, &dispute],
            json!([answer(4, "superseded"), answer(9, "newest"), answer(20, "does not stand")]),
            json!([]),
        ),
    ]
}
