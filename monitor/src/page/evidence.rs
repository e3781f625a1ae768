//! Evidence, as a file.

use std::path::{Component, Path as FilePath};

use axum::extract::{Extension, Path, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::finding::find;
use super::reply::{self, Problem};
use super::{Page, TheAsked, ThePage, blocking};
use tnlog::client::evidence::MAX_EVIDENCE;

/// `GET /findings/<id>/evidence`. Who may see the page may have what is sealed: it is on this machine, or has shown the token.
pub async fn download(State(page): ThePage, Path(id): Path<String>, Extension(asked): TheAsked) -> Response {
    match blocking(&page, move |page| read(page, &id)).await {
        Ok((name, bytes)) => {
            let mut response = reply::typed(StatusCode::OK, "application/json", bytes);
            let disposition = format!("attachment; filename=\"{name}\"");
            if let Ok(value) = HeaderValue::from_str(&disposition) {
                response.headers_mut().insert(CONTENT_DISPOSITION, value);
            }
            response
        }
        Err(problem) => reply::problem(&asked, problem),
    }
}

/// The name and bytes of the file that a finding names below the folder of evidence, and nothing else.
fn read(page: &Page, id: &str) -> Result<(String, Vec<u8>), Problem> {
    let found = find(page, id)?;
    let relative = found.notice.evidence.ok_or(Problem::NotFound)?;
    let path = FilePath::new(&relative);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let whole = page.folder.named(path);
    if !is_plain || !whole.starts_with(page.folder.evidence()) {
        return Err(Problem::NotFound);
    }
    if std::fs::metadata(&whole).map_err(|_| Problem::NotFound)?.len() > MAX_EVIDENCE as u64 {
        return Err(Problem::NotFound);
    }
    let name = path.file_name().and_then(|name| name.to_str()).ok_or(Problem::NotFound)?;
    let plain = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    Ok((plain, std::fs::read(&whole)?))
}
