//! A witness (C2SP `tlog-witness`) for load tests: it cosigns whatever continues what it cosigned before, remembers that on
//! disk before it signs, and knows one log. Nobody else should run it: it answers whoever asks, without limits.
//!
//! ```text
//! cargo run --release --example witness -- ADDRESS:PORT KEY_OF_THE_WITNESS KEY_OF_THE_LOG MEMORY
//! ```
//!
//! The key of the witness is a file that `tnlog keygen --cosigner` made, that of the log is the text of its verifier key.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tnlog::client::cosigner::{Cosigner, Declined};
use tnlog::client::secret_file;
use tnlog::client::store::DiskLock;
use tnlog::note::{Signer, VerifierKey};
use tnlog::witness::{MAX_REQUEST, SIZE_TYPE, encode_size};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, key, log, memory] = arguments.as_slice() else {
        anyhow::bail!("witness ADDRESS:PORT KEY_OF_THE_WITNESS KEY_OF_THE_LOG MEMORY");
    };
    let key = secret_file::read(Path::new(key))?;
    let signer = Signer::parse(std::str::from_utf8(&key)?.trim_end())?;
    let log: VerifierKey = log.parse().context("the key of the log")?;
    let memory = DiskLock::open(Path::new(memory))?;
    let cosigner = Arc::new(Cosigner::witness(signer, log, Box::new(memory)));
    let router = Router::new().route("/add-checkpoint", post(add_checkpoint)).with_state(cosigner);
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(router.clone());
        let http = hyper::server::conn::http1::Builder::new();
        tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
    }
}

async fn add_checkpoint(State(cosigner): State<Arc<Cosigner>>, body: Body) -> Response {
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match cosigner.add_checkpoint(&body).await {
        Ok(lines) => lines.into_response(),
        Err(Declined::Refused(refusal)) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            match refusal.size() {
                Some(size) => (status, [(CONTENT_TYPE, SIZE_TYPE)], encode_size(size)).into_response(),
                None => (status, refusal.to_string()).into_response(),
            }
        }
        Err(declined) => (StatusCode::SERVICE_UNAVAILABLE, declined.to_string()).into_response(),
    }
}
