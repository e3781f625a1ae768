//! A small HTTP server on loopback that answers as a test wants, and what a log would answer.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use base64ct::{Base64, Encoding};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use p256::ecdsa::signature::Signer as _;
use rand_core::OsRng;
use tnlog::client::api::{
    AddChainResponse, AddChainResult, AddChains, AddChainsResponse, Evaluate, EvaluateResponse, Problem,
};
use tnlog::client::submit::Chain;
use tnlog::entry::SignedEntry;
use tnlog::label::LabelKey;
use tnlog::sct::{Extensions, Sct, log_id};

use super::{NOW, parse, sct_key};

type Answer = Box<dyn Fn(usize, &str, Vec<u8>) -> Response<Body> + Send + Sync>;

pub struct Server {
    answer: Answer,
    /// The address of the log.
    pub base: String,
    /// What was asked for, and when.
    pub asked: Mutex<Vec<(String, Instant)>>,
}

impl Server {
    pub fn paths(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }
}

/// A server that answers the `n`th request, from 0, to a path with a body.
pub async fn serve(
    answer: impl Fn(usize, &str, Vec<u8>) -> Response<Body> + Send + Sync + 'static,
) -> Arc<Server> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/log", listener.local_addr().unwrap());
    let server = Arc::new(Server { answer: Box::new(answer), base, asked: Mutex::default() });
    let router = Router::new().fallback(respond).with_state(server.clone());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(router.clone());
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    server
}

async fn respond(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 26).await.unwrap().to_vec();
    let number = {
        let mut asked = server.asked.lock().unwrap();
        asked.push((path.clone(), Instant::now()));
        asked.len() - 1
    };
    (server.answer)(number, &path, body)
}

pub fn reply(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

pub fn json(value: &impl serde::Serialize) -> Response<Body> {
    reply(200, serde_json::to_vec(value).unwrap())
}

pub fn problem(status: u16, kind: &str, detail: &str) -> Problem {
    let (kind, title) = (format!("urn:tnlog:problem:{kind}"), "A problem".to_owned());
    Problem { kind, status, title, detail: detail.into(), certificate: Some(0) }
}

/// An SCT as the log of the tests signs it.
pub fn sct_for(identity: &SignedEntry, index: u64) -> AddChainResponse {
    let (key, spki) = sct_key();
    let extensions = Extensions::of_leaf(index);
    let data = Sct::signed_data(identity, NOW * 1000, &extensions).unwrap();
    let signature: p256::ecdsa::Signature = key.sign(&data);
    let signature = signature.to_der().as_bytes().to_vec();
    let sct = Sct { log_id: log_id(&spki), timestamp: NOW * 1000, extensions, signature };
    AddChainResponse {
        sct_version: 0,
        id: Base64::encode_string(&sct.log_id),
        timestamp: sct.timestamp,
        extensions: Base64::encode_string(&sct.extensions.encode().unwrap()),
        signature: Base64::encode_string(&sct.digitally_signed()),
    }
}

pub fn der(base64: &str) -> Vec<u8> {
    Base64::decode_vec(base64).unwrap()
}

/// Answers `add-chains` as a log does: whole chains of carriers whose code begins with 7 are taken, others refused.
pub fn add_chains(body: &[u8]) -> AddChainsResponse {
    let request: AddChains = serde_json::from_slice(body).unwrap();
    let results = request.chains.iter().zip(1..).map(|(chain, index)| {
        let ders: Vec<_> = chain.chain.iter().map(|c| der(c)).collect();
        let chain = Chain::new(parse(&ders)).unwrap();
        let class = format!("{:?}", chain.certificate().class().unwrap());
        if class.contains("(7") && ders.len() == 3 {
            AddChainResult::Sct(sct_for(&chain.identity().unwrap(), index))
        } else {
            AddChainResult::Problem(problem(400, "unknown-root", "not here"))
        }
    });
    AddChainsResponse { results: results.collect() }
}

/// Answers `evaluate` with the label key of this seed.
pub fn evaluate(body: &[u8], seed: u8) -> EvaluateResponse {
    let request: Evaluate = serde_json::from_slice(body).unwrap();
    let blinded: Vec<[u8; 32]> = request.blinded.iter().map(|e| der(e).try_into().unwrap()).collect();
    let evaluation = LabelKey::from_seed(&[seed; 32]).evaluate(&blinded, &mut OsRng).unwrap();
    EvaluateResponse {
        elements: evaluation.elements.iter().map(|element| Base64::encode_string(element)).collect(),
        proof: Base64::encode_string(&evaluation.proof),
    }
}
