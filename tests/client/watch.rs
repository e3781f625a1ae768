//! `tnlog watch` at a real log with witnesses: what it shows of a number's life, what it refuses, what it keeps and transfers.

#![cfg(feature = "server")]

use crate::story;
use crate::story::Story;
use crate::support::witness;
use serde_json::Value;
use tnlog::entry::{Action, Verb};

const ANNA: u64 = 1;
const ANNAS_NEW_PHONE: u64 = 2;
const MALLORY: u64 = 4;

fn of<'a>(lines: &'a [Value], what: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["what"] == what).collect()
}

/// The number, as the command line has it.
fn plus(story: &Story) -> String {
    format!("+{}", story.number().digits())
}

#[test]
fn a_renewal_that_was_approved_and_a_reroute_that_was_not() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let new = story.credential(ANNAS_NEW_PHONE);
    let approval = story.says(Verb::Approve, anna, new);
    let stolen = story.credential(MALLORY);
    let objection = story.says(Verb::Dispute, new, stolen);
    let nonsense = story.says(Verb::Approve, anna, stolen);
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let number = plus(&story);
    let lines = story.watched(0, &["--policy", &policy, "--trust-log", &number]);

    let credentials = of(&lines, "credential");
    let about = |n: usize, field: &str| credentials[n][field].clone();
    assert_eq!(credentials.len(), 3);
    assert_eq!(
        (about(0, "entries"), about(0, "stands"), about(0, "why")),
        (anna.into_list(), true.into(), "nothing-covered".into())
    );
    assert_eq!(about(0, "superseded_by"), new);
    assert_eq!(
        (about(1, "stands"), about(1, "newest"), about(1, "why"), about(1, "by")),
        (true.into(), true.into(), "approved".into(), anna.into())
    );
    assert_eq!(about(1, "statements")[0]["entry"], approval);
    assert_eq!(
        (about(2, "stands"), about(2, "why"), about(2, "by")),
        (false.into(), "not-approved".into(), new.into())
    );
    assert_eq!((about(2, "disputed"), about(2, "newest")), (true.into(), false.into()));
    let said = |n: usize| about(2, "statements")[n].clone();
    assert_eq!((said(0)["entry"].clone(), said(0)["weight"].clone()), (objection.into(), true.into()));
    assert_eq!((said(1)["entry"].clone(), said(1)["weight"].clone()), (nonsense.into(), false.into()));
    assert_eq!(said(1)["why_not"], "its key is not the newest standing one");
    assert!(credentials.iter().all(|c| c["issuer"].as_str().unwrap().contains("Issuing CA")), "{lines:?}");
    assert_eq!(about(0, "key_hash"), Story::key_hash(ANNA));

    let complete = of(&lines, "complete")[0];
    assert_eq!((complete["covers"].clone(), complete["bad"].clone()), (story.log.size().into(), 1.into()));
    assert!(complete["complete_as_of"].is_string());

    let text = story.watch(&["--policy", &policy, "--trust-log", &number]);
    let text = String::from_utf8(text.stdout).unwrap();
    for part in [
        "3 credentials",
        "DOES NOT STAND, DISPUTED",
        "stands, newest",
        "even if 1 of its witnesses lies",
        "░",
        "▒",
        "█",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains('\u{1b}'), "colours are for terminals");
    println!("{text}");
}

trait IntoList {
    fn into_list(self) -> Value;
}

impl IntoList for u64 {
    fn into_list(self) -> Value {
        vec![self].into()
    }
}

#[test]
fn registrations_are_replaced_and_withdrawn() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let first = story.registers(anna, Action::Register, None);
    let second = story.registers(anna, Action::Register, Some(first));
    let third = story.registers(anna, Action::Register, None);
    let end = story.registers(anna, Action::Withdraw, Some(third));
    let faulty = story.registers(999, Action::Register, None);
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let number = plus(&story);
    let lines = story.watched(0, &["--policy", &policy, "--trust-log", &number]);
    let states: Vec<_> = of(&lines, "registration")
        .iter()
        .map(|r| (r["entry"].as_u64().unwrap(), r["state"].as_str().unwrap(), r["ended_by"].as_u64()))
        .collect();
    assert_eq!(
        states,
        [
            (first, "replaced", Some(second)),
            (second, "current", None),
            (third, "withdrawn", Some(end)),
            (end, "withdrawal", None),
            (faulty, "faulty", None),
        ]
    );
    // A registration that counts for nothing is nobody's, so it is not mine.
    let mine = Story::key_hash(ANNA);
    story.watched(2, &["--policy", &policy, "--trust-log", &number, "--known", &mine]);
    let text = story.watch(&["--policy", &policy, "--trust-log", &number, "--known", &mine]);
    println!("{}", String::from_utf8_lossy(&text.stdout));
}

/// Fails without the sums in `TimeLine::not_mine`, each its own.
#[test]
fn what_is_not_mine_is_exit_code_2() {
    let mut story = Story::new();
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let (number, mine) = (plus(&story), Story::key_hash(ANNA));
    let known = ["--policy", &policy, "--trust-log", &number, "--known", &mine];
    // Nothing at all is fine.
    story.watched(0, &known);
    let anna = story.credential(ANNA);
    let lines = story.watched(0, &known);
    assert_eq!(
        (&of(&lines, "complete")[0]["not_mine"], &of(&lines, "credential")[0]["mine"]),
        (&0.into(), &true.into())
    );
    story.watched(2, &["--policy", &policy, "--trust-log", &number, "--known", "none"]);
    story.watched(0, &["--policy", &policy, "--trust-log", &number]);
    story.registers(anna, Action::Register, None);
    story.watched(0, &known);
    // By its second key, which is mine too.
    let new = story.credential(ANNAS_NEW_PHONE);
    let lines = story.watched(2, &known);
    assert_eq!(of(&lines, "complete")[0]["not_mine"], 1);
    let capitals = Story::key_hash(ANNAS_NEW_PHONE).to_uppercase();
    story.watched(0, &[&known[..], &["--known", &capitals]].concat());
    story.registers(new, Action::Register, None);
    let lines = story.watched(2, &known);
    assert_eq!(of(&lines, "complete")[0]["not_mine"], 2);
    let third = story.credential(3);
    story.says(Verb::Approve, new, third);
    let lines = story.watched(2, &[&known[..], &["--known", &Story::key_hash(3)]].concat());
    assert_eq!(of(&lines, "complete")[0]["not_mine"], 3);
    let text = story.watch(&known);
    assert!(String::from_utf8(text.stdout).unwrap().contains("NOT MINE"));
}

/// Before anything is asked: there is nobody at the address. Fails without `Asking::refuse`.
#[test]
fn policies_under_which_nothing_can_be_known_are_refused_first() {
    let story = Story::new();
    let nobody = "http://127.0.0.1:9/";
    let good = story.file("good.txt", &story.policy_at(nobody, 2));
    let none = story.file("none.txt", &story.policy_at(nobody, 0));
    let number = plus(&story);
    let refused = |args: &[&str]| {
        let output = story.watch(&[args, &[&number]].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(!error.contains(story.number().digits()), "{error}");
        error
    };
    for (args, says) in [
        (&["--policy", &none][..], &["quorum none", "--trust-log"][..]),
        (&["--policy", &none, "--verifiers", &good], &["quorum none", "--trust-log"]),
        (&["--policy", &good], &["--verifiers", "--trust-log"]),
        (&["--policy", &good, "--verifiers", &none], &["--verifiers", "quorum none"]),
        (
            &["--policy", &good, "--verifiers", &good, "--bad", "2"],
            &["2 witnesses that may be bad", "larger quorum"],
        ),
        (&["--policy", &good, "--verifiers", &good], &["could not be reached"]),
    ] {
        let error = refused(args);
        assert!(says.iter().all(|part| error.contains(part)), "{args:?}: {error}");
    }
}

/// A log whose word alone is taken gives no time, and says so; one with too few cosignatures is not trusted.
#[test]
fn how_recent_it_is_is_said_or_that_it_cannot_be_known() {
    let mut story = Story::new();
    story.credential(ANNA);
    let number = plus(&story);
    let none = story.file("none.txt", &story.policy_at(&story.url(), 0));
    let lines = story.watched(0, &["--policy", &none, "--trust-log", &number]);
    let complete = of(&lines, "complete")[0];
    assert_eq!((&complete["complete_as_of"], &complete["bad"]), (&Value::Null, &Value::Null));
    // Of 3 in 3 it takes one, and two where one may be bad.
    let all = story.file("all.txt", &story.policy_at(&story.url(), 3));
    let lines = story.watched(0, &["--policy", &all, "--trust-log", &number, "--bad", "1"]);
    assert_eq!(of(&lines, "complete")[0]["bad"], 2);
    // Of 1 in 3 it takes three: with one of them away it cannot be known.
    let one = story.file("one.txt", &story.policy_at(&story.url(), 1));
    story.watched(0, &["--policy", &one, "--trust-log", &number]);
    story.settle();
    story.witnesses[2].set(witness::Manner::Offline);
    story.credential(ANNAS_NEW_PHONE);
    let (log, size) = (&story.log.running().log, story.log.size());
    while log.cosigned().is_none_or(|cosigned| cosigned.tree.size < size)
        || log.index.shown().is_none_or(|shown| shown.head.size < size)
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let arguments = ["--policy", &one, "--trust-log", &number, "--json"];
    let output = story::watch(story.folder.path(), &arguments).output().unwrap();
    let lines = story::lines(&output, 2);
    let complete = of(&lines, "complete")[0];
    assert!(
        complete["why"].as_str().unwrap().starts_with("2 of the policy's witnesses cosigned"),
        "{complete}"
    );
    assert!(String::from_utf8(output.stderr).unwrap().contains("NOT RECENT"));
}
