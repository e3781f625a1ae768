//! The HTTP API: whole requests against a log, and the JSON of its answers as a client reads it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Uri};
use base64ct::{Base64, Encoding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tnlog::anchors::Anchor;
use tnlog::certificate::Certificate;
use tnlog::client::api;
use tnlog::server::config::{Config, Folder};
use tnlog::server::http::{App, Peer, router};
use tnlog::server::{roots, run};
use tnlog::synthetic::{Authority, Validity};
use tower::ServiceExt;

const BODIES: [&str; 9] = [
    "/ct/v1/add-chain",
    "/ct/v1/add-pre-chain",
    "/tn/v1/add-chains",
    "/tn/v1/receipt",
    "/tn/v1/add-key-statement",
    "/tn/v1/add-registration",
    "/tn/v1/registration-receipt",
    "/tn/v1/lookup",
    "/tn/v1/evaluate",
];

struct World {
    runtime: tokio::runtime::Runtime,
    router: Router,
    _running: run::Running,
    _folder: tempfile::TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let temporary = tempfile::tempdir().expect("a folder");
    let folder = Folder::new(temporary.path());
    let text = "origin = \"log.example.com/tn\"\nlisten = \"127.0.0.1:0\"\nround_milliseconds = 1\n[limits]\n\
                evaluations_per_client_hour = 4000000000\nevaluations_per_hour = 4000000000\n\
                statements_per_client_hour = 4000000000\nregistrations_per_client_hour = 4000000000\n";
    let config = Config::parse(text).expect("a configuration");
    let root = Authority::root("Root", 1, Validity { not_before: 1_700_000_000, not_after: 2_000_000_000 });
    let root = Certificate::from_der(root.certificate()).expect("a root");
    roots::add(&folder.roots(), &Anchor { certificate: Arc::new(root), calling_codes: None })
        .expect("a file");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    let running = runtime.block_on(run::start(&folder, config, |_, _| {})).expect("a log");
    let router = router(Arc::new(App::new(running.log.clone(), running.address)));
    World { runtime, router, _running: running, _folder: temporary }
});

/// A request is answered within its time, never with 500, and what is said is not what was sent. The first byte chooses the
/// endpoint; what follows is a body, the content of the one string that it has, or a path.
pub fn endpoints(data: &[u8]) {
    let Some((endpoint, rest)) = data.split_first() else { return };
    let endpoint = usize::from(*endpoint);
    let Some(mut request) = (match BODIES.get(endpoint % 16) {
        Some(path) if endpoint < 128 => post(path, rest.to_vec()),
        Some(path) => post(path, around(path, rest)),
        None => get(rest),
    }) else {
        return;
    };
    request.extensions_mut().insert(Peer([127, 0, 0, 1].into()));
    let answer = async {
        let answering = tokio::time::timeout(Duration::from_secs(20), WORLD.router.clone().oneshot(request));
        let Ok(response) = answering.await.expect("an answer in time");
        (response.status().as_u16(), to_bytes(response.into_body(), 1 << 25).await.expect("a body"))
    };
    let (status, body) = WORLD.runtime.block_on(answer);
    assert!(status != 500 && (200..600).contains(&status), "{status}");
    if status >= 400 {
        assert!(!shows(&body, rest), "it shows what was sent: {}", String::from_utf8_lossy(&body));
    }
}

fn post(path: &str, body: Vec<u8>) -> Option<Request<Body>> {
    let length = body.len();
    Request::post(path).header("content-length", length).body(Body::from(body)).ok()
}

fn get(path: &[u8]) -> Option<Request<Body>> {
    let uri = Uri::try_from(path).ok().filter(|uri| uri.path().starts_with('/'))?;
    Request::get(uri).body(Body::empty()).ok()
}

/// The bytes as the base64 that the endpoint takes.
fn around(path: &str, bytes: &[u8]) -> Vec<u8> {
    let text = Base64::encode_string(bytes);
    let json = match path {
        "/tn/v1/add-key-statement" => format!("{{\"statement\":\"{text}\"}}"),
        "/tn/v1/add-registration" | "/tn/v1/registration-receipt" => {
            format!("{{\"registration\":\"{text}\"}}")
        }
        "/tn/v1/lookup" => format!("{{\"labels\":[{{\"label\":\"{text}\"}}]}}"),
        "/tn/v1/evaluate" => {
            let blinded: Vec<_> = bytes.chunks(32).map(Base64::encode_string).collect();
            serde_json::json!({ "blinded": blinded }).to_string()
        }
        "/tn/v1/add-chains" => format!("{{\"chains\":[{{\"chain\":[\"{text}\"]}}]}}"),
        _ => format!("{{\"chain\":[\"{text}\"]}}"),
    };
    json.into_bytes()
}

/// Whether nine digits in a row that were sent, and so could be of a number, come back.
fn shows(said: &[u8], sent: &[u8]) -> bool {
    let digits = |window: &&[u8]| window.iter().all(u8::is_ascii_digit);
    said.windows(9).filter(digits).any(|run| sent.windows(9).any(|window| window == run))
}

/// Each answer of the API is read to the same JSON.
pub fn json(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    match which % 20 {
        0 => same::<api::AddChainResponse>(text),
        1 => same::<api::AddChainsResponse>(text),
        2 => same::<api::AddStatementResponse>(text),
        3 => same::<api::AddRegistrationResponse>(text),
        4 => same::<api::Problem>(text),
        5 => same::<api::GetSth>(text),
        6 => same::<api::GetSthConsistency>(text),
        7 => same::<api::GetProofByHash>(text),
        8 => same::<api::GetEntries>(text),
        9 => same::<api::GetRoots>(text),
        10 => same::<api::GetEntryAndProof>(text),
        11 => same::<api::LogInfo>(text),
        12 => same::<api::LookupResponse>(text),
        13 => same::<api::Heads>(text),
        14 => same::<api::Issuers>(text),
        15 => same::<api::EvaluateResponse>(text),
        16 => same::<api::AddChains>(text),
        17 => same::<api::Lookup>(text),
        18 => same::<api::Evaluate>(text),
        _ => same::<api::AddRegistration>(text),
    }
}

fn same<T: Serialize + DeserializeOwned>(text: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(text) else { return };
    let written = serde_json::to_vec(&value).expect("the types of the API are JSON");
    let again: T = serde_json::from_slice(&written).expect("what is written is read");
    assert_eq!(serde_json::to_vec(&again).ok(), Some(written));
}
