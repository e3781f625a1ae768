//! Slots of registrations: whatever the interleaving, the crash or the loss, sequences rise along the log, and each registration
//! replaces the one before it.

#![cfg(feature = "server")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common;
use crate::common::people::{
    CONTACT, Phone, accept_rs, accepting, add_registration, add_registration_patiently, assert_refused, leaf,
    now, registration_body,
};
use crate::common::{Process, files_below, try_post};
use serde_json::Value;
use tnlog::entry::{Action, Entry};
use tnlog::registration::{Registration, SignedRegistration};
use tnlog::server::config::Folder;
use tnlog::server::open::OpenError;
use tnlog::server::slots::SlotsError;

/// Eight at a time register and withdraw in three slots, with sequences that do not come in order.
#[test]
fn sequences_rise_along_the_log_whatever_the_interleaving() {
    let log = accepting("round_milliseconds = 5\n[limits]\nregistrations_per_key_day = 100000\n");
    let address = log.address();
    let phones: Vec<Phone> = (0..3).map(|n| Phone::new(address, n, n.into())).collect();
    let begun = now();
    let logged: Vec<(u64, usize, SignedRegistration)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8u64)
            .map(|thread| {
                let phones = &phones;
                scope.spawn(move || {
                    let one = |step: u64| {
                        let which = ((thread + step) % 3) as usize;
                        let submitted = phones[which].changed(|s| {
                            s.sequence = begun - 10_000 + 40 * step + 7 * ((thread * 5) % 8);
                            s.action = if (thread + step).is_multiple_of(4) {
                                Action::Withdraw
                            } else {
                                Action::Register
                            };
                        });
                        let response = add_registration_patiently(address, &submitted);
                        (response.status == 200)
                            .then(|| (response.json()["leaf_index"].as_u64().unwrap(), which, submitted))
                    };
                    (0..30).filter_map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(logged.len() > 30, "only {} were taken", logged.len());
    check_slots(address, logged);
}

/// Along the log the sequences of each slot rise, and each leaf replaces the one before it that registered.
fn check_slots(address: SocketAddr, mut logged: Vec<(u64, usize, SignedRegistration)>) {
    logged.sort_by_key(|(index, ..)| *index);
    let mut last: [Option<(u64, u64, Action)>; 3] = [None; 3];
    for (index, slot, SignedRegistration { statement, .. }) in logged {
        let Entry::Registration(entry) = leaf(address, index).entry else { panic!("no registration") };
        assert_eq!(entry.action, statement.action);
        let replaces = last[slot].filter(|(.., action)| *action == Action::Register).map(|(index, ..)| index);
        assert_eq!(entry.replaces, replaces, "leaf {index}");
        assert!(last[slot].is_none_or(|(_, sequence, _)| sequence < statement.sequence), "leaf {index}");
        last[slot] = Some((index, statement.sequence, statement.action));
    }
}

/// What is derived is built again from leaves and evidence. Fails when slots are not found again in the evidence.
#[test]
fn slots_survive_restarts_and_the_loss_of_what_is_derived() {
    let mut log = accepting("");
    let phone = Phone::new(log.address(), 1, 1);
    let held_back = phone.register();
    std::thread::sleep(Duration::from_millis(2));
    let mut last = phone.register();
    let mut answer = add_registration(log.address(), &last).success();
    for lost in
        [None, Some(log.folder.derived_slots()), Some(log.folder.derived()), Some(log.folder.derived_slots())]
    {
        log.stop();
        if let Some(lost) = &lost {
            std::fs::remove_dir_all(lost).unwrap();
        }
        log.resume().unwrap();
        let address = log.address();
        assert_eq!(add_registration(address, &last).success(), answer);
        assert_refused(&add_registration(address, &held_back), 400, "registration-sequence-not-above");
        let next = phone.register();
        let replaced = answer["leaf_index"].clone();
        answer = add_registration(address, &next).success();
        assert_eq!(answer["replaces"], replaced, "after the loss of {lost:?}");
        last = next;
    }
}

/// While rounds fail a slot stays held, and what waits is logged when the disk is well again. Fails when a slot is let go of
/// with who waits for it, and when what was carried is not found again.
#[test]
fn a_full_disk_keeps_the_slot() {
    let log = accepting("[limits]\nrequest_seconds = 1\n");
    let (address, phone) = (log.address(), Phone::new(log.address(), 1, 1));
    let staging = log.folder.private().join("staging");
    std::thread::sleep(Duration::from_millis(2500));
    std::fs::remove_dir_all(&staging).unwrap();
    std::fs::write(&staging, b"").unwrap();
    let first = phone.register();
    std::thread::sleep(Duration::from_millis(2));
    let second = phone.register();
    assert_refused(&add_registration(address, &first), 503, "timed-out");
    assert_refused(&add_registration(address, &second), 503, "slot-busy");
    std::fs::remove_file(&staging).unwrap();
    let answer = add_registration_patiently(address, &second).success();
    let logged = add_registration(address, &first).success();
    assert_eq!(answer["replaces"], logged["leaf_index"]);
}

/// Evidence that is not what was logged is no slot. Fails without the comparison with the leaf.
#[test]
fn changed_evidence_is_refused() {
    let mut log = accepting("");
    let phone = Phone::new(log.address(), 1, 1);
    add_registration(log.address(), &phone.register()).success();
    log.stop();
    let kept = files_below(&log.folder.private().join("registrations"));
    assert_eq!(kept.len(), 1);
    let good = std::fs::read(&kept[0]).unwrap();
    let at = good.windows(CONTACT.len()).position(|window| window == CONTACT.as_bytes()).unwrap();
    for byte in [0, 7, 8, at] {
        let mut bad = good.clone();
        bad[byte] ^= 1;
        std::fs::write(&kept[0], &bad).unwrap();
        std::fs::remove_dir_all(log.folder.derived_slots()).unwrap();
        let error = log.resume().unwrap_err();
        assert!(matches!(error, OpenError::Slots(SlotsError::Damaged(_))), "byte {byte}: {error}");
        assert!(!error.to_string().contains("example"), "{error}");
    }
    std::fs::write(&kept[0], &good).unwrap();
    log.resume().unwrap();
}

/// A registration and its answer.
type Answered = (u64, usize, SignedRegistration, Value);

/// Phones register and withdraw until the log dies.
fn register_until_it_dies(address: SocketAddr, phones: &[Phone], over: &AtomicBool) -> Vec<Answered> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = phones
            .iter()
            .enumerate()
            .map(|(which, phone)| {
                scope.spawn(move || {
                    let mut answered = Vec::new();
                    for step in 1u64.. {
                        let action = if step.is_multiple_of(3) { Action::Withdraw } else { Action::Register };
                        let submitted = phone.sign(Registration { action, ..phone.statement(action) });
                        let body = registration_body(&submitted);
                        let Some(response) = try_post(address, "/tn/v1/add-registration", &body) else {
                            break;
                        };
                        if response.status == 200 {
                            let answer = response.json();
                            answered.push((answer["leaf_index"].as_u64().unwrap(), which, submitted, answer));
                        }
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    answered
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// The real program, killed while it takes registrations: whatever was answered is answered the same, and every slot is known.
#[test]
fn deaths_lose_no_answer_and_no_slot() {
    let temporary = tempfile::tempdir().unwrap();
    let (folder, messages) = (temporary.path().join("log"), temporary.path().join("messages"));
    std::fs::create_dir(&folder).unwrap();
    common::add_roots(&Folder::new(&folder));
    accept_rs(&Folder::new(&folder));
    let limits = "round_milliseconds = 10\n[limits]\nregistrations_per_key_day = 1000000\n";
    std::fs::write(folder.join("tnlog.toml"), common::config(limits)).unwrap();

    let mut process = Process::start(&folder, "info", &messages);
    let phones: Vec<Phone> = (0..3).map(|n| Phone::new(process.address, n, n.into())).collect();
    let held_back: Vec<_> = phones.iter().map(Phone::register).collect();
    std::thread::sleep(Duration::from_millis(2));
    for phone in &phones {
        add_registration(process.address, &phone.register()).success();
    }
    let mut all: Vec<(u64, usize, SignedRegistration)> = Vec::new();
    for death in 0..12u64 {
        let (address, over) = (process.address, AtomicBool::new(false));
        let answered = std::thread::scope(|scope| {
            let load = scope.spawn(|| register_until_it_dies(address, &phones, &over));
            std::thread::sleep(Duration::from_millis(60 + 37 * death % 150));
            process.kill();
            over.store(true, Ordering::Relaxed);
            load.join().unwrap()
        });
        if death % 4 == 3 {
            std::fs::remove_dir_all(folder.join("derived-slots")).unwrap();
        }
        process = Process::start(&folder, "info", &messages);
        for (_, _, submitted, answer) in &answered {
            assert_eq!(add_registration(process.address, submitted).success(), *answer);
        }
        for held_back in &held_back {
            let response = add_registration(process.address, held_back);
            assert_refused(&response, 400, "registration-sequence-not-above");
        }
        all.extend(answered.into_iter().map(|(index, which, submitted, _)| (index, which, submitted)));
    }
    assert!(all.len() > 60, "only {} were answered", all.len());
    check_rising(all);
    process.terminate();
    let messages = std::fs::read_to_string(messages).unwrap();
    assert_eq!(messages.lines().find(|line| line.contains(" ERROR ") || line.contains("panicked")), None);
}

/// What was logged and not answered is missing here, so what each replaces is not compared.
fn check_rising(mut logged: Vec<(u64, usize, SignedRegistration)>) {
    logged.sort_by_key(|(index, ..)| *index);
    let mut last = [0; 3];
    for (index, slot, SignedRegistration { statement, .. }) in logged {
        assert!(last[slot] < statement.sequence, "leaf {index}");
        last[slot] = statement.sequence;
    }
}
