//! A finding: its story, what to do, its entries, its evidence; and acknowledging it.

use askama::Template;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::entry::Brief;
use super::findings::Row;
use super::help::{self, About};
use super::login::read_form;
use super::reply::{self, Problem, Shell, go_to};
use super::words::{self, When};
use super::{Asked, Page, TheAsked, ThePage, blocking};
use crate::catalogue::{Found, Status};
use crate::config::from_hex;
use crate::findings::acknowledge_this;

/// Entries that are shown.
const MAX_ENTRIES: usize = 40;
/// The longest reason, in characters.
const MAX_REASON: usize = 1000;

#[derive(Template, Serialize)]
#[template(path = "finding.html")]
struct Finding {
    #[serde(skip)]
    shell: Shell,
    #[serde(flatten)]
    row: Row,
    #[serde(skip)]
    about: About,
    whom: String,
    now: String,
    version: u64,
    misbehaviour: bool,
    issuer: Option<String>,
    issuer_name: Option<String>,
    calling_code: Option<u16>,
    acknowledged: Option<Said>,
    /// What is shown of the entries.
    involved: Vec<Brief>,
    has_evidence: bool,
    evidence_is_sealed: bool,
    /// The name of the log, where it is followed yet.
    #[serde(skip)]
    log_name: Option<String>,
    #[serde(skip)]
    was_sent: bool,
}

#[derive(Serialize)]
struct Said {
    reason: String,
    time: When,
}

pub async fn show(State(page): ThePage, Path(id): Path<String>, Extension(asked): TheAsked) -> Response {
    let asks = asked.clone();
    let made = blocking(&page, move |page| story(page, &asks, id.strip_suffix(".json").unwrap_or(&id)));
    reply::page(&asked, made.await)
}

/// The finding of an id in an address.
pub fn find(page: &Page, id: &str) -> Result<Found, Problem> {
    page.catalogue.find(id)?.ok_or(Problem::NotFound)
}

fn story(page: &Page, asked: &Asked, id: &str) -> Result<Finding, Problem> {
    let found = find(page, id)?;
    let log = page.log_of_origin(&found.notice.log);
    let said = found
        .known
        .clone()
        .map(|known| Said { reason: known.reason, time: When::new(known.time, asked.now) });
    let mut involved = Vec::new();
    if let Some(log) = log {
        for index in found.notice.entries.iter().take(MAX_ENTRIES) {
            involved.extend(Brief::of(log, *index, asked.now)?);
        }
    }
    let notice = &found.notice;
    let about = help::of(&notice.detector);
    let issuer = notice.issuer.as_deref().and_then(from_hex);
    let name = |hash| log.and_then(|log| log.issuers.name(log.issuers.known_of_key(hash).operator));
    Ok(Finding {
        shell: asked.shell("findings", about.title),
        about,
        whom: notice.whom.trim_end_matches('.').to_owned(),
        now: words::capital(notice.now.trim_end_matches('.')),
        version: notice.version.into(),
        misbehaviour: notice.misbehaviour,
        issuer: notice.issuer.clone(),
        issuer_name: issuer.and_then(name).map(|name| words::name(&name)),
        calling_code: notice.calling_code,
        acknowledged: said,
        involved,
        has_evidence: notice.evidence.is_some(),
        evidence_is_sealed: notice.evidence.as_ref().is_some_and(|path| path.contains("sealed")),
        log_name: log.map(|log| log.name.clone()),
        was_sent: asked.field("acknowledged").is_some(),
        row: Row::of(page, found, asked.now),
    })
}

/// `POST /findings/<id>/acknowledge`, from the form or with the token: `reason`.
pub async fn acknowledge(
    State(page): ThePage,
    Path(id): Path<String>,
    Extension(asked): TheAsked,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let form = match read_form(body).await {
        Ok(form) => form,
        Err(problem) => return reply::problem(&asked, problem),
    };
    let sent = form.get("form").map(String::as_str).unwrap_or_default();
    if !page.access.is_from_form(&asked.visitor, &headers, sent) {
        return reply::problem(&asked, Problem::Form);
    }
    let reason = form.get("reason").map(|reason| reason.trim().to_owned()).unwrap_or_default();
    let path = format!("/findings/{id}");
    let done = blocking(&page, move |page| {
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(Problem::Wrong("Say why, in at most 1,000 characters."));
        }
        let found = find(page, &id)?;
        acknowledge_this(&page.folder, found.notice, &reason)?;
        tracing::info!(finding = id, "acknowledged on the page");
        Ok(page.catalogue.refresh()?)
    });
    match done.await {
        Ok(()) if asked.json => reply::typed(
            axum::http::StatusCode::OK,
            "application/json",
            b"{\"acknowledged\":true}\n".to_vec(),
        ),
        Ok(()) => go_to(&format!("{path}?acknowledged=1#state")),
        Err(problem) => reply::problem(&asked, problem),
    }
}
