//! Cases of standing.json: what became of registrations.

use serde_json::Value;
use tnlog::entry::{Action, Entry, RegistrationEntry};

use crate::people::{DAY, registered};
use crate::standing::{Story, of};
use crate::world::START;

/// When most registrations are logged, in seconds after the start.
const LOGGED: i64 = 10_000;

fn story() -> Story {
    Story::default().logs(0, of(1))
}

impl Story {
    fn registers(self, seconds: i64, entry: RegistrationEntry) -> Self {
        self.add(seconds, Entry::Registration(entry), 0)
    }

    /// What is heard of registrations so many milliseconds after the start, when the first credential is the newest.
    fn holds(&self, name: &str, comment: &str, milliseconds: i64, registrations: &[&str]) -> Value {
        self.told(name, comment, milliseconds, "1 newest", registrations)
    }
}

fn withdrawal(credential: u64, last: i64, replaces: u64) -> RegistrationEntry {
    RegistrationEntry { action: Action::Withdraw, ..registered(credential, LOGGED, last, Some(replaces)) }
}

/// A registration of the first credential until so many seconds after [`LOGGED`].
fn until(seconds: i64, replaces: Option<u64>) -> RegistrationEntry {
    registered(1, LOGGED, LOGGED + seconds, replaces)
}

pub fn states() -> Vec<Value> {
    let at = |seconds: i64, milliseconds: i64| 1000 * (LOGGED + seconds) + milliseconds;
    let one = story().registers(LOGGED, registered(1, LOGGED + 50, LOGGED + 100, None));
    let short = Story::default().logs(0, of(1).until(LOGGED + 50)).registers(LOGGED, until(100, None));
    let withdrawn =
        story().registers(LOGGED, until(100, None)).registers(LOGGED + 1, withdrawal(1, LOGGED + 9, 2));
    let replaced = story().registers(LOGGED, until(100, None)).registers(LOGGED + 1, until(60, Some(2)));
    let reroute = story().logs(1, of(2)).registers(LOGGED, registered(2, LOGGED, LOGGED + 100, None));
    vec![
        one.holds("not-yet", "999 milliseconds into the second before", at(49, 999), &["not yet valid"]),
        one.holds("first-second", "its first second", at(50, 0), &["current"]),
        one.holds("current-last-second", "999 milliseconds into its last", at(100, 999), &["current"]),
        one.holds("registration-expired", "the second after", at(101, 0), &["expired"]),
        short.holds("credential-last-second", "the last of its credential", at(50, 999), &["current"]),
        short.told("credential-expired", "its credential has expired", at(51, 0), "1 expired", &["expired"]),
        withdrawn.holds("withdrawn", "and the withdrawal", at(2, 0), &["withdrawn", "withdrawal"]),
        withdrawn.holds(
            "withdrawn-later",
            "when both have ended: withdrawn and withdrawal come before expired",
            at(200, 0),
            &["withdrawn", "withdrawal"],
        ),
        replaced.holds("replaced", "and what replaced it", at(2, 0), &["replaced", "current"]),
        replaced.holds("replaced-later", "when both have ended", at(200, 0), &["replaced", "expired"]),
        reroute.told(
            "registered-without-standing",
            "its credential does not stand",
            at(1, 0),
            "1 newest, 2 does not stand",
            &["current"],
        ),
    ]
}

/// The rules of a reader, at their bounds.
pub fn rules() -> Vec<Value> {
    let now = 1000 * LOGGED;
    let logged = |name: &str, comment: &str, story: Story, entry: RegistrationEntry, state: &str| {
        let mut story = story.registers(LOGGED, entry);
        story.leaves.last_mut().expect("a registration").timestamp += 999;
        story.holds(name, comment, now, &[state])
    };
    let from = |seconds: i64| {
        Story::default().logs(0, of(1).with(|entry| entry.not_before = START as i64 + LOGGED + seconds))
    };
    let expired = |name: &str, comment: &str, seconds: i64, state: &str| {
        let story = Story::default().logs(0, of(1).until(LOGGED - seconds));
        let mut story = story.registers(LOGGED, until(100, None));
        story.leaves[1].timestamp += 999;
        story.holds(name, comment, 1000 * (LOGGED - seconds), &[state])
    };
    let (ok, faulty) = ("current", "faulty");
    let days = 30 * DAY;
    let validity = |first: i64, last: i64| registered(1, LOGGED + first, LOGGED + last, None);
    let second = |credential: u64| registered(credential, LOGGED, LOGGED + 100, None);
    let registration_first = story().registers(LOGGED, until(100, None)).registers(LOGGED + 1, second(2));
    let of_statement = story().logs(1, of(2)).disputes(2, 1, 2).registers(LOGGED, second(3));
    let later = story().registers(LOGGED, second(3)).logs(LOGGED + 1, of(2));
    vec![
        logged("credential-from-now", "the first second of the credential", from(0), until(100, None), ok),
        logged("credential-from-later", "the second before it", from(1), until(100, None), faulty),
        expired("credential-600", "600 seconds behind the last of the credential", 600, "not yet valid"),
        expired("credential-601", "601 seconds behind it", 601, faulty),
        logged("validity-30", "30 days", story(), validity(0, days), ok),
        logged("validity-30-and", "30 days and a second", story(), validity(-1, days), faulty),
        logged("ends-too-late", "in 30 days and a second", story(), validity(1, days + 1), faulty),
        story().registers(LOGGED, validity(-700, -600)).holds(
            "ended-600",
            "logged 600 seconds after its last second",
            now,
            &["expired"],
        ),
        story().registers(LOGGED, validity(-700, -601)).holds("ended-601", "601 seconds", now, &[faulty]),
        logged("no-such-leaf", "a leaf that is not in the list", story(), second(9), faulty),
        registration_first.holds("of-a-registration", "it names a registration", now + 1000, &[ok, faulty]),
        of_statement.told(
            "of-a-statement",
            "it names a key statement",
            now + 1000,
            "1 newest, 2 does not stand",
            &[faulty],
        ),
        later.told(
            "of-a-later-credential",
            "it names a credential behind it",
            now + 1000,
            "1 newest, 3 does not stand",
            &[faulty],
        ),
        story().registers(LOGGED, until(100, None)).registers(LOGGED + 601, withdrawal(1, LOGGED, 2)).holds(
            "withdrawal-late",
            "a withdrawal 601 seconds after its last second",
            now + 50_000,
            &[ok, faulty],
        ),
        story().registers(LOGGED, until(100, None)).registers(LOGGED + 600, withdrawal(1, LOGGED, 2)).holds(
            "withdrawal-600",
            "and 600 seconds",
            now + 50_000,
            &["withdrawn", "withdrawal"],
        ),
        story()
            .registers(LOGGED, until(100, None))
            .registers(
                LOGGED,
                RegistrationEntry { not_before: START as i64 - 31 * DAY, ..withdrawal(1, LOGGED + 100, 2) },
            )
            .holds("withdrawal-validity", "a withdrawal of more than 30 days", now, &[ok, faulty]),
    ]
}

/// What key 7 names.
pub fn replacements() -> Vec<Value> {
    let now = 1000 * (LOGGED + 10);
    let (ok, faulty) = ("current", "faulty");
    let first = || story().registers(LOGGED, until(100, None));
    let of_key = |key: u64, heard: &str, name: &str, comment: &str, states: &[&str]| {
        let story = first().logs(LOGGED, of(key).id(9));
        let story = story.registers(LOGGED + 1, registered(3, LOGGED, LOGGED + 100, Some(2)));
        story.told(name, comment, now, heard, states)
    };
    let bad_first = || story().registers(LOGGED, registered(1, LOGGED - DAY, LOGGED + 30 * DAY, None));
    vec![
        first().registers(LOGGED + 1, until(100, Some(9))).holds(
            "replaces-nothing",
            "no such leaf",
            now,
            &[ok, faulty],
        ),
        first().registers(LOGGED + 1, until(100, Some(1))).holds(
            "replaces-credential",
            "a credential",
            now,
            &[ok, faulty],
        ),
        story().registers(LOGGED, until(100, Some(3))).registers(LOGGED + 1, until(100, None)).holds(
            "replaces-later",
            "a later one",
            now,
            &[faulty, ok],
        ),
        of_key(2, "1 newest, 3 does not stand", "replaces-other-key", "one of another key", &[ok, faulty]),
        of_key(
            1,
            "1 newest, 3 does not stand",
            "replaces-same-key",
            "one of another credential with the same key",
            &["replaced", ok],
        ),
        first()
            .registers(LOGGED + 1, withdrawal(1, LOGGED + 9, 2))
            .registers(LOGGED + 2, until(100, Some(3)))
            .holds("replaces-withdrawal", "a withdrawal", now, &["withdrawn", "withdrawal", faulty]),
        first()
            .registers(LOGGED + 1, withdrawal(1, LOGGED + 9, 2))
            .registers(LOGGED + 2, until(100, Some(2)))
            .holds("replaces-withdrawn", "one that was withdrawn", now, &["withdrawn", "withdrawal", faulty]),
        first().registers(LOGGED + 1, until(100, Some(2))).registers(LOGGED + 2, until(100, Some(2))).holds(
            "replaces-twice",
            "one that was replaced",
            now,
            &["replaced", ok, faulty],
        ),
        first().registers(LOGGED + 1, until(100, Some(2))).registers(LOGGED + 2, until(100, Some(3))).holds(
            "replaces-in-turn",
            "the one that replaced it",
            now,
            &["replaced", "replaced", ok],
        ),
        bad_first().registers(LOGGED + 1, until(100, Some(2))).holds(
            "replaces-faulty",
            "one that is faulty",
            now,
            &[faulty, faulty],
        ),
        first()
            .registers(LOGGED + 1, until(31 * DAY, Some(2)))
            .registers(LOGGED + 2, until(100, Some(2)))
            .holds("faulty-replaces", "a faulty one replaces nothing", now, &["replaced", faulty, ok]),
        story().registers(LOGGED, until(1, None)).registers(LOGGED + 5, until(100, Some(2))).holds(
            "replaces-ended",
            "one that has ended",
            now,
            &["replaced", ok],
        ),
    ]
}
