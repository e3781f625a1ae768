//! Registrations, from the request of a Resolution Service to the receipt that an app verifies, over sockets and disks.

#![cfg(feature = "server")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common;
use crate::common::people::{
    CONTACT, Phone, RS, SERVICE, accept, accept_rs, accepting, add_registration, add_registration_patiently,
    assert_refused, is_refused, leaf, now, registration_body, rs_key,
};
use crate::common::{Response, TestLog, base64, certificates, from_base64};
use serde_json::{Value, json};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::entry::{Action, Entry, RegistrationEntry};
use tnlog::label::LabelError;
use tnlog::policy::Policy;
use tnlog::proof::TlogProof;
use tnlog::receipt::{Claim, KnownLog, Receipt, Untrusted, Verifier};
use tnlog::registration::{ResolutionServices, SignedRegistration};
use tnlog::registration_receipt::{
    Reachable, RegistrationReceipt, UntrustedRegistration, VerifiedRegistration,
};
use tnlog::synthetic::{KeyPair, fictional_number};

const DAY: i64 = 86_400;

fn entry(address: SocketAddr, answer: &Value) -> RegistrationEntry {
    let leaf = leaf(address, answer["leaf_index"].as_u64().unwrap());
    assert_eq!(json!(leaf.timestamp), answer["timestamp"]);
    match leaf.entry {
        Entry::Registration(entry) => entry,
        other => panic!("{other:?}"),
    }
}

/// What an app that trusts the root of these tests makes of a receipt.
fn verify(
    log: &TestLog,
    phone: &Phone,
    receipt: &RegistrationReceipt,
    service: &str,
) -> Result<VerifiedRegistration, UntrustedRegistration> {
    let key = log.get("/tn/v1/log").success()["checkpoint_key"].as_str().unwrap().to_owned();
    let policy = Policy::parse(format!("log {key}\nquorum none\n").as_bytes()).unwrap();
    let parameters = TlogProof::parse(&log.get("/tn/v1/parameters").body).unwrap();
    let known = KnownLog::open(&parameters, &policy).unwrap();
    let root = Arc::new(Certificate::from_der(common::root().certificate().to_vec()).unwrap());
    let anchors = Anchors::new([Anchor { certificate: root, calling_codes: None }]);
    let app = Verifier::new(policy, vec![known], anchors);
    let seconds = (now() / 1000) as i64;
    let of_peer = log.post("/tn/v1/receipt", &common::add_chain(&phone.chain));
    let of_peer = Receipt::parse(&of_peer.body).unwrap();
    let peer =
        app.verify(&certificates(&phone.chain), &Claim::Number(phone.number), &of_peer, seconds).unwrap();
    let mut services = ResolutionServices::default();
    services.add(RS, rs_key().spki()).unwrap();
    let asked = Reachable { number: &phone.number, service, services: &services, now: seconds };
    app.verify_registration(&peer, receipt, &asked)
}

fn receipt(log: &TestLog, submitted: &SignedRegistration) -> Response {
    log.post("/tn/v1/registration-receipt", &registration_body(submitted))
}

#[test]
fn it_is_registered_replaced_withdrawn_and_registered_again() {
    let log = accepting("");
    let (address, phone) = (log.address(), Phone::new(log.address(), 1, 1));
    let first = phone.register();
    assert_refused(&receipt(&log, &first), 404, "not-logged");
    let answer = add_registration(address, &first).success();
    assert_eq!(log.size(), 3);
    let logged = entry(address, &answer);
    assert_eq!((logged.action, logged.credential, logged.replaces), (Action::Register, phone.index, None));

    let held = receipt(&log, &first);
    assert_eq!(held.status, 200, "{}", held.text());
    let proof = RegistrationReceipt::parse(&held.body).unwrap();
    let verified = verify(&log, &phone, &proof, SERVICE).unwrap();
    assert_eq!((verified.index, verified.statement.contact.as_str()), (2, CONTACT));
    assert_eq!(base64(proof.extra.opening.expose()), answer["opening"].as_str().unwrap());
    let other_service = verify(&log, &phone, &proof, "other.example.com");
    assert_eq!(other_service.unwrap_err(), UntrustedRegistration::OtherService);
    let mut forged = proof.clone();
    forged.extra.evaluation.proof[0] ^= 1;
    let forged = verify(&log, &phone, &forged, SERVICE).unwrap_err();
    assert!(
        matches!(forged, UntrustedRegistration::Receipt(Untrusted::Labels(LabelError::Proof))),
        "{forged}"
    );

    let renewed = phone.register();
    let second = add_registration(address, &renewed).success();
    assert_eq!((second["replaces"].clone(), entry(address, &second).replaces), (json!(2), Some(2)));
    let withdrawal = phone.changed(|s| s.action = Action::Withdraw);
    let third = entry(address, &add_registration(address, &withdrawal).success());
    assert_eq!((third.action, third.replaces), (Action::Withdraw, Some(3)));
    let of_withdrawal = RegistrationReceipt::parse(&receipt(&log, &withdrawal).body).unwrap();
    let refused = verify(&log, &phone, &of_withdrawal, SERVICE).unwrap_err();
    assert_eq!(refused, UntrustedRegistration::Withdrawal);
    assert_refused(
        &add_registration(address, &phone.changed(|s| s.action = Action::Withdraw)),
        400,
        "registration-nothing-to-withdraw",
    );
    let again = add_registration(address, &phone.register()).success();
    assert_eq!((again.get("replaces"), entry(address, &again).replaces), (None, None));
    assert_eq!(log.size(), 6);
}

/// A registration that was withdrawn is answered as it was, and counts for nothing; one that was held back is refused. Fails
/// without the comparison of sequences, and when a repeated statement is judged again.
#[test]
fn what_was_withdrawn_does_not_come_back() {
    let log = accepting("");
    let (address, phone) = (log.address(), Phone::new(log.address(), 1, 1));
    let held_back = phone.register();
    std::thread::sleep(Duration::from_millis(2));
    let first = phone.register();
    let answer = add_registration(address, &first).success();
    add_registration(address, &phone.changed(|s| s.action = Action::Withdraw)).success();
    let size = log.size();
    assert_eq!(add_registration(address, &first).success(), answer);
    assert_refused(&add_registration(address, &held_back), 400, "registration-sequence-not-above");
    let same_time = phone.changed(|s| {
        s.sequence = first.statement.sequence;
        s.contact.push('x');
    });
    assert_refused(&add_registration(address, &same_time), 400, "registration-sequence-not-above");
    assert_eq!(log.size(), size);
}

/// Each line fails without the check that its name says.
#[test]
fn what_is_refused_and_why() {
    let log = accepting("");
    let address = log.address();
    let phone = Phone::of(address, &[1, 2], KeyPair::p256(1), 1);
    let other = Phone::new(address, 1, 2);
    let expired = {
        let validity = tnlog::synthetic::Validity { not_before: 1_600_000_000, not_after: 1_700_000_000 };
        let profile = tnlog::synthetic::Profile::numbers(&[phone.number.digits()], validity, 3);
        let chain = common::issuing().issue(&profile.key(phone.key.clone())).chain();
        let sct = log.submit(&chain, false);
        tnlog::sct::Extensions::decode(&from_base64(&sct["extensions"])).unwrap().leaf_index
    };
    let carrier = log.submit(&common::chain("carrier-1").0, false);
    let carrier = tnlog::sct::Extensions::decode(&from_base64(&carrier["extensions"])).unwrap().leaf_index;
    let long = |length: usize| "a".repeat(length);
    let seconds = (now() / 1000) as i64;
    let stranger = SignedRegistration { service_signature: vec![1; 70], ..phone.register() };
    let swapped = {
        let good = phone.register();
        let SignedRegistration { statement, credential_signature, service_signature } = good;
        SignedRegistration {
            statement,
            credential_signature: service_signature,
            service_signature: credential_signature,
        }
    };
    let cases: Vec<(&str, SignedRegistration)> = vec![
        ("registration-credential-not-logged", phone.changed(|s| s.credential = 1000)),
        ("registration-credential-not-logged", phone.changed(|s| s.credential = carrier)),
        ("registration-credential-not-logged", phone.changed(|s| s.credential = u64::MAX)),
        ("registration-credential-not-valid", phone.changed(|s| s.credential = expired)),
        ("registration-of-another-number", phone.changed(|s| s.number = number(3))),
        ("registration-of-another-key", phone.changed(|s| s.credential = other.index)),
        ("registration-of-another-key", phone.changed(|s| s.key_hash = [0; 32])),
        ("registration-of-another-log", phone.changed(|s| s.log_id = [7; 32])),
        ("registration-bad-credential-signature", swapped),
        ("registration-bad-service-signature", stranger),
        (
            "registration-unknown-resolution-service",
            phone.changed(|s| s.resolution_service = "rs.example".into()),
        ),
        ("registration-ended", phone.changed(|s| (s.not_before, s.not_after) = (seconds - DAY, seconds - 1))),
        ("registration-in-the-future", phone.changed(|s| s.sequence += 3_600_000)),
        ("registration-ends-too-late", phone.changed(|s| s.sequence -= 10 * 86_400_000)),
        ("registration-bad-validity", phone.changed(|s| s.not_after = s.not_before + 30 * DAY + 1)),
        ("registration-too-long", phone.changed(|s| s.service = long(256))),
        ("registration-too-long", phone.changed(|s| s.contact = format!("sip:{}", long(1024)))),
        ("registration-too-long", phone.changed(|s| s.resolution_service = long(254))),
        ("registration-too-long", phone.changed(|s| s.contact = format!("sip:{}", long(3000)))),
        ("registration-bad-text", phone.changed(|s| s.contact = "alice".into())),
        ("registration-nothing-to-withdraw", phone.changed(|s| s.action = Action::Withdraw)),
    ];
    let size = log.size();
    for (slug, submitted) in &cases {
        let response = add_registration(address, submitted);
        assert_refused(&response, 400, slug);
        assert!(response.json()["detail"].as_str().unwrap().len() > 20);
        let text = response.text();
        assert!(!text.contains("example") && !text.contains(&fictional_number(1)), "{text}");
    }
    let good = phone.register().encode();
    for (slug, body) in [
        ("malformed-registration", json!({ "registration": base64(&good[1..]) })),
        ("malformed-registration", json!({ "registration": "" })),
        ("malformed-registration", json!({ "registration": base64(&[&good[..], &[0]].concat()) })),
        ("registration-too-long", json!({ "registration": base64(&[0; 2049]) })),
        ("malformed-base64", json!({ "registration": "!" })),
        ("malformed-json", json!({ "statement": base64(&good) })),
        ("malformed-json", json!({ "registration": base64(&good), "more": 1 })),
    ] {
        for path in ["/tn/v1/add-registration", "/tn/v1/registration-receipt"] {
            assert_refused(&log.post(path, &body), 400, slug);
        }
    }
    assert_refused(
        &log.post("/tn/v1/add-registration", &json!({ "registration": "a".repeat(20_000) })),
        413,
        "body-too-long",
    );
    assert_eq!(log.size(), size, "something of it was logged");
    let metrics = log.get("/metrics").text();
    assert!(metrics.contains("problem=\"registration-of-another-number\"} 1"), "{metrics}");
    // The second number of the credential is in a slot of its own.
    add_registration(address, &phone.register()).success();
    let second = add_registration(address, &phone.changed(|s| s.number = number(2))).success();
    assert_eq!(second.get("replaces"), None);
}

fn number(n: u32) -> tnlog::number::Number {
    tnlog::number::Number::new(&fictional_number(n)).unwrap()
}

/// The signatures do not count: whoever sends the statement again gets the answer, and the receipt only with good ones.
#[test]
fn a_repeated_registration_is_answered_the_same() {
    let mut log = accepting("round_milliseconds = 300\n");
    accept(&log.folder, RS, &KeyPair::p256(91));
    log.restart();
    let (address, phone) = (log.address(), Phone::new(log.address(), 1, 1));
    let first = phone.register();
    let other = SignedRegistration {
        service_signature: KeyPair::p256(91).sign(&first.statement.signed_by_service()),
        ..first.clone()
    };
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let ask = |submitted| scope.spawn(move || add_registration(address, submitted).success());
        let asking = [&first, &other, &first, &other, &first, &first].map(ask);
        asking.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(log.size(), 3);
    let forged = SignedRegistration { service_signature: vec![1; 70], ..first.clone() };
    assert_eq!(add_registration(address, &forged).success(), answers[0]);
    assert_refused(&receipt(&log, &forged), 400, "registration-bad-service-signature");
    for submitted in [&first, &other] {
        let receipt = RegistrationReceipt::parse(&receipt(&log, submitted).body).unwrap();
        assert_eq!(receipt.extra.submitted, *submitted);
    }
}

/// Fails when a slot is not held while a registration is on its way.
#[test]
fn two_of_a_slot_are_judged_one_after_the_other() {
    let log = accepting("round_milliseconds = 1000\n");
    let (address, phone) = (log.address(), Phone::new(log.address(), 1, 1));
    std::thread::sleep(Duration::from_millis(1100));
    // The loop rests after this one, and takes the next ones together.
    let before = Phone::new(address, 5, 5);
    let first = phone.register();
    std::thread::sleep(Duration::from_millis(2));
    let second = phone.register();
    let other_slot = before.register();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| add_registration(address, &first).success());
        std::thread::sleep(Duration::from_millis(100));
        let busy = add_registration(address, &second);
        assert_refused(&busy, 503, "slot-busy");
        assert_eq!(busy.header("retry-after"), Some("1"));
        add_registration(address, &other_slot).success();
        let first = waiting.join().unwrap();
        let answer = add_registration_patiently(address, &second).success();
        assert_eq!(answer["replaces"], first["leaf_index"]);
    });
}

#[test]
fn resolution_services_come_and_go_without_a_restart() {
    let log = TestLog::start("");
    let (address, phone) = (log.address(), Phone::new(log.address(), 1, 1));
    assert_refused(
        &add_registration(address, &phone.register()),
        400,
        "registration-unknown-resolution-service",
    );
    let file = accept_rs(&log.folder);
    let begun = Instant::now();
    while is_refused(
        &add_registration(address, &phone.register()),
        400,
        "registration-unknown-resolution-service",
    ) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the service is not seen");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::fs::remove_file(file).unwrap();
    while add_registration(address, &phone.register()).status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the service is not gone");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_refused(
        &add_registration(address, &phone.register()),
        400,
        "registration-unknown-resolution-service",
    );
}

/// Fails without either budget; and when the key's is spent on what its holder did not sign.
#[test]
fn budgets_of_client_and_key() {
    let log = accepting("[limits]\nregistrations_per_client_hour = 5\nregistrations_per_key_day = 2\n");
    let address = log.address();
    let (phone, other) = (Phone::new(address, 1, 1), Phone::new(address, 2, 2));
    let unsigned = SignedRegistration { credential_signature: vec![1; 70], ..phone.register() };
    assert_refused(&add_registration(address, &unsigned), 400, "registration-bad-credential-signature");
    let first = phone.register();
    add_registration(address, &first).success();
    add_registration(address, &phone.register()).success();
    let over = add_registration(address, &phone.register());
    assert_refused(&over, 429, "submission-budget");
    assert!(over.json()["detail"].as_str().unwrap().contains("key of the credential"), "{}", over.text());
    assert!(over.header("retry-after").unwrap().parse::<u64>().unwrap() > 3600);
    add_registration(address, &other.register()).success();
    let over = add_registration(address, &other.register());
    assert_refused(&over, 429, "submission-budget");
    assert!(over.json()["detail"].as_str().unwrap().contains("this client"), "{}", over.text());
    add_registration(address, &first).success();
}

#[test]
fn a_log_that_is_read_only_takes_none() {
    let log = TestLog::start("read_only = true\n");
    let response = log.post("/tn/v1/add-registration", &json!({ "registration": "" }));
    assert_refused(&response, 400, "malformed-registration");
    let phone = {
        let open = accepting("");
        Phone::new(open.address(), 1, 1)
    };
    assert_refused(&add_registration(log.address(), &phone.register()), 403, "read-only");
}
