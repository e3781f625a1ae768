//! Key statements and registrations.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;

use super::answer::PLAIN;
use super::submit::{counted, off_thread};
use super::{Answer, App, Client, Peer, Shared, body};
use crate::client::api::{AddRegistration, AddRegistrationResponse, AddStatement, AddStatementResponse};
use crate::registration::SignedRegistration;
use crate::server::budget::Budget;
use crate::server::problem::{Place, Problem};
use crate::statement::KeyStatement;

/// The longest body: what is too long by a little is refused by the rule that says so.
const BODY: usize = 16 << 10;

/// `POST /tn/v1/add-key-statement`.
pub async fn add_key_statement(
    State(app): Shared,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let client = Client::of(peer, &headers, &app.log.config.trusted_proxies);
    let result = say(&app, client, body).await;
    counted(&app, &result);
    Answer::from(result.map(|answer| Answer::json(&answer)))
}

async fn say(app: &Arc<App>, client: Client, body: Body) -> Result<AddStatementResponse, Problem> {
    let body = app.bodies.json::<AddStatement>(body, BODY).await?;
    let statement = KeyStatement::decode(&body::base64(&body.request.statement, Place::Statement)?)?;
    let submitted = {
        let app = app.clone();
        off_thread(move || {
            if !app.log.holds_statement(&statement)? {
                spend(&app.statements_by_client, client)?;
            }
            app.log.submit_statement(statement)
        })
    };
    app.log.answer_statement(submitted.await?).await
}

/// `POST /tn/v1/add-registration`.
pub async fn add_registration(
    State(app): Shared,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let client = Client::of(peer, &headers, &app.log.config.trusted_proxies);
    let result = register(&app, client, body).await;
    counted(&app, &result);
    Answer::from(result.map(|answer| Answer::json(&answer)))
}

async fn register(app: &Arc<App>, client: Client, body: Body) -> Result<AddRegistrationResponse, Problem> {
    let submission = submission(app, body).await?;
    let submitted = {
        let app = app.clone();
        off_thread(move || {
            if !app.log.holds_registration(&submission.statement)? {
                spend(&app.registrations_by_client, client)?;
            }
            app.log.submit_registration(submission)
        })
    };
    app.log.answer_registration(submitted.await?).await
}

/// `POST /tn/v1/registration-receipt`: the registration again, and its receipt.
pub async fn registration_receipt(State(app): Shared, body: Body) -> Answer {
    Answer::from(find_receipt(app, body).await)
}

async fn find_receipt(app: Arc<App>, body: Body) -> Result<Answer, Problem> {
    let submission = submission(&app, body).await?;
    let receipt = off_thread(move || app.log.registration_receipt(submission)).await?;
    Ok(Answer::Text(PLAIN, receipt.to_string()))
}

async fn submission(app: &App, body: Body) -> Result<SignedRegistration, Problem> {
    let body = app.bodies.json::<AddRegistration>(body, BODY).await?;
    Ok(SignedRegistration::decode(&body::base64(&body.request.registration, Place::Registration)?)?)
}

/// Everything that is not in the log already counts, taken or refused: it costs signatures.
fn spend(budget: &Budget<Client>, client: Client) -> Result<(), Problem> {
    let over = |retry| Problem::SubmissionBudget { holder: "this client", retry };
    budget.spend(client, 1, Instant::now()).map_err(over)
}
