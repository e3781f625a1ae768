//! `tnlog watch` that comes back: what it keeps, what it transfers, what it tells whom.

#![cfg(feature = "server")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common;
use crate::common::{VALIDITY, issuing};
use crate::story;
use crate::story::Story;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tnlog::cosignature::cosign;
use tnlog::entry::{Action, Verb};
use tnlog::synthetic::{KeyPair, Profile};

const ANNA: u64 = 1;
const ANNAS_NEW_PHONE: u64 = 2;

fn plus(story: &Story) -> String {
    format!("+{}", story.number().digits())
}

fn whats(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["what"].as_str().unwrap()).collect()
}

fn complete(lines: &[Value]) -> &Value {
    lines.iter().rfind(|line| line["what"] == "complete").unwrap()
}

/// `tnlog watch --follow`, and the lines that it prints.
struct Following {
    child: Child,
    lines: Receiver<Value>,
}

impl Following {
    fn start(story: &Story, args: &[&str]) -> Self {
        story.settle();
        let args = [args, &["--json", "--follow", "--interval", "1"]].concat();
        let mut child = story::watch(story.folder.path(), &args).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let _ = sender.send(serde_json::from_str(&line.unwrap()).unwrap());
            }
        });
        Following { child, lines }
    }

    /// Up to the next line that says up to where it is all.
    fn round(&self) -> Vec<Value> {
        let mut round = Vec::new();
        while round.last().is_none_or(|line: &Value| line["what"] != "complete") {
            round.push(self.lines.recv_timeout(Duration::from_secs(30)).expect("something new is shown"));
        }
        round
    }

    fn is_silent(&self) -> bool {
        self.lines.recv_timeout(Duration::from_millis(2500)).is_err()
    }

    fn terminate(mut self) -> Option<i32> {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap().code()
    }
}

/// Ends with the test, however that ends.
impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn following_shows_what_is_new_and_whom_it_concerns() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let (number, mine) = (plus(&story), Story::key_hash(ANNA));
    let follow = Following::start(&story, &["--policy", &policy, "--trust-log", "--known", &mine, &number]);
    let first = follow.round();
    assert_eq!(whats(&first), ["credential", "complete"]);
    assert!(follow.is_silent(), "nothing new is nothing said");

    let new = story.credential(ANNAS_NEW_PHONE);
    let round = follow.round();
    assert_eq!((whats(&round), &round[0]["stands"]), (vec!["credential", "complete"], &false.into()));
    assert_eq!((&round[0]["entries"][0], &round[0]["new"]), (&new.into(), &true.into()));
    let bytes = complete(&round)["bytes"].as_u64().unwrap();
    assert!(bytes < 10_000, "{bytes} bytes for one new entry");

    // An approval changes what stands: the old credential and the new one.
    let approval = story.says(Verb::Approve, anna, new);
    let round = follow.round();
    assert_eq!((&round[0]["stands"], &round[0]["new"]), (&true.into(), &false.into()));
    assert_eq!(
        (&round[0]["statements"][0]["entry"], &round[0]["statements"][0]["new"]),
        (&approval.into(), &true.into())
    );

    let registration = story.registers(new, Action::Register, None);
    let round = follow.round();
    assert_eq!(
        (whats(&round), &round[1]["entry"]),
        (vec!["credential", "registration", "complete"], &registration.into())
    );
    assert_eq!(complete(&round)["not_mine"], 2, "the new key, and a registration under it");
    assert!(follow.is_silent());
    assert_eq!(follow.terminate(), Some(2));
}

#[test]
fn what_is_kept_is_not_transferred_again() {
    let mut story = Story::new();
    let anna = story.credential(ANNA);
    for _ in 0..5 {
        story.credential(ANNA);
    }
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let number = plus(&story);
    let args = ["--policy", &policy, "--trust-log", "--state", "watch.state", &number];
    let first = story.watched(0, &args);
    let mode = std::fs::metadata(story.path("watch.state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let stolen = story.credential(7);
    let second = story.watched(0, &args);
    assert_eq!(whats(&second).iter().filter(|what| **what == "credential").count(), 7);
    let new: Vec<_> = second.iter().filter(|line| line["new"] == true).collect();
    assert_eq!((new.len(), &new[0]["entries"][0]), (1, &stolen.into()));
    let cost = |lines, of: &str| complete(lines)[of].as_u64().unwrap();
    let of_both = |of| (cost(&first, of), cost(&second, of));
    let ((requests, fewer), (bytes, less)) = (of_both("requests"), of_both("bytes"));
    assert!(fewer < requests && less < bytes, "{requests} {fewer}, {bytes} {less}");

    // Who follows from there is shown the news alone.
    let objection = story.says(Verb::Dispute, anna, stolen);
    let follow = Following::start(&story, &args);
    let round = follow.round();
    assert_eq!(
        (whats(&round), &round[0]["statements"][0]["entry"]),
        (vec!["credential", "complete"], &objection.into())
    );
    assert_eq!(follow.terminate(), Some(0));
}

#[test]
fn a_state_that_is_damaged_or_of_another_policy_is_refused() {
    let mut story = Story::new();
    story.credential(ANNA);
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let number = plus(&story);
    let args = ["--policy", &policy, "--trust-log", "--state", "watch.state", &number];
    story.watched(0, &args);
    let refused = |code: i32, args: &[&str], says: &str| {
        let output = story.watch(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(says) && error.contains("file") == (code == 1), "{error}");
    };
    let good = std::fs::read(story.path("watch.state")).unwrap();
    let mut damaged = good.clone();
    damaged[100] ^= 1;
    std::fs::write(story.path("watch.state"), damaged).unwrap();
    refused(1, &args, "damaged");
    std::fs::write(story.path("watch.state"), "something else").unwrap();
    refused(1, &args, "no state");
    std::fs::write(story.path("watch.state"), &good).unwrap();
    let other = story.file("other.txt", &story.policy_at(&story.url(), 3));
    refused(1, &[&["--policy", &other], &args[2..]].concat(), "another policy");
    assert_eq!(
        std::fs::read(story.path("watch.state")).unwrap(),
        good,
        "what was refused is not overwritten"
    );
}

/// A log that was set back and went on otherwise shows another tree than it did before. Fails without `Lookups::resume`.
#[test]
fn a_log_that_forks_between_two_runs_is_found_by_what_was_kept() {
    let mut story = Story::new();
    story.credential(ANNA);
    let number = plus(&story);
    let watch = |story: &Story| {
        let policy = story.file("policy.txt", &story.policy_at(&story.url(), 0));
        let args = ["--policy", &policy, "--trust-log", "--state", "watch.state", &number];
        story::watch(story.folder.path(), &args).output().unwrap()
    };
    story.settle();
    let (log, copy) = (story.log.folder.path().to_owned(), story.path("copy"));
    let copied = |from: &std::path::Path, to: &std::path::Path| {
        assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    story.log.stop();
    copied(&log, &copy);
    story.log.resume().unwrap();
    story.credential(ANNAS_NEW_PHONE);
    story.settle();
    assert_eq!(watch(&story).status.code(), Some(0));
    story.log.stop();
    std::fs::remove_dir_all(&log).unwrap();
    copied(&copy, &log);
    // The witnesses lie: they forget what they cosigned.
    for witness in &story.witnesses {
        std::fs::remove_file(story.path(&witness.name)).unwrap();
    }
    story.log.resume().unwrap();
    for key in 5..8 {
        story.credential(key);
    }
    story.settle();
    let output = watch(&story);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("NOT TO BE TRUSTED") && error.contains("FORKED"), "{error}");
    assert_eq!(output.status.code(), Some(2));
}

type Rewrite = Box<dyn Fn(&str, String) -> String + Send>;

/// Passes requests on and remembers them; answers some with another status, and may change what is answered.
struct Relay {
    log: SocketAddr,
    status: Mutex<fn(&str) -> u16>,
    rewrite: Mutex<Rewrite>,
    asked: Mutex<Vec<String>>,
}

impl Relay {
    fn start(story: &Story, status: fn(&str) -> u16) -> (Arc<Self>, String) {
        let rewrite: Mutex<Rewrite> = Mutex::new(Box::new(|_, body| body));
        let (log, status) = (story.log.address(), Mutex::new(status));
        let relay = Arc::new(Relay { log, status, rewrite, asked: Mutex::default() });
        let router = Router::new().fallback(pass_on).with_state(relay.clone());
        let listener = story.log.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        story.log.runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(router.clone());
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        (relay, base)
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn answers(&self, status: fn(&str) -> u16) {
        *self.status.lock().unwrap() = status;
    }
}

async fn pass_on(State(relay): State<Arc<Relay>>, request: Request) -> Response<Body> {
    let method = request.method().to_string();
    let path = request.uri().path_and_query().unwrap().to_string();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    relay.asked.lock().unwrap().push(path.clone());
    let status = (relay.status.lock().unwrap())(&path);
    if status != 200 {
        return Response::builder().status(status).body(Body::empty()).unwrap();
    }
    let (log, bytes) = (relay.log, common::request(&method, &path, &[], &body));
    let answer = tokio::task::spawn_blocking(move || common::exchange(log, &bytes).unwrap()).await.unwrap();
    let body = match String::from_utf8(answer.body) {
        Ok(text) => (relay.rewrite.lock().unwrap())(&path, text).into_bytes(),
        Err(bytes) => bytes.into_bytes(),
    };
    Response::builder().status(answer.status).body(body.into()).unwrap()
}

/// Fails where what is new is what the last request brought, and not what was not shown yet.
#[test]
fn following_goes_on_after_an_outage_and_loses_nothing() {
    let mut story = Story::new();
    let (relay, url) = Relay::start(&story, |_| 200);
    let policy = story.file("policy.txt", &story.policy_at(&url, 2));
    let number = plus(&story);
    let follow = Following::start(&story, &["--policy", &policy, "--trust-log", &number]);
    assert_eq!(whats(&follow.round()), ["complete"]);
    relay.answers(|_| 500);
    assert!(follow.is_silent());
    // The entry arrives, and the name of its issuer does not.
    relay.answers(|path| if path == "/tn/v1/issuers" { 500 } else { 200 });
    let anna = story.credential(ANNA);
    story.settle();
    assert!(follow.is_silent());
    assert!(relay.asked().iter().any(|path| path == "/tn/v1/issuers"));
    relay.answers(|_| 200);
    let round = follow.round();
    assert_eq!((whats(&round), &round[0]["entries"][0]), (vec!["credential", "complete"], &anna.into()));
    assert!(follow.is_silent());
    assert_eq!(follow.terminate(), Some(0));
}

/// What witnesses cosigned two hours ago, and nobody since. Fails without `STALE`.
#[test]
fn what_is_old_is_not_trusted() {
    let mut story = Story::new();
    story.credential(ANNA);
    let (relay, url) = Relay::start(&story, |_| 200);
    let then = story.now() - 7200;
    let witnesses = story.witnesses.clone();
    let aged = move |note: &str| {
        let text = format!("{}\n", note.split_once("\n\n").unwrap().0);
        let own: String =
            note.lines().filter(|line| !line.starts_with("— w")).map(|l| format!("{l}\n")).collect();
        let cosigned = witnesses.iter().map(|w| format!("{}\n", cosign(&w.signer, &text, then).unwrap()));
        own + &cosigned.collect::<String>()
    };
    *relay.rewrite.lock().unwrap() = Box::new(move |path, body| match path {
        "/tn/v1/heads" | "/tn/v1/lookup" => {
            let mut answer: Value = serde_json::from_str(&body).unwrap();
            answer["checkpoint"] = aged(answer["checkpoint"].as_str().unwrap()).into();
            answer.to_string()
        }
        _ => body,
    });
    let policy = story.file("policy.txt", &story.policy_at(&url, 2));
    let number = plus(&story);
    let output = story.watch(&["--policy", &policy, "--trust-log", &number, "--json"]);
    assert_eq!(whats(&story::lines(&output, 2)), ["credential", "complete"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("NOT RECENT") && error.contains("an hour ago"), "{error}");
}

/// The log is asked for a label, blindly, and for nothing else; also where the mirror serves tiles and look-ups alone.
#[test]
fn with_a_mirror_the_log_is_asked_for_a_label_and_nothing_else() {
    let mut story = Story::new();
    story.credential(ANNA);
    let (log, log_url) = Relay::start(&story, |_| 200);
    let (mirror, mirror_url) = Relay::start(&story, |path| if path == "/tn/v1/evaluate" { 404 } else { 200 });
    let tiles = |path: &str| match path {
        "/tn/v1/lookup" | "/tn/v1/heads" | "/checkpoint" => 200,
        path if path.contains("tile/") => 200,
        _ => 404,
    };
    let (small, small_url) = Relay::start(&story, tiles);
    let policy = story.file("policy.txt", &story.policy_at(&log_url, 2));
    let number = plus(&story);
    let ask = |url: &str| {
        let output = story.watch(&["--policy", &policy, "--trust-log", "--ask", url, &number, "--json"]);
        let told = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(told.contains(url) && told.contains("not which"), "{told}");
        assert_eq!(log.asked(), ["/tn/v1/evaluate"]);
        let lines = story::lines(&output, 0);
        assert_eq!(whats(&lines), ["credential", "complete"]);
        lines
    };
    assert!(ask(&mirror_url)[0]["issuer"].as_str().unwrap().contains("Issuing CA"));
    assert!(mirror.asked().iter().any(|path| path == "/tn/v1/lookup"));
    let lines = ask(&small_url);
    assert_eq!(lines[0]["issuer"], Value::Null);
    assert!(small.asked().iter().any(|path| path.contains("tile/entries")));
    // The log itself is not asked when the mirror is of another one.
    let other = Story::new();
    let output = story.watch(&["--policy", &policy, "--trust-log", "--ask", &other.url(), &number]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(log.asked(), ["/tn/v1/evaluate"; 0]);
}

/// Ten thousand entries, and ten credentials of the number: what a telephone pays for.
#[test]
fn a_number_with_ten_credentials_costs_less_than_50_kilobytes() {
    let mut story = Story::new();
    let key = KeyPair::p256(7);
    let carrier = |n| issuing().issue(&Profile::carrier("706J", VALIDITY, n).key(key.clone())).chain();
    let chains: Vec<_> = (0..10_000).map(carrier).collect();
    story.submit_all(&chains);
    for key in 1..=10 {
        story.credential(key);
    }
    let policy = story.file("policy.txt", &story.policy_at(&story.url(), 2));
    let number = plus(&story);
    let args = ["--policy", &policy, "--trust-log", &number];
    story.watched(0, &args);
    let lines = story.watched(0, &args);
    let complete = complete(&lines);
    let count = |name: &str| complete[name].as_u64().unwrap();
    println!("{complete}");
    assert!(count("bytes") < 50_000 && count("block_bytes") < 10_000, "{complete}");
    assert!(count("requests") < 25, "{complete}");
    assert!(count("milliseconds") < 1000, "{complete}");
}
