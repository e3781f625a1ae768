//! Submissions and receipts.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use base64ct::{Base64, Encoding};

use super::answer::PLAIN;
use super::{Answer, App, Shared};
use crate::admission::{Admitted, Kind};
use crate::client::api;
use crate::precertificate::{Poison, poison};
use crate::sct::Sct;
use crate::server::log::Submitted;
use crate::server::metrics::Refused;
use crate::server::problem::Problem;

/// Numbers from which on labelling is moved off the threads that serve requests: more than a millisecond of work.
const MANY_NUMBERS: usize = 16;

/// `POST /ct/v1/add-chain`.
pub async fn add_chain(State(app): Shared, body: Body) -> Answer {
    add(app, body, Kind::Final).await
}

/// `POST /ct/v1/add-pre-chain`.
pub async fn add_pre_chain(State(app): Shared, body: Body) -> Answer {
    add(app, body, Kind::Precertificate).await
}

async fn add(app: Arc<App>, body: Body, kind: Kind) -> Answer {
    let result = add_one(&app, body, kind).await;
    counted(&app, &result);
    Answer::from(result.map(|sct| Answer::json(&response(&sct))))
}

async fn add_one(app: &Arc<App>, body: Body, kind: Kind) -> Result<Sct, Problem> {
    let body = app.bodies.json::<api::AddChain>(body, app.log.config.limits.body_bytes).await?;
    let admitted = app.log.admit(&app.issuers.chain(&body.request.chain)?, kind)?;
    let submitted = if admitted.class().numbers().len() < MANY_NUMBERS {
        app.log.submit(admitted)?
    } else {
        let log = app.log.clone();
        off_thread(move || log.submit(admitted)).await?
    };
    app.log.answer(submitted).await
}

/// `POST /tn/v1/add-chains`: each chain is answered as if it came alone.
pub async fn add_chains(State(app): Shared, body: Body) -> Answer {
    Answer::from(add_many(app, body).await.map(|results| Answer::json(&api::AddChainsResponse { results })))
}

async fn add_many(app: Arc<App>, body: Body) -> Result<Vec<api::AddChainResult>, Problem> {
    let body = app.bodies.json::<api::AddChains>(body, app.log.config.limits.batch_body_bytes).await?;
    let count = body.request.chains.len();
    if count == 0 || count > api::MAX_CHAINS {
        return Err(Problem::Count(count, api::MAX_CHAINS));
    }
    let begin = {
        let app = app.clone();
        move || body.request.chains.iter().map(|chain| begin(&app, chain)).collect::<Vec<_>>()
    };
    let begun = off_thread(move || Ok(begin())).await?;
    let mut results = Vec::with_capacity(count);
    for submitted in begun {
        let result = match submitted {
            Ok(submitted) => app.log.answer(submitted).await,
            Err(problem) => Err(problem),
        };
        counted(&app, &result);
        results.push(match result {
            Ok(sct) => api::AddChainResult::Sct(response(&sct)),
            Err(problem) => api::AddChainResult::Problem(problem.details()),
        });
    }
    Ok(results)
}

fn begin(app: &App, submission: &api::Submission) -> Result<Submitted, Problem> {
    let kind = if submission.precertificate { Kind::Precertificate } else { Kind::Final };
    app.log.submit(app.log.admit(&app.issuers.chain(&submission.chain)?, kind)?)
}

/// `POST /tn/v1/receipt`: the chain again, and its receipt.
pub async fn receipt(State(app): Shared, body: Body) -> Answer {
    Answer::from(find_receipt(app, body).await)
}

async fn find_receipt(app: Arc<App>, body: Body) -> Result<Answer, Problem> {
    let body = app.bodies.json::<api::AddChain>(body, app.log.config.limits.body_bytes).await?;
    let chain = app.issuers.chain(&body.request.chain)?;
    let kind = if poison(&chain[0]) == Poison::Absent { Kind::Final } else { Kind::Precertificate };
    let admitted: Admitted = app.log.admit(&chain, kind)?;
    let receipt = off_thread(move || app.log.receipt(&admitted)).await?;
    Ok(Answer::Text(PLAIN, receipt.to_string()))
}

/// Runs work that reads the disk or computes for long beside the threads that serve requests.
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Problem::Internal))
}

/// Counts what was refused.
pub fn counted<T>(app: &App, result: &Result<T, Problem>) {
    if let Err(problem) = result {
        app.log.metrics.refused.get_or_create(&Refused { problem: problem.slug() }).inc();
    }
}

fn response(sct: &Sct) -> api::AddChainResponse {
    let extensions = sct.extensions.encode().expect("the index of a stored leaf fits 40 bits");
    api::AddChainResponse {
        sct_version: 0,
        id: Base64::encode_string(&sct.log_id),
        timestamp: sct.timestamp,
        extensions: Base64::encode_string(&extensions),
        signature: Base64::encode_string(&sct.digitally_signed()),
    }
}
