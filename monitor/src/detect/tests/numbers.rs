//! Credentials of single numbers: what is a reroute, and what only looks like one.

use super::*;
use Detector::{ConflictingCredentials, Profile, RegistrationTakeover, RepeatedId, RerouteSuspected};
use Severity::{High, Info, Low, Medium};

const ANNA: u64 = 1;
const ANNAS_NEW_PHONE: u64 = 2;
const MALLORY: u64 = 3;
const NUMBER: u64 = 70;
const USUAL: u8 = 1;
const OTHER: u8 = 2;

/// Profiles are another story: the keys here are no keys.
fn found(world: &World) -> Vec<(Detector, Severity)> {
    world.open().into_iter().filter(|(detector, _)| *detector != Profile).collect()
}

/// Anna has a credential and uses it for ten days.
fn anna() -> (World, u64) {
    let mut world = World::new(Detectors::default());
    let anna = world.logs(&credential(NUMBER, ANNA, USUAL));
    world.registers(NUMBER, anna);
    world.after(10 * DAY);
    (world, anna)
}

#[test]
fn an_approved_renewal_is_cleared() {
    let (mut world, anna) = anna();
    let new = world.logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    assert_eq!(found(&world), [(RerouteSuspected, Low)]);
    let statement = world.after(60).says(Verb::Approve, NUMBER, anna, new);
    assert_eq!(found(&world), []);
    let finding = world.finding(RerouteSuspected);
    assert_eq!((finding.state, &finding.entries[..]), (State::Cleared, &[new, anna, statement][..]));
    // The registration under the new key then is nothing to speak of.
    world.after(60).registers(NUMBER, new);
    assert_eq!(found(&world), []);
}

/// The same key again gives nobody anything.
#[test]
fn a_renewal_that_keeps_its_key_is_silent() {
    let (mut world, _) = anna();
    world.logs(&credential(NUMBER, ANNA, OTHER));
    assert_eq!(found(&world), []);
}

/// The old telephone never shows itself again: no more than low, whatever the new one does.
#[test]
fn a_lost_telephone_stays_low() {
    let (mut world, _) = anna();
    let new = world.logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    world.after(HOUR).registers(NUMBER, new);
    world.after(25 * DAY).registers(NUMBER, new);
    assert_eq!(found(&world), [(RerouteSuspected, Low), (RegistrationTakeover, Low)]);
    // When it renews later, by the same issuer and late in its life, that is not worth more either.
    world.after(40 * DAY).logs(&credential(NUMBER, ANNAS_NEW_PHONE + 10, USUAL));
    assert!(found(&world).iter().all(|(_, severity)| *severity <= Low));
}

#[test]
fn an_unapproved_renewal_at_the_end_of_its_life_is_only_worth_knowing() {
    let (mut world, _) = anna();
    world.after(70 * DAY).logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    assert_eq!(found(&world), [(RerouteSuspected, Info)]);
    // And after its end it stands.
    let (mut world, _) = super::numbers::anna();
    world.after(90 * DAY).logs(&credential(NUMBER, ANNAS_NEW_PHONE, OTHER));
    assert_eq!(found(&world), []);
}

/// Nobody approved the new telephone, and when everything has expired, the next one stands: it is Anna who has both. Fails when any
/// key that stands is taken for an earlier one.
#[test]
fn a_key_that_stands_since_nothing_covered_the_number_disputes_nothing() {
    let (mut world, _) = anna();
    let new = world.after(70 * DAY).logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    world.after(HOUR).registers(NUMBER, new);
    assert_eq!(world.severity(RerouteSuspected), Low);
    let next = world.after(20 * DAY).logs(&credential(NUMBER, ANNAS_NEW_PHONE + 10, USUAL));
    world.after(HOUR).registers(NUMBER, next);
    assert!(found(&world).iter().all(|(_, severity)| *severity <= Low), "{:?}", found(&world));
}

/// Mallory takes over the conversation; Anna's telephone goes on registering.
#[test]
fn a_reroute_is_high_when_the_earlier_key_is_still_in_use() {
    let (mut world, anna) = anna();
    let mallory = world.logs(&credential(NUMBER, MALLORY, OTHER));
    assert_eq!(found(&world), [(RerouteSuspected, Low), (ConflictingCredentials, Low)]);
    world.after(HOUR / 2).registers(NUMBER, mallory);
    assert_eq!(world.severity(RerouteSuspected), Medium);
    assert_eq!(world.severity(RegistrationTakeover), Medium);
    let again = world.after(5 * DAY).registers(NUMBER, anna);
    assert_eq!(world.severity(RerouteSuspected), High);
    assert_eq!(world.severity(RegistrationTakeover), High);
    let finding = world.finding(RerouteSuspected);
    assert_eq!(finding.entries, [mallory, anna, again]);
    assert!(finding.sentence.to_string().contains("still in use"));
}

/// By the issuer that Anna has too, and without a registration: still a sign that two have a key.
#[test]
fn a_reroute_by_the_usual_issuer_is_found_too() {
    let (mut world, anna) = anna();
    let mallory = world.logs(&credential(NUMBER, MALLORY, USUAL));
    assert_eq!(found(&world), [(RerouteSuspected, Low)]);
    world.after(2 * DAY).registers(NUMBER, anna);
    assert_eq!(found(&world), [(RerouteSuspected, Medium)]);
    // Fails when `on_registration` counts what comes late: a registration after a day follows from nothing.
    world.after(DAY).registers(NUMBER, mallory);
    assert_eq!(found(&world), [(RerouteSuspected, Medium), (RegistrationTakeover, Medium)]);
}

#[test]
fn a_dispute_is_high_at_once() {
    let (mut world, anna) = anna();
    let mallory = world.logs(&credential(NUMBER, MALLORY, USUAL));
    let dispute = world.after(60).says(Verb::Dispute, NUMBER, anna, mallory);
    assert_eq!(found(&world), [(RerouteSuspected, High)]);
    assert!(world.finding(RerouteSuspected).entries.contains(&dispute));
}

/// Fails when `weigh` takes any statement that it gets: Mallory's key stands for nothing.
#[test]
fn mallory_cannot_clear_himself_or_accuse_anna() {
    let (mut world, anna) = anna();
    let first = world.logs(&credential(NUMBER, MALLORY, USUAL));
    let second = world.after(60).logs(&credential(NUMBER, MALLORY + 1, USUAL));
    world.says(Verb::Approve, NUMBER, first, second);
    assert_eq!(found(&world), [(RerouteSuspected, Low), (RerouteSuspected, Low)]);
    let renewed = world.after(60).logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    world.says(Verb::Approve, NUMBER, anna, renewed);
    world.says(Verb::Dispute, NUMBER, first, renewed);
    assert_eq!(found(&world), [(RerouteSuspected, Low), (RerouteSuspected, Low)]);
}

/// Approving another credential is a sign of life of the old key, too.
#[test]
fn an_approval_of_another_one_raises_it() {
    let (mut world, anna) = anna();
    let mallory = world.logs(&credential(NUMBER, MALLORY, OTHER));
    world.registers(NUMBER, mallory);
    let new = world.after(2 * DAY).logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    world.after(60).says(Verb::Approve, NUMBER, anna, new);
    assert_eq!(world.findings.iter().filter(|finding| finding.severity == High).count(), 2);
}

/// A withdrawal is how a telephone says good-bye: no takeover follows, and it is no sign of use.
#[test]
fn who_withdraws_before_moves_in_peace() {
    let (mut world, anna) = anna();
    world.registration(NUMBER, anna, Action::Withdraw);
    let new = world.after(HOUR).logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    world.after(HOUR).registers(NUMBER, new);
    assert_eq!(found(&world), [(RerouteSuspected, Low)]);
}

/// People have several apps, each with a key and an issuer of its own. Where that is usual, two keys in use
/// are not high; a dispute is. Fails when `grade` does not look whether it is common.
#[test]
fn where_two_apps_are_usual_two_keys_are_not_high() {
    let mut world = World::new(Detectors::default());
    let mut leaves = Vec::new();
    for person in 0..30 {
        leaves.push(world.logs(&credential(person, 1000 + person, USUAL)));
    }
    world.after(10 * DAY);
    for person in 0..30 {
        let second = world.logs(&credential(person, 2000 + person, OTHER));
        world.registers(person, second);
    }
    world.after(2 * DAY);
    for person in 0..30 {
        world.registers(person, leaves[person as usize]);
    }
    let high = |world: &World| world.open().iter().filter(|(_, severity)| *severity == High).count();
    assert_eq!(high(&world), 20, "the first twenty");
    world.says(Verb::Dispute, 29, leaves[29], 30 + 2 * 29);
    assert_eq!(high(&world), 21);
}

#[test]
fn both_halves_of_a_credential_are_one() {
    let (mut world, anna) = anna();
    let half = Credential { id: 7, ..credential(NUMBER, MALLORY, USUAL) };
    let precertificate = world.logs(&Credential { is_precertificate: true, ..half.clone() });
    let certificate = world.logs(&half);
    assert_eq!(found(&world), [(RerouteSuspected, Low)]);
    // Statements and registrations may name either of them.
    world.after(60).says(Verb::Approve, NUMBER, anna, certificate);
    assert_eq!(found(&world), []);
    assert_eq!(world.finding(RerouteSuspected).entries[0], precertificate);
}

/// Another key under the id of a credential that stands. Fails when the key is not in what halves must agree
/// in.
#[test]
fn a_repeated_id_is_high_and_is_judged_by_itself() {
    let (mut world, _) = anna();
    let half = Credential { id: 7, ..credential(NUMBER, ANNA, USUAL) };
    world.logs(&Credential { is_precertificate: true, ..half.clone() });
    assert_eq!(found(&world), []);
    world.logs(&Credential { key: MALLORY, ..half });
    assert_eq!(found(&world), [(RerouteSuspected, Low), (RepeatedId, High)]);
}

/// The same leaf twice is no second certificate.
#[test]
fn the_same_certificate_with_another_signature_accuses_nobody() {
    let (mut world, _) = anna();
    let twice = Credential { id: 7, ..credential(NUMBER, ANNA, USUAL) };
    world.logs(&twice);
    world.logs(&twice);
    assert_eq!(found(&world), [(RepeatedId, Info)]);
}

/// An attacker has hundreds of credentials issued: what is remembered stays small, the holder's key keeps its
/// weight, and it is said.
#[test]
fn a_crowded_number_stays_small_and_is_reported() {
    let (mut world, anna) = anna();
    for key in 100..400 {
        world.after(60).logs(&credential(NUMBER, key, OTHER));
    }
    let crowded =
        world.findings.iter().filter(|finding| finding.sentence.what.contains("monitor does not follow"));
    assert_eq!(crowded.count(), 1);
    let record = world.store.get(&number::NumberState::key(&label(NUMBER))).unwrap().unwrap();
    assert!(record.len() < 2500, "{}", record.len());
    let before = found(&world).len();
    let new = world.logs(&credential(NUMBER, ANNAS_NEW_PHONE, USUAL));
    world.says(Verb::Approve, NUMBER, anna, new);
    assert_eq!(found(&world).len(), before);
    assert_eq!(world.findings.iter().filter(|finding| finding.state == State::Cleared).count(), 1);
}

/// A certificate of two numbers is one finding, and an approval for one of them does not clear it.
#[test]
fn an_approval_for_one_of_two_numbers_does_not_clear_both() {
    let (mut world, anna) = anna();
    world.logs(&credential(71, 50, USUAL));
    world.after(DAY);
    let both = Credential { labels: vec![NUMBER, 71], ..credential(NUMBER, MALLORY, USUAL) };
    let both = world.logs(&both);
    assert_eq!(found(&world), [(RerouteSuspected, Low)]);
    world.says(Verb::Approve, NUMBER, anna, both);
    assert_eq!(found(&world), [(RerouteSuspected, Low)]);
}

/// Whoever goes through the same entries again finds the same, in whatever batches.
#[test]
fn findings_are_the_same_when_they_are_found_again() {
    let tell = || {
        let (mut world, anna) = anna();
        let mallory = world.logs(&credential(NUMBER, MALLORY, OTHER));
        world.registers(NUMBER, mallory);
        world.after(3 * DAY).registers(NUMBER, anna);
        world.findings
    };
    assert_eq!(tell(), tell());
    let ids: std::collections::HashSet<_> = tell().iter().map(|finding| finding.id).collect();
    assert_eq!(ids.len(), tell().len());
}

#[test]
fn backdating_stands_out_where_certificates_are_logged_at_once() {
    let of = |late: u64, began| {
        let mut world = World::new(Detectors::default());
        for person in 0..100 {
            let began = if person < late { 5 * DAY } else { 0 };
            world.logs(&Credential { began, ..credential(person, 1000 + person, USUAL) });
        }
        world.logs(&Credential { began, ..credential(1000, 5000, USUAL) });
        world.findings.iter().filter(|finding| finding.sentence.what.contains("long after")).count()
    };
    assert_eq!(of(0, 5 * DAY), 1);
    assert_eq!(of(0, DAY), 0);
    assert_eq!(of(30, 5 * DAY), 0, "an issuer that logs late as a rule");
}

/// No finding shows a label, in whatever form.
#[test]
fn findings_show_no_label() {
    let (mut world, anna) = anna();
    let mallory = world.logs(&credential(NUMBER, MALLORY, OTHER));
    world.says(Verb::Dispute, NUMBER, anna, mallory);
    let shown = format!("{:?}", world.findings);
    let bytes = label(NUMBER).as_bytes()[..10].iter().map(|byte| byte.to_string()).collect::<Vec<_>>();
    assert!(!shown.contains(&bytes.join(", ")));
}
