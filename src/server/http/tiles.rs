//! The static side, C2SP `tlog-tiles`: the same bytes as in the served folder.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::answer::{OCTETS, PLAIN};
use super::{Answer, Shared};
use crate::server::problem::Problem;
use crate::server::read::LogReader;
use crate::tile::TilePath;

/// `GET /checkpoint`.
pub async fn checkpoint(State(app): Shared) -> Answer {
    Answer::Text(PLAIN, app.log.checkpoint())
}

/// `GET /tile/...`.
pub async fn tile(State(app): Shared, path: Result<Path<String>, PathRejection>) -> Answer {
    let size = app.log.published().tree.size;
    tile_of(app.log.reader.clone(), size, path).await
}

/// `GET /index/checkpoint`.
pub async fn index_checkpoint(State(app): Shared) -> Answer {
    Answer::Text(PLAIN, app.log.index.published().note.clone())
}

/// `GET /index/tile/...`.
pub async fn index_tile(State(app): Shared, path: Result<Path<String>, PathRejection>) -> Answer {
    let size = app.log.index.published().tree.size;
    tile_of(app.log.index.reader.clone(), size, path).await
}

async fn tile_of(reader: LogReader, size: u64, path: Result<Path<String>, PathRejection>) -> Answer {
    let path = path.ok().and_then(|Path(path)| format!("tile/{path}").parse::<TilePath>().ok());
    let Some(path) = path else { return Problem::NotFound.into() };
    match tokio::task::spawn_blocking(move || reader.served_tile(path, size)).await {
        Ok(Ok(Some(bytes))) => Answer::Immutable(OCTETS, bytes),
        Ok(Ok(None)) => Problem::NotFound.into(),
        Ok(Err(error)) => Answer::Problem(error.into()),
        Err(_) => Problem::Internal.into(),
    }
}

/// `GET /issuer/<sha256>`.
pub async fn issuer(State(app): Shared, path: Result<Path<String>, PathRejection>) -> Answer {
    let Ok(Path(fingerprint)) = path else { return Problem::NotFound.into() };
    let is_hash =
        fingerprint.len() == 64 && fingerprint.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hash {
        return Problem::NotFound.into();
    }
    let found = tokio::task::spawn_blocking(move || app.log.reader.object(&format!("issuer/{fingerprint}")));
    match found.await {
        Ok(Ok(Some(der))) => Answer::Immutable("application/pkix-cert", der),
        Ok(Ok(None)) => Problem::NotFound.into(),
        Ok(Err(error)) => Answer::Problem(error.into()),
        Err(_) => Problem::Internal.into(),
    }
}
