//! The static side, C2SP `tlog-tiles`: the same bytes as in the served folder.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::answer::{OCTETS, PLAIN};
use super::{Answer, Reading};
use crate::server::problem::Problem;
use crate::server::read::LogReader;
use crate::server::sequencer::Published;
use crate::tile::TilePath;

/// `GET /checkpoint`.
pub async fn checkpoint(State(app): Reading) -> Answer {
    Answer::from(app.log.checkpoint().map(|note| Answer::Text(PLAIN, note)))
}

/// `GET /tile/...`.
pub async fn tile(State(app): Reading, path: Result<Path<String>, PathRejection>) -> Answer {
    tile_of(app.log.reader(), app.log.published(), path).await
}

/// `GET /index/checkpoint`.
pub async fn index_checkpoint(State(app): Reading) -> Answer {
    Answer::from(app.log.index_published().map(|published| Answer::Text(PLAIN, published.note.clone())))
}

/// `GET /index/tile/...`.
pub async fn index_tile(State(app): Reading, path: Result<Path<String>, PathRejection>) -> Answer {
    tile_of(app.log.index_reader(), app.log.index_published(), path).await
}

async fn tile_of(
    reader: &LogReader,
    published: Result<Arc<Published>, Problem>,
    path: Result<Path<String>, PathRejection>,
) -> Answer {
    let path = path.ok().and_then(|Path(path)| format!("tile/{path}").parse::<TilePath>().ok());
    let Some(path) = path else { return Problem::NotFound.into() };
    let size = match published {
        Ok(published) => published.tree.size,
        Err(problem) => return problem.into(),
    };
    let reader = reader.clone();
    match tokio::task::spawn_blocking(move || reader.served_tile(path, size)).await {
        Ok(Ok(Some(bytes))) => Answer::Immutable(OCTETS, bytes),
        Ok(Ok(None)) => Problem::NotFound.into(),
        Ok(Err(error)) => Answer::Problem(error.into()),
        Err(_) => Problem::Internal.into(),
    }
}

/// `GET /issuer/<sha256>`.
pub async fn issuer(State(app): Reading, path: Result<Path<String>, PathRejection>) -> Answer {
    let Ok(Path(fingerprint)) = path else { return Problem::NotFound.into() };
    let is_hash =
        fingerprint.len() == 64 && fingerprint.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hash {
        return Problem::NotFound.into();
    }
    let found =
        tokio::task::spawn_blocking(move || app.log.reader().object(&format!("issuer/{fingerprint}")));
    match found.await {
        Ok(Ok(Some(der))) => Answer::Immutable("application/pkix-cert", der),
        Ok(Ok(None)) => Problem::NotFound.into(),
        Ok(Err(error)) => Answer::Problem(error.into()),
        Err(_) => Problem::Internal.into(),
    }
}
