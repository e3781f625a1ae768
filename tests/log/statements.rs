//! Key statements, from the request to the leaf that a reader weighs, over sockets and disks.

#![cfg(feature = "server")]

use std::collections::BTreeSet;

use crate::common;
use crate::common::TestLog;
use crate::common::people::{Phone, add_statement, assert_refused, is_refused, leaf, log_id, statement_body};
use serde_json::{Value, json};
use tnlog::entry::{Entry, LeafReference, Verb};
use tnlog::signature::Ecdsa;
use tnlog::standing::{History, NumberList, Verdict};
use tnlog::statement::{KeyStatement, check_statement_leaf};
use tnlog::synthetic::KeyPair;

/// Another signature of the same statement: ECDSA has at least two, (r, s) and (r, -s).
fn signed_again(statement: &KeyStatement) -> KeyStatement {
    let signature = p256::ecdsa::Signature::from_der(&statement.signature).unwrap();
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
    KeyStatement { signature: other.to_der().as_bytes().to_vec(), ..statement.clone() }
}

#[test]
fn an_approval_is_logged_and_weighed() {
    let log = TestLog::start("");
    let address = log.address();
    let (old, new) = (
        Phone::of(address, &[1, 2], KeyPair::p384(1), 1),
        Phone::of(address, &[2, 1, 3], KeyPair::p256(2), 2),
    );
    let approval = old.say(Verb::Approve, address, &new);
    let answer = add_statement(address, &approval).success();
    let logged = leaf(address, answer["leaf_index"].as_u64().unwrap());
    assert_eq!((json!(logged.timestamp), logged.index), (answer["timestamp"].clone(), 3));
    let Entry::KeyStatement(entry) = &logged.entry else { panic!("{logged:?}") };
    assert_eq!((entry.labels.len(), &entry.signature), (2, &approval.signature));
    let (first, second) = (leaf(address, old.index), leaf(address, new.index));
    assert_eq!(check_statement_leaf(entry, &log_id(address), &first, &second, &Ecdsa), Ok(()));

    let leaves = [first, second, logged.clone()];
    let list = NumberList { log_id: &log_id(address), label: entry.labels[0], leaves: &leaves };
    let history = History::of(&list, &Ecdsa, logged.timestamp).unwrap();
    assert_eq!(history.verdict(new.index, logged.timestamp), Verdict::Newest);
    let dispute = add_statement(address, &old.say(Verb::Dispute, address, &new)).success();
    assert_eq!(dispute["leaf_index"], json!(4));
}

/// Each line fails without the check that its name says.
#[test]
fn what_is_refused_and_why() {
    let log = TestLog::start("");
    let address = log.address();
    let (old, new) = (Phone::new(address, 1, 1), Phone::new(address, 1, 2));
    let elsewhere = Phone::new(address, 9, 3);
    let rsa_less = Phone::of(address, &[1], KeyPair::p256(4), 4);
    let carrier = log.submit(&common::chain("carrier-1").0, false);
    let carrier =
        tnlog::sct::Extensions::decode(&common::from_base64(&carrier["extensions"])).unwrap().leaf_index;
    let precertificate = common::precertificate(&common::number_profile(40));
    let of_leaf = |index| LeafReference { index, hash: leaf(address, index).hash().unwrap() };
    let (a, b) = (of_leaf(old.index), of_leaf(new.index));
    let beyond = LeafReference { index: 1000, ..b };
    let other_hash = LeafReference { hash: a.hash, ..b };
    let pair = one_credential_twice(&log, &precertificate);
    let say = |old_leaf, new_leaf| old.say_about(Verb::Approve, old_leaf, new_leaf);
    let good = say(a, b);
    let by_new = KeyStatement { signature: new.say_about(Verb::Approve, a, b).signature, ..good.clone() };
    let other_verb = KeyStatement { verb: Verb::Dispute, ..good.clone() };
    let size = log.size();
    for (slug, statement) in [
        ("statement-of-another-log", KeyStatement { log_id: [7; 32], ..good.clone() }),
        ("statement-credential-not-logged", say(a, beyond)),
        ("statement-credential-not-logged", say(LeafReference { index: u64::MAX, ..a }, b)),
        ("statement-about-no-number", say(a, of_leaf(carrier))),
        ("statement-about-no-number", say(of_leaf(0), b)),
        ("statement-of-another-leaf", say(a, other_hash)),
        ("statement-not-about-a-later-credential", new.say_about(Verb::Approve, b, a)),
        ("statement-not-about-a-later-credential", say(a, a)),
        ("statement-about-the-same-credential", say(pair.0, pair.1)),
        ("statement-shares-no-number", say(a, of_leaf(elsewhere.index))),
        ("statement-bad-signature", by_new),
        ("statement-bad-signature", other_verb),
        ("statement-bad-signature", rsa_less.say_about(Verb::Approve, a, b)),
    ] {
        let response = add_statement(address, &statement);
        assert_refused(&response, 400, slug);
        assert!(response.json()["detail"].as_str().unwrap().len() > 20);
    }
    let bytes = good.encode();
    for (slug, body) in [
        ("malformed-statement", json!({ "statement": common::base64(&bytes[1..]) })),
        ("malformed-statement", json!({ "statement": common::base64(&[&bytes[..], &[0]].concat()) })),
        ("malformed-statement", json!({ "statement": common::base64(&[0; 4000]) })),
        ("malformed-base64", json!({ "statement": "!" })),
        ("malformed-json", json!({ "statements": [] })),
    ] {
        assert_refused(&log.post("/tn/v1/add-key-statement", &body), 400, slug);
    }
    assert_eq!(log.size(), size, "something of it was logged");
    add_statement(address, &good).success();
}

/// Precertificate and certificate of one credential.
fn one_credential_twice(
    log: &TestLog,
    precertificate: &tnlog::synthetic::Precertificate,
) -> (LeafReference, LeafReference) {
    let index = |answer: &Value| {
        tnlog::sct::Extensions::decode(&common::from_base64(&answer["extensions"])).unwrap().leaf_index
    };
    let first = index(&log.submit(&precertificate.issued().chain(), true));
    let certificate = common::issuing().finalize(precertificate, &[]).unwrap().chain();
    let second = index(&log.submit(&certificate, false));
    let of_leaf = |index| LeafReference { index, hash: leaf(log.address(), index).hash().unwrap() };
    (of_leaf(first), of_leaf(second))
}

/// Fails when the key of the dedup database is one of signatures.
#[test]
fn what_was_said_is_answered_again_and_another_signature_is_not_a_second_statement() {
    let mut log = TestLog::start("");
    let (old, new) = (Phone::new(log.address(), 1, 1), Phone::new(log.address(), 1, 2));
    let approval = old.say(Verb::Approve, log.address(), &new);
    let answer = add_statement(log.address(), &approval).success();
    let again = signed_again(&approval);
    for lost in [None, None, Some(log.folder.derived())] {
        log.stop();
        lost.iter().for_each(|lost| std::fs::remove_dir_all(lost).unwrap());
        log.resume().unwrap();
        assert_eq!(add_statement(log.address(), &approval).success(), answer);
        let said_before = add_statement(log.address(), &again);
        assert_refused(&said_before, 400, "statement-said-before");
        assert!(said_before.text().contains("at index 3"), "{}", said_before.text());
        let unsigned = KeyStatement { signature: new.key.sign(b""), ..approval.clone() };
        assert_refused(&add_statement(log.address(), &unsigned), 400, "statement-bad-signature");
    }
    assert_eq!(log.size(), 4);
    add_statement(log.address(), &old.say(Verb::Dispute, log.address(), &new)).success();
}

/// Fails when the place in the pool is not reserved for what is said, before anybody looks into the log.
#[test]
fn many_at_once_say_it_once() {
    let log = TestLog::start("round_milliseconds = 300\n");
    let address = log.address();
    let (old, new) = (Phone::new(address, 1, 1), Phone::new(address, 1, 2));
    let approval = old.say(Verb::Approve, address, &new);
    let both = [approval.clone(), signed_again(&approval)];
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = |n: usize| {
            let statement = &both[n % 2];
            scope.spawn(move || {
                (n % 2, common::post(address, "/tn/v1/add-key-statement", &statement_body(statement)))
            })
        };
        let asking: Vec<_> = (0..10).map(ask).collect();
        asking.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    let taken: BTreeSet<usize> = answers.iter().filter(|(_, r)| r.status == 200).map(|(n, _)| *n).collect();
    assert_eq!(taken.len(), 1, "one signature is taken");
    for (n, response) in &answers {
        let taken = taken.contains(n);
        assert!(taken || is_refused(response, 400, "statement-said-before"), "{}", response.text());
        assert!(!taken || response.json()["leaf_index"] == json!(3), "{}", response.text());
    }
    assert_eq!(log.size(), 4);
}

/// Fails without either budget; and when the key's is spent on what it did not sign.
#[test]
fn budgets_of_client_and_key() {
    let log = TestLog::start("[limits]\nstatements_per_client_hour = 5\nstatements_per_key_day = 2\n");
    let address = log.address();
    let phones: Vec<Phone> = (0..4).map(|n| Phone::new(address, 1, n)).collect();
    let say = |verb, old: usize, new: usize| phones[old].say(verb, address, &phones[new]);
    let forged = KeyStatement { signature: phones[1].key.sign(b""), ..say(Verb::Approve, 0, 3) };
    assert_refused(&add_statement(address, &forged), 400, "statement-bad-signature");
    let first = say(Verb::Approve, 0, 1);
    add_statement(address, &first).success();
    add_statement(address, &say(Verb::Dispute, 0, 1)).success();
    let over = add_statement(address, &say(Verb::Approve, 0, 2));
    assert_refused(&over, 429, "submission-budget");
    assert!(over.text().contains("the key of the earlier credential"), "{}", over.text());
    add_statement(address, &say(Verb::Approve, 1, 2)).success();
    let over = add_statement(address, &say(Verb::Approve, 2, 3));
    assert_refused(&over, 429, "submission-budget");
    assert!(over.text().contains("this client"), "{}", over.text());
    add_statement(address, &first).success();
}
