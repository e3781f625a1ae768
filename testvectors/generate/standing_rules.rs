//! Cases of standing.json: the rules by which credentials stand, and what is said of them.

use serde_json::Value;
use tnlog::entry::{Entry, KeyStatementEntry, Verb};
use tnlog::statement::signed_bytes;
use tnlog::synthetic::KeyPair;

use crate::ecdsa;
use crate::people::{id, other_label, said};
use crate::standing::{Story, of};

fn new() -> Story {
    Story::default()
}

/// Rules 1 and 2.
pub fn expiry() -> Vec<Value> {
    let asked_early = |name: &str, comment: &str, seconds: i64, heard: &str| {
        new().logs(seconds, of(1).until(5)).told(name, comment, 5_000, heard, &[])
    };
    let late = |name: &str, comment: &str, milliseconds: u64, heard: &str| {
        let mut story = new().logs(0, of(1).until(50)).logs(50, of(2));
        story.leaves[1].timestamp += milliseconds;
        story.hears(name, comment, heard)
    };
    vec![
        asked_early("logged-expired", "logged a second late, and asked as of before", 6, "1 does not stand"),
        asked_early("logged-last-second", "logged in its last second", 5, "1 newest"),
        late("covered", "logged in the last second of the one before", 999, "1 expired, 2 does not stand"),
        late("covered-no-more", "logged in the second after it", 1000, "1 expired, 2 newest"),
        new().logs(0, of(1).until(5)).logs(6, of(2).until(5)).logs(7, of(3)).disputes(8, 2, 3).hears(
            "expired-key",
            "what was logged expired neither leads nor disputes",
            "1 expired, 2 expired, 3 newest",
        ),
        new().logs(0, of(1)).logs(1, of(2)).hears("reroute", "not approved", "1 newest, 2 does not stand"),
        new().logs(0, of(1).until(50)).logs(10, of(2)).logs(51, of(3)).hears(
            "reroute-waits",
            "what does not stand covers nothing",
            "1 expired, 2 does not stand, 3 newest",
        ),
    ]
}

/// Rule 3.
pub fn issuers() -> Vec<Value> {
    let ca = || new().logs(0, of(1).ca());
    let device = || ca().logs(1, of(2).ca().by(1));
    let leader_until = |seconds: i64| {
        let story = new().logs(0, of(1).ca().until(5)).logs(1, of(2).ca().by(1));
        story.logs(seconds, of(3).by(2))
    };
    let ca_until = |seconds: i64| ca().logs(1, of(2).ca().by(1).until(5)).logs(seconds, of(3).by(2));
    let again = || ca().logs(1, of(1).ca().id(9));
    let renewed = || device().logs(2, of(3)).approves(3, 1, 3);
    vec![
        device().logs(2, of(3).by(2)).hears("devices", "one below another", "1 newest, 2 newest, 3 newest"),
        new().logs(0, of(1)).logs(1, of(2).by(1)).hears(
            "issuer-no-ca",
            "its issuer is no CA",
            "1 newest, 2 does not stand",
        ),
        ca().logs(1, of(2).ca()).logs(2, of(3).by(2)).hears(
            "issuer-does-not-stand",
            "its issuer does not stand",
            "1 newest, 2 does not stand, 3 does not stand",
        ),
        leader_until(5).hears("leader-last-second", "the leading one's last", "1 expired, 2 newest, 3 newest"),
        leader_until(6).hears(
            "leader-expired",
            "it has expired, and the CA below it has not",
            "1 expired, 2 newest, 3 does not stand",
        ),
        ca_until(5).hears("ca-last-second", "the CA's last second", "1 newest, 2 expired, 3 newest"),
        ca_until(6).hears("ca-expired", "the CA has expired", "1 newest, 2 expired, 3 does not stand"),
        renewed().logs(4, of(4).by(2)).hears(
            "issuer-superseded",
            "below the one that led before",
            "1 superseded, 2 superseded, 3 newest, 5 does not stand",
        ),
        renewed().disputes(4, 1, 2).hears(
            "superseded-disputed",
            "superseded comes before disputed",
            "1 superseded, 2 superseded, 3 newest",
        ),
        device().logs(2, of(3).by(2)).logs(2, of(4).by(1)).approves(3, 1, 2).hears(
            "device-leads",
            "one that stood below another is approved: what is below it stays the newest, what is beside it not",
            "1 superseded, 2 newest, 3 newest, 4 superseded",
        ),
        again().approves(2, 1, 2).logs(3, of(2).by(1)).hears(
            "two-cas",
            "two CAs of one key stand: the latest leads",
            "1 superseded, 2 newest, 4 newest",
        ),
        again().logs(3, of(2).by(1)).hears(
            "two-cas-one-stands",
            "and here the earlier one alone",
            "1 newest, 2 does not stand, 3 newest",
        ),
        ca().logs(1, of(1).ca().by(1).id(9).until(2)).logs(3, of(2).by(1)).hears(
            "two-cas-expired",
            "of two that stand the latest has expired: the earlier one does not count",
            "1 newest, 2 expired, 3 does not stand",
        ),
        two_places().logs(3, of(4).by(3)).hears(
            "latest-leads",
            "of two CAs of one key, the latest to stand leads",
            "1 superseded, 2 newest, 3 superseded, 4 superseded, 6 newest",
        ),
        two_places().approves(3, 2, 3).logs(4, of(4).by(3)).hears(
            "latest-elsewhere",
            "the latest to stand led before; the earlier one, which is below the leading one, does not count",
            "1 superseded, 2 superseded, 3 newest, 4 newest, 7 does not stand",
        ),
    ]
}

/// Key 3 has a CA below the one below the first, and then another that leads.
fn two_places() -> Story {
    let story = new().logs(0, of(1).ca()).logs(1, of(3).ca()).logs(1, of(2).ca().by(1));
    story.logs(1, of(3).ca().by(2).id(9)).approves(2, 1, 2)
}

/// A leading CA and so many below it, each below the one before.
fn chain(below: u64) -> Story {
    (1..=below).fold(new().logs(0, of(10).ca()), |story, i| story.logs(i as i64, of(10 + i).ca().by(9 + i)))
}

pub fn depth() -> Vec<Value> {
    let newest = |count: u64| (1..=count).map(|i| format!("{i} newest")).collect::<Vec<_>>().join(", ");
    let promoted = chain(9).approves(20, 1, 2).logs(21, of(30).ca().by(19)).logs(22, of(31).by(30));
    vec![
        chain(9).hears("nine-below", "nine steps below the leading one", &newest(10)),
        chain(11).hears(
            "ten-below",
            "ten steps below it, and one below that",
            &format!("{}, 11 does not stand, 12 does not stand", newest(10)),
        ),
        promoted.hears(
            "ten-below-before",
            "one of them leads, from which the way is a step shorter",
            &format!("1 superseded, {}, 12 newest, 13 does not stand", &newest(10)["1 newest, ".len()..]),
        ),
    ]
}

/// Rule 4.
pub fn approvals() -> Vec<Value> {
    let two = || new().logs(0, of(1)).logs(10, of(2));
    let leader_until = |seconds: i64| new().logs(0, of(1).until(5)).logs(1, of(2)).approves(seconds, 1, 2);
    let new_until = |seconds: i64| new().logs(0, of(1)).logs(1, of(2).until(5)).approves(seconds, 1, 2);
    let shared_key = |seconds: i64| {
        let story = new().logs(0, of(1).ca().until(5)).logs(1, of(1).by(1).id(9)).logs(2, of(2));
        story.approves(seconds, 1, 3)
    };
    let renewed = || two().approves(11, 1, 2);
    let back = new().logs(0, of(1)).logs(1, of(2)).logs(1, of(1).id(9)).approves(2, 1, 3).approves(3, 1, 2);
    vec![
        renewed().hears("renewal", "approved", "1 superseded, 2 newest"),
        renewed().logs(20, of(3)).approves(21, 1, 4).hears(
            "old-key",
            "a superseded key approves",
            "1 superseded, 2 newest, 4 does not stand",
        ),
        renewed().logs(20, of(3)).approves(21, 2, 4).hears(
            "second-renewal",
            "the new key approves the next one",
            "1 superseded, 2 superseded, 4 newest",
        ),
        two().logs(20, of(3)).approves(21, 2, 3).hears(
            "approve-without-standing",
            "a key that does not stand approves",
            "1 newest, 2 does not stand, 3 does not stand",
        ),
        new().logs(0, of(1).ca()).logs(1, of(2).by(1)).logs(2, of(3)).approves(3, 2, 3).hears(
            "approve-below",
            "the key of a device approves",
            "1 newest, 2 newest, 3 does not stand",
        ),
        leader_until(5).hears("approve-last-second", "the leading one's last", "1 expired, 2 newest"),
        leader_until(6).hears("approve-expired", "it has expired", "1 expired, 2 does not stand"),
        new_until(5).told(
            "approve-last-second-new",
            "the approved one's last",
            5_000,
            "1 superseded, 2 newest",
            &[],
        ),
        new_until(6).told("approve-expired-new", "it has expired", 5_000, "1 newest, 2 does not stand", &[]),
        shared_key(5).hears(
            "approve-shared-key-last-second",
            "the leading one's last",
            "1 expired, 2 superseded, 3 newest",
        ),
        shared_key(6).hears(
            "approve-shared-key",
            "the leading one has expired, and one below it with the same key has not",
            "1 expired, 2 newest, 3 does not stand",
        ),
        back.hears(
            "approve-back",
            "the leading key approves what was logged before the leading one",
            "1 superseded, 2 does not stand, 3 newest",
        ),
        new().logs(0, of(1)).logs(1, of(1).id(9)).approves(2, 1, 2).logs(3, of(2)).approves(4, 1, 4).hears(
            "approve-by-key",
            "it names another credential of the leading key",
            "1 superseded, 2 superseded, 4 newest",
        ),
        new().logs(0, of(1)).logs(1, of(2).precertificate()).logs(2, of(2)).approves(3, 1, 3).hears(
            "approve-pair",
            "it names the second leaf",
            "1 superseded, 2+3 newest",
        ),
        new()
            .logs(0, of(1))
            .logs(1, of(2))
            .logs(2, of(3))
            .logs(3, of(2).precertificate())
            .approves(4, 1, 3)
            .approves(5, 3, 4)
            .hears(
                "approve-pair-back",
                "its second leaf was logged behind the leading one, its first before it",
                "1 superseded, 2+4 does not stand, 3 newest",
            ),
    ]
}

pub fn disputes() -> Vec<Value> {
    let renewed = || new().logs(0, of(1).until(50)).logs(10, of(2)).approves(11, 1, 2);
    vec![
        renewed().disputes(20, 1, 2).told(
            "dispute",
            "a superseded key disputes",
            20_000,
            "1 superseded, 2 disputed",
            &[],
        ),
        renewed().disputes(50, 1, 2).hears("dispute-last-second", "in its last", "1 expired, 2 disputed"),
        renewed().disputes(51, 1, 2).hears("dispute-expired", "its key has expired", "1 expired, 2 newest"),
        new().logs(0, of(1).ca()).logs(1, of(2)).logs(2, of(3).by(1)).disputes(3, 2, 3).hears(
            "dispute-without-standing",
            "its key does not stand",
            "1 newest, 2 does not stand, 3 newest",
        ),
        new().logs(0, of(1).ca()).logs(1, of(2).by(1)).disputes(2, 1, 2).hears(
            "dispute-below",
            "of a device, by its CA",
            "1 newest, 2 disputed",
        ),
        new()
            .logs(0, of(1).ca().until(5))
            .logs(1, of(1).by(1).id(9))
            .logs(2, of(2).by(1))
            .disputes(6, 1, 3)
            .hears(
                "dispute-shared-key",
                "the credential that it names has expired, and another one with its key has not",
                "1 expired, 2 newest, 3 disputed",
            ),
        new().logs(0, of(1)).logs(1, of(2)).disputes(2, 1, 2).approves(3, 1, 2).hears(
            "dispute-and-approval",
            "an approval takes no dispute back",
            "1 superseded, 2 disputed",
        ),
    ]
}

/// Statements that a log does not admit.
pub fn faults() -> Vec<Value> {
    let two = || new().logs(0, of(1)).logs(10, of(2));
    let changed = |name: &str, comment: &str, change: &dyn Fn(&mut KeyStatementEntry)| {
        let mut entry = approval(&two(), 1);
        change(&mut entry);
        let story = two().add(11, Entry::KeyStatement(entry), 0);
        faulty(&[3], story.hears(name, comment, "1 newest, 2 does not stand"))
    };
    let labels = |entry: &mut KeyStatementEntry| {
        entry.labels.push(other_label());
        entry.labels.sort_unstable();
    };
    let mut wrong_labels = approval(&two(), 1);
    labels(&mut wrong_labels);
    let both = new().logs(0, of(1).of_two()).logs(10, of(2).of_two());
    let mut one_label = approval(&both, 1);
    one_label.labels.retain(|label| *label != other_label());
    // The statement as leaf 2, about the credential in leaf 3.
    let early = {
        let later = new().logs(0, of(1)).add(1, Entry::KeyStatement(approval(&two(), 1)), 0).logs(2, of(2));
        let entry = said(&KeyPair::p256(1), Verb::Approve, later.leaf(1), later.leaf(3));
        new().logs(0, of(1)).add(1, Entry::KeyStatement(entry), 0).logs(2, of(2))
    };
    // Its second statement has weight, and is the first one with another signature.
    let said_again = {
        let story = two().logs(20, of(3)).approves(21, 2, 3).approves(22, 1, 2);
        let Entry::KeyStatement(first) = &story.leaf(4).entry else { unreachable!("a statement") };
        let again = KeyStatementEntry { signature: ecdsa::negated(&first.signature), ..first.clone() };
        story.add(23, Entry::KeyStatement(again), 0)
    };
    vec![
        changed("faulty-signature", "one bit", &|entry| entry.signature[9] ^= 1),
        changed("faulty-verb", "signed for the other verb", &|entry| {
            let bytes = signed_bytes(&id(), Verb::Dispute, &entry.old, &entry.new);
            entry.signature = KeyPair::p256(1).sign(&bytes);
        }),
        changed("faulty-key", "signed by the new key", &|entry| *entry = approval(&two(), 2)),
        changed("faulty-hash", "another leaf hash", &|entry| entry.new.hash.0[0] ^= 1),
        changed("faulty-index", "a leaf that is not in the list", &|entry| entry.new.index = 9),
        changed("faulty-labels", "a label that the leaves do not carry", &labels),
        faulty(
            &[3],
            both.clone().add(11, Entry::KeyStatement(one_label), 0).hears(
                "faulty-fewer-labels",
                "not all labels that both leaves carry",
                "1 newest, 2 does not stand",
            ),
        ),
        both.approves(11, 1, 2).hears("two-labels", "all of them", "1 superseded, 2 newest"),
        faulty(
            &[2],
            early.hears("faulty-early", "it comes before what it is about", "1 newest, 3 does not stand"),
        ),
        faulty(
            &[3],
            new().logs(0, of(1).precertificate()).logs(1, of(1)).disputes(2, 1, 2).hears(
                "faulty-pair",
                "about its own certificate",
                "1+2 newest",
            ),
        ),
        faulty(
            &[3],
            two().add(11, Entry::KeyStatement(wrong_labels), 0).approves(12, 1, 2).hears(
                "faulty-and-right",
                "a faulty one, and then the right one: it repeats nothing that held",
                "1 superseded, 2 newest",
            ),
        ),
        faulty(
            &[6],
            said_again.hears(
                "repeated-statement",
                "said without weight, and again with another signature when it would have weight",
                "1 superseded, 2 newest, 3 does not stand",
            ),
        ),
    ]
}

/// With the leaves of statements that do not hold.
fn faulty(leaves: &[u64], mut case: Value) -> Value {
    case["faulty_statements"] = leaves.into();
    case
}

/// An approval of leaf 2 by leaf 1, signed by a key.
fn approval(story: &Story, key: u64) -> KeyStatementEntry {
    said(&KeyPair::p256(key), Verb::Approve, story.leaf(1), story.leaf(2))
}
