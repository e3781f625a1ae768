//! Showing the token once, for a cookie.

use std::time::Duration;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::http::header::{SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

use super::access::Access;
use super::reply::{self, Problem, Shell, go_to, html, plain};
use super::{TheAsked, ThePage};

/// The longest form, in bytes.
const MAX_FORM: usize = 16 << 10;
/// The wait of who has shown something else.
const PAUSE: Duration = Duration::from_millis(300);

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    shell: Shell,
    has_failed: bool,
}

fn login(status: StatusCode, has_failed: bool) -> Response {
    let shell = Shell { title: "Log in".into(), ..Shell::default() };
    html(status, &Login { shell, has_failed })
}

pub async fn show(State(page): ThePage) -> Response {
    if page.access.has_token() { login(StatusCode::OK, false) } else { go_to("/") }
}

/// Who has not shown it yet: people are sent to the form.
pub fn first(method: &Method, path: &str, json: bool) -> Response {
    if method == Method::GET && !json && path != "/metrics" {
        return go_to("/login");
    }
    let mut response = plain(StatusCode::UNAUTHORIZED, "This needs the token: Authorization: Bearer TOKEN\n");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

pub async fn log_in(State(page): ThePage, headers: HeaderMap, body: Body) -> Response {
    let Ok(form) = read_form(body).await else { return login(StatusCode::BAD_REQUEST, true) };
    let token = form.get("token").map(|token| token.trim()).unwrap_or_default();
    if !page.access.is_token(token.as_bytes()) {
        tokio::time::sleep(PAUSE).await;
        return login(StatusCode::FORBIDDEN, true);
    }
    let cookie = page.access.log_in(crate::run::now(), reply::is_secure(&headers)).unwrap_or_default();
    with_cookie(go_to("/"), &cookie)
}

pub async fn log_out(
    State(page): ThePage,
    Extension(asked): TheAsked,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let form = read_form(body).await.unwrap_or_default();
    let sent = form.get("form").map(String::as_str).unwrap_or_default();
    if !page.access.is_from_form(&asked.visitor, &headers, sent) {
        return plain(StatusCode::FORBIDDEN, &Problem::Form.to_string());
    }
    with_cookie(go_to("/login"), &Access::log_out(asked.is_secure))
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// The fields of a form.
pub async fn read_form(body: Body) -> Result<std::collections::BTreeMap<String, String>, Problem> {
    let bytes = to_bytes(body, MAX_FORM).await.map_err(|_| Problem::Wrong("The form is too long."))?;
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}
