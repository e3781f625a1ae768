//! Watches: what is unexpected for whom.

use super::*;
use Severity::{High, Medium};
use tnlog::block::Block;
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::synthetic::{Name, Profile};

const MINE: u64 = 1;
const MY_NEXT: u64 = 2;
const MALLORY: u64 = 3;
const NUMBER: u64 = 70;
const VALIDITY: Validity = valid(-1, 60);

fn my_number() -> Watch {
    let number = Number::new("17035550123").unwrap();
    let known_keys = vec![KeyId::of_spki(&spki(MINE))];
    Watch { known_keys, ..Watch::new("mine", Watched::Number(number, label(NUMBER))) }
}

fn world(watch: Watch) -> World {
    World::new(Detectors { watches: Watches::new(vec![watch]), ..Detectors::default() })
}

/// Without what is found with no watch.
fn unexpected(world: &World) -> Vec<(Detector, Severity)> {
    let of_watches = [Detector::UnexpectedIssuer, Detector::UnexpectedKey, Detector::UnexpectedScope];
    world.open().into_iter().filter(|(detector, _)| of_watches.contains(detector)).collect()
}

#[test]
fn my_own_keys_are_expected_and_those_that_they_approve() {
    let mut world = world(my_number());
    let mine = world.logs(&credential(NUMBER, MINE, 1));
    assert_eq!(unexpected(&world), []);
    let next = world.after(DAY).logs(&credential(NUMBER, MY_NEXT, 1));
    assert_eq!(unexpected(&world), [(Detector::UnexpectedKey, Medium)]);
    world.says(Verb::Approve, NUMBER, mine, next);
    assert_eq!(unexpected(&world), []);
    assert_eq!(world.finding(Detector::UnexpectedKey).state, State::Cleared);
    // The new key is mine now, and can approve.
    let third = world.after(DAY).logs(&credential(NUMBER, 9, 1));
    world.says(Verb::Approve, NUMBER, next, third);
    assert_eq!(unexpected(&world), []);
}

/// Fails when `statement` does not ask whether the old key is known.
#[test]
fn a_key_that_is_not_mine_approves_nothing() {
    let mut world = world(my_number());
    world.logs(&credential(NUMBER, MINE, 1));
    let mallory = world.logs(&credential(NUMBER, MALLORY, 1));
    let second = world.logs(&credential(NUMBER, MALLORY + 1, 1));
    world.says(Verb::Approve, NUMBER, mallory, second);
    assert_eq!(unexpected(&world), [(Detector::UnexpectedKey, Medium); 2]);
    world.registers(NUMBER, second);
    assert_eq!(unexpected(&world), [(Detector::UnexpectedKey, Medium), (Detector::UnexpectedKey, High)]);
}

#[test]
fn an_issuer_that_is_not_allowed() {
    let allowed_issuers = vec![issuer(1).operator];
    let mut world = world(Watch { allowed_issuers, ..my_number() });
    world.logs(&credential(NUMBER, MINE, 1));
    assert_eq!(unexpected(&world), []);
    let half = Credential { id: 7, ..credential(NUMBER, MALLORY, 2) };
    world.logs(&Credential { is_precertificate: true, ..half.clone() });
    world.logs(&half);
    assert_eq!(unexpected(&world), [(Detector::UnexpectedIssuer, High), (Detector::UnexpectedKey, High)]);
    assert_eq!(world.finding(Detector::UnexpectedIssuer).watch.as_deref(), Some("mine"));
}

#[test]
fn what_is_acknowledged_is_learned() {
    let mut world = world(my_number());
    world.logs(&credential(NUMBER, MY_NEXT, 1));
    let mut memory = Memory::new(&world.store);
    Watches::learn(&mut memory, my_number().id(), KeyId::of_spki(&spki(MY_NEXT))).unwrap();
    let changes = memory.into_changes();
    world.store.apply(changes);
    world.logs(&credential(NUMBER, MY_NEXT, 2));
    assert_eq!(world.findings.iter().filter(|finding| finding.watch.is_some()).count(), 1);
}

#[test]
fn a_block_around_my_number() {
    let holders = vec!["Example Telephone".to_owned()];
    let mut world = world(Watch { holders, ..my_number() });
    let ca = Authority::root("CA", 1, VALIDITY);
    let range = |start, count, organization, seed| {
        ca.issue(
            &Profile::ranges(&[(start, count)], VALIDITY, seed).subject(Name::new(organization, "Range")),
        )
    };
    world.logs_open(&range("17035550000", 1000, "Example Telephone, Inc.", 1));
    world.logs_open(&range("17035551000", 1000, "Other", 2));
    assert_eq!(unexpected(&world), []);
    // A word that both names share makes nobody the holder.
    for (start, count, name) in [
        ("17035550100", 100, "Mallory"),
        ("17035000000", 1_000_000, "Example Telecom"),
        ("17035550115", 12, "Telephone"),
    ] {
        let mallory = range(start, count, name, 3);
        let found = unexpected(&world).len();
        world.logs_open(&mallory);
        assert_eq!(unexpected(&world).len(), found + 1, "{start} {count}");
    }
    assert!(unexpected(&world).iter().all(|found| *found == (Detector::UnexpectedScope, High)));
}

/// Who may issue for my number may not give its block to anybody.
#[test]
fn a_block_around_my_number_by_an_issuer_that_is_allowed() {
    let ca = Authority::root("CA", 1, VALIDITY);
    let mallory = ca.issue(&Profile::ranges(&[("17035550100", 100)], VALIDITY, 3));
    let allowed_issuers = vec![Operator::of(&Certificate::from_der(ca.certificate().to_vec()).unwrap())];
    let mut world = world(Watch { allowed_issuers, ..my_number() });
    world.logs_open(&mallory);
    assert_eq!(unexpected(&world), [(Detector::UnexpectedScope, Severity::Medium)]);
}

#[test]
fn a_block_that_is_watched() {
    let block: Block = "1703555xxxx".parse().unwrap();
    let mut world = world(Watch::new("block", Watched::Blocks(vec![block])));
    let ca = Authority::root("CA", 1, VALIDITY);
    world.logs_open(&ca.issue(&Profile::ranges(&[("17035560000", 1000)], VALIDITY, 1)));
    assert_eq!(unexpected(&world), []);
    world.logs_open(&ca.issue(&Profile::ranges(&[("17035550000", 100)], VALIDITY, 2)));
    assert_eq!(unexpected(&world), [(Detector::UnexpectedScope, High)]);
}

/// A carrier renews with new keys, so these count only where some are named.
#[test]
fn a_carrier() {
    let code = ServiceProviderCode::new("706j").unwrap();
    let (usual, other) = (Authority::root("Usual", 1, VALIDITY), Authority::root("Other", 2, VALIDITY));
    let operator = |ca: &Authority| Operator::of(&Certificate::from_der(ca.certificate()).unwrap());
    let other = Authority::self_signed(
        Profile::authority("Other", None, VALIDITY, 2)
            .subject(Name::new("Other CA", other.chain().len().to_string().as_str())),
    );
    let allowed_issuers = vec![operator(&usual)];
    let mut world = world(Watch { allowed_issuers, ..Watch::new("us", Watched::Carrier(code)) });
    world.logs_open(&usual.issue(&Profile::carrier("706J", VALIDITY, 1)));
    world.logs_open(&usual.issue(&Profile::carrier("706J", VALIDITY, 2)));
    assert_eq!(unexpected(&world), []);
    world.logs_open(&other.issue(&Profile::carrier("706J", VALIDITY, 3)));
    assert_eq!(unexpected(&world), [(Detector::UnexpectedIssuer, High)]);
}

/// Fails when a CA that names an organization is known by that alone.
#[test]
fn an_issuer_is_known_by_its_organization_and_by_its_key() {
    let profile = |key| Profile::authority("CA", None, VALIDITY, key).subject(Name::new("Usual Inc", "CA"));
    let [usual, same_name] = [1, 2].map(|key| Authority::self_signed(profile(key)));
    let of = |ca: &Authority| Issuer::of(&Certificate::from_der(ca.certificate()).unwrap());
    assert_eq!(of(&usual).operator, Operator::of_organization("USUAL, Inc."));
    let by_key = Operator::of_key_hash(&of(&usual).key_hash);
    assert_ne!(by_key, of(&usual).operator);
    let code = ServiceProviderCode::new("706J").unwrap();
    for (named, others) in [(by_key, 1), (of(&usual).operator, 0)] {
        let watch = Watch::new("us", Watched::Carrier(code));
        let mut world = world(Watch { allowed_issuers: vec![named], ..watch });
        world.logs_open(&usual.issue(&Profile::carrier("706J", VALIDITY, 1)));
        assert_eq!(unexpected(&world), []);
        world.logs_open(&same_name.issue(&Profile::carrier("706J", VALIDITY, 2)));
        assert_eq!(unexpected(&world), vec![(Detector::UnexpectedIssuer, High); others]);
    }
}

#[test]
fn an_issuer_outside_of_its_countries() {
    let watch = Watch::new("our CA", Watched::Issuer(issuer(1).operator, vec![1, 44]));
    let mut world = world(watch);
    world.logs(&Credential { codes: vec![1, 44], ..credential(1, 1, 1) });
    world.logs(&Credential { codes: vec![7], ..credential(2, 2, 2) });
    assert_eq!(unexpected(&world), []);
    world.logs(&Credential { codes: vec![1, 7], ..credential(3, 3, 1) });
    assert_eq!(unexpected(&world), [(Detector::UnexpectedScope, High)]);
}

/// A watch that is added later is told the entries of its labels alone, over a memory that knows nothing, and
/// says of the past what it would have said then.
#[test]
fn a_watch_that_is_added_later_says_the_same() {
    let tell = |world: &mut World, only_mine: bool| {
        let noise = |world: &mut World| match only_mine {
            true => world.size += 1,
            false => assert!(world.logs(&credential(99, 50 + world.size, 3)) < 10),
        };
        noise(world);
        let mine = world.logs(&credential(NUMBER, MINE, 1));
        let next = world.after(DAY).logs(&credential(NUMBER, MY_NEXT, 1));
        noise(world);
        world.says(Verb::Approve, NUMBER, mine, next);
        let mallory = world.after(DAY).logs(&credential(NUMBER, MALLORY, 2));
        noise(world);
        world.registers(NUMBER, mallory);
    };
    let (mut always, mut later) = (world(my_number()), world(my_number()));
    tell(&mut always, false);
    later.only_watches = true;
    tell(&mut later, true);
    always.findings.retain(|finding| finding.watch.is_some());
    assert_eq!(always.findings.len(), 2);
    assert_eq!(always.findings, later.findings);
}
