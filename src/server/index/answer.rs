//! Answering a look-up in the head that the index log has published.

use std::sync::Arc;

use super::{NumberIndex, Shown};
use crate::client::answer::{AnswerError, Answered, Question, QuestionError, answer};
use crate::index::MAX_PREFIXES;
use crate::server::problem::{Place, Problem};
use crate::server::sequencer::Published;

/// The answer in one head.
pub struct AnsweredIn {
    /// The head, and where it stands.
    pub shown: Shown,
    /// The checkpoint of the index log that holds it.
    pub published: Arc<Published>,
    /// What the index says.
    pub answered: Answered,
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        match error {
            QuestionError::Count(count) => Problem::Count(count, MAX_PREFIXES),
            QuestionError::Base64(place) => Problem::Base64(Place::Label(place)),
            QuestionError::LabelLength(place) => Problem::LabelLength(place),
            QuestionError::Digits(name) => Problem::Parameter { name, what: "give 1 to 15 digits" },
        }
    }
}

impl From<AnswerError<fjall::Error>> for Problem {
    fn from(error: AnswerError<fjall::Error>) -> Self {
        match error {
            AnswerError::Lags => Problem::IndexLags,
            AnswerError::TooManyLabels(most) => Problem::TooManyLabels(most),
            AnswerError::BeyondList(count) => Problem::BeyondList(count),
            error @ (AnswerError::Unproved | AnswerError::Index(_)) => {
                tracing::error!(%error, "the number index could not be read");
                Problem::Internal
            }
        }
    }
}

impl NumberIndex {
    /// Answers in the newest head that the index log has published. Reads a bucket for each label that is shown.
    ///
    /// # Errors
    /// [`Problem::IndexLags`] and [`Problem::IndexOver`]; [`Problem::TooManyLabels`], [`Problem::BeyondList`].
    pub fn answer(&self, question: &Question) -> Result<AnsweredIn, Problem> {
        let state = self.read();
        if state.over {
            return Err(Problem::IndexOver);
        }
        let (Some(shown), Some(index)) = (state.shown, &state.index) else { return Err(Problem::IndexLags) };
        let view = index.at(shown.head.size).ok_or(Problem::IndexLags)?;
        let answered = answer(&view, question)?;
        Ok(AnsweredIn { shown, published: state.published.clone(), answered })
    }
}
