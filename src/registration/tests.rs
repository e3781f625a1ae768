use super::*;
use crate::entry::sample::{DAY, START, key_hash, label, leaf, number};
use crate::signature::Ecdsa;
use crate::synthetic::KeyPair;

const LOG: [u8; 32] = [9; 32];
const NOW: u64 = 1000 * (START as u64 + 10 * DAY as u64);
const RS: &str = "rs.example.com";

fn phone() -> KeyPair {
    KeyPair::p256(1)
}

fn rs_key() -> KeyPair {
    KeyPair::p384(2)
}

fn services() -> ResolutionServices {
    let mut services = ResolutionServices::default();
    services.add(RS, KeyPair::p256(3).spki()).unwrap();
    services.add(RS, rs_key().spki()).unwrap();
    services.add("other.example.com", KeyPair::p256(4).spki()).unwrap();
    services
}

fn statement() -> Registration {
    Registration {
        log_id: LOG,
        number: Number::new("17035550123").unwrap(),
        service: "messages.example.com".into(),
        contact: "sip:alice@messages.example.com".into(),
        resolution_service: RS.into(),
        credential: 3,
        key_hash: key_hash(&phone()),
        not_before: START + 10 * DAY,
        not_after: START + 40 * DAY,
        sequence: NOW,
        action: Action::Register,
    }
}

fn sign(statement: Registration) -> SignedRegistration {
    let credential_signature = phone().sign(&statement.signed_by_credential());
    let service_signature = rs_key().sign(&statement.signed_by_service());
    SignedRegistration { statement, credential_signature, service_signature }
}

fn changed(change: impl FnOnce(&mut Registration)) -> SignedRegistration {
    let mut statement = statement();
    change(&mut statement);
    sign(statement)
}

fn credential() -> Leaf {
    leaf(3, 0, number(&phone(), &[1, 2], 1))
}

fn admit_against(
    submitted: &SignedRegistration,
    credential: Option<&Leaf>,
    label: Label,
    last: Option<Last>,
    now: u64,
) -> Result<Option<u64>, RegistrationRefusal> {
    let services = services();
    let context =
        RegistrationContext { log_id: &LOG, credential, now, services: &services, verifier: &Ecdsa };
    check_registration(submitted, &context)?.admit(&label, last)
}

fn admit_after(
    submitted: &SignedRegistration,
    last: Option<Last>,
) -> Result<Option<u64>, RegistrationRefusal> {
    admit_against(submitted, Some(&credential()), label(1), last, NOW)
}

fn admit(submitted: &SignedRegistration) -> Result<Option<u64>, RegistrationRefusal> {
    admit_after(submitted, None)
}

#[test]
fn a_good_registration_is_taken_and_reads_back() {
    let good = sign(statement());
    assert_eq!(SignedRegistration::decode(&good.encode()).as_ref(), Ok(&good));
    assert_eq!(admit(&good), Ok(None));
    let entry = good.statement.entry(label(1), &good.statement.opening(&OpeningSecret::new([7; 32])), None);
    assert_eq!((entry.credential, entry.not_after, entry.action), (3, START + 40 * DAY, Action::Register));
}

/// Each line fails without the check that its refusal names.
#[test]
fn what_is_refused() {
    use RegistrationRefusal as R;
    let far = NOW + 1;
    for (refusal, submitted) in [
        (R::OtherLog, changed(|s| s.log_id = [8; 32])),
        (R::NotLogged, changed(|s| s.credential = 4)),
        (R::OtherKey, changed(|s| s.key_hash = [0; 32])),
        (R::UnknownService, changed(|s| s.resolution_service = "rs.example.org".into())),
        (R::BadServiceSignature, changed(|s| s.resolution_service = "other.example.com".into())),
        (R::Ended, changed(|s| (s.not_before, s.not_after) = (START, START + 10 * DAY - 1))),
        (R::TooFar, changed(|s| (s.not_before, s.not_after) = (START + 11 * DAY, START + 40 * DAY + 1))),
        (R::TooFar, changed(|s| s.sequence -= 1000)),
        (R::Validity, changed(|s| s.not_before -= 1)),
        (R::Validity, changed(|s| s.not_after = s.not_before - 1)),
        (R::Validity, changed(|s| (s.not_before, s.not_after) = (i64::MIN, i64::MAX))),
        (R::InTheFuture, changed(|s| s.sequence = far)),
        (R::NothingToWithdraw, changed(|s| s.action = Action::Withdraw)),
        (R::TooLong(Field::Service, MAX_SERVICE), changed(|s| s.service = "a".repeat(256))),
        (R::TooLong(Field::Contact, MAX_CONTACT), changed(|s| s.contact = format!("x:{}", "a".repeat(1023)))),
        (
            R::TooLong(Field::ResolutionService, MAX_RESOLUTION_SERVICE),
            changed(|s| s.resolution_service = "a".repeat(254)),
        ),
        (R::Text(Field::Service), changed(|s| s.service = String::new())),
        (R::Text(Field::Service), changed(|s| s.service = "a b".into())),
        (R::Text(Field::Service), changed(|s| s.service = "ä".into())),
        (R::Text(Field::Contact), changed(|s| s.contact = "alice".into())),
        (R::Text(Field::Contact), changed(|s| s.contact = "1a:b".into())),
        (R::Text(Field::Contact), changed(|s| s.contact = "sip:".into())),
    ] {
        assert_eq!(admit(&submitted), Err(refusal), "{refusal}");
        assert!(!refusal.slug().is_empty());
    }
}

#[test]
fn the_largest_registration_fits() {
    let largest = changed(|s| {
        s.service = "s".repeat(MAX_SERVICE);
        s.contact = format!("x:{}", "c".repeat(MAX_CONTACT - 2));
        s.resolution_service = "r".repeat(MAX_RESOLUTION_SERVICE);
    });
    let length = largest.encode().len();
    assert!(length <= MAX_SUBMISSION - 16, "{length}");
    assert!(SignedRegistration::decode(&largest.encode()).is_ok());
    let too_long = SignedRegistration::decode(&[0; MAX_SUBMISSION + 1]);
    assert_eq!(too_long, Err(RegistrationRefusal::SubmissionTooLong));
}

/// Fails without the checks of `live_credential`.
#[test]
fn the_credential_is_logged_live_and_of_the_number_and_the_key() {
    use RegistrationRefusal as R;
    let good = sign(statement());
    let unlogged = admit_against(&good, None, label(1), None, NOW);
    assert_eq!(unlogged, Err(R::NotLogged));
    let against =
        |credential: &Leaf, label: Label, now: u64| admit_against(&good, Some(credential), label, None, now);
    assert_eq!(against(&credential(), label(2), NOW), Ok(None));
    assert_eq!(against(&credential(), label(3), NOW), Err(R::OtherNumber));
    let other_index = Leaf { index: 4, ..credential() };
    assert_eq!(against(&other_index, label(1), NOW), Err(R::NotLogged));
    let entry = good.statement.entry(label(1), &Opening::new([1; 32]), None);
    assert_eq!(against(&leaf(3, 0, entry), label(1), NOW), Err(R::NotLogged));
    let other_key = leaf(3, 0, number(&KeyPair::p256(5), &[1], 1));
    assert_eq!(against(&other_key, label(1), NOW), Err(R::OtherKey));
    let validity = |not_before, not_after| {
        leaf(3, 0, NumberEntry { not_before, not_after, ..number(&phone(), &[1], 1) })
    };
    let day = START + 10 * DAY;
    assert_eq!(against(&validity(START, day), label(1), NOW + 999), Ok(None));
    assert_eq!(against(&validity(START, day), label(1), NOW + 1000), Err(R::NotLive));
    assert_eq!(against(&validity(day + 1, day + 9), label(1), NOW), Err(R::NotLive));
}

/// Replays: fails without the comparison of sequences in `replaced`.
#[test]
fn sequences_rise_within_a_slot() {
    use RegistrationRefusal as R;
    let last = |sequence, action| Some(Last { sequence, index: 11, action });
    let again = admit_after;
    let register = sign(statement());
    let withdraw = changed(|s| s.action = Action::Withdraw);
    assert_eq!(again(&register, last(NOW - 1, Action::Register)), Ok(Some(11)));
    assert_eq!(again(&withdraw, last(NOW - 1, Action::Register)), Ok(Some(11)));
    assert_eq!(again(&register, last(NOW - 1, Action::Withdraw)), Ok(None));
    assert_eq!(again(&withdraw, last(NOW - 1, Action::Withdraw)), Err(R::NothingToWithdraw));
    for last in [last(NOW, Action::Register), last(NOW, Action::Withdraw), last(u64::MAX, Action::Withdraw)] {
        assert_eq!(again(&register, last), Err(R::SequenceNotAbove));
        assert_eq!(again(&withdraw, last), Err(R::SequenceNotAbove));
    }
}

/// What the last registration of a slot shuts out has ended when it is forgotten. Fails when `check_times` compares the end with
/// now, and not with the sequence.
#[test]
fn a_slot_is_forgotten_when_nothing_older_can_come_any_more() {
    let last = Last { sequence: NOW, index: 11, action: Action::Withdraw };
    let end = 1000 * latest_end(NOW) as u64;
    assert!(!is_forgotten(NOW, end + 999) && is_forgotten(NOW, end + 1000));
    let credential = leaf(3, 0, NumberEntry { not_after: START + 900 * DAY, ..number(&phone(), &[1], 1) });
    let held_back = changed(|s| {
        (s.sequence, s.not_before, s.not_after) = (NOW - 1000, START + 11 * DAY, START + 40 * DAY - 1);
    });
    let postdated = changed(|s| (s.not_before, s.not_after) = (START + 60 * DAY, START + 80 * DAY));
    let at = |submitted: &SignedRegistration, now| {
        admit_against(submitted, Some(&credential), label(1), Some(last), now)
    };
    assert_eq!(at(&held_back, end - 1000), Err(RegistrationRefusal::SequenceNotAbove));
    assert_eq!(at(&held_back, end), Err(RegistrationRefusal::Ended));
    assert_eq!(at(&postdated, end + 1000 * 30 * DAY as u64), Err(RegistrationRefusal::TooFar));
    let new = changed(|s| {
        (s.sequence, s.not_before, s.not_after) = (end + 1000, START + 41 * DAY, START + 60 * DAY);
    });
    let forgotten = Some(Last { action: Action::Register, ..last });
    assert_eq!(admit_against(&new, Some(&credential), label(1), forgotten, end + 1000), Ok(None));
}

/// Without a signature nothing is learned about the number of a leaf. Fails when the label is compared before the signatures.
#[test]
fn who_cannot_sign_does_not_learn_whose_a_leaf_is() {
    let unsigned = SignedRegistration { credential_signature: vec![1; 70], ..sign(statement()) };
    for label in [label(1), label(9)] {
        let refused = admit_against(&unsigned, Some(&credential()), label, None, NOW);
        assert_eq!(refused, Err(RegistrationRefusal::BadCredentialSignature));
    }
}

/// Another key, RS, service or number is another slot; times, contact, action and credential are not.
#[test]
fn slots() {
    let slot = |change: fn(&mut Registration), label| {
        let mut statement = statement();
        change(&mut statement);
        statement.slot(&label, &OpeningSecret::new([7; 32]))
    };
    let one = slot(|_| (), label(1));
    assert_ne!(one, slot(|_| (), label(2)));
    assert_ne!(one, slot(|s| s.key_hash = [0; 32], label(1)));
    assert_ne!(one, slot(|s| s.resolution_service.push('x'), label(1)));
    assert_ne!(one, slot(|s| s.service.push('x'), label(1)));
    let shifted = |s: &mut Registration| {
        let moved = s.service.remove(0);
        s.resolution_service.push(moved);
    };
    assert_ne!(one, slot(shifted, label(1)));
    assert_eq!(one, slot(|s| (s.sequence, s.credential, s.action) = (1, 9, Action::Withdraw), label(1)));
    assert_ne!(one, statement().slot(&label(1), &OpeningSecret::new([8; 32])));
}

/// Fails without either verification of `check_signatures`, or with one domain for both.
#[test]
fn both_must_sign_each_in_its_role() {
    use RegistrationRefusal as R;
    let good = sign(statement());
    let message = [good.statement.signed_by_credential(), good.statement.signed_by_service()];
    assert_ne!(message[0], message[1]);
    let by = |key: &KeyPair, role: usize| key.sign(&message[role]);
    for (refusal, credential, service) in [
        (R::BadCredentialSignature, by(&phone(), 1), by(&rs_key(), 1)),
        (R::BadCredentialSignature, by(&rs_key(), 0), by(&rs_key(), 1)),
        (R::BadCredentialSignature, phone().sign(&good.statement.encode()), by(&rs_key(), 1)),
        (R::BadServiceSignature, by(&phone(), 0), by(&rs_key(), 0)),
        (R::BadServiceSignature, by(&phone(), 0), by(&phone(), 1)),
        (R::BadServiceSignature, by(&phone(), 0), by(&KeyPair::p256(4), 1)),
    ] {
        let bad = SignedRegistration {
            credential_signature: credential,
            service_signature: service,
            ..good.clone()
        };
        assert_eq!(admit(&bad), Err(refusal));
    }
    let first_key = KeyPair::p256(3).sign(&message[1]);
    assert_eq!(admit(&SignedRegistration { service_signature: first_key, ..good }), Ok(None));
}

#[test]
fn every_flipped_bit_of_a_submission_is_refused() {
    let good = sign(statement()).encode();
    for bit in 0..8 * good.len() {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let outcome = SignedRegistration::decode(&bad).and_then(|submitted| admit(&submitted));
        assert!(outcome.is_err(), "bit {bit}");
    }
    for length in 0..good.len() {
        assert!(SignedRegistration::decode(&good[..length]).is_err(), "{length}");
    }
    assert!(SignedRegistration::decode(&[&good[..], &[0]].concat()).is_err());
}

/// Other signatures of the same statement are the same submission; any other statement is another.
#[test]
fn the_identity_is_the_statement() {
    let secret = OpeningSecret::new([7; 32]);
    let one = statement();
    let commit = |s: &Registration| s.entry(label(1), &s.opening(&secret), None).commitment;
    assert_eq!(commit(&one), commit(&one.clone()));
    let other = changed(|s| s.contact.push('x')).statement;
    assert_ne!(commit(&one), commit(&other));
    assert_ne!(one.entry(label(1), &other.opening(&secret), None).commitment, commit(&one));
    assert_eq!(one.identity()[..2], [0x54, 0x02]);
}

#[test]
fn nothing_of_the_statement_is_shown() {
    let shown = format!("{:?}", sign(statement()).statement);
    assert_eq!(shown, "Registration(register, ..)");
    let debug = format!("{:?}", sign(statement()));
    assert!(!debug.contains("example") && !debug.contains("1703"), "{debug}");
}

#[test]
fn resolution_services_are_checked_when_they_are_added() {
    let mut services = ResolutionServices::default();
    assert_eq!(services.add("", phone().spki()), Err(ResolutionServiceError::Name));
    assert_eq!(services.add("a b", phone().spki()), Err(ResolutionServiceError::Name));
    assert_eq!(services.add("a", &phone().spki()[1..]), Err(ResolutionServiceError::Key));
    for seed in 0..8 {
        services.add("a", KeyPair::p256(seed).spki()).unwrap();
    }
    assert_eq!(services.add("a", phone().spki()), Err(ResolutionServiceError::TooManyKeys));
}
