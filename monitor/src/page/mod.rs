//! The page: what a monitor knows, for people. Every part of it also as JSON, and as metrics for Prometheus.
//!
//! It has an address of its own, apart from what answers look-ups: a proxy before that must not open this to everybody. There is no
//! script in it, nothing is loaded from elsewhere, and its answers are kept by nobody.

mod access;
mod chart;
mod entry;
mod evidence;
mod facts;
mod finding;
mod findings;
mod help;
mod issuance;
mod life;
mod login;
mod logs;
mod metrics;
mod reply;
mod watch;
mod watches;
mod words;
mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Extension, Request, State as Shared};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use tnlog::client::follow::Progress;
use tnlog::policy::Policy;
use tokio::sync::watch as value;

use crate::catalogue::Catalogue;
use crate::config::{Config, Named, Watch};
use crate::entries::Entries;
use crate::folder::Folder;
use crate::issuers::Issuers;
use crate::served::Served;
use crate::state::State;
use access::{Access, Denied, Visitor};
use reply::{Problem, Shell};

/// How often the catalogue looks for what was found.
const READ_EVERY: Duration = Duration::from_millis(500);

/// A log, for the page.
pub(crate) struct ShownLog {
    pub name: String,
    pub url: String,
    pub policy: Policy,
    pub entries: Arc<Entries>,
    pub issuers: Arc<Issuers>,
    pub state: Arc<State>,
    pub served: Arc<Served>,
    pub progress: value::Receiver<Progress>,
    pub fresh: value::Receiver<Instant>,
    /// Why the last step failed.
    pub trouble: value::Receiver<Option<String>>,
}

/// What the page is made of.
pub(crate) struct Page {
    folder: Folder,
    watches: Vec<Watch>,
    logs: Vec<ShownLog>,
    catalogue: Arc<Catalogue>,
    access: Access,
}

type ThePage = Shared<Arc<Page>>;

impl Page {
    /// The page of a monitor, at an address.
    ///
    /// # Errors
    /// When the token or the catalogue cannot be used.
    pub(crate) fn new(
        folder: &Folder,
        config: &Config,
        address: SocketAddr,
        logs: Vec<ShownLog>,
    ) -> anyhow::Result<Self> {
        let file = config.page_token_file.as_ref().map(|path| folder.named(path));
        let access = Access::new(address, file.as_deref(), &folder.page_token())?;
        let catalogue = Arc::new(Catalogue::open(folder)?);
        let watches = config.watches.clone();
        Ok(Page { folder: folder.clone(), watches, logs, catalogue, access })
    }

    /// Takes up what is found, for as long as there is a page.
    pub(crate) fn read_on(self: &Arc<Self>) {
        let (page, catalogue) = (Arc::downgrade(self), self.catalogue.clone());
        std::thread::spawn(move || {
            let mut is_well = true;
            while page.strong_count() > 0 {
                let done = catalogue.refresh();
                if let (Err(error), true) = (&done, is_well) {
                    tracing::warn!("{error}");
                }
                is_well = done.is_ok();
                std::thread::sleep(READ_EVERY);
            }
        });
    }

    fn log(&self, name: &str) -> Result<&ShownLog, Problem> {
        self.logs.iter().find(|log| log.name == name).ok_or(Problem::NotFound)
    }

    fn log_of_origin(&self, origin: &str) -> Option<&ShownLog> {
        self.logs.iter().find(|log| log.served.origin() == origin)
    }

    /// `log a`, or the origin where it is followed no more.
    fn name_of_log(&self, origin: &str) -> String {
        self.log_of_origin(origin).map_or_else(|| words::name(origin), |log| log.name.clone())
    }

    fn watch(&self, name: &str) -> Result<&Watch, Problem> {
        self.watches.iter().find(|watch| watch.name == name).ok_or(Problem::NotFound)
    }
}

/// One request.
#[derive(Clone)]
pub(crate) struct Asked {
    visitor: Visitor,
    /// What its forms send.
    form: String,
    /// JSON instead of HTML.
    json: bool,
    /// Whether a proxy was asked over TLS.
    is_secure: bool,
    query: BTreeMap<String, String>,
    /// Milliseconds of Unix time.
    now: u64,
}

type TheAsked = Extension<Asked>;

impl Asked {
    /// A field of the address, unless it is empty.
    fn field(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn shell(&self, section: &'static str, title: impl Into<String>) -> Shell {
        Shell {
            section,
            title: title.into(),
            form: self.form.clone(),
            is_logged_in: self.visitor.has_session(),
        }
    }
}

/// Every address.
pub(crate) fn router(page: Arc<Page>) -> Router {
    let inside = Router::new()
        .route("/", get(logs::show))
        .route("/logs.json", get(logs::show))
        .route("/findings", get(findings::show))
        .route("/findings.json", get(findings::show))
        .route("/findings/{id}", get(finding::show))
        .route("/findings/{id}/acknowledge", post(finding::acknowledge))
        .route("/findings/{id}/evidence", get(evidence::download))
        .route("/watches", get(watches::show))
        .route("/watches.json", get(watches::show))
        .route("/watch", get(watch::show))
        .route("/watch.json", get(watch::show))
        .route("/world", get(world::show))
        .route("/world.json", get(world::show))
        .route("/entry", get(entry::find))
        .route("/logs/{name}/entries/{index}", get(entry::show))
        .route("/logs/{name}/checkpoint", get(entry::checkpoint))
        .route("/help", get(help::show))
        .route("/metrics", get(metrics::show))
        .route("/logout", post(login::log_out))
        .fallback(reply::not_found)
        .layer(from_fn_with_state(page.clone(), enter));
    let outside = Router::new()
        .route("/login", get(login::show).post(login::log_in))
        .route("/style.css", get(reply::style))
        .route("/icon.svg", get(reply::icon));
    outside.merge(inside).layer(axum::middleware::map_response(reply::guarded)).with_state(page)
}

/// Lets in who may come in, and reads what is asked.
async fn enter(Shared(page): ThePage, mut request: Request, next: Next) -> Response {
    let now = crate::run::now();
    let json = reply::wants_json(request.uri().path(), request.headers());
    match page.access.visitor(request.headers(), now) {
        Ok(visitor) => {
            let query = request.uri().query().unwrap_or_default();
            let asked = Asked {
                form: page.access.form(&visitor),
                json,
                is_secure: reply::is_secure(request.headers()),
                query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
                now,
                visitor,
            };
            request.extensions_mut().insert(asked);
            next.run(request).await
        }
        Err(Denied::Host) => reply::plain(axum::http::StatusCode::FORBIDDEN, HOST),
        Err(Denied::Token) => login::first(request.method(), request.uri().path(), json),
    }
}

const HOST: &str =
    "This page answers to localhost and 127.0.0.1 alone. To open it to others, set page_token_file.\n";

/// Does on a thread of its own what reads the disk.
async fn blocking<T: Send + 'static>(
    page: &Arc<Page>,
    work: impl FnOnce(&Page) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let page = page.clone();
    tokio::task::spawn_blocking(move || work(&page)).await.unwrap_or(Err(Problem::Trouble))
}

/// `+1703…23`: who has several knows which.
fn shortened(watch: &Watch, whole: bool) -> Option<String> {
    match watch.named() {
        Ok(Named::Number(number)) => Some(crate::alert::shortened(&number, whole)),
        _ => None,
    }
}
