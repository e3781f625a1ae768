//! registration.json: what a log makes of registrations.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tnlog::entry::{Action, Entry, Leaf, NumberEntry};
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::synthetic::KeyPair;

use crate::case::{File, bad, good, hex, repeat};
use crate::cbor::{Fields, bytes as cbor_bytes, negative, text, uint};
use crate::people::{
    DAY, RS, SERVICE, bytes, credential, id, label, leaf, number, odd_keys, off_curve, other_label,
    registered,
};
use crate::registration_receipts;
use crate::world::{START, secret};

pub const CONTACT: &str = "sip:alice@messages.example.com";

/// The time of most submissions, in seconds: the first second of the validity.
const NOW: i64 = START as i64 + 10 * DAY;

pub fn registration() -> File {
    let cases = [
        taken(),
        malformed(),
        too_long(),
        texts(),
        times(),
        credentials(),
        slots(),
        keys(),
        registration_receipts::receipts(),
    ];
    let comment = "What a log that holds one leaf makes of a registration (formats.md §18), and what an app decides about the receipt \
         of one (§19). Leaves, submissions, entries, parameters and receipts are the bytes and texts of the page; `now` is in \
         milliseconds.";
    File::new("registration", comment, cases.concat())
}

fn phone() -> KeyPair {
    KeyPair::p256(1)
}

pub fn service_key() -> KeyPair {
    KeyPair::p384(3)
}

/// A submission, and what the log knows.
#[derive(Clone)]
struct Submission {
    statement: Registration,
    /// Who signs: the credential and the RS.
    keys: (KeyPair, KeyPair),
    credential: Leaf,
    /// The keys of the accepted RS, and its name.
    accepted: (String, Vec<Vec<u8>>),
    last: Option<(Action, u64)>,
    now: u64,
}

impl Submission {
    fn new() -> Self {
        let statement = Registration {
            log_id: id(),
            number: number(),
            service: SERVICE.into(),
            contact: CONTACT.into(),
            resolution_service: RS.into(),
            credential: 4,
            key_hash: Sha256::digest(phone().spki()).into(),
            not_before: NOW,
            not_after: NOW + 30 * DAY,
            sequence: 1000 * NOW as u64,
            action: Action::Register,
        };
        Submission {
            statement,
            keys: (phone(), service_key()),
            credential: leaf(4, DAY, Entry::Number(credential(&phone(), 1))),
            accepted: (RS.into(), vec![service_key().spki().to_vec()]),
            last: None,
            now: 1000 * NOW as u64,
        }
    }

    fn with(change: impl FnOnce(&mut Submission)) -> Self {
        let mut submission = Submission::new();
        change(&mut submission);
        submission
    }

    /// The same, of another statement.
    fn saying(change: impl FnOnce(&mut Registration)) -> Self {
        Submission::with(|s| change(&mut s.statement))
    }

    /// The same, for another credential at its place.
    fn of(change: impl FnOnce(&mut NumberEntry)) -> Self {
        let mut entry = credential(&phone(), 1);
        change(&mut entry);
        Submission::with(|s| s.credential = leaf(4, DAY, Entry::Number(entry)))
    }

    fn signed_by(mut self, credential: KeyPair, service: KeyPair) -> Self {
        self.keys = (credential, service);
        self
    }

    fn with_service(mut self, name: &str) -> Self {
        self.statement.resolution_service = name.into();
        self
    }

    /// The last one of the slot, so many milliseconds older.
    fn behind(mut self, action: Action, older: u64) -> Self {
        self.last = Some((action, self.statement.sequence - older));
        self
    }

    fn doing(mut self, action: Action) -> Self {
        self.statement.action = action;
        self
    }

    fn signed(&self) -> SignedRegistration {
        SignedRegistration {
            credential_signature: self.keys.0.sign(&self.statement.signed_by_credential()),
            service_signature: self.keys.1.sign(&self.statement.signed_by_service()),
            statement: self.statement.clone(),
        }
    }

    fn input(&self, submitted: impl Into<Value>) -> Value {
        let last = self
            .last
            .map(|(action, sequence)| json!({"sequence": sequence, "index": 7, "action": action.name()}));
        let keys: Vec<_> = self.accepted.1.iter().map(|key| hex(key)).collect();
        json!({"kind": "registration", "log_id": hex(&id()), "submission": submitted.into(), "last": last,
            "credential": bytes(&self.credential), "label": hex(label().as_bytes()), "now": self.now,
            "resolution_service": {"name": self.accepted.0, "keys": keys}, "opening_secret": hex(&[7; 32])})
    }

    fn taken(&self, name: &str, comment: &str, replaces: Option<u64>) -> Value {
        let mut fields = self.input(hex(&self.signed().encode()));
        let opening = self.statement.opening(&secret());
        fields["identity"] = hex(&self.statement.identity()).into();
        fields["opening"] = hex(opening.expose()).into();
        fields["entry"] = hex(&self.statement.entry(label(), &opening, replaces).encode()).into();
        good(name, comment, fields)
    }

    fn refused(&self, name: &str, error: &str, comment: &str) -> Value {
        bad(name, error, comment, self.input(hex(&self.signed().encode())))
    }
}

fn said(name: &str, error: &str, comment: &str, change: impl FnOnce(&mut Registration)) -> Value {
    Submission::saying(change).refused(name, error, comment)
}

fn taken() -> Vec<Value> {
    let behind = |action| Submission::new().behind(action, 1);
    vec![
        Submission::new().taken("register", "the first registration of a slot", None),
        behind(Action::Register).taken("replace", "a later one", Some(7)),
        behind(Action::Register).doing(Action::Withdraw).taken("withdraw", "its withdrawal", Some(7)),
        behind(Action::Withdraw).taken(
            "register-again",
            "behind a withdrawal, which nothing replaces: no key 7",
            None,
        ),
    ]
}

fn statement_fields(statement: &Registration) -> Fields {
    let fields = Fields::new(vec![
        cbor_bytes(&statement.log_id),
        text(statement.number.digits()),
        text(&statement.service),
        text(&statement.contact),
        text(&statement.resolution_service),
        uint(statement.credential),
        cbor_bytes(&statement.key_hash),
        uint(statement.not_before as u64),
        uint(statement.not_after as u64),
        uint(statement.sequence),
        uint(statement.action as u64),
    ]);
    assert_eq!(fields.encode(), statement.encode());
    fields
}

/// Statements that are nearly one: for a log, `malformed-registration`, in a receipt `receipt-extra`.
pub fn malformed_statements(statement: &Registration) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let fields = statement_fields(statement);
    let with = |key: u64, value: Vec<u8>| fields.with(key, value).encode();
    vec![
        ("statement-array", "an array", vec![0x80]),
        ("statement-trailing", "a byte behind the registration", [fields.encode(), vec![0]].concat()),
        ("statement-no-key-11", "no key 11", fields.without(11).encode()),
        ("statement-key-12", "a key 12", with(12, uint(0))),
        ("statement-key-order", "key 2 before key 1", fields.unordered()),
        ("statement-indefinite", "a map of indefinite length", fields.indefinite()),
        ("statement-long-integer", "key 6 in two bytes", with(6, vec![0x18, 4])),
        ("statement-log-id", "a log id of 31 bytes", with(1, cbor_bytes(&[1; 31]))),
        ("statement-key-hash", "a key hash of 33 bytes", with(7, cbor_bytes(&[1; 33]))),
        ("statement-bytes", "bytes for a text", with(3, cbor_bytes(b"messages"))),
        ("statement-utf-8", "a text that is no UTF-8", with(3, vec![0x62, b'm', 0xff])),
        ("statement-number-integer", "an integer for the number", with(2, uint(17_035_550_123))),
        ("number-plus", "a number with +", with(2, text("+17035550123"))),
        ("number-zero", "a number that begins with 0", with(2, text("0703555012"))),
        ("number-short", "a number of three digits", with(2, text("123"))),
        ("number-long", "a number of 16 digits", with(2, text("1703555012312345"))),
        ("statement-negative-index", "the index -1", with(6, negative(0))),
        ("statement-negative-sequence", "the sequence -1", with(10, negative(0))),
        ("statement-large-time", "a last second of 2^63", with(9, uint(1 << 63))),
        ("statement-small-time", "a first second of -2^63 - 1", with(8, negative(1 << 63))),
        ("action-2", "action 2", with(11, uint(2))),
        ("action-true", "a boolean for the action", with(11, vec![0xf5])),
    ]
}

fn malformed() -> Vec<Value> {
    let submission = Submission::new();
    let signed = submission.signed();
    let fields = Fields::new(vec![
        cbor_bytes(&signed.statement.encode()),
        cbor_bytes(&signed.credential_signature),
        cbor_bytes(&signed.service_signature),
    ]);
    assert_eq!(fields.encode(), signed.encode());
    let with = |key: u64, value: Vec<u8>| fields.with(key, value).encode();
    let long_too = statement_fields(&signed.statement).with(2, text("123")).with(3, text(&"s".repeat(256)));
    let mut cases = vec![
        ("empty", "no bytes", vec![]),
        ("trailing", "a byte follows", [signed.encode(), vec![0]].concat()),
        ("key-4", "a key 4", with(4, uint(0))),
        ("no-service-signature", "no key 3", fields.without(3).encode()),
        ("statement-text", "a text for the registration", with(1, text("registration"))),
        ("statement-map", "the map itself", with(1, signed.statement.encode())),
        ("empty-signature", "a signature without bytes", with(2, cbor_bytes(&[]))),
        ("long-signature", "a signature of 105 bytes", with(3, cbor_bytes(&[1; 105]))),
        (
            "bad-number-long-service",
            "the form is judged before the texts",
            with(1, cbor_bytes(&long_too.encode())),
        ),
    ];
    let statements = malformed_statements(&signed.statement).into_iter();
    cases.extend(statements.map(|(name, comment, bytes)| (name, comment, with(1, cbor_bytes(&bytes)))));
    let case = |(name, comment, bytes): (&str, &str, Vec<u8>)| {
        bad(name, "malformed-registration", comment, submission.input(hex(&bytes)))
    };
    cases.into_iter().map(case).collect()
}

fn too_long() -> Vec<Value> {
    let zeros = |count: usize| Submission::new().input(repeat(&[("00", count)]));
    vec![
        bad("bytes-2048", "malformed-registration", "2,048 bytes, which are no registration", zeros(2048)),
        bad("bytes-2049", "registration-too-long", "2,049 bytes: the length is judged first", zeros(2049)),
    ]
}

fn texts() -> Vec<Value> {
    let (long, wrong) = ("registration-too-long", "registration-bad-text");
    let service = |text: &str| Submission::saying(|s| s.service = text.into());
    let contact = |text: &str| Submission::saying(|s| s.contact = text.into());
    let rs = |text: &str| Submission::saying(|s| s.resolution_service = text.into());
    let contact_of = |length: usize| contact(&format!("a:{}", "x".repeat(length - 2)));
    let long_name = "r".repeat(253);
    let of_long_name = Submission::with(|s| {
        s.statement.resolution_service = long_name.clone();
        s.accepted.0 = long_name.clone();
    });
    let both = |change: fn(&mut Registration)| Submission::saying(change);
    vec![
        service("!").taken("service-1", "the first character", None),
        service(&"~".repeat(255)).taken("service-255", "the last character, 255 times", None),
        service("").refused("service-empty", wrong, "no service"),
        service("a b").refused("service-space", wrong, "a space"),
        service("a\u{7f}").refused("service-delete", wrong, "0x7f"),
        service(&"s".repeat(256)).refused("long-service", long, "a service of 256 characters"),
        service(&"é".repeat(127)).refused("service-accents", wrong, "254 bytes of other characters"),
        service(&"é".repeat(128)).refused("service-accents-long", long, "128 characters of 256 bytes"),
        contact("a:x").taken("contact-short", "the shortest contact", None),
        contact("Aa9+.-:x").taken("contact-scheme", "all that a scheme can hold", None),
        contact("a::").taken("contact-colons", "the first colon counts", None),
        contact_of(1024).taken("contact-1024", "1,024 bytes", None),
        contact_of(1025).refused("contact-1025", long, "1,025 bytes"),
        contact("alice").refused("no-uri", wrong, "a contact without scheme"),
        contact("").refused("contact-empty", wrong, "no contact"),
        contact("sip:").refused("contact-nothing", wrong, "nothing behind the colon"),
        contact(":x").refused("contact-no-scheme", wrong, "nothing before the colon"),
        contact("1a:x").refused("contact-digit", wrong, "a scheme that begins with a digit"),
        contact("a_b:x").refused("contact-underscore", wrong, "_ in a scheme"),
        contact("é:x").refused("contact-accent", wrong, "another letter"),
        contact("a:b c").refused("contact-space", wrong, "a space"),
        of_long_name.taken("rs-253", "an RS of 253 characters", None),
        rs(&"r".repeat(254)).refused("rs-254", long, "an RS of 254 characters"),
        rs("").refused("rs-empty", wrong, "no RS"),
        rs("rs\u{e9}").refused("rs-accent", wrong, "another letter"),
        both(|s| (s.service, s.contact) = (String::new(), "a".repeat(1025))).refused(
            "service-before-contact",
            wrong,
            "no service, and a contact that is too long",
        ),
        both(|s| (s.contact, s.resolution_service) = ("alice".into(), "r".repeat(254))).refused(
            "rs-before-form",
            long,
            "a contact without scheme, and an RS that is too long: the form of the contact is judged last",
        ),
        both(|s| {
            s.service.clear();
            s.not_after = s.not_before - 1;
        })
        .refused(
            "text-before-validity",
            wrong,
            "no service, and a validity that ends before it begins",
        ),
    ]
}

fn times() -> Vec<Value> {
    let validity = "registration-bad-validity";
    let from_to = |first: i64, last: i64| {
        Submission::saying(|s| (s.not_before, s.not_after) = (NOW + first, NOW + last))
    };
    // Milliseconds into the second: only a sequence is compared with them.
    let late = |submission: Submission| {
        let mut late = submission;
        late.now += 999;
        late.statement.sequence += 999;
        late
    };
    let days = 30 * DAY;
    vec![
        from_to(0, 0).taken("validity-0", "it begins and ends in this second", None),
        from_to(-days, 0).taken("validity-30-days", "30 days, which end now", None),
        from_to(1, 0).refused("validity-negative", validity, "it ends before it begins"),
        from_to(-1, days).refused("too-long-validity", validity, "30 days and a second"),
        said("validity-overflow", validity, "from -2^63 to 2^63 - 1", |s| {
            (s.not_before, s.not_after) = (i64::MIN, i64::MAX);
        }),
        said("validity-of-another-log", validity, "and another log: the validity is judged first", |s| {
            (s.not_after, s.log_id) = (s.not_before - 1, [0; 32]);
        }),
        said("other-log-id", "registration-of-another-log", "of another log", |s| s.log_id = [0; 32]),
        said(
            "other-log-ended",
            "registration-of-another-log",
            "and it has ended: the log is judged first",
            |s| {
                (s.log_id, s.not_before, s.not_after) = ([0; 32], 0, 0);
            },
        ),
        from_to(-5, -1).refused("ended", "registration-ended", "a second ago"),
        said("ended-and-future", "registration-ended", "and a sequence in the future", |s| {
            (s.not_before, s.not_after, s.sequence) = (NOW - 5, NOW - 1, s.sequence + 1);
        }),
        late(from_to(-5, 0)).taken("ends-this-second", "999 milliseconds into its last second", None),
        late(from_to(-5, -1)).refused("ended-late", "registration-ended", "and a second later"),
        late(from_to(0, days)).taken("ends-in-30-days", "the same, at the other end", None),
        late(from_to(1, days + 1)).refused("ends-in-more", "registration-ends-too-late", "and a second more"),
        from_to(1, days + 1).refused(
            "too-late",
            "registration-ends-too-late",
            "it ends in 30 days and a second",
        ),
        said("in-the-future", "registration-in-the-future", "a millisecond ahead", |s| s.sequence += 1),
        said("future-too-late", "registration-in-the-future", "and it ends too late", |s| {
            (s.sequence, s.not_before, s.not_after) = (s.sequence + 1, NOW + 1, NOW + 30 * DAY + 1);
        }),
        said(
            "made-earlier",
            "registration-ends-too-late",
            "made a millisecond ago, in the second before: it ends 30 days and a second after that",
            |s| s.sequence -= 1,
        ),
        said("too-late-not-logged", "registration-ends-too-late", "and no such leaf: the times first", |s| {
            (s.sequence, s.credential) = (s.sequence - 1, 5);
        }),
        said("far-future", "registration-in-the-future", "a sequence of 2^64 - 1", |s| s.sequence = u64::MAX),
    ]
}

fn credentials() -> Vec<Value> {
    let not_valid = "registration-credential-not-valid";
    let late = |change: fn(&mut NumberEntry)| {
        let mut submission = Submission::of(change);
        submission.now += 999;
        submission
    };
    let mut both = vec![label(), other_label()];
    both.sort_unstable();
    let registration = leaf(4, DAY, Entry::Registration(registered(2, 0, DAY, None)));
    vec![
        said("not-logged", "registration-credential-not-logged", "no leaf 5", |s| s.credential = 5),
        said("largest-index", "registration-credential-not-logged", "index 2^64 - 1", |s| {
            s.credential = u64::MAX;
        }),
        Submission::with(|s| s.credential = registration).refused(
            "of-a-registration",
            "registration-credential-not-logged",
            "the leaf is a registration",
        ),
        Submission::of(|n| n.labels = vec![other_label()]).refused(
            "other-number",
            "registration-of-another-number",
            "the credential is of another number",
        ),
        Submission::of(|n| n.labels = vec![other_label()])
            .signed_by(KeyPair::p256(6), service_key())
            .refused(
                "other-number-forged",
                "registration-bad-credential-signature",
                "and another key has signed: the signatures are judged before the label",
            ),
        Submission::of(|n| n.labels = vec![other_label()]).behind(Action::Register, 0).refused(
            "other-number-replayed",
            "registration-of-another-number",
            "and it is not newer: the label is judged before the slot",
        ),
        Submission::of(|n| n.not_after = NOW - 1).with_service("x").refused(
            "expired-unknown-service",
            not_valid,
            "and an unknown RS: the credential first",
        ),
        Submission::of(|n| n.labels = both).taken("two-numbers", "the credential has one more", None),
        Submission::of(|n| n.not_before = NOW + 1).refused(
            "not-yet-valid",
            not_valid,
            "from the next second on",
        ),
        late(|n| n.not_before = NOW + 1).refused("not-yet-valid-late", not_valid, "999 milliseconds later"),
        Submission::of(|n| n.not_before = NOW).taken("just-valid", "from this second on", None),
        Submission::of(|n| n.not_after = NOW - 1).refused("expired", not_valid, "a second ago"),
        Submission::of(|n| n.not_after = NOW).taken("still-valid", "until this second", None),
        late(|n| n.not_after = NOW).taken("still-valid-late", "999 milliseconds into it", None),
    ]
}

fn slots() -> Vec<Value> {
    let (not_above, nothing) = ("registration-sequence-not-above", "registration-nothing-to-withdraw");
    let (register, withdraw) = (Action::Register, Action::Withdraw);
    let behind =
        |last: Action, older: u64, action: Action| Submission::new().behind(last, older).doing(action);
    let days = 1000 * 30 * DAY as u64;
    let mut newer = behind(register, 0, register);
    newer.last = Some((register, newer.statement.sequence + 1));
    let mut late = behind(register, days, register);
    late.now += 999;
    vec![
        behind(register, 0, register).refused("replayed", not_above, "sent again"),
        newer.refused("older", not_above, "older than the last one"),
        behind(withdraw, 0, register).refused("withdrawn", not_above, "sent again after its withdrawal"),
        behind(register, 0, withdraw).refused("withdrawal-not-above", not_above, "a withdrawal as old"),
        behind(withdraw, 0, withdraw).refused(
            "withdrawn-twice",
            not_above,
            "and nothing to withdraw: the sequence is judged first",
        ),
        behind(register, 0, register).signed_by(phone(), KeyPair::p384(6)).refused(
            "replayed-forged",
            "registration-bad-service-signature",
            "and another RS has signed: the signatures are judged before the slot",
        ),
        Submission::new().doing(withdraw).refused("nothing", nothing, "nothing is registered"),
        behind(withdraw, 1, withdraw).refused("nothing-any-more", nothing, "behind a withdrawal"),
        behind(register, days, register).taken("remembered", "the last one was made 30 days ago", Some(7)),
        late.taken("remembered-late", "999 milliseconds later", Some(7)),
        behind(register, days + 1, register).taken(
            "forgotten",
            "a millisecond more, in the second before",
            None,
        ),
        behind(register, days + 1, withdraw).refused("withdraw-forgotten", nothing, "the same, withdrawn"),
    ]
}

fn keys() -> Vec<Value> {
    let unknown = "registration-unknown-resolution-service";
    let (by_credential, by_service) =
        ("registration-bad-credential-signature", "registration-bad-service-signature");
    let signed_by = |credential: KeyPair, service: KeyPair| Submission::new().signed_by(credential, service);
    let several = Submission::with(|s| s.accepted.1.insert(0, KeyPair::p256(8).spki().to_vec()));
    let of_key = |spki: Vec<u8>, named: bool| {
        let hash = Sha256::digest(&spki).into();
        let mut submission = Submission::of(|n| n.subject_key = spki);
        if named {
            submission.statement.key_hash = hash;
        }
        submission
    };
    let good_one = Submission::new().signed();
    let swapped = SignedRegistration {
        credential_signature: good_one.service_signature.clone(),
        service_signature: good_one.credential_signature.clone(),
        ..good_one
    };
    let large = KeyPair::p384(1);
    let mut of_large = of_key(large.spki().to_vec(), true);
    of_large.keys = (large, KeyPair::p256(9));
    of_large.accepted.1 = vec![KeyPair::p256(9).spki().to_vec()];
    let odd = odd_keys(&phone());
    let mut cases = vec![
        of_large.taken("other-curves", "a P-384 credential and a P-256 RS", None),
        several.taken("two-service-keys", "signed by the second key of the RS", None),
        said("unknown-service", unknown, "another RS", |s| s.resolution_service.push('x')),
        said("service-capitals", unknown, "another spelling", |s| s.resolution_service = RS.to_uppercase()),
        said("unknown-service-other-key", unknown, "and another key: the RS is judged first", |s| {
            s.resolution_service.push('x');
            s.key_hash = [0; 32];
        }),
        said("other-key-hash", "registration-of-another-key", "another key", |s| s.key_hash = [0; 32]),
        of_key(odd[0].2.clone(), false).refused(
            "other-key-unsupported",
            "registration-of-another-key",
            "another key, which is none that signs: that it is another is judged first",
        ),
        of_key(off_curve(&phone()), true).refused(
            "key-off-curve",
            by_credential,
            "a point that is not on the curve",
        ),
        bad(
            "signatures-swapped",
            by_credential,
            "each in the other's place",
            Submission::new().input(hex(&swapped.encode())),
        ),
        signed_by(KeyPair::p256(6), service_key()).refused("forged", by_credential, "signed by another key"),
        signed_by(phone(), KeyPair::p384(6)).refused("service-forged", by_service, "signed by another RS"),
        signed_by(phone(), phone()).refused("service-by-phone", by_service, "the credential signed for both"),
    ];
    for (name, comment, spki) in odd {
        cases.push(of_key(spki, true).refused(name, "registration-unsupported-key", comment));
    }
    cases
}
