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
            let (status, why) = match problem {
                Problem::Range { size } => (
                    404,
                    format!("the log has {} entries, and the first one has index 0", words::grouped(size)),
                ),
                problem => (problem.status(), problem.to_string()),
            };
            let title = match status {
                404 => "There is no such entry",
                400 => "This names no entry",
                _ => "Not now",
            };
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let (by_hash, asked) = (app.log.finds_hashes(), asked.to_owned());
            render(status, &Missing { title, why, by_hash, asked })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_page_is_kept_for_a_second_and_a_size() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let pages = Pages::new(Clock::system(), "log.example/a", address);
        assert_eq!(pages.base, "https://log.example/a/");
        let made_up = Pages::new(Clock::system(), &format!("{PLACEHOLDER}/0"), address);
        assert_eq!(made_up.base, "http://127.0.0.1:8080/");
        pages.keep((5, 7), Bytes::from_static(b"page"));
        assert_eq!(pages.kept((5, 7)).as_deref(), Some(&b"page"[..]));
        for other in [(6, 7), (5, 8)] {
            assert_eq!(pages.kept(other), None, "{other:?}");
        }
    }
}
