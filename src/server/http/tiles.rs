//! The static side, C2SP `tlog-tiles`: the same bytes as in the served folder.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use super::answer::{OCTETS, PLAIN};
use super::{Answer, Reading, Reads};
use crate::index::Generation;
use crate::server::index::ended::Served;
use crate::server::problem::Problem;
use crate::server::read::LogReader;
use crate::server::witness::COSIGNED;
use crate::tile::TilePath;

/// `GET /checkpoint`.
pub async fn checkpoint(State(app): Reading) -> Answer {
    Answer::from(app.log.checkpoint().map(|note| Answer::Text(PLAIN, note)))
}

/// `GET /tile/...`.
pub async fn tile(State(app): Reading, path: Result<Path<String>, PathRejection>) -> Answer {
    match app.log.published() {
        Ok(published) => tile_of(app.log.reader().clone(), published.tree.size, path).await,
        Err(problem) => problem.into(),
    }
}

/// `GET /index/checkpoint`.
pub async fn index_checkpoint(State(app): Reading) -> Answer {
    checkpoint_of(app.log.index_log(Generation::FIRST))
}

/// `GET /index/2/checkpoint`...
pub async fn successor_checkpoint(State(app): Reading, path: Result<Path<String>, PathRejection>) -> Answer {
    checkpoint_of(path.ok().and_then(|Path(number)| successor(&app, &number)))
}

fn checkpoint_of(index_log: Option<Served>) -> Answer {
    match index_log {
        Some(served) => Answer::Text(PLAIN, served.checkpoint),
        None => Problem::NotFound.into(),
    }
}

/// `GET /index/tn/v1/checkpoint`: what the verifiers' quorum has cosigned.
pub async fn index_cosigned(State(app): Reading) -> Answer {
    cosigned_of(app.log.index_log(Generation::FIRST)).await
}

/// `GET /index/2/tn/v1/checkpoint`...
pub async fn successor_cosigned(State(app): Reading, path: Result<Path<String>, PathRejection>) -> Answer {
    cosigned_of(path.ok().and_then(|Path(number)| successor(&app, &number))).await
}

async fn cosigned_of(index_log: Option<Served>) -> Answer {
    let Some(served) = index_log else { return Problem::NotFound.into() };
    match tokio::task::spawn_blocking(move || served.reader.object(COSIGNED)).await {
        Ok(Ok(note)) => match note.and_then(|note| String::from_utf8(note).ok()) {
            Some(note) => Answer::Text(PLAIN, note),
            None => Problem::NotFound.into(),
        },
        Ok(Err(error)) => Answer::Problem(error.into()),
        Err(_) => Problem::Internal.into(),
    }
}

/// `GET /index/tile/...`.
pub async fn index_tile(State(app): Reading, path: Result<Path<String>, PathRejection>) -> Answer {
    match app.log.index_log(Generation::FIRST) {
        Some(Served { reader, size, .. }) => tile_of(reader, size, path).await,
        None => Problem::NotFound.into(),
    }
}

/// `GET /index/2/tile/...`.
pub async fn successor_tile(
    State(app): Reading,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Answer {
    let Ok(Path((number, path))) = path else { return Problem::NotFound.into() };
    match successor(&app, &number) {
        Some(Served { reader, size, .. }) => tile_of(reader, size, Ok(Path(path))).await,
        None => Problem::NotFound.into(),
    }
}

/// The index log of this number in a path.
fn successor(app: &Reads, number: &str) -> Option<Served> {
    app.log.index_log(Generation::of_path(&format!("index/{number}"))?)
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
