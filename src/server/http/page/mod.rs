//! Pages for people: what the log is, and an entry of it. HTML made here, without a script, without anything from elsewhere.
//!
//! They show what programs can read at other addresses, and nothing more.

mod entry;
mod facts;
mod front;
mod words;

use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, PoisonError};

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode};
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::read::Query;
use super::{Answer, Reading, Reads};
use crate::server::clock::Clock;
use crate::server::open::PLACEHOLDER;
use crate::server::problem::Problem;

/// The one style sheet. It stands in each page, since a page may be served below any path.
const STYLE: &str = include_str!("page.css");

/// `Content-Security-Policy`: this style sheet, the icon in the page, forms to here, and nothing else.
pub static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        Base64::encode_string(&Sha256::digest(STYLE))
    );
    HeaderValue::from_str(&policy).expect("base64 is visible ASCII")
});

/// What pages need besides the log.
pub struct Pages {
    clock: Clock,
    /// Where this is reached, with a slash at the end.
    base: String,
    /// The key that a mirror cosigns with.
    verifier: Option<String>,
    front: Mutex<Option<(FrontKey, Bytes)>>,
}

/// The front page is made anew when any of these has changed: seconds of Unix time, and leaves of the log.
type FrontKey = (u64, u64);

impl Pages {
    /// Pages of what is called `name`, a URL without scheme, and listens at `address`.
    pub fn new(clock: Clock, name: &str, address: SocketAddr) -> Self {
        let base = match name.contains(PLACEHOLDER) {
            true => format!("http://{address}/"),
            false => format!("https://{name}/"),
        };
        Pages { clock, base, verifier: None, front: Mutex::default() }
    }

    /// The same for a mirror that cosigns with this key.
    #[must_use]
    pub fn cosigning(self, verifier: String) -> Self {
        Pages { verifier: Some(verifier), ..self }
    }

    /// Seconds of Unix time.
    fn now(&self) -> u64 {
        self.clock.now_milliseconds() / 1000
    }

    fn kept(&self, key: FrontKey) -> Option<Bytes> {
        let front = self.front.lock().unwrap_or_else(PoisonError::into_inner);
        front.as_ref().filter(|(of, _)| *of == key).map(|(_, page)| page.clone())
    }

    fn keep(&self, key: FrontKey, page: Bytes) {
        *self.front.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, page));
    }
}

/// `GET /`: made at most once a second and for each size of the log.
pub async fn front(State(app): Reading) -> Answer {
    let size = app.log.published().map_or(0, |published| published.tree.size);
    let key = (app.pages.now(), size);
    if let Some(page) = app.pages.kept(key) {
        return Answer::Page(StatusCode::OK, page);
    }
    let made = tokio::task::spawn_blocking(move || {
        let answer = answer(front::page(&app, key.0), &app, "");
        if let Answer::Page(StatusCode::OK, page) = &answer {
            app.pages.keep(key, page.clone());
        }
        answer
    });
    made.await.unwrap_or(Answer::Problem(Problem::Internal))
}

/// `GET /entry?of=`: an entry, by its index or by the hash of its leaf.
pub async fn entry(State(app): Reading, RawQuery(query): RawQuery) -> Answer {
    let made = tokio::task::spawn_blocking(move || {
        let asked = Query(query).text("of");
        answer(entry::page(&app, &asked), &app, &asked)
    });
    made.await.unwrap_or(Answer::Problem(Problem::Internal))
}

/// A page, or one that says why it is not there.
fn answer<T: Template>(page: Result<T, Problem>, app: &Reads, asked: &str) -> Answer {
    match page {
        Ok(page) => render(StatusCode::OK, &page),
        Err(problem) => {
            let details = problem.details();
            let status = StatusCode::from_u16(details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let title = match status {
                StatusCode::NOT_FOUND => "There is no such entry",
                StatusCode::BAD_REQUEST => "This names no entry",
                _ => "Not now",
            };
            let by_hash = app.log.finds_hashes();
            render(status, &Missing { title, why: problem.to_string(), by_hash, asked: asked.to_owned() })
        }
    }
}

fn render(status: StatusCode, page: &impl Template) -> Answer {
    match page.render() {
        Ok(page) => Answer::Page(status, page.into()),
        Err(_) => Answer::Problem(Problem::Internal),
    }
}

/// Why there is no page.
#[derive(Template)]
#[template(path = "missing.html")]
struct Missing {
    title: &'static str,
    why: String,
    by_hash: bool,
    asked: String,
}
