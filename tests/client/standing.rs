//! "Does this credential stand, and is it the newest?": asked by an app of a real log, after it has verified the receipt.

#![cfg(feature = "server")]

use std::process::Command;
use std::sync::Arc;

use crate::common;
use crate::common::{carrier, certificates, root};
use crate::story::{NUMBER, Story};
use tnlog::anchors::{Anchor, Anchors};
use tnlog::certificate::Certificate;
use tnlog::client::http::Client;
use tnlog::client::lookup::{Answered, Kept, LookupError, Lookups, Peer, StandingError, Trust};
use tnlog::client::read::policy_of_key;
use tnlog::entry::Verb;
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::policy::{FreshnessError, Policy};
use tnlog::proof::TlogProof;
use tnlog::receipt::{Claim, KnownLog, Receipt, Verified, Verifier};
use tnlog::standing::{DoesNotStand, Verdict};
use tnlog::synthetic::{Validity, fictional_number};

const ANNA: u64 = 1;
const ANNAS_NEW_PHONE: u64 = 2;
const MALLORY: u64 = 4;

/// An app: its policy, and what it asks.
struct App<'a> {
    story: &'a Story,
    policy: Policy,
    lookups: Lookups,
    kept: Kept,
}

impl<'a> App<'a> {
    fn new(story: &'a Story) -> Self {
        let log = &story.log.running().log;
        let policy = Policy::parse(story.policy_at(&story.url(), 2).as_bytes()).unwrap();
        let (key, index_key) = (log.keys.checkpoint.verifier_key().clone(), log.index.key().clone());
        let index_policy = policy_of_key(index_key.clone()).unwrap();
        let trust = Trust { key, policy: policy.clone(), index_key, index_policy };
        let lookups = Lookups::new(Client::new(&story.url()).unwrap(), trust);
        App { story, policy, lookups, kept: Kept::default() }
    }

    fn verified(&self, entry: u64) -> (Verified, Receipt) {
        let (chain, receipt) = self.story.chain_and_receipt(entry);
        let claim = Claim::Number(self.story.number());
        (self.verify(&chain, &claim, &receipt), receipt)
    }

    fn verify(&self, chain: &[Vec<u8>], claim: &Claim, receipt: &Receipt) -> Verified {
        let parameters = TlogProof::parse(&self.story.log.get("/tn/v1/parameters").body).unwrap();
        let known = KnownLog::open(&parameters, &self.policy).unwrap();
        let root = Arc::new(Certificate::from_der(root().certificate().to_vec()).unwrap());
        let anchors = Anchors::new([Anchor { certificate: root, calling_codes: None }]);
        let verifier = Verifier::new(self.policy.clone(), vec![known], anchors);
        verifier.verify(&certificates(chain), claim, receipt, self.story.now() as i64).unwrap()
    }

    fn ask(&mut self, entry: u64) -> Answered {
        let (verified, receipt) = self.verified(entry);
        self.ask_at(&verified, &receipt, self.story.now()).unwrap()
    }

    fn ask_at(
        &mut self,
        verified: &Verified,
        receipt: &Receipt,
        now: u64,
    ) -> Result<Answered, StandingError> {
        let peer = Peer { verified, receipt, number: &self.story.number() };
        let asked = self.lookups.standing_of(&peer, &mut self.kept, 1000 * now, 1);
        self.story.log.runtime.block_on(asked)
    }
}

#[test]
fn an_app_learns_what_became_of_a_credential() {
    let mut story = Story::new();
    let short = Validity { not_before: 1_700_000_000, not_after: story.now() + 1000 };
    let anna = story.credential_valid(ANNA, short);
    let mut app = App::new(&story);
    let first = app.ask(anna);
    assert_eq!((first.verdict, first.newest, first.covers), (Verdict::Newest, Some(anna), story.log.size()));
    assert!(first.as_of.unwrap().abs_diff(story.now()) < 60);
    // Of a checkpoint that is larger than what was looked up nothing follows.
    assert_eq!(app.lookups.complete_as_of(first.covers - 1, 1), Err(FreshnessError::TooFew { cosigned: 0 }));
    let (verified, receipt) = app.verified(anna);
    assert_eq!(app.ask_at(&verified, &receipt, story.now() + 2000).unwrap().verdict, Verdict::Expired);
    let (lookups, kept) = (app.lookups, app.kept);

    let stolen = story.credential(MALLORY);
    let new = story.credential(ANNAS_NEW_PHONE);
    story.says(Verb::Approve, anna, new);
    let policy = App::new(&story).policy;
    let mut app = App { story: &story, policy, lookups, kept };
    assert_eq!(app.ask(anna).verdict, Verdict::Superseded { by: 2 });
    assert_eq!(app.ask(anna).newest, Some(new));
    assert_eq!(app.ask(stolen).verdict, Verdict::DoesNotStand(DoesNotStand::NotApproved { leading: 0 }));
    assert_eq!(app.ask(new).verdict, Verdict::Newest);
    story.says(Verb::Dispute, anna, new);
    assert_eq!(app.ask(new).verdict, Verdict::Disputed);
    // What is kept is not fetched again: a checkpoint, the parameters, a look-up, at most a few tiles, and one new entry.
    let before = app.lookups.client().transferred();
    story.says(Verb::Approve, anna, stolen);
    app.ask(new);
    let cost = app.lookups.client().transferred() - before;
    assert!(cost.requests < 12 && cost.bytes() < 10_000, "{cost:?}");
}

/// The label is that which the receipt proves; a carrier has none.
#[test]
fn only_who_names_the_number_can_stand() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let chain = carrier(1).chain();
    story.log.submit(&chain, false);
    story.settle();
    let mut app = App::new(&story);
    let receipt = Receipt::parse(&story.log.post("/tn/v1/receipt", &common::add_chain(&chain)).body).unwrap();
    let code = Claim::ServiceProviderCode(ServiceProviderCode::new("706J").unwrap());
    let verified = app.verify(&chain, &code, &receipt);
    let now = story.now();
    assert!(matches!(app.ask_at(&verified, &receipt, now), Err(StandingError::NoNumber)));
    let (verified, receipt) = app.verified(anna);
    let other = Number::new(&fictional_number(NUMBER + 1)).unwrap();
    let peer = Peer { verified: &verified, receipt: &receipt, number: &other };
    let asked = app.lookups.standing_of(&peer, &mut app.kept, 1000 * now, 1);
    assert!(matches!(story.log.runtime.block_on(asked), Err(StandingError::NoNumber)));
    // More bad witnesses than the policy allows: it is answered, and how recent that is stays unknown.
    let peer = Peer { number: &story.number(), ..peer };
    let asked = app.lookups.standing_of(&peer, &mut app.kept, 1000 * now, 2);
    let answered = story.log.runtime.block_on(asked).unwrap();
    assert_eq!(answered.as_of, Err(FreshnessError::Policy { bad: 2, smallest: 2 }));
}

/// A receipt of an entry beyond what the index is said to cover. Fails without `at_least` in `standing_of`.
#[test]
fn an_answer_that_does_not_cover_the_credential_is_none() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let mut app = App::new(&story);
    let (mut verified, receipt) = app.verified(anna);
    verified.index = 1000;
    let asked = app.ask_at(&verified, &receipt, story.now());
    assert!(
        matches!(asked, Err(StandingError::Lookup(LookupError::Stalled { needed: 1001, .. }))),
        "{asked:?}"
    );
}

#[test]
fn the_command_says_it_with_its_exit_code() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let write = |story: &Story, name: &str, entry: u64| {
        let (chain, receipt) = story.chain_and_receipt(entry);
        let pem: String = certificates(&chain).iter().map(|certificate| certificate.to_pem()).collect();
        story.file(&format!("{name}.pem"), &pem);
        story.file(&format!("{name}.tlog-proof"), &receipt.to_string());
    };
    story.file("policy.txt", &story.policy_at(&story.url(), 2));
    story.file("roots.pem", &Certificate::from_der(root().certificate().to_vec()).unwrap().to_pem());
    let verify = |story: &Story, name: &str, more: &[&str]| {
        story.settle();
        let output = Command::new(env!("CARGO_BIN_EXE_tnlog"))
            .current_dir(story.folder.path())
            .args([
                "verify",
                "--policy",
                "policy.txt",
                "--parameters",
                "log.tlog-proof",
                "--roots",
                "roots.pem",
            ])
            .args(["--certificate", &format!("{name}.pem"), "--receipt", &format!("{name}.tlog-proof")])
            .args(["--number", &format!("+{}", story.number().digits()), "--json", "--standing"])
            .args(more)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), text, error)
    };
    write(&story, "anna", anna);
    std::fs::write(story.path("log.tlog-proof"), story.log.get("/tn/v1/parameters").body).unwrap();
    let (code, text, error) = verify(&story, "anna", &["--trust-log"]);
    assert_eq!(code, 0, "{text}{error}");
    assert!(text.contains("newest of its number") && error.contains("saw the label"), "{text}{error}");
    let (code, _, error) = verify(&story, "anna", &[]);
    assert_eq!((code, error.contains("--verifiers")), (1, true), "{error}");
    let stolen = story.credential(MALLORY);
    write(&story, "mallory", stolen);
    let (code, text, _) = verify(&story, "mallory", &["--trust-log"]);
    assert_eq!((code, text.contains("does-not-stand")), (2, true), "{text}");
    let new = story.credential(ANNAS_NEW_PHONE);
    story.says(Verb::Approve, anna, new);
    let (code, text, _) = verify(&story, "anna", &["--trust-log"]);
    assert_eq!((code, text.contains("superseded")), (2, true), "{text}");
}
