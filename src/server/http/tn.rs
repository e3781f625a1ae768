//! What tnlog adds: labels, the log's facts, issuers, health, metrics.

use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use base64ct::{Base64, Encoding};
use rand_core::OsRng;

use super::answer::PLAIN;
use super::{Answer, App, Client, Peer, Reading, Shared, body};
use crate::client::api;
use crate::label::{ELEMENT, LabelError, MAX_BLINDED};
use crate::server::problem::{Place, Problem};
use crate::server::readable::parameters as parameters_of;

/// The longest body of an evaluation: sixteen elements in base64 and their punctuation.
const EVALUATE_BODY: usize = 2048;

/// `POST /tn/v1/evaluate`.
pub async fn evaluate(
    State(app): Shared,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let client = Client::of(peer, &headers, &app.log.config.trusted_proxies);
    Answer::from(evaluate_for(&app, client, body).await)
}

async fn evaluate_for(app: &App, client: Client, body: Body) -> Result<Answer, Problem> {
    let body = app.bodies.json::<api::Evaluate>(body, EVALUATE_BODY).await?;
    let count = body.request.blinded.len();
    if count == 0 || count > MAX_BLINDED {
        return Err(Problem::Count(count, MAX_BLINDED));
    }
    let mut blinded = Vec::with_capacity(count);
    for (index, text) in body.request.blinded.iter().enumerate() {
        let bytes = body::base64(text, Place::Element(index))?;
        let element: [u8; ELEMENT] = bytes.try_into().map_err(|_| LabelError::Element(index))?;
        blinded.push(element);
    }
    spend(app, client, count)?;
    // At most sixteen multiplications and a proof: about three milliseconds.
    let evaluation = app.log.keys.label.evaluate(&blinded, &mut OsRng)?;
    app.log.metrics.evaluations.inc_by(count as u64);
    Ok(Answer::json(&api::EvaluateResponse {
        elements: evaluation.elements.iter().map(|element| Base64::encode_string(element)).collect(),
        proof: Base64::encode_string(&evaluation.proof),
    }))
}

fn spend(app: &App, client: Client, count: usize) -> Result<(), Problem> {
    let now = Instant::now();
    let over = |holder| move |retry| Problem::EvaluationBudget { holder, retry };
    app.evaluations_by_client.spend(client, count, now).map_err(over("this client"))?;
    app.evaluations.spend((), count, now).map_err(|retry| {
        app.evaluations_by_client.refund(&client, count);
        over("all clients together")(retry)
    })
}

/// `GET /tn/v1/log`.
pub async fn log(State(app): Reading) -> Answer {
    Answer::from(app.log.info().map(|info| Answer::json(&info)))
}

/// `GET /tn/v1/heads`.
pub async fn heads(State(app): Reading) -> Answer {
    let heads = tokio::task::spawn_blocking(move || app.log.heads()).await;
    let heads = heads.unwrap_or(Err(Problem::Internal));
    Answer::from(heads.map(|heads| Answer::json(&heads)))
}

/// `GET /tn/v1/checkpoint`.
pub async fn checkpoint(State(app): Reading) -> Answer {
    Answer::from(app.log.cosigned_checkpoint().map(|note| Answer::Text(PLAIN, note)))
}

/// `GET /tn/v1/issuers`.
pub async fn issuers(State(app): Reading) -> Answer {
    Answer::json(&app.log.issuers())
}

/// `GET /tn/v1/parameters`.
pub async fn parameters(State(app): Reading) -> Answer {
    let proof = tokio::task::spawn_blocking(move || parameters_of(&*app.log)).await;
    let proof = proof.unwrap_or(Err(Problem::Internal));
    Answer::from(proof.map(|proof| Answer::Text(PLAIN, proof.to_string())))
}

/// `GET /healthz`: 200 while rounds succeed, else 503.
pub async fn healthz(State(app): Shared) -> Answer {
    if app.log.is_healthy() { Answer::Text(PLAIN, "ok\n".to_owned()) } else { Problem::Unhealthy.into() }
}

/// `GET /metrics`.
pub async fn metrics(State(app): Shared) -> Answer {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let (size, covered) = (app.log.published().tree.size, app.log.index.covered());
    let shown = app.log.index.shown().map_or(0, |shown| shown.head.size);
    app.log.metrics.index_lag.set(size.saturating_sub(covered) as i64);
    app.log.metrics.lookup_lag.set(size.saturating_sub(shown) as i64);
    Answer::Text(content_type, app.log.metrics.encode())
}
