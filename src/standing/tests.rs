mod stories;

use super::*;
use crate::commitment::CertificateId;
use crate::entry::sample::{DAY, START, key_hash, label, leaf, number, reference};
use crate::entry::{Action, Entry, KeyStatementEntry, RegistrationEntry};
use crate::registration::RegistrationFault;
use crate::signature::Ecdsa;
use crate::statement::{KeyStatement, Side, admit_statement, signed_bytes};
use crate::synthetic::KeyPair;

const LOG: [u8; 32] = [9; 32];
/// The number of most stories, and one that only some credentials name as well.
const NUMBER: u8 = 1;
const OTHER: u8 = 2;

// Who has which key.
const ANNA: u64 = 1;
const ANNAS_NEW_PHONE: u64 = 2;
const ANNAS_THIRD_PHONE: u64 = 3;
const MALLORY: u64 = 4;
const MALLORY_AGAIN: u64 = 5;

/// A credential to be logged: for [`NUMBER`], until day 100, unless it says otherwise.
#[derive(Clone)]
struct Issue {
    key: u64,
    entry: NumberEntry,
    own_id: bool,
}

fn of(key: u64) -> Issue {
    Issue { key, entry: number(&KeyPair::p256(key), &[NUMBER], 0), own_id: false }
}

impl Issue {
    fn with(mut self, change: impl FnOnce(&mut NumberEntry)) -> Self {
        change(&mut self.entry);
        self
    }

    fn until(self, day: i64) -> Self {
        self.with(|entry| entry.not_after = START + day * DAY)
    }

    fn for_both(self) -> Self {
        self.with(|entry| entry.labels = vec![label(NUMBER), label(OTHER)])
    }

    fn for_other(self) -> Self {
        self.with(|entry| entry.labels = vec![label(OTHER)])
    }

    fn ca(self) -> Self {
        self.with(|entry| entry.is_ca = true)
    }

    fn by(self, issuer: u64) -> Self {
        self.with(|entry| entry.issuer_key_hash = key_hash(&KeyPair::p256(issuer)))
    }

    fn precertificate(self) -> Self {
        self.with(|entry| entry.is_precertificate = true)
    }

    fn id(mut self, id: u8) -> Self {
        self.own_id = true;
        self.with(|entry| entry.certificate_id = CertificateId([id; 16]))
    }
}

/// A log as it grows.
#[derive(Default)]
struct Story {
    leaves: Vec<Leaf>,
    keys: Vec<u64>,
}

impl Story {
    fn add(&mut self, day: i64, entry: impl Into<Entry>, key: u64) -> u64 {
        let index = self.leaves.len() as u64;
        self.leaves.push(leaf(index, day, entry));
        self.keys.push(key);
        index
    }

    fn logs(&mut self, day: i64, issue: Issue) -> u64 {
        let id = self.leaves.len() as u8 + 100;
        let Issue { key, entry, .. } = if issue.own_id { issue } else { issue.id(id) };
        self.add(day, entry, key)
    }

    /// The key of leaf `old` speaks about leaf `new`.
    fn says(&mut self, day: i64, verb: Verb, old: u64, new: u64) -> u64 {
        let entry = self.statement(verb, old, new);
        self.add(day, entry, 0)
    }

    fn statement(&self, verb: Verb, old: u64, new: u64) -> KeyStatementEntry {
        let (earlier, later) = (&self.leaves[old as usize], &self.leaves[new as usize]);
        let (old_leaf, new_leaf) = (reference(earlier), reference(later));
        let key = KeyPair::p256(self.keys[old as usize]);
        let signature = key.sign(&signed_bytes(&LOG, verb, &old_leaf, &new_leaf));
        let statement = KeyStatement { log_id: LOG, verb, old: old_leaf, new: new_leaf, signature };
        admit_statement(&statement, &LOG, earlier, later, &Ecdsa).unwrap()
    }

    fn approves(&mut self, day: i64, old: u64, new: u64) -> u64 {
        self.says(day, Verb::Approve, old, new)
    }

    fn disputes(&mut self, day: i64, old: u64, new: u64) -> u64 {
        self.says(day, Verb::Dispute, old, new)
    }

    fn list(&self, of: u8) -> Vec<Leaf> {
        let carries = |leaf: &&Leaf| leaf.entry.number_labels().contains(&label(of));
        self.leaves.iter().filter(carries).cloned().collect()
    }
}

fn history(leaves: &[Leaf], of: u8, day: i64) -> History<'_> {
    let now = 1000 * (START + day * DAY) as u64;
    History::of(&NumberList { log_id: &LOG, label: label(of), leaves }, &Ecdsa, now).unwrap()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotFound => "not found",
        Verdict::Expired => "expired",
        Verdict::DoesNotStand(_) => "does not stand",
        Verdict::Superseded { .. } => "superseded",
        Verdict::Disputed => "disputed",
        Verdict::Newest => "newest",
    }
}

/// What an app hears on `day` of each credential, in leaf order.
fn verdicts(story: &Story, of: u8, day: i64) -> Vec<&'static str> {
    let leaves = story.list(of);
    let history = history(&leaves, of, day);
    assert_eq!(history.faulty_statements, []);
    let now = 1000 * (START + day * DAY) as u64;
    history.credentials.iter().map(|credential| word(history.verdict(credential.leaves[0], now))).collect()
}

/// The other side of the story with two numbers: for the attacker's own number his approval counts.
#[test]
fn an_approval_matters_for_one_of_two_numbers() {
    let mut story = Story::default();
    story.logs(0, of(ANNA));
    let own = story.logs(1, of(MALLORY).for_other());
    let both = story.logs(10, of(MALLORY_AGAIN).for_both());
    let statement = story.approves(11, own, both);
    assert_eq!(verdicts(&story, OTHER, 20), ["superseded", "newest"]);
    let list = story.list(NUMBER);
    assert!(list.iter().all(|leaf| leaf.index != statement));
}

/// The same where both credentials name both numbers and the key leads for one of them.
#[test]
fn an_approval_has_weight_where_its_key_leads() {
    let mut story = Story::default();
    let anna = story.logs(0, of(ANNA));
    let mallory = story.logs(1, of(MALLORY).for_both());
    let next = story.logs(10, of(MALLORY_AGAIN).for_both());
    story.approves(11, mallory, next);
    assert_eq!(verdicts(&story, NUMBER, 20), ["newest", "does not stand", "does not stand"]);
    assert_eq!(verdicts(&story, OTHER, 20), ["superseded", "newest"]);
    story.approves(12, anna, next);
    assert_eq!(verdicts(&story, NUMBER, 20), ["superseded", "does not stand", "newest"]);
}

#[test]
fn the_time_line_says_why() {
    let mut story = Story::default();
    let anna = story.logs(0, of(ANNA).ca().until(50));
    let forged = story.logs(5, of(MALLORY));
    let delegate = story.logs(6, of(6).by(ANNA));
    let new = story.logs(10, of(ANNAS_NEW_PHONE));
    let statements = [
        story.approves(11, forged, new),
        story.approves(11, delegate, new),
        story.approves(11, anna, new),
        story.disputes(12, anna, new),
        story.disputes(51, anna, delegate),
    ];
    let leaves = story.list(NUMBER);
    let history = history(&leaves, NUMBER, 60);
    let standing: Vec<_> = history.credentials.iter().map(|credential| credential.standing).collect();
    assert_eq!(
        standing,
        [
            Ok(Stands::NothingCovered),
            Err(DoesNotStand::NotApproved { leading: 0 }),
            Ok(Stands::Issued { by: 0 }),
            Ok(Stands::Approved { by: 0, statement: statements[2] }),
        ]
    );
    let said = |place: usize| {
        let said = history.credentials[place].said.iter();
        said.map(|said| (said.index, said.by, said.weight)).collect::<Vec<_>>()
    };
    assert_eq!(
        said(3),
        [
            (statements[0], 1, Err(Weightless::DoesNotStand)),
            (statements[1], 2, Err(Weightless::NotLeading)),
            (statements[2], 0, Ok(())),
            (statements[3], 0, Ok(())),
        ]
    );
    assert_eq!(said(2), [(statements[4], 0, Err(Weightless::Expired))]);
    assert_eq!(history.leading().unwrap().leaves, [new]);
    assert_eq!(
        history.credential_of(delegate).unwrap().entry.issuer_key_hash,
        key_hash(&KeyPair::p256(ANNA))
    );
    assert_eq!(history.verdict(999, 0), Verdict::NotFound);
}

/// Fails without the comparison of everything that the leaf shows, or without the mark.
#[test]
fn a_repeated_id_is_shown_apart_and_marked() {
    let pre = of(ANNA).id(1).precertificate();
    let same = of(ANNA).id(1);
    let marks = |issues: Vec<Issue>| {
        let mut story = Story::default();
        for issue in issues {
            story.logs(0, issue);
        }
        let leaves = story.list(NUMBER);
        let history = history(&leaves, NUMBER, 1);
        history.credentials.iter().map(|c| (c.leaves.len(), c.repeated_id)).collect::<Vec<_>>()
    };
    assert_eq!(marks(vec![pre.clone(), same.clone()]), [(2, false)]);
    assert_eq!(marks(vec![same.clone(), pre.clone()]), [(2, false)]);
    assert_eq!(marks(vec![same.clone(), same.clone()]), [(1, true), (1, true)]);
    assert_eq!(marks(vec![pre.clone(), same.clone(), same.clone()]), [(2, true), (1, true)]);
    assert_eq!(marks(vec![pre.clone(), pre.clone(), same.clone()]), [(2, true), (1, true)]);
    let four = vec![pre.clone(), pre.clone(), same.clone(), same.clone()];
    assert_eq!(marks(four), [(2, true), (1, true), (1, true)]);
    let four = vec![pre.clone(), same.clone(), pre.clone(), same.clone()];
    assert_eq!(marks(four), [(2, true), (1, true), (1, true)]);
    for changed in [
        of(MALLORY).id(1),
        same.clone().by(MALLORY),
        same.clone().until(99),
        same.clone().with(|entry| entry.not_before += 1),
        same.clone().ca(),
        same.clone().for_both(),
    ] {
        assert_eq!(marks(vec![pre.clone(), changed]), [(1, true), (1, true)]);
    }
}

/// Statements that no log admits: shown as the log's fault, without effect.
#[test]
fn faulty_statements_count_for_nothing() {
    let mut story = Story::default();
    let old = story.logs(0, of(ANNA));
    let new = story.logs(10, of(ANNAS_NEW_PHONE));
    let good = story.statement(Verb::Approve, old, new);
    let other = reference(&story.leaves[1]);
    type Change = fn(&mut KeyStatementEntry);
    let changes: [(StatementRefusal, Change); 4] = [
        (StatementRefusal::BadSignature, |entry| entry.verb = Verb::Dispute),
        (StatementRefusal::NotLogged(Side::Old), |entry| entry.old.index = 77),
        (StatementRefusal::NotLogged(Side::New), |entry| entry.new.index = 77),
        (StatementRefusal::OtherLeaf(Side::New), |entry| entry.new.hash.0[0] ^= 1),
    ];
    for (refusal, change) in changes {
        let mut entry = good.clone();
        change(&mut entry);
        let mut leaves = story.leaves.clone();
        leaves.push(leaf(2, 11, entry));
        let history = history(&leaves, NUMBER, 20);
        assert_eq!(history.faulty_statements, [(2, refusal)]);
        assert_eq!(history.leading().unwrap().leaves, [old]);
    }
    let mut leaves = story.leaves.clone();
    leaves.extend([leaf(2, 11, good.clone()), leaf(3, 12, good.clone())]);
    let twice = history(&leaves, NUMBER, 20);
    assert_eq!(twice.faulty_statements, [(3, StatementRefusal::SaidBefore(2))]);
    let list = NumberList { log_id: &[8; 32], label: label(NUMBER), leaves: &leaves[..3] };
    let of_another_log = History::of(&list, &Ecdsa, 0).unwrap();
    assert_eq!(of_another_log.faulty_statements, [(2, StatementRefusal::BadSignature)]);
    assert_eq!(other.index, new);
}

/// A statement that stands before one of its leaves is the log's fault too.
#[test]
fn a_statement_comes_after_what_it_is_about() {
    let mut story = Story::default();
    let (old, new) = (story.logs(0, of(ANNA)), story.logs(10, of(ANNAS_NEW_PHONE)));
    let mut statement = story.statement(Verb::Approve, old, new);
    let moved = Leaf { index: 2, ..story.leaves[1].clone() };
    statement.new = reference(&moved);
    let leaves = [story.leaves[0].clone(), leaf(1, 10, statement), moved];
    let history = history(&leaves, NUMBER, 20);
    assert_eq!(history.faulty_statements, [(1, StatementRefusal::NotLogged(Side::New))]);
}

#[test]
fn lists_out_of_order_or_of_another_number_are_refused() {
    let mut story = Story::default();
    story.logs(0, of(ANNA));
    story.logs(10, of(ANNAS_NEW_PHONE).for_both());
    let good = story.leaves;
    let check = |leaves: &[Leaf], of: u8| {
        History::of(&NumberList { log_id: &LOG, label: label(of), leaves }, &Ecdsa, 0).map(|_| ())
    };
    assert_eq!(check(&good, NUMBER), Ok(()));
    assert_eq!(check(&[], NUMBER), Ok(()));
    assert_eq!(check(&good, OTHER), Err(ListError::Label(0)));
    let swapped = [good[1].clone(), good[0].clone()];
    assert_eq!(check(&swapped, NUMBER), Err(ListError::Order(0)));
    let twice = [good[0].clone(), good[0].clone()];
    assert_eq!(check(&twice, NUMBER), Err(ListError::Order(0)));
    let back = [good[0].clone(), Leaf { timestamp: 0, ..good[1].clone() }];
    assert_eq!(check(&back, NUMBER), Err(ListError::Order(1)));
}

fn register(credential: u64, from: i64, until: i64, replaces: Option<u64>) -> RegistrationEntry {
    RegistrationEntry {
        label: label(NUMBER),
        credential,
        not_before: START + from * DAY,
        not_after: START + until * DAY,
        action: Action::Register,
        commitment: crate::commitment::Commitment([1; 32]),
        replaces,
    }
}

fn withdraw(credential: u64, until: i64, replaces: u64) -> RegistrationEntry {
    let from = until - 1;
    RegistrationEntry { action: Action::Withdraw, ..register(credential, from, until, Some(replaces)) }
}

fn states(story: &Story, day: i64) -> Vec<RegistrationState> {
    let leaves = story.list(NUMBER);
    history(&leaves, NUMBER, day).registrations.iter().map(|registered| registered.state).collect()
}

#[test]
fn what_becomes_of_registrations() {
    use RegistrationState as S;
    let mut story = Story::default();
    let anna = story.logs(0, of(ANNA).until(60));
    let first = story.add(1, register(anna, 1, 31, None), 0);
    let elsewhere = story.add(2, register(anna, 2, 32, None), 0);
    assert_eq!(states(&story, 5), [S::Current, S::Current]);
    assert_eq!(states(&story, 0), [S::NotYetValid, S::NotYetValid]);
    let second = story.add(20, register(anna, 20, 50, Some(first)), 0);
    assert_eq!(states(&story, 25), [S::Replaced(second), S::Current, S::Current]);
    assert_eq!(states(&story, 40), [S::Replaced(second), S::Expired, S::Current]);
    let end = story.add(41, withdraw(anna, 42, second), 0);
    assert_eq!(states(&story, 45), [S::Replaced(second), S::Expired, S::Withdrawn(end), S::Withdrawal]);
    story.add(45, register(anna, 45, 75, None), 0);
    assert_eq!(states(&story, 60).last(), Some(&S::Current));
    assert_eq!(states(&story, 61).last(), Some(&S::Expired), "its credential has expired");
    assert!(elsewhere < second);
}

/// Each line fails without the check that finds its fault.
#[test]
fn faulty_registrations_count_for_nothing() {
    use RegistrationFault as F;
    let mut story = Story::default();
    let anna = story.logs(0, of(ANNA).until(60));
    let mallory = story.logs(0, of(MALLORY));
    let first = story.add(1, register(anna, 1, 31, None), 0);
    let end = story.add(2, withdraw(anna, 3, first), 0);
    let open = story.add(3, register(anna, 3, 33, None), 0);
    let older = story.add(3, register(anna, 3, 33, None), 0);
    story.add(4, register(anna, 4, 34, Some(older)), 0);
    for (fault, day, entry) in [
        (F::NoCredential, 5, register(first, 5, 6, None)),
        (F::NoCredential, 5, register(77, 5, 6, None)),
        (F::NotLive, 61, register(anna, 61, 62, None)),
        (F::Validity, 5, register(anna, 5, 36, None)),
        (F::Validity, 5, register(anna, 6, 36, None)),
        (F::Validity, 5, register(anna, 3, 4, None)),
        (F::Replaces, 5, register(anna, 5, 6, Some(first))),
        (F::Replaces, 5, register(anna, 5, 6, Some(end))),
        (F::Replaces, 5, register(anna, 5, 6, Some(older))),
        (F::Replaces, 5, withdraw(anna, 6, older)),
        (F::Replaces, 5, register(anna, 5, 6, Some(anna))),
        (F::Replaces, 5, register(anna, 5, 6, Some(77))),
        (F::Replaces, 5, register(mallory, 5, 6, Some(open))),
        (F::Replaces, 5, withdraw(mallory, 6, open)),
    ] {
        let index = story.add(day, entry, 0);
        let found = states(&story, 5);
        assert_eq!(found.last(), Some(&RegistrationState::Faulty(fault)), "{fault}");
        assert_eq!(found[2], RegistrationState::Current, "{fault}");
        story.leaves.pop();
        story.keys.pop();
        assert_eq!(story.leaves.len() as u64, index);
    }
}
