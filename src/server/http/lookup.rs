//! `POST /tn/v1/lookup`: every entry of labels, with what proves that these are all (`docs/formats.md` §15.1).

use axum::body::Body;
use axum::extract::State;

use super::{Answer, Reading, Reads};
use crate::client::answer::{MAX_REQUEST, Question, Shown};
use crate::client::api;
use crate::server::index::AnsweredIn;
use crate::server::problem::Problem;

/// `POST /tn/v1/lookup`.
pub async fn lookup(State(app): Reading, body: Body) -> Answer {
    let read = app.bodies.json::<api::Lookup>(body, MAX_REQUEST).await;
    let question = match read.and_then(|body| Ok(Question::new(&body.request)?)) {
        Ok(question) => question,
        Err(problem) => return problem.into(),
    };
    let answer = tokio::task::spawn_blocking(move || answer(&app, &question)).await;
    Answer::from(answer.unwrap_or(Err(Problem::Internal)))
}

fn answer(app: &Reads, question: &Question) -> Result<Answer, Problem> {
    let AnsweredIn { shown, published, answered } = app.log.answer(question)?;
    let inclusion = app.log.head_inclusion(shown.position, published.tree.size)?;
    let (checkpoint, tree) = app.log.checkpoint_within(shown.head.size)?;
    let newest = app.log.published()?.tree.size;
    let consistency = app.log.reader().consistency(tree.size, shown.head.size, newest)?;
    Ok(Answer::json(&answered.response(&Shown {
        head: shown.head,
        position: shown.position,
        inclusion,
        index_checkpoint: published.note.clone(),
        checkpoint,
        consistency,
    })))
}
