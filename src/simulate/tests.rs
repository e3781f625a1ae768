use std::collections::HashSet;

use super::book::What;
use super::*;
use crate::entry::{Action, Verb};

const START: u64 = 1_736_121_600;

fn world() -> World {
    World::parse(DEFAULT).unwrap()
}

fn default_script() -> Script {
    Script::write(world(), 1, START)
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[test]
fn a_world_follows_from_its_seed() {
    let (one, same) = (default_script(), default_script());
    assert!(one.book == same.book && one.attacks == same.attacks);
    let other = Script::write(world(), 2, START);
    assert!(one.book.events != other.book.events);
}

#[test]
fn events_are_in_order_and_speak_of_what_came_before() {
    let script = default_script();
    let mut logged = HashSet::new();
    let mut last = script.time.start;
    for event in script.events() {
        assert!(event.time >= last && event.time < script.time.end);
        last = event.time;
        match event.what {
            What::Issue(id, _) => drop(logged.insert(id)),
            What::State { by, about, .. } => {
                assert!(logged.contains(&by) && logged.contains(&about));
                let [by, about] = [by, about].map(|id| &script.book.credentials[id as usize]);
                assert!(
                    by.subject == about.subject && by.logged < about.logged && by.not_after >= event.time
                );
            }
            What::Register(id) => {
                let said = &script.book.registrations[id as usize];
                let credential = &script.book.credentials[said.credential as usize];
                assert!(logged.contains(&said.credential));
                assert!((credential.not_before..=credential.not_after).contains(&said.made));
                assert!(said.not_after - said.made < 30 * 86_400);
            }
        }
    }
}

/// Also in a world that renews too late: a log forgets a slot after thirty days.
#[test]
fn sequences_of_a_slot_rise_and_what_is_withdrawn_was_registered() {
    check_slots(&default_script());
    let mut late = world().without_attacks();
    (late.weeks, late.registrations.renews_after_days) = (26, [30.0, 60.0]);
    late.countries.iter_mut().for_each(|country| country.numbers /= 10);
    check_slots(&Script::write(late, 1, START));
}

fn check_slots(script: &Script) {
    let mut slots = std::collections::HashMap::new();
    for event in script.events() {
        let What::Register(id) = event.what else { continue };
        let said = &script.book.registrations[id as usize];
        let credential = &script.book.credentials[said.credential as usize];
        let slot =
            (format!("{:?}", credential.subject), credential.key, said.resolution_service, said.service);
        let last = slots.insert(slot, (said.made, said.action));
        match last {
            None => assert_eq!(said.action, Action::Register),
            Some((made, action)) => {
                assert!(said.made > made);
                let withdrawable = action == Action::Register && said.made - made < 30 * 86_400;
                assert!(said.action == Action::Register || withdrawable);
            }
        }
    }
}

/// The figures of the file come out, within what chance does, in a year of a tenth of the numbers.
#[test]
fn rates_come_out_as_they_were_asked_for() {
    let mut world = world().without_attacks();
    world.weeks = 52;
    world.countries.iter_mut().for_each(|country| country.numbers /= 10);
    let script = Script::write(world, 1, START);
    let counts = script.counts();
    let count = |why| counts.get(&why).copied().unwrap_or(0);
    let numbers = u64::from(script.world.numbers());
    let (new, same) = (count(Why::Renewal), count(Why::RenewalSameKey));
    let late = count(Why::LateRenewal);
    let registered = script.presences.iter().flatten().count() as u64;
    for (name, found, wanted) in [
        ("new_key", share(new, new + same), 0.76..0.80),
        ("late", share(late, new + same + late), 0.015..0.025),
        ("lost", share(count(Why::LostPhone), numbers), 0.035..0.06),
        ("registered", share(registered, numbers), 0.10..0.13),
        // Each of these is submitted once or twice, as its CA does.
        ("existing", share(count(Why::Existing), numbers), 0.88..1.05),
    ] {
        assert!(wanted.contains(&found), "{name}: {found}");
    }
}

#[test]
fn the_default_world_is_as_large_as_it_says() {
    let script = default_script();
    assert!((40_000..70_000).contains(&script.events().len()), "{}", script.events().len());
    assert_eq!(script.counts().values().sum::<u64>(), script.events().len() as u64);
}

#[test]
fn every_attack_has_its_victims_and_nothing_else_is_marked() {
    let script = default_script();
    assert_eq!(script.missing, 0);
    let hostile = [
        Why::Reroute,
        Why::Wave,
        Why::RogueIssuer,
        Why::RangeHijack,
        Why::RegistrationTakeover,
        Why::HostileRegistration,
        Why::Dispute,
    ];
    let mut seen = HashSet::new();
    for event in script.events() {
        assert_eq!(event.attack.is_some(), hostile.contains(&event.why), "{event:?}");
        let Some(attack) = event.attack else { continue };
        let attack = &script.attacks[attack as usize];
        let hits = |id| attack.victims.iter().any(|victim| victim.credential == id);
        match event.what {
            What::Issue(id, form) => assert!(hits(id) && seen.insert((id, form))),
            What::State { verb, about, .. } => assert!(verb == Verb::Dispute && hits(about)),
            What::Register(id) => assert!(hits(script.book.registrations[id as usize].credential)),
        }
    }
    let rates = &script.world.attacks;
    let count = |kind| script.attacks.iter().filter(|attack| attack.kind == kind).count() as u32;
    assert_eq!(count(Kind::Reroute), rates.reroute.watched + rates.reroute.others);
    assert_eq!(count(Kind::Wave), rates.waves.len() as u32);
    assert_eq!(count(Kind::RogueIssuer), rates.rogue_issuer.authorities);
    assert_eq!(count(Kind::RangeHijack), rates.range_hijack.watched + rates.range_hijack.others);
    let takeovers = &rates.registration_takeover;
    assert_eq!(count(Kind::RegistrationTakeover), takeovers.watched + takeovers.others);
    assert!(script.attacks.iter().all(|attack| !attack.victims.is_empty()));
}

/// A victim's own key leads, and nothing of the attacker's is his: otherwise it would be no reroute.
#[test]
fn victims_are_covered_by_a_credential_of_another_key() {
    let script = default_script();
    for victim in script.attacks.iter().flat_map(|attack| &attack.victims) {
        let hostile = &script.book.credentials[victim.credential as usize];
        let own = &script.book.credentials[victim.covered_by.unwrap() as usize];
        assert!((own.logged..=own.not_after).contains(&hostile.logged) && own.key != hostile.key);
    }
    let waves: Vec<_> = script.attacks.iter().filter(|attack| attack.kind == Kind::Wave).collect();
    assert_eq!(waves.iter().map(|wave| wave.victims.len()).collect::<Vec<_>>(), [125, 22]);
    let of_one = |wave: &Attack| {
        wave.victims.iter().map(|it| script.book.credentials[it.credential as usize].authority).collect()
    };
    let authorities: Vec<HashSet<usize>> = waves.iter().map(|wave| of_one(wave)).collect();
    assert!(authorities[0].len() > 1 && authorities[1].len() == 1);
}

#[test]
fn nobody_is_a_victim_twice() {
    for seed in 0..5 {
        let script = Script::write(world(), seed, START);
        let victims = script.attacks.iter().flat_map(|attack| &attack.victims);
        let mut seen = HashSet::new();
        for victim in victims {
            let own = &script.book.credentials[victim.covered_by.unwrap() as usize];
            assert!(seen.insert(own.subject.clone()), "seed {seed}");
        }
    }
}

#[test]
fn honest_lives_are_the_same_without_attacks() {
    let (with, without) = (default_script(), Script::write(world().without_attacks(), 1, START));
    assert!(without.attacks.is_empty() && without.missing == 0);
    let honest: Vec<_> = with.events().iter().filter(|event| event.attack.is_none()).collect();
    assert_eq!(honest.len(), without.events().len());
    assert!(honest.iter().zip(without.events()).all(|(one, other)| **one == *other));
}

#[test]
fn files_that_describe_no_world_are_refused_with_what_to_change() {
    for (from, to, says) in [
        ("weeks = 6", "weeks = 0", "weeks"),
        ("new_key = 0.78", "new_key = 1.5", "new_key"),
        ("step_minutes = 60", "step_minutes = 7", "step_minutes"),
        ("\"6125550xxxx\", \"6135550xxxx\"", "\"6125550xxx\"", "room"),
        ("calling_code = 61", "calling_code = 210", "no assigned"),
        ("ginkgo = 1.0", "gingko = 1.0", "gingko"),
        ("silent_days = [0.5, 6.0]", "silent_days = [6.0, 0.5]", "silent_days"),
        ("renewal_hour = 3", "renewal_hour = 24", "renewal_hour"),
        ("validity_days = 28", "validity_days = 31", "registrations.validity_days"),
        ("weeks = 6", "weeks = 6\nmonths = 2", "months"),
        ("company_words", "company_word", "company_word"),
    ] {
        assert!(DEFAULT.contains(from), "{from}");
        let error = World::parse(&DEFAULT.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(says), "{to}: {error}");
    }
}
