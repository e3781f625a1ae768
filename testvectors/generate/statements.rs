//! statement.json: what a log makes of key statements.

use serde_json::{Value, json};
use tnlog::entry::{Entry, Leaf, NumberEntry, Parameters, Verb};
use tnlog::signature::Ecdsa;
use tnlog::statement::{KeyStatement, admit_statement, signed_bytes};
use tnlog::synthetic::KeyPair;

use crate::case::{File, bad, good, hex};
use crate::cbor::{Fields, bytes as cbor_bytes, negative, text, uint};
use crate::ecdsa;
use crate::people::{
    DAY, bytes, credential, id, leaf, odd_keys, off_curve, other_label, reference, registered, said,
};
use crate::world::{ORIGIN, label_key, sct_key};

pub fn statement() -> File {
    let cases = [admitted(), malformed(), leaves(), labels(), keys(), signatures()].concat();
    let comment = "What a log that holds two leaves makes of a key statement (formats.md §17): the entry that it logs. Leaves, \
         statements and entries are the bytes of the page.";
    File::new("statement", comment, cases)
}

/// The key of the old credential.
fn key() -> KeyPair {
    KeyPair::p256(1)
}

fn old() -> Leaf {
    leaf(4, DAY, Entry::Number(credential(&key(), 1)))
}

fn new() -> Leaf {
    new_with(|_| ())
}

fn new_with(change: impl FnOnce(&mut NumberEntry)) -> Leaf {
    let mut entry = credential(&KeyPair::p256(2), 2);
    change(&mut entry);
    leaf(9, 2 * DAY, Entry::Number(entry))
}

fn old_with(change: impl FnOnce(&mut NumberEntry)) -> Leaf {
    let mut entry = credential(&key(), 1);
    change(&mut entry);
    leaf(4, DAY, Entry::Number(entry))
}

fn sign(key: &KeyPair, verb: Verb, old: &Leaf, new: &Leaf) -> KeyStatement {
    let said = said(key, verb, old, new);
    KeyStatement { log_id: id(), verb, old: said.old, new: said.new, signature: said.signature }
}

fn approval(old: &Leaf, new: &Leaf) -> KeyStatement {
    sign(&key(), Verb::Approve, old, new)
}

fn input(statement: &[u8], old: &Leaf, new: &Leaf) -> Value {
    json!({"log_id": hex(&id()), "statement": hex(statement), "old": bytes(old), "new": bytes(new)})
}

fn taken(name: &str, comment: &str, statement: &KeyStatement, old: &Leaf, new: &Leaf) -> Value {
    let entry = admit_statement(statement, &id(), old, new, &Ecdsa).expect("a good statement");
    let mut fields = input(&statement.encode(), old, new);
    fields["signed_bytes"] = hex(&statement.signed_bytes()).into();
    fields["entry"] = hex(&entry.encode()).into();
    good(name, comment, fields)
}

/// A statement that the old key has signed, about leaves of which it cannot be.
fn refused(name: &str, error: &str, comment: &str, old: &Leaf, new: &Leaf) -> Value {
    bad(name, error, comment, input(&approval(old, new).encode(), old, new))
}

fn changed(name: &str, error: &str, comment: &str, change: impl FnOnce(&mut KeyStatement)) -> Value {
    let (old, new) = (old(), new());
    let mut statement = approval(&old, &new);
    change(&mut statement);
    bad(name, error, comment, input(&statement.encode(), &old, &new))
}

fn admitted() -> Vec<Value> {
    let large = KeyPair::p384(1);
    let old_large = leaf(4, DAY, Entry::Number(credential(&large, 1)));
    let dispute = sign(&large, Verb::Dispute, &old_large, &new());
    vec![
        taken("approve", "an approval with a P-256 key", &approval(&old(), &new()), &old(), &new()),
        taken("dispute", "a dispute with a P-384 key", &dispute, &old_large, &new()),
    ]
}

fn malformed() -> Vec<Value> {
    let (old, new) = (old(), new());
    let statement = approval(&old, &new);
    let fields = Fields::new(vec![
        cbor_bytes(&statement.log_id),
        uint(0),
        uint(4),
        cbor_bytes(&statement.old.hash.0),
        uint(9),
        cbor_bytes(&statement.new.hash.0),
        cbor_bytes(&statement.signature),
    ]);
    assert_eq!(fields.encode(), statement.encode());
    let with = |key: u64, value: Vec<u8>| fields.with(key, value).encode();
    let short = |hash: &[u8]| cbor_bytes(&hash[1..]);
    let two_faults = fields.with(1, cbor_bytes(&[0; 32])).with(2, uint(2)).encode();
    [
        ("empty", "no bytes", vec![]),
        ("array", "an array", vec![0x80]),
        ("trailing", "a byte follows", [fields.encode(), vec![0]].concat()),
        ("cut", "a byte is missing", fields.encode()[..fields.encode().len() - 1].to_vec()),
        ("no-signature", "no key 7", fields.without(7).encode()),
        ("key-8", "a key 8", with(8, uint(0))),
        ("key-order", "key 2 before key 1", fields.unordered()),
        ("indefinite", "a map of indefinite length", fields.indefinite()),
        ("long-integer", "an index in two bytes", with(3, vec![0x18, 4])),
        ("index-text", "a text for an index", with(3, text("4"))),
        ("index-negative", "the index -1", with(3, negative(0))),
        ("verb-2", "verb 2", with(2, uint(2))),
        ("verb-true", "a boolean for the verb", with(2, vec![0xf5])),
        ("short-log-id", "a log id of 31 bytes", with(1, short(&id()))),
        ("short-old-hash", "31 bytes", with(4, short(&statement.old.hash.0))),
        ("short-new-hash", "31 bytes", with(6, short(&statement.new.hash.0))),
        ("long-signature", "a signature of 105 bytes", with(7, cbor_bytes(&[1; 105]))),
        ("empty-signature", "a signature without bytes", with(7, cbor_bytes(&[]))),
        ("malformed-and-other-log", "verb 2 and another log: the form is judged first", two_faults),
    ]
    .into_iter()
    .map(|(name, comment, bytes)| bad(name, "malformed-statement", comment, input(&bytes, &old, &new)))
    .collect()
}

/// Which leaves it names.
fn leaves() -> Vec<Value> {
    let (old, new) = (old(), new());
    let registration = |index| leaf(index, DAY, Entry::Registration(registered(4, 0, DAY, None)));
    let parameters = Parameters {
        origin: ORIGIN.into(),
        sct_key: sct_key().spki().to_vec(),
        label_key: label_key().public().to_bytes(),
    };
    let first = leaf(0, 0, Entry::Parameters(parameters));
    let wrong_hash = |old: &Leaf, new: &Leaf, of_old: bool| {
        let mut statement = approval(old, new);
        let hash = if of_old { &mut statement.old.hash } else { &mut statement.new.hash };
        hash.0[0] ^= 1;
        input(&statement.encode(), old, new)
    };
    let no_number = "statement-about-no-number";
    let other_leaf = "statement-of-another-leaf";
    let not_later = "statement-not-about-a-later-credential";
    vec![
        changed("other-log", "statement-of-another-log", "of another log", |s| s.log_id[0] ^= 1),
        changed(
            "other-log-not-logged",
            "statement-of-another-log",
            "and an index without leaf: the log is judged first",
            |s| {
                s.log_id[0] ^= 1;
                s.old.index = 5;
            },
        ),
        changed("old-not-logged", "statement-credential-not-logged", "no leaf 5", |s| s.old.index = 5),
        changed("new-not-logged", "statement-credential-not-logged", "no leaf 10", |s| s.new.index = 10),
        changed("largest-index", "statement-credential-not-logged", "index 2^64 - 1", |s| {
            s.new.index = u64::MAX;
        }),
        refused("old-parameters", no_number, "the old leaf is the parameters", &first, &new),
        refused("old-registration", no_number, "the old leaf is a registration", &registration(4), &new),
        refused("new-registration", no_number, "the new leaf is a registration", &old, &registration(9)),
        bad("old-hash", other_leaf, "another old leaf", wrong_hash(&old, &new, true)),
        bad("new-hash", other_leaf, "another new leaf", wrong_hash(&old, &new, false)),
        bad(
            "old-hash-new-registration",
            other_leaf,
            "all of the old leaf is judged before the new one",
            wrong_hash(&old, &registration(9), true),
        ),
        bad("old-registration-new-hash", no_number, "the same", wrong_hash(&registration(4), &new, false)),
        bad(
            "new-registration-new-hash",
            no_number,
            "the type is judged before the hash",
            wrong_hash(&old, &registration(9), false),
        ),
        refused("backwards", not_later, "about the earlier credential", &new, &old),
        bad(
            "backwards-hash",
            other_leaf,
            "and another leaf: that is judged first",
            wrong_hash(&new, &old, true),
        ),
        refused("itself", not_later, "about itself", &old, &old),
    ]
}

/// One credential or two, and what they have in common.
fn labels() -> Vec<Value> {
    let same = |n: &mut NumberEntry| *n = credential(&key(), 1);
    let pair = new_with(|n| {
        same(n);
        n.is_precertificate = true;
        (n.calling_codes, n.commitment) = (vec![44], credential(&key(), 9).commitment);
    });
    let near = new_with(|n| {
        same(n);
        n.is_precertificate = true;
        n.not_after += 1;
    });
    let again = new_with(same);
    let other = new_with(|n| n.labels = vec![other_label()]);
    let mut both = vec![crate::people::label(), other_label()];
    both.sort_unstable();
    let (old_both, new_both) = (old_with(|n| n.labels = both.clone()), new_with(|n| n.labels = both.clone()));
    let of_two = |name: &str, comment: &str, old: &Leaf, new: &Leaf| {
        taken(name, comment, &approval(old, new), old, new)
    };
    vec![
        refused(
            "same-credential",
            "statement-about-the-same-credential",
            "a precertificate and its certificate; keys 9 and 10 may differ",
            &old(),
            &pair,
        ),
        of_two("near-pair", "another notAfter: two credentials", &old(), &near),
        of_two("repeated", "all is equal, key 8 too: two credentials", &old(), &again),
        refused("no-common-number", "statement-shares-no-number", "of two numbers", &old(), &other),
        of_two("one-common-number", "the new credential has one more", &old(), &new_both),
        of_two("two-common-numbers", "both have both", &old_both, &new_both),
    ]
}

fn keys() -> Vec<Value> {
    let of = |spki: Vec<u8>| old_with(|n| n.subject_key = spki);
    let mut cases = vec![
        refused(
            "key-off-curve",
            "statement-bad-signature",
            "a point that is not on the curve",
            &of(off_curve(&key())),
            &new(),
        ),
        refused(
            "other-key",
            "statement-bad-signature",
            "signed by another key",
            &leaf(4, DAY, Entry::Number(credential(&KeyPair::p384(1), 1))),
            &new(),
        ),
    ];
    for (name, comment, spki) in odd_keys(&key()) {
        cases.push(refused(name, "statement-unsupported-key", comment, &of(spki), &new()));
    }
    cases
}

fn signatures() -> Vec<Value> {
    let (old, new) = (old(), new());
    let good_one = approval(&old, &new);
    let wrong = "statement-bad-signature";
    let swapped = key().sign(&signed_bytes(&id(), Verb::Approve, &reference(&new), &reference(&old)));
    let elsewhere = key().sign(&signed_bytes(&[0; 32], Verb::Approve, &reference(&old), &reference(&new)));
    let other = KeyStatement { signature: ecdsa::negated(&good_one.signature), ..good_one.clone() };
    let mut cases = vec![
        taken("other-s", "s and the order less s are both right", &other, &old, &new),
        changed("other-verb", wrong, "approve made dispute", |s| s.verb = Verb::Dispute),
        changed("bad-signature", wrong, "one bit", |s| s.signature[9] ^= 1),
        changed("signature-104", wrong, "104 bytes", |s| s.signature = vec![1; 104]),
        changed("swapped-leaves", wrong, "signed with the leaves in the other order", |s| {
            s.signature = swapped;
        }),
        changed("of-another-log", wrong, "signed for another log", |s| s.signature = elsewhere),
    ];
    let ill_formed =
        ecdsa::changed(&good_one.signature).into_iter().filter(|(_, _, bytes)| !bytes.is_empty());
    for (name, comment, signature) in ill_formed {
        cases.push(changed(name, wrong, comment, |s| s.signature = signature));
    }
    cases
}
