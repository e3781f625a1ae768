//! A log and its witnesses: what waits for their quorum, and what never does.

#![cfg(feature = "server")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support;
use crate::support::witness::{Manner, TestWitness};
use crate::support::{NOW, VALIDITY, parse};
use tnlog::admission::Kind;
use tnlog::anchors::{Anchor, Anchors};
use tnlog::client::check::{Position, Target, check_log};
use tnlog::client::http::{Client, HttpError};
use tnlog::client::read::{LogReader, ReadError, policy_of_key};
use tnlog::client::retry::Patience;
use tnlog::client::source::AnySource;
use tnlog::note::VerifierKey;
use tnlog::number::Number;
use tnlog::policy::{Policy, PolicyError};
use tnlog::receipt::{Claim, KnownLog, Receipt, Untrusted, Verifier};
use tnlog::sct::Sct;
use tnlog::server::config::{Config, Folder};
use tnlog::server::keys::Keys;
use tnlog::server::open::{OpenError, configure};
use tnlog::server::problem::Problem;
use tnlog::server::readable::parameters;
use tnlog::server::roots;
use tnlog::server::run::{Running, start};
use tnlog::server::witness::WitnessesError;
use tnlog::synthetic::{Authority, Profile, fictional_number};

const ORIGIN: &str = "log.example.com/witnessed";

/// A log that is not started yet, with witnesses that know it.
struct Site {
    folder: tempfile::TempDir,
    key: VerifierKey,
    root: Authority,
    witnesses: Vec<Arc<TestWitness>>,
}

impl Site {
    async fn new(witnesses: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Folder::new(folder.path().join("log"));
        Keys::create(&log.keys(), ORIGIN).unwrap();
        let key = Keys::read(&log.keys(), ORIGIN).unwrap().checkpoint.verifier_key().clone();
        let root = Authority::root("Root", 1, VALIDITY);
        let anchor = Anchor { certificate: parse(root.chain()).remove(0), calling_codes: None };
        roots::add(&log.roots(), &anchor).unwrap();
        let mut started = Vec::new();
        for seed in 1..=witnesses {
            started.push(TestWitness::start(folder.path(), seed, &key).await);
        }
        Site { folder, key, root, witnesses: started }
    }

    fn log(&self) -> Folder {
        Folder::new(self.folder.path().join("log"))
    }

    /// The policy of apps and log, with so many of the witnesses for a quorum.
    fn policy(&self, quorum: usize) -> String {
        let lines: String = self.witnesses.iter().map(|witness| witness.line()).collect();
        let names: Vec<_> = self.witnesses.iter().map(|witness| witness.name.as_str()).collect();
        let names = names.join(" ");
        format!("log {}\n{lines}group quorate {quorum} {names}\nquorum quorate\n", self.key)
    }

    async fn start(&self, quorum: usize) -> Running {
        start_in(&self.log(), &self.policy(quorum)).await.unwrap()
    }

    fn certificate(&self, n: u32) -> Vec<Vec<u8>> {
        let number = fictional_number(n);
        self.root.issue(&Profile::numbers(&[&number], VALIDITY, u64::from(n))).chain()
    }

    fn verifier(&self, running: &Running, quorum: usize) -> Verifier {
        let policy: Policy = self.policy(quorum).parse().unwrap();
        let known = KnownLog::open(&parameters(&*running.log).unwrap(), &policy).unwrap();
        let anchor = Anchor { certificate: parse(self.root.chain()).remove(0), calling_codes: None };
        Verifier::new(policy, vec![known], Anchors::new([anchor]))
    }
}

async fn start_in(folder: &Folder, witnesses: &str) -> Result<Running, OpenError> {
    start_with(folder, witnesses, "").await
}

async fn start_with(folder: &Folder, witnesses: &str, more: &str) -> Result<Running, OpenError> {
    fs::create_dir_all(folder.path()).unwrap();
    fs::write(folder.path().join("witnesses.txt"), witnesses).unwrap();
    let text = format!(
        "origin = \"{ORIGIN}\"\nlisten = \"127.0.0.1:0\"\nround_milliseconds = 5\nwitnesses = \"witnesses.txt\"\n\
         cosign_milliseconds = 20\ncosign_timeout_seconds = 60\n{more}"
    );
    fs::write(folder.config(), text).unwrap();
    let config: Config = configure(folder, None).unwrap();
    start(folder, config, |_, _| {}).await
}

async fn submit(running: &Running, chain: &[Vec<u8>]) -> Sct {
    let log = &running.log;
    let submitted = log.submit(log.admit(&parse(chain), Kind::Final).unwrap()).unwrap();
    log.answer(submitted).await.unwrap()
}

fn receipt(running: &Running, chain: &[Vec<u8>]) -> Result<Receipt, Problem> {
    running.log.receipt(&running.log.admit(&parse(chain), Kind::Final).unwrap())
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 30 seconds: {what}");
}

fn cosigned_size(running: &Running) -> u64 {
    running.log.cosigned().map_or(0, |cosigned| cosigned.tree.size)
}

async fn cosigned(running: &Running) {
    eventually("the newest checkpoint is cosigned", || {
        cosigned_size(running) == running.log.published().tree.size
    })
    .await;
}

/// How often a line of the metrics counts something.
fn count(running: &Running, line: &str) -> u64 {
    let metrics = running.log.metrics.encode();
    let value = metrics.lines().find_map(|of| of.strip_prefix(line));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

fn answers(running: &Running, witness: &TestWitness, result: &str) -> u64 {
    let name = &witness.name;
    count(running, &format!("tnlog_witness_answers_total{{witness=\"{name}\",result=\"{result}\"}}"))
}

fn base(running: &Running) -> String {
    format!("http://{}/", running.address)
}

async fn get(running: &Running, path: &str) -> (u16, Option<String>, String) {
    Client::new(&base(running)).unwrap();
    let response = reqwest::get(format!("{}{path}", base(running))).await.unwrap();
    let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), retry, response.text().await.unwrap())
}

fn claim(n: u32) -> Claim {
    Claim::Number(Number::new(&fictional_number(n)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_is_gathered_while_one_is_away_and_everything_verifies_with_it() {
    let site = Site::new(3).await;
    site.witnesses[1].set(Manner::Offline);
    let running = site.start(2).await;
    let chain = site.certificate(1);
    submit(&running, &chain).await;
    cosigned(&running).await;

    let receipt = Receipt::parse(receipt(&running, &chain).unwrap().to_string().as_bytes()).unwrap();
    let verified =
        site.verifier(&running, 2).verify(&parse(&chain), &claim(1), &receipt, NOW as i64).unwrap();
    let names: Vec<_> = verified.cosigned.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["w1.example", "w3.example"]);
    let all = site.policy(3).parse::<Policy>().unwrap().check_note(&receipt.proof.checkpoint);
    assert!(matches!(all, Err(PolicyError::Quorum { cosigned: 2, .. })), "{all:?}");

    let policy: Policy = site.policy(2).parse().unwrap();
    let (status, _, note) = get(&running, "tn/v1/checkpoint").await;
    let checked = policy.check(note.as_bytes()).unwrap();
    assert_eq!((status, checked.checkpoint.size), (200, 2));
    assert!(policy.complete_as_of(&checked.cosigned, 0).is_ok());
    assert_eq!(policy.check(get(&running, "checkpoint").await.2.as_bytes()).unwrap().checkpoint.size, 2);

    // The served folder is enough for a reader, and the whole log is right.
    eventually("the file has the cosignatures", || {
        policy.check(&fs::read(site.log().public().join("checkpoint")).unwrap()).is_ok()
    })
    .await;
    let source = Arc::new(AnySource::new(site.log().public().to_str().unwrap()).unwrap());
    let mut reader = LogReader::new(source.clone(), policy);
    let seen = reader.update().await.unwrap().clone();
    let target = Target { note: &seen.note, checkpoint: seen.checkpoint() };
    check_log(&source, target, Position::default(), &mut |_| {}).await.unwrap();

    // Who was away cosigns later.
    site.witnesses[1].set(Manner::Honest);
    let third = site.witnesses[1].signer.verifier_key().to_string();
    eventually("the third cosigns too", || {
        running.log.checkpoint().contains(third.split('+').next().unwrap())
    })
    .await;
    assert!(answers(&running, &site.witnesses[1], "unreachable") > 0);
    running.stop().await;
}

/// Fails without `provable` in `Log::proof`.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_wait_for_the_quorum_and_scts_do_not() {
    let site = Site::new(2).await;
    site.witnesses[1].set(Manner::Offline);
    let running = site.start(2).await;
    let chain = site.certificate(1);
    submit(&running, &chain).await;
    assert!(matches!(receipt(&running, &chain), Err(Problem::NotCosigned { .. })));
    assert!(matches!(parameters(&*running.log), Err(Problem::NotCosigned { .. })));
    let client = Client::new(&base(&running)).unwrap().with_patience(Patience::NONE);
    let refused = client.get("tn/v1/checkpoint", 1 << 20).await.unwrap_err();
    let HttpError::Problem { problem, .. } = &refused else { panic!("{refused}") };
    assert_eq!((problem.status, problem.kind.as_str()), (503, "urn:tnlog:problem:not-cosigned"));
    let (status, retry, _) = get(&running, "tn/v1/parameters").await;
    assert_eq!((status, retry.as_deref()), (503, Some("1")));
    let (status, _, checkpoint) = get(&running, "checkpoint").await;
    assert!(status == 200 && !checkpoint.contains("w1.example"), "{checkpoint}");

    site.witnesses[1].set(Manner::Honest);
    eventually("there is a receipt", || receipt(&running, &chain).is_ok()).await;
    assert!(parameters(&*running.log).is_ok());
    let receipt = receipt(&running, &chain).unwrap();
    site.verifier(&running, 2).verify(&parse(&chain), &claim(1), &receipt, NOW as i64).unwrap();
    running.stop().await;
}

/// In the order of things, not by the clock: while the one witness that the quorum needs has not answered, rounds are
/// published and answered. Fails when a round waits for it; and without `is_over`, when everybody is offered what is newest.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_witness_delays_no_round_and_one_checkpoint_is_offered_to_all() {
    let site = Site::new(2).await;
    let (quick, slow) = (&site.witnesses[0], &site.witnesses[1]);
    let running = site.start(2).await;
    cosigned(&running).await;
    slow.set(Manner::Slow);
    submit(&running, &site.certificate(1)).await;
    eventually("both are asked", || slow.asked().len() == 2 && quick.asked().len() == 2).await;
    for n in 2..6 {
        submit(&running, &site.certificate(n)).await;
        // Time enough to offer a newer checkpoint, for who would.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(running.log.published().tree.size, 6);
    assert_eq!((cosigned_size(&running), quick.asked().len(), slow.asked().len()), (1, 2, 2));
    let newest = get(&running, "checkpoint").await.2;
    assert!(newest.contains("\n6\n") && !newest.contains("w1.example"), "{newest}");

    // A reader with the policy is given what is cosigned, over HTTP and from the folder.
    let policy: Policy = site.policy(2).parse().unwrap();
    for place in [base(&running), site.log().public().to_str().unwrap().to_owned()] {
        let source = Arc::new(AnySource::new(&place).unwrap());
        let mut reader = LogReader::new(source.clone(), policy.clone());
        assert_eq!(reader.update().await.unwrap().checkpoint().size, 1, "{place}");
        let mut newest = LogReader::new(source, policy_of_key(site.key.clone()).unwrap());
        assert_eq!(newest.update().await.unwrap().checkpoint().size, 6, "{place}");
    }
    assert!(matches!(receipt(&running, &site.certificate(1)), Err(Problem::NotCosigned { .. })));

    slow.set(Manner::Honest);
    cosigned(&running).await;
    assert_eq!(slow.asked(), [(0, 1), (1, 2), (2, 6)]);
    assert_eq!(quick.asked(), [(0, 1), (1, 2), (2, 6)]);
    running.stop().await;
}

/// Each line fails without its check in `server::witness::ask`.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_lies_is_noted_and_changes_nothing() {
    let site = Site::new(1).await;
    let witness = &site.witnesses[0];
    let running = site.start(1).await;
    cosigned(&running).await;
    let size = |text: &str| Manner::Says(409, Some("text/x.tlog.size"), text.into());
    let status = |status| Manner::Says(status, None, String::new());
    let cases = [
        (Manner::WrongSignature, "forged"),
        (Manner::OtherKey, "forged"),
        (Manner::OtherText, "forged"),
        (Manner::OldTime, "time"),
        (Manner::FutureTime, "time"),
        (Manner::Long, "too-long"),
        (Manner::Offline, "unreachable"),
        (Manner::Says(200, None, String::new()), "forged"),
        (Manner::Says(200, None, "\u{2014} w1.example AAAA\n".into()), "forged"),
        (status(400), "status"),
        (status(500), "status"),
        (status(404), "unknown-log"),
        (status(403), "other-key"),
        (status(409), "no-size"),
        (size("x\n"), "no-size"),
        (size("1"), "no-size"),
        (Manner::Says(409, None, "999999\n".into()), "no-size"),
        (status(302), "status"),
    ];
    for (n, (manner, result)) in (1..).zip(cases) {
        let (before, counted) = (cosigned_size(&running), answers(&running, witness, result));
        witness.set(manner.clone());
        submit(&running, &site.certificate(n)).await;
        eventually(&format!("{manner:?} is {result}"), || answers(&running, witness, result) > counted).await;
        assert_eq!(cosigned_size(&running), before, "{manner:?}");
        witness.set(Manner::Honest);
        cosigned(&running).await;
    }
    assert_eq!(count(&running, "tnlog_witness_conflicts_total{witness=\"w1.example\"}"), 0);
    // These say that the log is wrong. It goes on: a witness that lies could otherwise stop it.
    for (n, (manner, result)) in
        (100..).zip([(size("999999\n"), "ahead"), (Manner::Says(422, None, String::new()), "other-tree")])
    {
        witness.set(manner);
        submit(&running, &site.certificate(n)).await;
        eventually(result, || answers(&running, witness, result) > 0).await;
        witness.set(Manner::Honest);
        cosigned(&running).await;
    }
    assert!(count(&running, "tnlog_witness_conflicts_total{witness=\"w1.example\"}") >= 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_learns_of_the_log_later_cosigns_then() {
    let site = Site::new(1).await;
    site.witnesses[0].forget_log(ORIGIN);
    let running = site.start(1).await;
    eventually("it does not know the log", || answers(&running, &site.witnesses[0], "unknown-log") > 0).await;
    site.witnesses[0].know_log(&support::vkey());
    assert_eq!(cosigned_size(&running), 0);
    site.witnesses[0].know_log(&site.key);
    cosigned(&running).await;
    running.stop().await;
}

/// An idle log is cosigned again, also one that takes nothing any more, so that readers see how recent its tree is; and when the log signs its tree head again, the
/// file keeps the cosignatures of the tree.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_log_is_cosigned_again_and_again() {
    let site = Site::new(1).await;
    let more = "read_only = true\ncosign_renewal_seconds = 1\nheartbeat_seconds = 1\n";
    let running = start_with(&site.log(), &site.policy(1), more).await.unwrap();
    let time = |running: &Running| running.log.published().time;
    let begun = time(&running);
    eventually("it was asked again", || site.witnesses[0].asked().len() >= 3).await;
    eventually("the tree head was signed again", || time(&running) > begun).await;
    assert_eq!(site.witnesses[0].asked()[..3], [(0, 1), (1, 1), (1, 1)]);
    running.stop().await;
    let checkpoint = fs::read_to_string(site.log().public().join("checkpoint")).unwrap();
    assert!(checkpoint.contains("w1.example"), "{checkpoint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_what_was_cosigned_is_still_there_and_the_witness_says_its_size() {
    let site = Site::new(1).await;
    let witness = &site.witnesses[0];
    let chain = site.certificate(1);
    let running = site.start(1).await;
    submit(&running, &chain).await;
    cosigned(&running).await;
    running.stop().await;
    let checkpoint = fs::read_to_string(site.log().public().join("checkpoint")).unwrap();
    assert!(checkpoint.contains("w1.example"), "{checkpoint}");

    witness.set(Manner::Offline);
    let running = site.start(1).await;
    let receipt_now = receipt(&running, &chain).unwrap();
    site.verifier(&running, 1).verify(&parse(&chain), &claim(1), &receipt_now, NOW as i64).unwrap();
    assert_eq!(running.log.checkpoint(), fs::read_to_string(site.log().public().join("checkpoint")).unwrap());
    assert!(running.log.checkpoint().contains("w1.example"));
    submit(&running, &site.certificate(2)).await;
    assert!(matches!(receipt(&running, &site.certificate(2)), Err(Problem::NotCosigned { .. })));
    assert!(receipt(&running, &chain).is_ok());
    let asked = witness.asked().len();
    witness.set(Manner::Honest);
    cosigned(&running).await;
    assert_eq!(witness.asked()[asked..], [(0, 3), (2, 3)]);
    running.stop().await;

    // What is damaged, or cosigned by others than the witnesses of now, counts for nothing.
    witness.set(Manner::Offline);
    let file = site.log().public().join("tn/v1/checkpoint");
    let good = fs::read(&file).unwrap();
    let mut forged = good.clone();
    let in_the_signature = forged.len() - 10;
    forged[in_the_signature] = if forged[in_the_signature] == b'A' { b'B' } else { b'A' };
    for damaged in [&good[..good.len() / 2], &forged[..]] {
        fs::write(&file, damaged).unwrap();
        let running = site.start(1).await;
        assert!(matches!(receipt(&running, &chain), Err(Problem::NotCosigned { .. })));
        running.stop().await;
    }
    fs::write(&file, &good).unwrap();
    let other = TestWitness::start(site.folder.path(), 9, &support::vkey()).await;
    let policy = format!("{}quorum {}\n", other.line(), other.name);
    let running = start_in(&site.log(), &policy).await.unwrap();
    assert!(matches!(receipt(&running, &chain), Err(Problem::NotCosigned { .. })));
    running.stop().await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Fails without `AskError::Ahead` and `AskError::OtherTree`: a log restored from an old backup forks, and its witnesses are
/// the first to know. It does not start (fails without `ask_first`); where they were away at the start, they say so later.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_set_back_is_told_so_by_its_witnesses() {
    let site = Site::new(1).await;
    let witness = &site.witnesses[0];
    let first = site.certificate(1);
    let running = site.start(1).await;
    submit(&running, &first).await;
    cosigned(&running).await;
    running.stop().await;
    let [backup, older] = ["backup", "older"].map(|name| Folder::new(site.folder.path().join(name)));
    copy(site.log().path(), backup.path());
    copy(site.log().path(), older.path());
    let running = site.start(1).await;
    for n in 2..6 {
        submit(&running, &site.certificate(n)).await;
    }
    cosigned(&running).await;
    running.stop().await;
    let conflicts = "tnlog_witness_conflicts_total{witness=\"w1.example\"}";

    let (lock, checkpoint) = (fs::read(backup.lock()), fs::read(backup.public().join("checkpoint")));
    let refused = start_in(&backup, &site.policy(1)).await.err().unwrap();
    assert!(matches!(refused, OpenError::Contradicted(_)), "{refused}");
    let said = refused.to_string();
    for part in ["w1.example", "6 ENTRIES, AND THIS LOG HAS 2", "Nothing was signed", "take its line out"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(fs::read(backup.lock()).unwrap(), lock.unwrap());
    assert_eq!(fs::read(backup.public().join("checkpoint")).unwrap(), checkpoint.unwrap());

    witness.set(Manner::Offline);
    let restored = start_in(&backup, &site.policy(1)).await.unwrap();
    witness.set(Manner::Honest);
    eventually("it is ahead", || answers(&restored, witness, "ahead") > 0).await;
    assert!(count(&restored, conflicts) > 0);
    assert_eq!(answers(&restored, witness, "status"), 0, "it is asked from a size beyond what is offered");
    // What was cosigned before the backup stays provable; what is new never gets a receipt.
    assert!(receipt(&restored, &first).is_ok());
    for n in 10..16 {
        submit(&restored, &site.certificate(n)).await;
    }
    eventually("it remembers another tree", || answers(&restored, witness, "other-tree") > 0).await;
    assert!(matches!(receipt(&restored, &site.certificate(10)), Err(Problem::NotCosigned { .. })));
    assert_eq!((cosigned_size(&restored), witness.remembered().0), (2, 6));
    restored.stop().await;

    // A folder whose own cosigned checkpoint contradicts its log does not even start.
    let name = "tn/v1/checkpoint";
    for folder in [&backup, &older] {
        fs::copy(site.log().public().join(name), folder.public().join(name)).unwrap();
    }
    let refused = start_in(&backup, &site.policy(1)).await.err().unwrap();
    assert!(matches!(refused, OpenError::Witnesses(WitnessesError::OtherTree(6))), "{refused}");
    let refused = start_in(&older, &site.policy(1)).await.err().unwrap();
    let expected = WitnessesError::SetBack { cosigned: 6, published: 2 };
    assert_eq!(refused.to_string(), expected.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_whose_witnesses_cannot_work_does_not_start() {
    let site = Site::new(1).await;
    let line = site.witnesses[0].line();
    for (file, says) in [
        (format!("{line}quorum none\n"), "quorum"),
        (line.clone(), "no quorum line"),
        (format!("{}\nquorum w1.example\n", line.rsplit_once(' ').unwrap().0), "URL"),
    ] {
        let refused = start_in(&site.log(), &file).await.err().unwrap();
        assert!(refused.to_string().contains(says), "{refused}");
    }
}

/// Fails when a reader takes the checkpoint that is said to be cosigned without checking it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_be_cosigned_must_meet_the_policy_itself() {
    use support::server::{reply, serve};
    let log = support::TestLog::new();
    let note = log.note().to_string();
    let site = Site::new(1).await;
    let policy = format!("log {}\n{}quorum w1.example\n", support::vkey(), site.witnesses[0].line());
    let policy: Policy = policy.parse().unwrap();
    let mut cosigned = log.note();
    tnlog::cosignature::cosign_note(&site.witnesses[0].signer, &mut cosigned, NOW).unwrap();
    let answers = [
        (reply(200, cosigned.to_string()), true),
        (reply(200, note.clone()), false),
        (reply(404, ""), false),
    ];
    for (answer, good) in answers {
        let answer = std::sync::Mutex::new(Some(answer));
        let note = note.clone();
        let server = serve(move |_, path, _| match path {
            "/log/checkpoint" => reply(200, note.clone()),
            "/log/tn/v1/checkpoint" => answer.lock().unwrap().take().unwrap(),
            _ => reply(404, ""),
        })
        .await;
        let mut reader = LogReader::new(Arc::new(Client::new(&server.base).unwrap()), policy.clone());
        let result = reader.update().await;
        assert_eq!(result.is_ok(), good);
        let quorum = "w1.example".to_owned();
        let lacks = PolicyError::Quorum { cosigned: 0, missing: vec![quorum.clone()], quorum };
        if let Err(error) = result {
            assert!(matches!(error, ReadError::Policy(PolicyError::Quorum { .. })), "{error}");
        }
        assert_eq!(server.paths(), ["/log/checkpoint", "/log/tn/v1/checkpoint"]);
        assert_eq!(reader.lacks(), Some(&lacks), "also when an older one was taken");
    }
}

fn tnlog(folder: &Path, code: i32, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tnlog")).current_dir(folder).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}: {out}{err}");
    out + &err
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_make_a_policy_and_work_with_witnesses() {
    let site = Site::new(3).await;
    let running = site.start(2).await;
    let folder = site.folder.path();
    let url = base(&running);
    let keys: Vec<_> = site.witnesses.iter().map(|w| w.signer.verifier_key().to_string()).collect();

    assert!(tnlog(folder, 0, &["policy", "init", &url, "--out", "alone.txt"]).contains(ORIGIN));
    let alone = fs::read_to_string(folder.join("alone.txt")).unwrap();
    assert!(alone.contains("No witnesses") && alone.ends_with("quorum none\n"), "{alone}");
    let with_url = format!("{}={}", keys[1], site.witnesses[1].url);
    let mut args = vec!["policy", "init", &url, "--json"];
    args.extend(["--witness", &keys[0], "--witness", &with_url, "--witness", &keys[2]]);
    let json: serde_json::Value = serde_json::from_str(&tnlog(folder, 0, &args)).unwrap();
    assert_eq!(json["witnesses"].as_array().unwrap().len(), 3);
    let text = fs::read_to_string(folder.join("policy.txt")).unwrap();
    assert!(
        text.contains("group witnesses 2 w1.example w2.example w3.example\nquorum witnesses\n"),
        "{text}"
    );
    let policy: Policy = text.parse().unwrap();
    assert_eq!(policy.logs()[0].key, site.key);
    assert_eq!(&policy.logs()[1].key, running.log.index.key());
    assert_eq!(policy.logs()[0].url.as_deref(), Some(url.as_str()));
    assert_eq!(policy.witnesses()[1].url.as_deref(), Some(site.witnesses[1].url.as_str()));
    assert!(tnlog(folder, 1, &args).contains("exists, and is not overwritten"));
    assert_eq!(fs::read_to_string(folder.join("policy.txt")).unwrap(), text);
    tnlog(folder, 0, &["policy", "init", "--index", &url, "--witness", &keys[0]]);
    let verifiers: Policy = fs::read_to_string(folder.join("verifiers.txt")).unwrap().parse().unwrap();
    assert_eq!((&verifiers.logs()[0].key, verifiers.logs().len()), (running.log.index.key(), 1));
    assert_eq!((verifiers.witnesses().len(), verifiers.quorum_name()), (1, "verifiers"));
    let twice = ["policy", "init", &url, "--out", "-", "--witness", &keys[0], "--witness", &keys[0]];
    assert!(tnlog(folder, 1, &twice).contains("already"));
    tnlog(folder, 64, &["policy", "init", &url, "--witness", "nonsense"]);
    tnlog(folder, 64, &["policy", "init", &url, "--quorum", "1", "--out", "-"]);

    let chain = site.certificate(1);
    let pem: String = parse(&chain).iter().map(|certificate| certificate.to_pem()).collect();
    fs::write(folder.join("number.pem"), pem).unwrap();
    tnlog(folder, 0, &["submit", "--log", &url, "--policy", "policy.txt", "--receipts", "number.pem"]);
    let receipt = Receipt::parse(&fs::read(folder.join("number.pem.tlog-proof")).unwrap()).unwrap();
    site.verifier(&running, 2).verify(&parse(&chain), &claim(1), &receipt, NOW as i64).unwrap();
    // With a receipt that lacks the witnesses the same app is right to refuse.
    let bare = policy_of_key(site.key.clone()).unwrap();
    let mut stripped = receipt.clone();
    stripped.proof.checkpoint = tnlog::note::Note::parse(running.log.published().note.as_bytes()).unwrap();
    assert!(bare.check_note(&stripped.proof.checkpoint).is_ok());
    let refused = site.verifier(&running, 2).verify(&parse(&chain), &claim(1), &stripped, NOW as i64);
    assert!(matches!(refused, Err(Untrusted::Checkpoint(PolicyError::Quorum { .. }))), "{refused:?}");

    let audit = tnlog(folder, 0, &["audit", &url, "--policy", "policy.txt"]);
    assert!(audit.contains("Nothing is wrong") && audit.contains("w1.example"), "{audit}");
    tnlog(folder, 0, &["audit", "log/public", "--policy", "policy.txt"]);
    running.stop().await;
}
