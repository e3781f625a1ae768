//! What a mirror answers over HTTP: all that readers of the log ask for, and `add-checkpoint`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::{Config, Mirror};
use crate::client::cosigner::{Cosigner, Declined};
use crate::client::follow::Progress;
use crate::server::clock::Clock;
use crate::server::config::Limits;
use crate::server::http::{Answer, BodyMemory, Bounds, PLAIN, Pages, Reads, reads};
use crate::server::metrics::Request;
use crate::server::problem::Problem;
use crate::server::readable::Readable;
use crate::witness::{MAX_REQUEST, SIZE_TYPE, encode_size};

/// After how much time without a step that succeeded a mirror is no longer healthy.
const STALE: Duration = Duration::from_secs(120);

/// What handlers share.
pub struct App {
    mirror: Arc<Mirror>,
    verifier: Arc<Cosigner>,
    progress: watch::Receiver<Progress>,
    /// When a step succeeded last.
    pub fresh: watch::Receiver<Instant>,
    bodies: BodyMemory,
    metrics: Metrics,
}

struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    checked: Gauge,
    size: Gauge,
    indexed: Gauge,
    findings: Gauge,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("tnlog_mirror");
        let requests = Family::default();
        let [checked, size, indexed, findings] = [(); 4].map(|()| Gauge::default());
        registry.register("requests", "Requests by endpoint and status", requests.clone());
        registry.register("checked_entries", "Entries that are verified and copied", checked.clone());
        registry.register("log_entries", "Entries of the newest checkpoint of the log", size.clone());
        registry.register(
            "indexed_entries",
            "Entries that the newest recomputed head covers",
            indexed.clone(),
        );
        registry.register("findings", "Whether the log was found to cheat: 1 when it was", findings.clone());
        Metrics { registry, requests, checked, size, indexed, findings }
    }
}

impl App {
    /// The application over a mirror.
    pub fn new(
        mirror: Arc<Mirror>,
        verifier: Arc<Cosigner>,
        progress: watch::Receiver<Progress>,
        fresh: watch::Receiver<Instant>,
    ) -> Self {
        let bodies = BodyMemory::new(Limits::default().body_memory_bytes);
        App { mirror, verifier, progress, fresh, bodies, metrics: Metrics::new() }
    }
}

type Shared = State<Arc<App>>;

/// Every endpoint of a mirror that listens at `address`.
pub fn router(app: Arc<App>, config: &Config, address: SocketAddr) -> Router {
    let bounds = Bounds::of(&config.limits(), app.metrics.requests.clone());
    let log: Arc<dyn Readable> = app.mirror.clone();
    let pages = Pages::new(Clock::system(), &config.name, address).cosigning(app.verifier.key().to_string());
    let readable = Arc::new(Reads { log, bodies: app.bodies.clone(), pages });
    let router = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .route("/ct/v1/{*rest}", any(elsewhere))
        .route("/stict/v1/{*rest}", any(elsewhere))
        .route("/tn/v1/{*rest}", any(elsewhere))
        .with_state(app);
    bounds.around(router.merge(reads(readable)))
}

/// What only the log answers.
async fn elsewhere(State(app): Shared, method: Method) -> Answer {
    match method {
        Method::POST => Problem::Mirror(app.mirror.url.clone()).into(),
        _ => Problem::NotFound.into(),
    }
}

/// `POST /add-checkpoint` (C2SP `tlog-witness`).
async fn add_checkpoint(State(app): Shared, body: Body) -> Response {
    let body = match app.bodies.bytes(body, MAX_REQUEST).await {
        Ok(body) => body,
        Err(problem) => return Answer::from(problem).into_response(),
    };
    if app.mirror.finding().is_some() {
        return decline(&Declined::NotYet);
    }
    match app.verifier.add_checkpoint(&body.request).await {
        Ok(lines) => Answer::Text(PLAIN, lines).into_response(),
        Err(declined) => decline(&declined),
    }
}

fn decline(declined: &Declined) -> Response {
    let status = |status| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let said = format!("{declined}\n");
    match declined {
        Declined::Refused(refusal) => match refusal.size() {
            Some(size) => {
                let size_type = [(CONTENT_TYPE, HeaderValue::from_static(SIZE_TYPE))];
                (status(refusal.status()), size_type, encode_size(size)).into_response()
            }
            None => (status(refusal.status()), said).into_response(),
        },
        Declined::NotYet => {
            let retry = [(RETRY_AFTER, HeaderValue::from_static("1"))];
            (StatusCode::SERVICE_UNAVAILABLE, retry, said).into_response()
        }
        Declined::Memory(error) => {
            tracing::error!(%error, "a checkpoint was not cosigned");
            (StatusCode::INTERNAL_SERVER_ERROR, said).into_response()
        }
    }
}

/// `GET /healthz`: 200 while the log is followed and nothing is wrong with it, else 503.
async fn healthz(State(app): Shared) -> Response {
    let trouble = match app.mirror.finding() {
        Some(finding) => Some(finding),
        None if app.fresh.borrow().elapsed() > STALE => {
            Some("the log could not be followed for two minutes; the messages say why".to_owned())
        }
        None => None,
    };
    match trouble {
        None => Answer::Text(PLAIN, "ok\n".to_owned()).into_response(),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")).into_response(),
    }
}

/// `GET /metrics`.
async fn metrics(State(app): Shared) -> Answer {
    let (metrics, now) = (&app.metrics, *app.progress.borrow());
    metrics.checked.set(now.checked as i64);
    metrics.size.set(now.size as i64);
    metrics.indexed.set(now.indexed as i64);
    metrics.findings.set(app.mirror.finding().is_some().into());
    let mut body = String::new();
    text::encode(&mut body, &metrics.registry).expect("a string takes every write");
    Answer::Text("application/openmetrics-text; version=1.0.0; charset=utf-8", body)
}
