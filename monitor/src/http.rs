//! What a monitor answers over HTTP: `add-checkpoint` (C2SP `tlog-witness`) for every log that it follows, and for each log, below
//! `/log/<name>/`, its copy and look-ups in it, as a mirror does.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tnlog::checkpoint::Checkpoint;
use tnlog::client::answer::{AnswerError, MAX_REQUEST as MAX_QUESTION, Question};
use tnlog::client::api;
use tnlog::client::cosigner::{Cosigner, Declined};
use tnlog::witness::{AddCheckpoint, MAX_REQUEST, Refusal, SIZE_TYPE, encode_size};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::served::{NotShown, Served};

/// Connections that are served at the same time; more wait.
const CONNECTIONS: usize = 1024;
/// The time for a header, and for a whole connection that does nothing useful.
const HEADER_TIME: Duration = Duration::from_secs(10);
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// The wait after accepting failed, as it does when no file descriptor is left.
const PAUSE: Duration = Duration::from_millis(50);
const MAX_HEADERS: usize = 64;
const MAX_BUFFER: usize = 16 << 10;
/// After how much time without a step that succeeded a log is no longer followed.
const STALE: Duration = Duration::from_secs(300);
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What handlers share.
#[derive(Default)]
pub struct App {
    logs: BTreeMap<String, Arc<Served>>,
    /// By the origin of the log that they cosign.
    cosigners: BTreeMap<String, (Arc<Cosigner>, Arc<Served>)>,
    fresh: Vec<(String, watch::Receiver<Instant>)>,
}

type Shared = State<Arc<App>>;

impl App {
    pub(crate) fn add(
        &mut self,
        name: &str,
        served: Arc<Served>,
        cosigners: Vec<Arc<Cosigner>>,
        fresh: watch::Receiver<Instant>,
    ) {
        for cosigner in cosigners {
            let origin = cosigner.log_key().name().to_owned();
            self.cosigners.insert(origin, (cosigner, served.clone()));
        }
        self.fresh.push((name.to_owned(), fresh));
        self.logs.insert(name.to_owned(), served);
    }
}

/// Every endpoint.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/healthz", get(healthz))
        .route("/log/{name}/tn/v1/lookup", post(lookup))
        .route("/log/{name}/tn/v1/heads", get(heads))
        .route("/log/{name}/ct/v1/get-entry-and-proof", get(entry_and_proof))
        .route("/log/{name}/{*path}", get(object))
        .with_state(app)
}

/// `POST /add-checkpoint`: by the origin in the request it finds who cosigns.
async fn add_checkpoint(State(app): Shared, body: Body) -> Response {
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long\n");
    };
    let request = match AddCheckpoint::parse(&body) {
        Ok(request) => request,
        Err(error) => return decline(&Refusal::from(error).into()),
    };
    let Checkpoint { origin, .. } = request.checkpoint();
    let Some((cosigner, served)) = app.cosigners.get(origin) else {
        return decline(&Refusal::UnknownLog.into());
    };
    if served.has_cheated() {
        return decline(&Declined::NotYet);
    }
    match cosigner.add_checkpoint(&body).await {
        Ok(lines) => text(StatusCode::OK, lines),
        Err(declined) => decline(&declined),
    }
}

fn decline(declined: &Declined) -> Response {
    let said = format!("{declined}\n");
    match declined {
        Declined::Refused(refusal) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            match refusal.size() {
                Some(size) => {
                    let size_type = [(CONTENT_TYPE, HeaderValue::from_static(SIZE_TYPE))];
                    (status, size_type, encode_size(size)).into_response()
                }
                None => text(status, said),
            }
        }
        Declined::NotYet => later(said),
        Declined::Memory(error) => {
            tracing::error!(%error, "a checkpoint was not cosigned");
            text(StatusCode::INTERNAL_SERVER_ERROR, said)
        }
    }
}

fn text(status: StatusCode, said: impl Into<String>) -> Response {
    (status, [(CONTENT_TYPE, PLAIN)], said.into()).into_response()
}

fn later(said: String) -> Response {
    let retry = [(RETRY_AFTER, HeaderValue::from_static("1")), (CONTENT_TYPE, PLAIN)];
    (StatusCode::SERVICE_UNAVAILABLE, retry, said).into_response()
}

fn json(value: &impl serde::Serialize) -> Response {
    let body = serde_json::to_vec(value).expect("strings and numbers are JSON");
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "there is nothing here\n")
}

fn not_shown(error: &NotShown) -> Response {
    let said = format!("{error}\n");
    match error {
        NotShown::CatchingUp | NotShown::Answer(AnswerError::Lags) => later(said),
        NotShown::Answer(AnswerError::TooManyLabels(_) | AnswerError::BeyondList(_)) => {
            text(StatusCode::BAD_REQUEST, said)
        }
        NotShown::Answer(AnswerError::Unproved | AnswerError::Index(_)) | NotShown::Copy(_) => {
            tracing::error!(%error, "a look-up was not answered");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the monitor cannot answer\n")
        }
    }
}

/// `POST /log/<name>/tn/v1/lookup` (formats.md §15.1).
async fn lookup(State(app): Shared, Path(name): Path<String>, body: Body) -> Response {
    let Some(served) = app.logs.get(&name) else { return not_found() };
    let Ok(body) = to_bytes(body, MAX_QUESTION).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long\n");
    };
    let Ok(request) = serde_json::from_slice::<api::Lookup>(&body) else {
        return text(StatusCode::BAD_REQUEST, "the body is not the JSON of a look-up\n");
    };
    let question = match Question::new(&request) {
        Ok(question) => question,
        Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    match served.answer(question).await {
        Ok(answer) => json(&answer),
        Err(error) => not_shown(&error),
    }
}

/// `GET /log/<name>/tn/v1/heads`.
async fn heads(State(app): Shared, Path(name): Path<String>) -> Response {
    let Some(served) = app.logs.get(&name) else { return not_found() };
    match served.heads().await {
        Ok(heads) => json(&heads),
        Err(error) => not_shown(&error),
    }
}

/// `GET /log/<name>/ct/v1/get-entry-and-proof?leaf_index=&tree_size=`: by this look-ups fetch single entries. Its `extra_data` is
/// empty.
async fn entry_and_proof(
    State(app): Shared,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(served) = app.logs.get(&name) else { return not_found() };
    let query = query.unwrap_or_default();
    let figure = |name: &str| {
        let value = |pair: &str| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok();
        query.split('&').find_map(value)
    };
    let (Some(index), Some(size)) = (figure("leaf_index"), figure("tree_size")) else {
        return text(StatusCode::BAD_REQUEST, "leaf_index and tree_size are needed\n");
    };
    match served.entry_and_proof(index, size).await {
        Ok(Some(answer)) => json(&answer),
        Ok(None) => text(StatusCode::BAD_REQUEST, "there is no such entry in a tree of this size\n"),
        Err(error) => not_shown(&error),
    }
}

/// Anything else below `/log/<name>/`: checkpoints, tiles, bundles and CA certificates of the copy.
async fn object(State(app): Shared, Path((name, path)): Path<(String, String)>) -> Response {
    let Some(served) = app.logs.get(&name).cloned() else { return not_found() };
    let found = tokio::task::spawn_blocking(move || served.object(&path)).await;
    match found {
        Ok(Ok(Some(bytes))) => {
            let octets = [(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))];
            (octets, Bytes::from(bytes)).into_response()
        }
        Ok(Err(error)) if error.kind() != io::ErrorKind::InvalidInput => {
            tracing::error!(%error, "the copy of a log cannot be read");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the monitor cannot answer\n")
        }
        _ => not_found(),
    }
}

/// `GET /healthz`: 200 while every log is followed and none is known to cheat, else 503 with the names of those.
async fn healthz(State(app): Shared) -> Response {
    let stale = app.fresh.iter().filter(|(_, fresh)| fresh.borrow().elapsed() > STALE);
    let mut trouble: Vec<String> = stale.map(|(name, _)| format!("{name} is not followed\n")).collect();
    let cheating = app.logs.iter().filter(|(_, served)| served.has_cheated());
    trouble.extend(cheating.map(|(name, _)| format!("{name} cheats\n")));
    if trouble.is_empty() {
        text(StatusCode::OK, "ok\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, trouble.concat())
    }
}

/// A listening server.
pub struct Listener(TcpListener);

impl Listener {
    /// Binds the address.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Listener(TcpListener::bind(address).await?))
    }

    /// The address, with the port that was chosen where none was given.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves until `stop` ends.
    pub(crate) async fn run(self, router: Router, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.0.accept() => accepted,
                () = &mut stop => return,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIME)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_BUFFER)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
            tokio::spawn(async move {
                // Who reads or writes nothing must not hold a connection for ever.
                let _ = tokio::time::timeout(REQUEST_TIME, connection).await;
                drop(place);
            });
        }
    }
}
