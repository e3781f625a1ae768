//! Answers: their bodies, and the headers that belong to them.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::page::POLICY;
use crate::server::problem::{Problem, whole_seconds};

/// What is sent back.
pub enum Answer {
    /// JSON that may change.
    Json(Vec<u8>),
    /// Text that may change.
    Text(&'static str, String),
    /// Bytes that never change.
    Immutable(&'static str, Vec<u8>),
    /// HTML that may change, of success or not.
    Page(StatusCode, Bytes),
    /// No success.
    Problem(Problem),
}

/// `application/octet-stream`.
pub const OCTETS: &str = "application/octet-stream";
/// Plain text in UTF-8.
pub const PLAIN: &str = "text/plain; charset=utf-8";

impl Answer {
    /// A value as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        Answer::Json(serde_json::to_vec(value).expect("the types of the API are JSON"))
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Answer::Problem(problem)
    }
}

impl<E: Into<Problem>> From<Result<Answer, E>> for Answer {
    fn from(result: Result<Answer, E>) -> Self {
        result.unwrap_or_else(|error| Answer::Problem(error.into()))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let changing = HeaderValue::from_static("no-store");
        let (content_type, cache, body) = match self {
            Answer::Json(body) => ("application/json", changing, body),
            Answer::Text(content_type, body) => (content_type, changing, body.into_bytes()),
            Answer::Immutable(content_type, body) => {
                (content_type, HeaderValue::from_static("public, max-age=31536000, immutable"), body)
            }
            Answer::Page(status, page) => return page_response(status, page),
            Answer::Problem(problem) => return problem_response(&problem),
        };
        let headers = [(CONTENT_TYPE, HeaderValue::from_static(content_type)), (CACHE_CONTROL, cache)];
        (headers, body).into_response()
    }
}

fn page_response(status: StatusCode, page: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, POLICY.clone()),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (status, headers, page).into_response()
}

fn problem_response(problem: &Problem) -> Response {
    let details = problem.details();
    let status = StatusCode::from_u16(details.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&details).expect("problem details are JSON");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (status, headers, body).into_response();
    if let Some(retry) = problem.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(retry).max(1)));
    }
    response
}
