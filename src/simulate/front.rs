//! A front before a log that tells the truth until it is asked to lie.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use base64ct::{Base64, Encoding};
use rand_core::OsRng;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::lie::{Lie, LieError, Told, TrueLie, View};
use crate::client::api::{Evaluate, EvaluateResponse};
use crate::label::LabelKey;
use crate::server::config::Folder;
use crate::server::http::{App, Server, router};
use crate::server::log::Log;
use crate::tile::TilePath;

/// The longest body that is looked into.
const MAX_BODY: usize = 1 << 20;
/// Where the newest checkpoint of a log is, and the newest cosigned one.
const CHECKPOINTS: [&str; 2] = ["checkpoint", "tn/v1/checkpoint"];
/// The longest wait for the index.
const MAX_REST: Duration = Duration::from_secs(120);
const GLANCE: Duration = Duration::from_millis(50);

/// A front that listens.
pub struct Front {
    /// Where.
    pub address: SocketAddr,
    log: Arc<Log>,
    lying: Lying,
    stop: oneshot::Sender<()>,
    listening: JoinHandle<()>,
}

type Lying = Arc<RwLock<Option<Arc<Told>>>>;

impl Front {
    /// Listens, and serves a log as it is.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(log: Arc<Log>, listen: SocketAddr) -> std::io::Result<Self> {
        let server = Server::bind(listen, &log.config.limits).await?;
        let address = server.local_addr()?;
        let lying = Lying::default();
        let answering = middleware::from_fn_with_state(lying.clone(), answer);
        let router = router(Arc::new(App::new(log.clone(), address))).layer(answering);
        let (stop, stopped) = oneshot::channel();
        let listening = tokio::spawn(server.run(router, async { drop(stopped.await) }));
        Ok(Front { address, log, lying, stop, listening })
    }

    /// Lies from now on, and gives the truth about it. `folder` is that of the log, to which nothing is submitted meanwhile;
    /// what is doctored goes into the empty folder `to`, which is needed until the front ends. Waits until the index has all
    /// entries, and costs a copy of the log at most.
    ///
    /// # Errors
    /// [`LieError`]; the front then says what it said before.
    pub async fn lie(&self, lie: Lie, folder: &Folder, to: &Path) -> Result<TrueLie, LieError> {
        self.rest().await?;
        let origin = self.log.config.origin.clone();
        let (folder, to) = (folder.clone(), to.to_owned());
        let preparing = tokio::task::spawn_blocking(move || Told::prepare(lie, &folder, &origin, &to));
        let told = preparing.await.map_err(std::io::Error::other)??;
        let truth = told.truth();
        self.show(Some(told));
        Ok(truth)
    }

    /// Tells the truth from now on.
    pub fn be_honest(&self) {
        self.show(None);
    }

    /// Ends.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.listening.await;
    }

    fn show(&self, told: Option<Told>) {
        *self.lying.write().unwrap_or_else(PoisonError::into_inner) = told.map(Arc::new);
    }

    /// Until the index log has a head over all entries: a copy of what is being written is none.
    async fn rest(&self) -> Result<(), LieError> {
        let begun = Instant::now();
        let size = || self.log.published().tree.size;
        while self.log.index.shown().is_none_or(|shown| shown.head.size < size()) {
            if begun.elapsed() > MAX_REST {
                return Err(LieError::Nothing("index of all its entries"));
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }
}

async fn answer(State(lying): State<Lying>, request: Request, next: Next) -> Response {
    let told = lying.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(told) = told else { return next.run(request).await };
    let path = request.uri().path().trim_start_matches('/').to_owned();
    if let (Some(key), "tn/v1/evaluate") = (&told.label_key, &*path) {
        return evaluate(key, request).await.unwrap_or_else(|| StatusCode::BAD_REQUEST.into_response());
    }
    if let (Some(view), "tn/v1/heads") = (&told.entries, &*path) {
        return heads(view, next.run(request).await).await;
    }
    let (view, name) = match path.strip_prefix("index/") {
        Some(name) => (&told.index, name),
        None => (&told.entries, &*path),
    };
    match view {
        Some(view) if CHECKPOINTS.contains(&name) => view.note.clone().into_response(),
        Some(view) if name.starts_with("tile/") => tile(view.clone(), name.parse().ok(), &told).await,
        _ => next.run(request).await,
    }
}

async fn tile(view: View, path: Option<TilePath>, told: &Told) -> Response {
    let is_missing = |path: &TilePath| {
        told.missing.is_some_and(|missing| (missing.kind, missing.index) == (path.kind, path.index))
    };
    let Some(path) = path.filter(|path| !is_missing(path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = tokio::task::spawn_blocking(move || view.reader.served_tile(path, view.size));
    match read.await {
        Ok(Ok(Some(bytes))) => bytes.into_response(),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The log's own answer with the checkpoint of the lie.
async fn heads(view: &View, answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let Ok(serde_json::Value::Object(mut heads)) = serde_json::from_slice(&body) else {
        return Response::from_parts(parts, Body::from(body));
    };
    heads.insert("checkpoint".to_owned(), view.note.clone().into());
    let text = serde_json::Value::Object(heads).to_string();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn evaluate(key: &LabelKey, request: Request) -> Option<Response> {
    let body = to_bytes(request.into_body(), MAX_BODY).await.ok()?;
    let asked: Evaluate = serde_json::from_slice(&body).ok()?;
    let element = |text: &String| Base64::decode_vec(text).ok()?.try_into().ok();
    let blinded: Vec<[u8; 32]> = asked.blinded.iter().map(element).collect::<Option<_>>()?;
    let evaluation = key.evaluate(&blinded, &mut OsRng).ok()?;
    let answer = EvaluateResponse {
        elements: evaluation.elements.iter().map(|element| Base64::encode_string(element)).collect(),
        proof: Base64::encode_string(&evaluation.proof),
    };
    let text = serde_json::to_string(&answer).ok()?;
    Some(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
