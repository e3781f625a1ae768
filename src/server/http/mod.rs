//! The HTTP API: RFC 6962, C2SP `tlog-tiles`, and what tnlog adds under `/tn/v1/`.

mod answer;
mod body;
mod client_address;
mod connections;
mod listen;
mod lookup;
mod page;
mod read;
mod statements;
mod submit;
mod tiles;
mod tn;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_ENCODING, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

pub use answer::{Answer, PLAIN};
pub use client_address::{Client, Peer};
pub use listen::Server;
pub use page::Pages;

use super::budget::Budget;
use super::config::Limits;
use super::log::Log;
use super::metrics;
use super::problem::Problem;
use super::readable::Readable;
pub use body::BodyMemory;
use body::KnownIssuers;

const HOUR: Duration = Duration::from_secs(3600);
/// How much longer than a submission may wait the whole request may take.
const GRACE: Duration = Duration::from_secs(2);

/// What handlers share.
pub struct App {
    /// The log.
    pub log: Arc<Log>,
    address: SocketAddr,
    bodies: BodyMemory,
    issuers: KnownIssuers,
    evaluations_by_client: Budget<Client>,
    evaluations: Budget<()>,
    statements_by_client: Budget<Client>,
    registrations_by_client: Budget<Client>,
}

impl App {
    /// The application over a log that listens at `address`.
    pub fn new(log: Arc<Log>, address: SocketAddr) -> Self {
        let limits = &log.config.limits;
        App {
            evaluations_by_client: Budget::new(limits.evaluations_per_client_hour, HOUR),
            evaluations: Budget::new(limits.evaluations_per_hour, HOUR),
            statements_by_client: Budget::new(limits.statements_per_client_hour, HOUR),
            registrations_by_client: Budget::new(limits.registrations_per_client_hour, HOUR),
            bodies: BodyMemory::new(limits.body_memory_bytes),
            issuers: KnownIssuers::default(),
            address,
            log,
        }
    }
}

type Shared = State<Arc<App>>;

/// What handlers of reads share.
pub struct Reads {
    /// The log, or a mirror of it.
    pub log: Arc<dyn Readable>,
    /// The memory that bodies may take.
    pub bodies: BodyMemory,
    /// Makes pages for people.
    pub pages: Pages,
}

type Reading = State<Arc<Reads>>;

/// What a mirror answers as the log does.
pub fn reads(reads: Arc<Reads>) -> Router {
    let rfc6962 = || {
        Router::new()
            .route("/get-sth", get(read::get_sth))
            .route("/get-sth-consistency", get(read::get_sth_consistency))
            .route("/get-entries", get(read::get_entries))
            .route("/get-entry-and-proof", get(read::get_entry_and_proof))
    };
    let tn = Router::new()
        .route("/lookup", post(lookup::lookup))
        .route("/heads", get(tn::heads))
        .route("/checkpoint", get(tn::checkpoint))
        .route("/log", get(tn::log))
        .route("/issuers", get(tn::issuers))
        .route("/parameters", get(tn::parameters));
    Router::new()
        .nest("/ct/v1", rfc6962())
        .nest("/stict/v1", rfc6962())
        .nest("/tn/v1", tn)
        .route("/checkpoint", get(tiles::checkpoint))
        .route("/tile/{*path}", get(tiles::tile))
        .route("/index/checkpoint", get(tiles::index_checkpoint))
        .route("/index/tn/v1/checkpoint", get(tiles::index_cosigned))
        .route("/index/tile/{*path}", get(tiles::index_tile))
        .route("/index/{number}/checkpoint", get(tiles::successor_checkpoint))
        .route("/index/{number}/tn/v1/checkpoint", get(tiles::successor_cosigned))
        .route("/index/{number}/tile/{*path}", get(tiles::successor_tile))
        .route("/issuer/{fingerprint}", get(tiles::issuer))
        .route("/", get(page::front))
        .route("/entry", get(page::entry))
        .with_state(reads)
}

/// Every endpoint of a log.
pub fn router(app: Arc<App>) -> Router {
    let rfc6962 = || {
        Router::new()
            .route("/add-chain", post(submit::add_chain))
            .route("/add-pre-chain", post(submit::add_pre_chain))
            .route("/get-proof-by-hash", get(read::get_proof_by_hash))
            .route("/get-roots", get(read::get_roots))
    };
    let bounds = Bounds::of(&app.log.config.limits, app.log.metrics.requests.clone());
    let pages = Pages::new(app.log.clock.clone(), &app.log.config.origin, app.address);
    let readable = Reads { log: app.log.clone(), bodies: app.bodies.clone(), pages };
    let tn = Router::new()
        .route("/add-chains", post(submit::add_chains))
        .route("/receipt", post(submit::receipt))
        .route("/add-key-statement", post(statements::add_key_statement))
        .route("/add-registration", post(statements::add_registration))
        .route("/registration-receipt", post(statements::registration_receipt))
        .route("/evaluate", post(tn::evaluate));
    let router = Router::new()
        .nest("/ct/v1", rfc6962())
        // The name that draft-ietf-stir-certificate-transparency recommends.
        .nest("/stict/v1", rfc6962())
        .nest("/tn/v1", tn)
        .route("/healthz", get(tn::healthz))
        .route("/metrics", get(tn::metrics))
        .with_state(app);
    bounds.around(router.merge(reads(Arc::new(readable))))
}

/// How long a request may take, and where it is counted.
#[derive(Clone)]
pub struct Bounds {
    limit: Duration,
    requests: Family<metrics::Request, Counter>,
}

impl Bounds {
    /// As configured.
    pub fn of(limits: &Limits, requests: Family<metrics::Request, Counter>) -> Self {
        Bounds { limit: Duration::from_secs(limits.request_seconds) + GRACE, requests }
    }

    /// These endpoints, each within the bounds; anything else is a problem.
    pub fn around(self, router: Router) -> Router {
        router
            .fallback(async || Answer::from(Problem::NotFound))
            .method_not_allowed_fallback(async || Answer::from(Problem::Method))
            .layer(middleware::from_fn_with_state(self, bounded_and_counted))
    }
}

/// Ends what takes too long, counts what was answered, and writes it down: endpoint, status and time, nothing of the request.
async fn bounded_and_counted(State(bounds): State<Bounds>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let endpoint = request.extensions().get::<MatchedPath>().map_or("other", |path| path.as_str()).to_owned();
    let is_chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let answered = match is_encoded(request.headers()) {
        true => Ok(Answer::from(Problem::Encoded).into_response()),
        false => tokio::time::timeout(bounds.limit, next.run(request)).await,
    };
    let mut response = answered.unwrap_or_else(|_| Answer::from(Problem::TimedOut).into_response());
    if is_chunked {
        // What a proxy that goes by a length takes for the end of this body would be read as another request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status().as_u16();
    tracing::debug!(endpoint, status, milliseconds = begun.elapsed().as_millis() as u64, "answered");
    bounds.requests.get_or_create(&metrics::Request { endpoint, status }).inc();
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(HeaderName::from_static("x-content-type-options"), nosniff);
    response
}

/// Whether the body is compressed. None is unpacked: a small one could become a large one.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
