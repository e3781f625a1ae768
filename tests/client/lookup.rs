//! Look-ups in a real log, past a proxy that lies: each lie is named with the check that finds it.

#![cfg(feature = "server")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common;
use crate::common::{TestLog, add_chain, chain, issuing};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use base64ct::{Base64, Encoding};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rand_core::OsRng;
use serde_json::{Value, json};
use tnlog::checkpoint::Checkpoint;
use tnlog::client::api::{LookupPage, LookupResponse};
use tnlog::client::evaluate;
use tnlog::client::http::Client;
use tnlog::client::lookup::{LookupError, Lookups, Memory, News, Question, Trust};
use tnlog::client::read::{ReadError, policy_of_key};
use tnlog::index::{Generation, Index, IndexHead, ListError, ListPage, MemoryStore, Query, Shape};
use tnlog::label::Label;
use tnlog::merkle::Hash;
use tnlog::number::{Number, ServiceProviderCode};
use tnlog::server::keys::read_index_key;
use tnlog::synthetic::{KeyPair, Profile, fictional_number};

type Lie = Box<dyn Fn(&str, Value) -> Value + Send>;

/// Passes requests on, and lies about look-ups.
struct Proxy {
    log: SocketAddr,
    /// What becomes of the body of a request, and of its answer.
    request: Mutex<Lie>,
    answer: Mutex<Lie>,
    asked: Mutex<Vec<String>>,
}

fn truth() -> Lie {
    Box::new(|_, value| value)
}

async fn pass_on(State(proxy): State<Arc<Proxy>>, request: Request) -> Response<Body> {
    let method = request.method().to_string();
    let path = request.uri().path_and_query().unwrap().to_string();
    let mut body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap().to_vec();
    proxy.asked.lock().unwrap().push(path.clone());
    let (log, is_lookup) = (proxy.log, path == "/tn/v1/lookup");
    if is_lookup {
        let value = serde_json::from_slice(&body).unwrap();
        body = proxy.request.lock().unwrap()(&path, value).to_string().into_bytes();
    }
    let bytes = common::request(&method, &path, &[], &body);
    let answer = tokio::task::spawn_blocking(move || common::exchange(log, &bytes).unwrap()).await.unwrap();
    let mut bytes = answer.body.clone();
    if answer.status == 200 && (is_lookup || path.starts_with("/ct/v1/get-entry")) {
        bytes = proxy.answer.lock().unwrap()(&path, answer.json()).to_string().into_bytes();
    }
    Response::builder().status(answer.status).body(bytes.into()).unwrap()
}

struct Test {
    log: TestLog,
    proxy: Arc<Proxy>,
    base: String,
}

/// A log of carriers with the code 706J, numbers, and ranges; its index covers all.
fn test(names: &[&str]) -> Test {
    let log = TestLog::start("");
    names.iter().for_each(|name| submit(&log, name));
    indexed(&log);
    let (request, answer) = (Mutex::new(truth()), Mutex::new(truth()));
    let proxy = Arc::new(Proxy { log: log.address(), request, answer, asked: Mutex::default() });
    let router = Router::new().fallback(pass_on).with_state(proxy.clone());
    let listener = log.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    log.runtime.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    Test { log, proxy, base }
}

fn submit(log: &TestLog, name: &str) {
    let (chain, precertificate) = chain(name);
    log.submit(&chain, precertificate);
}

fn indexed(log: &TestLog) {
    let begun = Instant::now();
    while log.running().log.index.shown().is_none_or(|shown| shown.head.size < log.size()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the index stands still");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn spc() -> Label {
    Label::of_service_provider_code(&ServiceProviderCode::new("706J").unwrap())
}

impl Test {
    fn lookups(&self) -> Lookups {
        let log = &self.log.running().log;
        let (key, index_key) = (log.keys.checkpoint.verifier_key().clone(), log.index.key().clone());
        let (policy, index_policy) =
            (policy_of_key(key.clone()).unwrap(), policy_of_key(index_key.clone()).unwrap());
        Lookups::new(Client::new(&self.base).unwrap(), Trust { key, policy, index_key, index_policy })
    }

    fn ask(&self, label: Label) -> Result<(News, Vec<u64>), LookupError> {
        self.ask_all(&Question::of_labels(&[label]))
    }

    /// Everything that `tnlog watch` does: the newest checkpoint first, the index must cover it; then the entries.
    fn ask_all(&self, question: &Question) -> Result<(News, Vec<u64>), LookupError> {
        let mut lookups = self.lookups();
        self.log.runtime.block_on(async {
            let size = lookups.update().await?;
            let news = lookups.ask(question, &mut Memory::default(), size).await?;
            let entries = lookups.entries(&news).await?;
            Ok((news, entries.into_keys().collect()))
        })
    }

    fn lie(&self, lie: impl Fn(LookupResponse) -> LookupResponse + Send + 'static) {
        *self.proxy.answer.lock().unwrap() = Box::new(move |path, value| {
            if path != "/tn/v1/lookup" {
                return value;
            }
            serde_json::to_value(lie(serde_json::from_value(value).unwrap())).unwrap()
        });
    }

    fn lie_about_items(&self, lie: impl Fn(&mut Vec<u64>) + Send + 'static) {
        self.lie(move |mut response| {
            for page in &mut response.pages {
                let mut list = ListPage::decode(&bytes(&page.page)).unwrap();
                lie(&mut list.items);
                page.page = Base64::encode_string(&list.encode());
            }
            response
        });
    }
}

fn bytes(base64: &str) -> Vec<u8> {
    Base64::decode_vec(base64).unwrap()
}

/// Labels of every kind, blocks by a short prefix and above it, and what nobody has.
#[test]
fn everything_of_a_label_is_found_and_proved_to_be_all() {
    let test =
        test(&["carrier-1", "number-1", "range", "carrier-2", "precert-3", "number-2", "number-precert-1"]);
    let number = |n| Number::new(&fictional_number(n)).unwrap();
    let labels = test.log.runtime.block_on(async {
        let mut lookups = test.lookups();
        lookups.update().await.unwrap();
        let key = lookups.parameters().await.unwrap().label_key;
        evaluate::labels(lookups.client(), &[number(1), number(2), number(3)], &key, &mut OsRng)
            .await
            .unwrap()
    });
    let (news, entries) = test.ask(spc()).unwrap();
    assert_eq!((entries, news.head.size), (vec![1, 4, 5], test.log.size()));
    assert_eq!(test.ask(labels[0]).unwrap().1, [2, 7]);
    assert_eq!(test.ask(labels[1]).unwrap().1, [6]);
    assert_eq!(test.ask(labels[2]).unwrap().1, [] as [u64; 0]);
    let blocks = Question { below: vec!["17".into()], at: vec!["1".into()], ..Question::default() };
    assert_eq!(test.ask_all(&blocks).unwrap().1, [3]);
    let above = Question { at: vec!["1".into(), "17".into()], ..Question::default() };
    assert_eq!(test.ask_all(&above).unwrap().1, [] as [u64; 0]);
}

/// Who comes back is told what is new alone.
#[test]
fn who_comes_back_gets_what_is_new() {
    let test = test(&["carrier-1", "range-1"]);
    let mut lookups = test.lookups();
    let (mut by_label, mut by_prefix) = (Memory::default(), Memory::default());
    let blocks = Question { below: vec!["17".into()], ..Question::default() };
    let mut ask = |question: &Question, memory: &mut Memory| {
        let size = test.log.runtime.block_on(lookups.update()).unwrap();
        let news = test.log.runtime.block_on(lookups.ask(question, memory, size)).unwrap();
        news.items.into_values().flatten().collect::<Vec<_>>()
    };
    let carrier = Question::of_labels(&[spc()]);
    assert_eq!((ask(&carrier, &mut by_label), ask(&blocks, &mut by_prefix)), (vec![1], vec![2]));
    assert_eq!((ask(&carrier, &mut by_label), ask(&blocks, &mut by_prefix)), (vec![], vec![]));
    for name in ["carrier-2", "range-2", "number-1"] {
        submit(&test.log, name);
    }
    indexed(&test.log);
    assert_eq!((ask(&carrier, &mut by_label), ask(&blocks, &mut by_prefix)), (vec![3], vec![4]));
    assert_eq!(by_label.covers(), test.log.size());
}

/// More items than one answer holds are read page by page.
#[test]
fn a_long_list_is_read_to_its_end() {
    let test = test(&[]);
    let key = KeyPair::p256(7);
    let chains: Vec<Value> = (0..4200)
        .map(|n| {
            add_chain(
                &issuing().issue(&Profile::carrier("706J", common::VALIDITY, n).key(key.clone())).chain(),
            )
        })
        .collect();
    for batch in chains.chunks(700) {
        test.log.post("/tn/v1/add-chains", &json!({ "chains": batch })).success();
    }
    indexed(&test.log);
    let (news, entries) = test.ask(spc()).unwrap();
    assert_eq!(entries, (1..=4200).collect::<Vec<_>>());
    assert_eq!(news.items[&spc()].len(), 4200);
    let lookups = test.proxy.asked.lock().unwrap().iter().filter(|path| *path == "/tn/v1/lookup").count();
    assert_eq!(lookups, 2);

    // Fails without `LeftOut` in `read_on`, which would ask for ever.
    test.lie(|response| LookupResponse { pages: Vec::new(), ..response });
    assert!(matches!(test.ask(spc()), Err(LookupError::LeftOut)));
}

/// Fails without the comparison with the commitment at the end of `ListPage::check`, or that of `Answer` and `Lists`.
#[test]
fn omitted_reordered_repeated_and_invented_items_are_found() {
    let test = test(&["carrier-1", "carrier-2", "carrier-3", "number-1"]);
    let refused = |lie: fn(&mut Vec<u64>)| {
        test.lie_about_items(lie);
        test.ask(spc()).unwrap_err()
    };
    let not_proved = |error| matches!(error, LookupError::Page(ListError::NotProved));
    assert!(not_proved(refused(|items| items.truncate(2))), "the last one");
    assert!(not_proved(refused(|items| *items = items[1..].to_vec())), "the first one");
    assert!(not_proved(refused(Vec::clear)), "all");
    assert!(not_proved(refused(|items| items[2] = 4)), "another");
    assert!(not_proved(refused(|items| items.push(4))), "one more");
    let disordered = |error| matches!(error, LookupError::Page(ListError::Order));
    assert!(disordered(refused(|items| items.swap(0, 1))), "reordered");
    assert!(disordered(refused(|items| items.push(3))), "repeated");
    assert!(disordered(refused(|items| items.push(9))), "beyond the log");
}

/// Fails without the comparison of roots in `Query::check_difference`; the second half without `Uninvited`.
#[test]
fn swapped_labels_and_wrong_proofs_are_found() {
    let test = test(&["carrier-1", "number-1", "range"]);
    let other = Base64::encode_string(
        Label::of_service_provider_code(&ServiceProviderCode::new("1").unwrap()).as_bytes(),
    );
    *test.proxy.request.lock().unwrap() = Box::new(move |_, mut value| {
        value["labels"][0]["label"] = other.clone().into();
        value
    });
    // Where no other label parts the two, both have the same proof, and only the page is missing.
    let other = test.ask(spc()).unwrap_err();
    assert!(matches!(other, LookupError::Proof(_) | LookupError::LeftOut), "{other}");
    *test.proxy.request.lock().unwrap() = truth();
    test.lie(|response| {
        let mut proof = bytes(&response.proof);
        *proof.last_mut().unwrap() ^= 1;
        LookupResponse { proof: Base64::encode_string(&proof), ..response }
    });
    assert!(matches!(test.ask(spc()), Err(LookupError::Proof(_))));
    test.lie(|mut response| {
        let page = response.pages[0].page.clone();
        response.pages.push(LookupPage { label: Base64::encode_string(&[1; 32]), page });
        response
    });
    assert!(matches!(test.ask(spc()), Err(LookupError::Uninvited)));
}

/// Fails without `at_least` in `request`.
#[test]
fn a_stalled_index_and_an_old_answer_are_found() {
    let test = test(&["carrier-1"]);
    let old: Arc<Mutex<Option<LookupResponse>>> = Arc::default();
    let kept = old.clone();
    test.lie(move |response| kept.lock().unwrap().get_or_insert(response).clone());
    assert_eq!(test.ask(spc()).unwrap().1, [1]);
    submit(&test.log, "carrier-2");
    indexed(&test.log);
    let stalled = test.ask(spc()).unwrap_err();
    assert!(matches!(stalled, LookupError::Read(ReadError::Older { seen: 3, shown: 2, .. })), "{stalled}");
    // With the newest entry checkpoint beside it, only the head is old.
    let (checkpoint, consistency) = {
        let log = &test.log.running().log;
        (log.published().note.clone(), log.reader.consistency(2, 3, 3).unwrap())
    };
    let consistency: Vec<_> = consistency.iter().map(|hash| Base64::encode_string(&hash.0)).collect();
    test.lie(move |_| LookupResponse {
        checkpoint: checkpoint.clone(),
        consistency: consistency.clone(),
        ..old.lock().unwrap().clone().unwrap()
    });
    let stalled = test.ask(spc()).unwrap_err();
    assert!(matches!(stalled, LookupError::Stalled { covered: 2, needed: 3 }), "{stalled}");
}

/// Fails without `OldHead`, `NotInIndexLog` and `Inconsistent` in `head`, each its own.
#[test]
fn a_head_that_is_old_not_logged_or_of_another_log_is_found() {
    let test = test(&["carrier-1"]);
    submit(&test.log, "carrier-2");
    indexed(&test.log);
    let index = &test.log.running().log.index;
    let heads = index.published().tree.size;
    assert!(heads > 1);
    let head = Base64::encode_string(&index.reader.leaf(0, heads).unwrap());
    let inclusion = index.reader.inclusion(0, heads, heads).unwrap();
    let inclusion: Vec<_> = inclusion.iter().map(|hash| Base64::encode_string(&hash.0)).collect();
    test.lie(move |mut response| {
        (response.head.head, response.head.inclusion) = (head.clone(), inclusion.clone());
        response.head.index = 0;
        response
    });
    assert!(matches!(test.ask(spc()), Err(LookupError::OldHead)));
    test.lie(|mut response| {
        let mut head = bytes(&response.head.head);
        head[80] ^= 1;
        response.head.head = Base64::encode_string(&head);
        response
    });
    assert!(matches!(test.ask(spc()), Err(LookupError::NotInIndexLog)));
    test.lie(|response| {
        let checkpoint = response.index_checkpoint.clone();
        LookupResponse { checkpoint, ..response }
    });
    let other = test.ask(spc()).unwrap_err();
    assert!(matches!(other, LookupError::Read(ReadError::Policy(_))), "{other}");
}

/// A log that lists under a label what does not carry it, and signs that. Fails without `NotCarried` in `entries`.
/// The second half fails without `Inconsistent`: the head is of a history that the log does not show.
#[test]
fn a_wrong_head_that_the_log_signed_is_found() {
    let test = test(&["carrier-1", "number-1"]);
    let log = &test.log.running().log;
    let (size, root) = (log.published().tree.size, log.published().tree.root);
    let signed_with = |root: Hash| {
        let mut index = Index::open(MemoryStore::default(), Hash([1; 32]), Shape::STANDARD).unwrap();
        index.advance(vec![(spc(), 1), (spc(), 2)], size).unwrap();
        let view = index.newest();
        let head = IndexHead { size, root, index_root: view.root(), labels: view.labels() }.encode();
        let key = read_index_key(&test.log.folder.keys(), common::ORIGIN, Generation::FIRST).unwrap();
        let note = Checkpoint::new(log.index.key().name(), 1, Hash::of_leaf(&head)).sign(&key).unwrap();
        let proof = view.prove(&Query::labels(&[spc()]).unwrap(), 1).unwrap();
        let page = view.page(&spc(), 0, 10).unwrap().encode();
        (
            Base64::encode_string(&head),
            note.to_string(),
            Base64::encode_string(&proof),
            Base64::encode_string(&page),
        )
    };
    let lie = |root| {
        let (head, note, proof, page) = signed_with(root);
        test.lie(move |mut response| {
            response.head.head = head.clone();
            (response.head.index, response.head.inclusion) = (0, Vec::new());
            (response.index_checkpoint, response.proof) = (note.clone(), proof.clone());
            response.pages[0].page = page.clone();
            response
        });
    };
    lie(root);
    assert!(matches!(test.ask(spc()), Err(LookupError::NotCarried(2))));
    lie(Hash([7; 32]));
    assert!(matches!(test.ask(spc()), Err(LookupError::Inconsistent)));
}

/// Witnesses may be behind: the head then covers more than the checkpoint, and is still consistent with it. The second half
/// fails without the consistency proof from the smaller to the larger.
#[test]
fn a_head_may_be_ahead_of_the_checkpoint() {
    let test = test(&["carrier-1"]);
    let note = test.log.running().log.published().note.clone();
    submit(&test.log, "carrier-2");
    indexed(&test.log);
    let proof = test.log.running().log.reader.consistency(2, 3, 3).unwrap();
    let proof: Vec<_> = proof.iter().map(|hash| Base64::encode_string(&hash.0)).collect();
    let ask = |consistency: Vec<String>| {
        let checkpoint = note.clone();
        test.lie(move |response| LookupResponse {
            checkpoint: checkpoint.clone(),
            consistency: consistency.clone(),
            ..response
        });
        let mut lookups = test.lookups();
        test.log.runtime.block_on(async {
            let question = Question::of_labels(&[spc()]);
            let news = lookups.ask(&question, &mut Memory::default(), 3).await?;
            Ok::<_, LookupError>(lookups.entries(&news).await?.into_keys().collect::<Vec<_>>())
        })
    };
    assert_eq!(ask(proof).unwrap(), [1, 2]);
    assert!(matches!(ask(vec![Base64::encode_string(&[7; 32])]), Err(LookupError::Inconsistent)));
}

/// Fails without the inclusion proof in `single`.
#[test]
fn an_entry_that_is_another_is_found() {
    let test = test(&["carrier-1", "carrier-2"]);
    let other = test.log.get("/ct/v1/get-entry-and-proof?leaf_index=2&tree_size=3").success();
    *test.proxy.answer.lock().unwrap() =
        Box::new(move |path, value| if path.contains("leaf_index=1&") { other.clone() } else { value });
    assert!(matches!(test.ask(spc()), Err(LookupError::NotInLog(1))));
}

#[test]
fn wrong_questions_are_refused_by_name() {
    let log = TestLog::start("");
    submit(&log, "carrier-1");
    indexed(&log);
    let label = Base64::encode_string(spc().as_bytes());
    let one = |label: &str, known: u64| json!({ "labels": [{ "label": label, "known": known }] });
    for (body, problem) in [
        (json!({}), "wrong-count"),
        (json!({ "at": vec!["1"; 17] }), "wrong-count"),
        (one("AAAA", 0), "wrong-label-length"),
        (one("?", 0), "malformed-base64"),
        (json!({ "below": ["17x"] }), "wrong-parameter"),
        (json!({ "at": [""] }), "wrong-parameter"),
        (one(&label, 2), "beyond-list"),
        (json!({ "labels": [], "pages": 1 }), "malformed-json"),
        (json!({ "at": ["1"], "since": 99 }), "index-lags"),
    ] {
        let response = log.post("/tn/v1/lookup", &body);
        assert_eq!(response.json()["type"], format!("urn:tnlog:problem:{problem}"), "{body}");
        assert_eq!(response.status, if problem == "index-lags" { 503 } else { 400 });
    }
    log.post("/tn/v1/lookup", &one(&label, 1)).success();
}
