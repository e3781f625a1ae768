//! Looking up as it is meant to be: the log has witnesses and a quorum of verifiers, which are real mirrors, and one of them is asked.

#![cfg(feature = "server")]

use std::process::Command;
use std::sync::Arc;

use crate::common::{certificates, root};
use crate::mirrors::{policy_of, verifiers};
use crate::story::Story;
use serde_json::Value;
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::client::http::Client;
use tnlog::client::lookup::{Answered, Kept, LookupError, Lookups, Peer, StandingError, Trust};
use tnlog::client::read::ReadError;
use tnlog::entry::{Action, Verb};
use tnlog::policy::{Policy, PolicyError};
use tnlog::proof::TlogProof;
use tnlog::receipt::{Claim, KnownLog, Verifier};
use tnlog::standing::Verdict;

const ANNA: u64 = 1;
const ANNAS_NEW_PHONE: u64 = 2;
const MALLORY: u64 = 4;

fn complete(lines: &[Value]) -> &Value {
    lines.iter().find(|line| line["what"] == "complete").unwrap()
}

/// What is shown, but for what it cost and who was asked.
fn shown(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["what"] != "complete").collect()
}

/// No word of the log is taken, and nothing is warned of. Fails when mirrors do not cosign, or answer in what was not cosigned.
#[test]
fn a_number_is_watched_at_each_mirror_as_at_the_log() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let (mirrors, quorum) = verifiers(&mut story, 3, 2);
    let new = story.credential(ANNAS_NEW_PHONE);
    story.says(Verb::Approve, anna, new);
    let stolen = story.credential(MALLORY);
    story.says(Verb::Dispute, new, stolen);
    story.registers(new, Action::Register, None);
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let number = format!("+{}", story.number().digits());
    let asked = ["--policy", &policy, "--verifiers", "quorum.txt", &number];
    let at_log = story.watched(0, &asked);
    assert_eq!(shown(&at_log).len(), 4);
    for mirror in &mirrors {
        mirror.caught_up(&story, &quorum);
        let url = mirror.url();
        let asked = [&asked[..], &["--ask", &url]].concat();
        let at_mirror = story.watched(0, &asked);
        assert_eq!(shown(&at_mirror), shown(&at_log));
        let (complete, covers) = (complete(&at_mirror), story.log.size());
        assert_eq!((&complete["covers"], &complete["asked"]), (&covers.into(), &url.as_str().into()));
        assert!(complete["complete_as_of"].is_string(), "{complete}");
        let told = String::from_utf8(story.watch(&asked).stderr).unwrap();
        assert!(!told.contains("rests on") && told.contains("not which"), "{told}");
        assert!(!mirror.holds(story.number().digits()), "a mirror knows the number");
    }
}

/// The commands of the README: they make both policies, and watch. Fails when `policy init` does not pin the index log.
#[test]
fn the_commands_of_the_readme_watch_a_number() {
    let mut story = Story::new();
    story.credential(ANNA);
    let (mirrors, quorum) = verifiers(&mut story, 2, 2);
    mirrors[0].caught_up(&story, &quorum);
    let section = include_str!("../../README.md").split_once("## Watch your number").unwrap().1;
    let block = section.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0;
    let mut witnesses = story.witnesses.iter().map(|witness| witness.signer.verifier_key().to_string());
    let mut keys = mirrors.iter().map(|mirror| mirror.key.to_string());
    let (log, mirror, number) = (story.url(), mirrors[0].url(), format!("+{}", story.number().digits()));
    let mut said = Vec::new();
    for line in block.lines() {
        let words = line.split("  #").next().unwrap().split(' ').map(|word| match word {
            "WITNESS" => witnesses.next().unwrap(),
            "MIRROR" => keys.next().unwrap(),
            "https://log.example.com/" => log.clone(),
            "https://mirror.example.com/" => mirror.clone(),
            "+17035550123" => number.clone(),
            word => word.to_owned(),
        });
        let words: Vec<_> = words.collect();
        assert_eq!(words[0], "tnlog");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tnlog"));
        let output = command.args(&words[1..]).current_dir(story.folder.path()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {error}");
        said.push(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(said.len(), 3);
    assert!(said[2].contains("1 credential") && said[2].contains("stands, newest"), "{}", said[2]);
}

/// A quorum holds while one is away, and not while two are. Then nothing is shown, which is no finding. Fails when the index policy is
/// that of the key alone.
#[test]
fn without_a_quorum_of_verifiers_nothing_is_shown() {
    let mut story = Story::new();
    story.credential(ANNA);
    let (mut mirrors, quorum) = verifiers(&mut story, 3, 2);
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let number = format!("+{}", story.number().digits());
    let url = mirrors[0].url();
    let asked = |verifiers: &'static str| {
        ["--policy", &policy, "--verifiers", verifiers, "--ask", &url, &number].map(str::to_owned)
    };
    let watch = |story: &Story, verifiers: &'static str| {
        let arguments = asked(verifiers);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = story.watch(&[&arguments[..], &["--json"]].concat());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap(), output.stdout)
    };
    mirrors[2].kill();
    let stolen = story.credential(MALLORY);
    mirrors[0].caught_up(&story, &quorum);
    let (code, error, text) = watch(&story, "quorum.txt");
    let text = String::from_utf8(text).unwrap();
    assert_eq!(code, 0, "{error}");
    assert!(text.contains(&format!("[{stolen}]")), "{text}");
    // Who asks for all three.
    story.file("all.txt", &policy_of(&story, &mirrors, 3));
    let (code, error, text) = watch(&story, "all.txt");
    assert_eq!((code, text.len()), (1, 0), "{error}");
    assert!(error.contains("2 witnesses"), "{error}");
    // When it is back, it goes on where it was.
    mirrors[2].resume();
    mirrors[2].caught_up(&story, &quorum);
}

/// An app asks a mirror about a peer, under a policy of witnesses and one of verifiers.
#[test]
fn an_app_asks_a_mirror_whether_a_credential_stands() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let (mirrors, quorum) = verifiers(&mut story, 2, 2);
    let ask = |story: &Story, verifiers: &str| -> Result<Answered, StandingError> {
        let log = &story.log.running().log;
        let policy: Policy = story.policy_at(&story.url(), 2).parse().unwrap();
        let (chain, receipt) = story.chain_and_receipt(anna);
        let parameters = TlogProof::parse(&story.log.get("/tn/v1/parameters").body).unwrap();
        let known = KnownLog::open(&parameters, &policy).unwrap();
        let root = Arc::new(Certificate::from_der(root().certificate().to_vec()).unwrap());
        let anchors = Anchors::new([Anchor { certificate: root, calling_codes: None }]);
        let verifier = Verifier::new(policy.clone(), vec![known], anchors);
        let (number, now) = (story.number(), story.now());
        let claim = Claim::Number(story.number());
        let verified = verifier.verify(&certificates(&chain), &claim, &receipt, now as i64).unwrap();
        let trust = Trust {
            key: log.keys.checkpoint.verifier_key().clone(),
            policy,
            index_key: log.index.key().clone(),
            index_policy: verifiers.parse().unwrap(),
        };
        let mut lookups = Lookups::new(Client::new(&mirrors[0].url()).unwrap(), trust);
        let peer = Peer { verified: &verified, receipt: &receipt, number: &number };
        let mut kept = Kept::default();
        let asked = lookups.standing_of(&peer, &mut kept, 1000 * now, 0);
        story.log.runtime.block_on(asked)
    };
    mirrors[0].caught_up(&story, &quorum);
    let first = ask(&story, &quorum).unwrap();
    assert_eq!((first.verdict, first.newest), (Verdict::Newest, Some(anna)));
    assert!(first.as_of.unwrap().abs_diff(story.now()) < 60);
    let new = story.credential(ANNAS_NEW_PHONE);
    story.says(Verb::Approve, anna, new);
    mirrors[0].caught_up(&story, &quorum);
    let second = ask(&story, &quorum).unwrap();
    assert_eq!((second.verdict, second.newest), (Verdict::Superseded { by: 1 }, Some(new)));
    assert_eq!(second.covers, story.log.size());
    // Verifiers that nobody asks: the witnesses of the log are none.
    let strangers = story.policy_at(&story.url(), 2);
    let error = ask(&story, &strangers).unwrap_err();
    let is_short = matches!(
        error,
        StandingError::Lookup(LookupError::Read(ReadError::Policy(PolicyError::Quorum { cosigned: 0, .. })))
    );
    assert!(is_short, "{error}");
}
