//! The HTTP client and what is built on it, against a small server on loopback that answers as each test wants.

#![cfg(feature = "server")]

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::server::{self, Server, add_chains, der, json, problem, reply, sct_for};
use crate::support::{TestLog, VALIDITY, parse, vkey};
use axum::body::Body;
use axum::http::Response;
use base64ct::{Base64, Encoding};
use hyper::body::Frame;
use rand_core::OsRng;
use tnlog::client::api::{AddChain, AddChainResponse, AddChainResult, AddChainsResponse};
use tnlog::client::evaluate;
use tnlog::client::http::{Client, HttpError};
use tnlog::client::read::policy_of_key;
use tnlog::client::retry::Patience;
use tnlog::client::source::{Source, SourceError, fetch_tile};
use tnlog::client::submit::{Chain, Outcome, Pace, SubmitError, Submitter};
use tnlog::entry::SignedEntry;
use tnlog::label::LabelKey;
use tnlog::number::Number;
use tnlog::receipt::{KnownLog, Untrusted};
use tnlog::sct::{Extensions, Sct};
use tnlog::synthetic::Profile;

async fn serve(
    answer: impl Fn(usize, &str, Vec<u8>) -> Response<Body> + Send + Sync + 'static,
) -> (Client, Arc<Server>) {
    let server = server::serve(answer).await;
    (Client::new(&server.base).unwrap().with_patience(QUICK), server)
}

const QUICK: Patience = Patience {
    attempts: 4,
    total: Duration::from_secs(10),
    first: Duration::from_millis(20),
    longest: Duration::from_millis(1500),
};

#[tokio::test]
async fn the_base_may_have_a_path_and_must_be_a_plain_url() {
    let (client, server) = serve(|_, _, _| reply(200, "here")).await;
    assert_eq!(&client.get("checkpoint", 100).await.unwrap().unwrap()[..], b"here");
    assert_eq!(server.paths(), ["/log/checkpoint"]);
    for bad in
        ["", "log.example.com", "ftp://a/", "http://a/?b", "http://a/#b", "http://user@a/", "http://:p@a/"]
    {
        assert!(matches!(Client::new(bad), Err(HttpError::BaseUrl)), "{bad}");
    }
    for outside in ["/checkpoint", "../checkpoint", "http://example.com/checkpoint", "//example.com/x"] {
        assert!(matches!(client.get(outside, 100).await, Err(HttpError::BaseUrl)), "{outside}");
    }
    assert_eq!(server.paths().len(), 1);
}

#[tokio::test]
async fn what_is_busy_is_asked_again_and_what_refuses_is_not() {
    for status in [429, 502, 503, 504] {
        let (client, server) =
            serve(move |n, _, _| if n < 2 { reply(status, "") } else { reply(200, "ok") }).await;
        assert_eq!(&client.get("x", 100).await.unwrap().unwrap()[..], b"ok");
        assert_eq!(server.paths().len(), 3, "{status}");
    }
    for status in [301, 400, 403, 413, 500] {
        let (client, server) = serve(move |_, _, _| reply(status, "")).await;
        let error = client.get("x", 100).await.unwrap_err();
        assert!(matches!(error, HttpError::Status { status: found, .. } if found == status), "{error}");
        assert_eq!(server.paths().len(), 1);
    }
    let (client, server) = serve(|_, _, _| reply(404, "")).await;
    assert!(client.get("x", 100).await.unwrap().is_none());
    assert_eq!(server.paths().len(), 1);
}

#[tokio::test]
async fn repetition_ends_after_so_many_attempts_and_so_much_time() {
    let (client, server) = serve(|_, _, _| reply(503, "")).await;
    let error = client.post("x", &"body", 100).await.unwrap_err();
    assert!(matches!(error, HttpError::Status { status: 503, .. }), "{error}");
    assert_eq!(server.paths().len(), 4);

    let (client, server) = serve(|_, _, _| reply(503, "")).await;
    let brief = Patience { attempts: 1000, total: Duration::from_millis(200), ..QUICK };
    let begin = Instant::now();
    assert!(client.with_patience(brief).get("x", 100).await.is_err());
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!(server.paths().len() < 30);
}

/// Fails without `asked_wait` in `refusal`.
#[tokio::test]
async fn retry_after_is_obeyed_and_capped() {
    for (asked, least) in [("1", 1000), ("100000", 1500)] {
        let (client, server) = serve(move |n, _, _| match n {
            0 => Response::builder().status(503).header("retry-after", asked).body(Body::empty()).unwrap(),
            _ => reply(200, "ok"),
        })
        .await;
        client.get("x", 100).await.unwrap();
        let asked = server.asked.lock().unwrap();
        let waited = asked[1].1 - asked[0].1;
        assert!(waited >= Duration::from_millis(least) && waited < Duration::from_secs(5), "{waited:?}");
    }
}

/// Fails without the limits in `read_body`: the second answer has no length, and never ends.
#[tokio::test]
async fn huge_answers_are_refused_when_they_are_too_long_and_not_read_to_their_end() {
    let (client, server) = serve(|_, _, _| reply(200, vec![0; 1 << 20])).await;
    assert!(matches!(client.get("x", 1000).await, Err(HttpError::TooLong { limit: 1000, .. })));
    assert_eq!(server.paths().len(), 1);

    let (client, _) = serve(|_, _, _| reply(200, Body::new(Endless))).await;
    assert!(matches!(client.fetch("x", 1 << 20).await, Err(SourceError::TooLong { .. })));
}

struct Endless;

impl hyper::body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(bytes::Bytes::from_static(&[0; 1 << 16])))))
    }
}

#[tokio::test]
async fn problems_are_read_cleaned_and_bounded_and_errors_hold_nothing_of_the_request() {
    let detail = format!("no \u{1b}[31mred\n{}", "x".repeat(5000));
    let sent = problem(400, "unknown-root", &detail);
    let (client, _) = serve(move |_, _, _| reply(400, serde_json::to_vec(&sent).unwrap())).await;
    let error = client.post("ct/v1/add-chain", &"17035550123", 100).await.unwrap_err();
    let found = error.problem().unwrap();
    assert_eq!(found.kind, "urn:tnlog:problem:unknown-root");
    assert!(found.detail.len() <= 1000 && !found.detail.contains('\u{1b}') && !found.detail.contains('\n'));
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("ct/v1/add-chain") && !shown.contains("17035550123"));

    let garbage = "<html>".repeat(100_000);
    let (client, _) = serve(move |_, _, _| reply(400, garbage.clone())).await;
    assert!(matches!(client.get("x", 10).await, Err(HttpError::Status { status: 400, .. })));
    let (client, _) = serve(|_, _, _| reply(200, "{\"origin\":")).await;
    let answer = client.get_json::<AddChainResponse>("x", 100).await;
    assert!(matches!(answer, Err(HttpError::Malformed { .. })));
}

#[tokio::test]
async fn nobody_there_is_an_error_that_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&base).unwrap().with_patience(QUICK);
    let error = client.get("checkpoint", 10).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_partial_tile_that_is_gone_is_cut_from_the_full_one() {
    let (client, server) = serve(|_, path, _| match path {
        "/log/tile/0/001" => reply(200, vec![7; 8192]),
        _ => reply(404, ""),
    })
    .await;
    let tile = fetch_tile(&client, "tile/0/001.p/3".parse().unwrap()).await.unwrap();
    assert_eq!(tile.len(), 96);
    assert_eq!(server.paths(), ["/log/tile/0/001.p/3", "/log/tile/0/001"]);
    let gone = fetch_tile(&client, "tile/0/002.p/3".parse().unwrap()).await;
    assert!(matches!(gone, Err(SourceError::Missing(path)) if path == "tile/0/002.p/3"));
}

fn known_log() -> KnownLog {
    KnownLog::new(support::parameters()).unwrap()
}

fn chains(codes: &[&str]) -> Vec<Chain> {
    let issuing = tnlog::synthetic::Authority::root("Root", 1, VALIDITY).subordinate("Issuing", None, 2);
    let issue = |(code, n)| issuing.issue(&Profile::carrier(code, VALIDITY, n)).chain();
    let chains = codes.iter().copied().zip(0..).map(issue);
    chains.map(|chain| Chain::new(parse(&chain)).unwrap()).collect()
}

async fn submit(submitter: &Submitter, chains: Vec<Chain>) -> BTreeMap<usize, Outcome> {
    let mut outcomes = BTreeMap::new();
    let pace = Pace { together: 3, at_once: 2 };
    submitter
        .add_all(chains, pace, &mut |position, outcome| outcomes.insert(position, outcome).is_none())
        .await;
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_one_by_one_and_every_sct_is_verified() {
    let (client, server) = serve(|_, _, body| json(&add_chains(&body))).await;
    let submitter = Submitter::new(client, known_log());
    let outcomes = submit(&submitter, chains(&["700J", "800J", "701J", "702J", "801J", "703J"])).await;
    let logged: Vec<_> = outcomes.values().map(|o| matches!(o, Outcome::Logged(_))).collect();
    assert_eq!(logged, [true, false, true, true, false, true]);
    assert_eq!(server.paths(), ["/log/tn/v1/add-chains"; 2]);
}

/// Fails without `sct.verify` in `verified`.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_scts_are_not_taken() {
    let certificates = chains(&["700J", "701J"]);
    let [one, other] = &certificates[..] else { unreachable!() };
    let (right, wrong) = (one.identity().unwrap(), other.identity().unwrap());
    let good = sct_for(&right, 5);
    let cases = [
        ("of another certificate", sct_for(&wrong, 5)),
        ("at another time", AddChainResponse { timestamp: 1, ..good.clone() }),
        ("at another index", AddChainResponse { extensions: sct_for(&right, 6).extensions, ..good.clone() }),
        ("of another log", AddChainResponse { id: Base64::encode_string(&[9; 32]), ..good.clone() }),
        ("of another version", AddChainResponse { sct_version: 1, ..good.clone() }),
        ("not base64", AddChainResponse { signature: "?".into(), ..good.clone() }),
        ("with an opening", AddChainResponse { extensions: with_opening(), ..good.clone() }),
    ];
    for (what, answer) in cases {
        let (client, _) = serve(move |_, _, _| json(&answer)).await;
        let outcome = Submitter::new(client, known_log()).add(one).await;
        let Outcome::Failed(error) = outcome else { panic!("{what}: {outcome:?}") };
        assert!(
            matches!(*error, SubmitError::Sct(_) | SubmitError::Encoding | SubmitError::Opening),
            "{what}: {error}"
        );
    }
    let (client, _) = serve(move |_, _, _| json(&good)).await;
    assert!(matches!(Submitter::new(client, known_log()).add(one).await, Outcome::Logged(_)));
}

fn with_opening() -> String {
    let opening = Some(tnlog::commitment::Opening::new([1; 32]));
    Base64::encode_string(&Extensions { leaf_index: 5, opening }.encode().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_batches_gets_single_chains_and_a_busy_one_is_asked_again() {
    let (client, server) = serve(|_, path, body| match path {
        "/log/tn/v1/add-chains" => reply(404, ""),
        _ => {
            let request: AddChain = serde_json::from_slice(&body).unwrap();
            json(&sct_for(&SignedEntry::X509(der(&request.chain[0])), 1))
        }
    })
    .await;
    let outcomes = submit(&Submitter::new(client, known_log()), chains(&["700J", "701J"])).await;
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Logged(_))));
    assert_eq!(server.paths().len(), 3);

    let (client, server) = serve(|n, path, body| match path {
        "/log/tn/v1/add-chains" => {
            let busy = || AddChainResult::Problem(problem(503, "busy", "later"));
            json(&AddChainsResponse { results: vec![busy(), busy()] })
        }
        _ if n < 3 => reply(503, ""),
        _ => {
            let request: AddChain = serde_json::from_slice(&body).unwrap();
            json(&sct_for(&SignedEntry::X509(der(&request.chain[0])), 1))
        }
    })
    .await;
    let outcomes = submit(&Submitter::new(client, known_log()), chains(&["700J", "701J"])).await;
    assert!(outcomes.values().all(|outcome| matches!(outcome, Outcome::Logged(_))));
    assert_eq!(server.paths().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_another_count_of_answers_is_not_believed_and_stopping_stops() {
    let (client, _) = serve(|_, _, _| json(&AddChainsResponse { results: vec![] })).await;
    let outcomes = submit(&Submitter::new(client, known_log()), chains(&["700J", "701J"])).await;
    assert!(outcomes.values().all(
        |outcome| matches!(outcome, Outcome::Failed(error) if matches!(**error, SubmitError::Count { .. }))
    ));

    let (client, server) = serve(|_, _, body| json(&add_chains(&body))).await;
    let submitter = Submitter::new(client, known_log());
    let pace = Pace { together: 2, at_once: 1 };
    submitter.add_all(chains(&["700J"; 10]), pace, &mut |_, _| false).await;
    assert_eq!(server.paths().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_waited_for_and_verified_also_for_expired_and_hidden_certificates() {
    let mut log = TestLog::with(20);
    let expired = tnlog::synthetic::Validity { not_before: 1000, not_after: 2000 };
    let old = log.issuing.issue(&Profile::carrier("706J", expired, 1)).chain();
    let number = log.number_certificate("17035550123").chain();
    let pre = log.issuing.issue_precertificate(&Profile::numbers(&["17035550124"], VALIDITY, 3));
    let pre_chain = pre.issued().chain();
    let sct = Sct { log_id: [0; 32], timestamp: 0, extensions: Extensions::of_leaf(0), signature: vec![0] };
    let last = log.issuing.finalize(&pre, &[sct.encode().unwrap()]).unwrap().chain();
    let first = log.add(&[old.clone(), number.clone(), pre_chain.clone()]);
    let receipts: Vec<String> = [&old, &number, &pre_chain]
        .into_iter()
        .zip(first..)
        .map(|(chain, index)| log.receipt(chain, index).to_string())
        .collect();
    let (known, policy) = (known_log(), policy_of_key(vkey()).unwrap());
    let ask = async |chain: &[Vec<u8>], text: &str| {
        let text = text.to_owned();
        let (client, server) = serve(move |n, _, _| match n {
            0 => reply(503, ""),
            _ => reply(200, text.clone()),
        })
        .await;
        let submitter = Submitter::new(client, known.clone());
        let answer = submitter.receipt(&Chain::new(parse(chain)).unwrap(), &policy).await;
        assert_eq!(server.paths().len(), 2);
        answer
    };
    for (chain, receipt, index) in [(&old, 0, 0), (&number, 1, 1), (&pre_chain, 2, 2), (&last, 2, 2)] {
        let (text, logged) = ask(chain, &receipts[receipt]).await.unwrap();
        assert_eq!((text, logged.index), (receipts[receipt].clone(), first + index));
    }
    let other = log.number_certificate("17035550199").chain();
    for (chain, receipt) in [(&old, 1), (&number, 0), (&other, 1), (&last, 1), (&number, 2)] {
        let error = ask(chain, &receipts[receipt]).await.unwrap_err();
        assert!(matches!(error, SubmitError::Untrusted(_)), "{error}");
    }
    let garbage = ask(&old, "not a receipt").await.unwrap_err();
    assert!(matches!(garbage, SubmitError::Receipt(_)), "{garbage}");
    let lone = ask(&old[..1], &receipts[0]).await.unwrap_err();
    assert!(matches!(lone, SubmitError::Untrusted(Untrusted::Chain(_))), "{lone}");
}

#[tokio::test]
async fn labels_are_asked_for_blindly_and_a_log_with_another_key_is_not_believed() {
    let numbers: Vec<_> =
        (0..20).map(|n| Number::new(&tnlog::synthetic::fictional_number(n)).unwrap()).collect();
    for (seed, honest) in [(2, true), (3, false)] {
        let (client, server) = serve(move |_, _, body| json(&server::evaluate(&body, seed))).await;
        let labels = evaluate::labels(&client, &numbers, &known_log().label_key, &mut OsRng).await;
        if honest {
            let direct: Vec<_> =
                numbers.iter().map(|number| LabelKey::from_seed(&[2; 32]).label(number)).collect();
            assert_eq!(labels.unwrap(), direct);
            assert_eq!(server.paths().len(), 2);
        } else {
            assert!(matches!(labels, Err(evaluate::EvaluateError::Label(_))));
        }
    }
}
