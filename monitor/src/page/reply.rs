//! Answers: a page or its JSON, and the headers that all have.

use askama::Template;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::{Asked, TheAsked};
use crate::catalogue::CatalogueError;

/// Nothing from anywhere but what stands here; no script at all.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is nothing.
    #[error("There is nothing at this address.")]
    NotFound,
    /// What was asked cannot be.
    #[error("{0}")]
    Wrong(&'static str),
    /// A form that is not from here.
    #[error(
        "This did not come from a form of this page, or the form is too old. Go back, load the page again, and send it again."
    )]
    Form,
    /// The monitor is catching up with the log.
    #[error("The monitor is still catching up with this log. Try again in a moment.")]
    CatchingUp,
    /// It failed; the messages of the monitor say why.
    #[error("The monitor cannot answer this. Its messages say why.")]
    Trouble,
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::Wrong(_) => StatusCode::BAD_REQUEST,
            Problem::Form => StatusCode::FORBIDDEN,
            Problem::CatchingUp => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Trouble => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Says it in the messages, and that there is trouble here.
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(%error, "a page was not made");
        Problem::Trouble
    }
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        Problem::of(&error)
    }
}

impl From<crate::detect::MemoryError> for Problem {
    fn from(error: crate::detect::MemoryError) -> Self {
        Problem::of(&error)
    }
}

impl From<crate::state::StateError> for Problem {
    fn from(error: crate::state::StateError) -> Self {
        Problem::of(&error)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Problem::of(&error)
    }
}

/// What stands around every page.
#[derive(Clone, Default)]
pub struct Shell {
    /// The part of the page that it belongs to.
    pub section: &'static str,
    pub title: String,
    /// What its forms send.
    pub form: String,
    pub is_logged_in: bool,
}

#[derive(Template, Serialize)]
#[template(path = "problem.html")]
struct ProblemPage {
    #[serde(skip)]
    shell: Shell,
    problem: String,
}

/// A page, as HTML or as JSON.
pub fn page<T: Template + Serialize>(asked: &Asked, made: Result<T, Problem>) -> Response {
    match made {
        Ok(page) => show(asked, StatusCode::OK, &page),
        Err(problem) => self::problem(asked, problem),
    }
}

/// Says it.
pub fn problem(asked: &Asked, problem: Problem) -> Response {
    let shell = asked.shell("", "Not here");
    show(asked, problem.status(), &ProblemPage { shell, problem: problem.to_string() })
}

fn show<T: Template + Serialize>(asked: &Asked, status: StatusCode, page: &T) -> Response {
    if asked.json {
        let body = serde_json::to_vec_pretty(page).expect("strings and numbers are JSON");
        return typed(status, "application/json", body);
    }
    html(status, page)
}

/// HTML.
pub fn html<T: Template>(status: StatusCode, page: &T) -> Response {
    match page.render() {
        Ok(text) => typed(status, "text/html; charset=utf-8", text.into_bytes()),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
    }
}

/// Bytes of a type.
pub fn typed(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

/// A sentence.
pub fn plain(status: StatusCode, text: &str) -> Response {
    typed(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
}

/// Goes to another address of the page.
pub fn go_to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

pub async fn not_found(axum::Extension(asked): TheAsked) -> Response {
    problem(&asked, Problem::NotFound)
}

pub async fn style() -> Response {
    typed(StatusCode::OK, "text/css; charset=utf-8", STYLE.as_bytes().to_vec())
}

pub async fn icon() -> Response {
    typed(StatusCode::OK, "image/svg+xml", ICON.as_bytes().to_vec())
}

/// With the headers that every answer has.
pub async fn guarded(mut response: Response) -> Response {
    let all: [(HeaderName, &'static str); 7] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in all {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// By the end of the path, or where JSON is accepted and HTML is not.
pub fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    path.ends_with(".json") || (accept.contains("application/json") && !accept.contains("text/html"))
}

/// Whether a proxy says that it was asked over TLS. Nobody gains by saying so.
pub fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}
