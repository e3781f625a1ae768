//! standing.json: which credentials of a number stand, and what became of its registrations.

use serde_json::{Value, json};
use tnlog::commitment::CertificateId;
use tnlog::entry::{Entry, Leaf, NumberEntry, Verb};
use tnlog::synthetic::KeyPair;

use crate::case::{File, bad, good, hex};
use crate::people::{DAY, credential, id, key_hash, label, leaf, leaves, other_label, said};
use crate::world::START;
use crate::{standing_registrations, standing_rules};

pub fn standing() -> File {
    let cases = [
        standing_rules::expiry(),
        standing_rules::issuers(),
        standing_rules::depth(),
        standing_rules::approvals(),
        standing_rules::disputes(),
        standing_rules::faults(),
        pairs(),
        answers(),
        lists(),
        standing_registrations::states(),
        standing_registrations::rules(),
        standing_registrations::replacements(),
    ];
    let comment = "Which credentials of a number stand, and what became of its registrations (formats.md §18, §20). Leaves are the \
         bytes of the page; `now` is in milliseconds. Credentials are named by their leaves.";
    File::new("standing", comment, cases.concat())
}

/// A credential to be logged. The key is named by its seed.
#[derive(Clone)]
pub struct Issue {
    key: u64,
    entry: NumberEntry,
}

/// A credential of a key.
pub fn of(key: u64) -> Issue {
    Issue { key, entry: credential(&KeyPair::p256(key), key as u8) }
}

impl Issue {
    pub fn with(mut self, change: impl FnOnce(&mut NumberEntry)) -> Self {
        change(&mut self.entry);
        self
    }

    /// Valid until so many seconds after the start.
    pub fn until(self, seconds: i64) -> Self {
        self.with(|entry| entry.not_after = START as i64 + seconds)
    }

    pub fn ca(self) -> Self {
        self.with(|entry| entry.is_ca = true)
    }

    /// Issued with another key.
    pub fn by(self, key: u64) -> Self {
        self.with(|entry| entry.issuer_key_hash = key_hash(&KeyPair::p256(key)))
    }

    pub fn id(self, id: u8) -> Self {
        self.with(|entry| entry.certificate_id = CertificateId([id; 16]))
    }

    pub fn precertificate(self) -> Self {
        self.with(|entry| entry.is_precertificate = true)
    }

    /// Of two numbers.
    pub fn of_two(self) -> Self {
        self.with(|entry| {
            entry.labels.push(other_label());
            entry.labels.sort_unstable();
        })
    }
}

/// What happens to a number: leaves 1, 2, 3 and so on.
#[derive(Clone, Default)]
pub struct Story {
    pub leaves: Vec<Leaf>,
    keys: Vec<u64>,
}

impl Story {
    pub fn add(mut self, seconds: i64, entry: Entry, key: u64) -> Self {
        self.leaves.push(leaf(self.leaves.len() as u64 + 1, seconds, entry));
        self.keys.push(key);
        self
    }

    pub fn logs(self, seconds: i64, issue: Issue) -> Self {
        self.add(seconds, Entry::Number(issue.entry), issue.key)
    }

    pub fn leaf(&self, index: u64) -> &Leaf {
        &self.leaves[index as usize - 1]
    }

    /// The key of one leaf says something of another.
    pub fn says(self, seconds: i64, verb: Verb, old: u64, new: u64) -> Self {
        let key = KeyPair::p256(self.keys[old as usize - 1]);
        let said = said(&key, verb, self.leaf(old), self.leaf(new));
        self.add(seconds, Entry::KeyStatement(said), 0)
    }

    pub fn approves(self, seconds: i64, old: u64, new: u64) -> Self {
        self.says(seconds, Verb::Approve, old, new)
    }

    pub fn disputes(self, seconds: i64, old: u64, new: u64) -> Self {
        self.says(seconds, Verb::Dispute, old, new)
    }

    fn input(&self, milliseconds: i64) -> Value {
        json!({"log_id": hex(&id()), "label": hex(label().as_bytes()), "leaves": leaves(&self.leaves),
            "now": 1000 * START as i64 + milliseconds})
    }

    /// What is heard of each credential so many milliseconds after the start: its leaves joined by `+`, `!` if its id is
    /// repeated, and the verdict, each behind a comma. Then the state of each registration.
    pub fn told(
        &self,
        name: &str,
        comment: &str,
        milliseconds: i64,
        credentials: &str,
        registrations: &[&str],
    ) -> Value {
        let credential = |told: &str| {
            let (leaves, verdict) = told.split_once(' ').expect("leaves and verdict");
            let repeated = leaves.ends_with('!');
            let leaves = leaves.trim_end_matches('!').split('+');
            let leaves: Vec<u64> = leaves.map(|leaf| leaf.parse().expect("an index")).collect();
            json!({"leaves": leaves, "verdict": verdict, "repeated_id": repeated})
        };
        let credentials = credentials.split(", ").filter(|told| !told.is_empty()).map(credential);
        let mut fields = self.input(milliseconds);
        fields["credentials"] = credentials.collect();
        fields["registrations"] = registrations.into();
        fields["faulty_statements"] = json!([]);
        good(name, comment, fields)
    }

    /// [`told`](Story::told) when nothing has expired that does not say so, of a number without registrations.
    pub fn hears(&self, name: &str, comment: &str, credentials: &str) -> Value {
        self.told(name, comment, 1000 * 30 * DAY, credentials, &[])
    }
}

fn pairs() -> Vec<Value> {
    let new = || Story::default();
    let pre = || of(1).precertificate();
    let other_facts = |entry: &mut NumberEntry| {
        entry.calling_codes = vec![44];
        entry.commitment.0[0] ^= 1;
    };
    vec![
        new().logs(0, pre()).logs(1, of(1).with(other_facts)).hears(
            "pair",
            "precertificate and certificate are one; keys 9 and 10 may differ",
            "1+2 newest",
        ),
        new().logs(0, of(1)).logs(1, pre()).hears(
            "pair-certificate-first",
            "in the other order",
            "1+2 newest",
        ),
        new().logs(0, of(1)).logs(1, of(1)).hears(
            "certificate-twice",
            "two credentials of one id",
            "1! newest, 2! does not stand",
        ),
        new().logs(0, pre()).logs(1, pre()).logs(2, of(1)).logs(3, of(1)).hears(
            "two-pairs",
            "the first of each make a pair, and every other one is by itself",
            "1+3! newest, 2! does not stand, 4! does not stand",
        ),
        new().logs(0, pre()).logs(1, of(1).with(|entry| entry.not_before += 1)).hears(
            "pair-other-validity",
            "another first second",
            "1! newest, 2! does not stand",
        ),
        new().logs(0, pre()).logs(1, of(1).by(2)).hears(
            "pair-other-issuer",
            "another issuer",
            "1! newest, 2! does not stand",
        ),
        new().logs(0, pre()).logs(1, of(1).ca()).hears(
            "pair-other-role",
            "a CA",
            "1! newest, 2! does not stand",
        ),
        new().logs(0, pre()).logs(1, of(1).of_two()).hears(
            "pair-other-labels",
            "one label more",
            "1! newest, 2! does not stand",
        ),
        new().logs(0, pre()).logs(1, of(2).id(1)).hears(
            "pair-other-key",
            "another key under the same id",
            "1! newest, 2! does not stand",
        ),
        new().logs(0, pre()).logs(1, of(1).id(9)).hears(
            "pair-other-id",
            "another id: two credentials, and nothing to mark",
            "1 newest, 2 does not stand",
        ),
    ]
}

fn answers() -> Vec<Value> {
    let story =
        Story::default().logs(0, of(1).until(90 * DAY).precertificate()).logs(1, of(1).until(90 * DAY));
    let story = story.logs(2, of(2)).disputes(3, 1, 3);
    let mut asked = story.hears(
        "asked",
        "either leaf of a pair; a statement, and an index that is not in the list",
        "1+2 newest, 3 does not stand",
    );
    let answer = |leaf: u64, verdict: &str| json!({"leaf": leaf, "verdict": verdict});
    asked["asked"] = json!([
        answer(1, "newest"),
        answer(2, "newest"),
        answer(3, "does not stand"),
        answer(4, "not found"),
        answer(5, "not found"),
        answer(0, "not found")
    ]);
    let until = Story::default().logs(0, of(1).until(50)).logs(1, of(2).until(49));
    let told = |name: &str, comment: &str, milliseconds: i64, credentials: &str| {
        until.told(name, comment, milliseconds, credentials, &[])
    };
    vec![
        asked,
        told("last-second", "999 milliseconds into the last second of one", 50_999, "1 newest, 2 expired"),
        told(
            "expired",
            "a second later; expired comes before all but not found",
            51_000,
            "1 expired, 2 expired",
        ),
        told("earlier", "the last second of the other", 49_000, "1 newest, 2 does not stand"),
    ]
}

fn lists() -> Vec<Value> {
    let story = Story::default().logs(0, of(1)).logs(10, of(2));
    let refused = |name: &str, comment: &str, change: &dyn Fn(&mut Vec<Leaf>)| {
        let mut story = story.clone();
        change(&mut story.leaves);
        bad(name, "number-list", comment, story.input(1000 * DAY))
    };
    let mut same_time = story.clone();
    same_time.leaves[1].timestamp = same_time.leaves[0].timestamp;
    let open = Entry::Open(tnlog::entry::SignedEntry::X509(vec![0x30, 0]));
    vec![
        Story::default().hears("empty", "no leaf", ""),
        same_time.hears("same-time", "two leaves of one time", "1 newest, 2 does not stand"),
        refused("list-order", "leaf 2 before leaf 1", &|leaves| {
            leaves[0].index = 2;
            leaves[1].index = 1;
        }),
        refused("list-twice", "leaf 1 twice", &|leaves| leaves[1].index = 1),
        refused("list-time", "a millisecond back", &|leaves| leaves[1].timestamp = leaves[0].timestamp - 1),
        refused("list-label", "a leaf of another number", &|leaves| {
            leaves[1] = leaf(2, 10, Entry::Number(of(2).with(|n| n.labels = vec![other_label()]).entry));
        }),
        refused("list-open", "a leaf without hidden labels", &|leaves| leaves[1].entry = open.clone()),
    ]
}
