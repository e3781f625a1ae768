//! A log, the verifiers of its index log, and look-ups: what waits for their quorum, and what never does.

#![cfg(feature = "server")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crate::common::heads;
use crate::support;
use crate::support::parse;
use crate::support::witness::{Manner, TestWitness};
use tnlog::admission::Kind;
use tnlog::anchors::Anchor;
use tnlog::client::api::Heads;
use tnlog::client::http::{Client, HttpError};
use tnlog::client::index_check::check_index;
use tnlog::client::lookup::{LookupError, Lookups, Memory, Question, Trust};
use tnlog::client::read::{LogReader, ReadError, policy_of_key};
use tnlog::client::retry::Patience;
use tnlog::client::source::{Below, Folder as Served};
use tnlog::cosignature::cosign_note;
use tnlog::index::{Generation, IndexHead};
use tnlog::label::Label;
use tnlog::merkle::{Hash, check_inclusion};
use tnlog::note::{Note, VerifierKey};
use tnlog::number::ServiceProviderCode;
use tnlog::policy::{Policy, PolicyError};
use tnlog::server::config::Folder;
use tnlog::server::keys::{Keys, create_index_key, read_index_key};
use tnlog::server::open::{OpenError, configure};
use tnlog::server::roots;
use tnlog::server::run::{Running, start};
use tnlog::synthetic::{Authority, Profile};

const ORIGIN: &str = "log.example.com/verified";

/// A log that is not started yet, with verifiers that know its index log, and one witness.
struct Site {
    folder: tempfile::TempDir,
    key: VerifierKey,
    index_key: VerifierKey,
    root: Authority,
    verifiers: Vec<Arc<TestWitness>>,
    witness: Arc<TestWitness>,
}

impl Site {
    async fn new(verifiers: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Folder::new(folder.path().join("log"));
        Keys::create(&log.keys(), ORIGIN).unwrap();
        create_index_key(&log.keys(), ORIGIN, Generation::FIRST).unwrap();
        let key = Keys::read(&log.keys(), ORIGIN).unwrap().checkpoint.verifier_key().clone();
        let index_key =
            read_index_key(&log.keys(), ORIGIN, Generation::FIRST).unwrap().verifier_key().clone();
        let root = Authority::root("Root", 1, support::VALIDITY);
        let anchor = Anchor { certificate: parse(root.chain()).remove(0), calling_codes: None };
        roots::add(&log.roots(), &anchor).unwrap();
        let mut started = Vec::new();
        for seed in 1..=verifiers {
            started.push(TestWitness::start(folder.path(), seed, &index_key).await);
        }
        let witness = TestWitness::start(folder.path(), 50, &key).await;
        Site { folder, key, index_key, root, verifiers: started, witness }
    }

    fn log(&self) -> Folder {
        Folder::new(self.folder.path().join("log"))
    }

    /// The policy for the index log, with so many of the verifiers for a quorum.
    fn verifiers(&self, quorum: usize) -> String {
        let lines: String = self.verifiers.iter().map(|verifier| verifier.line()).collect();
        let names: Vec<_> = self.verifiers.iter().map(|verifier| verifier.name.as_str()).collect();
        let names = names.join(" ");
        format!("log {}\n{lines}group quorate {quorum} {names}\nquorum quorate\n", self.index_key)
    }

    /// The policy for the entry log.
    fn witnesses(&self) -> String {
        format!("log {}\n{}quorum {}\n", self.key, self.witness.line(), self.witness.name)
    }

    async fn start(&self, quorum: usize) -> Running {
        self.start_with(quorum, "witnesses = \"witnesses.txt\"\n").await.unwrap()
    }

    async fn start_with(&self, quorum: usize, more: &str) -> Result<Running, OpenError> {
        let folder = self.log();
        fs::write(folder.path().join("verifiers.txt"), self.verifiers(quorum)).unwrap();
        fs::write(folder.path().join("witnesses.txt"), self.witnesses()).unwrap();
        let text = format!(
            "origin = \"{ORIGIN}\"\nlisten = \"127.0.0.1:0\"\nround_milliseconds = 5\nverifiers = \"verifiers.txt\"\n\
             cosign_milliseconds = 20\ncosign_timeout_seconds = 60\n{more}"
        );
        fs::write(folder.config(), text).unwrap();
        start(&folder, configure(&folder, None).unwrap(), |_, _| {}).await
    }

    async fn submit(&self, running: &Running, n: u64) {
        let chain = self.root.issue(&Profile::carrier("706J", support::VALIDITY, n)).chain();
        let log = &running.log;
        let submitted = log.submit(log.admit(&parse(&chain), Kind::Final).unwrap()).unwrap();
        log.answer(submitted).await.unwrap();
    }

    /// Everything of the carrier, for who asks for so many verifiers: the entries, and up to where these are all.
    async fn look(&self, running: &Running, quorum: usize) -> Result<(Vec<u64>, u64), LookupError> {
        let trust = Trust {
            key: self.key.clone(),
            policy: self.witnesses().parse().unwrap(),
            index_key: self.index_key.clone(),
            index_policy: self.verifiers(quorum).parse().unwrap(),
        };
        let mut lookups = Lookups::new(client(running), trust);
        let size = lookups.update().await?;
        let label = Label::of_service_provider_code(&ServiceProviderCode::new("706J").unwrap());
        let news = lookups.ask(&Question::of_labels(&[label]), &mut Memory::default(), size).await?;
        Ok((lookups.entries(&news).await?.into_keys().collect(), news.head.size))
    }
}

fn client(running: &Running) -> Client {
    Client::new(&format!("http://{}/", running.address)).unwrap().with_patience(Patience::NONE)
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

/// The newest head covers the log, whether it is cosigned or not.
async fn indexed(running: &Running) {
    let log = &running.log;
    eventually("the index covers the log", || log.index.covered() == log.published().tree.size).await;
}

fn shown(running: &Running) -> u64 {
    running.log.index.shown().map_or(0, |shown| shown.head.size)
}

async fn cosigned(running: &Running) {
    let log = &running.log;
    eventually("look-ups cover the log", || shown(running) == log.published().tree.size).await;
    eventually("so does a cosigned checkpoint", || {
        log.cosigned().is_some_and(|cosigned| cosigned.tree == log.published().tree)
    })
    .await;
}

fn refused(error: HttpError) -> (u16, String) {
    let HttpError::Problem { problem, .. } = &error else { panic!("{error}") };
    (problem.status, problem.kind.rsplit(':').next().unwrap().to_owned())
}

fn answers(running: &Running, verifier: &TestWitness, result: &str) -> u64 {
    let metrics = running.log.metrics.encode();
    let line =
        format!("tnlog_index_witness_answers_total{{witness=\"{}\",result=\"{result}\"}}", verifier.name);
    let value = metrics.lines().find_map(|of| of.strip_prefix(&line));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

fn lag(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("tnlog_lookup_lag_entries "));
    line.unwrap().parse().unwrap()
}

fn says_not_yet() -> Manner {
    Manner::Says(503, None, String::new())
}

/// The pair of `heads` holds under the policies of a reader: an entry checkpoint, and a head that covers it.
fn check_pair(site: &Site, heads: &Heads, quorum: usize) -> (u64, u64) {
    let policy: Policy = site.witnesses().parse().unwrap();
    let entries = policy.check(heads.checkpoint.as_bytes()).unwrap().checkpoint;
    let policy: Policy = site.verifiers(quorum).parse().unwrap();
    let index = policy.check(heads.index_checkpoint.as_bytes()).unwrap().checkpoint;
    let bytes = |text: &String| support::server::der(text);
    let leaf = bytes(&heads.head.head);
    let inclusion: Vec<_> =
        heads.head.inclusion.iter().map(|hash| Hash(bytes(hash).try_into().unwrap())).collect();
    check_inclusion(&inclusion, index.size, heads.head.index, &Hash::of_leaf(&leaf), &index.root).unwrap();
    assert_eq!(heads.head.index + 1, index.size);
    let head = IndexHead::decode(&leaf).unwrap();
    assert!(entries.size <= head.size, "{} {}", entries.size, head.size);
    (entries.size, head.size)
}

/// Fails when look-ups are answered in what is not cosigned; without `NotYet`, when verifiers that say that they need time are
/// asked as rarely as ones that fail; and without `early`, when everybody is offered what is newest meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn look_ups_wait_for_the_quorum_and_the_index_log_does_not() {
    let site = Site::new(3).await;
    site.verifiers[0].set(Manner::Offline);
    site.verifiers[1].set(says_not_yet());
    let running = site.start(2).await;
    site.submit(&running, 1).await;
    indexed(&running).await;
    let http = client(&running);
    eventually("it is asked again and again", || answers(&running, &site.verifiers[1], "not-yet") > 3).await;
    // All are offered the same until it has computed that, or it would always be offered what is too new.
    site.submit(&running, 2).await;
    indexed(&running).await;
    let counted = answers(&running, &site.verifiers[1], "not-yet");
    eventually("it is asked on", || answers(&running, &site.verifiers[1], "not-yet") > counted + 1).await;
    assert_eq!(site.verifiers[2].asked().len(), 1);
    let not_cosigned = (503, "not-cosigned".to_owned());
    let heads = http.get_json::<Heads>("tn/v1/heads", 1 << 20).await;
    assert_eq!(refused(heads.unwrap_err()), not_cosigned);
    let label = serde_json::json!({ "at": ["1"] });
    assert_eq!(refused(http.post("tn/v1/lookup", &label, 1 << 20).await.unwrap_err()), not_cosigned);
    let text = |bytes: Option<bytes::Bytes>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
    let checkpoint = text(http.get("index/checkpoint", 1 << 20).await.unwrap());
    assert!(!checkpoint.contains("w3.example"), "{checkpoint}");
    assert_eq!(http.get("index/tn/v1/checkpoint", 1 << 20).await.unwrap(), None);
    assert_eq!(lag(&text(http.get("metrics", 1 << 20).await.unwrap())), 3);

    site.verifiers[1].set(Manner::Honest);
    cosigned(&running).await;
    eventually("there is a pair", || running.log.heads().is_ok()).await;
    let heads: Heads = http.get_json("tn/v1/heads", 1 << 20).await.unwrap();
    assert_eq!(check_pair(&site, &heads, 2), (3, 3));
    assert_eq!(site.look(&running, 2).await.unwrap(), (vec![1, 2], 3));
    assert_eq!(lag(&text(http.get("metrics", 1 << 20).await.unwrap())), 0);
    eventually("the pair is a file too", || {
        let file = fs::read(site.log().public().join("tn/v1/heads"));
        file.is_ok_and(|file| serde_json::from_slice::<Heads>(&file).unwrap() == running.log.heads().unwrap())
    })
    .await;
    // Who asks for more verifiers than the log is not content, and says so.
    let short = site.look(&running, 3).await.unwrap_err();
    let is_short =
        matches!(short, LookupError::Read(ReadError::Policy(PolicyError::Quorum { cosigned: 2, .. })));
    assert!(is_short, "{short}");

    // Over HTTP and from the folder, an auditor with the policy finds the cosigned index log, and every head right.
    let policy: Policy = site.verifiers(2).parse().unwrap();
    assert!(policy.check(http.get("index/checkpoint", 1 << 20).await.unwrap().unwrap().as_ref()).is_ok());
    let mut heads = LogReader::new(Arc::new(Below::new(http.clone(), "index")), policy.clone());
    assert_eq!(heads.update().await.unwrap().checkpoint().size, running.log.index.published().tree.size);
    running.stop().await;
    let served = Served::new(site.log().public());
    let mut heads = LogReader::new(Arc::new(Below::new(served.clone(), "index")), policy);
    let mut entries = LogReader::new(Arc::new(served), policy_of_key(site.key.clone()).unwrap());
    heads.update().await.unwrap();
    entries.update().await.unwrap();
    assert_eq!(check_index(&entries, &heads, &mut |_| {}).await.unwrap().newest.unwrap().size, 3);
}

/// While the verifiers are slow, the log and its index go on, and look-ups stay in the head that is cosigned, with an entry
/// checkpoint that it covers. Fails without `kept`, and when the driver settles what is not cosigned.
#[tokio::test(flavor = "multi_thread")]
async fn look_ups_stay_in_the_cosigned_head_while_the_log_goes_on() {
    let site = Site::new(2).await;
    let running = site.start(2).await;
    site.submit(&running, 1).await;
    cosigned(&running).await;
    let slow = &site.verifiers[1];
    slow.set(Manner::Slow);
    for n in 2..5 {
        site.submit(&running, n).await;
        indexed(&running).await;
    }
    eventually("the witness cosigns all", || {
        running.log.cosigned().unwrap().tree == running.log.published().tree
    })
    .await;
    assert_eq!((running.log.index.covered(), shown(&running)), (5, 2));
    let http = client(&running);
    let heads: Heads = http.get_json("tn/v1/heads", 1 << 20).await.unwrap();
    assert_eq!(check_pair(&site, &heads, 2), (2, 2));
    assert_eq!(site.look(&running, 2).await.unwrap(), (vec![1], 2));
    // A reader of entries alone does not wait for verifiers.
    let mut entries = LogReader::new(Arc::new(http), site.witnesses().parse().unwrap());
    assert_eq!(entries.update().await.unwrap().checkpoint().size, 5);

    slow.set(Manner::Honest);
    cosigned(&running).await;
    assert_eq!(site.look(&running, 2).await.unwrap(), (vec![1, 2, 3, 4], 5));
    running.stop().await;
}

/// Who came before and asks for what is new gets it across the heads that were never cosigned.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_verifiers_are_away_after_a_restart_answers_as_before() {
    let site = Site::new(1).await;
    let running = site.start(1).await;
    site.submit(&running, 1).await;
    cosigned(&running).await;
    let verifier = &site.verifiers[0];
    verifier.set(Manner::Offline);
    site.submit(&running, 2).await;
    indexed(&running).await;
    eventually("the witness cosigns all", || {
        running.log.cosigned().unwrap().tree == running.log.published().tree
    })
    .await;
    assert_eq!(site.look(&running, 1).await.unwrap(), (vec![1], 2));
    running.stop().await;

    let running = site.start(1).await;
    indexed(&running).await;
    eventually("look-ups are answered", || running.log.heads().is_ok()).await;
    assert_eq!(site.look(&running, 1).await.unwrap(), (vec![1], 2));
    // Also when the index is built again from the leaves.
    running.stop().await;
    fs::remove_dir_all(site.log().derived_index()).unwrap();
    let running = site.start(1).await;
    indexed(&running).await;
    eventually("look-ups are answered", || running.log.heads().is_ok()).await;
    assert_eq!(site.look(&running, 1).await.unwrap(), (vec![1], 2));
    verifier.set(Manner::Honest);
    cosigned(&running).await;
    assert_eq!(site.look(&running, 1).await.unwrap(), (vec![1, 2], 3));
    running.stop().await;

    // Without verifiers nothing waits for them.
    let text = fs::read_to_string(site.log().config()).unwrap();
    fs::write(site.log().config(), text.replace("verifiers = \"verifiers.txt\"", "")).unwrap();
    let running = start(&site.log(), configure(&site.log(), None).unwrap(), |_, _| {}).await.unwrap();
    verifier.set(Manner::Offline);
    site.submit(&running, 3).await;
    cosigned(&running).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_that_lies_or_is_none_changes_nothing() {
    let site = Site::new(1).await;
    let verifier = &site.verifiers[0];
    let running = site.start(1).await;
    cosigned(&running).await;
    let size = |text: &str| Manner::Says(409, Some("text/x.tlog.size"), text.into());
    for (n, (manner, result)) in (1..).zip([
        (Manner::WrongSignature, "forged"),
        (Manner::OtherKey, "forged"),
        (Manner::OtherText, "forged"),
        (Manner::OldTime, "time"),
        (Manner::Offline, "unreachable"),
        (size("999999\n"), "ahead"),
        (Manner::Says(422, None, String::new()), "other-tree"),
    ]) {
        let before = shown(&running);
        let counted = answers(&running, verifier, result);
        verifier.set(manner.clone());
        site.submit(&running, n).await;
        eventually(result, || answers(&running, verifier, result) > counted).await;
        assert_eq!(
            (shown(&running), site.look(&running, 1).await.unwrap().1),
            (before, before),
            "{manner:?}"
        );
        verifier.set(Manner::Honest);
        cosigned(&running).await;
    }
    running.stop().await;
    // A witness of the entry log is no verifier: its key is another one.
    let policy = format!("{}quorum {}\n", site.witness.line(), site.witness.name);
    fs::write(site.log().path().join("verifiers.txt"), policy).unwrap();
    let running = start(&site.log(), configure(&site.log(), None).unwrap(), |_, _| {}).await.unwrap();
    eventually("it does not know the index log", || answers(&running, &site.witness, "unknown-log") > 0)
        .await;
    assert_eq!(shown(&running), 0);
    running.stop().await;
    let none = "log.example.com+00000000+AAAA";
    fs::write(site.log().path().join("verifiers.txt"), format!("log {none}\nquorum none\n")).unwrap();
    let configured = configure(&site.log(), None).unwrap();
    let error = start(&site.log(), configured, |_, _| {}).await.err().unwrap();
    assert!(error.to_string().starts_with("the verifiers of the index log: "), "{error}");
}

/// Fails without `is_offered`: the cosignature of one checkpoint would be put under another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_cosignature_is_not_put_under_another_checkpoint() {
    let site = Site::new(2).await;
    let running = site.start(1).await;
    cosigned(&running).await;
    let slow = &site.verifiers[1];
    slow.set(Manner::Slow);
    site.submit(&running, 1).await;
    cosigned(&running).await;
    let size = running.log.index.published().tree.size;
    eventually("it is asked", || slow.asked().last().is_some_and(|asked| asked.1 == size)).await;
    site.submit(&running, 2).await;
    cosigned(&running).await;
    assert_ne!(slow.asked().last().unwrap().1, running.log.index.published().tree.size);
    slow.set(Manner::Honest);
    let policy: Policy = site.verifiers(2).parse().unwrap();
    eventually("both cosign the newest", || {
        let newest = running.log.index.cosigned().unwrap();
        newest.tree == running.log.index.published().tree && policy.check(newest.note.as_bytes()).is_ok()
    })
    .await;
    running.stop().await;
}

/// Verifiers that compute as wrongly as the log cosign a wrong head, and a right one follows. Fails without the comparison in
/// `NumberIndex::follow`.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_head_that_is_cosigned_ends_the_index_log() {
    let site = Site::new(1).await;
    let verifier = &site.verifiers[0];
    let running = site.start(1).await;
    site.submit(&running, 1).await;
    cosigned(&running).await;
    let good = running.log.index.shown().unwrap().head;
    running.stop().await;
    verifier.set(Manner::Offline);
    let public = site.log().public().join("index");
    heads::append(&site.log(), ORIGIN, &IndexHead { index_root: Hash([9; 32]), ..good });
    let mut note = Note::parse(&fs::read(public.join("checkpoint")).unwrap()).unwrap();
    cosign_note(&verifier.signer, &mut note, support::NOW).unwrap();
    fs::write(public.join("tn/v1/checkpoint"), note.to_string()).unwrap();
    heads::append(&site.log(), ORIGIN, &good);
    let running = site.start(1).await;
    eventually("the index log is over", || running.log.index.is_over()).await;
    running.stop().await;
}
