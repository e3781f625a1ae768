//! `POST /tn/v1/lookup`: every entry of labels, with what proves that these are all (`docs/formats.md` §15.1).

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use base64ct::{Base64, Encoding};

use super::{Answer, App, Shared, body};
use crate::client::api;
use crate::index::MAX_PREFIXES;
use crate::index::{Prefix, Query};
use crate::label::Label;
use crate::merkle::Hash;
use crate::server::index::{Answered, Question};
use crate::server::problem::{Place, Problem};

/// The longest body: sixteen labels, each with a count.
const LOOKUP_BODY: usize = 4096;

/// `POST /tn/v1/lookup`.
pub async fn lookup(State(app): Shared, body: Body) -> Answer {
    let read = app.bodies.json::<api::Lookup>(body, LOOKUP_BODY).await;
    let question = match read.and_then(|body| question(&body.request)) {
        Ok(question) => question,
        Err(problem) => return problem.into(),
    };
    let answer = tokio::task::spawn_blocking(move || answer(&app, &question)).await;
    Answer::from(answer.unwrap_or(Err(Problem::Internal)))
}

fn question(request: &api::Lookup) -> Result<Question, Problem> {
    let count = request.labels.len() + request.below.len() + request.at.len();
    if count == 0 || count > MAX_PREFIXES {
        return Err(Problem::Count(count, MAX_PREFIXES));
    }
    let (mut prefixes, mut known) = (Vec::with_capacity(count), BTreeMap::new());
    for (position, asked) in request.labels.iter().enumerate() {
        let bytes = body::base64(&asked.label, Place::Label(position))?;
        let label = Label::new(bytes.try_into().map_err(|_| Problem::LabelLength(position))?);
        prefixes.push(Prefix::from(&label));
        known.insert(label, asked.known);
    }
    let what = "give 1 to 15 digits";
    for digits in &request.below {
        let below = Prefix::of_blocks_below(digits);
        prefixes.push(below.map_err(|_| Problem::Parameter { name: "below", what })?);
    }
    for digits in &request.at {
        let at = Prefix::of_blocks_at(digits);
        prefixes.push(at.map_err(|_| Problem::Parameter { name: "at", what })?);
    }
    let query = Query::new(&prefixes).expect("the prefixes were counted");
    Ok(Question { query, known, since: request.since })
}

fn answer(app: &App, question: &Question) -> Result<Answer, Problem> {
    app.log.index.proved()?;
    let Answered { shown, published, proof, pages } = app.log.index.answer(question)?;
    let heads = app.log.index.published().tree.size;
    let inclusion = app.log.index.reader.inclusion(shown.position, published.tree.size, heads)?;
    let (checkpoint, tree) = app.log.checkpoint_within(shown.head.size)?;
    let newest = app.log.published().tree.size;
    let consistency = app.log.reader.consistency(tree.size, shown.head.size, newest)?;
    let page = |(label, page): &(Label, crate::index::ListPage)| api::LookupPage {
        label: Base64::encode_string(label.as_bytes()),
        page: Base64::encode_string(&page.encode()),
    };
    Ok(Answer::json(&api::LookupResponse {
        proof: Base64::encode_string(&proof),
        pages: pages.iter().map(page).collect(),
        head: api::ProvedHead::new(&shown.head, shown.position, &inclusion),
        index_checkpoint: published.note.clone(),
        checkpoint,
        consistency: hashes(&consistency),
    }))
}

fn hashes(proof: &[Hash]) -> Vec<String> {
    proof.iter().map(|hash| Base64::encode_string(&hash.0)).collect()
}
